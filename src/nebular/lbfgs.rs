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

/// A point with its value and gradient.
struct Point {
    x: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

/// A step, the change of the gradient over it, and their product.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    curvature: f64,
}

/// Minimizes `f` from `x` by at most `max_iterations` steps and returns the best point found.
///
/// `f` returns its value and writes its gradient into the second argument. It stops early when no
/// step lowers the value any more.
pub(super) fn minimize(
    x: &[f64],
    max_iterations: usize,
    mut f: impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Vec<f64> {
    let mut evaluate = |x: Vec<f64>| {
        let mut gradient = vec![0.0; x.len()];
        let value = f(&x, &mut gradient);
        Point { x, value, gradient }
    };
    let mut here = evaluate(x.to_vec());
    let mut pairs: VecDeque<Pair> = VecDeque::new();
    for _ in 0..max_iterations {
        let mut direction = descent(&here.gradient, &pairs);
        let slope = dot(&here.gradient, &direction);
        if slope.is_nan() || slope >= 0.0 {
            pairs.clear();
            direction = descent(&here.gradient, &pairs);
        }
        let Some(next) = search(&here, &direction, &mut evaluate) else { break };
        let step = difference(&next.x, &here.x);
        let change = difference(&next.gradient, &here.gradient);
        let curvature = dot(&step, &change);
        if curvature > 1e-14 * (dot(&step, &step) * dot(&change, &change)).sqrt() {
            if pairs.len() == MEMORY {
                pairs.pop_front();
            }
            pairs.push_back(Pair { step, change, curvature });
        }
        here = next;
    }
    here.x
}

/// A point on the line that fulfils the weak Wolfe conditions, or at least lowers the value.
fn search(
    here: &Point,
    direction: &[f64],
    evaluate: &mut impl FnMut(Vec<f64>) -> Point,
) -> Option<Point> {
    let (sufficient, curvature) = WOLFE;
    let slope = dot(&here.gradient, direction);
    let (mut lo, mut hi, mut length) = (0.0, f64::INFINITY, 1.0);
    let mut best = None;
    for _ in 0..MAX_TRIALS {
        let trial = evaluate(here.x.iter().zip(direction).map(|(x, d)| x + length * d).collect());
        let limit = here.value + sufficient * length * slope;
        if trial.value.is_nan() || trial.value > limit {
            hi = length;
        } else if dot(&trial.gradient, direction) < curvature * slope {
            lo = length;
            best = Some(trial);
        } else {
            best = Some(trial);
            break;
        }
        length = if hi.is_finite() { 0.5 * (lo + hi) } else { 2.0 * length };
    }
    best.filter(|point| point.value < here.value)
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

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
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
        let mut calls = 0;
        let x = minimize(&[-1.2, 1.0, 0.3, 2.0], 500, |x, g| {
            calls += 1;
            let mut sum = 0.0;
            for i in [0, 2] {
                let (a, b) = (1.0 - x[i], x[i + 1] - x[i] * x[i]);
                sum += a * a + 100.0 * b * b;
                g[i] = -2.0 * a - 400.0 * x[i] * b;
                g[i + 1] = 200.0 * b;
            }
            sum
        });
        assert!(calls < 200, "{calls}");
        assert_close(&x, &[1.0; 4], 1e-8, 0.0);
    }

    #[test]
    fn a_minimum_and_a_wall_stop_it() {
        let parabola = |x: &[f64], g: &mut [f64]| {
            g[0] = 2.0 * x[0];
            x[0] * x[0]
        };
        assert_eq!(minimize(&[0.0], 10, parabola), [0.0]);
        // Not a number beyond 1: the search must stay on this side and come close.
        let x = minimize(&[0.0], 200, |x, g| {
            g[0] = -1.0;
            if x[0] > 1.0 { f64::NAN } else { -x[0] }
        });
        assert!(x[0] <= 1.0 && x[0] > 0.99, "{x:?}");
    }
}
