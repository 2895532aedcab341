//! The Levenberg-Marquardt search for the best parameters of one galaxy.
//!
//! Minimises `S(u) = sum_k r_k(u)^2 + sum_j u_j^2`: the residuals of the photometry and those of the
//! [priors](super::prior). The search says where it wants residuals and their Jacobian next, so that
//! those of many galaxies are computed at once.
//!
//! Requires residuals that are smooth in `u`. The matrix `J^T J + 1` is positive definite whatever the
//! photometry; damping follows Nielsen (1999), "Damping parameter in Marquardt's method".

use nalgebra::{DMatrix, DVector};

use super::prior::Latent;

/// A search has converged when the undamped step promises to lower the objective by less: a hundredth of
/// a standard deviation.
const TOLERANCE: f64 = 1e-4;
/// The same when no step lowers the objective, because of rounding: a tenth of a standard deviation.
const TOLERANCE_STALLED: f64 = 1e-2;
/// Damping at the start, relative to the diagonal of the matrix.
const DAMPING: f64 = 1e-2;
/// Damping with which steps lead nowhere.
const DAMPING_MAX: f64 = 1e6;
/// The longest step of one parameter, in standard deviations of its prior.
const STEP_MAX: f64 = 1.5;

/// A search under way.
#[derive(Clone, Debug)]
pub(super) struct Search {
    trial: Vec<f64>,
    /// How much lower the objective should be at the trial.
    promised: f64,
    best: Option<Point>,
    damping: f64,
    growth: f64,
    n_evaluations: usize,
    end: Option<End>,
}

/// A point and the quadratic model of the objective around it.
#[derive(Clone, Debug)]
pub(super) struct Point {
    /// The parameters.
    pub u: Vec<f64>,
    /// The part of the objective that comes from the photometry.
    pub chi2: f64,
    /// `J^T J + 1`, row-major; its inverse is the covariance.
    pub matrix: Vec<f64>,
    /// `J^T r + u`.
    gradient: Vec<f64>,
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// At a minimum.
    Converged,
    /// At a point from which no step lowers the objective, though its gradient promises that.
    Stalled,
    /// Without a single point at which the residuals are numbers.
    Lost,
    /// After the largest number of evaluations.
    Exhausted,
}

impl Point {
    fn new(u: &[f64], residuals: &[f64], jacobian: &[f64]) -> Self {
        let n = u.len();
        let mut matrix = vec![0.0; n * n];
        let mut gradient = u.to_vec();
        for (r, row) in residuals.iter().zip(jacobian.chunks(n)) {
            for i in 0..n {
                gradient[i] += row[i] * r;
                for j in 0..n {
                    matrix[i * n + j] += row[i] * row[j];
                }
            }
        }
        (0..n).for_each(|i| matrix[i * n + i] += 1.0);
        Self { u: u.to_vec(), chi2: residuals.iter().map(|r| r * r).sum(), matrix, gradient }
    }

    /// The objective.
    pub(super) fn objective(&self) -> f64 {
        self.chi2 + self.u.iter().map(|u| u * u).sum::<f64>()
    }

    /// The step with damping, and by how much the quadratic model says that it lowers the objective.
    fn step(&self, damping: f64) -> Option<(Vec<f64>, f64)> {
        let n = self.u.len();
        let mut matrix = self.matrix.clone();
        (0..n).for_each(|i| matrix[i * n + i] *= 1.0 + damping);
        let mut step = solved(&matrix, &self.gradient)?;
        let longest = step.iter().fold(0.0, |most: f64, s| most.max(s.abs()));
        let scale = -(STEP_MAX / longest).min(1.0);
        for (s, u) in step.iter_mut().zip(&self.u) {
            *s = Latent::clamp(u + scale * *s) - u;
        }
        let curved: f64 = (0..n)
            .map(|i| step[i] * (0..n).map(|j| self.matrix[i * n + j] * step[j]).sum::<f64>())
            .sum();
        let sloped: f64 = step.iter().zip(&self.gradient).map(|(s, g)| s * g).sum();
        Some((step, -2.0 * sloped - curved))
    }
}

/// `x` in `A x = b` with a positive definite matrix, row-major; `None` when it is not.
pub(super) fn solved(matrix: &[f64], b: &[f64]) -> Option<Vec<f64>> {
    let factors = DMatrix::from_row_slice(b.len(), b.len(), matrix).cholesky()?;
    Some(factors.solve(&DVector::from_column_slice(b)).as_slice().to_vec())
}

impl Search {
    /// A search that begins at `start`.
    pub(super) fn new(start: Vec<f64>) -> Self {
        Self {
            trial: start,
            promised: 0.0,
            best: None,
            damping: DAMPING,
            growth: 2.0,
            n_evaluations: 0,
            end: None,
        }
    }

    /// Where residuals are wanted next; `None` at the end.
    pub(super) fn trial(&self) -> Option<&[f64]> {
        self.end.is_none().then_some(&self.trial)
    }

    /// How it ended, if it has.
    pub(super) fn end(&self) -> Option<End> {
        self.end
    }

    /// The best point so far.
    pub(super) fn best(&self) -> Option<&Point> {
        self.best.as_ref()
    }

    /// How many times residuals were computed.
    pub(super) fn n_evaluations(&self) -> usize {
        self.n_evaluations
    }

    /// Takes the residuals at the trial and their Jacobian (row-major, `[n_residual, n_param]`), of which
    /// there will be at most `most`.
    pub(super) fn take(&mut self, residuals: &[f64], jacobian: &[f64], most: usize) {
        self.n_evaluations += 1;
        let point = Point::new(&self.trial, residuals, jacobian);
        let is_number = point.objective().is_finite()
            && point.gradient.iter().chain(&point.matrix).all(|x| x.is_finite());
        let gained = self.best.as_ref().map_or(f64::INFINITY, Point::objective) - point.objective();
        if is_number && gained > 0.0 {
            if self.best.is_some() {
                let share = gained / self.promised;
                self.damping *= (1.0 - (2.0 * share - 1.0).powi(3)).clamp(0.1, 2.0);
                self.growth = 2.0;
            }
            self.best = Some(point);
        } else {
            self.damping *= self.growth;
            self.growth *= 2.0;
        }
        self.go_on(most);
    }

    /// Ends, or chooses the next trial.
    fn go_on(&mut self, most: usize) {
        let Some(point) = &self.best else {
            self.end = Some(End::Lost);
            return;
        };
        // A matrix that rounding has made singular promises nothing that could be relied on.
        let undamped = point.step(0.0).map_or(f64::INFINITY, |(_, promised)| promised);
        let stalled = self.damping > DAMPING_MAX;
        self.end = if undamped < TOLERANCE || stalled && undamped < TOLERANCE_STALLED {
            Some(End::Converged)
        } else if stalled {
            Some(End::Stalled)
        } else if self.n_evaluations >= most {
            Some(End::Exhausted)
        } else {
            None
        };
        let nowhere = || (vec![0.0; point.u.len()], 0.0);
        let (step, promised) = point.step(self.damping).unwrap_or_else(nowhere);
        self.trial = point.u.iter().zip(&step).map(|(u, s)| u + s).collect();
        self.promised = promised;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_close;

    /// Searches with residuals and Jacobian given by a function.
    fn search(start: Vec<f64>, f: impl Fn(&[f64]) -> (Vec<f64>, Vec<f64>)) -> Search {
        let mut search = Search::new(start);
        while let Some(u) = search.trial() {
            let (residuals, jacobian) = f(u);
            search.take(&residuals, &jacobian, 60);
        }
        search
    }

    #[test]
    fn a_singular_matrix_is_no_convergence() {
        // So much larger than the prior that rounding loses it.
        let f = |u: &[f64]| (vec![1e12 * (u[0] + u[1])], vec![1e12, 1e12]);
        assert_eq!(search(vec![0.5, 0.3], f).end(), Some(End::Stalled));
    }

    #[test]
    fn linear_residuals_take_one_undamped_step_to_the_posterior_mean() {
        // r = (2 u0 + u1 - 3, u1 + 1); the normal equations by hand: [[5, 2], [2, 3]] u = (6, 2).
        let f = |u: &[f64]| (vec![2.0 * u[0] + u[1] - 3.0, u[1] + 1.0], vec![2.0, 1.0, 0.0, 1.0]);
        let search = search(vec![0.0, 0.0], f);
        assert_eq!(search.end(), Some(End::Converged));
        let best = search.best().unwrap();
        assert_close(&best.u, &[14.0 / 11.0, -2.0 / 11.0], 0.0, 0.02);
        assert_eq!(best.matrix, [5.0, 2.0, 2.0, 3.0]);
        assert!(search.n_evaluations() <= 4);
    }

    #[test]
    fn curved_valleys_are_followed() {
        // Rosenbrock's function with a weak prior: the minimum is close to (1, 1).
        let (a, b) = (100.0, 1000.0);
        let f = |u: &[f64]| {
            let r = vec![a * (1.0 - u[0]), b * (u[1] - u[0] * u[0])];
            (r, vec![-a, 0.0, -2.0 * b * u[0], b])
        };
        let search = search(vec![-1.2, 1.0], f);
        assert_eq!(search.end(), Some(End::Converged));
        assert_close(&search.best().unwrap().u, &[1.0, 1.0], 0.0, 1e-3);
    }

    #[test]
    fn values_that_are_no_numbers_are_avoided_or_reported() {
        // A cliff between the start and the minimum at 2 / 1.0001.
        let cliff = |u: &[f64]| {
            (vec![if u[0] > 2.2 { f64::NAN } else { 100.0 * (u[0] - 2.0) }], vec![100.0])
        };
        let found = search(vec![0.0], cliff);
        assert_eq!(found.end(), Some(End::Converged));
        assert_close(&found.best().unwrap().u, &[2.0], 0.0, 1e-3);
        let lost = search(vec![0.0], |_| (vec![f64::NAN], vec![1.0]));
        assert_eq!((lost.end(), lost.best().is_none()), (Some(End::Lost), true));
    }

    #[test]
    fn searches_that_lead_nowhere_end() {
        // A gradient of the wrong sign.
        let wrong = search(vec![0.0], |u| (vec![10.0 * (u[0] - 1.0)], vec![-10.0]));
        assert_eq!(wrong.end(), Some(End::Stalled));
        let mut endless = Search::new(vec![0.0]);
        endless.take(&[-50.0], &[1.0], 1);
        assert_eq!(endless.end(), Some(End::Exhausted));
    }
}
