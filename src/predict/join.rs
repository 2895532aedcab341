//! From finished parts to the files that were asked for.

use std::path::Path;

use arrow::array::RecordBatch;

use super::parts::Parts;
use super::plan::{OutputPlan, SideFile};
use crate::catalog::{CatalogReader, CatalogWriter};
use crate::files::CompleteFile;
use crate::store::ArrayWriter;
use crate::{Error, Result};

/// Makes the files, one part in memory at a time. All are complete before the first takes its place; the
/// catalogue, which may replace the input, comes last.
///
/// # Errors
/// Those of reading parts and writing files.
pub(super) fn join(plan: &OutputPlan, parts: &Parts, output: &Path) -> Result<Vec<CompleteFile>> {
    let sides = plan.side_files.iter().map(|file| join_arrays(file, parts));
    sides.chain([join_rows(plan, parts, output)]).collect()
}

fn join_rows(plan: &OutputPlan, parts: &Parts, output: &Path) -> Result<CompleteFile> {
    let schema = plan.layout.schema();
    let mut writer = CatalogWriter::create(output, schema.clone())?;
    parts.note(writer.temporary())?;
    for path in parts.rows_files() {
        for rows in CatalogReader::open(&path, parts.job().rows_per_part)? {
            let columns = rows?.columns().to_vec();
            let rows = RecordBatch::try_new(schema.clone(), columns)
                .map_err(|error| Error::file(&path, error.to_string()))?;
            writer.write(&rows)?;
        }
    }
    writer.complete()
}

fn join_arrays(file: &SideFile, parts: &Parts) -> Result<CompleteFile> {
    let shapes: Vec<(&str, &[usize])> =
        file.arrays.iter().map(|array| (array.name, &array.shape[..])).collect();
    let mut writer = ArrayWriter::create(&file.path, &shapes, &file.metadata)?;
    parts.note(writer.temporary())?;
    for array in &file.arrays {
        match &array.values {
            Some(values) => writer.write(values)?,
            None => parts.array_files(array.name).try_for_each(|part| writer.append(&part))?,
        }
    }
    writer.complete()
}
