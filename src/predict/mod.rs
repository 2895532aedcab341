//! Predictions for catalogues: a table of galaxies in, a table with magnitudes out.
//!
//! The input is read part by part; worker threads predict a batch of rows at a time, each with its own
//! copy of the model; finished parts wait on disk until the last one is done and the output is made of
//! them. So memory does not grow with the catalogue, and an interrupted run is continued by the next.

mod chunk;
mod fingerprint;
mod haloes;
mod job;
mod join;
mod manifest;
mod part;
mod parts;
mod plan;
mod rows;
mod run;
mod summary;
#[cfg(test)]
mod tests;
mod workers;

pub(crate) use fingerprint::job_record;
pub use haloes::{WrittenGalaxies, write_galaxies};
pub use job::PredictJob;
pub(crate) use manifest::parse as parse_manifest;
pub(crate) use part::Chunk;
pub use parts::parts_folder;
pub(crate) use plan::OutputPlan;
pub use rows::{CatalogColumns, Rows, T_OBS_COLUMN};
pub(crate) use run::{Finished, PartedRun, Task, n_workers};
pub use summary::Summary;
