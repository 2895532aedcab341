//! Simple stellar populations: spectra of single-age, single-metallicity populations per solar
//! mass formed, on a grid.

mod block;
mod dsps_hdf5;
mod embedded;
mod emission_lines;
mod grid;
mod grid_store;
mod line_names;
mod tensors;

pub(crate) use dsps_hdf5::text_attributes;
pub use embedded::{EMBEDDED_NAME, EMBEDDED_SHA256, embedded, embedded_bytes};
pub use emission_lines::EmissionLines;
pub use grid::SspGrid;
pub(crate) use line_names::plain_key;
pub use line_names::{find_line, line_key};
pub use tensors::{FLUX_DEX, SspTensors};

use std::path::Path;

use crate::Result;

/// Reads a grid from a file: HDF5 in the layout of DSPS (`.h5`, `.hdf5`), else our safetensors.
///
/// # Errors
/// [`crate::Error::Io`] or [`crate::Error::File`], naming the file and what is wrong in it.
pub fn read(path: &Path) -> Result<SspGrid> {
    match path.extension().and_then(|e| e.to_str()) {
        Some("h5" | "hdf5") => dsps_hdf5::read(path),
        _ => SspGrid::read(path),
    }
}
