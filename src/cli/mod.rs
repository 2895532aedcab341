//! The command line: one file per subcommand, thin over the library.

/// Prints a line to standard output.
macro_rules! say {
    ($($part:tt)*) => { $crate::cli::print_line(format_args!($($part)*)) };
}

/// Prints a line to standard error, whatever signs the names in it have.
macro_rules! tell {
    ($($part:tt)*) => { eprintln!("{}", $crate::error::plain(&format!($($part)*))) };
}

mod bench;
mod bench_backends;
mod bench_galaxies;
mod demo;
mod doctor;
mod emulator;
mod figures;
mod filters;
mod fit;
mod history;
mod model_options;
mod nebular;
mod optimize;
mod optimize_figures;
mod parameters;
mod paths;
mod predict;
mod predict_population;
mod progress;
mod ssp;

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::Result;
use crate::error::plain;

/// Differentiable stellar population synthesis: the light of galaxies from their physics.
#[derive(Parser)]
#[command(name = "starburn", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

// Where the arguments have a text of their own for `--help`, a summary by `about`: a doc comment would
// replace that text.
#[derive(Subcommand)]
enum Command {
    #[command(
        about = "Show what the program does: a few galaxies and a small population, with figures"
    )]
    Demo(demo::Args),
    #[command(
        about = "Predict magnitudes, masses, spectra and gradients for a catalogue of galaxies"
    )]
    Predict(Box<predict::Args>),
    #[command(about = "Fit single galaxies to photometry, many at once")]
    Fit(Box<fit::Args>),
    #[command(about = "Follow galaxies through cosmic time: colours, lines, rates, with gradients")]
    History(history::Args),
    #[command(about = "Reproduce the figures of the DSPS paper")]
    Figures(figures::Args),
    #[command(about = "List the parameters of a model: the columns of its catalogues")]
    Parameters(parameters::Args),
    #[command(about = "List filters: embedded ones or your own")]
    Filters(filters::Args),
    /// Show or import grids of simple stellar populations
    Ssp(ssp::Args),
    /// List the fitted emission lines or fit them again
    Nebular(nebular::Args),
    /// Train and judge neural emulators of P(age)
    Emulator(emulator::Args),
    #[command(
        about = "Find the parameters of a whole population from the distributions of its galaxies"
    )]
    Optimize(optimize::Args),
    /// Measure how fast, and how accurate, this machine computes
    Bench(bench::Args),
    #[command(about = "Check devices, embedded data and a few numbers")]
    Doctor(doctor::Args),
}

/// Runs the command line of this process.
///
/// Exit code 0 for success, 1 when `doctor` finds something wrong and when `predict` can predict no row, 2 for anything the user can
/// mend: arguments, files, devices.
pub fn run() -> ExitCode {
    let outcome: Result<ExitCode> = match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Fit(args) => fit::run(&args),
        Command::History(args) => history::run(&args),
        Command::Figures(args) => figures::run(&args),
        Command::Parameters(args) => parameters::run(&args),
        Command::Filters(args) => filters::run(&args),
        Command::Ssp(args) => ssp::run(&args),
        Command::Nebular(args) => nebular::run(&args),
        Command::Emulator(args) => emulator::run(&args),
        Command::Optimize(args) => optimize::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Doctor(args) => doctor::run(&args),
    };
    outcome.unwrap_or_else(|error| {
        tell!("error: {error}");
        ExitCode::from(2)
    })
}

/// Checks a table of model options, as configurations have it.
///
/// # Errors
/// Naming the option.
pub(crate) fn check_model_table(table: &toml::Table) -> Result<()> {
    model_options::ModelOptions::from_table(table).map(drop)
}

/// Prints a line. A reader that has gone, as in `starburn demo | head`, does not stop the work, whose
/// results are in files.
fn print_line(line: fmt::Arguments<'_>) {
    // Line by line: the rest of what may stand in files has no business on a terminal.
    let text = line.to_string();
    let lines: Vec<String> = text.split('\n').map(plain).collect();
    let _ = writeln!(std::io::stdout(), "{}", lines.join("\n"));
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn long_texts_of_commands_are_shown() {
        let mut cli = Cli::command();
        for (command, parts) in [
            ("predict", ["logm0 logtc", "carried through", "Example: starburn predict"]),
            ("fit", ["magerr_<FILTER>", "free = [", "Example: starburn fit"]),
            ("optimize", ["[[statistic]]", "parameters.csv", "Example: starburn optimize"]),
            ("history", ["[times]", "quantities", "Example: starburn history"]),
        ] {
            let command = cli.find_subcommand_mut(command).unwrap();
            // In the list of all commands there is a line for each.
            assert!(!command.get_about().unwrap().to_string().contains('\n'));
            let help = command.render_long_help().to_string();
            for part in parts {
                assert!(help.contains(part), "no {part:?} in {help}");
            }
        }
    }
}
