//! Fits, optimizations and populations; parts of interrupted runs.

use std::path::Path;
use std::sync::OnceLock;

use super::{on_disk, store, text};
use crate::catalog::CatalogReader;
use crate::cli::check_model_table;
use crate::device::{DEFAULT_DEVICE, Place, Precision};
use crate::files::parse_toml;
use crate::filter::FilterSet;
use crate::fit::{FitColumns, FitConfig, FreeParameters};
use crate::galhalo::PopulationParameters;
use crate::optimize::{
    Errors, OptimizeConfig, State, Statistics, Target, parse_matrix, read_target, write_statistics,
};
use crate::population::{Components, GalaxyModel, ModelSettings};
use crate::predict::parse_manifest;
use crate::summary::QuantityNames;
use crate::{Error, Result, ssp};

/// Columns that a catalogue may have beside the photometry.
const COLUMNS: [&str; 2] = ["redshift", "av"];
/// What galaxies have in [`optimize_config`] and [`optimize_target`].
const QUANTITIES: [&str; 4] = ["redshift", "lsst_g", "lsst_r", "lg_mstar"];
/// Statistics with 6, 2 and 3 values.
const STATISTICS: &str = r#"
population = { mock = { redshifts = [0.5], numbers = [9] }, free = ["dust.*"] }
target = { truth = {} }
[[statistic]]
name = "r"
kind = "histogram"
axes = [{ quantity = "lsst_r", first = 20, last = 24, bins = 2, width = 0.5 },
        { quantity = "lsst_g - lsst_r", first = 0, last = 2, bins = 3, width = 0.2 }]
[[statistic]]
name = "faint, or not"
kind = "counts"
axes = [{ quantity = "lsst_r", edges = [23, 24], width = 0.5 }]
[[statistic]]
name = "m"
kind = "mean"
of = "lg_mstar"
axes = [{ quantity = "lsst_r", first = 20, last = 26, bins = 3, width = 0.5 }]
"#;

/// What is made only once.
fn once<T: Clone>(known: &OnceLock<T>, make: impl FnOnce() -> Result<T>) -> Result<T> {
    match known.get() {
        Some(known) => Ok(known.clone()),
        None => make().map(|made| known.get_or_init(|| made).clone()),
    }
}

pub(super) fn fit_config(bytes: &[u8]) -> Result<()> {
    let config: FitConfig =
        parse_toml(text(bytes)?).map_err(|reason| Error::invalid("fit.toml", reason))?;
    let free = config.parameters(&Components::default(), &COLUMNS)?;
    assert_eq!(free.names().len(), free.priors().len());
    Ok(())
}

fn fit_model() -> Result<GalaxyModel> {
    let filters = FilterSet::resolve("lsst_g,lsst_r")?;
    let place = Place::open(DEFAULT_DEVICE, Precision::F64)?;
    GalaxyModel::new(ssp::embedded(), &filters, ModelSettings::default(), &place)
}

pub(super) fn fit_catalog(bytes: &[u8]) -> Result<()> {
    static MODEL: OnceLock<(GalaxyModel, FreeParameters)> = OnceLock::new();
    let (model, free) = once(&MODEL, || {
        let model = fit_model()?;
        let free = FreeParameters::new(model.components(), &[("logm0", None), ("av", None)])?;
        Ok((model, free))
    })?;
    on_disk(bytes, ".csv", |path| {
        let reader = CatalogReader::open(path, 100)?;
        let names: Vec<String> = reader.column_names().map(str::to_owned).collect();
        let columns =
            FitColumns::find(&model, &free, &names.iter().map(String::as_str).collect::<Vec<_>>())?;
        for batch in reader {
            for galaxy in columns.read(&batch?, &model)?.into_iter().flatten() {
                assert!(galaxy.parameters.iter().all(|x| x.is_finite()), "{galaxy:?}");
                for flux in galaxy.bands.iter().flatten() {
                    let (value, error) = (flux.value_ujy, flux.error_ujy);
                    assert!(value.is_finite() && error > 0.0 && error.is_finite(), "{flux:?}");
                }
            }
        }
        Ok(())
    })
}

pub(super) fn optimize_config(bytes: &[u8]) -> Result<()> {
    let config = OptimizeConfig::parse(text(bytes)?, Path::new("of no file"))?;
    check_model_table(&config.model)?;
    config.statistics(&QuantityNames::new(QUANTITIES)?)?.summary()?;
    assert!(config.free(false)?.n_free() > 0);
    Ok(())
}

fn statistics() -> Result<Statistics> {
    static KNOWN: OnceLock<Statistics> = OnceLock::new();
    once(&KNOWN, || {
        OptimizeConfig::parse(STATISTICS, Path::new(""))?
            .statistics(&QuantityNames::new(QUANTITIES)?)
    })
}

/// What can be read can be written and is the same.
pub(super) fn optimize_target(bytes: &[u8]) -> Result<()> {
    let statistics = statistics()?;
    let data = on_disk(bytes, ".csv", |path| read_target(path, &statistics))?;
    let errors = |known: bool| if known { Errors::Data } else { Errors::Counts };
    let with_errors = data.iter().map(|data| (data.clone(), errors(data.sigma.is_some())));
    let target = Target::new(statistics.clone(), with_errors.collect())?;
    let nothing = vec![0.0; data.iter().map(|data| data.values.len()).sum()];
    let again = on_disk(b"", ".csv", |path| {
        write_statistics(&target, &nothing, &nothing, path)?;
        read_target(path, &statistics)
    })?;
    for (again, data) in again.iter().zip(&data) {
        let same = |a: &f64, b: &f64| a == b || a.is_nan() && b.is_nan();
        assert!(again.values.iter().zip(&data.values).all(|(a, b)| same(a, b)), "{again:?}");
    }
    Ok(())
}

/// The covariance of three means.
pub(super) fn optimize_covariance(bytes: &[u8]) -> Result<()> {
    use crate::summary::{GaussianLoss, Loss as _};
    let matrix = parse_matrix(text(bytes)?, Path::new("covariance.csv"))?;
    let loss = GaussianLoss::full(&[1.0, 2.0, 3.0], &matrix)?;
    loss.value_and_slopes(&[1.0, 2.5, 2.0]).map(drop)
}

pub(super) fn optimize_state(bytes: &[u8]) -> Result<()> {
    let path = Path::new("state.safetensors");
    let state = State::from_store(&store(bytes, path)?, path, "seed")?;
    assert_eq!(State::from_store(&state.to_store("seed"), path, "seed")?, state);
    Ok(())
}

pub(super) fn population_parameters(bytes: &[u8]) -> Result<()> {
    on_disk(bytes, ".toml", |path| {
        for growth in [true, false] {
            let (population, values) = PopulationParameters::read(growth, path)?;
            population.check(&values)?;
        }
        Ok(())
    })
}

pub(super) fn parts_manifest(bytes: &[u8]) -> Result<()> {
    match parse_manifest(bytes) {
        Some(_) => Ok(()),
        None => Err(Error::invalid("manifest", "names no job")),
    }
}
