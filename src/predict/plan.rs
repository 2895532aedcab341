//! What a job reads and writes: columns, arrays, and the files they go to. Made once and shared by all
//! workers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;

use arrow::datatypes::{DataType, Field};

use super::job::PredictJob;
use super::rows::CatalogColumns;
use crate::catalog::{CatalogReader, Format, OutputLayout};
use crate::population::{EquivalentWidths, Frame, GalaxyModel};
use crate::ssp::line_key;
use crate::{Error, Result};

/// Column with the reason why a galaxy is outside the box in which the emulator of P(age) was trained.
const OUTSIDE_COLUMN: &str = "outside_prior";

/// What a job writes.
pub(crate) struct OutputPlan {
    /// Columns of the output.
    pub layout: OutputLayout,
    /// Files beside the catalogue.
    pub side_files: Vec<SideFile>,
}

/// What a job reads and writes.
pub(super) struct Plan {
    /// Parameters in the input.
    pub columns: CatalogColumns,
    /// What is written.
    pub output: OutputPlan,
    /// Number of columns that the output adds to the input and that hold numbers.
    pub n_numbers: usize,
    /// Whether band fluxes are reported.
    pub fluxes: bool,
    /// Whether star formation rates are reported.
    pub sfr: bool,
    /// Indices of the emission lines that are reported.
    pub lines: Vec<usize>,
    /// Indices of the parameters of the Jacobian.
    pub wrt: Option<Vec<usize>>,
    /// Whether there are spectra.
    pub spectra: bool,
    /// Input columns that are no parameters and stand in the output as they were.
    pub carried: Vec<String>,
    /// Input columns whose names the output needs for its own.
    pub replaced: Vec<String>,
    /// Rows computed so far whose metallicity is beyond those of the SSP grid.
    pub n_beyond_grid: AtomicUsize,
}

/// A safetensors file beside the catalogue.
pub(crate) struct SideFile {
    pub path: PathBuf,
    /// Its arrays in the order of the file.
    pub arrays: Vec<SideArray>,
    pub metadata: BTreeMap<String, String>,
}

/// An array of a [`SideFile`].
pub(crate) struct SideArray {
    pub name: &'static str,
    pub shape: Vec<usize>,
    /// The values where they are known from the start; others come row by row.
    pub values: Option<Vec<f64>>,
}

impl Plan {
    /// # Errors
    /// [`Error::File`] when no column of the input is a parameter; those of [`Format::from_path`] and
    /// [`OutputLayout::new`].
    pub(super) fn new(
        job: &PredictJob<'_>,
        input: &Path,
        reader: &CatalogReader,
        output: &Path,
    ) -> Result<Self> {
        let columns = CatalogColumns::find(job.model.components(), reader.column_names());
        if columns.is_empty() {
            return Err(Error::file(input, without_parameters(&columns, reader)));
        }
        let fields = fields(job);
        let foreign = reader.column_names().filter(|name| !columns.uses(name)).map(str::to_owned);
        let (replaced, carried) =
            foreign.partition(|name| fields.iter().any(|field| field.name() == name));
        let n_rows = reader.n_rows();
        let jacobian = job.jacobian.map(|(path, wrt)| jacobian_file(job, path, wrt, n_rows));
        let spectra = job.spectra.map(|path| spectra_file(job, path, n_rows));
        Ok(Self {
            columns,
            n_numbers: fields.iter().filter(|f| *f.data_type() == DataType::Float64).count(),
            output: OutputPlan {
                layout: OutputLayout::new(&reader.schema_for(Format::from_path(output)?), fields)?,
                side_files: jacobian.into_iter().chain(spectra).collect(),
            },
            fluxes: job.fluxes,
            sfr: job.sfr,
            lines: job.lines.to_vec(),
            wrt: job.jacobian.map(|(_, wrt)| wrt.to_vec()),
            spectra: job.spectra.is_some(),
            carried,
            replaced,
            n_beyond_grid: AtomicUsize::new(0),
        })
    }

    /// Columns that are carried through and almost have the name of a parameter, with that name.
    pub(super) fn misnamed(&self) -> Vec<(String, &'static str)> {
        let almost = |name: &String| Some((name.clone(), self.columns.almost(name)?));
        self.carried.iter().filter_map(almost).collect()
    }

    /// What tells outputs apart: columns and arrays, whatever the names of the files.
    pub(super) fn asked_for(&self, model: &GalaxyModel) -> String {
        let names = model.components().names();
        let wrt: Option<Vec<&str>> =
            self.wrt.as_ref().map(|wrt| wrt.iter().map(|j| names[*j]).collect());
        format!("{:?} {:?} {wrt:?}", self.output.layout.schema().fields(), self.output.row_arrays())
    }
}

impl OutputPlan {
    /// Names of the arrays that come row by row, in the order of [`Chunk::arrays`](super::part::Chunk).
    pub(super) fn row_arrays(&self) -> Vec<&'static str> {
        let arrays = self.side_files.iter().flat_map(|file| &file.arrays);
        arrays.filter(|array| array.values.is_none()).map(|array| array.name).collect()
    }
}

/// What is wrong with a catalogue that has no parameter.
fn without_parameters(columns: &CatalogColumns, reader: &CatalogReader) -> String {
    let names: Vec<&str> = reader.column_names().collect();
    let mut reason = format!(
        "none of its columns is a parameter of the model: {} (see `starburn parameters`)",
        columns.names().collect::<Vec<_>>().join(", ")
    );
    let almost = names.iter().find_map(|name| Some((name, columns.almost(name)?)));
    if let Some((name, known)) = almost {
        reason += &format!("; {name:?} should be {known:?}");
    } else if names.iter().any(|name| name.contains([';', '\t'])) {
        reason += "; its columns are not separated by commas";
    }
    reason
}

/// The columns that the output adds to the input.
fn fields(job: &PredictJob<'_>) -> Vec<Field> {
    let lines = job.model.line_names();
    let key = |i: &usize| line_key(&lines[*i]);
    let widths = job.widths.map_or(&[][..], EquivalentWidths::names);
    let filters = job.model.filter_names();
    let flux = match job.model.settings().frame {
        Frame::Rest => "lnu_lsun_hz",
        Frame::Observed => "fnu_ujy",
    };
    let with_fluxes = if job.fluxes { &filters[..] } else { &[] };
    let mut fields: Vec<Field> = filters
        .iter()
        .map(|name| format!("mag_{name}"))
        .chain(["lg_mstar_formed".to_owned(), "lg_mstar_surviving".to_owned()])
        .chain(with_fluxes.iter().map(|name| format!("{flux}_{name}")))
        .chain(job.sfr.then(|| "lg_sfr".to_owned()))
        .chain(job.lines.iter().map(|i| format!("lg_lum_{}", key(i))))
        .chain(job.lines.iter().map(|i| format!("lg_flux_{}", key(i))))
        .chain(widths.iter().map(|name| format!("ew_{}", line_key(name))))
        .map(|name| Field::new(name, DataType::Float64, true))
        .collect();
    if job.model.emulator().is_some() {
        fields.push(Field::new(OUTSIDE_COLUMN, DataType::Utf8, true));
    }
    fields.push(Field::new("status", DataType::Utf8, true));
    fields
}

fn jacobian_file(job: &PredictJob<'_>, path: &Path, wrt: &[usize], n_rows: usize) -> SideFile {
    let filters = job.model.filter_names();
    let names = job.model.components().names();
    let params: Vec<&str> = wrt.iter().map(|j| names[*j]).collect();
    let metadata = BTreeMap::from([
        ("filters".to_owned(), filters.join(",")),
        ("params".to_owned(), params.join(",")),
        ("frame".to_owned(), job.model.settings().frame.to_string()),
        (
            "about".to_owned(),
            "jacobian[galaxy, filter, parameter] = d magnitude / d parameter; NaN where the \
             catalogue's status is set"
                .to_owned(),
        ),
    ]);
    let shape = vec![n_rows, filters.len(), params.len()];
    let arrays = vec![SideArray { name: "jacobian", shape, values: None }];
    SideFile { path: path.to_owned(), arrays, metadata }
}

fn spectra_file(job: &PredictJob<'_>, path: &Path, n_rows: usize) -> SideFile {
    let wave = job.model.wave_aa();
    let (name, about) = match job.model.settings().frame {
        Frame::Rest => (
            "lnu_lsun_hz",
            "rest-frame luminosity density [Lsun/Hz] at wave_rest_aa [Angstrom, vacuum]",
        ),
        Frame::Observed => (
            "fnu_ujy",
            "observed flux density [microjansky] at wave_rest_aa * (1 + redshift) [Angstrom, vacuum]",
        ),
    };
    let metadata = BTreeMap::from([
        ("frame".to_owned(), job.model.settings().frame.to_string()),
        ("about".to_owned(), format!("{about}; NaN where the catalogue's status is set")),
    ]);
    let by_row = |name, shape| SideArray { name, shape, values: None };
    let arrays = vec![
        by_row(name, vec![n_rows, wave.len()]),
        SideArray { name: "wave_rest_aa", shape: vec![wave.len()], values: Some(wave.to_vec()) },
        by_row("redshift", vec![n_rows]),
        by_row("t_obs_gyr", vec![n_rows]),
    ];
    SideFile { path: path.to_owned(), arrays, metadata }
}
