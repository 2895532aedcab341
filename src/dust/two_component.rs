//! Birth clouds and the diffuse interstellar medium (Charlot & Fall 2000, ApJ 539, 718).

use burn::tensor::Tensor;

use super::attenuation::common;
use super::{AttenuationCurve, DustWaves};
use crate::device::Place;
use crate::numerics::pow10;
use crate::parameter_set;
use crate::parameters::Bound;

/// Up to this age stars are in their birth clouds, log10 yr.
const LG_AGE_CLOUD_YR: f64 = 7.0;
/// Ages of a grid that was kept in f32 may be above that by rounding \[dex\].
const ROUNDING_DEX: f64 = 1e-6;

parameter_set! {
    /// Parameters of the dust in birth clouds and in the interstellar medium.
    pub struct TwoComponentParams {
        /// Attenuation by the interstellar medium at 0.55 micrometre.
        av_ism: "mag", 0.0, Bound::square(0.0, 10.0);
        /// Further attenuation by the birth clouds at 0.55 micrometre.
        av_birth: "mag", 0.0, Bound::square(0.0, 10.0);
        /// Power-law index of the attenuation by the interstellar medium.
        dust_slope_ism: "1", -0.7, Bound::square(-3.0, 2.0);
        /// Power-law index of the attenuation by the birth clouds.
        dust_slope_birth: "1", -0.7, Bound::square(-3.0, 2.0);
    }
}

/// Whether stars of this age, 10 Myr at most, are in their birth clouds. A bin of ages is there as a
/// whole or not at all, by its middle: that of 10 Myr is.
pub(super) fn in_birth_cloud(lg_age_yr: f64) -> bool {
    lg_age_yr <= LG_AGE_CLOUD_YR + ROUNDING_DEX
}

impl TwoComponentParams {
    /// Attenuation of stars of one age in magnitudes, `[n_gal, n_wave]`: each component is
    /// `A_V (lambda / 0.55)^slope`, never negative.
    pub fn attenuation(&self, wave_um: &[f64], lg_age_yr: f64) -> Tensor<2> {
        let place = Place::of(&self.av_ism);
        let waves = DustWaves::new(AttenuationCurve::PowerLaw, wave_um, &place);
        self.attenuation_of(&waves, &[lg_age_yr]).squeeze_dim(1)
    }

    /// Fraction of the light of stars of one age that gets out, `[n_gal, n_wave]`.
    pub fn transmission(&self, wave_um: &[f64], lg_age_yr: f64) -> Tensor<2> {
        pow10(self.attenuation(wave_um, lg_age_yr) * -0.4)
    }

    /// As [`attenuation`](Self::attenuation) for stars of several ages (`[n_age]`),
    /// `[n_gal, n_age, n_wave]`, whatever the curve of the wavelengths.
    pub fn attenuation_of(&self, waves: &DustWaves, lg_age_yr: &[f64]) -> Tensor<3> {
        let component = |av: &Tensor<1>, slope: &Tensor<1>| {
            (common(av) * waves.tilt(&common(slope))).clamp_min(0.0)
        };
        let ism = component(&self.av_ism, &self.dust_slope_ism);
        let young = lg_age_yr.iter().map(|age| f64::from(u8::from(in_birth_cloud(*age))));
        let young = Place::of(&self.av_ism).row(&young.collect::<Vec<f64>>());
        ism + component(&self.av_birth, &self.dust_slope_birth) * young.unsqueeze_dim::<3>(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dust::{AttenuationCurve, ScreenParams, transmission};
    use crate::parameters::ParameterSet;
    use crate::testing::{assert_close, for_each_f64_place, for_each_place, values};

    const WAVE: [f64; 4] = [0.1, 0.2175, 0.55, 2.2];

    #[test]
    fn without_birth_clouds_it_is_a_power_law_screen() {
        for_each_f64_place(|place| {
            let row = place.row(&[1.2, 0.0, -0.9, -1.3]);
            let params = TwoComponentParams::from_matrix(&row).unwrap();
            let screen = ScreenParams::from_matrix(&place.row(&[1.2, 0.85, -0.9, 0.0])).unwrap();
            let want = values(transmission(AttenuationCurve::PowerLaw, &WAVE, &screen));
            for lg_age_yr in [5.0, 7.0, 7.1, 10.0] {
                let got = values(params.transmission(&WAVE, lg_age_yr));
                assert_close(&got, &want, 1e-13, 0.0);
            }
        });
    }

    #[test]
    fn only_the_youngest_stars_see_the_birth_clouds() {
        for_each_place(|place| {
            let row = place.row(&[0.3, 1.0, -0.7, -1.3]);
            let params = TwoComponentParams::from_matrix(&row).unwrap();
            let ism = WAVE.map(|w| 0.3 * (w / 0.55).powf(-0.7));
            let both = WAVE.map(|w| 0.3 * (w / 0.55).powf(-0.7) + (w / 0.55).powf(-1.3));
            let tolerance = place.tolerance(1e-14, 1e-6);
            for (lg_age_yr, want) in
                [(6.0, both), (7.0, both), (7.000_000_5, both), (7.01, ism), (10.0, ism)]
            {
                let got = values(params.attenuation(&WAVE, lg_age_yr));
                assert_close(&got, &want, tolerance, 0.0);
            }
        });
    }
}
