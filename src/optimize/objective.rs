//! What is minimized: a loss of the parameters with its exact gradient and its curvature.

use nalgebra::DMatrix;

use super::Target;
use crate::numerics::lbfgs::Point;
use crate::summary::{Likelihood, Population, PopulationLoss, SummarySet};
use crate::{Error, Result};

/// A loss that can be minimized.
pub trait Objective {
    /// The loss.
    ///
    /// # Errors
    /// Those of the model. At the start each ends the minimization; later [`Error::Invalid`] and
    /// [`Error::OutOfRange`] only mean that the loss is not defined there, and a shorter step is tried.
    fn value(&mut self, theta: &[f64]) -> Result<f64>;

    /// The loss and its gradient.
    ///
    /// # Errors
    /// Those of [`value`](Self::value).
    fn point(&mut self, theta: Vec<f64>) -> Result<Point>;

    /// The Fisher information about the parameters, which is the curvature of the loss without the second
    /// derivatives of the model; from every so-manieth part of the data where that is possible.
    ///
    /// # Errors
    /// Those of the model, which end the minimization.
    fn information(&mut self, theta: &[f64], every: usize) -> Result<DMatrix<f64>>;
}

/// The value of an objective at a trial, infinite where it is not defined.
///
/// # Errors
/// Those that have nothing to do with the place: of devices, workers, files.
pub(super) fn trial_value(objective: &mut dyn Objective, theta: &[f64]) -> Result<f64> {
    match objective.value(theta) {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) | Err(Error::Invalid { .. } | Error::OutOfRange { .. }) => Ok(f64::INFINITY),
        Err(error) => Err(error),
    }
}

/// The value of an objective at a trial and its gradient; `None` where one of them is not defined.
///
/// # Errors
/// Those of [`trial_value`].
pub(super) fn trial_point(objective: &mut dyn Objective, theta: Vec<f64>) -> Result<Option<Point>> {
    match objective.point(theta) {
        Ok(point) => Ok(Some(point).filter(Point::is_finite)),
        Err(Error::Invalid { .. } | Error::OutOfRange { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The negative logarithm of the likelihood of a [`Target`] for the summaries of a population.
#[derive(Debug)]
pub struct PopulationObjective<P> {
    population: PopulationLoss<P, SummarySet>,
    target: Target,
}

impl<P: Population> PopulationObjective<P> {
    /// Galaxies, dealt out to workers, and what their summaries are compared with.
    ///
    /// # Errors
    /// Those of [`PopulationLoss::new`].
    pub fn new(workers: Vec<P>, target: Target) -> Result<Self> {
        let population = PopulationLoss::new(workers, target.statistics().summary()?)?;
        Ok(Self { population, target })
    }

    /// What the summaries are compared with.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The statistics of the population, in the order of the target's.
    ///
    /// # Errors
    /// Those of the model.
    pub fn statistics(&mut self, theta: &[f64]) -> Result<Vec<f64>> {
        let sums = self.population.sums(theta)?;
        self.target.predicted(&sums)
    }
}

impl<P: Population> Objective for PopulationObjective<P> {
    fn value(&mut self, theta: &[f64]) -> Result<f64> {
        self.population.value(theta, &self.target)
    }

    fn point(&mut self, theta: Vec<f64>) -> Result<Point> {
        let at = self.population.value_and_gradient(&theta, &self.target)?;
        Ok(Point { x: theta, value: at.value, gradient: at.gradient })
    }

    fn information(&mut self, theta: &[f64], every: usize) -> Result<DMatrix<f64>> {
        let at = self.population.sums_and_jacobian(theta, every)?;
        let n_sums = at.sums.len();
        let jacobian = DMatrix::from_row_slice(n_sums, theta.len(), &at.jacobian);
        let of_sums = DMatrix::from_row_slice(n_sums, n_sums, &self.target.information(&at.sums)?);
        Ok(jacobian.transpose() * of_sums * jacobian)
    }
}
