//! Quantities of galaxies that scale with stellar mass and specific star formation rate.
//!
//! A quantity with range `(lo, hi)` is `lo + (hi - lo) sigmoid(x)`, where `x` is a plane:
//! `x = x_norm + by_mass (lg M - 10) + by_ssfr (lg sSFR + 10) + scatter z`. `x_norm` is such that the
//! quantity has its `norm` at 1e10 Msun and 1e-10 / yr, and `z` is a standard normal number of the galaxy.
//! Far below `hi`, the slopes are those of the natural logarithm of the quantity. This form is our own;
//! diffsky's populations have others.

use burn::tensor::Tensor;

use super::table::{Block, ParamRow, block};
use crate::numerics::column;
use crate::numerics::sigmoid::sigmoid;

/// Mass and specific star formation rate at which the norms hold, log10 Msun and log10 1/yr.
const PIVOT: (f64, f64) = (10.0, -10.0);
/// Galaxies that form fewer stars, log10 1/yr, count as if they formed this many.
const LG_SSFR_MIN: f64 = -14.0;
/// Norms closer to an end of their range than this share of it count as if they were there.
const SHARE_MIN: f64 = 1e-6;

block! {
    struct PlaneParams { norm, by_mass, by_ssfr, scatter }
}

/// The planes of several quantities.
#[derive(Clone, Debug)]
pub(super) struct Planes(PlaneParams);

impl Planes {
    /// `n` planes, from the parameter called `first` on.
    pub(super) fn of(row: &ParamRow, first: &str, n: usize) -> Self {
        Self(PlaneParams::of(row, first, n))
    }

    /// The norms, `[1, n]`.
    pub(super) fn norms(&self) -> Tensor<2> {
        self.0.norm.clone()
    }

    /// Where in their ranges the quantities of galaxies lie, as shares of the ranges, `[n_gal, n]`.
    ///
    /// `norm_shares` (`[1, n]`) is the same for the norms; `lg_mstar` \[log10 Msun\] and `lg_ssfr`
    /// \[log10 1/yr\] are `[n_gal]`, `normals` is `[n_gal, n]`.
    pub(super) fn shares(
        &self,
        norm_shares: Tensor<2>,
        lg_mstar: &Tensor<1>,
        lg_ssfr: &Tensor<1>,
        normals: &Tensor<2>,
    ) -> Tensor<2> {
        let PlaneParams { by_mass, by_ssfr, scatter, .. } = self.0.clone();
        let share = norm_shares.clamp(SHARE_MIN, 1.0 - SHARE_MIN);
        let x_norm = (share.clone() / (share.neg() + 1.0)).log();
        let lg_ssfr = column(lg_ssfr).clamp_min(LG_SSFR_MIN);
        let x = x_norm
            + by_mass * (column(lg_mstar) - PIVOT.0)
            + by_ssfr * (lg_ssfr - PIVOT.1)
            + scatter * normals.clone();
        sigmoid(x)
    }
}
