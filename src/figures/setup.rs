//! What the figures share: where they are computed, and the two galaxies that most of them show.

use crate::device::Place;
use crate::filter::FilterSet;
use crate::metallicity::LGMET_SOLAR;
use crate::population::{Frame, GalaxyModel, ModelSettings};
use crate::sfh::TimeTable;
use crate::ssp::{SspGrid, embedded};
use crate::{Error, Result};

/// Values of some parameters.
pub(super) type Changes = [(&'static str, f64)];

/// Time of the deepest quenching \[Gyr\], redshift 1.
pub(super) const T_QUENCH_GYR: f64 = 5.9;
/// Last time of observation in the rest frame \[Gyr\].
pub(super) const TODAY_GYR: f64 = 13.8;

/// First time \[Gyr\] and number of times of the tables of star formation, close enough for smooth
/// curves.
const FIRST_SFH_GYR: f64 = 0.1;
const N_SFH: usize = 400;

/// log10 of [`T_QUENCH_GYR`].
const LG_QT: f64 = 0.770_852_011_642_144;

/// What the two galaxies share: a halo of 1e12 Msun today, an efficiency that falls above 5e11 Msun, so
/// that star formation peaks near redshift 1.7 and declines, and the time and duration of quenching.
pub(super) const COMMON: &Changes =
    &[("logm0", 12.0), ("lgmcrit", 11.7), ("indx_hi", -2.0), ("lg_qt", LG_QT), ("qlglgdt", -0.5)];
/// A galaxy for which quenching is a factor of one, so that the gradient with respect to its depth
/// is that of the first step off the main sequence.
pub(super) const MAIN_SEQUENCE: &Changes = &[("lg_drop", 0.0), ("lg_rejuv", 0.0)];
/// The same galaxy, quenched for good.
pub(super) const QUENCHED: &Changes = &[("lg_drop", -2.5), ("lg_rejuv", -2.45)];
/// Half solar metallicity, in the scale where the Sun has [`LGMET_SOLAR`].
pub(super) const FIDUCIAL_METALS: &Changes =
    &[("lgmet", LGMET_SOLAR - 0.3), ("lgmet_scatter", 0.25)];

/// Where and how finely the figures are computed.
#[derive(Clone, Debug)]
pub struct Setup {
    place: Place,
    n_times: usize,
}

impl Setup {
    /// Computations at `place`, with `n_times` times of observation in each history.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for fewer than two times or more than 1000.
    pub fn new(place: Place, n_times: usize) -> Result<Self> {
        if !(2..=1000).contains(&n_times) {
            return Err(Error::OutOfRange {
                what: "number of times of observation".into(),
                value: n_times as f64,
                allowed: "[2, 1000]".into(),
            });
        }
        Ok(Self { place, n_times })
    }

    /// Device and precision.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Evenly spaced times of observation \[Gyr\].
    pub(super) fn times(&self, first_gyr: f64, last_gyr: f64) -> Vec<f64> {
        let last = self.n_times - 1;
        let at = |i: usize| first_gyr + (last_gyr - first_gyr) * i as f64 / last as f64;
        (0..=last).map(|i| if i == last { last_gyr } else { at(i) }).collect()
    }

    /// The model on the embedded grid with the LSST filters; `choose` changes the default settings.
    pub(super) fn model(
        &self,
        frame: Frame,
        choose: impl FnOnce(&mut ModelSettings),
    ) -> Result<GalaxyModel> {
        self.model_on(embedded(), frame, choose)
    }

    /// The same on another grid.
    pub(super) fn model_on(
        &self,
        grid: &SspGrid,
        frame: Frame,
        choose: impl FnOnce(&mut ModelSettings),
    ) -> Result<GalaxyModel> {
        let times = TimeTable::uniform(FIRST_SFH_GYR, TODAY_GYR, N_SFH)?;
        let mut settings = ModelSettings { frame, times, ..ModelSettings::default() };
        choose(&mut settings);
        GalaxyModel::new(grid, &FilterSet::embedded("lsst")?, settings, &self.place)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::device::{DEFAULT_DEVICE, Precision, to_host};

    /// A few times in f64 on the default device.
    pub(in crate::figures) fn quick() -> Setup {
        let place = Place::open(DEFAULT_DEVICE, Precision::F64).unwrap();
        Setup::new(place, 12).unwrap()
    }

    /// The value that belongs to the time closest to `t_gyr`.
    pub(in crate::figures) fn near(t: &[f64], y: &[f64], t_gyr: f64) -> f64 {
        let pairs = t.iter().zip(y);
        let closest = pairs.min_by(|a, b| (a.0 - t_gyr).abs().total_cmp(&(b.0 - t_gyr).abs()));
        *closest.unwrap().1
    }

    #[test]
    fn times_reach_from_end_to_end() {
        let t = quick().times(1.0, 13.8);
        assert_eq!((t.len(), t[0], t[11]), (12, 1.0, 13.8));
        let place = quick().place().clone();
        for n in [1, 1001] {
            assert!(Setup::new(place.clone(), n).is_err());
        }
    }

    #[test]
    fn the_quenching_time_is_at_redshift_one() {
        assert!((10f64.powf(LG_QT) - T_QUENCH_GYR).abs() < 1e-12);
        let model = quick().model(Frame::Rest, |_| ()).unwrap();
        let z = model.cosmology().redshift_at_age(&quick().place().vector(&[T_QUENCH_GYR]));
        assert!((to_host(z).unwrap()[0] - 1.0).abs() < 0.03);
    }
}
