//! Writing a catalogue batch by batch.

use std::fmt;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use tempfile::NamedTempFile;

use super::format::Format;
use crate::error::{Error, Result};
use crate::files::{CompleteFile, temporary_beside};

/// Rows per Parquet row group. The writer holds one group in memory.
const ROW_GROUP_ROWS: usize = 65_536;

/// A catalogue being written.
///
/// Rows go to a hidden temporary file in the destination's folder, which takes the destination's
/// name in [`CatalogWriter::finish`]. Dropped before that, the writer leaves no file behind and an
/// earlier file of that name as it was.
pub struct CatalogWriter {
    path: PathBuf,
    schema: SchemaRef,
    sink: Sink,
}

enum Sink {
    Csv(NamedTempFile),
    Parquet(Box<ArrowWriter<NamedTempFile>>),
}

impl CatalogWriter {
    /// Starts a `.csv`, `.parquet` or `.pq` file with the columns of `schema`.
    ///
    /// In CSV a null is an empty value, and numbers that are not finite are `NaN`, `inf` and `-inf`.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder cannot be written to; [`Error::File`] if the extension is another
    /// one, if `path` is a folder, or if the format has no form for a column's type (lists in CSV).
    pub fn create(path: &Path, schema: SchemaRef) -> Result<Self> {
        if path.is_dir() {
            return Err(Error::file(path, "is a folder, not a catalogue"));
        }
        let format = Format::from_path(path)?;
        let mut file = temporary_beside(path)?;
        let sink = match format {
            Format::Csv => {
                write_csv(&mut file, &RecordBatch::new_empty(schema.clone()), true)
                    .map_err(|error| unwritable(path, error))?;
                Sink::Csv(file)
            }
            Format::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::default()))
                    .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
                    .build();
                let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties))
                    .map_err(|error| unwritable(path, error))?;
                Sink::Parquet(Box::new(writer))
            }
        };
        Ok(Self { path: path.to_owned(), schema, sink })
    }

    /// The temporary file that the rows are in until then.
    pub fn temporary(&self) -> &Path {
        match &self.sink {
            Sink::Csv(file) => file.path(),
            Sink::Parquet(writer) => writer.inner().path(),
        }
    }

    /// Appends the rows of `batch`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if its columns are not those of the schema, [`Error::File`] if the rows
    /// cannot be written; the file should then be given up.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.schema_ref().fields() != self.schema.fields() {
            return Err(Error::invalid("output batch", "has other columns than the file"));
        }
        match &mut self.sink {
            Sink::Csv(file) => write_csv(file, batch, false).map_err(|e| unwritable(&self.path, e)),
            Sink::Parquet(writer) => writer.write(batch).map_err(|e| unwritable(&self.path, e)),
        }
    }

    /// Completes the file and gives it its name, replacing an earlier file.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::File`] if the last rows cannot be written or the file cannot be
    /// renamed. The temporary file is removed then.
    pub fn finish(self) -> Result<()> {
        self.complete()?.persist()
    }

    /// Completes the file without giving it its name.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::File`] if the last rows cannot be written.
    pub fn complete(self) -> Result<CompleteFile> {
        let file = match self.sink {
            Sink::Csv(file) => file,
            Sink::Parquet(writer) => writer.into_inner().map_err(|e| unwritable(&self.path, e))?,
        };
        CompleteFile::new(file, &self.path)
    }
}

impl fmt::Debug for CatalogWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CatalogWriter({:?})", self.path)
    }
}

fn write_csv(
    file: &mut NamedTempFile,
    batch: &RecordBatch,
    header: bool,
) -> std::result::Result<(), arrow::error::ArrowError> {
    arrow::csv::WriterBuilder::new().with_header(header).build(file).write(batch)
}

fn unwritable(path: &Path, error: impl fmt::Display) -> Error {
    Error::file(path, format!("cannot be written: {error}"))
}
