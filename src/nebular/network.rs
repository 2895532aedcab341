//! The form of the fitted function: a small network of dense layers with `tanh` between them.
//!
//! It is evaluated twice, as a tensor graph and on the host in f64, because the calibration and the
//! grids it fills with lines live on the host.

use burn::tensor::Tensor;

use crate::device::Place;

/// Dense layers `x -> x W + b`, with `tanh` after each but the last.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Network {
    /// Width of the input and of every layer.
    sizes: Vec<usize>,
    /// Of each layer the weights `[n_in, n_out]`, then the biases `[n_out]`.
    pub(super) coefficients: Vec<f64>,
}

/// One layer's share of the coefficients.
pub(super) struct Layer<'a> {
    pub(super) n_in: usize,
    pub(super) n_out: usize,
    pub(super) weights: &'a [f64],
    pub(super) biases: &'a [f64],
}

impl Network {
    /// A network of the given widths, all of whose coefficients are zero.
    pub(super) fn zeros(sizes: Vec<usize>) -> Self {
        let n = sizes.windows(2).map(|pair| (pair[0] + 1) * pair[1]).sum();
        Self { sizes, coefficients: vec![0.0; n] }
    }

    pub(super) fn n_layers(&self) -> usize {
        self.sizes.len() - 1
    }

    pub(super) fn layer(&self, k: usize) -> Layer<'_> {
        let (n_in, n_out) = (self.sizes[k], self.sizes[k + 1]);
        let (start, end) = self.range(k);
        let (weights, biases) = self.coefficients[start..end].split_at(n_in * n_out);
        Layer { n_in, n_out, weights, biases }
    }

    /// Where a layer begins and ends among the coefficients.
    pub(super) fn range(&self, k: usize) -> (usize, usize) {
        let length = |k: usize| (self.sizes[k] + 1) * self.sizes[k + 1];
        let start = (0..k).map(length).sum();
        (start, start + length(k))
    }

    /// The outputs of every layer for inputs `[n, n_in]`, each `[n, n_out]`.
    pub(super) fn activations(&self, inputs: &[f64]) -> Vec<Vec<f64>> {
        let mut outputs: Vec<Vec<f64>> = Vec::with_capacity(self.n_layers());
        for k in 0..self.n_layers() {
            let layer = self.layer(k);
            let previous = outputs.last().map_or(inputs, Vec::as_slice);
            let mut output = layer.biases.repeat(previous.len() / layer.n_in);
            for (x, y) in previous.chunks(layer.n_in).zip(output.chunks_mut(layer.n_out)) {
                for (x, weights) in x.iter().zip(layer.weights.chunks(layer.n_out)) {
                    y.iter_mut().zip(weights).for_each(|(y, w)| *y += x * w);
                }
            }
            if k + 1 < self.n_layers() {
                output.iter_mut().for_each(|y| *y = y.tanh());
            }
            outputs.push(output);
        }
        outputs
    }

    /// The network whose outputs are copies of this one's, given by their indices, plus shifts.
    pub(super) fn with_outputs(&self, sources: &[(usize, f64)]) -> Self {
        let last = self.n_layers() - 1;
        let layer = self.layer(last);
        let mut sizes = self.sizes.clone();
        sizes[last + 1] = sources.len();
        let (start, _) = self.range(last);
        let mut coefficients = self.coefficients[..start].to_vec();
        for weights in layer.weights.chunks(layer.n_out) {
            coefficients.extend(sources.iter().map(|(source, _)| weights[*source]));
        }
        coefficients.extend(sources.iter().map(|(source, shift)| layer.biases[*source] + shift));
        Self { sizes, coefficients }
    }

    /// The network's outputs on the host.
    pub(super) fn evaluate(&self, inputs: &[f64]) -> Vec<f64> {
        self.activations(inputs).pop().unwrap_or_default()
    }

    /// The network's outputs `[n, n_out]` for inputs `[n, n_in]`, as a graph.
    pub(super) fn forward(&self, inputs: Tensor<2>) -> Tensor<2> {
        let place = Place::of(&inputs);
        (0..self.n_layers()).fold(inputs, |x, k| {
            let layer = self.layer(k);
            let weights = place.matrix(layer.weights, [layer.n_in, layer.n_out]);
            let y = x.matmul(weights) + place.row(layer.biases);
            if k + 1 < self.n_layers() { y.tanh() } else { y }
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::testing::{assert_close, for_each_place, values};

    /// A network with coefficients of both signs that saturates some of its units.
    pub(in super::super) fn example(sizes: &[usize]) -> Network {
        let mut network = Network::zeros(sizes.to_vec());
        for (i, c) in network.coefficients.iter_mut().enumerate() {
            *c = 2.0 * (1.7 * i as f64).sin();
        }
        network
    }

    #[test]
    fn a_network_of_one_unit_is_the_formula() {
        let network =
            Network { sizes: vec![2, 1, 1], coefficients: vec![0.5, -1.0, 0.25, 3.0, 7.0] };
        let want = 3.0 * (0.5 * 0.4 - 0.9 + 0.25f64).tanh() + 7.0;
        assert_close(&network.evaluate(&[0.4, 0.9]), &[want], 1e-15, 0.0);
    }

    #[test]
    fn outputs_are_copied_and_shifted() {
        let network = example(&[3, 4, 2]);
        let inputs = [0.3, -0.8, 1.0];
        let y = network.evaluate(&inputs);
        let copies = network.with_outputs(&[(1, 0.5), (0, 0.0), (1, 0.0)]).evaluate(&inputs);
        assert_close(&copies, &[y[1] + 0.5, y[0], y[1]], 1e-14, 1e-14);
    }

    #[test]
    fn the_graph_agrees_with_the_host() {
        let network = example(&[3, 5, 4, 2]);
        let inputs = [0.3, -0.8, 1.0, -1.0, 0.0, 0.77];
        for_each_place(|place| {
            let got = values(network.forward(place.matrix(&inputs, [2, 3])));
            let tolerance = place.tolerance(1e-13, 1e-5);
            assert_close(&got, &network.evaluate(&inputs), tolerance, tolerance);
        });
    }
}
