//! Rest-frame colours and their dependence on metallicity.

use super::galaxies::{Galaxies, time_panel, with_each};
use super::setup::{FIDUCIAL_METALS, Setup, TODAY_GYR};
use crate::Result;
use crate::history::Histories;
use crate::plot::Figure;
use crate::population::Frame;

fn data(setup: &Setup) -> Result<(Galaxies, Histories)> {
    let galaxies = Galaxies::pair(setup.model(Frame::Rest, |_| ())?, FIDUCIAL_METALS)?;
    let times = setup.times(1.0, TODAY_GYR);
    let colors = ["color:lsst_g,lsst_r", "color:lsst_r,lsst_i"];
    let histories = galaxies.watch(&times, &colors, &["lgmet"])?;
    Ok((galaxies, histories))
}

pub(super) fn figure(setup: &Setup) -> Result<Figure> {
    let (galaxies, histories) = data(setup)?;
    let mut panels = Vec::new();
    for (k, color) in ["g − r", "r − i"].iter().enumerate() {
        let panel = time_panel(format!("{color} [AB mag]")).title(format!("Rest-frame {color}"));
        let values = |g| histories.values(g, k).to_vec();
        panels.push(with_each(panel, &galaxies, &histories, values));
    }
    for (k, color) in ["g − r", "r − i"].iter().enumerate() {
        let panel = time_panel(format!("∂({color}) / ∂μ [mag dex⁻¹]"));
        let gradients = |g| histories.gradients(g, k, 0);
        panels.push(with_each(panel, &galaxies, &histories, gradients));
    }
    let figure = galaxies.annotate(Figure::new(panels, 2));
    Ok(figure.note("μ: log10 of the median metallicity in solar units; ∂μ = ∂lgmet"))
}

#[cfg(test)]
mod tests {
    use super::super::setup::tests::quick;
    use super::*;

    #[test]
    fn more_metals_are_redder_late() {
        let (galaxies, histories) = data(&quick()).unwrap();
        for g in 0..galaxies.names().len() {
            let gradient = histories.gradients(g, 0, 0);
            assert!(gradient.iter().all(|d| d.is_finite()));
            let late = histories.t_gyr.iter().zip(&gradient).filter(|(t, _)| **t > 8.0);
            assert!(late.into_iter().all(|(_, d)| *d > 0.01), "{gradient:?}");
        }
    }
}
