//! The choice of dust geometry: which stars see how much of it.

use std::ops::Range;

use burn::tensor::Tensor;

use super::two_component::in_birth_cloud;
use super::{
    AgeDependentDustParams, DustLaw, DustWaves, ScreenParams, Screens, TwoComponentParams,
    YoungBoostParams,
};
use crate::device::Place;
use crate::numerics::pow10;
use crate::parameters::model_choice;

model_choice! {
    /// Geometries of the dust.
    DustModel,
    /// Parameters of the dust.
    DustParams, "dust model", {
        /// One screen in front of all stars.
        Screen = "screen" {
            /// The screen.
            screen: ScreenParams,
        }
        /// A screen whose strength and slope pass smoothly from young to old stars.
        AgeDependent = "age_dependent" {
            /// The screens of the youngest and oldest stars.
            dust: AgeDependentDustParams,
        }
        /// A screen that is thicker in front of young stars.
        YoungBoost = "young_boost" {
            /// The screen of the oldest stars and the boost.
            dust: YoungBoostParams,
        }
        /// Birth clouds and interstellar medium, each a power law whatever the curve of the law.
        TwoComponent = "two_component" {
            /// The two components.
            dust: TwoComponentParams,
        }
    }
}

impl DustModel {
    /// The runs of neighbouring ages (`lg_age_yr`, ascending) whose stars see the same dust; together
    /// they are all ages.
    pub fn age_groups(self, lg_age_yr: &[f64]) -> Vec<Range<usize>> {
        let n = lg_age_yr.len();
        match self {
            Self::Screen => std::iter::once(0..n).collect(),
            Self::AgeDependent | Self::YoungBoost => (0..n).map(|i| i..i + 1).collect(),
            Self::TwoComponent => {
                let clouds = lg_age_yr.partition_point(|age| in_birth_cloud(*age));
                [0..clouds, clouds..n].into_iter().filter(|ages| !ages.is_empty()).collect()
            }
        }
    }
}

impl DustParams {
    /// Fraction of the light of stars of age `lg_age_yr` that gets out, `[n_gal, n_wave]`.
    pub fn transmission(&self, law: &DustLaw, wave_um: &[f64], lg_age_yr: f64) -> Tensor<2> {
        self.transmission_of(law, &self.waves(law, wave_um), &[lg_age_yr]).squeeze_dim(1)
    }

    /// The same for stars of several ages (`lg_age_yr`, `[n_age]`), `[n_gal, n_age, n_wave]`, at
    /// [wavelengths of the law](DustLaw::waves); `n_age` is 1 where all ages see the same dust.
    pub fn transmission_of(
        &self,
        law: &DustLaw,
        waves: &DustWaves,
        lg_age_yr: &[f64],
    ) -> Tensor<3> {
        match self {
            Self::Screen { screen } => law.transmission_of(waves, &Screens::from(screen)),
            Self::AgeDependent { dust } => law.transmission_of(waves, &dust.screens(lg_age_yr)),
            Self::YoungBoost { dust } => law.transmission_of(waves, &dust.screens(lg_age_yr)),
            Self::TwoComponent { dust } => pow10(dust.attenuation_of(waves, lg_age_yr) * -0.4),
        }
    }

    /// Attenuation in magnitudes of stars of each age (`lg_age_yr`, ascending, at least one),
    /// `[n_gal, n_age, n_wave]`.
    ///
    /// That of the light that meets the dust: the share `dust_floor` that meets none is not counted.
    pub fn attenuation(&self, law: &DustLaw, wave_um: &[f64], lg_age_yr: &[f64]) -> Tensor<3> {
        let waves = self.waves(law, wave_um);
        match self {
            Self::Screen { screen } => {
                let common = law.attenuation_of(&waves, &Screens::from(screen));
                common.repeat_dim(1, lg_age_yr.len())
            }
            Self::AgeDependent { dust } => law.attenuation_of(&waves, &dust.screens(lg_age_yr)),
            Self::YoungBoost { dust } => law.attenuation_of(&waves, &dust.screens(lg_age_yr)),
            Self::TwoComponent { dust } => dust.attenuation_of(&waves, lg_age_yr),
        }
    }

    /// The same dust with every parameter (`[n_gal]`) passed through `f`, which may choose galaxies.
    #[must_use]
    pub fn map(&self, f: impl Fn(Tensor<1>) -> Tensor<1>) -> Self {
        self.model().take(&mut self.columns().into_iter().map(f))
    }

    fn waves(&self, law: &DustLaw, wave_um: &[f64]) -> DustWaves {
        let place = self.columns().first().map(Place::of);
        law.waves(wave_um, &place.unwrap_or_else(|| unreachable!("every model has parameters")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Place, Precision};
    use crate::dust::AttenuationCurve;
    use crate::numerics::jacobian::jacobian;
    use crate::numerics::pow10;
    use crate::testing::{
        assert_close, assert_f32_jacobian, assert_jacobian, corner_rows, for_each_f64_place,
        for_each_place, places, values,
    };

    /// From the far to the near ultraviolet, through the bump, to the near infrared.
    const WAVE: [f64; 4] = [0.12, 0.2175, 0.55, 2.0];
    /// Young, in transition, old.
    const AGES: [f64; 3] = [6.2, 7.9, 9.8];

    fn laws() -> Vec<DustLaw> {
        let salim = AttenuationCurve::Salim18;
        let flags = [(false, false), (true, false), (false, true), (true, true)];
        let mut laws: Vec<DustLaw> =
            flags.iter().map(|(bump, rv)| DustLaw::new(salim, *bump, *rv).unwrap()).collect();
        laws.push(DustLaw::new(AttenuationCurve::Noll09, true, false).unwrap());
        laws.push(DustLaw::new(AttenuationCurve::TiltedTriweight, true, false).unwrap());
        laws.push(AttenuationCurve::TiltedTriweight.into());
        laws.push(AttenuationCurve::PowerLaw.into());
        laws
    }

    fn params(model: DustModel, matrix: &Tensor<2>) -> DustParams {
        model
            .take(&mut (0..matrix.dims()[1]).map(|j| matrix.clone().narrow(1, j, 1).squeeze_dim(1)))
    }

    /// Transmission at every age and wavelength, `[n_gal, n_age * n_wave]`.
    fn transmission(model: DustModel, law: &DustLaw, matrix: &Tensor<2>) -> Tensor<2> {
        let params = params(model, matrix);
        Tensor::cat(AGES.map(|age| params.transmission(law, &WAVE, age)).to_vec(), 1)
    }

    /// Ordinary values of a model's parameters.
    fn row(model: DustModel) -> Vec<f64> {
        let value = |name: &str| match name {
            "av" | "av_old" | "av_ism" => 0.8,
            "av_young" | "av_birth" => 1.3,
            "av_boost" => 0.4,
            "dust_slope" | "dust_slope_young" => -0.4,
            "dust_slope_old" => 0.2,
            "dust_slope_ism" => -0.7,
            "dust_slope_birth" => -1.3,
            "dust_bump" => 1.2,
            "dust_floor" => 0.1,
            other => panic!("no value for {other}"),
        };
        model.info().iter().map(|p| value(p.name)).collect()
    }

    /// The row with one parameter changed.
    fn with(model: DustModel, name: &str, value: f64) -> Vec<f64> {
        let mut row = row(model);
        for (v, p) in row.iter_mut().zip(model.info()) {
            if p.name == name {
                *v = value;
            }
        }
        row
    }

    #[test]
    fn groups_are_all_ages_in_order_and_share_their_dust() {
        let ages: Vec<f64> = (0..30).map(|i| 5.5 + 0.15 * f64::from(i)).collect();
        for &model in DustModel::ALL {
            // From all ages to only young and only old ones.
            for ages in [&ages[..], &ages[..4], &ages[20..], &ages[..1]] {
                let groups = model.age_groups(ages);
                let joined: Vec<usize> = groups.iter().cloned().flatten().collect();
                assert_eq!(joined, (0..ages.len()).collect::<Vec<_>>(), "{model}");
                assert!(groups.iter().all(|group| !group.is_empty()));
            }
        }
        assert_eq!(DustModel::TwoComponent.age_groups(&[6.0, 7.0, 7.1]), [0..2, 2..3]);
        assert_eq!(DustModel::Screen.age_groups(&ages).len(), 1);
    }

    #[test]
    fn no_dust_is_the_identity_with_and_without_boost() {
        for_each_place(|place| {
            for &model in DustModel::ALL {
                let dark = |p: &str| p.starts_with("av") && p != "av_boost";
                let row: Vec<f64> = row(model)
                    .iter()
                    .zip(model.info())
                    .map(|(v, p)| if dark(p.name) { 0.0 } else { *v })
                    .collect();
                for law in laws() {
                    let got = values(transmission(model, &law, &place.row(&row)));
                    assert_close(&got, &[1.0; 12], place.tolerance(1e-15, 2e-7), 0.0);
                }
            }
        });
    }

    #[test]
    fn transmission_is_a_fraction_that_falls_with_every_strength() {
        for_each_place(|place| {
            for &model in DustModel::ALL {
                for p in model.info().iter().filter(|p| p.name.starts_with("av")) {
                    for law in laws() {
                        let at = |value| {
                            let row = with(model, p.name, value);
                            values(transmission(model, &law, &place.row(&row)))
                        };
                        let (thin, thick) = (at(0.1), at(0.9));
                        assert!(thin.iter().chain(&thick).all(|v| (0.0..=1.0).contains(v)));
                        assert!(thin.iter().zip(&thick).all(|(a, b)| b <= a), "{model} {}", p.name);
                        assert!(thin.iter().zip(&thick).any(|(a, b)| b < a), "{model} {}", p.name);
                    }
                }
            }
        });
    }

    #[test]
    fn attenuation_is_that_of_the_light_that_meets_dust() {
        for_each_place(|place| {
            for &model in DustModel::ALL {
                for law in laws() {
                    let matrix = place.rows(&[&with(model, "dust_floor", 0.0), &row(model)]);
                    let params = params(model, &matrix);
                    let all = params.attenuation(&law, &WAVE, &AGES);
                    assert_eq!(all.dims(), [2, 3, 4]);
                    let through = pow10(all * -0.4).reshape([2, 12]).narrow(0, 0, 1);
                    let want = transmission(model, &law, &matrix).narrow(0, 0, 1);
                    let tolerance = place.tolerance(1e-13, 1e-5);
                    assert_close(&values(through), &values(want), tolerance, 0.0);
                    let attenuation = values(params.attenuation(&law, &WAVE, &AGES));
                    let (no_floor, floor) = attenuation.split_at(12);
                    assert_eq!(no_floor, floor);
                }
            }
        });
    }

    #[test]
    fn models_without_contrast_are_the_screen() {
        // Strength, bump, slope, floor.
        let screen = [0.8, 1.2, -0.4, 0.1];
        let [av, bump, slope, floor] = screen;
        let same = [
            (DustModel::AgeDependent, vec![av, av, slope, slope, bump, floor]),
            (DustModel::YoungBoost, vec![av, 0.0, slope, bump, floor]),
        ];
        for_each_f64_place(|place| {
            for law in laws() {
                let want = values(transmission(DustModel::Screen, &law, &place.row(&screen)));
                for (model, row) in &same {
                    let got = values(transmission(*model, &law, &place.row(row)));
                    assert_close(&got, &want, 1e-12, 0.0);
                }
            }
        });
    }

    #[test]
    fn gradients_of_every_parameter_model_and_law() {
        for_each_f64_place(|place| {
            for &model in DustModel::ALL {
                let row = row(model);
                let thin: Vec<f64> = row.iter().map(|v| 0.3 * v).collect();
                for law in laws() {
                    assert_jacobian(&[&row, &thin], 1e-7, place, |p| transmission(model, &law, &p));
                }
            }
        });
        for &model in DustModel::ALL {
            let defaults: Vec<f64> = model.info().iter().map(|p| p.default).collect();
            for law in laws() {
                assert_f32_jacobian(&[&row(model), &defaults], 1e-4, |p| {
                    transmission(model, &law, &p)
                });
            }
        }
    }

    #[test]
    fn single_precision_agrees_with_double() {
        for_each_f64_place(|place| {
            for &model in DustModel::ALL {
                for law in laws() {
                    let at =
                        |place: &Place| values(transmission(model, &law, &place.row(&row(model))));
                    for single in places(Precision::F32) {
                        assert_close(&at(&single), &at(place), 1e-5, 0.0);
                    }
                }
            }
        });
    }

    #[test]
    fn values_and_gradients_are_finite_at_the_corners_of_the_box() {
        for_each_place(|place| {
            for &model in DustModel::ALL {
                let rows = corner_rows(&model.info(), 1 << model.info().len());
                let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
                for law in laws() {
                    let j = jacobian(&place.rows(&rows), |p| {
                        let params = params(model, &p);
                        let at = |age| params.transmission(&law, &[0.0091, 0.2175, 35.0], age);
                        Ok(Tensor::cat(AGES.map(at).to_vec(), 1))
                    })
                    .unwrap();
                    let through = values(j.values);
                    assert!(through.iter().all(|v| (0.0..=1.0 + 1e-6).contains(v)), "{model}");
                    assert!(values(j.jacobian).iter().all(|v| v.is_finite()), "{model}");
                }
            }
        });
    }
}
