//! Soft numbers of galaxies above or below limits.

use burn::tensor::Tensor;

use super::{Axis, Kernel, Quantities, SoftBins, Summary};
use crate::Result;
use crate::names::named;

/// Which side of a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Values below the limit: galaxies brighter than a magnitude.
    Below,
    /// Values above the limit: galaxies redder than a colour, or more massive.
    Above,
}

named!(Side, "side", Below = "below", Above = "above");

/// Number of galaxies on one side of each of several limits, with soft edges.
#[derive(Clone, Debug)]
pub struct SoftCounts {
    /// The limits are the edges.
    limits: SoftBins,
    side: Side,
}

impl SoftCounts {
    /// Counts at ascending limits; `width` is that of the kernel, in units of the axis.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for no limits and those that do not ascend;
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for a width that is not positive.
    pub fn new(axis: Axis, limits: &[f64], side: Side, kernel: Kernel, width: f64) -> Result<Self> {
        Ok(Self { limits: SoftBins::with_edges(axis, limits, kernel, width, 1)?, side })
    }
}

impl Summary for SoftCounts {
    fn labels(&self) -> Vec<String> {
        let (axis, side) = (self.limits.axis().label(), self.side);
        let label = |limit: &f64| format!("number, {axis} {side} {limit}");
        self.limits.edges().iter().map(label).collect()
    }

    fn n_sums(&self) -> usize {
        self.limits.edges().len()
    }

    fn sums(&self, galaxies: &Quantities) -> Result<Tensor<1>> {
        let below = self.limits.below(galaxies)?;
        let share = match self.side {
            Side::Below => below,
            Side::Above => below.neg() + 1.0,
        };
        Ok(galaxies.weight().transpose().matmul(share).squeeze_dim(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::QuantityNames;
    use crate::testing::{
        assert_close, assert_f32_jacobian, assert_jacobian, for_each_f64_place, for_each_place,
        values,
    };

    fn names() -> QuantityNames {
        QuantityNames::new(["x", "y"]).unwrap()
    }

    fn counts(side: Side, kernel: Kernel) -> SoftCounts {
        let axis = names().axis("y - x").unwrap();
        SoftCounts::new(axis, &[0.0, 1.0, 2.5], side, kernel, 0.1).unwrap()
    }

    #[test]
    fn far_from_the_limits_galaxies_are_counted() {
        for_each_place(|place| {
            let rows = place.rows(&[&[1.0, 0.5], &[1.0, 1.5], &[0.0, 0.6], &[0.0, 2.0]]);
            let galaxies = Quantities::new(&names(), rows).unwrap();
            for side in [Side::Below, Side::Above] {
                let sums = values(counts(side, Kernel::Triweight).sums(&galaxies).unwrap());
                let want = if side == Side::Below { [1.0, 3.0, 4.0] } else { [3.0, 1.0, 0.0] };
                assert_close(&sums, &want, 0.0, place.tolerance(1e-14, 1e-6));
            }
            // Right at a limit, half a galaxy.
            let half = Quantities::new(&names(), place.row(&[1.0, 1.0])).unwrap();
            for (side, kernel) in
                [(Side::Below, Kernel::Logistic), (Side::Above, Kernel::Triweight)]
            {
                assert_eq!(values(counts(side, kernel).sums(&half).unwrap())[0], 0.5);
            }
        });
        let labels = counts(Side::Above, Kernel::Logistic).labels();
        assert_eq!(labels[2], "number, y - x above 2.5");
    }

    #[test]
    fn numbers_are_never_negative() {
        let names = QuantityNames::new(["x"]).unwrap();
        let rows: Vec<f64> = (0..100_000).map(|i| 0.25 + 1e-6 * f64::from(i)).collect();
        for_each_place(|place| {
            // All of them a few widths beyond the limit.
            let galaxies = place.matrix(&rows, [rows.len(), 1]);
            for (side, sign) in [(Side::Below, 1.0), (Side::Above, -1.0)] {
                let galaxies = Quantities::new(&names, galaxies.clone() * sign).unwrap();
                let axis = names.axis("x").unwrap();
                let counts = SoftCounts::new(axis, &[0.0], side, Kernel::Triweight, 0.1).unwrap();
                let number = values(counts.sums(&galaxies).unwrap())[0];
                assert!(number >= 0.0, "{number:e} {side} ({place})");
                let number = values(counts.limits.below(&galaxies).unwrap());
                assert!(number.iter().all(|share| (0.0..=1.0).contains(share)), "{place}");
            }
        });
    }

    #[test]
    fn gradients_of_quantities_and_weights() {
        for (side, kernel) in [(Side::Below, Kernel::Logistic), (Side::Above, Kernel::Triweight)] {
            let of = |p: Tensor<2>| {
                let weight: Tensor<1> = p.clone().narrow(1, 2, 1).squeeze_dim(1);
                let galaxies = Quantities::new(&names(), p.narrow(1, 0, 2)).unwrap();
                let galaxies = galaxies.with_weight(&weight).unwrap();
                counts(side, kernel).sums(&galaxies).unwrap().unsqueeze_dim(0)
            };
            let rows: [&[f64]; 1] = [&[0.3, 0.4, 0.8]];
            for_each_f64_place(|place| assert_jacobian(&rows, 1e-7, place, of));
            assert_f32_jacobian(&rows, 1e-3, of);
        }
    }

    #[test]
    fn no_limit_is_an_error() {
        let axis = names().axis("x").unwrap();
        assert!(SoftCounts::new(axis, &[], Side::Above, Kernel::Logistic, 0.1).is_err());
        assert!("left".parse::<Side>().is_err());
    }
}
