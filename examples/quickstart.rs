//! A galaxy's magnitudes, spectrum and gradients in one page.
//!
//! Run with `cargo run --release --example quickstart`.

#![allow(clippy::print_stdout, reason = "an example shows its results")]

use starburn::Result;
use starburn::device::{DEFAULT_DEVICE, Place, Precision, to_host};
use starburn::filter::FilterSet;
use starburn::population::{GalaxyModel, ModelSettings};
use starburn::ssp::embedded;

fn main() -> Result<()> {
    // Where and in which precision to compute.
    let place = Place::open(DEFAULT_DEVICE, Precision::F64)?;

    // The model: SSP grid, filters, and what all galaxies share.
    let filters = FilterSet::resolve("lsst,euclid_vis,twomass_ks")?;
    let settings = ModelSettings::default();
    let model = GalaxyModel::new(embedded(), &filters, settings, &place)?;

    // Two galaxies: the default one, and the same seen through dust. One row per galaxy, one column
    // per parameter.
    let components = model.components();
    let default = components.default_values();
    let dusty = components.row(&[("av", 1.5)])?;
    let matrix = place.rows(&[&default, &dusty]);
    let galaxies = components.galaxies(&matrix, None)?;

    // Predictions are tensors; `to_host` copies them out.
    let prediction = model.predict(&galaxies)?;
    let magnitudes = to_host(prediction.magnitudes)?;
    let mass = to_host(prediction.lg_mass_surviving)?;
    let n = model.filter_names().len();
    for (g, name) in ["default", "dusty"].iter().enumerate() {
        println!("{name}: log10 M* = {:.3}", mass[g]);
        for (filter, magnitude) in model.filter_names().iter().zip(&magnitudes[g * n..]) {
            println!("  {filter:<12} {magnitude:8.3} AB mag");
        }
    }

    // Observed spectrum [microjansky] on the stretched wavelengths.
    let spectrum = to_host(model.spectrum(&galaxies)?)?;
    let peak = spectrum[..model.wave_aa().len()].iter().copied().fold(0.0, f64::max);
    println!("brightest flux density of the default galaxy: {peak:.1} microjansky");

    // The Jacobian of the magnitudes with respect to every parameter, [n_gal, n_filter, n_param].
    let wrt: Vec<usize> = (0..default.len()).collect();
    let jacobian = to_host(model.jacobian(&matrix, None, &wrt)?.jacobian)?;
    println!("d mag({}) / d parameter of the default galaxy:", model.filter_names()[0]);
    for (p, slope) in components.info().iter().zip(&jacobian) {
        println!("  {:<14} {slope:10.4} mag per {}", p.name, p.unit);
    }
    Ok(())
}
