//! HDF5 files in the layout of DSPS.

use std::path::Path;

use super::Filter;
use super::read::{filter_of, stem};
use crate::hdf5::Hdf5;
use crate::{Error, Result};

/// Largest dataset accepted, far beyond the finest published curve.
const MAX_POINTS: usize = 1_000_000;

/// Reads the one-dimensional datasets `wave` \[Angstrom\] and `transmission` of any numeric type.
/// The filter is named after the file, without a trailing `_transmission`.
pub(super) fn parse(bytes: Vec<u8>, path: &Path) -> Result<Filter> {
    let file = Hdf5::new(bytes, path)?;
    let column = |name: &str| {
        let shape = file.shape(name)?;
        let reason = match shape[..] {
            [n] if n <= MAX_POINTS => return file.numbers(name, &shape),
            [_] => format!("declares more than {MAX_POINTS} values"),
            _ => format!("has {} dimensions", shape.len()),
        };
        let reason = format!(
            "dataset {name:?}: {reason} (a filter needs the datasets wave [Angstrom] and transmission, \
             one-dimensional and of equal length)"
        );
        Err(Error::file(path, reason))
    };
    let stem = stem(path);
    let name = stem.strip_suffix("_transmission").unwrap_or(&stem);
    filter_of(path, name, column("wave")?, column("transmission")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdf5_pure::FileBuilder;

    const WAVE: [f64; 4] = [4000.0, 5000.5, 6000.0, 7000.0];
    const TRANSMISSION: [f32; 4] = [0.0, 0.5, 0.25, 0.0];

    fn read(builder: FileBuilder) -> Result<Filter> {
        parse(builder.finish().unwrap(), Path::new("dir/my_band_transmission.h5"))
    }

    fn test_file(name: &str) -> (Vec<u8>, std::path::PathBuf) {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/filters");
        let path = Path::new(folder).join(name);
        (std::fs::read(&path).unwrap(), path)
    }

    #[test]
    fn single_and_double_precision_are_read_plain_and_compressed() {
        for compressed in [false, true] {
            let mut builder = FileBuilder::new();
            let wave = builder.create_dataset("wave").with_f64_data(&WAVE);
            if compressed {
                wave.with_chunks(&[3]).with_shuffle().with_deflate(6);
            }
            builder.create_dataset("transmission").with_f32_data(&TRANSMISSION);
            let f = read(builder).unwrap();
            assert_eq!(f.name(), "my_band");
            assert_eq!(f.wave_aa(), WAVE);
            assert_eq!(f.transmission(), TRANSMISSION.map(f64::from));
        }
    }

    /// Expected values as printed by h5py.
    #[test]
    fn a_file_of_dsps_is_read() {
        let (bytes, path) = test_file("lsst_u_transmission.h5");
        let f = parse(bytes, &path).unwrap();
        assert_eq!((f.name(), f.wave_aa().len()), ("lsst_u", 886));
        assert_eq!((f.wave_aa()[0], f.wave_aa()[885]), (3200.0, 4085.0));
        assert!((f.effective_wavelength_aa() - 3684.832740914326).abs() < 1e-9);
    }

    #[test]
    fn a_chunked_and_compressed_file_of_h5py_is_read() {
        let (bytes, path) = test_file("triangle_gzip.h5");
        let f = parse(bytes, &path).unwrap();
        assert_eq!((f.name(), f.wave_aa().len()), ("triangle_gzip", 201));
        assert_eq!((f.wave_aa()[200], f.transmission()[100]), (6000.0, 0.5));
        assert!((f.effective_wavelength_aa() - 5000.0).abs() < 1e-9);
    }

    #[test]
    fn missing_datasets_and_wrong_shapes_name_the_dataset() {
        let mut missing = FileBuilder::new();
        missing.create_dataset("wave").with_f64_data(&WAVE);
        let mut table = FileBuilder::new();
        table.create_dataset("wave").with_f64_data(&WAVE).with_shape(&[2, 2]);
        table.create_dataset("transmission").with_f32_data(&TRANSMISSION);
        let mut uneven = FileBuilder::new();
        uneven.create_dataset("wave").with_f64_data(&WAVE);
        uneven.create_dataset("transmission").with_f32_data(&TRANSMISSION[1..]);
        for (builder, expected) in [
            (missing, "no dataset \"transmission\"; it has: wave"),
            (table, "dataset \"wave\": has 2 dimensions"),
            (uneven, "has 4 wavelengths but 3 transmissions"),
        ] {
            let message = read(builder).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn declared_lengths_are_checked_before_reading() {
        let mut builder = FileBuilder::new();
        let zeros = vec![0.0; MAX_POINTS + 1];
        builder.create_dataset("wave").with_f64_data(&zeros).with_chunks(&[1000]).with_deflate(9);
        let message = read(builder).unwrap_err().to_string();
        assert!(message.contains("dataset \"wave\": declares more than"), "{message}");
    }

    #[test]
    fn damaged_files_give_errors_not_panics() {
        for name in ["lsst_u_transmission.h5", "triangle_gzip.h5"] {
            let (bytes, path) = test_file(name);
            let truncated = bytes.len() / 2;
            assert!(parse(bytes[..truncated].to_vec(), &path).is_err());
            for i in 0..bytes.len().min(3000) {
                let mut damaged = bytes.clone();
                damaged[i] ^= 0xff;
                // A flipped byte may be harmless; only a panic would fail.
                let _ = parse(damaged, &path);
            }
        }
    }
}
