//! The galaxies of a batch by the slice of redshift in which they are seen.

use std::ops::Range;

use burn::tensor::{Int, Tensor};

use crate::Result;
use crate::device::{Place, to_host};
use crate::numerics::column;
use crate::photometry::TableSettings;

/// A batch of galaxies in order of redshift, cut where a new table begins. All members are in that order.
pub(super) struct RedshiftSlices {
    /// For each slice the number of the table below it, and its galaxies.
    pub(super) slices: Vec<(i64, Range<usize>)>,
    /// Numbers of the tables that are needed, ascending.
    pub(super) tables: Vec<i64>,
    /// Place among the tables of that below each galaxy, `[n_gal]`.
    pub(super) below: Tensor<1, Int>,
    /// The same of the table above.
    pub(super) above: Tensor<1, Int>,
    /// Where each galaxy is between its tables, from 0 to 1 in `ln(1 + z)`, `[n_gal, 1]`.
    pub(super) share: Tensor<2>,
    /// From the galaxies as they are to this order, and back.
    order: Tensor<1, Int>,
    back: Tensor<1, Int>,
}

impl RedshiftSlices {
    /// Finds the slices of galaxies at redshifts `z` (`[n_gal]`).
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) when the device cannot deliver the redshifts.
    pub(super) fn new(z: &Tensor<1>, settings: &TableSettings) -> Result<Self> {
        let place = Place::of(z);
        let host = to_host(z.clone().without_autodiff())?;
        let keys: Vec<i64> = host.iter().map(|z| settings.table_below(*z)).collect();
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by_key(|i| keys[*i]);
        let mut slices: Vec<(i64, Range<usize>)> = Vec::new();
        let mut back = vec![0; keys.len()];
        for (position, galaxy) in order.iter().enumerate() {
            back[*galaxy] = position;
            match slices.last_mut() {
                Some((key, galaxies)) if *key == keys[*galaxy] => galaxies.end = position + 1,
                _ => slices.push((keys[*galaxy], position..position + 1)),
            }
        }
        let mut tables: Vec<i64> = slices.iter().flat_map(|(key, _)| [*key, key + 1]).collect();
        tables.dedup();
        let found = |step: i64| {
            let wanted = order.iter().map(|galaxy| keys[*galaxy] + step);
            let found = wanted.map(|key| tables.partition_point(|table| *table < key));
            place.indices(&found.collect::<Vec<_>>())
        };
        let start: Vec<f64> = order.iter().map(|i| settings.ln_stretch(keys[*i])).collect();
        let order = place.indices(&order);
        let ln_stretch = z.clone().select(0, order.clone()).log1p();
        Ok(Self {
            below: found(0),
            above: found(1),
            share: column(&((ln_stretch - place.vector(&start)) / settings.spacing)),
            back: place.indices(&back),
            order,
            tables,
            slices,
        })
    }

    /// Puts galaxies, the first axis, in this order.
    pub(super) fn sorted<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        x.select(0, self.order.clone())
    }

    /// Puts galaxies in this order back as they were.
    pub(super) fn unsorted<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        x.select(0, self.back.clone())
    }

    /// The parts of the slices that have galaxies among these.
    pub(super) fn among(
        &self,
        galaxies: Range<usize>,
    ) -> impl Iterator<Item = (i64, Range<usize>)> + '_ {
        self.slices.iter().filter_map(move |(key, all)| {
            let part = all.start.max(galaxies.start)..all.end.min(galaxies.end);
            (!part.is_empty()).then_some((*key, part))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, for_each_place, values};

    #[test]
    fn galaxies_come_back_from_their_slices() {
        let settings = TableSettings { spacing: 0.1, ..TableSettings::default() };
        for_each_place(|place| {
            let z = [0.5, 0.01, 3.0, 0.51, 0.05, 0.12];
            let slices = RedshiftSlices::new(&place.vector(&z), &settings).unwrap();
            assert_eq!(slices.slices, [(0, 0..2), (1, 2..3), (4, 3..5), (13, 5..6)]);
            assert_eq!(slices.tables, [0, 1, 2, 4, 5, 13, 14]);
            let among: Vec<_> = slices.among(1..4).collect();
            assert_eq!(among, [(0, 1..2), (1, 2..3), (4, 3..4)]);
            let sorted = slices.sorted(place.vector(&z));
            let tolerance = place.tolerance(1e-15, 1e-7);
            let want = [0.01, 0.05, 0.12, 0.5, 0.51, 3.0];
            assert_close(&values(sorted.clone()), &want, tolerance, 0.0);
            assert_close(&values(slices.unsorted(sorted)), &z, tolerance, 0.0);
            let tables: Vec<f64> = slices.tables.iter().map(|key| 0.1 * *key as f64).collect();
            let at = |index: &Tensor<1, Int>| place.vector(&tables).select(0, index.clone());
            let (below, above) = (at(&slices.below), at(&slices.above));
            let mixed = column(&below) + column(&(above - below)) * slices.share;
            let want = want.map(f64::ln_1p);
            assert_close(&values(mixed), &want, place.tolerance(1e-13, 1e-6), 1e-7);
        });
    }
}
