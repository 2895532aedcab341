//! From a file to filters: size limit, choice of the format, errors that name the file.

use std::path::Path;

use super::{Filter, ecsv, hdf5, store, text};
use crate::files::read_limited;
use crate::hdf5::SIGNATURE;
use crate::{Error, Result};

/// Largest file accepted, a hundred times the finest published curve.
const MAX_BYTES: u64 = 64 << 20;

const ECSV_SIGNATURE: &[u8] = b"# %ECSV";

/// What an extension promises.
#[derive(Clone, Copy)]
enum Format {
    Hdf5,
    Ecsv,
    Text,
    Safetensors,
}

/// The known extensions, lower case.
const EXTENSIONS: [(&str, Format); 8] = [
    ("h5", Format::Hdf5),
    ("hdf5", Format::Hdf5),
    ("ecsv", Format::Ecsv),
    ("txt", Format::Text),
    ("dat", Format::Text),
    ("csv", Format::Text),
    ("par", Format::Text),
    ("safetensors", Format::Safetensors),
];

/// Whether `name` ends in an extension that [`read`] knows.
pub(super) fn has_known_extension(name: &str) -> bool {
    format_of(Path::new(name)).is_some()
}

/// All filters of the file at `path`.
pub(super) fn read(path: &Path) -> Result<Vec<Filter>> {
    parse(read_limited(path, MAX_BYTES)?, path)
}

/// All filters in the bytes of a file; `path` tells the name and the format.
pub(super) fn parse(bytes: Vec<u8>, path: &Path) -> Result<Vec<Filter>> {
    // A signature is certain, an extension only a promise.
    let format = if bytes.starts_with(SIGNATURE) {
        Some(Format::Hdf5)
    } else if bytes.starts_with(ECSV_SIGNATURE) {
        Some(Format::Ecsv)
    } else {
        format_of(path)
    };
    match format {
        Some(Format::Hdf5) => Ok(vec![hdf5::parse(bytes, path)?]),
        Some(Format::Ecsv) => Ok(vec![ecsv::parse(utf8(&bytes, path)?, path)?]),
        Some(Format::Text) => Ok(vec![text::parse(utf8(&bytes, path)?, path)?]),
        Some(Format::Safetensors) => store::parse(&bytes, path),
        None => {
            let known = EXTENSIONS.map(|(extension, _)| extension).join(", ");
            Err(Error::file(path, format!("unknown kind of filter file; extensions are: {known}")))
        }
    }
}

/// The filter `name` of the file at `path`; a curve that is not valid is the file's fault.
pub(super) fn filter_of(
    path: &Path,
    name: &str,
    wave_aa: Vec<f64>,
    transmission: Vec<f64>,
) -> Result<Filter> {
    Filter::new(name, wave_aa, transmission, path.display().to_string())
        .map_err(|e| Error::file(path, e.to_string()))
}

/// The file's name without folder and extension.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn format_of(path: &Path) -> Option<Format> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    EXTENSIONS.iter().find(|(known, _)| *known == extension).map(|&(_, format)| format)
}

fn utf8<'a>(bytes: &'a [u8], path: &Path) -> Result<&'a str> {
    let text = str::from_utf8(bytes)
        .map_err(|e| Error::file(path, format!("not a UTF-8 text file: {e}")))?;
    // Spreadsheets put a byte order mark before the first line.
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};

    fn read_file(name: &str, bytes: &[u8]) -> Result<Vec<Filter>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        read(&path)
    }

    #[test]
    fn extensions_are_known_in_any_case() {
        assert!(has_known_extension("a.H5") && has_known_extension("b.c.Ecsv"));
        assert!(!has_known_extension("lsst_g") && !has_known_extension("a.fits"));
    }

    #[test]
    fn content_outranks_the_extension() {
        let ecsv = b"# %ECSV 1.0\n# - {name: wavelength, unit: nm}\nwavelength response\n400 0\n500 1\n600 0\n";
        assert_eq!(read_file("a.txt", ecsv).unwrap()[0].wave_aa()[0], 4000.0);
        let e = read_file("a.txt", b"\x89HDF\r\n\x1a\n...").unwrap_err();
        assert!(e.to_string().contains("HDF5"), "{e}");
    }

    #[test]
    fn errors_name_the_file_and_what_is_allowed() {
        for (name, bytes, expected) in [
            ("a.fits", &b"SIMPLE"[..], "h5, hdf5, ecsv, txt, dat, csv, par, safetensors"),
            ("a.h5", b"text", "HDF5"),
            ("a.txt", b"\xff\xfe", "UTF-8"),
            ("a.txt", b"1 0\n2 2\n3 0\n", "outside [-0.01, 1.01]"),
        ] {
            let message = read_file(name, bytes).unwrap_err().to_string();
            assert!(message.contains(name) && message.contains(expected), "{message}");
        }
    }

    #[test]
    fn missing_and_oversized_files_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(read(&dir.path().join("no.txt")), Err(Error::Io { action: "read", .. })));
        assert!(read(dir.path()).unwrap_err().to_string().contains("is a folder"));
        let path = dir.path().join("big.txt");
        // A sparse file: the size without the disk space.
        File::create(&path).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("larger than 64 MiB"));
    }

    #[test]
    fn a_byte_order_mark_is_ignored() {
        let filters = read_file("a.csv", "\u{feff}4000,0\n5000,1\n6000,0\n".as_bytes()).unwrap();
        assert_eq!(filters[0].name(), "a");
    }
}
