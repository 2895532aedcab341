//! Several summaries as one.

use burn::tensor::Tensor;

use super::{Quantities, Summary};
use crate::{Error, Result};

/// The sums of several summaries, one after the other.
#[derive(Debug)]
pub struct SummarySet {
    parts: Vec<Box<dyn Summary>>,
}

impl SummarySet {
    /// One or more summaries.
    ///
    /// # Errors
    /// [`Error::Invalid`] for none.
    pub fn new(parts: Vec<Box<dyn Summary>>) -> Result<Self> {
        if parts.is_empty() {
            return Err(Error::invalid("set of summaries", "at least one is needed"));
        }
        Ok(Self { parts })
    }

    /// The sums of each summary, for sums of the whole set.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another number of sums than [`n_sums`](Summary::n_sums).
    pub fn split<'a>(&self, sums: &'a [f64]) -> Result<Vec<&'a [f64]>> {
        if sums.len() != self.n_sums() {
            let reason = format!("{} sums, expected {}", sums.len(), self.n_sums());
            return Err(Error::invalid("set of summaries", reason));
        }
        let mut rest = sums;
        let widths = self.parts.iter().map(|part| part.n_sums());
        let next = |width| {
            let (own, others) = rest.split_at(width);
            rest = others;
            own
        };
        Ok(widths.map(next).collect())
    }
}

impl Summary for SummarySet {
    fn labels(&self) -> Vec<String> {
        self.parts.iter().flat_map(|part| part.labels()).collect()
    }

    fn n_sums(&self) -> usize {
        self.parts.iter().map(|part| part.n_sums()).sum()
    }

    fn sums(&self, galaxies: &Quantities) -> Result<Tensor<1>> {
        let sums = self.parts.iter().map(|part| part.sums(galaxies));
        Ok(Tensor::cat(sums.collect::<Result<_>>()?, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::{Kernel, Moments, QuantityNames, Side, SoftCounts};
    use crate::testing::{for_each_place, values};

    #[test]
    fn sums_stand_side_by_side() {
        let names = QuantityNames::new(["x"]).unwrap();
        let axis = || names.axis("x").unwrap();
        let counts =
            SoftCounts::new(axis(), &[0.5, 1.0], Side::Below, Kernel::Logistic, 0.2).unwrap();
        let moments = Moments::new(vec![(axis(), 0.0)]).unwrap();
        let set = SummarySet::new(vec![Box::new(counts.clone()), Box::new(moments.clone())]);
        let set = set.unwrap();
        assert_eq!((set.n_sums(), set.labels().len()), (5, 5));
        for_each_place(|place| {
            let galaxies = Quantities::new(&names, place.rows(&[&[0.3], &[0.9]])).unwrap();
            let all = values(set.sums(&galaxies).unwrap());
            let parts = set.split(&all).unwrap();
            assert_eq!(parts[0], values(counts.sums(&galaxies).unwrap()));
            assert_eq!(parts[1], values(moments.sums(&galaxies).unwrap()));
        });
        assert!(set.split(&[0.0; 4]).is_err());
        assert!(SummarySet::new(Vec::new()).is_err());
    }
}
