//! The way from a catalogue to an output in parts, whatever is computed: tasks for workers, parts on disk,
//! and in the end the files that were asked for.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;

use super::join::join;
use super::manifest::{JobRecord, PartRecord};
use super::part::{Chunk, PartWriter};
use super::parts::Parts;
use super::plan::OutputPlan;
use super::workers::in_order;
use crate::catalog::{CatalogReader, CatalogWriter};
use crate::checksum::checksum_of_file;
use crate::device::Place;
use crate::files::check_writable;
use crate::{Error, Result};

/// A slice of the catalogue.
pub(crate) struct Task {
    /// The part of the output to which it belongs.
    pub part: usize,
    /// Its rows.
    pub input: RecordBatch,
}

/// One run over a catalogue.
pub(crate) struct PartedRun<'a> {
    /// The catalogue that is read.
    pub input: &'a Path,
    /// The catalogue that is written.
    pub output: &'a Path,
    /// What is written.
    pub plan: &'a OutputPlan,
    /// What parts must have in common to belong together.
    pub job: JobRecord,
    /// A bad row is an error instead of a status.
    pub strict: bool,
    /// Whether to discard what an interrupted run kept.
    pub restart: bool,
}

/// What a run leaves behind beside its files.
pub(crate) struct Finished {
    /// All parts in order.
    pub parts: Vec<PartRecord>,
    /// Rows that an earlier, interrupted run had finished.
    pub n_resumed: usize,
}

/// Number of worker threads for `n_batch` batches: as asked for, or those of the device; not more than there
/// are batches.
pub(crate) fn n_workers(threads: Option<NonZeroUsize>, place: &Place, n_batch: usize) -> usize {
    threads.unwrap_or_else(|| place.default_threads()).get().min(n_batch.max(1))
}

impl PartedRun<'_> {
    /// Has `workers` do `work` on all rows that no earlier run has finished, and writes the output.
    /// `progress` is called with the number of rows done and their total.
    ///
    /// # Errors
    /// Those of reading and writing catalogues and of `work`; [`Error::File`] when the folder of parts
    /// belongs to another job and, with `strict`, for the first bad row; [`Error::Worker`] when a thread
    /// fails. Finished parts are kept.
    pub(crate) fn run<W: Send>(
        self,
        reader: CatalogReader,
        workers: Vec<W>,
        work: impl Fn(&W, Task) -> Result<Chunk> + Sync,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Finished> {
        // What cannot be written is refused before the work.
        drop(CatalogWriter::create(self.output, self.plan.layout.schema())?);
        self.plan.side_files.iter().try_for_each(|file| check_writable(&file.path))?;
        let n_rows = self.job.rows;
        let mut parts = Parts::open(self.output, self.job.clone(), self.plan, self.restart)?;
        let n_resumed = parts.finished().values().map(|part| part.rows).sum();
        progress(n_resumed, n_rows);

        let files = self
            .compute(reader, &mut parts, workers, work, |done| progress(n_resumed + done, n_rows))
            .and_then(|()| join(self.plan, &parts, self.output));
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
        if checksum_of_file(self.input)? != parts.job().input {
            drop(files);
            parts.remove()?;
            return Err(Error::file(
                self.input,
                "changed while it was read; run the command again",
            ));
        }
        let finished = Finished { parts: parts.finished().values().cloned().collect(), n_resumed };
        for file in files {
            file.persist()?;
        }
        // The output is complete, whatever becomes of the folder.
        let _ = parts.remove();
        Ok(finished)
    }

    /// Computes the parts that are not there yet. `progress` is called with the number of rows done.
    fn compute<W: Send>(
        &self,
        reader: CatalogReader,
        parts: &mut Parts,
        workers: Vec<W>,
        work: impl Fn(&W, Task) -> Result<Chunk> + Sync,
        mut progress: impl FnMut(usize),
    ) -> Result<()> {
        let (job, input) = (&self.job, self.input);
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
                None => parts.start(self.plan, n)?,
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
                parts.finish(part, self.plan)?;
            }
            progress(done);
            Ok(())
        };
        in_order(workers, tasks, work, take)?;
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
