//! Recent starbursts added to a smooth history (the diffburst model of DSPS).

use burn::tensor::Tensor;

use super::AgeGrid;
use crate::device::Place;
use crate::numerics::triweight::triweight_pdf;
use crate::numerics::{column, pow10};
use crate::parameter_set;
use crate::parameters::{Bound, Centre, Edge};

parameter_set! {
    /// Parameters of a burst.
    pub struct BurstParams {
        /// log10 of the fraction of all stellar mass that formed in the burst.
        lgfburst: "dex", -3.0, Bound {
            lo: Edge::At(-8.0), hi: Edge::At(-1.0), centre: Centre::At(-2.0), k: 0.1,
        };
        /// log10 of the most common age of burst stars.
        lgyr_peak: "log10 yr", 5.5, Bound::square(5.0, 8.0);
        /// log10 of the oldest age of burst stars.
        lgyr_max: "log10 yr", 7.0, Bound {
            lo: Edge::Param("lgyr_peak", 1.0), hi: Edge::At(9.0), centre: Centre::Middle, k: 0.1,
        };
    }
}

/// P(age) of the burst alone, `[n_gal, n_age]`: a triweight in log age that ends at `lgyr_max`,
/// sampled at the ages of the grid and normalised to sum to one.
///
/// It is sampled, not integrated over the bins, as the original does. A burst that misses every
/// age of the grid has no weight at all.
pub fn burst_weights(burst: &BurstParams, ages: &AgeGrid) -> Tensor<2> {
    let lg_age = Place::of(&burst.lgfburst).row(&ages.lg_age_yr());
    let width = (burst.lgyr_max.clone() - burst.lgyr_peak.clone()) / 3.0;
    let density = triweight_pdf(lg_age, column(&burst.lgyr_peak), column(&width));
    let sum = density.clone().sum_dim(1);
    let missed = sum.clone().lower_equal_elem(0.0);
    density / sum.mask_fill(missed, 1.0)
}

/// Share of the mass in a burst with the given [`burst_weights`], `[n_gal, 1]`: `10^lgfburst`, but
/// nothing where the burst misses every age of the grid, so that shares of all mass stay such.
pub fn burst_fraction(burst: &BurstParams, weights: &Tensor<2>) -> Tensor<2> {
    let missed = weights.clone().sum_dim(1).lower_equal_elem(0.0);
    pow10(column(&burst.lgfburst)).mask_fill(missed, 0.0)
}

/// P(age) of a smooth history and a burst: `f w_burst + (1 - f) w_smooth`, with `f` from
/// [`burst_fraction`].
pub fn add_burst(smooth: Tensor<2>, burst: &BurstParams, ages: &AgeGrid) -> Tensor<2> {
    let weights = burst_weights(burst, ages);
    let fraction = burst_fraction(burst, &weights);
    weights * fraction.clone() + smooth * (fraction.neg() + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::ParameterSet;
    use crate::testing::{
        assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    fn ages() -> AgeGrid {
        AgeGrid::new((0..94).map(|i| -3.5 + 0.05 * f64::from(i)).collect()).unwrap()
    }

    #[test]
    fn reference_values() {
        for_each_f64_place(|place| {
            let w = values(burst_weights(&BurstParams::defaults(1, place), &ages()));
            let got: Vec<f64> = [0, 5, 10, 20, 29].iter().map(|i| w[*i]).collect();
            let want = [
                0.0703517465781546,
                0.0646504444131169,
                0.0494102801756039,
                0.0120630566834972,
                1.98199881488055e-05,
            ];
            assert_close(&got, &want, 1e-9, 0.0);
            // The original's last value is the rounding residue of a triple zero.
            assert!(w[30].abs() < 1e-30);

            let u = place.rows(&[&[-1.0, 3.0, 4.0]]);
            let p = values(BurstParams::from_unbounded(&u).unwrap().to_matrix());
            assert_close(&p, &[-4.32514568764742, 6.24014726324801, 7.94132695706612], 1e-12, 0.0);
        });
    }

    #[test]
    fn unbounded_defaults() {
        for_each_f64_place(|place| {
            let u = values(BurstParams::defaults(1, place).to_unbounded());
            let want = [7.162907318741553, -9.594379124341003, -6.112943611198906];
            assert_close(&u, &want, 1e-11, 0.0);
        });
    }

    #[test]
    fn weights_sum_to_one() {
        for_each_place(|place| {
            let smooth = place.row(&[1.0 / 94.0; 94]);
            let w = values(add_burst(smooth, &BurstParams::defaults(1, place), &ages()));
            assert!((w.iter().sum::<f64>() - 1.0).abs() < 1e-6 && w.iter().all(|w| *w >= 0.0));
        });
    }

    #[test]
    fn a_burst_that_misses_every_age_changes_nothing() {
        let old = AgeGrid::new((0..58).map(|i| -1.5 + 0.05 * f64::from(i)).collect()).unwrap();
        for_each_place(|place| {
            let smooth = place.row(&[1.0 / 58.0; 58]);
            let weigh = |row: Tensor<2>| {
                add_burst(smooth.clone(), &BurstParams::from_matrix(&row).unwrap(), &old)
            };
            let row = place.row(&[-1.0, 5.5, 7.0]);
            assert_eq!(values(weigh(row.clone())), values(smooth.clone()));
            let slopes = crate::numerics::jacobian::jacobian(&row, |row| Ok(weigh(row))).unwrap();
            assert!(values(slopes.jacobian).iter().all(|slope| *slope == 0.0));
        });
    }

    #[test]
    fn gradients_of_every_parameter() {
        for_each_f64_place(|place| {
            assert_jacobian(&[&[-3.0, 5.5, 7.0], &[-1.2, 6.4, 8.1]], 1e-6, place, |p| {
                let burst = BurstParams::from_matrix(&p).unwrap();
                add_burst(place.row(&[1.0 / 94.0; 94]), &burst, &ages()) * 1e3
            });
        });
    }
}
