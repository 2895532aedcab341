//! Composite spectra: SSP weights of a galaxy, its rest-frame and observed spectrum, and the
//! equivalent widths of its lines.

mod equivalent_width;
mod spectrum;
mod weights;

pub use equivalent_width::{EquivalentWidth, EquivalentWidthKernel, LineWindow};
pub use spectrum::{composite_spectrum, observed_fnu_ujy, rest_lnu_lsun_hz};
pub use weights::{SspWeights, ssp_weights, ssp_weights_met_table};
