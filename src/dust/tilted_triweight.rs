//! The triweight curve with a bump, both tilted: the curve of diffsky, where the bump has strength 1.

use burn::tensor::Tensor;

use super::DustWaves;

/// `k = (k_tw + E_b D) (lambda / 0.55)^slope`, `[n_gal, n_age, n_wave]`, from strengths and slopes
/// `[n_gal, n_age, 1]`.
pub fn tilted_triweight(waves: &DustWaves, bump: &Tensor<3>, slope: &Tensor<3>) -> Tensor<3> {
    (bump.clone() * waves.drude() + waves.base()) * waves.tilt(slope)
}
