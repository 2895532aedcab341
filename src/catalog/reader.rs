//! Reading a catalogue batch by batch.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::ParquetMetaData;

use super::csv_scan::CsvScan;
use super::format::Format;
use crate::caught::caught;
use crate::error::{Error, Result};
use crate::files::check_ordinary;

/// A catalogue opened for reading: an iterator over batches of rows.
///
/// Columns of a CSV file are text (`Utf8`, null where empty), so that they can be written out again
/// as they were; columns of a Parquet file keep their types. An item is an error if the file has
/// changed since it was opened or if a Parquet page is damaged; nothing follows it.
pub struct CatalogReader {
    path: PathBuf,
    format: Format,
    n_rows: usize,
    /// The columns as the file would be written to Parquet.
    typed_schema: SchemaRef,
    /// `None` after an error.
    batches: Option<Box<dyn RecordBatchReader + Send>>,
    schema: SchemaRef,
}

impl CatalogReader {
    /// Opens a `.csv`, `.parquet` or `.pq` file, to be read in batches of at most `batch_rows` rows.
    ///
    /// A CSV file is read through once, to check it and to count its rows.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read; [`Error::File`] if its extension is another one, if
    /// it is not what the extension says, if two columns have the same name, or if a CSV file has no
    /// header, a row with too many or too few values, or text that is not UTF-8; [`Error::Invalid`]
    /// if `batch_rows` is 0.
    pub fn open(path: &Path, batch_rows: usize) -> Result<Self> {
        if batch_rows == 0 {
            return Err(Error::invalid("rows per batch", "is 0; expected at least 1"));
        }
        // Without this a folder would be reported by its missing extension. Catalogues are read twice,
        // which a pipe does not allow.
        check_ordinary(path)?;
        let format = Format::from_path(path)?;
        let reader = match format {
            Format::Csv => Self::open_csv(path, batch_rows),
            Format::Parquet => Self::open_parquet(path, batch_rows),
        }?;
        check_unique_names(path, &reader.schema)?;
        Ok(reader)
    }

    fn open_csv(path: &Path, batch_rows: usize) -> Result<Self> {
        let CsvScan { schema: typed_schema, n_rows } = CsvScan::new(path)?;
        let text = |field: &Arc<Field>| Field::new(field.name(), DataType::Utf8, true);
        let schema =
            Arc::new(Schema::new(typed_schema.fields().iter().map(text).collect::<Vec<_>>()));
        let batches = arrow::csv::ReaderBuilder::new(schema.clone())
            .with_header(true)
            // The parser reserves room for a whole batch in advance.
            .with_batch_size(batch_rows.min(n_rows.max(1)))
            .build(File::open(path).map_err(Error::io("read", path))?)
            .map_err(|error| Error::file(path, error.to_string()))?;
        Ok(Self {
            path: path.to_owned(),
            format: Format::Csv,
            n_rows,
            typed_schema: Arc::new(typed_schema),
            batches: Some(Box::new(batches)),
            schema,
        })
    }

    fn open_parquet(path: &Path, batch_rows: usize) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        let builder = decoded(path, || ParquetRecordBatchReaderBuilder::try_new(file))?;
        let n_rows = counted_rows(builder.metadata()).ok_or_else(|| {
            Error::file(
                path,
                "is a Parquet file whose row groups do not have as many rows as it says",
            )
        })?;
        let schema = builder.schema().clone();
        let batches = decoded(path, || builder.with_batch_size(batch_rows).build())?;
        Ok(Self {
            path: path.to_owned(),
            format: Format::Parquet,
            n_rows,
            typed_schema: schema.clone(),
            batches: Some(Box::new(batches)),
            schema,
        })
    }

    /// Number of rows in the file.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Names of the columns, in the order of the file. Spaces around the names in a CSV header are
    /// not part of them.
    pub fn column_names(&self) -> impl Iterator<Item = &str> {
        self.schema.fields().iter().map(|field| field.name().as_str())
    }

    /// The columns as they are in the batches.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The columns as they should be written to a file of the format `output`.
    ///
    /// From CSV to Parquet a column becomes `Int64` or `Float64` if all its values are such numbers
    /// and none would lose leading zeros or digits; otherwise columns keep the types of the batches.
    pub fn schema_for(&self, output: Format) -> SchemaRef {
        match (self.format, output) {
            (Format::Csv, Format::Parquet) => self.typed_schema.clone(),
            _ => self.schema.clone(),
        }
    }
}

impl Iterator for CatalogReader {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batches = self.batches.as_mut()?;
        let batch = decoded(&self.path, || batches.next().transpose()).transpose()?;
        if batch.is_err() {
            self.batches = None;
        }
        Some(batch)
    }
}

impl fmt::Debug for CatalogReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, format, n_rows, .. } = self;
        write!(f, "CatalogReader({path:?}, {format:?}, {n_rows} rows)")
    }
}

/// What `work` decodes. The decoder of damaged Parquet files may panic.
fn decoded<T, E: fmt::Display>(
    path: &Path,
    work: impl FnOnce() -> std::result::Result<T, E>,
) -> Result<T> {
    let outcome = caught(work).map_err(|words| format!("the decoder gives up: {words}"));
    let outcome = outcome.and_then(|done| done.map_err(|error| error.to_string()));
    outcome.map_err(|reason| {
        let reason = reason.replace('\n', " ");
        Error::file(path, format!("is not a readable catalogue: {reason}"))
    })
}

/// The number of rows, if the file and its row groups agree on it.
fn counted_rows(facts: &ParquetMetaData) -> Option<usize> {
    let mut n = 0i64;
    for group in facts.row_groups() {
        n = n.checked_add(group.num_rows()).filter(|_| group.num_rows() >= 0)?;
    }
    usize::try_from(n).ok().filter(|_| n == facts.file_metadata().num_rows())
}

fn check_unique_names(path: &Path, schema: &Schema) -> Result<()> {
    let mut seen = HashSet::new();
    match schema.fields().iter().find(|field| !seen.insert(field.name())) {
        Some(field) => {
            Err(Error::file(path, format!("has more than one column called {:?}", field.name())))
        }
        None => Ok(()),
    }
}
