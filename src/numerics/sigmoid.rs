//! Logistic functions: the "sigmoid" and its steps, as diffmah, diffstar and the IMF fits use them.

use burn::tensor::{DType, Tensor};

/// Standard logistic `1 / (1 + e^-x)`.
///
/// Written with `exp` rather than a backend's own sigmoid, which in f64 is not f64-accurate on
/// every backend. The argument is clamped where the result no longer changes in the given
/// precision, so that neither the value nor the gradient overflows.
pub fn sigmoid<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let limit = if x.dtype() == DType::F64 { 700.0 } else { 80.0 };
    (x.clamp(-limit, limit).neg().exp() + 1.0).recip()
}

/// Logistic step from `lo` to `hi`: `lo + (hi - lo) sigmoid(x)`.
pub fn step<const D: usize>(x: Tensor<D>, lo: Tensor<D>, hi: Tensor<D>) -> Tensor<D> {
    lo.clone() + (hi - lo) * sigmoid(x)
}

/// Logistic step between two numbers.
pub fn step_scalar<const D: usize>(x: Tensor<D>, lo: f64, hi: f64) -> Tensor<D> {
    sigmoid(x) * (hi - lo) + lo
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_gradient, for_each_place, values};

    #[test]
    fn extremes_are_finite_and_saturate() {
        for_each_place(|place| {
            let x = place.vector(&[-1e4, -50.0, -1.0, 0.0, 1.0, 50.0, 1e4]);
            let y = values(sigmoid(x));
            assert!(y.iter().all(|v| v.is_finite() && (0.0..=1.0).contains(v)), "{y:?}");
            assert_eq!(y[3], 0.5);
            assert!((y[2] + y[4] - 1.0).abs() < 1e-7);
            assert!(y[1] > 0.0 && y[1] < 1e-20);
        });
    }

    #[test]
    fn gradient_at_the_centre_and_in_the_tails() {
        assert_gradient(&[-30.0, -1.0, 0.0, 0.5, 20.0], 1e-7, sigmoid);
    }
}
