//! The fitted function: log10 of line luminosity per ionizing photon.
//!
//! `lg(L_line / Q_H)` is the output of a network of [three inputs](FitRange), each mapped linearly
//! from its range to [-1, 1]: hidden layers with `tanh`, then one linear combination per line.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use burn::tensor::Tensor;

use super::ionization::LGU_EDGES;
use super::network::Network;
use crate::ssp::find_line;
use crate::store::{Array, Store};
use crate::{Error, Result};

/// SHA-256 of the embedded file, checked by `starburn doctor`.
pub const EMBEDDED_LINES_SHA256: &str =
    "1ecf3263501f77fb9578c98d3fcb5bf806546c12f4ac590d69d9dfc258e8b87a";

static BYTES: &[u8] = include_bytes!("../../models/nebular_lines.safetensors");

const FORMAT: &str = "starburn-lines-1";
const NAMES: &str = "line_names";
const UNITS: &str = "line_wave_aa Angstrom (vacuum), line_brightest relative to Ba-beta, \
                     line_typical_dex and line_worst_dex dex, range log10 Z (absolute), log10 yr \
                     and log10 U, output log10 Lsun per ionizing photon per second";

/// The range of each argument that the function was fitted to, lowest and highest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitRange {
    /// log10 of the absolute mass fraction of metals.
    pub lgmet: [f64; 2],
    /// log10 of the stellar age \[yr\].
    pub lg_age_yr: [f64; 2],
    /// log10 of the ionization parameter.
    pub lgu: [f64; 2],
}

impl FitRange {
    fn axes(&self) -> [[f64; 2]; 3] {
        [self.lgmet, self.lg_age_yr, self.lgu]
    }

    /// Ionization parameters every quarter of a dex over the range, close enough for distributions of
    /// width 0.1 and more.
    pub fn lgu_nodes(&self) -> Vec<f64> {
        let [lo, hi] = self.lgu;
        let n = ((hi - lo) / 0.25).round().max(2.0);
        (0..=n as usize).map(|i| lo + (hi - lo) * i as f64 / n).collect()
    }

    /// The network's inputs for one point, which is clamped to the range.
    pub(super) fn inputs(&self, point: [f64; 3]) -> [f64; 3] {
        let axes = self.axes();
        std::array::from_fn(|i| {
            let [lo, hi] = axes[i];
            (2.0 * point[i].clamp(lo, hi) - lo - hi) / (hi - lo)
        })
    }
}

/// One line of the fit.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedLine {
    /// Name, such as "\[O III\] 5007" or "Ba-alpha 6563".
    pub name: String,
    /// Vacuum wavelength \[Angstrom\].
    pub wave_aa: f64,
    /// Its largest luminosity relative to H-beta anywhere in the table.
    pub brightest: f64,
    /// Median of the absolute residual where the line exceeds 1e-3 of H-beta \[dex\].
    pub typical_dex: f64,
    /// Largest absolute residual there \[dex\].
    pub worst_dex: f64,
}

/// Luminosities of nebular emission lines per ionizing photon.
#[derive(Clone, Debug, PartialEq)]
pub struct LineFit {
    lines: Vec<FittedLine>,
    range: FitRange,
    network: Network,
    provenance: BTreeMap<String, String>,
}

impl LineFit {
    /// The fit that is built into the program: lines of the photoionization models of Byler et al.
    /// (2017, ApJ 840, 44) for single-age populations.
    pub fn embedded() -> &'static Self {
        static FIT: OnceLock<LineFit> = OnceLock::new();
        FIT.get_or_init(|| {
            let path = Path::new("embedded line fit");
            Store::from_bytes(BYTES, path)
                .and_then(|store| Self::from_store(&store, path))
                .unwrap_or_else(|e| unreachable!("the embedded fit is tested to be valid: {e}"))
        })
    }

    /// The embedded file's bytes.
    pub fn embedded_bytes() -> &'static [u8] {
        BYTES
    }

    pub(super) fn new(
        lines: Vec<FittedLine>,
        range: FitRange,
        network: Network,
        provenance: BTreeMap<String, String>,
    ) -> Self {
        Self { lines, range, network, provenance }
    }

    /// Reads a fit that `starburn nebular calibrate` wrote.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::File`].
    pub fn read(path: &Path) -> Result<Self> {
        Self::from_store(&Store::read(path)?, path)
    }

    /// Takes the fit out of a store; `path` is for error messages.
    ///
    /// # Errors
    /// [`Error::File`] when something is missing, has the wrong shape or is not finite.
    pub fn from_store(store: &Store, path: &Path) -> Result<Self> {
        if store.metadata.get("format").map(String::as_str) != Some(FORMAT) {
            return Err(Error::file(path, format!("is no line fit: its format is not {FORMAT}")));
        }
        let get = |name: &str, shape: &[usize]| {
            let array = store.array(name, shape.len(), path)?;
            let values = array.to_f64();
            if array.shape != shape || values.iter().any(|v| !v.is_finite()) {
                let reason = format!(
                    "tensor {name:?} has shape {:?}; expected finite values of shape {shape:?}",
                    array.shape
                );
                return Err(Error::file(path, reason));
            }
            Ok(values)
        };
        let names: Vec<String> =
            serde_json::from_str(store.metadata.get(NAMES).map_or("", String::as_str))
                .map_err(|e| Error::file(path, format!("metadata {NAMES}: {e}")))?;
        let n_line = names.len();
        if n_line == 0 {
            return Err(Error::file(path, format!("metadata {NAMES} names no line")));
        }
        let vector = |name| get(name, &[n_line]);
        let (wave, brightest) = (vector("line_wave_aa")?, vector("line_brightest")?);
        let (typical, worst) = (vector("line_typical_dex")?, vector("line_worst_dex")?);
        if let Some(i) = wave.iter().position(|wave| *wave <= 0.0) {
            let reason = format!("{:?} has wavelength {}", names[i], wave[i]);
            return Err(Error::file(path, reason));
        }
        let lines = names
            .into_iter()
            .enumerate()
            .map(|(i, name)| FittedLine {
                name,
                wave_aa: wave[i],
                brightest: brightest[i],
                typical_dex: typical[i],
                worst_dex: worst[i],
            })
            .collect();

        let ends = get("range", &[3, 2])?;
        if ends.chunks(2).any(|axis| axis[1] <= axis[0]) {
            return Err(Error::file(path, "tensor \"range\": each row must ascend"));
        }
        let (lo, hi) = LGU_EDGES;
        if let Some(end) = ends[4..].iter().find(|end| **end <= lo || **end >= hi) {
            let reason = format!("tensor \"range\": log10 U = {end} is outside ({lo}, {hi})");
            return Err(Error::file(path, reason));
        }
        let axis = |i: usize| [ends[2 * i], ends[2 * i + 1]];
        let range = FitRange { lgmet: axis(0), lg_age_yr: axis(1), lgu: axis(2) };

        let (mut sizes, mut coefficients) = (vec![3], Vec::new());
        while store.arrays.contains_key(&weights_of(sizes.len() - 1)) {
            let k = sizes.len() - 1;
            let n_out = store.array(&biases_of(k), 1, path)?.shape[0];
            if n_out == 0 {
                return Err(Error::file(path, format!("tensor {:?} is empty", biases_of(k))));
            }
            coefficients.extend(get(&weights_of(k), &[sizes[k], n_out])?);
            coefficients.extend(get(&biases_of(k), &[n_out])?);
            sizes.push(n_out);
        }
        if sizes.len() < 2 || sizes.last() != Some(&n_line) {
            let reason = format!("the layers have widths {sizes:?} for {n_line} lines");
            return Err(Error::file(path, reason));
        }
        let mut network = Network::zeros(sizes);
        network.coefficients = coefficients;
        let provenance = store
            .metadata
            .iter()
            .filter(|(key, _)| !["format", "units", NAMES].contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        Ok(Self { lines, range, network, provenance })
    }

    /// The fit as a store: one pair of tensors per layer, names and provenance in the metadata.
    pub fn to_store(&self) -> Store {
        let mut store = Store { metadata: self.provenance.clone(), ..Store::default() };
        let mut put = |name: &str, shape: &[usize], values: &[f64]| {
            store.arrays.insert(name.to_owned(), Array::compact(shape, values));
        };
        for k in 0..self.network.n_layers() {
            let layer = self.network.layer(k);
            put(&weights_of(k), &[layer.n_in, layer.n_out], layer.weights);
            put(&biases_of(k), &[layer.n_out], layer.biases);
        }
        put("range", &[3, 2], self.range.axes().as_flattened());
        type Field = fn(&FittedLine) -> f64;
        let fields: [(&str, Field); 4] = [
            ("line_wave_aa", |line| line.wave_aa),
            ("line_brightest", |line| line.brightest),
            ("line_typical_dex", |line| line.typical_dex),
            ("line_worst_dex", |line| line.worst_dex),
        ];
        for (name, field) in fields {
            let values: Vec<f64> = self.lines.iter().map(field).collect();
            put(name, &[values.len()], &values);
        }
        let names: Vec<&str> = self.lines.iter().map(|line| line.name.as_str()).collect();
        store.metadata.insert(NAMES.into(), serde_json::json!(names).to_string());
        store.metadata.insert("format".into(), FORMAT.into());
        store.metadata.insert("units".into(), UNITS.into());
        store
    }

    /// The lines, by wavelength.
    pub fn lines(&self) -> &[FittedLine] {
        &self.lines
    }

    /// The range of the arguments.
    pub fn range(&self) -> &FitRange {
        &self.range
    }

    /// Source, licence, residuals and other facts as the file states them.
    pub fn provenance(&self) -> &BTreeMap<String, String> {
        &self.provenance
    }

    /// Index of a line. Case, spaces and brackets do not matter: "\[O III\] 5007", "oiii5007" and the
    /// "O_III_5007" of DSPS are the same line.
    ///
    /// # Errors
    /// [`Error::UnknownName`], naming the closest lines.
    pub fn find(&self, name: &str) -> Result<usize> {
        let names: Vec<&str> = self.lines.iter().map(|line| line.name.as_str()).collect();
        find_line(&names, name)
    }

    /// log10 of the luminosity of each line \[Lsun\] per ionizing photon per second, `[n, n_line]`,
    /// in gas of metallicity `lgmet` (log10 of the absolute mass fraction) and ionization parameter
    /// `lgu` (log10) around stars of age `lg_age_yr` (log10 yr), each `[n]`.
    ///
    /// Arguments outside the [range](Self::range) are clamped to it, with zero gradient.
    pub fn lg_lsun_per_q(
        &self,
        lgmet: &Tensor<1>,
        lg_age_yr: &Tensor<1>,
        lgu: &Tensor<1>,
    ) -> Tensor<2> {
        let scaled = |x: &Tensor<1>, [lo, hi]: [f64; 2]| {
            (x.clone().clamp(lo, hi) * 2.0 - (lo + hi)) / (hi - lo)
        };
        let inputs =
            [(lgmet, self.range.lgmet), (lg_age_yr, self.range.lg_age_yr), (lgu, self.range.lgu)]
                .map(|(x, range)| scaled(x, range));
        self.network.forward(Tensor::stack(inputs.to_vec(), 1))
    }

    /// The same on the host, for points (`lgmet`, `lg_age_yr`, `lgu`); row-major `[n, n_line]`.
    pub fn lg_lsun_per_q_at(&self, points: &[[f64; 3]]) -> Vec<f64> {
        let inputs: Vec<[f64; 3]> = points.iter().map(|p| self.range.inputs(*p)).collect();
        self.network.evaluate(inputs.as_flattened())
    }
}

fn weights_of(k: usize) -> String {
    format!("layer{k}/weights")
}

fn biases_of(k: usize) -> String {
    format!("layer{k}/biases")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nebular::network::tests::example;

    #[test]
    fn names_are_found_however_they_are_written() {
        let fit = LineFit::embedded();
        for name in ["[O III] 5007", "O_III_5007", "oiii5007", "O III 5007"] {
            assert_eq!(fit.lines()[fit.find(name).unwrap()].wave_aa, 5008.314);
        }
        let error = fit.find("[O III] 5008").unwrap_err().to_string();
        assert!(error.contains("there are: [O III] 5007,"), "{error}");
    }

    #[test]
    fn a_store_that_is_no_fit_is_refused() {
        let path = Path::new("fit.safetensors");
        let good = LineFit::embedded().to_store();
        assert_eq!(&LineFit::from_store(&good, path).unwrap(), LineFit::embedded());
        let refused = |part: &str, breaks: &dyn Fn(&mut Store)| {
            let mut store = good.clone();
            breaks(&mut store);
            let error = LineFit::from_store(&store, path).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("fit.safetensors"), "{error}");
        };
        refused("format is not", &|s| s.metadata.clear());
        refused("metadata line_names", &|s| drop(s.metadata.remove(NAMES)));
        refused("no tensor \"range\"", &|s| drop(s.arrays.remove("range")));
        refused("must ascend", &|s| {
            s.arrays.insert("range".into(), Array::f64(&[3, 2], vec![0.0; 6]));
        });
        for lgu in [[-1e9, 1e9], [-1e308, 1e308], [-4.0, 10.0]] {
            refused("is outside (-10, 10)", &|s| {
                let range = [&[-3.0, -1.0, 5.0, 7.0][..], &lgu].concat();
                s.arrays.insert("range".into(), Array::f64(&[3, 2], range));
            });
        }
        refused("for 108 lines", &|s| drop(s.arrays.remove("layer0/weights")));
        refused("expected finite values of shape [3, 40]", &|s| {
            s.arrays.insert("layer0/weights".into(), Array::f64(&[3, 40], vec![f64::NAN; 120]));
        });
        let other = example(&[3, 4, 107]);
        let mut fit = LineFit::embedded().clone();
        fit.network = other;
        assert!(LineFit::from_store(&fit.to_store(), path).is_err());
    }
}
