//! Fused operations as plain loops, compiled for the vector instructions of the machine at hand.

use std::fmt::Debug;

use macerator::{AutoArch, Simd, VFma, WithSimd};

use super::fused::{BatchFunction, FusedOperation};
use super::real::Real;

/// The loops of a fused operation, once for both precisions.
///
/// Implementations mark their methods, and what those call, `#[inline(always)]`: only then are they
/// compiled anew for each set of vector instructions. `FMA` says whether multiplying and adding is one
/// instruction.
pub(crate) trait Loops: Debug + Send + Sync {
    /// Shape of the results for inputs of the given shapes.
    fn shape(&self, inputs: &[[usize; 2]]) -> [usize; 2];

    /// Writes the results for the values of the inputs.
    fn value<F: Real, const FMA: bool>(&self, inputs: &[&[F]], result: &mut [F]);

    /// Writes the gradients of the sum of the results weighted with `seed`, one for each input.
    fn pull_back<F: Real, const FMA: bool>(
        &self,
        inputs: &[&[F]],
        seed: &[F],
        gradients: &mut [&mut [F]],
    );
}

impl<T: Loops> FusedOperation for T {
    fn shape(&self, inputs: &[[usize; 2]]) -> [usize; 2] {
        Loops::shape(self, inputs)
    }
}

struct Value<'a, T, F> {
    loops: &'a T,
    inputs: &'a [&'a [F]],
    result: &'a mut [F],
}

struct PullBack<'a, 'b, T, F> {
    loops: &'a T,
    inputs: &'a [&'a [F]],
    seed: &'a [F],
    gradients: &'a mut [&'b mut [F]],
}

macro_rules! in_precision {
    ($float:ty) => {
        impl<T: Loops> BatchFunction<$float> for T {
            fn value(&self, inputs: &[&[$float]], result: &mut [$float]) {
                AutoArch::new().dispatch(Value { loops: self, inputs, result });
            }

            fn pull_back(
                &self,
                inputs: &[&[$float]],
                seed: &[$float],
                gradients: &mut [&mut [$float]],
            ) {
                AutoArch::new().dispatch(PullBack { loops: self, inputs, seed, gradients });
            }
        }

        impl<T: Loops> WithSimd for Value<'_, T, $float> {
            type Output = ();

            #[inline(always)]
            fn with_simd<S: Simd>(self) {
                if <$float as VFma>::is_accelerated::<S>() {
                    self.loops.value::<$float, true>(self.inputs, self.result);
                } else {
                    self.loops.value::<$float, false>(self.inputs, self.result);
                }
            }
        }

        impl<T: Loops> WithSimd for PullBack<'_, '_, T, $float> {
            type Output = ();

            #[inline(always)]
            fn with_simd<S: Simd>(self) {
                let Self { loops, inputs, seed, gradients } = self;
                if <$float as VFma>::is_accelerated::<S>() {
                    loops.pull_back::<$float, true>(inputs, seed, gradients);
                } else {
                    loops.pull_back::<$float, false>(inputs, seed, gradients);
                }
            }
        }
    };
}

in_precision!(f32);
in_precision!(f64);
