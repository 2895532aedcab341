//! A colour and its dependence on the metallicities of young and of old stars.

use super::fig05::YOUNG_AND_OLD;
use super::galaxies::{Galaxies, QUENCHED_NAME, mark_quenching, time_panel, with_each};
use super::setup::{Setup, TODAY_GYR};
use crate::Result;
use crate::history::Histories;
use crate::metallicity::MetallicityModel;
use crate::plot::{Figure, Series, Style};
use crate::population::Frame;

fn data(setup: &Setup) -> Result<(Galaxies, Histories)> {
    let model = setup.model(Frame::Rest, |settings| {
        settings.components.metallicity = MetallicityModel::AgeDependent;
    })?;
    let galaxies = Galaxies::pair(model, &YOUNG_AND_OLD)?;
    let times = setup.times(1.0, TODAY_GYR);
    let wrt = ["lgmet_young", "lgmet_old"];
    let histories = galaxies.watch(&times, &["color:lsst_r,lsst_i"], &wrt)?;
    Ok((galaxies, histories))
}

pub(super) fn figure(setup: &Setup) -> Result<Figure> {
    let (galaxies, histories) = data(setup)?;
    let panel = time_panel("r − i [AB mag]").title("Rest-frame r − i");
    let colors = with_each(panel, &galaxies, &histories, |g| histories.values(g, 0).to_vec());
    let mut panels = vec![mark_quenching(colors)];
    for (g, name) in galaxies.names().iter().enumerate() {
        let mut panel = time_panel("∂(r − i) / ∂μ [mag dex⁻¹]").title(format!("Gradients, {name}"));
        for (j, stars) in ["young", "old"].iter().enumerate() {
            let line = Series::new(
                format!("μ_{{{stars}}}"),
                histories.t_gyr.as_slice(),
                histories.gradients(g, 0, j),
            );
            panel = panel.with(if j == 1 { line.style(Style::Dashed) } else { line });
        }
        panels.push(if name == QUENCHED_NAME { mark_quenching(panel) } else { panel });
    }
    let figure = galaxies.annotate(Figure::new(panels, 1));
    Ok(figure.note("μ: log10 of the median metallicity in solar units; ∂μ = ∂lgmet"))
}

#[cfg(test)]
mod tests {
    use super::super::setup::tests::{near, quick};
    use super::*;

    #[test]
    fn old_stars_gain_importance_as_a_galaxy_ages() {
        let (galaxies, histories) = data(&quick()).unwrap();
        for g in 0..galaxies.names().len() {
            let [young, old] = [0, 1].map(|j| histories.gradients(g, 0, j));
            let ratio: Vec<f64> = old.iter().zip(&young).map(|(old, young)| old / young).collect();
            let at = |t| near(&histories.t_gyr, &ratio, t);
            assert!(at(TODAY_GYR) > 3.0 * at(1.0).abs(), "{ratio:?}");
            assert!(at(TODAY_GYR) > at(8.0), "{ratio:?}");
        }
    }
}
