//! Fits of many galaxies at once.

use super::forward::{At, Forward, Problem};
use super::free::FreeParameters;
use super::galaxy::{Fit, Flux, Galaxy, MAG_PER_LN, Posterior, flux_of_magnitude_ujy};
use super::prior::Latent;
use super::sampling::{Start, posteriors};
use super::search::{self, Point, Search, solved};
use super::start::{MASSES, N_SCALINGS, pattern, scaled};
use crate::device::to_host;
use crate::population::{Frame, GalaxyModel};
use crate::{Error, Result};

/// How hard to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FitSettings {
    /// Number of searches per galaxy, each from another point.
    pub starts: usize,
    /// The largest number of times that the model is computed in a search.
    pub max_iterations: usize,
    /// The largest number of draws from the posterior probability per galaxy, rounded up to a multiple of 64;
    /// 0 for its maximum alone.
    pub draws: usize,
}

impl Default for FitSettings {
    /// Two searches of at most 60 steps, and 768 draws at most.
    fn default() -> Self {
        Self { starts: 2, max_iterations: 60, draws: 768 }
    }
}

/// Fits galaxies with one model, many at once: the maximum of the posterior probability in the space of
/// [latent](Latent) parameters, its Gaussian approximation there, and means over draws from it.
///
/// A search is a Levenberg-Marquardt descent of one galaxy from one start. Those that are under way
/// share the computation of the model and its Jacobian, one reverse pass per filter for all; each has
/// its own steps and leaves when it is done, so that a result does not depend on the other galaxies.
#[derive(Clone, Debug)]
pub struct Fitter {
    forward: Forward,
    settings: FitSettings,
}

/// The least number of draws, if there are some.
const DRAWS_MIN: usize = 64;
/// Most draws of a galaxy, far beyond any use.
const DRAWS_MAX: usize = 1 << 20;
/// Why there is no fit where the ranges of the parameters have room for one.
const LOST: &str = "the model is not a number where the search began";

/// A search of a galaxy.
struct Descent<'a> {
    problem: &'a Problem<'a>,
    search: Search,
    /// How many times the mass is still to be scaled, and where the start is until then.
    scalings: usize,
    start: Vec<f64>,
}

impl Descent<'_> {
    /// Where the model is wanted next; `None` at the end.
    fn wanted(&self) -> Option<At<'_>> {
        let u = if self.scalings > 0 { &self.start[..] } else { self.search.trial()? };
        Some(At { problem: self.problem, u })
    }
}

/// The end of the search of a galaxy that came lowest.
struct End<'a> {
    problem: &'a Problem<'a>,
    search: &'a Search,
    point: &'a Point,
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
    /// [`Error::Invalid`] for a model of rest-frame magnitudes, for no starts or iterations, and for draws
    /// that are few.
    pub fn new(model: GalaxyModel, free: FreeParameters, settings: FitSettings) -> Result<Self> {
        if model.settings().frame == Frame::Rest {
            return Err(Error::invalid("fit", "needs apparent magnitudes, not --frame rest"));
        }
        if settings.starts == 0 || settings.max_iterations == 0 {
            return Err(Error::invalid("fit", "needs at least one start and one iteration"));
        }
        if settings.draws != 0 && !(DRAWS_MIN..=DRAWS_MAX).contains(&settings.draws) {
            let reason = format!("needs {DRAWS_MIN} to {DRAWS_MAX} draws, or none");
            return Err(Error::invalid("fit", reason));
        }
        Ok(Self { forward: Forward { model, free }, settings })
    }

    /// The model.
    pub fn model(&self) -> &GalaxyModel {
        &self.forward.model
    }

    /// What is fitted.
    pub fn free(&self) -> &FreeParameters {
        &self.forward.free
    }

    /// How hard it tries.
    pub fn settings(&self) -> FitSettings {
        self.settings
    }

    /// Fits galaxies. Those that cannot be fitted have a text that says why.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails; [`Error::Invalid`] for a galaxy with another number of
    /// filters or parameters than the model.
    pub fn fit(&self, galaxies: &[Galaxy]) -> Result<Vec<std::result::Result<Fit, String>>> {
        if galaxies.is_empty() {
            return Ok(Vec::new());
        }
        let problems = self.problems(galaxies)?;
        let solvable = || problems.iter().flatten();
        let mut descents = Vec::new();
        for problem in solvable() {
            descents.extend((0..self.settings.starts).map(|s| self.descent(problem, s)));
        }
        self.descend(&mut descents)?;
        let ends: Vec<Option<End<'_>>> =
            descents.chunks(self.settings.starts).map(End::of).collect();
        let mut fits = self.fits(&Vec::from_iter(ends.iter().flatten()))?.into_iter();
        let mut ends = ends.iter();
        let mut fit = |_: &Problem<'_>| {
            let found = ends.next().and_then(Option::as_ref).and_then(|_| fits.next());
            found.ok_or_else(|| LOST.to_owned())
        };
        Ok(problems.iter().map(|p| p.as_ref().map_err(Clone::clone).and_then(&mut fit)).collect())
    }

    /// What is to be solved for each galaxy, or why it cannot be.
    fn problems<'a>(
        &self,
        galaxies: &'a [Galaxy],
    ) -> Result<Vec<std::result::Result<Problem<'a>, String>>> {
        let (model, free) = (self.model(), self.free());
        let (n_band, n_param) = (model.filter_names().len(), model.components().info().len());
        for galaxy in galaxies {
            for (what, n, wanted) in [
                ("filters", galaxy.bands.len(), n_band),
                ("parameters", galaxy.parameters.len(), n_param),
            ] {
                if n != wanted {
                    return Err(Error::invalid("galaxy", format!("{n} {what}, expected {wanted}")));
                }
            }
        }
        let rows: Vec<&[f64]> = galaxies.iter().map(|g| &g.parameters[..]).collect();
        let params = model.components().galaxies(&model.place().rows(&rows), None)?;
        let of_redshift = to_host(model.t_obs_gyr(&params))?;
        let problem = |(galaxy, of_redshift): (&'a Galaxy, f64)| {
            if galaxy.n_bands() == 0 {
                return Err("no filter has a measurement".to_owned());
            }
            for (name, flux) in model.filter_names().iter().zip(&galaxy.bands) {
                let Some(Flux { value_ujy, error_ujy }) = flux else { continue };
                // Residuals are squared.
                let is_usable = (value_ujy / error_ujy).powi(2).is_finite();
                if !is_usable || *error_ujy <= 0.0 {
                    return Err(format!("{name}: {value_ujy} ± {error_ujy} uJy is no measurement"));
                }
            }
            let t_obs_gyr = galaxy.t_obs_gyr.unwrap_or(of_redshift);
            let latents = free.latents(&galaxy.parameters, t_obs_gyr)?;
            Ok(Problem { galaxy, t_obs_gyr, latents })
        };
        Ok(galaxies.iter().zip(of_redshift).map(problem).collect())
    }

    fn descent<'a>(&self, problem: &'a Problem<'a>, s: usize) -> Descent<'a> {
        let start = pattern(s, problem.latents.len());
        let scalings = if self.mass().is_some() { N_SCALINGS } else { 0 };
        Descent { problem, search: Search::new(start.clone()), scalings, start }
    }

    /// Which of the free parameters is the mass.
    fn mass(&self) -> Option<usize> {
        let names = self.free().names();
        MASSES.iter().find_map(|mass| names.iter().position(|name| name == mass))
    }

    /// Follows all descents to their ends.
    fn descend(&self, descents: &mut [Descent<'_>]) -> Result<()> {
        let n_filter = self.model().filter_names().len();
        let measured = |k: &usize| descents.iter().any(|d| d.problem.galaxy.bands[*k].is_some());
        let bands: Vec<usize> = (0..n_filter).filter(measured).collect();
        let (n_band, n_free) = (bands.len(), self.free().names().len());
        loop {
            let mut active: Vec<&mut Descent<'_>> =
                descents.iter_mut().filter(|d| d.wanted().is_some()).collect();
            if active.is_empty() {
                return Ok(());
            }
            let wanted: Vec<At<'_>> = active.iter().filter_map(|d| d.wanted()).collect();
            let (magnitudes, jacobian) = self.forward.bands(&wanted, &bands)?;
            for (i, descent) in active.iter_mut().enumerate() {
                let seen = Seen {
                    magnitudes: &magnitudes[i * n_band..][..n_band],
                    jacobian: &jacobian[i * n_band * n_free..][..n_band * n_free],
                };
                self.take(descent, &bands, &seen);
            }
        }
    }

    /// Residuals of a galaxy at given latent parameters and their Jacobian, `[n_residual, n_free]`.
    #[cfg(test)]
    pub(super) fn residuals(&self, galaxy: &Galaxy, u: &[f64]) -> Result<(Vec<f64>, Vec<f64>)> {
        let problem = self.problems(std::slice::from_ref(galaxy))?.remove(0);
        let problem = problem.map_err(|e| Error::invalid("galaxy", e))?;
        let bands: Vec<usize> = (0..galaxy.bands.len()).collect();
        let (magnitudes, jacobian) = self.forward.bands(&[At { problem: &problem, u }], &bands)?;
        let seen = Seen { magnitudes: &magnitudes, jacobian: &jacobian };
        Ok(residuals(galaxy, &problem.slopes(u), &bands, &seen))
    }

    /// Hands the model to a descent.
    fn take(&self, descent: &mut Descent<'_>, bands: &[usize], seen: &Seen<'_>) {
        let Some(At { problem, u }) = descent.wanted() else { return };
        let (n, slopes) = (u.len(), problem.slopes(u));
        if let (true, Some(mass)) = (descent.scalings > 0, self.mass()) {
            let measured: Vec<_> = bands.iter().map(|k| problem.galaxy.bands[*k]).collect();
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
        let (residuals, jacobian) = residuals(problem.galaxy, &slopes, bands, seen);
        descent.search.take(&residuals, &jacobian, self.settings.max_iterations);
    }

    /// The fits that belong to the ends of searches.
    fn fits(&self, ends: &[&End<'_>]) -> Result<Vec<Fit>> {
        if ends.is_empty() {
            return Ok(Vec::new());
        }
        let at: Vec<At<'_>> = ends.iter().map(|end| end.at()).collect();
        let light = self.forward.light(&at)?;
        let starts = ends.iter().map(|End { problem, point, .. }| Start { problem, point });
        let posteriors = match self.settings.draws {
            0 => ends.iter().map(|_| None).collect(),
            most => posteriors(&self.forward, &Vec::from_iter(starts), most)?,
        };
        let (n_band, n_free) = (self.model().filter_names().len(), self.free().names().len());
        let fit = |((i, end), posterior): ((usize, &&End<'_>), Option<Posterior>)| Fit {
            magnitudes: light.magnitudes[i * n_band..][..n_band].to_vec(),
            lg_mstar: light.lg_mstar[i],
            lg_mstar_err: end.mass_error(&light.slopes[i * n_free..][..n_free]),
            posterior,
            ..end.fit(self.settings.max_iterations)
        };
        Ok(ends.iter().enumerate().zip(posteriors).map(fit).collect())
    }
}

impl<'a> End<'a> {
    /// The lowest end of the descents of one galaxy; `None` when the model was nowhere a number.
    fn of(descents: &'a [Descent<'a>]) -> Option<Self> {
        let end = |descent: &'a Descent<'a>| {
            let Descent { problem, search, .. } = descent;
            Some(Self { problem, search, point: search.best()? })
        };
        descents.iter().filter_map(end).reduce(|known, end| {
            if end.point.objective() < known.point.objective() { end } else { known }
        })
    }

    fn at(&self) -> At<'a> {
        At { problem: self.problem, u: &self.point.u }
    }

    /// Standard deviation of the mass, given its derivatives with respect to the free parameters.
    fn mass_error(&self, slopes: &[f64]) -> f64 {
        let of_latent = slopes.iter().zip(self.problem.slopes(&self.point.u));
        spread(self.point, &Vec::from_iter(of_latent.map(|(d, slope)| d * slope)))
    }

    /// A fit but for the light and the posterior.
    fn fit(&self, max_iterations: usize) -> Fit {
        let Self { problem, search, point } = self;
        let latents = &problem.latents;
        let error = |(j, latent): (usize, &Latent)| {
            let unit: Vec<f64> = (0..latents.len()).map(|i| f64::from(u8::from(i == j))).collect();
            let sigma = spread(point, &unit);
            0.5 * (latent.value(point.u[j] + sigma) - latent.value(point.u[j] - sigma))
        };
        let warning = match search.end() {
            Some(search::End::Converged) => None,
            Some(search::End::Exhausted) => {
                Some(format!("not converged after {max_iterations} iterations"))
            }
            _ => Some("not converged: no step improves the fit".to_owned()),
        };
        Fit {
            values: problem.values(&point.u),
            errors: latents.iter().enumerate().map(error).collect(),
            lg_mstar: f64::NAN,
            lg_mstar_err: f64::NAN,
            posterior: None,
            chi2: point.chi2,
            n_bands: problem.galaxy.n_bands(),
            n_iterations: search.n_evaluations(),
            magnitudes: Vec::new(),
            warning,
        }
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

/// Standard deviation of a quantity with the given derivatives with respect to `u`.
fn spread(point: &Point, derivatives: &[f64]) -> f64 {
    solved(&point.matrix, derivatives).map_or(f64::NAN, |scaled| {
        scaled.iter().zip(derivatives).map(|(s, d)| s * d).sum::<f64>().sqrt()
    })
}
