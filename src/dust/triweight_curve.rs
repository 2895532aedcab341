//! A smooth triweight approximation of the base curve, within 10 % of it from 0.097 to 2.2
//! micrometre.

/// `lg k = 1.15 + s(lg lambda) (lg lambda + 1)`, the slope `s` rolling from -0.65 to -1.95.
pub fn triweight(wave_um: f64) -> f64 {
    let x = wave_um.log10();
    let z = ((x - 0.5) / 0.5).clamp(-3.0, 3.0);
    let z2 = z * z;
    let cdf =
        0.5 + z * (35.0 / 96.0 + z2 * (-35.0 / 864.0 + z2 * (7.0 / 2592.0 - z2 * 5.0 / 69984.0)));
    10f64.powf(1.15 + (-0.65 - 1.3 * cdf) * (x + 1.0))
}
