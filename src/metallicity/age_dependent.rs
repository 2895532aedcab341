//! A metallicity that passes smoothly from young to old stars (Hearin et al. 2023, MNRAS 521, 1741,
//! section 3.2.2).

use burn::tensor::Tensor;

use super::MetallicityGrid;
use super::lognormal::weights_per_age;
use crate::numerics::age_transition::young_to_old;
use crate::parameter_set;
use crate::parameters::Bound;
use crate::sfh::AgeGrid;

parameter_set! {
    /// Parameters of a lognormal metallicity distribution whose median depends on stellar age.
    pub struct AgeDependentMdfParams {
        /// Median metallicity of the youngest stars, log10 of the absolute mass fraction of metals.
        lgmet_young: "log10 Z", -2.0, Bound::square(-10.0, 0.0);
        /// Median metallicity of the oldest stars.
        lgmet_old: "log10 Z", -2.0, Bound::square(-10.0, 0.0);
        /// Standard deviation of the log metallicity at every age.
        lgmet_scatter: "dex", 0.2, Bound::square(0.01, 2.0);
    }
}

/// Weights over metallicity for each stellar age, `[n_gal, n_met, n_age]`, summing to one at each
/// age; the median follows [`young_to_old`].
pub fn age_dependent_weights(
    params: &AgeDependentMdfParams,
    grid: &MetallicityGrid,
    ages: &AgeGrid,
) -> Tensor<3> {
    let lgmet = young_to_old(&params.lgmet_young, &params.lgmet_old, &ages.lg_age_yr());
    weights_per_age(lgmet, &params.lgmet_scatter, grid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metallicity::{LognormalMdfParams, lognormal_weights};
    use crate::parameters::ParameterSet;
    use crate::testing::{assert_close, for_each_place, values};

    fn grid() -> MetallicityGrid {
        MetallicityGrid::new(vec![-3.7, -3.1, -2.4, -2.1, -1.8, -1.3]).unwrap()
    }

    #[test]
    fn each_age_is_the_lognormal_of_its_median() {
        let ages = AgeGrid::new(vec![-3.5, -1.5, -1.0, 0.5]).unwrap();
        for_each_place(|place| {
            let params =
                AgeDependentMdfParams::from_matrix(&place.rows(&[&[-1.6, -2.9, 0.3]])).unwrap();
            let w = age_dependent_weights(&params, &grid(), &ages);
            let medians =
                values(young_to_old(&params.lgmet_young, &params.lgmet_old, &ages.lg_age_yr()));
            for (i, lgmet) in medians.iter().enumerate() {
                let one = LognormalMdfParams::from_matrix(&place.row(&[*lgmet, 0.3])).unwrap();
                let got = values(w.clone().narrow(2, i, 1));
                let want = values(lognormal_weights(&one, &grid()));
                assert_close(&got, &want, place.tolerance(1e-12, 1e-5), place.tolerance(0.0, 1e-6));
            }
        });
    }

    #[test]
    fn young_stars_do_not_feel_the_metallicity_of_the_old() {
        let ages = AgeGrid::new(vec![-4.5, -1.0, 1.0]).unwrap();
        for_each_place(|place| {
            let j = crate::numerics::jacobian::jacobian(&place.row(&[-2.3, -1.9, 0.3]), |p| {
                let params = AgeDependentMdfParams::from_matrix(&p)?;
                let w = age_dependent_weights(&params, &grid(), &ages);
                Ok(w.narrow(1, 3, 1).reshape([1, 3]))
            })
            .unwrap();
            // Rows: ages; columns: young, old, scatter.
            let slope = values(j.jacobian);
            assert!(slope[0].abs() > 0.1 && slope[1].abs() < 1e-6, "{slope:?}");
            assert!(slope[3] != 0.0 && slope[4] != 0.0, "{slope:?}");
        });
    }
}
