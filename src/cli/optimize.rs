//! `starburn optimize`: population parameters from the distributions of galaxies.

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::model_options::{ModelOptions, ModelParts};
use super::optimize_figures::{
    comparison_stems, correlation_figure, history_figure, statistics_figures,
};
use super::paths::check_different;
use crate::files::{remove_stale_beside, write_atomic};
use crate::galhalo::FreeParameters;
use crate::lock::alone_in;
use crate::optimize::{
    Fisher, FittedParameter, Ingredients, Objective, OptimizeConfig, Problem, Record, State,
    directions_csv, fisher_csv, fitted_parameters, optimize, parameters_csv, write_statistics,
};
use crate::plot::Figure;
use crate::summary::QuantityNames;
use crate::{Error, Result};

/// The file of the state.
const STATE: &str = "state.safetensors";
/// Names of the tables, in the order in which they are written.
const TABLES: [&str; 6] = [
    "history.csv",
    "parameters.csv",
    "fisher.csv",
    "directions.csv",
    "statistics.csv",
    "best_fit.toml",
];

/// Time between two writings of the state.
const PATIENCE: Duration = Duration::from_secs(1);

/// Find the parameters of a whole population from the distributions of its galaxies.
///
/// Haloes get galaxies by DiffmahPop, DiffstarPop, a mass-metallicity relation and a dust model;
/// their luminosity functions, colours or mean relations, as soft histograms, are compared with a
/// target, and the exact gradient is followed to the best parameters. CONFIG is TOML; a small one:
///
///   [model]                       # options of `starburn predict` without dashes
///   filters = "lsst_g,lsst_r"
///
///   [population]
///   mock = { redshifts = [0.5], numbers = [20000] }   # or catalog = "haloes.parquet"
///   free = ["mzr.mzr_t0_ytp", "dust.av_*"]            # `starburn optimize CONFIG --list` shows all
///
///   [target]
///   truth = { "dust.av_norm" = 0.3 }                  # or file = "counts.csv"
///
///   [[statistic]]
///   name = "counts in r and g - r"
///   kind = "histogram"                                # or "counts", "mean"
///   axes = [{ quantity = "lsst_r", first = 17, last = 25, bins = 8 },
///           { quantity = "lsst_g - lsst_r", first = 0, last = 2, bins = 5 }]
///
///   [[stage]]                                         # or "lbfgs", "gauss_newton"
///   method = "adam"
///   steps = 50
///
/// Writes parameters.csv, best_fit.toml, statistics.csv, history.csv, fisher.csv, directions.csv and
/// the figures comparison, loss and correlations. If the run is interrupted, the same command goes
/// on from the last state in the folder.
///
/// Example: starburn optimize survey.toml -o survey
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    /// What to do, a TOML file
    config: PathBuf,
    /// Folder for the results
    #[arg(short, long, value_name = "DIR", default_value = "starburn-optimize")]
    output: PathBuf,
    /// List all parameters of the population with their values, and the quantities of its galaxies
    #[arg(long)]
    list: bool,
    /// Discard what an earlier run left in the folder
    #[arg(long)]
    restart: bool,
    /// Worker threads [default: as many as the machine has; on a GPU 1]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let config = OptimizeConfig::read(&args.config)?;
    let in_file = |e: Error| match e {
        e @ (Error::Io { .. } | Error::File { .. }) => e,
        e => Error::file(&args.config, e.to_string()),
    };
    let options = model_options(&config).map_err(in_file)?;
    let ModelParts { grid, filters, settings, place } = options.parts().map_err(in_file)?;
    let threads = args.threads.unwrap_or_else(|| place.default_threads()).get();
    let ingredients = Ingredients { grid: &grid, filters: &filters, settings, place, threads };
    if args.list {
        let (free, quantities) = config.overview(&ingredients).map_err(in_file)?;
        list(&free, &quantities)?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.output.exists() && !args.output.is_dir() {
        return Err(Error::file(&args.output, "is not a folder"));
    }
    let named: Vec<PathBuf> = config.files().chain([args.config.clone()]).collect();
    let outputs = outputs(&args.output, config.n_statistics());
    check_different(
        outputs.iter().map(PathBuf::as_path),
        named.iter().map(PathBuf::as_path).chain(options.files()),
    )?;
    let problem = config.problem(&ingredients).map_err(in_file)?;
    let job = config.checksum(options.files())?;
    std::fs::create_dir_all(&args.output).map_err(Error::io("create", &args.output))?;
    alone_in(&args.output, || minimize(args, &config, problem, &job))?;
    Ok(ExitCode::SUCCESS)
}

fn model_options(config: &OptimizeConfig) -> Result<ModelOptions> {
    let options = ModelOptions::from_table(&config.model)?;
    options.check_of_populations()?;
    if config.model.keys().any(|key| key.replace('-', "_") == "dust_wavelengths") {
        return Err(Error::invalid("dust_wavelengths", "belongs to [population]"));
    }
    Ok(options)
}

/// All files that are written to a folder.
fn outputs(folder: &Path, n_statistics: usize) -> Vec<PathBuf> {
    let figures = ["loss", "correlations"].map(str::to_owned);
    let figures = figures.into_iter().chain(comparison_stems(n_statistics));
    let figures = figures.flat_map(|stem| Figure::paths(&folder.join(stem)));
    [STATE].iter().chain(&TABLES).map(|name| folder.join(name)).chain(figures).collect()
}

fn list(free: &FreeParameters, quantities: &QuantityNames) -> Result<()> {
    let names = free.names();
    let values = free.values(&free.start())?;
    for (name, value) in free.parameters().names().iter().zip(values) {
        let is_free = if names.contains(&name.as_str()) { "free" } else { "" };
        say!("{name:<44} {value:>12.5} {is_free}");
    }
    say!("\nquantities: {}", quantities.as_slice().join(", "));
    Ok(())
}

fn minimize(args: &Args, config: &OptimizeConfig, problem: Problem, job: &str) -> Result<()> {
    let Problem { mut objective, free, truth, n_galaxies, .. } = problem;
    let file = |name: &str| args.output.join(name);
    let path = file(STATE);
    remove_stale_beside(&path);
    let state = match path.exists() && !args.restart {
        true => {
            let state = State::read(&path, job)?;
            state
                .check(free.n_free(), config.stages.len())
                .map_err(|e| Error::file(&path, e.to_string()))?;
            tell!("going on after {} steps", state.history.len() - 1);
            state
        }
        false => State::start(free.start()),
    };
    say!(
        "{n_galaxies} galaxies, {} values of {} statistics, {} free parameters",
        objective.target().n_values(),
        objective.target().statistics().iter().count(),
        free.n_free()
    );
    let bar = steps_bar(config.stages.iter().map(|stage| stage.steps).sum());
    let mut written: Option<Instant> = None;
    let state = optimize(&mut objective, &config.stages, state, |state| {
        let stage = &config.stages[state.stage];
        let before: usize = config.stages[..state.stage].iter().map(|stage| stage.steps).sum();
        bar.set_position((before + state.step) as u64);
        if let Some(Record { value, gradient_norm, .. }) = state.history.last() {
            let line = format!("{}: loss {value:.6e}, gradient {gradient_norm:.1e}", stage.method);
            if bar.is_hidden() {
                tell!("step {:>4} {line}", state.history.len() - 1);
            }
            bar.set_message(line);
        }
        if written.is_none_or(|written| written.elapsed() > PATIENCE) {
            state.write(&path, job)?;
            written = Some(Instant::now());
        }
        Ok(true)
    })?;
    state.write(&path, job)?;
    bar.set_message("Fisher matrix");
    let fisher = Fisher::new(objective.information(&state.best.x, 1)?)?;
    let statistics = [objective.statistics(&free.start())?, objective.statistics(&state.best.x)?];
    bar.finish_and_clear();

    let found = fitted_parameters(&free, &state.best.x, truth.as_deref(), &fisher)?;
    let [start, best] = &statistics;
    let names = free.names();
    let [history, parameters, matrix, directions, of_bins, best_fit] = TABLES.map(file);
    write_atomic(&history, history_csv(&state.history).as_bytes())?;
    write_atomic(&parameters, parameters_csv(&found).as_bytes())?;
    write_atomic(&matrix, fisher_csv(&fisher, &names).as_bytes())?;
    write_atomic(&directions, directions_csv(&fisher, &names).as_bytes())?;
    write_statistics(objective.target(), start, best, &of_bins)?;
    let comment = format!("Found by starburn optimize; loss {:.6e}", state.best.value);
    let all = free.values(&state.best.x)?;
    free.parameters().write_values(&all, &comment, &best_fit)?;
    history_figure(&state.history, &config.stages).save(&file("loss"))?;
    correlation_figure(&fisher, &names).save(&file("correlations"))?;
    for (stem, figure) in statistics_figures(objective.target(), start, best) {
        figure.save(&file(&stem))?;
    }
    report(&state, &found, &args.output);
    Ok(())
}

fn report(state: &State, found: &[FittedParameter], folder: &Path) {
    let first = state.history.first().map_or(f64::NAN, |record| record.value);
    let steps = state.history.len() - 1;
    say!("loss {first:.4e} at the start, {:.4e} after {steps} steps\n", state.best.value);
    let with_truth = found.iter().any(|p| p.truth.is_some());
    let heads = if with_truth { ["truth", "pull"] } else { ["", ""] };
    say!(
        "{:<40} {:>11} {:>11} {:>10} {:>11} {:>6}",
        "parameter",
        "start",
        "best",
        "error",
        heads[0],
        heads[1]
    );
    for p in found {
        let error = match p.is_constrained() {
            true => format!("{:.2e}", p.error),
            false => "open".to_owned(),
        };
        let truth = p.truth.map_or(String::new(), |truth| format!("{truth:.5}"));
        let pull = p.pull().filter(|_| p.is_constrained());
        let pull = pull.map_or(String::new(), |pull| format!("{pull:.2}"));
        let FittedParameter { name, start, best, .. } = p;
        say!("{name:<40} {start:>11.5} {best:>11.5} {error:>10} {truth:>11} {pull:>6}");
    }
    say!("\nin {}: parameters.csv, best_fit.toml, statistics.csv, figures", folder.display());
}

fn steps_bar(steps: usize) -> ProgressBar {
    let style = "{wide_bar} step {pos}/{len}, {msg}, {elapsed}";
    let style =
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(steps as u64).with_style(style)
}

fn history_csv(history: &[Record]) -> String {
    let mut csv = Record::NAMES.join(",");
    csv.push('\n');
    for record in history {
        let Record { stage, step, value, gradient_norm } = record;
        let _ = writeln!(csv, "{stage},{step},{value:?},{gradient_norm:?}");
    }
    csv
}
