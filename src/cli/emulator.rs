//! `starburn emulator`: neural emulators of P(age).

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};

use crate::device::{DEFAULT_DEVICE, Place, Precision};
use crate::emulator::{
    AgeEmulator, Checkpoint, EmulatorConfig, Evaluation, EvaluationEffort, Event, Look, Quantiles,
    Trainer, evaluate,
};
use crate::files::{remove_stale_beside, write_atomic};
use crate::lock::alone_in;
use crate::plot::{Axis, Corner, Figure, Panel, Series};
use crate::ssp::embedded;
use crate::{Error, Result};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train an emulator as a TOML file says; the same command continues an interrupted training
    ///
    /// Writes checkpoint.safetensors, metrics.csv and, at the end, training.png (.svg, .csv) and
    /// emulator.safetensors, which `predict --age-weights emulator:FILE` takes.
    /// `starburn emulator config` prints the configuration of the embedded one.
    ///
    /// Example: starburn emulator train age.toml -o age
    Train(TrainArgs),
    /// Judge an emulator: errors in ages, magnitudes, colours and gradients against exact histories, where
    /// in its prior they are largest, and times
    ///
    /// Example: starburn emulator evaluate age/emulator.safetensors -o age/evaluation
    Evaluate(EvaluateArgs),
    /// Print the configuration of the embedded emulator
    Config,
}

#[derive(clap::Args)]
struct TrainArgs {
    /// What to train, a TOML file
    config: PathBuf,
    /// Folder for the results
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Discard what an earlier run left in the folder
    #[arg(long)]
    restart: bool,
    /// Device: flex, ndarray, wgpu, cuda
    #[arg(long, default_value = DEFAULT_DEVICE)]
    device: String,
    /// Precision: f64 or f32
    #[arg(long, default_value = "f32")]
    dtype: Precision,
}

#[derive(clap::Args)]
struct EvaluateArgs {
    /// Emulator to judge; without it, the embedded one
    file: Option<PathBuf>,
    /// Write a figure (.png, .svg, .csv) and all numbers (.json) under this name
    #[arg(short, long, value_name = "STEM")]
    output: Option<PathBuf>,
    /// Add the errors to the metadata of FILE
    #[arg(long, requires = "file")]
    record: bool,
    /// Number of galaxies
    #[arg(short, default_value_t = EvaluationEffort::default().n)]
    n: usize,
    /// Number of galaxies whose gradients are compared
    #[arg(long, default_value_t = EvaluationEffort::default().n_gradient)]
    gradients: usize,
    /// Filters of the magnitudes; see `starburn filters`
    #[arg(long, default_value = "lsst")]
    filters: String,
    /// Devices to time, where they are found, separated by commas; none with ''
    #[arg(
        long,
        value_name = "DEVICE,...",
        value_delimiter = ',',
        default_value = "flex,ndarray,wgpu,cuda"
    )]
    timed: Vec<String>,
    /// Device of the errors: flex, ndarray, wgpu, cuda
    #[arg(long, default_value = DEFAULT_DEVICE)]
    device: String,
    /// Precision: f64 or f32
    #[arg(long, default_value = "f32")]
    dtype: Precision,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    match &args.command {
        Command::Train(args) => train(args)?,
        Command::Evaluate(args) => judge(args)?,
        Command::Config => say!("{}", EmulatorConfig::embedded_text().trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

fn train(args: &TrainArgs) -> Result<()> {
    let config = EmulatorConfig::read(&args.config)?;
    let place = Place::open(&args.device, args.dtype)?;
    if args.output.exists() && !args.output.is_dir() {
        return Err(Error::file(&args.output, "is not a folder"));
    }
    std::fs::create_dir_all(&args.output).map_err(Error::io("create", &args.output))?;
    alone_in(&args.output, || train_in(args, config, &place))
}

/// Trains in the folder of the results, which is there.
fn train_in(args: &TrainArgs, config: EmulatorConfig, place: &Place) -> Result<()> {
    let file = |name: &str| args.output.join(name);
    let checkpoint = file("checkpoint.safetensors");
    remove_stale_beside(&checkpoint);
    let steps = config.training.steps;
    let mut trainer = if checkpoint.exists() && !args.restart {
        let state = Checkpoint::read(&checkpoint)?;
        if state.config != config {
            let reason = "belongs to another configuration; give another folder, or --restart";
            return Err(Error::file(&checkpoint, reason));
        }
        tell!("going on after step {} of {steps}", state.step);
        Trainer::resume(state, embedded(), place)?
    } else {
        Trainer::new(config, embedded(), place)?
    };
    let bar = steps_bar(steps, trainer.state().step);
    trainer.run(|event| {
        match event {
            Event::Step(now) => {
                bar.set_position(now.step as u64);
                bar.set_message(format!("loss {:.2e}, rate {:.1e}", now.loss, now.learning_rate));
            }
            Event::Look(look, state) => {
                state.write(&checkpoint)?;
                write_atomic(&file("metrics.csv"), metrics_table(&state.looks).as_bytes())?;
                let line = format!(
                    "step {:>7}: held-out loss {:.2e}, magnitudes {:.1e} (median) {:.1e} (99 %)",
                    look.step, look.held_out, look.median_mag, look.p99_mag
                );
                if bar.is_hidden() { tell!("{line}") } else { bar.println(line) }
            }
        }
        Ok(true)
    })?;
    bar.finish_and_clear();
    // Again, for a run that was killed between its last checkpoint and this.
    write_atomic(&file("metrics.csv"), metrics_table(&trainer.state().looks).as_bytes())?;
    metrics_figure(&trainer.state().looks).save(&file("training"))?;
    let emulator = file("emulator.safetensors");
    let program = concat!("starburn ", env!("CARGO_PKG_VERSION"));
    AgeEmulator::from_checkpoint(trainer.state())?
        .with_fact("program", program)
        .with_fact("device", place.to_string())
        .to_store()?
        .write(&emulator)?;
    say!("{}", emulator.display());
    Ok(())
}

fn steps_bar(steps: usize, done: usize) -> ProgressBar {
    let style = "{wide_bar} step {pos}/{len}, {msg}, {per_sec}, {eta} left";
    let style =
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(steps as u64).with_position(done as u64).with_style(style)
}

fn metrics_table(looks: &[Look]) -> String {
    let mut csv = Look::NAMES.join(",");
    csv.push('\n');
    for look in looks {
        let numbers = look.numbers().map(|x| format!("{x:?}"));
        let _ = writeln!(csv, "{}", numbers.join(","));
    }
    csv
}

fn metrics_figure(looks: &[Look]) -> Figure {
    let of = |field: fn(&Look) -> f64| looks.iter().map(field).collect::<Vec<f64>>();
    let steps = of(|l| l.step);
    let loss = Panel::new(Axis::linear("Step"), Axis::log("Loss"))
        .with(Series::new("training", steps.clone(), of(|l| l.loss)))
        .with(Series::new("held out", steps.clone(), of(|l| l.held_out)));
    let errors = Panel::new(Axis::linear("Step"), Axis::log("Error of held-out galaxies"))
        .with(Series::new("magnitudes, 99 %", steps.clone(), of(|l| l.p99_mag)))
        .with(Series::new("magnitudes, median", steps.clone(), of(|l| l.median_mag)))
        .with(Series::new("mass [mag], median", steps.clone(), of(|l| l.median_mass_mag)))
        .with(Series::new("cumulative, rms", steps.clone(), of(|l| l.rms_cumulative)));
    let rate = Panel::new(Axis::linear("Step"), Axis::linear("Learning rate")).with(Series::new(
        "",
        steps,
        of(|l| l.learning_rate),
    ));
    Figure::new(vec![loss, errors, rate], 3)
}

fn judge(args: &EvaluateArgs) -> Result<()> {
    let emulator = match &args.file {
        Some(path) => AgeEmulator::read(path)?,
        None => AgeEmulator::embedded().clone(),
    };
    let place = Place::open(&args.device, args.dtype)?;
    let effort = EvaluationEffort {
        n: args.n,
        n_gradient: args.gradients,
        filters: args.filters.clone(),
        timed: args.timed.clone(),
    };
    let evaluation = evaluate(&emulator, embedded(), &effort, &place)?;
    print_evaluation(&evaluation);
    if let Some(stem) = &args.output {
        let mut json = stem.clone().into_os_string();
        json.push(".json");
        let text = serde_json::to_string_pretty(&evaluation)
            .map_err(|e| Error::invalid("evaluation", e.to_string()))?;
        write_atomic(json.as_ref(), text.as_bytes())?;
        evaluation_figure(&evaluation).save(stem)?;
        say!("\n{}.png, .svg, .csv, .json", stem.display());
    }
    if let (true, Some(path)) = (args.record, &args.file) {
        recorded(emulator, &evaluation).to_store()?.write(path)?;
        say!("{}", path.display());
    }
    Ok(())
}

/// The emulator with its errors among its facts.
fn recorded(emulator: AgeEmulator, evaluation: &Evaluation) -> AgeEmulator {
    let of =
        |q: Quantiles| format!("median {:.2e}, 99 % {:.2e}, max {:.2e}", q.median, q.p99, q.max);
    let errors = &evaluation.paths[0];
    let gradients = &evaluation.gradients;
    emulator
        .with_fact("errors_of", format!("{} galaxies drawn from the prior box", evaluation.n))
        .with_fact("error_magnitudes", of(errors.magnitudes))
        .with_fact("error_colours", of(errors.colours))
        .with_fact("error_cumulative", of(errors.cumulative))
        .with_fact("error_lg_mass", of(errors.lg_mass))
        .with_fact(
            "gradient_cosine",
            format!("median {:.6}, 1 % {:.6}", gradients.cosine_median, gradients.cosine_p01),
        )
}

fn print_evaluation(evaluation: &Evaluation) {
    let row = |what: &str, q: Quantiles| {
        say!("  {what:<26} {:>9.1e} {:>9.1e} {:>9.1e}", q.median, q.p99, q.max);
    };
    say!(
        "errors of {} galaxies       {:>9} {:>9} {:>9}",
        evaluation.n,
        "median",
        "99 %",
        "largest"
    );
    for path in &evaluation.paths {
        say!("{}", path.name);
        row("cumulative distribution", path.cumulative);
        row("magnitudes", path.magnitudes);
        row("colours", path.colours);
        row("log10 mass", path.lg_mass);
        for (band, errors) in &path.bands {
            row(&format!("  {band}"), *errors);
        }
    }
    let g = &evaluation.gradients;
    say!("\ngradients of {} galaxies, emulated against exact", evaluation.n_gradient);
    say!(
        "  cosine of the angle        {:>9.6} (median) {:>9.6} (1 %)",
        g.cosine_median,
        g.cosine_p01
    );
    row("relative difference", g.relative);
    say!("\nmagnitudes by region");
    for region in &evaluation.regions {
        let [lo, hi] = region.range;
        row(&format!("{:<13} {lo:>5.2} {hi:>5.2}", region.parameter), region.magnitudes);
    }
    if evaluation.speeds.is_empty() {
        return;
    }
    say!("\nmicroseconds per galaxy: {:>20} {:>26}", "P(age)", "and gradient of a magnitude");
    say!(
        "{:<16} {:>6} {:>10} {:>10} {:>10} {:>10}",
        "",
        "batch",
        "nodes",
        "emulator",
        "nodes",
        "emulator"
    );
    for s in &evaluation.speeds {
        say!(
            "{:<16} {:>6} {:>10.2} {:>10.2} {:>10.2} {:>10.2}",
            s.device,
            s.batch,
            s.exact_us[0],
            s.emulator_us[0],
            s.exact_us[1],
            s.emulator_us[1]
        );
    }
}

fn evaluation_figure(evaluation: &Evaluation) -> Figure {
    let n = evaluation.distribution.len() - 1;
    let share: Vec<f64> = (0..=n).map(|i| i as f64 / n as f64).collect();
    let distribution = Panel::new(
        Axis::log("Error of magnitudes [mag]").range(1e-6, 1.0),
        Axis::linear("Share with smaller errors"),
    )
    .with(Series::new("", evaluation.distribution.clone(), share));
    let bands = |of: fn(&Quantiles) -> f64| {
        evaluation.paths.iter().fold(
            Panel::new(
                Axis::linear("Band, from the bluest"),
                Axis::log("Error of magnitudes [mag]"),
            )
            .legend(Corner::Above),
            |panel, path| {
                let errors: Vec<f64> = path.bands.iter().map(|(_, q)| of(q)).collect();
                let x: Vec<f64> = (1..=errors.len()).map(|k| k as f64).collect();
                panel.with(Series::new(path.name.clone(), x, errors))
            },
        )
    };
    let mut regions = Panel::new(
        Axis::linear("Place in the range of the parameter"),
        Axis::log("99th percentile [mag]"),
    )
    .legend(Corner::Above);
    for parameter in critical_parameters(evaluation) {
        let of = evaluation.regions.iter().filter(|r| r.parameter == parameter);
        let errors: Vec<f64> = of.map(|r| r.magnitudes.p99).collect();
        let n = errors.len() as f64;
        let x: Vec<f64> = (0..errors.len()).map(|i| (i as f64 + 0.5) / n).collect();
        regions = regions.with(Series::new(parameter, x, errors));
    }
    let panels = vec![
        distribution.title("Emulator"),
        bands(|q| q.median).title("Median"),
        bands(|q| q.p99).title("99th percentile"),
        regions.title("Where it is worst"),
    ];
    Figure::new(panels, 2).note(format!("{} galaxies drawn from the prior", evaluation.n))
}

/// The parameters with the worst regions, at most so many that a panel can show them.
fn critical_parameters(evaluation: &Evaluation) -> Vec<&str> {
    let mut regions: Vec<_> = evaluation.regions.iter().collect();
    regions.sort_by(|a, b| b.magnitudes.p99.total_cmp(&a.magnitudes.p99));
    let mut names: Vec<&str> = Vec::new();
    for region in regions {
        if names.len() < 5 && !names.contains(&region.parameter.as_str()) {
            names.push(&region.parameter);
        }
    }
    names
}
