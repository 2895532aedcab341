use super::*;
use crate::device::Precision;
use crate::galhalo::{
    HaloCatalog, MockHaloes, MockSettings, PopulationIngredients, PopulationParameters,
};
use crate::sfh::LookbackNodes;
use crate::ssp::embedded;
use crate::summary::{
    ChiSquareLoss, Kernel, MeanRelation, PopulationLoss, SoftBins, SoftHistogram, SummarySet,
};
use crate::testing::{
    assert_close, assert_f32_jacobian, assert_jacobian, for_each_f64_place, for_each_place, places,
    values,
};

fn setup(mixing: Mixing, growth: GrowthKinds) -> PopulationSetup {
    let nodes = LookbackNodes::new(24).unwrap();
    PopulationSetup {
        settings: ModelSettings { nodes, ..ModelSettings::default() },
        mixing,
        growth,
        batch: 1000,
        seed: 5,
        ..PopulationSetup::default()
    }
}

fn mock(epochs: &[(f64, usize)]) -> Arc<dyn HaloSource> {
    let settings = MockSettings { epochs: epochs.to_vec(), seed: 1, ..MockSettings::default() };
    Arc::new(MockHaloes::new(settings).unwrap())
}

fn catalog() -> Arc<dyn HaloSource> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("haloes.csv");
    let text = "redshift,logm0,logtc,early_index,late_index,t_peak,upid,lgmu_infall,logmhost_infall,gyr_since_infall\n\
                0.4,12.4,0.1,2.5,0.3,14,-1,-1,12.4,0\n\
                0.4,11.7,0.3,3.1,0.2,6.5,7,-1.5,13.1,2.2\n";
    std::fs::write(&path, text).unwrap();
    Arc::new(HaloCatalog::read(&path).unwrap())
}

fn free(haloes: &dyn HaloSource) -> FreeParameters {
    // Bursts in some of the tests.
    let drawn = !haloes.has_growth();
    let ingredients = PopulationIngredients { growth: drawn, bursts: drawn };
    let all = PopulationParameters::new(ingredients);
    let calibration = crate::galhalo::DiffstarCalibration::FitsTng;
    let values = all.calibrated(calibration).unwrap();
    FreeParameters::all(all, &values).unwrap()
}

fn workers(
    setup: &PopulationSetup,
    haloes: &Arc<dyn HaloSource>,
    free: &FreeParameters,
    place: &Place,
) -> Vec<GalaxyPopulation> {
    let filters = FilterSet::embedded("lsst").unwrap();
    setup.workers(embedded(), &filters, haloes.clone(), free, place).unwrap()
}

/// Every quantity of the galaxies of one chunk, `[1, n_gal * n_quantity]`; weights as the last ones.
fn quantities(worker: &GalaxyPopulation, chunk: usize, theta: &Tensor<2>) -> Tensor<2> {
    let galaxies = worker.quantities(chunk, theta).unwrap();
    let names = worker.names();
    let on = |name: &String| galaxies.on(&names.axis(name).unwrap()).unwrap();
    let mut all: Vec<Tensor<2>> = names.as_slice().iter().map(on).collect();
    all.push(galaxies.weight());
    Tensor::cat(all, 1).reshape([1, -1])
}

#[test]
fn galaxies_do_not_depend_on_chunks_or_workers() {
    let place = &places(Precision::F64)[0];
    let haloes = mock(&[(0.3, 23), (1.1, 10)]);
    let free = free(&*haloes);
    for mixing in [Mixing::Fluxes, Mixing::Weights] {
        for growth in [GrowthKinds::Drawn, GrowthKinds::Both] {
            let sums = |batch: usize, threads: usize| {
                let setup = PopulationSetup { batch, threads, ..setup(mixing, growth) };
                let workers = workers(&setup, &haloes, &free, place);
                assert_eq!(workers.iter().map(GalaxyPopulation::n_galaxies).sum::<usize>(), 33);
                let summary = summary(workers[0].names());
                let mut loss = PopulationLoss::new(workers, summary).unwrap();
                loss.sums(&free.start()).unwrap()
            };
            let one = sums(1000, 1);
            for (batch, threads) in [(7, 1), (4, 2), (1, 3)] {
                assert_close(&sums(batch, threads), &one, 1e-12, 1e-12);
            }
            let n: f64 = one[..12].iter().sum();
            assert!((n - 33.0).abs() < 1e-6, "{n}");
        }
    }
}

/// A luminosity function over all magnitudes, and the stellar-to-halo mass relation.
fn summary(names: &QuantityNames) -> SummarySet {
    let edges: Vec<f64> = (0..=12).map(|i| 10.0 + 4.0 * f64::from(i)).collect();
    let bins = |name: &str, edges: &[f64], width: f64| {
        SoftBins::new(names.axis(name).unwrap(), edges, Kernel::Triweight, width).unwrap()
    };
    let function = SoftHistogram::new(vec![bins("lsst_r", &edges, 0.4)]).unwrap();
    let relation = MeanRelation::new(
        bins("lg_halo_mass", &[10.5, 12.0, 13.5, 15.0], 0.3),
        names.axis("lg_mstar").unwrap(),
    );
    SummarySet::new(vec![Box::new(function), Box::new(relation)]).unwrap()
}

#[test]
fn mixing_is_the_mean_over_the_weighted_kinds() {
    for_each_f64_place(|place| {
        for (haloes, growth, n_kind) in [
            (catalog(), GrowthKinds::Drawn, 2),
            (mock(&[(0.5, 6)]), GrowthKinds::Drawn, 2),
            (mock(&[(0.5, 6)]), GrowthKinds::Both, 4),
        ] {
            let free = free(&*haloes);
            let theta = place.row(&free.start());
            let of = |mixing| {
                let worker = workers(&setup(mixing, growth), &haloes, &free, place).remove(0);
                let width = worker.names().as_slice().len() + 1;
                let all = values(quantities(&worker, 0, &theta));
                all.chunks(width).map(<[f64]>::to_vec).collect::<Vec<_>>()
            };
            let (mixed, kinds) = (of(Mixing::Fluxes), of(Mixing::Weights));
            let n = mixed.len();
            assert_eq!(kinds.len(), n_kind * n);
            for (i, galaxy) in mixed.iter().enumerate() {
                let kinds: Vec<&Vec<f64>> = kinds.iter().skip(i).step_by(n).collect();
                let weight = |kind: &[f64]| kind[kind.len() - 1];
                let total: f64 = kinds.iter().map(|kind| weight(kind)).sum();
                assert!((total - 1.0).abs() < 1e-12);
                let mean = |f: &dyn Fn(&[f64]) -> f64| -> f64 {
                    kinds.iter().map(|kind| weight(kind) * f(kind)).sum()
                };
                for band in 0..6 {
                    let flux = mean(&|kind| 10f64.powf(-0.4 * kind[band]));
                    assert_close(&[galaxy[band]], &[-2.5 * flux.log10()], 1e-12, 0.0);
                }
                let mass = mean(&|kind| 10f64.powf(kind[6]));
                let sfr = mean(&|kind| 10f64.powf(kind[6] + kind[7]));
                let want = [mass.log10(), sfr.log10() - mass.log10()];
                assert_close(&galaxy[6..8], &want, 1e-11, 0.0);
                assert_close(&[galaxy[9]], &[mean(&|kind| kind[9])], 1e-12, 1e-15);
            }
        }
    });
}

#[test]
fn gradients_of_every_parameter() {
    let place = &places(Precision::F64)[0];
    for (haloes, growth) in
        [(mock(&[(0.5, 3)]), GrowthKinds::Both), (catalog(), GrowthKinds::Drawn)]
    {
        let free = free(&*haloes);
        let start = free.start();
        let outputs = |place: &Place| {
            let worker = workers(&setup(Mixing::Fluxes, growth), &haloes, &free, place).remove(0);
            move |theta: Tensor<2>| {
                let all = quantities(&worker, 0, &theta);
                // Two sums of all that are not each other's multiples.
                let n = all.dims()[1];
                let weights: Vec<f64> = (0..2 * n).map(|i| 1.0 + (0.7 * i as f64).sin()).collect();
                all.matmul(Place::of(&theta).matrix(&weights, [n, 2]) * 0.1)
            }
        };
        assert_jacobian(&[&start], 2e-6, place, outputs(place));
        let on = |theta: Tensor<2>| outputs(&Place::of(&theta))(theta);
        assert_f32_jacobian(&[&start], 1e-2, on);
    }
}

/// Parameters that change none of these galaxies.
const IDLE: [&str; 8] = [
    // The larger of two counts; for these satellites that is the one without them.
    "lgm0pop_c1_ytp_early_sats",
    "lgm0pop_c1_ylo_early_sats",
    "lgm0pop_c1_t_obs_x0_early_sats",
    "lgm0pop_c1_ytp_late_sats",
    "lgm0pop_c1_ylo_late_sats",
    "lgm0pop_c1_t_obs_x0_late_sats",
    // Where an index changes with mass that is the same at both ends.
    "late_index_x0_alpha",
    "late_index_x0_beta",
];

#[test]
fn every_parameter_matters_and_gradients_are_finite() {
    for_each_place(|place| {
        let haloes = mock(&[(0.1, 16), (0.9, 16), (3.0, 16)]);
        let free = free(&*haloes);
        let setup = setup(Mixing::Weights, GrowthKinds::Both);
        let workers = workers(&setup, &haloes, &free, place);
        let summary = summary(workers[0].names());
        let mut population = PopulationLoss::new(workers, summary).unwrap();
        let sums = population.sums(&free.start()).unwrap();
        let target: Vec<f64> = sums
            .iter()
            .enumerate()
            .map(|(i, s)| s * (1.0 + 0.1 * (i as f64).sin()) + 0.1)
            .collect();
        let loss = ChiSquareLoss::new(&target).unwrap();
        let result = population.value_and_gradient(&free.start(), &loss).unwrap();
        let lost: Vec<&str> = free
            .names()
            .into_iter()
            .zip(&result.gradient)
            .filter(|(_, slope)| **slope == 0.0)
            .map(|(name, _)| name)
            .collect();
        let idle = IDLE.map(|name| format!("diffmahpop.{name}"));
        assert_eq!(lost, idle, "{place}");
    });
}

#[test]
fn a_gradient_through_drawn_growth_is_an_error() {
    let place = &places(Precision::F64)[0];
    let haloes = mock(&[(0.4, 3)]);
    let free = free(&*haloes);
    let loss = ChiSquareLoss::new(&[2.0; 18]).unwrap();
    let gradient = |growth, free: &FreeParameters| {
        let workers = workers(&setup(Mixing::Fluxes, growth), &haloes, free, place);
        let summary = summary(workers[0].names());
        let mut population = PopulationLoss::new(workers, summary).unwrap();
        population.sums(&free.start()).unwrap();
        population.value_and_gradient(&free.start(), &loss)
    };
    let error = gradient(GrowthKinds::Drawn, &free).unwrap_err().to_string();
    assert!(error.contains("free parameter diffmahpop.fec_"), "{error}");
    let others = free.clone().freeze(&["diffmahpop.fec_*"]).unwrap();
    assert!(gradient(GrowthKinds::Drawn, &others).is_ok());
    assert!(gradient(GrowthKinds::Both, &free).is_ok());
}

#[test]
fn emission_lines_of_fitted_gas_are_seen() {
    let fit = crate::nebular::LineFit::embedded();
    let lines = crate::nebular::fit_lines(embedded(), fit, &[-4.0, -2.5, -1.0]).unwrap();
    let lines = lines.select(&["[O III] 5007", "Ba-alpha 6563"]).unwrap();
    let grid = embedded().clone().with_lines(lines).unwrap();
    let filters = FilterSet::embedded("lsst").unwrap();
    let haloes = mock(&[(0.4, 4)]);
    let free = free(&*haloes);
    for_each_place(|place| {
        let magnitudes = |lines: bool| {
            let mut setup = setup(Mixing::Fluxes, GrowthKinds::Drawn);
            setup.settings.lines = lines;
            let workers = setup.workers(&grid, &filters, haloes.clone(), &free, place).unwrap();
            let width = workers[0].names().as_slice().len() + 1;
            let all = values(quantities(&workers[0], 0, &place.row(&free.start())));
            all.chunks(width).flat_map(|galaxy| galaxy[..6].to_vec()).collect::<Vec<f64>>()
        };
        let (with, without) = (magnitudes(true), magnitudes(false));
        let brighter: Vec<f64> = with.iter().zip(&without).map(|(a, b)| b - a).collect();
        assert!(brighter.iter().all(|d| (-1e-5..2.0).contains(d)), "{brighter:?}");
        assert!(brighter.iter().any(|d| *d > 1e-3), "{brighter:?}");
    });
}

#[test]
fn populations_that_do_not_fit_are_errors() {
    let place = &places(Precision::F64)[0];
    let filters = FilterSet::embedded("lsst").unwrap();
    let of = |growth| {
        let all = PopulationParameters::new(PopulationIngredients { growth, bursts: false });
        let values = all.default_values();
        FreeParameters::all(all, &values).unwrap()
    };
    let setup = setup(Mixing::Fluxes, GrowthKinds::Drawn);
    for (haloes, free) in [(mock(&[(0.5, 3)]), of(false)), (catalog(), of(true))] {
        assert!(setup.workers(embedded(), &filters, haloes, &free, place).is_err());
    }
    for setup in [
        PopulationSetup { batch: 0, ..setup.clone() },
        PopulationSetup { threads: 0, ..setup.clone() },
    ] {
        let free = of(true);
        let workers = setup.workers(embedded(), &filters, mock(&[(0.5, 3)]), &free, place);
        assert!(workers.is_err());
    }
}

#[test]
fn frozen_parameters_do_not_change_the_gradients_of_the_others() {
    let place = &places(Precision::F64)[0];
    for haloes in [mock(&[(0.4, 9)]), catalog()] {
        let gradient = |patterns: &[&str]| {
            let free = free(&*haloes).only(patterns).unwrap();
            let workers = workers(&setup(Mixing::Fluxes, GrowthKinds::Both), &haloes, &free, place);
            let summary = summary(workers[0].names());
            let mut population = PopulationLoss::new(workers, summary).unwrap();
            let loss = ChiSquareLoss::new(&[2.0; 18]).unwrap();
            let names: Vec<String> = free.names().iter().map(|n| (*n).to_owned()).collect();
            let result = population.value_and_gradient(&free.start(), &loss).unwrap();
            (names, result.gradient)
        };
        let (names, all) = gradient(&["*"]);
        let largest = all.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        for patterns in [&["dust.*"][..], &["mzr.mzr_t0_ytp", "diffstarpop.mean_u*"]] {
            for (name, slope) in std::iter::zip(gradient(patterns).0, gradient(patterns).1) {
                let j = names.iter().position(|n| *n == name).unwrap();
                assert_close(&[slope], &[all[j]], 1e-10, 1e-12 * largest);
            }
        }
    }
}
