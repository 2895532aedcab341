//! Magnitudes of every SSP of a grid, so that a population needs no spectra.

use burn::tensor::Tensor;

use super::{Bandpasses, ab_magnitude};
use crate::cosmology::Cosmology;
use crate::numerics::{check_ascending, column, pow10};
use crate::sed::SspWeights;
use crate::ssp::SspTensors;
use crate::{Error, Result};

/// AB magnitudes per solar mass formed of the SSPs of a grid, `[n_met * n_age, n_filter]`, or
/// `[n_u * n_met * n_age, n_filter]` where it has ionization parameters.
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
    /// other. Where either sees nothing, so does the result.
    pub fn between(&self, other: &Self, share: f64) -> Self {
        let dark = self.magnitudes.clone().is_inf().bool_or(other.magnitudes.clone().is_inf());
        let mixed = self.magnitudes.clone() * (1.0 - share) + other.magnitudes.clone() * share;
        Self { magnitudes: mixed.mask_fill(dark, f64::INFINITY) }
    }

    /// Magnitudes of galaxies, `[n_gal, n_filter]`, from their SSP weights and log10 of the mass
    /// formed \[Msun\] (`[n_gal]`).
    pub fn of_galaxies(&self, weights: &SspWeights, lg_mass_formed: &Tensor<1>) -> Tensor<2> {
        // Brightest SSP per band as the zero point, so that fluxes stay near one in f32.
        let brightest = self.magnitudes.clone().min_dim(0);
        let dark = brightest.clone().is_inf();
        let brightest = brightest.mask_fill(dark, 0.0);
        let flux = pow10((self.magnitudes.clone() - brightest.clone()) * -0.4);
        let mean = weights.total(&flux, 0..weights.age.dims()[1]);
        ab_magnitude(mean) + brightest - column(lg_mass_formed) * 2.5
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosmology::{CosmologyValues, Quadrature};
    use crate::device::Place;
    use crate::filter::FilterSet;
    use crate::sed::ssp_weights;
    use crate::ssp::embedded;
    use crate::testing::{assert_close, for_each_place, values};

    /// A galaxy with equal weights, and its magnitudes from a table.
    fn galaxy(table: &SspMagnitudes, place: &Place) -> Vec<f64> {
        let weights = ssp_weights(place.row(&[1.0 / 6.0; 6]), place.row(&[1.0 / 106.0; 106]));
        values(table.of_galaxies(&weights, &place.vector(&[10.0])))
    }

    #[test]
    fn tables_interpolate_in_magnitude_between_redshifts() {
        for_each_place(|place| {
            let filters = FilterSet::embedded("lsst").unwrap();
            let ssp = SspTensors::new(embedded(), place);
            let bands = Bandpasses::new(&filters, &embedded().wave_aa, place);
            let planck = CosmologyValues::PLANCK15.at(place, Quadrature::Accurate);
            let z = [0.50, 0.51, 0.52];
            let tables = SspMagnitudes::on_redshifts(&ssp, &bands, &z, &planck).unwrap();
            let exact = galaxy(&tables[1], place);
            let mixed = galaxy(&tables[0].between(&tables[2], 0.5), place);
            assert_close(&mixed, &exact, 0.0, 5e-3);
            assert_close(
                &galaxy(&tables[0].between(&tables[2], 0.0), place),
                &galaxy(&tables[0], place),
                0.0,
                1e-4,
            );
            assert!(SspMagnitudes::on_redshifts(&ssp, &bands, &[0.0, 1.0], &planck).is_err());
            assert!(SspMagnitudes::on_redshifts(&ssp, &bands, &[1.0, 0.5], &planck).is_err());
        });
    }

    #[test]
    fn a_band_blueward_of_every_spectrum_is_dark_not_nan() {
        for_each_place(|place| {
            let filters = FilterSet::embedded("galex_fuv").unwrap();
            let ssp = SspTensors::new(embedded(), place);
            let bands = Bandpasses::new(&filters, &embedded().wave_aa, place);
            let dark = SspMagnitudes::k_corrected(&ssp, &bands, 30.0);
            assert_eq!(galaxy(&dark, place), [f64::INFINITY]);
            let lit = SspMagnitudes::rest(&ssp, &bands);
            assert_eq!(galaxy(&lit.between(&dark, 0.0), place), [f64::INFINITY]);
        });
    }
}
