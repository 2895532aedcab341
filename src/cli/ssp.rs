//! `starburn ssp`: show and import SSP grids.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::paths::check_different;
use crate::Result;
use crate::ssp::{self, EMBEDDED_NAME, SspGrid};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show the axes and the provenance of a grid
    ///
    /// Example: starburn ssp info my_grid.h5
    Info {
        /// Grid file, DSPS HDF5 or starburn safetensors; without it, the embedded grid
        file: Option<PathBuf>,
    },
    /// Convert a DSPS-format HDF5 grid to starburn's safetensors
    ///
    /// Example: starburn ssp import ssp_data_fsps_v3.2_lgmet_age.h5 fsps.safetensors
    Import {
        /// DSPS-format HDF5 grid, with or without emission lines
        input: PathBuf,
        /// File to write
        output: PathBuf,
    },
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    match &args.command {
        Command::Info { file: Some(path) } => info(&path.display().to_string(), &ssp::read(path)?),
        Command::Info { file: None } => {
            info(&format!("{EMBEDDED_NAME} (embedded)"), ssp::embedded())
        }
        Command::Import { input, output } => {
            check_different([output.as_path()], [input.as_path()])?;
            let grid = ssp::read(input)?;
            grid.to_store().write(output)?;
            info(&output.display().to_string(), &grid);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn info(name: &str, grid: &SspGrid) {
    let (n_met, n_age, n_wave) = grid.shape();
    let ends = |axis: &[f64]| (axis[0], axis[axis.len() - 1]);
    let (z0, z1) = ends(grid.metallicities.lgmet());
    let (a0, a1) = ends(grid.ages.lg_age_gyr());
    let (w0, w1) = ends(&grid.wave_aa);
    say!("{name}");
    if let Some(lgu) = &grid.lgu {
        say!(
            "  ionizations    {:5}  log10 U        {:9.3} to {:9.3}",
            lgu.len(),
            ends(lgu).0,
            ends(lgu).1
        );
    }
    say!("  metallicities  {n_met:5}  log10 Z        {z0:9.3} to {z1:9.3}");
    say!("  ages           {n_age:5}  log10 Gyr      {a0:9.3} to {a1:9.3}");
    say!("  wavelengths    {n_wave:5}  Angstrom       {w0:9.1} to {w1:9.1}");
    let crossed: Vec<String> = grid
        .ages
        .edges_gyr()
        .windows(2)
        .zip(grid.ages.lg_age_gyr())
        .filter(|(edges, _)| edges[1] <= edges[0])
        .map(|(_, lg_age)| format!("{lg_age:.2}"))
        .collect();
    if !crossed.is_empty() {
        say!(
            "  age bins       cross at log10 Gyr = {}, where the spacing jumps: negative weights there, as in DSPS",
            crossed.join(", ")
        );
    }
    match &grid.lines {
        Some(lines) => {
            let lgu = lines.lgu.as_ref().map_or(String::new(), |lgu| {
                let (u0, u1) = ends(lgu);
                format!("  at {} log10 U    {u0:9.3} to {u1:9.3}", lgu.len())
            });
            say!("  emission lines {:5}{lgu}", lines.names.len());
        }
        None => say!("  emission lines  none"),
    }
    say!("  ionizing rates {}", if grid.lg_q_h.is_some() { "yes" } else { "no" });
    for (key, value) in &grid.provenance {
        say!("  {key}: {value}");
    }
}
