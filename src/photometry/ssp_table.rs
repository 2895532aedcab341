//! Magnitudes of every SSP of a grid, so that a population needs no spectra.

use burn::tensor::Tensor;

use super::{Bandpasses, ab_magnitude};
use crate::cosmology::Cosmology;
use crate::numerics::{check_ascending, column, pow10};
use crate::sed::SspWeights;
use crate::ssp::SspTensors;
use crate::{Error, Result};

/// AB magnitudes per solar mass formed of the SSPs of a grid, `[n_met * n_age, n_filter]`.
#[derive(Clone, Debug)]
pub struct SspMagnitudes {
    /// The magnitudes; plus infinity where a band sees nothing.
    pub magnitudes: Tensor<2>,
}

impl SspMagnitudes {
    /// Absolute rest-frame magnitudes.
    pub fn rest(ssp: &SspTensors, bands: &Bandpasses) -> Self {
        Self::k_corrected(ssp, bands, 0.0)
    }

    /// Absolute magnitudes in bands shifted to redshift `z_kcorrect`, without a factor for the
    /// stretching of the bands.
    pub fn k_corrected(ssp: &SspTensors, bands: &Bandpasses, z_kcorrect: f64) -> Self {
        // Spectra in scaled units are 10^14 times their flux per Msun.
        let per_msun = bands.flux_at_common(ssp.lnu_scaled.clone(), z_kcorrect);
        Self { magnitudes: ab_magnitude(per_msun) }
    }

    /// Apparent magnitudes at redshift `z > 0`.
    pub fn observed(ssp: &SspTensors, bands: &Bandpasses, z: f64, cosmology: &Cosmology) -> Self {
        let modulus = cosmology.distance_modulus(&ssp.place().vector(&[z]));
        let dimming = column(&modulus) - 2.5 * (1.0 + z).log10();
        Self { magnitudes: Self::k_corrected(ssp, bands, z).magnitudes + dimming }
    }

    /// The tables at each redshift of an ascending grid.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the redshifts do not ascend, [`Error::OutOfRange`] when the first
    /// is not positive.
    pub fn on_redshifts(
        ssp: &SspTensors,
        bands: &Bandpasses,
        z: &[f64],
        cosmology: &Cosmology,
    ) -> Result<Vec<Self>> {
        check_ascending("redshifts of an SSP table", z, 1)?;
        if z[0] <= 0.0 {
            return Err(Error::OutOfRange {
                what: "first redshift of an SSP table".into(),
                value: z[0],
                allowed: "(0, inf)".into(),
            });
        }
        Ok(z.iter().map(|z| Self::observed(ssp, bands, *z, cosmology)).collect())
    }

    /// Table at a redshift between two others, linear in magnitude: `share` 0 gives `self`, 1 the
    /// other.
    pub fn between(&self, other: &Self, share: f64) -> Self {
        let mixed = self.magnitudes.clone() * (1.0 - share) + other.magnitudes.clone() * share;
        Self { magnitudes: mixed }
    }

    /// Magnitudes of galaxies, `[n_gal, n_filter]`, from their SSP weights and log10 of the mass
    /// formed [Msun] (`[n_gal]`).
    pub fn of_galaxies(&self, weights: &SspWeights, lg_mass_formed: &Tensor<1>) -> Tensor<2> {
        // Brightest SSP per band as the zero point, so that fluxes stay near one in f32.
        let brightest = self.magnitudes.clone().min_dim(0);
        let flux = pow10((self.magnitudes.clone() - brightest.clone()) * -0.4);
        let mean = weights.joint.clone().matmul(flux);
        ab_magnitude(mean) + brightest - column(lg_mass_formed) * 2.5
    }
}
