//! Salim, Boquien & Lee (2018, ApJ 859, 11): the tilted base curve with an untilted bump.

use burn::tensor::Tensor;

use super::DustWaves;

/// `k = max(0, k_0 (lambda / 0.55)^slope + E_b D)`, `[n_gal, n_age, n_wave]`, from strengths and slopes
/// `[n_gal, n_age, 1]`.
pub fn salim18(waves: &DustWaves, bump: &Tensor<3>, slope: &Tensor<3>) -> Tensor<3> {
    (waves.tilt(slope) * waves.base() + bump.clone() * waves.drude()).clamp_min(0.0)
}
