//! The smooth transition from young to old stars that age-dependent dust and metallicity share
//! (Hearin et al. 2023, MNRAS 521, 1741; sections 3.2.2 and 3.4.1 of the text of 2021,
//! arXiv:2112.06830).

use burn::tensor::Tensor;

use super::column;
use super::triweight::triweight_cdf;
use crate::device::Place;

/// log10 of the age \[yr\] halfway between young and old.
const LG_AGE_MIDDLE_YR: f64 = 8.0;

/// A quantity of stars of each age, `young + (old - young) T_erf(lg age_yr - 8)`,
/// `[n_gal, n_age]`.
///
/// `young` and `old` are `[n_gal]`; stars younger than 0.1 Myr have the first value, stars older
/// than 100 Gyr would have the second.
pub fn young_to_old(young: &Tensor<1>, old: &Tensor<1>, lg_age_yr: &[f64]) -> Tensor<2> {
    let since: Vec<f64> = lg_age_yr.iter().map(|a| a - LG_AGE_MIDDLE_YR).collect();
    let share_old = triweight_cdf(Place::of(young).row(&since));
    column(young) + (column(old) - column(young)) * share_old
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    #[test]
    fn reference_values() {
        let lg_age_yr = [5.5, 7.5, 8.0, 8.5, 9.5];
        let want = [-0.10123587, -0.39041934, -0.55, -0.70958066, -0.93649902];
        for_each_f64_place(|place| {
            let got = young_to_old(&place.vector(&[-0.1]), &place.vector(&[-1.0]), &lg_age_yr);
            assert_close(&values(got), &want, 0.0, 5.1e-9);
        });
    }

    #[test]
    fn ends_are_the_two_values_and_the_way_between_is_monotonic() {
        for_each_place(|place| {
            let (young, old) = (place.vector(&[2.0, -1.0]), place.vector(&[0.5, 3.0]));
            let lg_age_yr: Vec<f64> = (0..40).map(|i| 4.0 + 0.2 * f64::from(i)).collect();
            let x = values(young_to_old(&young, &old, &lg_age_yr));
            assert_close(&[x[0], x[39], x[40], x[79]], &[2.0, 0.5, -1.0, 3.0], 1e-6, 0.0);
            assert!(x[..40].windows(2).all(|w| w[1] <= w[0]));
            assert!(x[40..].windows(2).all(|w| w[1] >= w[0]));
        });
    }

    #[test]
    fn gradients_of_both_values() {
        for_each_f64_place(|place| {
            assert_jacobian(&[&[-0.1, -1.0], &[0.3, 0.3]], 1e-7, place, |p| {
                let one = |j| p.clone().narrow(1, j, 1).squeeze_dim(1);
                young_to_old(&one(0), &one(1), &[4.9, 6.0, 8.0, 9.7, 11.0])
            });
        });
    }
}
