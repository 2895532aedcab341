//! Spectra of composite populations, in the rest frame and as observed.

use std::ops::Range;

use burn::tensor::Tensor;

use super::SspWeights;
use crate::cosmology::Cosmology;
use crate::numerics::{column, pow10};
use crate::photometry::{AB0_UJY, LG_AB0_LSUN_HZ};
use crate::ssp::{FLUX_DEX, SspTensors};

/// Spectrum per solar mass formed, `[n_gal, n_wave]`, in the scaled units of
/// [`SspTensors`]: one matrix product for the whole batch.
///
/// A grid with ionization parameters needs weights [over them](SspWeights::with_ionization).
pub fn composite_spectrum(weights: &SspWeights, ssp: &SspTensors) -> Tensor<2> {
    composite_spectrum_of_ages(weights, ssp, 0..ssp.grid.shape().1)
}

/// The share of the stars with ages of index `ages` in [`composite_spectrum`], `[n_gal, n_wave]`: the
/// light behind dust that only they see. The shares of all [runs](SspWeights::total) add up to it.
pub fn composite_spectrum_of_ages(
    weights: &SspWeights,
    ssp: &SspTensors,
    ages: Range<usize>,
) -> Tensor<2> {
    weights.total(&ssp.lnu_scaled, ages)
}

/// Rest-frame luminosity density \[Lsun/Hz\] from a scaled unit-mass spectrum and log10 of the mass
/// formed \[Msun\] (`[n_gal]`).
pub fn rest_lnu_lsun_hz(unit_mass: Tensor<2>, lg_mass_formed: &Tensor<1>) -> Tensor<2> {
    unit_mass * pow10(column(lg_mass_formed) - FLUX_DEX)
}

/// Observed flux density \[microjansky\] of a galaxy at redshift `z` (`[n_gal]`), on the wavelengths
/// `wave_aa * (1 + z)`: `F_nu = L_nu (1 + z) / (4 pi D_L^2)`.
///
/// The distance enters only as its modulus, so that nothing overflows in f32.
pub fn observed_fnu_ujy(
    unit_mass: Tensor<2>,
    lg_mass_formed: &Tensor<1>,
    z: &Tensor<1>,
    cosmology: &Cosmology,
) -> Tensor<2> {
    let lg_scale = lg_mass_formed.clone() - cosmology.distance_modulus(z) * 0.4
        + (AB0_UJY.log10() - FLUX_DEX - LG_AB0_LSUN_HZ);
    let stretch = z.clone() + 1.0;
    unit_mass * column(&(pow10(lg_scale) * stretch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosmology::{CosmologyValues, Quadrature};
    use crate::testing::{assert_close, for_each_place, values};

    #[test]
    fn observed_flux_density_follows_the_inverse_square_law() {
        for_each_place(|place| {
            let cosmology = CosmologyValues::PLANCK15.at(place, Quadrature::Accurate);
            let z = place.vector(&[0.5, 3.0]);
            // 10^10 Msun of stars with 1e-14 Lsun/Hz each.
            let unit = place.rows(&[&[1.0], &[1.0]]);
            let got = values(observed_fnu_ujy(unit, &place.vector(&[10.0, 10.0]), &z, &cosmology));
            let distance = values(cosmology.luminosity_distance_mpc(&z));
            let want: Vec<f64> = [0.5, 3.0]
                .iter()
                .zip(distance)
                .map(|(z, mpc)| {
                    let watt_per_hz = 1e-4 * 3.828e26;
                    let metre = mpc * 3.085_677_581_49e22;
                    watt_per_hz * (1.0 + z) / (4.0 * std::f64::consts::PI * metre * metre) * 1e32
                })
                .collect();
            // The AB zero point of the originals holds to 2e-5.
            assert_close(&got, &want, 1e-4, 0.0);
        });
    }
}
