//! One run over a catalogue: read, check, predict, write.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::path::Path;
use std::thread::available_parallelism;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;

use super::chunk::{Chunk, Predictor, Task};
use super::fingerprint::job_record;
use super::join::join;
use super::part::PartWriter;
use super::parts::Parts;
use super::plan::Plan;
use super::summary::Summary;
use super::workers::in_order;
use crate::catalog::{CatalogReader, CatalogWriter};
use crate::checksum::checksum_of_file;
use crate::files::check_writable;
use crate::population::{EquivalentWidths, GalaxyModel};
use crate::{Error, Result};

/// Rows computed at once: few enough that intermediate results stay in a core's cache.
const BATCH_ROWS: usize = 256;
/// The same when the graph of the reverse pass is kept as well.
const BATCH_ROWS_JACOBIAN: usize = 128;
/// Rows at once on a GPU, which has more to do at a time the better it works.
const BATCH_ROWS_GPU: usize = 4096;

/// What to predict for a catalogue, and how to go about it.
#[derive(Debug)]
pub struct PredictJob<'a> {
    /// The forward model.
    pub model: &'a GalaxyModel,
    /// A bad row is an error instead of a status.
    pub strict: bool,
    /// File for the Jacobian and the indices in [`Components::info`](crate::population::Components::info) of its parameters.
    pub jacobian: Option<(&'a Path, &'a [usize])>,
    /// File for the spectra.
    pub spectra: Option<&'a Path>,
    /// Whether band fluxes are reported beside the magnitudes.
    pub fluxes: bool,
    /// Whether star formation rates are reported.
    pub sfr: bool,
    /// Indices of the emission lines whose luminosities and fluxes are reported.
    pub lines: &'a [usize],
    /// Equivalent widths that are reported.
    pub widths: Option<&'a EquivalentWidths>,
    /// Rows computed at once, at most those of a part; chosen for the device if `None`.
    pub batch: Option<NonZeroUsize>,
    /// Worker threads; if `None`, as many as the machine has for devices that are its processor, else
    /// one.
    pub threads: Option<NonZeroUsize>,
    /// Rows of the parts that an interrupted run keeps.
    pub part_rows: NonZeroUsize,
    /// Whether to discard what an interrupted run kept.
    pub restart: bool,
}

impl PredictJob<'_> {
    /// Rows per part unless there is a reason for another number: seconds to minutes of work.
    pub const PART_ROWS: NonZeroUsize = NonZeroUsize::new(16_384).unwrap();

    /// Predicts every row of the catalogue `input` (CSV or Parquet) and writes the catalogue
    /// `output`: the input's columns, then `mag_<filter>`, `lg_mstar_formed`,
    /// `lg_mstar_surviving`, what else is asked for, and `status`.
    ///
    /// Until all rows are done, finished parts lie in [`parts_folder`](super::parts_folder). A later run
    /// of the same job goes on from there, and its files equal those of an uninterrupted run. Memory
    /// does not grow with the catalogue; the number of threads changes no file. `progress` is called
    /// with the number of rows done and their total, first with those of an earlier run.
    ///
    /// # Errors
    /// Those of reading and writing catalogues; [`Error::File`] when the folder of parts belongs to
    /// another job and, with `strict`, for the first bad row; [`Error::Invalid`] for a Jacobian without
    /// parameters; [`Error::Worker`] when a thread fails. Finished parts are kept.
    pub fn run(
        &self,
        input: &Path,
        output: &Path,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Summary> {
        if self.jacobian.is_some_and(|(_, wrt)| wrt.is_empty()) {
            return Err(Error::invalid("Jacobian", "no parameters are chosen"));
        }
        let n_param = self.model.components().names().len();
        let unknown = |what, known| Error::invalid(what, format!("there are {known} of them"));
        if self.jacobian.is_some_and(|(_, wrt)| wrt.iter().any(|j| *j >= n_param)) {
            return Err(unknown("index of a parameter", n_param));
        }
        let n_line = self.model.line_names().len();
        if self.lines.iter().any(|i| *i >= n_line) {
            return Err(unknown("index of a line", n_line));
        }
        let part_rows = self.part_rows.get();
        let batch = self.batch_rows().min(part_rows);
        let reader = CatalogReader::open(input, part_rows)?;
        let n_rows = reader.n_rows();
        let plan = Plan::new(self, &reader, output)?;
        // What cannot be written is refused before the work.
        drop(CatalogWriter::create(output, plan.layout.schema())?);
        plan.side_files.iter().try_for_each(|file| check_writable(&file.path))?;
        let job = job_record(input, self.model, &plan, n_rows, part_rows, batch)?;
        let mut parts = Parts::open(output, job, &plan, self.restart)?;
        let n_resumed = parts.finished().values().map(|part| part.rows).sum();
        progress(n_resumed, n_rows);

        let files = self
            .compute(input, reader, &plan, &mut parts, |done| progress(n_resumed + done, n_rows))
            .and_then(|()| join(&plan, &parts, output));
        let files = match files {
            Ok(files) => files,
            Err(error) if parts.finished().is_empty() => {
                // The reason matters more than a folder that may stay behind.
                let _ = parts.remove();
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        // Parts of two catalogues must not become one output, now or later.
        if checksum_of_file(input)? != parts.job().input {
            drop(files);
            parts.remove()?;
            return Err(Error::file(input, "changed while it was read; run the command again"));
        }
        let summary = Summary::new(&plan, parts.finished().values(), n_resumed);
        for file in files {
            file.persist()?;
        }
        // The output is complete, whatever becomes of the folder.
        let _ = parts.remove();
        Ok(summary)
    }

    fn batch_rows(&self) -> usize {
        let usual = match (self.model.place().is_cpu(), self.jacobian) {
            (false, _) => BATCH_ROWS_GPU,
            (true, Some(_)) => BATCH_ROWS_JACOBIAN,
            (true, None) => BATCH_ROWS,
        };
        self.batch.map_or(usual, NonZeroUsize::get)
    }

    /// One for each thread, but not more than there are batches.
    fn predictors(&self, n_batch: usize) -> Vec<Predictor> {
        let cores = || match self.model.place().is_cpu() {
            true => available_parallelism().unwrap_or(NonZeroUsize::MIN),
            false => NonZeroUsize::MIN,
        };
        let predictor = |_| Predictor { model: self.model.clone(), widths: self.widths.cloned() };
        let n = self.threads.unwrap_or_else(cores).get().min(n_batch.max(1));
        (0..n).map(predictor).collect()
    }

    /// Computes the parts that are not there yet. `progress` is called with the number of rows done.
    fn compute(
        &self,
        input: &Path,
        reader: CatalogReader,
        plan: &Plan,
        parts: &mut Parts,
        mut progress: impl FnMut(usize),
    ) -> Result<()> {
        let job = parts.job().clone();
        if self.strict {
            parts
                .finished()
                .values()
                .try_for_each(|part| refuse(input, part.first_bad.as_ref()))?;
        }
        if parts.finished().len() == job.n_part() {
            return Ok(());
        }
        // Not a list of all parts: their number is only what the input says.
        let finished: HashSet<usize> = parts.finished().keys().copied().collect();
        let tasks = regrouped(reader, job.rows_per_part).enumerate().flat_map(|(part, input)| {
            let wanted = !finished.contains(&part);
            let slices = input.map(|input| slices(input, if wanted { job.batch } else { 0 }));
            let (slices, error) = match slices {
                Ok(slices) => (slices, None),
                Err(error) => (Vec::new(), Some(Err(error))),
            };
            slices.into_iter().map(move |input| Ok(Task { part, input })).chain(error)
        });
        let changed = || Error::file(input, "has other rows than before; did it change meanwhile?");
        let (mut current, mut done) = (None::<PartWriter>, 0);
        let take = |chunk: Chunk| {
            let n = chunk.part;
            let mut part = match current.take() {
                Some(part) => part,
                None => parts.start(plan, n)?,
            };
            done += chunk.rows.num_rows();
            part.add(chunk)?;
            if n >= job.n_part() || part.record().rows > job.rows_of(n) {
                return Err(changed());
            }
            if self.strict {
                refuse(input, part.record().first_bad.as_ref())?;
            }
            if part.record().rows < job.rows_of(n) {
                current = Some(part);
            } else {
                parts.finish(part, plan)?;
            }
            progress(done);
            Ok(())
        };
        in_order(
            self.predictors(job.rows.div_ceil(job.batch)),
            tasks,
            |worker, task| worker.chunk(plan, task),
            take,
        )?;
        let all = current.is_none() && parts.finished().len() == job.n_part();
        if all { Ok(()) } else { Err(changed()) }
    }
}

fn refuse(input: &Path, bad: Option<&(usize, String)>) -> Result<()> {
    match bad {
        Some((row, status)) => Err(Error::file(input, format!("row {row}: {status}"))),
        None => Ok(()),
    }
}

/// Batches of exactly `rows` rows, but for the last, from batches of at most so many.
fn regrouped(
    mut batches: impl Iterator<Item = Result<RecordBatch>>,
    rows: usize,
) -> impl Iterator<Item = Result<RecordBatch>> {
    let mut rest: Vec<RecordBatch> = Vec::new();
    let count = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    std::iter::from_fn(move || {
        while count(&rest) < rows {
            match batches.next() {
                Some(Ok(batch)) => rest.push(batch),
                Some(Err(error)) => return Some(Err(error)),
                None => break,
            }
        }
        let schema = rest.first()?.schema();
        let whole = match concat_batches(&schema, &rest) {
            Ok(whole) => whole,
            Err(error) => return Some(Err(Error::invalid("input batches", error.to_string()))),
        };
        let n = rows.min(whole.num_rows());
        rest.clear();
        if n < whole.num_rows() {
            rest.push(whole.slice(n, whole.num_rows() - n));
        }
        Some(Ok(whole.slice(0, n)))
    })
}

/// Consecutive slices of `rows` rows; none if that is 0.
fn slices(batch: RecordBatch, rows: usize) -> Vec<RecordBatch> {
    let n = batch.num_rows();
    let starts = (0..n).step_by(rows.max(1)).take(if rows == 0 { 0 } else { n });
    starts.map(|start| batch.slice(start, rows.min(n - start))).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Int32Array};
    use arrow::datatypes::Int32Type;

    use super::*;

    fn batch(values: std::ops::Range<i32>) -> RecordBatch {
        let values: ArrayRef = Arc::new(Int32Array::from_iter_values(values));
        RecordBatch::try_from_iter([("i", values)]).unwrap()
    }

    fn values(batch: &RecordBatch) -> Vec<i32> {
        batch.column(0).as_primitive::<Int32Type>().values().to_vec()
    }

    #[test]
    fn batches_are_regrouped_and_sliced() {
        for sizes in [&[][..], &[3], &[4, 4, 2], &[4, 1, 4, 4, 1], &[1, 1, 1, 1, 1, 1]] {
            let mut end = 0;
            let batches = sizes.iter().map(|n| {
                end += n;
                Ok(batch(end - n..end))
            });
            let groups: Vec<_> =
                regrouped(batches, 4).map(|batch| values(&batch.unwrap())).collect();
            assert!(groups.iter().rev().skip(1).all(|group| group.len() == 4));
            assert_eq!(groups.concat(), (0..sizes.iter().sum()).collect::<Vec<_>>());
        }
        let parts: Vec<_> = slices(batch(0..5), 2).iter().map(values).collect();
        assert_eq!(parts, [vec![0, 1], vec![2, 3], vec![4]]);
        assert!(slices(batch(0..5), 0).is_empty());
    }
}
