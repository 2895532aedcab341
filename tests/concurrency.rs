//! Gradients on many threads at once: a hundred thousand reverse passes, each the same to the last bit as
//! on a single thread, within a limited time. Neither a step that another thread's graph has lost nor a
//! lock that is never released goes unnoticed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::sync::mpsc::channel;
use std::time::Duration;

use burn::tensor::Tensor;
use starburn::device::{F64_DEVICE_NAMES, Place, Precision};
use starburn::filter::FilterSet;
use starburn::halo::DiffmahParams;
use starburn::metallicity::{LognormalMdfParams, lognormal_weights};
use starburn::numerics::random::normal;
use starburn::parameters::ParameterSet;
use starburn::population::{BandModel, Epoch, Frame, ModelSettings};
use starburn::sfh::{DiffstarParams, LookbackNodes, SfhParams};
use starburn::ssp::embedded;
use starburn::summary::{
    Kernel, Population, Quantities, QuantityNames, SoftBins, SoftHistogram, chunk_gradient,
    sum_over_chunks,
};
use starburn::{Error, Result};

const N_THREADS: usize = 8;
/// Galaxies in the chunks that every worker goes through again and again.
const CHUNK_SIZES: [usize; 4] = [1, 2, 3, 5];
/// Shifts of the unbounded parameters of star formation, then metallicity.
const THETA: [f64; 9] = [0.1, -0.1, 0.2, 0.0, 0.1, -0.2, 0.3, 0.0, -1.9];
const SLOPES: [f64; 6] = [0.3, -1.0, 0.7, 2.0, -0.2, 1.1];

/// One worker: few galaxies and nodes, so that little but the bookkeeping of graphs is left.
struct Few {
    model: BandModel,
    names: QuantityNames,
    defaults: Tensor<2>,
    /// Random numbers, `[n_gal, 8]`.
    draws: Vec<Tensor<2>>,
    n_chunks: usize,
}

impl Population for Few {
    fn place(&self) -> &Place {
        self.model.place()
    }

    fn n_chunks(&self) -> usize {
        self.n_chunks
    }

    fn quantities(&self, chunk: usize, theta: &Tensor<2>) -> Result<Quantities> {
        let draws = self.draws[chunk % self.draws.len()].clone();
        let [n_gal, n_sfh] = draws.dims();
        let u = self.defaults.clone() + theta.clone().narrow(1, 0, n_sfh) + draws * 0.3;
        let halo = DiffmahParams::defaults(n_gal, self.place());
        let galaxy = DiffstarParams::from_unbounded(&u)?;
        let stars = self.model.stars(&SfhParams::Diffstar { halo, galaxy })?;
        let lgmet = theta.clone().narrow(1, n_sfh, 1).expand([n_gal, 1]).squeeze_dim(1);
        let mdf = LognormalMdfParams { lgmet_scatter: stars.lg_mass_formed.full_like(0.2), lgmet };
        let weights = lognormal_weights(&mdf, self.model.metallicities());
        Quantities::new(&self.names, self.model.magnitudes(&stars, weights, None))
    }
}

fn workers(place: &Place, n_chunks: usize) -> Result<Vec<Few>> {
    let settings = ModelSettings {
        frame: Frame::Rest,
        nodes: LookbackNodes::new(8)?,
        ..ModelSettings::default()
    };
    let epoch = Epoch { redshift: 0.0, t_obs_gyr: 13.8 };
    let filters = FilterSet::embedded("lsst")?;
    let model = BandModel::new(embedded(), &filters, settings, epoch, 1, place)?;
    let draws = |(k, n_gal): (usize, &usize)| {
        let numbers = (0..8 * n_gal).map(|i| normal(k as u64, i as u64, 0));
        place.matrix(&numbers.collect::<Vec<f64>>(), [*n_gal, 8])
    };
    let worker = |_| {
        Ok(Few {
            names: QuantityNames::new(model.filter_names())?,
            model: model.clone(),
            defaults: DiffstarParams::defaults(1, place).to_unbounded(),
            draws: CHUNK_SIZES.iter().enumerate().map(draws).collect(),
            n_chunks,
        })
    };
    (0..N_THREADS).map(worker).collect()
}

/// Computes `n` gradients on all threads together; the number of those that were compared.
fn stress(place: &Place, n: usize) -> Result<f64> {
    let mut workers = workers(place, n / N_THREADS)?;
    let names = &workers[0].names;
    let axis = names.axis(&format!("{} - {}", names.as_slice()[1], names.as_slice()[2]))?;
    let edges = [-1.0, 0.2, 0.4, 0.5, 0.6, 0.8, 2.0];
    let bins = SoftBins::new(axis, &edges, Kernel::Logistic, 0.2)?;
    let summary = SoftHistogram::new(vec![bins])?;
    let gradient =
        |worker: &Few, chunk: usize| chunk_gradient(worker, chunk, &summary, &THETA, &SLOPES);
    let alone = (0..CHUNK_SIZES.len()).map(|chunk| gradient(&workers[0], chunk));
    let alone: Vec<Vec<f64>> = alone.collect::<Result<_>>()?;
    // Of one galaxy in a histogram that sees it, every parameter but the rejuvenation matters.
    assert!(alone.iter().all(|g| g.iter().all(|slope| slope.is_finite())), "{alone:?}");
    assert!(alone.iter().all(|g| g.iter().filter(|slope| **slope != 0.0).count() > 5), "{alone:?}");
    let same = sum_over_chunks(&mut workers, 1, |worker, chunk| {
        let (seen, want) = (gradient(worker, chunk)?, &alone[chunk % CHUNK_SIZES.len()]);
        if seen.iter().zip(want).all(|(seen, want)| seen.to_bits() == want.to_bits()) {
            return Ok(vec![1.0]);
        }
        Err(Error::invalid("gradient", format!("{seen:?} on many threads, {want:?} on one")))
    })?;
    Ok(same[0])
}

/// Runs `n` gradients on each CPU device and fails when they do not end in time.
fn within(limit: Duration, n: usize) {
    let places = F64_DEVICE_NAMES.iter().filter_map(|name| Place::open(name, Precision::F32).ok());
    let places: Vec<Place> = places.collect();
    assert!(!places.is_empty(), "no CPU device");
    let n_each = n.div_ceil(places.len() * N_THREADS) * N_THREADS;
    for place in places {
        let (send, receive) = channel();
        let name = place.to_string();
        // Not joined: threads that wait for each other forever end with the process.
        std::thread::spawn(move || send.send(stress(&place, n_each)));
        let compared = receive.recv_timeout(limit);
        let compared = compared.unwrap_or_else(|e| panic!("{name}: no end within {limit:?}: {e}"));
        assert_eq!(compared.unwrap(), n_each as f64, "{name}");
    }
}

#[test]
fn a_hundred_thousand_concurrent_gradients_are_right_and_end() {
    within(Duration::from_secs(300), 100_000);
}
