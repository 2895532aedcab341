//! Predictions as a function of the time of observation: one set of galaxies, watched as they grow.

mod config;
mod quantity;
mod series;

pub use config::{GalaxyConfig, HistoryConfig, Times};
pub use quantity::Quantity;
pub use series::{Histories, Watch};
