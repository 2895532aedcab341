//! Minimization on the host: limited-memory BFGS with a weak Wolfe line search.
//!
//! See Nocedal & Wright (2006), Numerical Optimization, algorithm 7.5; the line search is the
//! bisection of Lewis & Overton (2013, Math. Program. 141, 135).

use std::collections::VecDeque;
use std::convert::Infallible;

/// Pairs of steps and gradient changes that are remembered.
const MEMORY: usize = 20;
/// Sufficient decrease and curvature of an accepted step.
const WOLFE: (f64, f64) = (1e-4, 0.9);
/// Trials of one line search.
const MAX_TRIALS: usize = 25;

/// A place with the value of a function there and its gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The place.
    pub x: Vec<f64>,
    /// The value.
    pub value: f64,
    /// Derivatives of the value.
    pub gradient: Vec<f64>,
}

impl Point {
    /// Length of the gradient.
    pub fn gradient_norm(&self) -> f64 {
        dot(&self.gradient, &self.gradient).sqrt()
    }

    /// Whether place, value and gradient are numbers.
    pub fn is_finite(&self) -> bool {
        let finite = |x: &[f64]| x.iter().all(|x| x.is_finite());
        self.value.is_finite() && finite(&self.x) && finite(&self.gradient)
    }
}

/// What is remembered of the last steps.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lbfgs {
    /// Length of the first step that is tried.
    first_step: f64,
    pairs: VecDeque<Pair>,
}

/// A step and the change of the gradient over it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pair {
    pub(crate) step: Vec<f64>,
    pub(crate) change: Vec<f64>,
}

impl Pair {
    fn curvature(&self) -> f64 {
        dot(&self.step, &self.change)
    }
}

impl Lbfgs {
    pub(crate) fn new(first_step: f64) -> Self {
        Self { first_step, pairs: VecDeque::new() }
    }

    pub(crate) fn with_pairs(first_step: f64, pairs: impl IntoIterator<Item = Pair>) -> Self {
        Self { first_step, pairs: pairs.into_iter().collect() }
    }

    pub(crate) fn first_step(&self) -> f64 {
        self.first_step
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter()
    }

    /// A step to a lower value; `None` where none is found.
    ///
    /// # Errors
    /// Those of `evaluate`.
    pub(crate) fn step<E>(
        &mut self,
        here: &Point,
        mut evaluate: impl FnMut(Vec<f64>) -> Result<Point, E>,
    ) -> Result<Option<Point>, E> {
        let mut direction = self.descent(&here.gradient);
        let slope = dot(&here.gradient, &direction);
        if slope.is_nan() || slope >= 0.0 {
            self.pairs.clear();
            direction = self.descent(&here.gradient);
        }
        let Some(next) = search(here, &direction, &mut evaluate)? else { return Ok(None) };
        let pair = Pair {
            step: moved(&next.x, -1.0, &here.x),
            change: moved(&next.gradient, -1.0, &here.gradient),
        };
        let (steps, changes) = (dot(&pair.step, &pair.step), dot(&pair.change, &pair.change));
        if pair.curvature() > 1e-14 * (steps * changes).sqrt() {
            if self.pairs.len() == MEMORY {
                self.pairs.pop_front();
            }
            self.pairs.push_back(pair);
        }
        Ok(Some(next))
    }

    /// Minus the gradient times the inverse Hessian that the pairs imply.
    fn descent(&self, gradient: &[f64]) -> Vec<f64> {
        let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut alphas = Vec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter().rev() {
            let alpha = dot(&pair.step, &q) / pair.curvature();
            q = moved(&q, -alpha, &pair.change);
            alphas.push(alpha);
        }
        let scale = match self.pairs.back() {
            Some(pair) => pair.curvature() / dot(&pair.change, &pair.change),
            None => self.first_step / dot(gradient, gradient).sqrt().max(1e-300),
        };
        q.iter_mut().for_each(|q| *q *= scale);
        for (pair, alpha) in self.pairs.iter().zip(alphas.iter().rev()) {
            let beta = dot(&pair.change, &q) / pair.curvature();
            q = moved(&q, alpha - beta, &pair.step);
        }
        q
    }
}

/// A point on the line that fulfils the weak Wolfe conditions, or at least lowers the value.
fn search<E>(
    here: &Point,
    direction: &[f64],
    evaluate: &mut impl FnMut(Vec<f64>) -> Result<Point, E>,
) -> Result<Option<Point>, E> {
    let (sufficient, curvature) = WOLFE;
    let slope = dot(&here.gradient, direction);
    let (mut lo, mut hi, mut length) = (0.0, f64::INFINITY, 1.0);
    let mut best = None;
    for _ in 0..MAX_TRIALS {
        let trial = evaluate(moved(&here.x, length, direction))?;
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
    Ok(best.filter(|point| point.value < here.value))
}

/// Minimizes `f` from `x` by at most `max_iterations` steps and returns the best point found.
///
/// `f` returns its value and writes its gradient into the second argument. It stops early when no
/// step lowers the value any more.
pub(crate) fn minimize(
    x: &[f64],
    max_iterations: usize,
    mut f: impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Vec<f64> {
    let mut evaluate = |x: Vec<f64>| {
        let mut gradient = vec![0.0; x.len()];
        let value = f(&x, &mut gradient);
        Ok::<Point, Infallible>(Point { x, value, gradient })
    };
    let mut lbfgs = Lbfgs::new(0.1);
    let Ok(mut here) = evaluate(x.to_vec());
    for _ in 0..max_iterations {
        let Ok(Some(next)) = lbfgs.step(&here, &mut evaluate) else { break };
        here = next;
    }
    here.x
}

/// `a . b`.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `a + factor b`.
pub(crate) fn moved(a: &[f64], factor: f64, b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + factor * b).collect()
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
