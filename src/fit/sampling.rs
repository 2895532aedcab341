//! Means over the posterior probability of many galaxies at once.

use nalgebra::DMatrix;

use super::amplitude::Amplitude;
use super::forward::{At, Forward, Problem};
use super::galaxy::{Posterior, flux_of_magnitude_ujy};
use super::posterior::{Found, ROUND, Sampler};
use super::search::Point;
use crate::Result;

/// The end of a search, around which draws begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start<'a> {
    pub problem: &'a Problem<'a>,
    pub point: &'a Point,
}

/// Means over draws from the posterior probability of each galaxy, at most `most`; `None` where the model is
/// a number at none, or the curvature cannot be inverted.
pub(super) fn posteriors(
    forward: &Forward,
    starts: &[Start<'_>],
    most: usize,
) -> Result<Vec<Option<Posterior>>> {
    let amplitude = forward.amplitude();
    let mut samplers: Vec<Option<Sampler>> =
        starts.iter().map(|start| start.sampler(amplitude, most)).collect();
    let n_band = forward.model.filter_names().len();
    loop {
        let active = starts.iter().zip(samplers.iter_mut().map(Option::as_mut));
        let active: Vec<(&Start<'_>, Vec<f64>, &mut Sampler)> = active
            .filter_map(|(start, sampler)| {
                let sampler = sampler?;
                Some((start, sampler.point()?, sampler))
            })
            .collect();
        if active.is_empty() {
            break;
        }
        let points: Vec<Vec<f64>> =
            active.iter().map(|(start, drawn, _)| start.whole(drawn, amplitude)).collect();
        let at = active.iter().zip(&points);
        let at = at.map(|((start, ..), u)| At { problem: start.problem, u });
        let at: Vec<At<'_>> = at.collect();
        let (magnitudes, masses) = forward.seen(&at)?;
        let seen = at.iter().zip(magnitudes.chunks(n_band)).zip(masses);
        for ((_, drawn, sampler), ((at, magnitudes), mass)) in active.into_iter().zip(seen) {
            sampler.take(drawn, found(at, magnitudes, mass, amplitude));
        }
    }
    Ok(samplers.iter().map(|sampler| Posterior::of(sampler.as_ref()?)).collect())
}

impl Start<'_> {
    /// Draws all parameters but the amplitude.
    fn sampler(&self, amplitude: Option<usize>, most: usize) -> Option<Sampler> {
        let u = &self.point.u;
        let n = u.len();
        let covariance = DMatrix::from_row_slice(n, n, &self.point.matrix).cholesky()?.inverse();
        let drawn: Vec<usize> = (0..n).filter(|j| Some(*j) != amplitude).collect();
        let centre: Vec<f64> = drawn.iter().map(|j| u[*j]).collect();
        let covariance: Vec<f64> =
            drawn.iter().flat_map(|i| drawn.iter().map(|j| covariance[(*i, *j)])).collect();
        // Weights take all rounds for equally long.
        let most = most.next_multiple_of(ROUND);
        Sampler::new(&centre, &covariance, most, self.problem.galaxy.seed())
    }

    /// All parameters: those drawn, and the amplitude of the start.
    fn whole(&self, drawn: &[f64], amplitude: Option<usize>) -> Vec<f64> {
        let mut u = self.point.u.clone();
        let others = (0..u.len()).filter(|j| Some(*j) != amplitude);
        for (j, value) in others.zip(drawn) {
            u[j] = *value;
        }
        u
    }
}

/// What a sampler wants to know about a point: the density, parameters and mass.
fn found(at: &At<'_>, magnitudes: &[f64], lg_mstar: f64, amplitude: Option<usize>) -> Found {
    let At { problem: Problem { galaxy, latents, .. }, u } = at;
    let mut values = at.problem.values(u);
    values.push(lg_mstar);
    let mut variances = vec![0.0; values.len()];
    let squares = |skipped: Option<usize>| {
        let kept = u.iter().enumerate().filter(|(j, _)| Some(*j) != skipped);
        kept.map(|(_, u)| u * u).sum::<f64>()
    };
    let ln_density = match amplitude {
        Some(j) => {
            let of_light = Amplitude::of(galaxy, magnitudes, &latents[j], values[j]);
            let shift = of_light.mean - values[j];
            for k in [j, u.len()] {
                values[k] += shift;
                variances[k] = of_light.variance;
            }
            of_light.ln_integral - 0.5 * squares(Some(j))
        }
        None => {
            let measured = galaxy.bands.iter().zip(magnitudes);
            let residual = measured.filter_map(|(flux, magnitude)| {
                let flux = (*flux)?;
                Some((flux_of_magnitude_ujy(*magnitude) - flux.value_ujy) / flux.error_ujy)
            });
            -0.5 * (residual.map(|r| r * r).sum::<f64>() + squares(None))
        }
    };
    Found { ln_density, values, variances }
}

impl Posterior {
    fn of(sampler: &Sampler) -> Option<Self> {
        let mut moments = sampler.moments()?;
        // The mass is the last of the quantities.
        let (lg_mstar, lg_mstar_err) = (moments.means.pop()?, moments.deviations.pop()?);
        Some(Self {
            values: moments.means,
            errors: moments.deviations,
            lg_mstar,
            lg_mstar_err,
            n_effective: moments.n_effective,
        })
    }
}
