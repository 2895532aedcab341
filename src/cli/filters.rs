//! `starburn filters`: what filters there are.

use std::process::ExitCode;

use crate::Result;
use crate::filter::{FilterSet, embedded_sets};

/// List filters: embedded ones or your own.
///
/// Example: starburn filters lsst,my_filter.txt
#[derive(clap::Args)]
pub(super) struct Args {
    /// Sets, names or files, separated by commas [default: all embedded sets]
    filters: Option<String>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let set = match &args.filters {
        Some(spec) => FilterSet::resolve(spec)?,
        None => FilterSet::resolve(&embedded_sets()?.join(","))?,
    };
    say!("{:<24} {:>12} {:>12} {:>26}", "filter", "lambda_eff", "width", "range");
    say!("{:<24} {:>12} {:>12} {:>26}", "", "[Angstrom]", "[Angstrom]", "[Angstrom]");
    for filter in set.filters() {
        let (lo, hi) = filter.range_aa();
        say!(
            "{:<24} {:>12.1} {:>12.1} {:>12.1} to {:>10.1}",
            filter.name(),
            filter.effective_wavelength_aa(),
            filter.width_aa(),
            lo,
            hi
        );
    }
    Ok(ExitCode::SUCCESS)
}
