//! How sure the data are.

use crate::summary::{GaussianLoss, Likelihood, PoissonLoss};
use crate::{Error, Result};

/// The data of a statistic.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetValues {
    /// One value per bin; NaN where there is none.
    pub values: Vec<f64>,
    /// Standard deviations, where they come with the data.
    pub sigma: Option<Vec<f64>>,
}

/// The errors of a statistic.
#[derive(Clone, Debug, PartialEq)]
pub enum Errors {
    /// Numbers that scatter as Poisson numbers about the model's plus a background per bin.
    Poisson {
        /// Galaxies per bin that the model does not explain; keeps the likelihood finite where it has none.
        background: f64,
    },
    /// Numbers with the Gaussian variance `T + scale T + 1`: of the numbers `T` in the data, and of the
    /// limited number of galaxies in the model.
    Counts,
    /// The standard deviations that come with the data.
    Data,
    /// Standard deviations `sqrt(absolute^2 + (relative T)^2)`.
    Fixed {
        /// In units of the statistic.
        absolute: f64,
        /// As a share of the value.
        relative: f64,
    },
    /// A covariance matrix, row-major, of all bins.
    Covariance(Vec<f64>),
}

/// The data of a statistic that are there, and their likelihood.
#[derive(Debug)]
pub(super) struct Comparison {
    /// All values, NaN where there is none.
    pub(super) values: Vec<f64>,
    /// Their standard deviations.
    pub(super) sigma: Vec<f64>,
    /// Bins that have a value.
    pub(super) used: Vec<usize>,
    pub(super) likelihood: Box<dyn Likelihood>,
}

impl Comparison {
    /// # Errors
    /// [`Error::Invalid`] for data of another length than `n`, without any value, or without errors where
    /// these are to come with them; those of the losses.
    pub(super) fn new(data: TargetValues, errors: &Errors, n: usize, scale: f64) -> Result<Self> {
        let TargetValues { values, sigma: given } = data;
        if values.len() != n || given.as_ref().is_some_and(|sigma| sigma.len() != n) {
            let reason = format!("{} values, expected {n}", values.len());
            return Err(Error::invalid("target", reason));
        }
        let used: Vec<usize> = (0..n).filter(|k| values[*k].is_finite()).collect();
        if used.is_empty() {
            return Err(Error::invalid("target", "has no value"));
        }
        let pick = |all: &[f64]| -> Vec<f64> { used.iter().map(|k| all[*k]).collect() };
        let numbers = |values: &[f64]| match values.iter().position(|v| *v < 0.0) {
            None => Ok(()),
            Some(k) => Err(Error::OutOfRange {
                what: format!("number of galaxies in bin {k}"),
                value: values[k],
                allowed: "[0, inf)".into(),
            }),
        };
        let with = |sigma: Vec<f64>| -> Result<(Vec<f64>, Box<dyn Likelihood>)> {
            let loss = GaussianLoss::diagonal(&pick(&values), &pick(&sigma))?;
            Ok((sigma, Box::new(loss)))
        };
        let (sigma, likelihood): (Vec<f64>, Box<dyn Likelihood>) = match errors {
            Errors::Poisson { background } => {
                let loss = PoissonLoss::new(&pick(&values), *background)?;
                (values.iter().map(|v| v.sqrt()).collect(), Box::new(loss))
            }
            Errors::Counts => {
                numbers(&pick(&values))?;
                with(values.iter().map(|v| (v + scale * v + 1.0).sqrt()).collect())?
            }
            Errors::Data => match given {
                Some(sigma) => with(sigma)?,
                None => return Err(Error::invalid("target", "comes without errors; state them")),
            },
            Errors::Fixed { absolute, relative } => {
                with(values.iter().map(|v| absolute.hypot(relative * v)).collect())?
            }
            Errors::Covariance(matrix) => {
                if matrix.len() != n * n {
                    let reason = format!("{} numbers, expected {n} x {n}", matrix.len());
                    return Err(Error::invalid("covariance", reason));
                }
                let rows = used.iter().flat_map(|i| used.iter().map(move |j| matrix[i * n + j]));
                let loss = GaussianLoss::full(&pick(&values), &rows.collect::<Vec<f64>>())?;
                ((0..n).map(|k| matrix[k * n + k].sqrt()).collect(), Box::new(loss))
            }
        };
        Ok(Self { values, sigma, used, likelihood })
    }
}
