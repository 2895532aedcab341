//! Triweight histograms: the share of a triweight kernel that falls into each bin.

use burn::tensor::Tensor;

use super::column;
use super::triweight::triweight_cdf;
use super::triweight_loops::TriweightWeights;
use crate::device::{Place, fused, has_fused};

/// Share of the kernel `T(. | x, s)` in each bin, not normalised.
///
/// `x` and `s` are `[n_gal]`, `edges` the `n + 1` ascending bin edges; the result is
/// `[n_gal, n]`. A width of zero gives steps, and gradients that are
/// not numbers.
pub fn triweight_histogram(x: &Tensor<1>, s: &Tensor<1>, edges: &[f64]) -> Tensor<2> {
    let edges_row = Place::of(x).row(edges);
    let above = triweight_cdf((column(x) - edges_row) / column(s));
    let n = edges.len() - 1;
    above.clone().narrow(1, 0, n) - above.narrow(1, 1, n)
}

/// Normalised weights over the bins: rows of [`triweight_histogram`] divided by their sum.
///
/// A kernel that misses every bin puts all its weight into the nearest end bin.
///
/// By a fused operation where there is one.
pub fn triweight_weights(x: &Tensor<1>, s: &Tensor<1>, edges: &[f64]) -> Tensor<2> {
    if has_fused(x) {
        return fused(
            TriweightWeights::operation(edges),
            Tensor::stack(vec![x.clone(), s.clone()], 0),
        );
    }
    triweight_weights_graph(x, s, edges)
}

pub(super) fn triweight_weights_graph(x: &Tensor<1>, s: &Tensor<1>, edges: &[f64]) -> Tensor<2> {
    let n = edges.len() - 1;
    let raw = triweight_histogram(x, s, edges);
    let sum = raw.clone().sum_dim(1);
    let missed = sum.clone().equal_elem(0.0);
    let weights = raw / sum.mask_fill(missed.clone(), 1.0);

    let place = Place::of(x);
    let one_hot = |bin: usize| {
        let mut row = vec![0.0; n];
        row[bin] = 1.0;
        place.row(&row)
    };
    let fallen = |beyond| column(&x.zeros_like()).mask_fill(missed.clone().bool_and(beyond), 1.0);
    let below = fallen(column(x).lower_elem(edges[0]));
    let above = fallen(column(x).greater_elem(edges[n]));
    weights + below * one_hot(0) + above * one_hot(n - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, assert_gradient, for_each_place, values};

    const EDGES: [f64; 5] = [-10.0, -1.0, 0.0, 0.5, 10.0];

    #[test]
    fn weights_are_shares_that_sum_to_one() {
        for_each_place(|place| {
            let x = place.vector(&[-3.0, 0.2, 4.0]);
            let w = values(triweight_weights(&x, &place.vector(&[0.3, 0.5, 0.1]), &EDGES));
            for row in w.chunks(4) {
                assert!(row.iter().all(|w| *w >= 0.0));
                assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-6);
            }
            assert_close(&w[0..4], &[1.0, 0.0, 0.0, 0.0], 1e-6, 1e-6);
        });
    }

    #[test]
    fn a_kernel_beyond_the_edges_falls_into_the_end_bin() {
        for_each_place(|place| {
            let x = place.vector(&[-20.0, 20.0]);
            let w = values(triweight_weights(&x, &place.vector(&[0.3, 0.3]), &EDGES));
            assert_eq!(w, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        });
    }

    #[test]
    fn gradient_with_respect_to_mean_and_width() {
        let weigh = |x: &Tensor<1>, s: &Tensor<1>| {
            let powers = Place::of(x).row(&[1.0, 2.0, 4.0, 8.0]);
            (triweight_weights(x, s, &EDGES) * powers).sum_dim(1).squeeze_dim(1)
        };
        assert_gradient(&[-1.2, 0.1, 0.45], 1e-7, |x| weigh(&x, &x.full_like(0.4)));
        assert_gradient(&[0.2, 0.5, 1.1], 1e-7, |s| weigh(&s.full_like(0.1), &s));
        // A kernel that has fallen off the grid no longer moves.
        assert_gradient(&[-20.0, 20.0], 1e-7, |x| weigh(&x, &x.full_like(0.4)));
    }
}
