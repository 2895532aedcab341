//! Weights of a triweight kernel over bins as one fused operation.
//!
//! The same formulas as [`triweight_weights`](super::histogram::triweight_weights), which is their
//! definition, for blocks of galaxies.

#![allow(clippy::needless_range_loop, reason = "loops run over several blocks at once")]

use std::sync::Arc;

use super::triweight::{CDF_ODD, PDF_PEAK};
use crate::device::real::{BLOCK, Real, clamp, mul_add, polynomial, select};
use crate::device::{FusedOperation, Loops};

/// Normalised weights, `[n_gal, n_bin]`; the one input, `[2, n_gal]`, has positions and widths of the
/// kernels.
#[derive(Debug)]
pub(super) struct TriweightWeights {
    edges: Vec<f64>,
}

impl TriweightWeights {
    pub(super) fn operation(edges: &[f64]) -> Arc<dyn FusedOperation> {
        Arc::new(Self { edges: edges.to_vec() })
    }
}

/// Kernels of a block of galaxies at the edges of the bins.
struct Kernels<F> {
    position: [F; BLOCK],
    per_width: [F; BLOCK],
    /// Distance from each edge in widths, not beyond the kernel, and the share of the kernel above it.
    distance: Vec<[F; BLOCK]>,
    above: Vec<[F; BLOCK]>,
    /// Share of the kernel between the first and the last edge.
    total: [F; BLOCK],
}

impl<F: Real> Kernels<F> {
    fn new(n_edge: usize) -> Self {
        let zeros = [F::default(); BLOCK];
        Self {
            position: zeros,
            per_width: [F::of(1.0); BLOCK],
            distance: vec![zeros; n_edge],
            above: vec![zeros; n_edge],
            total: zeros,
        }
    }

    #[inline(always)]
    fn fill<const FMA: bool>(&mut self, edges: &[f64], parameters: &[F], start: usize) {
        let (positions, widths) = parameters.split_at(parameters.len() / 2);
        let n = BLOCK.min(positions.len() - start);
        for i in 0..n {
            self.position[i] = positions[start + i];
            self.per_width[i] = F::of(1.0) / widths[start + i];
        }
        let three = F::of(3.0);
        for ((edge, distance), above) in edges.iter().zip(&mut self.distance).zip(&mut self.above) {
            for i in 0..BLOCK {
                let z = (self.position[i] - F::of(*edge)) * self.per_width[i];
                let z = clamp(z, -three, three);
                distance[i] = z;
                let share = mul_add::<F, FMA>(polynomial::<F, FMA>(&CDF_ODD, z * z), z, F::of(0.5));
                above[i] = clamp(share, F::of(0.0), F::of(1.0));
            }
        }
        self.total = [F::default(); BLOCK];
        for pair in self.above.windows(2) {
            for i in 0..BLOCK {
                self.total[i] = self.total[i] + (pair[0][i] - pair[1][i]);
            }
        }
    }

    /// Weight of a bin for one galaxy of the block.
    #[inline(always)]
    fn weight(&self, edges: &[f64], bin: usize, i: usize) -> F {
        if self.total[i] == F::default() {
            let end = select(self.position[i] < F::of(edges[0]), 0, edges.len() - 2);
            return F::of(f64::from(u8::from(bin == end)));
        }
        (self.above[bin][i] - self.above[bin + 1][i]) / self.total[i]
    }
}

impl Loops for TriweightWeights {
    fn shape(&self, inputs: &[[usize; 2]]) -> [usize; 2] {
        [inputs[0][1], self.edges.len() - 1]
    }

    #[inline(always)]
    fn value<F: Real, const FMA: bool>(&self, inputs: &[&[F]], weights: &mut [F]) {
        let n_bin = self.edges.len() - 1;
        let mut kernels = Kernels::new(self.edges.len());
        for (block, rows) in weights.chunks_mut(BLOCK * n_bin).enumerate() {
            kernels.fill::<FMA>(&self.edges, inputs[0], block * BLOCK);
            for (i, row) in rows.chunks_exact_mut(n_bin).enumerate() {
                for (bin, weight) in row.iter_mut().enumerate() {
                    *weight = kernels.weight(&self.edges, bin, i);
                }
            }
        }
    }

    #[inline(always)]
    fn pull_back<F: Real, const FMA: bool>(
        &self,
        inputs: &[&[F]],
        seed: &[F],
        gradients: &mut [&mut [F]],
    ) {
        let n_bin = self.edges.len() - 1;
        let (of_position, of_width) = gradients[0].split_at_mut(inputs[0].len() / 2);
        let mut kernels = Kernels::new(self.edges.len());
        for (block, rows) in seed.chunks(BLOCK * n_bin).enumerate() {
            let start = block * BLOCK;
            kernels.fill::<FMA>(&self.edges, inputs[0], start);
            for (i, row) in rows.chunks_exact(n_bin).enumerate() {
                let missed = kernels.total[i] == F::default();
                let per_total = F::of(1.0) / select(missed, F::of(1.0), kernels.total[i]);
                let mut mean = F::default();
                for (bin, seed) in row.iter().enumerate() {
                    mean = mean + *seed * kernels.weight(&self.edges, bin, i);
                }
                let (mut position, mut width) = (F::default(), F::default());
                for edge in 0..self.edges.len() {
                    let upper = row.get(edge).map_or(F::default(), |seed| *seed - mean);
                    let lower = match edge {
                        0 => F::default(),
                        _ => row[edge - 1] - mean,
                    };
                    let z = kernels.distance[edge][i];
                    let bell = F::of(1.0) - z * z * F::of(1.0 / 9.0);
                    let slope = (upper - lower) * bell * bell * bell;
                    position = position + slope;
                    width = width - slope * z;
                }
                let scale = per_total * kernels.per_width[i] * F::of(PDF_PEAK);
                of_position[start + i] = select(missed, F::default(), position * scale);
                of_width[start + i] = select(missed, F::default(), width * scale);
            }
        }
    }
}

#[cfg(test)]
#[cfg(feature = "flex")]
mod tests {
    use burn::tensor::Tensor;

    use super::*;
    use crate::device::{Place, Precision, fused};
    use crate::numerics::histogram::triweight_weights_graph;
    use crate::numerics::jacobian::jacobian;
    use crate::testing::{assert_close, values};

    #[test]
    fn values_and_gradients_are_those_of_the_graph() {
        let edges = [-10.0, -3.5, -2.0, -1.7, -0.4, 10.0];
        for (precision, tolerance) in [(Precision::F64, 1e-12), (Precision::F32, 2e-5)] {
            let place = Place::open("flex", precision).unwrap();
            // Within the bins, across their edges, and beyond all of them on either side.
            let row = |i: usize| [0.26 * (i as f64 - 50.0), 0.05 + 0.02 * (i % 30) as f64];
            let rows: Vec<[f64; 2]> = (0..100).map(row).collect();
            let rows: Vec<&[f64]> = rows.iter().map(|row| &row[..]).collect();
            let column =
                |p: &Tensor<2>, j| -> Tensor<1> { p.clone().narrow(1, j, 1).squeeze_dim(1) };
            // Not plain sums, which are one.
            let seeds = place.row(&[1.0, -0.3, 2.0, 0.7, -1.1]);
            let by_loops = |p: Tensor<2>| {
                Ok(fused(TriweightWeights::operation(&edges), p.transpose()) * seeds.clone())
            };
            let by_graph = |p: Tensor<2>| {
                let weights = triweight_weights_graph(&column(&p, 0), &column(&p, 1), &edges);
                Ok(weights * seeds.clone())
            };
            let matrix = place.rows(&rows);
            let got = jacobian(&matrix, by_loops).unwrap();
            let want = jacobian(&matrix, by_graph).unwrap();
            assert_close(&values(got.values), &values(want.values), tolerance, tolerance);
            let (got, want) = (values(got.jacobian), values(want.jacobian));
            let largest = want.iter().fold(0.0f64, |m, g| m.max(g.abs()));
            assert_close(&got, &want, tolerance, tolerance * largest);
        }
    }
}
