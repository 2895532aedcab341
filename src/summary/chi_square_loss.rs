//! The loss of the population benchmark.

use super::Loss;
use super::loss::{check_length, check_targets};
use crate::Result;

/// `mean_k (S_k - T_k)^2 / (T_k + 1)` of counts `S` for target counts `T`: a chi square per bin, whose
/// variance is that of counts, and one where there are none.
#[derive(Clone, Debug)]
pub struct ChiSquareLoss {
    targets: Vec<f64>,
}

impl ChiSquareLoss {
    /// A loss for target counts.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for no counts;
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for one below zero.
    pub fn new(targets: &[f64]) -> Result<Self> {
        check_targets("target counts", targets, 0.0, false)?;
        Ok(Self { targets: targets.to_vec() })
    }
}

impl Loss for ChiSquareLoss {
    fn value_and_slopes(&self, sums: &[f64]) -> Result<(f64, Vec<f64>)> {
        check_length("chi square loss", sums, self.targets.len())?;
        let n = self.targets.len() as f64;
        let terms = sums.iter().zip(&self.targets);
        let value = terms.clone().map(|(s, t)| (s - t).powi(2) / (t + 1.0)).sum::<f64>() / n;
        Ok((value, terms.map(|(s, t)| 2.0 * (s - t) / (t + 1.0) / n).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::loss::assert_slopes;

    #[test]
    fn value_and_slopes() {
        let loss = ChiSquareLoss::new(&[3.0, 0.0]).unwrap();
        let (value, slopes) = loss.value_and_slopes(&[5.0, 2.0]).unwrap();
        assert_eq!((value, &slopes[..]), (2.5, &[0.5, 2.0][..]));
        assert_slopes(&loss, &[5.0, 2.0]);
    }

    #[test]
    fn wrong_counts_are_errors() {
        for wrong in [&[][..], &[-1.0], &[f64::NAN], &[f64::INFINITY]] {
            assert!(ChiSquareLoss::new(wrong).is_err(), "{wrong:?}");
        }
        assert!(ChiSquareLoss::new(&[1.0]).unwrap().value_and_slopes(&[1.0, 2.0]).is_err());
    }
}
