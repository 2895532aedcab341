//! Losses of the sums over a population, on the host in f64.

use crate::{Error, Result};

/// A loss as a function of the sums of a summary.
///
/// Closures of the same form are losses too.
pub trait Loss {
    /// The loss, and its derivative with respect to each sum.
    ///
    /// # Errors
    /// For sums that the loss is not defined for.
    fn value_and_slopes(&self, sums: &[f64]) -> Result<(f64, Vec<f64>)>;
}

impl<F: Fn(&[f64]) -> Result<(f64, Vec<f64>)>> Loss for F {
    fn value_and_slopes(&self, sums: &[f64]) -> Result<(f64, Vec<f64>)> {
        self(sums)
    }
}

/// Checks that there are as many sums as the loss knows targets.
pub(super) fn check_length(loss: &str, sums: &[f64], n_target: usize) -> Result<()> {
    if sums.len() == n_target {
        return Ok(());
    }
    Err(Error::invalid(loss, format!("{n_target} targets for {} sums", sums.len())))
}

/// Checks that every target lies in a half-open range up to infinity.
pub(super) fn check_targets(what: &str, targets: &[f64], least: f64, open: bool) -> Result<()> {
    if targets.is_empty() {
        return Err(Error::invalid(what, "at least one is needed"));
    }
    let allowed = |t: f64| t.is_finite() && if open { t > least } else { t >= least };
    match targets.iter().find(|t| !allowed(**t)) {
        None => Ok(()),
        Some(value) => Err(Error::OutOfRange {
            what: what.into(),
            value: *value,
            allowed: format!("{}{least}, inf)", if open { '(' } else { '[' }),
        }),
    }
}

/// Asserts that the slopes of a loss are those of its values, by central differences.
#[cfg(test)]
pub(super) fn assert_slopes(loss: &impl Loss, sums: &[f64]) {
    let (_, slopes) = loss.value_and_slopes(sums).unwrap();
    assert_eq!(slopes.len(), sums.len());
    let largest = slopes.iter().fold(0.0f64, |m, s| m.max(s.abs()));
    for k in 0..sums.len() {
        let at = |steps: f64| {
            let mut sums = sums.to_vec();
            sums[k] += steps * 1e-4;
            loss.value_and_slopes(&sums).unwrap().0
        };
        let numeric = (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / 12e-4;
        crate::testing::assert_close(&[slopes[k]], &[numeric], 1e-8, 1e-9 * largest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closures_are_losses() {
        let cubes = |sums: &[f64]| {
            let value = sums.iter().map(|s| s.powi(3)).sum();
            Ok((value, sums.iter().map(|s| 3.0 * s * s).collect()))
        };
        assert_slopes(&cubes, &[1.0, -2.0, 0.3]);
    }
}
