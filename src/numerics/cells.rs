//! Widths and edges of the cells around the points of a grid.
//!
//! On a non-uniform grid the interior edges are `x_i - (x_{i+1} - x_{i-1}) / 4`, not midpoints.
//! The originals define them so, and SSP metallicity grids are non-uniform, so this is kept.

use burn::tensor::Tensor;

/// Cell widths `d` of an ascending grid of at least 3 points, same length.
///
/// `d_0 = x_1 - x_0`; interior `d_i = (x_{i+1} - x_{i-1}) / 2`; the last one is
/// `(x_{n-1} - x_{n-2}) / 2 + (x_{n-1} - x_{n-3}) / 4`.
pub fn cell_widths(x: &[f64]) -> Vec<f64> {
    let n = x.len();
    (0..n)
        .map(|i| match i {
            0 => x[1] - x[0],
            i if i == n - 1 => (x[i] - x[i - 1]) / 2.0 + (x[i] - x[i - 2]) / 4.0,
            i => (x[i + 1] - x[i - 1]) / 2.0,
        })
        .collect()
}

/// The same width operator applied along the rows of a tensor `[n_gal, n]`, `n >= 3`.
pub fn cell_widths_rows(x: Tensor<2>) -> Tensor<2> {
    let n = x.dims()[1];
    let at = |from: usize, len: usize| x.clone().narrow(1, from, len);
    let first = at(1, 1) - at(0, 1);
    let interior = (at(2, n - 2) - at(0, n - 2)) / 2.0;
    let last = (at(n - 1, 1) - at(n - 2, 1)) / 2.0 + (at(n - 1, 1) - at(n - 3, 1)) / 4.0;
    Tensor::cat(vec![first, interior, last], 1)
}

/// The `n + 1` edges of the cells around `n` points, the outermost two given by the caller.
pub fn cell_edges(x: &[f64], lo: f64, hi: f64) -> Vec<f64> {
    let widths = cell_widths(x);
    let mut edges: Vec<f64> = x.iter().zip(&widths).map(|(x, d)| x - d / 2.0).collect();
    edges[0] = lo;
    edges.push(hi);
    edges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, for_each_f64_place, values};

    #[test]
    fn widths_of_a_non_uniform_grid() {
        let x = [0.0, 1.0, 3.0, 7.0];
        assert_eq!(cell_widths(&x), [1.0, 1.5, 3.0, 3.5]);
        for_each_f64_place(|place| {
            assert_close(
                &values(cell_widths_rows(place.rows(&[&x]))),
                &cell_widths(&x),
                1e-15,
                0.0,
            );
        });
    }

    #[test]
    fn interior_edges_are_not_midpoints() {
        let edges = cell_edges(&[0.0, 1.0, 3.0, 7.0], -10.0, 10.0);
        assert_eq!(edges, [-10.0, 0.25, 1.5, 5.25, 10.0]);
    }
}
