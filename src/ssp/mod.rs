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
use crate::hdf5::SIGNATURE;
use crate::store::Store;

/// Reads a grid from a file: HDF5 in the layout of DSPS, or our safetensors.
///
/// # Errors
/// [`crate::Error::Io`] or [`crate::Error::File`], naming the file and what is wrong in it.
pub fn read(path: &Path) -> Result<SspGrid> {
    parse(read_whole(path)?, path)
}

/// Takes a grid out of a file's bytes, whatever the extension of `path`, if they begin as HDF5 does; else
/// `.h5` and `.hdf5` promise that.
///
/// # Errors
/// [`crate::Error::File`] as for [`read`].
pub fn parse(bytes: Vec<u8>, path: &Path) -> Result<SspGrid> {
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    let promised = matches!(extension.as_deref(), Some("h5" | "hdf5"));
    match promised || bytes.starts_with(SIGNATURE) {
        true => dsps_hdf5::parse(bytes, path),
        false => SspGrid::from_store(&Store::from_bytes(&bytes, path)?, path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hdf5_is_known_by_its_signature_or_extension() {
        let hdf5 = [SIGNATURE, b"..."].concat();
        for (bytes, name) in
            [(&hdf5[..], "g.h5"), (&hdf5, "g.HDF5"), (&hdf5, "g"), (b"none", "g.H5")]
        {
            let error = parse(bytes.to_vec(), Path::new(name)).unwrap_err().to_string();
            assert!(error.contains("HDF5"), "{name}: {error}");
        }
        let store = embedded_bytes().to_vec();
        assert!(parse(store, Path::new("g")).is_ok());
    }
}
