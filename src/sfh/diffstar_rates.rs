//! Diffstar histories at look-back nodes as one fused operation.
//!
//! The same formulas as [`diffstar_sfr`](super::diffstar_sfr), which is their definition, node by node
//! and in log10 of time, so that the loops hold no logarithm.

#![allow(clippy::needless_range_loop, reason = "loops run over several blocks at once")]

use std::f64::consts::{LN_10, LOG2_10};
use std::sync::Arc;

use super::diffstar_common::INDX_K;
use super::{LookbackNodes, T_BIRTH_MIN_GYR};
use crate::device::real::{
    BLOCK, Real, clamp, exp2, exp2_block, mul_add, polynomial, select, sigmoid_block, sum_block,
};
use crate::device::{FusedOperation, Loops};
use crate::halo::MAH_K;
use crate::numerics::triweight::{CDF_ODD, PDF_PEAK};

/// Number of parameters: five of the halo, eight of the galaxy, and the time of observation \[Gyr\].
const N_PARAM: usize = 14;

/// Star formation rates \[Msun/yr\] at look-back nodes, `[n_gal, n_node]`; the one input, `[N_PARAM, n_gal]`, has the parameters of
/// [`DiffmahParams`](crate::halo::DiffmahParams), [`DiffstarParams`](super::DiffstarParams), and the
/// time of observation \[Gyr\].
#[derive(Debug)]
pub(super) struct DiffstarRates {
    /// log10 of the nodes' cosmic times in units of the time of observation, in whole blocks.
    lg_shares: Vec<f64>,
    n_node: usize,
    lgt0: f64,
    lg_fb: f64,
}

impl DiffstarRates {
    /// `lgt0` and `fb` as for [`diffstar_sfr`](super::diffstar_sfr).
    pub(super) fn operation(nodes: &LookbackNodes, lgt0: f64, fb: f64) -> Arc<dyn FusedOperation> {
        let lg_shares = nodes.shares().iter().map(|x| (1.0 - x).log10());
        let n_node = nodes.shares().len();
        // The first node, at the observation, fills the last block.
        let padding = std::iter::repeat_n(0.0, n_node.next_multiple_of(BLOCK) - n_node);
        let lg_shares = lg_shares.chain(padding).collect();
        Arc::new(Self { lg_shares, n_node, lgt0, lg_fb: fb.log10() })
    }

    #[inline(always)]
    fn galaxies<F: Real>(&self, parameters: &[F]) -> impl Iterator<Item = Galaxy<F>> {
        let n_gal = parameters.len() / N_PARAM;
        (0..n_gal).map(move |i| Galaxy::new(std::array::from_fn(|p| parameters[p * n_gal + i])))
    }

    /// The log10 shares in the precision of a call, `[n_block]`.
    fn blocks<F: Real>(&self) -> Vec<[F; BLOCK]> {
        let (blocks, _) = self.lg_shares.as_chunks::<BLOCK>();
        blocks.iter().map(|block| block.map(F::of)).collect()
    }
}

impl Loops for DiffstarRates {
    fn shape(&self, inputs: &[[usize; 2]]) -> [usize; 2] {
        [inputs[0][1], self.n_node]
    }

    #[inline(always)]
    fn value<F: Real, const FMA: bool>(&self, inputs: &[&[F]], rates: &mut [F]) {
        let blocks = self.blocks();
        let mut nodes = Nodes::default();
        for (galaxy, row) in self.galaxies(inputs[0]).zip(rates.chunks_exact_mut(self.n_node)) {
            for (lg_shares, row) in blocks.iter().zip(row.chunks_mut(BLOCK)) {
                nodes.fill::<FMA>(self, &galaxy, lg_shares);
                row.copy_from_slice(&nodes.sfr[..row.len()]);
            }
        }
    }

    #[inline(always)]
    fn pull_back<F: Real, const FMA: bool>(
        &self,
        inputs: &[&[F]],
        seed: &[F],
        gradients: &mut [&mut [F]],
    ) {
        let n_gal = inputs[0].len() / N_PARAM;
        let blocks = self.blocks();
        let mut nodes = Nodes::default();
        let mut slopes = Slopes::default();
        let galaxies = self.galaxies(inputs[0]).zip(seed.chunks_exact(self.n_node));
        for (i, (galaxy, seed)) in galaxies.enumerate() {
            let mut sums = [F::default(); N_PARAM];
            for (lg_shares, seed) in blocks.iter().zip(seed.chunks(BLOCK)) {
                nodes.fill::<FMA>(self, &galaxy, lg_shares);
                slopes.fill::<FMA>(&nodes, &galaxy, seed);
                slopes.add_to(&mut sums);
            }
            for (p, slope) in galaxy.slopes(sums).into_iter().enumerate() {
                gradients[0][p * n_gal + i] = slope;
            }
        }
    }
}

/// The parameters of one galaxy and what follows from them alone.
struct Galaxy<F> {
    logm0: F,
    logtc: F,
    early_index: F,
    late_index: F,
    t_peak: F,
    lgmcrit: F,
    lgy_at_mcrit: F,
    indx_lo: F,
    indx_hi: F,
    lg_qt: F,
    lg_drop: F,
    lg_rejuv: F,
    t_obs: F,
    lg_t_obs: F,
    lg_t_peak: F,
    /// One over the standard deviation of the triweight steps of quenching \[1/dex\].
    per_sigma: F,
}

impl<F: Real> Galaxy<F> {
    #[inline(always)]
    fn new(parameters: [F; N_PARAM]) -> Self {
        let [logm0, logtc, early_index, late_index, t_peak, lgmcrit, lgy_at_mcrit, ..] = parameters;
        let [.., indx_lo, indx_hi, lg_qt, qlglgdt, lg_drop, lg_rejuv, t_obs] = parameters;
        // No node is earlier, so that the logarithm of nothing does not matter.
        let t_birth_min = F::of(T_BIRTH_MIN_GYR);
        let t_obs = select(t_obs < t_birth_min, t_birth_min, t_obs);
        let sigma = exp2::<F, false>(qlglgdt * F::of(LOG2_10)) / F::of(12.0);
        Self {
            logm0,
            logtc,
            early_index,
            late_index,
            t_peak,
            lgmcrit,
            lgy_at_mcrit,
            indx_lo,
            indx_hi,
            lg_qt,
            lg_drop,
            lg_rejuv,
            t_obs,
            lg_t_obs: t_obs.log10(),
            lg_t_peak: t_peak.log10(),
            per_sigma: F::of(1.0) / sigma,
        }
    }

    /// The gradient in the order of the parameters, from the sums of [`Slopes`].
    #[inline(always)]
    fn slopes(&self, sums: [F; N_PARAM]) -> [F; N_PARAM] {
        let ln_10 = F::of(LN_10);
        let mut slopes = sums.map(|sum| sum * ln_10);
        slopes[4] = sums[4] / self.t_peak;
        slopes[9] = slopes[9] * self.per_sigma;
        slopes[10] = slopes[10] * ln_10;
        slopes[13] = sums[13] / self.t_obs;
        slopes
    }
}

/// The history of a galaxy at a block of nodes.
struct Nodes<F> {
    lg_t: [F; BLOCK],
    /// log10 of the time in units of that at which halo masses hold, not later than the halo's peak.
    before_t0: [F; BLOCK],
    /// How far the index of halo growth has rolled, the speed of that, and the index.
    roll: [F; BLOCK],
    roll_slope: [F; BLOCK],
    alpha: [F; BLOCK],
    /// log10 of the halo mass in units of the critical mass.
    above_crit: [F; BLOCK],
    /// How far the index of the efficiency has rolled, the speed of that, and the index.
    efficiency_roll: [F; BLOCK],
    efficiency_roll_slope: [F; BLOCK],
    efficiency_index: [F; BLOCK],
    /// Time since the deepest quenching in standard deviations of the steps, since the middle of the
    /// step that is under way, and the height of that step.
    since_quenching: [F; BLOCK],
    since_middle: [F; BLOCK],
    step: [F; BLOCK],
    sfr: [F; BLOCK],
}

impl<F: Real> Default for Nodes<F> {
    fn default() -> Self {
        let zeros = [F::default(); BLOCK];
        Self {
            lg_t: zeros,
            before_t0: zeros,
            roll: zeros,
            roll_slope: zeros,
            alpha: zeros,
            above_crit: zeros,
            efficiency_roll: zeros,
            efficiency_roll_slope: zeros,
            efficiency_index: zeros,
            since_quenching: zeros,
            since_middle: zeros,
            step: zeros,
            sfr: zeros,
        }
    }
}

impl<F: Real> Nodes<F> {
    #[inline(always)]
    fn fill<const FMA: bool>(
        &mut self,
        rates: &DiffstarRates,
        galaxy: &Galaxy<F>,
        lg_shares: &[F; BLOCK],
    ) {
        let (zero, three) = (F::of(0.0), F::of(3.0));
        let (lgt0, lg_t_min) = (F::of(rates.lgt0), F::of(T_BIRTH_MIN_GYR.log10()));
        let late_less_early = galaxy.late_index - galaxy.early_index;
        let hi_less_lo = galaxy.indx_hi - galaxy.indx_lo;
        let recovery = galaxy.lg_rejuv - galaxy.lg_drop;
        let lg_scale = galaxy.logm0 + galaxy.lgy_at_mcrit + F::of(rates.lg_fb);

        for i in 0..BLOCK {
            let lg_t = galaxy.lg_t_obs + lg_shares[i];
            let lg_t = select(lg_t < lg_t_min, lg_t_min, lg_t);
            let growing = select(lg_t < galaxy.lg_t_peak, lg_t, galaxy.lg_t_peak);
            self.lg_t[i] = lg_t;
            self.before_t0[i] = growing - lgt0;
            self.roll[i] = (growing - galaxy.logtc) * F::of(MAH_K);
        }
        sigmoid_block::<F, FMA>(&mut self.roll, &mut self.roll_slope);
        for i in 0..BLOCK {
            self.alpha[i] = mul_add::<F, FMA>(late_less_early, self.roll[i], galaxy.early_index);
            let lg_mass = mul_add::<F, FMA>(self.alpha[i], self.before_t0[i], galaxy.logm0);
            self.above_crit[i] = lg_mass - galaxy.lgmcrit;
            self.efficiency_roll[i] = self.above_crit[i] * F::of(INDX_K);
        }
        sigmoid_block::<F, FMA>(&mut self.efficiency_roll, &mut self.efficiency_roll_slope);
        for i in 0..BLOCK {
            self.efficiency_index[i] =
                mul_add::<F, FMA>(hi_less_lo, self.efficiency_roll[i], galaxy.indx_lo);
        }
        for i in 0..BLOCK {
            let y = (self.lg_t[i] - galaxy.lg_qt) * galaxy.per_sigma;
            let z = clamp(y + select(y < zero, three, -three), -three, three);
            let step = mul_add::<F, FMA>(polynomial::<F, FMA>(&CDF_ODD, z * z), z, F::of(0.5));
            let height = select(y < zero, galaxy.lg_drop, recovery);
            let floor = select(y < zero, zero, galaxy.lg_drop);
            let lg_quenching = mul_add::<F, FMA>(height, step, floor);
            let lg_sfr = mul_add::<F, FMA>(self.alpha[i], self.before_t0[i], lg_scale)
                + mul_add::<F, FMA>(self.efficiency_index[i], self.above_crit[i], lg_quenching);
            self.since_quenching[i] = y;
            self.since_middle[i] = z;
            self.step[i] = step;
            self.sfr[i] = lg_sfr * F::of(LOG2_10);
        }
        exp2_block::<F, FMA>(&mut self.sfr);
    }
}

/// Derivatives of lg SFR at a block of nodes with respect to each parameter, weighted with a seed; those
/// of the times with respect to their log10, that of the duration of quenching but for a factor.
struct Slopes<F> {
    seed: [F; BLOCK],
    parameters: [[F; BLOCK]; N_PARAM],
}

impl<F: Real> Default for Slopes<F> {
    fn default() -> Self {
        let zeros = [F::default(); BLOCK];
        Self { seed: zeros, parameters: [zeros; N_PARAM] }
    }
}

impl<F: Real> Slopes<F> {
    #[inline(always)]
    fn fill<const FMA: bool>(&mut self, nodes: &Nodes<F>, galaxy: &Galaxy<F>, seed: &[F]) {
        let (zero, one) = (F::of(0.0), F::of(1.0));
        let lg_t_min = F::of(T_BIRTH_MIN_GYR.log10());
        let late_less_early = galaxy.late_index - galaxy.early_index;
        let hi_less_lo = galaxy.indx_hi - galaxy.indx_lo;
        let recovery = galaxy.lg_rejuv - galaxy.lg_drop;

        // The last block may be longer than what is left of the seed.
        self.seed = [zero; BLOCK];
        self.seed[..seed.len()].copy_from_slice(seed);
        let [
            logm0,
            logtc,
            early_index,
            late_index,
            t_peak,
            lgmcrit,
            lgy_at_mcrit,
            indx_lo,
            indx_hi,
            lg_qt,
            qlglgdt,
            lg_drop,
            lg_rejuv,
            t_obs,
        ] = &mut self.parameters;
        for i in 0..BLOCK {
            let sfr = self.seed[i] * nodes.sfr[i];

            let (roll, above_crit) = (nodes.efficiency_roll[i], nodes.above_crit[i]);
            let of_above_crit = sfr * above_crit;
            let of_roll = hi_less_lo * nodes.efficiency_roll_slope[i] * F::of(INDX_K);
            let of_efficiency =
                sfr * mul_add::<F, FMA>(of_roll, above_crit, nodes.efficiency_index[i]);
            lgy_at_mcrit[i] = sfr;
            lgmcrit[i] = -of_efficiency;
            indx_hi[i] = of_above_crit * roll;
            indx_lo[i] = of_above_crit - indx_hi[i];

            let mass = sfr + of_efficiency;
            let of_alpha = mass * nodes.before_t0[i];
            let roll = nodes.roll[i];
            let of_roll = of_alpha * late_less_early * nodes.roll_slope[i] * F::of(MAH_K);
            let growth = mul_add::<F, FMA>(mass, nodes.alpha[i], of_roll);
            let growing = nodes.lg_t[i] < galaxy.lg_t_peak;
            logm0[i] = mass;
            logtc[i] = -of_roll;
            late_index[i] = of_alpha * roll;
            early_index[i] = of_alpha - late_index[i];
            t_peak[i] = select(growing, zero, growth);

            let falling = nodes.since_quenching[i] < zero;
            let height = select(falling, galaxy.lg_drop, recovery);
            let z = nodes.since_middle[i] * F::of(1.0 / 3.0);
            let bell = one - z * z;
            let of_y = sfr * height * bell * bell * bell * F::of(PDF_PEAK);
            let of_height = sfr * nodes.step[i];
            lg_qt[i] = -of_y;
            qlglgdt[i] = -of_y * nodes.since_quenching[i];
            lg_drop[i] = select(falling, of_height, sfr - of_height);
            lg_rejuv[i] = select(falling, zero, of_height);

            let of_time = mul_add::<F, FMA>(of_y, galaxy.per_sigma, growth - t_peak[i]);
            t_obs[i] = select(lg_t_min < nodes.lg_t[i], of_time, zero);
        }
    }

    #[inline(always)]
    fn add_to(&self, sums: &mut [F; N_PARAM]) {
        for (sum, slopes) in sums.iter_mut().zip(&self.parameters) {
            *sum = *sum + sum_block(slopes);
        }
    }
}

#[cfg(test)]
#[cfg(feature = "flex")]
mod tests {
    use burn::tensor::Tensor;

    use super::*;
    use crate::device::{Place, Precision, fused};
    use crate::halo::{DiffmahParams, LGT0};
    use crate::numerics::jacobian::jacobian;
    use crate::parameters::ParameterSet;
    use crate::sfh::{DiffstarParams, FB, diffstar_sfr};
    use crate::testing::{assert_close, assert_jacobian, box_rows, corner_rows, values};

    fn flex(precision: Precision) -> Place {
        Place::open("flex", precision).unwrap()
    }

    /// Rows over the box of the parameters and at its corners, each with a time of observation.
    fn rows() -> Vec<Vec<f64>> {
        let info = [DiffmahParams::INFO, DiffstarParams::INFO].concat();
        let rows = [box_rows(&info, 120, 0.02), corner_rows(&info, 40)].concat();
        let at_time = |(i, mut row): (usize, Vec<f64>)| {
            row.push([13.8, 0.7, 3.3, 9.1][i % 4]);
            row
        };
        rows.into_iter().enumerate().map(at_time).collect()
    }

    fn graph(nodes: &LookbackNodes, matrix: &Tensor<2>) -> Tensor<2> {
        let halo = DiffmahParams::from_matrix(&matrix.clone().narrow(1, 0, 5)).unwrap();
        let galaxy = DiffstarParams::from_matrix(&matrix.clone().narrow(1, 5, 8)).unwrap();
        let t_obs = matrix.clone().narrow(1, 13, 1).squeeze_dim(1);
        diffstar_sfr(&halo, &galaxy, nodes.t_gyr(&t_obs), LGT0, FB)
    }

    fn by_loops(nodes: &LookbackNodes, matrix: &Tensor<2>) -> Tensor<2> {
        fused(DiffstarRates::operation(nodes, LGT0, FB), matrix.clone().transpose())
    }

    #[test]
    fn rates_are_those_of_the_graph() {
        for (precision, tolerance) in [(Precision::F64, 1e-12), (Precision::F32, 5e-4)] {
            let rows = rows();
            let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
            let matrix = flex(precision).rows(&rows);
            for n_node in [8, 48, 64, 130] {
                let nodes = LookbackNodes::new(n_node).unwrap();
                let (got, want) = (by_loops(&nodes, &matrix), graph(&nodes, &matrix));
                assert_eq!(got.dims(), [rows.len(), n_node]);
                assert_close(&values(got), &values(want), tolerance, 1e-20);
            }
        }
    }

    #[test]
    fn gradients_are_those_of_the_graph() {
        let nodes = LookbackNodes::new(70).unwrap();
        for (precision, tolerance) in [(Precision::F64, 1e-8), (Precision::F32, 1e-3)] {
            let rows = rows();
            let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
            let matrix = flex(precision).rows(&rows);
            // Sums of the rates with weights of both signs, as losses have.
            let weights: Vec<f64> = (0..70).map(|k| (f64::from(k) * 0.7).sin() + 0.2).collect();
            let slopes = |rates: fn(&LookbackNodes, &Tensor<2>) -> Tensor<2>| {
                let place = flex(precision);
                let sum = |matrix: Tensor<2>| {
                    Ok((rates(&nodes, &matrix) * place.row(&weights)).sum_dim(1))
                };
                values(jacobian(&matrix, sum).unwrap().jacobian)
            };
            // Sudden quenching between nodes is badly conditioned: 1e-16 of time is 1e-12 of its duration.
            let (got, want) = (slopes(by_loops), slopes(graph));
            for (got, want) in got.chunks(N_PARAM).zip(want.chunks(N_PARAM)) {
                let largest = want.iter().fold(0.0f64, |m, g| m.max(g.abs()));
                assert!(got.iter().all(|g| g.is_finite()));
                assert_close(got, want, tolerance, tolerance * largest + 1e-30);
            }
        }
    }

    #[test]
    fn gradients_are_those_of_central_differences() {
        let nodes = LookbackNodes::new(12).unwrap();
        let mut rows = rows();
        rows.truncate(12);
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        assert_jacobian(&rows, 1e-6, &flex(Precision::F64), |matrix| by_loops(&nodes, &matrix));
    }

    #[test]
    fn not_a_number_stays_so() {
        let nodes = LookbackNodes::new(16).unwrap();
        for j in 0..N_PARAM {
            let mut row = rows()[0].clone();
            row[j] = f64::NAN;
            let rates = values(by_loops(&nodes, &flex(Precision::F32).rows(&[&row])));
            assert!(rates.iter().any(|r| r.is_nan()), "parameter {j}");
        }
    }
}
