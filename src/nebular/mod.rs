//! Emission of ionized gas: lines for any SSP grid.
//!
//! A [`LineFit`] gives the luminosity of each line per ionizing photon as a smooth function of
//! metallicity, stellar age and ionization parameter; [`lg_q_h`] counts the photons of a spectrum;
//! [`fit_lines`] multiplies the two for every population of a grid. [`ionization_weights`] is how the
//! ionization parameters of a galaxy are distributed over such a grid.
//!
//! `docs/nebular.md` has the function, its range and its residuals.

mod calibrate;
mod ionization;
mod ionizing;
mod labels;
mod lbfgs;
mod line_fit;
mod network;
mod ssp_lines;
mod table;
#[cfg(test)]
mod tests;
mod train;

pub use calibrate::{BRIGHT_ENOUGH, FLOOR, Residuals, Spread, calibrate};
pub use ionization::{IonizationGrid, IonizationParams, ionization_weights};
pub use ionizing::{LYMAN_LIMIT_AA, grid_lg_q_h, lg_q_h};
pub use line_fit::{EMBEDDED_LINES_SHA256, FitRange, FittedLine, LineFit};
pub use ssp_lines::{LineSource, fit_lines};
pub use table::LineTable;
pub use train::Effort;
