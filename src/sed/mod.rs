//! Composite spectra: SSP weights of a galaxy, its rest-frame and observed spectrum, and its
//! emission lines: their luminosities, their profiles in the spectrum, and their equivalent widths.

mod equivalent_width;
mod line_equivalent_width;
mod line_luminosity;
mod line_spectrum;
mod line_windows;
mod spectrum;
mod weights;

pub use equivalent_width::{EquivalentWidth, EquivalentWidthKernel, LineWindow};
pub use line_equivalent_width::LineEquivalentWidth;
pub use line_luminosity::{
    LG_SPHERE_10PC_CM2, LineTensors, composite_lines, lg_flux_erg_s_cm2, lg_line_luminosity_lsun,
    lg_luminosity_erg_s,
};
pub use line_spectrum::LineProfiles;
pub use line_windows::{LINE_WINDOWS, NamedLineWindow};
pub use spectrum::{
    composite_spectrum, composite_spectrum_of_ages, observed_fnu_ujy, rest_lnu_lsun_hz,
};
pub use weights::{SspWeights, ssp_weights, ssp_weights_met_table};
