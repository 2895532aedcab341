//! The state of a training, from which it goes on as if it had not stopped.

use std::path::Path;

use super::config::EmulatorConfig;
use super::network::Weights;
use super::train::Look;
use super::weights::{put_weights, take_weights};
use crate::store::{Array, Store};
use crate::{Error, Result};

const FORMAT: &str = "starburn-emulator-checkpoint-1";

/// First and second moments of the gradients of the weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    pub(super) first: Weights,
    pub(super) second: Weights,
}

/// The state of a training.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The configuration.
    pub config: EmulatorConfig,
    /// Steps done.
    pub step: usize,
    /// The weights.
    pub weights: Weights,
    /// Moments of the gradients; `None` before the first step.
    pub moments: Option<Moments>,
    /// The weights with the lowest loss of the held-out galaxies.
    pub best: Weights,
    /// All looks at the held-out galaxies.
    pub looks: Vec<Look>,
}

impl Checkpoint {
    pub(super) fn start(config: EmulatorConfig, weights: Weights) -> Self {
        Self { config, step: 0, best: weights.clone(), weights, moments: None, looks: Vec::new() }
    }

    /// Index of the look with the lowest loss.
    pub(super) fn best_look(&self) -> Option<usize> {
        (0..self.looks.len())
            .min_by(|i, j| self.looks[*i].held_out.total_cmp(&self.looks[*j].held_out))
    }

    pub(super) fn note(&mut self, look: Look, weights: Weights) {
        self.looks.push(look);
        self.weights = weights;
        if self.best_look() == Some(self.looks.len() - 1) {
            self.best = self.weights.clone();
        }
    }

    /// Whether the configured number of looks brought nothing better.
    pub(super) fn exhausted(&self) -> bool {
        let patience = self.config.training.patience;
        let idle = self.best_look().map_or(0, |best| self.looks.len() - 1 - best);
        patience > 0 && idle >= patience
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Invalid`] for a configuration that cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut store = Store::default();
        put_weights(&mut store, "weights", &self.weights);
        put_weights(&mut store, "best", &self.best);
        if let Some(moments) = &self.moments {
            put_weights(&mut store, "first_moments", &moments.first);
            put_weights(&mut store, "second_moments", &moments.second);
        }
        let looks: Vec<f64> = self.looks.iter().flat_map(Look::numbers).collect();
        let shape = [self.looks.len(), Look::NAMES.len()];
        store.arrays.insert("looks".into(), Array::f64(&shape, looks));
        for (key, value) in [
            ("format", FORMAT.to_owned()),
            ("config", self.config.to_toml()?),
            ("step", self.step.to_string()),
        ] {
            store.metadata.insert(key.to_owned(), value);
        }
        store.write(path)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::File`] when something in it is missing or wrong.
    pub fn read(path: &Path) -> Result<Self> {
        Self::from_store(&Store::read(path)?, path)
    }

    /// Takes the state out of a store; `path` is for error messages.
    ///
    /// # Errors
    /// [`Error::File`] as for [`read`](Self::read).
    pub fn from_store(store: &Store, path: &Path) -> Result<Self> {
        let text = |key: &str| store.metadata.get(key).map_or("", String::as_str);
        if text("format") != FORMAT {
            return Err(Error::file(path, format!("is no checkpoint: its format is not {FORMAT}")));
        }
        let config =
            EmulatorConfig::parse(text("config")).map_err(|e| Error::file(path, e.to_string()))?;
        let step = text("step")
            .parse()
            .map_err(|_| Error::file(path, format!("step {:?} is no number", text("step"))))?;
        let moments = match store.arrays.contains_key("first_moments.0") {
            true => Some(Moments {
                first: take_weights(store, "first_moments", path)?,
                second: take_weights(store, "second_moments", path)?,
            }),
            false => None,
        };
        let looks = store.array("looks", 2, path)?;
        if looks.shape[1] != Look::NAMES.len() {
            return Err(Error::file(path, "tensor \"looks\" has another width than expected"));
        }
        let looks = looks.to_f64().as_chunks().0.iter().map(|row| Look::of(*row)).collect();
        let checkpoint = Self {
            weights: take_weights(store, "weights", path)?,
            best: take_weights(store, "best", path)?,
            config,
            step,
            moments,
            looks,
        };
        let shapes = |w: &Weights| w.parts.iter().map(|(shape, _)| *shape).collect::<Vec<_>>();
        let others = checkpoint.moments.iter().flat_map(|m| [&m.first, &m.second]);
        let wanted = shapes(&checkpoint.weights);
        if others.chain([&checkpoint.best]).any(|w| shapes(w) != wanted) {
            return Err(Error::file(path, "weights, moments and best weights differ in shape"));
        }
        let steps = checkpoint.config.training.steps;
        if step > steps || checkpoint.moments.is_some() != (step > 0) {
            let reason = format!("step {step} of {steps} does not go with the rest of it");
            return Err(Error::file(path, reason));
        }
        Ok(checkpoint)
    }
}
