//! What a population looks like as a whole, and exact gradients of losses on it in constant memory.
//!
//! Galaxies have named [`Quantities`]. A [`Summary`] adds up something of theirs: a [`SoftHistogram`],
//! [`SoftCounts`], [`Moments`], a [`MeanRelation`], or several as a [`SummarySet`]. Because such sums are
//! additive, a population is worked through in chunks, on several threads and by several processes (a
//! [`Reducer`]), and [`PopulationLoss`] differentiates a [`Loss`] of them with the memory of one chunk.
//!
//! ```
//! use burn::tensor::Tensor;
//! use starburn::device::{DEFAULT_DEVICE, Place, Precision};
//! use starburn::summary::{
//!     ChiSquareLoss, Kernel, Population, PopulationLoss, Quantities, QuantityNames, SoftBins,
//!     SoftHistogram,
//! };
//!
//! /// Magnitudes that brighten with the mean and the spread of the population.
//! struct Galaxies {
//!     place: Place,
//!     names: QuantityNames,
//!     chunks: Vec<Tensor<2>>,
//! }
//!
//! impl Population for Galaxies {
//!     fn place(&self) -> &Place {
//!         &self.place
//!     }
//!     fn n_chunks(&self) -> usize {
//!         self.chunks.len()
//!     }
//!     fn quantities(&self, chunk: usize, theta: &Tensor<2>) -> starburn::Result<Quantities> {
//!         let (mean, spread) = (theta.clone().narrow(1, 0, 1), theta.clone().narrow(1, 1, 1));
//!         Quantities::new(&self.names, mean + spread * self.chunks[chunk].clone())
//!     }
//! }
//!
//! let place = Place::open(DEFAULT_DEVICE, Precision::F64)?;
//! let names = QuantityNames::new(["r"])?;
//! let bins = SoftBins::new(names.axis("r")?, &[-24.0, -22.0, -19.0], Kernel::Triweight, 0.2)?;
//! // One worker per thread, each with its own chunks.
//! let chunks = vec![place.matrix(&[-1.0, 0.3, 1.2], [3, 1]), place.matrix(&[0.8, -0.1], [2, 1])];
//! let worker = Galaxies { place, names, chunks };
//! let mut population = PopulationLoss::new(vec![worker], SoftHistogram::new(vec![bins])?)?;
//! let at = population.value_and_gradient(&[-21.5, 1.0], &ChiSquareLoss::new(&[3.0, 2.0])?)?;
//! assert!((at.sums.iter().sum::<f64>() - 5.0).abs() < 1e-9 && at.gradient.len() == 2);
//! # Ok::<(), starburn::Error>(())
//! ```

mod batch;
mod chi_square_loss;
mod chunks;
mod counts;
mod gaussian_loss;
mod histogram;
mod kernel;
mod kernel_loops;
mod loss;
mod mean_relation;
mod moments;
mod poisson_loss;
mod population_loss;
mod quantities;
mod reducer;
mod set;
#[cfg(test)]
mod tests;

use std::fmt::Debug;

use burn::tensor::Tensor;

pub use batch::{CPU_TENSOR_BYTES, GPU_GRAPH_BYTES, GPU_GRAPH_TENSORS, default_batch};
pub use chi_square_loss::ChiSquareLoss;
pub use chunks::{Population, deal, sum_over_chunks};
pub use counts::{Side, SoftCounts};
pub use gaussian_loss::GaussianLoss;
pub use histogram::SoftHistogram;
pub use kernel::{Kernel, SoftBins};
pub use loss::{Likelihood, Loss};
#[cfg(test)]
pub(crate) use loss::{assert_information, assert_slopes};
pub use mean_relation::{BinMean, MeanRelation};
pub use moments::{MomentValues, Moments};
pub use poisson_loss::PoissonLoss;
pub use population_loss::{PopulationLoss, SumsAndJacobian, ValueAndGradient, chunk_gradient};
pub use quantities::{Axis, Quantities, QuantityNames};
pub use reducer::{LocalReducer, Reducer};
pub use set::SummarySet;

/// Something that is added up over galaxies, differentiable in their quantities and weights.
///
/// The sums of two groups of galaxies are those of the groups added, so that a population may be cut into
/// chunks anywhere. Within a chunk they are in the precision of the device; chunks are added on the host
/// in f64.
pub trait Summary: Debug + Send + Sync {
    /// What each sum is, in order.
    fn labels(&self) -> Vec<String>;

    /// Number of sums.
    fn n_sums(&self) -> usize;

    /// The sums over these galaxies, shape `[n_sums]`.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for galaxies with other quantities than those that it
    /// was made for.
    fn sums(&self, galaxies: &Quantities) -> crate::Result<Tensor<1>>;
}
