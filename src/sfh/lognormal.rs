//! Lognormal histories (Gladders et al. 2013, ApJ 770, 64; Diemer et al. 2017, ApJ 839, 26).

use std::f64::consts::LN_2;

use burn::tensor::Tensor;

use super::T_BIRTH_MIN_GYR;
use crate::numerics::column;
use crate::numerics::log1p::log1p;
use crate::parameter_set;
use crate::parameters::Bound;

parameter_set! {
    /// Parameters of a lognormal history.
    ///
    /// Masses and ages come from rates at look-back nodes or from a table, whose times lie 0.14 Gyr
    /// apart by default. A maximum of less than a few times that width (`sfr_fwhm`) is not
    /// resolved: the mass by the reference time is right, but not the ages and rates. More nodes
    /// (`--nodes`) or times (`--sfh-times`) remedy that.
    pub struct LognormalSfhParams {
        /// log10 of the stellar mass formed by the reference time.
        lg_mass_formed: "log10 Msun", 10.0, Bound::square(4.0, 14.0);
        /// Time of the largest star formation rate.
        sfr_t_max: "Gyr", 5.0, Bound::square(0.1, 20.0);
        /// Full width at half maximum in time.
        sfr_fwhm: "Gyr", 5.0, Bound::square(0.1, 50.0);
    }
}

impl LognormalSfhParams {
    /// Natural logarithm of the star formation rate at times `t_gyr` (`[n_gal or 1, n_t]`) up to a
    /// constant, `[n_gal, n_t]`.
    ///
    /// `SFR ~ exp(-(ln t - T0)^2 / (2 s^2)) / t` with `T0 = ln t_max + s^2`, which is a Gaussian in
    /// `ln t` about `ln t_max`, and `s = asinh(fwhm / (2 t_max)) / sqrt(2 ln 2)` (Diemer et al. 2017,
    /// equations 1 to 3).
    pub fn ln_sfr_shape(&self, t_gyr: Tensor<2>) -> Tensor<2> {
        let t_max = column(&self.sfr_t_max);
        let half = column(&self.sfr_fwhm) / (t_max.clone() * 2.0);
        // asinh(half) = ln(half + sqrt(1 + half^2)), without one plus a small number.
        let half2 = half.clone() * half.clone();
        let asinh = log1p(half + half2.clone() / ((half2 + 1.0).sqrt() + 1.0));
        let x = (t_gyr.clamp_min(T_BIRTH_MIN_GYR) / t_max).log() / asinh;
        // 1 / (2 s^2) = ln 2 / asinh^2
        x.clone() * x * -LN_2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::ParameterSet;
    use crate::testing::{assert_close, for_each_f64_place, for_each_place, values};

    #[test]
    fn maximum_and_width_are_what_their_parameters_say() {
        for_each_place(|place| {
            for (t_max, fwhm) in [(5.0f64, 5.0f64), (3.0, 0.4), (0.5, 4.0)] {
                let shape =
                    LognormalSfhParams::from_matrix(&place.row(&[10.0, t_max, fwhm])).unwrap();
                // Half maximum lies at equal distances in ln t.
                let ratio = fwhm / (2.0 * t_max);
                let ratio = ratio + (ratio * ratio + 1.0).sqrt();
                assert!((t_max * ratio - t_max / ratio - fwhm).abs() < 1e-12);
                let sfr =
                    shape.ln_sfr_shape(place.row(&[t_max / ratio, t_max, t_max * ratio])).exp();
                assert_close(&values(sfr), &[0.5, 1.0, 0.5], place.tolerance(1e-12, 1e-4), 0.0);
            }
        });
    }

    #[test]
    fn narrow_histories_keep_their_digits() {
        for_each_place(|place| {
            let (t_max, fwhm) = (20.0, 0.1);
            let shape = LognormalSfhParams::from_matrix(&place.row(&[10.0, t_max, fwhm])).unwrap();
            let t = [0.5, 5.0, 10.0];
            let want = t.map(|t: f64| {
                let x = (t / t_max).ln() / (fwhm / (2.0 * t_max)).asinh();
                -LN_2 * x * x
            });
            let got = values(shape.ln_sfr_shape(place.row(&t)));
            assert_close(&got, &want, place.tolerance(1e-13, 1e-6), 0.0);
        });
    }

    #[test]
    fn it_is_a_lognormal_density() {
        for_each_f64_place(|place| {
            let shape = LognormalSfhParams::from_matrix(&place.row(&[10.0, 4.0, 6.0])).unwrap();
            let s = 0.75f64.asinh() / (2.0 * LN_2).sqrt();
            let ln_density =
                |t: f64| -(t.ln() - 4f64.ln() - s * s).powi(2) / (2.0 * s * s) - t.ln();
            let t = [0.3, 2.0, 4.0, 13.0];
            let want: Vec<f64> = t.iter().map(|t| ln_density(*t) - ln_density(4.0)).collect();
            assert_close(&values(shape.ln_sfr_shape(place.row(&t))), &want, 1e-12, 1e-12);
        });
    }
}
