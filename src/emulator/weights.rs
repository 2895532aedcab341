//! Weights of networks in stores.

use std::path::Path;

use super::network::Weights;
use crate::store::{Array, Store};
use crate::{Error, Result};

/// Puts the parts of weights into a store as `name.0`, `name.1` and so on.
pub(super) fn put_weights(store: &mut Store, name: &str, weights: &Weights) {
    for (k, (shape, values)) in weights.parts.iter().enumerate() {
        store.arrays.insert(format!("{name}.{k}"), Array::compact(shape, values));
    }
}

/// Takes them out again.
///
/// # Errors
/// [`Error::File`] when a part is missing, does not fit the one before or is not finite.
pub(super) fn take_weights(store: &Store, name: &str, path: &Path) -> Result<Weights> {
    let mut parts: Vec<([usize; 2], Vec<f64>)> = Vec::new();
    let count = (0..).take_while(|k| store.arrays.contains_key(&format!("{name}.{k}"))).count();
    for k in 0..count.max(2) {
        let array = store.array(&format!("{name}.{k}"), 2, path)?;
        let (shape, values) = ([array.shape[0], array.shape[1]], array.to_f64());
        let fits = match parts.last() {
            None => true,
            Some(([_, n], _)) if k % 2 == 1 => shape == [1, *n],
            Some(([_, n], _)) => shape[0] == *n,
        };
        if !fits || values.is_empty() || values.iter().any(|v| !v.is_finite()) {
            let reason = format!(
                "tensor \"{name}.{k}\" of shape {shape:?} does not fit the layer before, or is not finite"
            );
            return Err(Error::file(path, reason));
        }
        parts.push((shape, values));
    }
    if parts.len() % 2 == 1 {
        return Err(Error::file(path, format!("the last layer of {name} has no biases")));
    }
    Ok(Weights { parts })
}
