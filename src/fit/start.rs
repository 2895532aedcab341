//! Where searches begin: parameters from a fixed pattern, the mass from the galaxy's own brightness.

use super::galaxy::Flux;
use super::prior::Latent;

/// Parameters whose first effect is to scale the light; the first of them that is free does so at a start.
pub(super) const MASSES: [&str; 3] = ["lg_mass_formed", "lgy_at_mcrit", "logm0"];
/// How many times the mass is moved to where the brightness suggests, which the model is computed for.
pub(super) const N_SCALINGS: usize = 3;
/// Distance of patterns from the medians of the priors, in standard deviations.
const DISTANCE: f64 = 1.0;
/// Error that is added to every flux, relative to it, so that all bands have a say.
const ERROR_FLOOR: f64 = 0.2;
/// The least change of magnitudes per unit of `u` that is believed.
const SLOPE_MIN: f64 = 0.3;
/// The longest move at once.
const MOVE_MAX: f64 = 2.5;
/// How far the mass may end up from the median of its prior.
const FARTHEST: f64 = 4.0;

/// The start number `s` in `n` parameters: the medians of the priors, then points around them whose signs
/// are those of a Hadamard matrix, so that no two parameters vary together. When its rows are used up, they
/// come again closer by.
pub(super) fn pattern(s: usize, n: usize) -> Vec<f64> {
    let n_rows = (n + 1).next_power_of_two();
    let distance = if s == 0 { 0.0 } else { DISTANCE / (1 + s / n_rows) as f64 };
    let sign = |j: usize| if (s & (j + 1)).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 };
    (0..n).map(|j| distance * sign(j)).collect()
}

/// The mass `u` moved to where the model is as bright as the measured `bands`. `model_ujy` are its fluxes
/// and `slopes` the derivatives of its magnitudes with respect to `u`, both in these bands.
pub(super) fn scaled(u: f64, bands: &[Option<Flux>], model_ujy: &[f64], slopes: &[f64]) -> f64 {
    let (mut cross, mut square, mut slope) = (0.0, 0.0, 0.0);
    for ((flux, model), d) in bands.iter().zip(model_ujy).zip(slopes) {
        let Some(flux) = flux else { continue };
        let floor = ERROR_FLOOR * flux.value_ujy;
        let weight = (flux.error_ujy * flux.error_ujy + floor * floor).recip();
        cross += weight * model * flux.value_ujy;
        square += weight * model * model;
        slope += weight * model * model * d;
    }
    // Nothing was detected, or the model has no light there.
    if !(cross > 0.0 && square > 0.0 && slope.is_finite()) {
        return u;
    }
    let fainter = -2.5 * (cross / square).log10();
    let step = fainter / (slope / square).min(-SLOPE_MIN);
    Latent::clamp(u + step.clamp(-MOVE_MAX, MOVE_MAX)).clamp(-FARTHEST, FARTHEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_vary_parameters_apart() {
        assert_eq!(pattern(0, 4), [0.0; 4]);
        let all: Vec<Vec<f64>> = (1..8).map(|s| pattern(s, 7)).collect();
        for i in 0..7 {
            for j in 0..i {
                let product: f64 = all.iter().map(|p| p[i] * p[j]).sum();
                assert_eq!(product, -1.0, "with that of the unused first row of the matrix, 0");
            }
        }
        // None comes twice.
        let many: Vec<Vec<f64>> = (0..40).map(|s| pattern(s, 3)).collect();
        assert!((0..40).all(|s| !many[..s].contains(&many[s])));
    }

    #[test]
    fn the_mass_follows_the_brightness() {
        let bright = Some(Flux { value_ujy: 10.0, error_ujy: 0.1 });
        let dark = Some(Flux { value_ujy: -0.1, error_ujy: 0.1 });
        // Ten times too faint where a unit of u is a magnitude: 2.5 units up.
        let moved = scaled(0.2, &[bright, None, bright], &[1.0, 9.0, 1.0], &[-1.0, 5.0, -1.0]);
        assert!((moved - 2.7).abs() < 1e-12, "{moved}");
        assert_eq!(scaled(0.2, &[dark], &[1.0], &[-1.0]), 0.2);
        assert_eq!(scaled(0.2, &[None], &[1.0], &[-1.0]), 0.2);
        assert_eq!(scaled(0.2, &[bright], &[0.0], &[0.0]), 0.2);
        // Slopes that are too small or wrong do not lead far away.
        assert_eq!(scaled(3.0, &[bright], &[1e-6], &[1.0]), FARTHEST);
    }
}
