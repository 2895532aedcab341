//! Histories given as a shape in cosmic time, scaled to the mass they have formed by a time.

use std::f64::consts::LN_10;

use burn::tensor::Tensor;

use super::{AgeWeightMethod, SfhContext, SfhTable, lg_mass_formed_at};
use crate::Result;
use crate::device::Place;
use crate::numerics::{column, log10};

/// The smallest rate that a history has anywhere, as the natural logarithm in units of its largest
/// rate up to the reference time: 1e-8. Of no consequence for the light, and mostly larger than the
/// floor of tables, which does not scale with the mass.
const LN_RATE_MIN: f64 = -8.0 * LN_10;

/// The largest rate after the reference time in that unit, 1e4: more than any galaxy grows, and f32
/// holds the masses that follow.
const LN_RATE_MAX: f64 = 4.0 * LN_10;

/// Star formation rates \[Msun/yr\] at times `t_gyr` (`[n_gal or 1, n_t]`), `[n_gal, n_t]`, of a
/// history that is proportional to `exp(ln_shape(t))`.
///
/// The factor is such that the method of the context, the same that later gives masses and ages, finds
/// `10^lg_mass_formed` (`[n_gal]`) formed by the reference time. With a table, reference times beyond
/// its ends count as its ends. Rates are kept between 1e-8 and 1e4 of the
/// largest rate up to the reference time.
pub(super) fn scaled_to_mass(
    ln_shape: impl Fn(Tensor<2>) -> Tensor<2>,
    lg_mass_formed: &Tensor<1>,
    context: &SfhContext,
    t_gyr: Tensor<2>,
) -> Result<Tensor<2>> {
    if context.method == AgeWeightMethod::Nodes {
        return Ok(scaled_to_node_mass(ln_shape, lg_mass_formed, context, t_gyr));
    }
    let times = context.times;
    let t_table = Place::of(lg_mass_formed).row(times.t_gyr());
    let t_mass = context.t_mass_gyr();
    // Its gradient keeps the bounds of the rates, which are in this unit, from standing still.
    let largest = {
        let shape = [t_mass.dims()[0], times.t_gyr().len()];
        let past = t_table.clone().expand(shape).min_pair(column(&t_mass).expand(shape));
        ln_shape(past).max_dim(1)
    };
    let ln_rate = |t| (ln_shape(t) - largest.clone()).clamp(LN_RATE_MIN, LN_RATE_MAX);

    let ln_table = ln_rate(t_table);
    let corrected = |lg_scale: Tensor<2>| -> Result<Tensor<2>> {
        let rates = scaled(ln_table.clone(), lg_scale.clone());
        let table = SfhTable::new(times.clone(), rates)?;
        let lg_mass = column(&lg_mass_formed_at(&table, &t_mass));
        Ok(column(lg_mass_formed) - lg_mass + lg_scale)
    };
    // Mass is not quite proportional to the scale, because the floor of tables does not scale.
    // The first step comes close to the right scale, the second is taken from there.
    let lg_mean_rate = column(lg_mass_formed) - log10(column(&t_mass)) - 9.0;
    let close = corrected(lg_mean_rate)?.without_autodiff();
    Ok(scaled(ln_rate(t_gyr), corrected(close)?))
}

/// The same for masses from [nodes](super::LookbackNodes), in proportion to which they are.
fn scaled_to_node_mass(
    ln_shape: impl Fn(Tensor<2>) -> Tensor<2>,
    lg_mass_formed: &Tensor<1>,
    context: &SfhContext,
    t_gyr: Tensor<2>,
) -> Tensor<2> {
    let t_mass = context.t_mass_gyr();
    let at_nodes = ln_shape(context.nodes.t_gyr(&t_mass));
    let largest = at_nodes.clone().max_dim(1);
    let bounded = |ln_rate: Tensor<2>| (ln_rate - largest.clone()).clamp(LN_RATE_MIN, LN_RATE_MAX);
    let lg_mass = context.nodes.lg_mass_formed(bounded(at_nodes).exp(), &t_mass);
    let lg_scale = lg_mass_formed.clone() - lg_mass;
    scaled(bounded(ln_shape(t_gyr)), column(&lg_scale))
}

/// Rates from their natural logarithms (`[n_gal, n]`) and log10 of their unit (`[n_gal, 1]`).
fn scaled(ln_rate: Tensor<2>, lg_scale: Tensor<2>) -> Tensor<2> {
    (ln_rate + lg_scale * LN_10).exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Place;
    use crate::numerics::jacobian::jacobian;
    use crate::sfh::{AgeDistribution, AgeGrid, LookbackNodes, SfhModel, SfhParams, TimeTable};
    use crate::testing::{assert_close, assert_f32_jacobian, for_each_place, values};

    const T_REF: f64 = 2.9;

    fn delayed_tau(p: &Tensor<2>) -> SfhParams {
        SfhModel::DelayedTau
            .take(&mut (0..3).map(|j| p.clone().narrow(1, j, 1).squeeze_dim::<1>(1)))
    }

    /// Rates at the times, and P(age) seen at `t_obs`, of delayed exponentials on a hundred times.
    fn seen(p: &Tensor<2>, t_gyr: &[f64], t_ref: f64, t_obs: f64) -> (Tensor<2>, AgeDistribution) {
        let place = Place::of(p);
        let n = p.dims()[0];
        let times = TimeTable::uniform(0.1, 13.8, 100).unwrap();
        let t_ref = place.vector(&vec![t_ref; n]);
        let context = SfhContext {
            t_ref_gyr: &t_ref,
            method: AgeWeightMethod::Safe,
            times: &times,
            nodes: &LookbackNodes::default(),
            lgt0: 0.0,
            fb: 0.0,
        };
        let sfh = delayed_tau(p);
        let sfr = sfh.sfr_msun_yr(&context, place.row(t_gyr)).unwrap();
        let t_obs = place.vector(&vec![t_obs; n]);
        let ages = sfh.age_distribution(&context, &t_obs, &ages());
        (sfr, ages.unwrap())
    }

    fn ages() -> AgeGrid {
        AgeGrid::new((0..47).map(|i| -3.5 + 0.1 * f64::from(i)).collect()).unwrap()
    }

    /// Before, in and after the interval of the table that holds the reference time, 2.87 to 3.01 Gyr.
    fn not_begun() -> Vec<[f64; 3]> {
        [2.9, 2.95, 3.0, 3.0061, 3.3, 13.0].map(|t_start| [10.0, t_start, 1.0]).to_vec()
    }

    fn rows(rows: &[[f64; 3]]) -> Vec<&[f64]> {
        rows.iter().map(|row| &row[..]).collect()
    }

    #[test]
    fn a_history_that_has_not_begun_is_constant() {
        for_each_place(|place| {
            let p = place.rows(&rows(&not_begun()));
            // The first 0.1 Gyr count half: the table rises from zero.
            let constant = 10.0 / (T_REF - 0.1 + 0.0495);
            for t_obs in [T_REF, 5.0] {
                let (sfr, stars) = seen(&p, &[0.5, T_REF, 3.2, 10.0], T_REF, t_obs);
                assert_close(&values(sfr), &[constant; 24], 1e-3, 0.0);
                let lg_mass = (constant * (t_obs - 0.0505) * 1e9).log10();
                assert_close(&values(stars.lg_mass_formed), &[lg_mass; 6], 1e-4, 0.0);
                let grid = ages();
                let (edges, weights) = (grid.edges_gyr(), values(stars.weights));
                for weights in weights.chunks(47) {
                    let mut younger = 0.0;
                    for (weight, edge) in weights.iter().zip(&edges[1..]) {
                        younger += weight;
                        let want = (edge - edges[0]) / (t_obs - 0.1 - edges[0]);
                        assert_close(&[younger], &[want.min(1.0)], 5e-3, 0.0);
                    }
                }
            }
        });
    }

    #[test]
    fn the_shape_of_a_history_that_has_not_begun_has_no_gradient() {
        for_each_place(|place| {
            let j = jacobian(&place.rows(&rows(&not_begun())), |p| {
                let (sfr, stars) = seen(&p, &[T_REF], T_REF, 5.0);
                Ok(Tensor::cat(vec![log10(sfr), column(&stars.lg_mass_formed)], 1))
            })
            .unwrap();
            for slope in values(j.jacobian).chunks(3) {
                assert_close(slope, &[1.0, 0.0, 0.0], place.tolerance(1e-9, 1e-5), 0.0);
            }
        });
    }

    #[test]
    fn the_reference_time_ends_with_the_table() {
        for_each_place(|place| {
            // Begun after the last time of the table, before the reference time.
            let p = place.rows(&[&[10.0, 13.85, 1.0], &[10.0, 1.0, 2.0]]);
            let (sfr, stars) = seen(&p, &[5.0, 13.9], 13.9, 13.9);
            assert_close(&values(stars.lg_mass_formed), &[10.0; 2], 1e-6, 0.0);
            assert_close(&values(sfr)[..2], &[10.0 / (13.8 - 0.0505); 2], 1e-3, 0.0);
        });
    }

    #[test]
    fn masses_and_rates_follow_the_closed_form_beyond_the_reference_time() {
        for_each_place(|place| {
            let p = place.rows(&[&[10.0, 1.0, 3.0], &[13.9, 2.0, 25.0]]);
            let (sfr, stars) = seen(&p, &[T_REF, 9.0], T_REF, 9.0);
            let (sfr, lg_mass) = (values(sfr), values(stars.lg_mass_formed));
            for (g, (lg, t_start, tau)) in [(10.0, 1.0, 3.0), (13.9, 2.0, 25.0)].iter().enumerate()
            {
                let x = |t: f64| (t - t_start) / tau;
                let formed = |t: f64| 1.0 - (1.0 + x(t)) * (-x(t)).exp();
                let rate = |t: f64| {
                    let unit = 10f64.powf(lg - 9.0) / formed(T_REF) / tau;
                    unit * x(t) * (-x(t)).exp()
                };
                let want = [rate(T_REF), rate(9.0)];
                // The table resolves the beginning of the history to a few per cent.
                assert_close(&sfr[2 * g..][..2], &want, 0.05, 0.0);
                assert_close(
                    &lg_mass[g..=g],
                    &[lg + (formed(9.0) / formed(T_REF)).log10()],
                    2e-3,
                    0.0,
                );
            }
        });
    }

    #[test]
    fn single_precision_keeps_the_gradients_after_the_reference_time() {
        // The last row grows as fast as rates may.
        let all = [[10.0, 1.0, 3.0], [14.0, 2.0, 25.0], [14.0, 2.8, 0.4], [14.0, 2.899, 30.0]];
        for t_obs in [T_REF, 3.05, 9.0] {
            assert_f32_jacobian(&rows(&all), 5e-3, |p| {
                let (sfr, stars) = seen(&p, &[T_REF, 9.0], T_REF, t_obs);
                let mean = (stars.weights * Place::of(&p).row(ages().lg_age_gyr())).sum_dim(1);
                Tensor::cat(vec![log10(sfr), mean, column(&stars.lg_mass_formed)], 1)
            });
        }
    }
}
