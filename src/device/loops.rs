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
    /// Shape of the results.
    fn shape(&self, n_gal: usize) -> [usize; 2];

    /// Writes the results for parameters `[n_param, n_gal]`.
    fn value<F: Real, const FMA: bool>(&self, parameters: &[F], result: &mut [F]);

    /// Writes the gradient, `[n_param, n_gal]`, of the sum of the results weighted with `seed`.
    fn pull_back<F: Real, const FMA: bool>(&self, parameters: &[F], seed: &[F], gradient: &mut [F]);
}

impl<T: Loops> FusedOperation for T {
    fn shape(&self, n_gal: usize) -> [usize; 2] {
        Loops::shape(self, n_gal)
    }
}

struct Value<'a, T, F> {
    loops: &'a T,
    parameters: &'a [F],
    result: &'a mut [F],
}

struct PullBack<'a, T, F> {
    loops: &'a T,
    parameters: &'a [F],
    seed: &'a [F],
    gradient: &'a mut [F],
}

macro_rules! in_precision {
    ($float:ty) => {
        impl<T: Loops> BatchFunction<$float> for T {
            fn value(&self, parameters: &[$float], result: &mut [$float]) {
                AutoArch::new().dispatch(Value { loops: self, parameters, result });
            }

            fn pull_back(&self, parameters: &[$float], seed: &[$float], gradient: &mut [$float]) {
                AutoArch::new().dispatch(PullBack { loops: self, parameters, seed, gradient });
            }
        }

        impl<T: Loops> WithSimd for Value<'_, T, $float> {
            type Output = ();

            #[inline(always)]
            fn with_simd<S: Simd>(self) {
                if <$float as VFma>::is_accelerated::<S>() {
                    self.loops.value::<$float, true>(self.parameters, self.result);
                } else {
                    self.loops.value::<$float, false>(self.parameters, self.result);
                }
            }
        }

        impl<T: Loops> WithSimd for PullBack<'_, T, $float> {
            type Output = ();

            #[inline(always)]
            fn with_simd<S: Simd>(self) {
                let Self { loops, parameters, seed, gradient } = self;
                if <$float as VFma>::is_accelerated::<S>() {
                    loops.pull_back::<$float, true>(parameters, seed, gradient);
                } else {
                    loops.pull_back::<$float, false>(parameters, seed, gradient);
                }
            }
        }
    };
}

in_precision!(f32);
in_precision!(f64);
