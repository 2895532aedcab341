//! `starburn nebular`: the fitted emission lines, and how to fit them again.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::paths::check_different;
use crate::Result;
use crate::files::temporary_beside;
use crate::nebular::{Effort, LineFit, LineTable, calibrate};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the fitted lines with their residuals
    ///
    /// Example: starburn nebular lines
    Lines {
        /// Fit to show; without it, the embedded one
        file: Option<PathBuf>,
    },
    /// Fit the function to a table of photoionization models
    ///
    /// The table is HDF5 with the datasets lg_z_over_zsun, age_yr, lg_u, line_name, line_wave_aa
    /// [Angstrom] and line_lsun_per_q [Lsun per ionizing photon per second], the last with the axes
    /// metallicity, age, ionization parameter, line. It takes some minutes; `--line-fit` of other
    /// commands uses the result.
    ///
    /// Example: starburn nebular calibrate table.h5 -o models/nebular_lines.safetensors
    Calibrate {
        /// Table to fit
        table: PathBuf,
        /// File to write
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Licence of the fit, stated in the file
        #[arg(long, value_name = "TEXT")]
        licence: Option<String>,
    },
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    match &args.command {
        Command::Lines { file: Some(path) } => list(&LineFit::read(path)?),
        Command::Lines { file: None } => list(LineFit::embedded()),
        Command::Calibrate { table, output, licence } => fit(table, output, licence.as_deref())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(fit: &LineFit) {
    say!("{:<20} {:>12} {:>10} {:>9} {:>9}", "line", "wavelength", "brightest", "typical", "worst");
    say!("{:<20} {:>12} {:>10} {:>9} {:>9}", "", "[Angstrom]", "[H-beta]", "[dex]", "[dex]");
    for line in fit.lines() {
        say!(
            "{:<20} {:>12.2} {:>10.4} {:>9.4} {:>9.4}",
            line.name,
            line.wave_aa,
            line.brightest,
            line.typical_dex,
            line.worst_dex
        );
    }
    say!(
        "\nwavelengths in vacuum; residuals (median, largest) where a line exceeds 1e-3 of H-beta"
    );
    let range = fit.range();
    for (what, [lo, hi]) in
        [("log10 Z", range.lgmet), ("log10 age/yr", range.lg_age_yr), ("log10 U", range.lgu)]
    {
        say!("range of {what:<12} {lo:>7.3} to {hi:>7.3}");
    }
    for (key, value) in fit.provenance() {
        say!("{key}: {value}");
    }
}

fn fit(table: &Path, output: &Path, licence: Option<&str>) -> Result<()> {
    check_different([output], [table])?;
    let table = LineTable::read(table)?;
    // Minutes of work should not end at a folder that cannot be written to.
    drop(temporary_beside(output)?);
    let (fit, residuals) = calibrate(&table, &Effort::default(), |power, dex| {
        tell!("fitted power {power} of the residuals: mean {dex:.4} dex");
    });
    let mut store = fit.to_store();
    store.metadata.extend(licence.map(|text| ("licence".to_owned(), text.to_owned())));
    store.write(output)?;
    say!("{} lines, {} nodes", fit.lines().len(), table.nodes().len());
    for part in residuals.to_string().split("; ") {
        say!("  {part}");
    }
    say!("{}", output.display());
    Ok(())
}
