//! One run over a catalogue: read, check, predict, write.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray};
use arrow::datatypes::{DataType, Field};
use burn::tensor::Tensor;

use super::rows::{CatalogColumns, Rows};
use crate::catalog::{CatalogReader, CatalogWriter, Format, OutputLayout};
use crate::device::to_host;
use crate::numerics::column;
use crate::population::{EquivalentWidths, Frame, GalaxyModel, GalaxyParams};
use crate::ssp::line_key;
use crate::store::RowWriter;
use crate::{Error, Result};

/// Rows per batch without a Jacobian; small enough that intermediate results stay in cache.
const BATCH_ROWS: usize = 256;
/// Rows per batch when the graph of the reverse pass is kept as well.
const BATCH_ROWS_JACOBIAN: usize = 128;

/// What to predict for a catalogue.
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
    /// Indices of the emission lines whose luminosities and fluxes are reported.
    pub lines: &'a [usize],
    /// Equivalent widths that are reported.
    pub widths: Option<&'a EquivalentWidths>,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Rows in the catalogue.
    pub n_rows: usize,
    /// Rows without a prediction.
    pub n_bad: usize,
    /// The first bad row, counted from 1, and its status.
    pub first_bad: Option<(usize, String)>,
    /// Parameters that took their default in every row, with the value.
    pub defaulted: Vec<(String, f64)>,
    /// True when the times of observation follow from the redshifts.
    pub t_obs_from_redshift: bool,
    /// Input columns that are no parameters and stand in the output as they were.
    pub carried: Vec<String>,
    /// Input columns whose names the output needed for its own.
    pub replaced: Vec<String>,
}

impl PredictJob<'_> {
    /// Predicts every row of the catalogue `input` (CSV or Parquet) and writes the catalogue
    /// `output`: the input's columns, then `mag_<filter>`, `lg_mstar_formed`,
    /// `lg_mstar_surviving`, lines and equivalent widths if asked for, and `status`. Files appear only
    /// when all rows are done. `progress` is called with the number of rows done and their total.
    ///
    /// # Errors
    /// Those of reading and writing catalogues; with `strict`, [`Error::File`] for the first bad
    /// row; [`Error::Invalid`] for a Jacobian without parameters.
    pub fn run(
        &self,
        input: &Path,
        output: &Path,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Summary> {
        if self.jacobian.is_some_and(|(_, wrt)| wrt.is_empty()) {
            return Err(Error::invalid("Jacobian", "no parameters are chosen"));
        }
        let batch_rows = if self.jacobian.is_some() { BATCH_ROWS_JACOBIAN } else { BATCH_ROWS };
        let reader = CatalogReader::open(input, batch_rows)?;
        let n_rows = reader.n_rows();
        let columns = CatalogColumns::find(self.model.components(), reader.column_names());
        let schema = reader.schema_for(Format::from_path(output)?);
        let fields = self.fields();
        let mut summary = Summary { n_rows, ..Summary::of_columns(&columns) };
        for name in reader.column_names().filter(|name| !columns.uses(name)) {
            let replaced = fields.iter().any(|field| field.name() == name);
            let list = if replaced { &mut summary.replaced } else { &mut summary.carried };
            list.push(name.to_owned());
        }
        let layout = OutputLayout::new(&schema, fields)?;
        let mut writer = CatalogWriter::create(output, layout.schema())?;
        let mut jacobian = self.jacobian_file(n_rows)?;
        let mut spectra = self.spectra_file(n_rows)?;
        let (mut redshift, mut t_obs) = (Vec::new(), Vec::new());
        let mut done = 0;
        for batch in reader {
            let batch = batch?;
            let rows = columns.read(&batch, self.model)?;
            summary.count(&rows, done);
            if let (true, Some((row, status))) = (self.strict, &summary.first_bad) {
                return Err(Error::file(input, format!("row {row}: {status}")));
            }
            writer.write(&layout.batch(&batch, self.predict(&rows)?)?)?;
            if let Some(file) = &mut jacobian {
                file.write(&self.jacobian_rows(&rows)?)?;
            }
            if let Some(file) = &mut spectra {
                let (spectrum, z, t) = self.spectrum_rows(&rows)?;
                file.write(&spectrum)?;
                redshift.extend(z);
                t_obs.extend(t);
            }
            done += batch.num_rows();
            progress(done, n_rows);
        }
        // All are complete before the first takes its place.
        let mut files = Vec::new();
        if let Some(file) = jacobian {
            files.push(file.complete(&[])?);
        }
        if let Some(file) = spectra {
            files.push(file.complete(&[self.model.wave_aa(), &redshift, &t_obs])?);
        }
        files.push(writer.complete()?);
        for file in files {
            file.persist()?;
        }
        Ok(summary)
    }

    fn fields(&self) -> Vec<Field> {
        let lines = self.model.line_names();
        let key = |i: &usize| line_key(&lines[*i]);
        let widths = self.widths.map_or(&[][..], EquivalentWidths::names);
        let mut fields: Vec<Field> = self
            .model
            .filter_names()
            .iter()
            .map(|name| format!("mag_{name}"))
            .chain(["lg_mstar_formed".to_owned(), "lg_mstar_surviving".to_owned()])
            .chain(self.lines.iter().map(|i| format!("lg_lum_{}", key(i))))
            .chain(self.lines.iter().map(|i| format!("lg_flux_{}", key(i))))
            .chain(widths.iter().map(|name| format!("ew_{}", line_key(name))))
            .map(|name| Field::new(name, DataType::Float64, true))
            .collect();
        fields.push(Field::new("status", DataType::Utf8, true));
        fields
    }

    /// Parameters `[n_good, n_param]` and times of observation of the good rows.
    fn tensors(&self, rows: &Rows) -> (Tensor<2>, Option<Tensor<1>>) {
        let place = self.model.place();
        let matrix: Vec<&[f64]> = rows.parameters.iter().map(Vec::as_slice).collect();
        let t_obs = (!rows.t_obs_gyr.is_empty()).then(|| place.vector(&rows.t_obs_gyr));
        (place.rows(&matrix), t_obs)
    }

    fn galaxies(&self, rows: &Rows) -> Result<GalaxyParams> {
        let (matrix, t_obs) = self.tensors(rows);
        self.model.components().galaxies(&matrix, t_obs)
    }

    fn predict(&self, rows: &Rows) -> Result<Vec<ArrayRef>> {
        let model = self.model;
        let n_width = self.widths.map_or(0, |widths| widths.names().len());
        let n_column = model.filter_names().len() + 2 + 2 * self.lines.len() + n_width;
        let mut columns: Vec<Vec<f64>> = vec![Vec::new(); n_column];
        if !rows.parameters.is_empty() {
            let galaxies = self.galaxies(rows)?;
            let stars = model.stars(&galaxies)?;
            let seen = model.observe(&stars, &galaxies);
            let mut parts = vec![
                seen.magnitudes,
                column(&seen.lg_mass_formed),
                column(&seen.lg_mass_surviving),
            ];
            if !self.lines.is_empty() {
                let light = model.line_light(&stars, &galaxies)?;
                for all in [light.lg_luminosity_erg_s, light.lg_flux_erg_s_cm2] {
                    parts.extend(self.lines.iter().map(|i| all.clone().narrow(1, *i, 1)));
                }
            }
            parts.extend(self.widths.map(|widths| widths.measure(model, &stars, &galaxies)));
            for row in to_host(Tensor::cat(parts, 1))?.chunks(n_column) {
                for (column, value) in columns.iter_mut().zip(row) {
                    column.push(*value);
                }
            }
        }
        let mut arrays: Vec<ArrayRef> = columns
            .iter()
            .map(|column| rows.spread(column).map(|value| value.filter(|v| !v.is_nan())))
            .map(|column| Arc::new(Float64Array::from_iter(column)) as ArrayRef)
            .collect();
        arrays.push(Arc::new(StringArray::from_iter(rows.status.iter())));
        Ok(arrays)
    }

    fn jacobian_file(&self, n_rows: usize) -> Result<Option<RowWriter>> {
        let Some((path, wrt)) = self.jacobian else { return Ok(None) };
        let filters = self.model.filter_names();
        let names = self.model.components().names();
        let params: Vec<&str> = wrt.iter().map(|j| names[*j]).collect();
        let metadata = BTreeMap::from([
            ("filters".to_owned(), filters.join(",")),
            ("params".to_owned(), params.join(",")),
            ("frame".to_owned(), self.model.settings().frame.to_string()),
            (
                "about".to_owned(),
                "jacobian[galaxy, filter, parameter] = d magnitude / d parameter; NaN where the \
                 catalogue's status is set"
                    .to_owned(),
            ),
        ]);
        let shape = [n_rows, filters.len(), params.len()];
        RowWriter::create(path, "jacobian", &shape, &[], &metadata).map(Some)
    }

    fn jacobian_rows(&self, rows: &Rows) -> Result<Vec<f64>> {
        let wrt = self.jacobian.map_or(&[][..], |(_, wrt)| wrt);
        let size = self.model.filter_names().len() * wrt.len();
        let mut good = Vec::new();
        if !rows.parameters.is_empty() {
            let (matrix, t_obs) = self.tensors(rows);
            good = to_host(self.model.jacobian(&matrix, t_obs.as_ref(), wrt)?.jacobian)?;
        }
        Ok(spread_blocks(rows, &good, size))
    }

    fn spectra_file(&self, n_rows: usize) -> Result<Option<RowWriter>> {
        let Some(path) = self.spectra else { return Ok(None) };
        let wave = self.model.wave_aa();
        let (name, about) = match self.model.settings().frame {
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
            ("frame".to_owned(), self.model.settings().frame.to_string()),
            ("about".to_owned(), format!("{about}; NaN where the catalogue's status is set")),
        ]);
        let shape = [n_rows, wave.len()];
        let others = [("wave_rest_aa", wave.len()), ("redshift", n_rows), ("t_obs_gyr", n_rows)];
        RowWriter::create(path, name, &shape, &others, &metadata).map(Some)
    }

    /// Spectra, redshifts and times of observation, NaN in bad rows.
    fn spectrum_rows(&self, rows: &Rows) -> Result<(Vec<f64>, Vec<f64>, Vec<f64>)> {
        let (mut spectra, mut z, mut t_obs) = (Vec::new(), Vec::new(), Vec::new());
        if !rows.parameters.is_empty() {
            let galaxies = self.galaxies(rows)?;
            spectra = to_host(self.model.spectrum(&galaxies)?)?;
            t_obs = to_host(self.model.t_obs_gyr(&galaxies))?;
            z = to_host(galaxies.observer.redshift)?;
        }
        let n_wave = self.model.wave_aa().len();
        let spread = |good: &[f64], size| spread_blocks(rows, good, size);
        Ok((spread(&spectra, n_wave), spread(&z, 1), spread(&t_obs, 1)))
    }
}

impl Summary {
    fn of_columns(columns: &CatalogColumns) -> Self {
        let defaulted = columns.defaulted();
        Self {
            defaulted: defaulted.iter().map(|p| (p.name.to_owned(), p.default)).collect(),
            t_obs_from_redshift: !columns.has_t_obs(),
            ..Self::default()
        }
    }

    fn count(&mut self, rows: &Rows, before: usize) {
        for (i, status) in rows.status.iter().enumerate() {
            if let Some(reason) = status {
                self.n_bad += 1;
                self.first_bad.get_or_insert_with(|| (before + i + 1, reason.clone()));
            }
        }
    }
}

/// Blocks of `size` values per good row, with NaN blocks in place of the bad rows.
fn spread_blocks(rows: &Rows, good: &[f64], size: usize) -> Vec<f64> {
    let blocks: Vec<&[f64]> = good.chunks(size).collect();
    let nan = vec![f64::NAN; size];
    rows.spread(&blocks).flat_map(|block| block.unwrap_or(&nan).to_vec()).collect()
}
