//! `starburn fit`: parameters of galaxies from their photometry.

use std::fs::{create_dir_all, remove_dir};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::model_options::ModelOptions;
use super::paths::check_different;
use super::progress::{galaxies, in_parts};
use crate::catalog::CatalogReader;
use crate::files::remove_stale_beside;
use crate::filter::embedded_names;
use crate::fit::{
    FitConfig, FitJob, FitSettings, FitSummary, Fitter, FreeParameters, Prior, figures,
};
use crate::{Error, Result};

/// Fit single galaxies to photometry, many at once: most probable parameters, means, uncertainties.
///
/// The catalogue is CSV or Parquet, one galaxy per row, with a column redshift and for each filter
/// either of
///
///   mag_<FILTER>      magerr_<FILTER>        AB magnitudes
///   fnu_ujy_<FILTER>  fnu_ujy_err_<FILTER>   flux densities [microjansky], also negative ones
///
/// An empty value or error means that nothing was measured. Other columns named after parameters fix
/// these, row by row; all others are carried through.
///
/// The output adds the most probable value of each free parameter and of lg_mstar (stars and remnants)
/// with <NAME>_err, and its mean over the posterior probability, <NAME>_mean with <NAME>_std, which is
/// unbiased for samples of galaxies; chi2, n_bands, n_iterations, fit_mag_<FILTER>, n_effective; and
/// status: empty, or why a row was not fitted or its fit has not converged.
///
/// CONFIG is TOML; both keys are optional:
///
///   free = ["logm0", "lgmet", "av"]
///
///   [prior]                                  # others have their usual priors, which are listed
///   av = { mean = 0.5, sigma = 0.3 }         # a Gaussian, cut off at the ends of the range
///   lgmet = { low = -3.0, high = -1.5 }      # the same density in between
///
/// Finished parts wait in the folder OUT.parts; if the run is interrupted, the same command goes on
/// from there.
///
/// Example: starburn fit photometry.csv -o fits.csv --filters lsst,twomass_ks --figures 0,17
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
    /// Parameters to fit, separated by commas [default: those with a usual prior that are no columns]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    free: Vec<String>,
    /// Free parameters and priors, a TOML file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Searches per galaxy, each from another point
    #[arg(long, value_name = "N", default_value_t = FitSettings::default().starts)]
    starts: usize,
    /// Steps after which a search is given up
    #[arg(long, value_name = "N", default_value_t = FitSettings::default().max_iterations)]
    max_iterations: usize,
    /// Most draws from the posterior probability per galaxy, for <NAME>_mean and <NAME>_std; 0 for none
    #[arg(long, value_name = "N", default_value_t = FitSettings::default().draws)]
    draws: usize,
    /// Rows, counted from 0 and separated by commas, whose fits are drawn
    #[arg(long, value_name = "ROW,...", value_delimiter = ',')]
    figures: Vec<usize>,
    /// Folder for the figures
    #[arg(long, value_name = "DIR", default_value = "starburn-fit", requires = "figures")]
    figures_dir: PathBuf,
    /// Stop at the first row that cannot be fitted
    #[arg(long)]
    strict: bool,
    /// Worker threads [default: as many as the machine has; on a GPU 1]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Galaxies fitted at once, per thread [default: 128; on a GPU 2048]
    #[arg(long, value_name = "N")]
    batch: Option<NonZeroUsize>,
    /// Rows of the parts that an interrupted run keeps
    #[arg(long, value_name = "N", default_value_t = FitJob::PART_ROWS)]
    part_rows: NonZeroUsize,
    /// Discard what an interrupted run has kept
    #[arg(long)]
    restart: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    if !args.figures.is_empty() && args.figures_dir.exists() && !args.figures_dir.is_dir() {
        return Err(Error::file(&args.figures_dir, "is not a folder"));
    }
    let mut config = match &args.config {
        Some(path) => FitConfig::read(path)?,
        None => FitConfig::default(),
    };
    if !args.free.is_empty() {
        config.free = Some(args.free.clone());
    }
    // The output may replace the catalogue, which has been read by then. Figures may not.
    let figures = tables_of_figures(args);
    let inputs = || args.model.files().chain(args.config.as_deref());
    check_different(figures.iter().map(PathBuf::as_path), inputs().chain([&*args.catalog]))?;
    let outputs = figures.iter().map(PathBuf::as_path).chain([&*args.output]);
    check_different(outputs, inputs())?;
    let model = args.model.model()?;
    let reader = CatalogReader::open(&args.catalog, 1)?;
    check_rows(&args.figures, reader.n_rows())?;
    let columns: Vec<&str> = reader.column_names().collect();
    warn_of_unused(&columns, &model.filter_names())?;
    let of_file = args.config.as_deref().filter(|_| args.free.is_empty());
    let free = config.parameters(model.components(), &columns).map_err(|e| match of_file {
        Some(path) => Error::file(path, e.to_string()),
        None => e,
    })?;
    let settings =
        FitSettings { starts: args.starts, max_iterations: args.max_iterations, draws: args.draws };
    let fitter = Fitter::new(model, free, settings)?;
    drop(reader);

    let job = FitJob {
        fitter: &fitter,
        strict: args.strict,
        batch: args.batch,
        threads: args.threads,
        part_rows: args.part_rows,
        restart: args.restart,
    };
    // Before the work, so that it is not done in vain.
    let makes_folder = !args.figures.is_empty() && !args.figures_dir.exists();
    if makes_folder {
        create_dir_all(&args.figures_dir).map_err(Error::io("create", &args.figures_dir))?;
    }
    let outcome = in_parts(&args.output, |progress| job.run(&args.catalog, &args.output, progress));
    if makes_folder && outcome.is_err() {
        // Empty as it is, it says nothing.
        let _ = remove_dir(&args.figures_dir);
    }
    let summary = outcome?;
    report(&summary, fitter.free(), &args.output);
    if !args.figures.is_empty() {
        draw(&fitter, args)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The path of a row's figure without its ending.
fn figure_stem(args: &Args, row: usize) -> PathBuf {
    args.figures_dir.join(format!("fit-{row:06}"))
}

/// What the figures write, but for drawings.
fn tables_of_figures(args: &Args) -> Vec<PathBuf> {
    let mut rows = args.figures.clone();
    rows.sort_unstable();
    rows.dedup();
    rows.into_iter().map(|row| figure_stem(args, row).with_extension("csv")).collect()
}

/// Photometry in filters that the program knows but the model does not have is probably forgotten.
fn warn_of_unused(columns: &[&str], chosen: &[&str]) -> Result<()> {
    let known = embedded_names()?;
    let photometry = |name: &&&str| {
        let filter = ["mag_", "fnu_ujy_"].iter().find_map(|before| name.strip_prefix(before));
        filter.is_some_and(|f| known.contains(&f) && !chosen.contains(&f))
    };
    let unused: Vec<&str> = columns.iter().filter(photometry).copied().collect();
    if !unused.is_empty() {
        tell!(
            "warning: photometry in filters that are not in --filters, not used: {}",
            unused.join(" ")
        );
    }
    Ok(())
}

/// Wrong rows are refused before the work.
fn check_rows(rows: &[usize], n_rows: usize) -> Result<()> {
    let wrong = |row: &&usize| **row >= n_rows;
    rows.iter().find(wrong).map_or(Ok(()), |row| {
        let allowed = format!("[0, {n_rows})");
        Err(Error::OutOfRange { what: "--figures: row".to_owned(), value: *row as f64, allowed })
    })
}

fn report(summary: &FitSummary, free: &FreeParameters, output: &Path) {
    if summary.n_resumed > 0 {
        tell!(
            "{} of {} rows had been finished by an earlier run",
            summary.n_resumed,
            summary.n_rows
        );
    }
    let prior = |(name, prior): (&str, &Prior)| match prior {
        Prior::Gaussian { mean, sigma } => format!("{name}={mean}±{sigma}"),
        Prior::Uniform { low, high } => format!("{name}=[{low}, {high}]"),
    };
    let priors: Vec<String> = free.names().into_iter().zip(free.priors()).map(prior).collect();
    tell!("free parameters and priors: {}", priors.join(" "));
    if !summary.defaulted.is_empty() {
        let list: Vec<String> =
            summary.defaulted.iter().map(|(name, value)| format!("{name}={value}")).collect();
        tell!(
            "fixed parameters that are not in the catalogue take their defaults: {}",
            list.join(" ")
        );
    }
    for (what, names) in [
        ("filters without photometry in the catalogue", &summary.unobserved),
        ("columns carried through", &summary.carried),
        ("columns replaced by the fit", &summary.replaced),
    ] {
        if !names.is_empty() {
            tell!("{what}: {}", names.join(" "));
        }
    }
    if let Some((row, status)) = &summary.first_bad {
        tell!(
            "{} of {} rows could not be fitted, see column status; counted from 1, the first is row {row}: {status}",
            summary.n_bad,
            summary.n_rows
        );
    }
    if summary.n_unconverged > 0 {
        tell!(
            "warning: {} of {} fits have not converged, see column status",
            summary.n_unconverged,
            summary.n_rows
        );
    }
    tell!("{} fitted: {}", galaxies(summary.n_rows - summary.n_bad), output.display());
}

fn draw(fitter: &Fitter, args: &Args) -> Result<()> {
    // Of a run that was killed.
    remove_stale_beside(&figure_stem(args, 0));
    let drawn = figures(fitter, &args.output, &args.figures)?;
    for (row, figure) in args.figures.iter().zip(drawn) {
        let stem = figure_stem(args, *row);
        match figure {
            Some(figure) => {
                figure.save(&stem)?;
                say!("row {row}: {}.png, .svg, .csv", stem.display());
            }
            None => tell!("row {row} was not fitted and has no figure"),
        }
    }
    Ok(())
}
