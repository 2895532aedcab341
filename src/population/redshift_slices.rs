//! The galaxies of a batch by the slice of redshift in which they are seen.

use std::ops::Range;

use burn::tensor::{Int, Tensor};

use crate::Result;
use crate::device::{Place, to_host};
use crate::numerics::column;
use crate::photometry::TableSettings;

/// A batch of galaxies, put in order of redshift and cut where a new table begins.
pub(super) struct RedshiftSlices {
    /// Numbers of the tables that are needed, ascending.
    pub(super) tables: Vec<i64>,
    /// For each slice the number of the table below it, and its galaxies in the order of redshift.
    pub(super) slices: Vec<(i64, Range<usize>)>,
    /// Place in [`tables`](Self::tables) of the table below each galaxy, `[n_gal]`.
    pub(super) below: Tensor<1, Int>,
    /// The same for the table above.
    pub(super) above: Tensor<1, Int>,
    /// Where each galaxy is between its tables, from 0 to 1 in `ln(1 + z)`, `[n_gal, 1]`.
    pub(super) share: Tensor<2>,
    /// From the galaxies in order of redshift to the galaxies as they were and back; none when one
    /// slice has them all.
    order: Option<(Tensor<1, Int>, Tensor<1, Int>)>,
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
        for (place, galaxy) in order.iter().enumerate() {
            back[*galaxy] = place;
            match slices.last_mut() {
                Some((key, galaxies)) if *key == keys[*galaxy] => galaxies.end = place + 1,
                _ => slices.push((keys[*galaxy], place..place + 1)),
            }
        }
        let mut tables: Vec<i64> = slices.iter().flat_map(|(key, _)| [*key, key + 1]).collect();
        tables.dedup();
        let found = |key: i64| tables.partition_point(|table| *table < key);
        let below: Vec<usize> = keys.iter().map(|key| found(*key)).collect();
        let above: Vec<usize> = keys.iter().map(|key| found(key + 1)).collect();
        let start: Vec<f64> = keys.iter().map(|key| settings.ln_stretch(*key)).collect();
        let share = (z.clone().log1p() - place.vector(&start)) / settings.spacing;
        Ok(Self {
            below: place.indices(&below),
            above: place.indices(&above),
            share: column(&share),
            order: (slices.len() > 1).then(|| (place.indices(&order), place.indices(&back))),
            tables,
            slices,
        })
    }

    /// Puts galaxies, the first axis, in order of redshift.
    pub(super) fn sorted<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        match &self.order {
            Some((order, _)) => x.select(0, order.clone()),
            None => x,
        }
    }

    /// Puts galaxies in order of redshift back as they were.
    pub(super) fn unsorted<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        match &self.order {
            Some((_, back)) => x.select(0, back.clone()),
            None => x,
        }
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
            let keys: Vec<_> = slices.slices.iter().map(|(key, all)| (*key, all.len())).collect();
            assert_eq!(keys, [(0, 2), (1, 1), (4, 2), (13, 1)]);
            assert_eq!(slices.tables, [0, 1, 2, 4, 5, 13, 14]);
            let sorted = slices.sorted(place.vector(&z));
            let tolerance = place.tolerance(1e-15, 1e-7);
            let want = [0.01, 0.05, 0.12, 0.5, 0.51, 3.0];
            assert_close(&values(sorted.clone()), &want, tolerance, 0.0);
            assert_close(&values(slices.unsorted(sorted)), &z, tolerance, 0.0);
            let tables: Vec<f64> = slices.tables.iter().map(|key| 0.1 * *key as f64).collect();
            let at = |index: &Tensor<1, Int>| place.vector(&tables).select(0, index.clone());
            let (below, above) = (at(&slices.below), at(&slices.above));
            let mixed = column(&below) + column(&(above - below)) * slices.share;
            let want = z.map(f64::ln_1p);
            assert_close(&values(mixed), &want, place.tolerance(1e-13, 1e-6), 1e-7);
        });
    }

    #[test]
    fn one_slice_needs_no_sorting() {
        for_each_place(|place| {
            let z = place.vector(&[0.402, 0.401]);
            let slices = RedshiftSlices::new(&z, &TableSettings::default()).unwrap();
            assert_eq!((slices.slices.len(), slices.tables.len()), (1, 2));
            assert!(slices.order.is_none());
        });
    }
}
