//! Leitherer et al. (2002, ApJS 140, 303): attenuation in the far ultraviolet.

/// `k(lambda)`, meant for 0.097 to 0.18 micrometre.
pub fn leitherer02(wave_um: f64) -> f64 {
    let y = 1.0 / wave_um;
    5.472 + y * (0.671 + y * (-9.218e-3 + y * 2.620e-3))
}
