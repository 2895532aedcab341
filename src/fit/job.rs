//! One run over a catalogue: read, fit, write.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray, UInt32Array};
use arrow::datatypes::{DataType, Field};

use super::columns::FitColumns;
use super::fitter::Fitter;
use super::galaxy::{Fit, Posterior};
use crate::Result;
use crate::catalog::{CatalogReader, Format, OutputLayout};
use crate::predict::{Chunk, Finished, OutputPlan, PartedRun, Task, job_record, n_workers};

/// Galaxies fitted at once: few enough that intermediate results stay in a core's cache, and enough that
/// few are left at the end, when most have converged.
const BATCH_ROWS: usize = 128;
/// The same on a GPU, which has more to do at a time the better it works.
const BATCH_ROWS_GPU: usize = 2048;

/// A catalogue to be fitted, and how to go about it.
#[derive(Debug)]
pub struct FitJob<'a> {
    /// Model, free parameters and settings.
    pub fitter: &'a Fitter,
    /// A bad row is an error instead of a status.
    pub strict: bool,
    /// Galaxies fitted at once, at most those of a part; chosen for the device if `None`.
    pub batch: Option<NonZeroUsize>,
    /// Worker threads; if `None`, as many as the machine has for devices that are its processor, else
    /// one.
    pub threads: Option<NonZeroUsize>,
    /// Rows of the parts that an interrupted run keeps.
    pub part_rows: NonZeroUsize,
    /// Whether to discard what an interrupted run kept.
    pub restart: bool,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FitSummary {
    /// Rows in the catalogue.
    pub n_rows: usize,
    /// Rows that an earlier, interrupted run had finished.
    pub n_resumed: usize,
    /// Rows that could not be fitted.
    pub n_bad: usize,
    /// The first bad row, counted from 1, and its status.
    pub first_bad: Option<(usize, String)>,
    /// Rows whose fit has not converged.
    pub n_unconverged: usize,
    /// Parameters that took their default in every row, with the value.
    pub defaulted: Vec<(String, f64)>,
    /// Filters of the model that the catalogue has nothing about.
    pub unobserved: Vec<String>,
    /// Input columns that were not read and stand in the output as they were.
    pub carried: Vec<String>,
    /// Input columns whose names the output needed for its own.
    pub replaced: Vec<String>,
}

/// What a job reads and writes. Made once and shared by all workers.
struct Plan {
    columns: FitColumns,
    output: OutputPlan,
}

impl FitJob<'_> {
    /// Rows per part unless there is a reason for another number: minutes of work.
    pub const PART_ROWS: NonZeroUsize = NonZeroUsize::new(2048).unwrap();

    /// Fits every row of the catalogue `input` (CSV or Parquet) and writes the catalogue `output`: the
    /// input's columns and those of the fit.
    ///
    /// Until all rows are done, finished parts lie in [`parts_folder`](crate::predict::parts_folder). A
    /// later run of the same job goes on from there, and its files equal those of an uninterrupted run.
    /// Memory does not grow with the catalogue; the number of threads changes no file. `progress` is
    /// called with the number of rows done and their total, first with those of an earlier run.
    ///
    /// # Errors
    /// Those of [`FitColumns::find`], of [`Fitter::fit`] and of reading and writing catalogues;
    /// [`Error::File`](crate::Error::File) when the folder of parts belongs to another job and, with
    /// `strict`, for the first row that cannot be fitted; [`Error::Worker`](crate::Error::Worker) when a
    /// thread fails. Finished parts are kept.
    pub fn run(
        &self,
        input: &Path,
        output: &Path,
        progress: impl FnMut(usize, usize),
    ) -> Result<FitSummary> {
        let (model, free) = (self.fitter.model(), self.fitter.free());
        let part_rows = self.part_rows.get();
        let usual = if model.place().is_cpu() { BATCH_ROWS } else { BATCH_ROWS_GPU };
        let batch = self.batch.map_or(usual, NonZeroUsize::get).min(part_rows);
        let reader = CatalogReader::open(input, part_rows)?;
        let names: Vec<String> = reader.column_names().map(str::to_owned).collect();
        let n_rows = reader.n_rows();
        let columns =
            FitColumns::find(model, free, &names.iter().map(String::as_str).collect::<Vec<_>>())?;
        let fields = self.fields();
        let (replaced, others): (Vec<String>, Vec<String>) =
            names.into_iter().partition(|name| fields.iter().any(|field| field.name() == name));
        let carried = others.into_iter().filter(|name| !columns.uses(name)).collect();
        let layout = OutputLayout::new(&reader.schema_for(Format::from_path(output)?), fields)?;
        let plan = Plan { columns, output: OutputPlan { layout, side_files: Vec::new() } };
        let asked = format!(
            "{:?} {:?} {:?} {:?}",
            plan.output.layout.schema().fields(),
            free.names(),
            free.priors(),
            self.fitter.settings()
        );
        let run = PartedRun {
            input,
            output,
            plan: &plan.output,
            job: job_record(input, model, &asked, n_rows, part_rows, batch)?,
            strict: self.strict,
            restart: self.restart,
        };
        let n = n_workers(self.threads, model.place(), n_rows.div_ceil(batch));
        let workers = (0..n).map(|_| self.fitter.clone()).collect();
        let finished =
            run.run(reader, workers, |fitter, task| chunk(fitter, &plan, task), progress)?;
        Ok(FitSummary {
            defaulted: plan.columns.defaulted(free),
            unobserved: plan.columns.unobserved().into_iter().map(str::to_owned).collect(),
            carried,
            replaced,
            ..FitSummary::of(finished)
        })
    }

    /// The columns that the output adds to the input.
    fn fields(&self) -> Vec<Field> {
        let number = |name: String| Field::new(name, DataType::Float64, true);
        let count = |name: &str| Field::new(name, DataType::UInt32, true);
        let (model, free) = (self.fitter.model(), self.fitter.free());
        let mut fields = Vec::new();
        for name in free.names() {
            fields.extend([number(name.to_owned()), number(format!("{name}_err"))]);
        }
        fields.extend(["lg_mstar", "lg_mstar_err", "chi2"].map(|name| number(name.to_owned())));
        if self.fitter.settings().draws > 0 {
            for name in free.names().into_iter().chain(["lg_mstar"]) {
                fields.extend([number(format!("{name}_mean")), number(format!("{name}_std"))]);
            }
            fields.push(number("n_effective".to_owned()));
        }
        fields.extend(["n_bands", "n_iterations"].map(count));
        fields.extend(model.filter_names().iter().map(|name| number(format!("fit_mag_{name}"))));
        fields.push(Field::new("status", DataType::Utf8, true));
        fields
    }
}

impl FitSummary {
    fn of(finished: Finished) -> Self {
        let mut summary = Self { n_resumed: finished.n_resumed, ..Self::default() };
        for part in finished.parts {
            summary.n_rows += part.rows;
            summary.n_bad += part.bad;
            summary.n_unconverged += part.flagged;
            summary.first_bad = summary.first_bad.or(part.first_bad);
        }
        summary
    }
}

/// Fits the rows of a task.
fn chunk(fitter: &Fitter, plan: &Plan, task: Task) -> Result<Chunk> {
    let rows = plan.columns.read(&task.input, fitter.model())?;
    let galaxies: Vec<_> = rows.iter().filter_map(|row| row.as_ref().ok()).cloned().collect();
    let mut fits = fitter.fit(&galaxies)?.into_iter();
    let found: Vec<std::result::Result<Fit, String>> = rows
        .into_iter()
        .map(|row| {
            row.and_then(|_| fits.next().unwrap_or_else(|| Err("was not fitted".to_owned())))
        })
        .collect();

    let status: Vec<Option<String>> = found.iter().map(|fit| fit.as_ref().err().cloned()).collect();
    let warnings = found.iter().map(|fit| fit.as_ref().ok().and_then(|fit| fit.warning.clone()));
    let warnings: Vec<Option<String>> = warnings.collect();
    let texts =
        status.iter().zip(&warnings).map(|(status, warning)| status.as_ref().or(warning.as_ref()));
    let texts: ArrayRef = Arc::new(StringArray::from_iter(texts));
    let added = columns(&found, fitter).into_iter().chain([texts]);
    Ok(Chunk {
        part: task.part,
        rows: plan.output.layout.batch(&task.input, added)?,
        arrays: Vec::new(),
        n_flagged: warnings.iter().flatten().count(),
        status,
    })
}

/// The columns of [`FitJob::fields`] but the status.
fn columns(found: &[std::result::Result<Fit, String>], fitter: &Fitter) -> Vec<ArrayRef> {
    let numbers = |of: &dyn Fn(&Fit) -> f64| -> ArrayRef {
        let value = |fit: &std::result::Result<Fit, String>| {
            fit.as_ref().ok().map(of).filter(|value| !value.is_nan())
        };
        Arc::new(Float64Array::from_iter(found.iter().map(value)))
    };
    let counts = |of: &dyn Fn(&Fit) -> usize| -> ArrayRef {
        let value =
            |fit: &std::result::Result<Fit, String>| fit.as_ref().ok().map(|fit| of(fit) as u32);
        Arc::new(UInt32Array::from_iter(found.iter().map(value)))
    };
    let mut columns = Vec::new();
    for j in 0..fitter.free().names().len() {
        columns.extend([numbers(&|fit| fit.values[j]), numbers(&|fit| fit.errors[j])]);
    }
    columns.extend([
        numbers(&|fit| fit.lg_mstar),
        numbers(&|fit| fit.lg_mstar_err),
        numbers(&|fit| fit.chi2),
    ]);
    if fitter.settings().draws > 0 {
        let posterior = |of: &dyn Fn(&Posterior) -> f64| {
            numbers(&|fit| fit.posterior.as_ref().map_or(f64::NAN, of))
        };
        for j in 0..fitter.free().names().len() {
            columns.extend([posterior(&|p| p.values[j]), posterior(&|p| p.errors[j])]);
        }
        columns.extend([posterior(&|p| p.lg_mstar), posterior(&|p| p.lg_mstar_err)]);
        columns.push(posterior(&|p| p.n_effective));
    }
    columns.extend([counts(&|fit| fit.n_bands), counts(&|fit| fit.n_iterations)]);
    let n_filter = fitter.model().filter_names().len();
    columns.extend((0..n_filter).map(|k| numbers(&|fit| fit.magnitudes[k])));
    columns
}
