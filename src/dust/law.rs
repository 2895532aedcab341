//! The attenuation law of a model: a curve, and how its bump and normalisation follow its slope.

use burn::tensor::Tensor;

use super::{AttenuationCurve, DustWaves, ScreenParams, Screens, bump_from_slope};
use crate::device::Place;
use crate::{Error, Result};

const CURVES_WITH_BUMP: [AttenuationCurve; 3] =
    [AttenuationCurve::Salim18, AttenuationCurve::Noll09, AttenuationCurve::TiltedTriweight];

/// What is fixed for all galaxies about their attenuation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DustLaw {
    curve: AttenuationCurve,
    bump_from_slope: bool,
    rv_mod: bool,
}

impl DustLaw {
    /// A law with the given curve.
    ///
    /// With `bump_from_slope` the strength of the bump is `0.85 - 1.9 dust_slope` (Kriek & Conroy
    /// 2013, ApJ 775, L16) and the parameter `dust_bump` is ignored. Above a slope of 0.447 this is
    /// negative, a dip.
    ///
    /// With `rv_mod` the curve is normalised by the `R_V` that goes with its slope (Salim, Boquien
    /// & Lee 2018, equations 3 to 5): `A = A_V k_mod / R_mod`, where
    /// `k_mod = k_0 (lambda / 0.55)^slope R_mod / 4.05 + E_b D` and
    /// `4.05 / R_mod = 5.05 * 0.8^slope - 4.05`. Put together, only the bump changes:
    /// `A = A_V / 4.05 max(0, k_0 (lambda / 0.55)^slope + E_b D (4.05 / R_mod))`. From a slope of
    /// 0.989 on `R_mod` is infinite or negative; there `4.05 / R_mod` is taken as zero: no bump, and
    /// no gradient with respect to its strength.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a flag that would change nothing: `bump_from_slope` with a curve that
    /// has no bump, `rv_mod` with any curve but [`AttenuationCurve::Salim18`] (where the bump is tilted
    /// with the rest, as in that of Noll et al., `R_mod` cancels).
    pub fn new(curve: AttenuationCurve, bump_from_slope: bool, rv_mod: bool) -> Result<Self> {
        let [salim, noll, tilted] = CURVES_WITH_BUMP;
        if bump_from_slope && !CURVES_WITH_BUMP.contains(&curve) {
            return Err(Error::invalid(
                "bump_from_slope",
                format!("the curve {curve} has no bump; use {salim}, {noll} or {tilted}"),
            ));
        }
        if rv_mod && curve != salim {
            return Err(Error::invalid(
                "rv_mod",
                format!("changes nothing about the curve {curve}; use {salim}"),
            ));
        }
        Ok(Self { curve, bump_from_slope, rv_mod })
    }

    /// Shape of the curve.
    pub fn curve(&self) -> AttenuationCurve {
        self.curve
    }

    /// Whether the strength of the bump follows from the slope.
    pub fn bump_from_slope(&self) -> bool {
        self.bump_from_slope
    }

    /// Whether the normalisation follows from the slope.
    pub fn rv_mod(&self) -> bool {
        self.rv_mod
    }

    /// Attenuation of a screen in magnitudes, `[n_gal, n_wave]`, not counting light that meets no
    /// dust.
    pub fn attenuation(&self, wave_um: &[f64], screen: &ScreenParams) -> Tensor<2> {
        let waves = self.waves(wave_um, &Place::of(&screen.av));
        self.attenuation_of(&waves, &Screens::from(screen)).squeeze_dim(1)
    }

    /// Fraction of light that a screen transmits, `[n_gal, n_wave]`.
    pub fn transmission(&self, wave_um: &[f64], screen: &ScreenParams) -> Tensor<2> {
        let waves = self.waves(wave_um, &Place::of(&screen.av));
        self.transmission_of(&waves, &Screens::from(screen)).squeeze_dim(1)
    }

    /// Wavelengths \[micrometre\] prepared for this law.
    pub fn waves(&self, wave_um: &[f64], place: &Place) -> DustWaves {
        DustWaves::new(self.curve, wave_um, place)
    }

    /// As [`attenuation`](Self::attenuation) for the screens of stars by age, `[n_gal, n_age, n_wave]`.
    pub fn attenuation_of(&self, waves: &DustWaves, screens: &Screens) -> Tensor<3> {
        self.curve.attenuation_of(waves, &self.applied(screens))
    }

    /// As [`transmission`](Self::transmission) for the screens of stars by age,
    /// `[n_gal, n_age, n_wave]`.
    pub fn transmission_of(&self, waves: &DustWaves, screens: &Screens) -> Tensor<3> {
        self.curve.transmission_of(waves, &self.applied(screens))
    }

    /// The screens whose bump is what this law makes of it.
    fn applied(&self, screens: &Screens) -> Screens {
        let mut screens = screens.clone();
        if self.bump_from_slope {
            screens.dust_bump = bump_from_slope(&screens.dust_slope);
        }
        if self.rv_mod {
            screens.dust_bump = screens.dust_bump * bump_factor(&screens.dust_slope);
        }
        screens
    }
}

impl From<AttenuationCurve> for DustLaw {
    /// The law in which bump and slope are independent.
    fn from(curve: AttenuationCurve) -> Self {
        Self { curve, ..Self::default() }
    }
}

/// `4.05 / R_mod`, not below zero; elementwise.
fn bump_factor(slope: &Tensor<3>) -> Tensor<3> {
    // Only slopes up to 2 matter; without the limits 0.8^slope overflows for absurd slopes.
    let tilt = (slope.clone().clamp(-100.0, 100.0) * 0.8f64.ln()).exp();
    (tilt * 5.05 - 4.05).clamp_min(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dust::{base_curve, drude, transmission};
    use crate::numerics::jacobian::jacobian;
    use crate::parameters::ParameterSet;
    use crate::testing::{assert_close, for_each_f64_place, for_each_place, values};

    const WAVE: [f64; 5] = [0.12, 0.2175, 0.3, 0.55, 1.0];

    fn screen(row: &Tensor<2>) -> ScreenParams {
        ScreenParams::from_matrix(row).unwrap()
    }

    #[test]
    fn r_v_follows_the_slope_as_published() {
        let (av, bump) = (1.3, 2.0);
        for_each_f64_place(|place| {
            let law = DustLaw::new(AttenuationCurve::Salim18, false, true).unwrap();
            for slope in [-1.2, -0.4, 0.0, 0.6] {
                let r_mod = 4.05 / (5.05 * (4400.0f64 / 5500.0).powf(slope) - 4.05);
                let want = WAVE.map(|w| {
                    let k = base_curve(w) * r_mod / 4.05 * (w / 0.55).powf(slope) + bump * drude(w);
                    av * k / r_mod
                });
                let got = law.attenuation(&WAVE, &screen(&place.row(&[av, bump, slope, 0.0])));
                assert_close(&values(got), &want, 1e-13, 0.0);
            }
        });
    }

    #[test]
    fn beyond_the_last_defined_slope_there_is_no_bump() {
        for_each_place(|place| {
            let law = DustLaw::new(AttenuationCurve::Salim18, false, true).unwrap();
            let bare = DustLaw::default();
            for slope in [0.99, 1.4, 2.0] {
                let got = law.attenuation(&WAVE, &screen(&place.row(&[1.0, 3.0, slope, 0.0])));
                let want = bare.attenuation(&WAVE, &screen(&place.row(&[1.0, 0.0, slope, 0.0])));
                assert_close(&values(got), &values(want), place.tolerance(1e-14, 1e-6), 0.0);
                let j = jacobian(&place.row(&[1.0, 3.0, slope, 0.0]), |p| {
                    Ok(law.attenuation(&WAVE, &screen(&p)))
                });
                assert!(values(j.unwrap().jacobian).iter().all(|v| v.is_finite()));
            }
        });
    }

    #[test]
    fn the_bump_follows_the_slope() {
        for_each_f64_place(|place| {
            for curve in CURVES_WITH_BUMP {
                let law = DustLaw::new(curve, true, false).unwrap();
                let got = law.transmission(&WAVE, &screen(&place.row(&[1.0, 9.0, -0.5, 0.1])));
                let want = transmission(curve, &WAVE, &screen(&place.row(&[1.0, 1.8, -0.5, 0.1])));
                assert_close(&values(got), &values(want), 1e-14, 0.0);
            }
        });
    }

    #[test]
    fn flags_without_effect_are_errors() {
        for &curve in AttenuationCurve::ALL {
            assert!(DustLaw::new(curve, false, false).is_ok_and(|law| law == curve.into()));
            let bumpy = CURVES_WITH_BUMP.contains(&curve);
            assert_eq!(
                DustLaw::new(curve, false, true).is_ok(),
                curve == AttenuationCurve::Salim18
            );
            assert_eq!(DustLaw::new(curve, true, false).is_ok(), bumpy);
        }
        let error = DustLaw::new(AttenuationCurve::PowerLaw, true, false).unwrap_err().to_string();
        assert_eq!(
            error,
            "bump_from_slope: the curve power_law has no bump; use salim18, noll09 or tw_dust"
        );
    }
}
