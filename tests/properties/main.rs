//! Properties of the whole chain over the documented parameter box, on every device: finite values
//! and gradients, batching, permutation, and autodiff against central differences.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod components;
mod everywhere;
mod sampling;

use burn::tensor::Tensor;
use starburn::device::{Place, Precision};
use starburn::filter::FilterSet;
use starburn::parameters::ParameterSet;
use starburn::population::{Components, Frame, GalaxyModel, ModelSettings};
use starburn::sfh::{AgeWeightMethod, DiffstarParams};
use starburn::ssp::embedded;
use starburn::testing::{
    assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
};

use sampling::{bands, box_rows, matrix};

fn model(place: &Place, frame: Frame) -> GalaxyModel {
    let settings =
        ModelSettings { frame, age_weights: AgeWeightMethod::Safe, ..ModelSettings::default() };
    GalaxyModel::new(embedded(), &bands(), settings, place).unwrap()
}

#[test]
fn predictions_and_gradients_are_finite_over_the_whole_box() {
    let rows = box_rows(&Components::default(), 200, 0.0);
    for_each_place(|place| {
        for frame in [Frame::Rest, Frame::Observed] {
            let model = model(place, frame);
            let wrt: Vec<usize> = (0..20).collect();
            let result = model.jacobian(&matrix(place, &rows), None, &wrt).unwrap();
            let (magnitudes, jacobian) = (values(result.values), values(result.jacobian));
            for (i, m) in magnitudes.iter().enumerate() {
                // Infinitely faint is right where the band lies blueward of the spectrum.
                assert!(m.is_finite() || *m == f64::INFINITY, "{place}: {:?}: {m}", rows[i / 3]);
            }
            let bad = jacobian.iter().position(|g| !g.is_finite());
            assert!(bad.is_none_or(|i| {
                panic!("{place} {frame}: parameter {} of {:?}", i % 20, rows[i / 60])
            }));
            let prediction = model
                .predict(&model.components().galaxies(&matrix(place, &rows), None).unwrap())
                .unwrap();
            let formed = values(prediction.lg_mass_formed);
            let surviving = values(prediction.lg_mass_surviving);
            let remnant = values(prediction.lg_mass_remnant);
            for g in 0..rows.len() {
                assert!(formed[g].is_finite() && surviving[g] < formed[g]);
                assert!(remnant[g] < surviving[g]);
            }
        }
    });
}

#[test]
fn a_batch_is_its_galaxies_and_their_order_does_not_matter() {
    let rows = box_rows(&Components::default(), 16, 0.05);
    for_each_place(|place| {
        let model = model(place, Frame::Observed);
        let predict = |rows: &[Vec<f64>]| {
            let galaxies = model.components().galaxies(&matrix(place, rows), None).unwrap();
            values(model.predict(&galaxies).unwrap().magnitudes)
        };
        let together = predict(&rows);
        let alone: Vec<f64> =
            rows.iter().flat_map(|row| predict(std::slice::from_ref(row))).collect();
        // In f32 the last bit of the age at redshift 10, where galaxies brighten by the minute, is
        // worth half a millimagnitude.
        let tolerance = place.tolerance(1e-11, 1e-3);
        assert_close(&together, &alone, 0.0, tolerance);
        let mut reversed = rows.clone();
        reversed.reverse();
        let backwards = predict(&reversed);
        let undone: Vec<f64> = backwards.chunks(3).rev().flatten().copied().collect();
        assert_close(&together, &undone, 0.0, tolerance);
    });
}

/// Magnitudes and masses of one batch as a single matrix.
fn outputs(model: &GalaxyModel, matrix: &Tensor<2>) -> Tensor<2> {
    let galaxies = model.components().galaxies(matrix, None).unwrap();
    let prediction = model.predict(&galaxies).unwrap();
    let mass = vec![prediction.lg_mass_formed, prediction.lg_mass_surviving];
    Tensor::cat(vec![prediction.magnitudes, Tensor::stack(mass, 1)], 1)
}

#[test]
fn autodiff_equals_central_differences_through_the_whole_chain() {
    let rows = box_rows(&Components::default(), 6, 0.2);
    let physics: Vec<&[f64]> = rows.iter().map(|row| &row[..19]).collect();
    let redshift: Vec<&[f64]> = rows.iter().map(|row| &row[19..]).collect();
    for_each_f64_place(|place| {
        for frame in [Frame::Rest, Frame::Observed] {
            let model = model(place, frame);
            let (p0, z0) = (place.rows(&physics), place.rows(&redshift));
            assert_jacobian(&physics, 1e-6, place, |p| {
                outputs(&model, &Tensor::cat(vec![p, z0.clone()], 1))
            });
            // A spectrum interpolated linearly has kinks in redshift. Steps of a hundredth of the
            // usual size stay between them.
            assert_jacobian(&[&[0.0][..]; 6], 1e-4, place, |step| {
                let z = z0.clone() + step * 1e-2;
                outputs(&model, &Tensor::cat(vec![p0.clone(), z], 1)) * 1e2
            });
        }
    });
}

#[test]
fn no_gradient_that_matters_is_lost_in_single_precision() {
    let rows = box_rows(&Components::default(), 12, 0.2);
    let wrt: Vec<usize> = (0..20).collect();
    let jacobian = |place: &Place| {
        let model = model(place, Frame::Observed);
        values(model.jacobian(&matrix(place, &rows), None, &wrt).unwrap().jacobian)
    };
    let reference = Place::open(starburn::device::DEFAULT_DEVICE, Precision::F64).unwrap();
    let exact = jacobian(&reference);
    for place in starburn::testing::places(Precision::F32) {
        for (got, want) in jacobian(&place).chunks(20).zip(exact.chunks(20)) {
            let largest = want.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            for (j, (g, w)) in got.iter().zip(want).enumerate() {
                assert!(
                    *g != 0.0 || w.abs() < 1e-6 * largest,
                    "{place}: parameter {j} has gradient {w:e} in f64 and none in f32"
                );
            }
        }
    }
}

#[test]
fn dust_dims_and_quenching_reddens() {
    let components = Components::default();
    let names = ["lg_qt", "qlglgdt", "lg_drop", "lg_rejuv"];
    let quenching = |values: [f64; 4]| names.into_iter().zip(values).collect::<Vec<_>>();
    let unquenched = quenching(DiffstarParams::UNQUENCHED);
    let blue = components.row(&unquenched).unwrap();
    let dusty = components.row(&[&unquenched[..], &[("av", 1.0)]].concat()).unwrap();
    let red = components.row(&quenching([0.9, -1.0, -3.0, -2.99])).unwrap();
    for_each_place(|place| {
        let rows = matrix(place, &[blue.clone(), dusty.clone(), red.clone()]);
        let galaxies = components.galaxies(&rows, None).unwrap();
        let m = values(model(place, Frame::Rest).predict(&galaxies).unwrap().magnitudes);
        let (blue, dusty, red) = (&m[0..3], &m[3..6], &m[6..9]);
        assert!(blue.iter().zip(dusty).all(|(b, d)| d > b), "{m:?}");
        assert!(red[0] - red[1] > blue[0] - blue[1] + 0.5, "{m:?}");
    });
}

#[test]
fn bounded_parameters_survive_the_way_through_unbounded_space() {
    let rows = box_rows(&Components::default(), 50, 0.1);
    for_each_place(|place| {
        // The columns of diffstar.
        let set = DiffstarParams::from_matrix(&matrix(place, &rows).narrow(1, 5, 8)).unwrap();
        let back = DiffstarParams::from_unbounded(&set.to_unbounded()).unwrap();
        let tolerance = place.tolerance(1e-11, 1e-4);
        assert_close(&values(back.to_matrix()), &values(set.to_matrix()), tolerance, 1e-6);
    });
}

#[test]
fn a_band_without_light_has_no_gradient() {
    let row = Components::default().row(&[("redshift", 25.0)]).unwrap();
    let filters = FilterSet::embedded("galex_fuv").unwrap();
    let wrt: Vec<usize> = (0..20).collect();
    for_each_place(|place| {
        let model =
            GalaxyModel::new(embedded(), &filters, ModelSettings::default(), place).unwrap();
        let t_obs = place.vector(&[3.0]);
        let result = model.jacobian(&place.rows(&[&row]), Some(&t_obs), &wrt).unwrap();
        assert_eq!(values(result.values), [f64::INFINITY]);
        assert!(values(result.jacobian).iter().all(|g| *g == 0.0));
        for wrong in [&[][..], &[20], &[3, 3]] {
            assert!(model.jacobian(&place.rows(&[&row]), None, wrong).is_err());
        }
        assert!(model.jacobian(&place.rows(&[&row[1..]]), None, &[0]).is_err());
    });
}
