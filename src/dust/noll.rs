//! Noll et al. (2009, A&A 507, 1793): the base curve with a bump, both tilted.

use burn::tensor::Tensor;

use super::DustWaves;

/// `k = max(0, (k_0 + E_b D) (lambda / 0.55)^slope)`, `[n_gal, n_age, n_wave]`, from strengths and slopes
/// `[n_gal, n_age, 1]`.
pub fn noll09(waves: &DustWaves, bump: &Tensor<3>, slope: &Tensor<3>) -> Tensor<3> {
    ((bump.clone() * waves.drude() + waves.base()) * waves.tilt(slope)).clamp_min(0.0)
}
