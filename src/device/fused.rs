//! Fused operations: many elementwise steps in one pass over memory.
//!
//! An op graph writes and reads every intermediate tensor; on a CPU that is most of its time. An
//! operation that is worth it can say how to do the same in plain loops over the values of a batch, with
//! its reverse derivative. The graph stays the definition, the reference of the tests, and what runs on
//! devices without fused operations: all but Flex, whose tensors are plain memory.

use std::fmt::Debug;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};

/// A function of the parameters of each galaxy of a batch.
pub(crate) trait BatchFunction<F> {
    /// Writes the results for parameters `[n_param, n_gal]`.
    fn value(&self, parameters: &[F], result: &mut [F]);

    /// Writes the gradient, `[n_param, n_gal]`, of the sum of the results weighted with `seed`.
    fn pull_back(&self, parameters: &[F], seed: &[F], gradient: &mut [F]);
}

/// A [`BatchFunction`] in both precisions.
pub(crate) trait FusedOperation:
    BatchFunction<f32> + BatchFunction<f64> + Debug + Send + Sync
{
    /// Shape of the results.
    fn shape(&self, n_gal: usize) -> [usize; 2];
}

/// True if tensors where this one lives can go through [`fused`] operations.
pub(crate) fn has_fused<const D: usize>(tensor: &Tensor<D>) -> bool {
    on_flex(&tensor.device())
}

/// The results of an operation for parameters `[n_param, n_gal]`, which live where [`has_fused`].
pub(crate) fn fused(operation: Arc<dyn FusedOperation>, parameters: Tensor<2>) -> Tensor<2> {
    run(operation, parameters)
}

#[cfg(not(feature = "flex"))]
use without_flex::{on_flex, run};

#[cfg(not(feature = "flex"))]
mod without_flex {
    use super::*;

    pub(super) fn on_flex(_device: &Device) -> bool {
        false
    }

    pub(super) fn run(_operation: Arc<dyn FusedOperation>, _parameters: Tensor<2>) -> Tensor<2> {
        unreachable!("no tensor is on Flex")
    }
}

#[cfg(feature = "flex")]
use with_flex::{on_flex, run};

#[cfg(feature = "flex")]
mod with_flex {
    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
    use burn::backend::tensor::FloatTensor;
    use burn::backend::{
        Autodiff, Backend, Dispatch, DispatchDevice, Flex, TensorMetadata, backend_extension,
    };
    use burn::tensor::{DType, Element, TensorData};

    use super::*;

    pub(super) fn on_flex(device: &Device) -> bool {
        matches!(device.clone().without_autodiff().as_dispatch(), DispatchDevice::Flex(_))
    }

    pub(super) fn run(operation: Arc<dyn FusedOperation>, parameters: Tensor<2>) -> Tensor<2> {
        let parameters = parameters.into_dispatch();
        Tensor::from_dispatch(<Dispatch as FusedOperations>::fused(parameters, operation))
    }

    /// Burn's way to an operation of one's own.
    #[backend_extension(Flex, Autodiff)]
    pub(super) trait FusedOperations: Backend {
        fn fused(
            parameters: FloatTensor<Self>,
            operation: Arc<dyn FusedOperation>,
        ) -> FloatTensor<Self>;
    }

    impl FusedOperations for Flex {
        fn fused(
            parameters: FloatTensor<Self>,
            operation: Arc<dyn FusedOperation>,
        ) -> FloatTensor<Self> {
            let parameters = parameters.to_contiguous();
            let shape = operation.shape(parameters.shape()[1]);
            match parameters.dtype() {
                DType::F64 => filled(shape, |result: &mut [f64]| {
                    operation.value(values(parameters.as_slice()), result);
                }),
                _ => filled(shape, |result: &mut [f32]| {
                    operation.value(values(parameters.as_slice()), result);
                }),
            }
        }
    }

    impl<C: CheckpointStrategy> FusedOperations for Autodiff<Flex, C> {
        fn fused(
            parameters: FloatTensor<Self>,
            operation: Arc<dyn FusedOperation>,
        ) -> FloatTensor<Self> {
            let (parameters, node) = parameters.into_parts();
            let result = Flex::fused(parameters.clone(), operation.clone());
            match PullBack.prepare::<C>([node]).compute_bound().stateful() {
                OpsKind::Tracked(tracked) => tracked.finish((parameters, operation), result),
                OpsKind::UnTracked(untracked) => untracked.finish(result),
            }
        }
    }

    /// The reverse step of a fused operation.
    #[derive(Debug)]
    struct PullBack;

    impl Backward<Flex, 1> for PullBack {
        type State = (FloatTensor<Flex>, Arc<dyn FusedOperation>);

        fn backward(
            self,
            ops: Ops<Self::State, 1>,
            gradients: &mut Gradients,
            _checkpointer: &mut Checkpointer,
        ) {
            let (parameters, operation) = ops.state;
            let seed = gradients.consume::<Flex>(&ops.node).to_contiguous();
            let [Some(parent)] = ops.parents else { return };
            let parameters = parameters.to_contiguous();
            let shape = [parameters.shape()[0], parameters.shape()[1]];
            let gradient = match parameters.dtype() {
                DType::F64 => filled(shape, |gradient: &mut [f64]| {
                    let parameters = values(parameters.as_slice());
                    operation.pull_back(parameters, values(seed.as_slice()), gradient);
                }),
                _ => filled(shape, |gradient: &mut [f32]| {
                    let parameters = values(parameters.as_slice());
                    operation.pull_back(parameters, values(seed.as_slice()), gradient);
                }),
            };
            gradients.register::<Flex>(parent.id, gradient);
        }
    }

    fn values<F>(slice: Option<&[F]>) -> &[F] {
        slice.unwrap_or_else(|| unreachable!("the tensor is contiguous and of this type"))
    }

    fn filled<F: Element + Default>(
        shape: [usize; 2],
        fill: impl FnOnce(&mut [F]),
    ) -> FloatTensor<Flex> {
        let mut values = vec![F::default(); shape[0] * shape[1]];
        fill(&mut values);
        FloatTensor::<Flex>::from_data(TensorData::new(values, shape))
    }
}
