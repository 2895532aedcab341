//! Mixed work in one process, over and over: its memory stays where it is.
//!
//! `STARBURN_SOAK_SECONDS` is how long, 20 by default.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use starburn::bench::PopulationBench;
use starburn::device::{DEFAULT_DEVICE, Place, Precision, to_host};
use starburn::emulator::{EmulatorConfig, Trainer};
use starburn::filter::FilterSet;
use starburn::photometry::Photometry;
use starburn::population::{GalaxyModel, ModelSettings};
use starburn::predict::PredictJob;
use starburn::ssp::embedded;

/// What the least memory of many rounds may grow by \[MiB\]: the allocator's own habits. Single rounds take
/// more for a moment.
const ALLOWED_MIB: f64 = 8.0;

const EMULATOR: &str = r#"
    sfh = "lognormal"
    [prior]
    t_obs_gyr = [6.0, 12.0]
    sfr_t_max = [2.0, 6.0]
    [network]
    hidden = [8]
    n_age = 16
    [training]
    steps = 4
    batch = 32
    warm_up = 1
    n_held_out = 32
    evaluate_every = 2
    nodes = 64
"#;

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
    let config = EmulatorConfig::parse(EMULATOR).unwrap();
    Trainer::new(config, embedded(), place).unwrap().run(|_| Ok(true)).unwrap();
}

#[test]
fn memory_does_not_grow_with_the_work() {
    let seconds = std::env::var("STARBURN_SOAK_SECONDS").map_or(20.0, |text| text.parse().unwrap());
    let duration = Duration::from_secs_f64(seconds);
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (0..120).map(|i| format!("{i},{}\n", 0.1 + 0.01 * f64::from(i))).collect();
    fs::write(folder.path().join("in.csv"), format!("id,redshift\n{rows}")).unwrap();
    let filters = FilterSet::embedded("lsst").unwrap();
    let place = Place::open(DEFAULT_DEVICE, Precision::F32).unwrap();
    let model = GalaxyModel::new(embedded(), &filters, ModelSettings::default(), &place).unwrap();

    let start = Instant::now();
    let mut resident = Vec::new();
    while start.elapsed() < duration || resident.len() < 12 {
        predict(&model, folder.path());
        gradients(&model, &place);
        population(&place);
        training(&place);
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
