//! Fits of many galaxies at once.

use burn::tensor::Tensor;

use super::free::FreeParameters;
use super::galaxy::{Fit, Galaxy, MAG_PER_LN, flux_of_magnitude_ujy};
use super::prior::Latent;
use super::search::{End, Point, Search, solved};
use super::start::{MASSES, N_SCALINGS, pattern, scaled};
use crate::device::to_host;
use crate::numerics::column;
use crate::numerics::jacobian::jacobian_of_columns;
use crate::population::{Frame, GalaxyModel};
use crate::{Error, Result};

/// How hard to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FitSettings {
    /// Number of searches per galaxy, each from another point.
    pub starts: usize,
    /// The largest number of times that the model is computed in a search.
    pub max_iterations: usize,
}

impl Default for FitSettings {
    /// Two searches of at most 60 steps.
    fn default() -> Self {
        Self { starts: 2, max_iterations: 60 }
    }
}

/// Fits galaxies with one model, many at once: the maximum of the posterior probability in the space of
/// [latent](Latent) parameters, and its Gaussian approximation there.
///
/// A search is a Levenberg-Marquardt descent of one galaxy from one start. Those that are under way
/// share the computation of the model and its Jacobian, one reverse pass per filter for all; each has
/// its own steps and leaves when it is done, so that a result does not depend on the other galaxies.
#[derive(Clone, Debug)]
pub struct Fitter {
    model: GalaxyModel,
    free: FreeParameters,
    settings: FitSettings,
}

/// A search of a galaxy.
struct Descent {
    /// Which galaxy it is.
    galaxy: usize,
    search: Search,
    /// How many times the mass is still to be scaled, and where the start is until then.
    scalings: usize,
    start: Vec<f64>,
}

impl Descent {
    /// Where the model is wanted next; `None` at the end.
    fn wanted(&self) -> Option<&[f64]> {
        if self.scalings > 0 { Some(&self.start) } else { self.search.trial() }
    }
}

/// The model at the parameters of one galaxy, in the measured filters.
struct Seen<'a> {
    magnitudes: &'a [f64],
    /// Derivatives with respect to the free parameters, `[n_band, n_free]`.
    jacobian: &'a [f64],
}

impl Fitter {
    /// Fits the parameters `free` of `model`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a model of rest-frame magnitudes, and for no starts or iterations.
    pub fn new(model: GalaxyModel, free: FreeParameters, settings: FitSettings) -> Result<Self> {
        if model.settings().frame == Frame::Rest {
            return Err(Error::invalid("fit", "needs apparent magnitudes, not --frame rest"));
        }
        if settings.starts == 0 || settings.max_iterations == 0 {
            return Err(Error::invalid("fit", "needs at least one start and one iteration"));
        }
        Ok(Self { model, free, settings })
    }

    /// The model.
    pub fn model(&self) -> &GalaxyModel {
        &self.model
    }

    /// What is fitted.
    pub fn free(&self) -> &FreeParameters {
        &self.free
    }

    /// How hard it tries.
    pub fn settings(&self) -> FitSettings {
        self.settings
    }

    /// Fits galaxies. Those that cannot be fitted have a text that says why.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails; [`Error::Invalid`] for a galaxy with another number of
    /// filters than the model.
    pub fn fit(&self, galaxies: &[Galaxy]) -> Result<Vec<std::result::Result<Fit, String>>> {
        let n_band = self.model.filter_names().len();
        if let Some(galaxy) = galaxies.iter().find(|galaxy| galaxy.bands.len() != n_band) {
            let reason = format!("{} filters, expected {n_band}", galaxy.bands.len());
            return Err(Error::invalid("galaxy", reason));
        }
        if galaxies.is_empty() {
            return Ok(Vec::new());
        }
        let latents = self.latents(galaxies)?;
        let mut descents = Vec::new();
        for (g, _) in latents.iter().enumerate().filter(|(_, latents)| latents.is_ok()) {
            descents.extend((0..self.settings.starts).map(|s| self.descent(g, s)));
        }
        self.descend(&mut descents, galaxies, &latents)?;

        let mut best: Vec<Option<&Descent>> = galaxies.iter().map(|_| None).collect();
        for descent in &descents {
            let objective = |d: &Descent| d.search.best().map_or(f64::INFINITY, Point::objective);
            let known = &mut best[descent.galaxy];
            if known.is_none_or(|known| objective(descent) < objective(known)) {
                *known = Some(descent);
            }
        }
        self.results(galaxies, latents, &best)
    }

    /// The maps to the free parameters of every galaxy, or why there are none.
    fn latents(
        &self,
        galaxies: &[Galaxy],
    ) -> Result<Vec<std::result::Result<Vec<Latent>, String>>> {
        let ages = self.t_obs_gyr(galaxies)?;
        let of = |(galaxy, t_obs): (&Galaxy, &f64)| {
            if galaxy.n_bands() == 0 {
                return Err("no filter has a measurement".to_owned());
            }
            self.free.latents(&galaxy.parameters, *t_obs)
        };
        Ok(galaxies.iter().zip(&ages).map(of).collect())
    }

    fn t_obs_gyr(&self, galaxies: &[Galaxy]) -> Result<Vec<f64>> {
        let rows: Vec<&[f64]> = galaxies.iter().map(|g| &g.parameters[..]).collect();
        let params = self.model.components().galaxies(&self.model.place().rows(&rows), None)?;
        let of_redshift = to_host(self.model.t_obs_gyr(&params))?;
        let given = galaxies.iter().zip(of_redshift);
        Ok(given.map(|(galaxy, t_obs)| galaxy.t_obs_gyr.unwrap_or(t_obs)).collect())
    }

    fn descent(&self, galaxy: usize, s: usize) -> Descent {
        let start = pattern(s, self.free.names().len());
        let scalings = if self.mass().is_some() { N_SCALINGS } else { 0 };
        Descent { galaxy, search: Search::new(start.clone()), scalings, start }
    }

    /// Which of the free parameters is the mass.
    fn mass(&self) -> Option<usize> {
        let names = self.free.names();
        MASSES.iter().find_map(|mass| names.iter().position(|name| name == mass))
    }

    /// Follows all descents to their ends.
    fn descend(
        &self,
        descents: &mut [Descent],
        galaxies: &[Galaxy],
        latents: &[std::result::Result<Vec<Latent>, String>],
    ) -> Result<()> {
        let measured = |k: &usize| galaxies.iter().any(|galaxy| galaxy.bands[*k].is_some());
        let bands: Vec<usize> = (0..self.model.filter_names().len()).filter(measured).collect();
        let (n_band, n_free) = (bands.len(), self.free.names().len());
        loop {
            let mut active: Vec<&mut Descent> =
                descents.iter_mut().filter(|d| d.wanted().is_some()).collect();
            if active.is_empty() {
                return Ok(());
            }
            let mut rows = Vec::with_capacity(active.len());
            let mut t_obs = Vec::new();
            for descent in &active {
                let galaxy = &galaxies[descent.galaxy];
                let values = match (&latents[descent.galaxy], descent.wanted()) {
                    (Ok(latents), Some(u)) => values_of(latents, u),
                    _ => continue,
                };
                rows.push(self.free.with_values(&galaxy.parameters, &values));
                t_obs.extend(galaxy.t_obs_gyr);
            }
            let (magnitudes, jacobian) = self.evaluate(rows, t_obs, &bands)?;
            for (i, descent) in active.iter_mut().enumerate() {
                let seen = Seen {
                    magnitudes: &magnitudes[i * n_band..][..n_band],
                    jacobian: &jacobian[i * n_band * n_free..][..n_band * n_free],
                };
                if let Ok(latents) = &latents[descent.galaxy] {
                    self.take(descent, &galaxies[descent.galaxy], latents, &bands, &seen);
                }
            }
        }
    }

    /// Magnitudes `[n, n_band]` in the filters `bands` and their derivatives with respect to the free
    /// parameters, `[n, n_band, n_free]`.
    fn evaluate(
        &self,
        mut rows: Vec<Vec<f64>>,
        mut t_obs_gyr: Vec<f64>,
        bands: &[usize],
    ) -> Result<(Vec<f64>, Vec<f64>)> {
        let n = rows.len();
        if !self.model.place().is_cpu() {
            // A GPU compiles kernels for every shape: few of them, filled with copies of the first row.
            rows.resize(n.next_power_of_two(), rows[0].clone());
            if let Some(first) = t_obs_gyr.first().copied() {
                t_obs_gyr.resize(rows.len(), first);
            }
        }
        let (matrix, t_obs) = self.tensors(&rows, &t_obs_gyr);
        let wrt = self.free.indices();
        let result = self.model.jacobian_of_bands(&matrix, t_obs.as_ref(), wrt, bands)?;
        let mut magnitudes = to_host(result.values)?;
        let mut jacobian = to_host(result.jacobian)?;
        magnitudes.truncate(n * bands.len());
        jacobian.truncate(n * bands.len() * wrt.len());
        Ok((magnitudes, jacobian))
    }

    /// Residuals of a galaxy at given latent parameters and their Jacobian, `[n_residual, n_free]`.
    #[cfg(test)]
    pub(super) fn residuals(&self, galaxy: &Galaxy, u: &[f64]) -> Result<(Vec<f64>, Vec<f64>)> {
        let latents = self.latents(std::slice::from_ref(galaxy))?.remove(0);
        let latents = latents.map_err(|e| Error::invalid("galaxy", e))?;
        let slopes: Vec<f64> = latents.iter().zip(u).map(|(l, u)| l.slope(*u)).collect();
        let row = self.free.with_values(&galaxy.parameters, &values_of(&latents, u));
        let bands: Vec<usize> = (0..galaxy.bands.len()).collect();
        let t_obs = galaxy.t_obs_gyr.into_iter().collect();
        let (magnitudes, jacobian) = self.evaluate(vec![row], t_obs, &bands)?;
        let seen = Seen { magnitudes: &magnitudes, jacobian: &jacobian };
        Ok(residuals(galaxy, &slopes, &bands, &seen))
    }

    fn tensors(&self, rows: &[Vec<f64>], t_obs_gyr: &[f64]) -> (Tensor<2>, Option<Tensor<1>>) {
        let place = self.model.place();
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        (place.rows(&rows), (!t_obs_gyr.is_empty()).then(|| place.vector(t_obs_gyr)))
    }

    /// Hands the model to a descent.
    fn take(
        &self,
        descent: &mut Descent,
        galaxy: &Galaxy,
        latents: &[Latent],
        bands: &[usize],
        seen: &Seen<'_>,
    ) {
        let n = latents.len();
        let Some(u) = descent.wanted() else { return };
        let slopes: Vec<f64> = latents.iter().zip(u).map(|(latent, u)| latent.slope(*u)).collect();
        if let (true, Some(mass)) = (descent.scalings > 0, self.mass()) {
            let measured: Vec<_> = bands.iter().map(|k| galaxy.bands[*k]).collect();
            let model: Vec<f64> =
                seen.magnitudes.iter().map(|m| flux_of_magnitude_ujy(*m)).collect();
            let of_mass = |d: &[f64]| d[mass] * slopes[mass];
            let of_mass: Vec<f64> = seen.jacobian.chunks(n).map(of_mass).collect();
            descent.start[mass] = scaled(descent.start[mass], &measured, &model, &of_mass);
            descent.scalings -= 1;
            if descent.scalings == 0 {
                descent.search = Search::new(descent.start.clone());
            }
            return;
        }
        let (residuals, jacobian) = residuals(galaxy, &slopes, bands, seen);
        descent.search.take(&residuals, &jacobian, self.settings.max_iterations);
    }

    /// What the best descents found.
    fn results(
        &self,
        galaxies: &[Galaxy],
        latents: Vec<std::result::Result<Vec<Latent>, String>>,
        best: &[Option<&Descent>],
    ) -> Result<Vec<std::result::Result<Fit, String>>> {
        let lost = || "the model is not a number where the search began".to_owned();
        let mut found = Vec::new();
        let mut results = Vec::new();
        for ((g, latents), best) in latents.into_iter().enumerate().zip(best) {
            results.push(latents.and_then(|latents| {
                let best = best.and_then(|d| Some((d, d.search.best()?))).ok_or_else(lost)?;
                let fit = self.without_light(&galaxies[g], &latents, best);
                found.push((g, latents, best.1));
                Ok(fit)
            }));
        }
        if found.is_empty() {
            return Ok(results);
        }
        let rows = found.iter().map(|(g, latents, point)| {
            self.free.with_values(&galaxies[*g].parameters, &values_of(latents, &point.u))
        });
        let rows: Vec<Vec<f64>> = rows.collect();
        let t_obs: Vec<f64> = found.iter().filter_map(|(g, ..)| galaxies[*g].t_obs_gyr).collect();
        let (magnitudes, masses, slopes) = self.light(&rows, &t_obs)?;
        let (n_band, n_free) = (self.model.filter_names().len(), self.free.names().len());
        for (i, (g, latents, point)) in found.iter().enumerate() {
            let Ok(fit) = &mut results[*g] else { continue };
            fit.magnitudes = magnitudes[i * n_band..][..n_band].to_vec();
            fit.lg_mstar = masses[i];
            let of_mass = slopes[i * n_free..].iter().zip(latents).zip(&point.u);
            let of_mass: Vec<f64> = of_mass.map(|((d, latent), u)| d * latent.slope(*u)).collect();
            fit.lg_mstar_err = spread(point, &of_mass);
        }
        Ok(results)
    }

    /// A fit but for the mass and the magnitudes.
    fn without_light(
        &self,
        galaxy: &Galaxy,
        latents: &[Latent],
        (descent, point): (&Descent, &Point),
    ) -> Fit {
        let error = |(j, latent): (usize, &Latent)| {
            let unit: Vec<f64> = (0..latents.len()).map(|i| f64::from(u8::from(i == j))).collect();
            let sigma = spread(point, &unit);
            0.5 * (latent.value(point.u[j] + sigma) - latent.value(point.u[j] - sigma))
        };
        let warning = match descent.search.end() {
            Some(End::Converged) => None,
            Some(End::Exhausted) => {
                Some(format!("not converged after {} iterations", self.settings.max_iterations))
            }
            _ => Some("not converged: no step improves the fit".to_owned()),
        };
        Fit {
            values: values_of(latents, &point.u),
            errors: latents.iter().enumerate().map(error).collect(),
            lg_mstar: f64::NAN,
            lg_mstar_err: f64::NAN,
            chi2: point.chi2,
            n_bands: galaxy.n_bands(),
            n_iterations: descent.search.n_evaluations(),
            magnitudes: Vec::new(),
            warning,
        }
    }

    /// Magnitudes in all filters, surviving masses and their derivatives with respect to the free
    /// parameters.
    fn light(
        &self,
        rows: &[Vec<f64>],
        t_obs_gyr: &[f64],
    ) -> Result<(Vec<f64>, Vec<f64>, Vec<f64>)> {
        let (matrix, t_obs) = self.tensors(rows, t_obs_gyr);
        let galaxies = |matrix: &Tensor<2>| self.model.components().galaxies(matrix, t_obs.clone());
        let magnitudes = to_host(self.model.predict(&galaxies(&matrix)?)?.magnitudes)?;
        let mass = jacobian_of_columns(&matrix, self.free.indices(), |matrix| {
            Ok(column(&self.model.predict(&galaxies(matrix)?)?.lg_mass_surviving))
        })?;
        Ok((magnitudes, to_host(mass.values)?, to_host(mass.jacobian)?))
    }
}

/// Differences of fluxes over errors, one per measurement, and their derivatives with respect to the
/// latent parameters, whose slopes are `slopes`. Fluxes, not magnitudes: those may be negative.
fn residuals(
    galaxy: &Galaxy,
    slopes: &[f64],
    bands: &[usize],
    seen: &Seen<'_>,
) -> (Vec<f64>, Vec<f64>) {
    let (mut residuals, mut jacobian) = (Vec::new(), Vec::new());
    let seen = seen.magnitudes.iter().zip(seen.jacobian.chunks(slopes.len()));
    for (k, (magnitude, derivatives)) in bands.iter().zip(seen) {
        let Some(flux) = galaxy.bands[*k] else { continue };
        let model = flux_of_magnitude_ujy(*magnitude) / flux.error_ujy;
        residuals.push(model - flux.value_ujy / flux.error_ujy);
        let of_latent = derivatives.iter().zip(slopes);
        jacobian.extend(of_latent.map(|(d, slope)| -model / MAG_PER_LN * d * slope));
    }
    (residuals, jacobian)
}

fn values_of(latents: &[Latent], u: &[f64]) -> Vec<f64> {
    latents.iter().zip(u).map(|(latent, u)| latent.value(*u)).collect()
}

/// Standard deviation of a quantity with the given derivatives with respect to `u`.
fn spread(point: &Point, derivatives: &[f64]) -> f64 {
    solved(&point.matrix, derivatives).map_or(f64::NAN, |scaled| {
        scaled.iter().zip(derivatives).map(|(s, d)| s * d).sum::<f64>().sqrt()
    })
}
