//! The run of an optimization: stage by stage, step by step, from any state on.

use super::adam::Adam;
use super::gauss_newton::GaussNewton;
use super::objective::trial_point;
use super::state::{Memory, Record, State};
use super::{Method, Objective, Stage};
use crate::numerics::lbfgs::{Lbfgs, Point};
use crate::numerics::schedule::risen_and_fallen;
use crate::{Error, Result};

/// Minimizes an objective from `state` on, by the stages that are left, and returns the last state, whose
/// [`best`](State::best) is the result.
///
/// `watch` sees the state after every step; when it says `false`, the run ends and can be continued from
/// that state as if it had not.
///
/// Where a trial has no defined loss (see [`Objective::value`]), shorter steps are tried; Adam, which has no
/// trials, ends its stage.
///
/// # Errors
/// [`Error::Invalid`] for no stages and a loss that is not finite at the start; those of [`Stage::check`], of
/// the objective and of `watch`.
pub fn optimize(
    objective: &mut dyn Objective,
    stages: &[Stage],
    mut state: State,
    mut watch: impl FnMut(&State) -> Result<bool>,
) -> Result<State> {
    if stages.is_empty() {
        return Err(Error::invalid("optimization", "at least one stage is needed"));
    }
    stages.iter().try_for_each(Stage::check)?;
    if state.history.is_empty() {
        let start = objective.point(state.here.x.clone())?;
        state.note(start, true)?;
        if !watch(&state)? {
            return Ok(state);
        }
    }
    while let Some(stage) = stages.get(state.stage) {
        let over = state.step >= stage.steps || state.idle(stage.tolerance, stage.patience());
        if over || !step(objective, stage, &mut state)? {
            // The next one begins at the best place that was seen.
            state.next_stage();
            continue;
        }
        if !watch(&state)? {
            return Ok(state);
        }
    }
    Ok(state)
}

/// One step; `false` where there is none: none that lowers the loss, or to where it is defined.
fn step(objective: &mut dyn Objective, stage: &Stage, state: &mut State) -> Result<bool> {
    let next = match stage.method {
        Method::Adam => {
            let mut adam = match &state.memory {
                Memory::Adam { steps, first, second } => Adam::resume(*steps, first, second)?,
                _ => Adam::new()?,
            };
            let Stage { steps, warm_up, last_share, .. } = *stage;
            let share = risen_and_fallen(state.step, steps, warm_up, last_share);
            let x = adam.step(&state.here, stage.learning_rate * share)?;
            state.memory = adam.memory()?;
            trial_point(objective, x)?
        }
        Method::Lbfgs => {
            let mut lbfgs = match std::mem::take(&mut state.memory) {
                Memory::Lbfgs(lbfgs) => lbfgs,
                _ => Lbfgs::new(stage.longest_step),
            };
            let next = lbfgs.step(&state.here, |x| {
                let gradient = vec![0.0; x.len()];
                let nowhere = Point { x: x.clone(), value: f64::INFINITY, gradient };
                Ok::<Point, Error>(trial_point(objective, x)?.unwrap_or(nowhere))
            })?;
            state.memory = Memory::Lbfgs(lbfgs);
            next
        }
        Method::GaussNewton => {
            let mut newton = match &state.memory {
                Memory::GaussNewton { radius } => GaussNewton { radius: *radius },
                _ => GaussNewton::new(stage.longest_step),
            };
            let Stage { curvature_every, longest_step, .. } = *stage;
            let next = newton.step(&state.here, objective, curvature_every, longest_step)?;
            state.memory = Memory::GaussNewton { radius: newton.radius };
            next
        }
    };
    let found = next.is_some();
    if let Some(next) = next {
        state.note(next, false)?;
    }
    Ok(found)
}

impl State {
    /// Takes note of a new place, the first or one that a step has led to.
    fn note(&mut self, here: Point, first: bool) -> Result<()> {
        if !here.is_finite() {
            let Point { value, .. } = here;
            let reason = format!("is {value}, with a gradient of {}", here.gradient_norm());
            return Err(Error::invalid("loss", reason));
        }
        if first || here.value < self.best.value {
            self.best = here.clone();
        }
        self.here = here;
        self.step += usize::from(!first);
        self.history.push(Record {
            stage: self.stage,
            step: self.step,
            value: self.here.value,
            gradient_norm: self.here.gradient_norm(),
        });
        Ok(())
    }

    /// Whether the steps of this stage stopped lowering the loss.
    fn idle(&self, tolerance: f64, patience: usize) -> bool {
        if self.step < patience {
            return false;
        }
        let lowest = |records: &[Record]| {
            records.iter().map(|record| record.value).fold(f64::INFINITY, f64::min)
        };
        let before = self.history.len() - patience;
        lowest(&self.history[..before]) - lowest(&self.history) < tolerance
    }

    fn next_stage(&mut self) {
        self.stage += 1;
        self.step = 0;
        self.memory = Memory::None;
        self.here = self.best.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimize::testing::{Beyond, Line, Walled, rosenbrock};
    use crate::testing::assert_close;

    fn all_methods() -> Vec<Stage> {
        vec![
            Stage { learning_rate: 0.05, ..Stage::new(Method::Adam, 15) },
            Stage { longest_step: 0.1, tolerance: 1e-9, ..Stage::new(Method::Lbfgs, 12) },
            Stage { tolerance: 1e-16, ..Stage::new(Method::GaussNewton, 40) },
        ]
    }

    #[test]
    fn every_method_finds_the_minimum() {
        let run = |method, steps, objective: &mut dyn Objective, start: [f64; 2]| {
            let stage = Stage { tolerance: 0.0, ..Stage::new(method, steps) };
            let start = State::start(start.to_vec());
            optimize(objective, &[stage], start, |_| Ok(true)).unwrap().best
        };
        for method in [Method::Lbfgs, Method::GaussNewton] {
            let best = run(method, 80, &mut rosenbrock(), [-1.2, 1.0]);
            assert_close(&best.x, &[1.0, 1.0], 1e-6, 0.0);
        }
        let best = run(Method::Adam, 300, &mut Line::default(), [4.0, -3.0]);
        assert_close(&best.x, &Line::TRUTH, 1e-2, 0.0);
    }

    #[test]
    fn a_run_that_is_cut_anywhere_is_the_same() {
        let stages = all_methods();
        let run = |state, until: usize| {
            let watch = |state: &State| Ok(state.history.len() < until);
            optimize(&mut rosenbrock(), &stages, state, watch).unwrap()
        };
        let start = || State::start(vec![-1.2, 1.0]);
        let whole = run(start(), usize::MAX);
        assert_eq!(whole.stage, 3);
        assert!(whole.best.value < 1e-12, "{}", whole.best.value);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        for until in (1..whole.history.len()).step_by(3) {
            run(start(), until).write(&path, "a").unwrap();
            let state = State::read(&path, "a").unwrap();
            assert_eq!(run(state, usize::MAX), whole, "{until}");
        }
    }

    #[test]
    fn a_stage_ends_when_nothing_is_gained() {
        let stage = Stage { tolerance: 1e-6, ..Stage::new(Method::GaussNewton, 1000) };
        let start = State::start(vec![4.0, -3.0]);
        let end = optimize(&mut Line::default(), &[stage], start, |_| Ok(true)).unwrap();
        assert!(end.history.len() < 10, "{}", end.history.len());
        assert_close(&end.best.x, &Line::TRUTH, 1e-4, 1e-5);
    }

    #[test]
    fn a_loss_that_is_not_defined_everywhere_is_minimized_all_the_same() {
        // The first steps of each method lead beyond the wall.
        for &method in Method::ALL {
            let stage = Stage {
                learning_rate: 2.0,
                warm_up: 1,
                longest_step: 8.0,
                tolerance: 0.0,
                ..Stage::new(method, 60)
            };
            for beyond in [Beyond::NotANumber, Beyond::Error] {
                let mut walled = Walled { inner: rosenbrock(), beyond, n: 0 };
                let start = State::start(vec![-1.2, 1.0]);
                let stages = [stage.clone()];
                let end = optimize(&mut walled, &stages, start, |_| Ok(true)).unwrap();
                assert!(walled.n > 0, "{method}: never beyond the wall");
                assert_eq!(end.stage, 1);
                assert!(end.best.is_finite() && end.best.value <= end.history[0].value);
                if method != Method::Adam {
                    assert_close(&end.best.x, &[1.0, 1.0], 1e-2, 0.0);
                }
            }
            // Failures of the machinery are none of the place.
            let mut failing = Walled { inner: rosenbrock(), beyond: Beyond::Failure, n: 0 };
            let start = State::start(vec![-1.2, 1.0]);
            let end = optimize(&mut failing, &[stage], start, |_| Ok(true));
            assert!(matches!(end, Err(Error::Worker { .. })), "{method}");
        }
    }

    #[test]
    fn wrong_settings_are_errors() {
        let run = |stages: &[Stage]| {
            let start = State::start(vec![4.0, -3.0]);
            optimize(&mut Line::default(), stages, start, |_| Ok(true)).unwrap_err().to_string()
        };
        assert!(run(&[]).contains("at least one stage"));
        let new = || Stage::new(Method::Adam, 3);
        assert!(run(&[Stage { learning_rate: 0.0, ..new() }]).contains("learning_rate"));
        assert!(run(&[Stage { curvature_every: 0, ..new() }]).contains("curvature_every"));
        assert!(run(&[Stage { tolerance: f64::NAN, ..new() }]).contains("tolerance"));
        assert!(run(&[Stage::new(Method::Lbfgs, 0)]).contains("steps of the stage lbfgs"));
        let start = State::start(vec![f64::NAN, 0.0]);
        let end = optimize(&mut Line::default(), &[new()], start, |_| Ok(true));
        assert!(end.unwrap_err().to_string().contains("loss: is NaN"));
    }
}
