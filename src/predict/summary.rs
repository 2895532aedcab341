//! What a run did, for people.

use std::sync::atomic::Ordering;

use super::plan::Plan;
use super::run::Finished;

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Rows in the catalogue.
    pub n_rows: usize,
    /// Rows that an earlier, interrupted run had finished.
    pub n_resumed: usize,
    /// Rows without a prediction.
    pub n_bad: usize,
    /// The first bad row, counted from 1, and its status.
    pub first_bad: Option<(usize, String)>,
    /// Rows outside the box in which the emulator of P(age) was trained.
    pub n_outside: usize,
    /// Rows whose metallicity is beyond those of the SSP grid, which stop at its ends; of the rows that this
    /// run has computed.
    pub n_beyond_grid: usize,
    /// Parameters that took their default in every row, with the value.
    pub defaulted: Vec<(String, f64)>,
    /// True when the times of observation follow from the redshifts.
    pub t_obs_from_redshift: bool,
    /// Input columns that are no parameters and stand in the output as they were.
    pub carried: Vec<String>,
    /// Input columns whose names the output needed for its own.
    pub replaced: Vec<String>,
}

impl Summary {
    pub(super) fn new(plan: &Plan, finished: &Finished) -> Self {
        let defaulted = plan.columns.defaulted();
        let mut summary = Self {
            n_resumed: finished.n_resumed,
            n_beyond_grid: plan.n_beyond_grid.load(Ordering::Relaxed),
            defaulted: defaulted.iter().map(|p| (p.name.to_owned(), p.default)).collect(),
            t_obs_from_redshift: !plan.columns.has_t_obs(),
            carried: plan.carried.clone(),
            replaced: plan.replaced.clone(),
            ..Self::default()
        };
        for part in &finished.parts {
            summary.n_rows += part.rows;
            summary.n_bad += part.bad;
            summary.n_outside += part.flagged;
            summary.first_bad = summary.first_bad.take().or_else(|| part.first_bad.clone());
        }
        summary
    }
}
