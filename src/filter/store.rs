//! The library's own format: several filters in one safetensors file.
//!
//! Each filter is a pair of tensors `<name>/wave_aa` and `<name>/transmission` of shape `[n_trans]`
//! in f32 or f64. The metadata entry `provenance` is a JSON object from names to provenances.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Filter;
use crate::store::{Array, Store, Values};
use crate::{Error, Result};

const WAVE: &str = "wave_aa";
const TRANSMISSION: &str = "transmission";
const PROVENANCE: &str = "provenance";

/// The filters of a store in alphabetical order of their names.
pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<Vec<Filter>> {
    let store = Store::from_bytes(bytes, path)?;
    let mut provenance: BTreeMap<String, String> = match store.metadata.get(PROVENANCE) {
        Some(json) => serde_json::from_str(json).map_err(|e| {
            Error::file(path, format!("metadata {PROVENANCE}: {e}; needs names to texts"))
        })?,
        None => BTreeMap::new(),
    };

    let mut names = BTreeSet::new();
    for key in store.arrays.keys() {
        match key.rsplit_once('/') {
            Some((name, WAVE | TRANSMISSION)) => names.insert(name),
            _ => {
                let reason = format!(
                    "tensor {key}: a filter has the tensors <name>/{WAVE} and <name>/{TRANSMISSION}"
                );
                return Err(Error::file(path, reason));
            }
        };
    }
    let read = |name: &str, quantity: &str| {
        store.array(&format!("{name}/{quantity}"), 1, path).map(Array::to_f64)
    };
    names
        .into_iter()
        .map(|name| {
            let source = provenance.remove(name).unwrap_or_else(|| path.display().to_string());
            Filter::new(name, read(name, WAVE)?, read(name, TRANSMISSION)?, source)
                .map_err(|e| Error::file(path, e.to_string()))
        })
        .collect()
}

/// The filters as a store in f32.
pub(super) fn serialize(filters: &[Filter]) -> Result<Vec<u8>> {
    let single = |values: &[f64]| Array {
        shape: vec![values.len()],
        values: Values::F32(values.iter().map(|value| *value as f32).collect()),
    };
    let arrays = filters.iter().flat_map(|f| {
        [(WAVE, f.wave_aa()), (TRANSMISSION, f.transmission())]
            .map(|(quantity, values)| (format!("{}/{quantity}", f.name()), single(values)))
    });
    let provenance: BTreeMap<_, _> = filters.iter().map(|f| (f.name(), f.provenance())).collect();
    let provenance = serde_json::to_string(&provenance)
        .map_err(|e| Error::invalid("filter store", e.to_string()))?;
    // One entry only, so that the bytes are the same from run to run.
    let metadata = BTreeMap::from([(PROVENANCE.to_owned(), provenance)]);
    Store { arrays: arrays.collect(), metadata }.to_bytes()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use safetensors::tensor::{Dtype, TensorView};

    use super::*;

    fn filters() -> Vec<Filter> {
        let filter = |name, peak| {
            let wave_aa = vec![1234.5, 2000.1, 3000.0, 100_000.7];
            Filter::new(name, wave_aa, vec![0.0, peak, 0.1, 0.0], format!("of {name}")).unwrap()
        };
        vec![filter("a_x", 0.75), filter("b.y", 1.0)]
    }

    fn read(bytes: &[u8]) -> Result<Vec<Filter>> {
        parse(bytes, Path::new("s.safetensors"))
    }

    fn store(tensors: &[(&str, Dtype, &[usize], &[u8])], metadata: Option<&str>) -> Vec<u8> {
        let tensors = tensors.iter().map(|&(name, dtype, shape, data)| {
            (name, TensorView::new(dtype, shape.to_vec(), data).unwrap())
        });
        let metadata = metadata.map(|m| HashMap::from([(PROVENANCE.to_owned(), m.to_owned())]));
        safetensors::serialize(tensors, metadata).unwrap()
    }

    #[test]
    fn a_round_trip_keeps_everything_to_single_precision() {
        let original = filters();
        let read = read(&serialize(&original).unwrap()).unwrap();
        assert_eq!(read.len(), 2);
        for (a, b) in original.iter().zip(&read) {
            assert_eq!((a.name(), a.provenance()), (b.name(), b.provenance()));
            assert_eq!(a.wave_aa().len(), b.wave_aa().len());
            for (x, y) in a.wave_aa().iter().zip(b.wave_aa()) {
                assert!((x / y - 1.0).abs() < 6e-8, "{x} {y}");
            }
            for (x, y) in a.transmission().iter().zip(b.transmission()) {
                assert!((x - y).abs() < 6e-8, "{x} {y}");
            }
        }
    }

    #[test]
    fn double_precision_is_read_exactly_and_provenance_is_optional() {
        let wave: Vec<u8> =
            [1000.1, 2000.2, 3000.3f64].iter().flat_map(|x| x.to_le_bytes()).collect();
        let t: Vec<u8> = [0.0, 0.1, 0.0f64].iter().flat_map(|x| x.to_le_bytes()).collect();
        let bytes = store(
            &[("q/transmission", Dtype::F64, &[3], &t), ("q/wave_aa", Dtype::F64, &[3], &wave)],
            None,
        );
        let f = &read(&bytes).unwrap()[0];
        assert_eq!((f.name(), f.provenance()), ("q", "s.safetensors"));
        assert_eq!((f.wave_aa()[0], f.transmission()[1]), (1000.1, 0.1));
    }

    #[test]
    fn the_bytes_are_reproducible() {
        let again: Vec<_> = filters().into_iter().rev().collect();
        assert_eq!(serialize(&filters()).unwrap(), serialize(&again).unwrap());
    }

    #[test]
    fn misfit_tensors_and_metadata_are_named() {
        let ramp = [1.0f32, 2.0, 3.0, 4.0].map(f32::to_le_bytes).concat();
        let wave = ("q/wave_aa", Dtype::F32, &[4][..], &ramp[..]);
        for (bytes, expected) in [
            (store(&[wave], None), "no tensor \"q/transmission\""),
            (store(&[("q", Dtype::F32, &[4], &ramp)], None), "tensor q: a filter has"),
            (store(&[("q/flux", Dtype::F32, &[4], &ramp)], None), "tensor q/flux: a filter has"),
            (
                store(&[wave, ("q/transmission", Dtype::F32, &[2, 2], &ramp)], None),
                "tensor \"q/transmission\" has shape [2, 2]",
            ),
            (
                store(&[wave, ("q/transmission", Dtype::I32, &[4], &ramp)], None),
                "has dtype I32, expected F32 or F64",
            ),
            (store(&[wave, ("q/transmission", Dtype::F32, &[4], &ramp)], None), "outside"),
            (store(&[wave], Some("[]")), "metadata provenance: "),
        ] {
            let message = read(&bytes).unwrap_err().to_string();
            assert!(message.contains(expected), "{expected}: {message}");
        }
    }

    #[test]
    fn truncated_and_oversized_declarations_are_errors() {
        let good = serialize(&filters()).unwrap();
        for n in 0..good.len() {
            assert!(read(&good[..n]).is_err(), "{n} bytes");
        }
        let mut huge_header = good;
        huge_header[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(read(&huge_header).is_err());
    }
}
