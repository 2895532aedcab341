//! The least-squares problem of the calibration: network coefficients that reproduce a table.

use std::f64::consts::{LN_10, LOG10_E};

use crate::nebular::network::Network;
use crate::numerics::lbfgs::minimize;

/// Residual that counts as one where a higher power than the square is minimized \[dex\].
const UNIT_DEX: f64 = 0.03;

/// What the network is to reproduce: `log10(10^output + 10^floor) = target`.
pub(super) struct Problem {
    /// Inputs, `[n, n_in]`.
    pub(super) inputs: Vec<f64>,
    /// Targets, `[n, n_line]`.
    pub(super) target: Vec<f64>,
    /// log10 of the luminosity added to every line of a node, `[n]`.
    pub(super) floor: Vec<f64>,
}

/// Penalty of the coefficients' size: it keeps them from growing where the table does not care.
const DECAY: f64 = 1e-9;

/// How much work the fit may take.
#[derive(Clone, Debug, PartialEq)]
pub struct Effort {
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Steps of the least-squares fit; half as many follow for each of the two higher powers.
    pub steps: usize,
}

impl Default for Effort {
    fn default() -> Self {
        Self { hidden: vec![40, 40, 64], steps: 5000 }
    }
}

impl Problem {
    /// Fits a network: least squares first, then the fourth and the eighth power of the residuals,
    /// which pull in the worst ones. The same problem always gives the same network on one machine.
    /// `progress` hears of each stage: the power and the root of the mean power \[dex\].
    pub(super) fn solve(&self, effort: &Effort, mut progress: impl FnMut(i32, f64)) -> Network {
        let mut network = self.start(&effort.hidden);
        for power in [2, 4, 8] {
            let steps = if power == 2 { effort.steps } else { effort.steps / 2 };
            let decay = if power == 2 { DECAY } else { 100.0 * DECAY };
            let mut trial = network.clone();
            network.coefficients = minimize(&network.coefficients, steps, |x, gradient| {
                trial.coefficients.copy_from_slice(x);
                self.loss(&trial, power, decay, gradient)
            });
            let loss = self.loss(&network, power, 0.0, &mut vec![0.0; trial.coefficients.len()]);
            let unit = if power == 2 { 1.0 } else { UNIT_DEX };
            progress(power, unit * loss.powf(1.0 / f64::from(power)));
        }
        network
    }

    /// Random small coefficients, always the same; the output biases are the means of the targets.
    fn start(&self, hidden: &[usize]) -> Network {
        let n_line = self.target.len() / self.floor.len();
        let n_in = self.inputs.len() / self.floor.len();
        let mut network = Network::zeros([&[n_in], hidden, &[n_line]].concat());
        let mut random = Uniform(0);
        let last = network.n_layers() - 1;
        for k in 0..=last {
            let (n_in, n_weights) = (network.layer(k).n_in, network.layer(k).weights.len());
            // The first layer spreads its units over the table, the last starts near the means.
            let gain = if k == 0 {
                2.0
            } else if k == last {
                0.3
            } else {
                1.0
            };
            let weight = gain * (3.0 / n_in as f64).sqrt();
            let bias = if k == 0 { 1.0 } else { 0.3 };
            let (start, end) = network.range(k);
            for (i, c) in network.coefficients[start..end].iter_mut().enumerate() {
                *c = random.next() * if i < n_weights { weight } else { bias };
            }
        }
        let (_, end) = network.range(last);
        let biases = &mut network.coefficients[end - n_line..end];
        biases.fill(0.0);
        for row in self.target.chunks(n_line) {
            add(biases, 1.0 / self.floor.len() as f64, row);
        }
        network
    }

    /// Mean of the given power of the residuals (in units of `UNIT_DEX` unless it is the square)
    /// plus `decay` times the sum of the squared weights; writes the gradient.
    fn loss(&self, network: &Network, power: i32, decay: f64, gradient: &mut [f64]) -> f64 {
        let activations = network.activations(&self.inputs);
        let n_line = self.target.len() / self.floor.len();
        let scale = if power == 2 { 1.0 } else { UNIT_DEX };
        let count = self.target.len() as f64;
        let mut sum = 0.0;
        let mut back = vec![0.0; self.target.len()];
        let last = network.n_layers() - 1;
        for (i, back) in back.iter_mut().enumerate() {
            let (sum_dex, share) = floored(activations[last][i], self.floor[i / n_line]);
            let residual = (sum_dex - self.target[i]) / scale;
            let odd = residual.powi(power - 1);
            sum += odd * residual;
            *back = f64::from(power) * odd * share / (scale * count);
        }
        sum /= count;

        gradient.fill(0.0);
        for k in (0..=last).rev() {
            let layer = network.layer(k);
            let previous = if k == 0 { &self.inputs } else { &activations[k - 1] };
            let (start, end) = network.range(k);
            let (weights, biases) = gradient[start..end].split_at_mut(layer.weights.len());
            for (x, g) in previous.chunks(layer.n_in).zip(back.chunks(layer.n_out)) {
                add(biases, 1.0, g);
                for (x, weights) in x.iter().zip(weights.chunks_mut(layer.n_out)) {
                    add(weights, *x, g);
                }
            }
            add(weights, 2.0 * decay, layer.weights);
            sum += decay * layer.weights.iter().map(|w| w * w).sum::<f64>();
            if k > 0 {
                back = back_through(layer.weights, layer.n_out, previous, &back);
            }
        }
        sum
    }
}

/// `a += factor b`.
fn add(a: &mut [f64], factor: f64, b: &[f64]) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += factor * b);
}

/// The gradient with respect to the values before the `tanh` whose results are `previous`.
fn back_through(weights: &[f64], n_out: usize, previous: &[f64], back: &[f64]) -> Vec<f64> {
    let rows = back.chunks(n_out);
    let sums = rows.flat_map(|g| {
        weights.chunks(n_out).map(move |w| w.iter().zip(g).map(|(w, g)| w * g).sum::<f64>())
    });
    sums.zip(previous).map(|(g, y)| g * (1.0 - y * y)).collect()
}

/// `log10(10^x + 10^floor)` and its derivative with respect to `x`.
pub(super) fn floored(x: f64, floor: f64) -> (f64, f64) {
    let below = (floor - x) * LN_10;
    let sum = x + (below.max(0.0) + (-below.abs()).exp().ln_1p()) * LOG10_E;
    (sum, 1.0 / (1.0 + below.exp()))
}

/// Uniform numbers between -1 and 1: splitmix64 of Steele, Lea & Flood (2014).
struct Uniform(u64);

impl Uniform {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        2.0 * (z >> 11) as f64 / (1u64 << 53) as f64 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_close;

    fn problem() -> Problem {
        let inputs: Vec<f64> = (0..40).map(|i| (0.9 * f64::from(i)).sin()).collect();
        let target = inputs
            .chunks(2)
            .flat_map(|x| [x[0] * x[1] - 3.0, (2.0 * x[0]).sin(), x[1] * x[1] - x[0]])
            .map(|y| floored(y, -3.0).0)
            .collect();
        Problem { inputs, target, floor: vec![-3.0; 20] }
    }

    #[test]
    fn the_gradient_of_the_loss_agrees_with_central_differences() {
        let problem = problem();
        let network = problem.start(&[4, 3]);
        let n = network.coefficients.len();
        for power in [2, 4, 8] {
            let loss = |i: usize, step: f64| {
                let mut moved = network.clone();
                moved.coefficients[i] += step;
                problem.loss(&moved, power, 1e-2, &mut vec![0.0; n])
            };
            let numeric: Vec<f64> =
                (0..n).map(|i| (loss(i, 1e-6) - loss(i, -1e-6)) / 2e-6).collect();
            let mut gradient = vec![0.0; n];
            problem.loss(&network, power, 1e-2, &mut gradient);
            let largest = gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()));
            assert_close(&gradient, &numeric, 1e-6, 1e-6 * largest);
        }
    }

    #[test]
    fn a_smooth_table_is_reproduced_and_every_time_the_same() {
        let (problem, effort) = (problem(), Effort { hidden: vec![8, 8], steps: 400 });
        let mut stages = Vec::new();
        let network = problem.solve(&effort, |power, dex| stages.push((power, dex)));
        assert!(stages.iter().map(|s| s.0).eq([2, 4, 8]) && stages[0].1 < 0.01, "{stages:?}");
        assert_eq!(network, problem.solve(&effort, |_, _| {}));
    }

    #[test]
    fn the_floor_is_felt_only_from_below() {
        assert_close(&[floored(0.0, -4.0).0], &[1.0001f64.log10()], 1e-12, 0.0);
        let (value, share) = floored(-400.0, -4.0);
        assert!(value == -4.0 && share == 0.0);
        assert_eq!(floored(400.0, -4.0), (400.0, 1.0));
    }
}
