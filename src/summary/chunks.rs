//! A population in chunks, and sums over them on several threads.

use std::ops::Range;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::ScopedJoinHandle;

use burn::tensor::Tensor;

use super::Quantities;
use crate::caught::last_words;
use crate::device::Place;
use crate::{Error, Result};

/// Chunks that a worker may be ahead of the others.
const AHEAD: usize = 16;

/// One worker's share of a population: some of its chunks, and a copy of the model.
///
/// Each worker runs on a thread of its own. Tensors move between threads but are not shared, so
/// workers have nothing in common. Chunks must not depend on how they are dealt out; draw random numbers
/// by galaxy, with [`random`](crate::numerics::random).
pub trait Population: Send {
    /// Device and precision of the quantities.
    fn place(&self) -> &Place;

    /// Number of chunks of this worker.
    fn n_chunks(&self) -> usize;

    /// The galaxies of one of its chunks, for the parameters of the population (`[1, n_theta]`).
    ///
    /// # Errors
    /// Those of the model.
    fn quantities(&self, chunk: usize, theta: &Tensor<2>) -> Result<Quantities>;
}

/// Deals out `n` galaxies in chunks of `batch` to workers: the galaxies of each chunk of each worker.
///
/// Chunk after chunk goes to worker after worker, which is the order in which [`sum_over_chunks`] adds
/// them up.
///
/// # Errors
/// [`Error::OutOfRange`] for no galaxies, none per chunk or no workers.
pub fn deal(n: usize, batch: usize, n_workers: usize) -> Result<Vec<Vec<Range<usize>>>> {
    for (what, value) in [("galaxies", n), ("galaxies per chunk", batch), ("workers", n_workers)] {
        if value == 0 {
            return Err(Error::OutOfRange {
                what: format!("number of {what}"),
                value: 0.0,
                allowed: "[1, inf)".into(),
            });
        }
    }
    let mut shares = vec![Vec::new(); n_workers];
    for (i, start) in (0..n).step_by(batch).enumerate() {
        shares[i % n_workers].push(start..start.saturating_add(batch).min(n));
    }
    Ok(shares)
}

/// Adds up what `part` gives for every chunk (`width` numbers) in f64, each worker on its own thread.
/// `part` is told the worker, the number of the chunk there, and its number in the order of the sum.
///
/// Sums are taken in the order in which [`deal`] deals, so they are the same to the last bit for any
/// number of workers. Memory does not grow with the number of chunks.
///
/// # Errors
/// The first error of `part`; [`Error::Invalid`] for parts of another width; [`Error::Worker`] when a worker
/// panics.
pub fn sum_over_chunks<P: Population>(
    workers: &mut [P],
    width: usize,
    part: impl Fn(&P, usize, usize) -> Result<Vec<f64>> + Sync,
) -> Result<Vec<f64>> {
    let n_chunks: Vec<usize> = workers.iter().map(Population::n_chunks).collect();
    // Round by round, as long as a worker has any.
    let turn = |w: usize, chunk: usize| -> usize {
        let before = |(v, n): (usize, &usize)| (*n).min(chunk + usize::from(v < w));
        n_chunks.iter().enumerate().map(before).sum()
    };
    let turn = &turn;
    let part = &part;
    std::thread::scope(|scope| {
        let mut parts = Vec::new();
        let mut threads = Vec::new();
        for (w, worker) in workers.iter_mut().enumerate() {
            let (send, receive) = sync_channel(AHEAD);
            parts.push(receive);
            threads.push(scope.spawn(move || {
                for chunk in 0..worker.n_chunks() {
                    // Nobody listens any more after an error.
                    if send.send(part(worker, chunk, turn(w, chunk))).is_err() {
                        break;
                    }
                }
            }));
        }
        let sum = in_turn(parts, &n_chunks, width);
        // Every one of them, or the scope would panic for those that are left.
        let ended: Vec<_> = threads.into_iter().map(ScopedJoinHandle::join).collect();
        if let Some(words) = ended.into_iter().find_map(std::result::Result::err) {
            return Err(Error::Worker { reason: last_words(&*words) });
        }
        sum
    })
}

/// Takes one part of each worker in turn, as long as it has any, and adds them up.
fn in_turn(
    parts: Vec<Receiver<Result<Vec<f64>>>>,
    n_chunks: &[usize],
    width: usize,
) -> Result<Vec<f64>> {
    let mut sum = vec![0.0; width];
    for round in 0..n_chunks.iter().copied().max().unwrap_or(0) {
        for (parts, _) in parts.iter().zip(n_chunks).filter(|(_, n)| round < **n) {
            let ended = |_| Error::invalid("population", "a worker thread ended early");
            let part = parts.recv().map_err(ended)??;
            if part.len() != width {
                let reason = format!("a chunk has {} sums, expected {width}", part.len());
                return Err(Error::invalid("population", reason));
            }
            sum.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Precision;
    use crate::testing::places;

    struct Numbers {
        place: Place,
        chunks: Vec<Range<usize>>,
    }

    impl Population for Numbers {
        fn place(&self) -> &Place {
            &self.place
        }

        fn n_chunks(&self) -> usize {
            self.chunks.len()
        }

        fn quantities(&self, _: usize, _: &Tensor<2>) -> Result<Quantities> {
            Err(Error::invalid("test", "has no galaxies"))
        }
    }

    fn numbers(n: usize, batch: usize, n_workers: usize) -> Vec<Numbers> {
        let place = &places(Precision::F64)[0];
        let worker = |chunks| Numbers { place: place.clone(), chunks };
        deal(n, batch, n_workers).unwrap().into_iter().map(worker).collect()
    }

    #[test]
    fn every_galaxy_is_dealt_once_in_turn() {
        assert_eq!(deal(7, 2, 2).unwrap(), [[0..2, 4..6], [2..4, 6..7]]);
        let shares = deal(1, usize::MAX, 2).unwrap();
        assert_eq!((&shares[0][0], shares[0].len(), shares[1].len()), (&(0..1), 1, 0));
        for (n, batch, workers) in [(0, 1, 1), (1, 0, 1), (1, 1, 0)] {
            assert!(deal(n, batch, workers).is_err());
        }
    }

    #[test]
    fn the_order_of_the_sum_does_not_depend_on_the_workers() {
        // Numbers of very different size, whose sum depends on the order.
        let part = |worker: &Numbers, chunk: usize, _: usize| {
            let of = |i: usize| 1e8f64.powf((i as f64 * 0.618).fract() * 2.0 - 1.0);
            Ok(vec![worker.chunks[chunk].clone().map(of).sum(), 1.0])
        };
        let one = sum_over_chunks(&mut numbers(1000, 3, 1), 2, part).unwrap();
        assert_eq!(one[1], 334.0);
        for n_workers in [2, 3, 8, 400] {
            let other = sum_over_chunks(&mut numbers(1000, 3, n_workers), 2, part).unwrap();
            assert_eq!(other, one);
        }
        assert_eq!(sum_over_chunks(&mut [], 2, part).unwrap(), [0.0, 0.0]);
    }

    #[test]
    fn chunks_are_numbered_as_they_are_dealt() {
        for n_workers in [1, 2, 3, 8] {
            let right = |worker: &Numbers, chunk: usize, turn: usize| {
                Ok(vec![f64::from(u8::from(worker.chunks[chunk].start == 3 * turn))])
            };
            let sum = sum_over_chunks(&mut numbers(20, 3, n_workers), 1, right).unwrap();
            assert_eq!(sum, [7.0], "{n_workers}");
        }
    }

    #[test]
    fn errors_and_panics_of_workers_are_errors_and_end() {
        let failing = |worker: &Numbers, chunk: usize, _: usize| match worker.chunks[chunk].start {
            30 => Err(Error::invalid("test", "failed")),
            _ => Ok(vec![1.0]),
        };
        let panicking = |worker: &Numbers, chunk: usize, _: usize| {
            assert!(worker.chunks[chunk].start != 30, "on purpose");
            Ok(vec![1.0])
        };
        for n_workers in [1, 2, 4] {
            let all = || numbers(1000, 1, n_workers);
            let error = sum_over_chunks(&mut all(), 1, failing).unwrap_err().to_string();
            assert!(error.contains("test: failed"), "{error}");
            let error = sum_over_chunks(&mut all(), 1, panicking).unwrap_err();
            assert!(matches!(&error, Error::Worker { reason } if reason.contains("on purpose")));
            assert!(sum_over_chunks(&mut all(), 2, |_, _, _| Ok(vec![1.0])).is_err());
        }
    }
}
