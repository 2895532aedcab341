//! Progress of long work.

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use crate::Result;
use crate::predict::parts_folder;

/// Hears of the number of rows done and of their total.
type Progress<'a> = dyn FnMut(usize, usize) + 'a;

/// Runs work on a catalogue whose finished parts wait beside `output`, under a bar; says where they are when
/// the work fails.
pub(super) fn in_parts<T>(
    output: &Path,
    run: impl FnOnce(&mut Progress<'_>) -> Result<T>,
) -> Result<T> {
    let bar = galaxies_bar();
    let mut begun = false;
    let outcome = run(&mut |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
        if !begun {
            // What an earlier run has done says nothing about the pace.
            bar.reset_eta();
            begun = true;
        }
    });
    bar.finish_and_clear();
    let parts = parts_folder(output);
    if outcome.is_err() && begun && parts.exists() {
        tell!(
            "finished parts are kept in {}; the same command goes on from there",
            parts.display()
        );
    }
    outcome
}

/// A number of galaxies in words.
pub(super) fn galaxies(n: usize) -> String {
    format!("{n} {}", if n == 1 { "galaxy" } else { "galaxies" })
}

/// A bar that counts galaxies; silent when nobody watches a terminal.
pub(super) fn galaxies_bar() -> ProgressBar {
    let style =
        ProgressStyle::with_template("{wide_bar} {pos}/{len} galaxies, {per_sec}, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style)
}
