//! `e^x - 1` without cancellation at small `x`.

use burn::tensor::Tensor;

/// Below this the Taylor polynomial is used.
const NEAR: f64 = 0.35;
/// Terms of the polynomial: the next one is below 1e-16 of the sum at [`NEAR`].
const TERMS: u32 = 13;

/// `e^x - 1`, elementwise, to the relative precision of the tensor: a Taylor polynomial near zero,
/// the plain form elsewhere.
pub fn expm1<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let near = x.clone().clamp(-NEAR, NEAR);
    let mut series = near.ones_like();
    for k in (2..=TERMS).rev() {
        series = series * near.clone() / f64::from(k) + 1.0;
    }
    let plain = x.clone().exp() - 1.0;
    plain.mask_where(x.abs().lower_elem(NEAR), series * near)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, assert_gradient, for_each_place, values};

    #[test]
    fn relative_precision_from_tiny_to_large() {
        let x = [-40.0, -1.0, -0.351, -0.349, -1e-9, -1e-20, 0.0, 1e-12, 0.01, 0.349, 0.351, 9.0];
        let want: Vec<f64> = x.iter().map(|x| f64::exp_m1(*x)).collect();
        for_each_place(|place| {
            let tolerance = place.tolerance(2e-15, 1e-6);
            assert_close(&values(expm1(place.vector(&x))), &want, tolerance, 0.0);
        });
    }

    #[test]
    fn gradient_on_both_branches() {
        assert_gradient(&[-700.0, -2.0, -0.3, 0.0, 1e-6, 0.3, 1.0, 3.0], 1e-7, expm1);
    }
}
