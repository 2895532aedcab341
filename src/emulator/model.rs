//! A trained emulator: what it is, how it is stored, and its use.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::OnceLock;

use burn::tensor::Tensor;

use super::bins::shares_in;
use super::checkpoint::Checkpoint;
use super::config::EmulatorConfig;
use super::form::Form;
use super::network::{Layers, Weights};
use super::prior::PriorBox;
use super::weights::{put_weights, take_weights};
use crate::checksum::Checksum;
use crate::device::{DEFAULT_DEVICE, Place, Precision};
use crate::sfh::{AgeDistribution, AgeGrid, SfhParams, normalised};
use crate::store::Store;
use crate::{Error, Result};

/// SHA-256 of the embedded file, checked by `starburn doctor`.
pub const EMBEDDED_EMULATOR_SHA256: &str =
    "5c50f342838833e7d551f546a08c1ffc3a099e965501a906010207c0fca5fce1";

static BYTES: &[u8] = include_bytes!("../../models/age_emulator.safetensors");

const FORMAT: &str = "starburn-age-emulator-1";
/// Metadata that are not provenance.
const OWN_KEYS: [&str; 3] = ["format", "config", "checksum"];

/// A trained emulator of P(age).
#[derive(Clone, PartialEq)]
pub struct AgeEmulator {
    config: EmulatorConfig,
    weights: Weights,
    provenance: BTreeMap<String, String>,
}

/// Without the weights, for which their checksum stands.
impl fmt::Debug for AgeEmulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgeEmulator")
            .field("config", &self.config)
            .field("checksum", &self.checksum())
            .finish()
    }
}

impl AgeEmulator {
    /// The emulator that is built into the program: diffmah and diffstar, in the prior box of
    /// [`EmulatorConfig::embedded_text`].
    pub fn embedded() -> &'static Self {
        static EMULATOR: OnceLock<AgeEmulator> = OnceLock::new();
        EMULATOR.get_or_init(|| {
            let path = Path::new("embedded age emulator");
            Store::from_bytes(BYTES, path)
                .and_then(|store| Self::from_store(&store, path))
                .unwrap_or_else(|e| {
                    unreachable!("the embedded emulator is tested to be valid: {e}")
                })
        })
    }

    /// The embedded file's bytes.
    pub fn embedded_bytes() -> &'static [u8] {
        BYTES
    }

    /// The best emulator that a training has found so far.
    ///
    /// # Errors
    /// Those of [`EmulatorConfig::check`].
    pub fn from_checkpoint(state: &Checkpoint) -> Result<Self> {
        let mut provenance = BTreeMap::new();
        if let Some(look) = state.best_look().map(|i| &state.looks[i]) {
            for (name, value) in super::Look::NAMES.iter().zip(look.numbers()) {
                provenance.insert(format!("training_{name}"), format!("{value:.4e}"));
            }
        }
        Self::new(state.config.clone(), state.best.clone(), provenance)
    }

    fn new(
        config: EmulatorConfig,
        weights: Weights,
        provenance: BTreeMap<String, String>,
    ) -> Result<Self> {
        config.check()?;
        let place = Place::open(DEFAULT_DEVICE, Precision::F32)?;
        let wanted = Weights::shapes(&Form::new(&config, &place)?.widths(&config));
        let found: Vec<[usize; 2]> = weights.parts.iter().map(|(shape, _)| *shape).collect();
        if found != wanted {
            let reason = format!("layers have shapes {found:?}, expected {wanted:?}");
            return Err(Error::invalid("age emulator", reason));
        }
        Ok(Self { config, weights, provenance })
    }

    /// Reads a file that `starburn emulator train` wrote.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::File`].
    pub fn read(path: &Path) -> Result<Self> {
        Self::from_store(&Store::read(path)?, path)
    }

    /// Takes the emulator out of a store; `path` is for error messages.
    ///
    /// # Errors
    /// [`Error::File`] when something is missing, has the wrong shape, is not finite, or is not what the
    /// checksum was made of.
    pub fn from_store(store: &Store, path: &Path) -> Result<Self> {
        let text = |key: &str| store.metadata.get(key).map_or("", String::as_str);
        if text("format") != FORMAT {
            return Err(Error::file(
                path,
                format!("is no age emulator: its format is not {FORMAT}"),
            ));
        }
        let in_file = |e: Error| Error::file(path, e.to_string());
        let config = EmulatorConfig::parse(text("config")).map_err(in_file)?;
        let own = |key: &str| OWN_KEYS.contains(&key);
        let provenance =
            store.metadata.iter().filter(|(key, _)| !own(key)).map(|(k, v)| (k.clone(), v.clone()));
        let weights = take_weights(store, "weights", path)?;
        let emulator = Self::new(config, weights, provenance.collect()).map_err(in_file)?;
        if emulator.checksum() != text("checksum") {
            let reason = "its configuration and weights are not those of its checksum";
            return Err(Error::file(path, reason));
        }
        Ok(emulator)
    }

    /// The emulator as a store: weights layer by layer; configuration with prior box and seed, provenance
    /// and checksum in the metadata.
    ///
    /// # Errors
    /// Those of [`EmulatorConfig::to_toml`].
    pub fn to_store(&self) -> Result<Store> {
        let mut store = Store { metadata: self.provenance.clone(), ..Store::default() };
        put_weights(&mut store, "weights", &self.weights);
        for (key, value) in
            OWN_KEYS.iter().zip([FORMAT.to_owned(), self.config.to_toml()?, self.checksum()])
        {
            store.metadata.insert((*key).to_owned(), value);
        }
        Ok(store)
    }

    /// SHA-256 of configuration and weights.
    pub fn checksum(&self) -> String {
        let mut sum = Checksum::default();
        sum.text(&self.config.to_toml().unwrap_or_default());
        for (shape, values) in &self.weights.parts {
            sum.text(&format!("{shape:?}"));
            sum.numbers(values);
        }
        sum.hex()
    }

    /// How it was trained.
    pub fn config(&self) -> &EmulatorConfig {
        &self.config
    }

    /// Errors, licence and other facts as the file states them.
    pub fn provenance(&self) -> &BTreeMap<String, String> {
        &self.provenance
    }

    /// The same emulator with another fact about it.
    #[must_use]
    pub fn with_fact(mut self, key: &str, value: impl Into<String>) -> Self {
        self.provenance.insert(key.to_owned(), value.into());
        self
    }

    /// The box it was trained in.
    ///
    /// # Errors
    /// None for a valid configuration, which this one is.
    pub fn prior(&self) -> Result<PriorBox> {
        PriorBox::new(self.config.sfh, &self.config.prior)
    }

    /// The emulator on a device, for the ages of an SSP grid.
    ///
    /// # Errors
    /// None for a valid configuration, which this one is.
    pub fn on(&self, ages: &AgeGrid, place: &Place) -> Result<GridEmulator> {
        let form = Form::new(&self.config, place)?;
        let shape = [form.edges_gyr().len() - 1, ages.lg_age_gyr().len()];
        Ok(GridEmulator {
            layers: self.weights.at(place),
            shares_in: place.matrix(&shares_in(form.edges_gyr(), ages), shape),
            prior: self.prior()?,
            form,
        })
    }
}

/// An [`AgeEmulator`] on a device, for the ages of one SSP grid.
#[derive(Clone, Debug)]
pub struct GridEmulator {
    form: Form,
    layers: Layers,
    /// Share of each bin in each age, `[n_bin, n_age]`.
    shares_in: Tensor<2>,
    prior: PriorBox,
}

impl GridEmulator {
    /// P(age) and mass of histories with the emulator's model, whose parameters hold at the times of
    /// observation `t_obs_gyr` (`[n_gal]`).
    ///
    /// # Errors
    /// None for parameters of the emulator's model.
    pub fn age_distribution(
        &self,
        sfh: &SfhParams,
        t_obs_gyr: &Tensor<1>,
    ) -> Result<AgeDistribution> {
        let prepared = self.form.prepare(sfh, t_obs_gyr)?;
        let masses = self.form.masses(self.layers.forward(prepared.inputs.clone()), &prepared);
        Ok(AgeDistribution {
            weights: normalised(masses.shares.matmul(self.shares_in.clone())),
            lg_mass_formed: masses.lg_mass_formed,
        })
    }

    /// What the emulator says without its network: the first guess, from the rates that are inputs.
    pub(super) fn without_network(&self) -> Self {
        let parts = self.layers.parts.iter().map(|part| part.clone().zeros_like());
        Self { layers: Layers { parts: parts.collect() }, ..self.clone() }
    }

    /// The box in which the emulator was trained.
    pub fn prior(&self) -> &PriorBox {
        &self.prior
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(change: impl FnOnce(&mut Store)) -> String {
        let path = Path::new("x.safetensors");
        let mut store = AgeEmulator::embedded().to_store().unwrap();
        change(&mut store);
        AgeEmulator::from_store(&store, path).unwrap_err().to_string()
    }

    #[test]
    fn the_embedded_emulator_comes_back_from_its_store() {
        let emulator = AgeEmulator::embedded();
        assert_eq!(checksum_of_bytes(), EMBEDDED_EMULATOR_SHA256);
        let store = emulator.to_store().unwrap();
        let back = AgeEmulator::from_store(&store, Path::new("x")).unwrap();
        assert_eq!(&back, emulator);
        let config = EmulatorConfig::parse(EmulatorConfig::embedded_text()).unwrap();
        assert_eq!(emulator.config(), &config, "models/age_emulator.toml is not its configuration");
    }

    fn checksum_of_bytes() -> String {
        crate::checksum::checksum_of(AgeEmulator::embedded_bytes())
    }

    #[test]
    fn broken_files_are_refused() {
        use crate::store::Array;
        let error = error_of(|s| drop(s.metadata.remove("format")));
        assert!(error.contains("no age emulator"), "{error}");
        let error = error_of(|s| drop(s.metadata.remove("config")));
        assert!(error.contains("configuration"), "{error}");
        let error = error_of(|s| drop(s.arrays.remove("weights.1")));
        assert!(error.contains("weights.1"), "{error}");
        let error =
            error_of(|s| drop(s.arrays.insert("weights.1".into(), Array::f64(&[1, 1], vec![0.0]))));
        assert!(error.contains("weights.1"), "{error}");
        let change = |s: &mut Store, value: f64| {
            let old = &s.arrays["weights.1"];
            let mut values = old.to_f64();
            values[0] = value;
            let new = Array::f64(&old.shape.clone(), values);
            s.arrays.insert("weights.1".into(), new);
        };
        let error = error_of(|s| change(s, f64::NAN));
        assert!(error.contains("not finite"), "{error}");
        let error = error_of(|s| change(s, 0.125));
        assert!(error.contains("checksum"), "{error}");
        let error = error_of(|s| {
            let config = s.metadata["config"].replace("n_age = ", "n_age = 1");
            s.metadata.insert("config".into(), config);
        });
        assert!(error.contains("expected"), "{error}");
    }

    #[test]
    fn predictions_with_the_emulator_are_those_with_nodes() {
        use std::sync::Arc;

        use crate::filter::FilterSet;
        use crate::population::{Frame, GalaxyModel, ModelSettings};
        use crate::sfh::{LookbackNodes, SfhModel};
        use crate::ssp::embedded;
        use crate::testing::{assert_close, for_each_place, values};

        let filters = FilterSet::embedded("lsst").unwrap();
        let emulator = Some(Arc::new(AgeEmulator::embedded().clone()));
        let settings = ModelSettings { frame: Frame::Rest, ..ModelSettings::default() };
        let emulated = ModelSettings { emulator, ..settings.clone() };
        for_each_place(|place| {
            let nodes = LookbackNodes::new(512).unwrap();
            let exact = ModelSettings { nodes, ..settings.clone() };
            let model =
                |s: &ModelSettings| GalaxyModel::new(embedded(), &filters, s.clone(), place);
            let (exact, emulated) = (model(&exact).unwrap(), model(&emulated).unwrap());
            let components = exact.components();
            let rows = [
                components.default_values(),
                components.row(&[("logm0", 13.0), ("lg_drop", -2.0), ("lg_rejuv", -1.0)]).unwrap(),
                components.row(&[("logm0", 16.0)]).unwrap(),
            ];
            let refs: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
            let t_obs = [10.0, 13.0, 13.0];
            let galaxies = components.galaxies(&place.rows(&refs), Some(place.vector(&t_obs)));
            let mut galaxies = galaxies.unwrap();
            let (want, got) = (exact.predict(&galaxies), emulated.predict(&galaxies));
            let (want, got) = (want.unwrap(), got.unwrap());
            assert_close(&values(got.magnitudes)[..12], &values(want.magnitudes)[..12], 0.0, 5e-3);
            let masses = [got.lg_mass_formed, want.lg_mass_formed].map(values);
            assert_close(&masses[0][..2], &masses[1][..2], 0.0, 2e-3);
            let outside = emulated.outside_prior(&rows, &t_obs);
            assert!(outside[0].is_none() && outside[1].is_none());
            assert!(outside[2].as_deref().unwrap().starts_with("logm0 = 16"));
            assert!(exact.outside_prior(&rows, &t_obs).iter().all(Option::is_none));
            // Diffstar's parameters hold at any time.
            galaxies.t_ref_gyr = Some(place.vector(&[12.0; 3]));
            emulated.predict(&galaxies).unwrap();
        });
        let mut other = emulated;
        other.components.sfh = SfhModel::GasDepletion;
        let place = Place::open(DEFAULT_DEVICE, Precision::F32).unwrap();
        let error = GalaxyModel::new(embedded(), &filters, other, &place).unwrap_err().to_string();
        assert!(error.contains("diffstar") && error.contains("gas_depletion"), "{error}");
    }
}
