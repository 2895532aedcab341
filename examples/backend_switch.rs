//! The same galaxies on every device of this build and machine: only the name of the place changes.
//!
//! Run with `cargo run --release --example backend_switch`, with `--features wgpu` for a graphics card.

#![allow(clippy::print_stdout, reason = "an example shows its results")]

use starburn::Result;
use starburn::bench::parity::largest_difference;
use starburn::device::{DEFAULT_DEVICE, DEVICE_NAMES, Place, Precision, to_host};
use starburn::filter::FilterSet;
use starburn::population::{GalaxyModel, ModelSettings};
use starburn::ssp::embedded;

/// Magnitudes of a few galaxies behind more and more dust, and their derivatives with respect to the
/// mass of the halo.
fn magnitudes_and_gradient(place: &Place) -> Result<(Vec<f64>, Vec<f64>)> {
    let filters = FilterSet::resolve("lsst")?;
    let model = GalaxyModel::new(embedded(), &filters, ModelSettings::default(), place)?;
    let components = model.components();
    let dusty = |av: f64| components.row(&[("av", av), ("redshift", 0.3)]);
    let rows = [0.0, 0.5, 1.0, 2.0].into_iter().map(dusty).collect::<Result<Vec<_>>>()?;
    let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    let seen = model.jacobian(&place.rows(&rows), None, &[components.index("logm0")?])?;
    Ok((to_host(seen.values)?, to_host(seen.jacobian)?))
}

fn main() -> Result<()> {
    let (magnitudes, gradient) =
        magnitudes_and_gradient(&Place::open(DEFAULT_DEVICE, Precision::F64)?)?;
    for name in DEVICE_NAMES {
        for precision in [Precision::F64, Precision::F32] {
            let place = match Place::open(name, precision) {
                Ok(place) => place,
                Err(error) => {
                    println!("{error}");
                    continue;
                }
            };
            let (m, g) = magnitudes_and_gradient(&place)?;
            println!(
                "{name} {precision}: magnitudes within {:.1e}, gradients within {:.1e}",
                largest_difference(&m, &magnitudes),
                largest_difference(&g, &gradient)
            );
        }
    }
    Ok(())
}
