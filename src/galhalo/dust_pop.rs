//! How the dust of galaxies scales with their mass and star formation.

use burn::tensor::Tensor;

use super::plane::Planes;
use super::table::{ParamRow, square};
use crate::Result;
use crate::device::Place;
use crate::dust::ScreenParams;
use crate::parameters::ParamInfo;

/// Ranges of `A_V` \[mag\], of the tilt of the curve and of the share of light that meets no dust: those of
/// diffsky.
const RANGES: [(f64, f64); 3] = [(0.01, 10.0), (-0.9, 0.9), (0.001, 0.25)];
/// Strength of the 2175 Angstrom bump: that of diffsky.
const BUMP: f64 = 1.0;

/// The norms are diffsky's defaults; the slopes those of the slab model of
/// [`DustScaling::Tng`](crate::dust::DustScaling::Tng) there, rounded.
#[rustfmt::skip]
const DUSTPOP: &[ParamInfo] = &[
    square("av_norm", "mag", 0.5, RANGES[0].0, RANGES[0].1),
    square("av_by_mass", "1/dex", 0.4, -3.0, 3.0),
    square("av_by_ssfr", "1/dex", 0.4, -3.0, 3.0),
    square("av_scatter", "1", 0.3, 0.0, 2.0),
    square("dust_slope_norm", "1", 0.0, RANGES[1].0, RANGES[1].1),
    square("dust_slope_by_mass", "1/dex", -0.4, -3.0, 3.0),
    square("dust_slope_by_ssfr", "1/dex", -0.4, -3.0, 3.0),
    square("dust_slope_scatter", "1", 0.2, 0.0, 2.0),
    square("dust_floor_norm", "1", 0.05, RANGES[2].0, RANGES[2].1),
    square("dust_floor_by_mass", "1/dex", 0.0, -3.0, 3.0),
    square("dust_floor_by_ssfr", "1/dex", 0.0, -3.0, 3.0),
    square("dust_floor_scatter", "1", 0.1, 0.0, 2.0),
];

/// Dust screens of a population: `A_V`, tilt of the curve and share of light that meets no dust, each a
/// plane in `lg M - 10` and `lg sSFR + 10` with scatter, within its range.
///
/// A quantity with range `(lo, hi)` is `lo + (hi - lo) sigmoid(x)` with
/// `x = x_norm + by_mass (lg M - 10) + by_ssfr (lg sSFR + 10) + scatter z`.
#[derive(Clone, Debug)]
pub struct DustPop(Planes);

impl DustPop {
    /// Names, defaults and bounds.
    pub const INFO: &'static [ParamInfo] = DUSTPOP;

    /// The model with the given parameters (`[1, 12]`, within their bounds).
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for another shape.
    pub fn new(values: Tensor<2>) -> Result<Self> {
        let row = ParamRow::new("dust population", DUSTPOP, values)?;
        Ok(Self(Planes::of(&row, "av_norm", RANGES.len())))
    }

    /// Screens of galaxies with mass `lg_mstar` \[log10 Msun\] and specific star formation rate `lg_ssfr`
    /// \[log10 1/yr\], both `[n_gal]`; `normals` (`[n_gal, 3]`) are their random numbers.
    ///
    /// Below 1e-14 / yr the specific star formation rate no longer matters.
    pub fn screens(
        &self,
        lg_mstar: &Tensor<1>,
        lg_ssfr: &Tensor<1>,
        normals: &Tensor<2>,
    ) -> ScreenParams {
        let place = Place::of(lg_mstar);
        let lo = place.row(&RANGES.map(|(lo, _)| lo));
        let width = place.row(&RANGES.map(|(lo, hi)| hi - lo));
        let norms = (self.0.norms() - lo.clone()) / width.clone();
        let all = lo + width * self.0.shares(norms, lg_mstar, lg_ssfr, normals);
        let [av, dust_slope, dust_floor] =
            [0, 1, 2].map(|j| all.clone().narrow(1, j, 1).squeeze_dim(1));
        let dust_bump = lg_mstar.full_like(BUMP).without_autodiff();
        ScreenParams { av, dust_bump, dust_slope, dust_floor }
    }
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
        DUSTPOP.iter().map(|p| p.default).collect()
    }

    /// Screens of three galaxies, for a row of parameters that is broadcast.
    fn screens(row: Tensor<2>) -> Tensor<2> {
        let place = Place::of(&row);
        let normals = place.rows(&[&[0.3, -1.0, 0.5], &[0.0, 0.0, 0.0], &[1.2, 0.4, -0.8]]);
        let (mass, ssfr) = (place.vector(&[9.2, 10.0, 11.4]), place.vector(&[-9.1, -10.0, -12.3]));
        let screens = DustPop::new(row).unwrap().screens(&mass, &ssfr, &normals);
        screens.to_matrix().reshape([1, 12])
    }

    #[test]
    fn the_norms_are_those_at_the_pivot_and_planes_are_planes() {
        for_each_place(|place| {
            let got = values(screens(place.row(&defaults())));
            assert_close(&got[4..8], &[0.5, 1.0, 0.0, 0.05], place.tolerance(1e-13, 1e-5), 1e-6);
            let share = (0.5f64 - 0.01) / 9.99;
            let x = (share / (1.0 - share)).ln() + 0.4 * 1.4 - 0.4 * 2.3 + 0.3 * 1.2;
            let av = 0.01 + 9.99 / (1.0 + (-x).exp());
            assert_close(&got[8..9], &[av], place.tolerance(1e-13, 1e-5), 0.0);
        });
    }

    #[test]
    fn galaxies_without_young_stars_have_finite_dust() {
        for_each_place(|place| {
            let dust = DustPop::new(place.row(&defaults())).unwrap();
            let zero = place.rows(&[&[0.0; 3], &[0.0; 3]]);
            let (mass, ssfr) = (place.vector(&[10.0, 10.0]), place.vector(&[-14.0, -24.0]));
            let got = values(dust.screens(&mass, &ssfr, &zero).av);
            assert_eq!(got[0], got[1]);
        });
    }

    #[test]
    fn screens_stay_in_their_ranges_everywhere_in_the_box() {
        for_each_place(|place| {
            for row in [box_rows(DUSTPOP, 20, 0.0), corner_rows(DUSTPOP, 20)].concat() {
                for screen in values(screens(place.row(&row))).chunks(4) {
                    for (v, (lo, hi)) in [screen[0], screen[2], screen[3]].iter().zip(RANGES) {
                        let slack = 1e-6 * (hi - lo);
                        assert!((lo - slack..=hi + slack).contains(v), "{screen:?}");
                    }
                }
            }
        });
    }

    #[test]
    fn gradients_of_every_parameter() {
        for_each_f64_place(|place| assert_jacobian(&[&defaults()], 1e-7, place, screens));
        assert_f32_jacobian(&[&defaults()], 1e-4, screens);
    }
}
