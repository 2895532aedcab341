//! One part of an output: a Parquet file with its rows and a file of plain numbers per array.

use std::collections::BTreeMap;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use tempfile::NamedTempFile;

use super::manifest::PartRecord;
use super::plan::OutputPlan;
use crate::catalog::CatalogWriter;
use crate::checksum::checksum_of_file;
use crate::files::{CompleteFile, temporary_beside};
use crate::store::write_values;
use crate::{Error, Result};

/// Name of the file with a part's rows.
pub(super) fn rows_file(part: usize) -> String {
    array_file(part, "parquet")
}

/// Name of the file with a part's values of an array.
pub(super) fn array_file(part: usize, array: &str) -> String {
    format!("{PREFIX}{part:06}.{array}")
}

/// With what the names of all files of parts begin.
pub(super) const PREFIX: &str = "part-";

/// What comes of a [`Task`](super::run::Task).
pub(crate) struct Chunk {
    /// The part of the output to which it belongs.
    pub part: usize,
    /// Rows of the output catalogue.
    pub rows: RecordBatch,
    /// Values per row of the arrays that [`OutputPlan::row_arrays`] names.
    pub arrays: Vec<Vec<f64>>,
    /// The reason for each bad row.
    pub status: Vec<Option<String>>,
    /// Number of good rows whose result deserves a look.
    pub n_flagged: usize,
}

/// A part on its way to disk. Its files appear when it is finished.
pub(super) struct PartWriter {
    folder: PathBuf,
    record: PartRecord,
    /// Row of the catalogue, from 0, at which it begins.
    start: usize,
    rows: Vec<RecordBatch>,
    arrays: Vec<(PathBuf, BufWriter<NamedTempFile>)>,
}

impl PartWriter {
    /// Starts the part number `part`, whose first row is row `start` of the catalogue.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn create(
        folder: &Path,
        plan: &OutputPlan,
        part: usize,
        start: usize,
    ) -> Result<Self> {
        let file = |name: &str| {
            let path = folder.join(array_file(part, name));
            let file = temporary_beside(&path)?;
            Ok((path, BufWriter::new(file)))
        };
        Ok(Self {
            folder: folder.to_owned(),
            record: PartRecord { part, ..PartRecord::default() },
            start,
            rows: Vec::new(),
            arrays: plan.row_arrays().into_iter().map(file).collect::<Result<_>>()?,
        })
    }

    /// Number of the part and of its rows so far.
    pub(super) fn record(&self) -> &PartRecord {
        &self.record
    }

    /// Appends the rows of a chunk.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn add(&mut self, chunk: Chunk) -> Result<()> {
        for ((path, file), values) in self.arrays.iter_mut().zip(&chunk.arrays) {
            write_values(file, values).map_err(Error::io("write", path))?;
        }
        let first = self.start + self.record.rows + 1;
        for (i, status) in chunk.status.into_iter().enumerate() {
            if let Some(reason) = status {
                self.record.bad += 1;
                self.record.first_bad.get_or_insert((first + i, reason));
            }
        }
        self.record.flagged += chunk.n_flagged;
        self.record.rows += chunk.rows.num_rows();
        self.rows.push(chunk.rows);
        Ok(())
    }

    /// Gives the files their names.
    ///
    /// # Errors
    /// Those of [`CatalogWriter`]; [`Error::Io`].
    pub(super) fn finish(mut self, plan: &OutputPlan) -> Result<PartRecord> {
        let path = self.folder.join(rows_file(self.record.part));
        let schema = plan.layout.schema();
        // In one piece, so that neither the file nor what is made of it tells how many rows were
        // computed at once.
        let rows = concat_batches(&schema, &self.rows)
            .map_err(|error| Error::file(&path, format!("cannot be made: {error}")))?;
        let mut writer = CatalogWriter::create(&path, schema)?;
        writer.write(&rows)?;
        let mut files = vec![(path, writer.complete()?)];
        for (path, file) in self.arrays {
            let file = file.into_inner().map_err(|e| Error::io("write", &path)(e.into_error()))?;
            let file = CompleteFile::new(file, &path)?;
            files.push((path, file));
        }
        for (path, file) in files {
            file.persist()?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            self.record.files.insert(name, checksum_of_file(&path)?);
        }
        Ok(self.record)
    }
}

/// True when the files of a part are those of its record, bit by bit; a file that cannot be read is not.
pub(super) fn is_whole(folder: &Path, record: &PartRecord, plan: &OutputPlan) -> bool {
    let arrays = plan.row_arrays().into_iter().map(|name| array_file(record.part, name));
    let files: BTreeMap<String, String> = arrays
        .chain([rows_file(record.part)])
        .filter_map(|name| checksum_of_file(&folder.join(&name)).ok().map(|sum| (name, sum)))
        .collect();
    files == record.files
}
