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

use crate::files::read_whole;
use crate::hdf5::SIGNATURE;
use crate::store::Store;
use crate::{Error, Result};

/// log10 Z of no gas or star: half of all mass in metals.
const NO_LGMET: f64 = -0.3;

/// Reads a grid from a file: HDF5 in the layout of DSPS, or our safetensors.
///
/// # Errors
/// [`Error::Io`] or [`Error::File`], naming the file and what is wrong in it: also metallicities that can only
/// be relative to that of the Sun.
pub fn read(path: &Path) -> Result<SspGrid> {
    parse(read_whole(path)?, path)
}

/// Takes a grid out of a file's bytes, whatever the extension of `path`, if they begin as HDF5 does; else
/// `.h5` and `.hdf5` promise that.
///
/// # Errors
/// [`Error::File`] as for [`read`].
pub fn parse(bytes: Vec<u8>, path: &Path) -> Result<SspGrid> {
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    let promised = matches!(extension.as_deref(), Some("h5" | "hdf5"));
    let grid = match promised || bytes.starts_with(SIGNATURE) {
        true => dsps_hdf5::parse(bytes, path),
        false => SspGrid::from_store(&Store::from_bytes(&bytes, path)?, path),
    }?;
    match grid.metallicities.lgmet().last() {
        Some(highest) if *highest >= NO_LGMET => {
            let reason = format!(
                "ssp_lgmet reaches {highest}; it must be log10 of the mass fraction of metals, about -1.9 for \
                 the Sun, not relative to the Sun"
            );
            Err(Error::file(path, reason))
        }
        _ => Ok(grid),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

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

    #[test]
    fn metallicities_relative_to_the_sun_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("grid.safetensors");
        let read = |highest: f64| {
            let lgmet = vec![-3.0, -2.0, highest];
            let axes = (vec![-1.0, 0.0, 1.0], vec![1000.0, 2000.0]);
            let grid = SspGrid::new(lgmet, axes.0, axes.1, vec![0.5; 18], BTreeMap::new()).unwrap();
            grid.to_store().write(&path).unwrap();
            super::read(&path)
        };
        assert!(read(-1.0).is_ok());
        for highest in [-0.3, 0.0, 0.5] {
            let error = read(highest).unwrap_err().to_string();
            assert!(error.contains("not relative to the Sun"), "{error}");
        }
    }
}
