//! `ln(1 + x)` without loss of digits at small `x`.

use burn::tensor::Tensor;

/// Below this the series is used.
const NEAR: f64 = 0.25;
/// Terms of the series: the next one is below 1e-16 of the sum at `-NEAR`.
const TERMS: u32 = 9;

/// `ln(1 + x)`, elementwise, to the relative precision of the tensor.
///
/// GPUs compute `Tensor::log1p` as the logarithm of the rounded sum, which has no digit left for `x`
/// below the precision of one. Where the result is added to numbers of order one that does not
/// matter. Here, near zero, it is `2 artanh(s)` with `s = x / (2 + x)`, a series in `s^2`.
pub fn log1p<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let near = x.clone().clamp(-NEAR, NEAR);
    let s = near.clone() / (near + 2.0);
    let s2 = s.clone() * s.clone();
    let mut series = s2.full_like(1.0 / f64::from(2 * TERMS + 1));
    for k in (0..TERMS).rev() {
        series = series * s2.clone() + 1.0 / f64::from(2 * k + 1);
    }
    let is_near = x.clone().abs().lower_elem(NEAR);
    let plain = (x + 1.0).log();
    plain.mask_where(is_near, series * s * 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, assert_gradient, for_each_place, values};

    #[test]
    fn relative_precision_from_tiny_to_large() {
        let x = [
            -0.999, -0.5, -0.251, -0.249, -1e-3, -1e-9, -1e-20, 0.0, 1e-12, 1e-7, 0.01, 0.249,
            0.251, 1.0, 30.0,
        ];
        let want: Vec<f64> = x.iter().map(|x| f64::ln_1p(*x)).collect();
        for_each_place(|place| {
            let tolerance = place.tolerance(2e-15, 1e-6);
            // Next to -1 the sum is the condition, not the method.
            assert_close(&values(log1p(place.vector(&x)))[1..], &want[1..], tolerance, 0.0);
            assert_close(&values(log1p(place.vector(&x)))[..1], &want[..1], 100.0 * tolerance, 0.0);
        });
    }

    #[test]
    fn gradient_on_both_branches() {
        assert_gradient(&[-0.9, -0.3, -0.2, 0.0, 1e-6, 0.2, 0.3, 30.0], 1e-7, log1p);
    }
}
