//! Photometry from tables against that from spectra.

use super::*;
use crate::device::Precision;
use crate::dust::DustModel;
use crate::filter::FilterSet;
use crate::metallicity::MetallicityModel;
use crate::nebular::{LineFit, fit_lines};
use crate::parameters::Edge;
use crate::photometry::Photometry;
use crate::population::{BandModel, Components, Epoch, Frame, GalaxyModel, ModelSettings};
use crate::sfh::SfhModel;
use crate::ssp::{SspGrid, embedded};
use crate::testing::{
    assert_close, assert_f32_jacobian, assert_jacobian, box_rows, for_each_f64_place,
    for_each_place, places, values,
};

fn lsst() -> FilterSet {
    FilterSet::embedded("lsst").unwrap()
}

/// The embedded grid with lines that depend on ionization.
fn grid_with_lines() -> SspGrid {
    let fit = LineFit::embedded();
    let lines = fit_lines(embedded(), fit, &[-4.0, -2.5, -1.0]).unwrap();
    let lines = lines.select(&["[O II] 3726", "[O III] 5007", "Ba-alpha 6563"]).unwrap();
    embedded().clone().with_lines(lines).unwrap()
}

/// Rows over the box of the parameters with moderate dust, at redshifts from 0.05 to 3.
fn rows(components: &Components, n: usize, av_max: f64) -> Vec<Vec<f64>> {
    let mut info = components.info();
    for p in &mut info {
        let (lo, hi) = (&mut p.bound.lo, &mut p.bound.hi);
        match p.name {
            "logm0" => *lo = Edge::At(11.0),
            "av_boost" => {}
            name if name.starts_with("av") => *hi = Edge::At(av_max),
            name if name.starts_with("dust_slope") => {
                (*lo, *hi) = (Edge::At(-0.8), Edge::At(0.4));
            }
            "dust_bump" => *hi = Edge::At(3.0),
            "redshift" => (*lo, *hi) = (Edge::At(0.05), Edge::At(3.0)),
            "lgmet" | "lgmet_young" | "lgmet_old" => *lo = Edge::At(-3.0),
            _ => {}
        }
    }
    box_rows(&info, n, 0.0)
}

fn settings(components: Components, frame: Frame, lines: bool) -> ModelSettings {
    ModelSettings { components, frame, lines, ..ModelSettings::default() }
}

fn with_tables(settings: &ModelSettings, n_dust: usize, spacing: f64) -> ModelSettings {
    let tables = TableSettings { n_dust, spacing, redshift: 0.4 };
    ModelSettings { photometry: Photometry::Tables, tables, ..settings.clone() }
}

fn magnitudes(
    settings: ModelSettings,
    grid: &SspGrid,
    rows: &[Vec<f64>],
    place: &Place,
) -> Vec<f64> {
    let model = GalaxyModel::new(grid, &lsst(), settings, place).unwrap();
    let matrix: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    let galaxies = model.components().galaxies(&place.rows(&matrix), None).unwrap();
    values(model.predict(&galaxies).unwrap().magnitudes)
}

/// Median and largest difference \[mag\].
fn errors(got: &[f64], want: &[f64]) -> [f64; 2] {
    let mut off: Vec<f64> = got.iter().zip(want).map(|(g, w)| (g - w).abs()).collect();
    off.sort_by(f64::total_cmp);
    [off[off.len() / 2], off[off.len() - 1]]
}

fn shown(errors: &[[f64; 2]]) -> String {
    let one = |[median, worst]: &[f64; 2]| format!("{median:.1e} {worst:.1e}");
    errors.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn dusty(dust: DustModel) -> Components {
    Components { dust, ..Components::default() }
}

/// Every kind of ingredient.
fn choices() -> [Components; 4] {
    let plain = Components::default();
    let [lognormal, age_dependent, by_mass] = [
        MetallicityModel::Lognormal,
        MetallicityModel::AgeDependent,
        MetallicityModel::MassMetallicity,
    ];
    [
        Components { burst: true, metallicity: lognormal, ..plain },
        Components {
            metallicity: age_dependent,
            dust: DustModel::AgeDependent,
            sfh: SfhModel::Piecewise,
            ..plain
        },
        Components { metallicity: by_mass, dust: DustModel::YoungBoost, ..plain },
        Components { metallicity: age_dependent, dust: DustModel::TwoComponent, ..plain },
    ]
}

#[test]
fn without_dust_tables_are_the_spectra_at_their_redshifts() {
    for_each_place(|place| {
        for components in choices() {
            for (frame, grid) in [(Frame::Rest, &grid_with_lines()), (Frame::Observed, embedded())]
            {
                let full = settings(components, frame, grid.lines.is_some());
                let model = GalaxyModel::new(grid, &lsst(), full.clone(), place).unwrap();
                let mut rows = rows(model.components(), 8, 0.0);
                let z = model.components().index("redshift").unwrap();
                rows.iter_mut().for_each(|row| row[z] = 0.4);
                let got = magnitudes(with_tables(&full, 2, 0.01), grid, &rows, place);
                let want = magnitudes(full, grid, &rows, place);
                assert_close(&got, &want, 0.0, place.tolerance(1e-9, 1e-3));
            }
        }
    });
}

#[test]
fn a_burst_that_misses_the_grid_dims_galaxies_on_no_path() {
    // Populations of 30 Myr and older.
    let all = embedded();
    let (n_met, n_age, n_wave) = all.shape();
    let first = all.ages.lg_age_yr().iter().position(|age| *age > 7.48).unwrap();
    let spectra =
        |met: usize| &all.lnu_lsun_hz[(met * n_age + first) * n_wave..][..(n_age - first) * n_wave];
    let lnu: Vec<f64> = (0..n_met).flat_map(spectra).copied().collect();
    let (lgmet, lg_age) = (all.metallicities.lgmet().to_vec(), &all.ages.lg_age_gyr()[first..]);
    let wave = all.wave_aa.clone();
    let facts = all.provenance.clone();
    let old = SspGrid::on_axes(None, lgmet, lg_age.to_vec(), wave, lnu, facts).unwrap();
    for_each_place(|place| {
        for dust in [DustModel::Screen, DustModel::AgeDependent] {
            let full = settings(Components { burst: true, ..dusty(dust) }, Frame::Rest, false);
            let with_burst = |lgfburst: f64| {
                let mut rows = rows(&full.components, 4, 0.0);
                let burst = [("lgfburst", lgfburst), ("lgyr_peak", 5.5), ("lgyr_max", 7.0)];
                for (name, value) in burst {
                    let j = full.components.index(name).unwrap();
                    rows.iter_mut().for_each(|row| row[j] = value);
                }
                rows
            };
            let predict = |settings: &ModelSettings, lgfburst: f64| {
                let model = GalaxyModel::new(&old, &lsst(), settings.clone(), place).unwrap();
                let rows = with_burst(lgfburst);
                let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
                let t_obs = Some(place.vector(&[9.4; 4]));
                let galaxies = model.components().galaxies(&place.rows(&rows), t_obs).unwrap();
                let seen = model.predict(&galaxies).unwrap();
                (galaxies, values(seen.magnitudes), values(seen.lg_mass_surviving))
            };
            let tables = with_tables(&full, 1, 0.01);
            let (_, smooth, mass) = predict(&full, -8.0);
            let tolerance = place.tolerance(1e-9, 1e-3);
            for settings in [&full, &tables] {
                let (_, magnitudes, surviving) = predict(settings, -1.0);
                assert_close(&magnitudes, &smooth, 0.0, tolerance);
                assert_close(&surviving, &mass, 0.0, tolerance);
            }
            if dust == DustModel::Screen {
                let epoch = Epoch { redshift: 0.4, t_obs_gyr: 9.4 };
                let model = BandModel::new(&old, &lsst(), full.clone(), epoch, 1, place).unwrap();
                let seen = model.predict(&predict(&full, -1.0).0).unwrap();
                assert_close(&values(seen.magnitudes), &smooth, 0.0, tolerance);
            }
        }
    });
}

#[test]
fn galaxies_of_a_light_cone_keep_their_order_whatever_their_company() {
    for_each_place(|place| {
        for components in choices() {
            let full = settings(components, Frame::Observed, false);
            let rows = rows(&components, 12, 1.5);
            let all = magnitudes(with_tables(&full, 4, 0.01), embedded(), &rows, place);
            let each: Vec<f64> = rows
                .chunks(1)
                .flat_map(|row| magnitudes(with_tables(&full, 4, 0.01), embedded(), row, place))
                .collect();
            assert_close(&all, &each, 0.0, place.tolerance(1e-11, 5e-4));
            let want = magnitudes(full, embedded(), &rows, place);
            let [median, worst] = errors(&all, &want);
            assert!(median < 5e-4 && worst < 0.03, "{components:?} {median:e} {worst:e}");
        }
    });
}

#[test]
fn errors_fall_with_the_number_of_dust_wavelengths() {
    let place = &places(Precision::F64)[0];
    for dust in [DustModel::Screen, DustModel::AgeDependent] {
        for (grid, lines) in [(embedded(), false), (&grid_with_lines(), true)] {
            let full = settings(dusty(dust), Frame::Observed, lines);
            let model = GalaxyModel::new(grid, &lsst(), full.clone(), place).unwrap();
            let mut rows = rows(model.components(), 60, 2.0);
            let z = model.components().index("redshift").unwrap();
            rows.iter_mut().for_each(|row| row[z] = 0.4);
            let want = magnitudes(full.clone(), grid, &rows, place);
            let of =
                |n| errors(&magnitudes(with_tables(&full, n, 0.01), grid, &rows, place), &want);
            let all = [1, 2, 4, 8].map(of);
            eprintln!("{dust}, lines {lines}: {}", shown(&all));
            assert!(all[2][0] < 3e-4 && all[2][1] < 6e-3, "{all:?}");
            assert!(all[3][0] < 1e-4 && all[3][1] < 2e-3, "{all:?}");
        }
    }
}

#[test]
fn errors_fall_with_the_spacing_of_redshifts() {
    let place = &places(Precision::F64)[0];
    for (dust, av_max) in [(DustModel::Screen, 0.0), (DustModel::Screen, 2.0)] {
        for (grid, lines) in [(embedded(), false), (&grid_with_lines(), true)] {
            let full = settings(dusty(dust), Frame::Observed, lines);
            let model = GalaxyModel::new(grid, &lsst(), full.clone(), place).unwrap();
            let rows = rows(model.components(), 300, av_max);
            let want = magnitudes(full.clone(), grid, &rows, place);
            let of = |spacing| {
                let got = magnitudes(with_tables(&full, 8, spacing), grid, &rows, place);
                errors(&got, &want)
            };
            let all = [0.05, 0.02, 0.01, 0.005].map(of);
            eprintln!("A_V < {av_max}, lines {lines}: {}", shown(&all));
            assert!(all[2][0] < 3e-4 && all[2][1] < 0.02, "{all:?}");
            assert!(all[3][0] < all[1][0] && all[1][0] < all[0][0], "{all:?}");
        }
    }
}

#[test]
fn single_precision_agrees_with_double() {
    for components in choices() {
        let tables = with_tables(&settings(components, Frame::Observed, false), 4, 0.01);
        let rows: Vec<Vec<f64>> = rows(&components, 30, 2.0)
            .iter()
            .map(|row| row.iter().map(|v| f64::from(*v as f32)).collect())
            .collect();
        let at = |place: &Place| magnitudes(tables.clone(), embedded(), &rows, place);
        let want = at(&places(Precision::F64)[0]);
        for single in places(Precision::F32) {
            let [median, worst] = errors(&at(&single), &want);
            eprintln!("{components:?} {single}: {median:.1e} {worst:.1e}");
            assert!(median < 2e-5 && worst < 2e-3, "{median} {worst}");
        }
    }
}

#[test]
fn gradients_of_every_parameter() {
    let grid = grid_with_lines();
    let predict = |model: &GalaxyModel, p: &Tensor<2>| {
        let galaxies = model.components().galaxies(p, None).unwrap();
        model.predict(&galaxies).unwrap().magnitudes
    };
    for components in choices() {
        let tables = with_tables(&settings(components, Frame::Observed, true), 2, 0.05);
        let build =
            |place: &Place| GalaxyModel::new(&grid, &lsst(), tables.clone(), place).unwrap();
        let components = *build(&places(Precision::F64)[0]).components();
        let mut rows = rows(&components, 3, 1.5);
        for p in &mut rows {
            // Away from the ends of the box, where parameters are limited.
            p.iter_mut().for_each(|v| *v += 1e-3);
        }
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        for_each_f64_place(|place| {
            let model = build(place);
            assert_jacobian(&rows, 1e-6, place, |p| predict(&model, &p));
            // Band by band it is the same.
            let wrt: Vec<usize> = (0..rows[0].len()).collect();
            let by_band = model.jacobian(&place.rows(&rows), None, &wrt).unwrap();
            let at_once = crate::numerics::jacobian::jacobian(&place.rows(&rows), |p| {
                Ok(predict(&model, &p))
            })
            .unwrap();
            assert_close(&values(by_band.jacobian), &values(at_once.jacobian), 1e-9, 1e-12);
        });
        assert_f32_jacobian(&rows, 2e-2, |p| predict(&build(&Place::of(&p)), &p));
    }
}

#[test]
fn copies_share_their_tables() {
    let place = &places(Precision::F64)[0];
    let tables = with_tables(&settings(Components::default(), Frame::Observed, false), 1, 0.01);
    let model = GalaxyModel::new(embedded(), &lsst(), tables, place).unwrap();
    let copy = model.clone();
    let rows = [model.components().row(&[("redshift", 0.4)]).unwrap()];
    let galaxies = model.components().galaxies(&place.rows(&[&rows[0]]), None).unwrap();
    copy.predict(&galaxies).unwrap();
    let made = |model: &GalaxyModel| {
        model.tables.as_ref().unwrap().tables.lock().unwrap().keys().copied().collect::<Vec<_>>()
    };
    assert_eq!(made(&model), [0, 1]);
    assert_eq!(made(&model), made(&copy));
}

#[test]
fn a_band_without_light_is_dark_and_has_no_nan_gradient() {
    for_each_place(|place| {
        let tables = with_tables(&settings(Components::default(), Frame::Observed, false), 4, 0.05);
        let filters = FilterSet::embedded("galex_fuv").unwrap();
        let model = GalaxyModel::new(embedded(), &filters, tables, place).unwrap();
        let row = model.components().row(&[("redshift", 25.0)]).unwrap();
        let wrt: Vec<usize> = (0..row.len()).collect();
        let j = model.jacobian(&place.row(&row), None, &wrt).unwrap();
        assert_eq!(values(j.values), [f64::INFINITY]);
        assert!(values(j.jacobian).iter().all(|v| v.is_finite()));
    });
}

#[test]
fn settings_out_of_range_are_errors() {
    let place = &places(Precision::F64)[0];
    let full = settings(Components::default(), Frame::Observed, false);
    for (n_dust, spacing) in [(0, 0.01), (65, 0.01), (4, 0.0)] {
        let tables = with_tables(&full, n_dust, spacing);
        assert!(GalaxyModel::new(embedded(), &lsst(), tables, place).is_err());
    }
}
