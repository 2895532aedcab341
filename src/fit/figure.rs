//! Figures of fits: the spectrum with the photometry, and the residuals below.

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;

use super::columns::FitColumns;
use super::fitter::Fitter;
use super::galaxy::{Flux, Galaxy, flux_of_magnitude_ujy};
use crate::catalog::{CatalogReader, Cell, cells};
use crate::device::to_host;
use crate::numerics::integrate::trapezoid_weights;
use crate::plot::{Axis, Color, Figure, Marker, Panel, Series, Style};
use crate::{Error, Result};

/// How far spectra are drawn beyond the reddest and the bluest filter.
const MARGIN: f64 = 1.25;
/// How far below the faintest flux the axis goes.
const DIM: f64 = 3.0;

/// The rows `rows` (counted from 0) of a catalogue that a [`FitJob`](super::FitJob) wrote, as figures; `None`
/// for a row that was not fitted.
///
/// # Errors
/// [`Error::OutOfRange`] for a row beyond the end; those of reading catalogues; [`Error::UnknownName`] when
/// the catalogue lacks columns of the fit.
pub fn figures(fitter: &Fitter, catalog: &Path, rows: &[usize]) -> Result<Vec<Option<Figure>>> {
    let chosen = chosen(catalog, rows)?;
    let names: Vec<&str> =
        chosen.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
    let columns = FitColumns::find(fitter.model(), fitter.free(), &names)?;
    let galaxies = columns.read(&chosen, fitter.model())?;
    let mut values = Vec::new();
    for name in fitter.free().names() {
        values.push(cells(&chosen, name)?);
    }
    let figure = |(i, galaxy): (usize, std::result::Result<Galaxy, String>)| {
        let best = values.iter().map(|column| match &column[i] {
            Cell::Number(value) => Some(*value),
            Cell::Empty | Cell::Text(_) => None,
        });
        match (galaxy.ok(), best.collect::<Option<Vec<f64>>>()) {
            (Some(galaxy), Some(best)) => figure(fitter, &galaxy, &best, rows[i]).map(Some),
            _ => Ok(None),
        }
    };
    galaxies.into_iter().enumerate().map(figure).collect()
}

/// The chosen rows of a catalogue, in the order in which they are asked for.
fn chosen(catalog: &Path, rows: &[usize]) -> Result<RecordBatch> {
    let reader = CatalogReader::open(catalog, 4096)?;
    let n_rows = reader.n_rows();
    if let Some(row) = rows.iter().find(|row| **row >= n_rows) {
        return Err(Error::OutOfRange {
            what: "row of a figure".to_owned(),
            value: *row as f64,
            allowed: format!("[0, {})", n_rows),
        });
    }
    let mut found = vec![None; rows.len()];
    let mut first = 0;
    for batch in reader {
        let batch = batch?;
        for (found, row) in found.iter_mut().zip(rows) {
            if (first..first + batch.num_rows()).contains(row) {
                *found = Some(batch.slice(row - first, 1));
            }
        }
        first += batch.num_rows();
    }
    let found: Vec<RecordBatch> = found.into_iter().flatten().collect();
    let Some(one) = found.first() else {
        return Err(Error::invalid("figures", "no row is chosen"));
    };
    concat_batches(&one.schema(), &found).map_err(|error| Error::file(catalog, error.to_string()))
}

fn figure(fitter: &Fitter, galaxy: &Galaxy, best: &[f64], row: usize) -> Result<Figure> {
    let model = fitter.model();
    let place = model.place();
    let parameters = fitter.free().with_values(&galaxy.parameters, best);
    let t_obs = galaxy.t_obs_gyr.map(|t| place.vector(&[t]));
    let params = model.components().galaxies(&place.rows(&[&parameters]), t_obs)?;
    let z = to_host(params.observer.redshift.clone())?[0];
    let spectrum = to_host(model.spectrum(&params)?)?;
    let magnitudes = to_host(model.predict(&params)?.magnitudes)?;
    let model_ujy: Vec<f64> = magnitudes.iter().map(|m| flux_of_magnitude_ujy(*m)).collect();
    let wave_um: Vec<f64> = model.wave_aa().iter().map(|w| w * (1.0 + z) / 1e4).collect();
    let centres = centres_um(fitter);

    let ends = |values: &[f64]| {
        let positive = values.iter().copied().filter(|v| *v > 0.0 && v.is_finite());
        positive.fold((f64::INFINITY, 0.0f64), |(lo, hi), v| (lo.min(v), hi.max(v)))
    };
    let (blue, red) = ends(&centres);
    let x = || Axis::log("Observed wavelength [µm]").range(blue / MARGIN, red * MARGIN);
    let measured: Vec<(f64, Flux, f64)> = (0..centres.len())
        .filter_map(|k| Some((centres[k], galaxy.bands[k]?, model_ujy[k])))
        .collect();
    let fluxes: Vec<f64> = measured.iter().map(|(_, flux, _)| flux.value_ujy).collect();
    let (faint, bright) = ends(&[&fluxes[..], &model_ujy].concat());
    let shown: (Vec<f64>, Vec<f64>) = wave_um
        .iter()
        .zip(&spectrum)
        .filter(|(w, _)| (blue / MARGIN..=red * MARGIN).contains(*w))
        .map(|(w, f)| (*w, *f))
        .unzip();
    let names: Vec<String> = fitter
        .free()
        .names()
        .iter()
        .zip(best)
        .map(|(name, value)| format!("{name} = {value:.4}"))
        .collect();
    let light = Panel::new(x(), Axis::log("Flux density [µJy]").range(faint / DIM, bright * DIM))
        .title(format!("Row {row}, z = {z:.4}"))
        .with(Series::new("best fit", shown.0, shown.1).color(Color::SKY_BLUE))
        .with(
            Series::new("model in the filters", centres.clone(), model_ujy.clone())
                .style(Style::Markers(Marker::Square))
                .color(Color::BLUE),
        );
    let flux = |m: &(f64, Flux, f64)| (m.0, m.1.value_ujy, m.1.error_ujy);
    let light = with_errors(light, "measured", &measured, flux);
    let pull = |m: &(f64, Flux, f64)| (m.0, (m.1.value_ujy - m.2) / m.1.error_ujy, 1.0);
    let residuals = Panel::new(x(), Axis::linear("(measured − model) / error"))
        .with(Series::new("", [blue / MARGIN, red * MARGIN], [0.0, 0.0]).color(Color::BLUE));
    let residuals = with_errors(residuals, "", &measured, pull);
    Ok(Figure::new(vec![light, residuals], 1).size(1000, 1000).note(names.join(", ")))
}

/// A panel with points and error bars; `at` gives position, value and error.
fn with_errors<T>(
    panel: Panel,
    label: &str,
    points: &[T],
    at: impl Fn(&T) -> (f64, f64, f64),
) -> Panel {
    let (x, y): (Vec<f64>, Vec<f64>) = points.iter().map(|p| (at(p).0, at(p).1)).unzip();
    let markers =
        Series::new(label, x, y).style(Style::Markers(Marker::Circle)).color(Color::VERMILLION);
    // Bars to below zero end at the lower edge of a logarithmic axis.
    let bar = |panel: Panel, p: &T| {
        let (x, y, error) = at(p);
        let lower = match panel.y.range {
            Some((low, _)) => (y - error).max(low),
            None => y - error,
        };
        panel.with(Series::new("", [x, x], [lower, y + error]).color(Color::VERMILLION))
    };
    points.iter().fold(panel, bar).with(markers)
}

/// Effective wavelengths of the filters \[micrometre\].
fn centres_um(fitter: &Fitter) -> Vec<f64> {
    let centre = |(_, wave_aa, response): (&str, &[f64], &[f64])| {
        let products = trapezoid_weights(wave_aa).into_iter().zip(wave_aa).zip(response);
        let (mut sum, mut moment) = (0.0, 0.0);
        for ((c, w), r) in products {
            sum += c * r;
            moment += c * r * w;
        }
        moment / sum / 1e4
    };
    fitter.model().bands().samples().map(centre).collect()
}
