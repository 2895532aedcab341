//! Benchmarks that users can run: what they do, on what data, how accurate, how long.

mod population;
mod timing;

pub use population::{Accuracy, PopulationBench, PopulationReport, Stage, VERSIONS, Versions};
pub use timing::{Spread, Timing, peak_rss_mb};
