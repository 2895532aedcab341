//! The layers of an emulator as tensors, and where their first weights come from.

use burn::tensor::Tensor;

use super::activation::activated;
use crate::Result;
use crate::device::{Place, to_host};
use crate::numerics::random::normal;

/// Weights of dense layers on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// Of each layer weights `[n_in, n_out]` and biases `[1, n_out]`: shape and row-major values.
    pub(super) parts: Vec<([usize; 2], Vec<f64>)>,
}

impl Weights {
    /// Shapes of the parts of layers of the given widths.
    pub(super) fn shapes(widths: &[usize]) -> Vec<[usize; 2]> {
        widths.windows(2).flat_map(|w| [[w[0], w[1]], [1, w[1]]]).collect()
    }

    /// Random weights of variance `1 / n_in`, without biases; those of the last layer are small, so that
    /// the training begins at the first guess.
    pub(super) fn random(widths: &[usize], seed: u64) -> Self {
        let shapes = Self::shapes(widths);
        let last = shapes.len() - 2;
        let parts = shapes.iter().enumerate().map(|(k, [n_in, n_out])| {
            let gain = match k {
                k if k % 2 == 1 => 0.0,
                k if k == last => 0.1,
                _ => 1.0,
            };
            let scale = gain / (*n_in as f64).sqrt();
            let draw = |i: usize| scale * normal(seed, i as u64, k as u64 % 128);
            ([*n_in, *n_out], (0..n_in * n_out).map(draw).collect())
        });
        Self { parts: parts.collect() }
    }

    /// The weights as tensors.
    pub(super) fn at(&self, place: &Place) -> Layers {
        let parts = self.parts.iter().map(|(shape, values)| place.matrix(values, *shape));
        Layers { parts: parts.collect() }
    }
}

/// Dense layers `x -> x W + b` with `tanh` between them.
#[derive(Clone, Debug)]
pub(super) struct Layers {
    /// Of each layer weights and biases.
    pub(super) parts: Vec<Tensor<2>>,
}

impl Layers {
    /// Outputs `[n, n_out]` for inputs `[n, n_in]`.
    pub(super) fn forward(&self, inputs: Tensor<2>) -> Tensor<2> {
        let last = self.parts.len() / 2 - 1;
        self.parts.chunks(2).enumerate().fold(inputs, |x, (k, layer)| {
            let (product, biases) = (x.matmul(layer[0].clone()), layer[1].clone());
            if k < last { activated(product, biases) } else { product + biases }
        })
    }

    /// The weights on the host.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) when the device cannot deliver them.
    pub(super) fn to_weights(&self) -> Result<Weights> {
        let host = |part: &Tensor<2>| Ok((part.dims(), to_host(part.clone())?));
        Ok(Weights { parts: self.parts.iter().map(host).collect::<Result<_>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, assert_gradient, for_each_place, values};

    #[test]
    fn one_unit_is_the_formula() {
        let weights = Weights {
            parts: vec![
                ([2, 1], vec![0.5, -1.0]),
                ([1, 1], vec![0.25]),
                ([1, 1], vec![3.0]),
                ([1, 1], vec![7.0]),
            ],
        };
        let want = 3.0 * (0.5 * 0.4 - 0.9 + 0.25f64).tanh() + 7.0;
        for_each_place(|place| {
            let got = weights.at(place).forward(place.row(&[0.4, 0.9]));
            assert_close(&values(got), &[want], place.tolerance(1e-14, 1e-6), 0.0);
        });
    }

    #[test]
    fn weights_come_back_and_outputs_have_gradients() {
        let weights = Weights::random(&[3, 5, 4], 1);
        for_each_place(|place| {
            let back = weights.at(place).to_weights().unwrap();
            for ((shape, got), (want_shape, want)) in back.parts.iter().zip(&weights.parts) {
                assert_eq!(shape, want_shape);
                assert_close(got, want, 1e-7, 0.0);
            }
        });
        assert_gradient(&[0.3, -0.7, 1.1], 1e-7, |x| {
            weights.at(&Place::of(&x)).forward(x.unsqueeze()).squeeze_dim(0)
        });
    }
}
