//! `starburn predict`: magnitudes for a catalogue.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::model_options::ModelOptions;
use super::paths::check_different;
use super::predict_population::OfHaloes;
use super::progress::{galaxies, in_parts};
use crate::dust::DustModel;
use crate::galhalo::Mixing;
use crate::metallicity::MetallicityModel;
use crate::nebular::IonizationParams;
use crate::parameters::ParameterSet;
use crate::population::{Components, EquivalentWidths};
use crate::predict::PredictJob;
use crate::sfh::{BurstParams, SfhModel};
use crate::{Error, Result};

/// Parameters of the Jacobian unless `--wrt` chooses others: all but the unobscured fraction.
const NOT_DIFFERENTIATED: &str = "dust_floor";
/// Endings that are not those of safetensors files.
const OTHER_FORMATS: [&str; 14] = [
    "csv", "dat", "ecsv", "fits", "h5", "hdf5", "json", "npy", "npz", "parquet", "pickle", "pkl",
    "pq", "txt",
];

/// Predict magnitudes, masses, spectra and gradients for a catalogue of galaxies.
///
/// The catalogue is CSV or Parquet, one galaxy per row. Its columns are named after the parameters:
///
///   halo         logm0 logtc early_index late_index t_peak
///   SFH          lgmcrit lgy_at_mcrit indx_lo indx_hi lg_qt qlglgdt lg_drop lg_rejuv
///   metallicity  lgmet lgmet_scatter
///   dust         av dust_bump dust_slope dust_floor
///   observer     redshift t_obs_gyr (default: age of the Universe at the redshift)
///
/// Missing columns take defaults, which are listed; other columns are carried through. A row that
/// cannot be predicted gets a text in the column `status` and no magnitudes; the exit code is 1 when
/// there is no other.
///
/// Memory does not grow with the catalogue. Finished parts wait in the folder OUT.parts until the last
/// one is done; if the run is interrupted, the same command goes on from there.
///
/// Example: starburn predict galaxies.csv -o magnitudes.parquet --filters lsst,euclid_vis
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    /// Catalogue to read, .csv or .parquet
    catalog: PathBuf,
    /// Catalogue to write, .csv or .parquet
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    #[command(flatten)]
    model: ModelOptions,
    /// Write d(magnitude)/d(parameter), [n_gal, n_filter, n_param], to a safetensors file
    #[arg(long, value_name = "FILE")]
    jacobian: Option<PathBuf>,
    /// Parameters of the Jacobian, separated by commas [default: all but dust_floor and t_obs_gyr]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', requires = "jacobian")]
    wrt: Vec<String>,
    /// Write the spectra, [n_gal, n_wave], to a safetensors file
    #[arg(long, value_name = "FILE")]
    spectra: Option<PathBuf>,
    /// Report band fluxes too: columns fnu_ujy_<FILTER> [microjansky], or lnu_lsun_hz_<FILTER> in the rest
    /// frame
    #[arg(long)]
    fluxes: bool,
    /// Report star formation rates at the time of observation, without bursts: column lg_sfr [log10 Msun/yr]
    #[arg(long)]
    sfr: bool,
    /// Emission lines to report, by name, separated by commas: columns lg_lum_<LINE> [log10 erg/s] and
    /// lg_flux_<LINE> [log10 erg/s/cm2]; needs --lines
    #[arg(long, value_name = "LINE,...", value_delimiter = ',')]
    line_columns: Vec<String>,
    /// Rest-frame equivalent widths to report, by name, separated by commas: columns ew_<NAME> [Angstrom]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    ew_columns: Vec<String>,
    /// Stop at the first row that cannot be predicted
    #[arg(long)]
    strict: bool,
    /// Worker threads [default: as many as the machine has; on a GPU 1]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Rows computed at once, per thread [default: 256, with --jacobian 128; on a GPU 4096]
    #[arg(long, value_name = "N")]
    batch: Option<NonZeroUsize>,
    /// Rows of the parts that an interrupted run keeps
    #[arg(long, value_name = "N", default_value_t = PredictJob::PART_ROWS)]
    part_rows: NonZeroUsize,
    /// Discard what an interrupted run has kept
    #[arg(long)]
    restart: bool,
    /// The catalogue holds haloes, which get galaxies with the parameters of this file, such as
    /// best_fit.toml of `starburn optimize`. Their histories, metallicities and dust are those of
    /// populations: --sfh, --burst, --metallicity, --dust-model and the like do not go with it
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "jacobian", "wrt", "spectra", "fluxes", "sfr", "line_columns", "ew_columns", "strict", "part_rows",
        "restart"
    ])]
    population: Option<PathBuf>,
    /// With --population: fluxes, one galaxy per halo with the mean light of its kinds; or weights, one
    /// galaxy of each kind
    #[arg(long, requires = "population", default_value_t = Mixing::Fluxes)]
    mixing: Mixing,
    /// With --population: seed of the galaxies
    #[arg(long, requires = "population", default_value_t = 0)]
    seed: u64,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    if let Some(parameters) = &args.population {
        let of_haloes = OfHaloes {
            catalog: &args.catalog,
            output: &args.output,
            parameters,
            model: &args.model,
            mixing: args.mixing,
            seed: args.seed,
            threads: args.threads,
            batch: args.batch,
        };
        return of_haloes.run();
    }
    // The output may replace the catalogue, which has been read by then; all else must differ.
    let sides = [args.jacobian.as_deref(), args.spectra.as_deref()];
    let outputs = [Some(args.output.as_path())].into_iter().chain(sides).flatten();
    check_different(outputs, args.model.files())?;
    check_different(sides.into_iter().flatten(), [args.catalog.as_path()])?;
    sides.into_iter().flatten().try_for_each(check_side_file)?;
    let model = args.model.model()?;
    let wrt = parameter_indices(&args.wrt, model.components())?;
    let lines = args.line_columns.iter().map(|name| model.line_index(name));
    let lines = lines.collect::<Result<Vec<usize>>>()?;
    let widths = match args.ew_columns[..] {
        [] => None,
        _ => Some(EquivalentWidths::new(&model, &args.ew_columns)?),
    };
    let job = PredictJob {
        model: &model,
        strict: args.strict,
        jacobian: args.jacobian.as_deref().map(|path| (path, wrt.as_slice())),
        spectra: args.spectra.as_deref(),
        fluxes: args.fluxes,
        sfr: args.sfr,
        lines: &lines,
        widths: widths.as_ref(),
        batch: args.batch,
        threads: args.threads,
        part_rows: args.part_rows,
        restart: args.restart,
    };
    let summary = in_parts(&args.output, |progress| {
        job.run_noting(&args.catalog, &args.output, warn_of_misnamed, progress)
    })?;

    if summary.n_resumed > 0 {
        tell!(
            "{} of {} rows had been finished by an earlier run",
            summary.n_resumed,
            summary.n_rows
        );
    }
    if !summary.defaulted.is_empty() {
        let list: Vec<String> =
            summary.defaulted.iter().map(|(name, value)| format!("{name}={value}")).collect();
        tell!("columns not in the catalogue take their defaults: {}", list.join(" "));
    }
    if summary.t_obs_from_redshift {
        tell!("t_obs_gyr: the age of the Universe at each redshift");
    }
    let foreign: Vec<&str> =
        summary.carried.iter().map(String::as_str).filter(|c| elsewhere(c)).collect();
    if !foreign.is_empty() {
        tell!(
            "warning: parameters of other models than the chosen ones, not used: {}",
            foreign.join(" ")
        );
    }
    let undrawn = model.undrawn_lines();
    if args.spectra.is_some() && !undrawn.is_empty() {
        tell!("lines at or beyond the ends of the spectra, not drawn: {}", undrawn.join(", "));
    }
    if !summary.carried.is_empty() {
        tell!("columns carried through: {}", summary.carried.join(" "));
    }
    if !summary.replaced.is_empty() {
        tell!("columns replaced by predictions: {}", summary.replaced.join(" "));
    }
    if summary.n_outside > 0 {
        tell!(
            "warning: {} of {} rows are outside the box in which the emulator was trained, see column outside_prior",
            summary.n_outside,
            summary.n_rows
        );
    }
    if summary.n_beyond_grid > 0 {
        let lgmet = model.grid().metallicities.lgmet();
        tell!(
            "warning: {} rows have metallicities beyond those of the SSP grid, log10 Z from {} to {}, and are \
             predicted with the nearest",
            summary.n_beyond_grid,
            lgmet[0],
            lgmet[lgmet.len() - 1]
        );
    }
    if let Some((row, status)) = &summary.first_bad {
        tell!(
            "{} of {} rows could not be predicted, see column status; counted from 1, the first is row {row}: {status}",
            summary.n_bad,
            summary.n_rows
        );
    }
    let n = summary.n_rows - summary.n_bad;
    tell!("{} predicted: {}", galaxies(n), args.output.display());
    // A catalogue of which nothing could be used is no success, though the output says why.
    Ok(ExitCode::from(u8::from(n == 0 && summary.n_rows > 0)))
}

fn warn_of_misnamed(columns: &[(String, &'static str)]) {
    for (name, known) in columns {
        tell!("warning: column {name:?} is not used; the parameter is called {known:?}");
    }
}

/// Checks that the name of a safetensors file does not promise another format.
fn check_side_file(path: &Path) -> Result<()> {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase);
    match ending.filter(|ending| OTHER_FORMATS.contains(&ending.as_str())) {
        Some(ending) => {
            let reason =
                format!("is written as safetensors, not as .{ending}; name it .safetensors");
            Err(Error::file(path, reason))
        }
        None => Ok(()),
    }
}

/// True for a parameter of some model.
fn elsewhere(column: &str) -> bool {
    let sfh = SfhModel::ALL.iter().flat_map(|m| m.info());
    let metallicity = MetallicityModel::ALL.iter().flat_map(|m| m.info());
    let dust = DustModel::ALL.iter().flat_map(|m| m.info());
    let optional = BurstParams::INFO.iter().chain(IonizationParams::INFO).copied();
    sfh.chain(metallicity).chain(dust).chain(optional).any(|p| p.name == column)
}

fn parameter_indices(names: &[String], components: &Components) -> Result<Vec<usize>> {
    let known = components.names();
    if names.is_empty() {
        return Ok((0..known.len()).filter(|j| known[*j] != NOT_DIFFERENTIATED).collect());
    }
    let indices = names.iter().map(|name| components.index(name));
    let indices = indices.collect::<Result<Vec<usize>>>()?;
    for (i, j) in indices.iter().enumerate() {
        if indices[..i].contains(j) {
            return Err(Error::invalid("--wrt", format!("{} is named twice", known[*j])));
        }
    }
    Ok(indices)
}
