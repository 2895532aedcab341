//! Numerical kernels shared by the physics modules (batched tensor operations).
//!
//! The leading axis of every tensor is galaxies. Functions on `&[f64]` prepare constants on the
//! host: grids, quadrature weights and linear operators that do not depend on any galaxy.

pub mod age_transition;
pub mod cells;
pub mod cholesky;
pub mod expm1;
pub mod histogram;
pub mod integrate;
pub mod interp;
pub mod jacobian;
pub mod lbfgs;
pub mod log1p;
pub mod normal;
pub mod quadratic;
pub mod random;
pub mod schedule;
pub mod sigmoid;
pub mod triweight;
mod triweight_loops;

use std::f64::consts::{LN_10, LOG10_E};

use burn::tensor::{Bool, DType, Tensor};

/// `10^x`, elementwise.
pub fn pow10<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    (x * LN_10).exp()
}

/// `log10(x)`, elementwise; the caller keeps `x` positive.
pub fn log10<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.log() * LOG10_E
}

/// True where there is no light: zero, or less than the smallest normal number of the precision,
/// whose reciprocal, and with it the gradient of the logarithm, overflows.
pub fn is_dark<const D: usize>(light: &Tensor<D>) -> Tensor<D, Bool> {
    let smallest = match light.dtype() {
        DType::F64 => f64::MIN_POSITIVE,
        _ => f64::from(f32::MIN_POSITIVE),
    };
    light.clone().lower_elem(smallest)
}

/// `log10(x)` of light, elementwise: minus infinity with zero gradient where it [is dark](is_dark).
pub fn log10_of_light<const D: usize>(light: Tensor<D>) -> Tensor<D> {
    let dark = is_dark(&light);
    log10(light.mask_fill(dark.clone(), 1.0)).mask_fill(dark, f64::NEG_INFINITY)
}

/// One value per galaxy as a column, shape `[n_gal, 1]`, ready to broadcast over a second axis.
pub fn column(x: &Tensor<1>) -> Tensor<2> {
    x.clone().unsqueeze_dim(1)
}

/// The columns of a matrix `[n_gal, n_param]`, each `[n_gal]`.
///
/// They are parts of one transposed copy: a GPU then hands out most of them without a kernel each.
pub fn columns(matrix: &Tensor<2>) -> Vec<Tensor<1>> {
    let [n_gal, n] = matrix.dims();
    let flat: Tensor<1> = matrix.clone().transpose().reshape([n_gal * n]);
    (0..n).map(|j| flat.clone().narrow(0, j * n_gal, n_gal)).collect()
}

/// Checks that `axis` has at least `min_len` finite, strictly ascending values.
///
/// # Errors
/// [`crate::Error::Invalid`] naming `what` and the first offending index.
pub fn check_ascending(what: &str, axis: &[f64], min_len: usize) -> crate::Result<()> {
    if axis.len() < min_len {
        return Err(crate::Error::invalid(
            what,
            format!("has {} values, at least {min_len} are needed", axis.len()),
        ));
    }
    if let Some(i) = axis.iter().position(|v| !v.is_finite()) {
        return Err(crate::Error::invalid(what, format!("value {i} is {}, not finite", axis[i])));
    }
    if let Some(i) = axis.windows(2).position(|w| w[1] <= w[0]) {
        return Err(crate::Error::invalid(
            what,
            format!(
                "must ascend strictly, but value {} is {} after {}",
                i + 1,
                axis[i + 1],
                axis[i]
            ),
        ));
    }
    Ok(())
}
