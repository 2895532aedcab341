//! Means and standard deviations over the posterior probability, by importance sampling.
//!
//! The posterior density of `u` is `exp(-S(u) / 2)` up to a constant. Points are drawn from densities like
//! it that are easily drawn from, and weighted by the ratio of the two, so that the skewness that a
//! maximum and its curvature do not know about is in the result. A first round draws around the end of
//! the search; each further one from the mean and the covariance of all points before it. A weight has
//! the mean of the densities of all rounds below it: adaptive multiple importance sampling (Cornuet et
//! al. 2012, Scand. J. Stat. 39, 798).

use nalgebra::{DMatrix, DVector};

use crate::numerics::random::{normal, uniform};

/// Draws between which the density to draw from changes.
pub(super) const ROUND: usize = 64;
/// So many effective draws are enough: means are off by a tenth of a standard deviation.
const ENOUGH: f64 = 100.0;
/// Degrees of freedom, even, of the densities that are drawn from, Student's: with tails that are longer
/// than those of the posterior no weight is large.
const FREEDOM: u16 = 6;
/// A covariance is that of so many effective points per parameter at least: those of weights to a power
/// below 1 where the weights themselves are too unequal.
const PER_PARAMETER: f64 = 5.0;

/// The draws of one galaxy.
#[derive(Clone, Debug)]
pub(super) struct Sampler {
    seed: u64,
    /// The largest number of draws.
    most: usize,
    is_done: bool,
    /// What each round is drawn from.
    rounds: Vec<Student>,
    draws: Vec<Draw>,
}

/// A point, and what is there.
#[derive(Clone, Debug)]
struct Draw {
    u: Vec<f64>,
    found: Found,
}

/// What is found at a point.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Logarithm of the posterior density, up to a constant.
    pub ln_density: f64,
    /// Quantities of which means are wanted.
    pub values: Vec<f64>,
    /// Their variances, of those that vary at a point.
    pub variances: Vec<f64>,
}

/// Weighted means.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Moments {
    /// Means.
    pub means: Vec<f64>,
    /// Standard deviations.
    pub deviations: Vec<f64>,
    /// The number of independent points that would tell as much: `(sum w)^2 / sum w^2`.
    pub n_effective: f64,
}

/// A Student distribution of many dimensions.
#[derive(Clone, Debug)]
struct Student {
    centre: DVector<f64>,
    /// `L` in the scale matrix `L L^T`.
    factor: DMatrix<f64>,
    /// Logarithm of the determinant of `L`.
    ln_determinant: f64,
}

impl Sampler {
    /// At most `most` draws, at first around `centre` with a covariance, row-major; `None` when that is not
    /// positive definite. The same `seed` gives the same random numbers.
    pub(super) fn new(centre: &[f64], covariance: &[f64], most: usize, seed: u64) -> Option<Self> {
        let n = centre.len();
        let covariance = DMatrix::from_row_slice(n, n, covariance);
        let first = Student::new(DVector::from_column_slice(centre), covariance)?;
        let is_done = most == 0;
        Some(Self { seed, most, is_done, rounds: vec![first], draws: Vec::new() })
    }

    /// The next point; `None` when there are draws enough.
    pub(super) fn point(&self) -> Option<Vec<f64>> {
        let last = &self.rounds[self.rounds.len() - 1];
        (!self.is_done).then(|| last.draw(self.seed, self.draws.len()))
    }

    /// Takes what is there.
    pub(super) fn take(&mut self, u: Vec<f64>, found: Found) {
        self.draws.push(Draw { u, found });
        let whole_round = self.draws.len().is_multiple_of(ROUND);
        self.is_done = self.draws.len() >= self.most
            || whole_round && self.moments().is_some_and(|found| found.n_effective >= ENOUGH);
        if whole_round && !self.is_done {
            let last = &self.rounds[self.rounds.len() - 1];
            self.rounds.push(self.adapted().unwrap_or_else(|| last.clone()));
        }
    }

    /// The moments of the quantities. Points at which something is not a number are left out; `None` when
    /// none is left.
    pub(super) fn moments(&self) -> Option<Moments> {
        let (draws, ln_weights) = self.weighted();
        let weights = powers(&ln_weights, 1.0);
        let n = draws.first()?.found.values.len();
        let over = |of: &dyn Fn(&Found) -> f64| mean(&weights, &draws, |draw| of(&draw.found));
        let means: Vec<f64> = (0..n).map(|j| over(&|found| found.values[j])).collect();
        let variance =
            |j: usize| over(&|found| (found.values[j] - means[j]).powi(2) + found.variances[j]);
        Some(Moments {
            deviations: (0..n).map(|j| variance(j).sqrt()).collect(),
            n_effective: n_effective(&weights),
            means,
        })
    }

    /// The points with numbers, and the logarithms of their weights up to a constant.
    fn weighted(&self) -> (Vec<&Draw>, Vec<f64>) {
        let usable = |Draw { found, .. }: &&Draw| {
            let all = found.values.iter().chain(&found.variances);
            found.ln_density.is_finite() && all.into_iter().all(|value| value.is_finite())
        };
        let draws: Vec<&Draw> = self.draws.iter().filter(usable).collect();
        let ln_weight = |draw: &&Draw| {
            let ln_densities = self.rounds.iter().map(|round| round.ln_density(&draw.u));
            draw.found.ln_density - ln_mean_exp(&Vec::from_iter(ln_densities))
        };
        let ln_weights = draws.iter().map(ln_weight).collect();
        (draws, ln_weights)
    }

    /// The distribution with the mean and the covariance of all points.
    fn adapted(&self) -> Option<Student> {
        let (draws, ln_weights) = self.weighted();
        let n = draws.first()?.u.len();
        let mut power = 1.0;
        let mut weights = powers(&ln_weights, power);
        while n_effective(&weights) < PER_PARAMETER * n as f64 && power > 1e-3 {
            power *= 0.8;
            weights = powers(&ln_weights, power);
        }
        let centre = DVector::from_fn(n, |i, _| mean(&weights, &draws, |draw| draw.u[i]));
        let covariance = DMatrix::from_fn(n, n, |i, j| {
            mean(&weights, &draws, |draw| (draw.u[i] - centre[i]) * (draw.u[j] - centre[j]))
        });
        Student::new(centre, covariance)
    }
}

impl Student {
    fn new(centre: DVector<f64>, covariance: DMatrix<f64>) -> Option<Self> {
        let factor = covariance.cholesky()?.unpack();
        let ln_determinant = factor.diagonal().iter().map(|d| d.ln()).sum();
        Some(Self { centre, factor, ln_determinant })
    }

    /// Point number `i`. Points come in pairs, opposite to each other, which makes means of all that is
    /// linear exact where the posterior is symmetric.
    fn draw(&self, seed: u64, i: usize) -> Vec<f64> {
        let (pair, sign) = ((i / 2) as u64, if i.is_multiple_of(2) { 1.0 } else { -1.0 });
        // Half of a chi-square number is a sum of exponential ones.
        let exponential = |k: u16| -(1.0 - uniform(seed, pair, 255 - u64::from(k))).ln();
        let chi2 = 2.0 * (0..FREEDOM / 2).map(exponential).sum::<f64>();
        let scale = sign * (f64::from(FREEDOM) / chi2).sqrt();
        let z = DVector::from_fn(self.centre.len(), |j, _| scale * normal(seed, pair, j as u64));
        (&self.centre + &self.factor * z).as_slice().to_vec()
    }

    /// Logarithm of the density at `u`, up to a constant.
    fn ln_density(&self, u: &[f64]) -> f64 {
        let step = DVector::from_column_slice(u) - &self.centre;
        // A diagonal that is positive makes it solvable.
        let z = self.factor.solve_lower_triangular(&step).unwrap_or(step);
        let freedom = f64::from(FREEDOM);
        let exponent = 0.5 * (freedom + u.len() as f64);
        -self.ln_determinant - exponent * (z.norm_squared() / freedom).ln_1p()
    }
}

/// Weights from their logarithms, to a power; the largest is 1.
fn powers(ln_weights: &[f64], power: f64) -> Vec<f64> {
    let most = ln_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    ln_weights.iter().map(|l| (power * (l - most)).exp()).collect()
}

fn n_effective(weights: &[f64]) -> f64 {
    weights.iter().sum::<f64>().powi(2) / weights.iter().map(|w| w * w).sum::<f64>()
}

/// The weighted mean of a function of draws.
fn mean(weights: &[f64], draws: &[&Draw], of: impl Fn(&Draw) -> f64) -> f64 {
    let sum: f64 = weights.iter().zip(draws).map(|(w, draw)| w * of(draw)).sum();
    sum / weights.iter().sum::<f64>()
}

/// Logarithm of the mean of exponentials.
fn ln_mean_exp(x: &[f64]) -> f64 {
    let most = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = x.iter().map(|x| (x - most).exp()).sum();
    most + (sum / x.len() as f64).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_close;

    /// Moments of `u` where minus twice the logarithm of the posterior density is `objective`.
    fn moments(centre: &[f64], covariance: &[f64], objective: impl Fn(&[f64]) -> f64) -> Moments {
        let mut sampler = Sampler::new(centre, covariance, 768, 7).unwrap();
        while let Some(u) = sampler.point() {
            let variances = vec![0.0; u.len()];
            let ln_density = -0.5 * objective(&u);
            sampler.take(u.clone(), Found { ln_density, values: u, variances });
        }
        sampler.moments().unwrap()
    }

    #[test]
    fn gaussians_keep_their_means_and_widths() {
        let covariance = [2.0, -1.0, -1.0, 1.0];
        let found = moments(&[0.5, -2.0], &covariance, |u| {
            let (x, y) = (u[0] - 0.5, u[1] + 2.0);
            x * x + 2.0 * x * y + 2.0 * y * y
        });
        assert_close(&found.means, &[0.5, -2.0], 0.0, 0.03);
        assert_close(&found.deviations, &[2f64.sqrt(), 1.0], 0.1, 0.0);
        // Two rounds are enough for that.
        assert!((100.0..128.0).contains(&found.n_effective), "{}", found.n_effective);
    }

    #[test]
    fn skewness_moves_the_mean() {
        // The density of ln x, x with the gamma distribution of shape 4: the maximum is at ln 4 with
        // curvature 4, the mean is digamma(4), the variance trigamma(4).
        let found = moments(&[4f64.ln()], &[0.25], |u| 2.0 * (u[0].exp() - 4.0 * u[0]));
        assert_close(&found.means, &[1.256_118], 0.0, 0.03);
        assert_close(&found.deviations, &[0.283_823f64.sqrt()], 0.1, 0.0);
    }

    #[test]
    fn bent_valleys_are_filled() {
        // A banana: x has the width 1, y - x^2 the width 0.5. The curvature at the maximum has no x^2.
        let objective = |u: &[f64]| u[0] * u[0] + ((u[1] - u[0] * u[0]) / 0.5).powi(2);
        let found = moments(&[0.0, 0.0], &[1.0, 0.0, 0.0, 0.25], objective);
        assert_close(&found.means, &[0.0, 1.0], 0.0, 0.3);
        assert_close(&found.deviations, &[1.0, 1.5], 0.3, 0.0);
    }

    #[test]
    fn what_varies_at_a_point_counts() {
        let mut sampler = Sampler::new(&[0.0], &[1.0], 4, 1).unwrap();
        // At the same point, so of the same weight; those that are no numbers are left out.
        for (ln_density, value) in [(0.0, 1.0), (f64::NAN, 5.0), (0.0, 3.0), (0.0, f64::NAN)] {
            let found = Found { ln_density, values: vec![value], variances: vec![3.0] };
            sampler.take(vec![0.0], found);
        }
        assert_eq!(sampler.point(), None);
        let found = sampler.moments().unwrap();
        assert_eq!((found.means[0], found.deviations[0], found.n_effective), (2.0, 2.0, 2.0));
        assert_eq!(Sampler::new(&[0.0], &[1.0], 4, 1).unwrap().moments(), None);
        assert!(Sampler::new(&[0.0], &[-1.0], 4, 1).is_none());
    }
}
