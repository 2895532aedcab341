//! Parameters of a population as a TOML file: a table `[values]` with names such as `"dust.av_norm"`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;

use super::{PopulationIngredients, PopulationParameters};
use crate::files::{read_toml, write_atomic};
use crate::{Error, Result};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ParameterFile {
    values: BTreeMap<String, f64>,
}

impl PopulationParameters {
    /// The population that a file is for and its values; what the file does not name has its default. There
    /// are bursts when the file names parameters of theirs, and halo growth if `growth` says so.
    ///
    /// # Errors
    /// Those of [`read_values`](Self::read_values).
    pub fn read(growth: bool, path: &Path) -> Result<(Self, Vec<f64>)> {
        let file: ParameterFile = read_toml(path)?;
        let bursts = file.values.keys().any(|name| name.starts_with("burst."));
        let population = Self::new(PopulationIngredients { growth, bursts });
        let values = population.changed_by(population.default_values(), &file, path)?;
        Ok((population, values))
    }

    /// The given values with those changed that a file names. Parameters of ingredients that this
    /// population lacks, such as halo growth where it comes with the haloes, are passed over.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read; [`Error::File`] naming the line when it is not valid, a name
    /// that no population has, or a value that is out of its range.
    pub fn read_values(&self, values: Vec<f64>, path: &Path) -> Result<Vec<f64>> {
        self.changed_by(values, &read_toml(path)?, path)
    }

    /// The given values with those of a file, which was read from `path`.
    fn changed_by(&self, values: Vec<f64>, file: &ParameterFile, path: &Path) -> Result<Vec<f64>> {
        let in_file = |e: Error| Error::file(path, e.to_string());
        let all = Self::new(PopulationIngredients { growth: true, bursts: true });
        let mut changes = Vec::new();
        for (name, value) in &file.values {
            match self.index(name) {
                Ok(_) => changes.push((name.as_str(), *value)),
                Err(_) => drop(all.index(name).map_err(in_file)?),
            }
        }
        self.with(values, &changes).map_err(in_file)
    }

    /// Writes all values to a file that [`read_values`](Self::read_values) reads, under a comment.
    ///
    /// # Errors
    /// Those of [`check`](Self::check); [`Error::Io`].
    pub fn write_values(&self, values: &[f64], comment: &str, path: &Path) -> Result<()> {
        self.check(values)?;
        let mut text = String::new();
        comment.lines().for_each(|line| {
            let _ = writeln!(text, "# {line}");
        });
        text.push_str("[values]\n");
        for (name, value) in self.names().iter().zip(values) {
            let _ = writeln!(text, "{name:?} = {value:?}");
        }
        write_atomic(path, text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::galhalo::FreeParameters;

    fn parameters(growth: bool) -> PopulationParameters {
        PopulationParameters::new(PopulationIngredients { growth, bursts: false })
    }

    #[test]
    fn values_survive_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.toml");
        let all = parameters(true);
        let changed = [("dust.av_norm", 0.1 + 0.2), ("mzr.lgmet_scatter", 0.123)];
        let values = all.with(all.default_values(), &changed).unwrap();
        all.write_values(&values, "two\nlines", &path).unwrap();
        assert_eq!(all.read_values(all.default_values(), &path).unwrap(), values);
        // Without the parameters of halo growth.
        let few = parameters(false);
        let got = few.read_values(few.default_values(), &path).unwrap();
        assert_eq!(got, values[values.len() - got.len()..]);
        assert!(all.write_values(&values[1..], "", &path).is_err());
        let (read, values) = PopulationParameters::read(false, &path).unwrap();
        assert_eq!((values, read.ingredients().bursts), (got, false));
        std::fs::write(&path, "[values]\n\"burst.lgfburst_norm\" = -2.0\n").unwrap();
        let (read, values) = PopulationParameters::read(true, &path).unwrap();
        assert_eq!(values[read.index("burst.lgfburst_norm").unwrap()], -2.0);
    }

    #[test]
    fn values_from_far_out_in_unbounded_space_survive_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.toml");
        let all = PopulationParameters::new(PopulationIngredients { growth: true, bursts: true });
        for u in [-1e3, 1e3] {
            let values = all.to_bounded(&vec![u; all.names().len()]).unwrap();
            all.write_values(&values, "", &path).unwrap();
            let read = all.read_values(all.default_values(), &path).unwrap();
            assert_eq!(read, values);
            let free = FreeParameters::all(all.clone(), &read).unwrap();
            assert!(free.start().iter().all(|start| start.is_finite()));
            let (_, read) = PopulationParameters::read(true, &path).unwrap();
            assert_eq!(read, values);
        }
    }

    #[test]
    fn wrong_files_are_errors_that_say_where() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.toml");
        let few = parameters(false);
        for (text, part) in [
            ("[values]\n\"dust.av_norm\" = 99.0", "dust.av_norm = 99"),
            ("[values]\n\"dust.tau\" = 1.0", "\"dust.tau\""),
            ("[values]\n\"dust.av_norm\" = \"x\"", "line 2"),
            ("[value]\n", "value"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = few.read_values(few.default_values(), &path).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("p.toml"), "{error}");
        }
        assert!(few.read_values(few.default_values(), &folder.path().join("no")).is_err());
    }
}
