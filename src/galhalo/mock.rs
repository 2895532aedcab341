//! Mock haloes, drawn when they are asked for.

use std::ops::Range;

use super::haloes::{HaloBatch, HaloSource, MassKnown, SatelliteColumns};
use super::mass_function::{HaloMassFunction, MassTable};
use crate::numerics::random::uniform;
use crate::{Error, Result};

/// Which random numbers of a halo are for what; those of the population are others.
const MASS: u64 = 200;
const SATELLITE: u64 = 201;
const MU: u64 = 202;
const SINCE: u64 = 203;

/// Most haloes.
const MAX_HALOES: usize = 1_000_000_000;

/// What a mock is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct MockSettings {
    /// Redshifts and the number of haloes at each.
    pub epochs: Vec<(f64, usize)>,
    /// Distribution of masses.
    pub mass_function: HaloMassFunction,
    /// Fraction of satellites at every mass.
    pub satellite_fraction: f64,
    /// Seed of the random numbers.
    pub seed: u64,
}

impl Default for MockSettings {
    /// Ten thousand haloes at redshift 0.5, a fifth of them satellites.
    fn default() -> Self {
        Self {
            epochs: vec![(0.5, 10_000)],
            mass_function: HaloMassFunction::default(),
            satellite_fraction: 0.2,
            seed: 0,
        }
    }
}

/// Haloes drawn from a [`HaloMassFunction`], each from its own number, so that no order or chunking of
/// work changes them.
///
/// Satellites are a toy: a fixed fraction at every mass, with `lg(M / M_host)` at infall uniform from -3 to
/// -0.3 and the time since infall uniform from 0 to 8 Gyr.
#[derive(Clone, Debug)]
pub struct MockHaloes {
    settings: MockSettings,
    redshifts: Vec<f64>,
    masses: Vec<MassTable>,
    /// Number of the first halo of each epoch.
    first: Vec<u64>,
}

impl MockHaloes {
    /// Prepares the mock.
    ///
    /// # Errors
    /// [`Error::Invalid`] for no haloes or a range of masses without any; [`Error::OutOfRange`] for more
    /// than a billion haloes, a redshift below zero and a fraction outside 0 to 1.
    pub fn new(settings: MockSettings) -> Result<Self> {
        if !settings.epochs.iter().any(|(_, n)| *n > 0) {
            return Err(Error::invalid("mock", "at least one halo is needed"));
        }
        let out_of_range = |what: &str, value: f64, allowed: &str| {
            Err(Error::OutOfRange { what: what.into(), value, allowed: allowed.into() })
        };
        let n = settings.epochs.iter().fold(0usize, |sum, (_, n)| sum.saturating_add(*n));
        if n > MAX_HALOES {
            return out_of_range("number of haloes of the mock", n as f64, "[1, 1000000000]");
        }
        if !(0.0..=1.0).contains(&settings.satellite_fraction) {
            return out_of_range("fraction of satellites", settings.satellite_fraction, "[0, 1]");
        }
        let (redshifts, numbers): (Vec<f64>, Vec<usize>) = settings.epochs.iter().copied().unzip();
        if let Some(z) = redshifts.iter().find(|z| !z.is_finite() || **z < 0.0) {
            return out_of_range("redshift of the mock", *z, "[0, inf)");
        }
        let masses = redshifts.iter().map(|z| settings.mass_function.table(*z));
        let masses = masses.collect::<Result<Vec<_>>>()?;
        let first = numbers.iter().scan(0, |next, n| {
            let first = *next;
            *next += *n as u64;
            Some(first)
        });
        Ok(Self { first: first.collect(), masses, redshifts, settings })
    }
}

impl HaloSource for MockHaloes {
    fn redshifts(&self) -> &[f64] {
        &self.redshifts
    }

    fn n_haloes(&self, epoch: usize) -> usize {
        self.settings.epochs[epoch].1
    }

    fn haloes(&self, epoch: usize, range: Range<usize>) -> HaloBatch {
        let ids: Vec<u64> = range.map(|i| self.first[epoch] + i as u64).collect();
        let draw = |k: u64| -> Vec<f64> {
            ids.iter().map(|id| uniform(self.settings.seed, *id, k)).collect()
        };
        let lgm: Vec<f64> = draw(MASS).iter().map(|u| self.masses[epoch].lgm_at(*u)).collect();
        let lgmu: Vec<f64> = draw(MU).iter().map(|u| -3.0 + 2.7 * u).collect();
        let fraction = self.settings.satellite_fraction;
        let satellites = SatelliteColumns {
            is_satellite: draw(SATELLITE).iter().map(|u| *u < fraction).collect(),
            logmhost_infall: lgm.iter().zip(&lgmu).map(|(m, mu)| m - mu).collect(),
            lgmu_infall: lgmu,
            gyr_since_infall: draw(SINCE).iter().map(|u| 8.0 * u).collect(),
        };
        HaloBatch {
            satellites: satellites.is_satellite.contains(&true).then_some(satellites),
            ids,
            lgm,
            known: MassKnown::AtObservation,
            t_peak_gyr: None,
            growth: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mock() -> MockHaloes {
        let epochs = vec![(0.2, 300), (1.0, 2000)];
        MockHaloes::new(MockSettings { epochs, seed: 3, ..MockSettings::default() }).unwrap()
    }

    #[test]
    fn haloes_do_not_depend_on_the_ranges() {
        let mock = mock();
        let whole = mock.haloes(1, 0..2000);
        let part = mock.haloes(1, 700..760);
        assert_eq!(part.ids, whole.ids[700..760]);
        assert_eq!(part.lgm, whole.lgm[700..760]);
        let [part, whole] = [part, whole].map(|batch| batch.satellites.unwrap());
        assert_eq!(part.gyr_since_infall, whole.gyr_since_infall[700..760]);
        assert_eq!(part.is_satellite, whole.is_satellite[700..760]);
        assert_eq!(mock.haloes(0, 299..300).ids, [299]);
        assert_eq!(mock.haloes(1, 0..1).ids, [300]);
    }

    #[test]
    fn masses_and_satellites_are_distributed_as_asked() {
        let mock = mock();
        let batch = mock.haloes(1, 0..2000);
        let table = mock.settings.mass_function.table(1.0).unwrap();
        for share in [0.2, 0.5, 0.9] {
            let below = batch.lgm.iter().filter(|m| **m < table.lgm_at(share)).count() as f64;
            let error = (share * (1.0 - share) / 2000.0f64).sqrt();
            assert!((below / 2000.0 - share).abs() < 4.0 * error, "{share}");
        }
        let satellites = batch.satellites.unwrap().is_satellite;
        let fraction = satellites.iter().filter(|is| **is).count() as f64 / 2000.0;
        assert!((fraction - 0.2).abs() < 0.04);
    }

    #[test]
    fn impossible_mocks_are_errors() {
        let bad = [
            MockSettings { epochs: vec![], ..MockSettings::default() },
            MockSettings { epochs: vec![(0.3, 0)], ..MockSettings::default() },
            MockSettings { epochs: vec![(-0.3, 5)], ..MockSettings::default() },
            MockSettings { satellite_fraction: 1.5, ..MockSettings::default() },
        ];
        for settings in bad {
            assert!(MockHaloes::new(settings.clone()).is_err(), "{settings:?}");
        }
    }
}
