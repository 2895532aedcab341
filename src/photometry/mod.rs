//! AB photometry: magnitudes from spectra, and tables of SSP magnitudes for populations.
//!
//! The flux in a band is `int T L / lambda dlambda / int T AB0 / lambda dlambda`, by the trapezoid
//! rule on the *filter's own* wavelengths, with the spectrum interpolated linearly onto them and
//! zero beyond its ends. Spectral features narrower than the filter's sampling are aliased; the light
//! of emission lines is therefore added [exactly](Bandpasses::line_flux_at).

mod band_nodes;
mod band_table;
mod bandpasses;
mod line_flux;
mod magnitude;
mod ssp_table;
mod table_settings;

pub use band_nodes::BandNodes;
pub use band_table::{BandTable, BandTabulator};
pub use bandpasses::Bandpasses;
pub use magnitude::{
    AB0_LSUN_HZ, AB0_UJY, LG_AB0_LSUN_HZ, ab_magnitude, flux_density_ujy,
    luminosity_density_lsun_hz,
};
pub use ssp_table::SspMagnitudes;
pub use table_settings::{Photometry, TableSettings};
