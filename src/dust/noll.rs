//! Noll et al. (2009, A&A 507, 1793): the base curve with a bump, both tilted.

use burn::tensor::Tensor;

use super::{base_curve, drude, tilt};
use crate::device::Place;
use crate::numerics::column;

/// `k = max(0, (k_0 + E_b D) (lambda / 0.55)^slope)`, `[n_gal, n_wave]`.
pub fn noll09(wave_um: &[f64], bump: &Tensor<1>, slope: &Tensor<1>) -> Tensor<2> {
    let place = Place::of(slope);
    let base = place.row(&wave_um.iter().map(|w| base_curve(*w)).collect::<Vec<_>>());
    let drude = place.row(&wave_um.iter().map(|w| drude(*w)).collect::<Vec<_>>());
    ((column(bump) * drude + base) * tilt(wave_um, slope)).clamp_min(0.0)
}
