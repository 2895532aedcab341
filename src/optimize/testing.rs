//! Small problems with known minima.

use nalgebra::{DMatrix, DVector};

use super::Objective;
use crate::numerics::lbfgs::Point;
use crate::{Error, Result};

/// Residuals and their Jacobian at a place.
type Residuals = dyn Fn(&[f64]) -> (Vec<f64>, DMatrix<f64>);

/// Half the sum of squares of residuals with a known Jacobian.
pub(super) struct LeastSquares {
    residuals: Box<Residuals>,
}

impl Objective for LeastSquares {
    fn value(&mut self, theta: &[f64]) -> Result<f64> {
        Ok(0.5 * (self.residuals)(theta).0.iter().map(|r| r * r).sum::<f64>())
    }

    fn point(&mut self, theta: Vec<f64>) -> Result<Point> {
        let (residuals, jacobian) = (self.residuals)(&theta);
        let gradient = jacobian.transpose() * DVector::from_vec(residuals);
        Ok(Point { value: self.value(&theta)?, gradient: gradient.as_slice().to_vec(), x: theta })
    }

    fn information(&mut self, theta: &[f64], _: usize) -> Result<DMatrix<f64>> {
        let jacobian = (self.residuals)(theta).1;
        Ok(jacobian.transpose() * jacobian)
    }
}

/// Rosenbrock's valley, with its minimum at (1, 1).
pub(super) fn rosenbrock() -> LeastSquares {
    LeastSquares {
        residuals: Box::new(|x: &[f64]| {
            let residuals = vec![1.0 - x[0], 10.0 * (x[1] - x[0] * x[0])];
            (residuals, DMatrix::from_row_slice(2, 2, &[-1.0, 0.0, -20.0 * x[0], 10.0]))
        }),
    }
}

/// A straight line through points, with parameters that do nothing besides its two.
#[derive(Default)]
pub(super) struct Line {
    pub(super) n_idle: usize,
}

impl Line {
    /// Intercept and slope.
    pub(super) const TRUTH: [f64; 2] = [0.5, 2.0];

    fn problem(&self) -> LeastSquares {
        let n = 2 + self.n_idle;
        LeastSquares {
            residuals: Box::new(move |x: &[f64]| {
                let row = |i: usize| [1.0, i as f64, 0.0];
                let [a, b] = Self::TRUTH;
                let off = |i: usize| (x[0] - a) + (x[1] - b) * i as f64;
                let jacobian = DMatrix::from_fn(5, n, |i, j| row(i)[j.min(2)]);
                ((0..5).map(off).collect(), jacobian)
            }),
        }
    }
}

impl Objective for Line {
    fn value(&mut self, theta: &[f64]) -> Result<f64> {
        self.problem().value(theta)
    }

    fn point(&mut self, theta: Vec<f64>) -> Result<Point> {
        self.problem().point(theta)
    }

    fn information(&mut self, theta: &[f64], every: usize) -> Result<DMatrix<f64>> {
        self.problem().information(theta, every)
    }
}

/// What an objective is outside the box where it is defined.
#[derive(Clone, Copy, Debug)]
pub(super) enum Beyond {
    NotANumber,
    Error,
    Failure,
}

/// An objective of two parameters that is only defined between -1.5 and 1.5.
pub(super) struct Walled {
    pub(super) inner: LeastSquares,
    pub(super) beyond: Beyond,
    /// Trials beyond the walls.
    pub(super) n: usize,
}

impl Walled {
    /// A factor of the value: one between the walls.
    fn factor(&mut self, theta: &[f64]) -> Result<f64> {
        if theta.iter().all(|x| x.abs() < 1.5) {
            return Ok(1.0);
        }
        self.n += 1;
        match self.beyond {
            Beyond::NotANumber => Ok(f64::NAN),
            Beyond::Error => Err(Error::invalid("sum of galaxies", "is NaN")),
            Beyond::Failure => Err(Error::Worker { reason: "it panicked".into() }),
        }
    }
}

impl Objective for Walled {
    fn value(&mut self, theta: &[f64]) -> Result<f64> {
        Ok(self.factor(theta)? * self.inner.value(theta)?)
    }

    fn point(&mut self, theta: Vec<f64>) -> Result<Point> {
        let factor = self.factor(&theta)?;
        let point = self.inner.point(theta)?;
        Ok(Point { value: factor * point.value, ..point })
    }

    fn information(&mut self, theta: &[f64], every: usize) -> Result<DMatrix<f64>> {
        self.inner.information(theta, every)
    }
}
