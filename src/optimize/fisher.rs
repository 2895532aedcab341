//! The Fisher matrix of a fit: what the data tell about the parameters, and what they do not.

use nalgebra::{DMatrix, SymmetricEigen};

use crate::{Error, Result};

/// The least information of a direction, in units of the largest: below, there is only rounding.
const LEAST: f64 = 1e-13;

/// The Fisher information about parameters, with its eigenvectors.
#[derive(Clone, Debug)]
pub struct Fisher {
    matrix: DMatrix<f64>,
    /// From the least to the most certain.
    directions: Vec<Direction>,
}

/// A combination of the parameters that is uncorrelated with the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Direction {
    /// Its standard deviation; where the data tell nothing, more than a million times the smallest.
    pub error: f64,
    /// Unit vector in the space of the parameters; its largest component is positive.
    pub components: Vec<f64>,
}

impl Fisher {
    /// From the information matrix.
    ///
    /// # Errors
    /// [`Error::Invalid`] for one that is not square, not finite, or zero.
    pub fn new(matrix: DMatrix<f64>) -> Result<Self> {
        let n = matrix.nrows();
        if n == 0 || n != matrix.ncols() || !matrix.iter().all(|x| x.is_finite()) {
            return Err(Error::invalid("Fisher matrix", "is not square or not finite"));
        }
        let matrix = (&matrix + matrix.transpose()) * 0.5;
        let eigen = SymmetricEigen::new(matrix.clone());
        let largest = eigen.eigenvalues.max();
        if largest <= 0.0 {
            return Err(Error::invalid("Fisher matrix", "the data tell nothing of any parameter"));
        }
        let direction = |k: usize| {
            let vector = eigen.eigenvectors.column(k);
            let sign = vector[vector.iamax()].signum();
            Direction {
                error: eigen.eigenvalues[k].max(LEAST * largest).sqrt().recip(),
                components: vector.iter().map(|x| sign * x).collect(),
            }
        };
        let mut directions: Vec<Direction> = (0..n).map(direction).collect();
        directions.sort_by(|a, b| b.error.total_cmp(&a.error));
        Ok(Self { matrix, directions })
    }

    /// The matrix.
    pub fn matrix(&self) -> &DMatrix<f64> {
        &self.matrix
    }

    /// The eigen-directions from the least to the most certain: the first are the degeneracies.
    pub fn directions(&self) -> &[Direction] {
        &self.directions
    }

    /// Standard deviations of functions of the parameters with the given derivatives (one row per
    /// function).
    pub fn errors_of(&self, jacobian: &DMatrix<f64>) -> Vec<f64> {
        let variance = |row: usize, d: &Direction| -> f64 {
            let along = d.components.iter().enumerate().map(|(j, c)| jacobian[(row, j)] * c);
            (along.sum::<f64>() * d.error).powi(2)
        };
        let error = |row: usize| self.directions.iter().map(|d| variance(row, d)).sum::<f64>();
        (0..jacobian.nrows()).map(|row| error(row).sqrt()).collect()
    }

    /// Standard deviations of the parameters, all others being fitted too.
    pub fn errors(&self) -> Vec<f64> {
        self.errors_of(&DMatrix::identity(self.matrix.nrows(), self.matrix.nrows()))
    }

    /// Correlations of the errors.
    pub fn correlations(&self) -> DMatrix<f64> {
        let n = self.matrix.nrows();
        let mut covariance = DMatrix::zeros(n, n);
        for d in &self.directions {
            let v = nalgebra::DVector::from_column_slice(&d.components);
            covariance += &v * v.transpose() * d.error.powi(2);
        }
        let sigma = |j: usize| covariance[(j, j)].sqrt().max(f64::MIN_POSITIVE);
        DMatrix::from_fn(n, n, |i, j| match i == j {
            true => 1.0,
            false => covariance[(i, j)] / (sigma(i) * sigma(j)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_close;

    #[test]
    fn errors_and_correlations_are_those_of_the_inverse() {
        let matrix =
            DMatrix::from_row_slice(3, 3, &[4.0, 1.0, 0.5, 1.0, 3.0, -0.2, 0.5, -0.2, 9.0]);
        let fisher = Fisher::new(matrix.clone()).unwrap();
        let inverse = matrix.try_inverse().unwrap();
        let want: Vec<f64> = (0..3).map(|j| inverse[(j, j)].sqrt()).collect();
        assert_close(&fisher.errors(), &want, 1e-12, 0.0);
        let rho = fisher.correlations();
        assert_close(&[rho[(0, 1)]], &[inverse[(0, 1)] / (want[0] * want[1])], 1e-12, 0.0);
        let sum = fisher.errors_of(&DMatrix::from_row_slice(1, 3, &[1.0, 1.0, 0.0]));
        let variance = inverse[(0, 0)] + inverse[(1, 1)] + 2.0 * inverse[(0, 1)];
        assert_close(&sum, &[variance.sqrt()], 1e-12, 0.0);
        assert!(fisher.directions().windows(2).all(|d| d[0].error >= d[1].error));
    }

    #[test]
    fn what_is_not_measured_is_not_known() {
        // Only the sum of the first two is measured, and the third.
        let matrix = DMatrix::from_row_slice(3, 3, &[1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 4.0]);
        let fisher = Fisher::new(matrix).unwrap();
        let errors = fisher.errors();
        assert!(errors[0] > 1e5 && errors[1] > 1e5, "{errors:?}");
        assert_close(&errors[2..], &[0.5], 1e-12, 0.0);
        let sum = fisher.errors_of(&DMatrix::from_row_slice(1, 3, &[1.0, 1.0, 0.0]));
        assert_close(&sum, &[1.0], 1e-12, 0.0);
        let worst = &fisher.directions()[0];
        assert_close(&[worst.components[0] + worst.components[1]], &[0.0], 0.0, 1e-12);
        let rho = fisher.correlations();
        assert_close(&[rho[(0, 1)], rho[(0, 2)]], &[-1.0, 0.0], 1e-6, 1e-6);
    }

    #[test]
    fn no_information_is_an_error() {
        assert!(Fisher::new(DMatrix::zeros(2, 2)).is_err());
        assert!(Fisher::new(DMatrix::from_element(1, 1, f64::NAN)).is_err());
        assert!(Fisher::new(DMatrix::zeros(0, 0)).is_err());
    }
}
