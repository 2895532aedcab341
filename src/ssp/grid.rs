//! The SSP grid on the host, its validation, and its file.

use std::collections::BTreeMap;
use std::path::Path;

use crate::metallicity::MetallicityGrid;
use crate::numerics::check_ascending;
use crate::sfh::AgeGrid;
use crate::store::{Array, Store};
use crate::{Error, Result};

/// Emission lines of an SSP grid.
#[derive(Clone, Debug, PartialEq)]
pub struct EmissionLines {
    /// Names, `[n_line]`.
    pub names: Vec<String>,
    /// Vacuum wavelengths \[Angstrom\], `[n_line]`.
    pub wave_aa: Vec<f64>,
    /// Luminosities per solar mass formed \[Lsun/Msun\], `[n_met, n_age, n_line]`.
    pub luminosity_lsun: Vec<f64>,
}

/// Spectra of simple stellar populations on a grid of metallicity and age.
#[derive(Clone, Debug, PartialEq)]
pub struct SspGrid {
    /// Metallicities.
    pub metallicities: MetallicityGrid,
    /// Ages.
    pub ages: AgeGrid,
    /// Rest-frame vacuum wavelengths \[Angstrom\], `[n_wave]`.
    pub wave_aa: Vec<f64>,
    /// Spectra \[Lsun/Hz per Msun formed\], `[n_met, n_age, n_wave]`.
    pub lnu_lsun_hz: Vec<f64>,
    /// Emission lines, when the file has them.
    pub lines: Option<EmissionLines>,
    /// log10 of the ionizing photons per second and solar mass, `[n_met, n_age]`, when known.
    pub lg_q_h: Option<Vec<f64>>,
    /// Source, licence, IMF and other facts as the file states them.
    pub provenance: BTreeMap<String, String>,
}

impl SspGrid {
    /// A validated grid.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless there are at least three metallicities and ages and two
    /// wavelengths, all ascending; wavelengths are positive; and the flux has one finite,
    /// non-negative value for each of them.
    pub fn new(
        lgmet: Vec<f64>,
        lg_age_gyr: Vec<f64>,
        wave_aa: Vec<f64>,
        lnu_lsun_hz: Vec<f64>,
        provenance: BTreeMap<String, String>,
    ) -> Result<Self> {
        let metallicities = MetallicityGrid::new(lgmet)?;
        let ages = AgeGrid::new(lg_age_gyr)?;
        check_ascending("SSP wavelengths", &wave_aa, 2)?;
        if wave_aa[0] <= 0.0 {
            return Err(Error::invalid(
                "SSP wavelengths",
                format!("must be positive, the first is {}", wave_aa[0]),
            ));
        }
        let grid = Self {
            metallicities,
            ages,
            wave_aa,
            lnu_lsun_hz,
            lines: None,
            lg_q_h: None,
            provenance,
        };
        let (n_met, n_age, n_wave) = grid.shape();
        grid.check_block("SSP flux", &grid.lnu_lsun_hz, n_wave, true)?;
        debug_assert_eq!(grid.lnu_lsun_hz.len(), n_met * n_age * n_wave);
        Ok(grid)
    }

    /// Adds emission lines.
    ///
    /// # Errors
    /// [`Error::Invalid`] when names, wavelengths and luminosities do not match the grid, or a
    /// luminosity is negative or not finite.
    pub fn with_lines(mut self, lines: EmissionLines) -> Result<Self> {
        let n_line = lines.names.len();
        if lines.wave_aa.len() != n_line {
            return Err(Error::invalid(
                "emission lines",
                format!("{n_line} names but {} wavelengths", lines.wave_aa.len()),
            ));
        }
        self.check_block("emission-line luminosity", &lines.luminosity_lsun, n_line, true)?;
        self.lines = Some(lines);
        Ok(self)
    }

    /// Adds log10 of the ionizing photon rates.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is not one finite value per metallicity and age.
    pub fn with_lg_q_h(mut self, lg_q_h: Vec<f64>) -> Result<Self> {
        self.check_block("ionizing photon rate", &lg_q_h, 1, false)?;
        self.lg_q_h = Some(lg_q_h);
        Ok(self)
    }

    fn check_block(&self, what: &str, values: &[f64], n_last: usize, positive: bool) -> Result<()> {
        let (n_met, n_age, _) = self.shape();
        if values.len() != n_met * n_age * n_last {
            return Err(Error::invalid(
                what,
                format!(
                    "{} values for {n_met} metallicities x {n_age} ages x {n_last}",
                    values.len()
                ),
            ));
        }
        let bad = values.iter().position(|v| !v.is_finite() || (positive && *v < 0.0));
        bad.map_or(Ok(()), |i| {
            let allowed = if positive { "finite and not negative" } else { "finite" };
            Err(Error::invalid(
                what,
                format!(
                    "is {} at metallicity {}, age {}, sample {}; it must be {allowed}",
                    values[i],
                    i / (n_age * n_last),
                    i / n_last % n_age,
                    i % n_last
                ),
            ))
        })
    }

    /// `(n_met, n_age, n_wave)`.
    pub fn shape(&self) -> (usize, usize, usize) {
        (self.metallicities.lgmet().len(), self.ages.lg_age_gyr().len(), self.wave_aa.len())
    }

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
        let get = |name, n_axes| store.array(name, n_axes, path).map(Array::to_f64);
        let n_of = |name| store.array(name, 1, path).map(|a| a.shape[0]);
        let (n_met, n_age) = (n_of("ssp_lgmet")?, n_of("ssp_lg_age_gyr")?);
        let block = |name: &str, shape: &[usize]| {
            let array = store.array(name, shape.len(), path)?;
            if array.shape != shape {
                let reason =
                    format!("tensor {name:?} has shape {:?}, expected {shape:?}", array.shape);
                return Err(Error::file(path, reason));
            }
            Ok(array.to_f64())
        };
        let provenance = store
            .metadata
            .iter()
            .filter(|(key, _)| !["format", "line_names"].contains(&key.as_str()))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        let named = |e: Error| Error::file(path, e.to_string());
        let mut grid = Self::new(
            get("ssp_lgmet", 1)?,
            get("ssp_lg_age_gyr", 1)?,
            get("ssp_wave", 1)?,
            block("ssp_flux", &[n_met, n_age, n_of("ssp_wave")?])?,
            provenance,
        )
        .map_err(named)?;
        if store.arrays.contains_key("ssp_log10_q_h") {
            grid = grid.with_lg_q_h(block("ssp_log10_q_h", &[n_met, n_age])?).map_err(named)?;
        }
        if let Some(names) = store.metadata.get("line_names") {
            let names = serde_json::from_str(names)
                .map_err(|e| Error::file(path, format!("metadata line_names: {e}")))?;
            let lines = EmissionLines {
                names,
                wave_aa: get("ssp_emline_wave", 1)?,
                luminosity_lsun: block(
                    "ssp_emline_luminosity",
                    &[n_met, n_age, n_of("ssp_emline_wave")?],
                )?,
            };
            grid = grid.with_lines(lines).map_err(named)?;
        }
        Ok(grid)
    }

    /// The grid as a store: tensors named as in DSPS files, units and provenance in the metadata.
    pub fn to_store(&self) -> Store {
        let (n_met, n_age, n_wave) = self.shape();
        let mut store = Store { metadata: self.provenance.clone(), ..Store::default() };
        let mut put = |name: &str, shape: &[usize], values: &[f64]| {
            store.arrays.insert(name.to_owned(), Array::compact(shape, values));
        };
        put("ssp_lgmet", &[n_met], self.metallicities.lgmet());
        put("ssp_lg_age_gyr", &[n_age], self.ages.lg_age_gyr());
        put("ssp_wave", &[n_wave], &self.wave_aa);
        put("ssp_flux", &[n_met, n_age, n_wave], &self.lnu_lsun_hz);
        if let Some(q) = &self.lg_q_h {
            put("ssp_log10_q_h", &[n_met, n_age], q);
        }
        if let Some(lines) = &self.lines {
            let n_line = lines.names.len();
            put("ssp_emline_wave", &[n_line], &lines.wave_aa);
            put("ssp_emline_luminosity", &[n_met, n_age, n_line], &lines.luminosity_lsun);
            let names = serde_json::Value::from(lines.names.clone()).to_string();
            store.metadata.insert("line_names".into(), names);
        }
        store.metadata.insert("format".into(), "starburn-ssp-1".into());
        let units = "ssp_lgmet log10 Z (absolute mass fraction of metals), ssp_lg_age_gyr log10 Gyr, \
                     ssp_wave Angstrom (vacuum), ssp_flux Lsun/Hz per Msun formed, \
                     ssp_log10_q_h log10 of ionizing photons per s per Msun formed, \
                     ssp_emline_luminosity Lsun per Msun formed";
        store.metadata.insert("units".into(), units.into());
        store
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes() -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        (vec![-3.0, -2.0, -1.5], vec![-2.0, -1.0, 0.0, 1.0], vec![1000.0, 5000.0])
    }

    fn grid() -> SspGrid {
        let (met, age, wave) = axes();
        let flux = (0..24).map(|i| 1e-15 * f64::from(i)).collect();
        SspGrid::new(met, age, wave, flux, BTreeMap::from([("source".into(), "test".into())]))
            .unwrap()
    }

    #[test]
    fn store_round_trip_with_lines() {
        let lines = EmissionLines {
            names: vec!["Ba-alpha 6563".into()],
            wave_aa: vec![6564.72],
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
    fn every_rule_is_enforced_and_named() {
        type Break = fn(&mut Vec<f64>, &mut Vec<f64>, &mut Vec<f64>, &mut Vec<f64>);
        let cases: [(&str, Break); 6] = [
            ("metallicities: must ascend", |met, _, _, _| met.swap(0, 1)),
            ("ages: value 1 is NaN", |_, age, _, _| age[1] = f64::NAN),
            ("wavelengths: must be positive", |_, _, wave, _| wave[0] = 0.0),
            ("23 values for 3 metallicities x 4 ages x 2", |_, _, _, flux| {
                flux.pop();
            }),
            ("is -1 at metallicity 1, age 2, sample 1", |_, _, _, flux| flux[13] = -1.0),
            ("at least 3", |met, _, _, _| met.truncate(2)),
        ];
        for (part, breaks) in cases {
            let (mut met, mut age, mut wave) = axes();
            let mut flux = vec![1.0; 24];
            breaks(&mut met, &mut age, &mut wave, &mut flux);
            let error =
                SspGrid::new(met, age, wave, flux, BTreeMap::new()).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        assert!(grid().with_lg_q_h(vec![46.0; 11]).is_err());
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
