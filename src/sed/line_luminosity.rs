//! Emission-line luminosities of composite populations, and their units.

use std::ops::Range;
use std::sync::Arc;

use burn::tensor::Tensor;

use super::SspWeights;
use crate::Result;
use crate::device::Place;
use crate::numerics::{column, is_dark, log10_of_light};
use crate::ssp::EmissionLines;
use crate::units::LG_LSUN_ERG_S;

/// log10 of the area of a sphere of 10 pc radius \[cm^2\].
pub const LG_SPHERE_10PC_CM2: f64 = 40.077_910_954_465_985;

/// Line luminosities of an SSP grid on a device.
///
/// They are held as they are in the grid, in Lsun per Msun formed. Values there range from about
/// 1e-10 to 1e2, far from what f32 cannot hold, so no scale is needed.
#[derive(Clone, Debug)]
pub struct LineTensors {
    /// Luminosities \[Lsun per Msun formed\], `[n_met * n_age, n_line]`, or
    /// `[n_u * n_met * n_age, n_line]` where they depend on ionization parameters; laid out as
    /// [`SspTensors::lnu_scaled`](crate::ssp::SspTensors::lnu_scaled).
    pub luminosity_lsun: Tensor<2>,
    /// Names, wavelengths and ionization parameters.
    pub lines: Arc<EmissionLines>,
}

impl LineTensors {
    /// Copies the lines of a grid of the given [shape](crate::ssp::SspGrid::shape) to a device.
    ///
    /// # Errors
    /// Those of [`EmissionLines::check`].
    pub fn new(
        lines: &EmissionLines,
        (n_met, n_age, _): (usize, usize, usize),
        place: &Place,
    ) -> Result<Self> {
        lines.check(n_met, n_age)?;
        let n_line = lines.names.len();
        let rows = lines.luminosity_lsun.len() / n_line;
        Ok(Self {
            luminosity_lsun: place.matrix(&lines.luminosity_lsun, [rows, n_line]),
            lines: Arc::new(lines.clone()),
        })
    }
}

/// Line luminosities \[Lsun per Msun formed\] due to stars with ages of index `ages`,
/// `[n_gal, n_line]`; over [runs](SspWeights::total) that are all ages they add up.
///
/// Lines that depend on ionization parameters need weights
/// [over them](SspWeights::with_ionization).
pub fn composite_lines(weights: &SspWeights, lines: &LineTensors, ages: Range<usize>) -> Tensor<2> {
    weights.total(&lines.luminosity_lsun, ages)
}

/// log10 of line luminosities \[Lsun\], `[n_gal, n_line]`, from those per solar mass formed and log10
/// of the mass formed \[Msun\] (`[n_gal]`). A line without light gives minus infinity with zero
/// gradient.
pub fn lg_line_luminosity_lsun(unit_mass: Tensor<2>, lg_mass_formed: &Tensor<1>) -> Tensor<2> {
    let dark = is_dark(&unit_mass);
    (log10_of_light(unit_mass) + column(lg_mass_formed)).mask_fill(dark, f64::NEG_INFINITY)
}

/// log10 of luminosities in erg/s from log10 of luminosities in Lsun.
pub fn lg_luminosity_erg_s(lg_luminosity_lsun: Tensor<2>) -> Tensor<2> {
    lg_luminosity_lsun + LG_LSUN_ERG_S
}

/// log10 of observed fluxes \[erg/s/cm^2\], `[n_gal, n_line]`, from log10 of luminosities \[Lsun\] and
/// the distance modulus \[mag\] (`[n_gal]`): `F = L / (4 pi D_L^2)`. In logarithms, since the numbers
/// themselves are beyond f32.
pub fn lg_flux_erg_s_cm2(lg_luminosity_lsun: Tensor<2>, distance_modulus: &Tensor<1>) -> Tensor<2> {
    let offset = distance_modulus.clone() * -0.4 + (LG_LSUN_ERG_S - LG_SPHERE_10PC_CM2);
    lg_luminosity_lsun + column(&offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosmology::{CosmologyValues, Quadrature};
    use crate::numerics::jacobian::jacobian;
    use crate::testing::{
        assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    /// Two lines on one metallicity and three ages, from the faintest to the brightest.
    fn lines() -> EmissionLines {
        EmissionLines {
            names: vec!["[O III] 5007".into(), "Ba-alpha 6563".into()],
            wave_aa: vec![5008.24, 6564.6],
            lgu: None,
            luminosity_lsun: vec![1e-10, 100.0, 3e-10, 20.0, 2e-10, 0.0],
        }
    }

    fn weights(joint: Tensor<2>) -> SspWeights {
        SspWeights { age: joint.clone(), joint, metallicity: None, ionization: None }
    }

    #[test]
    fn faint_and_bright_lines_add_up_in_every_precision() {
        for_each_place(|place| {
            let lines = LineTensors::new(&lines(), (1, 3, 7), place).unwrap();
            let weights = weights(place.row(&[0.5, 0.25, 0.25]));
            let whole = values(composite_lines(&weights, &lines, 0..3));
            assert_close(&whole, &[1.75e-10, 55.0], 1e-6, 0.0);
            let young = values(composite_lines(&weights, &lines, 0..1));
            let old = values(composite_lines(&weights, &lines, 1..3));
            assert_close(&[young[0] + old[0], young[1] + old[1]], &whole, 1e-6, 0.0);
            assert!(LineTensors::new(&lines.lines, (2, 3, 7), place).is_err());
        });
    }

    #[test]
    fn units_follow_their_definitions() {
        let sphere = 4.0 * std::f64::consts::PI * 3.085_677_581_49e19f64.powi(2);
        assert!((LG_SPHERE_10PC_CM2 - sphere.log10()).abs() < 1e-13);
        assert!((LG_LSUN_ERG_S - 3.828e33f64.log10()).abs() < 1e-13);
        for_each_place(|place| {
            let cosmology = CosmologyValues::PLANCK15.at(place, Quadrature::Accurate);
            let z = place.vector(&[0.03, 6.0]);
            let unit = place.rows(&[&[1e-3, 2.0], &[1e-3, 2.0]]);
            let lg = lg_line_luminosity_lsun(unit, &place.vector(&[9.5, 9.5]));
            let erg_s = values(lg_luminosity_erg_s(lg.clone()));
            let want = [1e-3, 2.0].map(|l: f64| (l * 3.828e33).log10() + 9.5);
            assert_close(&erg_s[..2], &want, place.tolerance(1e-14, 1e-6), 0.0);
            let flux = values(lg_flux_erg_s_cm2(lg, &cosmology.distance_modulus(&z)));
            let distance = values(cosmology.luminosity_distance_mpc(&z));
            let want: Vec<f64> = (0..4)
                .map(|i| {
                    let cm = distance[i / 2] * 3.085_677_581_49e24;
                    want[i % 2] - (4.0 * std::f64::consts::PI * cm * cm).log10()
                })
                .collect();
            // In dex: a part in a million of the flux is 4e-7.
            assert_close(&flux, &want, 0.0, place.tolerance(1e-12, 2e-5));
        });
    }

    #[test]
    fn a_line_without_light_is_minus_infinity_with_zero_gradient() {
        for_each_place(|place| {
            let result = jacobian(&place.row(&[0.0, 1.0]), |unit| {
                let lg = lg_line_luminosity_lsun(unit, &place.vector(&[9.0]));
                Ok(lg_flux_erg_s_cm2(lg, &place.vector(&[40.0])))
            })
            .unwrap();
            assert_eq!(values(result.values)[0], f64::NEG_INFINITY);
            let want = [0.0, 0.0, 0.0, std::f64::consts::LOG10_E];
            assert_close(&values(result.jacobian), &want, 1e-6, 0.0);
        });
    }

    #[test]
    fn gradients_of_weights_mass_and_redshift() {
        for_each_f64_place(|place| {
            let lines = LineTensors::new(&lines(), (1, 3, 7), place).unwrap();
            let cosmology = CosmologyValues::PLANCK15.at(place, Quadrature::Accurate);
            // Columns: three weights, mass, redshift.
            let rows = [&[0.2, 0.3, 0.5, 9.0, 0.5][..], &[0.7, 0.1, 0.2, 11.0, 7.0]];
            assert_jacobian(&rows, 1e-7, place, |p| {
                let one = |j| p.clone().narrow(1, j, 1).squeeze_dim(1);
                let unit = composite_lines(&weights(p.clone().narrow(1, 0, 3)), &lines, 0..3);
                let lg = lg_line_luminosity_lsun(unit, &one(3));
                lg_flux_erg_s_cm2(lg, &cosmology.distance_modulus(&one(4)))
            });
        });
    }
}
