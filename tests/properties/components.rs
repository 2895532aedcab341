//! Properties of the whole chain for every choice of ingredients, on a coarse grid.

use std::cmp::Ordering;

use burn::tensor::Tensor;
use starburn::device::{Place, Precision};
use starburn::dust::{AttenuationCurve, DustLaw, DustModel};
use starburn::nebular::{LineFit, fit_lines};
use starburn::numerics::jacobian::jacobian_of_columns;
use starburn::population::{Components, EquivalentWidths, Frame, GalaxyModel, ModelSettings};
use starburn::sfh::AgeWeightMethod;
use starburn::ssp::SspGrid;
use starburn::testing::{
    assert_close, assert_jacobian, for_each_f64_place, for_each_place, places, values,
};

use crate::sampling::{bands, box_rows, choices, coarse_grid, grid_with_lines, matrix};

/// The coarse grid with a few lines.
pub(crate) fn grid() -> SspGrid {
    grid_with_lines(&["Ly-alpha 1215", "[O II] 3726", "[O III] 5007", "Ba-alpha 6563"])
}

pub(crate) fn model(
    components: Components,
    grid: &SspGrid,
    frame: Frame,
    place: &Place,
) -> GalaxyModel {
    let settings = ModelSettings {
        components,
        frame,
        lines: components.ionization,
        age_weights: AgeWeightMethod::Safe,
        ..ModelSettings::default()
    };
    GalaxyModel::new(grid, &bands(), settings, place).unwrap()
}

/// Magnitudes, masses and, if there are any, line luminosities.
pub(crate) fn outputs(model: &GalaxyModel, matrix: &Tensor<2>) -> Tensor<2> {
    let galaxies = model.components().galaxies(matrix, None).unwrap();
    let stars = model.stars(&galaxies).unwrap();
    let seen = model.observe(&stars, &galaxies).unwrap();
    let mass = Tensor::stack(vec![seen.lg_mass_formed, seen.lg_mass_surviving], 1);
    let mut parts = vec![seen.magnitudes, mass];
    if !model.line_names().is_empty() {
        parts.push(model.line_light(&stars, &galaxies).unwrap().lg_luminosity_erg_s);
    }
    Tensor::cat(parts, 1)
}

/// Asserts that all outputs of galaxies and their derivatives with respect to all parameters are finite.
/// Only magnitudes and lines may be infinitely faint, where a band sees nothing or dust leaves nothing.
pub(crate) fn everything_is_finite(
    components: Components,
    grid: &SspGrid,
    rows: &[Vec<f64>],
    place: &Place,
) {
    let model = model(components, grid, Frame::Observed, place);
    let n_bands = model.filter_names().len();
    let wrt: Vec<usize> = (0..components.names().len()).collect();
    let n_lines = model.line_names().len();
    // Masses as one sum, and lines: a derivative that is lost in one of them is lost in it.
    let result = jacobian_of_columns(&matrix(place, rows), &wrt, |matrix| {
        let all = outputs(&model, matrix);
        let mut parts = vec![all.clone().narrow(1, 0, n_bands)];
        parts.push(all.clone().narrow(1, n_bands, 2).sum_dim(1));
        if n_lines > 0 {
            parts.push(all.narrow(1, n_bands + 2, n_lines).sum_dim(1));
        }
        Ok(Tensor::cat(parts, 1))
    });
    let result = result.unwrap();
    let n_out = n_bands + 1 + usize::from(n_lines > 0);
    for (i, value) in values(result.values).into_iter().enumerate() {
        let faint = match (i % n_out).cmp(&n_bands) {
            Ordering::Less => value == f64::INFINITY,
            Ordering::Equal => false,
            Ordering::Greater => value == f64::NEG_INFINITY,
        };
        let row = &rows[i / n_out];
        assert!(value.is_finite() || faint, "{place} {components:?}: {value} for {row:?}");
    }
    for (i, slope) in values(result.jacobian).into_iter().enumerate() {
        let (name, row) = (components.names()[i % wrt.len()], &rows[i / (n_out * wrt.len())]);
        assert!(slope.is_finite(), "{place} {components:?}: {slope} by {name} for {row:?}");
    }
}

#[test]
fn predictions_and_gradients_are_finite_over_every_box() {
    let grid = grid();
    for components in choices() {
        let rows = box_rows(&components, 40, 0.0);
        for_each_place(|place| everything_is_finite(components, &grid, &rows, place));
    }
}

#[test]
fn autodiff_equals_central_differences_for_every_ingredient() {
    let grid = grid();
    for components in choices() {
        let mut rows = box_rows(&components, 2, 0.25);
        let z = components.index("redshift").unwrap();
        rows.iter_mut().for_each(|row| row[z] = 0.4);
        let physics: Vec<&[f64]> = rows.iter().map(|row| &row[..z]).collect();
        for_each_f64_place(|place| {
            let model = model(components, &grid, Frame::Observed, place);
            let redshift = place.rows(&[&[0.4], &[0.4]]);
            // Depletion times set the width of the kernel and the range of the integral, which
            // central differences resolve less well.
            assert_jacobian(&physics, 3e-6, place, |p| {
                outputs(&model, &Tensor::cat(vec![p, redshift.clone()], 1))
            });
        });
    }
}

#[test]
fn single_precision_agrees_with_double() {
    let grid = grid();
    for components in choices() {
        let mut rows = box_rows(&components, 16, 0.2);
        let z = components.index("redshift").unwrap();
        rows.iter_mut().for_each(|row| row[z] = row[z].min(3.0));
        let predict = |place: &Place| {
            values(outputs(
                &model(components, &grid, Frame::Observed, place),
                &matrix(place, &rows),
            ))
        };
        let exact = predict(&places(Precision::F64)[0]);
        for place in places(Precision::F32) {
            for (single, exact) in predict(&place).iter().zip(&exact) {
                // Beyond a hundred magnitudes of dust, f32 has no light left.
                if exact.is_finite() && exact.abs() < 80.0 {
                    assert_close(&[*single], &[*exact], 0.0, 2e-3);
                }
            }
        }
    }
}

#[test]
fn dust_that_does_not_depend_on_age_is_a_screen() {
    let grid = grid();
    let with = |dust| Components { dust, ionization: true, ..Components::default() };
    let screen = [("av", 0.8), ("dust_slope", -0.3), ("dust_bump", 1.1), ("dust_floor", 0.1)];
    let same = [
        ("av_young", 0.8),
        ("av_old", 0.8),
        ("dust_slope_young", -0.3),
        ("dust_slope_old", -0.3),
        ("dust_bump", 1.1),
        ("dust_floor", 0.1),
    ];
    let boost = [&screen[..], &[("av_boost", 0.0)]].concat();
    for_each_f64_place(|place| {
        let seen = |dust, changes: &[(&str, f64)]| {
            let components = with(dust);
            let model = model(components, &grid, Frame::Rest, place);
            let row = components.row(changes).unwrap();
            values(outputs(&model, &place.rows(&[&row])))
        };
        let want = seen(DustModel::Screen, &screen);
        assert_close(&seen(DustModel::AgeDependent, &same), &want, 1e-12, 1e-12);
        assert_close(&seen(DustModel::YoungBoost, &boost), &want, 1e-12, 1e-12);
    });
}

#[test]
fn birth_clouds_dim_young_stars_and_their_lines_only() {
    let grid = grid();
    let components =
        Components { dust: DustModel::TwoComponent, ionization: true, ..Components::default() };
    let young = [("lg_qt", 1.9), ("lg_drop", -0.01), ("lg_rejuv", -0.005)];
    let old = [("lg_qt", 0.5), ("lg_drop", -3.0), ("lg_rejuv", -2.99)];
    for_each_place(|place| {
        let model = model(components, &grid, Frame::Rest, place);
        let seen = |history: &[(&str, f64)], av_birth| {
            let row = components.row(&[history, &[("av_birth", av_birth)]].concat()).unwrap();
            values(outputs(&model, &place.rows(&[&row])))
        };
        let dimmed = |history: &[(&str, f64)]| -> Vec<f64> {
            seen(history, 3.0).iter().zip(seen(history, 0.0)).map(|(a, b)| a - b).collect()
        };
        let (young, old) = (dimmed(&young), dimmed(&old));
        // Bands from ultraviolet to near infrared, masses, then the lines.
        assert!(young[0] > 0.2 && young[0] > young[1] && young[1] > young[2], "{young:?}");
        // The quenched galaxy has a thousandth of its star formation left, which shows in the
        // ultraviolet.
        assert!(old[0] < 1.0 && old[1] < 0.1 && old[2] < 0.02, "{old:?}");
        assert_eq!(young[3..5], [0.0, 0.0]);
        // H-alpha: 3 mag times (0.6565 / 0.55)^-0.7, less the few photons of stars beyond 10 Myr.
        let h_alpha = -0.4 * 3.0 * (0.65647f64 / 0.55).powf(-0.7);
        assert!(young[8] > h_alpha - 1e-3 && young[8] < 0.8 * h_alpha, "{young:?} {h_alpha}");
    });
}

#[test]
fn lines_brighten_the_bands_they_fall_in_and_only_those() {
    let grid = grid();
    let components = Components { ionization: true, ..Components::default() };
    let row = components.row(&[("lg_qt", 1.9), ("lg_drop", -0.01), ("lg_rejuv", -0.005)]).unwrap();
    let magnitudes = |grid: &SspGrid, components: Components, row: &[f64], place: &Place| {
        let model = model(components, grid, Frame::Rest, place);
        let galaxies = model.components().galaxies(&place.rows(&[row]), None).unwrap();
        values(model.predict(&galaxies).unwrap().magnitudes)
    };
    for_each_place(|place| {
        let with = magnitudes(&grid, components, &row, place);
        let lines = grid.lines.as_ref().unwrap();
        // H-alpha lies in the optical band, nothing in the other two.
        let without = lines.without(&["Ba-alpha 6563"]).unwrap();
        let without = grid.clone().with_lines(without).unwrap();
        let without = magnitudes(&without, components, &row, place);
        assert!(without[1] > with[1] + 0.005, "{with:?} {without:?}");
        assert_eq!([without[0], without[2]], [with[0], with[2]]);
        let stars = magnitudes(
            &grid,
            Components::default(),
            &Components::default()
                .row(&[("lg_qt", 1.9), ("lg_drop", -0.01), ("lg_rejuv", -0.005)])
                .unwrap(),
            place,
        );
        assert_close(&stars, &without, 0.0, place.tolerance(1e-12, 1e-6));
    });
}

#[test]
fn equivalent_widths_follow_the_star_formation_in_every_precision() {
    use starburn::ssp::embedded;
    let lines = fit_lines(embedded(), LineFit::embedded(), &[-3.0, -2.5, -2.0]).unwrap();
    let grid = embedded().clone().with_lines(lines).unwrap();
    let components = Components { ionization: true, ..Components::default() };
    let young = [("lg_qt", 1.9), ("lg_drop", -0.01), ("lg_rejuv", -0.005)];
    let old = [("lg_qt", 0.7), ("lg_drop", -3.0), ("lg_rejuv", -2.9)];
    let rows = [young, old].map(|changes| components.row(&changes).unwrap());
    let widths = |place: &Place| {
        let model = model(components, &grid, Frame::Rest, place);
        let names = ["H-alpha", "[O III] 5007"].map(String::from);
        let widths = EquivalentWidths::new(&model, &names).unwrap();
        let galaxies = model.components().galaxies(&matrix(place, &rows), None).unwrap();
        values(widths.measure(&model, &model.stars(&galaxies).unwrap(), &galaxies))
    };
    let exact = widths(&places(Precision::F64)[0]);
    assert!(exact[0] > 10.0 && exact[2] < 0.2 * exact[0], "{exact:?}");
    for place in places(Precision::F32) {
        assert_close(&widths(&place), &exact, 1e-3, 1e-3);
    }
}

#[test]
fn a_history_in_a_table_is_the_history_it_was_made_from() {
    for_each_place(|place| {
        let components = Components { burst: true, ..Components::default() };
        let model = model(components, &coarse_grid(), Frame::Rest, place);
        let rows = box_rows(&components, 3, 0.2);
        let galaxies = components.galaxies(&matrix(place, &rows), None).unwrap();
        let table = model.star_formation_history(&galaxies).unwrap();
        let from_table =
            model.observe(&model.stars_with_history(&table, &galaxies), &galaxies).unwrap();
        let direct = model.predict(&galaxies).unwrap();
        assert_eq!(values(from_table.magnitudes), values(direct.magnitudes));
        assert_eq!(values(from_table.lg_mass_formed), values(direct.lg_mass_formed));
    });
}

/// The gradients of line luminosities and equivalent widths that exist in f64 exist in f32.
#[test]
fn line_gradients_survive_in_single_precision() {
    let grid = grid();
    let components =
        Components { dust: DustModel::AgeDependent, ionization: true, ..Components::default() };
    let rows = box_rows(&components, 6, 0.3);
    let wrt: Vec<usize> = ["logm0", "lgmet", "lgu", "lgu_scatter", "av_young", "dust_slope_young"]
        .map(|name| components.index(name).unwrap())
        .to_vec();
    let slopes = |place: &Place| {
        let model = model(components, &grid, Frame::Rest, place);
        let result = jacobian_of_columns(&matrix(place, &rows), &wrt, |matrix| {
            let galaxies = components.galaxies(matrix, Some(place.vector(&[9.0; 6])))?;
            let stars = model.stars(&galaxies)?;
            Ok(model.line_light(&stars, &galaxies)?.lg_luminosity_erg_s)
        });
        values(result.unwrap().jacobian)
    };
    let exact = slopes(&places(Precision::F64)[0]);
    for place in places(Precision::F32) {
        for (single, exact) in slopes(&place).chunks(6).zip(exact.chunks(6)) {
            let largest = exact.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            assert_close(single, exact, 0.0, 1e-3 * largest);
        }
    }
}

#[test]
fn contradictions_of_grid_and_settings_are_errors() {
    let settings = |lines| ModelSettings { lines, ..ModelSettings::default() };
    for_each_f64_place(|place| {
        let error = GalaxyModel::new(&coarse_grid(), &bands(), settings(true), place).unwrap_err();
        assert!(error.to_string().contains("the SSP grid has none"), "{error}");
        let wide = ModelSettings { line_sigma_km_s: 1e6, ..settings(true) };
        assert!(GalaxyModel::new(&grid(), &bands(), wide, place).is_err());
        let model = GalaxyModel::new(&grid(), &bands(), settings(false), place).unwrap();
        assert!(model.line_index("Ba-alpha 6563").is_err());
        assert!(!model.components().ionization);
    });
    assert!(DustLaw::new(AttenuationCurve::Calzetti00, true, false).is_err());
}
