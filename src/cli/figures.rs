//! `starburn figures`: the figures of the DSPS paper.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use crate::device::{DEFAULT_DEVICE, Place, Precision};
use crate::figures::{FIGURES, PaperFigure, Setup, select};
use crate::{Error, Result};

/// Reproduce the figures of the DSPS paper (Hearin et al. 2023, MNRAS 521, 1741) on the embedded SSP
/// grid, as PNG, SVG and CSV.
///
/// Example: starburn figures -o figures --only 1,7,A1
#[derive(clap::Args)]
pub(super) struct Args {
    /// Folder for the figures and their numbers
    #[arg(short, long, value_name = "DIR", default_value = "starburn-figures")]
    output: PathBuf,
    /// Figures by their numbers in the paper: 1 to 9, A1, A2, B1 [default: all]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    only: Vec<String>,
    /// Device: flex, ndarray, wgpu, cuda
    #[arg(long, default_value = DEFAULT_DEVICE)]
    device: String,
    /// Precision: f64 or f32
    #[arg(long, default_value = "f64")]
    dtype: Precision,
}

/// Times of observation in each history.
const N_TIMES: usize = 120;

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let figures: Vec<&PaperFigure> =
        if args.only.is_empty() { FIGURES.iter().collect() } else { select(&args.only)? };
    let setup = Setup::new(Place::open(&args.device, args.dtype)?, N_TIMES)?;
    std::fs::create_dir_all(&args.output).map_err(Error::io("create", &args.output))?;
    for figure in figures {
        let start = Instant::now();
        let stem = args.output.join(figure.stem);
        figure.draw(&setup)?.save(&stem)?;
        let seconds = start.elapsed().as_secs_f64();
        let (name, title) = (figure.name, figure.title);
        say!("{name:<2}  {title}: {}.png, .svg, .csv ({seconds:.1} s)", stem.display());
    }
    Ok(ExitCode::SUCCESS)
}
