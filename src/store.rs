//! Named arrays in safetensors files: grids, filters, Jacobians and spectra are kept so.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors, View};
use tempfile::NamedTempFile;

use crate::files::{CompleteFile, read_whole, temporary_beside, write_atomic};
use crate::{Error, Result};

/// A numeric array with its shape, row-major, in the precision of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Extent along each axis.
    pub shape: Vec<usize>,
    /// The elements.
    pub values: Values,
}

/// Elements of an [`Array`].
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 64-bit floats.
    F64(Vec<f64>),
}

impl Array {
    /// A 64-bit array.
    pub fn f64(shape: &[usize], values: Vec<f64>) -> Self {
        Self { shape: shape.to_vec(), values: Values::F64(values) }
    }

    /// An array that takes 32 bits per element when that loses nothing, else 64.
    pub fn compact(shape: &[usize], values: &[f64]) -> Self {
        let exact = values.iter().all(|v| f64::from(*v as f32) == *v);
        let values = if exact {
            Values::F32(values.iter().map(|v| *v as f32).collect())
        } else {
            Values::F64(values.to_vec())
        };
        Self { shape: shape.to_vec(), values }
    }

    /// The elements as f64.
    pub fn to_f64(&self) -> Vec<f64> {
        match &self.values {
            Values::F32(v) => v.iter().map(|v| f64::from(*v)).collect(),
            Values::F64(v) => v.clone(),
        }
    }
}

impl View for &Array {
    fn dtype(&self) -> Dtype {
        match self.values {
            Values::F32(_) => Dtype::F32,
            Values::F64(_) => Dtype::F64,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(match &self.values {
            Values::F32(v) => v.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Values::F64(v) => v.iter().flat_map(|v| v.to_le_bytes()).collect(),
        })
    }

    fn data_len(&self) -> usize {
        match &self.values {
            Values::F32(v) => 4 * v.len(),
            Values::F64(v) => 8 * v.len(),
        }
    }
}

/// The arrays and the text metadata of one safetensors file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Store {
    /// Arrays by name.
    pub arrays: BTreeMap<String, Array>,
    /// Metadata by name.
    pub metadata: BTreeMap<String, String>,
}

impl Store {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read, [`Error::File`] when it is not a safetensors file of
    /// 32- or 64-bit floats.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = read_whole(path)?;
        Self::from_bytes(&bytes, path)
    }

    /// Parses the contents of a file; `path` is for error messages.
    ///
    /// # Errors
    /// [`Error::File`] as for [`read`](Self::read).
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self> {
        let broken = |e| Error::file(path, format!("not a valid safetensors file: {e}"));
        let file = SafeTensors::deserialize(bytes).map_err(broken)?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(broken)?;
        let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
        let mut arrays = BTreeMap::new();
        for (name, view) in file.tensors() {
            let values = match view.dtype() {
                Dtype::F32 => Values::F32(
                    view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
                ),
                Dtype::F64 => Values::F64(
                    view.data().as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
                ),
                other => {
                    let reason =
                        format!("tensor {name:?} has dtype {other:?}, expected F32 or F64");
                    return Err(Error::file(path, reason));
                }
            };
            arrays.insert(name, Array { shape: view.shape().to_vec(), values });
        }
        Ok(Self { arrays, metadata })
    }

    /// Writes the file atomically: beside its destination first, then renamed onto it.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder cannot be written; an existing file is then left as it was.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_atomic(path, &self.to_bytes().map_err(|e| Error::file(path, e.to_string()))?)
    }

    /// The contents of such a file; the same for equal stores if they have at most one entry of metadata,
    /// whose order is that of a hash map.
    ///
    /// # Errors
    /// [`Error::Invalid`] when an array is not as long as its shape says.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let metadata: HashMap<String, String> = self.metadata.clone().into_iter().collect();
        safetensors::serialize(self.arrays.iter(), Some(metadata))
            .map_err(|e| Error::invalid("store", format!("cannot be made: {e}")))
    }

    /// The named array with its shape.
    ///
    /// # Errors
    /// [`Error::File`] when there is none or it has another number of axes.
    pub fn array(&self, name: &str, n_axes: usize, path: &Path) -> Result<&Array> {
        let array = self.arrays.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.arrays.keys().map(String::as_str).collect();
            Error::file(path, format!("has no tensor {name:?}; it has: {}", names.join(", ")))
        })?;
        if array.shape.len() != n_axes {
            let reason =
                format!("tensor {name:?} has shape {:?}, expected {n_axes} axes", array.shape);
            return Err(Error::file(path, reason));
        }
        Ok(array)
    }
}

/// Writes f64 arrays piece by piece, for results that outgrow memory; the file appears when the last
/// value is in.
#[derive(Debug)]
pub struct ArrayWriter {
    file: BufWriter<NamedTempFile>,
    path: PathBuf,
    bytes_left: u64,
}

impl ArrayWriter {
    /// Starts a file that holds the named arrays of the given shapes, whose values follow one array
    /// after the other.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::File`] for shapes beyond all bounds.
    pub fn create(
        path: &Path,
        arrays: &[(&str, &[usize])],
        metadata: &BTreeMap<String, String>,
    ) -> Result<Self> {
        let mut header = serde_json::Map::new();
        header.insert("__metadata__".into(), serde_json::json!(metadata));
        let mut end = 0;
        for (name, shape) in arrays {
            let bytes = shape.iter().try_fold(8u64, |bytes, n| bytes.checked_mul(*n as u64));
            let next = bytes.and_then(|bytes| bytes.checked_add(end)).ok_or_else(|| {
                Error::file(path, format!("{name} of shape {shape:?} is larger than any file"))
            })?;
            let offsets = [end, next];
            end = next;
            let entry =
                serde_json::json!({"dtype": "F64", "shape": shape, "data_offsets": offsets});
            header.insert((*name).to_owned(), entry);
        }
        let mut header = serde_json::Value::from(header).to_string();
        // The format aligns the data to eight bytes.
        header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
        let mut file = BufWriter::new(temporary_beside(path)?);
        file.write_all(&(header.len() as u64).to_le_bytes())
            .and_then(|()| file.write_all(header.as_bytes()))
            .map_err(Error::io("write", path))?;
        Ok(Self { file, path: path.to_owned(), bytes_left: end })
    }

    /// The temporary file that the values are in until it is complete.
    pub fn temporary(&self) -> &Path {
        self.file.get_ref().path()
    }

    /// Appends values in row-major order.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::File`] when there are more values than the shapes have room for.
    pub fn write(&mut self, values: &[f64]) -> Result<()> {
        self.take_room(8 * values.len() as u64)?;
        write_values(&mut self.file, values).map_err(Error::io("write", &self.path))
    }

    /// Appends the values that [`write_values`] wrote to the file `part`.
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    pub fn append(&mut self, part: &Path) -> Result<()> {
        let mut part = File::open(part).map_err(Error::io("read", part))?;
        let n = io::copy(&mut part, &mut self.file).map_err(Error::io("write", &self.path))?;
        self.take_room(n)
    }

    fn take_room(&mut self, bytes: u64) -> Result<()> {
        self.bytes_left = self.bytes_left.checked_sub(bytes).ok_or_else(|| {
            Error::file(&self.path, "more rows than announced; did the input change meanwhile?")
        })?;
        Ok(())
    }

    /// Completes the file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::File`] when values are missing.
    pub fn complete(self) -> Result<CompleteFile> {
        if self.bytes_left > 0 {
            let reason = "fewer rows than announced; did the input change meanwhile?";
            return Err(Error::file(&self.path, reason));
        }
        let file = self.file.into_inner().map_err(|e| e.into_error());
        CompleteFile::new(file.map_err(Error::io("write", &self.path))?, &self.path)
    }
}

/// Writes values as safetensors files hold them.
///
/// # Errors
/// Those of `file`.
pub fn write_values(file: &mut impl Write, values: &[f64]) -> io::Result<()> {
    values.iter().try_for_each(|value| file.write_all(&value.to_le_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let mut store = Store::default();
        store.arrays.insert("narrow".into(), Array::compact(&[2, 1], &[0.5, -2.0]));
        store.arrays.insert("wide".into(), Array::compact(&[1], &[0.1]));
        store.metadata.insert("unit".into(), "Msun".into());
        store.write(&path).unwrap();
        let back = Store::read(&path).unwrap();
        assert_eq!(back, store);
        assert!(matches!(back.arrays["narrow"].values, Values::F32(_)));
        assert_eq!(back.array("wide", 1, &path).unwrap().to_f64(), [0.1]);
    }

    #[test]
    fn broken_files_and_missing_tensors_are_named() {
        let path = Path::new("x.safetensors");
        for bytes in [&b""[..], b"garbage that is no header", &u64::MAX.to_le_bytes()] {
            let error = Store::from_bytes(bytes, path).unwrap_err().to_string();
            assert!(error.contains("x.safetensors"), "{error}");
        }
        let mut store = Store::default();
        store.arrays.insert("a".into(), Array::compact(&[1], &[1.0]));
        let error = store.array("b", 1, path).unwrap_err().to_string();
        assert!(error.contains("no tensor \"b\"; it has: a"), "{error}");
        assert!(store.array("a", 2, path).is_err());
    }

    #[test]
    fn arrays_written_piece_by_piece_make_a_valid_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.safetensors");
        let metadata = BTreeMap::from([("unit".to_owned(), "mag \"AB\"".to_owned())]);
        let arrays: [(&str, &[usize]); 2] = [("table", &[3, 2]), ("axis", &[3])];
        let create = || ArrayWriter::create(&path, &arrays, &metadata);
        let mut rows = create().unwrap();
        rows.write(&[1.0; 8]).unwrap();
        assert!(rows.write(&[7.0, 8.0]).unwrap_err().to_string().contains("more rows"));

        let part = folder.path().join("part");
        let mut file = File::create(&part).unwrap();
        write_values(&mut file, &[f64::NAN, 6.0, 7.0]).unwrap();
        let mut rows = create().unwrap();
        rows.write(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        rows.append(&part).unwrap();
        rows.write(&[8.0, 9.0]).unwrap();
        assert!(rows.append(&part).unwrap_err().to_string().contains("more rows"));

        let mut rows = create().unwrap();
        rows.write(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        rows.append(&part).unwrap();
        rows.write(&[8.0, 9.0]).unwrap();
        assert!(!path.exists());
        rows.complete().unwrap().persist().unwrap();
        let store = Store::read(&path).unwrap();
        assert_eq!(store.metadata, metadata);
        let table = store.array("table", 2, &path).unwrap();
        assert_eq!((table.shape.as_slice(), table.to_f64()[3]), (&[3, 2][..], 4.0));
        assert!(table.to_f64()[4].is_nan());
        assert_eq!(store.arrays["axis"].to_f64(), [7.0, 8.0, 9.0]);
        assert!(create().unwrap().complete().unwrap_err().to_string().contains("fewer rows"));
    }

    #[test]
    fn a_failed_write_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("no").join("x.safetensors");
        assert!(
            Store::default().write(&missing).unwrap_err().to_string().contains("x.safetensors")
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
