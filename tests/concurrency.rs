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
/// Derivatives of a loss with respect to the bins of the summaries.
const SLOPES: [f64; 6] = [0.3, -1.0, 0.7, 2.0, -0.2, 1.1];

/// Random numbers of chunks with the given numbers of galaxies, each `[n_gal, 8]`.
fn draws(sizes: &[usize], place: &Place) -> Vec<Tensor<2>> {
    let chunk = |(k, n_gal): (usize, &usize)| {
        let numbers = (0..8 * n_gal).map(|i| normal(k as u64, i as u64, 0));
        place.matrix(&numbers.collect::<Vec<f64>>(), [*n_gal, 8])
    };
    sizes.iter().enumerate().map(chunk).collect()
}

fn histogram(axis: &str, names: &QuantityNames) -> Result<SoftHistogram> {
    let edges = [-1.0, 0.2, 0.4, 0.5, 0.6, 0.8, 2.0];
    SoftHistogram::new(vec![SoftBins::new(names.axis(axis)?, &edges, Kernel::Logistic, 0.2)?])
}

/// Galaxies with a colour and nothing else: hardly more than the bookkeeping of graphs.
struct Colours {
    place: Place,
    names: QuantityNames,
    draws: Vec<Tensor<2>>,
    n_chunks: usize,
}

impl Population for Colours {
    fn place(&self) -> &Place {
        &self.place
    }

    fn n_chunks(&self) -> usize {
        self.n_chunks
    }

    fn quantities(&self, chunk: usize, theta: &Tensor<2>) -> Result<Quantities> {
        let of = |j: usize| theta.clone().narrow(1, j, 1);
        let draws = self.draws[chunk % self.draws.len()].clone();
        let colour = of(0) + (draws.clone().narrow(1, 0, 1) * of(1)).tanh() * of(1);
        let weight = (draws.narrow(1, 1, 1) * of(2)).exp().squeeze_dim(1);
        Quantities::new(&self.names, colour)?.with_weight(&weight)
    }
}

fn colours(place: &Place, n_chunks: usize) -> Result<Stress<Colours>> {
    let names = QuantityNames::new(["g - r"])?;
    let worker = |_| Colours {
        place: place.clone(),
        names: names.clone(),
        draws: draws(&[1, 2, 3, 5], place),
        n_chunks,
    };
    Ok(Stress {
        workers: (0..N_THREADS).map(worker).collect(),
        summary: histogram("g - r", &names)?,
        theta: vec![0.5, 0.2, 0.3],
        n_distinct: 4,
    })
}

/// Galaxies with histories, metallicities and magnitudes.
struct Galaxies {
    model: BandModel,
    names: QuantityNames,
    defaults: Tensor<2>,
    draws: Vec<Tensor<2>>,
    n_chunks: usize,
}

impl Population for Galaxies {
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

fn galaxies(sizes: &[usize], place: &Place, n_chunks: usize) -> Result<Stress<Galaxies>> {
    let settings = ModelSettings {
        frame: Frame::Rest,
        nodes: LookbackNodes::new(16)?,
        ..ModelSettings::default()
    };
    let epoch = Epoch { redshift: 0.0, t_obs_gyr: 13.8 };
    let filters = FilterSet::embedded("lsst")?;
    let model = BandModel::new(embedded(), &filters, settings, epoch, 1, place)?;
    let names = QuantityNames::new(model.filter_names())?;
    let colour = format!("{} - {}", names.as_slice()[1], names.as_slice()[2]);
    let worker = |_| Galaxies {
        names: names.clone(),
        model: model.clone(),
        defaults: DiffstarParams::defaults(1, place).to_unbounded(),
        draws: draws(sizes, place),
        n_chunks,
    };
    Ok(Stress {
        workers: (0..N_THREADS).map(worker).collect(),
        summary: histogram(&colour, &names)?,
        theta: vec![0.1, -0.1, 0.2, 0.0, 0.1, -0.2, 0.3, 0.0, -1.9],
        n_distinct: sizes.len(),
    })
}

/// What all threads do at the same time.
struct Stress<P> {
    workers: Vec<P>,
    summary: SoftHistogram,
    theta: Vec<f64>,
    /// Different chunks, which every worker goes through again and again.
    n_distinct: usize,
}

impl<P: Population> Stress<P> {
    /// The number of gradients that were compared with those of one thread.
    fn run(mut self) -> Result<f64> {
        let gradient = |worker: &P, chunk: usize| {
            chunk_gradient(worker, chunk, &self.summary, &self.theta, &SLOPES)
        };
        let alone = (0..self.n_distinct).map(|chunk| gradient(&self.workers[0], chunk));
        let alone: Vec<Vec<f64>> = alone.collect::<Result<_>>()?;
        for slopes in &alone {
            let seen = slopes.iter().filter(|slope| slope.is_finite() && **slope != 0.0).count();
            assert!(seen > slopes.len() / 2, "{slopes:?}");
        }
        let same = sum_over_chunks(&mut self.workers, 1, |worker, chunk, _| {
            let (seen, want) = (gradient(worker, chunk)?, &alone[chunk % alone.len()]);
            if seen.iter().zip(want).all(|(seen, want)| seen.to_bits() == want.to_bits()) {
                return Ok(vec![1.0]);
            }
            Err(Error::invalid("gradient", format!("{seen:?} on many threads, {want:?} on one")))
        })?;
        Ok(same[0])
    }
}

/// Computes `n` gradients on the CPU devices, all threads at once, and fails when one differs or when a
/// device does not come to an end in time.
fn compare<P: Population + 'static>(
    n: usize,
    limit: Duration,
    stress: impl Fn(&Place, usize) -> Result<Stress<P>>,
) {
    let places = F64_DEVICE_NAMES.iter().filter_map(|name| Place::open(name, Precision::F32).ok());
    let places: Vec<Place> = places.collect();
    assert!(!places.is_empty(), "no CPU device");
    let n_chunks = n.div_ceil(places.len() * N_THREADS);
    for place in places {
        let (send, receive) = channel();
        let stress = stress(&place, n_chunks).unwrap();
        // Not joined: threads that wait for each other forever end with the process.
        std::thread::spawn(move || send.send(stress.run()));
        let compared = receive.recv_timeout(limit);
        let compared = compared.unwrap_or_else(|e| panic!("{place}: no end in {limit:?}: {e}"));
        assert_eq!(compared.unwrap(), (n_chunks * N_THREADS) as f64, "{place}");
    }
}

#[test]
fn a_hundred_thousand_small_gradients() {
    compare(100_000, Duration::from_secs(200), colours);
}

#[test]
fn gradients_of_galaxies() {
    compare(8_000, Duration::from_secs(200), |place, n| galaxies(&[1, 2, 3, 5], place, n));
}

/// Operations so wide that they have threads of their own, inside those of the workers.
#[test]
fn gradients_of_many_galaxies() {
    compare(160, Duration::from_secs(200), |place, n| galaxies(&[20_000, 1000], place, n));
}
