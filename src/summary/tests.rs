//! Two passes over chunks against one graph over everything, and against central differences.

use burn::tensor::Tensor;

use super::*;
use crate::device::{Place, Precision};
use crate::numerics::random::normal;
use crate::numerics::sigmoid::sigmoid;
use crate::testing::{assert_close, for_each_place, places, values};
use crate::{Error, Result};

const N: usize = 60;
const THETA: [f64; 4] = [-21.0, 0.8, 0.3, 0.1];

/// Magnitudes and colours with mean, scatter and slope of the population, and a soft colour cut.
struct Toy {
    place: Place,
    names: QuantityNames,
    /// Random numbers, `[n_gal, 2]`.
    chunks: Vec<Tensor<2>>,
}

impl Population for Toy {
    fn place(&self) -> &Place {
        &self.place
    }

    fn n_chunks(&self) -> usize {
        self.chunks.len()
    }

    fn quantities(&self, chunk: usize, theta: &Tensor<2>) -> Result<Quantities> {
        let of = |j: usize| theta.clone().narrow(1, j, 1);
        let draw = |j: usize| self.chunks[chunk].clone().narrow(1, j, 1);
        let r = of(0) + of(1) * draw(0);
        let colour = (r.clone() + 21.0) * of(2) + draw(1) * of(3) + 0.5;
        let weight: Tensor<1> = sigmoid((colour.clone() - 0.4) / 0.2).squeeze_dim(1);
        let values = Tensor::cat(vec![r.clone() + colour, r], 1);
        Quantities::new(&self.names, values)?.with_weight(&weight)
    }
}

fn names() -> QuantityNames {
    QuantityNames::new(["g", "r"]).unwrap()
}

fn workers(batch: usize, n_workers: usize, place: &Place) -> Vec<Toy> {
    let draws = |galaxies: &std::ops::Range<usize>| {
        let row = |i: usize| [0, 1].map(|k| normal(5, i as u64, k));
        let rows: Vec<f64> = galaxies.clone().flat_map(row).collect();
        place.matrix(&rows, [galaxies.len(), 2])
    };
    let worker = |chunks: Vec<_>| Toy {
        place: place.clone(),
        names: names(),
        chunks: chunks.iter().map(draws).collect(),
    };
    deal(N, batch, n_workers).unwrap().into_iter().map(worker).collect()
}

/// One of each kind.
fn summary() -> SummarySet {
    let axis = |text| names().axis(text).unwrap();
    let bins = |text, edges: &[f64], kernel, width| {
        SoftBins::new(axis(text), edges, kernel, width).unwrap()
    };
    let r = || bins("r", &[-24.0, -22.0, -21.0, -19.0], Kernel::Triweight, 0.3);
    let colour = bins("g - r", &[0.0, 0.5, 1.5], Kernel::Logistic, 0.1);
    let counts = SoftCounts::new(axis("g"), &[-21.0], Side::Below, Kernel::Logistic, 0.2);
    SummarySet::new(vec![
        Box::new(SoftHistogram::new(vec![r(), colour]).unwrap()),
        Box::new(counts.unwrap()),
        Box::new(Moments::new(vec![(axis("r"), -21.0)]).unwrap()),
        Box::new(MeanRelation::new(r(), axis("g - r"))),
    ])
    .unwrap()
}

fn population(batch: usize, n_workers: usize, place: &Place) -> PopulationLoss<Toy, SummarySet> {
    PopulationLoss::new(workers(batch, n_workers, place), summary()).unwrap()
}

/// Targets near the sums at [`THETA`], all of them made positive.
fn targets() -> Vec<f64> {
    let place = &places(Precision::F64)[0];
    let sums = population(N, 1, place).sums(&THETA).unwrap();
    sums.iter().map(|s| 1.1 * s.abs() + 1.0).collect()
}

fn loss() -> GaussianLoss {
    let targets = targets();
    let sigma: Vec<f64> = targets.iter().map(|t| (t + 1.0).sqrt()).collect();
    GaussianLoss::diagonal(&targets, &sigma).unwrap()
}

/// Loss and gradient from one graph over the whole population.
fn one_shot(place: &Place) -> (f64, Vec<f64>) {
    let targets = targets();
    let toy = workers(N, 1, place).remove(0);
    let theta = place.row(&THETA).autodiff().require_grad();
    let sums = summary().sums(&toy.quantities(0, &theta).unwrap()).unwrap();
    let off = sums - place.vector(&targets);
    let variance: Vec<f64> = targets.iter().map(|t| t + 1.0).collect();
    let loss = (off.clone() * off / place.vector(&variance)).sum() * 0.5;
    let gradient = values(theta.grad(&loss.backward()).unwrap());
    (values(loss)[0], gradient)
}

fn largest(gradient: &[f64]) -> f64 {
    gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()))
}

#[test]
fn two_passes_are_one_graph_for_any_chunks_and_workers() {
    let exact = one_shot(&places(Precision::F64)[0]);
    for_each_place(|place| {
        let (value, gradient) = one_shot(place);
        for (batch, n_workers) in [(N, 1), (25, 1), (7, 2), (7, 3), (1, 8), (1000, 4)] {
            let seen = population(batch, n_workers, place).value_and_gradient(&THETA, &loss());
            let seen = seen.unwrap();
            let tolerance = place.tolerance(1e-12, 1e-4);
            assert_close(&[seen.value], &[value], tolerance, 0.0);
            assert_close(&seen.gradient, &gradient, 0.0, tolerance * largest(&gradient));
            // And that of the other precision.
            assert_close(&seen.gradient, &exact.1, 0.0, tolerance * largest(&exact.1));
        }
    });
}

#[test]
fn workers_and_repetitions_do_not_change_a_bit() {
    for_each_place(|place| {
        let one = population(7, 1, place).value_and_gradient(&THETA, &loss()).unwrap();
        for n_workers in [2, 8] {
            let mut population = population(7, n_workers, place);
            for _ in 0..3 {
                assert_eq!(population.value_and_gradient(&THETA, &loss()).unwrap(), one);
            }
        }
    });
}

#[test]
fn gradients_of_every_loss_against_central_differences() {
    let poisson_targets: Vec<f64> = targets()[..7].to_vec();
    for place in places(Precision::F64) {
        let axis = names().axis("r").unwrap();
        let edges: Vec<f64> = (0..8).map(|i| -25.0 + f64::from(i)).collect();
        let bins = SoftBins::new(axis, &edges, Kernel::Logistic, 0.3).unwrap();
        let histogram = SoftHistogram::new(vec![bins]).unwrap();
        let mut counts = PopulationLoss::new(workers(9, 2, &place), histogram).unwrap();
        check_gradient(&mut counts, &PoissonLoss::new(&poisson_targets, 1e-3).unwrap());
        check_gradient(&mut counts, &ChiSquareLoss::new(&poisson_targets).unwrap());
        let mut all = population(9, 2, &place);
        check_gradient(&mut all, &loss());
        // The mean relation, through its ratios.
        let set = summary();
        check_gradient(&mut all, &|sums: &[f64]| {
            let relation = MeanRelation::new(
                SoftBins::new(
                    names().axis("r")?,
                    &[-24.0, -22.0, -21.0, -19.0],
                    Kernel::Triweight,
                    0.3,
                )?,
                names().axis("g - r")?,
            );
            let own = set.split(sums)?[3];
            let (mut value, mut slopes) = (0.0, vec![0.0; sums.len()]);
            for (bin, mean) in relation.means(own, 1e-6)?.into_iter().enumerate() {
                let Some(mean) = mean else { continue };
                let first = sums.len() - own.len();
                value += (mean.mean - 0.3).powi(2);
                slopes[first + bin] = 2.0 * (mean.mean - 0.3) * mean.slope_of_weight;
                slopes[first + own.len() / 2 + bin] = 2.0 * (mean.mean - 0.3) * mean.slope_of_sum;
            }
            Ok((value, slopes))
        });
    }
}

fn check_gradient<S: Summary>(population: &mut PopulationLoss<Toy, S>, loss: &impl Loss) {
    let gradient = population.value_and_gradient(&THETA, loss).unwrap().gradient;
    let numeric: Vec<f64> = (0..THETA.len())
        .map(|j| {
            let mut at = |steps: f64| {
                let mut theta = THETA;
                theta[j] += steps * 1e-4;
                population.value(&theta, loss).unwrap()
            };
            (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / 12e-4
        })
        .collect();
    assert!(gradient.iter().all(|g| *g != 0.0), "{gradient:?}");
    assert_close(&gradient, &numeric, 0.0, 1e-7 * largest(&numeric));
}

#[test]
fn the_jacobian_is_that_of_the_gradients_and_a_part_of_the_chunks_is_the_same_for_any_workers() {
    for place in places(Precision::F64) {
        let mut all = population(9, 2, &place);
        let n_sums = all.summary().n_sums();
        let SumsAndJacobian { sums, jacobian } = all.sums_and_jacobian(&THETA, 1).unwrap();
        assert_eq!(sums, all.sums(&THETA).unwrap());
        for k in 0..n_sums {
            let one = |sums: &[f64]| {
                let mut slopes = vec![0.0; sums.len()];
                slopes[k] = 1.0;
                Ok((sums[k], slopes))
            };
            let gradient = all.value_and_gradient(&THETA, &one).unwrap().gradient;
            let row = &jacobian[k * THETA.len()..(k + 1) * THETA.len()];
            assert_close(row, &gradient, 1e-11, 1e-12 * largest(&gradient));
        }
        let part = all.sums_and_jacobian(&THETA, 3).unwrap();
        assert_ne!(part.sums, sums);
        for n_workers in [1, 3] {
            let other = population(9, n_workers, &place).sums_and_jacobian(&THETA, 3).unwrap();
            assert_eq!(other, part);
        }
        assert!(all.sums_and_jacobian(&THETA, 0).is_err());
    }
}

/// This process has the galaxies twice.
struct Twice;

impl Reducer for Twice {
    fn reduce(&self, values: &mut [f64]) -> Result<()> {
        values.iter_mut().for_each(|v| *v *= 2.0);
        Ok(())
    }
}

#[test]
fn processes_add_up_sums_and_gradients() {
    let place = &places(Precision::F64)[0];
    let one = population(9, 1, place).value_and_gradient(&THETA, &loss()).unwrap();
    let sum = |sums: &[f64]| Ok((sums.iter().sum(), vec![1.0; sums.len()]));
    let alone = population(9, 1, place).value_and_gradient(&THETA, &sum).unwrap();
    let both = population(9, 1, place).with_reducer(Twice).value_and_gradient(&THETA, &sum);
    let both = both.unwrap();
    assert_close(&both.sums, &one.sums.iter().map(|s| 2.0 * s).collect::<Vec<_>>(), 0.0, 0.0);
    let twice: Vec<f64> = alone.gradient.iter().map(|g| 2.0 * g).collect();
    assert_eq!((both.value, both.gradient), (2.0 * alone.value, twice));
}

#[test]
fn what_cannot_be_differentiated_is_an_error() {
    /// Galaxies that no parameter changes.
    struct Fixed(Toy);
    impl Population for Fixed {
        fn place(&self) -> &Place {
            &self.0.place
        }
        fn n_chunks(&self) -> usize {
            self.0.n_chunks()
        }
        fn quantities(&self, chunk: usize, theta: &Tensor<2>) -> Result<Quantities> {
            self.0.quantities(chunk, &theta.clone().without_autodiff())
        }
    }
    let place = &places(Precision::F64)[0];
    let fixed = workers(20, 2, place).into_iter().map(Fixed).collect();
    let mut fixed = PopulationLoss::new(fixed, summary()).unwrap();
    assert!(fixed.value(&THETA, &loss()).is_ok());
    let error = fixed.value_and_gradient(&THETA, &loss()).unwrap_err().to_string();
    assert!(error.contains("no gradient"), "{error}");
}

#[test]
fn errors_name_what_is_wrong() {
    let place = &places(Precision::F64)[0];
    assert!(PopulationLoss::new(Vec::<Toy>::new(), summary()).is_err());
    let mut toys = population(20, 2, place);
    let error = |result: Result<ValueAndGradient>| result.unwrap_err().to_string();
    assert!(error(toys.value_and_gradient(&[], &loss())).contains("parameter"));
    let nan = error(toys.value_and_gradient(&[f64::NAN, 1.0, 0.0, 0.0], &loss()));
    assert!(nan.contains("sum of number, r from") && nan.contains("NaN"), "{nan}");
    let short = |_: &[f64]| Ok((0.0, vec![1.0]));
    assert!(error(toys.value_and_gradient(&THETA, &short)).contains("1 slopes for"));
    let infinite = |sums: &[f64]| Ok((0.0, vec![f64::INFINITY; sums.len()]));
    assert!(error(toys.value_and_gradient(&THETA, &infinite)).contains("derivative of the loss"));
    let refused = |_: &[f64]| Err(Error::invalid("test", "refused"));
    assert!(error(toys.value_and_gradient(&THETA, &refused)).contains("refused"));
    // A summary for other quantities.
    let axis = QuantityNames::new(["mass"]).unwrap().axis("mass").unwrap();
    let other = Moments::new(vec![(axis, 0.0)]).unwrap();
    let mut other = PopulationLoss::new(workers(20, 2, place), other).unwrap();
    assert!(other.sums(&THETA).unwrap_err().to_string().contains("made for galaxies with mass"));
}
