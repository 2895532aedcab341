//! Attenuation curves of different slope, in spectra and in an observed colour.

use super::galaxies::{Galaxies, signed, time_panel, with_each};
use super::setup::{Changes, FIDUCIAL_METALS, MAIN_SEQUENCE, Setup, TODAY_GYR};
use crate::Result;
use crate::history::Histories;
use crate::plot::{Axis, Color, Corner, Figure, Panel, Series, Style};
use crate::population::{Frame, GalaxyModel};

/// Slopes of the curve; the fiducial one in the middle.
const SLOPES: [f64; 3] = [-0.75, -0.25, 0.25];
/// Attenuation in the V band \[mag\].
const AV: f64 = 1.0;
/// Wavelengths shown \[Angstrom\].
const WAVE_AA: (f64, f64) = (1000.0, 30_000.0);

/// The main-sequence galaxy behind each curve.
fn galaxies(model: GalaxyModel) -> Result<Galaxies> {
    SLOPES.iter().try_fold(Galaxies::new(model), |galaxies, slope| {
        let dust = [("av", AV), ("dust_slope", *slope)];
        galaxies
            .with(format!("δ = {}", signed(*slope, 2)), &[MAIN_SEQUENCE, FIDUCIAL_METALS, &dust])
    })
}

/// Observed colours.
fn data(setup: &Setup) -> Result<(Galaxies, Histories)> {
    let galaxies = galaxies(setup.model(Frame::Observed, |_| ())?)?;
    let times = setup.times(1.5, 13.5);
    let histories = galaxies.watch(&times, &["color:lsst_i,lsst_z"], &["dust_slope"])?;
    Ok((galaxies, histories))
}

pub(super) fn figure(setup: &Setup) -> Result<Figure> {
    let (observed, histories) = data(setup)?;
    let rest = galaxies(setup.model(Frame::Rest, |_| ())?)?;
    let clear: &Changes = &[("av", 0.0)];
    let rest = rest.with("no dust", &[MAIN_SEQUENCE, FIDUCIAL_METALS, clear])?;
    let (wave_aa, spectra) = rest.spectra(TODAY_GYR, WAVE_AA)?;
    let wave = Axis::log("Rest-frame wavelength [Å]").range(WAVE_AA.0, WAVE_AA.1);
    let mut panel = Panel::new(wave.clone(), Axis::log("L_ν [L_☉ Hz⁻¹]").range(1e-8, 1e-3))
        .title(format!("Main-sequence galaxy at t = {TODAY_GYR} Gyr"))
        .legend(Corner::BottomRight);
    let mut shares = Panel::new(wave, Axis::linear("Transmitted fraction").range(0.0, 1.0))
        .title("Transmission")
        .legend(Corner::TopLeft);
    let clear = spectra.len() - 1;
    for (i, (name, spectrum)) in rest.names().iter().zip(&spectra).enumerate() {
        let line = |y: Vec<f64>| Series::new(name.as_str(), wave_aa.as_slice(), y);
        let ratio = spectrum.iter().zip(&spectra[clear]).map(|(l, clear)| l / clear).collect();
        if i == clear {
            let clear = line(spectrum.clone()).style(Style::Dotted).color(Color::BLACK);
            panel = panel.with(clear);
        } else {
            panel = panel.with(line(spectrum.clone()));
            shares = shares.with(line(ratio));
        }
    }
    let colors = time_panel("i − z [AB mag]").title("Observed-frame i − z");
    let colors = with_each(colors, &observed, &histories, |g| histories.values(g, 0).to_vec());
    let gradients = time_panel("∂(i − z) / ∂δ [mag]").title("Gradient with respect to the slope");
    let gradients = with_each(gradients, &observed, &histories, |g| histories.gradients(g, 0, 0));
    let panels = vec![panel, shares, colors, gradients];
    let figure = observed.annotate(Figure::new(panels, 2));
    Ok(figure
        .note("spectra and transmission: rest frame, otherwise the same model")
        .note("δ: slope of the attenuation curve, the parameter dust_slope"))
}

#[cfg(test)]
mod tests {
    use super::super::setup::tests::{near, quick};
    use super::*;

    #[test]
    fn a_shallower_curve_is_bluer_most_of_all_early() {
        let (_, histories) = data(&quick()).unwrap();
        let gradient = histories.gradients(1, 0, 0);
        assert!(gradient.iter().all(|d| *d < 0.0), "{gradient:?}");
        let at = |t| near(&histories.t_gyr, &gradient, t);
        assert!(at(2.0) < 2.0 * at(13.0), "{gradient:?}");
    }
}
