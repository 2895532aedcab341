//! A power law through `R_V` at 0.55 micrometre, as in Charlot & Fall (2000).

use burn::tensor::Tensor;

use super::DustWaves;

/// `k = R_V (lambda / 0.55)^slope`, `[n_gal, n_age, n_wave]`, from slopes `[n_gal, n_age, 1]`.
pub fn power_law(waves: &DustWaves, slope: &Tensor<3>) -> Tensor<3> {
    waves.base() * waves.tilt(slope)
}
