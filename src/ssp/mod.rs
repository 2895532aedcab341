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

pub use embedded::{EMBEDDED_NAME, EMBEDDED_SHA256, embedded, embedded_bytes};
pub use emission_lines::EmissionLines;
pub use grid::SspGrid;
pub(crate) use line_names::plain_key;
pub use line_names::{find_line, line_key};
pub use tensors::{FLUX_DEX, SspTensors};

use std::path::Path;

use crate::Result;
use crate::files::read_whole;
use crate::store::Store;

/// Reads a grid from a file: HDF5 in the layout of DSPS (`.h5`, `.hdf5`), else our safetensors.
///
/// # Errors
/// [`crate::Error::Io`] or [`crate::Error::File`], naming the file and what is wrong in it.
pub fn read(path: &Path) -> Result<SspGrid> {
    parse(read_whole(path)?, path)
}

/// Takes a grid out of a file's bytes; the extension of `path` tells the format.
///
/// # Errors
/// [`crate::Error::File`] as for [`read`].
pub fn parse(bytes: Vec<u8>, path: &Path) -> Result<SspGrid> {
    match path.extension().and_then(|e| e.to_str()) {
        Some("h5" | "hdf5") => dsps_hdf5::parse(bytes, path),
        _ => SspGrid::from_store(&Store::from_bytes(&bytes, path)?, path),
    }
}
