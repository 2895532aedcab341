//! The SSP grid on a device.

use std::sync::Arc;

use burn::tensor::Tensor;

use super::SspGrid;
use crate::device::Place;

/// Spectra are held multiplied by `10^FLUX_DEX`, so that f32 has room on both sides.
pub const FLUX_DEX: f64 = 14.0;

/// An [`SspGrid`] on a device, made once and shared by every prediction.
#[derive(Clone, Debug)]
pub struct SspTensors {
    /// Spectra \[1e-14 Lsun/Hz per Msun formed\], `[n_met * n_age, n_wave]`, metallicity slowest;
    /// `[n_u * n_met * n_age, n_wave]`, ionization parameter slowest, where the grid has that axis.
    pub lnu_scaled: Tensor<2>,
    /// Axes and provenance.
    pub grid: Arc<SspGrid>,
    place: Place,
}

impl SspTensors {
    /// Copies the grid to a device.
    pub fn new(grid: &SspGrid, place: &Place) -> Self {
        let n_wave = grid.wave_aa.len();
        let scale = 10f64.powf(FLUX_DEX);
        let scaled: Vec<f64> = grid.lnu_lsun_hz.iter().map(|l| l * scale).collect();
        Self {
            lnu_scaled: place.matrix(&scaled, [scaled.len() / n_wave, n_wave]),
            grid: Arc::new(grid.clone()),
            place: place.clone(),
        }
    }

    /// The device and precision.
    pub fn place(&self) -> &Place {
        &self.place
    }
}
