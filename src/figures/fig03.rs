//! The spectrum of a distribution of metallicities, and those of its two ends.

use super::galaxies::{Galaxies, signed};
use super::setup::{FIDUCIAL_METALS, MAIN_SEQUENCE, Setup, TODAY_GYR};
use crate::Result;
use crate::device::to_host;
use crate::metallicity::{LGMET_SOLAR, LognormalMdfParams, lognormal_weights};
use crate::parameters::ParameterSet;
use crate::plot::{Axis, Color, Corner, Figure, Panel, Series, Style};
use crate::population::Frame;
use crate::ssp::embedded;

/// Wavelengths shown \[Angstrom\].
const WAVE_AA: (f64, f64) = (1000.0, 30_000.0);
/// A metallicity of the grid contributes if it has more than this share of the stars.
const CONTRIBUTES: f64 = 1e-3;
/// Scatter that leaves all stars in one bin of the grid \[dex\].
const ONE_BIN: f64 = 0.01;

/// Spectra \[Lsun/Hz\] of the distribution, and with all stars at its lowest and highest metallicity.
struct Data {
    galaxies: Galaxies,
    /// log10 Z of the ends.
    ends: [f64; 2],
    wave_aa: Vec<f64>,
    spectra: Vec<Vec<f64>>,
}

fn data(setup: &Setup) -> Result<Data> {
    let grid = &embedded().metallicities;
    let fiducial: Vec<f64> = FIDUCIAL_METALS.iter().map(|(_, value)| *value).collect();
    let params = LognormalMdfParams::from_matrix(&setup.place().row(&fiducial))?;
    let shares = to_host(lognormal_weights(&params, grid))?;
    let mut contributing =
        grid.lgmet().iter().zip(&shares).filter(|(_, share)| **share > CONTRIBUTES);
    // A share of all is above the limit, so that there is at least one.
    let low = contributing.next().map_or(LGMET_SOLAR, |(lgmet, _)| *lgmet);
    let high = contributing.next_back().map_or(low, |(lgmet, _)| *lgmet);

    let end = |lgmet| [("lgmet", lgmet), ("lgmet_scatter", ONE_BIN)];
    let galaxies = Galaxies::new(setup.model(Frame::Rest, |_| ())?)
        .with("distribution", &[MAIN_SEQUENCE, FIDUCIAL_METALS])?
        .with(name(low), &[MAIN_SEQUENCE, &end(low)])?
        .with(name(high), &[MAIN_SEQUENCE, &end(high)])?;
    let (wave_aa, spectra) = galaxies.spectra(TODAY_GYR, WAVE_AA)?;
    Ok(Data { galaxies, ends: [low, high], wave_aa, spectra })
}

fn name(lgmet: f64) -> String {
    format!("all at log Z/Z_☉ = {}", signed(lgmet - LGMET_SOLAR, 2))
}

pub(super) fn figure(setup: &Setup) -> Result<Figure> {
    let data = data(setup)?;
    let wave = || Axis::log("Rest-frame wavelength [Å]").range(WAVE_AA.0, WAVE_AA.1);
    let [all, low, high] = &data.spectra[..] else { unreachable!("there are three galaxies") };
    let names = data.galaxies.names();
    let x = data.wave_aa.as_slice();
    let line = |i: usize, y: &[f64], color| Series::new(names[i].as_str(), x, y).color(color);
    let band = |y: &[f64], y2: &[f64]| {
        Series::new("", x, y).style(Style::Band { y2: y2.to_vec() }).color(Color::SKY_BLUE)
    };
    let relative = |y: &[f64]| -> Vec<f64> { y.iter().zip(all).map(|(y, all)| y / all).collect() };
    let (below, above) = (relative(low), relative(high));
    let spectra = Panel::new(wave(), Axis::log("L_ν [L_☉ Hz⁻¹]"))
        .title(format!("Main-sequence galaxy at t = {TODAY_GYR} Gyr"))
        .with(band(low, high))
        .with(line(1, low, Color::BLUE))
        .with(line(2, high, Color::VERMILLION))
        .with(Series::new("median −0.3, scatter 0.25 dex", x, all.as_slice()).color(Color::BLACK))
        .legend(Corner::BottomRight);
    let ratio = Panel::new(wave(), Axis::log("L_ν / L_ν (distribution)").range(0.7, 2.0))
        .title("Relative to the distribution")
        .with(band(&below, &above))
        .with(line(1, &below, Color::BLUE))
        .with(line(2, &above, Color::VERMILLION))
        .with(Series::new("", [WAVE_AA.0, WAVE_AA.1], [1.0, 1.0]).color(Color::BLACK))
        .legend(Corner::TopRight);
    let figure = data.galaxies.annotate(Figure::new(vec![spectra, ratio], 2));
    Ok(figure.note(format!(
        "the ends, log10 Z = {} and {}, are the outermost metallicities of the grid with more than \
         {CONTRIBUTES} of the stars",
        data.ends[0], data.ends[1]
    )))
}

#[cfg(test)]
mod tests {
    use super::super::setup::tests::quick;
    use super::*;

    #[test]
    fn the_ends_bracket_the_distribution() {
        let data = data(&quick()).unwrap();
        let median = FIDUCIAL_METALS[0].1;
        assert!(data.ends[0] < median && median < data.ends[1], "{:?}", data.ends);
        // Optical light: the poorer, the brighter.
        for (i, wave) in data.wave_aa.iter().enumerate() {
            if (3600.0..8000.0).contains(wave) {
                let [all, low, high] = [0, 1, 2].map(|g| data.spectra[g][i]);
                assert!(high < all && all < low, "{wave}: {high} {all} {low}");
            }
        }
    }
}
