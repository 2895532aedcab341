//! What an optimization is told to do, as a TOML file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::statistic_config::{MAX_SUMS, StatisticConfig};
use super::target_file::read_target;
use super::{Errors, PopulationObjective, Stage, Statistics, Target, TargetValues};
use crate::checksum::{Checksum, checksum_of_file};
use crate::device::Place;
use crate::files::{parse_toml, read_text};
use crate::filter::FilterSet;
use crate::galhalo::{
    DiffstarCalibration, FreeParameters, GalaxyPopulation, GrowthKinds, HaloCatalog, HaloSource,
    Mixing, MockHaloes, MockSettings, PopulationIngredients, PopulationParameters, PopulationSetup,
};
use crate::population::ModelSettings;
use crate::ssp::SspGrid;
use crate::summary::{PopulationLoss, QuantityNames};
use crate::{Error, Result};

/// An optimization: model, galaxies, what is known of them, and how to find the parameters.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizeConfig {
    /// Options of the model, named as those of `starburn predict`.
    #[serde(default)]
    pub model: toml::Table,
    population: PopulationConfig,
    target: TargetConfig,
    statistic: Vec<StatisticConfig>,
    /// Methods, one after the other.
    #[serde(default = "default_stages", rename = "stage")]
    pub stages: Vec<Stage>,
    /// Relative paths begin here.
    #[serde(skip)]
    folder: PathBuf,
    /// All of it.
    #[serde(skip)]
    text: String,
}

/// Haloes, and the parameters of their galaxies.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PopulationConfig {
    /// A catalogue of haloes.
    catalog: Option<PathBuf>,
    /// Or haloes that are drawn.
    mock: Option<MockConfig>,
    /// A calibration of DiffstarPop for its parameters.
    calibration: Option<String>,
    /// A file of parameters, such as the result of another optimization.
    parameters: Option<PathBuf>,
    /// Parameters that differ from those.
    #[serde(default)]
    values: BTreeMap<String, f64>,
    /// Patterns of the parameters that are free.
    free: Vec<String>,
    /// Patterns of those among them that are not.
    #[serde(default)]
    frozen: Vec<String>,
    #[serde(default)]
    seed: u64,
    mixing: Option<String>,
    growth_kinds: Option<String>,
    /// Galaxies per chunk.
    batch: Option<usize>,
    /// Whether galaxies have bursts.
    #[serde(default)]
    bursts: bool,
    /// Wavelengths per band at which dust is taken.
    #[serde(default = "dust_wavelengths")]
    dust_wavelengths: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MockConfig {
    redshifts: Vec<f64>,
    /// Haloes at each.
    numbers: Vec<usize>,
    /// Least massive and most massive haloes \[log10 Msun\].
    lgm_range: Option<[f64; 2]>,
    satellite_fraction: Option<f64>,
    #[serde(default)]
    seed: u64,
}

/// Where the data come from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetConfig {
    /// A table such as the one that every optimization writes.
    file: Option<PathBuf>,
    /// Or a population whose parameters differ from those of the start by these.
    truth: Option<BTreeMap<String, f64>>,
    /// Seed of its galaxies, and of its haloes if they are drawn. With those of the start, the galaxies
    /// are the same, and the data without noise.
    seed: Option<u64>,
}

fn dust_wavelengths() -> usize {
    1
}

fn default_stages() -> Vec<Stage> {
    use super::Method;
    vec![Stage::new(Method::Adam, 60), Stage::new(Method::GaussNewton, 30)]
}

/// What the model consists of besides the population.
pub struct Ingredients<'a> {
    /// SSP grid.
    pub grid: &'a SspGrid,
    /// Filters.
    pub filters: &'a FilterSet,
    /// Settings.
    pub settings: ModelSettings,
    /// Device and precision.
    pub place: Place,
    /// Worker threads.
    pub threads: usize,
}

/// An optimization, ready to run.
#[derive(Debug)]
pub struct Problem {
    /// What is minimized.
    pub objective: PopulationObjective<GalaxyPopulation>,
    /// The parameters and their start.
    pub free: FreeParameters,
    /// The (unbounded) free parameters that the data were made with, where they were.
    pub truth: Option<Vec<f64>>,
    /// Number of galaxies.
    pub n_galaxies: usize,
}

impl OptimizeConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read, [`Error::File`] naming the line when it is not valid.
    pub fn read(path: &Path) -> Result<Self> {
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&read_text(path)?, folder).map_err(|e| Error::file(path, e.to_string()))
    }

    /// Takes a configuration from its text; relative paths in it begin at `folder`.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the line.
    pub fn parse(text: &str, folder: &Path) -> Result<Self> {
        let config: Self =
            parse_toml(text).map_err(|reason| Error::invalid("configuration", reason))?;
        let one_of = |a: bool, b: bool, what: &str, both: &str| match a != b {
            true => Ok(()),
            false => Err(Error::invalid(what, format!("needs either {both}"))),
        };
        let PopulationConfig { catalog, mock, .. } = &config.population;
        one_of(catalog.is_some(), mock.is_some(), "population", "catalog or mock")?;
        let TargetConfig { file, truth, .. } = &config.target;
        one_of(file.is_some(), truth.is_some(), "target", "file or truth")?;
        config.stages.iter().try_for_each(Stage::check)?;
        Ok(Self { folder: folder.to_owned(), text: text.to_owned(), ..config })
    }

    /// The files that it names, those of the model apart.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        let PopulationConfig { catalog, parameters, .. } = &self.population;
        let named = [catalog, parameters, &self.target.file].into_iter().flatten();
        let of_statistics = self.statistic.iter().filter_map(StatisticConfig::file);
        named.map(PathBuf::as_path).chain(of_statistics).map(|file| self.folder.join(file))
    }

    /// Number of statistics.
    pub fn n_statistics(&self) -> usize {
        self.statistic.len()
    }

    /// SHA-256 of the configuration, of the files that it names, of those of the model, and of the version of
    /// the program, which identifies the optimization.
    ///
    /// # Errors
    /// [`Error::Io`] when a file cannot be read.
    pub fn checksum<'a>(&self, of_model: impl IntoIterator<Item = &'a Path>) -> Result<String> {
        let mut sum = Checksum::default();
        sum.text(concat!("starburn ", env!("CARGO_PKG_VERSION")));
        sum.text(&self.text);
        for file in self.files().chain(of_model.into_iter().map(Path::to_owned)) {
            sum.text(&checksum_of_file(&file)?);
        }
        Ok(sum.hex())
    }

    /// The parameters and the names of the quantities that statistics may use, without any galaxies.
    ///
    /// # Errors
    /// Naming what is wrong: files, names, ranges.
    pub fn overview(&self, with: &Ingredients<'_>) -> Result<(FreeParameters, QuantityNames)> {
        let haloes = self.population.haloes(&self.folder, None)?;
        let free = self.free(haloes.has_growth())?;
        Ok((free, GalaxyPopulation::names_with(with.filters)?))
    }

    /// Everything that is needed to minimize.
    ///
    /// # Errors
    /// Naming what is wrong: files, names, ranges.
    pub fn problem(&self, with: &Ingredients<'_>) -> Result<Problem> {
        let haloes = self.population.haloes(&self.folder, None)?;
        let free = self.free(haloes.has_growth())?;
        let setup = self.population.setup(with)?;
        setup.check_smooth(&free)?;
        let workers = setup.workers(with.grid, with.filters, haloes.clone(), &free, &with.place)?;
        let statistics = self.statistics(workers[0].names())?;
        let n_galaxies = workers.iter().map(GalaxyPopulation::n_galaxies).sum();
        let (target, truth) = match &self.target.file {
            Some(file) => {
                let data = read_target(&self.folder.join(file), &statistics)?;
                (self.target(statistics, data)?, None)
            }
            None => {
                let (data, truth) = self.truth(with, haloes, &free, &statistics)?;
                (self.target(statistics, data)?, Some(truth))
            }
        };
        let objective = PopulationObjective::new(workers, target)?;
        Ok(Problem { objective, free, truth, n_galaxies })
    }

    /// The statistics of galaxies with these quantities.
    ///
    /// # Errors
    /// Naming the statistic; [`Error::OutOfRange`] for more bins than matrices may have rows.
    pub(crate) fn statistics(&self, quantities: &QuantityNames) -> Result<Statistics> {
        let each = self.statistic.iter().map(|config| config.statistic(quantities));
        let all = Statistics::new(each.collect::<Result<_>>()?)?;
        match all.n_sums() {
            0..=MAX_SUMS => Ok(all),
            n => Err(Error::OutOfRange {
                what: "bins of all statistics (those of means count twice)".into(),
                value: n as f64,
                allowed: format!("[1, {MAX_SUMS}]"),
            }),
        }
    }

    /// The parameters of the population, of haloes whose growth is known or not.
    ///
    /// # Errors
    /// Naming the parameter or the file.
    pub(crate) fn free(&self, has_growth: bool) -> Result<FreeParameters> {
        self.population.free(has_growth, &self.folder)
    }

    fn target(&self, statistics: Statistics, data: Vec<TargetValues>) -> Result<Target> {
        let with_errors = self.statistic.iter().zip(data).map(|(config, data)| {
            let errors = config.errors(data.sigma.is_some(), &self.folder)?;
            Ok((data, errors))
        });
        Target::new(statistics, with_errors.collect::<Result<Vec<(TargetValues, Errors)>>>()?)
    }

    /// The statistics of the population with the true parameters, and its free ones, unbounded. Haloes of a
    /// catalogue are those of the start.
    fn truth(
        &self,
        with: &Ingredients<'_>,
        haloes: Arc<dyn HaloSource>,
        free: &FreeParameters,
        statistics: &Statistics,
    ) -> Result<(Vec<TargetValues>, Vec<f64>)> {
        let changes = self.target.truth.iter().flatten();
        let changes: Vec<(&str, f64)> = changes.map(|(name, x)| (name.as_str(), *x)).collect();
        let start = free.values(&free.start())?;
        let values = free.parameters().with(start, &changes)?;
        let truth = free.starting_from(&values)?;
        let seed = self.target.seed.unwrap_or(self.population.seed + 1);
        let setup = PopulationSetup { seed, ..self.population.setup(with)? };
        let haloes = match self.population.catalog {
            Some(_) => haloes,
            None => self.population.haloes(&self.folder, Some(seed))?,
        };
        let workers = setup.workers(with.grid, with.filters, haloes, &truth, &with.place)?;
        let mut population = PopulationLoss::new(workers, statistics.summary()?)?;
        let theta = truth.start();
        let sums = population.sums(&theta)?;
        Ok((statistics.as_targets(&sums), theta))
    }
}

impl PopulationConfig {
    /// The haloes; drawn ones with another seed if one is given.
    fn haloes(&self, folder: &Path, seed: Option<u64>) -> Result<Arc<dyn HaloSource>> {
        if let Some(path) = &self.catalog {
            return Ok(Arc::new(HaloCatalog::read(&folder.join(path))?));
        }
        let Some(mock) = &self.mock else {
            return Err(Error::invalid("population", "needs either catalog or mock"));
        };
        if mock.redshifts.len() != mock.numbers.len() {
            let (n, m) = (mock.redshifts.len(), mock.numbers.len());
            return Err(Error::invalid("mock", format!("{n} redshifts but {m} numbers")));
        }
        let mut settings = MockSettings {
            epochs: mock.redshifts.iter().copied().zip(mock.numbers.iter().copied()).collect(),
            seed: seed.unwrap_or(mock.seed),
            ..MockSettings::default()
        };
        if let Some(fraction) = mock.satellite_fraction {
            settings.satellite_fraction = fraction;
        }
        if let Some([lo, hi]) = mock.lgm_range {
            settings.mass_function.lgm_range = (lo, hi);
        }
        Ok(Arc::new(MockHaloes::new(settings)?))
    }

    fn free(&self, has_growth: bool, folder: &Path) -> Result<FreeParameters> {
        let ingredients = PopulationIngredients { growth: !has_growth, bursts: self.bursts };
        let all = PopulationParameters::new(ingredients);
        let calibrated = match &self.calibration {
            Some(name) => all.calibrated(name.parse::<DiffstarCalibration>()?)?,
            None => all.default_values(),
        };
        let of_file = match &self.parameters {
            Some(path) => all.read_values(calibrated, &folder.join(path))?,
            None => calibrated,
        };
        let changes: Vec<(&str, f64)> =
            self.values.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let values = all.with(of_file, &changes)?;
        if self.free.is_empty() {
            return Err(Error::invalid("free", "names no parameter"));
        }
        let free = FreeParameters::all(all, &values)?.only(&self.free)?;
        if self.frozen.is_empty() { Ok(free) } else { free.freeze(&self.frozen) }
    }

    fn setup(&self, with: &Ingredients<'_>) -> Result<PopulationSetup> {
        let default = PopulationSetup::default();
        let mut settings = with.settings.clone();
        settings.tables.n_dust = self.dust_wavelengths;
        Ok(PopulationSetup {
            settings,
            mixing: self.mixing.as_deref().map_or(Ok(Mixing::default()), str::parse)?,
            growth: self.growth_kinds.as_deref().map_or(Ok(GrowthKinds::default()), str::parse)?,
            batch: self.batch.unwrap_or(default.batch),
            threads: with.threads,
            seed: self.seed,
        })
    }
}
