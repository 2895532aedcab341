//! The triweight kernel: a bell of finite support with three times its standard deviation.
//!
//! `T(x | mu, s) = 35/96 (1 - (z/3)^2)^3 / s` with `z = (x - mu) / s` for `|z| <= 3`, else 0, and
//! its cumulative `T_erf`. Both follow Hearin et al. (2021), appendix B, with the factor `1/s`
//! that the density needs to integrate to one and with `T_erf = 1` above `z = 3`. The density has
//! two continuous derivatives, the cumulative three.

use burn::tensor::Tensor;

/// Height of the density with unit standard deviation.
pub(crate) const PDF_PEAK: f64 = 35.0 / 96.0;

/// `T_erf(z) = 1/2 + z` times the polynomial of `z^2` with these ascending coefficients.
pub(crate) const CDF_ODD: [f64; 4] = [PDF_PEAK, -35.0 / 864.0, 7.0 / 2592.0, -5.0 / 69984.0];

/// Cumulative triweight `T_erf(z)`: 0 below `z = -3`, 1 above `z = 3`.
pub fn triweight_cdf<const D: usize>(z: Tensor<D>) -> Tensor<D> {
    // The polynomial's first derivatives vanish at +-3, so clamping is exact in value and gradient.
    let z = z.clamp(-3.0, 3.0);
    let z2 = z.clone() * z.clone();
    let [c0, c1, c2, c3] = CDF_ODD;
    let odd = ((z2.clone() * c3 + c2) * z2.clone() + c1) * z2 + c0;
    let share = odd * z + 0.5;
    // Rounding leads below zero and above one, where the slope is right all the same.
    let beyond = share.clone().without_autodiff();
    let beyond = beyond.clone().clamp(0.0, 1.0) - beyond;
    share + beyond
}

/// The same for one number on the host.
pub fn triweight_cdf_at(z: f64) -> f64 {
    let z = z.clamp(-3.0, 3.0);
    let z2 = z * z;
    let [c0, c1, c2, c3] = CDF_ODD;
    (0.5 + z * (c0 + z2 * (c1 + z2 * (c2 + z2 * c3)))).clamp(0.0, 1.0)
}

/// Triweight density `T(x | mu, s)`, with `s` its standard deviation.
pub fn triweight_pdf<const D: usize>(x: Tensor<D>, mu: Tensor<D>, s: Tensor<D>) -> Tensor<D> {
    let z = ((x - mu) / s.clone()).clamp(-3.0, 3.0) / 3.0;
    let w = z.clone() * z.neg() + 1.0;
    w.clone() * w.clone() * w * PDF_PEAK / s
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        assert_close, assert_gradient, for_each_f64_place, for_each_place, values,
    };

    #[test]
    fn reference_values() {
        for_each_f64_place(|place| {
            let z = [-3.5, -2.9, -1.0, 0.0, 0.5, 2.9, 3.5];
            let want = [
                0.0,
                2.59408579111886e-06,
                0.173296753543667,
                0.5,
                0.677311845386088,
                0.999997405914209,
                1.0,
            ];
            assert_close(&values(triweight_cdf(place.vector(&z))), &want, 1e-9, 1e-15);
            assert_close(&z.map(triweight_cdf_at), &want, 1e-9, 1e-15);

            let x = place.vector(&[-1.0, 0.3, 1.0, 2.3]);
            let pdf = triweight_pdf(x.clone(), x.full_like(0.3), x.full_like(0.7));
            let want =
                [0.122205208122525, 0.520833333333333, 0.365797896662094, 0.000418537690035752];
            assert_close(&values(pdf), &want, 1e-9, 0.0);
        });
    }

    #[test]
    fn shares_are_never_negative_nor_above_one() {
        let z: Vec<f64> = (0..=6400).map(|i| -3.2 + 1e-3 * f64::from(i)).collect();
        for_each_place(|place| {
            let all = values(triweight_cdf(place.vector(&z)));
            assert!(all.iter().all(|share| (0.0..=1.0).contains(share)), "{place}");
            assert_close(&[all[0], all[6400]], &[0.0, 1.0], 0.0, 2e-7);
        });
        assert!(z.iter().all(|z| (0.0..=1.0).contains(&triweight_cdf_at(*z))));
    }

    #[test]
    fn density_is_the_derivative_of_the_cumulative() {
        assert_gradient(&[-3.5, -3.0, -2.0, 0.0, 1.3, 3.0, 4.0], 1e-7, triweight_cdf);
        for_each_f64_place(|place| {
            let z = place.vector(&[-2.5, -0.4, 0.0, 1.7]);
            let h = 1e-5;
            let slope = (triweight_cdf(z.clone() + h) - triweight_cdf(z.clone() - h)) / (2.0 * h);
            let pdf = triweight_pdf(z.clone(), z.zeros_like(), z.ones_like());
            assert_close(&values(slope), &values(pdf), 1e-8, 0.0);
        });
    }
}
