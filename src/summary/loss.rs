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

/// A loss that is a negative logarithm of a likelihood, up to a constant.
pub trait Likelihood: Loss + std::fmt::Debug + Send + Sync {
    /// Fisher information about the expected sums: the mean of the second derivatives of the loss over
    /// the data that these sums would give, row-major `[n_sums, n_sums]`.
    ///
    /// # Errors
    /// For sums that the loss is not defined for.
    fn information(&self, sums: &[f64]) -> Result<Vec<f64>>;
}

/// The diagonal matrix with the given values, row-major.
pub(super) fn diagonal(values: &[f64]) -> Vec<f64> {
    let n = values.len();
    let mut matrix = vec![0.0; n * n];
    values.iter().enumerate().for_each(|(i, value)| matrix[i * n + i] = *value);
    matrix
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
pub(crate) fn assert_slopes(loss: &impl Loss, sums: &[f64]) {
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

/// Asserts that the information of a likelihood at its targets is the change of its slopes.
#[cfg(test)]
pub(crate) fn assert_information(loss: &impl Likelihood, targets: &[f64]) {
    let n = targets.len();
    let information = loss.information(targets).unwrap();
    assert_eq!(information.len(), n * n);
    let largest = information.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    for k in 0..n {
        let at = |steps: f64| {
            let mut sums = targets.to_vec();
            sums[k] += steps * 1e-4;
            loss.value_and_slopes(&sums).unwrap().1
        };
        let (up, down) = (at(1.0), at(-1.0));
        let numeric: Vec<f64> = up.iter().zip(down).map(|(u, d)| (u - d) / 2e-4).collect();
        let row = &information[k * n..(k + 1) * n];
        crate::testing::assert_close(row, &numeric, 1e-6, 1e-8 * largest);
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
