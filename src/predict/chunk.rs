//! Predictions for the rows that are computed at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{ArrayRef, Float64Array, StringArray};
use burn::tensor::Tensor;

use super::part::Chunk;
use super::plan::Plan;
use super::rows::Rows;
use super::run::Task;
use crate::Result;
use crate::device::{Place, to_host};
use crate::numerics::{column, log10};
use crate::photometry::{flux_density_ujy, luminosity_density_lsun_hz};
use crate::population::{EquivalentWidths, Frame, GalaxyModel, GalaxyParams};
use crate::sfh::SFR_MIN;

/// A worker's own copy of everything that holds tensors, which move between threads but are not
/// shared.
pub(super) struct Predictor {
    pub model: GalaxyModel,
    pub widths: Option<EquivalentWidths>,
}

impl Predictor {
    pub(super) fn chunk(&self, plan: &Plan, task: Task) -> Result<Chunk> {
        let rows = plan.columns.read(&task.input, &self.model)?;
        plan.n_beyond_grid.fetch_add(self.beyond_grid(&rows), Ordering::Relaxed);
        let (mut added, status) = self.columns(plan, &rows)?;
        let mut n_outside = 0;
        if self.model.emulator().is_some() {
            let outside = self.outside_prior(&rows)?;
            n_outside = outside.iter().flatten().count();
            let outside: ArrayRef = Arc::new(StringArray::from(outside));
            added.insert(added.len() - 1, outside);
        }
        let mut arrays = Vec::new();
        if let Some(wrt) = &plan.wrt {
            arrays.push(self.jacobian(&rows, wrt)?);
        }
        if plan.spectra {
            arrays.extend(self.spectra(&rows)?);
        }
        arrays.iter_mut().for_each(|array| empty_blocks(array, &status));
        let output = plan.output.layout.batch(&task.input, added)?;
        Ok(Chunk { part: task.part, rows: output, arrays, status, n_flagged: n_outside })
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

    /// The columns that the output adds to the input, and the reason for each row without a prediction.
    fn columns(&self, plan: &Plan, rows: &Rows) -> Result<(Vec<ArrayRef>, Vec<Option<String>>)> {
        let model = &self.model;
        let n_column = plan.n_numbers;
        let mut columns: Vec<Vec<f64>> = vec![Vec::new(); n_column];
        if !rows.parameters.is_empty() {
            let galaxies = self.galaxies(rows)?;
            let stars = model.stars(&galaxies)?;
            let seen = model.observe(&stars, &galaxies)?;
            let mut parts = vec![
                seen.magnitudes.clone(),
                column(&seen.lg_mass_formed),
                column(&seen.lg_mass_surviving),
            ];
            if plan.fluxes {
                parts.push(match model.settings().frame {
                    Frame::Rest => luminosity_density_lsun_hz(seen.magnitudes),
                    Frame::Observed => flux_density_ujy(seen.magnitudes),
                });
            }
            if plan.sfr {
                let sfr = model.sfr_msun_yr(&galaxies)?.clamp_min(SFR_MIN);
                parts.push(column(&log10(sfr)));
            }
            if !plan.lines.is_empty() {
                let light = model.line_light(&stars, &galaxies)?;
                for all in [light.lg_luminosity_erg_s, light.lg_flux_erg_s_cm2] {
                    parts.extend(plan.lines.iter().map(|i| all.clone().narrow(1, *i, 1)));
                }
            }
            parts.extend(self.widths.as_ref().map(|w| w.measure(model, &stars, &galaxies)));
            for row in to_host(Tensor::cat(parts, 1))?.chunks(n_column) {
                for (column, value) in columns.iter_mut().zip(row) {
                    column.push(*value);
                }
            }
        }
        let n_checked = model.filter_names().len() + 2;
        let status = statuses(rows, &mut columns, n_checked, model.place());
        let mut arrays: Vec<ArrayRef> = columns
            .iter()
            .map(|column| rows.spread(column).map(|value| value.filter(|v| !v.is_nan())))
            .map(|column| Arc::new(Float64Array::from_iter(column)) as ArrayRef)
            .collect();
        arrays.push(Arc::new(StringArray::from_iter(status.iter())));
        Ok((arrays, status))
    }

    /// Number of good rows with a metallicity that the SSP grid does not have.
    fn beyond_grid(&self, rows: &Rows) -> usize {
        let names = self.model.components().names();
        let of_stars = |name: &str| ["lgmet", "lgmet_young", "lgmet_old"].contains(&name);
        let columns: Vec<usize> = (0..names.len()).filter(|j| of_stars(names[*j])).collect();
        let lgmet = self.model.grid().metallicities.lgmet();
        let (lowest, highest) = (lgmet[0], lgmet[lgmet.len() - 1]);
        let beyond =
            |row: &&Vec<f64>| columns.iter().any(|j| row[*j] < lowest || row[*j] > highest);
        rows.parameters.iter().filter(beyond).count()
    }

    /// Why each row, bad ones apart, is outside the prior of the emulator.
    fn outside_prior(&self, rows: &Rows) -> Result<Vec<Option<String>>> {
        if rows.parameters.is_empty() {
            return Ok(vec![None; rows.status.len()]);
        }
        let t_obs = to_host(self.model.t_obs_gyr(&self.galaxies(rows)?))?;
        let good = self.model.outside_prior(&rows.parameters, &t_obs);
        let good: Vec<Option<&String>> = good.iter().map(Option::as_ref).collect();
        Ok(rows.spread(&good).map(|reason| reason.flatten().cloned()).collect())
    }

    fn jacobian(&self, rows: &Rows, wrt: &[usize]) -> Result<Vec<f64>> {
        let size = self.model.filter_names().len() * wrt.len();
        let mut good = Vec::new();
        if !rows.parameters.is_empty() {
            let (matrix, t_obs) = self.tensors(rows);
            good = to_host(self.model.jacobian(&matrix, t_obs.as_ref(), wrt)?.jacobian)?;
        }
        Ok(spread_blocks(rows, &good, size))
    }

    /// Spectra, redshifts and times of observation, NaN in bad rows.
    fn spectra(&self, rows: &Rows) -> Result<[Vec<f64>; 3]> {
        let (mut spectra, mut z, mut t_obs) = (Vec::new(), Vec::new(), Vec::new());
        if !rows.parameters.is_empty() {
            let galaxies = self.galaxies(rows)?;
            spectra = to_host(self.model.spectrum(&galaxies)?)?;
            t_obs = to_host(self.model.t_obs_gyr(&galaxies))?;
            z = to_host(galaxies.observer.redshift)?;
        }
        let n_wave = self.model.wave_aa().len();
        Ok([(spectra, n_wave), (z, 1), (t_obs, 1)]
            .map(|(good, size)| spread_blocks(rows, &good, size)))
    }
}

/// The reasons for rows without a prediction, those among them whose magnitudes and masses, the first
/// `n_checked` columns of the good rows, came out as no numbers; all their columns are emptied. A band
/// that sees nothing has magnitude plus infinity, and that is a prediction.
fn statuses(
    rows: &Rows,
    columns: &mut [Vec<f64>],
    n_checked: usize,
    place: &Place,
) -> Vec<Option<String>> {
    let mut good = 0..;
    let status = rows.status.iter().map(|status| {
        let i = if status.is_none() { good.next() } else { None };
        let lost = |i: &usize| {
            columns[..n_checked].iter().any(|c| c[*i].is_nan() || c[*i] == f64::NEG_INFINITY)
        };
        let Some(i) = i.filter(lost) else { return status.clone() };
        columns.iter_mut().for_each(|column| column[i] = f64::NAN);
        let precision = place.precision();
        Some(format!("the prediction is not a number: too extreme for {precision}"))
    });
    status.collect()
}

/// Blocks of `size` values per good row, with NaN blocks in place of the bad rows.
fn spread_blocks(rows: &Rows, good: &[f64], size: usize) -> Vec<f64> {
    let blocks: Vec<&[f64]> = good.chunks(size).collect();
    let nan = vec![f64::NAN; size];
    let mut all = Vec::with_capacity(rows.status.len() * size);
    rows.spread(&blocks).for_each(|block| all.extend_from_slice(block.unwrap_or(&nan)));
    all
}

/// Empties the blocks of all rows without a prediction, also of those whose prediction is no number.
fn empty_blocks(array: &mut [f64], status: &[Option<String>]) {
    let size = (array.len() / status.len().max(1)).max(1);
    let blocks = array.chunks_mut(size).zip(status).filter(|(_, status)| status.is_some());
    blocks.for_each(|(block, _)| block.fill(f64::NAN));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{DEFAULT_DEVICE, Precision};

    #[test]
    fn predictions_that_are_no_numbers_have_a_status() {
        let status = vec![None, Some("bad".to_owned()), None, None];
        let rows = Rows { status, ..Rows::default() };
        let infinite = f64::INFINITY;
        let mut columns = vec![vec![20.0, infinite, -infinite], vec![1.0, 2.0, 3.0]];
        let place = Place::open(DEFAULT_DEVICE, Precision::F64).unwrap();
        let status = statuses(&rows, &mut columns, 1, &place);
        assert!(status[0].is_none() && status[2].is_none());
        assert_eq!(status[1].as_deref(), Some("bad"));
        assert!(status[3].as_deref().unwrap().contains("not a number"));
        assert_eq!(columns[0][..2], [20.0, infinite]);
        assert!(columns[0][2].is_nan() && columns[1][2].is_nan() && columns[1][1] == 2.0);
    }

    #[test]
    fn blocks_keep_their_rows() {
        let status = vec![None, Some("bad".to_owned()), None];
        let rows = Rows { status, ..Rows::default() };
        let all = spread_blocks(&rows, &[1.0, 2.0, 3.0, 4.0], 2);
        assert_eq!((&all[..2], &all[4..]), (&[1.0, 2.0][..], &[3.0, 4.0][..]));
        assert!(all[2].is_nan() && all[3].is_nan() && all.len() == 6);
    }
}
