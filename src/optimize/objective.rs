//! What is minimized: a loss of the parameters with its exact gradient and its curvature.

use nalgebra::DMatrix;

use super::Target;
use crate::Result;
use crate::numerics::lbfgs::Point;
use crate::summary::{Likelihood, LocalReducer, Population, PopulationLoss, Reducer, SummarySet};

/// A loss that can be minimized.
pub trait Objective {
    /// The loss.
    ///
    /// # Errors
    /// Those of the model, which end the minimization.
    fn value(&mut self, theta: &[f64]) -> Result<f64>;

    /// The loss and its gradient.
    ///
    /// # Errors
    /// Those of the model, which end the minimization.
    fn point(&mut self, theta: Vec<f64>) -> Result<Point>;

    /// The Fisher information about the parameters, which is the curvature of the loss without the second
    /// derivatives of the model; from every so-manieth part of the data where that is possible.
    ///
    /// # Errors
    /// Those of the model, which end the minimization.
    fn information(&mut self, theta: &[f64], every: usize) -> Result<DMatrix<f64>>;
}

/// The negative logarithm of the likelihood of a [`Target`] for the summaries of a population.
#[derive(Debug)]
pub struct PopulationObjective<P, R = LocalReducer> {
    population: PopulationLoss<P, SummarySet, R>,
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
}

impl<P: Population, R: Reducer> PopulationObjective<P, R> {
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

impl<P: Population, R: Reducer> Objective for PopulationObjective<P, R> {
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
