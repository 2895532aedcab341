//! Bands from matrices against bands of full spectra.

use std::sync::Arc;

use super::*;
use crate::device::Precision;
use crate::emulator::AgeEmulator;
use crate::nebular::{LineFit, fit_lines};
use crate::numerics::jacobian::jacobian;
use crate::population::GalaxyModel;
use crate::ssp::embedded;
use crate::testing::{
    assert_close, assert_jacobian, box_rows, for_each_f64_place, for_each_place, places, values,
};

const EPOCH: Epoch = Epoch { redshift: 0.4, t_obs_gyr: 9.4 };

/// Rows over the box of the parameters, with moderate dust.
fn rows(components: &Components, n: usize, av_max: f64) -> Vec<Vec<f64>> {
    let mut info = components.info();
    for p in &mut info {
        use crate::parameters::Edge;
        match p.name {
            "logm0" => p.bound.lo = Edge::At(11.0),
            "av" => p.bound.hi = Edge::At(av_max),
            "dust_slope" => (p.bound.lo, p.bound.hi) = (Edge::At(-0.8), Edge::At(0.4)),
            "dust_bump" => p.bound.hi = Edge::At(3.0),
            _ => {}
        }
    }
    box_rows(&info, n, 0.1)
}

fn settings(frame: Frame) -> ModelSettings {
    ModelSettings { frame, ..ModelSettings::default() }
}

/// Magnitudes of the band model and of the full spectra.
fn both(frame: Frame, n_dust: usize, av_max: f64, place: &Place) -> (Vec<f64>, Vec<f64>) {
    let filters = FilterSet::embedded("lsst").unwrap();
    let fast = BandModel::new(embedded(), &filters, settings(frame), EPOCH, n_dust, place).unwrap();
    let full = GalaxyModel::new(embedded(), &filters, settings(frame), place).unwrap();
    let mut rows = rows(full.components(), 20, av_max);
    let z = full.components().index("redshift").unwrap();
    rows.iter_mut().for_each(|row| row[z] = EPOCH.redshift);
    let matrix: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    let t_obs = place.vector(&[EPOCH.t_obs_gyr; 20]);
    let galaxies = full.components().galaxies(&place.rows(&matrix), Some(t_obs)).unwrap();
    let seen = fast.predict(&galaxies).unwrap();
    let want = full.predict(&galaxies).unwrap();
    let mass = place.tolerance(1e-12, 1e-5);
    assert_close(&values(seen.lg_mass_formed), &values(want.lg_mass_formed), 0.0, mass);
    (values(seen.magnitudes), values(want.magnitudes))
}

#[test]
fn without_dust_bands_are_those_of_the_spectra() {
    for_each_place(|place| {
        for frame in [Frame::Rest, Frame::Observed] {
            let (fast, full) = both(frame, 1, 0.0, place);
            assert_close(&fast, &full, 0.0, place.tolerance(1e-9, 2e-4));
        }
    });
}

#[test]
fn galaxies_with_next_to_no_stars_are_those_of_the_spectra() {
    let filters = FilterSet::embedded("lsst").unwrap();
    for_each_place(|place| {
        let settings = settings(Frame::Rest);
        let fast = BandModel::new(embedded(), &filters, settings.clone(), EPOCH, 1, place);
        let fast = fast.unwrap();
        let full = GalaxyModel::new(embedded(), &filters, settings, place).unwrap();
        let rows = [0.0, 5.0, 9.0].map(|logm0| {
            let mut row = full.components().default_values();
            row[full.components().index("logm0").unwrap()] = logm0;
            row
        });
        let matrix = place.rows(&rows.each_ref().map(Vec::as_slice));
        let t_obs = Some(place.vector(&[EPOCH.t_obs_gyr; 3]));
        let galaxies = full.components().galaxies(&matrix, t_obs).unwrap();
        let seen = fast.predict(&galaxies).unwrap();
        let want = full.predict(&galaxies).unwrap();
        let tolerance = place.tolerance(1e-9, 1e-3);
        let (seen_mass, mass) = (values(seen.lg_mass_formed), values(want.lg_mass_formed));
        assert!(mass[0] < -3.0 && mass[2] > mass[0]);
        assert_close(&seen_mass, &mass, 0.0, tolerance);
        assert_close(&values(seen.magnitudes), &values(want.magnitudes), 0.0, tolerance);
    });
}

#[test]
fn ages_come_from_nodes_and_reference_times_are_refused() {
    let filters = FilterSet::embedded("lsst").unwrap();
    let place = &places(Precision::F64)[0];
    let mut settings = settings(Frame::Rest);
    settings.components.sfh = SfhModel::DelayedTau;
    let row = settings.components.default_values();
    let mut galaxies = settings.components.galaxies(&place.rows(&[&row]), None).unwrap();
    let mut magnitudes = |method, t_ref_gyr| {
        let settings = ModelSettings { age_weights: method, ..settings.clone() };
        galaxies.t_ref_gyr = t_ref_gyr;
        let model = BandModel::new(embedded(), &filters, settings, EPOCH, 1, place).unwrap();
        model.predict(&galaxies).map(|seen| values(seen.magnitudes))
    };
    let of_nodes = magnitudes(AgeWeightMethod::Nodes, None).unwrap();
    assert_eq!(magnitudes(AgeWeightMethod::Table, None).unwrap(), of_nodes);
    let t_ref = Some(place.vector(&[5.0]));
    let error = magnitudes(AgeWeightMethod::Nodes, t_ref).unwrap_err().to_string();
    assert!(error.contains("reference time"), "{error}");
}

#[test]
fn dust_converges_with_the_number_of_wavelengths() {
    for_each_place(|place| {
        let worst = |n_dust| {
            let (fast, full) = both(Frame::Observed, n_dust, 2.0, place);
            fast.iter().zip(&full).map(|(a, b)| (a - b).abs()).fold(0.0f64, f64::max)
        };
        let errors = [1, 2, 4, 8].map(worst);
        eprintln!("{place}: {errors:.5?}");
        assert!(errors.windows(2).all(|pair| pair[1] < pair[0]), "{errors:?}");
        assert!(errors[2] < 3e-3 && errors[3] < 1e-3, "{errors:?}");
    });
}

#[test]
fn gradients_of_every_parameter() {
    let filters = FilterSet::embedded("lsst").unwrap();
    for_each_f64_place(|place| {
        let model =
            BandModel::new(embedded(), &filters, settings(Frame::Rest), EPOCH, 3, place).unwrap();
        let rows = rows(model.components(), 2, 2.0);
        let n = rows[0].len() - 1;
        // The redshift is that of the epoch.
        let physics: Vec<&[f64]> = rows.iter().map(|row| &row[..n]).collect();
        assert_jacobian(&physics, 1e-6, place, |p| {
            let all = Tensor::cat(vec![p.clone(), p.narrow(1, 0, 1).ones_like()], 1);
            let galaxies = model.components().galaxies(&all, None).unwrap();
            let seen = model.predict(&galaxies).unwrap();
            Tensor::cat(vec![seen.magnitudes, column(&seen.lg_mass_formed)], 1)
        });
    });
}

const SLICE: (f64, f64) = (0.40, 0.414);

/// The embedded grid with lines that depend on ionization.
fn grid_with_lines() -> SspGrid {
    let fit = LineFit::embedded();
    let lines = fit_lines(embedded(), fit, &[-4.0, -2.5, -1.0]).unwrap();
    let lines = lines.select(&["[O II] 3726", "[O III] 5007", "Ba-alpha 6563"]).unwrap();
    embedded().clone().with_lines(lines).unwrap()
}

#[test]
fn lines_and_redshifts_within_a_slice_follow_the_spectra() {
    let filters = FilterSet::embedded("lsst").unwrap();
    let grid = grid_with_lines();
    for_each_place(|place| {
        let settings = ModelSettings { lines: true, ..settings(Frame::Observed) };
        let model = BandModel::slice(&grid, &filters, settings.clone(), SLICE, 8, place).unwrap();
        let full = GalaxyModel::new(&grid, &filters, settings, place).unwrap();
        assert_eq!(model.components(), full.components());
        let mut rows = rows(full.components(), 20, 2.0);
        let z = full.components().index("redshift").unwrap();
        for (i, row) in rows.iter_mut().enumerate() {
            row[z] = SLICE.0 + (SLICE.1 - SLICE.0) * i as f64 / 19.0;
        }
        let matrix: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        let galaxies = full.components().galaxies(&place.rows(&matrix), None).unwrap();
        let (seen, want) = (model.predict(&galaxies).unwrap(), full.predict(&galaxies).unwrap());
        let mass = place.tolerance(1e-12, 1e-5);
        assert_close(&values(seen.lg_mass_formed), &values(want.lg_mass_formed), 0.0, mass);
        // A line that crosses the edge of a band within the slice is the worst.
        assert_close(&values(seen.magnitudes), &values(want.magnitudes), 0.0, 0.012);
    });
}

#[test]
fn gradients_within_a_slice() {
    let filters = FilterSet::embedded("lsst").unwrap();
    let grid = grid_with_lines();
    let settings = ModelSettings { lines: true, ..settings(Frame::Observed) };
    let predict = |model: &BandModel, p: &Tensor<2>| {
        let galaxies = model.components().galaxies(p, None).unwrap();
        let seen = model.predict(&galaxies).unwrap();
        Tensor::cat(vec![seen.magnitudes, column(&seen.lg_mass_formed)], 1)
    };
    let slice = |place: &Place| {
        BandModel::slice(&grid, &filters, settings.clone(), SLICE, 2, place).unwrap()
    };
    let first = slice(&places(Precision::F64)[0]);
    let mut rows = rows(first.components(), 2, 2.0);
    let z = first.components().index("redshift").unwrap();
    (rows[0][z], rows[1][z]) = (0.403, 0.412);
    let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    for_each_f64_place(|place| {
        let model = slice(place);
        assert_jacobian(&rows, 1e-6, place, |p| predict(&model, &p));
    });
    for place in places(Precision::F32) {
        let model = slice(&place);
        let j = jacobian(&place.rows(&rows), |p| Ok(predict(&model, &p))).unwrap();
        assert!(values(j.jacobian).iter().all(|v| v.is_finite()));
    }
}

#[test]
fn a_slice_has_ends_and_an_epoch_has_none() {
    let filters = FilterSet::embedded("lsst").unwrap();
    let place = &places(Precision::F64)[0];
    let settings = settings(Frame::Observed);
    let slice = |ends| BandModel::slice(embedded(), &filters, settings.clone(), ends, 1, place);
    assert!(slice((0.5, 0.5)).is_err() && slice((0.0, 0.5)).is_err());
    let slice = slice(SLICE).unwrap();
    let row = slice.components().row(&[("redshift", 0.5)]).unwrap();
    let galaxies = slice.components().galaxies(&place.row(&row), None).unwrap();
    let error = slice.predict(&galaxies).unwrap_err().to_string();
    assert_eq!(error, "redshift in a slice = 0.5 is outside [0.4, 0.414]");
    assert!(slice.stars(&galaxies.sfh).is_err());
    let epoch = BandModel::new(embedded(), &filters, settings, EPOCH, 1, place).unwrap();
    assert!(epoch.stars_at(&galaxies.sfh, &galaxies.observer.redshift).is_err());
}

#[test]
fn bursts_are_those_of_the_spectra() {
    for_each_f64_place(|place| {
        let filters = FilterSet::embedded("lsst").unwrap();
        let components = Components { burst: true, ..Components::default() };
        let settings = ModelSettings { components, ..settings(Frame::Observed) };
        let fast = BandModel::new(embedded(), &filters, settings.clone(), EPOCH, 1, place).unwrap();
        let full = GalaxyModel::new(embedded(), &filters, settings.clone(), place).unwrap();
        let base = [("redshift", EPOCH.redshift), ("av", 0.0)];
        let strong = [("lgfburst", -1.1), ("lgyr_peak", 6.5), ("lgyr_max", 8.2)];
        let rows = [&base[..], &[&base[..], &strong].concat()];
        let rows = rows.map(|changes| full.components().row(changes).unwrap());
        let matrix = place.rows(&[&rows[0], &rows[1]]);
        let magnitudes = |matrix: &Tensor<2>| {
            let t_obs = place.vector(&[EPOCH.t_obs_gyr; 2]);
            let galaxies = full.components().galaxies(matrix, Some(t_obs)).unwrap();
            let (seen, want) = (fast.predict(&galaxies).unwrap(), full.predict(&galaxies).unwrap());
            assert_close(&values(seen.lg_mass_formed), &values(want.lg_mass_formed), 1e-12, 0.0);
            (values(seen.magnitudes), values(want.magnitudes))
        };
        let (seen, want) = magnitudes(&matrix);
        assert_close(&seen, &want, 0.0, 1e-9);
        assert!((seen[6] - seen[0]).abs() > 0.1, "a burst shows in u");
        let dusty = [&base[..1], &[("av", 0.4)], &strong].concat();
        let dusty = full.components().row(&dusty).unwrap();
        assert_jacobian(&[&dusty], 1e-6, place, |row| {
            let t_obs = place.vector(&[EPOCH.t_obs_gyr]);
            let galaxies = full.components().galaxies(&row, Some(t_obs)).unwrap();
            fast.predict(&galaxies).unwrap().magnitudes
        });
        let slice = BandModel::slice(embedded(), &filters, settings, (0.3, 0.5), 1, place);
        assert!(slice.unwrap_err().to_string().contains("slices of redshift"));
    });
}

#[test]
fn emulated_ages_give_the_light_of_emulated_spectra() {
    for_each_f64_place(|place| {
        let filters = FilterSet::embedded("lsst").unwrap();
        let emulator = Some(Arc::new(AgeEmulator::embedded().clone()));
        let settings = ModelSettings { emulator, ..settings(Frame::Observed) };
        let fast = BandModel::new(embedded(), &filters, settings.clone(), EPOCH, 1, place).unwrap();
        let full = GalaxyModel::new(embedded(), &filters, settings.clone(), place).unwrap();
        let row = full.components().row(&[("redshift", EPOCH.redshift), ("av", 0.0)]).unwrap();
        let other =
            full.components().row(&[("redshift", EPOCH.redshift), ("logm0", 13.2), ("av", 0.0)]);
        let matrix = place.rows(&[&row, &other.unwrap()]);
        let t_obs = place.vector(&[EPOCH.t_obs_gyr; 2]);
        let galaxies = full.components().galaxies(&matrix, Some(t_obs)).unwrap();
        let (seen, want) = (fast.predict(&galaxies).unwrap(), full.predict(&galaxies).unwrap());
        assert_close(&values(seen.lg_mass_formed), &values(want.lg_mass_formed), 1e-12, 0.0);
        assert_close(&values(seen.magnitudes), &values(want.magnitudes), 0.0, 1e-9);
        let slice = BandModel::slice(embedded(), &filters, settings, (0.3, 0.5), 1, place);
        assert!(slice.unwrap_err().to_string().contains("slices of redshift"));
    });
}

#[test]
fn what_it_cannot_do_is_said() {
    let filters = FilterSet::embedded("lsst").unwrap();
    let place = &places(Precision::F64)[0];
    let build = |components, epoch, n_dust| {
        let settings = ModelSettings { components, ..settings(Frame::Observed) };
        BandModel::new(embedded(), &filters, settings, epoch, n_dust, place).map(|_| ())
    };
    let plain = Components::default();
    for (components, part) in [
        (Components { sfh: SfhModel::Piecewise, ..plain }, "steps"),
        (Components { metallicity: MetallicityModel::AgeDependent, ..plain }, "all ages"),
        (Components { dust: DustModel::TwoComponent, ..plain }, "one screen"),
    ] {
        let error = build(components, EPOCH, 1).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert!(build(plain, EPOCH, 0).is_err());
    assert!(build(plain, Epoch { redshift: 0.0, ..EPOCH }, 1).is_err());
    assert!(build(plain, Epoch { t_obs_gyr: -1.0, ..EPOCH }, 1).is_err());
}
