//! Times of the components of the population pipeline, each with its gradient: one chunk of galaxies on
//! one thread, for every CPU device and precision of the build.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on should stop")]
#![allow(missing_docs, reason = "criterion's macros declare public functions")]

use std::hint::black_box;

use burn::tensor::Tensor;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use starburn::device::{F64_DEVICE_NAMES, Place, Precision};
use starburn::dust::{DustLaw, ScreenParams};
use starburn::filter::FilterSet;
use starburn::halo::{DiffmahParams, LGT0};
use starburn::metallicity::{LognormalMdfParams, lognormal_weights};
use starburn::parameters::ParameterSet;
use starburn::population::{BandModel, Epoch, Frame, ModelSettings};
use starburn::sfh::{
    AgeWeightMethod, DiffstarParams, FB, LookbackNodes, SfhContext, SfhParams, TimeTable,
};
use starburn::ssp::embedded;
use starburn::summary::{Kernel, Quantities, QuantityNames, SoftBins, SoftHistogram, Summary};

/// Galaxies of a chunk.
const N_GAL: usize = 1000;

/// Runs `f` on `input` alone, and with the gradient of the sum of its result.
fn measure<const D: usize>(
    criterion: &mut Criterion,
    name: &str,
    place: &Place,
    input: &Tensor<D>,
    f: impl Fn(Tensor<D>) -> Tensor<2>,
) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(N_GAL as u64));
    group.bench_with_input(BenchmarkId::new("value", place), input, |bencher, input| {
        bencher.iter(|| black_box(f(input.clone())));
    });
    group.bench_function(BenchmarkId::new("gradient", place), |bencher| {
        bencher.iter_batched(
            || input.clone().autodiff().require_grad(),
            |input| black_box(f(input.clone()).sum().backward()),
            criterion::BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn components(criterion: &mut Criterion) {
    for device in F64_DEVICE_NAMES {
        for precision in [Precision::F32, Precision::F64] {
            let Ok(place) = Place::open(device, precision) else { continue };
            on(criterion, &place);
        }
    }
}

fn on(criterion: &mut Criterion, place: &Place) {
    let settings = ModelSettings { frame: Frame::Rest, ..ModelSettings::default() };
    let epoch = Epoch { redshift: 0.0, t_obs_gyr: 13.8 };
    let filters = FilterSet::embedded("lsst").unwrap();
    let model = BandModel::new(embedded(), &filters, settings, epoch, 1, place).unwrap();
    let halo = DiffmahParams::defaults(N_GAL, place);
    let spread: Vec<f64> = (0..N_GAL).map(|i| 11.0 + 3.0 * i as f64 / N_GAL as f64).collect();
    let logm0 = place.vector(&spread);
    let unbounded = DiffstarParams::defaults(N_GAL, place).to_unbounded();
    let galaxy = DiffstarParams::from_unbounded(&unbounded).unwrap();
    let history = |logm0: Tensor<1>| SfhParams::Diffstar {
        halo: DiffmahParams { logm0, ..halo.clone() },
        galaxy: galaxy.clone(),
    };

    measure(criterion, "bounded parameters", place, &unbounded, |u| {
        DiffstarParams::from_unbounded(&u).unwrap().to_matrix()
    });
    measure(criterion, "rates and light", place, &logm0, |logm0| {
        let stars = model.stars(&history(logm0)).unwrap();
        stars.lg_mass_formed.unsqueeze_dim(1)
    });
    let lgmet = logm0.clone() * 0.1 - 2.0;
    let weights = |lgmet: Tensor<1>| {
        let mdf = LognormalMdfParams { lgmet_scatter: lgmet.full_like(0.2), lgmet };
        lognormal_weights(&mdf, model.metallicities())
    };
    measure(criterion, "metallicity", place, &lgmet, weights);
    let stars = model.stars(&history(logm0.clone())).unwrap();
    let metallicity = weights(lgmet.clone());
    measure(criterion, "magnitudes", place, &metallicity, |weights| {
        model.magnitudes(&stars, weights, None)
    });
    let names = QuantityNames::new(["logm0"]).unwrap();
    let edges: Vec<f64> = (0..=26).map(|i| 10.0 + 0.2 * f64::from(i)).collect();
    let axis = names.axis("logm0").unwrap();
    let bins = SoftBins::new(axis, &edges, Kernel::Logistic, 0.1).unwrap();
    let histogram = SoftHistogram::new(vec![bins]).unwrap();
    measure(criterion, "soft histogram", place, &logm0, |x| {
        let galaxies = Quantities::new(&names, x.unsqueeze_dim(1)).unwrap();
        histogram.sums(&galaxies).unwrap().unsqueeze()
    });
    let t_obs = logm0.full_like(13.8);
    let (times, nodes) = (TimeTable::default(), LookbackNodes::default());
    for method in [AgeWeightMethod::Nodes, AgeWeightMethod::Safe] {
        let context = SfhContext {
            t_ref_gyr: &t_obs,
            method,
            times: &times,
            nodes: &nodes,
            lgt0: LGT0,
            fb: FB,
        };
        let name = format!("P(age), {method}");
        measure(criterion, &name, place, &logm0, |logm0| {
            let ages = history(logm0).age_distribution(&context, &t_obs, &embedded().ages).unwrap();
            ages.weights
        });
    }
    let law = DustLaw::default();
    let wave_um: Vec<f64> = (0..24).map(|i| 0.3 + 0.03 * f64::from(i)).collect();
    measure(criterion, "dust", place, &logm0, |x| {
        let dust = ScreenParams { av: x * 0.05, ..ScreenParams::defaults(N_GAL, place) };
        starburn::dust::DustParams::Screen { screen: dust }.transmission(&law, &wave_um, 0.0)
    });
}

criterion_group!(benches, components);
criterion_main!(benches);
