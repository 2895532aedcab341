//! How the dust of galaxies scales with their mass and star formation (the slab model of Hahn et
//! al. 2022, ApJ 926, 122): optical depth, attenuation of an inclined slab, slope of the curve.
//!
//! Not yet part of the galaxy model: nothing ties the screens of galaxies to their mass.

use std::f64::consts::LN_10;

use burn::tensor::Tensor;

use crate::device::Place;
use crate::names::named;
use crate::numerics::expm1::expm1;
use crate::numerics::log1p::log1p;
use crate::parameter_set;
use crate::parameters::{Bound, ParameterSet};

/// Mass and specific star formation rate at which the norms hold, log10 Msun and log10 1/yr.
const PIVOT: (f64, f64) = (10.0, -10.0);
/// Slabs seen closer to edge-on count as this.
const COS_MIN: f64 = 1e-4;

parameter_set! {
    /// Parameters of the scaling; defaults are [`DustScaling::Tng`], ranges the priors of Hahn et al.
    pub struct DustScalingParams {
        /// Rise of the optical depth with mass.
        tau_mstar: "1/dex", 0.57, Bound::square(-5.0, 5.0);
        /// Rise of the optical depth with specific star formation rate.
        tau_ssfr: "1/dex", 0.62, Bound::square(-5.0, 5.0);
        /// Optical depth at 1e10 Msun and 1e-10 / yr.
        tau_norm: "1", 1.34, Bound::square(0.0, 6.0);
        /// Rise of the slope with mass.
        delta_mstar: "1/dex", -0.18, Bound::square(-4.0, 4.0);
        /// Rise of the slope with specific star formation rate.
        delta_ssfr: "1/dex", -0.19, Bound::square(-4.0, 4.0);
        /// Slope at 1e10 Msun and 1e-10 / yr.
        delta_norm: "1", -0.07, Bound::square(-4.0, 4.0);
    }
}

/// Simulations to which the scaling has been calibrated, with the values that DSPS 0.1 has for them
/// (`attenuation_kernels`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DustScaling {
    /// SIMBA.
    Simba,
    /// IllustrisTNG.
    Tng,
    /// EAGLE.
    Eagle,
}

named!(DustScaling, "dust scaling", Simba = "simba", Tng = "tng", Eagle = "eagle");

impl DustScaling {
    /// Values of [`DustScalingParams`] in column order.
    pub fn values(self) -> [f64; 6] {
        match self {
            Self::Simba => [1.27, 1.28, 1.58, 0.07, 0.13, -0.18],
            Self::Tng => [0.57, 0.62, 1.34, -0.18, -0.19, -0.07],
            Self::Eagle => [0.59, 0.18, 0.81, -0.13, -0.22, -0.34],
        }
    }

    /// The same for `n_gal` galaxies.
    pub fn params(self, n_gal: usize, place: &Place) -> DustScalingParams {
        let columns = self.values().map(|value| place.vector(&vec![value; n_gal]));
        DustScalingParams::from_columns(columns.into())
    }
}

/// Optical depth in the V band of a slab seen face-on, `[n_gal]`:
/// `tau_mstar (lg M - 10) + tau_ssfr (lg sSFR + 10) + tau_norm`, which is negative for some; such
/// galaxies have no dust in [`slab_attenuation`]. (DSPS 0.1 raises it to 0.001.)
///
/// `lg_mstar` is log10 of the stellar mass \[Msun\], `lg_ssfr` log10 of the specific star formation
/// rate \[1/yr\], each `[n_gal]`.
pub fn optical_depth(
    params: &DustScalingParams,
    lg_mstar: &Tensor<1>,
    lg_ssfr: &Tensor<1>,
) -> Tensor<1> {
    let p = params.clone();
    plane(lg_mstar, lg_ssfr, p.tau_mstar, p.tau_ssfr, p.tau_norm)
}

/// Slope `delta` of the attenuation curve, `[n_gal]`:
/// `delta_mstar (lg M - 10) + delta_ssfr (lg sSFR + 10) + delta_norm`. (DSPS 0.1 keeps it between -0.6
/// and 0.3.)
///
/// Arguments as for [`optical_depth`].
pub fn scaled_slope(
    params: &DustScalingParams,
    lg_mstar: &Tensor<1>,
    lg_ssfr: &Tensor<1>,
) -> Tensor<1> {
    let p = params.clone();
    plane(lg_mstar, lg_ssfr, p.delta_mstar, p.delta_ssfr, p.delta_norm)
}

fn plane(
    lg_mstar: &Tensor<1>,
    lg_ssfr: &Tensor<1>,
    by_mass: Tensor<1>,
    by_ssfr: Tensor<1>,
    norm: Tensor<1>,
) -> Tensor<1> {
    by_mass * (lg_mstar.clone() - PIVOT.0) + by_ssfr * (lg_ssfr.clone() - PIVOT.1) + norm
}

/// Attenuation \[mag\] of stars mixed evenly with the dust of a slab, `[n_gal]`:
/// `-2.5 log10((1 - e^-x) / x)` with `x = tau / cos i`.
///
/// `tau` is the optical depth through the slab seen face-on, taken as zero below zero; `cos_i` the
/// cosine of the inclination, 1 for face-on, taken as 0.0001 below that.
pub fn slab_attenuation(tau: &Tensor<1>, cos_i: &Tensor<1>) -> Tensor<1> {
    let x = tau.clone().clamp_min(0.0) / cos_i.clone().clamp_min(COS_MIN);
    // ln of the escaping fraction (1 - e^-x) / x: for thin slabs by the series of the fraction
    // less one, so that it is precise where it vanishes.
    const NEAR: f64 = 1.0;
    let thin = x.clone().clamp_max(NEAR);
    let mut series = thin.ones_like();
    for k in (3..=19).rev() {
        series = series * thin.clone() * (-1.0 / f64::from(k)) + 1.0;
    }
    let thin = log1p(series * thin * -0.5);
    let thick = x.clone().clamp_min(NEAR);
    let thick = expm1(thick.clone().neg()).neg().log() - thick.log();
    thick.mask_where(x.lower_elem(NEAR), thin) * (-2.5 / LN_10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::jacobian::jacobian;
    use crate::testing::{
        assert_close, assert_f32_jacobian, assert_gradient, assert_jacobian, for_each_f64_place,
        for_each_place, values,
    };

    #[test]
    fn planes_pivot_at_their_norms() {
        for_each_place(|place| {
            let params = DustScalingParams::defaults(3, place);
            let (mass, ssfr) =
                (place.vector(&[10.0, 11.0, 4.0]), place.vector(&[-10.0, -10.5, -14.0]));
            let tau = values(optical_depth(&params, &mass, &ssfr));
            assert_close(&tau, &[1.34, 1.6, -4.56], place.tolerance(1e-14, 1e-6), 0.0);
            let slope = values(scaled_slope(&params, &mass, &ssfr));
            assert_close(&slope, &[-0.07, -0.155, 1.77], place.tolerance(1e-14, 1e-6), 0.0);
            for &scaling in DustScaling::ALL {
                let norm = values(scaling.params(1, place).tau_norm);
                assert_close(&norm, &[scaling.values()[2]], 1e-6, 0.0);
            }
        });
        assert_eq!(DustScaling::Tng.values().to_vec(), DustScalingParams::default_values());
    }

    #[test]
    fn slabs_from_thin_to_thick() {
        let x = [0.0, 1e-12, 1e-5, 0.3, 0.999, 1.001, 5.0, 1e4];
        // The thin ones in multiple precision.
        let mut want = vec![0.0, 5.428_681_023_790_196e-13, 5.428_676_499_889_795e-6];
        want.extend(x[3..].iter().map(|x| -2.5 * (-f64::exp_m1(-x) / x).log10()));
        for_each_place(|place| {
            let one = place.vector(&[1.0; 8]);
            let got = values(slab_attenuation(&place.vector(&x), &one));
            assert_close(&got, &want, place.tolerance(1e-14, 1e-6), 0.0);
            // Seen at 60 degrees, twice the dust.
            let half = values(slab_attenuation(&(place.vector(&x) * 0.5), &(one * 0.5)));
            assert_close(&half, &want, place.tolerance(1e-14, 1e-6), 0.0);
        });
    }

    #[test]
    fn gradients() {
        assert_gradient(&[1e-3, 0.4, 0.98, 1.02, 3.0, 80.0], 1e-7, |tau| {
            slab_attenuation(&tau, &tau.full_like(0.7))
        });
        assert_gradient(&[0.01, 0.3, 1.0], 1e-7, |cos| slab_attenuation(&cos.full_like(0.9), &cos));
        for_each_f64_place(|place| {
            let mut row = DustScalingParams::default_values();
            row.extend([10.4, -10.2]);
            let mut dustless = row.clone();
            dustless[7] = -14.0;
            assert_jacobian(&[&row, &dustless], 1e-7, place, planes);
        });
        let mut row = DustScalingParams::default_values();
        row.extend([10.4, -10.2]);
        assert_f32_jacobian(&[&row], 1e-5, planes);
    }

    /// Optical depth and slope; the last two columns are mass and specific star formation rate.
    fn planes(p: Tensor<2>) -> Tensor<2> {
        let params = DustScalingParams::from_matrix(&p.clone().narrow(1, 0, 6)).unwrap();
        let [mass, ssfr] = [6, 7].map(|j| p.clone().narrow(1, j, 1).squeeze_dim(1));
        let both = [optical_depth(&params, &mass, &ssfr), scaled_slope(&params, &mass, &ssfr)];
        Tensor::stack(both.to_vec(), 1)
    }

    #[test]
    fn extremes_have_finite_gradients() {
        for_each_place(|place| {
            let rows = [[0.0, 1.0], [0.0, 0.0], [1e-30, 0.5], [50.0, 0.0], [1e4, 1.0], [-1.0, 0.3]];
            let rows: Vec<&[f64]> = rows.iter().map(|row| &row[..]).collect();
            let j = jacobian(&place.rows(&rows), |p| {
                let [tau, cos] = [0, 1].map(|j| p.clone().narrow(1, j, 1).squeeze_dim(1));
                Ok(slab_attenuation(&tau, &cos).unsqueeze_dim(1))
            })
            .unwrap();
            assert!(values(j.values).iter().all(|v| v.is_finite()));
            let slope = values(j.jacobian);
            assert!(slope.iter().all(|v| v.is_finite()), "{slope:?}");
            // Without dust the slope with depth is that of the mean path through the slab.
            assert_close(&slope[..1], &[1.25 / LN_10], 1e-6, 0.0);
        });
    }
}
