//! The command line: one file per subcommand, thin over the library.

#![allow(clippy::print_stdout, reason = "printing is what a command line does")]

mod ssp;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::Result;

/// Differentiable stellar population synthesis: the light of galaxies from their physics.
#[derive(Parser)]
#[command(name = "starburn", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show or import grids of simple stellar populations
    Ssp(ssp::Args),
}

/// Runs the command line of this process.
///
/// Exit code 0 for success, 2 for anything the user can mend: arguments, files, devices.
pub fn run() -> ExitCode {
    let outcome: Result<ExitCode> = match Cli::parse().command {
        Command::Ssp(args) => ssp::run(&args),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::from(2)
    })
}
