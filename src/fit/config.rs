//! What is fitted, as a TOML file.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::free::FreeParameters;
use super::prior::Prior;
use crate::files::read_toml;
use crate::population::Components;
use crate::{Error, Result};

/// Free parameters and priors.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitConfig {
    /// The free parameters; without it, those with a usual prior and those in [`prior`](Self::prior).
    pub free: Option<Vec<String>>,
    /// Priors that are not the usual ones, by parameter.
    #[serde(default)]
    pub prior: BTreeMap<String, Prior>,
}

impl FitConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read, [`Error::File`] naming the line when it is not valid.
    pub fn read(path: &Path) -> Result<Self> {
        read_toml(path)
    }

    /// The free parameters of a model for a catalogue with the given columns: those that are listed, or
    /// those with a usual prior that are no columns and those with a prior of this configuration.
    ///
    /// # Errors
    /// Those of [`FreeParameters::new`]; [`Error::Invalid`] for a prior of a parameter that is not free.
    pub fn parameters(&self, components: &Components, columns: &[&str]) -> Result<FreeParameters> {
        let names: Vec<&str> = match &self.free {
            Some(free) => free.iter().map(String::as_str).collect(),
            None => {
                let usual = FreeParameters::usual(components, columns);
                let stated = self.prior.keys().map(String::as_str);
                let others = stated.filter(|name| !usual.contains(name));
                usual.iter().copied().chain(others).collect()
            }
        };
        if let Some(idle) = self.prior.keys().find(|name| !names.contains(&name.as_str())) {
            return Err(Error::invalid(format!("prior of {idle}"), "the parameter is not free"));
        }
        let named: Vec<(&str, Option<Prior>)> =
            names.iter().map(|name| (*name, self.prior.get(*name).copied())).collect();
        FreeParameters::new(components, &named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<FitConfig> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fit.toml");
        std::fs::write(&path, text).unwrap();
        FitConfig::read(&path)
    }

    fn free(text: &str, columns: &[&str]) -> Result<FreeParameters> {
        read(text)?.parameters(&Components::default(), columns)
    }

    #[test]
    fn lists_priors_and_columns_decide_what_is_free() {
        let usual = free("", &[]).unwrap();
        assert!(usual.names().contains(&"av") && !usual.names().contains(&"dust_bump"));
        assert!(!free("", &["av"]).unwrap().names().contains(&"av"));
        let text = "free = [\"av\", \"logm0\"]\n[prior]\nav = { low = 0, high = 2.0 }";
        let some = free(text, &["av"]).unwrap();
        assert_eq!(some.names(), ["logm0", "av"]);
        assert_eq!(some.priors()[1], Prior::Uniform { low: 0.0, high: 2.0 });
        let more = free("[prior]\ndust_bump = { mean = 1.0, sigma = 0.5 }", &[]).unwrap();
        assert_eq!(more.names().len(), usual.names().len() + 1);
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| free(text, &[]).unwrap_err().to_string();
        for (text, part) in [
            ("free = [\"tau\"]", "\"tau\""),
            ("free = []", "no parameter is free"),
            (
                "free = [\"av\"]\n[prior]\nlgmet = { low = -3, high = -1 }",
                "lgmet: the parameter is not",
            ),
            ("[prior]\n\nav = { mean = 1.0 }", "line 3: expected { mean, sigma } or { low, high }"),
            ("[prior]\nav = { mean = 1, sigma = 1, low = 0 }", "line 2: expected { mean, sigma }"),
            ("priors = 1", "line 1: unknown field `priors`"),
        ] {
            assert!(error(text).contains(part), "{}", error(text));
        }
        assert!(FitConfig::read(Path::new("none.toml")).is_err());
    }
}
