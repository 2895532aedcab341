//! P(age) from star formation rates at a few well-placed look-back times: the node path.
//!
//! Analytic histories can be evaluated anywhere, so their rates are taken at fixed shares of the time
//! of observation, `x = look-back time / t_obs`, and joined by straight lines. All masses are then
//! sums of positive terms, good in f32; and for one time of observation they are a fixed linear
//! operator on the rates, which composes with tables of SSP light.

use burn::tensor::Tensor;

use super::age_weights::normalised;
use super::{AgeDistribution, AgeGrid, SFR_MIN, T_BIRTH_MIN_GYR};
use crate::device::Place;
use crate::numerics::integrate::trapezoid_weights;
use crate::numerics::interp::InterpGrid;
use crate::numerics::{column, log10};
use crate::{Error, Result};

/// Shares of the nodes that follow the two concentrations of [`LookbackNodes::new`], and their widths:
/// towards the observation, where stars are bright, and towards the Big Bang, where massive haloes
/// form theirs within a moment. Chosen by the largest error in LSST u over the galaxies of the golden
/// tests.
const RECENT: (f64, f64) = (0.2, 0.02);
const EARLY: (f64, f64) = (0.5, 0.02);

/// Allowed numbers of nodes.
const N_NODES: (usize, usize) = (8, 4096);

/// Look-back times, as ascending shares of the time of observation from 0 to 1, at which star
/// formation rates are taken.
#[derive(Clone, Debug, PartialEq)]
pub struct LookbackNodes {
    shares: Vec<f64>,
}

impl LookbackNodes {
    /// `n` nodes with density `c + a / (x + x0) + b / (1 - x + y0)`: log-like towards both ends, even
    /// between.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless there are 8 to 4096 of them.
    pub fn new(n: usize) -> Result<Self> {
        if !(N_NODES.0..=N_NODES.1).contains(&n) {
            return Err(Error::OutOfRange {
                what: "number of look-back nodes".into(),
                value: n as f64,
                allowed: format!("[{}, {}]", N_NODES.0, N_NODES.1),
            });
        }
        let shares = (0..n).map(|k| match k {
            0 => 0.0,
            k if k + 1 == n => 1.0,
            k => share_at(k as f64 / (n - 1) as f64),
        });
        Ok(Self { shares: shares.collect() })
    }

    /// The default number of nodes.
    pub const DEFAULT: usize = 64;

    /// The shares `x`, from 0 (the observation) to 1 (the Big Bang).
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// Cosmic times of the nodes \[Gyr\] for galaxies observed at `t_obs_gyr` (`[n_gal]`),
    /// `[n_gal, n_node]`; not before [`T_BIRTH_MIN_GYR`].
    pub fn t_gyr(&self, t_obs_gyr: &Tensor<1>) -> Tensor<2> {
        let since_big_bang: Vec<f64> = self.shares.iter().map(|x| 1.0 - x).collect();
        (column(t_obs_gyr) * Place::of(t_obs_gyr).row(&since_big_bang)).clamp_min(T_BIRTH_MIN_GYR)
    }

    /// P(age) and mass of galaxies observed at `t_obs_gyr` (`[n_gal]`), from their rates \[Msun/yr\] at
    /// the nodes (`[n_gal, n_node]`).
    ///
    /// Rates below [`SFR_MIN`] are raised to it. As in [`age_weights`](super::age_weights), stars younger than the first edge of the ages count
    /// in the mass, but in no age bin.
    pub fn age_distribution(
        &self,
        sfr_msun_yr: Tensor<2>,
        t_obs_gyr: &Tensor<1>,
        ages: &AgeGrid,
    ) -> AgeDistribution {
        let place = Place::of(t_obs_gyr);
        let n = self.shares.len();
        let grid = InterpGrid::new(&self.shares, &place);
        let widths: Vec<f64> = self.shares.windows(2).map(|w| w[1] - w[0]).collect();
        let sfr_msun_yr = sfr_msun_yr.clamp_min(SFR_MIN);
        let left = sfr_msun_yr.clone().narrow(1, 0, n - 1);
        let right = sfr_msun_yr.clone().narrow(1, 1, n - 1);
        let increments = (left.clone() + right.clone()) * place.row(&widths) * 0.5;
        let younger = increments.cumsum(1);
        let mean_rate = younger.clone().narrow(1, n - 2, 1);
        let younger = Tensor::cat(vec![mean_rate.zeros_like(), younger], 1);
        let slopes = (right - left) / place.row(&widths);

        // The mass younger than each edge, in units of a mean rate over the age of the galaxy.
        let t_obs = t_obs_gyr.clone().clamp_min(T_BIRTH_MIN_GYR);
        let x = (place.row(ages.edges_gyr()) / column(&t_obs)).clamp_max(1.0);
        let interval = grid.interval(&x);
        let beyond = x - grid.at(&interval);
        let rate = sfr_msun_yr.gather(1, interval.clone());
        let slope = slopes.gather(1, interval.clone());
        let within = beyond.clone() * (rate + slope * beyond * 0.5);
        let at_edges = younger.gather(1, interval) + within;
        let n_age = ages.lg_age_gyr().len();
        let per_bin = at_edges.clone().narrow(1, 1, n_age) - at_edges.narrow(1, 0, n_age);
        AgeDistribution {
            weights: normalised(per_bin),
            lg_mass_formed: log10(mean_rate.squeeze_dim(1)) + log10(t_obs) + 9.0,
        }
    }

    /// log10 of the mass formed \[Msun\] by `t_gyr` (`[n_gal]`), from the rates at the nodes of that
    /// time.
    pub fn lg_mass_formed(&self, sfr_msun_yr: Tensor<2>, t_gyr: &Tensor<1>) -> Tensor<1> {
        let weights = trapezoid_weights(&self.shares);
        let mean = (sfr_msun_yr.clamp_min(SFR_MIN) * Place::of(t_gyr).row(&weights)).sum_dim(1);
        log10(mean.squeeze_dim(1)) + log10(t_gyr.clone().clamp_min(T_BIRTH_MIN_GYR)) + 9.0
    }

    /// For galaxies observed at `t_obs_gyr`: masses per age bin and in total as linear functions of
    /// the rates at the nodes.
    pub fn operator(&self, t_obs_gyr: f64, ages: &AgeGrid) -> NodeOperator {
        let n = self.shares.len();
        let to_msun = t_obs_gyr * 1e9;
        let edges: Vec<f64> =
            ages.edges_gyr().iter().map(|e| (e / t_obs_gyr).clamp(0.0, 1.0)).collect();
        let mut per_bin = Vec::with_capacity(n * (edges.len() - 1));
        let mut total = Vec::with_capacity(n);
        for k in 0..n {
            let younger: Vec<f64> = edges.iter().map(|x| self.below(k, *x)).collect();
            per_bin.extend(younger.windows(2).map(|w| to_msun * (w[1] - w[0])));
            total.push(to_msun * self.below(k, 1.0));
        }
        NodeOperator { per_bin, total }
    }

    /// Integral of the hat function of node `k` from 0 to `x`.
    fn below(&self, k: usize, x: f64) -> f64 {
        let node = self.shares[k];
        let rising = k.checked_sub(1).map_or(0.0, |j| {
            let width = node - self.shares[j];
            let part = ((x - self.shares[j]) / width).clamp(0.0, 1.0);
            0.5 * width * part * part
        });
        let falling = self.shares.get(k + 1).map_or(0.0, |next| {
            let width = next - node;
            let part = ((x - node) / width).clamp(0.0, 1.0);
            width * part * (1.0 - 0.5 * part)
        });
        rising + falling
    }
}

impl Default for LookbackNodes {
    /// [`DEFAULT`](Self::DEFAULT) nodes.
    fn default() -> Self {
        Self::new(Self::DEFAULT).unwrap_or_else(|_| unreachable!("the default number is allowed"))
    }
}

/// Masses formed \[Msun\] as linear functions of the rates \[Msun/yr\] at [`LookbackNodes`].
#[derive(Clone, Debug, PartialEq)]
pub struct NodeOperator {
    /// Row-major `[n_node, n_age]`: the mass in each age bin. Where age bins cross, negative.
    pub per_bin: Vec<f64>,
    /// `[n_node]`: the total mass, that of stars younger than the first age bin included.
    pub total: Vec<f64>,
}

/// The share `x` below which a fraction `q` of the nodes lies, by bisection.
fn share_at(q: f64) -> f64 {
    let part = |(weight, width): (f64, f64), x: f64| {
        weight * ((x + width) / width).ln() / ((1.0 + width) / width).ln()
    };
    let even = 1.0 - RECENT.0 - EARLY.0;
    let fraction = |x: f64| even * x + part(RECENT, x) + EARLY.0 - part(EARLY, 1.0 - x);
    let (mut lo, mut hi) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (lo + hi);
        if fraction(middle) < q { lo = middle } else { hi = middle }
    }
    hi
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    fn ages() -> AgeGrid {
        AgeGrid::new((0..94).map(|i| -3.5 + 0.05 * f64::from(i)).collect()).unwrap()
    }

    /// A rate that straight lines between nodes cannot hide: rising, then quenched.
    fn sfr(t: Tensor<2>) -> Tensor<2> {
        let x = (t.clone() - 5.0) / 1.5;
        t * (x.clone() * x).neg().exp() + 0.01
    }

    #[test]
    fn nodes_ascend_from_zero_to_one_and_crowd_at_both_ends() {
        for n in [8, 48, 64, 4096] {
            let x = LookbackNodes::new(n).unwrap().shares;
            assert_eq!((x[0], x[n - 1]), (0.0, 1.0));
            assert!(x.windows(2).all(|w| w[1] > w[0]));
            let middle = x[n / 2] - x[n / 2 - 1];
            assert!(x[1] < middle && 1.0 - x[n - 2] < middle);
        }
        assert!(LookbackNodes::new(4).is_err());
    }

    #[test]
    fn the_operator_and_the_graph_agree() {
        let nodes = LookbackNodes::new(48).unwrap();
        for_each_place(|place| {
            for t in [0.3, 3.0, 13.8] {
                let t_obs = place.vector(&[t]);
                let rates = sfr(nodes.t_gyr(&t_obs));
                let seen = nodes.age_distribution(rates.clone(), &t_obs, &ages());
                let operator = nodes.operator(t, &ages());
                let per_bin = rates.clone().matmul(place.matrix(&operator.per_bin, [48, 94]));
                let total = rates.matmul(place.matrix(&operator.total, [48, 1]));
                let tolerance = place.tolerance(1e-12, 2e-5);
                let sum = per_bin.clone().sum_dim(1);
                // Bins are differences of cumulative masses, in f32 to the rounding of the whole.
                let rounding = place.tolerance(1e-15, 5e-7);
                assert_close(&values(per_bin / sum), &values(seen.weights), tolerance, rounding);
                let lg_total = log10(total.squeeze_dim::<1>(1));
                assert_close(&values(lg_total), &values(seen.lg_mass_formed), tolerance, 0.0);
            }
        });
    }

    #[test]
    fn weights_converge_with_the_number_of_nodes() {
        for_each_f64_place(|place| {
            let t_obs = place.vector(&[9.0, 13.5]);
            let weights = |n: usize| {
                let nodes = LookbackNodes::new(n).unwrap();
                let rates = sfr(nodes.t_gyr(&t_obs));
                values(nodes.age_distribution(rates, &t_obs, &ages()).weights)
            };
            let exact = weights(4096);
            let error = |n| {
                let off = weights(n).into_iter().zip(&exact).map(|(w, e)| (w - e).abs());
                off.fold(0.0f64, f64::max)
            };
            // Straight lines: twice the nodes, a quarter of the error.
            let (few, many) = (error(48), error(96));
            assert!(many < 0.4 * few && few < 5e-3, "{few} {many}");
            for row in exact.chunks(94) {
                assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                assert!(row.iter().all(|w| *w >= 0.0));
            }
        });
    }

    #[test]
    fn gradients_of_rates_and_time() {
        let nodes = LookbackNodes::new(12).unwrap();
        let young = AgeGrid::new(vec![-2.0, -1.0, -0.3, 0.2, 0.7, 1.1]).unwrap();
        for_each_f64_place(|place| {
            let row: Vec<f64> = (0..12).map(|k| 1.0 + f64::from(k * k % 7)).chain([7.3]).collect();
            assert_jacobian(&[&row], 1e-7, place, |p| {
                let t_obs = p.clone().narrow(1, 12, 1).squeeze_dim(1);
                let seen = nodes.age_distribution(p.narrow(1, 0, 12), &t_obs, &young);
                Tensor::cat(vec![seen.weights, column(&seen.lg_mass_formed)], 1)
            });
        });
    }
}
