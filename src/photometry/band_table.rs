//! Band fluxes of every simple stellar population at one redshift, dealt to a few wavelengths per band
//! at which dust acts: photometry without spectra.

use std::sync::Arc;

use super::{BandNodes, Bandpasses};
use crate::Result;
use crate::ssp::SspGrid;

/// Makes [`BandTable`]s, on the host and in f64.
#[derive(Clone, Debug)]
pub struct BandTabulator {
    grid: Arc<SspGrid>,
    bands: Bandpasses,
    nodes: BandNodes,
    lines: bool,
}

/// Light of simple stellar populations through bands at one redshift.
#[derive(Clone, Debug, PartialEq)]
pub struct BandTable {
    /// AB maggies at 10 pc per solar mass formed, without dimming by distance,
    /// `[n_component, n_age, n_filter * n_dust]`. Components are pairs of ionization parameter and
    /// metallicity, ionization slowest. The sum over the wavelengths of a filter is its flux without dust.
    pub light: Vec<f64>,
    /// Rest-frame wavelengths at which dust acts on each column \[micrometre\], `[n_filter * n_dust]`.
    pub dust_um: Vec<f64>,
}

/// Part of the light of one wavelength or line that goes to one column.
struct Deal {
    source: usize,
    column: usize,
    weight: f64,
}

impl BandTabulator {
    /// Tables of the populations of `grid`, with its emission lines if `lines` is set and it has any,
    /// through `bands` prepared for its wavelengths, with `n_dust` wavelengths per band.
    ///
    /// # Errors
    /// Those of [`BandNodes::new`].
    pub fn new(grid: Arc<SspGrid>, bands: &Bandpasses, n_dust: usize, lines: bool) -> Result<Self> {
        let nodes = BandNodes::new(bands, n_dust)?;
        Ok(Self { grid, bands: bands.clone(), nodes, lines })
    }

    /// Number of pairs of ionization parameter and metallicity.
    pub fn n_component(&self) -> usize {
        self.n_ionization() * self.grid.shape().0
    }

    /// Number of columns, `n_filter * n_dust`.
    pub fn n_column(&self) -> usize {
        self.nodes.n_column()
    }

    /// Number of dust wavelengths per band.
    pub fn n_dust(&self) -> usize {
        self.nodes.n_dust()
    }

    /// The table at redshift `z`.
    ///
    /// An emission line is light of one wavelength: it is dealt to the wavelengths of dust as the
    /// continuum there is.
    pub fn table(&self, z: f64) -> BandTable {
        let (n_met, n_age, n_wave) = self.grid.shape();
        let n_column = self.n_column();
        let deals = self.deals(&self.bands.projection(z), &self.grid.wave_aa, z);
        let continuum = dealt(&self.grid.lnu_lsun_hz, n_wave, &deals, n_column);
        let size = self.n_ionization() * n_met * n_age * n_column;
        // What does not depend on ionization is the same for every value of it.
        let mut light: Vec<f64> = continuum.iter().cycle().take(size).copied().collect();
        if let Some(lines) = self.grid.lines.as_ref().filter(|_| self.lines) {
            let projection = self.bands.line_projection(&lines.wave_aa, z);
            let deals = self.deals(&projection, &lines.wave_aa, z);
            let lines = dealt(&lines.luminosity_lsun, lines.wave_aa.len(), &deals, n_column);
            light.iter_mut().zip(lines.iter().cycle()).for_each(|(sum, line)| *sum += line);
        }
        BandTable { light, dust_um: self.nodes.rest_um(z) }
    }

    fn n_ionization(&self) -> usize {
        let lines = self.grid.lines.as_ref().filter(|_| self.lines);
        let of_lines = lines.and_then(|lines| lines.lgu.as_ref());
        self.grid.lgu.as_ref().or(of_lines).map_or(1, Vec::len)
    }

    /// What of a projection `[n_source, n_filter]` from light at rest wavelengths `wave_aa` is not zero,
    /// dealt to the columns.
    fn deals(&self, projection: &[f64], wave_aa: &[f64], z: f64) -> Vec<Deal> {
        let n_filter = self.n_column() / self.n_dust();
        let rows = projection.chunks(n_filter).zip(wave_aa).enumerate();
        let all = rows.flat_map(|(source, (row, wave))| {
            row.iter().enumerate().flat_map(move |(filter, weight)| {
                let shares = self.nodes.shares(filter, wave * (1.0 + z));
                shares.map(|(column, share)| Deal { source, column, weight: weight * share })
            })
        });
        all.filter(|deal| deal.weight != 0.0).collect()
    }
}

/// Light `[n, n_source]` in its columns, `[n, n_column]`.
fn dealt(light: &[f64], n_source: usize, deals: &[Deal], n_column: usize) -> Vec<f64> {
    let mut columns = vec![0.0; light.len() / n_source * n_column];
    for (sum, light) in columns.chunks_mut(n_column).zip(light.chunks(n_source)) {
        for deal in deals {
            sum[deal.column] += deal.weight * light[deal.source];
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Precision;
    use crate::filter::FilterSet;
    use crate::nebular::{LineFit, fit_lines};
    use crate::sed::LineTensors;
    use crate::ssp::{SspTensors, embedded};
    use crate::testing::{assert_close, places, values};

    #[test]
    fn columns_add_up_to_the_fluxes_of_continuum_and_lines() {
        let place = &places(Precision::F64)[0];
        let lines = fit_lines(embedded(), LineFit::embedded(), &[-3.5, -2.5, -1.5]).unwrap();
        let lines = lines.select(&["[O II] 3726", "[O III] 5007", "Ba-alpha 6563"]).unwrap();
        let grid = embedded().clone().with_lines(lines).unwrap();
        let filters = FilterSet::embedded("lsst").unwrap();
        let bands = Bandpasses::new(&filters, &grid.wave_aa, place);
        let waves = &grid.lines.as_ref().unwrap().wave_aa;
        for (z, n_dust) in [(0.0, 1), (0.4, 2), (1.9, 5)] {
            let ssp = SspTensors::new(&grid, place).lnu_scaled;
            let continuum = values(bands.flux_at_common(ssp, z));
            let all = LineTensors::new(grid.lines.as_ref().unwrap(), grid.shape(), place).unwrap();
            let lines = values(bands.line_flux_at_common(all.luminosity_lsun, waves, z));
            for with_lines in [false, true] {
                let tabulator =
                    BandTabulator::new(Arc::new(grid.clone()), &bands, n_dust, with_lines).unwrap();
                let table = tabulator.table(z);
                assert_eq!(tabulator.n_component(), if with_lines { 18 } else { 6 });
                let got: Vec<f64> = table.light.chunks(n_dust).map(|q| q.iter().sum()).collect();
                let want = got.iter().enumerate().map(|(i, _)| {
                    let line = if with_lines { lines[i] } else { 0.0 };
                    continuum[i % continuum.len()] + line
                });
                assert_close(&got, &want.collect::<Vec<f64>>(), 1e-12, 1e-30);
                assert!(table.light.iter().all(|l| *l >= 0.0));
                assert_eq!(table.dust_um.len(), 6 * n_dust);
            }
        }
    }
}
