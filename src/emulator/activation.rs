//! The function between the layers of a network, as one fused operation with the biases.

use std::sync::Arc;

use burn::tensor::Tensor;

use crate::device::real::{BLOCK, Real, mul_add, sigmoid_block};
use crate::device::{FusedOperation, Loops, fused_pair, has_fused};

/// `tanh(x + b)` for `x` `[n, n_unit]` and biases `b` `[1, n_unit]`.
pub(super) fn activated(x: Tensor<2>, biases: Tensor<2>) -> Tensor<2> {
    if has_fused(&x) {
        let operation: Arc<dyn FusedOperation> = Arc::new(TanhLoops);
        return fused_pair(operation, x, biases);
    }
    (x + biases).tanh()
}

#[derive(Debug)]
struct TanhLoops;

/// `tanh` of values plus biases, and its derivative: `tanh(x) = 2 logistic(2 x) - 1`.
#[inline(always)]
fn tanh_block<F: Real, const FMA: bool>(
    x: &[F],
    biases: &[F],
    values: &mut [F; BLOCK],
    slopes: &mut [F; BLOCK],
) {
    for ((value, x), bias) in values.iter_mut().zip(x).zip(biases) {
        *value = (*x + *bias) * F::of(2.0);
    }
    sigmoid_block::<F, FMA>(values, slopes);
    for (value, slope) in values.iter_mut().zip(slopes) {
        *value = mul_add::<F, FMA>(*value, F::of(2.0), F::of(-1.0));
        *slope = *slope * F::of(4.0);
    }
}

impl Loops for TanhLoops {
    fn shape(&self, inputs: &[[usize; 2]]) -> [usize; 2] {
        inputs[0]
    }

    #[inline(always)]
    fn value<F: Real, const FMA: bool>(&self, inputs: &[&[F]], result: &mut [F]) {
        let n_unit = inputs[1].len();
        let (mut values, mut slopes) = ([F::default(); BLOCK], [F::default(); BLOCK]);
        for (x, result) in inputs[0].chunks_exact(n_unit).zip(result.chunks_exact_mut(n_unit)) {
            let blocks = x.chunks(BLOCK).zip(inputs[1].chunks(BLOCK));
            for ((x, biases), result) in blocks.zip(result.chunks_mut(BLOCK)) {
                tanh_block::<F, FMA>(x, biases, &mut values, &mut slopes);
                result.copy_from_slice(&values[..x.len()]);
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
        let [of_x, of_biases] = gradients else { return };
        let n_unit = inputs[1].len();
        let (mut values, mut slopes) = ([F::default(); BLOCK], [F::default(); BLOCK]);
        let rows = inputs[0].chunks_exact(n_unit).zip(seed.chunks_exact(n_unit));
        for ((x, seed), of_x) in rows.zip(of_x.chunks_exact_mut(n_unit)) {
            let blocks = x.chunks(BLOCK).zip(inputs[1].chunks(BLOCK)).zip(seed.chunks(BLOCK));
            let blocks = blocks.zip(of_x.chunks_mut(BLOCK)).zip(of_biases.chunks_mut(BLOCK));
            for ((((x, biases), seed), of_x), of_biases) in blocks {
                tanh_block::<F, FMA>(x, biases, &mut values, &mut slopes);
                let each = of_x.iter_mut().zip(of_biases).zip(seed).zip(&slopes);
                for (((of_x, of_bias), seed), slope) in each {
                    *of_x = *seed * *slope;
                    *of_bias = *of_bias + *of_x;
                }
            }
        }
    }
}

#[cfg(test)]
#[cfg(feature = "flex")]
mod tests {
    use super::*;
    use crate::device::{Place, Precision};
    use crate::numerics::jacobian::jacobian;
    use crate::testing::{assert_close, values};

    #[test]
    fn values_and_gradients_are_those_of_the_graph() {
        // Units that do not fill their last block; galaxies of one sign, saturated and at zero.
        let n_unit = 70;
        let biases: Vec<f64> = (0..n_unit).map(|i| (i as f64 * 0.7).sin()).collect();
        let rows: Vec<Vec<f64>> = (0..5)
            .map(|g| (0..n_unit).map(|i| 9.0 * f64::from(g) * (i as f64 * 1.3).cos()).collect())
            .collect();
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        for (precision, tolerance) in [(Precision::F64, 1e-12), (Precision::F32, 1e-5)] {
            let place = Place::open("flex", precision).unwrap();
            let mix: Vec<f64> = (0..n_unit * 3).map(|i| (i as f64 * 0.31).cos()).collect();
            let mix = place.matrix(&mix, [n_unit, 3]);
            let of = |with: fn(Tensor<2>, Tensor<2>) -> Tensor<2>| {
                let x = place.rows(&rows);
                let values_of = |b: Tensor<2>| Ok(with(x.clone(), b).matmul(mix.clone()));
                // One row of biases is one galaxy, whose outputs are sums over all rows.
                let sums = |b: Tensor<2>| Ok(values_of(b)?.sum_dim(0));
                let by_bias = jacobian(&place.row(&biases), sums).unwrap();
                let by_x =
                    jacobian(&x, |x| Ok(with(x, place.row(&biases)).matmul(mix.clone()))).unwrap();
                [by_bias.values, by_x.values]
                    .map(values)
                    .into_iter()
                    .chain([by_bias.jacobian, by_x.jacobian].map(values))
                    .collect::<Vec<_>>()
            };
            let (got, want) = (of(activated), of(|x, b| (x + b).tanh()));
            for (got, want) in got.iter().zip(&want) {
                assert_close(got, want, tolerance, tolerance);
            }
        }
    }
}
