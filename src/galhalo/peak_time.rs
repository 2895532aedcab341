//! When haloes stop growing: the distribution of peak times in DiffmahPop.

use burn::tensor::Tensor;

use super::table::{Block, ParamRow, block};
use super::{DiffmahPop, ObservedHaloes};
use crate::device::Place;
use crate::numerics::column;
use crate::numerics::sigmoid::step;

/// Speed of the cumulative distribution of centrals.
const CENTRAL_K: f64 = 5.0;
/// Earliest peak of centrals as a share of the age of the Universe.
const CENTRAL_MIN: f64 = 0.05;
/// Nodes of the cumulative distribution of satellites.
const N_NODES: usize = 50;

block! {
    /// Of centrals.
    struct Centrals { lgm_x0, t_obs_x0, ylo_early, yhi_early, ylo_late, yhi_late }
}

block! {
    /// Of satellites.
    struct Satellites {
        loc_t0, loc_early, loc_late, loc_lgm_x0, scale_t0, scale_early, scale_late,
    }
}

/// Parameters of the peak times of centrals.
#[derive(Clone, Debug)]
pub(super) struct CentralPeak(Centrals);

/// Parameters of the peak times of satellites.
#[derive(Clone, Debug)]
pub(super) struct SatellitePeak(Satellites);

impl CentralPeak {
    pub(super) fn of(row: &ParamRow) -> Self {
        Self(Centrals::of(row, "cen_tp_lgm_x0_x0", 1))
    }

    /// Share of the age of the Universe today, `[n_gal, 1]`.
    ///
    /// The cumulative distribution is logistic in the share; what would lie beyond today piles up
    /// there. Inverted exactly: diffmah inverts a table of it, which differs by at most 2e-5.
    fn share(&self, m: &Tensor<2>, t_obs: &Tensor<2>, uniforms: &Tensor<2>) -> Tensor<2> {
        let p = self.0.clone();
        let by_mass = m.clone() - p.lgm_x0;
        let early = step(by_mass.clone(), p.ylo_early, p.yhi_early);
        let late = step(by_mass, p.ylo_late, p.yhi_late);
        let middle = step((t_obs.clone() - p.t_obs_x0) * 2.0, early, late);
        let uniforms = uniforms.clone().clamp(1e-30, 1.0 - 1e-7);
        let logit = (uniforms.clone() / (uniforms.neg() + 1.0)).log();
        (middle + logit / CENTRAL_K).clamp(CENTRAL_MIN, 1.0)
    }
}

impl SatellitePeak {
    pub(super) fn of(row: &ParamRow) -> Self {
        Self(Satellites::of(row, "utp_loc_lgm_ylo_t0", 1))
    }

    /// Share of the time of observation, `[n_gal, 1]`: a normal distribution between 0.1 and 1, whose
    /// cumulative distribution is linear between nodes, as in diffmah.
    fn share(&self, m: &Tensor<2>, t_obs: &Tensor<2>, uniforms: &Tensor<2>) -> Tensor<2> {
        let p = self.0.clone();
        let late = p.loc_early.full_like(0.95).without_autodiff();
        let early = step((t_obs.clone() - p.loc_t0) * 0.4, p.loc_early, p.loc_late);
        let loc = step((m.clone() - p.loc_lgm_x0) * 1.5, early, late.clone());
        let scale = step(t_obs.clone() - p.scale_t0, p.scale_early, p.scale_late);
        let scale = step(m.clone() - 12.0, scale, late.full_like(0.16).without_autodiff());

        let first = (loc.clone() - scale.clone() * 4.0).clamp_min(0.1001);
        let width = (loc.clone() + scale.clone() * 4.0).clamp_max(0.9999) - first.clone();
        let normal = |share: Tensor<2>, loc: &Tensor<2>, scale: &Tensor<2>| {
            ((share - loc.clone()) / scale.clone() * std::f64::consts::FRAC_1_SQRT_2).erf()
        };
        let cumulative = |share: Tensor<2>, loc: &Tensor<2>, scale: &Tensor<2>| {
            let lowest = normal(loc.full_like(0.1).without_autodiff(), loc, scale);
            let highest = normal(loc.full_like(1.0).without_autodiff(), loc, scale);
            (normal(share, loc, scale) - lowest.clone()) / (highest - lowest)
        };
        // The interval is found without a graph; only its two ends need one.
        let ends: Vec<f64> = (0..N_NODES).map(|i| i as f64 / (N_NODES - 1) as f64).collect();
        let constant = |x: &Tensor<2>| x.clone().without_autodiff();
        let nodes = constant(&first) + constant(&width) * Place::of(m).row(&ends);
        let below = cumulative(nodes, &constant(&loc), &constant(&scale))
            .lower_equal(uniforms.clone().expand([m.dims()[0], N_NODES]));
        let left = below.int().sum_dim(1).clamp(1, N_NODES as i64 - 1) - 1;
        let step_size = 1.0 / (N_NODES - 1) as f64;
        let left: Tensor<2> = left.float().cast(m.dtype()) * step_size;
        let at_left = first + width.clone() * left;
        let width = width * step_size;
        let low = cumulative(at_left.clone(), &loc, &scale);
        let high = cumulative(at_left.clone() + width.clone(), &loc, &scale);
        let within = (uniforms.clone() - low.clone()) / (high - low);
        at_left + width * within.clamp(0.0, 1.0)
    }
}

impl DiffmahPop {
    /// Peak times \[Gyr\] of haloes, `[n_gal]`, from uniform random numbers (`[n_gal]`): shares of the age
    /// of the Universe `10^lgt0` for centrals, of the time of observation for satellites.
    pub fn peak_times(
        &self,
        haloes: &ObservedHaloes,
        uniforms: &Tensor<1>,
        lgt0: f64,
    ) -> Tensor<1> {
        let (m, t_obs) = (column(&haloes.lgm_obs), column(&haloes.t_obs_gyr));
        let uniforms = column(uniforms);
        let t_peak = self.central_peak.share(&m, &t_obs, &uniforms) * 10f64.powf(lgt0);
        let t_peak: Tensor<1> = t_peak.squeeze_dim(1);
        match &haloes.is_satellite {
            None => t_peak,
            Some(is_satellite) => {
                let share = self.satellite_peak.share(&m, &t_obs, &uniforms);
                t_peak.mask_where(is_satellite.clone(), (share * t_obs).squeeze_dim(1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, for_each_f64_place, for_each_place, values};

    /// Peak times of haloes of one mass and time of observation.
    fn peak_times(
        place: &Place,
        m: f64,
        t_obs: f64,
        uniforms: &[f64],
        satellite: bool,
    ) -> Vec<f64> {
        let uniforms = place.vector(uniforms);
        let haloes = ObservedHaloes {
            lgm_obs: uniforms.full_like(m),
            t_obs_gyr: uniforms.full_like(t_obs),
            is_satellite: satellite.then(|| uniforms.clone().greater_elem(-1.0)),
        };
        let model = DiffmahPop::defaults(place).unwrap();
        values(model.peak_times(&haloes, &uniforms, 13.8f64.log10()))
    }

    #[test]
    fn centrals_invert_the_logistic_distribution_and_pile_up_at_the_ends() {
        for_each_place(|place| {
            let got = peak_times(place, 12.7, 8.0, &[0.0, 1e-9, 0.05, 0.2, 0.4, 0.999], false);
            // The middle by hand, with the defaults of the table.
            let step = |x: f64, lo: f64, hi: f64| lo + (hi - lo) / (1.0 + (-x).exp());
            let [early, late] =
                [(0.99, 1.75), (0.69, 1.351)].map(|(lo, hi)| step(12.7 - 11.01, lo, hi));
            let middle = step(2.0 * (8.0 - 3.798), early, late);
            let at = |u: f64| 13.8 * (middle + (u / (1.0 - u)).ln() / 5.0).clamp(0.05, 1.0);
            let want = [0.05 * 13.8, at(1e-9), at(0.05), at(0.2), at(0.4), 13.8];
            assert_close(&got, &want, place.tolerance(1e-12, 1e-5), 0.0);
            assert!(0.7 < got[2] && got[2] < got[3] && got[3] < 13.7 && got[4] > 13.79, "{got:?}");
        });
    }

    /// Cumulative normal distribution between 0.1 and 1, by Simpson's rule.
    fn truncated_normal(share: f64, loc: f64, scale: f64) -> f64 {
        let integral = |to: f64| {
            let n = 20_000;
            let step = (to - 0.1) / f64::from(n);
            let density = |i: i32| {
                let z = (0.1 + step * f64::from(i) - loc) / scale;
                let weight = if i == 0 || i == n { 1 } else { 2 + 2 * (i % 2) };
                f64::from(weight) * (-0.5 * z * z).exp()
            };
            (0..=n).map(density).sum::<f64>() * step / 3.0
        };
        integral(share) / integral(1.0)
    }

    #[test]
    fn satellites_invert_the_truncated_normal_distribution_at_its_nodes() {
        let step = |x: f64, lo: f64, hi: f64| lo + (hi - lo) / (1.0 + (-x).exp());
        for (m, t_obs) in [(11.2, 4.0), (12.7, 8.0), (13.9, 12.0)] {
            // By hand, with the defaults of the table.
            let early = step(0.4 * (t_obs - 8.779), 0.797, 0.16);
            let loc = step(1.5 * (m - 12.967), early, 0.95);
            let scale = step(m - 12.0, step(t_obs - 6.623, 0.105, 0.334), 0.16);
            let first = (loc - 4.0 * scale).max(0.1001);
            let last = (loc + 4.0 * scale).min(0.9999);
            let node = |k: usize| first + (last - first) * k as f64 / 49.0;
            let nodes: Vec<f64> = [3, 12, 24, 33, 47].map(node).to_vec();
            let uniforms: Vec<f64> =
                nodes.iter().map(|share| truncated_normal(*share, loc, scale)).collect();
            let want: Vec<f64> = nodes.iter().map(|share| share * t_obs).collect();
            // Where the distribution is flat, a rounding of the random number moves the time.
            let inner: Vec<usize> =
                (0..5).filter(|i| (1e-3..0.999).contains(&uniforms[*i])).collect();
            let pick = |x: &[f64]| -> Vec<f64> { inner.iter().map(|i| x[*i]).collect() };
            for_each_f64_place(|place| {
                let got = peak_times(place, m, t_obs, &pick(&uniforms), true);
                assert_close(&got, &pick(&want), 1e-9, 0.0);
            });
            for_each_place(|place| {
                let all = peak_times(place, m, t_obs, &[0.0, 0.3, 1.0 - 1e-12], true);
                let ends = [first * t_obs, last * t_obs];
                let slack = 1e-5 * t_obs;
                assert!(all.windows(2).all(|w| w[0] < w[1]), "{all:?}");
                assert!(all[0] >= ends[0] - slack && all[2] <= ends[1] + slack, "{all:?}");
            });
        }
    }
}
