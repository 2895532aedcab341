//! The calibrations of DiffstarPop that diffstar ships.

use super::diffstarpop_table::DIFFSTARPOP;
use crate::names::named;
use crate::{Error, Result};

/// Provenance and licence stand beside the file.
const CSV: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/models/diffstarpop.csv"));

/// Simulations to which DiffstarPop has been calibrated: `Popfit` to the whole population at once, `Fits`
/// from fits to single galaxies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiffstarCalibration {
    /// SMDPL with UniverseMachine, stars formed in situ.
    #[default]
    PopfitUm,
    /// The same with stars that came with mergers.
    PopfitUmExsitu,
    /// IllustrisTNG.
    PopfitTng,
    /// Galacticus, stars formed in situ.
    PopfitGalacticus,
    /// The same with stars that came with mergers.
    PopfitGalacticusExsitu,
    /// SMDPL with UniverseMachine, stars formed in situ.
    FitsUm,
    /// The same with stars that came with mergers.
    FitsUmExsitu,
    /// IllustrisTNG.
    FitsTng,
    /// Galacticus, stars formed in situ.
    FitsGalacticus,
    /// The same with stars that came with mergers.
    FitsGalacticusExsitu,
}

named!(
    DiffstarCalibration,
    "DiffstarPop calibration",
    PopfitUm = "popfit_um",
    PopfitUmExsitu = "popfit_um_exsitu",
    PopfitTng = "popfit_tng",
    PopfitGalacticus = "popfit_galacticus",
    PopfitGalacticusExsitu = "popfit_galacticus_exsitu",
    FitsUm = "fits_um",
    FitsUmExsitu = "fits_um_exsitu",
    FitsTng = "fits_tng",
    FitsGalacticus = "fits_galacticus",
    FitsGalacticusExsitu = "fits_galacticus_exsitu",
);

impl DiffstarCalibration {
    /// Values of [`DiffstarPop`](super::DiffstarPop)'s parameters in column order.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the embedded data are damaged, which the library's tests exclude.
    pub fn values(self) -> Result<Vec<f64>> {
        let damaged = |what: String| Error::invalid("embedded DiffstarPop calibrations", what);
        let mut lines = CSV.lines();
        let header = lines.next().unwrap_or_default();
        let column = header.split(',').position(|name| name == self.name());
        let column = column.ok_or_else(|| damaged(format!("no column {self}")))?;
        let mut values = Vec::with_capacity(DIFFSTARPOP.len());
        for info in DIFFSTARPOP {
            let cells: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
            let value = cells.get(column).and_then(|cell| cell.parse().ok());
            match value {
                Some(value) if cells[0] == info.name => values.push(value),
                _ => return Err(damaged(format!("no value of {}", info.name))),
            }
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::check;

    #[test]
    fn every_calibration_is_whole_and_within_the_bounds() {
        for &calibration in DiffstarCalibration::ALL {
            let values = calibration.values().unwrap();
            check(DIFFSTARPOP, &values).unwrap();
            assert_eq!(values[79..], [13.0, 13.0, 2.0, -0.5, -1.5, 0.1, 0.5, 0.5, 0.9]);
        }
        let defaults: Vec<f64> = DIFFSTARPOP.iter().map(|p| p.default).collect();
        assert_eq!(DiffstarCalibration::default().values().unwrap(), defaults);
        assert_eq!(DiffstarCalibration::FitsTng.values().unwrap()[74], 3.364);
    }
}
