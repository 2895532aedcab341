//! Blackbody radiation.
//!
//! `B_nu = 2 h nu^3 / c^2 / (e^x - 1)`, `B_lambda = 2 h c^2 / lambda^5 / (e^x - 1)` with
//! `x = h nu / k T`, in solar luminosities as DSPS has them. In f32 these numbers are near or below
//! the smallest there are (for cold dust they are zero), so their logarithms are the primitive here.

use std::f64::consts::LOG10_E;

use burn::tensor::Tensor;

use crate::device::Place;
use crate::numerics::expm1::expm1;
use crate::numerics::{column, pow10};
use crate::units::{BOLTZMANN_J_K, C_M_S, LSUN_W, PLANCK_J_S};

/// Metres in an Angstrom.
const ANGSTROM_M: f64 = 1e-10;
/// Below this temperature \[K\] nothing is emitted.
const T_MIN_K: f64 = 1e-3;
/// `x = h nu / k T` at the maximum of `B_nu`: the root of `x = 3 (1 - e^-x)`.
const X_PEAK_NU: f64 = 2.821_439_372_122_079;
/// `x` at the maximum of `B_lambda`: the root of `x = 5 (1 - e^-x)`.
const X_PEAK_LAMBDA: f64 = 4.965_114_231_744_276;

/// log10 of `B_nu` \[Lsun Hz^-1 sr^-1 m^-2\] at the given positive frequencies \[Hz\],
/// `[n_gal, n_nu]`.
///
/// `temperature_k` is `[n_gal]`; temperatures below 0.001 K count as 0.001 K.
pub fn lg_blackbody_nu(nu_hz: &[f64], temperature_k: &Tensor<1>) -> Tensor<2> {
    let lg_scale = (2.0 * PLANCK_J_S / LSUN_W).log10() - 2.0 * C_M_S.log10();
    let lg_prefactor: Vec<f64> = nu_hz.iter().map(|nu| lg_scale + 3.0 * nu.log10()).collect();
    let quantum_k: Vec<f64> = nu_hz.iter().map(|nu| PLANCK_J_S / BOLTZMANN_J_K * nu).collect();
    lg_planck(&lg_prefactor, &quantum_k, temperature_k)
}

/// log10 of `B_lambda` \[Lsun Angstrom^-1 sr^-1 m^-2\] at the given positive wavelengths
/// \[Angstrom\], `[n_gal, n_wave]`.
///
/// `temperature_k` as for [`lg_blackbody_nu`].
pub fn lg_blackbody_lambda(wave_aa: &[f64], temperature_k: &Tensor<1>) -> Tensor<2> {
    let lg_scale = (2.0 * PLANCK_J_S / LSUN_W * ANGSTROM_M).log10() + 2.0 * C_M_S.log10();
    let of_wave = |w: &f64| {
        let wave_m = w * ANGSTROM_M;
        (lg_scale - 5.0 * wave_m.log10(), PLANCK_J_S * C_M_S / BOLTZMANN_J_K / wave_m)
    };
    let (lg_prefactor, quantum_k): (Vec<f64>, Vec<f64>) = wave_aa.iter().map(of_wave).unzip();
    lg_planck(&lg_prefactor, &quantum_k, temperature_k)
}

/// `B_nu` \[Lsun Hz^-1 sr^-1 m^-2\], `[n_gal, n_nu]`; zero below 0.001 K. Arguments as for
/// [`lg_blackbody_nu`].
pub fn blackbody_nu(nu_hz: &[f64], temperature_k: &Tensor<1>) -> Tensor<2> {
    emitted(lg_blackbody_nu(nu_hz, temperature_k), temperature_k)
}

/// `B_lambda` \[Lsun Angstrom^-1 sr^-1 m^-2\], `[n_gal, n_wave]`; zero below 0.001 K. Arguments as
/// for [`lg_blackbody_lambda`].
pub fn blackbody_lambda(wave_aa: &[f64], temperature_k: &Tensor<1>) -> Tensor<2> {
    emitted(lg_blackbody_lambda(wave_aa, temperature_k), temperature_k)
}

/// Frequency \[Hz\] at which `B_nu` is largest, `[n_gal]`: 5.879e10 Hz per kelvin.
pub fn peak_frequency_hz(temperature_k: &Tensor<1>) -> Tensor<1> {
    temperature_k.clone() * (X_PEAK_NU * BOLTZMANN_J_K / PLANCK_J_S)
}

/// Wavelength \[Angstrom\] at which `B_lambda` is largest, `[n_gal]`: 2.898e7 Angstrom kelvin over
/// the temperature, which counts as 0.001 K below that.
pub fn peak_wavelength_aa(temperature_k: &Tensor<1>) -> Tensor<1> {
    let displacement = PLANCK_J_S * C_M_S / BOLTZMANN_J_K / X_PEAK_LAMBDA / ANGSTROM_M;
    temperature_k.clone().clamp_min(T_MIN_K).recip() * displacement
}

/// log10 of `prefactor / (e^x - 1)` with `x = quantum_k / T`, where `ln(e^x - 1)` is
/// `x + ln(1 - e^-x)`: exact in the Wien tail and in the Rayleigh-Jeans limit.
fn lg_planck(lg_prefactor: &[f64], quantum_k: &[f64], temperature_k: &Tensor<1>) -> Tensor<2> {
    let place = Place::of(temperature_k);
    let x = place.row(quantum_k) / column(temperature_k).clamp_min(T_MIN_K);
    let ln_photons = x.clone() + expm1(x.neg()).neg().log();
    place.row(lg_prefactor) - ln_photons * LOG10_E
}

/// What is emitted, from its logarithm: zero below [`T_MIN_K`].
pub(super) fn emitted(lg: Tensor<2>, temperature_k: &Tensor<1>) -> Tensor<2> {
    let cold = column(temperature_k).lower_elem(T_MIN_K).expand(lg.dims());
    pow10(lg).mask_fill(cold, 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::jacobian::jacobian;
    use crate::testing::{
        assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    const NU: [f64; 4] = [1e13, 1e14, 5e14, 1e15];
    const WAVE: [f64; 3] = [2000.0, 5000.0, 10000.0];

    #[test]
    fn reference_values() {
        let by_nu = [
            3.82349385187653e-37,
            2.39053979783113e-35,
            3.99843066900448e-35,
            2.61295891882052e-36,
        ];
        let by_wave = [5.48627007096984e-26, 3.16279795987411e-24, 1.85525264441612e-24];
        for_each_place(|place| {
            let t = place.vector(&[5000.0]);
            let tolerance = place.tolerance(1e-12, 3e-5);
            assert_close(&values(blackbody_nu(&NU, &t)), &by_nu, tolerance, 0.0);
            assert_close(&values(blackbody_lambda(&WAVE, &t)), &by_wave, tolerance, 0.0);
        });
    }

    #[test]
    fn limits() {
        for_each_place(|place| {
            // Rayleigh-Jeans: 2 nu^2 k T / c^2.
            let lg = values(lg_blackbody_nu(&[10.0], &place.vector(&[5000.0])));
            let want = (2.0 * 100.0 / C_M_S.powi(2) * BOLTZMANN_J_K * 5000.0 / LSUN_W).log10();
            assert_close(&lg, &[want], place.tolerance(1e-13, 1e-6), 0.0);
            // Wien: 2 h nu^3 / c^2 e^-x.
            let lg = values(lg_blackbody_nu(&[1e17], &place.vector(&[5000.0])));
            let x = PLANCK_J_S * 1e17 / BOLTZMANN_J_K / 5000.0;
            let want = (2.0 * PLANCK_J_S / C_M_S.powi(2) / LSUN_W).log10() + 51.0 - x * LOG10_E;
            assert_close(&lg, &[want], place.tolerance(1e-13, 1e-6), 0.0);
        });
    }

    #[test]
    fn the_cold_and_the_tail_are_dark_with_zero_gradient() {
        for_each_place(|place| {
            let t = place.rows(&[&[0.0], &[-3.0], &[1e-4], &[0.01], &[3.0]]);
            let lit = |p: &Tensor<2>| {
                let t: Tensor<1> = p.clone().squeeze_dim(1);
                [blackbody_nu(&[1e15], &t), blackbody_lambda(&[2000.0], &t)]
            };
            let j = jacobian(&t, |p| Ok(Tensor::cat(lit(&p).to_vec(), 1))).unwrap();
            assert!(values(j.values).iter().all(|v| *v == 0.0));
            assert!(values(j.jacobian).iter().all(|v| *v == 0.0));
            let j = jacobian(&t, |p| Ok(lg_blackbody_nu(&[1.0, 1e20], &p.squeeze_dim(1)))).unwrap();
            assert!(values(j.values).iter().all(|v| v.is_finite()));
            assert!(values(j.jacobian).iter().all(|v| v.is_finite()));
        });
    }

    #[test]
    fn gradients_with_respect_to_temperature() {
        for_each_f64_place(|place| {
            assert_jacobian(&[&[5000.0], &[20.0], &[1e6]], 1e-7, place, |p| {
                let t = p.squeeze_dim(1);
                let plain = blackbody_nu(&NU, &t) * 1e35;
                Tensor::cat(vec![lg_blackbody_nu(&NU, &t), plain], 1)
            });
            assert_jacobian(&[&[5000.0], &[20.0]], 1e-7, place, |p| {
                let t = p.squeeze_dim(1);
                Tensor::cat(
                    vec![
                        lg_blackbody_lambda(&WAVE, &t),
                        column(&peak_wavelength_aa(&t)),
                        column(&peak_frequency_hz(&t)) * 1e-10,
                    ],
                    1,
                )
            });
        });
    }

    #[test]
    fn the_peaks_are_maxima() {
        for_each_f64_place(|place| {
            let t = place.vector(&[37.0]);
            let around = |x: f64| [x * 0.999, x, x * 1.001];
            let nu = values(lg_blackbody_nu(&around(values(peak_frequency_hz(&t))[0]), &t));
            let wave = values(lg_blackbody_lambda(&around(values(peak_wavelength_aa(&t))[0]), &t));
            for lg in [nu, wave] {
                assert!(lg[1] > lg[0] && lg[1] > lg[2]);
                // At a maximum the two sides fall alike, to third order.
                assert!(((lg[0] - lg[2]) / (lg[1] - lg[0])).abs() < 5e-3, "{lg:?}");
            }
        });
    }
}
