//! Gauss-Newton steps with the damping of Levenberg and Marquardt.

use nalgebra::{DMatrix, DVector};

use super::Objective;
use crate::Result;
use crate::numerics::lbfgs::{Point, moved};

/// Damping at the start, the smallest there is, and the largest that is tried.
const DAMPING: (f64, f64, f64) = (1e-3, 1e-9, 1e9);
/// Factors by which it falls after a step and rises after an attempt.
const EASIER: f64 = 0.1;
const HARDER: f64 = 8.0;
/// Curvature, in units of the largest, below which a direction counts as flat.
const FLAT: f64 = 1e-12;

/// What is remembered of the last steps.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GaussNewton {
    /// Share of each parameter's curvature that is added to it.
    pub(super) damping: f64,
}

impl GaussNewton {
    pub(super) fn new() -> Self {
        Self { damping: DAMPING.0 }
    }

    /// A step to a lower value, no parameter changing by more than `longest`; `None` where none is found.
    /// The curvature is that of every so-manieth part of the data.
    ///
    /// # Errors
    /// Those of the objective.
    pub(super) fn step(
        &mut self,
        here: &Point,
        objective: &mut dyn Objective,
        every: usize,
        longest: f64,
    ) -> Result<Option<Point>> {
        let curvature = objective.information(&here.x, every)?;
        let flat = FLAT * curvature.diagonal().max();
        while self.damping <= DAMPING.2 {
            if let Some(mut step) = damped_step(&curvature, &here.gradient, self.damping, flat) {
                let length = step.iter().fold(0.0f64, |m, x| m.max(x.abs()));
                step.iter_mut().for_each(|x| *x *= (longest / length).min(1.0));
                let x = moved(&here.x, 1.0, &step);
                if objective.value(&x)? < here.value {
                    self.damping = (self.damping * EASIER).max(DAMPING.1);
                    return Ok(Some(objective.point(x)?));
                }
            }
            self.damping *= HARDER;
        }
        // The next attempt, from another place, may try as if nothing had happened.
        self.damping = DAMPING.0;
        Ok(None)
    }
}

/// Minus the gradient over the damped curvature; `None` when that is not positive definite.
fn damped_step(
    curvature: &DMatrix<f64>,
    gradient: &[f64],
    damping: f64,
    flat: f64,
) -> Option<Vec<f64>> {
    let mut damped = curvature.clone();
    for j in 0..gradient.len() {
        damped[(j, j)] += damping * curvature[(j, j)].max(flat) + f64::MIN_POSITIVE;
    }
    let step = damped.cholesky()?.solve(&-DVector::from_column_slice(gradient));
    step.iter().all(|x| x.is_finite()).then(|| step.as_slice().to_vec())
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
        let mut newton = GaussNewton::new();
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
        let mut newton = GaussNewton::new();
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
        let mut line = Line { n_idle: 1, ..Line::default() };
        let here = line.point(vec![4.0, -3.0, 7.0]).unwrap();
        let next = GaussNewton::new().step(&here, &mut line, 1, 100.0).unwrap().unwrap();
        assert_eq!(next.x[2], 7.0);
        assert!(next.value < 1e-3 * here.value);
    }
}
