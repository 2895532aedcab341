//! The mean of one quantity in soft bins of another.

use burn::tensor::Tensor;

use super::{Axis, Quantities, SoftBins, Summary};
use crate::{Error, Result};

/// Sums of the weights, then of the weighted `y`, in each soft bin of `x`; their ratio is the mean
/// relation.
#[derive(Clone, Debug)]
pub struct MeanRelation {
    bins: SoftBins,
    y: Axis,
}

/// The mean in one bin, and how it changes with the sums that it is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BinMean {
    /// Sum of the weights of the bin.
    pub weight: f64,
    /// Mean of `y`.
    pub mean: f64,
    /// Derivative of the mean with respect to the bin's sum of weights.
    pub slope_of_weight: f64,
    /// Derivative of the mean with respect to the bin's sum of weighted `y`.
    pub slope_of_sum: f64,
}

impl MeanRelation {
    /// The mean of `y` in bins of `x`.
    pub fn new(bins: SoftBins, y: Axis) -> Self {
        Self { bins, y }
    }

    /// The means; `None` for an empty bin, one with not more weight than `min_weight`.
    ///
    /// A ratio would make an empty bin NaN, and a gradient through it would make everything NaN; a loss
    /// has to say itself what an empty bin costs. In f32 an empty bin holds the rounding of the sums of
    /// its chunks, about 1e-7 of the population.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another number of sums than [`n_sums`](Summary::n_sums);
    /// [`Error::OutOfRange`] for a smallest weight below zero.
    pub fn means(&self, sums: &[f64], min_weight: f64) -> Result<Vec<Option<BinMean>>> {
        if sums.len() != self.n_sums() {
            let reason = format!("{} sums, expected {}", sums.len(), self.n_sums());
            return Err(Error::invalid("mean relation", reason));
        }
        if min_weight.is_nan() || min_weight < 0.0 {
            return Err(Error::OutOfRange {
                what: "smallest weight of a bin".into(),
                value: min_weight,
                allowed: "[0, inf)".into(),
            });
        }
        let (weights, totals) = sums.split_at(self.bins.n_bins());
        let mean_of = |(weight, total): (&f64, &f64)| {
            let mean = total / weight;
            (*weight > min_weight).then(|| BinMean {
                weight: *weight,
                mean,
                slope_of_weight: -mean / weight,
                slope_of_sum: 1.0 / weight,
            })
        };
        Ok(weights.iter().zip(totals).map(mean_of).collect())
    }
}

impl Summary for MeanRelation {
    fn labels(&self) -> Vec<String> {
        let y = self.y.label();
        let (weights, totals) = ("weight".to_owned(), format!("weight x ({y})"));
        let of = |what: String| self.bins.labels().into_iter().map(move |b| format!("{what}, {b}"));
        of(weights).chain(of(totals)).collect()
    }

    fn n_sums(&self) -> usize {
        2 * self.bins.n_bins()
    }

    fn sums(&self, galaxies: &Quantities) -> Result<Tensor<1>> {
        let weight = galaxies.weight();
        let weighted = weight.clone() * galaxies.on(&self.y)?;
        let both = Tensor::cat(vec![weight, weighted], 1);
        Ok(self.bins.sums(both, galaxies)?.reshape([self.n_sums()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::triweight::triweight_cdf_at;
    use crate::summary::{Kernel, QuantityNames};
    use crate::testing::{
        assert_close, assert_f32_jacobian, assert_jacobian, for_each_f64_place, for_each_place,
        values,
    };

    const ROWS: [&[f64]; 3] = [&[0.9, -2.0], &[2.1, 0.5], &[1.6, 1.0]];
    const WEIGHTS: [f64; 3] = [0.5, 1.0, 0.25];
    const EDGES: [f64; 4] = [0.0, 1.0, 3.0, 5.0];

    fn names() -> QuantityNames {
        QuantityNames::new(["x", "y"]).unwrap()
    }

    fn relation() -> MeanRelation {
        let axis = |text| names().axis(text).unwrap();
        let bins = SoftBins::new(axis("x"), &EDGES, Kernel::Triweight, 0.2).unwrap();
        MeanRelation::new(bins, axis("y"))
    }

    #[test]
    fn means_by_hand_and_an_empty_bin() {
        for_each_place(|place| {
            let galaxies = Quantities::new(&names(), place.rows(&ROWS)).unwrap();
            let galaxies = galaxies.with_weight(&place.vector(&WEIGHTS)).unwrap();
            let sums = values(relation().sums(&galaxies).unwrap());
            let means = relation().means(&sums, place.tolerance(0.0, 1e-5)).unwrap();
            for (e, mean) in EDGES.windows(2).zip(&means) {
                let share = |x: f64| {
                    triweight_cdf_at((x - e[0]) / 0.2) - triweight_cdf_at((x - e[1]) / 0.2)
                };
                let in_bin = || ROWS.iter().zip(WEIGHTS).map(|(r, w)| (w * share(r[0]), r[1]));
                let weight: f64 = in_bin().map(|(w, _)| w).sum();
                let total: f64 = in_bin().map(|(w, y)| w * y).sum();
                let Some(mean) = mean else {
                    assert_eq!(weight, 0.0);
                    continue;
                };
                let tolerance = place.tolerance(1e-12, 1e-5);
                assert_close(&[mean.weight, mean.mean], &[weight, total / weight], tolerance, 0.0);
            }
            assert!(means[0].is_some() && means[1].is_some() && means[2].is_none());
        });
    }

    #[test]
    fn slopes_of_the_mean() {
        let sums = [2.0, 0.5, 0.0, 3.0, -1.0, 0.0];
        let mean = |sums: &[f64], bin: usize| relation().means(sums, 0.0).unwrap()[bin].unwrap();
        for bin in [0, 1] {
            let slope = |k: usize| {
                let at = |step: f64| {
                    let mut sums = sums;
                    sums[k] += step;
                    mean(&sums, bin).mean
                };
                (at(1e-6) - at(-1e-6)) / 2e-6
            };
            let BinMean { slope_of_weight, slope_of_sum, .. } = mean(&sums, bin);
            let want = [slope(bin), slope(bin + 3)];
            assert_close(&[slope_of_weight, slope_of_sum], &want, 1e-8, 1e-9);
        }
    }

    #[test]
    fn gradients_of_quantities_and_weights() {
        let of = |p: Tensor<2>| {
            let galaxies = p.clone().narrow(1, 0, 6).reshape([3, 2]);
            let weight: Tensor<1> = p.narrow(1, 6, 3).squeeze_dim(0);
            let galaxies = Quantities::new(&names(), galaxies).unwrap();
            let sums = relation().sums(&galaxies.with_weight(&weight).unwrap()).unwrap();
            sums.unsqueeze_dim(0)
        };
        let row = [&ROWS.concat()[..], &WEIGHTS].concat();
        for_each_f64_place(|place| assert_jacobian(&[&row], 1e-7, place, of));
        assert_f32_jacobian(&[&row], 1e-3, of);
    }

    #[test]
    fn labels_and_wrong_sums() {
        let labels = relation().labels();
        assert_eq!(labels.len(), relation().n_sums());
        assert_eq!(labels[4], "weight x (y), x from 1 to 3");
        assert!(relation().means(&[1.0; 5], 0.0).is_err());
        assert!(relation().means(&[1.0; 6], -1.0).is_err());
    }
}
