//! Progress of long work.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar that counts galaxies; silent when nobody watches a terminal.
pub(super) fn galaxies_bar() -> ProgressBar {
    let style =
        ProgressStyle::with_template("{wide_bar} {pos}/{len} galaxies, {per_sec}, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style)
}
