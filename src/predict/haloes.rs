//! The galaxies of a catalogue of haloes, with the parameters of a population.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use burn::tensor::Tensor;

use super::workers::in_order;
use crate::catalog::CatalogWriter;
use crate::device::to_host;
use crate::galhalo::GalaxyPopulation;
use crate::summary::Population as _;
use crate::{Error, Result};

/// Writes the galaxies of a population to a `.csv`, `.parquet` or `.pq` file and returns the number of
/// rows; `theta` are its free parameters.
///
/// Columns: `halo` (the number of the halo, from 0; for a catalogue that of its row), `weight` (how likely a
/// galaxy of this kind is) and the quantities of the population, magnitudes as `mag_<FILTER>`. Haloes are in
/// the order of their redshifts. `workers` are copies of a population with all its chunks. `progress` is
/// told the number of rows written.
///
/// # Errors
/// Those of the model and of [`CatalogWriter`]; [`Error::Invalid`] for no workers.
pub fn write_galaxies(
    workers: Vec<GalaxyPopulation>,
    theta: &[f64],
    path: &Path,
    mut progress: impl FnMut(usize),
) -> Result<usize> {
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
    let schema = Arc::new(Schema::new(fields));
    let mut writer = CatalogWriter::create(path, schema.clone())?;
    let mut n_rows = 0;
    in_order(
        workers,
        (0..n_chunks).map(Ok),
        |worker, chunk| {
            let columns = columns(worker, chunk, theta)?;
            RecordBatch::try_new(schema.clone(), columns)
                .map_err(|e| Error::invalid("galaxies", e.to_string()))
        },
        |batch| {
            writer.write(&batch)?;
            n_rows += batch.num_rows();
            progress(n_rows);
            Ok(())
        },
    )?;
    writer.finish()?;
    Ok(n_rows)
}

/// The columns of a chunk: haloes, weights, quantities.
fn columns(worker: &GalaxyPopulation, chunk: usize, theta: &[f64]) -> Result<Vec<ArrayRef>> {
    let galaxies = worker.quantities(chunk, &worker.place().row(theta))?;
    let names = worker.names();
    let haloes = worker.halo_ids(chunk);
    let kinds = galaxies.n_galaxies() / haloes.len();
    let mut columns: Vec<ArrayRef> = vec![Arc::new(UInt64Array::from(haloes.repeat(kinds)))];
    let mut push = |column: Tensor<2>| -> Result<()> {
        columns.push(Arc::new(Float64Array::from(to_host(column)?)));
        Ok(())
    };
    push(galaxies.weight())?;
    for name in names.as_slice() {
        push(galaxies.on(&names.axis(name)?)?)?;
    }
    Ok(columns)
}
