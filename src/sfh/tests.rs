//! What every star formation history must fulfil, over all models.

use burn::tensor::Tensor;

use super::{
    AgeDistribution, AgeGrid, AgeWeightMethod, LookbackNodes, SfhContext, SfhModel, SfhParams,
    TimeTable, lg_mass_formed_at,
};
use crate::device::{Place, Precision};
use crate::halo::LGT0;
use crate::numerics::column;
use crate::numerics::jacobian::jacobian;
use crate::parameters::check;
use crate::sfh::FB;
use crate::testing::{
    assert_close, assert_f32_jacobian, assert_jacobian, box_rows, corner_rows, for_each_f64_place,
    for_each_place, places, values,
};

const METHODS: &[AgeWeightMethod] = AgeWeightMethod::ALL;

/// Reference time and time of observation: seen at, before and after the reference time; reference
/// times below the first and above the last time of the table. None is at a time of the table.
const PAIRS: [(f64, f64); 6] =
    [(13.1, 12.7), (9.2, 6.1), (6.1, 9.2), (3.3, 12.9), (0.06, 3.3), (15.0, 12.1)];

fn ages() -> AgeGrid {
    AgeGrid::new((0..47).map(|i| -3.5 + 0.1 * f64::from(i)).collect()).unwrap()
}

fn times() -> TimeTable {
    TimeTable::uniform(0.1, 13.8, 35).unwrap()
}

fn defaults(model: SfhModel) -> Vec<f64> {
    model.info().iter().map(|p| p.default).collect()
}

/// Parameters well away from the defaults.
fn unusual(model: SfhModel) -> Vec<f64> {
    let halo = [12.7, 0.3, 2.2, 0.4, 9.3];
    match model {
        SfhModel::Diffstar => [&halo[..], &[12.3, -9.7, 2.0, -0.7, 0.6, -0.3, -2.5, -2.0]].concat(),
        SfhModel::GasDepletion => {
            [&halo[..], &[12.3, -0.7, 2.0, -0.7, 7.0, 0.6, -0.3, -2.5, -2.0]].concat()
        }
        SfhModel::Diffstar2021 => {
            [&halo[..], &[11.7, -0.4, 4.0, 1.0, -0.5, 2.0, 6.0, 0.5, -0.3, -1.5, -0.4]].concat()
        }
        SfhModel::Piecewise => vec![10.4, 1.0, -0.7, 0.3, -0.2, 0.8, -1.1],
        SfhModel::DelayedTau => vec![9.0, 3.333, 0.7],
        SfhModel::Lognormal => vec![11.0, 2.0, 1.5],
        SfhModel::DoublePowerLaw => vec![10.5, 7.7, 12.0, 1.2],
    }
}

/// Eight corners of the box, then rows that fill it evenly.
fn rows_of_box(model: SfhModel) -> Vec<Vec<f64>> {
    [corner_rows(&model.info(), 8), box_rows(&model.info(), 16, 0.0)].concat()
}

fn params(model: SfhModel, matrix: &Tensor<2>) -> SfhParams {
    let n = model.info().len();
    model.take(&mut (0..n).map(|j| matrix.clone().narrow(1, j, 1).squeeze_dim(1)))
}

/// P(age) of the rows of a matrix whose last two columns are the reference time and the time of
/// observation.
fn distribution(model: SfhModel, matrix: &Tensor<2>, method: AgeWeightMethod) -> AgeDistribution {
    let n = model.info().len();
    let t_ref = matrix.clone().narrow(1, n, 1).squeeze_dim(1);
    let t_obs = matrix.clone().narrow(1, n + 1, 1).squeeze_dim(1);
    let (times, nodes) = (times(), LookbackNodes::default());
    let context = context(&t_ref, method, &times, &nodes);
    params(model, matrix).age_distribution(&context, &t_obs, &ages()).unwrap()
}

fn context<'a>(
    t_ref_gyr: &'a Tensor<1>,
    method: AgeWeightMethod,
    times: &'a TimeTable,
    nodes: &'a LookbackNodes,
) -> SfhContext<'a> {
    SfhContext { t_ref_gyr, method, times, nodes, lgt0: LGT0, fb: FB }
}

fn matrix(place: &Place, rows: &[Vec<f64>]) -> Tensor<2> {
    place.rows(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// The given rows, each at every pair of reference time and time of observation.
fn at_times(rows: &[Vec<f64>], pairs: &[(f64, f64)]) -> Vec<Vec<f64>> {
    let at = |(t_ref, t_obs): &(f64, f64)| {
        let extra = [*t_ref, *t_obs];
        rows.iter().map(move |row| [&row[..], &extra].concat()).collect::<Vec<_>>()
    };
    pairs.iter().flat_map(at).collect()
}

/// Powers of log age 0, 1 and 2 as columns, and weights of the youngest ages.
fn moments(place: &Place) -> Tensor<2> {
    let row = |(i, a): (usize, &f64)| [f64::from(i < 15) * 1e3, *a, a * a];
    let powers: Vec<f64> = ages().lg_age_gyr().iter().enumerate().flat_map(row).collect();
    place.matrix(&powers, [ages().lg_age_gyr().len(), 3])
}

#[test]
fn names_are_unique_and_defaults_in_range() {
    for model in SfhModel::ALL {
        let info = model.info();
        check(&info, &defaults(*model)).unwrap();
        check(&info, &unusual(*model)).unwrap();
        let mut names: Vec<&str> = info.iter().map(|p| p.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), info.len(), "{model}");
        assert_eq!(model.name().parse::<SfhModel>().unwrap(), *model);
    }
}

#[test]
fn the_mass_formed_by_the_reference_time_is_the_parameter() {
    for model in SfhModel::ALL {
        let Some(j) = model.info().iter().position(|p| p.name == "lg_mass_formed") else {
            continue;
        };
        let mut rows = vec![defaults(*model), unusual(*model)];
        rows.extend(box_rows(&model.info(), 16, 0.0));
        let times = [(0.06, 0.06), (0.5, 0.5), (3.0, 3.0), (13.8, 13.8), (15.0, 15.0)];
        let rows = at_times(&rows, &times);
        for_each_place(|place| {
            for &method in METHODS {
                let p = distribution(*model, &matrix(place, &rows), method);
                for (got, row) in values(p.lg_mass_formed).iter().zip(&rows) {
                    // The floor of tables is felt by the smallest masses only, where the history
                    // begins just before the reference time.
                    let double = if row[j] > 5.0 { 1e-9 } else { 2e-5 };
                    assert_close(&[*got], &[row[j]], place.tolerance(double, 2e-5), 0.0);
                }
            }
        });
    }
}

#[test]
fn the_table_is_the_rate_at_its_times() {
    for model in SfhModel::ALL {
        for_each_place(|place| {
            let params = params(*model, &matrix(place, &[defaults(*model), unusual(*model)]));
            let (t_ref, times) = (place.vector(&[13.8, 11.0]), times());
            let nodes = LookbackNodes::default();
            let context = context(&t_ref, AgeWeightMethod::Table, &times, &nodes);
            let table = params.table(&context).unwrap();
            // The same times, but each galaxy's own.
            let t_gyr = place.rows(&[times.t_gyr(), times.t_gyr()]);
            let sfr = params.sfr_msun_yr(&context, t_gyr).unwrap().clamp_min(super::SFR_MIN);
            let tolerance = place.tolerance(1e-13, 1e-5);
            assert_close(&values(sfr), &values(table.sfr_msun_yr.clone()), tolerance, 0.0);
            if *model == SfhModel::Piecewise {
                // The exact mass and that of the table differ by what the table does not resolve.
                let mass = values(lg_mass_formed_at(&table, &t_ref));
                assert_close(&mass, &[10.0, 10.4], 0.02, 0.0);
            }
        });
    }
}

#[test]
fn weights_are_a_distribution_and_single_precision_agrees() {
    for model in SfhModel::ALL {
        let rows = [defaults(*model), unusual(*model)];
        let rows = at_times(&rows, &[(13.8, 13.8), (12.0, 6.1), (3.0, 2.5), (0.5, 0.5)]);
        for_each_f64_place(|place| {
            let single = places(Precision::F32);
            let double = distribution(*model, &matrix(place, &rows), AgeWeightMethod::Safe);
            let lg_mass = values(double.lg_mass_formed);
            let n_age = ages().lg_age_gyr().len();
            let weights = values(double.weights);
            for (weights, row) in weights.chunks(n_age).zip(&rows) {
                let sum: f64 = weights.iter().sum();
                assert!((sum - 1.0).abs() < 1e-12, "{model} {row:?}: {sum}");
                assert!(weights.iter().all(|w| *w >= 0.0), "{model} {row:?}: {weights:?}");
            }
            for single in single {
                let p = distribution(*model, &matrix(&single, &rows), AgeWeightMethod::Safe);
                let p_weights = values(p.weights);
                for weights in p_weights.chunks(n_age) {
                    assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-5);
                    assert!(weights.iter().all(|w| *w >= 0.0));
                }
                assert_close(&p_weights, &weights, 2e-3, 1e-6);
                assert_close(&values(p.lg_mass_formed), &lg_mass, 1e-5, 0.0);
            }
        });
    }
}

/// Moments of P(age) and the mass formed.
fn summary(model: SfhModel, matrix: &Tensor<2>, method: AgeWeightMethod) -> Tensor<2> {
    let p = distribution(model, matrix, method);
    let moments = p.weights.matmul(moments(&Place::of(matrix)));
    Tensor::cat(vec![moments, column(&p.lg_mass_formed)], 1)
}

#[test]
fn gradients_of_every_parameter_and_of_time() {
    for model in SfhModel::ALL {
        // Seen at the reference time itself, a step in the rate there has no two-sided derivative.
        let rows = at_times(&[defaults(*model), unusual(*model)], &PAIRS);
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        for_each_f64_place(|place| {
            for method in [AgeWeightMethod::Safe, AgeWeightMethod::Nodes] {
                assert_jacobian(&rows, 1e-6, place, |p| summary(*model, &p, method));
            }
            // Differences of the table form carry the rounding of the total mass, which drowns the
            // derivatives of the youngest stars where there are few.
            let table = |p| summary(*model, &p, AgeWeightMethod::Table);
            assert_jacobian(&[rows[0], rows[3]], 1e-5, place, table);
        });
    }
}

#[test]
fn gradients_when_the_reference_time_is_that_of_observation() {
    for model in SfhModel::ALL {
        let rows: Vec<Vec<f64>> = [(defaults(*model), 12.7), (unusual(*model), 6.1)]
            .into_iter()
            .map(|(row, t)| [row, vec![t]].concat())
            .collect();
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        for method in [AgeWeightMethod::Safe, AgeWeightMethod::Nodes] {
            let seen = |p: Tensor<2>| {
                let t = p.clone().narrow(1, rows[0].len() - 1, 1);
                summary(*model, &Tensor::cat(vec![p, t], 1), method)
            };
            for_each_f64_place(|place| assert_jacobian(&rows, 1e-6, place, seen));
            assert_f32_jacobian(&rows, 5e-3, seen);
        }
    }
}

#[test]
fn gradients_in_single_precision() {
    for model in SfhModel::ALL {
        let rows = at_times(&[defaults(*model), unusual(*model)], &PAIRS);
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        for method in [AgeWeightMethod::Safe, AgeWeightMethod::Nodes] {
            assert_f32_jacobian(&rows, 5e-3, |p| summary(*model, &p, method));
        }
    }
}

#[test]
fn values_and_gradients_are_finite_over_the_whole_box() {
    for model in SfhModel::ALL {
        let mut pairs = PAIRS.to_vec();
        pairs.extend([(0.5, 0.5), (0.5, 0.3), (3.0, 3.0), (13.8, 13.8), (13.8, 4.3)]);
        // Seen when there are no stars, or hardly any.
        pairs.extend([(3.0, 0.0), (3.0, 1e-4), (1e-4, 1e-4), (0.06, 0.06), (15.0, 15.0)]);
        let rows = at_times(&rows_of_box(*model), &pairs);
        for_each_place(|place| {
            for &method in METHODS {
                if method == AgeWeightMethod::Table && place.precision() == Precision::F32 {
                    continue;
                }
                let seen = |p| Ok(summary(*model, &p, method));
                let result = jacobian(&matrix(place, &rows), seen).unwrap();
                let n_out = result.values.dims()[1];
                let (outputs, gradients) = (values(result.values), values(result.jacobian));
                let gradients = gradients.chunks(n_out * rows[0].len());
                for ((row, outputs), gradients) in
                    rows.iter().zip(outputs.chunks(n_out)).zip(gradients)
                {
                    let finite = outputs.iter().chain(gradients).all(|v| v.is_finite());
                    assert!(finite, "{model} {method} {place} {row:?}: {outputs:?} {gradients:?}");
                }
            }
        });
    }
}
