//! Predictions for catalogues: a table of galaxies in, a table with magnitudes out.

mod job;
mod rows;

pub use job::{PredictJob, Summary};
pub use rows::{CatalogColumns, Rows, T_OBS_COLUMN};
