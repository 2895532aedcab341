//! `starburn bench`: how fast, and how accurate, on this machine.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;

use super::bench_backends::{self, BackendsArgs};
use super::bench_galaxies::{self, GalaxiesArgs};
use crate::bench::{Accuracy, PopulationBench, Spread};
use crate::device::{DEFAULT_DEVICE, Place, Precision};
use crate::files::write_atomic;
use crate::photometry::Photometry;
use crate::sfh::LookbackNodes;
use crate::ssp::embedded;
use crate::summary::default_batch;
use crate::{Error, Result};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The population benchmark of the DSPS paper: histories, six bands, colour cut, histogram; and the
    /// gradient of a loss with respect to 21 parameters of the population
    ///
    /// Example: starburn bench population -n 100000 --dtype f32 --json bench.json
    Population(PopulationArgs),
    /// The same model on every device: first call, time per galaxy, memory, kernel launches, and errors
    /// against f64 on the CPU
    ///
    /// Example: starburn bench backends --json backends.json --figure backends
    Backends(BackendsArgs),
    /// Galaxies of mock haloes with the parameters of a population, and gradients with respect to them
    ///
    /// Example: starburn bench galaxies --population best_fit.toml --free 'dust.*,mzr.*'
    Galaxies(GalaxiesArgs),
}

#[derive(clap::Args)]
struct PopulationArgs {
    /// Number of galaxies
    #[arg(short, default_value_t = 100_000)]
    n: usize,
    /// Galaxies per chunk [default: chosen for the device]
    #[arg(long)]
    batch: Option<usize>,
    /// Look-back nodes
    #[arg(long, default_value_t = LookbackNodes::DEFAULT)]
    nodes: usize,
    /// tables, by matrices from star formation rates to bands, or spectra, by full ones
    #[arg(long, default_value_t = Photometry::Tables)]
    photometry: Photometry,
    /// Draw the galaxies again for every pass: memory then does not grow with their number
    #[arg(long)]
    redraw: bool,
    /// Timed runs
    #[arg(long, default_value_t = 5)]
    repeat: usize,
    /// Worker threads [default: as many as the machine has; on a GPU 1]
    #[arg(long)]
    threads: Option<usize>,
    /// Seed of the population
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Device: flex, ndarray, wgpu, cuda
    #[arg(long, default_value = DEFAULT_DEVICE)]
    device: String,
    /// Precision: f64 or f32
    #[arg(long, default_value = "f32")]
    dtype: Precision,
    /// Write the report to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    match &args.command {
        Command::Population(args) => population(args),
        Command::Backends(args) => bench_backends::run(args),
        Command::Galaxies(args) => bench_galaxies::run(args),
    }
}

fn population(args: &PopulationArgs) -> Result<ExitCode> {
    let place = Place::open(&args.device, args.dtype)?;
    let widest = match args.photometry {
        Photometry::Tables => args.nodes,
        Photometry::Spectra => args.nodes.max(embedded().wave_aa.len()),
    };
    let bench = PopulationBench {
        n: args.n,
        batch: args.batch.unwrap_or_else(|| default_batch(&place, widest)),
        nodes: args.nodes,
        photometry: args.photometry,
        redraw: args.redraw,
        repeats: args.repeat,
        threads: args.threads.unwrap_or_else(|| place.default_threads().get()),
        seed: args.seed,
    };
    let report = bench.run(embedded(), &place)?;
    say!("{} galaxies on {} {}, {} nodes,", report.n, args.device, report.dtype, report.nodes);
    say!("chunks of {} on {} threads; microseconds per galaxy\n", report.batch, report.threads);
    say!("{:<32} {:>9} {:>9}", "", "fastest", "median");
    for (what, timing) in [
        ("histories, bands, cut, histogram", report.forward),
        ("loss and 21 gradients", report.gradient),
    ] {
        let Spread { min, median } = timing.us_per_galaxy;
        say!("{what:<32} {min:>9.3} {median:>9.3}");
    }
    if report.forward_launches > 0 {
        let (forward, gradient) = (report.forward_launches, report.gradient_launches);
        say!("{:<32} {forward:>9} {gradient:>9}", "kernels per chunk, with gradient");
    }
    say!("\non one thread:");
    for stage in &report.stages {
        say!("{:<32} {:>9.3}", stage.name, stage.us_per_galaxy);
    }
    say!("\n{:<32} {:>9} {:>9} {:>9}", "magnitude error", "median", "90 %", "largest");
    let table = ("as DSPS: a table of 100 times", report.accuracy_of_table);
    for (what, accuracy) in [("these", report.accuracy), table] {
        let Accuracy { median, p90, max } = accuracy;
        say!("{what:<32} {median:>9.1e} {p90:>9.1e} {max:>9.1e}");
    }
    if let Some(mb) = report.peak_rss_mb {
        say!("peak memory {mb:.0} MB");
    }
    write_report(&report, args.json.as_deref())?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a report as JSON where it is asked for.
pub(super) fn write_report(report: &impl Serialize, json: Option<&Path>) -> Result<()> {
    let Some(path) = json else { return Ok(()) };
    let text = serde_json::to_string_pretty(report)
        .map_err(|e| Error::invalid("report", e.to_string()))?;
    write_atomic(path, text.as_bytes())?;
    say!("{}", path.display());
    Ok(())
}
