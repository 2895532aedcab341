//! From a curve to the fraction of light that gets out.

use burn::tensor::Tensor;

use super::{
    DustWaves, base_curve, calzetti00, leitherer02, noll09, power_law, salim18, tilted_triweight,
    triweight,
};
use crate::device::Place;
use crate::names::named;
use crate::numerics::pow10;
use crate::parameter_set;
use crate::parameters::Bound;

/// `R_V` of the Calzetti curve, which normalises every curve here: `A = A_V k / 4.05`.
pub const R_V: f64 = 4.05;

parameter_set! {
    /// Parameters of a single dust screen.
    pub struct ScreenParams {
        /// Attenuation in the V band.
        av: "mag", 0.0, Bound::square(0.0, 10.0);
        /// Strength of the 2175 Angstrom bump.
        dust_bump: "1", 0.85, Bound::square(0.0, 10.0);
        /// Power-law tilt of the curve; 0 leaves it as it is.
        dust_slope: "1", 0.0, Bound::square(-3.0, 2.0);
        /// Fraction of the light that meets no dust.
        dust_floor: "1", 0.0, Bound::square(0.0, 1.0);
    }
}

/// Dust screens in front of the stars of galaxies by age; every field is `[n_gal, n_age, 1]`, where
/// `n_age` is 1 for what all ages share.
#[derive(Clone, Debug)]
pub struct Screens {
    /// Attenuation in the V band \[mag\].
    pub av: Tensor<3>,
    /// Strength `E_b` of the 2175 Angstrom bump.
    pub dust_bump: Tensor<3>,
    /// Power-law tilt `delta` of the curve.
    pub dust_slope: Tensor<3>,
    /// Fraction of the light that meets no dust.
    pub dust_floor: Tensor<3>,
}

impl From<&ScreenParams> for Screens {
    /// The same screen for all ages.
    fn from(screen: &ScreenParams) -> Self {
        Self {
            av: common(&screen.av),
            dust_bump: common(&screen.dust_bump),
            dust_slope: common(&screen.dust_slope),
            dust_floor: common(&screen.dust_floor),
        }
    }
}

/// What all ages share, `[n_gal]`, as `[n_gal, 1, 1]`.
pub(super) fn common(x: &Tensor<1>) -> Tensor<3> {
    x.clone().reshape([-1, 1, 1])
}

/// The attenuation curves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttenuationCurve {
    /// Calzetti et al. (2000); ignores bump and slope.
    Calzetti00,
    /// Leitherer et al. (2002); ignores bump and slope.
    Leitherer02,
    /// Noll et al. (2009).
    Noll09,
    /// Salim, Boquien & Lee (2018).
    #[default]
    Salim18,
    /// Triweight approximation; ignores bump and slope.
    Triweight,
    /// Triweight approximation with bump and tilt, as in diffsky.
    TiltedTriweight,
    /// Power law; ignores the bump.
    PowerLaw,
}

named!(
    AttenuationCurve,
    "attenuation curve",
    Calzetti00 = "calzetti00",
    Leitherer02 = "leitherer02",
    Noll09 = "noll09",
    Salim18 = "salim18",
    Triweight = "triweight",
    TiltedTriweight = "tw_dust",
    PowerLaw = "power_law",
);

impl AttenuationCurve {
    /// `k(lambda)`, `[n_gal, n_wave]`, or `[1, n_wave]` for a curve without parameters.
    pub fn k(self, wave_um: &[f64], params: &ScreenParams) -> Tensor<2> {
        let waves = DustWaves::new(self, wave_um, &Place::of(&params.av));
        self.k_of(&waves, &Screens::from(params)).squeeze_dim(1)
    }

    /// `k(lambda)`, `[n_gal, n_age, n_wave]`, or with axes of length 1 for a curve without parameters.
    pub(super) fn k_of(self, waves: &DustWaves, screens: &Screens) -> Tensor<3> {
        let (bump, slope) = (&screens.dust_bump, &screens.dust_slope);
        match self {
            Self::Calzetti00 | Self::Leitherer02 | Self::Triweight => waves.base(),
            Self::Noll09 => noll09(waves, bump, slope),
            Self::Salim18 => salim18(waves, bump, slope),
            Self::TiltedTriweight => tilted_triweight(waves, bump, slope),
            Self::PowerLaw => power_law(waves, slope),
        }
    }

    /// What of the curve does not depend on parameters.
    pub(super) fn base(self, wave_um: f64) -> f64 {
        match self {
            Self::Calzetti00 => calzetti00(wave_um),
            Self::Leitherer02 => leitherer02(wave_um),
            Self::Noll09 | Self::Salim18 => base_curve(wave_um),
            Self::Triweight | Self::TiltedTriweight => triweight(wave_um),
            Self::PowerLaw => R_V,
        }
    }

    /// Attenuation in magnitudes, `[n_gal, n_age, n_wave]`.
    pub(super) fn attenuation_of(self, waves: &DustWaves, screens: &Screens) -> Tensor<3> {
        (screens.av.clone() * self.k_of(waves, screens) / R_V).clamp_min(0.0)
    }

    /// Fraction of light transmitted, `[n_gal, n_age, n_wave]`.
    pub(super) fn transmission_of(self, waves: &DustWaves, screens: &Screens) -> Tensor<3> {
        let floor = screens.dust_floor.clone();
        let through = pow10(self.attenuation_of(waves, screens) * -0.4);
        floor.clone() + (floor.neg() + 1.0) * through
    }
}

/// Attenuation `A = max(0, A_V k / 4.05)` in magnitudes, `[n_gal, n_wave]`.
pub fn attenuation(curve: AttenuationCurve, wave_um: &[f64], params: &ScreenParams) -> Tensor<2> {
    let waves = DustWaves::new(curve, wave_um, &Place::of(&params.av));
    curve.attenuation_of(&waves, &Screens::from(params)).squeeze_dim(1)
}

/// Fraction of light transmitted, `floor + (1 - floor) 10^(-0.4 A)`, `[n_gal, n_wave]`.
pub fn transmission(curve: AttenuationCurve, wave_um: &[f64], params: &ScreenParams) -> Tensor<2> {
    let waves = DustWaves::new(curve, wave_um, &Place::of(&params.av));
    curve.transmission_of(&waves, &Screens::from(params)).squeeze_dim(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dust::bump_from_slope;
    use crate::parameters::ParameterSet;
    use crate::testing::{
        assert_close, assert_f32_jacobian, assert_jacobian, for_each_f64_place, for_each_place,
        values,
    };

    const WAVE: [f64; 11] = [0.1, 0.15, 0.1501, 0.2175, 0.3, 0.55, 0.6299, 0.63, 1.0, 2.2, 3.0];

    /// `av, dust_bump, dust_slope, dust_floor`.
    const ROW: [f64; 4] = [1.0, 1.0, -0.2, 0.1];

    #[test]
    fn reference_values() {
        use AttenuationCurve::*;
        let mut want: Vec<(AttenuationCurve, [f64; 11])> = vec![
            (
                Calzetti00,
                [
                    15.042306,
                    10.3339063703704,
                    10.3299433305047,
                    8.47864197002595,
                    6.92546229629629,
                    4.04789038016529,
                    3.47726845928096,
                    3.50169731746032,
                    1.877597,
                    0.369218818181818,
                    0.0340236666666669,
                ],
            ),
            (
                Leitherer02,
                [
                    13.8802,
                    10.3119407407407,
                    10.3079556866603,
                    8.61683766968412,
                    7.70328148148148,
                    6.67727483095417,
                    6.52449910491724,
                    6.52433240150852,
                    6.136402,
                    5.77534151014275,
                    5.69473948148148,
                ],
            ),
            (
                Salim18,
                [
                    19.5282058394403,
                    13.4148197869262,
                    13.4365335141841,
                    11.2072084091978,
                    7.87506053395335,
                    4.05354830556128,
                    3.3881673033378,
                    3.41183256116056,
                    1.6673475631895,
                    0.280073593343295,
                    0.0243717742719453,
                ],
            ),
            (
                Noll09,
                [
                    19.5317506663378,
                    13.4275415946424,
                    13.4492936733798,
                    11.4110814404312,
                    7.88241134584201,
                    4.05354830556128,
                    3.38806120972344,
                    3.41172638773504,
                    1.66719566541164,
                    0.280011107789348,
                    0.0243322023124767,
                ],
            ),
            (
                Triweight,
                [
                    14.1253754462275,
                    10.8507142770651,
                    10.8459984288955,
                    8.48782930723154,
                    6.77037781638554,
                    4.01487687070705,
                    3.47033689813306,
                    3.46971732056949,
                    1.88240999609747,
                    0.40102380032721,
                    0.182713004334041,
                ],
            ),
        ];
        // Bump of strength 1 and slope -0.2, as in the row.
        let triweight = want[4].1;
        let tilted = std::array::from_fn(|i| {
            let w: f64 = WAVE[i];
            let bump =
                (0.035 * w).powi(2) / ((w * w - 0.2175 * 0.2175).powi(2) + (0.035 * w).powi(2));
            (triweight[i] + bump) * (w / 0.55).powf(-0.2)
        });
        want.push((TiltedTriweight, tilted));
        let through = [
            0.1106054920218,
            0.142591411854507,
            0.142381611976985,
            0.170365167899923,
            0.250126981628983,
            0.458007446096802,
            0.51649395430073,
            0.514258465655871,
            0.715979426189474,
            0.9444635720313,
            0.995025524172604,
        ];
        for_each_f64_place(|place| {
            let params = ScreenParams::from_matrix(&place.row(&ROW)).unwrap();
            for (curve, k) in &want {
                assert_close(&values(curve.k(&WAVE, &params)), k, 1e-12, 0.0);
            }
            assert_close(&values(transmission(Salim18, &WAVE, &params)), &through, 1e-12, 0.0);
        });
    }

    #[test]
    fn no_dust_is_the_identity_and_more_dust_is_darker() {
        for_each_place(|place| {
            // 0.0091 to 35 micrometre.
            let wave: Vec<f64> = (0..60).map(|i| 0.0091 * 1.15f64.powi(i)).collect();
            for &curve in AttenuationCurve::ALL {
                let at = |av: f64| {
                    let params =
                        ScreenParams::from_matrix(&place.row(&[av, 1.0, -0.5, 0.0])).unwrap();
                    values(transmission(curve, &wave, &params))
                };
                let one = vec![1.0; wave.len()];
                assert_close(&at(0.0), &one, place.tolerance(1e-15, 2e-7), 0.0);
                if curve == AttenuationCurve::Salim18 {
                    assert_close(&at(-1.0), &one, place.tolerance(1e-15, 2e-7), 0.0);
                }
                let (thin, thick) = (at(0.5), at(2.0));
                assert!(thin.iter().zip(&thick).all(|(a, b)| b <= a && (0.0..=1.0).contains(b)));
            }
        });
    }

    #[test]
    fn gradients_of_every_parameter_and_curve() {
        for_each_f64_place(|place| {
            let rows = [&ROW[..], &[0.3, 3.0, 0.7, 0.0], &[2.5, 0.0, -1.2, 0.9]];
            for &curve in AttenuationCurve::ALL {
                assert_jacobian(&rows, 1e-7, place, |p| {
                    transmission(curve, &WAVE, &ScreenParams::from_matrix(&p).unwrap())
                });
            }
        });
        for &curve in AttenuationCurve::ALL {
            assert_f32_jacobian(
                &[&ROW, &[0.3, 3.0, 0.7, 0.0], &[2.5, 0.0, -1.2, 0.9]],
                1e-4,
                |p| transmission(curve, &WAVE, &ScreenParams::from_matrix(&p).unwrap()),
            );
        }
    }

    #[test]
    fn dust_free_galaxies_still_feel_a_v() {
        for_each_place(|place| {
            let p = place.row(&[0.0, 1.0, 0.0, 0.0]);
            let j = crate::numerics::jacobian::jacobian(&p, |p| {
                Ok(transmission(AttenuationCurve::Salim18, &[0.3], &ScreenParams::from_matrix(&p)?))
            })
            .unwrap();
            let slope = values(j.jacobian)[0];
            assert!((slope + 0.4 * std::f64::consts::LN_10 * 6.93 / 4.05).abs() < 0.02, "{slope}");
        });
    }

    #[test]
    fn kriek_and_conroy_relation() {
        for_each_f64_place(|place| {
            let bump = values(bump_from_slope(&place.vector(&[0.0, -0.5])));
            assert_close(&bump, &[0.85, 1.8], 1e-15, 0.0);
        });
    }
}
