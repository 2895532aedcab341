//! Which parameters of a population are free.

use burn::tensor::Tensor;

use super::table::check_row;
use super::{PopulationModels, PopulationParameters};
use crate::device::{DEFAULT_DEVICE, Place, Precision, to_host};
use crate::numerics::jacobian::jacobian;
use crate::{Error, Result};

/// Some parameters of a population as a vector of their own, unbounded; the others are constants.
#[derive(Clone, Debug)]
pub struct FreeParameters {
    parameters: PopulationParameters,
    /// All values in unbounded space.
    start: Vec<f64>,
    /// Positions of the free ones, ascending.
    free: Vec<usize>,
}

impl FreeParameters {
    /// All parameters free, starting from the given values (within their bounds).
    ///
    /// # Errors
    /// Those of [`PopulationParameters::to_unbounded`].
    pub fn all(parameters: PopulationParameters, values: &[f64]) -> Result<Self> {
        let start = parameters.to_unbounded(values)?;
        let free = (0..start.len()).collect();
        Ok(Self { parameters, start, free })
    }

    /// None but those that the patterns match; see [`PopulationParameters::matching`].
    ///
    /// # Errors
    /// [`Error::UnknownName`] for a pattern that matches nothing.
    pub fn only<P: AsRef<str>>(self, patterns: &[P]) -> Result<Self> {
        let free = self.parameters.matching(patterns)?;
        Ok(Self { free, ..self })
    }

    /// The free ones without those that the patterns match.
    ///
    /// # Errors
    /// [`Error::UnknownName`] for a pattern that matches nothing; [`Error::Invalid`] when no parameter
    /// stays free.
    pub fn freeze<P: AsRef<str>>(mut self, patterns: &[P]) -> Result<Self> {
        let frozen = self.parameters.matching(patterns)?;
        self.free.retain(|j| frozen.binary_search(j).is_err());
        match self.free.is_empty() {
            true => Err(Error::invalid("free parameters", "all are frozen")),
            false => Ok(self),
        }
    }

    /// The free ones and those that the patterns match.
    ///
    /// # Errors
    /// [`Error::UnknownName`] for a pattern that matches nothing.
    pub fn free<P: AsRef<str>>(mut self, patterns: &[P]) -> Result<Self> {
        self.free.extend(self.parameters.matching(patterns)?);
        self.free.sort_unstable();
        self.free.dedup();
        Ok(self)
    }

    /// The same parameters free, starting from other values.
    ///
    /// # Errors
    /// Those of [`PopulationParameters::to_unbounded`].
    pub fn starting_from(&self, values: &[f64]) -> Result<Self> {
        Ok(Self { start: self.parameters.to_unbounded(values)?, ..self.clone() })
    }

    /// All parameters of the population.
    pub fn parameters(&self) -> &PopulationParameters {
        &self.parameters
    }

    /// Names of the free parameters in order.
    pub fn names(&self) -> Vec<&str> {
        self.free.iter().map(|j| self.parameters.names()[*j].as_str()).collect()
    }

    /// Number of free parameters.
    pub fn n_free(&self) -> usize {
        self.free.len()
    }

    /// Where the free parameters start, unbounded.
    pub fn start(&self) -> Vec<f64> {
        self.free.iter().map(|j| self.start[*j]).collect()
    }

    /// All values, within their bounds, for free parameters `theta` (unbounded).
    ///
    /// # Errors
    /// [`Error::Invalid`] for another number of values.
    pub fn values(&self, theta: &[f64]) -> Result<Vec<f64>> {
        if theta.len() != self.free.len() {
            let reason = format!("{} values, expected {}", theta.len(), self.free.len());
            return Err(Error::invalid("free parameters", reason));
        }
        let mut all = self.start.clone();
        self.free.iter().zip(theta).for_each(|(j, value)| all[*j] = *value);
        self.parameters.to_bounded(&all)
    }

    /// Values of the free parameters, within their bounds, likewise.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another number of values.
    pub fn free_values(&self, theta: &[f64]) -> Result<Vec<f64>> {
        let all = self.values(theta)?;
        Ok(self.free.iter().map(|j| all[*j]).collect())
    }

    /// All unbounded parameters, `[1, n]`, for the free ones, `[1, n_free]`, whose graph is kept.
    ///
    /// Values are picked, not multiplied with a selection matrix, so that no device rounds them.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another shape.
    pub fn row(&self, theta: &Tensor<2>) -> Result<Tensor<2>> {
        check_row("free parameters", self.free.len(), theta)?;
        let place = Place::of(theta);
        // The constants stand behind the free ones.
        let mut picked: Vec<usize> = (0..self.start.len()).map(|j| self.free.len() + j).collect();
        self.free.iter().enumerate().for_each(|(i, j)| picked[*j] = i);
        let both = Tensor::cat(vec![theta.clone(), place.row(&self.start)], 1);
        Ok(both.select(1, place.indices(&picked)))
    }

    /// Derivatives of the values of the free parameters, within their bounds, with respect to the unbounded
    /// ones, `[n_free, n_free]` row-major: diagonal but for bounds that depend on other parameters.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another number of values.
    pub fn jacobian(&self, theta: &[f64]) -> Result<Vec<f64>> {
        let place = Place::open(DEFAULT_DEVICE, Precision::F64)?;
        let picked = place.indices(&self.free);
        let bounded = |theta: Tensor<2>| {
            let all = self.parameters.bounded(&self.row(&theta)?)?;
            Ok(all.select(1, picked.clone()))
        };
        to_host(jacobian(&place.row(theta), bounded)?.jacobian)
    }

    /// The models of the population likewise. Ingredients without free parameters are constants, so that
    /// what follows from them alone takes no part in gradients.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another shape.
    pub fn models(&self, theta: &Tensor<2>) -> Result<PopulationModels> {
        let (all, place) = (self.row(theta)?, Place::of(theta));
        self.parameters.models_of(|range| match self.free.iter().any(|j| range.contains(j)) {
            true => all.clone().narrow(1, range.start, range.len()),
            false => place.row(&self.start[range]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::galhalo::PopulationIngredients;
    use crate::testing::{
        assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    fn parameters() -> FreeParameters {
        let all = PopulationParameters::new(PopulationIngredients::default());
        let defaults = all.default_values();
        FreeParameters::all(all, &defaults).unwrap()
    }

    #[test]
    fn parameters_are_freed_and_frozen_by_name() {
        assert_eq!(parameters().n_free(), 110);
        let dust = parameters().only(&["dust.*"]).unwrap().freeze(&["*_scatter"]).unwrap();
        assert_eq!(dust.n_free(), 9);
        let more = dust.free(&["mzr.mzr_t0_ytp", "dust.av_norm"]).unwrap();
        assert_eq!(more.names()[..2], ["mzr.mzr_t0_ytp", "dust.av_norm"]);
        assert_eq!(more.n_free(), 10);
        assert!(more.clone().freeze(&["*"]).is_err());
        let error = more.only(&["dust.tau"]).unwrap_err().to_string();
        assert!(error.contains("dust.av_norm"), "{error}");
    }

    #[test]
    fn the_jacobian_is_that_of_the_values() {
        let free = parameters().only(&["mzr.*", "dust.av_*", "diffstarpop.std_uqs_*"]).unwrap();
        let theta: Vec<f64> = free.start().iter().map(|u| u + 0.3).collect();
        let n = theta.len();
        let jacobian = free.jacobian(&theta).unwrap();
        for j in 0..n {
            let at = |steps: f64| {
                let mut theta = theta.clone();
                theta[j] += 1e-3 * steps;
                free.free_values(&theta).unwrap()
            };
            let (up, down) = (at(1.0), at(-1.0));
            let numeric: Vec<f64> = up.iter().zip(down).map(|(u, d)| (u - d) / 2e-3).collect();
            let column: Vec<f64> = (0..n).map(|i| jacobian[i * n + j]).collect();
            assert_close(&column, &numeric, 1e-6, 1e-9);
            assert!(column[j] != 0.0);
        }
    }

    #[test]
    fn another_start_keeps_what_is_free() {
        let free = parameters().only(&["dust.av_*"]).unwrap();
        let all = free.values(&free.start()).unwrap();
        let other = free.parameters().with(all, &[("dust.av_norm", 1.5)]).unwrap();
        let other = free.starting_from(&other).unwrap();
        assert_eq!(other.names(), free.names());
        assert_close(&other.free_values(&other.start()).unwrap()[..1], &[1.5], 1e-12, 0.0);
        assert!(free.starting_from(&[1.0]).is_err());
    }

    #[test]
    fn rows_hold_the_free_values_and_the_constants() {
        let free = parameters().only(&["dust.av_*", "diffstarpop.std_uqs_*"]).unwrap();
        let theta: Vec<f64> = (0..free.n_free()).map(|i| 0.25 * i as f64).collect();
        for_each_place(|place| {
            let row = values(free.row(&place.row(&theta)).unwrap());
            for (j, (got, start)) in row.iter().zip(&free.start).enumerate() {
                let want = free.free.iter().position(|f| *f == j).map_or(*start, |i| theta[i]);
                assert!((got - want).abs() <= 1e-6 * want.abs(), "{j}");
            }
            assert!(free.row(&place.row(&theta[1..])).is_err());
        });
        for_each_f64_place(|place| {
            assert_jacobian(&[&theta], 1e-9, place, |p| free.row(&p).unwrap());
        });
    }

    #[test]
    fn values_are_bounded() {
        let free = parameters().only(&["dust.av_norm"]).unwrap();
        let at_start = free.free_values(&free.start()).unwrap();
        assert!((at_start[0] - 0.5).abs() < 1e-12);
        let all = free.values(&[1e3]).unwrap();
        assert!((all[free.parameters.index("dust.av_norm").unwrap()] - 10.0).abs() < 1e-9);
        assert!(free.values(&[]).is_err());
    }
}
