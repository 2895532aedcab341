//! What is known about a galaxy before the fit, and what the fit finds.

/// A galaxy to be fitted.
#[derive(Clone, Debug, PartialEq)]
pub struct Galaxy {
    /// Its parameters in the order of [`Components::info`](crate::population::Components::info); values
    /// of free ones do not matter.
    pub parameters: Vec<f64>,
    /// Cosmic time of observation \[Gyr\]; without it, the age of the Universe at the redshift.
    pub t_obs_gyr: Option<f64>,
    /// What was measured, one entry per filter of the model; `None` where nothing was.
    pub bands: Vec<Option<Flux>>,
}

/// A measured flux density.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flux {
    /// Its value \[microjansky\]; noise may make it negative.
    pub value_ujy: f64,
    /// Its standard deviation \[microjansky\], more than 0.
    pub error_ujy: f64,
}

/// The most probable parameters of a galaxy with their uncertainties.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The most probable values of the free parameters.
    pub values: Vec<f64>,
    /// Half the width of the interval that holds 68 % of the probability of each, if that is Gaussian with
    /// the curvature that it has there.
    pub errors: Vec<f64>,
    /// log10 of the mass still in stars and remnants \[Msun\] with these values.
    pub lg_mstar: f64,
    /// Its standard deviation, likewise.
    pub lg_mstar_err: f64,
    /// Means over the whole of the posterior probability; `None` if no draws were asked for, if the model is a
    /// number at none of them, or if the curvature where they begin cannot be inverted.
    pub posterior: Option<Posterior>,
    /// Sum of the squares of the photometry's residuals over errors.
    pub chi2: f64,
    /// Number of filters with a measurement.
    pub n_bands: usize,
    /// How many times the model was computed in the search that ended here, but for the three times that
    /// scale the mass before.
    pub n_iterations: usize,
    /// Magnitudes of the model in all its filters.
    pub magnitudes: Vec<f64>,
    /// Why the search ended without being at a minimum.
    pub warning: Option<String>,
}

/// Means over the posterior probability.
#[derive(Clone, Debug, PartialEq)]
pub struct Posterior {
    /// Means of the free parameters.
    pub values: Vec<f64>,
    /// Their standard deviations.
    pub errors: Vec<f64>,
    /// Mean of log10 of the mass still in stars and remnants \[Msun\].
    pub lg_mstar: f64,
    /// Its standard deviation.
    pub lg_mstar_err: f64,
    /// The number of independent draws that would tell as much; with less than about ten, these means are
    /// rough.
    pub n_effective: f64,
}

impl Galaxy {
    /// A number of its own for each galaxy, from its photometry.
    pub(super) fn seed(&self) -> u64 {
        self.bands.iter().fold(0, |seed: u64, flux| {
            let bits = flux.map_or(0, |flux| flux.value_ujy.to_bits());
            (seed.rotate_left(5) ^ bits).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        })
    }

    /// Number of filters with a measurement.
    pub fn n_bands(&self) -> usize {
        self.bands.iter().flatten().count()
    }
}

impl Flux {
    /// From an AB magnitude and its error, to first order in the latter.
    pub fn from_magnitude(magnitude: f64, error: f64) -> Self {
        let value_ujy = flux_of_magnitude_ujy(magnitude);
        Self { value_ujy, error_ujy: value_ujy * error / MAG_PER_LN }
    }
}

/// Magnitudes per natural logarithm of a flux.
pub(super) const MAG_PER_LN: f64 = 2.5 / std::f64::consts::LN_10;

/// The flux density of an AB magnitude; none for plus infinity.
pub(super) fn flux_of_magnitude_ujy(magnitude: f64) -> f64 {
    (-magnitude / MAG_PER_LN).exp() * crate::photometry::AB0_UJY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fluxes_of_magnitudes() {
        let flux = Flux::from_magnitude(23.9, 0.1);
        assert!((flux.value_ujy - 1.0).abs() < 1e-4);
        assert!((flux.error_ujy - 0.0921).abs() < 1e-4);
        assert_eq!(flux_of_magnitude_ujy(f64::INFINITY), 0.0);
    }
}
