//! A screen whose strength and slope pass smoothly from young to old stars (Hearin et al. 2023,
//! MNRAS 521, 1741, section 3.4.1).

use burn::tensor::Tensor;

use super::Screens;
use super::attenuation::common;
use crate::numerics::age_transition::young_to_old;
use crate::parameter_set;
use crate::parameters::Bound;

parameter_set! {
    /// Parameters of a dust screen that depends on stellar age.
    pub struct AgeDependentDustParams {
        /// Attenuation in the V band of the youngest stars.
        av_young: "mag", 0.0, Bound::square(0.0, 10.0);
        /// Attenuation in the V band of the oldest stars.
        av_old: "mag", 0.0, Bound::square(0.0, 10.0);
        /// Power-law tilt of the curve that the youngest stars see.
        dust_slope_young: "1", 0.0, Bound::square(-3.0, 2.0);
        /// Power-law tilt of the curve that the oldest stars see.
        dust_slope_old: "1", 0.0, Bound::square(-3.0, 2.0);
        /// Strength of the 2175 Angstrom bump at every age.
        dust_bump: "1", 0.85, Bound::square(0.0, 10.0);
        /// Fraction of the light of every age that meets no dust.
        dust_floor: "1", 0.0, Bound::square(0.0, 1.0);
    }
}

impl AgeDependentDustParams {
    /// The screens in front of stars of each age (`[n_age]`): `A_V` and slope by [`young_to_old`].
    pub fn screens(&self, lg_age_yr: &[f64]) -> Screens {
        let by_age = |young: &Tensor<1>, old: &Tensor<1>| {
            young_to_old(young, old, lg_age_yr).unsqueeze_dim(2)
        };
        Screens {
            av: by_age(&self.av_young, &self.av_old),
            dust_bump: common(&self.dust_bump),
            dust_slope: by_age(&self.dust_slope_young, &self.dust_slope_old),
            dust_floor: common(&self.dust_floor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::ParameterSet;
    use crate::testing::{assert_close, for_each_f64_place, values};

    /// `A_V`, bump, slope and floor of the first age.
    fn screen(params: &AgeDependentDustParams, lg_age_yr: f64) -> Vec<f64> {
        let Screens { av, dust_bump, dust_slope, dust_floor } = params.screens(&[lg_age_yr]);
        [av, dust_bump, dust_slope, dust_floor].map(|x| values(x)[0]).to_vec()
    }

    #[test]
    fn strength_and_slope_are_those_of_the_age() {
        for_each_f64_place(|place| {
            let row = place.row(&[2.0, 0.5, -0.4, 0.2, 1.0, 0.1]);
            let params = AgeDependentDustParams::from_matrix(&row).unwrap();
            for (lg_age_yr, want) in [
                (4.0, [2.0, 1.0, -0.4, 0.1]),
                (8.0, [1.25, 1.0, -0.1, 0.1]),
                (12.0, [0.5, 1.0, 0.2, 0.1]),
            ] {
                assert_close(&screen(&params, lg_age_yr), &want, 1e-14, 1e-15);
            }
        });
    }

    #[test]
    fn equal_ends_are_one_screen() {
        for_each_f64_place(|place| {
            let row = place.row(&[1.3, 1.3, -0.4, -0.4, 1.0, 0.1]);
            let params = AgeDependentDustParams::from_matrix(&row).unwrap();
            for lg_age_yr in [4.0, 6.1, 8.7, 10.1] {
                assert_close(&screen(&params, lg_age_yr), &[1.3, 1.0, -0.4, 0.1], 1e-15, 0.0);
            }
        });
    }
}
