//! Piecewise-constant histories in bins of look-back time, parameterized by the ratios of the rates
//! in neighbouring bins (Leja et al. 2019, ApJ 876, 3; the "continuity" history of Prospector).

use burn::tensor::Tensor;

use super::age_weights::normalised;
use super::{AgeDistribution, AgeGrid, T_BIRTH_MIN_GYR};
use crate::device::Place;
use crate::numerics::{column, log10, pow10};
use crate::parameter_set;
use crate::parameters::Bound;

const N_BINS: usize = 7;

parameter_set! {
    /// Parameters of a piecewise-constant history.
    pub struct PiecewiseParams {
        /// log10 of the stellar mass formed by the reference time.
        lg_mass_formed: "log10 Msun", 10.0, Bound::square(4.0, 14.0);
        /// log10 of the ratio of the rates in the first (youngest) and the second bin.
        lg_sfr_ratio_1: "dex", 0.0, Bound::square(-5.0, 5.0);
        /// The same of the second and the third bin.
        lg_sfr_ratio_2: "dex", 0.0, Bound::square(-5.0, 5.0);
        /// The same of the third and the fourth bin.
        lg_sfr_ratio_3: "dex", 0.0, Bound::square(-5.0, 5.0);
        /// The same of the fourth and the fifth bin.
        lg_sfr_ratio_4: "dex", 0.0, Bound::square(-5.0, 5.0);
        /// The same of the fifth and the sixth bin.
        lg_sfr_ratio_5: "dex", 0.0, Bound::square(-5.0, 5.0);
        /// The same of the sixth and the seventh (oldest) bin.
        lg_sfr_ratio_6: "dex", 0.0, Bound::square(-5.0, 5.0);
    }
}

impl PiecewiseParams {
    /// log10 of the rates in units of that in the youngest bin, `[n_gal, 7]`.
    fn lg_relative_rates(&self) -> Tensor<2> {
        let ratios = Tensor::stack(
            vec![
                self.lg_sfr_ratio_1.clone(),
                self.lg_sfr_ratio_2.clone(),
                self.lg_sfr_ratio_3.clone(),
                self.lg_sfr_ratio_4.clone(),
                self.lg_sfr_ratio_5.clone(),
                self.lg_sfr_ratio_6.clone(),
            ],
            1,
        );
        let older: Tensor<2> = ratios.cumsum(1).neg();
        Tensor::cat(vec![older.clone().narrow(1, 0, 1).zeros_like(), older], 1)
    }
}

/// Edges of the seven bins as look-back times from the reference time \[Gyr\], `[n_gal, 8]`.
///
/// 0, 30 Myr, 100 Myr, four logarithmically equal bins up to 85 per cent of the reference time, and
/// the reference time itself. Before 0.2 Gyr the second and third edge are 15 and 50 per cent of it.
/// Reference times before [`T_BIRTH_MIN_GYR`] count as it.
pub fn piecewise_edges_gyr(t_ref_gyr: &Tensor<1>) -> Tensor<2> {
    let t_ref = column(t_ref_gyr).clamp_min(T_BIRTH_MIN_GYR);
    let second = (t_ref.clone() * 0.15).clamp_max(0.03);
    let third = (t_ref.clone() * 0.5).clamp_max(0.1);
    let next_to_last = t_ref.clone() * 0.85;
    let quarters = Place::of(&t_ref).row(&[0.25, 0.5, 0.75]);
    let range = (next_to_last.clone() / third.clone()).log();
    let between = third.clone() * (range * quarters).exp();
    let first = t_ref.zeros_like();
    Tensor::cat(vec![first, second, third, between, next_to_last, t_ref], 1)
}

/// Star formation rates \[Msun/yr\] at times `t_gyr` (`[n_gal or 1, n_t]`), `[n_gal, n_t]`: steps in
/// time, without a gradient with respect to it; zero before the Big Bang and after the reference
/// time `t_ref_gyr` (`[n_gal]`).
pub fn piecewise_sfr(
    params: &PiecewiseParams,
    t_ref_gyr: &Tensor<1>,
    t_gyr: Tensor<2>,
) -> Tensor<2> {
    let edges = piecewise_edges_gyr(t_ref_gyr);
    let lg_rates = params.lg_relative_rates();
    let lg_youngest = column(&params.lg_mass_formed) - 9.0 - lg_sum(&lg_rates, widths(&edges));
    let rates = pow10(lg_rates + lg_youngest);
    let none = rates.clone().narrow(1, 0, 1).zeros_like();
    let rates = Tensor::cat(vec![rates, none], 1);

    let lookback = (column(t_ref_gyr) - t_gyr).without_autodiff();
    let shape = lookback.dims();
    let mut sfr = lookback.zeros_like();
    for bin in 0..=N_BINS {
        let begun = lookback.clone().greater_equal(edges.clone().narrow(1, bin, 1).expand(shape));
        sfr = sfr.mask_where(begun, rates.clone().narrow(1, bin, 1).expand(shape));
    }
    sfr
}

/// Distribution of stellar ages of galaxies observed at `t_obs_gyr` (`[n_gal]`), exactly: the
/// overlap of each bin of ages with each bin of the history.
///
/// Seen before the reference time, the stars that have yet to form are missing; seen after it, none
/// are younger than the difference. As in [`age_weights`](super::age_weights()), stars outside the age
/// grid count in the mass but in no bin.
pub fn piecewise_age_distribution(
    params: &PiecewiseParams,
    t_ref_gyr: &Tensor<1>,
    t_obs_gyr: &Tensor<1>,
    ages: &AgeGrid,
) -> AgeDistribution {
    let lookback = piecewise_edges_gyr(t_ref_gyr);
    let edges = lookback.clone() - column(&(t_ref_gyr.clone() - t_obs_gyr.clone()));
    let lg_rates = params.lg_relative_rates();
    let lg_share = lg_sum(&lg_rates, widths(&edges.clone().clamp_min(0.0)))
        - lg_sum(&lg_rates, widths(&lookback));
    AgeDistribution {
        weights: normalised(mass_per_bin(&lg_rates, edges, ages)),
        lg_mass_formed: params.lg_mass_formed.clone() + lg_share.squeeze_dim(1),
    }
}

/// Mass per bin of ages in a unit of each galaxy's own, `[n_gal, n_age]`, for a history whose bins
/// have the given edges in age (`[n_gal, 8]`).
fn mass_per_bin(lg_rates: &Tensor<2>, edges: Tensor<2>, ages: &AgeGrid) -> Tensor<2> {
    let age_edges = ages.edges_gyr();
    let n = age_edges.len() - 1;
    let shape = [edges.dims()[0], n + 1, N_BINS];
    let in_grid = widths(&edges.clone().clamp(age_edges[0], age_edges[n]));
    let rates = pow10((lg_rates.clone() - lg_unit(lg_rates, in_grid)).clamp_max(LG_MAX));

    let age: Tensor<3> = Place::of(&edges).row(age_edges).unsqueeze_dim(2);
    let end = |from: usize| -> Tensor<3> {
        edges.clone().narrow(1, from, N_BINS).unsqueeze_dim::<3>(1).expand(shape)
    };
    let inside = age.expand(shape).max_pair(end(0)).min_pair(end(1));
    let overlap = inside.clone().narrow(1, 1, n) - inside.narrow(1, 0, n);
    (overlap * rates.unsqueeze_dim(1)).sum_dim(2).squeeze_dim(2)
}

fn widths(edges: &Tensor<2>) -> Tensor<2> {
    edges.clone().narrow(1, 1, N_BINS) - edges.clone().narrow(1, 0, N_BINS)
}

/// Stands for a width \[Gyr\] of zero where its logarithm is needed: far below any that counts, and
/// with a reciprocal that f32 holds.
const WIDTH_MIN: f64 = 1e-37;

/// Rates in bins that do not count may be larger than the unit by this many dex.
const LG_MAX: f64 = 30.0;

/// Sums of the terms below are of order one; this keeps the logarithm of an empty one finite.
const SUM_MIN: f64 = 1e-30;

/// log10 of a unit in which the largest product of rate and width is of order one, `[n_gal, 1]`,
/// without a gradient: rates may differ by 30 dex, which f32 holds in such a unit only.
fn lg_unit(lg_rates: &Tensor<2>, widths: Tensor<2>) -> Tensor<2> {
    (lg_rates.clone() + log10(widths.clamp_min(WIDTH_MIN))).without_autodiff().max_dim(1)
}

/// log10 of the sum of rates times widths, `[n_gal, 1]`.
fn lg_sum(lg_rates: &Tensor<2>, widths: Tensor<2>) -> Tensor<2> {
    let unit = lg_unit(lg_rates, widths.clone());
    let rates = pow10((lg_rates.clone() - unit.clone()).clamp_max(LG_MAX));
    unit + log10((rates * widths).sum_dim(1).clamp_min(SUM_MIN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::ParameterSet;
    use crate::testing::{
        assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    fn ages() -> AgeGrid {
        AgeGrid::new((0..107).map(|i| -4.0 + 0.05 * f64::from(i)).collect()).unwrap()
    }

    const UNEVEN: [f64; 7] = [10.4, 1.0, -0.7, 0.3, -0.2, 0.8, -1.1];

    /// Edges and rates of one galaxy with a mass of one, on the host.
    fn reference(row: &[f64], t_ref: f64) -> (Vec<f64>, Vec<f64>) {
        let (second, third) = (0.03f64.min(0.15 * t_ref), 0.1f64.min(0.5 * t_ref));
        let mut edges = vec![0.0, second, third];
        for k in 1..=4 {
            edges.push(third * (0.85 * t_ref / third).powf(f64::from(k) / 4.0));
        }
        edges.push(t_ref);
        let mut rates = vec![1.0];
        for ratio in &row[1..] {
            rates.push(rates[rates.len() - 1] / 10f64.powf(*ratio));
        }
        let mass: f64 = rates.iter().zip(edges.windows(2)).map(|(r, e)| r * (e[1] - e[0])).sum();
        (edges, rates.iter().map(|r| r / mass).collect())
    }

    #[test]
    fn edges_ascend_however_early() {
        for_each_place(|place| {
            let t_ref = [-2.0, 0.0, 1e-4, 0.01, 0.1, 0.199, 0.201, 3.0, 13.8];
            let edges = values(piecewise_edges_gyr(&place.vector(&t_ref)));
            for (edges, t_ref) in edges.chunks(8).zip(t_ref) {
                assert!(edges.windows(2).all(|e| e[1] > e[0]), "{edges:?}");
                assert_close(edges, &reference(&UNEVEN, t_ref.max(0.001)).0, 1e-6, 0.0);
            }
        });
    }

    #[test]
    fn before_the_first_stars_everything_is_finite() {
        for_each_place(|place| {
            let params = place.rows(&[&UNEVEN[..]; 3]);
            let t_ref = place.vector(&[-1.0, 0.0, 1e-4]);
            let j = crate::numerics::jacobian::jacobian(&params, |p| {
                let params = PiecewiseParams::from_matrix(&p)?;
                let stars = piecewise_age_distribution(&params, &t_ref, &t_ref, &ages());
                let sfr = piecewise_sfr(&params, &t_ref, place.row(&[-0.5, 0.0, 5e-4, 1.0]));
                Ok(Tensor::cat(vec![stars.weights, column(&stars.lg_mass_formed), sfr], 1))
            })
            .unwrap();
            assert!(values(j.values).iter().all(|v| v.is_finite()));
            assert!(values(j.jacobian).iter().all(|v| v.is_finite()));
        });
    }

    #[test]
    fn rates_are_steps_and_equal_ratios_a_constant() {
        for_each_place(|place| {
            let rows = [&PiecewiseParams::default_values()[..], &UNEVEN];
            let params = PiecewiseParams::from_matrix(&place.rows(&rows)).unwrap();
            let t_ref = place.vector(&[10.0, 13.0]);
            let t = [-0.1, 0.001, 5.0, 9.999, 12.999, 13.1];
            let sfr = values(piecewise_sfr(&params, &t_ref, place.row(&t)));
            let tolerance = place.tolerance(1e-13, 1e-5);
            assert_close(&sfr[..6], &[0.0, 1.0, 1.0, 1.0, 0.0, 0.0], tolerance, 0.0);
            let (edges, rates) = reference(&UNEVEN, 13.0);
            for (sfr, t) in sfr[6..].iter().zip(t) {
                let bin = edges.windows(2).position(|e| (e[0]..e[1]).contains(&(13.0 - t)));
                let want = bin.map_or(0.0, |bin| rates[bin] * 10f64.powf(UNEVEN[0] - 9.0));
                assert_close(&[*sfr], &[want], tolerance, 0.0);
            }
        });
    }

    #[test]
    fn ages_are_overlaps_also_when_seen_earlier_or_later() {
        for t_obs in [0.3, 2.5, 6.0, 6.4] {
            let (edges, rates) = reference(&UNEVEN, 6.0);
            let mass_between = |young: f64, old: f64| -> f64 {
                let overlap = |e: &[f64]| {
                    let (lo, hi) = (e[0] - 6.0 + t_obs, e[1] - 6.0 + t_obs);
                    (old.min(hi) - young.max(lo)).max(0.0)
                };
                edges.windows(2).zip(&rates).map(|(e, rate)| overlap(e) * rate).sum()
            };
            let mut want: Vec<f64> =
                ages().edges_gyr().windows(2).map(|e| mass_between(e[0], e[1])).collect();
            let total: f64 = want.iter().sum();
            want.iter_mut().for_each(|w| *w /= total);
            let lg_mass = UNEVEN[0] + mass_between(0.0, 20.0).log10();
            for_each_place(|place| {
                let params = PiecewiseParams::from_matrix(&place.row(&UNEVEN)).unwrap();
                let (t_ref, t_obs) = (place.vector(&[6.0]), place.vector(&[t_obs]));
                let p = piecewise_age_distribution(&params, &t_ref, &t_obs, &ages());
                let tolerance = place.tolerance(1e-11, 1e-5);
                assert_close(&values(p.weights), &want, tolerance, place.tolerance(1e-15, 2e-6));
                assert_close(
                    &values(p.lg_mass_formed),
                    &[lg_mass],
                    place.tolerance(1e-13, 1e-6),
                    0.0,
                );
            });
        }
    }

    #[test]
    fn the_steepest_histories_are_finite_before_any_of_their_stars_are_seen() {
        for_each_place(|place| {
            let rows = [
                &[14.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0][..],
                &[4.0, -5.0, -5.0, -5.0, -5.0, -5.0, -5.0],
            ];
            let params = place.rows(&rows);
            let t_ref = place.vector(&[13.8; 2]);
            for t_obs in [0.0, 1e-4, 0.1, 13.79, 13.8] {
                let j = crate::numerics::jacobian::jacobian(&params, |p| {
                    let params = PiecewiseParams::from_matrix(&p)?;
                    let t_obs = place.vector(&[t_obs; 2]);
                    let p = piecewise_age_distribution(&params, &t_ref, &t_obs, &ages());
                    let mean = (p.weights * place.row(ages().lg_age_gyr())).sum_dim(1);
                    Ok(Tensor::cat(vec![mean, column(&p.lg_mass_formed)], 1))
                })
                .unwrap();
                let (values, jacobian) = (values(j.values), values(j.jacobian));
                assert!(
                    values.iter().chain(&jacobian).all(|v| v.is_finite()),
                    "{place} {t_obs}: {values:?} {jacobian:?}"
                );
            }
        });
    }

    #[test]
    fn gradients_of_rates() {
        for_each_f64_place(|place| {
            assert_jacobian(&[&PiecewiseParams::default_values(), &UNEVEN], 1e-7, place, |p| {
                let params = PiecewiseParams::from_matrix(&p).unwrap();
                let t_ref = place.vector(&[13.8; 2]);
                log10(piecewise_sfr(&params, &t_ref, place.row(&[0.5, 6.0, 13.0, 13.72, 13.79])))
            });
        });
    }
}
