//! Shares of kernels below edges as one fused operation.
//!
//! The same formulas as [`Kernel::share_below`], which is their definition, for galaxies and edges in
//! one row of blocks.

use std::sync::Arc;

use super::Kernel;
use crate::device::real::{BLOCK, Real, clamp, mul_add, polynomial, sigmoid_block};
use crate::device::{FusedOperation, Loops};
use crate::numerics::triweight::{CDF_ODD, PDF_PEAK};

/// Shares below edges, `[n_gal, n_edge]`; the one input, `[1, n_gal]`, has the positions of the kernels in
/// units of their width, as are the edges.
#[derive(Debug)]
pub(super) struct SharesBelow {
    kernel: Kernel,
    edges: Vec<f64>,
}

impl SharesBelow {
    pub(super) fn operation(kernel: Kernel, edges: Vec<f64>) -> Arc<dyn FusedOperation> {
        Arc::new(Self { kernel, edges })
    }

    /// Calls `f` with each block of galaxies and edges: where the block begins, how many of its values
    /// count, and the shares and their slopes.
    #[inline(always)]
    fn for_each_block<F: Real, const FMA: bool>(
        &self,
        positions: &[F],
        mut f: impl FnMut(usize, usize, &[F; BLOCK], &[F; BLOCK]),
    ) {
        let edges: Vec<F> = self.edges.iter().map(|edge| F::of(*edge)).collect();
        let (mut shares, mut slopes) = ([F::default(); BLOCK], [F::default(); BLOCK]);
        let (mut start, mut n) = (0, 0);
        for position in positions {
            for edge in &edges {
                shares[n] = *edge - *position;
                n += 1;
                if n == BLOCK {
                    self.fill::<F, FMA>(&mut shares, &mut slopes);
                    f(start, n, &shares, &slopes);
                    start += n;
                    n = 0;
                }
            }
        }
        self.fill::<F, FMA>(&mut shares, &mut slopes);
        f(start, n, &shares, &slopes);
    }

    /// From distances of the edges to shares below them and their slopes.
    #[inline(always)]
    fn fill<F: Real, const FMA: bool>(&self, shares: &mut [F; BLOCK], slopes: &mut [F; BLOCK]) {
        match self.kernel {
            Kernel::Logistic => sigmoid_block::<F, FMA>(shares, slopes),
            Kernel::Triweight => {
                let three = F::of(3.0);
                for (share, slope) in shares.iter_mut().zip(slopes) {
                    let z = clamp(*share, -three, three);
                    let bell = F::of(1.0) - z * z * F::of(1.0 / 9.0);
                    *slope = bell * bell * bell * F::of(PDF_PEAK);
                    let below =
                        mul_add::<F, FMA>(polynomial::<F, FMA>(&CDF_ODD, z * z), z, F::of(0.5));
                    *share = clamp(below, F::of(0.0), F::of(1.0));
                }
            }
        }
    }
}

impl Loops for SharesBelow {
    fn shape(&self, inputs: &[[usize; 2]]) -> [usize; 2] {
        [inputs[0][1], self.edges.len()]
    }

    #[inline(always)]
    fn value<F: Real, const FMA: bool>(&self, inputs: &[&[F]], below: &mut [F]) {
        self.for_each_block::<F, FMA>(inputs[0], |start, n, shares, _| {
            below[start..start + n].copy_from_slice(&shares[..n]);
        });
    }

    #[inline(always)]
    fn pull_back<F: Real, const FMA: bool>(
        &self,
        inputs: &[&[F]],
        seed: &[F],
        gradients: &mut [&mut [F]],
    ) {
        let n_edge = self.edges.len();
        let (mut galaxy, mut edge, mut sum) = (0, 0, F::default());
        self.for_each_block::<F, FMA>(inputs[0], |start, n, _, slopes| {
            for (seed, slope) in seed[start..start + n].iter().zip(slopes) {
                sum = sum - *seed * *slope;
                edge += 1;
                if edge == n_edge {
                    gradients[0][galaxy] = sum;
                    (galaxy, edge, sum) = (galaxy + 1, 0, F::default());
                }
            }
        });
    }
}

#[cfg(test)]
#[cfg(feature = "flex")]
mod tests {
    use burn::tensor::Tensor;

    use super::*;
    use crate::device::{Place, Precision, fused};
    use crate::numerics::jacobian::jacobian;
    use crate::testing::{assert_close, values};

    #[test]
    fn values_and_gradients_are_those_of_the_graph() {
        // More than one block, and blocks that end within a galaxy.
        let edges: Vec<f64> = (0..27).map(|i| -6.0 + 0.5 * f64::from(i)).collect();
        let positions: Vec<f64> = (0..50).map(|i| -30.0 + 1.21 * f64::from(i)).collect();
        let rows: Vec<&[f64]> = positions.iter().map(std::slice::from_ref).collect();
        let weights: Vec<f64> = (0..27).map(|i| (f64::from(i) * 0.9).cos()).collect();
        for (precision, tolerance) in [(Precision::F64, 1e-12), (Precision::F32, 1e-5)] {
            let place = Place::open("flex", precision).unwrap();
            let (edge_row, weights) = (place.row(&edges), place.row(&weights));
            for kernel in [Kernel::Triweight, Kernel::Logistic] {
                let by_loops = |x: Tensor<2>| {
                    let below = SharesBelow::operation(kernel, edges.clone());
                    Ok(fused(below, x.transpose()) * weights.clone())
                };
                let by_graph =
                    |x: Tensor<2>| Ok(kernel.share_below(x, edge_row.clone()) * weights.clone());
                let got = jacobian(&place.rows(&rows), by_loops).unwrap();
                let want = jacobian(&place.rows(&rows), by_graph).unwrap();
                assert_close(&values(got.values), &values(want.values), tolerance, tolerance);
                assert_close(&values(got.jacobian), &values(want.jacobian), tolerance, tolerance);
            }
        }
    }
}
