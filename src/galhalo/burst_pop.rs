//! How the bursts of galaxies scale with their mass and star formation.

use burn::tensor::Tensor;

use super::plane::Planes;
use super::table::{ParamRow, square};
use crate::Result;
use crate::device::Place;
use crate::parameters::{Bound, Edge, ParamInfo};
use crate::sfh::BurstParams;

/// Ranges of `lgfburst` and `lgyr_peak`, and the upper end of that of `lgyr_max`.
const LGF: (f64, f64) = (-8.0, -1.0);
const PEAK: (f64, f64) = (5.0, 8.0);
const MAX: f64 = 9.0;
/// How much older the oldest stars of a burst are at least than the most common ones \[dex\].
const SPAN: f64 = 1.0;
/// Narrowest range of `lgyr_max` \[dex\].
const WIDTH_MIN: f64 = 1e-5;

/// The norms are diffburst's defaults.
#[rustfmt::skip]
const BURSTPOP: &[ParamInfo] = &[
    square("lgfburst_norm", "dex", -3.0, LGF.0, LGF.1),
    square("lgfburst_by_mass", "1/dex", 0.0, -3.0, 3.0),
    square("lgfburst_by_ssfr", "1/dex", 0.5, -3.0, 3.0),
    square("lgfburst_scatter", "1", 0.3, 0.0, 2.0),
    square("lgyr_peak_norm", "log10 yr", 5.5, PEAK.0, PEAK.1),
    square("lgyr_peak_by_mass", "1/dex", 0.0, -3.0, 3.0),
    square("lgyr_peak_by_ssfr", "1/dex", 0.0, -3.0, 3.0),
    square("lgyr_peak_scatter", "1", 0.1, 0.0, 2.0),
    ParamInfo {
        bound: Bound {
            lo: Edge::Param("lgyr_peak_norm", SPAN),
            ..Bound::square(PEAK.0, MAX)
        },
        ..square("lgyr_max_norm", "log10 yr", 7.0, PEAK.0, MAX)
    },
    square("lgyr_max_by_mass", "1/dex", 0.0, -3.0, 3.0),
    square("lgyr_max_by_ssfr", "1/dex", 0.0, -3.0, 3.0),
    square("lgyr_max_scatter", "1", 0.1, 0.0, 2.0),
];

/// Bursts of a population: `lgfburst`, `lgyr_peak` and `lgyr_max`, each a plane in `lg M - 10` and
/// `lg sSFR + 10` with scatter, within its range; that of `lgyr_max` begins 1 dex above `lgyr_peak`.
///
/// A quantity with range `(lo, hi)` is `lo + (hi - lo) sigmoid(x)` with
/// `x = x_norm + by_mass (lg M - 10) + by_ssfr (lg sSFR + 10) + scatter z`.
#[derive(Clone, Debug)]
pub struct BurstPop(Planes);

impl BurstPop {
    /// Names, defaults and bounds.
    pub const INFO: &'static [ParamInfo] = BURSTPOP;

    /// The model with the given parameters (`[1, 12]`, within their bounds).
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for another shape.
    pub fn new(values: Tensor<2>) -> Result<Self> {
        let row = ParamRow::new("burst population", BURSTPOP, values)?;
        Ok(Self(Planes::of(&row, "lgfburst_norm", 3)))
    }

    /// Bursts of galaxies with mass `lg_mstar` \[log10 Msun\] and specific star formation rate `lg_ssfr`
    /// \[log10 1/yr\] without the burst, both `[n_gal]`; `normals` (`[n_gal, 3]`) are their random numbers.
    ///
    /// Below 1e-14 / yr the specific star formation rate no longer matters.
    pub fn bursts(
        &self,
        lg_mstar: &Tensor<1>,
        lg_ssfr: &Tensor<1>,
        normals: &Tensor<2>,
    ) -> BurstParams {
        let place = Place::of(lg_mstar);
        let norms = self.0.norms();
        let peak_norm = norms.clone().narrow(1, 1, 1);
        let (lo, width) = ranges(peak_norm, &place);
        let norm_shares = (norms - lo) / width;
        let shares = self.0.shares(norm_shares, lg_mstar, lg_ssfr, normals);
        let lgyr_peak = shares.clone().narrow(1, 1, 1) * (PEAK.1 - PEAK.0) + PEAK.0;
        let (lo, width) = ranges(lgyr_peak, &place);
        let all = lo + width * shares;
        let [lgfburst, lgyr_peak, lgyr_max] =
            [0, 1, 2].map(|j| all.clone().narrow(1, j, 1).squeeze_dim(1));
        BurstParams { lgfburst, lgyr_peak, lgyr_max }
    }
}

/// Lower ends and widths of the ranges, `[n, 3]`, for bursts that peak at `lgyr_peak` (`[n, 1]`).
fn ranges(lgyr_peak: Tensor<2>, place: &Place) -> (Tensor<2>, Tensor<2>) {
    let n = lgyr_peak.dims()[0];
    let fixed = |values: [f64; 2]| place.row(&values).expand([n, 2]);
    let youngest_max = lgyr_peak + SPAN;
    let lo = Tensor::cat(vec![fixed([LGF.0, PEAK.0]), youngest_max.clone()], 1);
    // Bursts that peak as late as they may leave no range; a share of it is taken all the same.
    let left = (youngest_max.neg() + MAX).clamp_min(WIDTH_MIN);
    (lo, Tensor::cat(vec![fixed([LGF.1 - LGF.0, PEAK.1 - PEAK.0]), left], 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::ParameterSet;
    use crate::testing::{
        assert_close, assert_f32_jacobian, assert_jacobian, box_rows, corner_rows,
        for_each_f64_place, for_each_place, values,
    };

    fn defaults() -> Vec<f64> {
        BURSTPOP.iter().map(|p| p.default).collect()
    }

    /// Bursts of three galaxies, for a row of parameters that is broadcast.
    fn bursts(row: Tensor<2>) -> Tensor<2> {
        let place = Place::of(&row);
        let normals = place.rows(&[&[0.3, -1.0, 0.5], &[0.0, 0.0, 0.0], &[1.2, 0.4, -0.8]]);
        let (mass, ssfr) = (place.vector(&[9.2, 10.0, 11.4]), place.vector(&[-9.1, -10.0, -24.0]));
        let bursts = BurstPop::new(row).unwrap().bursts(&mass, &ssfr, &normals);
        bursts.to_matrix().reshape([1, 9])
    }

    #[test]
    fn the_norms_are_those_at_the_pivot() {
        for_each_place(|place| {
            let got = values(bursts(place.row(&defaults())));
            assert_close(&got[3..6], &[-3.0, 5.5, 7.0], place.tolerance(1e-13, 1e-5), 0.0);
        });
    }

    #[test]
    fn bursts_stay_in_their_ranges_everywhere_in_the_box() {
        for_each_place(|place| {
            for row in [box_rows(BURSTPOP, 20, 0.0), corner_rows(BURSTPOP, 20)].concat() {
                for burst in values(bursts(place.row(&row))).chunks(3) {
                    // Ends of ranges are rounded.
                    let inside = |v: f64, lo: f64, hi: f64| (lo - 2e-5..=hi + 2e-5).contains(&v);
                    assert!(inside(burst[0], LGF.0, LGF.1) && inside(burst[1], PEAK.0, PEAK.1));
                    assert!(inside(burst[2], burst[1] + SPAN, MAX), "{burst:?}");
                }
            }
            let infos = BurstParams::INFO;
            assert_eq!(infos[0].bound.hi, Edge::At(LGF.1));
            assert_eq!(infos[2].bound.lo, Edge::Param("lgyr_peak", SPAN));
        });
    }

    #[test]
    fn gradients_of_every_parameter() {
        for_each_f64_place(|place| assert_jacobian(&[&defaults()], 1e-7, place, bursts));
        assert_f32_jacobian(&[&defaults()], 1e-4, bursts);
    }
}
