//! SSP grids in the HDF5 layout of DSPS.
//!
//! Datasets at the root: `ssp_lgmet`, `ssp_lg_age_gyr`, `ssp_wave`, `ssp_flux`, and for grids with
//! emission lines `ssp_emline_name`, `ssp_emline_wave`, `ssp_emline_luminosity` \[Lsun/Msun\] (DSPS
//! multiplies the last by 3.828e33 when it loads, we do not). Text attributes of the file become
//! provenance.
//!
//! Ours are `ssp_log10_q_h` and the ionization parameters: with a dataset `ssp_lgu`, the flux has
//! them as its first axis. The line luminosities have them when they have four axes; then
//! `ssp_emline_lgu`, or without it `ssp_lgu`, tells their values.

use std::path::Path;

use super::block::BlockShape;
use super::{EmissionLines, SspGrid};
use crate::hdf5::Hdf5;
use crate::{Error, Result};

/// Takes the grid out of a file's bytes; `path` is for error messages.
///
/// # Errors
/// [`Error::File`] when it is not HDF5, a dataset is missing or has the wrong shape, or the grid is not
/// valid.
pub(super) fn parse(bytes: Vec<u8>, path: &Path) -> Result<SspGrid> {
    let file = Hdf5::new(bytes, path)?;
    let axis = |name| file.numbers(name, &[0]);
    let (lgmet, lg_age_gyr, wave_aa) =
        (axis("ssp_lgmet")?, axis("ssp_lg_age_gyr")?, axis("ssp_wave")?);
    let (n_met, n_age) = (lgmet.len(), lg_age_gyr.len());
    let lgu = file.has("ssp_lgu").then(|| axis("ssp_lgu")).transpose()?;
    let n_u = lgu.as_ref().map(Vec::len);
    let shape = BlockShape { n_u, n_met, n_age, n_last: wave_aa.len() };
    let flux = file.numbers("ssp_flux", &shape.axes())?;
    let invalid = |e: Error| Error::file(path, e.to_string());
    let facts = file.text_attributes()?;
    let mut grid =
        SspGrid::on_axes(lgu, lgmet, lg_age_gyr, wave_aa, flux, facts).map_err(invalid)?;
    if file.has("ssp_log10_q_h") {
        grid =
            grid.with_lg_q_h(file.numbers("ssp_log10_q_h", &[n_met, n_age])?).map_err(invalid)?;
    }
    if file.has("ssp_emline_name") {
        let names = file.texts("ssp_emline_name")?;
        let lgu = match file.shape("ssp_emline_luminosity")?.len() {
            4 if file.has("ssp_emline_lgu") => Some(axis("ssp_emline_lgu")?),
            4 => Some(axis("ssp_lgu")?),
            _ => None,
        };
        let n_u = lgu.as_ref().map(Vec::len);
        let shape = BlockShape { n_u, n_last: names.len(), ..shape };
        let wave_aa = file.numbers("ssp_emline_wave", &[names.len()])?;
        let luminosity_lsun = file.numbers("ssp_emline_luminosity", &shape.axes())?;
        let lines = EmissionLines { names, wave_aa, lgu, luminosity_lsun };
        grid = grid.with_lines(lines).map_err(invalid)?;
    }
    Ok(grid)
}

#[cfg(test)]
mod tests {
    use hdf5_pure::{AttrValue, FileBuilder};

    use super::*;

    fn read(path: &Path) -> Result<SspGrid> {
        super::super::read(path)
    }

    fn write(path: &Path, lines: bool, flux_shape: &[u64]) {
        let mut file = FileBuilder::new();
        file.set_attr("source", AttrValue::String("made for a test".into()));
        file.create_dataset("ssp_lgmet").with_f64_data(&[-3.0, -2.0, -1.0]);
        file.create_dataset("ssp_lg_age_gyr").with_f64_data(&[-1.0, 0.0, 1.0]);
        file.create_dataset("ssp_wave").with_f32_data(&[1000.0, 2000.0]);
        file.create_dataset("ssp_flux").with_f32_data(&[0.5; 18]).with_shape(flux_shape);
        if lines {
            file.create_dataset("ssp_emline_name").with_strings(&["Ha", "Hbeta"]).unwrap();
            file.create_dataset("ssp_emline_wave").with_f64_data(&[6564.0, 4862.0]);
            let luminosity: Vec<f64> = (0..18).map(f64::from).collect();
            file.create_dataset("ssp_emline_luminosity")
                .with_f64_data(&luminosity)
                .with_shape(&[3, 3, 2]);
        }
        file.write(path).unwrap();
    }

    #[test]
    fn reads_grids_with_and_without_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ssp.h5");
        write(&path, false, &[3, 3, 2]);
        let grid = read(&path).unwrap();
        assert_eq!((grid.shape(), grid.lines.is_none()), ((3, 3, 2), true));
        assert_eq!(grid.provenance["source"], "made for a test");
        write(&path, true, &[3, 3, 2]);
        let lines = read(&path).unwrap().lines.unwrap();
        assert_eq!(lines.names, ["Ha", "Hbeta"]);
        assert_eq!(lines.luminosity_lsun[17], 17.0);
    }

    #[test]
    fn ionization_parameters_are_a_first_axis_of_flux_and_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ssp.h5");
        // The lines' own parameters stand in `ssp_emline_lgu` or are those of the flux.
        let write = |lgu: Option<&[f64]>, line_lgu: Option<&[f64]>| {
            let n_u = lgu.map_or(1, <[f64]>::len);
            let mut file = FileBuilder::new();
            file.create_dataset("ssp_lgmet").with_f64_data(&[-3.0, -2.0, -1.0]);
            file.create_dataset("ssp_lg_age_gyr").with_f64_data(&[-1.0, 0.0, 1.0]);
            file.create_dataset("ssp_wave").with_f64_data(&[1000.0, 2000.0]);
            let shape = [n_u as u64, 3, 3, 2];
            file.create_dataset("ssp_flux")
                .with_f64_data(&vec![0.5; 18 * n_u])
                .with_shape(if lgu.is_some() { &shape } else { &shape[1..] });
            if let Some(lgu) = lgu {
                file.create_dataset("ssp_lgu").with_f64_data(lgu);
            }
            file.create_dataset("ssp_emline_name").with_strings(&["Ha"]).unwrap();
            file.create_dataset("ssp_emline_wave").with_f64_data(&[6564.0]);
            if let Some(lgu) = line_lgu {
                file.create_dataset("ssp_emline_lgu").with_f64_data(lgu);
            }
            let luminosity: Vec<f64> = (0..27).map(f64::from).collect();
            file.create_dataset("ssp_emline_luminosity")
                .with_f64_data(&luminosity)
                .with_shape(&[3, 3, 3, 1]);
            file.write(&path).unwrap();
        };
        let lgu: &[f64] = &[-4.0, -3.0, -2.0];
        for (flux, lines) in [(Some(lgu), None), (Some(lgu), Some(lgu)), (None, Some(lgu))] {
            write(flux, lines);
            let grid = read(&path).unwrap();
            assert_eq!(grid.lgu.as_deref(), flux);
            assert_eq!(grid.lnu_lsun_hz.len(), if flux.is_some() { 54 } else { 18 });
            let lines = grid.lines.unwrap();
            assert_eq!((lines.lgu.as_deref(), lines.luminosity_lsun[26]), (Some(lgu), 26.0));
        }
        write(None, None);
        assert!(read(&path).unwrap_err().to_string().contains("no dataset \"ssp_lgu\""));
    }

    #[test]
    fn broken_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ssp.h5");
        assert!(matches!(read(&path), Err(Error::Io { .. })));
        std::fs::write(&path, b"not HDF5 at all").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("not a readable HDF5 file"));
        write(&path, false, &[3, 2, 3]);
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("[3, 2, 3], expected [3, 3, 2]"), "{error}");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.truncate(bytes.len() / 2);
        std::fs::write(&path, bytes).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("ssp.h5"));
    }
}
