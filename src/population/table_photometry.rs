//! Magnitudes of galaxies without spectra, whatever they are made of: the age axis is kept until the
//! dust of each age has acted, but only at a few wavelengths per band.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::Tensor;

use super::band_weights::BandWeights;
use super::redshift_slices::RedshiftSlices;
use crate::Result;
use crate::device::Place;
use crate::dust::{DustLaw, DustParams, DustWaves};
use crate::photometry::{BandTable, BandTabulator, TableSettings};
use crate::sed::SspWeights;
use crate::sfh::AgeGrid;

/// Numbers per chunk of galaxies when light is kept by age and wavelength.
const CHUNK_SIZE: usize = 1 << 18;

/// Photometry from tables, which are made when the first galaxy needs them and kept.
///
/// Copies share their tables.
#[derive(Clone, Debug)]
pub(super) struct TablePhotometry {
    tabulator: Arc<BandTabulator>,
    settings: TableSettings,
    law: DustLaw,
    place: Place,
    /// Runs of ages that see the same dust.
    groups: Vec<Range<usize>>,
    /// Age of the youngest stars of each group that sees the same dust, log10 yr.
    lg_age_yr: Vec<f64>,
    /// By the numbers of [`TableSettings::table_below`].
    tables: Arc<Mutex<BTreeMap<i64, Table>>>,
    /// The only filter that is wanted.
    only: Option<usize>,
}

/// A table on the device.
#[derive(Clone, Debug)]
struct Table {
    /// `[n_component, n_age, n_column]`.
    light: Tensor<3>,
    /// Wavelengths of the columns.
    waves: DustWaves,
}

impl TablePhotometry {
    /// Photometry of stars whose ages see the same dust in the given groups.
    ///
    /// # Errors
    /// Those of [`TableSettings::check`].
    pub(super) fn new(
        tabulator: BandTabulator,
        settings: TableSettings,
        law: DustLaw,
        age_groups: &[Range<usize>],
        ages: &AgeGrid,
        place: &Place,
    ) -> Result<Self> {
        settings.check()?;
        let lg_age = ages.lg_age_yr();
        Ok(Self {
            tabulator: Arc::new(tabulator),
            settings,
            law,
            place: place.clone(),
            groups: age_groups.to_vec(),
            lg_age_yr: age_groups.iter().map(|group| lg_age[group.start]).collect(),
            tables: Arc::default(),
            only: None,
        })
    }

    /// The `k`-th filter alone, with the same tables.
    pub(super) fn only(&self, k: usize) -> Self {
        Self { only: Some(k), ..self.clone() }
    }

    /// Band fluxes in the rest frame, AB maggies at 10 pc per solar mass formed, `[n_gal, n_filter]`.
    pub(super) fn flux_at_rest(&self, weights: &SspWeights, dust: &DustParams) -> Tensor<2> {
        let table = self.table(0);
        let weights = BandWeights::new(weights, &self.groups);
        self.in_chunks(dust, |galaxies| {
            let light = weights.light(&table.light, galaxies.clone());
            (weights.weighted(light, galaxies), table.waves.clone())
        })
    }

    /// Band fluxes at redshifts `z` (`[n_gal]`), without dimming by distance: linear between the
    /// redshifts of the tables.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) when the device cannot deliver the redshifts.
    pub(super) fn flux_at(
        &self,
        weights: &SspWeights,
        dust: &DustParams,
        z: &Tensor<1>,
    ) -> Result<Tensor<2>> {
        let slices = RedshiftSlices::new(z, &self.settings)?;
        let tables: BTreeMap<i64, Table> =
            slices.tables.iter().map(|number| (*number, self.table(*number))).collect();
        let waves = DustWaves::stack(tables.values().map(|table| table.waves.clone()).collect());
        let (below, above) = (waves.select(&slices.below), waves.select(&slices.above));
        let waves = below.between(&above, &slices.share);
        let sorted = |x: &Tensor<2>| slices.sorted(x.clone());
        let weights = SspWeights {
            joint: sorted(&weights.joint),
            age: sorted(&weights.age),
            metallicity: weights.metallicity.as_ref().map(sorted),
            ionization: weights.ionization.as_ref().map(sorted),
        };
        let weights = BandWeights::new(&weights, &self.groups);
        let dust = dust.map(|x| slices.sorted(x));
        let flux = self.in_chunks(&dust, |galaxies| {
            let (start, len) = (galaxies.start, galaxies.len());
            let part = |step: i64| {
                let parts = slices.among(galaxies.clone());
                let light =
                    parts.map(|(key, part)| weights.light(&tables[&(key + step)].light, part));
                Tensor::cat(light.collect(), 0)
            };
            let (below, above) = (part(0), part(1));
            let share = slices.share.clone().narrow(0, start, len).unsqueeze_dim::<3>(2);
            let light = below.clone() + (above - below) * share;
            (weights.weighted(light, galaxies), waves.of_galaxies(start, len))
        });
        Ok(slices.unsorted(flux))
    }

    /// Adds up the light `[n_gal, n_group, n_column]` of runs of galaxies at their wavelengths, dimmed by
    /// dust: `[n_gal, n_filter]`. Runs are short enough for caches.
    fn in_chunks(
        &self,
        dust: &DustParams,
        light: impl Fn(Range<usize>) -> (Tensor<3>, DustWaves),
    ) -> Tensor<2> {
        let n_gal = dust.columns().first().map_or(0, |column| column.dims()[0]);
        let n_dust = self.tabulator.n_dust();
        let per_galaxy = self.lg_age_yr.len() * self.tabulator.n_column();
        let chunk = (CHUNK_SIZE / per_galaxy).max(16);
        let flux = (0..n_gal).step_by(chunk).map(|start| {
            let len = chunk.min(n_gal - start);
            let (light, waves) = light(start..start + len);
            let dust = dust.map(|x| x.narrow(0, start, len));
            let through = dust.transmission_of(&self.law, &waves, &self.lg_age_yr);
            let all = (light * through).sum_dim(1);
            let n_column = all.dims()[2];
            all.reshape([len, n_column / n_dust, n_dust]).sum_dim(2).squeeze_dim(2)
        });
        Tensor::cat(flux.collect(), 0)
    }

    /// The table of a number, for the filters that are wanted.
    fn table(&self, number: i64) -> Table {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let table = tables.entry(number).or_insert_with(|| self.made(number)).clone();
        let Some(k) = self.only else { return table };
        let n_dust = self.tabulator.n_dust();
        Table {
            light: table.light.narrow(2, k * n_dust, n_dust),
            waves: table.waves.narrow(k * n_dust, n_dust),
        }
    }

    fn made(&self, number: i64) -> Table {
        let BandTable { light, dust_um } =
            self.tabulator.table(self.settings.table_redshift(number));
        let (n_component, n_column) = (self.tabulator.n_component(), self.tabulator.n_column());
        let rows = light.len() / n_column;
        let light = self.place.matrix(&light, [rows, n_column]);
        Table {
            light: light.reshape([n_component, rows / n_component, n_column]),
            waves: self.law.waves(&dust_um, &self.place),
        }
    }
}

#[cfg(test)]
mod tests;
