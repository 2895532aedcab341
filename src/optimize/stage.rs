//! The stages of an optimization: which method, for how long.

use serde::{Deserialize, Serialize};

use crate::names::named;
use crate::{Error, Result};

/// Most steps of a stage.
const MAX_STEPS: usize = 1_000_000;

/// A method of minimization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Adam (Kingma & Ba 2015), with a learning rate that rises and falls. Robust far from the minimum.
    Adam,
    /// Limited-memory BFGS: curvature from the gradients of past steps.
    Lbfgs,
    /// Gauss-Newton, damped as by Levenberg until steps are short enough: curvature from the Jacobian of the
    /// statistics. Few but costly steps.
    GaussNewton,
}

named!(Method, "method", Adam = "adam", Lbfgs = "lbfgs", GaussNewton = "gauss_newton",);

/// A part of an optimization. Lengths are in the unbounded space of the parameters, in which population
/// parameters change by ten for each e-fold of their odds between their bounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// How.
    pub method: Method,
    /// Most steps.
    pub steps: usize,
    /// Adam: the largest learning rate, which is about the length of its first steps.
    #[serde(default = "learning_rate")]
    pub learning_rate: f64,
    /// Adam: steps over which the learning rate rises; afterwards it falls as a cosine.
    #[serde(default = "warm_up")]
    pub warm_up: usize,
    /// Adam: the last learning rate as a share of the largest.
    #[serde(default = "last_share")]
    pub last_share: f64,
    /// L-BFGS: length of the first step. Gauss-Newton: most that a parameter may change in a step.
    #[serde(default = "longest_step")]
    pub longest_step: f64,
    /// Gauss-Newton: curvature from every so-manieth chunk of galaxies. The minimum is the same, the steps
    /// are cheaper and a little less well chosen.
    #[serde(default = "every")]
    pub curvature_every: usize,
    /// The stage ends when the lowest loss has not fallen by this much over `patience` steps.
    #[serde(default = "tolerance")]
    pub tolerance: f64,
    /// Steps; without it, 30 for Adam, 3 for L-BFGS, 1 for Gauss-Newton.
    pub patience: Option<usize>,
}

fn learning_rate() -> f64 {
    0.5
}

fn warm_up() -> usize {
    5
}

fn last_share() -> f64 {
    0.05
}

fn longest_step() -> f64 {
    5.0
}

fn every() -> usize {
    1
}

fn tolerance() -> f64 {
    1e-3
}

impl Stage {
    /// A stage with the default settings.
    pub fn new(method: Method, steps: usize) -> Self {
        Self {
            method,
            steps,
            learning_rate: learning_rate(),
            warm_up: warm_up(),
            last_share: last_share(),
            longest_step: longest_step(),
            curvature_every: every(),
            tolerance: tolerance(),
            patience: None,
        }
    }

    /// Steps without progress after which the stage ends.
    pub fn patience(&self) -> usize {
        self.patience.unwrap_or(match self.method {
            Method::Adam => 30,
            Method::Lbfgs => 3,
            Method::GaussNewton => 1,
        })
    }

    /// # Errors
    /// [`Error::OutOfRange`] naming the setting.
    pub fn check(&self) -> Result<()> {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let checks = [
            ("steps", self.steps as f64, (1..=MAX_STEPS).contains(&self.steps), "[1, 1000000]"),
            ("learning_rate", self.learning_rate, positive(self.learning_rate), "(0, inf)"),
            ("last_share", self.last_share, (0.0..=1.0).contains(&self.last_share), "[0, 1]"),
            ("longest_step", self.longest_step, positive(self.longest_step), "(0, inf)"),
            ("curvature_every", self.curvature_every as f64, self.curvature_every > 0, "[1, inf)"),
            ("tolerance", self.tolerance, self.tolerance >= 0.0, "[0, inf)"),
            ("patience", self.patience() as f64, self.patience() > 0, "[1, inf)"),
        ];
        match checks.into_iter().find(|(_, _, good, _)| !good) {
            None => Ok(()),
            Some((what, value, _, allowed)) => Err(Error::OutOfRange {
                what: format!("{what} of the stage {}", self.method),
                value,
                allowed: allowed.into(),
            }),
        }
    }
}
