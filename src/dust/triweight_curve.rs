//! A smooth triweight approximation of the base curve, within 10 % of it from 0.097 to 2.2
//! micrometre.

use crate::numerics::triweight::triweight_cdf_at;

/// `lg k = 1.15 + s(lg lambda) (lg lambda + 1)`, the slope `s` rolling from -0.65 to -1.95.
pub fn triweight(wave_um: f64) -> f64 {
    let x = wave_um.log10();
    let cdf = triweight_cdf_at((x - 0.5) / 0.5);
    10f64.powf(1.15 + (-0.65 - 1.3 * cdf) * (x + 1.0))
}
