//! The SSP grid in our safetensors store.

use std::collections::BTreeMap;
use std::path::Path;

use super::block::BlockShape;
use super::{EmissionLines, SspGrid};
use crate::store::{Array, Store};
use crate::{Error, Result};

/// What each tensor holds, kept in the file.
const UNITS: &str = "ssp_lgmet log10 Z (absolute mass fraction of metals), ssp_lg_age_gyr log10 Gyr, \
                     ssp_wave Angstrom (vacuum), ssp_flux Lsun/Hz per Msun formed, \
                     ssp_log10_q_h log10 of ionizing photons per s per Msun formed, \
                     ssp_emline_luminosity Lsun per Msun formed";

/// Added for files with an axis of ionization parameters.
const LGU_UNITS: &str = ", ssp_lgu and ssp_emline_lgu log10 of the ionization parameter";

impl SspGrid {
    /// Reads our safetensors store.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::File`].
    pub fn read(path: &Path) -> Result<Self> {
        Self::from_store(&Store::read(path)?, path)
    }

    /// Takes the grid out of a store; `path` is for error messages.
    ///
    /// # Errors
    /// [`Error::File`] when a tensor is missing or the grid is not valid.
    pub fn from_store(store: &Store, path: &Path) -> Result<Self> {
        let get = |name| store.array(name, 1, path).map(Array::to_f64);
        let optional = |name| store.arrays.contains_key(name).then(|| get(name)).transpose();
        let block = |name, shape: &[usize]| {
            let array = store.array(name, shape.len(), path)?;
            if array.shape != shape {
                let reason =
                    format!("tensor {name:?} has shape {:?}, expected {shape:?}", array.shape);
                return Err(Error::file(path, reason));
            }
            Ok(array.to_f64())
        };
        let named = |e: Error| Error::file(path, e.to_string());
        let (lgmet, lg_age, wave) = (get("ssp_lgmet")?, get("ssp_lg_age_gyr")?, get("ssp_wave")?);
        let lgu = optional("ssp_lgu")?;
        let n_u = lgu.as_ref().map(Vec::len);
        let shape = BlockShape { n_u, n_met: lgmet.len(), n_age: lg_age.len(), n_last: wave.len() };
        let flux = block("ssp_flux", &shape.axes())?;
        let mut grid =
            Self::on_axes(lgu, lgmet, lg_age, wave, flux, facts(&store.metadata)).map_err(named)?;
        if store.arrays.contains_key("ssp_log10_q_h") {
            let q = block("ssp_log10_q_h", &[shape.n_met, shape.n_age])?;
            grid = grid.with_lg_q_h(q).map_err(named)?;
        }
        if let Some(names) = store.metadata.get("line_names") {
            let names = serde_json::from_str(names)
                .map_err(|e| Error::file(path, format!("metadata line_names: {e}")))?;
            let wave_aa = get("ssp_emline_wave")?;
            let lgu = optional("ssp_emline_lgu")?;
            let n_u = lgu.as_ref().map(Vec::len);
            let shape = BlockShape { n_u, n_last: wave_aa.len(), ..shape };
            let luminosity_lsun = block("ssp_emline_luminosity", &shape.axes())?;
            let lines = EmissionLines { names, wave_aa, lgu, luminosity_lsun };
            grid = grid.with_lines(lines).map_err(named)?;
        }
        Ok(grid)
    }

    /// The grid as a store: tensors named as in DSPS files, units and provenance in the metadata.
    pub fn to_store(&self) -> Store {
        let (n_met, n_age, n_wave) = self.shape();
        let mut store = Store { metadata: facts(&self.provenance), ..Store::default() };
        let mut units = UNITS.to_owned();
        let mut put = |name: &str, shape: &[usize], values: &[f64]| {
            store.arrays.insert(name.to_owned(), Array::compact(shape, values));
        };
        put("ssp_lgmet", &[n_met], self.metallicities.lgmet());
        put("ssp_lg_age_gyr", &[n_age], self.ages.lg_age_gyr());
        put("ssp_wave", &[n_wave], &self.wave_aa);
        put("ssp_flux", &self.flux_shape().axes(), &self.lnu_lsun_hz);
        if let Some(q) = &self.lg_q_h {
            put("ssp_log10_q_h", &[n_met, n_age], q);
        }
        let line_lgu = self.lines.as_ref().and_then(|lines| lines.lgu.as_ref());
        for (name, lgu) in [("ssp_lgu", self.lgu.as_ref()), ("ssp_emline_lgu", line_lgu)] {
            if let Some(lgu) = lgu {
                put(name, &[lgu.len()], lgu);
            }
        }
        if self.ionization_parameters().is_some() {
            units.push_str(LGU_UNITS);
        }
        if let Some(lines) = &self.lines {
            put("ssp_emline_wave", &[lines.names.len()], &lines.wave_aa);
            let shape = lines.shape(n_met, n_age).axes();
            put("ssp_emline_luminosity", &shape, &lines.luminosity_lsun);
            let names = serde_json::Value::from(lines.names.clone()).to_string();
            store.metadata.insert("line_names".into(), names);
        }
        store.metadata.insert("format".into(), "starburn-ssp-1".into());
        store.metadata.insert("units".into(), units);
        store
    }
}

/// The metadata that are no part of the format, from which other files may have some by the same names.
fn facts(metadata: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut facts = metadata.clone();
    facts.retain(|key, _| !["format", "line_names"].contains(&key.as_str()));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssp::grid::tests::{axes, grid};

    #[test]
    fn store_round_trip_with_lines() {
        let lines = EmissionLines {
            names: vec!["Ba-alpha 6563".into()],
            wave_aa: vec![6564.72],
            lgu: None,
            luminosity_lsun: (0..12).map(f64::from).collect(),
        };
        let full = grid().with_lines(lines).unwrap().with_lg_q_h(vec![46.5; 12]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ssp.safetensors");
        full.to_store().write(&path).unwrap();
        let back = SspGrid::read(&path).unwrap();
        assert_eq!(back.lines, full.lines);
        assert_eq!((back.shape(), back.lnu_lsun_hz), ((3, 4, 2), full.lnu_lsun_hz));
        assert_eq!(back.provenance["source"], "test");
    }

    #[test]
    fn store_round_trip_with_ionization_parameters() {
        let lgu = Some(vec![-4.0, -3.0, -2.0]);
        let flux: Vec<f64> = (0..72).map(|i| 1e-15 * f64::from(i)).collect();
        let (met, age, wave) = axes();
        let ionized = SspGrid::on_axes(lgu.clone(), met, age, wave, flux, BTreeMap::new()).unwrap();
        let lines = EmissionLines {
            names: vec!["Ba-alpha 6563".into()],
            wave_aa: vec![6564.72],
            lgu,
            luminosity_lsun: (0..36).map(f64::from).collect(),
        };
        // Lines may have the axis where the spectra have none.
        for full in [grid(), ionized].map(|g| g.with_lines(lines.clone()).unwrap()) {
            let back = SspGrid::from_store(&full.to_store(), Path::new("g")).unwrap();
            assert_eq!((&back.lgu, &back.lines), (&full.lgu, &full.lines));
            assert_eq!(back.lnu_lsun_hz, full.lnu_lsun_hz);
            let mut store = full.to_store();
            store.arrays.remove("ssp_emline_lgu");
            let error = SspGrid::from_store(&store, Path::new("g")).unwrap_err().to_string();
            assert!(error.contains("[3, 3, 4, 1], expected"), "{error}");
        }
    }

    #[test]
    fn provenance_is_not_taken_for_the_format() {
        let mut grid = grid();
        for key in ["line_names", "format"] {
            grid.provenance.insert(key.into(), "theirs".into());
        }
        let back = SspGrid::from_store(&grid.to_store(), Path::new("g")).unwrap();
        assert_eq!((back.lines, &back.provenance["source"][..]), (None, "test"));
    }

    #[test]
    fn a_transposed_block_is_refused() {
        let mut store = grid().to_store();
        if let Some(flux) = store.arrays.get_mut("ssp_flux") {
            flux.shape = vec![4, 3, 2];
        }
        let error = SspGrid::from_store(&store, Path::new("g.safetensors")).unwrap_err();
        assert!(error.to_string().contains("[4, 3, 2], expected [3, 4, 2]"), "{error}");
    }

    #[test]
    fn a_store_without_flux_is_an_error_that_names_the_file() {
        let mut store = grid().to_store();
        store.arrays.remove("ssp_flux");
        let error = SspGrid::from_store(&store, Path::new("g.safetensors")).unwrap_err();
        assert!(error.to_string().contains("g.safetensors: has no tensor \"ssp_flux\""), "{error}");
    }
}
