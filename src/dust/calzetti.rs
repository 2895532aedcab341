//! Calzetti et al. (2000, ApJ 533, 682): starburst attenuation.

/// `k(lambda)` with `R_V = 4.05`.
///
/// Not clipped: negative beyond 3.1 micrometre. The two branches differ by 0.025 where they meet
/// at 0.63 micrometre.
pub fn calzetti00(wave_um: f64) -> f64 {
    let y = 1.0 / wave_um;
    if wave_um < 0.63 {
        2.659 * (-2.156 + y * (1.509 + y * (-0.198 + y * 0.011))) + 4.05
    } else {
        2.659 * (-1.857 + 1.040 * y) + 4.05
    }
}
