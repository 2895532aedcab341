//! Mixed work in one process, over and over: its memory stays where it is.
//!
//! `STARBURN_SOAK_SECONDS` is how long, 20 by default.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod common;

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use starburn::bench::PopulationBench;
use starburn::device::{DEFAULT_DEVICE, Place, Precision, to_host};
use starburn::emulator::{EmulatorConfig, Trainer};
use starburn::filter::FilterSet;
use starburn::fit::{FitJob, FitSettings, Fitter, FreeParameters};
use starburn::galhalo::{
    FreeParameters as FreePopulation, HaloCatalog, PopulationParameters, PopulationSetup,
};
use starburn::optimize::{Ingredients, OptimizeConfig, State, optimize};
use starburn::photometry::Photometry;
use starburn::population::{GalaxyModel, ModelSettings};
use starburn::predict::{PredictJob, write_galaxies};
use starburn::ssp::embedded;

/// What the least memory of many rounds may grow by \[MiB\]: the allocator's own habits. Single rounds take
/// more for a moment.
const ALLOWED_MIB: f64 = 8.0;

/// Resident memory of this process \[MiB\].
fn resident_mib() -> f64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: f64 = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096.0 / f64::from(1 << 20)
}

/// Predicts a catalogue with spectra and Jacobian, by threads that end with it.
fn predict(model: &GalaxyModel, folder: &Path) {
    let [input, output, jacobian, spectra] =
        ["in.csv", "out.parquet", "j.safetensors", "s.safetensors"].map(|name| folder.join(name));
    let job = PredictJob {
        model,
        strict: true,
        jacobian: Some((&jacobian, &[0, 3])),
        spectra: Some(&spectra),
        fluxes: true,
        sfr: true,
        lines: &[],
        widths: None,
        batch: NonZeroUsize::new(20),
        threads: NonZeroUsize::new(2),
        part_rows: NonZeroUsize::new(50).unwrap(),
        restart: true,
    };
    job.run(&input, &output, |_, _| ()).unwrap();
}

fn gradients(model: &GalaxyModel, place: &Place) {
    let row = model.components().default_values();
    let matrix = place.rows(&[&row[..]; 32]);
    let all: Vec<usize> = (0..row.len()).collect();
    let result = model.jacobian(&matrix, None, &all).unwrap();
    assert!(to_host(result.jacobian).unwrap().iter().all(|g| g.is_finite()));
}

fn population(place: &Place) {
    let bench = PopulationBench {
        n: 200,
        batch: 64,
        nodes: 16,
        photometry: Photometry::Tables,
        redraw: true,
        repeats: 1,
        threads: 2,
        seed: 1,
    };
    bench.run(embedded(), place).unwrap();
}

fn training(place: &Place) {
    let config = EmulatorConfig::parse(&common::emulator_config(4, 2)).unwrap();
    Trainer::new(config, embedded(), place).unwrap().run(|_| Ok(true)).unwrap();
}

/// Fits a catalogue, by threads that end with it.
fn fit(model: &GalaxyModel, folder: &Path) {
    let free = [("logm0", None), ("av", None)];
    let free = FreeParameters::new(model.components(), &free).unwrap();
    let settings = FitSettings { starts: 1, max_iterations: 4, draws: 64 };
    let fitter = Fitter::new(model.clone(), free, settings).unwrap();
    let job = FitJob {
        fitter: &fitter,
        strict: true,
        batch: NonZeroUsize::new(8),
        threads: NonZeroUsize::new(2),
        part_rows: NonZeroUsize::new(16).unwrap(),
        restart: true,
    };
    job.run(&folder.join("photometry.csv"), &folder.join("fits.parquet"), |_, _| ()).unwrap();
}

/// A few steps of an optimization, and its state in a file.
fn optimization(filters: &FilterSet, place: &Place, folder: &Path) {
    let config = OptimizeConfig::parse(&common::optimize_config(20), folder).unwrap();
    let with = Ingredients {
        grid: embedded(),
        filters,
        settings: ModelSettings::default(),
        place: place.clone(),
        threads: 2,
    };
    let mut problem = config.problem(&with).unwrap();
    let start = State::start(problem.free.start());
    let path = folder.join("state.safetensors");
    let watch = |state: &State| {
        state.write(&path, "soak")?;
        Ok(state.history.len() < 3)
    };
    optimize(&mut problem.objective, &config.stages, start, watch).unwrap();
    State::read(&path, "soak").unwrap();
}

/// The galaxies of a catalogue of haloes.
fn galaxies_of_haloes(filters: &FilterSet, place: &Place, folder: &Path) {
    let haloes = HaloCatalog::read(&folder.join("haloes.csv")).unwrap();
    let all = PopulationParameters::read(true, &folder.join("p.toml")).unwrap();
    let free = FreePopulation::all(all.0, &all.1).unwrap();
    let setup = PopulationSetup { batch: 8, threads: 1, ..PopulationSetup::default() };
    let workers = setup.workers(embedded(), filters, Arc::new(haloes), &free, place).unwrap();
    let workers = vec![workers; 2].concat();
    write_galaxies(workers, &free.start(), None, &folder.join("galaxies.parquet"), |_| ()).unwrap();
}

#[test]
fn memory_does_not_grow_with_the_work() {
    let seconds = std::env::var("STARBURN_SOAK_SECONDS").map_or(20.0, |text| text.parse().unwrap());
    let duration = Duration::from_secs_f64(seconds);
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (0..120).map(|i| format!("{i},{}\n", 0.1 + 0.01 * f64::from(i))).collect();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("in.csv"), format!("id,redshift\n{rows}")).unwrap();
    fs::write(path("photometry.csv"), common::photometry(32)).unwrap();
    let rows: String = (0..24).map(|i| format!("0.{},{}\n", 2 + i % 2, 11 + i % 3)).collect();
    fs::write(path("haloes.csv"), format!("redshift,lgm_obs\n{rows}")).unwrap();
    fs::write(path("p.toml"), "[values]\n\"dust.av_norm\" = 0.3\n").unwrap();
    let filters = FilterSet::embedded("lsst").unwrap();
    let two = FilterSet::resolve("lsst_g,lsst_r").unwrap();
    let place = Place::open(DEFAULT_DEVICE, Precision::F32).unwrap();
    let model = GalaxyModel::new(embedded(), &filters, ModelSettings::default(), &place).unwrap();

    let start = Instant::now();
    let mut resident = Vec::new();
    while start.elapsed() < duration || resident.len() < 12 {
        predict(&model, folder.path());
        gradients(&model, &place);
        population(&place);
        training(&place);
        fit(&model, folder.path());
        optimization(&two, &place, folder.path());
        galaxies_of_haloes(&two, &place, folder.path());
        resident.push(resident_mib());
    }
    // The first quarter is for warming up.
    let quarter = resident.len() / 4;
    let least = |rounds: &[f64]| rounds.iter().copied().fold(f64::INFINITY, f64::min);
    let (early, late) =
        (least(&resident[quarter..2 * quarter]), least(&resident[resident.len() - quarter..]));
    let most = resident.iter().copied().fold(0.0, f64::max);
    let (n, seconds) = (resident.len(), start.elapsed().as_secs_f64());
    eprintln!(
        "{n} rounds in {seconds:.0} s: {early:.1} MiB, later {late:.1} MiB, at most {most:.1} MiB"
    );
    assert!(late < early + ALLOWED_MIB, "{early} MiB became {late} MiB");
}
