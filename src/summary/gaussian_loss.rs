//! Sums with Gaussian errors.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use super::loss::{check_length, check_targets, diagonal};
use super::{Likelihood, Loss};
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
    /// Cholesky factors of the covariance.
    Correlated(Cholesky<f64, Dyn>),
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
            Errors::Correlated(factors) => {
                factors.solve(&DVector::from_column_slice(&off)).as_slice().to_vec()
            }
        };
        let value = 0.5 * off.iter().zip(&slopes).map(|(off, slope)| off * slope).sum::<f64>();
        Ok((value, slopes))
    }
}

impl Likelihood for GaussianLoss {
    fn information(&self, sums: &[f64]) -> Result<Vec<f64>> {
        check_length("Gaussian loss", sums, self.targets.len())?;
        Ok(match &self.errors {
            Errors::Independent(sigma) => {
                diagonal(&sigma.iter().map(|sigma| 1.0 / (sigma * sigma)).collect::<Vec<f64>>())
            }
            Errors::Correlated(factors) => factors.inverse().as_slice().to_vec(),
        })
    }
}

/// The Cholesky factors of a covariance matrix.
fn cholesky(matrix: &[f64], n: usize) -> Result<Cholesky<f64, Dyn>> {
    let invalid = |reason: String| Err(Error::invalid("covariance", reason));
    if matrix.len() != n * n {
        return invalid(format!("{} numbers, expected {n} x {n}", matrix.len()));
    }
    for (i, j) in (0..n).flat_map(|i| (0..=i).map(move |j| (i, j))) {
        let (lower, upper) = (matrix[i * n + j], matrix[j * n + i]);
        if !lower.is_finite() {
            return invalid(format!("is {lower} at row {i}, column {j}"));
        }
        if (lower - upper).abs() > 1e-12 * lower.abs().max(upper.abs()) {
            return invalid(format!("is not symmetric at row {i}, column {j}"));
        }
    }
    match DMatrix::from_row_slice(n, n, matrix).cholesky() {
        Some(factors) => Ok(factors),
        None => invalid("is not positive definite".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::loss::{assert_information, assert_slopes};
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
            assert_information(&loss, &SUMS);
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
        assert_information(&loss, &SUMS);
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
            (&[1.0, 2.0, 2.0, 1.0], "not positive definite"),
            (&[f64::NAN, 0.0, 0.0, 1.0], "is NaN at row 0"),
        ] {
            let error = GaussianLoss::full(&TARGETS[..2], covariance).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        let loss = GaussianLoss::diagonal(&TARGETS, &[1.0; 3]).unwrap();
        assert!(loss.value_and_slopes(&[1.0]).is_err());
    }
}
