//! Neural emulators of P(age): the distribution of stellar ages as a function of the parameters of a star
//! formation history and the time of observation, learned once and then a few matrix products.
//!
//! What is emulated is the mass younger than fixed ages, so an emulator serves every SSP grid, filter,
//! dust and metallicity model. See `docs/emulator.md` for how accurate and how fast it is.

mod activation;
mod bins;
mod checkpoint;
mod config;
mod evaluate;
mod form;
mod light;
mod loss;
mod model;
mod network;
mod prior;
mod targets;
mod train;
mod weights;

pub use checkpoint::{Checkpoint, Moments};
pub use config::{EmulatorConfig, Head, LossConfig, NetworkConfig, TrainingConfig};
pub use evaluate::{
    Evaluation, EvaluationEffort, GradientErrors, PathErrors, Quantiles, Region, Speed, evaluate,
};
pub use model::{AgeEmulator, EMBEDDED_EMULATOR_SHA256, GridEmulator};
pub use network::Weights;
pub use prior::PriorBox;
pub use train::{Event, Look, Progress, Trainer};
