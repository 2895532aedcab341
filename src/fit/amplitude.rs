//! The integral of the posterior density over the amplitude of the light.
//!
//! A parameter that only scales the light, such as the mass formed, makes a valley of the posterior that is
//! narrow and, seen along the other parameters, bent. Fluxes `A F_k` of one spectrum are known for every
//! amplitude `A`, so that the integral over it needs the model once.

use super::galaxy::{Galaxy, flux_of_magnitude_ujy};
use super::prior::Latent;

/// Half the range of the nodes around the Gaussian approximation, in its standard deviations.
const REACH: f64 = 6.0;
/// Number of these nodes.
const NODES: i32 = 41;
/// Distance of the nodes that cover the prior. A galaxy that is hardly detected may also be as faint as the
/// prior allows, which no Gaussian knows of.
const PRIOR_STEP: f64 = 0.35;
/// Number of these nodes on either side.
const PRIOR_NODES: i32 = 20;

/// The amplitude of a galaxy whose other parameters are fixed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Amplitude {
    /// Logarithm of the integral of `exp(-S / 2)` over its latent parameter `u`.
    pub ln_integral: f64,
    /// Mean of the parameter itself, of which one is a factor of ten in light.
    pub mean: f64,
    /// Its variance.
    pub variance: f64,
}

impl Amplitude {
    /// With the model's magnitudes where the parameter is `value`.
    pub(super) fn of(galaxy: &Galaxy, magnitudes: &[f64], latent: &Latent, value: f64) -> Self {
        // chi^2 = constant - 2 linear A + square A^2
        let (mut constant, mut linear, mut square) = (0.0, 0.0, 0.0);
        for (flux, magnitude) in galaxy.bands.iter().zip(magnitudes) {
            let Some(flux) = flux else { continue };
            let model = flux_of_magnitude_ujy(*magnitude) / flux.error_ujy;
            let measured = flux.value_ujy / flux.error_ujy;
            constant += measured * measured;
            linear += measured * model;
            square += model * model;
        }
        let objective = |u: f64| {
            let amplitude = 10f64.powf(latent.value(u) - value);
            constant + amplitude * (square * amplitude - 2.0 * linear) + u * u
        };
        // The Gaussian approximation: that of the light, with the prior's.
        let (centre, information) = match linear > 0.0 {
            true => {
                let u = latent.inverse(value + (linear / square).log10());
                let slope = std::f64::consts::LN_10 * latent.slope(u);
                let information = linear * linear / square * slope * slope;
                (u * information / (information + 1.0), information)
            }
            false => (0.0, 0.0),
        };
        let step = 2.0 * REACH / f64::from(NODES - 1) / (information + 1.0).sqrt();
        let half = NODES / 2;
        let near = (-half..=half).map(|i| Latent::clamp(centre + step * f64::from(i)));
        let far = (-PRIOR_NODES..=PRIOR_NODES).map(|i| PRIOR_STEP * f64::from(i));
        let mut nodes: Vec<f64> = near.chain(far).collect();
        nodes.sort_by(f64::total_cmp);
        nodes.dedup();
        let objectives: Vec<f64> = nodes.iter().map(|u| objective(*u)).collect();
        let lowest = objectives.iter().copied().fold(f64::INFINITY, f64::min);
        // The trapezoid rule; beyond the outermost nodes the prior has nothing.
        let width = |i: usize| nodes[(i + 1).min(nodes.len() - 1)] - nodes[i.saturating_sub(1)];
        let weights: Vec<f64> = objectives
            .iter()
            .enumerate()
            .map(|(i, s)| 0.5 * width(i) * (0.5 * (lowest - s)).exp())
            .collect();
        let sum: f64 = weights.iter().sum();
        let moment = |of: &dyn Fn(f64) -> f64| {
            nodes.iter().zip(&weights).map(|(u, w)| w * of(latent.value(*u))).sum::<f64>() / sum
        };
        let mean = moment(&|value| value);
        Self {
            ln_integral: sum.ln() - 0.5 * lowest,
            mean,
            variance: moment(&|value| (value - mean).powi(2)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::{Flux, Prior};
    use crate::testing::assert_close;

    #[test]
    fn integrals_are_those_of_fine_grids() {
        let latent = Prior::Gaussian { mean: 10.0, sigma: 1.0 }.within((7.0, 13.0)).unwrap();
        let magnitudes = [20.0, 21.0];
        let model = magnitudes.map(flux_of_magnitude_ujy);
        // Measured well, badly, not at all, a galaxy that should be dark, and some that are hardly detected,
        // so that they may be as faint as the prior allows.
        for (factor, relative) in [
            (3.0, 0.03),
            (2.0, 0.5),
            (0.1, 30.0),
            (-3.0, 1.0),
            (1.6, 1.2),
            (10.0, 7.0),
            (100.0, 50.0),
        ] {
            let band = |k: usize| {
                let value_ujy = factor * model[k] * (1.0 + 0.1 * k as f64);
                Some(Flux { value_ujy, error_ujy: relative * model[k] })
            };
            let bands = vec![band(0), band(1)];
            let galaxy = Galaxy { parameters: Vec::new(), t_obs_gyr: None, bands };
            let got = Amplitude::of(&galaxy, &magnitudes, &latent, 9.8);

            let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
            let step = 1e-3;
            for i in -6000..=6000 {
                let u = step * f64::from(i);
                let amplitude = 10f64.powf(latent.value(u) - 9.8);
                let chi2 = (0..2).map(|k| {
                    let flux = galaxy.bands[k].unwrap();
                    ((amplitude * model[k] - flux.value_ujy) / flux.error_ujy).powi(2)
                });
                let p = step * (-0.5 * (chi2.sum::<f64>() + u * u)).exp();
                sum += p;
                first += p * latent.value(u);
                second += p * latent.value(u).powi(2);
            }
            let mean = first / sum;
            assert_close(&[got.ln_integral], &[sum.ln()], 0.0, 0.01);
            assert_close(&[got.mean], &[mean], 0.0, 0.01);
            assert_close(&[got.variance.sqrt()], &[(second / sum - mean * mean).sqrt()], 0.03, 0.0);
        }
    }
}
