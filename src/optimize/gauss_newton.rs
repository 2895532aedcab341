//! Gauss-Newton steps within a radius in which the curvature is trusted.

use nalgebra::{DMatrix, DVector};

use super::Objective;
use super::objective::{trial_point, trial_value};
use crate::Result;
use crate::numerics::lbfgs::{Point, moved};

/// The smallest radius, in units of the longest step, and the factors by which radii shrink and grow.
const SMALLEST: f64 = 1e-6;
const SHRINK: f64 = 0.25;
const GROW: f64 = 3.0;
/// Damping, in units of the largest curvature: the least, and the factor by which it rises until a step is
/// short enough.
const DAMPING: f64 = 1e-14;
const HARDER: f64 = 4.0;

/// What is remembered of the last steps.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GaussNewton {
    /// Most that a parameter changes in the next step.
    pub(super) radius: f64,
}

impl GaussNewton {
    /// Begins with steps in which no parameter changes by more than `longest`.
    pub(super) fn new(longest: f64) -> Self {
        Self { radius: longest }
    }

    /// A step to a lower value, no parameter changing by more than `longest`; `None` where none is found.
    /// The curvature is that of every so-manieth part of the data.
    ///
    /// Steps are damped evenly, not in proportion to each parameter's curvature: in their unbounded space
    /// parameters are alike, and those about which the data say little should stay where they are. A place
    /// where the loss is not defined is no better than a higher one.
    ///
    /// # Errors
    /// Those of the objective that have nothing to do with the place, and those of its curvature.
    pub(super) fn step(
        &mut self,
        here: &Point,
        objective: &mut dyn Objective,
        every: usize,
        longest: f64,
    ) -> Result<Option<Point>> {
        let curvature = objective.information(&here.x, every)?;
        while self.radius >= SMALLEST * longest {
            let Some(step) = step_within(self.radius, &curvature, &here.gradient) else { break };
            let x = moved(&here.x, 1.0, &step);
            if trial_value(objective, &x)? < here.value
                && let Some(next) = trial_point(objective, x)?
            {
                self.radius = (self.radius * GROW).min(longest);
                return Ok(Some(next));
            }
            self.radius = SHRINK * size(&step).min(self.radius);
        }
        // The next attempt, from another place, may try as if nothing had happened.
        self.radius = longest;
        Ok(None)
    }
}

/// The largest change of a parameter.
fn size(step: &[f64]) -> f64 {
    step.iter().fold(0.0f64, |m, x| m.max(x.abs()))
}

/// Minus the gradient over the curvature, damped until no parameter changes by more than `radius`; `None`
/// without curvature.
fn step_within(radius: f64, curvature: &DMatrix<f64>, gradient: &[f64]) -> Option<Vec<f64>> {
    let slope = -DVector::from_column_slice(gradient);
    let mut damping = DAMPING * curvature.diagonal().max();
    while damping > 0.0 && damping.is_finite() {
        let mut damped = curvature.clone();
        (0..gradient.len()).for_each(|j| damped[(j, j)] += damping);
        if let Some(factors) = damped.cholesky() {
            let step = factors.solve(&slope);
            if size(step.as_slice()) <= radius {
                return Some(step.as_slice().to_vec());
            }
        }
        damping *= HARDER;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimize::testing::{Line, rosenbrock};
    use crate::testing::assert_close;

    #[test]
    fn a_linear_problem_takes_few_steps() {
        let mut line = Line::default();
        let mut here = line.point(vec![4.0, -3.0]).unwrap();
        let mut newton = GaussNewton::new(100.0);
        for _ in 0..4 {
            let Some(next) = newton.step(&here, &mut line, 1, 100.0).unwrap() else { break };
            assert!(next.value < here.value);
            here = next;
        }
        assert_close(&here.x, &Line::TRUTH, 1e-6, 1e-9);
    }

    #[test]
    fn a_curved_valley_is_followed() {
        let mut valley = rosenbrock();
        let mut here = valley.point(vec![-1.2, 1.0]).unwrap();
        let mut newton = GaussNewton::new(1.0);
        let mut steps = 0;
        while let Some(next) = newton.step(&here, &mut valley, 1, 1.0).unwrap() {
            assert!(next.value < here.value);
            let longest = moved(&next.x, -1.0, &here.x).iter().fold(0.0f64, |m, x| m.max(x.abs()));
            assert!(longest <= 1.0 + 1e-12);
            here = next;
            steps += 1;
            if here.value < 1e-20 {
                break;
            }
        }
        assert!(steps < 60, "{steps}");
        assert_close(&here.x, &[1.0, 1.0], 1e-8, 0.0);
    }

    #[test]
    fn parameters_that_do_nothing_stay_where_they_are() {
        let mut line = Line { n_idle: 1 };
        let here = line.point(vec![4.0, -3.0, 7.0]).unwrap();
        let next = GaussNewton::new(100.0).step(&here, &mut line, 1, 100.0).unwrap().unwrap();
        assert_eq!(next.x[2], 7.0);
        assert!(next.value < 1e-3 * here.value);
    }
}
