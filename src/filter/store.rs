//! The library's own format: several filters in one safetensors file.
//!
//! Each filter is a pair of tensors `<name>/wave_aa` and `<name>/transmission` of shape `[n_trans]`
//! in f32 or f64. The metadata entry `provenance` is a JSON object from names to provenances.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::Filter;
use crate::{Error, Result};

const WAVE: &str = "wave_aa";
const TRANSMISSION: &str = "transmission";
const PROVENANCE: &str = "provenance";

/// The filters of a store in alphabetical order of their names.
pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<Vec<Filter>> {
    let damaged = |e: &dyn std::fmt::Display| {
        Error::file(path, format!("not a readable safetensors file: {e}"))
    };
    // Both check every declared size against the length of the file.
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| damaged(&e))?;
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| damaged(&e))?;
    let mut provenance: BTreeMap<String, String> =
        match header.metadata().as_ref().and_then(|m| m.get(PROVENANCE)) {
            Some(json) => serde_json::from_str(json).map_err(|e| {
                Error::file(path, format!("metadata {PROVENANCE}: {e}; needs names to texts"))
            })?,
            None => BTreeMap::new(),
        };

    let mut names = BTreeSet::new();
    for key in tensors.names() {
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
        let key = format!("{name}/{quantity}");
        let values = tensors.tensor(&key).map_err(|e| e.to_string()).and_then(|view| values(&view));
        values.map_err(|reason| Error::file(path, format!("tensor {key}: {reason}")))
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
    let bytes = |values: &[f64]| -> Vec<u8> {
        values.iter().flat_map(|&v| (v as f32).to_le_bytes()).collect()
    };
    let data: Vec<_> = filters
        .iter()
        .flat_map(|f| [(f, WAVE, bytes(f.wave_aa())), (f, TRANSMISSION, bytes(f.transmission()))])
        .collect();
    let failed = |e: &dyn std::fmt::Display| Error::invalid("filter store", e.to_string());
    let tensors = data
        .iter()
        .map(|(f, quantity, bytes)| {
            TensorView::new(Dtype::F32, vec![f.wave_aa().len()], bytes)
                .map(|view| (format!("{}/{quantity}", f.name()), view))
        })
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|e| failed(&e))?;
    let provenance: BTreeMap<_, _> = filters.iter().map(|f| (f.name(), f.provenance())).collect();
    let provenance = serde_json::to_string(&provenance).map_err(|e| failed(&e))?;
    // One entry only: the crate writes a hash map, whose order would change from run to run.
    let metadata = HashMap::from([(PROVENANCE.to_owned(), provenance)]);
    safetensors::serialize(tensors, Some(metadata)).map_err(|e| failed(&e))
}

fn values(view: &TensorView) -> std::result::Result<Vec<f64>, String> {
    if view.shape().len() != 1 {
        return Err(format!("has shape {:?}; needs one dimension", view.shape()));
    }
    match view.dtype() {
        Dtype::F32 => {
            let (values, _) = view.data().as_chunks();
            Ok(values.iter().map(|&b| f32::from_le_bytes(b).into()).collect())
        }
        Dtype::F64 => {
            let (values, _) = view.data().as_chunks();
            Ok(values.iter().map(|&b| f64::from_le_bytes(b)).collect())
        }
        other => Err(format!("has type {other}; allowed: F32, F64")),
    }
}

#[cfg(test)]
mod tests {
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
            (store(&[wave], None), "tensor q/transmission: "),
            (store(&[("q", Dtype::F32, &[4], &ramp)], None), "tensor q: a filter has"),
            (store(&[("q/flux", Dtype::F32, &[4], &ramp)], None), "tensor q/flux: a filter has"),
            (
                store(&[wave, ("q/transmission", Dtype::F32, &[2, 2], &ramp)], None),
                "tensor q/transmission: has shape [2, 2]",
            ),
            (
                store(&[wave, ("q/transmission", Dtype::I32, &[4], &ramp)], None),
                "has type I32; allowed: F32, F64",
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
