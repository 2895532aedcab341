//! Fused operations: many elementwise steps in one pass over memory.
//!
//! An op graph writes and reads every intermediate tensor; on a CPU that is most of its time. An
//! operation that is worth it can say how to do the same in plain loops over the values of a batch, with
//! its reverse derivative. The graph stays the definition, the reference of the tests, and what runs on
//! devices without fused operations: all but Flex, whose tensors are plain memory.

use std::fmt::Debug;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};

/// A function of what a batch of galaxies has: tensors of two axes, of which it knows which is galaxies.
pub(crate) trait BatchFunction<F> {
    /// Writes the results for the values of the inputs.
    fn value(&self, inputs: &[&[F]], result: &mut [F]);

    /// Writes the gradients of the sum of the results weighted with `seed`, one for each input.
    fn pull_back(&self, inputs: &[&[F]], seed: &[F], gradients: &mut [&mut [F]]);
}

/// A [`BatchFunction`] in both precisions.
pub(crate) trait FusedOperation:
    BatchFunction<f32> + BatchFunction<f64> + Debug + Send + Sync
{
    /// Shape of the results for inputs of the given shapes.
    fn shape(&self, inputs: &[[usize; 2]]) -> [usize; 2];
}

/// True if tensors where this one lives can go through [`fused`] operations.
pub(crate) fn has_fused<const D: usize>(tensor: &Tensor<D>) -> bool {
    on_flex(&tensor.device())
}

/// The results of an operation on an input that lives where [`has_fused`].
pub(crate) fn fused(operation: Arc<dyn FusedOperation>, input: Tensor<2>) -> Tensor<2> {
    run(operation, input)
}

/// The results of an operation on two inputs.
pub(crate) fn fused_pair(
    operation: Arc<dyn FusedOperation>,
    first: Tensor<2>,
    second: Tensor<2>,
) -> Tensor<2> {
    run_pair(operation, first, second)
}

#[cfg(not(feature = "flex"))]
use without_flex::{on_flex, run, run_pair};

#[cfg(not(feature = "flex"))]
mod without_flex {
    use super::*;

    pub(super) fn on_flex(_device: &Device) -> bool {
        false
    }

    pub(super) fn run(_operation: Arc<dyn FusedOperation>, _input: Tensor<2>) -> Tensor<2> {
        unreachable!("no tensor is on Flex")
    }

    pub(super) fn run_pair(
        operation: Arc<dyn FusedOperation>,
        first: Tensor<2>,
        _second: Tensor<2>,
    ) -> Tensor<2> {
        run(operation, first)
    }
}

#[cfg(feature = "flex")]
use with_flex::{on_flex, run, run_pair};

#[cfg(feature = "flex")]
mod with_flex {
    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
    use burn::backend::tensor::FloatTensor;
    use burn::backend::{
        Autodiff, Backend, Dispatch, DispatchDevice, Flex, TensorMetadata, backend_extension,
    };
    use burn::tensor::{DType, Element, TensorData};

    use super::*;

    type Operation = Arc<dyn FusedOperation>;
    type FlexTensor = FloatTensor<Flex>;

    pub(super) fn on_flex(device: &Device) -> bool {
        matches!(device.clone().without_autodiff().as_dispatch(), DispatchDevice::Flex(_))
    }

    pub(super) fn run(operation: Operation, input: Tensor<2>) -> Tensor<2> {
        let result = <Dispatch as FusedOperations>::fused(input.into_dispatch(), operation);
        Tensor::from_dispatch(result)
    }

    pub(super) fn run_pair(operation: Operation, first: Tensor<2>, second: Tensor<2>) -> Tensor<2> {
        let (first, second) = (first.into_dispatch(), second.into_dispatch());
        let result = <Dispatch as FusedOperations>::fused_pair(first, second, operation);
        Tensor::from_dispatch(result)
    }

    /// Burn's way to an operation of one's own.
    #[backend_extension(Flex, Autodiff)]
    pub(super) trait FusedOperations: Backend {
        fn fused(input: FloatTensor<Self>, operation: Arc<dyn FusedOperation>)
        -> FloatTensor<Self>;

        fn fused_pair(
            first: FloatTensor<Self>,
            second: FloatTensor<Self>,
            operation: Arc<dyn FusedOperation>,
        ) -> FloatTensor<Self>;
    }

    impl FusedOperations for Flex {
        fn fused(input: FlexTensor, operation: Operation) -> FlexTensor {
            value([input], &operation)
        }

        fn fused_pair(first: FlexTensor, second: FlexTensor, operation: Operation) -> FlexTensor {
            value([first, second], &operation)
        }
    }

    impl<C: CheckpointStrategy> FusedOperations for Autodiff<Flex, C> {
        fn fused(input: FloatTensor<Self>, operation: Operation) -> FloatTensor<Self> {
            let (input, node) = input.into_parts();
            tracked::<1, C>([input], [node], operation)
        }

        fn fused_pair(
            first: FloatTensor<Self>,
            second: FloatTensor<Self>,
            operation: Operation,
        ) -> FloatTensor<Self> {
            let ((first, of_first), (second, of_second)) =
                (first.into_parts(), second.into_parts());
            tracked::<2, C>([first, second], [of_first, of_second], operation)
        }
    }

    fn tracked<const N: usize, C: CheckpointStrategy>(
        inputs: [FlexTensor; N],
        nodes: [NodeGuard; N],
        operation: Operation,
    ) -> FloatTensor<Autodiff<Flex, C>> {
        let result = value(inputs.clone(), &operation);
        match PullBack.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(tracked) => tracked.finish((inputs, operation), result),
            OpsKind::UnTracked(untracked) => untracked.finish(result),
        }
    }

    /// The reverse step of a fused operation.
    #[derive(Debug)]
    struct PullBack;

    impl<const N: usize> Backward<Flex, N> for PullBack {
        type State = ([FlexTensor; N], Operation);

        fn backward(
            self,
            ops: Ops<Self::State, N>,
            gradients: &mut Gradients,
            _checkpointer: &mut Checkpointer,
        ) {
            let (inputs, operation) = ops.state;
            let seed = gradients.consume::<Flex>(&ops.node);
            for (parent, gradient) in
                ops.parents.into_iter().zip(pull_back(inputs, seed, &operation))
            {
                if let Some(parent) = parent {
                    gradients.register::<Flex>(parent.id, gradient);
                }
            }
        }
    }

    fn value<const N: usize>(inputs: [FlexTensor; N], operation: &Operation) -> FlexTensor {
        match inputs[0].dtype() {
            DType::F64 => value_in::<f64, N>(inputs, operation, FlexTensor::as_slice),
            _ => value_in::<f32, N>(inputs, operation, FlexTensor::as_slice),
        }
    }

    fn pull_back<const N: usize>(
        inputs: [FlexTensor; N],
        seed: FlexTensor,
        operation: &Operation,
    ) -> [FlexTensor; N] {
        match seed.dtype() {
            DType::F64 => pull_back_in::<f64, N>(inputs, seed, operation, FlexTensor::as_slice),
            _ => pull_back_in::<f32, N>(inputs, seed, operation, FlexTensor::as_slice),
        }
    }

    fn value_in<F: Element + Default, const N: usize>(
        inputs: [FlexTensor; N],
        operation: &Operation,
        slice: fn(&FlexTensor) -> Option<&[F]>,
    ) -> FlexTensor
    where
        dyn FusedOperation: BatchFunction<F>,
    {
        let inputs = inputs.map(|input| input.to_contiguous());
        let shape = operation.shape(&inputs.each_ref().map(shape_of));
        let mut result = vec![F::default(); shape[0] * shape[1]];
        let inputs = inputs.each_ref().map(|input| contents(input, slice));
        BatchFunction::value(&**operation, &inputs, &mut result);
        FlexTensor::from_data(TensorData::new(result, shape))
    }

    fn pull_back_in<F: Element + Default, const N: usize>(
        inputs: [FlexTensor; N],
        seed: FlexTensor,
        operation: &Operation,
        slice: fn(&FlexTensor) -> Option<&[F]>,
    ) -> [FlexTensor; N]
    where
        dyn FusedOperation: BatchFunction<F>,
    {
        let (inputs, seed) = (inputs.map(|input| input.to_contiguous()), seed.to_contiguous());
        let shapes = inputs.each_ref().map(shape_of);
        let mut gradients = shapes.map(|shape| vec![F::default(); shape[0] * shape[1]]);
        let inputs = inputs.each_ref().map(|input| contents(input, slice));
        let mut written = gradients.each_mut().map(Vec::as_mut_slice);
        operation.pull_back(&inputs, contents(&seed, slice), &mut written);
        let mut shapes = shapes.into_iter();
        gradients.map(|gradient| {
            let shape = shapes.next().unwrap_or_default();
            FlexTensor::from_data(TensorData::new(gradient, shape))
        })
    }

    fn shape_of(tensor: &FlexTensor) -> [usize; 2] {
        [tensor.shape()[0], tensor.shape()[1]]
    }

    fn contents<F>(tensor: &FlexTensor, slice: fn(&FlexTensor) -> Option<&[F]>) -> &[F] {
        slice(tensor).unwrap_or_else(|| unreachable!("the tensor is contiguous and of this type"))
    }
}
