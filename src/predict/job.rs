//! One run over a catalogue: read, check, predict, write.

use std::num::NonZeroUsize;
use std::path::Path;

use super::chunk::Predictor;
use super::fingerprint::job_record;
use super::plan::Plan;
use super::run::{PartedRun, n_workers};
use super::summary::Summary;
use crate::catalog::CatalogReader;
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
    /// Those of reading and writing catalogues; [`Error::File`] when no column is a parameter, when the
    /// folder of parts belongs to another job and, with `strict`, for the first bad row; [`Error::Invalid`] for a Jacobian without
    /// parameters; [`Error::Worker`] when a thread fails. Finished parts are kept.
    pub fn run(
        &self,
        input: &Path,
        output: &Path,
        progress: impl FnMut(usize, usize),
    ) -> Result<Summary> {
        self.run_noting(input, output, |_| {}, progress)
    }

    /// The same; before the work, `note` is told the columns that are carried through though they differ from
    /// a parameter that the catalogue does not have by case or punctuation only, each with that parameter.
    ///
    /// # Errors
    /// Those of [`run`](Self::run).
    pub fn run_noting(
        &self,
        input: &Path,
        output: &Path,
        note: impl FnOnce(&[(String, &'static str)]),
        progress: impl FnMut(usize, usize),
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
        let plan = Plan::new(self, input, &reader, output)?;
        note(&plan.misnamed());
        let asked = plan.asked_for(self.model);
        let job = job_record(input, self.model, &asked, n_rows, part_rows, batch)?;
        let n = n_workers(self.threads, self.model.place(), n_rows.div_ceil(batch));
        let predictor = |_| Predictor { model: self.model.clone(), widths: self.widths.cloned() };
        let run = PartedRun {
            input,
            output,
            plan: &plan.output,
            job,
            strict: self.strict,
            restart: self.restart,
        };
        let finished = run.run(
            reader,
            (0..n).map(predictor).collect(),
            |worker, task| worker.chunk(&plan, task),
            progress,
        )?;
        Ok(Summary::new(&plan, &finished))
    }

    fn batch_rows(&self) -> usize {
        let usual = match (self.model.place().is_cpu(), self.jacobian) {
            (false, _) => BATCH_ROWS_GPU,
            (true, Some(_)) => BATCH_ROWS_JACOBIAN,
            (true, None) => BATCH_ROWS,
        };
        self.batch.map_or(usual, NonZeroUsize::get)
    }
}
