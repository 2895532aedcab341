//! The `starburn` command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    starburn::cli::run()
}
