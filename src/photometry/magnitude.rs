//! AB magnitudes.

use burn::tensor::Tensor;

use crate::numerics::{log10_of_light, pow10};

/// Luminosity density of a source with AB magnitude zero at 10 pc \[Lsun/Hz\].
pub const AB0_LSUN_HZ: f64 = 1.13492e-13;

/// Flux density of apparent AB magnitude zero \[microjansky\].
pub const AB0_UJY: f64 = 3631e6;

/// log10 of [`AB0_LSUN_HZ`].
pub const LG_AB0_LSUN_HZ: f64 = -12.945_034_750_614_518;

/// `-2.5 log10(flux)` of a flux relative to magnitude zero. A [dark](crate::numerics::is_dark) band,
/// such as one that sees nothing of the spectrum, has magnitude plus infinity and zero gradient.
pub fn ab_magnitude<const D: usize>(flux: Tensor<D>) -> Tensor<D> {
    log10_of_light(flux) * -2.5
}

/// Luminosity density \[Lsun/Hz\] of an absolute AB magnitude.
pub fn luminosity_density_lsun_hz<const D: usize>(magnitude: Tensor<D>) -> Tensor<D> {
    pow10(magnitude * -0.4 + LG_AB0_LSUN_HZ)
}

/// Flux density \[microjansky\] of an apparent AB magnitude.
pub fn flux_density_ujy<const D: usize>(magnitude: Tensor<D>) -> Tensor<D> {
    pow10(magnitude * -0.4) * AB0_UJY
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Precision;
    use crate::numerics::jacobian::jacobian;
    use crate::testing::{assert_close, for_each_place, values};

    #[test]
    fn fluxes_are_those_of_the_magnitudes() {
        for_each_place(|place| {
            let faint = place.vector(&[25.0, 27.5]);
            let tolerance = place.tolerance(1e-12, 1e-5);
            assert_close(&values(flux_density_ujy(faint)), &[0.3631, 0.03631], tolerance, 0.0);
            let bright = luminosity_density_lsun_hz(place.vector(&[-20.0]));
            assert_close(&values(bright), &[AB0_LSUN_HZ * 1e8], tolerance, 0.0);
        });
    }

    #[test]
    fn zero_flux_is_infinitely_faint_with_zero_gradient() {
        assert!((AB0_LSUN_HZ.log10() - LG_AB0_LSUN_HZ).abs() < 1e-12);
        for_each_place(|place| {
            // 1e-39 is a number in f32, but the reciprocal of it is not.
            let faint = if place.precision() == Precision::F32 { 1e-39 } else { 1e-310 };
            let flux = place.rows(&[&[100.0, 0.0], &[100.0, faint]]);
            let result = jacobian(&flux, |f| Ok(ab_magnitude(f))).unwrap();
            assert_close(&values(result.values), &[-5.0, f64::INFINITY].repeat(2), 1e-6, 0.0);
            let slope = -2.5 / std::f64::consts::LN_10 / 100.0;
            assert_close(&values(result.jacobian), &[slope, 0.0, 0.0, 0.0].repeat(2), 1e-6, 0.0);
        });
    }

    #[test]
    fn flux_density_of_magnitude_23_9_is_a_microjansky() {
        for_each_place(|place| {
            let flux = values(flux_density_ujy(place.vector(&[23.9])));
            assert_close(&flux, &[1.0], 1e-4, 0.0);
        });
    }
}
