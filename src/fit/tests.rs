//! Fits of mock galaxies.

use super::forward::AMPLITUDES;
use super::galaxy::flux_of_magnitude_ujy;
use super::*;
use crate::device::{Place, Precision, to_host};
use crate::filter::FilterSet;
use crate::numerics::random::{normal, uniform};
use crate::population::{Components, GalaxyModel, ModelSettings};
use crate::sfh::SfhModel;
use crate::ssp::embedded;
use crate::testing::{assert_close, places};

const FILTERS: &str = "lsst,twomass_j,twomass_h,twomass_ks";

/// Galaxies with parameters drawn from the priors and their masses.
struct Mock {
    galaxies: Vec<Galaxy>,
    truth: Vec<Vec<f64>>,
    lg_mstar: Vec<f64>,
}

fn fitter(filters: &str, place: &Place) -> Fitter {
    let filters = FilterSet::resolve(filters).unwrap();
    let model = GalaxyModel::new(embedded(), &filters, ModelSettings::default(), place).unwrap();
    let free = FitConfig::default().parameters(model.components(), &[]).unwrap();
    Fitter::new(model, free, FitSettings::default()).unwrap()
}

fn f64_place() -> Place {
    places(Precision::F64).swap_remove(0)
}

fn fitted(fitter: &Fitter, galaxies: &[Galaxy]) -> Vec<Fit> {
    fitter.fit(galaxies).unwrap().into_iter().map(|fit| fit.unwrap()).collect()
}

/// `n` galaxies with errors of `least` to `most` magnitudes; `noise` is 1, or 0 for fluxes without noise.
fn mock(fitter: &Fitter, n: usize, (least, most): (f64, f64), noise: f64) -> Mock {
    let (model, free) = (fitter.model(), fitter.free());
    let redshift = model.components().index("redshift").unwrap();
    let mut rows = Vec::new();
    let mut truth = Vec::new();
    for id in 0..n as u64 {
        let mut row = model.components().default_values();
        row[redshift] = 0.1 + 1.4 * uniform(7, id, 0);
        let values = free.draw(&row, 5.0, 11, id).unwrap();
        rows.push(free.with_values(&row, &values));
        truth.push(values);
    }
    let matrix: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    let galaxies = model.components().galaxies(&model.place().rows(&matrix), None).unwrap();
    let seen = model.predict(&galaxies).unwrap();
    let n_band = model.filter_names().len();
    let magnitudes = to_host(seen.magnitudes).unwrap();
    let galaxy = |(id, (row, magnitudes)): (usize, (&Vec<f64>, &[f64]))| {
        let band = |(k, m): (usize, &f64)| {
            let error = least + (most - least) * uniform(3, id as u64, k as u64);
            let mut flux = Flux::from_magnitude(*m, error);
            flux.value_ujy += noise * flux.error_ujy * normal(5, id as u64, k as u64);
            Some(flux)
        };
        let bands = magnitudes.iter().enumerate().map(band).collect();
        Galaxy { parameters: row.clone(), t_obs_gyr: None, bands }
    };
    let galaxies = rows.iter().zip(magnitudes.chunks(n_band)).enumerate().map(galaxy).collect();
    Mock { galaxies, truth, lg_mstar: to_host(seen.lg_mass_surviving).unwrap() }
}

#[test]
fn masses_of_mock_galaxies_are_recovered_with_honest_errors() {
    let fitter = fitter(FILTERS, &f64_place());
    let mock = mock(&fitter, 160, (0.03, 0.1), 1.0);
    let fits = fitted(&fitter, &mock.galaxies);
    let n = fits.len() as f64;
    let pulls = |pull: &dyn Fn(&Fit, f64) -> f64| {
        let pulls = fits.iter().zip(&mock.lg_mstar).map(|(fit, truth)| pull(fit, *truth));
        let pulls: Vec<f64> = pulls.collect();
        let mean = pulls.iter().sum::<f64>() / n;
        (mean, (pulls.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / n).sqrt())
    };
    let best = pulls(&|fit, truth| (fit.lg_mstar - truth) / fit.lg_mstar_err);
    let mean = pulls(&|fit, truth| {
        let posterior = fit.posterior.as_ref().unwrap();
        (posterior.lg_mstar - truth) / posterior.lg_mstar_err
    });
    // The mean and the width of 160 pulls scatter by 0.08 and 0.06 themselves.
    for (mean, width) in [best, mean] {
        assert!(mean.abs() < 0.25 && (0.8..1.2).contains(&width), "{mean} {width}");
    }
    let chi2 = fits.iter().map(|fit| fit.chi2).sum::<f64>() / n;
    assert!((2.0..9.0).contains(&chi2), "{chi2}");
    assert!(fits.iter().filter(|fit| fit.warning.is_some()).count() <= 1);
}

#[test]
fn galaxies_without_noise_come_back() {
    let fitter = fitter(FILTERS, &f64_place());
    let mock = mock(&fitter, 6, (0.01, 0.01), 0.0);
    for ((fit, galaxy), lg_mstar) in
        fitted(&fitter, &mock.galaxies).iter().zip(&mock.galaxies).zip(&mock.lg_mstar)
    {
        assert!(fit.chi2 < 2.0 && fit.warning.is_none(), "{fit:?}");
        assert!((fit.lg_mstar - lg_mstar).abs() < 3.0 * fit.lg_mstar_err, "{fit:?} {lg_mstar}");
        assert!(fit.lg_mstar_err < 0.1 && fit.n_bands == 9 && fit.n_iterations > 1);
        for (magnitude, flux) in fit.magnitudes.iter().zip(&galaxy.bands) {
            let measured = flux.unwrap().value_ujy;
            let seen = flux_of_magnitude_ujy(*magnitude);
            assert!((seen / measured - 1.0).abs() < 0.02, "{fit:?}");
        }
    }
}

#[test]
fn other_galaxies_change_nothing() {
    let fitter = fitter("lsst", &f64_place());
    let mut mock = mock(&fitter, 12, (0.03, 0.1), 1.0);
    // Some with gaps.
    mock.galaxies[3].bands[0] = None;
    mock.galaxies[4].bands[1..].fill(None);
    let together = fitted(&fitter, &mock.galaxies);
    let alone: Vec<Fit> =
        mock.galaxies.chunks(1).flat_map(|galaxy| fitted(&fitter, galaxy)).collect();
    for (a, b) in together.iter().zip(&alone) {
        assert_close(&a.values, &b.values, 1e-6, 1e-6);
        assert_close(&a.errors, &b.errors, 1e-6, 1e-6);
        assert_close(&[a.lg_mstar, a.chi2], &[b.lg_mstar, b.chi2], 1e-6, 1e-6);
        assert_eq!((a.n_bands, a.n_iterations), (b.n_bands, b.n_iterations));
        let (a, b) = (a.posterior.as_ref().unwrap(), b.posterior.as_ref().unwrap());
        assert_close(&a.values, &b.values, 1e-4, 1e-4);
        assert_close(&[a.lg_mstar, a.lg_mstar_err], &[b.lg_mstar, b.lg_mstar_err], 1e-4, 1e-4);
    }
    assert_eq!((together[3].n_bands, together[4].n_bands), (5, 1));
    assert!(together[4].lg_mstar_err > 2.0 * together[5].lg_mstar_err);
}

#[test]
fn single_precision_finds_the_same() {
    let wide = fitter(FILTERS, &f64_place());
    let narrow = fitter(FILTERS, &places(Precision::F32)[0]);
    let mock = mock(&wide, 8, (0.03, 0.1), 1.0);
    let (wide, narrow) = (fitted(&wide, &mock.galaxies), fitted(&narrow, &mock.galaxies));
    for (a, b) in wide.iter().zip(&narrow) {
        assert!((a.lg_mstar - b.lg_mstar).abs() < 0.1 * a.lg_mstar_err, "{a:?} {b:?}");
        assert!((a.lg_mstar_err / b.lg_mstar_err - 1.0).abs() < 0.05 && b.warning.is_none());
    }
}

#[test]
fn slopes_of_residuals_are_those_of_central_differences() {
    let fitter = fitter("lsst_g,lsst_r", &f64_place());
    let mock = mock(&fitter, 3, (0.05, 0.05), 1.0);
    for (galaxy, truth) in mock.galaxies.iter().zip(&mock.truth) {
        let n = truth.len();
        let u: Vec<f64> = (0..n).map(|j| 0.3 * j as f64 - 0.6).collect();
        let (_, jacobian) = fitter.residuals(galaxy, &u).unwrap();
        for j in 0..n {
            let at = |step: f64| {
                let mut u = u.clone();
                u[j] += step;
                fitter.residuals(galaxy, &u).unwrap().0
            };
            let (up, down) = (at(1e-4), at(-1e-4));
            let slope: Vec<f64> = up.iter().zip(&down).map(|(a, b)| (a - b) / 2e-4).collect();
            let got: Vec<f64> = jacobian.chunks(n).map(|row| row[j]).collect();
            assert_close(&got, &slope, 1e-5, 1e-5);
        }
    }
}

#[test]
fn galaxies_that_cannot_be_fitted_say_why() {
    let fitter = fitter("lsst_r", &f64_place());
    let mut mock = mock(&fitter, 2, (0.05, 0.05), 1.0);
    mock.galaxies[0].bands[0] = None;
    let fits = fitter.fit(&mock.galaxies).unwrap();
    assert_eq!(fits[0], Err("no filter has a measurement".to_owned()));
    assert!(fits[1].is_ok() && fitter.fit(&[]).unwrap().is_empty());
    for (value_ujy, error_ujy) in [(1.0, 0.0), (f64::NAN, 1.0), (1e200, 1.0), (1.0, -1.0)] {
        mock.galaxies[0].bands[0] = Some(Flux { value_ujy, error_ujy });
        let error = fitter.fit(&mock.galaxies).unwrap()[0].clone().unwrap_err();
        assert!(error.starts_with("lsst_r: ") && error.ends_with("no measurement"), "{error}");
    }
    mock.galaxies[1].parameters.pop();
    assert!(fitter.fit(&mock.galaxies).unwrap_err().to_string().contains("parameters, expected"));
    mock.galaxies[1].bands.clear();
    assert!(fitter.fit(&mock.galaxies).unwrap_err().to_string().contains("expected 1"));
}

#[test]
fn draws_are_enough_or_none() {
    let fitter = fitter("lsst_r", &f64_place());
    let with = |draws| {
        let settings = FitSettings { draws, ..fitter.settings() };
        Fitter::new(fitter.model().clone(), fitter.free().clone(), settings)
    };
    for draws in [1, 63, usize::MAX] {
        let error = with(draws).err().unwrap().to_string();
        assert!(error.contains("draws, or none"), "{error}");
    }
    let mock = mock(&fitter, 1, (0.05, 0.05), 1.0);
    assert_eq!(fitted(&with(0).unwrap(), &mock.galaxies)[0].posterior, None);
    assert!(fitted(&with(64).unwrap(), &mock.galaxies)[0].posterior.is_some());
}

#[test]
fn nothing_detected_leaves_the_priors() {
    let fitter = fitter("lsst", &f64_place());
    let mut mock = mock(&fitter, 1, (0.05, 0.05), 0.0);
    mock.galaxies[0].bands.fill(Some(Flux { value_ujy: -1.0, error_ujy: 1e9 }));
    let fit = &fitted(&fitter, &mock.galaxies)[0];
    let metallicity = fitter.free().names().iter().position(|name| *name == "lgmet").unwrap();
    let Some(Prior::Gaussian { mean, sigma }) = fitter.free().priors().get(metallicity) else {
        unreachable!()
    };
    assert_close(&[fit.values[metallicity], fit.errors[metallicity]], &[*mean, *sigma], 1e-3, 0.0);
    let posterior = fit.posterior.as_ref().unwrap();
    assert_close(&[posterior.values[metallicity]], &[*mean], 0.0, 0.1);
    assert_close(&[posterior.errors[metallicity]], &[*sigma], 0.2, 0.0);
    assert!(posterior.lg_mstar_err > 0.5, "{posterior:?}");
    assert!(fit.lg_mstar_err > 0.5 && fit.warning.is_none(), "{fit:?}");
}

#[test]
fn amplitudes_only_scale_the_light() {
    let place = f64_place();
    let filters = FilterSet::resolve("lsst_g,lsst_i").unwrap();
    for sfh in SfhModel::ALL.iter().filter(|sfh| **sfh != SfhModel::Diffstar2021) {
        let components = Components { sfh: *sfh, burst: true, ..Components::default() };
        let settings = ModelSettings { components, ..ModelSettings::default() };
        let model = GalaxyModel::new(embedded(), &filters, settings, &place).unwrap();
        let names = model.components().names();
        let Some(name) = AMPLITUDES.into_iter().find(|name| names.contains(name)) else { continue };
        let row = |shift: f64| {
            let mut row = model.components().default_values();
            row[names.iter().position(|n| *n == name).unwrap()] += shift;
            row
        };
        let galaxies = place.rows(&[&row(0.0), &row(-0.7)]);
        let galaxies = model.components().galaxies(&galaxies, None).unwrap();
        let seen = model.predict(&galaxies).unwrap();
        let magnitudes = to_host(seen.magnitudes).unwrap();
        let masses = to_host(seen.lg_mass_surviving).unwrap();
        let fainter = [magnitudes[2] - magnitudes[0], magnitudes[3] - magnitudes[1]];
        assert_close(&fainter, &[1.75; 2], 1e-6, 0.0);
        assert_close(&[masses[1] - masses[0]], &[-0.7], 1e-6, 0.0);
    }
}
