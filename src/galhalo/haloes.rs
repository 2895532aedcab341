//! The haloes of a population: where they come from, and what is known about them.

use std::fmt::Debug;
use std::ops::Range;

use burn::tensor::{Bool, Tensor};

use super::Infall;
use crate::device::Place;
use crate::halo::DiffmahParams;
use crate::parameters::ParameterSet;

/// Haloes seen at several redshifts.
///
/// Haloes are asked for in ranges and must not depend on how these are chosen, so that a population does
/// not depend on its chunks; nothing need be kept in memory.
pub trait HaloSource: Debug + Send + Sync {
    /// The redshifts at which galaxies are seen.
    fn redshifts(&self) -> &[f64];

    /// Number of haloes at a redshift, by its index.
    fn n_haloes(&self, epoch: usize) -> usize;

    /// Some of the haloes of an epoch, at least one.
    fn haloes(&self, epoch: usize, range: Range<usize>) -> HaloBatch;

    /// Whether haloes come with their growth.
    fn has_growth(&self) -> bool {
        false
    }
}

/// A batch of haloes; every vector has one value per halo.
#[derive(Clone, Debug, PartialEq)]
pub struct HaloBatch {
    /// Numbers that make the random numbers of each halo: different for all haloes of all epochs, below
    /// `2^56` (higher bits do not count).
    pub ids: Vec<u64>,
    /// log10 of the mass \[Msun\].
    pub lgm: Vec<f64>,
    /// When they have this mass: as they are seen, or today.
    pub known: MassKnown,
    /// Cosmic time at which they peak \[Gyr\], where it is known.
    pub t_peak_gyr: Option<Vec<f64>>,
    /// The satellites among them.
    pub satellites: Option<SatelliteColumns>,
    /// The diffmah parameters of their growth, where they are known: rows in the order of
    /// [`DiffmahParams`].
    pub growth: Option<Vec<f64>>,
}

/// When haloes have the mass that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MassKnown {
    /// When they are seen.
    AtObservation,
    /// Today, at the time of `lgt0`.
    Today,
}

/// Satellites; what centrals have in the other columns does not matter but must be finite.
#[derive(Clone, Debug, PartialEq)]
pub struct SatelliteColumns {
    /// Which haloes are satellites.
    pub is_satellite: Vec<bool>,
    /// log10 of the mass in units of that of the host, at infall.
    pub lgmu_infall: Vec<f64>,
    /// log10 of the mass of the host \[Msun\] at infall.
    pub logmhost_infall: Vec<f64>,
    /// Time from infall to observation \[Gyr\].
    pub gyr_since_infall: Vec<f64>,
}

impl SatelliteColumns {
    /// On a device.
    pub(super) fn infall(&self, place: &Place) -> Infall {
        Infall {
            is_satellite: self.mask(place),
            lgmu: place.vector(&self.lgmu_infall),
            logmhost: place.vector(&self.logmhost_infall),
            gyr_since: place.vector(&self.gyr_since_infall),
        }
    }

    fn mask(&self, place: &Place) -> Tensor<1, Bool> {
        let flags: Vec<f64> = self.is_satellite.iter().map(|is| f64::from(u8::from(*is))).collect();
        place.vector(&flags).greater_elem(0.5)
    }
}

impl HaloBatch {
    /// Number of haloes.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The growth that is known, on a device.
    pub(super) fn growth(&self, place: &Place) -> Option<crate::Result<DiffmahParams>> {
        let n = DiffmahParams::n_params();
        let matrix = |rows: &Vec<f64>| place.matrix(rows, [rows.len() / n, n]);
        self.growth.as_ref().map(|rows| DiffmahParams::from_matrix(&matrix(rows)))
    }
}
