//! Parameters of whole populations from the distributions of their galaxies.
//!
//! A [`Target`] says what is known of a population: statistics such as numbers of galaxies in soft bins and
//! mean relations, with errors. A [`PopulationObjective`] compares the galaxies of a model with it, and
//! [`optimize`] follows the exact gradient, by stages of Adam, L-BFGS and Gauss-Newton, from a [`State`] that
//! can be written and resumed. The [`Fisher`] matrix tells the errors of the result and what the data leave
//! open. [`OptimizeConfig`] is all of that as a TOML file, for `starburn optimize`.

mod adam;
mod config;
mod fisher;
mod gauss_newton;
mod likelihood;
mod objective;
mod report;
mod run;
mod stage;
mod state;
mod statistic;
mod statistic_config;
mod target;
mod target_file;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use crate::numerics::lbfgs::Point;
pub use config::{Ingredients, OptimizeConfig, Problem};
pub use fisher::{Direction, Fisher};
pub use likelihood::{Errors, TargetValues};
pub use objective::{Objective, PopulationObjective};
pub use report::{FittedParameter, directions_csv, fisher_csv, fitted_parameters, parameters_csv};
pub use run::optimize;
pub use stage::{Method, Stage};
pub use state::{Record, State};
pub use statistic::{Kind, Statistic, Statistics};
pub(crate) use statistic_config::parse_matrix;
pub use target::Target;
pub(crate) use target_file::read_target;
pub use target_file::write_statistics;
