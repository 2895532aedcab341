//! How many galaxies a chunk should have.

use crate::device::{Place, Precision};

/// Size of the largest tensors of a chunk on a CPU \[bytes\], by measurement: with fused operations there
/// are few of that size, and the calls of the many small ones cost more than what falls out of the cache.
pub const CPU_TENSOR_BYTES: usize = 704 << 10;

/// Memory for the graph of a chunk on a GPU \[bytes\]: large enough to keep it busy, a small part of what
/// cards have.
pub const GPU_GRAPH_BYTES: usize = 1 << 30;

/// Number of its largest tensors that the graph of a galaxy model keeps for the backward pass.
pub const GPU_GRAPH_TENSORS: usize = 100;

/// Galaxies per chunk for a model whose largest tensors have `values_per_galaxy` columns, such as the
/// look-back nodes of a [`BandModel`](crate::population::BandModel).
///
/// On a CPU, smaller chunks pay more for the calls of operations, larger ones fetch every operand from
/// memory again. On a GPU, where each call costs much and its width nothing, chunks are as large as the
/// budget allows.
pub fn default_batch(place: &Place, values_per_galaxy: usize) -> usize {
    let bytes_per_value = match place.precision() {
        Precision::F32 => 4,
        Precision::F64 => 8,
    };
    let bytes_per_galaxy = bytes_per_value * values_per_galaxy.max(1);
    let galaxies = if place.is_cpu() {
        CPU_TENSOR_BYTES / bytes_per_galaxy
    } else {
        GPU_GRAPH_BYTES / (bytes_per_galaxy * GPU_GRAPH_TENSORS)
    };
    galaxies.clamp(16, 1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::for_each_place;

    #[test]
    fn chunks_fit_and_are_never_empty() {
        for_each_place(|place| {
            let (narrow, wide) = (default_batch(place, 64), default_batch(place, 640));
            assert!(narrow > 9 * wide && wide >= 16, "{place}: {narrow} {wide}");
            if place.is_cpu() {
                assert_eq!(narrow, place.tolerance(1408.0, 2816.0) as usize);
            }
            assert_eq!(default_batch(place, usize::MAX / 1024), 16);
            assert!(default_batch(place, 0) <= 1 << 20);
        });
    }
}
