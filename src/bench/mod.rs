//! Benchmarks that users can run: what they do, on what data, how accurate, how long.

mod population;
mod timing;

pub use population::{PopulationBench, PopulationReport};
pub use timing::{Timing, peak_rss_mb};
