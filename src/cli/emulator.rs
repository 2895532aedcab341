//! `starburn emulator`: neural emulators of P(age).

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};

use crate::device::{DEFAULT_DEVICE, Place, Precision};
use crate::emulator::{Checkpoint, EmulatorConfig, Event, Look, Trainer};
use crate::files::write_atomic;
use crate::plot::{Axis, Figure, Panel, Series};
use crate::ssp::embedded;
use crate::{Error, Result};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train an emulator as a TOML file says; run again, it goes on where it was stopped
    ///
    /// Writes checkpoint.safetensors, metrics.csv, metrics.png (.svg) and, at the end,
    /// emulator.safetensors. `starburn emulator config` prints the configuration of the embedded one.
    ///
    /// Example: starburn emulator train age.toml -o age
    Train(TrainArgs),
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
    /// flex, ndarray, wgpu, cuda
    #[arg(long, default_value = DEFAULT_DEVICE)]
    device: String,
    /// f32 or f64
    #[arg(long, default_value = "f32")]
    dtype: Precision,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    match &args.command {
        Command::Train(args) => train(args)?,
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
    let file = |name: &str| args.output.join(name);
    let checkpoint = file("checkpoint.safetensors");
    let steps = config.training.steps;
    let mut trainer = if checkpoint.exists() && !args.restart {
        let state = Checkpoint::read(&checkpoint)?;
        if state.config != config {
            let reason = "belongs to another configuration; give another folder, or --restart";
            return Err(Error::file(&checkpoint, reason));
        }
        eprintln!("going on after step {} of {steps}", state.step);
        Trainer::resume(state, embedded(), &place)?
    } else {
        Trainer::new(config, embedded(), &place)?
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
                if bar.is_hidden() { eprintln!("{line}") } else { bar.println(line) }
            }
        }
        Ok(true)
    })?;
    bar.finish_and_clear();
    metrics_figure(&trainer.state().looks).save(&file("metrics"))?;
    say!("{}", checkpoint.display());
    Ok(())
}

fn steps_bar(steps: usize, done: usize) -> ProgressBar {
    let style = "{wide_bar} step {pos}/{len}, {msg}, {per_sec}, {eta} left";
    let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
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
    let rate = Panel::new(Axis::linear("Step"), Axis::linear("Learning rate"))
        .with(Series::new("", steps, of(|l| l.learning_rate)));
    Figure::new(vec![loss, errors, rate], 3)
}
