//! From the columns of a catalogue to galaxies, row by row, with a reason for each row that cannot be
//! fitted.

use arrow::array::RecordBatch;

use super::free::FreeParameters;
use super::galaxy::{Flux, Galaxy};
use crate::catalog::{Cell, cells};
use crate::population::GalaxyModel;
use crate::predict::CatalogColumns;
use crate::{Error, Result};

/// The photometry of a filter in a catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
struct BandColumns {
    value: String,
    error: String,
    /// Whether they hold AB magnitudes instead of flux densities in microjansky.
    magnitudes: bool,
}

/// Where a catalogue has what a fit needs.
#[derive(Clone, Debug)]
pub struct FitColumns {
    parameters: CatalogColumns,
    filters: Vec<String>,
    /// One per filter; `None` where the catalogue has nothing.
    bands: Vec<Option<BandColumns>>,
}

impl FitColumns {
    /// Looks for photometry in the model's filters and for the parameters that are not free among the
    /// column names.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no redshift and no photometry, a filter has magnitudes and fluxes,
    /// or values without a column of errors.
    pub fn find(model: &GalaxyModel, free: &FreeParameters, names: &[&str]) -> Result<Self> {
        let has = |name: &String| names.contains(&name.as_str());
        let filters: Vec<String> = model.filter_names().into_iter().map(str::to_owned).collect();
        let mut bands = Vec::with_capacity(filters.len());
        for filter in &filters {
            let kinds = [("mag", "magerr", true), ("fnu_ujy", "fnu_ujy_err", false)];
            let known = kinds.map(|(value, error, magnitudes)| BandColumns {
                value: format!("{value}_{filter}"),
                error: format!("{error}_{filter}"),
                magnitudes,
            });
            let mut known = known.into_iter().filter(|band| has(&band.value));
            let band = known.next();
            if let (Some(one), Some(other)) = (&band, known.next()) {
                let reason =
                    format!("are both there, {} as well; one of them is too many", other.value);
                return Err(Error::invalid(format!("columns {}", one.value), reason));
            }
            if let Some(band) = band.as_ref().filter(|band| !has(&band.error)) {
                let reason = format!("has no column of errors, {}", band.error);
                return Err(Error::invalid(format!("column {}", band.value), reason));
            }
            bands.push(band);
        }
        if bands.iter().all(Option::is_none) {
            let reason = format!(
                "none in a filter of the model: expected mag_<filter> and magerr_<filter>, or \
                 fnu_ujy_<filter> and fnu_ujy_err_<filter>, for some of {}",
                filters.join(", ")
            );
            return Err(Error::invalid("photometry", reason));
        }
        if !names.contains(&"redshift") {
            return Err(Error::invalid("catalogue", "has no column redshift"));
        }
        let free_names = free.names();
        let fixed = names.iter().copied().filter(|name| !free_names.contains(name));
        let parameters =
            CatalogColumns::find(model.components(), fixed).with_defaults(free.placeholders());
        Ok(Self { parameters, filters, bands })
    }

    /// Filters of the model about which the catalogue says nothing.
    pub fn unobserved(&self) -> Vec<&str> {
        let filters = self.filters.iter().zip(&self.bands);
        filters.filter(|(_, band)| band.is_none()).map(|(name, _)| name.as_str()).collect()
    }

    /// The parameters that are neither free nor in the catalogue, with their values.
    pub fn defaulted(&self, free: &FreeParameters) -> Vec<(String, f64)> {
        let names = free.names();
        let defaulted = self.parameters.defaulted().into_iter();
        let fixed = defaulted.filter(|info| !names.contains(&info.name));
        fixed.map(|info| (info.name.to_owned(), info.default)).collect()
    }

    /// Whether a column is read.
    pub fn uses(&self, name: &str) -> bool {
        let is_photometry = |band: &BandColumns| band.value == name || band.error == name;
        self.parameters.uses(name) || self.bands.iter().flatten().any(is_photometry)
    }

    /// The galaxies of a batch, or why a row has none.
    ///
    /// # Errors
    /// Those of [`cells`]; a bad row is not an error.
    pub fn read(
        &self,
        batch: &RecordBatch,
        model: &GalaxyModel,
    ) -> Result<Vec<std::result::Result<Galaxy, String>>> {
        let rows = self.parameters.read(batch, model)?;
        let mut bands = Vec::with_capacity(self.bands.len());
        for band in &self.bands {
            bands.push(match band {
                Some(band) => Some((band, cells(batch, &band.value)?, cells(batch, &band.error)?)),
                None => None,
            });
        }
        let mut parameters = rows.parameters.into_iter();
        let mut ages = rows.t_obs_gyr.into_iter();
        let row = |(i, status): (usize, Option<String>)| {
            if let Some(reason) = status {
                return Err(reason);
            }
            let parameters = parameters.next().ok_or("has no parameters")?;
            let t_obs_gyr = ages.next();
            let flux = |band: &Option<(&BandColumns, Vec<Cell>, Vec<Cell>)>| match band {
                Some((band, values, errors)) => measurement(band, &values[i], &errors[i]),
                None => Ok(None),
            };
            let bands = bands.iter().map(flux).collect::<std::result::Result<Vec<_>, String>>()?;
            Ok(Galaxy { parameters, t_obs_gyr, bands })
        };
        Ok(rows.status.into_iter().enumerate().map(row).collect())
    }
}

/// Magnitudes that are taken for measurements, and not for marks of missing ones such as 99.
const MAGNITUDES: std::ops::RangeInclusive<f64> = -30.0..=50.0;
/// The largest error of a magnitude that can be told in fluxes to first order.
const MAGNITUDE_ERROR_MAX: f64 = 2.0;

/// A measurement, or none where the value or its error is empty or NaN.
fn measurement(
    band: &BandColumns,
    value: &Cell,
    error: &Cell,
) -> std::result::Result<Option<Flux>, String> {
    let number = |name: &str, cell: &Cell| match cell {
        Cell::Number(x) if x.is_nan() => Ok(None),
        Cell::Number(x) if x.is_finite() => Ok(Some(*x)),
        Cell::Number(x) => Err(format!("{name} = {x} is not finite")),
        Cell::Empty => Ok(None),
        Cell::Text(text) => Err(format!("{name} = {text:?} is not a number")),
    };
    let (Some(value), Some(error)) = (number(&band.value, value)?, number(&band.error, error)?)
    else {
        return Ok(None);
    };
    if error <= 0.0 {
        return Err(format!("{} = {error} is not positive", band.error));
    }
    if band.magnitudes && !(MAGNITUDES.contains(&value) && error <= MAGNITUDE_ERROR_MAX) {
        return Err(format!(
            "{} = {value} ± {error} is no measurement (magnitudes from {} to {}, errors up to {}): \
             leave it empty, or give fluxes",
            band.value,
            MAGNITUDES.start(),
            MAGNITUDES.end(),
            MAGNITUDE_ERROR_MAX
        ));
    }
    let flux = match band.magnitudes {
        true => Flux::from_magnitude(value, error),
        false => Flux { value_ujy: value, error_ujy: error },
    };
    // Far beyond all galaxies, fluxes are more or less than numbers can be.
    let is_number = |x: f64| x.is_finite() && (x == 0.0 || x.is_normal());
    if !is_number(flux.value_ujy) || !flux.error_ujy.is_normal() {
        let BandColumns { value: name, error: error_name, .. } = band;
        return Err(format!("{name} = {value} with {error_name} = {error} is no flux density"));
    }
    Ok(Some(flux))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn band(magnitudes: bool) -> BandColumns {
        BandColumns { value: "v".into(), error: "e".into(), magnitudes }
    }

    #[test]
    fn measurements_are_told_from_gaps_and_mistakes() {
        let read = |value, error| measurement(&band(false), &value, &error);
        let number = Cell::Number;
        let flux = Flux { value_ujy: -0.5, error_ujy: 1.0 };
        assert_eq!(read(number(-0.5), number(1.0)), Ok(Some(flux)));
        for gap in [Cell::Empty, number(f64::NAN)] {
            assert_eq!(read(gap.clone(), number(1.0)), Ok(None));
            assert_eq!(read(number(1.0), gap), Ok(None));
        }
        assert_eq!(read(number(1.0), number(0.0)).unwrap_err(), "e = 0 is not positive");
        assert_eq!(read(number(1.0), number(-2.0)).unwrap_err(), "e = -2 is not positive");
        assert!(read(number(f64::INFINITY), number(1.0)).unwrap_err().contains("v = inf"));
        assert!(read(Cell::Text("x".into()), number(1.0)).unwrap_err().contains("v = \"x\""));
        let bright = measurement(&band(true), &number(20.0), &number(0.1)).unwrap().unwrap();
        assert!((bright.value_ujy - 36.31).abs() < 1e-9);
        for (value, error) in [(99.0, 99.0), (99.0, 0.1), (-99.0, 0.1), (25.0, 99.0)] {
            let reason = measurement(&band(true), &number(value), &number(error)).unwrap_err();
            assert!(reason.contains("is no measurement"), "{reason}");
        }
        // Where it counts as a number, but a flux of it would not.
        for error in [1e-320, 1e-310] {
            let reason = measurement(&band(true), &number(20.0), &number(error)).unwrap_err();
            assert!(reason.ends_with("is no flux density"), "{reason}");
        }
    }
}
