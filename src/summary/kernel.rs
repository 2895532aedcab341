//! Soft edges: galaxies as kernels with a width, of which an edge cuts off a share that changes smoothly.

use burn::tensor::{DType, Tensor};

use super::kernel_loops::SharesBelow;
use super::{Axis, Quantities};
use crate::device::{Place, fused, has_fused};
use crate::names::named;
use crate::numerics::check_ascending;
use crate::numerics::triweight::triweight_cdf;
use crate::{Error, Result};

/// The shape of a galaxy's kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// A bell that ends at three widths, its width the standard deviation; see
    /// [`triweight`](crate::numerics::triweight).
    Triweight,
    /// The density of the logistic distribution, with the share `1 / (1 + exp(-(e - x) / s))` below the
    /// edge `e`.
    Logistic,
}

named!(Kernel, "kernel", Triweight = "triweight", Logistic = "logistic");

impl Kernel {
    /// Share of kernels at `x` (`[n_gal, 1]`) below edges (`[1, n_edge]`), both in units of the width.
    pub(super) fn share_below(self, x: Tensor<2>, edges: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Triweight => triweight_cdf(edges - x),
            // Clamped where the share is nothing, so that its gradient, which squares the exponential,
            // does not overflow.
            Self::Logistic => {
                let limit = if x.dtype() == DType::F64 { 350.0 } else { 40.0 };
                ((x - edges).clamp_max(limit).exp() + 1.0).recip()
            }
        }
    }
}

/// Bins of an axis with soft edges.
#[derive(Clone, Debug, PartialEq)]
pub struct SoftBins {
    axis: Axis,
    edges: Vec<f64>,
    kernel: Kernel,
    width: f64,
}

impl SoftBins {
    /// Bins between ascending edges; `width` is that of the kernel, in units of the axis.
    ///
    /// # Errors
    /// [`Error::Invalid`] for fewer than two edges and those that do not ascend; [`Error::OutOfRange`]
    /// for a width that is not positive.
    pub fn new(axis: Axis, edges: &[f64], kernel: Kernel, width: f64) -> Result<Self> {
        Self::with_edges(axis, edges, kernel, width, 2)
    }

    /// The same with another smallest number of edges.
    pub(super) fn with_edges(
        axis: Axis,
        edges: &[f64],
        kernel: Kernel,
        width: f64,
        min_edges: usize,
    ) -> Result<Self> {
        check_ascending(&format!("edges of {}", axis.label()), edges, min_edges)?;
        if !(width > 0.0 && width.is_finite()) {
            return Err(Error::OutOfRange {
                what: format!("width of the kernel of {}", axis.label()),
                value: width,
                allowed: "(0, inf)".into(),
            });
        }
        Ok(Self { axis, edges: edges.to_vec(), kernel, width })
    }

    /// Number of bins.
    pub fn n_bins(&self) -> usize {
        self.edges.len() - 1
    }

    /// The edges.
    pub fn edges(&self) -> &[f64] {
        &self.edges
    }

    /// The axis.
    pub fn axis(&self) -> &Axis {
        &self.axis
    }

    /// What each bin is.
    pub(super) fn labels(&self) -> Vec<String> {
        let axis = self.axis.label();
        let label = |edge: &[f64]| format!("{axis} from {} to {}", edge[0], edge[1]);
        self.edges.windows(2).map(label).collect()
    }

    /// Share of each galaxy below each edge, `[n_gal, n_edge]`, by a fused operation where there is one.
    pub(super) fn below(&self, galaxies: &Quantities) -> Result<Tensor<2>> {
        let x = galaxies.on(&self.axis)?;
        let edges: Vec<f64> = self.edges.iter().map(|edge| edge / self.width).collect();
        let x = x / self.width;
        if has_fused(&x) {
            return Ok(fused(SharesBelow::operation(self.kernel, edges), x.transpose()));
        }
        let edges = Place::of(&x).row(&edges);
        Ok(self.kernel.share_below(x, edges))
    }

    /// Share of each galaxy in each bin, `[n_gal, n_bin]`.
    pub(super) fn shares(&self, galaxies: &Quantities) -> Result<Tensor<2>> {
        Ok(self.between(self.below(galaxies)?))
    }

    /// Sums over galaxies of their shares in the bins times each column of `weights` (`[n_gal, m]`),
    /// shape `[m, n_bin]`.
    ///
    /// Sums below edges are subtracted instead of shares below edges, which saves a quarter of the work
    /// and more: in f32 a bin is known to the rounding of the whole chunk's sum.
    pub(super) fn sums(&self, weights: Tensor<2>, galaxies: &Quantities) -> Result<Tensor<2>> {
        Ok(self.between(weights.transpose().matmul(self.below(galaxies)?)))
    }

    /// From what is below the edges (`[_, n_edge]`) to what is in the bins (`[_, n_bin]`).
    fn between(&self, below: Tensor<2>) -> Tensor<2> {
        let n = self.n_bins();
        below.clone().narrow(1, 1, n) - below.narrow(1, 0, n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Precision;
    use crate::numerics::histogram::triweight_histogram;
    use crate::numerics::sigmoid::sigmoid;
    use crate::summary::QuantityNames;
    use crate::testing::{assert_close, assert_gradient, for_each_place, places, values};

    const EDGES: [f64; 5] = [-10.0, -1.0, 0.0, 0.5, 10.0];

    fn bins(kernel: Kernel) -> SoftBins {
        let axis = QuantityNames::new(["x"]).unwrap().axis("x").unwrap();
        SoftBins::new(axis, &EDGES, kernel, 0.4).unwrap()
    }

    fn galaxies(x: Tensor<1>) -> Quantities {
        let names = QuantityNames::new(["x"]).unwrap();
        Quantities::new(&names, x.unsqueeze_dim(1)).unwrap()
    }

    #[test]
    fn shares_are_those_of_the_kernels() {
        for_each_place(|place| {
            let x = place.vector(&[-3.0, -0.9, 0.2, 4.0, 200.0]);
            let seen = galaxies(x.clone());
            let tolerance = place.tolerance(1e-12, 2e-6);
            let triweight = values(bins(Kernel::Triweight).shares(&seen).unwrap());
            let want = values(triweight_histogram(&x, &x.full_like(0.4), &EDGES));
            assert_close(&triweight, &want, 0.0, tolerance);

            let logistic = values(bins(Kernel::Logistic).below(&seen).unwrap());
            let t = (place.row(&EDGES) - x.clone().unsqueeze_dim(1)) / 0.4;
            assert_close(&logistic, &values(sigmoid(t)), 0.0, tolerance);
        });
    }

    #[test]
    fn gradients_inside_at_the_edges_and_far_out() {
        for kernel in [Kernel::Triweight, Kernel::Logistic] {
            let x = [-300.0, -1.2, 0.0, 0.45, 2.0, 9.7, 400.0];
            assert_gradient(&x, 1e-7, |x| {
                let shares = bins(kernel).shares(&galaxies(x)).unwrap();
                let [n, m] = shares.dims();
                shares.reshape([n * m])
            });
            // Far from every edge the gradient is zero in f32 too, not NaN.
            for place in places(Precision::F32) {
                let x = place.vector(&[-1e6, 1e6]).autodiff().require_grad();
                let sum = bins(kernel).shares(&galaxies(x.clone())).unwrap().sum();
                let gradient = values(x.grad(&sum.backward()).unwrap());
                assert_eq!(gradient, [0.0, 0.0], "{kernel} {place}");
            }
        }
    }

    #[test]
    fn impossible_bins_are_errors() {
        let axis = || QuantityNames::new(["x"]).unwrap().axis("x").unwrap();
        let build = |edges: &[f64], width| SoftBins::new(axis(), edges, Kernel::Logistic, width);
        for (edges, width, part) in [
            (&[1.0][..], 0.1, "edges of x"),
            (&[1.0, 1.0], 0.1, "ascend"),
            (&[1.0, f64::NAN], 0.1, "finite"),
            (&[1.0, 2.0], 0.0, "width"),
            (&[1.0, 2.0], f64::NAN, "width"),
            (&[1.0, 2.0], f64::INFINITY, "width"),
        ] {
            let error = build(edges, width).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        assert!("box".parse::<Kernel>().is_err());
    }
}
