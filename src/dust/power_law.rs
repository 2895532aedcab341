//! A power law through `R_V` at 0.55 micrometre, as in Charlot & Fall (2000).

use burn::tensor::Tensor;

use super::{R_V, tilt};

/// `k = R_V (lambda / 0.55)^slope`, `[n_gal, n_wave]`.
pub fn power_law(wave_um: &[f64], slope: &Tensor<1>) -> Tensor<2> {
    tilt(wave_um, slope) * R_V
}
