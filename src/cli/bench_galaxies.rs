//! `starburn bench galaxies`: the galaxies of haloes.

use std::path::PathBuf;
use std::process::ExitCode;

use super::bench::write_report;
use crate::Result;
use crate::bench::{GalaxiesBench, Spread};
use crate::device::{DEFAULT_DEVICE, Place, Precision};
use crate::filter::FilterSet;
use crate::galhalo::{
    FreeParameters, PopulationIngredients, PopulationParameters, PopulationSetup,
};
use crate::ssp::embedded;

#[derive(clap::Args)]
pub(super) struct GalaxiesArgs {
    /// Number of haloes
    #[arg(short, default_value_t = 20_000)]
    n: usize,
    /// Parameters, such as best_fit.toml of `starburn optimize`
    #[arg(long, value_name = "FILE")]
    population: Option<PathBuf>,
    /// Patterns of the parameters of the gradient, separated by commas
    #[arg(long, value_name = "PATTERN,...", value_delimiter = ',', default_value = "*")]
    free: Vec<String>,
    /// Filters; see `starburn filters`
    #[arg(long, default_value = "lsst")]
    filters: String,
    /// Haloes per chunk
    #[arg(long, default_value_t = PopulationSetup::default().batch)]
    batch: usize,
    /// Timed runs
    #[arg(long, default_value_t = 3)]
    repeat: usize,
    /// Worker threads [default: as many as the machine has; on a GPU 1]
    #[arg(long)]
    threads: Option<usize>,
    /// Device: flex, ndarray, wgpu, cuda
    #[arg(long, default_value = DEFAULT_DEVICE)]
    device: String,
    /// Precision: f64 or f32
    #[arg(long, default_value = "f64")]
    dtype: Precision,
    /// Write the report to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn run(args: &GalaxiesArgs) -> Result<ExitCode> {
    let place = Place::open(&args.device, args.dtype)?;
    let (all, values) = match &args.population {
        Some(path) => PopulationParameters::read(true, path)?,
        None => {
            let ingredients = PopulationIngredients { growth: true, bursts: false };
            let all = PopulationParameters::new(ingredients);
            let values = all.default_values();
            (all, values)
        }
    };
    let free = FreeParameters::all(all, &values)?.only(&args.free)?;
    // The growth of haloes is drawn, which leaves these without a gradient.
    let free = free.freeze(&["diffmahpop.fec_*"])?;
    let threads = args.threads.unwrap_or_else(|| place.default_threads().get());
    let mut setup = PopulationSetup { batch: args.batch, threads, ..PopulationSetup::default() };
    // As `starburn optimize` has it.
    setup.settings.tables.n_dust = 1;
    let filters = FilterSet::resolve(&args.filters)?;
    let bench = GalaxiesBench { n: args.n, setup, repeats: args.repeat };
    let report = bench.run(embedded(), &filters, &free, &place)?;
    say!("{} galaxies on {} {},", report.n, args.device, report.dtype);
    say!("chunks of {} on {} threads; microseconds per galaxy\n", report.batch, report.threads);
    say!("{:<32} {:>9} {:>9}", "", "fastest", "median");
    let gradient = format!("loss and {} gradients", report.n_free);
    for (what, timing) in
        [("haloes to histogram", report.forward), (gradient.as_str(), report.gradient)]
    {
        let Spread { min, median } = timing.us_per_galaxy;
        say!("{what:<32} {min:>9.3} {median:>9.3}");
    }
    if let Some(mb) = report.peak_rss_mb {
        say!("peak memory {mb:.0} MB");
    }
    write_report(&report, args.json.as_deref())?;
    Ok(ExitCode::SUCCESS)
}
