//! What a training run is told to do, as a TOML file.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::prior::PriorBox;
use crate::files::{parse_toml, read_text};
use crate::halo::LGT0;
use crate::names::named;
use crate::sfh::{FB, SfhModel};
use crate::{Error, Result};

/// How the outputs of the network become a distribution over ages that is not negative and sums to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// Outputs are the logarithms of the masses in the bins.
    Bins,
    /// Outputs are the logarithms of the mean star formation rates in the bins.
    Rates,
    /// Outputs are the log odds, beyond those of a constant rate, that a star younger than a bin's end is
    /// younger than its beginning.
    Cumulative,
    /// Rates that are sums of a few functions of age, which are learned as well.
    LowRank,
}

named!(
    Head,
    "head",
    Bins = "bins",
    Rates = "rates",
    Cumulative = "cumulative",
    LowRank = "low_rank",
);

/// A training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmulatorConfig {
    /// The star formation history that is emulated, by name.
    #[serde(with = "sfh_name")]
    pub sfh: SfhModel,
    /// Seed of the galaxies and of the first weights.
    #[serde(default)]
    pub seed: u64,
    /// log10 of the age of the Universe \[Gyr\] at which halo masses hold.
    #[serde(default = "lgt0")]
    pub lgt0: f64,
    /// Cosmic baryon fraction.
    #[serde(default = "fb")]
    pub fb: f64,
    /// Lowest and highest value of each parameter and of `t_obs_gyr`; parameters that are not named have
    /// their default value.
    pub prior: BTreeMap<String, [f64; 2]>,
    /// Ages, inputs and layers.
    #[serde(default)]
    pub network: NetworkConfig,
    /// Steps and rates.
    #[serde(default)]
    pub training: TrainingConfig,
    /// What is minimized.
    #[serde(default)]
    pub loss: LossConfig,
}

/// The form of the emulator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkConfig {
    /// How outputs become a distribution.
    pub head: Head,
    /// Number of functions of age of the head `low_rank`.
    pub rank: usize,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Number of age bins.
    pub n_age: usize,
    /// Number of look-back times whose exact star formation rates are inputs beside the parameters, and
    /// the first guess of the rates in between; 0 for parameters only.
    pub n_rate: usize,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self { head: Head::Rates, rank: 12, hidden: vec![128, 128, 128], n_age: 96, n_rate: 0 }
    }
}

/// Steps and learning rates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingConfig {
    /// Number of steps.
    pub steps: usize,
    /// Galaxies per step, all of them new.
    pub batch: usize,
    /// Largest learning rate.
    pub learning_rate: f64,
    /// Steps over which it rises from zero; afterwards it falls as a cosine.
    pub warm_up: usize,
    /// The last learning rate as a share of the largest.
    pub last_share: f64,
    /// Largest norm of the gradient of all weights together.
    pub clip: f64,
    /// Look-back nodes of the exact histories.
    pub nodes: usize,
    /// Held-out galaxies that watch the training.
    pub n_held_out: usize,
    /// Steps from one look at them to the next; each writes a checkpoint.
    pub evaluate_every: usize,
    /// Looks without a better result after which the training stops; 0 for never.
    pub patience: usize,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            steps: 20_000,
            batch: 1024,
            learning_rate: 2e-3,
            warm_up: 500,
            last_share: 1e-3,
            clip: 1.0,
            nodes: 256,
            n_held_out: 8192,
            evaluate_every: 500,
            patience: 0,
        }
    }
}

/// The loss is a weighted sum of mean squares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossConfig {
    /// Weight of the errors of magnitudes at given mass, per mag^2.
    pub light: f64,
    /// Weight of the error of the mass, expressed as a magnitude, per mag^2.
    pub mass: f64,
    /// Weight of the error of the cumulative distribution.
    pub cumulative: f64,
    /// Weight of the error of its natural logarithm.
    pub ln_cumulative: f64,
    /// Filters whose magnitudes count.
    pub filters: String,
}

impl Default for LossConfig {
    fn default() -> Self {
        Self {
            light: 1.0,
            mass: 0.3,
            cumulative: 1.0,
            ln_cumulative: 0.1,
            filters: "lsst".to_owned(),
        }
    }
}

/// Most rates that are inputs: there are four points between neighbours, together as many as there may be
/// look-back nodes.
const N_RATE_MAX: usize = 1024;

const DEFAULT_CONFIG: &str = include_str!("../../models/age_emulator.toml");

impl EmulatorConfig {
    /// The text of the configuration of the embedded emulator.
    pub fn embedded_text() -> &'static str {
        DEFAULT_CONFIG
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read, [`Error::File`] naming what is wrong when it is not valid.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&read_text(path)?).map_err(|e| Error::file(path, e.to_string()))
    }

    /// Takes the configuration from its text.
    ///
    /// # Errors
    /// [`Error::Invalid`] or [`Error::OutOfRange`] naming what is wrong.
    pub fn parse(text: &str) -> Result<Self> {
        let config: Self =
            parse_toml(text).map_err(|reason| Error::invalid("configuration", reason))?;
        config.check()?;
        Ok(config)
    }

    /// Checks every value.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], and those of [`PriorBox::new`].
    pub fn check(&self) -> Result<()> {
        PriorBox::new(self.sfh, &self.prior)?;
        let (network, training, loss) = (&self.network, &self.training, &self.loss);
        if network.hidden.is_empty() || network.hidden.len() > 16 {
            return Err(Error::invalid("network.hidden", "expected the widths of 1 to 16 layers"));
        }
        let widths = network.hidden.iter().map(|n| ("network.hidden", *n as f64, 1.0, 4096.0));
        let rates = (network.n_rate > 0).then_some(network.n_rate as f64).into_iter();
        let rates = rates.map(|n| ("network.n_rate", n, 8.0, N_RATE_MAX as f64));
        let numbers = [
            ("lgt0", self.lgt0, 0.5, 1.5),
            ("fb", self.fb, 1e-3, 1.0),
            ("network.rank", network.rank as f64, 1.0, 1024.0),
            ("network.n_age", network.n_age as f64, 8.0, 1024.0),
            ("training.steps", training.steps as f64, 1.0, 1e9),
            ("training.batch", training.batch as f64, 1.0, 1e6),
            ("training.learning_rate", training.learning_rate, 1e-9, 1.0),
            ("training.warm_up", training.warm_up as f64, 0.0, 1e9),
            ("training.last_share", training.last_share, 0.0, 1.0),
            ("training.clip", training.clip, 1e-9, 1e9),
            ("training.nodes", training.nodes as f64, 64.0, 4096.0),
            ("training.n_held_out", training.n_held_out as f64, 16.0, 1e6),
            ("training.evaluate_every", training.evaluate_every as f64, 1.0, 1e9),
            ("loss.light", loss.light, 0.0, 1e9),
            ("loss.mass", loss.mass, 0.0, 1e9),
            ("loss.cumulative", loss.cumulative, 0.0, 1e9),
            ("loss.ln_cumulative", loss.ln_cumulative, 0.0, 1e9),
        ];
        for (what, value, lo, hi) in numbers.into_iter().chain(widths).chain(rates) {
            if !(lo..=hi).contains(&value) {
                let allowed = format!("[{lo}, {hi}]");
                return Err(Error::OutOfRange { what: what.to_owned(), value, allowed });
            }
        }
        Ok(())
    }

    /// The configuration as text: equal configurations have equal text, whatever their files look like.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a seed beyond the integers of TOML.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|e| Error::invalid("configuration", e.to_string()))
    }
}

fn lgt0() -> f64 {
    LGT0
}

fn fb() -> f64 {
    FB
}

/// SFH models are written as their names.
mod sfh_name {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    use crate::sfh::SfhModel;

    pub(super) fn serialize<S: Serializer>(sfh: &SfhModel, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(sfh.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SfhModel, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_configuration_is_valid_and_comes_back_from_its_text() {
        let config = EmulatorConfig::parse(EmulatorConfig::embedded_text()).unwrap();
        assert_eq!(EmulatorConfig::parse(&config.to_toml().unwrap()).unwrap(), config);
    }

    #[test]
    fn mistakes_are_named() {
        let with = |lines: &str| {
            let text = format!("sfh = \"lognormal\"\n{lines}\n[prior]\nt_obs_gyr = [5.0, 13.0]");
            EmulatorConfig::parse(&text).map(drop)
        };
        with("seed = 3").unwrap();
        for (lines, expected) in [
            ("sead = 3", "sead"),
            ("network = { head = \"bin\" }", "bin"),
            ("network = { n_age = 2 }", "network.n_age = 2"),
            ("network = { n_rate = 3 }", "network.n_rate = 3"),
            ("network = { n_rate = 1025 }", "network.n_rate = 1025 is outside [8, 1024]"),
            ("network = { hidden = [] }", "network.hidden"),
            ("training = { steps = 0 }", "training.steps"),
            ("training = { clip = -1.0 }", "training.clip"),
        ] {
            let error = with(lines).unwrap_err().to_string();
            assert!(error.contains(expected), "{lines}: {error}");
        }
        let error = EmulatorConfig::parse("sfh = \"tau\"\n[prior]").unwrap_err().to_string();
        assert!(error.contains("tau") && error.contains("diffstar"), "{error}");
    }
}
