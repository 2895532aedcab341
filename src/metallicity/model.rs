//! The choice of metallicity distribution.

use burn::tensor::Tensor;

use super::{
    AgeDependentMdfParams, LognormalMdfParams, MassMetallicityParams, MetallicityGrid,
    ScatterParams, age_dependent_weights, lognormal_weights, mass_metallicity,
};
use crate::parameters::model_choice;
use crate::sfh::AgeGrid;

model_choice! {
    /// Models of the metallicity distribution.
    MetallicityModel,
    /// Parameters of a metallicity distribution.
    MetallicityParams, "metallicity model", {
        /// One lognormal distribution for all stars.
        Lognormal = "lognormal" {
            /// Median and scatter.
            mdf: LognormalMdfParams,
        }
        /// A lognormal distribution whose median passes smoothly from young to old stars.
        AgeDependent = "age_dependent" {
            /// Medians and scatter.
            mdf: AgeDependentMdfParams,
        }
        /// One lognormal distribution for all stars, its median from the mass-metallicity relation
        /// at the mass formed by, and the time of, observation.
        MassMetallicity = "mass_metallicity" {
            /// The relation.
            relation: MassMetallicityParams,
            /// Scatter around it.
            scatter: ScatterParams,
        }
    }
}

/// Weights over the metallicities of an SSP grid.
#[derive(Clone, Debug)]
pub enum MetallicityWeights {
    /// The same for stars of every age, `[n_gal, n_met]`, summing to one.
    Common(Tensor<2>),
    /// For each age, `[n_gal, n_met, n_age]`, summing to one at each age.
    PerAge(Tensor<3>),
}

impl MetallicityParams {
    /// Weights over metallicity of the stars of galaxies that have formed `lg_mass_formed` \[log10 Msun\]
    /// by `t_obs_gyr`, both `[n_gal]`.
    pub fn weights(
        &self,
        lg_mass_formed: &Tensor<1>,
        t_obs_gyr: &Tensor<1>,
        grid: &MetallicityGrid,
        ages: &AgeGrid,
    ) -> MetallicityWeights {
        match self {
            Self::Lognormal { mdf } => MetallicityWeights::Common(lognormal_weights(mdf, grid)),
            Self::AgeDependent { mdf } => {
                MetallicityWeights::PerAge(age_dependent_weights(mdf, grid, ages))
            }
            Self::MassMetallicity { relation, scatter } => {
                let mdf = LognormalMdfParams {
                    lgmet: mass_metallicity(relation, lg_mass_formed, t_obs_gyr),
                    lgmet_scatter: scatter.lgmet_scatter.clone(),
                };
                MetallicityWeights::Common(lognormal_weights(&mdf, grid))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Place, Precision};
    use crate::numerics::jacobian::jacobian;
    use crate::parameters::ParameterSet;
    use crate::testing::{
        assert_close, assert_f32_jacobian, assert_jacobian, corner_rows, for_each_f64_place,
        for_each_place, places, values,
    };

    const N_MET: usize = 6;
    const N_AGE: usize = 5;
    /// Mass formed (log10 Msun) and time of observation (Gyr), columns after those of the model.
    const SEEN: [f64; 2] = [10.3, 6.1];

    fn grid() -> MetallicityGrid {
        MetallicityGrid::new(vec![-3.7, -3.1, -2.4, -2.1, -1.8, -1.3]).unwrap()
    }

    fn ages() -> AgeGrid {
        AgeGrid::new(vec![-3.5, -2.0, -1.0, 0.1, 1.0]).unwrap()
    }

    /// Weights of each age, `[n_gal, n_met * n_age]`, for the parameters of a model followed by
    /// mass formed and time.
    fn weigh(model: MetallicityModel, matrix: &Tensor<2>) -> Tensor<2> {
        let mut columns =
            (0..matrix.dims()[1]).map(|j| matrix.clone().narrow(1, j, 1).squeeze_dim(1));
        let params = model.take(&mut columns);
        let (lg_mass_formed, t_obs): (Tensor<1>, Tensor<1>) =
            (columns.next().unwrap(), columns.next().unwrap());
        let n_gal = t_obs.dims()[0];
        match params.weights(&lg_mass_formed, &t_obs, &grid(), &ages()) {
            MetallicityWeights::Common(w) => w.unsqueeze_dim::<3>(2).repeat_dim(2, N_AGE),
            MetallicityWeights::PerAge(w) => w,
        }
        .reshape([n_gal, N_MET * N_AGE])
    }

    /// Default values, then mass and time.
    fn row(model: MetallicityModel) -> Vec<f64> {
        model.info().iter().map(|p| p.default).chain(SEEN).collect()
    }

    /// The corners of a model's box, then mass and time.
    fn corners(model: MetallicityModel) -> Vec<Vec<f64>> {
        let corners = corner_rows(&model.info(), 1 << model.info().len());
        corners.into_iter().map(|row| [&row[..], &SEEN].concat()).collect()
    }

    /// Default values and others, then mass and time. Broad, so that no bin lies at the rim of the
    /// kernel, where derivatives vanish.
    fn broad(model: MetallicityModel) -> [Vec<f64>; 2] {
        let mut broad = row(model);
        broad[model.info().len() - 1] = 0.8;
        let moved = broad.iter().map(|v| 1.05 * v).collect();
        [broad, moved]
    }

    #[test]
    fn every_age_has_a_distribution_everywhere_in_the_box() {
        for_each_place(|place| {
            for &model in MetallicityModel::ALL {
                let rows = corners(model);
                let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
                for weights in values(weigh(model, &place.rows(&rows))).chunks(N_MET * N_AGE) {
                    assert!(weights.iter().all(|w| (-1e-6..=1.0 + 1e-6).contains(w)));
                    for age in 0..N_AGE {
                        let sum: f64 = weights.iter().skip(age).step_by(N_AGE).sum();
                        assert!((sum - 1.0).abs() < place.tolerance(1e-12, 1e-5), "{sum}");
                    }
                }
                let few: Vec<&[f64]> = rows.iter().step_by(5).copied().collect();
                let j = jacobian(&place.rows(&few), |p| Ok(weigh(model, &p)));
                assert!(values(j.unwrap().jacobian).iter().all(|v| v.is_finite()), "{model}");
            }
        });
    }

    #[test]
    fn equal_medians_are_one_lognormal() {
        for_each_f64_place(|place| {
            let split = place.row(&[-2.2, -2.2, 0.3, SEEN[0], SEEN[1]]);
            let one = place.row(&[-2.2, 0.3, SEEN[0], SEEN[1]]);
            assert_close(
                &values(weigh(MetallicityModel::AgeDependent, &split)),
                &values(weigh(MetallicityModel::Lognormal, &one)),
                1e-12,
                1e-14,
            );
        });
    }

    #[test]
    fn the_relation_sets_the_median() {
        for_each_f64_place(|place| {
            let relation = MassMetallicityParams::defaults(1, place);
            let [mass, t] = SEEN.map(|v| place.vector(&[v]));
            let median = values(mass_metallicity(&relation, &mass, &t))[0];
            let one = place.row(&[median, 0.2, SEEN[0], SEEN[1]]);
            let related = place.row(&row(MetallicityModel::MassMetallicity));
            assert_close(
                &values(weigh(MetallicityModel::MassMetallicity, &related)),
                &values(weigh(MetallicityModel::Lognormal, &one)),
                1e-12,
                1e-14,
            );
        });
    }

    #[test]
    fn gradients_of_every_parameter_and_of_mass_and_time() {
        for_each_f64_place(|place| {
            for &model in MetallicityModel::ALL {
                let [broad, moved] = broad(model);
                assert_jacobian(&[&broad, &moved], 1e-7, place, |p| weigh(model, &p));
            }
        });
        for &model in MetallicityModel::ALL {
            let ([broad, moved], default) = (broad(model), row(model));
            assert_f32_jacobian(&[&broad, &moved, &default], 1e-3, |p| weigh(model, &p));
        }
    }

    #[test]
    fn single_precision_agrees_with_double() {
        for_each_f64_place(|place| {
            for &model in MetallicityModel::ALL {
                let at = |place: &Place| values(weigh(model, &place.row(&row(model))));
                for single in places(Precision::F32) {
                    assert_close(&at(&single), &at(place), 1e-4, 1e-6);
                }
            }
        });
    }
}
