//! Wavelengths per band at which dust is taken, and how light is dealt to them.

use super::Bandpasses;
use crate::{Error, Result};

/// Allowed numbers of wavelengths per band.
const N_DUST: (usize, usize) = (1, 64);
/// Shares of a band's response below its first and last wavelength.
const TAILS: (f64, f64) = (0.01, 0.99);

/// A few wavelengths per band. Light is dealt to them with hat functions, so that what varies linearly
/// between them, as the transmission of dust nearly does, is integrated exactly. All shares are positive.
#[derive(Clone, Debug)]
pub struct BandNodes {
    n_dust: usize,
    /// Observed wavelengths \[Angstrom\], `[n_filter * n_dust]`, filter slowest.
    wave_aa: Vec<f64>,
}

impl BandNodes {
    /// `n_dust` wavelengths for each filter, evenly spaced between its tails; one is its mean.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless there are 1 to 64 of them.
    pub fn new(bands: &Bandpasses, n_dust: usize) -> Result<Self> {
        if !(N_DUST.0..=N_DUST.1).contains(&n_dust) {
            return Err(Error::OutOfRange {
                what: "number of dust wavelengths per band".into(),
                value: n_dust as f64,
                allowed: format!("[{}, {}]", N_DUST.0, N_DUST.1),
            });
        }
        let of_band = |wave: &[f64], weights: &[f64]| {
            let total: f64 = weights.iter().sum();
            if n_dust == 1 {
                let moment: f64 = wave.iter().zip(weights).map(|(w, c)| w * c).sum();
                return vec![moment / total];
            }
            let at_share = |share: f64| {
                let mut sum = 0.0;
                let found = wave.iter().zip(weights).find(|(_, c)| {
                    sum += **c;
                    sum >= share * total
                });
                found.map_or(wave[wave.len() - 1], |(w, _)| *w)
            };
            let (lo, hi) = (at_share(TAILS.0), at_share(TAILS.1));
            let step = (hi - lo) / (n_dust - 1) as f64;
            (0..n_dust).map(|q| lo + step * q as f64).collect()
        };
        let per_band = bands.bands.iter().map(|band| of_band(&band.wave_aa, &band.weights));
        Ok(Self { n_dust, wave_aa: per_band.collect::<Vec<_>>().concat() })
    }

    /// Number of wavelengths per band.
    pub fn n_dust(&self) -> usize {
        self.n_dust
    }

    /// Number of columns, `n_filter * n_dust`.
    pub fn n_column(&self) -> usize {
        self.wave_aa.len()
    }

    /// The wavelengths in the rest frame of a galaxy at redshift `z` \[micrometre\],
    /// `[n_filter * n_dust]`.
    pub fn rest_um(&self, z: f64) -> Vec<f64> {
        self.wave_aa.iter().map(|w| w / (1.0 + z) / 1e4).collect()
    }

    /// The columns to which light of an observed wavelength in a filter is dealt, and their shares.
    pub(super) fn shares(&self, filter: usize, observed_aa: f64) -> [(usize, f64); 2] {
        let first = filter * self.n_dust;
        let waves = &self.wave_aa[first..first + self.n_dust];
        let (lo, hi, last) = (waves[0], waves[self.n_dust - 1], self.n_dust - 1);
        if hi <= lo {
            return [(first, 1.0), (first, 0.0)];
        }
        let place = ((observed_aa - lo) / (hi - lo) * last as f64).clamp(0.0, last as f64);
        let left = (place.floor() as usize).min(last - 1);
        let share = place - left as f64;
        [(first + left, 1.0 - share), (first + left + 1, share)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Precision;
    use crate::filter::FilterSet;
    use crate::ssp::embedded;
    use crate::testing::places;

    fn bands() -> Bandpasses {
        let filters = FilterSet::embedded("lsst").unwrap();
        Bandpasses::new(&filters, &embedded().wave_aa, &places(Precision::F64)[0])
    }

    #[test]
    fn light_is_dealt_out_completely_and_keeps_its_mean_wavelength() {
        for n_dust in [1, 2, 3, 8] {
            let nodes = BandNodes::new(&bands(), n_dust).unwrap();
            assert_eq!(nodes.n_column(), 6 * n_dust);
            // In the r band, within, at and beyond its tails.
            let r = &nodes.wave_aa[2 * n_dust..3 * n_dust];
            for wave in [5000.0, r[0], 6000.0, 6300.0, r[n_dust - 1], 9000.0] {
                let shares = nodes.shares(2, wave);
                assert!(shares.iter().all(|(j, s)| (0.0..=1.0).contains(s) && j / n_dust == 2));
                assert!((shares[0].1 + shares[1].1 - 1.0).abs() < 1e-15);
                let mean: f64 = shares.iter().map(|(j, s)| nodes.wave_aa[*j] * s).sum();
                let want = wave.clamp(r[0], r[n_dust - 1]);
                assert!((mean - want).abs() < 1e-9, "{n_dust} {wave} {mean}");
            }
        }
        let um = BandNodes::new(&bands(), 1).unwrap().rest_um(1.0);
        assert!((0.30..0.32).contains(&um[2]), "{um:?}");
    }

    #[test]
    fn there_is_at_least_one_wavelength() {
        let error = BandNodes::new(&bands(), 0).unwrap_err().to_string();
        assert!(error.contains("[1, 64]"), "{error}");
    }
}
