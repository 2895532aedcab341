//! The light of single-age populations in which distributions of ages are compared.

use crate::Result;
use crate::device::{DEFAULT_DEVICE, Place, Precision, to_host};
use crate::filter::FilterSet;
use crate::photometry::Bandpasses;
use crate::ssp::SspGrid;

/// Metallicities of the grid whose light counts, from the lowest to the highest; light of mixtures errs
/// less than that of the worst of them.
pub(super) const N_METALLICITY: usize = 3;

/// Rest-frame light per unit of mass in some bands, for some metallicities of a grid.
#[derive(Clone, Debug)]
pub(super) struct SspLight {
    /// Row-major `[n_age, n_light]`, each band in units of its mean over the ages.
    table: Vec<f64>,
    n_band: usize,
}

impl SspLight {
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) in builds without a device that computes in f64.
    pub(super) fn new(filters: &FilterSet, grid: &SspGrid) -> Result<Self> {
        let host = Place::open(DEFAULT_DEVICE, Precision::F64)?;
        let (n_met, n_age, n_wave) = grid.shape();
        let bands = Bandpasses::new(filters, &grid.wave_aa, &host);
        let n_band = bands.names().len();
        let n_light = N_METALLICITY * n_band;
        let mut table = vec![0.0; n_age * n_light];
        for i in 0..N_METALLICITY {
            let met = i * (n_met - 1) / (N_METALLICITY - 1);
            let spectra = &grid.lnu_lsun_hz[met * n_age * n_wave..][..n_age * n_wave];
            let flux = to_host(bands.flux_at_common(host.matrix(spectra, [n_age, n_wave]), 0.0))?;
            for k in 0..n_band {
                let sum: f64 = flux.iter().skip(k).step_by(n_band).sum();
                let unit = (sum / n_age as f64).max(f64::MIN_POSITIVE);
                for a in 0..n_age {
                    table[a * n_light + i * n_band + k] = flux[a * n_band + k] / unit;
                }
            }
        }
        Ok(Self { table, n_band })
    }

    /// Number of bands times that of metallicities.
    pub(super) fn n_light(&self) -> usize {
        N_METALLICITY * self.n_band
    }

    /// Number of bands; those of one metallicity stand together.
    pub(super) fn n_band(&self) -> usize {
        self.n_band
    }

    /// The table, row-major `[n_age, n_light]`.
    pub(super) fn table(&self) -> &[f64] {
        &self.table
    }

    /// Adds the light of masses in the ages of the grid.
    pub(super) fn add(&self, masses: &[f64], light: &mut [f64]) {
        for (mass, row) in masses.iter().zip(self.table.chunks(self.n_light())) {
            light.iter_mut().zip(row).for_each(|(sum, l)| *sum += mass * l);
        }
    }

    /// Magnitudes, up to a constant for each band, of unit mass with the given distribution of ages.
    pub(super) fn magnitudes(&self, weights: &[f64]) -> Vec<f64> {
        let mut light = vec![0.0; self.n_light()];
        self.add(weights, &mut light);
        light.iter().map(|l| -2.5 * l.log10()).collect()
    }
}
