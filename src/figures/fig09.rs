//! Dust that depends on the age of the stars behind it.

use burn::tensor::Tensor;

use super::galaxies::{Galaxies, QUENCHED_NAME, mark_quenching, time_panel, with_each};
use super::setup::{Changes, FIDUCIAL_METALS, Setup};
use crate::Result;
use crate::device::to_host;
use crate::dust::DustModel;
use crate::history::Histories;
use crate::plot::{Axis, Corner, Figure, Panel, Series, Style};
use crate::population::Frame;

/// Young stars behind more dust with a steeper curve than old ones.
const DUST: [(&str, f64); 4] =
    [("av_young", 1.5), ("av_old", 0.4), ("dust_slope_young", -0.5), ("dust_slope_old", -0.1)];
/// How the parameters of [`DUST`] are written.
const SIGNS: [&str; 4] = ["A_{V,young}", "A_{V,old}", "δ_{young}", "δ_{old}"];
/// Ages whose transmission is shown: log10 yr and words.
const AGES: [(f64, &str); 4] =
    [(5.0, "0.1 Myr"), (7.0, "10 Myr"), (8.0, "100 Myr"), (10.0, "10 Gyr")];

fn galaxies(setup: &Setup) -> Result<Galaxies> {
    let model = setup.model(Frame::Observed, |settings| {
        settings.components.dust = DustModel::AgeDependent;
    })?;
    let changes: Vec<(&'static str, f64)> = FIDUCIAL_METALS.iter().chain(&DUST).copied().collect();
    let changes: &Changes = &changes;
    Galaxies::pair(model, changes)
}

/// i - z (0) and r - i (1) with the gradients of the latter.
fn data(setup: &Setup) -> Result<(Galaxies, Histories)> {
    let galaxies = galaxies(setup)?;
    let times = setup.times(1.5, 13.5);
    let wrt = DUST.map(|(name, _)| name);
    let histories =
        galaxies.watch(&times, &["color:lsst_i,lsst_z", "color:lsst_r,lsst_i"], &wrt)?;
    Ok((galaxies, histories))
}

/// Transmitted fraction at each of [`AGES`] and wavelengths \[micrometre\].
fn transmission(galaxies: &Galaxies, wave_um: &[f64]) -> Result<Vec<Vec<f64>>> {
    // The dust does not depend on the time of observation.
    let dust = galaxies.at(1.0)?.dust;
    let law = &galaxies.model.settings().dust_law;
    let of_age = |(lg_age_yr, _)| {
        let both: Tensor<2> = dust.transmission(law, wave_um, lg_age_yr);
        to_host(both.narrow(0, 0, 1))
    };
    AGES.into_iter().map(of_age).collect()
}

pub(super) fn figure(setup: &Setup) -> Result<Figure> {
    let (galaxies, histories) = data(setup)?;
    let wave_um: Vec<f64> = (0..=300).map(|i| 10f64.powf(-1.0 + 0.005 * f64::from(i))).collect();
    let wave_aa: Vec<f64> = wave_um.iter().map(|wave| wave * 1e4).collect();
    let wave = Axis::log("Rest-frame wavelength [Å]").range(1000.0, 30_000.0);
    let axis = Axis::linear("F_{att}(λ, age)").range(0.0, 1.0);
    let mut fractions =
        Panel::new(wave, axis).title("Transmitted fraction").legend(Corner::TopLeft);
    for ((_, words), fraction) in AGES.iter().zip(transmission(&galaxies, &wave_um)?) {
        fractions = fractions.with(Series::new(*words, wave_aa.as_slice(), fraction));
    }
    let panel = time_panel("i − z [AB mag]").title("Observed-frame i − z");
    let colors = with_each(panel, &galaxies, &histories, |g| histories.values(g, 0).to_vec());
    let mut panels = vec![fractions, mark_quenching(colors)];
    for (g, name) in galaxies.names().iter().enumerate() {
        let mut panel = time_panel("∂(r − i) / ∂parameter [1 or mag]")
            .title(format!("Gradients of observed r − i, {name}"));
        for (j, sign) in SIGNS.iter().enumerate() {
            let line = Series::new(*sign, histories.t_gyr.as_slice(), histories.gradients(g, 1, j));
            let old = j % 2 == 1;
            panel = panel.with(if old { line.style(Style::Dashed) } else { line });
        }
        panels.push(if name == QUENCHED_NAME { mark_quenching(panel) } else { panel });
    }
    let figure = galaxies.annotate(Figure::new(panels, 2));
    Ok(figure.note(
        "gradients: per magnitude of A_V (av_young, av_old) or unit of slope \
         (dust_slope_young, dust_slope_old)",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::setup::tests::{near, quick};
    use super::*;

    #[test]
    fn more_dust_is_redder_and_a_shallower_curve_bluer() {
        let (galaxies, histories) = data(&quick()).unwrap();
        for g in 0..galaxies.names().len() {
            let [av_young, av_old, slope_young, slope_old] =
                [0, 1, 2, 3].map(|j| histories.gradients(g, 1, j));
            assert!(av_young.iter().chain(&av_old).all(|d| *d > 0.0), "{av_young:?} {av_old:?}");
            let slopes = slope_young.iter().chain(&slope_old);
            assert!(slopes.into_iter().all(|d| *d < 0.0), "{slope_young:?} {slope_old:?}");
        }
    }

    #[test]
    fn after_quenching_the_dust_of_young_stars_matters_less() {
        let (_, histories) = data(&quick()).unwrap();
        for j in [0, 2] {
            let share = |g: usize, t| {
                let [young, old] = [j, j + 1]
                    .map(|j| near(&histories.t_gyr, &histories.gradients(g, 1, j), t).abs());
                young / old
            };
            assert!(share(1, 12.0) < 0.8 * share(1, 2.0));
            assert!(share(1, 12.0) < 0.8 * share(0, 12.0));
        }
    }

    #[test]
    fn less_light_of_young_stars_gets_through() {
        let fractions = transmission(&galaxies(&quick()).unwrap(), &[0.15, 0.55, 1.5]).unwrap();
        for pair in fractions.windows(2) {
            assert!(pair[0].iter().zip(&pair[1]).all(|(young, old)| young < old), "{pair:?}");
        }
    }
}
