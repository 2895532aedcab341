//! What a history run is told to do, as a TOML file.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::Quantity;
use crate::files::read_toml;
use crate::{Error, Result};

/// A run: model, times, quantities and galaxies.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryConfig {
    /// Options of the model, named as those of `starburn predict`.
    #[serde(default)]
    pub model: toml::Table,
    /// When the galaxies are observed.
    pub times: Times,
    /// What is predicted, in the notation of [`Quantity`].
    pub quantities: Vec<String>,
    /// Parameters to differentiate with respect to, by name.
    #[serde(default)]
    pub gradients: Vec<String>,
    /// The galaxies.
    pub galaxy: Vec<GalaxyConfig>,
}

/// Evenly spaced times of observation.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// First cosmic time \[Gyr\].
    pub first_gyr: f64,
    /// Last cosmic time \[Gyr\].
    pub last_gyr: f64,
    /// Their number.
    pub number: usize,
}

/// One galaxy.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GalaxyConfig {
    /// Name in tables and figures.
    pub name: String,
    /// Cosmic time at which the parameters hold \[Gyr\]; without it, the last of the times.
    pub t_ref_gyr: Option<f64>,
    /// Parameters that differ from their defaults.
    #[serde(default)]
    pub parameters: BTreeMap<String, f64>,
}

/// Most times that a run takes.
const N_TIMES_MAX: usize = 100_000;

impl HistoryConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read, [`Error::File`] naming the line when it is not valid.
    pub fn read(path: &Path) -> Result<Self> {
        let config: Self = read_toml(path)?;
        config.check().map_err(|e| Error::file(path, e.to_string()))?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        let Times { first_gyr, last_gyr, number } = self.times;
        let ascending = first_gyr.partial_cmp(&last_gyr).is_some_and(|order| order.is_lt());
        if !(2..=N_TIMES_MAX).contains(&number) || !ascending {
            return Err(Error::invalid(
                "times",
                format!(
                    "{number} from {first_gyr} to {last_gyr} Gyr: expected 2 to {N_TIMES_MAX}, first before last"
                ),
            ));
        }
        if self.galaxy.is_empty() || self.quantities.is_empty() {
            return Err(Error::invalid("history", "it needs at least one galaxy and one quantity"));
        }
        if let Some(galaxy) = self.galaxy.iter().find(|g| g.parameters.contains_key("redshift")) {
            return Err(Error::invalid(
                &galaxy.name,
                "its redshift follows from the time of observation and cannot be given",
            ));
        }
        for list in [&self.quantities, &self.gradients] {
            if let Some(i) = (1..list.len()).find(|i| list[..*i].contains(&list[*i])) {
                return Err(Error::invalid("history", format!("{:?} is asked for twice", list[i])));
            }
        }
        let mut names: Vec<&str> = self.galaxy.iter().map(|g| g.name.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(Error::invalid("galaxy", format!("two are called {:?}", pair[0]))),
            None => Ok(()),
        }
    }

    /// The times \[Gyr\].
    pub fn t_gyr(&self) -> Vec<f64> {
        let Times { first_gyr, last_gyr, number } = self.times;
        let step = (last_gyr - first_gyr) / (number - 1) as f64;
        (0..number)
            .map(|i| if i + 1 == number { last_gyr } else { first_gyr + step * i as f64 })
            .collect()
    }

    /// The quantities.
    ///
    /// # Errors
    /// [`Error::UnknownName`] for a kind of quantity that does not exist.
    pub fn quantities(&self) -> Result<Vec<Quantity>> {
        self.quantities.iter().map(|text| text.parse()).collect()
    }
}

/// The message of a TOML error with its place.
#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        quantities = ["color:lsst_g,lsst_r", "lg_sfr"]
        gradients = ["lg_drop"]
        [model]
        frame = "rest"
        [times]
        first_gyr = 1.0
        last_gyr = 13.0
        number = 5
        [[galaxy]]
        name = "a"
        parameters = { lg_drop = -2.5 }
    "#;

    fn read(text: &str) -> Result<HistoryConfig> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.toml");
        std::fs::write(&path, text).unwrap();
        HistoryConfig::read(&path)
    }

    #[test]
    fn a_file_is_read() {
        let config = read(GOOD).unwrap();
        assert_eq!(config.t_gyr(), [1.0, 4.0, 7.0, 10.0, 13.0]);
        assert_eq!(config.quantities().unwrap().len(), 2);
        assert_eq!(config.galaxy[0].parameters["lg_drop"], -2.5);
    }

    #[test]
    fn mistakes_are_named() {
        for (from, to, part) in [
            ("number = 5", "number = 1", "expected 2 to"),
            ("first_gyr = 1.0", "first_gyr = 14.0", "first before last"),
            ("gradients", "gradient", "unknown field `gradient`"),
            ("name = \"a\"", "", "missing field `name`"),
            (
                "quantities = [\"color:lsst_g,lsst_r\", \"lg_sfr\"]",
                "quantities = []",
                "at least one",
            ),
            ("\"lg_sfr\"", "\"lg_sfr\", \"lg_sfr\"", "\"lg_sfr\" is asked for twice"),
            ("lg_drop = -2.5", "redshift = 0.5", "follows from the time of observation"),
            ("[[galaxy]]", "[[galaxy]]\nname = \"a\"\n[[galaxy]]", "two are called"),
        ] {
            let error = read(&GOOD.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("history.toml"), "{error}");
        }
    }
}
