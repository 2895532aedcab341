//! Exact gradients of population losses in constant memory.
//!
//! A loss `L(S)` of sums over galaxies, `S = sum_g s(theta, g)`, has the gradient `sum_g lambda . ds/dtheta`
//! with `lambda = dL/dS`. The first pass over the chunks adds up `S`, without a graph; the second runs each
//! chunk with one, for the gradient of its own `s . lambda`. Nothing is approximated, and only one chunk
//! per worker is in memory.

use burn::tensor::Tensor;

use super::{LocalReducer, Loss, Population, Reducer, Summary, sum_over_chunks};
use crate::device::to_host;
use crate::numerics::jacobian::jacobian;
use crate::{Error, Result};

/// A summary of a population, as a function of the population's parameters that can be differentiated.
#[derive(Debug)]
pub struct PopulationLoss<P, S, R = LocalReducer> {
    workers: Vec<P>,
    summary: S,
    reducer: R,
}

/// A loss and its gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueAndGradient {
    /// The loss.
    pub value: f64,
    /// Its derivatives with respect to the parameters of the population, `[n_theta]`.
    pub gradient: Vec<f64>,
    /// The sums over the population, `[n_sums]`.
    pub sums: Vec<f64>,
}

/// Sums over a population and how they change with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct SumsAndJacobian {
    /// The sums, `[n_sums]`.
    pub sums: Vec<f64>,
    /// Their derivatives with respect to the parameters, row-major `[n_sums, n_theta]`.
    pub jacobian: Vec<f64>,
}

impl<P: Population, S: Summary> PopulationLoss<P, S> {
    /// A population on one thread per worker.
    ///
    /// # Errors
    /// [`Error::Invalid`] for no workers.
    pub fn new(workers: Vec<P>, summary: S) -> Result<Self> {
        if workers.is_empty() {
            return Err(Error::invalid("population", "at least one worker is needed"));
        }
        Ok(Self { workers, summary, reducer: LocalReducer })
    }
}

impl<P: Population, S: Summary, R: Reducer> PopulationLoss<P, S, R> {
    /// The same, where this process has only some of the galaxies.
    pub fn with_reducer<Q: Reducer>(self, reducer: Q) -> PopulationLoss<P, S, Q> {
        PopulationLoss { workers: self.workers, summary: self.summary, reducer }
    }

    /// What is added up.
    pub fn summary(&self) -> &S {
        &self.summary
    }

    /// The workers.
    pub fn workers(&mut self) -> &mut [P] {
        &mut self.workers
    }

    /// The sums over the population.
    ///
    /// # Errors
    /// Those of the model; [`Error::Invalid`] for no parameters and for a sum that is not finite.
    pub fn sums(&mut self, theta: &[f64]) -> Result<Vec<f64>> {
        if theta.is_empty() {
            return Err(Error::invalid("population", "at least one parameter is needed"));
        }
        let Self { workers, summary, reducer } = self;
        let summary = &*summary;
        let mut sums = sum_over_chunks(workers, summary.n_sums(), |worker, chunk, _| {
            let galaxies = worker.quantities(chunk, &worker.place().row(theta))?;
            to_host(summary.sums(&galaxies)?)
        })?;
        reducer.reduce(&mut sums)?;
        check_sums(summary, &sums)?;
        Ok(sums)
    }

    /// The sums over the population and their derivatives, by a reverse pass for each sum.
    ///
    /// With `every` above one, both are estimated from each `every`-th chunk, scaled to the whole, which
    /// serves for the curvature of a loss. The choice does not depend on the number of workers.
    ///
    /// # Errors
    /// Those of [`sums`](Self::sums); [`Error::Invalid`] when a chunk has no gradient with respect to the
    /// parameters and for a derivative that is not finite; [`Error::OutOfRange`] when `every` is zero.
    pub fn sums_and_jacobian(&mut self, theta: &[f64], every: usize) -> Result<SumsAndJacobian> {
        if every == 0 {
            return Err(Error::OutOfRange {
                what: "every which chunk".into(),
                value: 0.0,
                allowed: "[1, inf)".into(),
            });
        }
        let Self { workers, summary, reducer } = self;
        let summary = &*summary;
        let (n_sums, n_theta) = (summary.n_sums(), theta.len());
        // The last two numbers count the chunks, all and used.
        let width = n_sums * (1 + n_theta) + 2;
        let mut all = sum_over_chunks(workers, width, |worker, chunk, turn| {
            let mut part = match turn % every {
                0 => chunk_jacobian(worker, chunk, summary, theta)?,
                _ => vec![0.0; width - 2],
            };
            part.extend([1.0, f64::from(u8::from(turn % every == 0))]);
            Ok(part)
        })?;
        reducer.reduce(&mut all)?;
        let share = all[width - 1] / all[width - 2].max(1.0);
        all.truncate(width - 2);
        all.iter_mut().for_each(|x| *x /= share);
        let jacobian = all.split_off(n_sums);
        check_sums(summary, &all)?;
        match jacobian.iter().position(|slope| !slope.is_finite()) {
            None => Ok(SumsAndJacobian { sums: all, jacobian }),
            Some(k) => {
                let label = summary.labels().swap_remove(k / n_theta);
                let what = format!("derivative of {label}, parameter {}", k % n_theta);
                Err(Error::invalid(what, format!("is {}", jacobian[k])))
            }
        }
    }

    /// The loss.
    ///
    /// # Errors
    /// Those of [`sums`](Self::sums) and of the loss.
    pub fn value(&mut self, theta: &[f64], loss: &impl Loss) -> Result<f64> {
        Ok(loss.value_and_slopes(&self.sums(theta)?)?.0)
    }

    /// The loss and its gradient.
    ///
    /// # Errors
    /// Those of [`sums`](Self::sums) and of the loss; [`Error::Invalid`] when a chunk has no gradient
    /// with respect to the parameters, which is never taken for zero, and for a derivative that is not
    /// finite.
    pub fn value_and_gradient(
        &mut self,
        theta: &[f64],
        loss: &impl Loss,
    ) -> Result<ValueAndGradient> {
        let sums = self.sums(theta)?;
        let (value, slopes) = loss.value_and_slopes(&sums)?;
        if slopes.len() != sums.len() {
            let reason = format!("{} slopes for {} sums", slopes.len(), sums.len());
            return Err(Error::invalid("loss", reason));
        }
        let Self { workers, summary, reducer } = self;
        let summary = &*summary;
        let mut gradient = sum_over_chunks(workers, theta.len(), |worker, chunk, _| {
            chunk_gradient(worker, chunk, summary, theta, &slopes)
        })?;
        reducer.reduce(&mut gradient)?;
        match gradient.iter().position(|slope| !slope.is_finite()) {
            None => Ok(ValueAndGradient { value, gradient, sums }),
            Some(j) => {
                let what = format!("derivative of the loss, parameter {j}");
                Err(Error::invalid(what, format!("is {}", gradient[j])))
            }
        }
    }
}

fn check_sums(summary: &dyn Summary, sums: &[f64]) -> Result<()> {
    match sums.iter().position(|sum| !sum.is_finite()) {
        None => Ok(()),
        Some(k) => {
            let label = summary.labels().swap_remove(k);
            Err(Error::invalid(format!("sum of {label}"), format!("is {}", sums[k])))
        }
    }
}

/// The sums of one chunk, then their derivatives sum by sum.
fn chunk_jacobian<P: Population>(
    worker: &P,
    chunk: usize,
    summary: &dyn Summary,
    theta: &[f64],
) -> Result<Vec<f64>> {
    let result = jacobian(&worker.place().row(theta), |theta: Tensor<2>| {
        Ok(summary.sums(&worker.quantities(chunk, &theta)?)?.unsqueeze())
    })?;
    let mut all = to_host(result.values)?;
    all.extend(to_host(result.jacobian)?);
    Ok(all)
}

/// Gradient of `sums . slopes` of one chunk with respect to the parameters of the population.
///
/// # Errors
/// Those of the model; [`Error::Invalid`] when the sums do not depend on the parameters.
pub fn chunk_gradient<P: Population>(
    worker: &P,
    chunk: usize,
    summary: &dyn Summary,
    theta: &[f64],
    slopes: &[f64],
) -> Result<Vec<f64>> {
    let slopes = worker.place().vector(slopes);
    let result = jacobian(&worker.place().row(theta), |theta: Tensor<2>| {
        let sums = summary.sums(&worker.quantities(chunk, &theta)?)?;
        Ok((sums * slopes.clone()).sum().unsqueeze())
    })?;
    to_host(result.jacobian)
}
