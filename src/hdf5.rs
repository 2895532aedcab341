//! Datasets of HDF5 files, whose declared sizes are checked before anything is made room for.

use std::collections::BTreeMap;
use std::path::Path;

use hdf5_pure::{AttrValue, DType, Dataset, File};

use crate::{Error, Result};

/// How HDF5 files begin.
pub(crate) const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Most declared bytes per byte of a file. Deflate, the filter in use, packs at most 1032 to one.
const DECLARED_PER_BYTE: u64 = 1040;
/// Bytes that a file of any length may declare.
const DECLARED_ALWAYS: u64 = 1 << 19;

/// An HDF5 file in memory.
pub(crate) struct Hdf5<'a> {
    file: File,
    path: &'a Path,
    names: Vec<String>,
    /// Most bytes of a dataset.
    limit: u64,
}

impl<'a> Hdf5<'a> {
    /// Takes the bytes of a file; `path` is for error messages.
    ///
    /// # Errors
    /// [`Error::File`] when it is not HDF5.
    pub(crate) fn new(bytes: Vec<u8>, path: &'a Path) -> Result<Self> {
        let limit = DECLARED_ALWAYS + DECLARED_PER_BYTE * bytes.len() as u64;
        let file = File::from_bytes(bytes)
            .map_err(|e| Error::file(path, format!("not a readable HDF5 file: {e}")))?;
        let names = file
            .root()
            .datasets()
            .map_err(|e| Error::file(path, format!("cannot list its datasets: {e}")))?;
        Ok(Self { file, path, names, limit })
    }

    /// Whether there is a dataset of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|n| n == name)
    }

    /// The extents of a dataset.
    ///
    /// # Errors
    /// [`Error::File`] when there is no such dataset, or it declares more values than a file of this
    /// length can hold.
    pub(crate) fn shape(&self, name: &str) -> Result<Vec<usize>> {
        self.dataset(name).map(|(_, shape)| shape)
    }

    /// The values of a dataset of the given shape, in which 0 stands for any extent.
    ///
    /// # Errors
    /// Those of [`shape`](Self::shape); [`Error::File`] for another shape and for what are no numbers.
    pub(crate) fn numbers(&self, name: &str, shape: &[usize]) -> Result<Vec<f64>> {
        let (data, found) = self.dataset(name)?;
        let kind = data.dtype().map_err(|e| self.failed(name, &e))?;
        if !is_number(&kind) {
            let reason = format!("dataset {name:?} holds values of type {kind}, expected numbers");
            return Err(Error::file(self.path, reason));
        }
        let fits = found.len() == shape.len()
            && found.iter().zip(shape).all(|(found, want)| *want == 0 || found == want);
        if !fits {
            let reason =
                format!("dataset {name:?} has shape {found:?}, expected {shape:?} (0: any)");
            return Err(Error::file(self.path, reason));
        }
        let values = data.read_f64().map_err(|e| self.failed(name, &e))?;
        self.whole(name, values, &found)
    }

    /// The texts of a dataset with one axis.
    ///
    /// # Errors
    /// Those of [`shape`](Self::shape); [`Error::File`] for another number of axes and for what are no
    /// texts.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>> {
        let (data, shape) = self.dataset(name)?;
        if shape.len() != 1 {
            let reason = format!("dataset {name:?} has shape {shape:?}, expected one axis");
            return Err(Error::file(self.path, reason));
        }
        let texts = data.read_string().map_err(|e| self.failed(name, &e))?;
        self.whole(name, texts, &shape)
    }

    /// The text attributes of the file, except unit strings, which our stores state themselves.
    ///
    /// # Errors
    /// [`Error::File`].
    pub(crate) fn text_attributes(&self) -> Result<BTreeMap<String, String>> {
        let attributes = self
            .file
            .root()
            .attrs()
            .map_err(|e| Error::file(self.path, format!("cannot read its attributes: {e}")))?;
        let texts = attributes.into_iter().filter(|(name, _)| name != "units");
        let texts = texts.filter_map(|(name, value)| match value {
            AttrValue::String(text)
            | AttrValue::AsciiString(text)
            | AttrValue::VarLenString(text) => Some((name, text)),
            _ => None,
        });
        Ok(texts.collect())
    }

    fn dataset(&self, name: &str) -> Result<(Dataset, Vec<usize>)> {
        if !self.has(name) {
            let reason = format!("has no dataset {name:?}; it has: {}", self.names.join(", "));
            return Err(Error::file(self.path, reason));
        }
        let data = self.file.dataset(name).map_err(|e| self.failed(name, &e))?;
        let shape = data.shape().map_err(|e| self.failed(name, &e))?;
        let chunk = data.chunk_shape().map_err(|e| self.failed(name, &e))?.unwrap_or_default();
        let element = data.element_size().map_err(|e| self.failed(name, &e))?;
        let fits = |extents: &[u64]| {
            let n = extents.iter().try_fold(element, |n, m| n.checked_mul(*m));
            n.is_some_and(|n| n <= self.limit)
        };
        if !fits(&shape) || !fits(&chunk) {
            let reason = format!(
                "dataset {name:?} declares {element} bytes for each value of shape {shape:?} in chunks of \
                 {chunk:?}: more than the {} bytes that a file of this length can hold",
                self.limit
            );
            return Err(Error::file(self.path, reason));
        }
        // Each extent is now at most the limit, unless another one is zero.
        let extent = |n: &u64| usize::try_from(*n);
        let shape = shape.iter().map(extent).collect::<std::result::Result<_, _>>();
        Ok((data, shape.map_err(|e| self.failed(name, &e))?))
    }

    /// The values, if there are as many as the shape says.
    fn whole<T>(&self, name: &str, values: Vec<T>, shape: &[usize]) -> Result<Vec<T>> {
        if values.len() != shape.iter().product::<usize>() {
            let reason =
                format!("dataset {name:?} has {} values for shape {shape:?}", values.len());
            return Err(Error::file(self.path, reason));
        }
        Ok(values)
    }

    fn failed(&self, name: &str, error: &dyn std::fmt::Display) -> Error {
        Error::file(self.path, format!("dataset {name:?}: {error}"))
    }
}

/// Whether a type has a plain number for each value.
fn is_number(kind: &DType) -> bool {
    use DType::{F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};
    matches!(kind, F32 | F64 | I8 | I16 | I32 | I64 | U8 | U16 | U32 | U64)
}

#[cfg(test)]
mod tests {
    use hdf5_pure::FileBuilder;

    use super::*;

    #[test]
    fn so_are_the_sizes_of_single_values() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/filters/triangle_gzip.h5");
        let mut bytes = std::fs::read(file).unwrap();
        // Found by mutation: each value takes 64 MiB, which its decoder then made room for.
        (bytes[1238], bytes[5607]) = (4, 1);
        let error = Hdf5::new(bytes, Path::new("a.h5"));
        let error = error.and_then(|file| {
            file.numbers("wave", &[0])?;
            file.numbers("transmission", &[0])
        });
        let error = error.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("bytes for each value of shape"), "{error}");
    }

    #[test]
    fn declared_sizes_are_checked_against_the_length_of_the_file() {
        let mut builder = FileBuilder::new();
        let zeros = builder.create_dataset("zeros").with_f64_data(&vec![0.0; 300_000]);
        zeros.with_chunks(&[1000]).with_deflate(9);
        builder.create_dataset("plain").with_f64_data(&[1.0, 2.0]);
        let bytes = builder.finish().unwrap();
        let path = Path::new("a.h5");
        assert_eq!(
            Hdf5::new(bytes.clone(), path).unwrap().numbers("zeros", &[0]).unwrap().len(),
            300_000
        );
        // The same file, did it declare a thousand times as many.
        let mut huge = bytes;
        let (from, to) = (300_000u64.to_le_bytes(), 300_000_000u64.to_le_bytes());
        let place = huge.windows(8).position(|w| w == from).unwrap();
        huge[place..place + 8].copy_from_slice(&to);
        match Hdf5::new(huge, path) {
            Ok(file) => {
                let error = file.numbers("zeros", &[0]).unwrap_err().to_string();
                assert!(error.contains("a.h5: ") && error.contains("\"zeros\""), "{error}");
                assert_eq!(file.numbers("plain", &[2]).unwrap(), [1.0, 2.0]);
            }
            Err(error) => assert!(error.to_string().contains("a.h5"), "{error}"),
        }
    }
}
