//! Minimization on the host: limited-memory BFGS with a weak Wolfe line search.
//!
//! See Nocedal & Wright (2006), Numerical Optimization, algorithm 7.5; the line search is the
//! bisection of Lewis & Overton (2013, Math. Program. 141, 135).

use std::collections::VecDeque;

/// Pairs of steps and gradient changes that are remembered.
const MEMORY: usize = 20;
/// Sufficient decrease and curvature of an accepted step.
const WOLFE: (f64, f64) = (1e-4, 0.9);
/// Trials of one line search.
const MAX_TRIALS: usize = 25;

/// A step, the change of the gradient over it, and their product.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    curvature: f64,
}

/// Minimizes `f` from `x` by at most `max_iterations` steps and returns the last value.
///
/// `f` returns its value and writes its gradient into the second argument. It stops early when no
/// step lowers the value any more.
pub(super) fn minimize(
    x: &mut Vec<f64>,
    max_iterations: usize,
    mut f: impl FnMut(&[f64], &mut [f64]) -> f64,
) -> f64 {
    let mut gradient = vec![0.0; x.len()];
    let mut value = f(x, &mut gradient);
    let mut pairs: VecDeque<Pair> = VecDeque::new();
    for _ in 0..max_iterations {
        let mut direction = descent(&gradient, &pairs);
        let mut slope = dot(&gradient, &direction);
        if slope.is_nan() || slope >= 0.0 {
            pairs.clear();
            direction = descent(&gradient, &pairs);
            slope = dot(&gradient, &direction);
        }

        let (mut lo, mut hi, mut length) = (0.0, f64::INFINITY, 1.0);
        let mut trial_gradient = vec![0.0; x.len()];
        let (mut trial, mut trial_value) = (x.clone(), value);
        for _ in 0..MAX_TRIALS {
            trial = x.iter().zip(&direction).map(|(x, d)| x + length * d).collect();
            trial_value = f(&trial, &mut trial_gradient);
            // Also true when the value is not a number.
            let too_far = !(trial_value <= value + WOLFE.0 * length * slope);
            if too_far {
                hi = length;
            } else if dot(&trial_gradient, &direction) < WOLFE.1 * slope {
                lo = length;
            } else {
                break;
            }
            length = if hi.is_finite() { 0.5 * (lo + hi) } else { 2.0 * length };
        }
        if !(trial_value < value) {
            break;
        }

        let step: Vec<f64> = trial.iter().zip(x.iter()).map(|(a, b)| a - b).collect();
        let change: Vec<f64> = trial_gradient.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        let curvature = dot(&step, &change);
        if curvature > 1e-14 * (dot(&step, &step) * dot(&change, &change)).sqrt() {
            if pairs.len() == MEMORY {
                pairs.pop_front();
            }
            pairs.push_back(Pair { step, change, curvature });
        }
        (*x, value, gradient) = (trial, trial_value, trial_gradient);
    }
    value
}

/// Minus the gradient times the inverse Hessian that the pairs imply.
fn descent(gradient: &[f64], pairs: &VecDeque<Pair>) -> Vec<f64> {
    let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut alphas = Vec::with_capacity(pairs.len());
    for pair in pairs.iter().rev() {
        let alpha = dot(&pair.step, &q) / pair.curvature;
        add(&mut q, -alpha, &pair.change);
        alphas.push(alpha);
    }
    let scale = match pairs.back() {
        Some(pair) => pair.curvature / dot(&pair.change, &pair.change),
        None => 0.1 / dot(gradient, gradient).sqrt().max(1e-300),
    };
    q.iter_mut().for_each(|q| *q *= scale);
    for (pair, alpha) in pairs.iter().zip(alphas.iter().rev()) {
        let beta = dot(&pair.change, &q) / pair.curvature;
        add(&mut q, alpha - beta, &pair.step);
    }
    q
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `a += factor b`.
pub(super) fn add(a: &mut [f64], factor: f64, b: &[f64]) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += factor * b);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_close;

    #[test]
    fn finds_the_minimum_of_rosenbrocks_valley() {
        let mut x = vec![-1.2, 1.0, 0.3, 2.0];
        let mut calls = 0;
        let value = minimize(&mut x, 500, |x, g| {
            calls += 1;
            g.fill(0.0);
            let mut sum = 0.0;
            for i in [0, 2] {
                let (a, b) = (1.0 - x[i], x[i + 1] - x[i] * x[i]);
                sum += a * a + 100.0 * b * b;
                g[i] = -2.0 * a - 400.0 * x[i] * b;
                g[i + 1] = 200.0 * b;
            }
            sum
        });
        assert!(value < 1e-18 && calls < 200, "{value:e} after {calls} calls");
        assert_close(&x, &[1.0; 4], 1e-8, 0.0);
    }

    #[test]
    fn a_minimum_and_a_wall_stop_it() {
        let mut x = vec![0.0];
        assert_eq!(
            minimize(&mut x, 10, |x, g| {
                g[0] = 2.0 * x[0];
                x[0] * x[0]
            }),
            0.0
        );
        // Not a number beyond 1: the search must stay on this side.
        let mut x = vec![0.0];
        minimize(&mut x, 200, |x, g| {
            g[0] = -1.0;
            if x[0] > 1.0 { f64::NAN } else { -x[0] }
        });
        assert!(x[0] <= 1.0 && x[0] > 0.5, "{x:?}");
    }
}
