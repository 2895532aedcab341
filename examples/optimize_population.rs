//! Find the parameters of a population of galaxies from its luminosity function and colours.
//!
//! Run with `cargo run --release --example optimize_population`.

#![allow(clippy::print_stdout, reason = "an example shows its results")]

use std::path::Path;

use starburn::Result;
use starburn::device::{DEFAULT_DEVICE, Place, Precision};
use starburn::filter::FilterSet;
use starburn::optimize::{
    Fisher, Ingredients, Objective, OptimizeConfig, Problem, State, fitted_parameters, optimize,
};
use starburn::population::ModelSettings;
use starburn::ssp::embedded;

/// Data that are made with other parameters and other random numbers than the start; with `file` instead
/// of `truth`, those of a survey.
const CONFIG: &str = r#"
[population]
mock = { redshifts = [0.3, 0.8], numbers = [2000, 2000] }
free = ["diffstarpop.mean_ulgy_mseq_ytp", "mzr.mzr_t0_ytp", "dust.av_norm"]

[target.truth]
"diffstarpop.mean_ulgy_mseq_ytp" = -10.2
"mzr.mzr_t0_ytp" = -0.2
"dust.av_norm" = 0.9

[[statistic]]
name = "r and g - r"
kind = "histogram"
axes = [
    { quantity = "redshift", edges = [0.0, 0.5, 1.0], width = 0.02 },
    { quantity = "lsst_r", first = 17.0, last = 26.0, bins = 6 },
    { quantity = "lsst_g - lsst_r", first = 0.0, last = 2.0, bins = 4 },
]

[[statistic]]
name = "mass relation"
kind = "mean"
of = "lg_mstar"
axes = [{ quantity = "lg_halo_mass", first = 11.0, last = 14.0, bins = 6 }]
errors = { absolute = 0.02 }
"#;

fn main() -> Result<()> {
    let config = OptimizeConfig::parse(CONFIG, Path::new(""))?;
    let filters = FilterSet::resolve("lsst_g,lsst_r")?;
    let ingredients = Ingredients {
        grid: embedded(),
        filters: &filters,
        settings: ModelSettings::default(),
        place: Place::open(DEFAULT_DEVICE, Precision::F64)?,
        threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    };
    let Problem { mut objective, free, truth, n_galaxies, .. } = config.problem(&ingredients)?;
    println!("{n_galaxies} galaxies, {} values", objective.target().n_values());

    let start = State::start(free.start());
    let end = optimize(&mut objective, &config.stages, start, |state| {
        if let Some(record) = state.history.last() {
            let method = config.stages[record.stage].method;
            println!("{method} {:>3}: loss {:.4e}", record.step, record.value);
        }
        Ok(true)
    })?;

    let fisher = Fisher::new(objective.information(&end.best.x, 1)?)?;
    println!("\n{:<32} {:>9} {:>9} {:>9} {:>9}", "", "start", "truth", "best", "error");
    for p in fitted_parameters(&free, &end.best.x, truth.as_deref(), &fisher)? {
        let truth = p.truth.unwrap_or(f64::NAN);
        println!("{:<32} {:>9.4} {truth:>9.4} {:>9.4} {:>9.4}", p.name, p.start, p.best, p.error);
    }
    Ok(())
}
