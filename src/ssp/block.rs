//! Blocks of numbers over the axes of an SSP grid.

use crate::{Error, Result};

/// Extents of a block `[n_u, n_met, n_age, n_last]`, last axis fastest; without `n_u` there is no
/// first axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockShape {
    pub(super) n_u: Option<usize>,
    pub(super) n_met: usize,
    pub(super) n_age: usize,
    pub(super) n_last: usize,
}

impl BlockShape {
    /// The extents in order.
    pub(super) fn axes(self) -> Vec<usize> {
        self.n_u.into_iter().chain([self.n_met, self.n_age, self.n_last]).collect()
    }

    /// Checks that there is one finite value per element, and none below `lowest`.
    pub(super) fn check(self, what: &str, values: &[f64], lowest: f64) -> Result<()> {
        let Self { n_u, n_met, n_age, n_last } = self;
        if values.len() != self.axes().iter().product::<usize>() {
            let u = n_u.map_or(String::new(), |n| format!("{n} ionization parameters x "));
            let reason = format!(
                "{} values for {u}{n_met} metallicities x {n_age} ages x {n_last}",
                values.len()
            );
            return Err(Error::invalid(what, reason));
        }
        let bad = values.iter().position(|v| !v.is_finite() || *v < lowest);
        bad.map_or(Ok(()), |i| {
            let per_met = n_age * n_last;
            let u = n_u.map_or(String::new(), |_| {
                format!("ionization parameter {}, ", i / (n_met * per_met))
            });
            let allowed = if lowest == 0.0 { "finite and not negative" } else { "finite" };
            let reason = format!(
                "is {} at {u}metallicity {}, age {}, sample {}; it must be {allowed}",
                values[i],
                i / per_met % n_met,
                i / n_last % n_age,
                i % n_last
            );
            Err(Error::invalid(what, reason))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_bad_value_is_named_with_and_without_ionization() {
        let mut values = vec![1.0; 48];
        values[24 + 13] = -1.0;
        let shape = BlockShape { n_u: Some(2), n_met: 3, n_age: 4, n_last: 2 };
        let error = shape.check("flux", &values, 0.0).unwrap_err().to_string();
        assert!(error.contains("is -1 at ionization parameter 1, metallicity 1, age 2, sample 1"));
        assert!(shape.check("flux", &values, f64::NEG_INFINITY).is_ok());
        let flat = BlockShape { n_u: None, ..shape };
        let error = flat.check("flux", &values[24..], 0.0).unwrap_err().to_string();
        assert!(error.contains("is -1 at metallicity 1, age 2, sample 1"), "{error}");
        let error = shape.check("flux", &values[1..], 0.0).unwrap_err().to_string();
        assert!(error.contains("47 values for 2 ionization parameters x 3 metallicities x 4 ages"));
    }
}
