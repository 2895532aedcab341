//! From catalogue columns to galaxy parameters, row by row, with a reason for each row that cannot
//! be used.

use arrow::array::RecordBatch;

use crate::Result;
use crate::catalog::{Cell, cells};
use crate::device::to_host;
use crate::parameters::ParamInfo;
use crate::population::{Components, Frame, GalaxyModel};

/// Column with the cosmic time of observation.
pub const T_OBS_COLUMN: &str = "t_obs_gyr";

/// Which parameters a catalogue has.
#[derive(Clone, Debug)]
pub struct CatalogColumns {
    info: Vec<ParamInfo>,
    present: Vec<bool>,
    has_t_obs: bool,
}

impl CatalogColumns {
    /// Looks for the parameters of galaxies and [`T_OBS_COLUMN`] among the column names.
    pub fn find<'a>(components: &Components, names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<&str> = names.into_iter().collect();
        let info = components.info();
        Self {
            present: info.iter().map(|p| names.contains(&p.name)).collect(),
            has_t_obs: names.contains(&T_OBS_COLUMN),
            info,
        }
    }

    /// True when no column is a parameter, nor [`T_OBS_COLUMN`].
    pub(super) fn is_empty(&self) -> bool {
        !self.has_t_obs && !self.present.contains(&true)
    }

    /// Names that a catalogue may have.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.info.iter().map(|p| p.name).chain([T_OBS_COLUMN])
    }

    /// The parameter without a column that `name` differs from by case or punctuation only.
    pub(super) fn almost(&self, name: &str) -> Option<&'static str> {
        let present = self.present.iter().copied().chain([self.has_t_obs]);
        let mut missing = self.names().zip(present).filter(|(_, present)| !present);
        missing.find(|(known, _)| letters(known).eq(letters(name))).map(|(known, _)| known)
    }

    /// The same with other values, by index, for parameters that are not among the columns.
    pub(crate) fn with_defaults(mut self, values: impl Iterator<Item = (usize, f64)>) -> Self {
        values.for_each(|(j, value)| self.info[j].default = value);
        self
    }

    /// The parameters that take their default for every galaxy.
    pub fn defaulted(&self) -> Vec<&ParamInfo> {
        self.info.iter().zip(&self.present).filter(|(_, p)| !**p).map(|(info, _)| info).collect()
    }

    /// True for the name of a parameter or of [`T_OBS_COLUMN`].
    pub fn uses(&self, name: &str) -> bool {
        name == T_OBS_COLUMN || self.info.iter().any(|p| p.name == name)
    }

    /// True when the catalogue states times of observation.
    pub fn has_t_obs(&self) -> bool {
        self.has_t_obs
    }

    /// Reads and checks the rows of a batch.
    ///
    /// # Errors
    /// Those of [`cells`]; a bad row is not an error but a status.
    pub fn read(&self, batch: &RecordBatch, model: &GalaxyModel) -> Result<Rows> {
        let mut columns = Vec::with_capacity(self.info.len());
        for (info, present) in self.info.iter().zip(&self.present) {
            columns.push(if *present { Some(cells(batch, info.name)?) } else { None });
        }
        let t_obs = if self.has_t_obs { Some(cells(batch, T_OBS_COLUMN)?) } else { None };
        let mut rows = Rows::default();
        for row in 0..batch.num_rows() {
            let parsed = self.parse_row(&columns, t_obs.as_deref(), row, model);
            rows.status.push(parsed.as_ref().err().cloned());
            if let Ok((parameters, t_obs)) = parsed {
                rows.parameters.push(parameters);
                rows.t_obs_gyr.extend(t_obs);
            }
        }
        rows.check_age(model)?;
        Ok(rows)
    }

    fn parse_row(
        &self,
        columns: &[Option<Vec<Cell>>],
        t_obs: Option<&[Cell]>,
        row: usize,
        model: &GalaxyModel,
    ) -> std::result::Result<(Vec<f64>, Option<f64>), String> {
        let mut parameters = Vec::with_capacity(columns.len());
        for (info, column) in self.info.iter().zip(columns) {
            parameters.push(match column {
                Some(column) => number(info.name, &column[row])?,
                None => info.default,
            });
        }
        crate::parameters::check(&self.info, &parameters).map_err(|e| e.to_string())?;
        let z = parameters[parameters.len() - 1];
        if model.settings().frame == Frame::Observed && z == 0.0 {
            return Err("redshift = 0 has no distance modulus; use --frame rest".into());
        }
        let t_obs = t_obs.map(|column| number(T_OBS_COLUMN, &column[row])).transpose()?;
        if let Some(t) = t_obs {
            check_t_obs(&parameters, t, T_OBS_COLUMN, model)?;
        }
        Ok((parameters, t_obs))
    }
}

/// Letters and digits of a name, in lower case.
fn letters(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
}

fn number(name: &str, cell: &Cell) -> std::result::Result<f64, String> {
    match cell {
        Cell::Number(value) => Ok(*value),
        Cell::Empty => Err(format!("{name} is empty")),
        Cell::Text(text) => Err(format!("{name} = {text:?} is not a number")),
    }
}

fn check_t_obs(
    parameters: &[f64],
    t_gyr: f64,
    name: &str,
    model: &GalaxyModel,
) -> std::result::Result<(), String> {
    let (first, last) = model.t_obs_range_gyr();
    if t_gyr > first && t_gyr <= last {
        return model.components().check_at(parameters, t_gyr).map_err(|e| e.to_string());
    }
    Err(format!("{name} = {t_gyr} is outside ({first}, {last}] Gyr"))
}

/// The rows of a batch: parameters of the good ones, a reason for each bad one.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// One entry per row of the batch; `None` for a good row.
    pub status: Vec<Option<String>>,
    /// Parameters of the good rows, in the order of [`Components::info`].
    pub parameters: Vec<Vec<f64>>,
    /// Times of observation of the good rows, when the catalogue has them.
    pub t_obs_gyr: Vec<f64>,
}

impl Rows {
    /// Puts a value per good row back in its place among all rows.
    pub fn spread<'a, T: Copy>(&'a self, good: &'a [T]) -> impl Iterator<Item = Option<T>> + 'a {
        let mut good = good.iter();
        self.status.iter().map(move |s| if s.is_none() { good.next().copied() } else { None })
    }

    /// Where the time of observation follows from the redshift, it must be after the SFH starts.
    fn check_age(&mut self, model: &GalaxyModel) -> Result<()> {
        if !self.t_obs_gyr.is_empty() || self.parameters.is_empty() {
            return Ok(());
        }
        let matrix: Vec<&[f64]> = self.parameters.iter().map(Vec::as_slice).collect();
        let galaxies = model.components().galaxies(&model.place().rows(&matrix), None)?;
        let ages = to_host(model.t_obs_gyr(&galaxies))?;
        let mut age = ages.iter();
        let mut kept = Vec::new();
        let mut parameters = std::mem::take(&mut self.parameters).into_iter();
        for status in &mut self.status {
            if status.is_some() {
                continue;
            }
            let (Some(t), Some(row)) = (age.next(), parameters.next()) else { break };
            match check_t_obs(&row, *t, "age of the Universe at the redshift", model) {
                Ok(()) => kept.push(row),
                Err(reason) => *status = Some(reason),
            }
        }
        self.parameters = kept;
        Ok(())
    }
}
