//! The galaxies of a catalogue of haloes, with the parameters of a population.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use burn::tensor::Tensor;

use super::workers::in_order;
use crate::catalog::{CatalogReader, CatalogWriter, Format, OutputLayout};
use crate::device::to_host;
use crate::galhalo::GalaxyPopulation;
use crate::summary::Population as _;
use crate::{Error, Result};

/// Rows of a catalogue read at a time.
const BATCH_ROWS: usize = 65_536;

/// What [`write_galaxies`] has written.
#[derive(Clone, Debug)]
pub struct WrittenGalaxies {
    /// Number of rows.
    pub n_rows: usize,
    /// Columns of the catalogue whose names the output needs for its own.
    pub replaced: Vec<String>,
}

/// Writes the galaxies of a population to a `.csv`, `.parquet` or `.pq` file; `theta` are its free parameters.
///
/// Columns: those of `catalog`, the file that the haloes were read from, if there is one; `halo` (the number
/// of the halo, from 0; for a catalogue that of its row), `weight` (how likely a galaxy of this kind is) and
/// the quantities of the population, magnitudes as `mag_<FILTER>`. These replace columns of the catalogue
/// that have the same names; the catalogue is held in memory, as its haloes are. Haloes are in the order of
/// their redshifts. `workers` are copies of a population with all its chunks. `progress` is told the number of rows written.
///
/// # Errors
/// Those of the model, of [`CatalogReader`] and of [`CatalogWriter`]; [`Error::Invalid`] for no workers;
/// [`Error::File`] for a catalogue that has fewer rows than there are haloes.
pub fn write_galaxies(
    workers: Vec<GalaxyPopulation>,
    theta: &[f64],
    catalog: Option<&Path>,
    path: &Path,
    mut progress: impl FnMut(usize),
) -> Result<WrittenGalaxies> {
    let first = workers.first();
    let first = first.ok_or_else(|| Error::invalid("galaxies", "at least one worker is needed"))?;
    let n_chunks = first.n_chunks();
    let magnitudes = first.n_filters();
    let column = |(k, name): (usize, &String)| match k < magnitudes {
        true => format!("mag_{name}"),
        false => name.clone(),
    };
    let names = first.names().as_slice().iter().enumerate().map(column);
    let numbers = ["weight".to_owned()].into_iter().chain(names);
    let mut fields = vec![Field::new("halo", DataType::UInt64, false)];
    fields.extend(numbers.map(|name| Field::new(name, DataType::Float64, true)));
    let table = catalog.map(|file| HaloTable::read(file, Format::from_path(path)?)).transpose()?;
    let written_as = table.as_ref().map_or(Arc::new(Schema::empty()), |t| t.written_as.clone());
    let names = written_as.fields().iter().map(|field| field.name());
    let replaced = names.filter(|name| fields.iter().any(|f| f.name() == *name)).cloned().collect();
    let layout = OutputLayout::new(&written_as, fields)?;
    let mut writer = CatalogWriter::create(path, layout.schema())?;
    let mut n_rows = 0;
    in_order(
        workers,
        (0..n_chunks).map(Ok),
        |worker, chunk| {
            let (haloes, columns) = columns(worker, chunk, theta)?;
            let of_haloes = match &table {
                Some(table) => table.rows(&haloes)?,
                None => without_columns(haloes.len())?,
            };
            layout.batch(&of_haloes, [Arc::new(haloes) as ArrayRef].into_iter().chain(columns))
        },
        |batch| {
            writer.write(&batch)?;
            n_rows += batch.num_rows();
            progress(n_rows);
            Ok(())
        },
    )?;
    writer.finish()?;
    Ok(WrittenGalaxies { n_rows, replaced })
}

/// All columns of a catalogue of haloes.
struct HaloTable<'a> {
    path: &'a Path,
    rows: RecordBatch,
    /// The types that the columns have in the output.
    written_as: SchemaRef,
}

impl<'a> HaloTable<'a> {
    fn read(path: &'a Path, output: Format) -> Result<Self> {
        let reader = CatalogReader::open(path, BATCH_ROWS)?;
        let (written_as, read_as) = (reader.schema_for(output), reader.schema());
        let batches = reader.collect::<Result<Vec<_>>>()?;
        let rows = concat_batches(&read_as, &batches);
        let rows = rows.map_err(|e| Error::file(path, e.to_string()))?;
        Ok(Self { path, rows, written_as })
    }

    /// The rows of these numbers, in this order.
    fn rows(&self, haloes: &UInt64Array) -> Result<RecordBatch> {
        let n = self.rows.num_rows();
        if haloes.values().iter().any(|halo| *halo >= n as u64) {
            let reason = format!("has {n} rows, fewer than when the haloes were read from it");
            return Err(Error::file(self.path, reason));
        }
        let rows = take_record_batch(&self.rows, haloes);
        rows.map_err(|e| Error::file(self.path, e.to_string()))
    }
}

fn without_columns(n_rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(n_rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options)
        .map_err(|e| Error::invalid("galaxies", e.to_string()))
}

/// The haloes of a chunk of galaxies, and the galaxies' weights and quantities.
fn columns(
    worker: &GalaxyPopulation,
    chunk: usize,
    theta: &[f64],
) -> Result<(UInt64Array, Vec<ArrayRef>)> {
    let galaxies = worker.quantities(chunk, &worker.place().row(theta))?;
    let names = worker.names();
    let haloes = worker.halo_ids(chunk);
    let kinds = galaxies.n_galaxies() / haloes.len();
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(names.as_slice().len() + 1);
    let mut push = |column: Tensor<2>| -> Result<()> {
        columns.push(Arc::new(Float64Array::from(to_host(column)?)));
        Ok(())
    };
    push(galaxies.weight())?;
    for name in names.as_slice() {
        push(galaxies.on(&names.axis(name)?)?)?;
    }
    Ok((UInt64Array::from(haloes.repeat(kinds)), columns))
}
