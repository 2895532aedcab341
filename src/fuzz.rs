//! What the fuzz targets do with bytes: one function per reader, and one for the parameter transforms.
//! Those of files that tell what to do, and of what interrupted work left, are in `jobs`.
//!
//! Shared by `fuzz/`, where cargo-fuzz looks for bytes, and by `tests/mutations.rs`, which mutates the
//! seeds in `fuzz/seeds` without it. No bytes may make a reader panic, hang or take memory out of
//! proportion; what it cannot read it explains in one line.

mod jobs;

use std::io::Write;
use std::path::Path;

use crate::catalog::{CatalogReader, cells};
use crate::device::{DEFAULT_DEVICE, Place, Precision, to_host};
use crate::dust::DustModel;
use crate::emulator::{AgeEmulator, Checkpoint, EmulatorConfig};
use crate::filter::FilterSet;
use crate::galhalo::HaloCatalog;
use crate::history::HistoryConfig;
use crate::metallicity::MetallicityModel;
use crate::nebular::{LineFit, LineTable};
use crate::numerics::columns;
use crate::parameters::{ParamInfo, bounded, check, unbounded};
use crate::sfh::SfhModel;
use crate::store::Store;
use crate::{Error, Result, ssp};

/// A reader that is fed with bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Name of the target and of the folder of its seeds.
    pub name: &'static str,
    /// Reads the bytes, and uses what it has read.
    pub read: fn(&[u8]) -> Result<()>,
}

const fn target(name: &'static str, read: fn(&[u8]) -> Result<()>) -> Target {
    Target { name, read }
}

/// All targets.
pub const TARGETS: [Target; 24] = [
    target("ssp_safetensors", |bytes| grid(bytes, "grid.safetensors")),
    target("ssp_hdf5", |bytes| grid(bytes, "grid.h5")),
    target("filter_hdf5", |bytes| filters(bytes, "filter.h5")),
    target("filter_ecsv", |bytes| filters(bytes, "filter.ecsv")),
    target("filter_text", |bytes| filters(bytes, "filter.txt")),
    target("filter_safetensors", |bytes| filters(bytes, "filter.safetensors")),
    target("catalog_csv", |bytes| catalog(bytes, ".csv")),
    target("catalog_parquet", |bytes| catalog(bytes, ".parquet")),
    target("haloes", haloes),
    target("history", history),
    target("emulator_config", emulator_config),
    target("emulator", emulator),
    target("checkpoint", checkpoint),
    target("line_fit", line_fit),
    target("line_table", line_table),
    target("parameters", parameters),
    target("fit_config", jobs::fit_config),
    target("fit_catalog", jobs::fit_catalog),
    target("optimize_config", jobs::optimize_config),
    target("optimize_target", jobs::optimize_target),
    target("optimize_covariance", jobs::optimize_covariance),
    target("optimize_state", jobs::optimize_state),
    target("population_parameters", jobs::population_parameters),
    target("parts_manifest", jobs::parts_manifest),
];

/// Runs the named target; true when the bytes can be read.
///
/// # Panics
/// When the reader panics, its explanation has more than one line, or there is no such target.
pub fn run(name: &str, bytes: &[u8]) -> bool {
    let target = TARGETS.iter().find(|target| target.name == name);
    let target = target.unwrap_or_else(|| panic!("no fuzz target is called {name}"));
    let outcome = (target.read)(bytes);
    if let Err(error) = &outcome {
        let text = error.to_string();
        assert!(!text.contains('\n') && text.len() < 4096, "{name}: {text:?}");
    }
    outcome.is_ok()
}

fn grid(bytes: &[u8], name: &str) -> Result<()> {
    let path = Path::new(name);
    let grid = ssp::parse(bytes.to_vec(), path)?;
    // What is written can be read again.
    ssp::SspGrid::from_store(&grid.to_store(), path).map(drop)
}

fn filters(bytes: &[u8], name: &str) -> Result<()> {
    let set = FilterSet::parse(bytes.to_vec(), Path::new(name))?;
    for filter in set.filters() {
        let (lo, hi) = filter.range_aa();
        assert!(filter.effective_wavelength_aa().is_finite() && lo <= hi, "{filter:?}");
    }
    Ok(())
}

/// Rows of a catalogue are read as often as needed, so it has to be a file.
fn on_disk<T>(bytes: &[u8], ending: &str, read: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    let named = |source| Error::io("create", Path::new("a temporary file"))(source);
    let mut file =
        tempfile::Builder::new().prefix("fuzz").suffix(ending).tempfile().map_err(named)?;
    file.write_all(bytes).map_err(Error::io("write", file.path()))?;
    read(file.path())
}

fn catalog(bytes: &[u8], ending: &str) -> Result<()> {
    on_disk(bytes, ending, |path| {
        let reader = CatalogReader::open(path, 100)?;
        let names: Vec<String> = reader.column_names().map(str::to_owned).collect();
        for batch in reader {
            let batch = batch?;
            for name in &names {
                // A column need not hold numbers.
                let _ = cells(&batch, name);
            }
        }
        Ok(())
    })
}

fn haloes(bytes: &[u8]) -> Result<()> {
    on_disk(bytes, ".csv", |path| HaloCatalog::read(path).map(drop))
}

fn text(bytes: &[u8]) -> Result<&str> {
    str::from_utf8(bytes).map_err(|e| Error::invalid("text", e.to_string()))
}

fn history(bytes: &[u8]) -> Result<()> {
    let config = HistoryConfig::parse(text(bytes)?, Path::new("history.toml"))?;
    crate::cli::check_model_table(&config.model)?;
    config.quantities()?;
    assert_eq!(config.t_gyr().len(), config.times.number);
    Ok(())
}

fn emulator_config(bytes: &[u8]) -> Result<()> {
    let config = EmulatorConfig::parse(text(bytes)?)?;
    assert_eq!(EmulatorConfig::parse(&config.to_toml()?)?, config);
    Ok(())
}

fn store(bytes: &[u8], path: &Path) -> Result<Store> {
    Store::from_bytes(bytes, path)
}

fn emulator(bytes: &[u8]) -> Result<()> {
    let path = Path::new("emulator.safetensors");
    let emulator = AgeEmulator::from_store(&store(bytes, path)?, path)?;
    emulator.prior().map(drop)
}

fn checkpoint(bytes: &[u8]) -> Result<()> {
    let path = Path::new("checkpoint.safetensors");
    let state = Checkpoint::from_store(&store(bytes, path)?, path)?;
    AgeEmulator::from_checkpoint(&state).map(drop)
}

fn line_fit(bytes: &[u8]) -> Result<()> {
    let path = Path::new("lines.safetensors");
    let fit = LineFit::from_store(&store(bytes, path)?, path)?;
    assert_eq!(fit.lg_lsun_per_q_at(&[[-2.0, 6.5, -3.0]]).len(), fit.lines().len());
    LineFit::from_store(&fit.to_store(), path).map(drop)
}

fn line_table(bytes: &[u8]) -> Result<()> {
    LineTable::parse(bytes.to_vec(), Path::new("table.h5")).map(drop)
}

/// Unbounded values, eight bytes each, for the parameters of the model that the first byte names.
fn parameters(bytes: &[u8]) -> Result<()> {
    let sfh = SfhModel::ALL.iter().map(|model| model.info());
    let metallicity = MetallicityModel::ALL.iter().map(|model| model.info());
    let dust = DustModel::ALL.iter().map(|model| model.info());
    let sets: Vec<Vec<ParamInfo>> = sfh.chain(metallicity).chain(dust).collect();
    let info = &sets[usize::from(bytes.first().copied().unwrap_or(0)) % sets.len()];
    let numbers = bytes.get(1..).unwrap_or_default().as_chunks().0;
    let row: Vec<f64> = (0..info.len())
        .map(|j| numbers.get(j).map_or(0.0, |bytes| f64::from_le_bytes(*bytes)))
        .map(|x| if x.is_finite() { x.clamp(-1e6, 1e6) } else { 0.0 })
        .collect();
    let place = Place::open(DEFAULT_DEVICE, Precision::F64)?;
    let to_row = |columns: Vec<_>| columns.into_iter().map(to_host).collect::<Result<Vec<_>>>();
    let inside = to_row(bounded(info, columns(&place.rows(&[&row]))))?.concat();
    // The ends belong to the box, but the last bit of an end that follows from another parameter does not.
    let nudged: Vec<f64> =
        inside.iter().zip(info).map(|(x, p)| x + 1e-9 * (p.default - x)).collect();
    check(info, &nudged)?;
    let back = to_row(unbounded(info, columns(&place.rows(&[&nudged]))))?.concat();
    assert!(back.iter().all(|x| x.is_finite()), "{nudged:?} has no unbounded values: {back:?}");
    let again = to_row(bounded(info, columns(&place.rows(&[&back]))))?.concat();
    for ((a, b), p) in again.iter().zip(&nudged).zip(info) {
        assert!((a - b).abs() <= 1e-6 * (1.0 + b.abs()), "{}: {b} comes back as {a}", p.name);
    }
    Ok(())
}
