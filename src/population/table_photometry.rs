//! Magnitudes of galaxies without spectra, whatever they are made of: the age axis is kept until the
//! dust of each age has acted, but only at a few wavelengths per band.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::Tensor;

use super::redshift_slices::RedshiftSlices;
use crate::Result;
use crate::device::Place;
use crate::dust::{DustLaw, DustParams, DustWaves};
use crate::photometry::{BandTable, BandTabulator, TableSettings};
use crate::sed::SspWeights;
use crate::sfh::AgeGrid;

/// Photometry from tables, which are made when the first galaxy needs them and kept.
///
/// Copies share their tables.
#[derive(Clone, Debug)]
pub(super) struct TablePhotometry {
    tabulator: Arc<BandTabulator>,
    settings: TableSettings,
    law: DustLaw,
    place: Place,
    blocks: Vec<Block>,
    /// Age of the youngest stars of each group that sees the same dust, log10 yr.
    lg_age_yr: Vec<f64>,
    /// By the numbers of [`TableSettings::table_below`].
    tables: Arc<Mutex<BTreeMap<i64, Table>>>,
    /// The only filter that is wanted.
    only: Option<usize>,
}

/// Neighbouring groups of equally many ages; in a group, all stars see the same dust.
#[derive(Clone, Debug)]
struct Block {
    ages: Range<usize>,
    n_group: usize,
}

/// A table on the device.
#[derive(Clone, Debug)]
struct Table {
    /// For each block, `[n_group, n_component * n_age_of_group, n_column]`.
    light: Vec<Tensor<3>>,
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
            blocks: blocks(age_groups),
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
        let weights = self.by_block(weights.joint.clone(), weights.ionization.clone());
        let light = weights.into_iter().zip(table.light).map(|(w, light)| w.matmul(light));
        self.behind_dust(by_galaxy(light.collect()), dust, &table.waves)
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
            slices.tables.iter().map(|key| (*key, self.table(*key))).collect();
        let ionization = weights.ionization.clone().map(|x| slices.sorted(x));
        let weights = self.by_block(slices.sorted(weights.joint.clone()), ionization);
        let share: Tensor<3> = slices.sorted(slices.share.clone()).unsqueeze_dim(0);
        let of_block = |(i, weights): (usize, Tensor<3>)| {
            let of_slice = |(key, galaxies): &(i64, Range<usize>)| {
                let run = |x: &Tensor<3>| x.clone().narrow(1, galaxies.start, galaxies.len());
                let here = run(&weights);
                let below = here.clone().matmul(tables[key].light[i].clone());
                let above = here.matmul(tables[&(key + 1)].light[i].clone());
                below.clone() + (above - below) * run(&share)
            };
            let parts: Vec<_> = slices.slices.iter().map(of_slice).collect();
            Tensor::cat(parts, 1)
        };
        let light = by_galaxy(weights.into_iter().enumerate().map(of_block).collect());
        let waves = DustWaves::stack(tables.into_values().map(|table| table.waves).collect());
        let (below, above) =
            (waves.select(slices.below.clone()), waves.select(slices.above.clone()));
        let waves = below.between(&above, &slices.share);
        Ok(self.behind_dust(slices.unsorted(light), dust, &waves))
    }

    /// Sums light `[n_gal, n_group, n_column]` over groups and the wavelengths of each filter, dimmed
    /// by dust.
    fn behind_dust(&self, light: Tensor<3>, dust: &DustParams, waves: &DustWaves) -> Tensor<2> {
        let [n_gal, _, n_column] = light.dims();
        let n_dust = self.tabulator.n_dust();
        let through = dust.transmission_of(&self.law, waves, &self.lg_age_yr);
        let all = (light * through).sum_dim(1);
        all.reshape([n_gal, n_column / n_dust, n_dust]).sum_dim(2).squeeze_dim(2)
    }

    /// Weights over components and ages, by block `[n_group, n_gal, n_component * n_age_of_group]`.
    fn by_block(&self, joint: Tensor<2>, ionization: Option<Tensor<2>>) -> Vec<Tensor<3>> {
        let n_gal = joint.dims()[0];
        let n_age = self.blocks.last().map_or(0, |block| block.ages.end);
        let n_component = self.tabulator.n_component();
        let all = match ionization {
            Some(ionization) => ionization.unsqueeze_dim::<3>(2) * joint.unsqueeze_dim::<3>(1),
            None => joint.unsqueeze_dim(1),
        };
        let all: Tensor<3> = all.reshape([n_gal, n_component, n_age]);
        let of_block = |block: &Block| {
            let (start, len) = (block.ages.start, block.ages.len());
            let run = all.clone().narrow(2, start, len);
            if block.n_group == 1 {
                return run.reshape([1, n_gal, n_component * len]);
            }
            let in_group = len / block.n_group;
            run.reshape([n_gal, n_component, block.n_group, in_group])
                .permute([2, 0, 1, 3])
                .reshape([block.n_group, n_gal, n_component * in_group])
        };
        self.blocks.iter().map(of_block).collect()
    }

    /// The table of a number, for the filters that are wanted.
    fn table(&self, number: i64) -> Table {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let table = tables.entry(number).or_insert_with(|| self.made(number)).clone();
        let Some(k) = self.only else { return table };
        let n_dust = self.tabulator.n_dust();
        Table {
            light: table.light.into_iter().map(|l| l.narrow(2, k * n_dust, n_dust)).collect(),
            waves: table.waves.narrow(k * n_dust, n_dust),
        }
    }

    fn made(&self, number: i64) -> Table {
        let BandTable { light, dust_um } =
            self.tabulator.table(self.settings.table_redshift(number));
        let n_column = self.tabulator.n_column();
        let n_age = self.blocks.last().map_or(0, |block| block.ages.end);
        let of_block = |block: &Block| {
            let in_group = block.ages.len() / block.n_group;
            let mut values = Vec::with_capacity(light.len());
            for group in 0..block.n_group {
                let first = block.ages.start + group * in_group;
                for component in light.chunks(n_age * n_column) {
                    values.extend(&component[first * n_column..][..in_group * n_column]);
                }
            }
            let rows = self.tabulator.n_component() * in_group;
            let all = self.place.matrix(&values, [block.n_group * rows, n_column]);
            all.reshape([block.n_group, rows, n_column])
        };
        Table {
            light: self.blocks.iter().map(of_block).collect(),
            waves: self.law.waves(&dust_um, &self.place),
        }
    }
}

/// Joins blocks `[n_group, n_gal, n_column]` to `[n_gal, n_group of all, n_column]`.
fn by_galaxy(blocks: Vec<Tensor<3>>) -> Tensor<3> {
    Tensor::cat(blocks, 0).swap_dims(0, 1)
}

/// Gathers neighbouring groups that have equally many ages.
fn blocks(groups: &[Range<usize>]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for group in groups {
        match blocks.last_mut() {
            Some(block) if block.ages.len() / block.n_group == group.len() => {
                block.ages.end = group.end;
                block.n_group += 1;
            }
            _ => blocks.push(Block { ages: group.clone(), n_group: 1 }),
        }
    }
    blocks
}
