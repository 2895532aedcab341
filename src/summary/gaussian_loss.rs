//! Sums with Gaussian errors.

use super::Loss;
use super::loss::{check_length, check_targets};
use crate::{Error, Result};

/// `(S - T)' C^-1 (S - T) / 2`: the negative logarithm of a Gaussian likelihood, up to a constant.
#[derive(Clone, Debug)]
pub struct GaussianLoss {
    targets: Vec<f64>,
    errors: Errors,
}

#[derive(Clone, Debug)]
enum Errors {
    /// Standard deviations.
    Independent(Vec<f64>),
    /// Lower Cholesky factor of the covariance, row-major `[n, n]`.
    Correlated(Vec<f64>),
}

impl GaussianLoss {
    /// Targets with independent errors, their standard deviations `sigma`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for none, or another number of errors than targets; [`Error::OutOfRange`] for
    /// an error that is not positive or a target that is not finite.
    pub fn diagonal(targets: &[f64], sigma: &[f64]) -> Result<Self> {
        check_length("Gaussian loss, standard deviations", sigma, targets.len())?;
        check_targets("standard deviations", sigma, 0.0, true)?;
        Self::new(targets, Errors::Independent(sigma.to_vec()))
    }

    /// Targets with correlated errors, their covariance row-major `[n, n]`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for no targets and for a covariance of another size, one that is not symmetric
    /// or not positive definite; [`Error::OutOfRange`] for a target that is not finite.
    pub fn full(targets: &[f64], covariance: &[f64]) -> Result<Self> {
        let factor = cholesky(covariance, targets.len())?;
        Self::new(targets, Errors::Correlated(factor))
    }

    fn new(targets: &[f64], errors: Errors) -> Result<Self> {
        check_targets("targets", targets, f64::NEG_INFINITY, true)?;
        Ok(Self { targets: targets.to_vec(), errors })
    }
}

impl Loss for GaussianLoss {
    fn value_and_slopes(&self, sums: &[f64]) -> Result<(f64, Vec<f64>)> {
        check_length("Gaussian loss", sums, self.targets.len())?;
        let off: Vec<f64> = sums.iter().zip(&self.targets).map(|(s, t)| s - t).collect();
        let slopes: Vec<f64> = match &self.errors {
            Errors::Independent(sigma) => {
                off.iter().zip(sigma).map(|(off, sigma)| off / (sigma * sigma)).collect()
            }
            Errors::Correlated(factor) => solve(factor, &off),
        };
        let value = 0.5 * off.iter().zip(&slopes).map(|(off, slope)| off * slope).sum::<f64>();
        Ok((value, slopes))
    }
}

/// Lower factor `L` of a symmetric positive definite matrix `L L'`.
fn cholesky(matrix: &[f64], n: usize) -> Result<Vec<f64>> {
    let invalid = |reason: String| Err(Error::invalid("covariance", reason));
    if matrix.len() != n * n {
        return invalid(format!("{} numbers, expected {n} x {n}", matrix.len()));
    }
    let mut l = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let (lower, upper) = (matrix[i * n + j], matrix[j * n + i]);
            if (lower - upper).abs() > 1e-12 * lower.abs().max(upper.abs()) {
                return invalid(format!("is not symmetric at row {i}, column {j}"));
            }
            let known: f64 = (0..j).map(|k| l[i * n + k] * l[j * n + k]).sum();
            let rest = lower - known;
            if i != j {
                l[i * n + j] = rest / l[j * n + j];
            } else if rest > 0.0 && rest.is_finite() {
                l[i * n + i] = rest.sqrt();
            } else {
                return invalid(format!("is not positive definite at row {i}"));
            }
        }
    }
    Ok(l)
}

/// `x` in `L L' x = b`.
fn solve(l: &[f64], b: &[f64]) -> Vec<f64> {
    let n = b.len();
    let mut x = b.to_vec();
    for i in 0..n {
        let known: f64 = (0..i).map(|k| l[i * n + k] * x[k]).sum();
        x[i] = (x[i] - known) / l[i * n + i];
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| l[k * n + i] * x[k]).sum();
        x[i] = (x[i] - known) / l[i * n + i];
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::loss::assert_slopes;
    use crate::testing::assert_close;

    const TARGETS: [f64; 3] = [1.0, -2.0, 30.0];
    const SUMS: [f64; 3] = [1.5, -1.0, 27.0];

    #[test]
    fn independent_errors_are_a_diagonal_covariance() {
        let diagonal = GaussianLoss::diagonal(&TARGETS, &[0.5, 2.0, 3.0]).unwrap();
        let covariance = [0.25, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 9.0];
        let full = GaussianLoss::full(&TARGETS, &covariance).unwrap();
        for loss in [diagonal, full] {
            let (value, slopes) = loss.value_and_slopes(&SUMS).unwrap();
            assert_close(&[value], &[0.5 * (1.0 + 0.25 + 1.0)], 1e-14, 0.0);
            assert_close(&slopes, &[2.0, 0.25, -1.0 / 3.0], 1e-14, 0.0);
            assert_slopes(&loss, &SUMS);
        }
    }

    #[test]
    fn correlated_errors() {
        let covariance = [2.0, 0.6, -0.3, 0.6, 1.0, 0.2, -0.3, 0.2, 4.0];
        let loss = GaussianLoss::full(&TARGETS, &covariance).unwrap();
        let (_, slopes) = loss.value_and_slopes(&SUMS).unwrap();
        let off: Vec<f64> = SUMS.iter().zip(TARGETS).map(|(s, t)| s - t).collect();
        let dot = |row: &[f64]| row.iter().zip(&slopes).map(|(c, x)| c * x).sum::<f64>();
        let back: Vec<f64> = covariance.chunks(3).map(dot).collect();
        assert_close(&back, &off, 1e-13, 1e-13);
        assert_slopes(&loss, &SUMS);
    }

    #[test]
    fn impossible_errors_are_refused() {
        assert!(GaussianLoss::diagonal(&TARGETS, &[1.0, 1.0]).is_err());
        assert!(GaussianLoss::diagonal(&TARGETS, &[1.0, 0.0, 1.0]).is_err());
        assert!(GaussianLoss::diagonal(&[f64::NAN], &[1.0]).is_err());
        assert!(GaussianLoss::diagonal(&[], &[]).is_err() && GaussianLoss::full(&[], &[]).is_err());
        for (covariance, part) in [
            (&[1.0, 0.0, 0.0][..], "expected 2 x 2"),
            (&[1.0, 0.5, 0.4, 1.0], "not symmetric"),
            (&[1.0, 2.0, 2.0, 1.0], "not positive definite at row 1"),
            (&[f64::NAN, 0.0, 0.0, 1.0], "not positive definite at row 0"),
        ] {
            let error = GaussianLoss::full(&TARGETS[..2], covariance).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        let loss = GaussianLoss::diagonal(&TARGETS, &[1.0; 3]).unwrap();
        assert!(loss.value_and_slopes(&[1.0]).is_err());
    }
}
