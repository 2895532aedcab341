//! Benchmarks that users can run: what they do, on what data, how accurate, how long.

mod backends;
mod backends_figure;
mod galaxies;
pub mod parity;
mod population;
mod timing;

pub use backends::{AbsentDevice, BackendRow, BackendsBench, BackendsReport, Crossover};
pub use galaxies::{GalaxiesBench, GalaxiesReport};
pub use population::{Accuracy, PopulationBench, PopulationReport, Stage, VERSIONS, Versions};
pub use timing::{Spread, Timing, forget_peak_rss, peak_rss_mb};
