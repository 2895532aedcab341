//! The model at latent parameters of many galaxies, and its derivatives with respect to free parameters.

use burn::tensor::Tensor;

use super::free::FreeParameters;
use super::galaxy::Galaxy;
use super::prior::Latent;
use crate::Result;
use crate::device::to_host;
use crate::metallicity::MetallicityModel;
use crate::numerics::column;
use crate::numerics::jacobian::jacobian_of_columns;
use crate::population::{Components, GalaxyModel, GalaxyParams};
use crate::sfh::SfhModel;

/// Logarithms of what the light is proportional to, unless the metallicity depends on the mass, or the
/// efficiency of star formation has a floor, as in the early diffstar.
pub(super) const AMPLITUDES: [&str; 2] = ["lg_mass_formed", "lgy_at_mcrit"];

/// A galaxy with what its fit needs to know.
#[derive(Clone, Debug)]
pub(super) struct Problem<'a> {
    pub galaxy: &'a Galaxy,
    /// Cosmic time of observation \[Gyr\].
    pub t_obs_gyr: f64,
    /// The maps to the free parameters.
    pub latents: Vec<Latent>,
}

/// A point in the space of a problem's latent parameters.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<'a> {
    pub problem: &'a Problem<'a>,
    pub u: &'a [f64],
}

/// The model and its free parameters.
#[derive(Clone, Debug)]
pub(super) struct Forward {
    pub model: GalaxyModel,
    pub free: FreeParameters,
}

/// The model in all its filters.
#[derive(Clone, Debug)]
pub(super) struct Light {
    /// `[n, n_filter]`.
    pub magnitudes: Vec<f64>,
    /// log10 of the surviving mass, `[n]`.
    pub lg_mstar: Vec<f64>,
    /// Its derivatives, `[n, n_free]`.
    pub slopes: Vec<f64>,
}

impl Problem<'_> {
    /// Values of the free parameters.
    pub(super) fn values(&self, u: &[f64]) -> Vec<f64> {
        self.latents.iter().zip(u).map(|(latent, u)| latent.value(*u)).collect()
    }

    /// Their derivatives with respect to the latent ones.
    pub(super) fn slopes(&self, u: &[f64]) -> Vec<f64> {
        self.latents.iter().zip(u).map(|(latent, u)| latent.slope(*u)).collect()
    }
}

impl Forward {
    /// Magnitudes in the filters `bands`, `[n, n_band]`, and their derivatives, `[n, n_band, n_free]`.
    pub(super) fn bands(&self, points: &[At<'_>], bands: &[usize]) -> Result<(Vec<f64>, Vec<f64>)> {
        let (matrix, t_obs) = self.tensors(points);
        let wrt = self.free.indices();
        let result = self.model.jacobian_of_bands(&matrix, Some(&t_obs), wrt, bands)?;
        let n = points.len() * bands.len();
        Ok((first(result.values, n)?, first(result.jacobian, n * wrt.len())?))
    }

    /// Magnitudes in all filters, and masses.
    pub(super) fn light(&self, points: &[At<'_>]) -> Result<Light> {
        let (matrix, t_obs) = self.tensors(points);
        let (magnitudes, _) = self.seen(points)?;
        let mass = jacobian_of_columns(&matrix, self.free.indices(), |matrix| {
            Ok(column(&self.model.predict(&self.galaxies(matrix, &t_obs)?)?.lg_mass_surviving))
        })?;
        let n = points.len();
        Ok(Light {
            magnitudes,
            lg_mstar: first(mass.values, n)?,
            slopes: first(mass.jacobian, n * self.free.indices().len())?,
        })
    }

    /// Magnitudes in all filters, `[n, n_filter]`, and log10 of the surviving masses, `[n]`.
    pub(super) fn seen(&self, points: &[At<'_>]) -> Result<(Vec<f64>, Vec<f64>)> {
        let (matrix, t_obs) = self.tensors(points);
        let seen = self.model.predict(&self.galaxies(&matrix, &t_obs)?)?;
        let n = points.len();
        let magnitudes = first(seen.magnitudes, n * self.model.filter_names().len())?;
        Ok((magnitudes, first(seen.lg_mass_surviving, n)?))
    }

    /// Which of several free parameters only scales the light.
    pub(super) fn amplitude(&self) -> Option<usize> {
        let names = self.free.names();
        let Components { sfh, metallicity, .. } = self.model.components();
        let scales = *sfh != SfhModel::Diffstar2021
            && *metallicity != MetallicityModel::MassMetallicity
            && names.len() > 1;
        let position = names.iter().position(|name| AMPLITUDES.contains(name));
        position.filter(|_| scales)
    }

    fn galaxies(&self, matrix: &Tensor<2>, t_obs: &Tensor<1>) -> Result<GalaxyParams> {
        self.model.components().galaxies(matrix, Some(t_obs.clone()))
    }

    /// Parameters and times of observation; on a GPU, which compiles kernels for every shape, as many rows
    /// as the next power of two, filled with copies of the last one.
    fn tensors(&self, points: &[At<'_>]) -> (Tensor<2>, Tensor<1>) {
        let place = self.model.place();
        let n = points.len();
        let n_row = if place.is_cpu() { n } else { n.next_power_of_two() };
        let points: Vec<&At<'_>> = (0..n_row).map(|i| &points[i.min(n - 1)]).collect();
        let row = |at: &&At<'_>| {
            self.free.with_values(&at.problem.galaxy.parameters, &at.problem.values(at.u))
        };
        let rows: Vec<Vec<f64>> = points.iter().map(row).collect();
        let t_obs: Vec<f64> = points.iter().map(|at| at.problem.t_obs_gyr).collect();
        (place.rows(&Vec::from_iter(rows.iter().map(Vec::as_slice))), place.vector(&t_obs))
    }
}

/// The first `n` numbers of a tensor.
fn first<const D: usize>(tensor: Tensor<D>, n: usize) -> Result<Vec<f64>> {
    let mut values = to_host(tensor)?;
    values.truncate(n);
    Ok(values)
}
