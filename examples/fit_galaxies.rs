//! Mock galaxies with parameters drawn from the priors, noisy photometry, fits, and how honest their
//! errors are. Writes the mock catalogue, so that it can be fitted by the command as well.
//!
//! Run with `cargo run --release --example fit_galaxies [NUMBER [FILE]]`.

#![allow(clippy::print_stdout, reason = "an example shows its results")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use starburn::device::{DEFAULT_DEVICE, Place, Precision, to_host};
use starburn::files::write_atomic;
use starburn::filter::FilterSet;
use starburn::fit::{Fit, FitConfig, FitSettings, Fitter, Flux, Galaxy, Posterior};
use starburn::numerics::random::{normal, uniform};
use starburn::population::{GalaxyModel, ModelSettings};
use starburn::ssp::embedded;
use starburn::{Error, Result};

const FILTERS: &str = "lsst,twomass_j,twomass_h,twomass_ks";
/// Galaxies at once.
const BATCH: usize = 128;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let number = arguments.next().unwrap_or_else(|| "500".to_owned());
    let number: usize = number.parse().map_err(|_| Error::invalid("NUMBER", "is not a number"))?;
    let file = arguments.next().unwrap_or_else(|| "mock.csv".to_owned());

    let place = Place::open(DEFAULT_DEVICE, Precision::F64)?;
    let filters = FilterSet::resolve(FILTERS)?;
    let model = GalaxyModel::new(embedded(), &filters, ModelSettings::default(), &place)?;
    let free = FitConfig::default().parameters(model.components(), &[])?;
    let fitter = Fitter::new(model, free, FitSettings::default())?;
    let (galaxies, lg_mstar) = mock(&fitter, number)?;
    write_atomic(Path::new(&file), catalogue(&fitter, &galaxies, &lg_mstar).as_bytes())?;
    println!("{number} mock galaxies: {file}; fit them with");
    println!("starburn fit {file} -o fits.csv --filters {FILTERS}");

    let begin = Instant::now();
    let mut fits = Vec::new();
    for galaxies in galaxies.chunks(BATCH) {
        for fit in fitter.fit(galaxies)? {
            fits.push(fit.map_err(|reason| Error::invalid("mock galaxy", reason))?);
        }
    }
    let milliseconds = begin.elapsed().as_secs_f64() * 1e3 / number as f64;
    println!("{milliseconds:.0} ms per galaxy on one thread");
    println!("(fitted - true) / error   mean   width");
    let posterior =
        |fit: &Fit| fit.posterior.clone().ok_or_else(|| Error::invalid("fit", "has no draws"));
    let means = fits.iter().map(posterior).collect::<Result<Vec<Posterior>>>()?;
    let effective = means.iter().map(|means| means.n_effective);
    let (least, sum) = effective.fold((f64::INFINITY, 0.0), |(l, s), n| (n.min(l), s + n));
    println!("effective draws: {:.0} on average, at least {least:.1}", sum / number as f64);
    let truth = lg_mstar.iter();
    judge(
        "lg_mstar",
        fits.iter().zip(truth.clone()).map(|(f, t)| (f.lg_mstar - t) / f.lg_mstar_err),
    );
    judge("lg_mstar_mean", means.iter().zip(truth).map(|(f, t)| (f.lg_mstar - t) / f.lg_mstar_err));
    let free = fitter.free();
    for (j, (name, index)) in free.names().into_iter().zip(free.indices()).enumerate() {
        let truth = galaxies.iter().map(|galaxy| galaxy.parameters[*index]);
        judge(name, fits.iter().zip(truth.clone()).map(|(f, t)| (f.values[j] - t) / f.errors[j]));
        let of_mean = means.iter().zip(truth).map(|(f, t)| (f.values[j] - t) / f.errors[j]);
        judge(&format!("{name}_mean"), of_mean);
    }
    Ok(())
}

/// Prints the mean and the standard deviation of pulls.
fn judge(name: &str, pulls: impl Iterator<Item = f64>) {
    let pulls: Vec<f64> = pulls.collect();
    let n = pulls.len() as f64;
    let mean = pulls.iter().sum::<f64>() / n;
    let width = (pulls.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / n).sqrt();
    println!("{name:22} {mean:7.3} {width:7.3}");
}

/// Galaxies at redshifts of 0.1 to 1.5 with errors of 0.03 to 0.1 mag, and their masses.
fn mock(fitter: &Fitter, number: usize) -> Result<(Vec<Galaxy>, Vec<f64>)> {
    let (model, free) = (fitter.model(), fitter.free());
    let components = model.components();
    let mut rows = Vec::new();
    for id in 0..number as u64 {
        let row = components.row(&[("redshift", 0.1 + 1.4 * uniform(1, id, 0))])?;
        let t_obs = model.t_obs_gyr(&components.galaxies(&model.place().rows(&[&row]), None)?);
        let values = free.draw(&row, to_host(t_obs)?[0], 2, id)?;
        rows.push(free.with_values(&row, &values));
    }
    let matrix: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    let seen = model.predict(&components.galaxies(&model.place().rows(&matrix), None)?)?;
    let magnitudes = to_host(seen.magnitudes)?;
    let n_band = model.filter_names().len();
    let galaxy = |(id, (row, magnitudes)): (usize, (&Vec<f64>, &[f64]))| {
        let band = |(k, magnitude): (usize, &f64)| {
            let (id, k) = (id as u64, k as u64);
            let mut flux = Flux::from_magnitude(*magnitude, 0.03 + 0.07 * uniform(3, id, k));
            flux.value_ujy += flux.error_ujy * normal(4, id, k);
            Some(flux)
        };
        let bands = magnitudes.iter().enumerate().map(band).collect();
        Galaxy { parameters: row.clone(), t_obs_gyr: None, bands }
    };
    let galaxies = rows.iter().zip(magnitudes.chunks(n_band)).enumerate().map(galaxy).collect();
    Ok((galaxies, to_host(seen.lg_mass_surviving)?))
}

/// The mock as a catalogue; true values in columns that no fit looks at.
fn catalogue(fitter: &Fitter, galaxies: &[Galaxy], lg_mstar: &[f64]) -> String {
    let names = fitter.free().names();
    let mut csv = "redshift,true_lg_mstar".to_owned();
    for name in &names {
        let _ = write!(csv, ",true_{name}");
    }
    for filter in fitter.model().filter_names() {
        let _ = write!(csv, ",fnu_ujy_{filter},fnu_ujy_err_{filter}");
    }
    csv.push('\n');
    for (galaxy, lg_mstar) in galaxies.iter().zip(lg_mstar) {
        let redshift = galaxy.parameters.last().copied().unwrap_or(f64::NAN);
        let _ = write!(csv, "{redshift:?},{lg_mstar:?}");
        for j in fitter.free().indices() {
            let _ = write!(csv, ",{:?}", galaxy.parameters[*j]);
        }
        for flux in galaxy.bands.iter().flatten() {
            let _ = write!(csv, ",{:?},{:?}", flux.value_ujy, flux.error_ujy);
        }
        csv.push('\n');
    }
    csv
}
