//! Fits of mock galaxies.

use super::*;
use crate::device::{Place, Precision, to_host};
use crate::filter::FilterSet;
use crate::numerics::random::{normal, uniform};
use crate::population::{GalaxyModel, ModelSettings};
use crate::ssp::embedded;
use crate::testing::places;

/// Galaxies with parameters drawn from the priors and their masses.
struct Mock {
    galaxies: Vec<Galaxy>,
    truth: Vec<Vec<f64>>,
    lg_mstar: Vec<f64>,
}

fn fitter(filters: &str, place: &Place, settings: FitSettings) -> Fitter {
    let filters = FilterSet::resolve(filters).unwrap();
    let model = GalaxyModel::new(embedded(), &filters, ModelSettings::default(), place).unwrap();
    let names = FreeParameters::usual(model.components(), &[]);
    let named: Vec<_> = names.iter().map(|name| (*name, None)).collect();
    let free = FreeParameters::new(model.components(), &named).unwrap();
    Fitter::new(model, free, settings).unwrap()
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
fn pulls() {
    let place = &places(Precision::F64)[0];
    let env = |n: &str, d: &str| std::env::var(n).unwrap_or(d.to_owned());
    let starts: usize = env("STARTS", "2").parse().unwrap();
    let n: usize = env("N", "200").parse().unwrap();
    let filters = FilterSet::resolve("lsst,twomass_j,twomass_h,twomass_ks").unwrap();
    let model = GalaxyModel::new(embedded(), &filters, ModelSettings::default(), place).unwrap();
    let spec = env("FREE", "");
    let parsed: Vec<(String, Option<Prior>)> = spec.split(',').map(|t| {
        let p: Vec<&str> = t.split(':').collect();
        let prior = (p.len() == 3).then(|| Prior::Gaussian { mean: p[1].parse().unwrap(), sigma: p[2].parse().unwrap() });
        (p[0].to_owned(), prior)
    }).collect();
    let named: Vec<_> = parsed.iter().map(|(n, p)| (n.as_str(), *p)).collect();
    let free = FreeParameters::new(model.components(), &named).unwrap();
    let fitter = Fitter::new(model, free, FitSettings { starts, ..FitSettings::default() }).unwrap();
    {
        let mock = mock(&fitter, n, (0.03, 0.1), 1.0);
        let begin = std::time::Instant::now();
        let fits = fitter.fit(&mock.galaxies).unwrap();
        let seconds = begin.elapsed().as_secs_f64();
        let fits: Vec<&Fit> = fits.iter().map(|f| f.as_ref().unwrap()).collect();
        let stats = |pulls: &[f64]| {
            let n = pulls.len() as f64;
            let mean = pulls.iter().sum::<f64>() / n;
            let width = (pulls.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / n).sqrt();
            let mut sorted = pulls.to_vec();
            sorted.sort_by(f64::total_cmp);
            let q = |x: f64| sorted[(x * n) as usize];
            format!("mean {mean:.3} width {width:.3} median {:.3} robust {:.3} min {:.2} max {:.2}", q(0.5), 0.5 * (q(0.84) - q(0.16)), sorted[0], sorted[sorted.len() - 1])
        };
        let pulls: Vec<f64> = fits.iter().zip(&mock.lg_mstar).map(|(f, m)| (f.lg_mstar - m) / f.lg_mstar_err).collect();
        println!("starts {starts}: {seconds:.1} s; mstar {}", stats(&pulls));
        let mean = |f: &dyn Fn(&Fit) -> f64| fits.iter().map(|fit| f(fit)).sum::<f64>() / n as f64;
        println!("  err {:.3} chi2 {:.2} iterations {:.1} unconverged {}", mean(&|f| f.lg_mstar_err), mean(&|f| f.chi2), mean(&|f| f.n_iterations as f64), fits.iter().filter(|f| f.warning.is_some()).count());
        for (j, name) in fitter.free().names().iter().enumerate() {
            let pulls: Vec<f64> = fits.iter().zip(&mock.truth).map(|(f, t)| (f.values[j] - t[j]) / f.errors[j]).collect();
            println!("  {name} {}", stats(&pulls));
        }
        for (g, p) in pulls.iter().enumerate().filter(|(_, p)| p.abs() > 2.7).take(8) {
            println!("  {g}: pull {p:.2} chi2 {:.2} {} z {:.2} {:.2?} err {:.2?} truth {:.2?} {:.2}", fits[g].chi2, fits[g].n_iterations, mock.galaxies[g].parameters.last().unwrap(), fits[g].values, fits[g].errors, mock.truth[g], mock.lg_mstar[g]);
        }
    }
}
