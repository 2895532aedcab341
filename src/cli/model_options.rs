//! Options that choose the model, shared by subcommands.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use clap::Parser as _;

use crate::cosmology::{CosmologyValues, Quadrature};
use crate::device::{DEFAULT_DEVICE, Place, Precision};
use crate::dust::{AttenuationCurve, DustLaw, DustModel};
use crate::emulator::AgeEmulator;
use crate::filter::FilterSet;
use crate::halo::LGT0;
use crate::imf::Imf;
use crate::metallicity::MetallicityModel;
use crate::nebular::{LineFit, LineSource, fit_lines};
use crate::photometry::{Photometry, TableSettings};
use crate::population::{Components, Frame, GalaxyModel, ModelSettings};
use crate::sfh::{AgeWeightMethod, FB, LookbackNodes, SfhModel, TimeTable};
use crate::ssp::SspGrid;
use crate::{Error, Result, ssp};

/// Which ingredients galaxies have; decides their parameters.
#[derive(clap::Args)]
pub(super) struct ComponentOptions {
    /// Star formation history: diffstar, gas_depletion, diffstar2021, piecewise, delayed_tau, lognormal,
    /// double_power_law
    #[arg(long, value_name = "MODEL", default_value = "diffstar")]
    sfh: SfhModel,
    /// A recent burst on top of the star formation history
    #[arg(long)]
    burst: bool,
    /// Metallicity distribution: lognormal, age_dependent, mass_metallicity
    #[arg(long, value_name = "MODEL", default_value = "lognormal")]
    metallicity: MetallicityModel,
    /// Geometry of the dust: screen, age_dependent, young_boost, two_component
    #[arg(long, value_name = "MODEL", default_value = "screen")]
    dust_model: DustModel,
}

impl ComponentOptions {
    pub(super) fn components(&self) -> Components {
        Components {
            sfh: self.sfh,
            burst: self.burst,
            metallicity: self.metallicity,
            ionization: false,
            dust: self.dust_model,
        }
    }
}

/// Everything that chooses the forward model.
#[derive(clap::Args)]
pub(super) struct ModelOptions {
    #[command(flatten)]
    components: ComponentOptions,
    /// SSP grid, DSPS HDF5 or starburn safetensors [default: the embedded grid]
    #[arg(long, value_name = "FILE")]
    ssp: Option<PathBuf>,
    /// Filter sets, filters and files, separated by commas; see `starburn filters`
    #[arg(long, value_name = "SET|NAME|FILE,...", default_value = "lsst")]
    filters: String,
    /// Apparent magnitudes at the redshift, or absolute ones in the rest frame: observed, rest
    #[arg(long, default_value = "observed")]
    frame: Frame,
    /// Magnitudes: spectra (the full integral) or tables (no spectra; much faster where dust depends on
    /// age. Off by up to 0.01 mag, 0.02 with emission lines; see docs/accuracy.md)
    #[arg(long, value_name = "METHOD", default_value = "spectra")]
    photometry: Photometry,
    /// Tables: wavelengths per band at which dust is evaluated
    #[arg(long, value_name = "N", default_value_t = TableSettings::default().n_dust)]
    dust_wavelengths: usize,
    /// Tables: their distance in ln(1 + z). Tables are made when a galaxy needs them, at any redshift
    #[arg(long, value_name = "DLNZ", default_value_t = TableSettings::default().spacing)]
    table_spacing: f64,
    /// Tables: a redshift that has one; a catalogue at this redshift needs no interpolation
    #[arg(long, value_name = "Z", default_value_t = TableSettings::default().redshift)]
    table_redshift: f64,
    /// P(age), the distribution of stellar ages: nodes (rates at look-back nodes: fast and accurate), table (DSPS's path, needs f64), safe
    /// (the same table, good in f32), or emulator (the embedded neural emulator) or emulator:FILE (one made
    /// by `starburn emulator train`)
    #[arg(long, value_name = "METHOD", default_value = "nodes")]
    age_weights: AgeWeights,
    /// Number of look-back nodes of `--age-weights nodes`
    #[arg(long, value_name = "N", default_value_t = LookbackNodes::DEFAULT)]
    nodes: usize,
    /// Cosmology: planck15, wmap5, fsps, or the numbers Om0,w0,wa,h
    #[arg(long, default_value = "planck15", allow_hyphen_values = true)]
    cosmology: CosmologyValues,
    /// Cosmological integrals: dsps (parity with DSPS) or accurate (better at z > 5)
    #[arg(long, default_value = "dsps")]
    quadrature: Quadrature,
    /// Attenuation curve: calzetti00, leitherer02, noll09, salim18, triweight, tw_dust,
    /// power_law [default: salim18]
    #[arg(long, value_name = "CURVE")]
    dust: Option<AttenuationCurve>,
    /// The strength of the 2175 Angstrom bump follows from the slope of the curve
    #[arg(long)]
    bump_from_slope: bool,
    /// Normalise the curve by its own R_V, as Salim et al. (2018) do
    #[arg(long)]
    rv_mod: bool,
    /// Emission lines: none, grid (those of the SSP grid) or fit (from its ionizing photons)
    #[arg(long, value_name = "SOURCE", default_value = "none")]
    lines: LineSource,
    /// Fit made by `starburn nebular calibrate` [default: the embedded fit]
    #[arg(long, value_name = "FILE")]
    line_fit: Option<PathBuf>,
    /// Velocity dispersion of emission lines in spectra [km/s]; magnitudes do not depend on it, but
    /// equivalent widths lose what falls outside their windows above about 100 km/s
    #[arg(long, value_name = "KM_S", default_value_t = 100.0)]
    line_width: f64,
    /// Emission lines that are switched off, by name, separated by commas
    #[arg(long, value_name = "LINE,...", value_delimiter = ',')]
    without_lines: Vec<String>,
    /// IMF of the surviving mass: salpeter, chabrier, kroupa, van_dokkum
    #[arg(long, default_value = "chabrier")]
    imf: Imf,
    /// Times in Gyr of the SFH table of `--age-weights table` and `safe`: first,last,number
    #[arg(long, value_name = "FIRST,LAST,N", default_value = "0.1,14,100", value_parser = time_table)]
    sfh_times: TimeTable,
    /// log10 of the age of the Universe in Gyr at which halo masses logm0 hold
    #[arg(long, default_value_t = LGT0)]
    lgt0: f64,
    /// Cosmic baryon fraction
    #[arg(long, default_value_t = FB)]
    fb: f64,
    /// Device: flex, ndarray, wgpu, cuda
    #[arg(long, default_value = DEFAULT_DEVICE)]
    device: String,
    /// Precision: f64 or f32
    #[arg(long, default_value = "f64")]
    dtype: Precision,
}

/// How P(age) is computed.
#[derive(Clone, Debug)]
enum AgeWeights {
    Method(AgeWeightMethod),
    /// By an emulator: that of a file, or the embedded one.
    Emulator(Option<PathBuf>),
}

impl FromStr for AgeWeights {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once(':') {
            None if text == "emulator" => Ok(Self::Emulator(None)),
            Some(("emulator", path)) => Ok(Self::Emulator(Some(path.into()))),
            _ => text.parse().map(Self::Method).map_err(|e| match e {
                Error::UnknownName { kind, name, available } => {
                    let available = format!("{available}, emulator, emulator:FILE");
                    Error::UnknownName { kind, name, available }
                }
                other => other,
            }),
        }
    }
}

impl AgeWeights {
    fn load(&self) -> Result<(AgeWeightMethod, Option<Arc<AgeEmulator>>)> {
        let emulator = match self {
            Self::Method(method) => return Ok((*method, None)),
            Self::Emulator(None) => AgeEmulator::embedded().clone(),
            Self::Emulator(Some(path)) => AgeEmulator::read(path)?,
        };
        Ok((AgeWeightMethod::Nodes, Some(Arc::new(emulator))))
    }
}

/// What a model is made of.
pub(super) struct ModelParts<'a> {
    pub(super) grid: Cow<'a, SspGrid>,
    pub(super) filters: FilterSet,
    pub(super) settings: ModelSettings,
    pub(super) place: Place,
}

/// The options alone, as a command of their own.
#[derive(clap::Parser)]
#[command(no_binary_name = true)]
struct OptionsOnly {
    #[command(flatten)]
    options: ModelOptions,
}

impl ModelOptions {
    /// Options from a configuration table whose keys are their long names, with underscores or
    /// dashes.
    pub(super) fn from_table(table: &toml::Table) -> Result<Self> {
        let text = |key: &str, value: &toml::Value| match value {
            toml::Value::String(text) => Ok(text.clone()),
            toml::Value::Integer(number) => Ok(number.to_string()),
            toml::Value::Float(number) => Ok(number.to_string()),
            other => Err(Error::invalid(
                format!("model option {key}"),
                format!("is of type {}, expected a string or a number", other.type_str()),
            )),
        };
        let mut arguments = Vec::new();
        for (key, value) in table {
            let option = format!("--{}", key.replace('_', "-"));
            if option == "--help" {
                return Err(Error::invalid("model options", "help is none of them"));
            }
            match value {
                toml::Value::Boolean(true) => arguments.push(option),
                toml::Value::Boolean(false) => {}
                toml::Value::Array(parts) => {
                    let parts = parts.iter().map(|part| text(key, part));
                    let parts = parts.collect::<Result<Vec<String>>>()?;
                    arguments.push(format!("{option}={}", parts.join(",")));
                }
                one => arguments.push(format!("{option}={}", text(key, one)?)),
            }
        }
        let parsed = OptionsOnly::try_parse_from(arguments).map_err(|e| {
            let message = e.to_string();
            let first = message.lines().next().unwrap_or_default();
            Error::invalid("model options", first.trim_start_matches("error: "))
        })?;
        Ok(parsed.options)
    }

    /// The files that the model is made from.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let emulator = match &self.age_weights {
            AgeWeights::Emulator(path) => path.as_deref(),
            AgeWeights::Method(_) => None,
        };
        let one = [self.ssp.as_deref(), self.line_fit.as_deref(), emulator];
        one.into_iter().flatten().chain(FilterSet::files_in(&self.filters))
    }

    /// # Errors
    /// [`Error::Invalid`] for options that say what the galaxies of populations have already, or that belong to
    /// outputs which they do not have.
    pub(super) fn check_of_populations(&self) -> Result<()> {
        let ComponentOptions { sfh, burst, metallicity, dust_model } = self.components;
        let tables = TableSettings::default();
        let of_table = match self.age_weights {
            AgeWeights::Method(method) => method != AgeWeightMethod::Nodes,
            AgeWeights::Emulator(_) => false,
        };
        for (option, given) in [
            ("--sfh", sfh != SfhModel::Diffstar),
            ("--burst", burst),
            ("--metallicity", metallicity != MetallicityModel::Lognormal),
            ("--dust-model", dust_model != DustModel::Screen),
            ("--age-weights", of_table),
            ("--sfh-times", self.sfh_times != TimeTable::default()),
            ("--photometry", self.photometry != Photometry::Spectra),
            ("--table-spacing", self.table_spacing != tables.spacing),
            ("--table-redshift", self.table_redshift != tables.redshift),
            ("--imf", self.imf != Imf::Chabrier),
        ] {
            if given {
                let reason = "does not go with populations, whose galaxies have diffstar histories, \
                              metallicities, dust and bursts by their own parameters";
                return Err(Error::invalid(option, reason));
            }
        }
        Ok(())
    }

    pub(super) fn model(&self) -> Result<GalaxyModel> {
        let ModelParts { grid, filters, settings, place } = self.parts()?;
        GalaxyModel::new(&grid, &filters, settings, &place)
    }

    pub(super) fn parts(&self) -> Result<ModelParts<'_>> {
        let place = Place::open(&self.device, self.dtype)?;
        let filters = FilterSet::resolve(&self.filters)?;
        if self.lines == LineSource::None && !self.without_lines.is_empty() {
            return Err(Error::invalid("--without-lines", "there are no lines; see --lines"));
        }
        if self.lines != LineSource::Fit && self.line_fit.is_some() {
            return Err(Error::invalid("--line-fit", "it goes with --lines fit"));
        }
        let has_curve = self.dust.is_some() || self.bump_from_slope || self.rv_mod;
        if self.components.dust_model == DustModel::TwoComponent && has_curve {
            let reason = "--dust, --bump-from-slope and --rv-mod do not go with it: its curves are power laws";
            return Err(Error::invalid("--dust-model two_component", reason));
        }
        // Ages of 3 to 30 Gyr; 13.8 without the logarithm is a likely slip.
        for (what, value, (lo, hi)) in [
            ("--lgt0", self.lgt0, (0.5, 1.5)),
            ("--fb", self.fb, (1e-3, 1.0)),
            ("--line-width [km/s]", self.line_width, (1.0, 1e4)),
        ] {
            if !(lo..=hi).contains(&value) {
                let allowed = format!("[{lo}, {hi}]");
                return Err(Error::OutOfRange { what: what.to_owned(), value, allowed });
            }
        }
        let (age_weights, emulator) = self.age_weights.load()?;
        if self.dtype == Precision::F32 && age_weights == AgeWeightMethod::Table {
            tell!("warning: --age-weights table loses the youngest stars in f32; safe does not");
        }
        let settings = ModelSettings {
            frame: self.frame,
            photometry: self.photometry,
            tables: TableSettings {
                n_dust: self.dust_wavelengths,
                spacing: self.table_spacing,
                redshift: self.table_redshift,
            },
            age_weights,
            emulator,
            nodes: LookbackNodes::new(self.nodes)?,
            cosmology: self.cosmology,
            quadrature: self.quadrature,
            dust_law: DustLaw::new(
                self.dust.unwrap_or_default(),
                self.bump_from_slope,
                self.rv_mod,
            )?,
            components: self.components.components(),
            lines: self.lines != LineSource::None,
            line_sigma_km_s: self.line_width,
            imf: self.imf,
            times: self.sfh_times.clone(),
            lgt0: self.lgt0,
            fb: self.fb,
        };
        let grid = match &self.ssp {
            Some(path) => Cow::Owned(ssp::read(path)?),
            None => Cow::Borrowed(ssp::embedded()),
        };
        let grid = self.with_lines(grid)?;
        Ok(ModelParts { grid, filters, settings, place })
    }
}

impl ModelOptions {
    /// The grid with the emission lines that the options ask for.
    fn with_lines<'a>(&self, grid: Cow<'a, SspGrid>) -> Result<Cow<'a, SspGrid>> {
        let lines = match (self.lines, &grid.lines) {
            (LineSource::None, _) => return Ok(grid),
            (LineSource::Grid, Some(lines)) => lines.clone(),
            (LineSource::Grid, None) => {
                let reason =
                    "the SSP grid has no emission lines; --lines fit makes them for any grid";
                return Err(Error::invalid("--lines grid", reason));
            }
            (LineSource::Fit, _) => {
                let fit = match &self.line_fit {
                    Some(path) => Cow::Owned(LineFit::read(path)?),
                    None => Cow::Borrowed(LineFit::embedded()),
                };
                let lgu = grid.lgu.clone().unwrap_or_else(|| fit.range().lgu_nodes());
                fit_lines(&grid, &fit, &lgu)?
            }
        };
        let lines = match self.without_lines[..] {
            [] => lines,
            _ => lines.without(&self.without_lines)?,
        };
        Ok(Cow::Owned(grid.into_owned().with_lines(lines)?))
    }
}

fn time_table(text: &str) -> Result<TimeTable> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let parsed = match parts[..] {
        [first, last, n] => match (first.parse(), last.parse(), n.parse()) {
            (Ok(first), Ok(last), Ok(n)) => Some((first, last, n)),
            _ => None,
        },
        _ => None,
    };
    let (first, last, n) = parsed.ok_or_else(|| {
        Error::invalid("SFH times", format!("{text:?}: expected FIRST,LAST,N as in 0.1,14,100"))
    })?;
    if n > 5000 {
        let allowed = "[2, 5000]".to_owned();
        return Err(Error::OutOfRange {
            what: "number of SFH times".into(),
            value: n as f64,
            allowed,
        });
    }
    TimeTable::uniform(first, last, n)
}
