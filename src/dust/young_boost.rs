//! A screen that is thicker in front of young stars: how dust depends on age in diffsky. Its curve is
//! [`AttenuationCurve::TiltedTriweight`](super::AttenuationCurve::TiltedTriweight) with `dust_bump = 1`.

use super::Screens;
use super::attenuation::common;
use crate::device::Place;
use crate::numerics::column;
use crate::numerics::expm1::expm1;
use crate::numerics::log1p::log1p;
use crate::parameter_set;
use crate::parameters::Bound;

/// Age at which half of the boost is left, log10 Gyr.
const LG_AGE_HALF_GYR: f64 = -2.5;
/// Speed with which it goes \[1/dex\].
const BOOST_K: f64 = 5.0;

parameter_set! {
    /// Parameters of a dust screen that is thicker in front of young stars.
    pub struct YoungBoostParams {
        /// Attenuation of the oldest stars in the V band.
        av: "mag", 0.0, Bound::square(0.0, 10.0);
        /// Boost of the youngest stars: what is added to `ln(e^A_V - 1)`.
        av_boost: "1", 0.2, Bound::square(0.0, 1.0);
        /// Power-law tilt of the curve at every age.
        dust_slope: "1", 0.0, Bound::square(-3.0, 2.0);
        /// Strength of the 2175 Angstrom bump at every age.
        dust_bump: "1", 0.85, Bound::square(0.0, 10.0);
        /// Fraction of the light of every age that meets no dust.
        dust_floor: "1", 0.0, Bound::square(0.0, 1.0);
    }
}

impl YoungBoostParams {
    /// The screens in front of stars of each age (`[n_age]`).
    ///
    /// `A_V(age) = softplus(s + b)`, where the boost `b` falls from `av_boost` to zero as a logistic
    /// function of log age (half of it is left at 3.2 Myr) and `softplus(s)` is `av`. Written as
    /// `A_V = av + ln(1 + (e^b - 1)(1 - e^-av))`, which neither overflows nor cancels, and has a value
    /// and a gradient without dust as well: thin screens are `e^b` times thicker, thick ones add `b`.
    pub fn screens(&self, lg_age_yr: &[f64]) -> Screens {
        let left = |lg_age: &f64| 1.0 / (1.0 + (BOOST_K * (lg_age - 9.0 - LG_AGE_HALF_GYR)).exp());
        let share: Vec<f64> = lg_age_yr.iter().map(left).collect();
        let boost = expm1(column(&self.av_boost) * Place::of(&self.av).row(&share));
        // A negative strength means no dust, and stays so whatever the boost.
        let obscured = expm1(column(&self.av.clone().clamp_min(0.0)).neg()).neg();
        Screens {
            av: (column(&self.av) + log1p(boost * obscured)).unsqueeze_dim(2),
            dust_bump: common(&self.dust_bump),
            dust_slope: common(&self.dust_slope),
            dust_floor: common(&self.dust_floor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::jacobian::jacobian;
    use crate::parameters::ParameterSet;
    use crate::testing::{
        assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    fn params(av: f64, boost: f64) -> [f64; 5] {
        [av, boost, -0.3, 1.0, 0.1]
    }

    fn av_at(lg_age_yr: f64, matrix: &burn::tensor::Tensor<2>) -> burn::tensor::Tensor<2> {
        YoungBoostParams::from_matrix(matrix).unwrap().screens(&[lg_age_yr]).av.squeeze_dim(2)
    }

    /// Boost left at an age, and the strength, both as they are defined.
    fn direct(lg_age_yr: f64, av: f64, boost: f64) -> (f64, f64) {
        let left = boost / (1.0 + (5.0 * (lg_age_yr - 6.5)).exp());
        let s = av.exp_m1().ln();
        (left, (s + left).exp().ln_1p())
    }

    #[test]
    fn strength_is_the_softplus_of_the_boosted_argument() {
        for_each_place(|place| {
            for lg_age_yr in [5.0, 6.5, 7.0, 8.0, 10.0] {
                for (av, boost) in [(1e-4, 1.0), (0.03, 0.2), (0.5, 0.2), (3.0, 0.7), (10.0, 1.0)] {
                    let got = values(av_at(lg_age_yr, &place.row(&params(av, boost))));
                    let want = direct(lg_age_yr, av, boost).1;
                    assert_close(&got, &[want], place.tolerance(1e-12, 1e-6), 0.0);
                }
            }
        });
    }

    #[test]
    fn without_a_boost_or_without_dust_age_does_not_matter() {
        for_each_place(|place| {
            for lg_age_yr in [5.0, 6.5, 10.0] {
                for (av, boost) in [(0.7, 0.0), (10.0, 0.0), (0.0, 0.2), (0.0, 1.0)] {
                    let got = values(av_at(lg_age_yr, &place.row(&params(av, boost))));
                    assert_close(&got, &[av], place.tolerance(1e-15, 1e-7), 0.0);
                }
                assert!(values(av_at(lg_age_yr, &place.row(&params(-1.0, 1.0))))[0] <= 0.0);
            }
        });
    }

    #[test]
    fn young_galaxies_without_dust_still_feel_a_v() {
        for_each_place(|place| {
            let none = place.row(&params(0.0, 0.6));
            let j = jacobian(&none, |p| Ok(av_at(6.2, &p))).unwrap();
            let want = direct(6.2, 1.0, 0.6).0.exp();
            assert_close(&values(j.jacobian)[..2], &[want, 0.0], place.tolerance(1e-12, 1e-6), 0.0);
        });
    }

    #[test]
    fn gradients_of_strength_and_boost() {
        for_each_f64_place(|place| {
            let rows = [params(0.01, 0.2), params(0.4, 0.0), params(1.0, 0.9), params(10.0, 0.5)];
            let rows: Vec<&[f64]> = rows.iter().map(|row| &row[..]).collect();
            for lg_age_yr in [6.0, 6.6, 9.0] {
                assert_jacobian(&rows, 1e-7, place, |p| av_at(lg_age_yr, &p));
            }
        });
    }
}
