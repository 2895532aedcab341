//! Soft histograms in any number of dimensions.

use burn::tensor::Tensor;

use super::{Quantities, SoftBins, Summary};
use crate::{Error, Result};

/// Number of galaxies in each bin: `sum_g w_g prod_d share_d(g, b_d)`, the last dimension fastest.
///
/// With the triweight kernel it is the n-dimensional soft histogram of Hearin et al. (2023). Galaxies
/// beyond the outer edges are not counted. The largest tensor has a row per galaxy and a column per bin
/// of all dimensions but the last (or per edge of a single one).
#[derive(Clone, Debug)]
pub struct SoftHistogram {
    dimensions: Vec<SoftBins>,
}

impl SoftHistogram {
    /// A histogram over one or more dimensions.
    ///
    /// # Errors
    /// [`Error::Invalid`] for none.
    pub fn new(dimensions: Vec<SoftBins>) -> Result<Self> {
        if dimensions.is_empty() {
            return Err(Error::invalid("soft histogram", "at least one dimension is needed"));
        }
        Ok(Self { dimensions })
    }

    /// Number of bins in each dimension.
    pub fn shape(&self) -> Vec<usize> {
        self.dimensions.iter().map(SoftBins::n_bins).collect()
    }
}

impl Summary for SoftHistogram {
    fn labels(&self) -> Vec<String> {
        let start = vec!["number".to_owned()];
        self.dimensions.iter().fold(start, |labels, bins| {
            let bins = bins.labels();
            let joined = labels.iter().flat_map(|l| bins.iter().map(move |b| format!("{l}, {b}")));
            joined.collect()
        })
    }

    fn n_sums(&self) -> usize {
        self.shape().iter().product()
    }

    fn sums(&self, galaxies: &Quantities) -> Result<Tensor<1>> {
        let last = self.dimensions.len() - 1;
        let mut weights = galaxies.weight();
        for bins in &self.dimensions[..last] {
            let [n_gal, m] = weights.dims();
            let shares = bins.shares(galaxies)?.unsqueeze_dim::<3>(1);
            weights = (weights.unsqueeze_dim::<3>(2) * shares).reshape([n_gal, m * bins.n_bins()]);
        }
        Ok(self.dimensions[last].sums(weights, galaxies)?.reshape([self.n_sums()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::histogram::triweight_histogram;
    use crate::numerics::triweight::triweight_cdf_at;
    use crate::summary::{Kernel, QuantityNames};
    use crate::testing::{
        assert_close, assert_f32_jacobian, assert_jacobian, for_each_f64_place, for_each_place,
        values,
    };

    const EDGES: [f64; 5] = [-10.0, -1.0, 0.0, 0.5, 10.0];
    const ROWS: [&[f64]; 4] =
        [&[-3.0, 0.1, 7.0], &[0.2, 0.4, 6.0], &[-0.9, 1.3, 8.0], &[0.6, -0.2, 7.5]];

    fn names() -> QuantityNames {
        QuantityNames::new(["x", "y", "z"]).unwrap()
    }

    fn bins(axis: &str, edges: &[f64], kernel: Kernel, width: f64) -> SoftBins {
        SoftBins::new(names().axis(axis).unwrap(), edges, kernel, width).unwrap()
    }

    fn three_dimensions(kernel: Kernel) -> SoftHistogram {
        SoftHistogram::new(vec![
            bins("x", &EDGES, kernel, 0.4),
            bins("y", &[-0.5, 0.3, 2.0], kernel, 0.3),
            bins("z - x", &[5.0, 7.2, 8.0, 9.0], kernel, 0.5),
        ])
        .unwrap()
    }

    #[test]
    fn one_dimension_is_the_triweight_histogram() {
        for_each_place(|place| {
            let histogram =
                SoftHistogram::new(vec![bins("x", &EDGES, Kernel::Triweight, 0.4)]).unwrap();
            let rows = place.rows(&ROWS);
            let x: Tensor<1> = rows.clone().narrow(1, 0, 1).squeeze_dim(1);
            let weights = [0.5, 1.0, 0.25, 2.0];
            let galaxies = Quantities::new(&names(), rows).unwrap();
            let galaxies = galaxies.with_weight(&place.vector(&weights)).unwrap();
            let sums = values(histogram.sums(&galaxies).unwrap());
            let want = triweight_histogram(&x, &x.full_like(0.4), &EDGES);
            let want = (want * place.matrix(&weights, [4, 1])).sum_dim(0);
            assert_close(&sums, &values(want), 0.0, place.tolerance(1e-12, 2e-6));
        });
    }

    #[test]
    fn three_dimensions_by_hand() {
        let histogram = three_dimensions(Kernel::Triweight);
        let share = |x: f64, e: &[f64], s: f64| {
            triweight_cdf_at((x - e[0]) / s) - triweight_cdf_at((x - e[1]) / s)
        };
        let mut want = Vec::new();
        for e in EDGES.windows(2) {
            for f in [-0.5, 0.3, 2.0].windows(2) {
                for g in [5.0, 7.2, 8.0, 9.0].windows(2) {
                    let at = |r: &&[f64]| {
                        share(r[0], e, 0.4) * share(r[1], f, 0.3) * share(r[2] - r[0], g, 0.5)
                    };
                    want.push(ROWS.iter().map(at).sum::<f64>());
                }
            }
        }
        assert_eq!((histogram.shape(), histogram.n_sums()), (vec![4, 2, 3], 24));
        let labels = histogram.labels();
        assert_eq!(labels.len(), 24);
        assert_eq!(labels[5], "number, x from -10 to -1, y from 0.3 to 2, z - x from 8 to 9");
        for_each_place(|place| {
            let galaxies = Quantities::new(&names(), place.rows(&ROWS)).unwrap();
            let sums = values(histogram.sums(&galaxies).unwrap());
            assert_close(&sums, &want, 0.0, place.tolerance(1e-12, 2e-6));
        });
    }

    #[test]
    fn bins_around_everything_hold_every_galaxy_and_groups_add_up() {
        let wide = |axis| bins(axis, &[-50.0, -1.0, 0.3, 50.0], Kernel::Triweight, 0.3);
        let histogram = SoftHistogram::new(vec![wide("x"), wide("y - x")]).unwrap();
        for_each_place(|place| {
            let sums = |rows: &[&[f64]]| {
                let galaxies = Quantities::new(&names(), place.rows(rows)).unwrap();
                values(histogram.sums(&galaxies).unwrap())
            };
            let all = sums(&ROWS);
            assert_close(&[all.iter().sum()], &[4.0], 0.0, place.tolerance(1e-12, 2e-6));
            let parts = sums(&ROWS[..1]).into_iter().zip(sums(&ROWS[1..]));
            let added: Vec<f64> = parts.map(|(a, b)| a + b).collect();
            assert_close(&added, &all, 0.0, place.tolerance(1e-14, 1e-6));
        });
    }

    #[test]
    fn gradients_of_quantities_and_weights() {
        for kernel in [Kernel::Triweight, Kernel::Logistic] {
            let histogram = three_dimensions(kernel);
            let of = |p: Tensor<2>| {
                // All galaxies in one row, the last four numbers their weights.
                let galaxies = p.clone().narrow(1, 0, 12).reshape([4, 3]);
                let weight: Tensor<1> = p.narrow(1, 12, 4).squeeze_dim(0);
                let galaxies = Quantities::new(&names(), galaxies).unwrap();
                let sums = histogram.sums(&galaxies.with_weight(&weight).unwrap()).unwrap();
                // Bins are differences of sums below edges: known to the rounding of those.
                sums.unsqueeze_dim(0) + 1.0
            };
            let row = [&ROWS.concat()[..], &[0.5, 1.0, 0.7, 2.0]].concat();
            for_each_f64_place(|place| assert_jacobian(&[&row], 1e-7, place, of));
            assert_f32_jacobian(&[&row], 1e-3, of);
        }
    }

    #[test]
    fn no_dimensions_are_an_error() {
        assert!(SoftHistogram::new(Vec::new()).is_err());
    }
}
