//! The triweight curve with a bump, both tilted: the curve of diffsky, where the bump has strength 1.

use burn::tensor::Tensor;

use super::{drude, tilt, triweight};
use crate::device::Place;
use crate::numerics::column;

/// `k = (k_tw + E_b D) (lambda / 0.55)^slope`, `[n_gal, n_wave]`.
pub fn tilted_triweight(wave_um: &[f64], bump: &Tensor<1>, slope: &Tensor<1>) -> Tensor<2> {
    let place = Place::of(slope);
    let base = place.row(&wave_um.iter().map(|w| triweight(*w)).collect::<Vec<_>>());
    let drude = place.row(&wave_um.iter().map(|w| drude(*w)).collect::<Vec<_>>());
    (column(bump) * drude + base) * tilt(wave_um, slope)
}
