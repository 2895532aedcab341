//! `starburn doctor`: is this build, on this machine, in working order?

use std::process::ExitCode;

use crate::checksum::checksum_of;
use crate::cosmology::{CosmologyValues, Quadrature};
use crate::device::{BURN_VERSION, DEVICE_NAMES, Place, Precision, open, to_host};
use crate::emulator::{AgeEmulator, EMBEDDED_EMULATOR_SHA256};
use crate::filter::{EMBEDDED_FILTERS_SHA256, embedded_filter_bytes, embedded_names};
use crate::halo::{DiffmahParams, LGT0};
use crate::nebular::{EMBEDDED_LINES_SHA256, LineFit};
use crate::parameters::ParameterSet;
use crate::sfh::{
    AgeGrid, AgeWeightMethod, DiffstarParams, FB, SfhTable, TimeTable, age_weights, diffstar,
};
use crate::ssp::{EMBEDDED_NAME, EMBEDDED_SHA256, embedded, embedded_bytes};
use crate::{Error, Result};

/// Check devices, embedded data and a few numbers of the originals; exit code 1 when something is
/// wrong.
#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args) -> Result<ExitCode> {
    say!("starburn {} on burn {BURN_VERSION}", env!("CARGO_PKG_VERSION"));
    let mut healthy = true;

    say!("\nembedded data");
    healthy &= checksum(EMBEDDED_NAME, embedded_bytes(), EMBEDDED_SHA256);
    healthy &= checksum("filters", embedded_filter_bytes(), EMBEDDED_FILTERS_SHA256);
    healthy &= checksum("nebular lines", LineFit::embedded_bytes(), EMBEDDED_LINES_SHA256);
    healthy &= checksum("age emulator", AgeEmulator::embedded_bytes(), EMBEDDED_EMULATOR_SHA256);
    if healthy {
        let (n_met, n_age, n_wave) = embedded().shape();
        say!("  SSP grid {n_met} x {n_age} x {n_wave}, {} filters", embedded_names()?.len());
    }

    say!("\ndevices");
    let mut any = false;
    for name in DEVICE_NAMES {
        // A backend that is not built in, or has no driver, is no defect of the others.
        if let Err(error) = open(name) {
            say!("  {name:<8}      -  {error}");
            continue;
        }
        let adapter = Place::open(name, Precision::F32).ok().and_then(|place| place.adapter_name());
        if let Some(adapter) = adapter {
            say!("  {name:<8}      is {adapter}");
        }
        for precision in [Precision::F64, Precision::F32] {
            match Place::open(name, precision).and_then(|place| self_check(&place)) {
                Ok(error) => {
                    any = true;
                    say!("  {name:<8} {precision}  works, largest relative error {error:.1e}");
                }
                Err(Error::Device { reason, .. }) => {
                    say!("  {name:<8} {precision}  -  {reason}");
                }
                Err(other) => {
                    healthy = false;
                    say!("  {name:<8} {precision}  WRONG: {other}");
                }
            }
        }
    }
    healthy &= any;
    say!("\n{}", if healthy { "all is well" } else { "something is wrong" });
    Ok(ExitCode::from(u8::from(!healthy)))
}

fn checksum(name: &str, bytes: &[u8], expected: &str) -> bool {
    let found = checksum_of(bytes);
    let same = found == expected;
    say!("  {name:<22} sha256 {found}  {}", if same { "ok" } else { "WRONG" });
    same
}

/// Computes numbers of diffmah, diffstar and DSPS and returns the largest relative difference.
fn self_check(place: &Place) -> Result<f64> {
    let halo = DiffmahParams::defaults(1, place);
    let galaxy = DiffstarParams::defaults(1, place);
    let times = TimeTable::new(vec![0.5, 1.0, 2.0, 5.0, 10.0, 13.8])?;
    let mass_formed = diffstar(&halo, &galaxy, &times, LGT0, FB)?.mass_formed();

    let times = TimeTable::uniform(0.1, 13.8, 60)?;
    let mut sfr: Vec<f64> =
        times.t_gyr().iter().map(|t| 10.0 * (-(t - 5.0).powi(2) / 8.0).exp()).collect();
    sfr[50..].fill(0.0);
    let sfh = SfhTable::new(times, place.rows(&[&sfr]))?;
    let ages = AgeGrid::new((0..94).map(|i| -3.5 + 0.05 * f64::from(i)).collect())?;
    let weights = age_weights(&sfh, &place.vector(&[9.7]), &ages, AgeWeightMethod::Safe).weights;

    let planck = CosmologyValues::PLANCK15.at(place, Quadrature::Dsps);
    let modulus = planck.distance_modulus(&place.vector(&[1.0]));

    let (mass, weights) = (to_host(mass_formed)?, to_host(weights)?);
    let checks = [
        ("stellar mass formed", mass[5], 59970742405.4396),
        ("young age weight", weights[0], 4.52438350287749e-07),
        ("old age weight", weights[80], 0.054744613970348),
        ("distance modulus", to_host(modulus)?[0], 44.1619020609345),
    ];
    let allowed = place.tolerance(1e-7, 1e-3);
    let mut worst: f64 = 0.0;
    for (what, got, want) in checks {
        let error = (got / want - 1.0).abs();
        if error.is_nan() || error > allowed {
            return Err(Error::invalid(what, format!("{got:e}, expected {want:e} to {allowed:e}")));
        }
        worst = worst.max(error);
    }
    Ok(worst)
}
