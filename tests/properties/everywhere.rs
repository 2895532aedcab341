//! Properties of every choice of ingredients over its whole box, edges included.

use std::sync::Arc;

use burn::tensor::Tensor;
use starburn::device::Place;
use starburn::dust::DustModel;
use starburn::emulator::AgeEmulator;
use starburn::metallicity::MetallicityModel;
use starburn::numerics::columns;
use starburn::parameters::{ParamInfo, bounded, unbounded};
use starburn::population::{Components, Frame, GalaxyModel, ModelSettings};
use starburn::sed::SspWeights;
use starburn::sfh::SfhModel;
use starburn::ssp::embedded;
use starburn::testing::{assert_close, for_each_f64_place, for_each_place, values};

use crate::components::{everything_is_finite, grid, model, outputs};
use crate::sampling::{bands, box_rows, choices, coarse_grid, matrix, sampled};

/// Checks that each row of `weights` has no negative element and sums to one.
#[track_caller]
fn is_distribution(what: &str, weights: &Tensor<2>, place: &Place) {
    let n = weights.dims()[1];
    let tolerance = place.tolerance(1e-9, 1e-4);
    for (i, row) in values(weights.clone()).chunks(n).enumerate() {
        let lowest = row.iter().copied().fold(f64::INFINITY, f64::min);
        let sum: f64 = row.iter().sum();
        assert!(lowest >= -tolerance, "{place}, galaxy {i}: a weight over {what} is {lowest}");
        assert!(
            (sum - 1.0).abs() < tolerance,
            "{place}, galaxy {i}: weights over {what} sum to {sum}"
        );
    }
}

fn are_distributions(weights: &SspWeights, place: &Place) {
    is_distribution("age and metallicity", &weights.joint, place);
    is_distribution("age", &weights.age, place);
    for (what, part) in [("metallicity", &weights.metallicity), ("ionization", &weights.ionization)]
    {
        part.iter().for_each(|part| is_distribution(what, part, place));
    }
}

/// Corners of the box of the parameters, at most `n` of them.
fn corner_rows(components: &Components, n: usize) -> Vec<Vec<f64>> {
    let rows = starburn::testing::corner_rows(&sampled(components), n);
    rows.iter().for_each(|row| components.check(row).unwrap());
    rows
}

/// Rows inside the box and at its corners.
fn all_rows(components: &Components) -> Vec<Vec<f64>> {
    [box_rows(components, 12, 0.0), corner_rows(components, 12)].concat()
}

#[test]
fn weights_are_distributions_over_every_box() {
    let grid = grid();
    for components in choices() {
        let rows = all_rows(&components);
        for_each_place(|place| {
            let model = model(components, &grid, Frame::Observed, place);
            let galaxies = model.components().galaxies(&matrix(place, &rows), None).unwrap();
            are_distributions(&model.stars(&galaxies).unwrap().weights, place);
        });
    }
}

#[test]
fn emulated_ages_are_distributions_inside_and_outside_of_the_prior() {
    let rows = all_rows(&Components::default());
    // The embedded grid has ages whose bins cross, with a negative weight as in DSPS.
    let grid = coarse_grid();
    let emulator = Some(Arc::new(AgeEmulator::embedded().clone()));
    for_each_place(|place| {
        let settings = ModelSettings { emulator: emulator.clone(), ..ModelSettings::default() };
        let model = GalaxyModel::new(&grid, &bands(), settings, place).unwrap();
        let galaxies = model.components().galaxies(&matrix(place, &rows), None).unwrap();
        are_distributions(&model.stars(&galaxies).unwrap().weights, place);
        let wrt: Vec<usize> = (0..rows[0].len()).collect();
        let result = model.jacobian(&matrix(place, &rows), None, &wrt).unwrap();
        let magnitudes = values(result.values);
        assert!(magnitudes.iter().all(|m| m.is_finite() || *m == f64::INFINITY), "{place}");
        assert!(values(result.jacobian).iter().all(|g| g.is_finite()), "{place}");
    });
}

#[test]
fn corners_of_every_box_have_finite_predictions_and_gradients() {
    let grid = grid();
    for components in choices() {
        let rows = corner_rows(&components, 12);
        for_each_place(|place| everything_is_finite(components, &grid, &rows, place));
    }
}

#[test]
fn chunks_and_order_change_nothing() {
    let grid = grid();
    for components in choices() {
        let rows = box_rows(&components, 12, 0.05);
        for_each_f64_place(|place| {
            let model = model(components, &grid, Frame::Observed, place);
            let predict = |rows: &[Vec<f64>]| values(outputs(&model, &matrix(place, rows)));
            let together = predict(&rows);
            let n_out = together.len() / rows.len();
            for chunk in [1, 5] {
                let parts: Vec<f64> = rows.chunks(chunk).flat_map(predict).collect();
                assert_close(&parts, &together, 0.0, 1e-10);
            }
            // Seven steps through twelve galaxies meet each of them once.
            let order: Vec<usize> = (0..12).map(|i| 7 * i % 12).collect();
            let shuffled: Vec<Vec<f64>> = order.iter().map(|i| rows[*i].clone()).collect();
            let wanted: Vec<f64> =
                order.iter().flat_map(|i| together[i * n_out..][..n_out].to_vec()).collect();
            assert_close(&predict(&shuffled), &wanted, 0.0, 1e-10);
        });
    }
}

#[test]
fn more_dust_is_never_brighter() {
    let grid = grid();
    for dust in DustModel::ALL {
        let components = Components { dust: *dust, ..Components::default() };
        let rows = box_rows(&components, 12, 0.0);
        let info = components.info();
        for_each_f64_place(|place| {
            let model = model(components, &grid, Frame::Rest, place);
            let magnitudes = |rows: &[Vec<f64>]| {
                let galaxies = model.components().galaxies(&matrix(place, rows), None).unwrap();
                values(model.predict(&galaxies).unwrap().magnitudes)
            };
            let before = magnitudes(&rows);
            for (j, p) in info.iter().enumerate().filter(|(_, p)| p.name.starts_with("av")) {
                let mut dustier = rows.clone();
                let starburn::parameters::Edge::At(hi) = p.bound.hi else { panic!("{}", p.name) };
                dustier.iter_mut().for_each(|row| row[j] = (row[j] + 0.3).min(hi));
                for (i, (a, b)) in magnitudes(&dustier).iter().zip(&before).enumerate() {
                    let row = &rows[i / 3];
                    assert!(*a >= b - 1e-9, "{}: {b} becomes {a} for {row:?}", p.name);
                }
            }
        });
    }
}

#[test]
fn older_is_redder_at_fixed_metallicity() {
    let components = Components { sfh: SfhModel::DelayedTau, ..Components::default() };
    // Hardly any stars are born after the first billion years.
    let row = components.row(&[("tau", 0.2), ("t_start", 0.1), ("lgmet", -2.0)]).unwrap();
    for_each_place(|place| {
        let model = GalaxyModel::new(embedded(), &bands(), rest(components), place).unwrap();
        let t_obs = [1.0, 2.0, 4.0, 8.0, 13.0];
        let rows = vec![row.clone(); t_obs.len()];
        let galaxies =
            model.components().galaxies(&matrix(place, &rows), Some(place.vector(&t_obs)));
        let m = values(model.predict(&galaxies.unwrap()).unwrap().magnitudes);
        let colours: Vec<f64> = m.chunks(3).map(|m| m[0] - m[1]).collect();
        // The ultraviolet of the oldest stars rises again.
        assert!(colours[..4].windows(2).all(|c| c[1] > c[0]), "{place}: {colours:?}");
        let colours: Vec<f64> = m.chunks(3).map(|m| m[1] - m[2]).collect();
        assert!(colours[1..].windows(2).all(|c| c[1] > c[0] - 0.02), "{place}: {colours:?}");
        // At a given mass they are fainter.
        assert!(m.chunks(3).map(|m| m[1]).is_sorted_by(|a, b| a < b), "{place}: {m:?}");
    });
}

fn rest(components: Components) -> ModelSettings {
    ModelSettings { components, frame: Frame::Rest, ..ModelSettings::default() }
}

#[test]
fn every_set_of_parameters_survives_the_way_through_unbounded_space() {
    let sfh = SfhModel::ALL.iter().map(|model| model.info());
    let metallicity = MetallicityModel::ALL.iter().map(|model| model.info());
    let dust = DustModel::ALL.iter().map(|model| model.info());
    for info in sfh.chain(metallicity).chain(dust) {
        let rows = starburn::testing::box_rows(&info, 30, 0.05);
        for_each_place(|place| {
            let through = |info: &[ParamInfo], rows: &[Vec<f64>]| {
                let there = unbounded(info, columns(&matrix(place, rows)));
                let free = values(Tensor::stack::<2>(there.clone(), 1));
                assert!(free.iter().all(|x| x.is_finite()), "{place}: {rows:?}");
                values(Tensor::stack::<2>(bounded(info, there), 1))
            };
            let tolerance = place.tolerance(1e-10, 2e-4);
            assert_close(&through(&info, &rows), &rows.concat(), tolerance, tolerance);
        });
    }
}
