//! Observed counts that scatter as Poisson numbers about those of the model.

use super::loss::{check_length, check_targets, diagonal};
use super::{Likelihood, Loss};
use crate::{Error, Result};

/// `sum_k m_k - T_k + T_k ln(T_k / m_k)` with `m_k = S_k + b`: the negative logarithm of the Poisson
/// likelihood of the counts `T`, zero where they are met (half the statistic of Cash 1979).
///
/// The background `b` is the number per bin that something else than the model explains. A little of
/// it keeps the loss finite, and its gradient alive, where the model has no galaxies but the data have.
#[derive(Clone, Debug)]
pub struct PoissonLoss {
    counts: Vec<f64>,
    background: f64,
}

impl PoissonLoss {
    /// A loss for observed counts, which need not be whole numbers, over a background per bin.
    ///
    /// # Errors
    /// [`Error::Invalid`] for no counts; [`Error::OutOfRange`] for counts or a background below zero.
    pub fn new(counts: &[f64], background: f64) -> Result<Self> {
        check_targets("observed counts", counts, 0.0, false)?;
        check_targets("background of counts", &[background], 0.0, false)?;
        Ok(Self { counts: counts.to_vec(), background })
    }
}

impl Loss for PoissonLoss {
    /// # Errors
    /// [`Error::OutOfRange`] where galaxies were observed but none are expected, and for an expected
    /// number that is none.
    fn value_and_slopes(&self, sums: &[f64]) -> Result<(f64, Vec<f64>)> {
        check_length("Poisson loss", sums, self.counts.len())?;
        let mut value = 0.0;
        let mut slopes = Vec::with_capacity(sums.len());
        for (k, (sum, count)) in sums.iter().zip(&self.counts).enumerate() {
            let expected = sum + self.background;
            if *count == 0.0 && !expected.is_nan() {
                value += expected;
                slopes.push(1.0);
            } else if expected > 0.0 {
                value += expected - count + count * (count / expected).ln();
                slopes.push(1.0 - count / expected);
            } else {
                return Err(Error::OutOfRange {
                    what: format!("Poisson loss: number expected in bin {k}, where {count} are"),
                    value: expected,
                    allowed: "(0, inf); add a background".into(),
                });
            }
        }
        Ok((value, slopes))
    }
}

impl Likelihood for PoissonLoss {
    /// # Errors
    /// [`Error::OutOfRange`] for an expected number that is none.
    fn information(&self, sums: &[f64]) -> Result<Vec<f64>> {
        check_length("Poisson loss", sums, self.counts.len())?;
        let expected = sums.iter().map(|sum| sum + self.background);
        let inverse = expected.map(|m| match m > 0.0 {
            true => Ok(1.0 / m),
            false => Err(Error::OutOfRange {
                what: "Poisson loss: expected number".into(),
                value: m,
                allowed: "(0, inf); add a background".into(),
            }),
        });
        Ok(diagonal(&inverse.collect::<Result<Vec<f64>>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::loss::assert_slopes;

    #[test]
    fn zero_where_the_counts_are_met_and_more_elsewhere() {
        let loss = PoissonLoss::new(&[3.0, 0.0, 0.5], 0.0).unwrap();
        let (value, slopes) = loss.value_and_slopes(&[3.0, 0.0, 0.5]).unwrap();
        assert_eq!((value, &slopes[..]), (0.0, &[0.0, 1.0, 0.0][..]));
        let (value, _) = loss.value_and_slopes(&[2.0, 0.1, 0.6]).unwrap();
        let by_hand = -1.0 + 3.0 * 1.5f64.ln() + 0.1 + 0.1 + 0.5 * (5.0f64 / 6.0).ln();
        assert!((value - by_hand).abs() < 1e-14 && value > 0.0);
        assert_slopes(&loss, &[2.0, 0.1, 0.6]);
        assert_slopes(&PoissonLoss::new(&[3.0, 0.0], 0.2).unwrap(), &[0.1, 1.0]);
    }

    #[test]
    fn galaxies_that_nothing_explains_are_an_error() {
        let loss = PoissonLoss::new(&[0.0, 2.0], 0.0).unwrap();
        let error = loss.value_and_slopes(&[0.0, 0.0]).unwrap_err().to_string();
        assert!(error.contains("bin 1") && error.contains("background"), "{error}");
        let loss = PoissonLoss::new(&[0.0, 2.0], 1e-3).unwrap();
        assert!(loss.value_and_slopes(&[0.0, 0.0]).unwrap().1[1] < -1e3);
        assert!(loss.value_and_slopes(&[f64::NAN, 1.0]).is_err());
        assert!(loss.value_and_slopes(&[1.0, f64::NAN]).is_err());
    }

    #[test]
    fn wrong_counts_are_errors() {
        assert!(PoissonLoss::new(&[], 0.0).is_err());
        assert!(PoissonLoss::new(&[-1.0], 0.0).is_err());
        assert!(PoissonLoss::new(&[1.0], -1.0).is_err());
        assert!(PoissonLoss::new(&[1.0], 0.0).unwrap().value_and_slopes(&[]).is_err());
    }
}
