//! Thermal emission of dust that is transparent to it: a blackbody times an opacity.
//!
//! Not yet part of the galaxy model: nothing ties the temperature or mass of the dust to the light
//! it absorbs. The opacities are those of an unreleased branch of DSPS (`graybody`).

use burn::tensor::Tensor;

use super::blackbody::{emitted, lg_blackbody_nu};
use crate::device::Place;
use crate::numerics::column;
use crate::numerics::triweight::triweight_cdf_at;
use crate::units::C_M_S;

/// Speed of light \[micrometre/s\].
const LIGHT_UM: f64 = 1e6 * C_M_S;
/// Wavelength at which the opacities change their slope and power laws pivot \[micrometre\].
const BREAK_UM: f64 = 100.0;
/// Wavelength and value at which the opacity of Cowley et al. is given \[micrometre, cm^2/g\].
const COWLEY: (f64, f64) = (30.0, 140.0);
/// Slopes of log opacity with log wavelength below and above the break.
const SLOPES: (f64, f64) = (-2.0, -1.5);
/// The smooth opacity at the break, log10 cm^2/g.
const LG_KAPPA_BREAK: f64 = 1.1;
/// Standard deviation of the smooth change of slope \[dex\].
const BREAK_DEX: f64 = 0.25;
/// `4 pi` times a solar mass in grams times a square centimetre in square metres.
const SPHERE_MSUN: f64 = 4.0 * std::f64::consts::PI * 1.988_41e33 * 1e-4;

/// Opacities of dust in the far infrared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DustOpacity {
    /// That of DSPS's branch: `lg kappa = 1.1 + s (lg lambda - 2)`, the slope `s` rolling from -2 to
    /// -1.5 as a cumulative triweight of width 0.25 dex around 100 micrometre.
    #[default]
    Smooth,
    /// The broken power law that DSPS's branch compares its own with, after Cowley et al. (2016,
    /// arXiv:1607.05717): 140 cm^2/g at 30 micrometre, slope -2 up to 100 micrometre, -1.5 beyond.
    Cowley,
}

impl DustOpacity {
    /// log10 of the absorption cross-section per dust mass \[cm^2/g\] at a positive wavelength.
    pub fn lg_kappa(self, wave_um: f64) -> f64 {
        let from_break = (wave_um / BREAK_UM).log10();
        match self {
            Self::Smooth => {
                let share = triweight_cdf_at(from_break / BREAK_DEX);
                LG_KAPPA_BREAK + (SLOPES.0 + (SLOPES.1 - SLOPES.0) * share) * from_break
            }
            Self::Cowley => {
                let at_break = COWLEY.1.log10() + SLOPES.0 * (BREAK_UM / COWLEY.0).log10();
                let slope = if wave_um < BREAK_UM { SLOPES.0 } else { SLOPES.1 };
                at_break + slope * from_break
            }
        }
    }
}

/// log10 of the luminosity density per dust mass, `4 pi kappa B_nu` \[Lsun Hz^-1 Msun^-1\], at the
/// given positive frequencies \[Hz\], `[n_gal, n_nu]`.
///
/// `temperature_k` is `[n_gal]`; temperatures below 0.001 K count as 0.001 K.
pub fn lg_dust_emission_nu(
    opacity: DustOpacity,
    nu_hz: &[f64],
    temperature_k: &Tensor<1>,
) -> Tensor<2> {
    let lg_kappa: Vec<f64> =
        nu_hz.iter().map(|nu| SPHERE_MSUN.log10() + opacity.lg_kappa(LIGHT_UM / nu)).collect();
    lg_blackbody_nu(nu_hz, temperature_k) + Place::of(temperature_k).row(&lg_kappa)
}

/// Luminosity density per dust mass \[Lsun Hz^-1 Msun^-1\], `[n_gal, n_nu]`; zero below 0.001 K.
/// Arguments as for [`lg_dust_emission_nu`].
pub fn dust_emission_nu(
    opacity: DustOpacity,
    nu_hz: &[f64],
    temperature_k: &Tensor<1>,
) -> Tensor<2> {
    emitted(lg_dust_emission_nu(opacity, nu_hz, temperature_k), temperature_k)
}

/// log10 of `(nu / nu_0)^beta B_nu` \[Lsun Hz^-1 sr^-1 m^-2\], `nu_0` the frequency of
/// 100 micrometre, `[n_gal, n_nu]`: the usual fit to the far infrared, of which only the shape means
/// something.
///
/// `temperature_k` and `beta` are `[n_gal]`; otherwise as [`lg_dust_emission_nu`].
pub fn lg_modified_blackbody_nu(
    nu_hz: &[f64],
    temperature_k: &Tensor<1>,
    beta: &Tensor<1>,
) -> Tensor<2> {
    let lg_nu: Vec<f64> = nu_hz.iter().map(|nu| (nu * BREAK_UM / LIGHT_UM).log10()).collect();
    let tilt = column(beta) * Place::of(beta).row(&lg_nu);
    lg_blackbody_nu(nu_hz, temperature_k) + tilt
}

/// `(nu / nu_0)^beta B_nu` \[Lsun Hz^-1 sr^-1 m^-2\], `[n_gal, n_nu]`; zero below 0.001 K. In f32
/// underflows for cold dust. Arguments as for [`lg_modified_blackbody_nu`].
pub fn modified_blackbody_nu(
    nu_hz: &[f64],
    temperature_k: &Tensor<1>,
    beta: &Tensor<1>,
) -> Tensor<2> {
    emitted(lg_modified_blackbody_nu(nu_hz, temperature_k, beta), temperature_k)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    /// From 3 mm to 10 micrometre.
    const NU: [f64; 5] = [1e11, 3.53e11, 1.3e12, 3e12, 3e13];

    #[test]
    fn opacities_at_hand_checked_wavelengths() {
        let smooth = |w| DustOpacity::Smooth.lg_kappa(w);
        assert_close(&[smooth(100.0), smooth(10.0), smooth(1000.0)], &[1.1, 3.1, -0.4], 1e-14, 0.0);
        let cowley = |w| 10f64.powf(DustOpacity::Cowley.lg_kappa(w));
        let want = [140.0, 12.6, 12.6 / 8.0];
        assert_close(&[cowley(30.0), cowley(100.0), cowley(400.0)], &want, 1e-13, 0.0);
        for i in 0..40 {
            let w = 8.0 * 1.15f64.powi(i);
            let difference = smooth(w) - DustOpacity::Cowley.lg_kappa(w);
            assert!(difference.abs() < 0.05, "{difference} dex at {w} micrometre");
        }
    }

    #[test]
    fn a_solar_mass_of_dust_at_a_known_temperature() {
        for_each_place(|place| {
            let t = place.vector(&[25.0, 0.0]);
            let emission = values(dust_emission_nu(DustOpacity::Cowley, &[2.997_924_58e12], &t));
            // 4 pi * 1.26 m^2/kg * 1.98841e30 kg * B_nu(25 K, 100 micrometre).
            let x: f64 = 6.626_070_15e-34 * 2.997_924_58e12 / (1.380_649e-23 * 25.0);
            let b_nu = 2.0 * 6.626_070_15e-34 * 2.997_924_58e12 / 1e-8 / x.exp_m1() / 3.828e26;
            let want = 4.0 * std::f64::consts::PI * 1.26 * 1.988_41e30 * b_nu;
            assert_close(&emission, &[want, 0.0], place.tolerance(1e-12, 3e-5), 0.0);
        });
    }

    #[test]
    fn without_a_tilt_it_is_the_blackbody() {
        for_each_place(|place| {
            let t = place.vector(&[30.0]);
            let got = lg_modified_blackbody_nu(&NU, &t, &t.zeros_like());
            let want = values(lg_blackbody_nu(&NU, &t));
            assert_close(&values(got), &want, place.tolerance(1e-15, 1e-6), 0.0);
            // A tilt pivots at 100 micrometre.
            let pivot = [2.997_924_58e12];
            let got = lg_modified_blackbody_nu(&pivot, &t, &t.full_like(1.8));
            let want = values(lg_blackbody_nu(&pivot, &t));
            assert_close(&values(got), &want, place.tolerance(1e-15, 1e-6), 0.0);
        });
    }

    #[test]
    fn gradients_of_temperature_and_tilt() {
        for_each_f64_place(|place| {
            assert_jacobian(&[&[30.0, 1.8], &[8.0, 0.0]], 1e-7, place, |p| {
                let [t, beta] = [0, 1].map(|j| p.clone().narrow(1, j, 1).squeeze_dim(1));
                let all = [
                    lg_modified_blackbody_nu(&NU, &t, &beta),
                    modified_blackbody_nu(&NU[..4], &t, &beta) * 1e42,
                    dust_emission_nu(DustOpacity::Smooth, &NU[..4], &t) * 1e11,
                ];
                Tensor::cat(all.to_vec(), 1)
            });
        });
    }
}
