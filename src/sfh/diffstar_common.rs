//! What the versions of diffstar share: the efficiency of star formation as a function of halo mass,
//! and quenching as a function of time.

use burn::tensor::Tensor;

use super::T_BIRTH_MIN_GYR;
use crate::numerics::sigmoid::step;
use crate::numerics::triweight::triweight_cdf;
use crate::numerics::{column, log10, pow10};

/// Speed at which the efficiency index rolls with halo mass, where it is not a parameter.
pub(super) const INDX_K: f64 = 9.0;

/// log10 of the efficiency, `[n_gal, n_t]`: `lgy_at_mcrit` at the critical mass, and a power law in
/// mass whose index goes from `indx_lo` to `indx_hi` as `roll` grows.
///
/// `above_crit` is log10 of the halo mass in units of the critical mass.
pub(super) fn lg_efficiency(
    above_crit: Tensor<2>,
    roll: Tensor<2>,
    lgy_at_mcrit: &Tensor<1>,
    indx_lo: &Tensor<1>,
    indx_hi: &Tensor<1>,
) -> Tensor<2> {
    column(lgy_at_mcrit) + step(roll, column(indx_lo), column(indx_hi)) * above_crit
}

/// log10 of the quenching factor at times `t_gyr` (`[n_gal or 1, n_t]`): from 0 down to `lg_drop` at
/// `lg_qt`, then up to `lg_rejuv`, by triweight steps that together last `10^lg_duration` dex.
pub(super) fn lg_quenching(
    t_gyr: Tensor<2>,
    lg_qt: &Tensor<1>,
    lg_duration: &Tensor<1>,
    lg_drop: &Tensor<1>,
    lg_rejuv: &Tensor<1>,
) -> Tensor<2> {
    let sigma = pow10(column(lg_duration)) / 12.0;
    let lg_t = log10(t_gyr.clamp_min(T_BIRTH_MIN_GYR));
    let y = (lg_t - column(lg_qt)) / sigma;
    let drop = column(lg_drop);
    let recovery = column(lg_rejuv) - drop.clone();
    let first_half = y.clone().lower_elem(0.0);
    // Each half is one step, centred on its own middle.
    let from_middle = (y.clone() - 3.0).mask_where(first_half.clone(), y + 3.0);
    let step = triweight_cdf(from_middle);
    let falling = drop.clone() * step.clone();
    (drop + recovery * step).mask_where(first_half, falling)
}
