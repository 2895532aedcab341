//! What every star formation history must fulfil, over all models.

use burn::tensor::Tensor;

use super::{
    AgeDistribution, AgeGrid, AgeWeightMethod, SfhContext, SfhModel, SfhParams, TimeTable,
    lg_mass_formed_at,
};
use crate::device::{Place, Precision};
use crate::halo::LGT0;
use crate::numerics::column;
use crate::numerics::jacobian::jacobian;
use crate::parameters::{Edge, check};
use crate::sfh::FB;
use crate::testing::{
    assert_close, assert_jacobian, for_each_f64_place, for_each_place, places, values,
};

const METHODS: [AgeWeightMethod; 2] = [AgeWeightMethod::Table, AgeWeightMethod::Safe];

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

/// Rows that fill the whole box evenly, after eight of its corners.
fn box_rows(model: SfhModel, n: usize) -> Vec<Vec<f64>> {
    const PRIMES: [f64; 16] =
        [2., 3., 5., 7., 11., 13., 17., 19., 23., 29., 31., 37., 41., 43., 47., 53.];
    let info = model.info();
    let row = |i: usize| {
        let share = |j: usize| match i {
            // All low, all high, then patterns of both.
            0 | 1 => i as f64,
            2..8 => f64::from(((j + i) * (i + 1) / 3).is_multiple_of(2)),
            _ => (PRIMES[j].sqrt() * (i + 1) as f64).fract(),
        };
        let mut row = defaults(model);
        // Fixed ranges first, then those that depend on another parameter.
        for dependent in [false, true] {
            for (j, p) in info.iter().enumerate() {
                let fixed = matches!((p.bound.lo, p.bound.hi), (Edge::At(_), Edge::At(_)));
                if fixed != dependent {
                    let at = |edge: Edge| match edge {
                        Edge::At(v) => v,
                        Edge::Param(name, offset) => {
                            row[info.iter().position(|p| p.name == name).unwrap()] + offset
                        }
                    };
                    let (lo, hi) = (at(p.bound.lo), at(p.bound.hi));
                    row[j] = if share(j) == 1.0 { hi } else { lo + (hi - lo) * share(j) };
                }
            }
        }
        check(&info, &row).unwrap();
        row
    };
    (0..n).map(row).collect()
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
    let times = times();
    let context = SfhContext { t_ref_gyr: &t_ref, times: &times, lgt0: LGT0, fb: FB };
    params(model, matrix).age_distribution(&context, &t_obs, &ages(), method).unwrap()
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
        rows.extend(box_rows(*model, 24).into_iter().skip(8));
        let rows = at_times(&rows, &[(0.5, 0.5), (3.0, 3.0), (13.8, 13.8)]);
        for_each_place(|place| {
            for method in METHODS {
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
            let context = SfhContext { t_ref_gyr: &t_ref, times: &times, lgt0: LGT0, fb: FB };
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

#[test]
fn gradients_of_every_parameter_and_of_time() {
    for model in SfhModel::ALL {
        // Seen at the reference time itself, a step in the rate there has no two-sided derivative.
        let pairs = [(13.1, 12.7), (9.2, 6.1)];
        let rows: Vec<Vec<f64>> = [defaults(*model), unusual(*model)]
            .iter()
            .zip(&pairs)
            .flat_map(|(row, pair)| at_times(std::slice::from_ref(row), &[*pair]))
            .collect();
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        for_each_f64_place(|place| {
            for method in METHODS {
                // Differences of the table form carry the rounding of the total mass.
                let tolerance = if method == AgeWeightMethod::Table { 1e-5 } else { 1e-6 };
                assert_jacobian(&rows, tolerance, place, |p| {
                    let p = distribution(*model, &p, method);
                    let weights = p.weights.matmul(moments(place));
                    Tensor::cat(vec![weights, column(&p.lg_mass_formed)], 1)
                });
            }
        });
    }
}

#[test]
fn values_and_gradients_are_finite_over_the_whole_box() {
    for model in SfhModel::ALL {
        let pairs = [(0.5, 0.5), (0.5, 0.3), (3.0, 3.0), (13.8, 13.8), (13.8, 4.3)];
        let rows = at_times(&box_rows(*model, 24), &pairs);
        let n_params = rows[0].len();
        for_each_place(|place| {
            for method in METHODS {
                if method == AgeWeightMethod::Table && place.precision() == Precision::F32 {
                    continue;
                }
                let result = jacobian(&matrix(place, &rows), |p| {
                    let p = distribution(*model, &p, method);
                    let mean = p.weights.matmul(moments(place)).sum_dim(1);
                    Ok(mean + column(&p.lg_mass_formed))
                })
                .unwrap();
                let (means, gradients) = (values(result.values), values(result.jacobian));
                for (row, mean) in rows.iter().zip(&means) {
                    assert!(mean.is_finite(), "{model} {method} {place}: {mean} at {row:?}");
                }
                for (row, gradient) in rows.iter().zip(gradients.chunks(n_params)) {
                    let bad = gradient.iter().position(|g| !g.is_finite());
                    assert!(bad.is_none(), "{model} {method} {place}: {gradient:?} at {row:?}");
                }
            }
        });
    }
}
