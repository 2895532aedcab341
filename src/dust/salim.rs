//! Salim, Boquien & Lee (2018, ApJ 859, 11): the tilted base curve with an untilted bump.

use burn::tensor::Tensor;

use super::{base_curve, drude, tilt};
use crate::device::Place;
use crate::numerics::column;

/// `k = max(0, k_0 (lambda / 0.55)^slope + E_b D)`, `[n_gal, n_wave]`.
pub fn salim18(wave_um: &[f64], bump: &Tensor<1>, slope: &Tensor<1>) -> Tensor<2> {
    let place = Place::of(slope);
    let base = place.row(&wave_um.iter().map(|w| base_curve(*w)).collect::<Vec<_>>());
    let drude = place.row(&wave_um.iter().map(|w| drude(*w)).collect::<Vec<_>>());
    (tilt(wave_um, slope) * base + column(bump) * drude).clamp_min(0.0)
}
