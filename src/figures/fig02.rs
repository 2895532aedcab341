//! Rest-frame colours of a galaxy that quenches and of one that does not.

use super::galaxies::{Galaxies, mark_quenching, time_panel, with_each};
use super::setup::{FIDUCIAL_METALS, Setup, TODAY_GYR};
use crate::Result;
use crate::history::Histories;
use crate::plot::Figure;
use crate::population::Frame;

fn data(setup: &Setup) -> Result<(Galaxies, Histories)> {
    let galaxies = Galaxies::pair(setup.model(Frame::Rest, |_| ())?, FIDUCIAL_METALS)?;
    let times = setup.times(1.0, TODAY_GYR);
    let colors = ["color:lsst_g,lsst_r", "color:lsst_r,lsst_i"];
    let histories = galaxies.watch(&times, &colors, &["lg_drop"])?;
    Ok((galaxies, histories))
}

pub(super) fn figure(setup: &Setup) -> Result<Figure> {
    let (galaxies, histories) = data(setup)?;
    let mut panels = Vec::new();
    for (k, color) in ["g − r", "r − i"].iter().enumerate() {
        let panel = time_panel(format!("{color} [AB mag]")).title(format!("Rest-frame {color}"));
        let values = |g| histories.values(g, k).to_vec();
        panels.push(mark_quenching(with_each(panel, &galaxies, &histories, values)));
    }
    for (k, color) in ["g − r", "r − i"].iter().enumerate() {
        let panel = time_panel(format!("∂({color}) / ∂lg_drop [mag dex⁻¹]"));
        let gradients = |g| histories.gradients(g, k, 0);
        panels.push(mark_quenching(with_each(panel, &galaxies, &histories, gradients)));
    }
    let figure = galaxies.annotate(Figure::new(panels, 2));
    Ok(figure.note(
        "gradients: lg_rejuv stays, so that on the main sequence a lower lg_drop is a dip around t_q \
         that leaves fewer stars of intermediate age and a bluer galaxy later",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::setup::T_QUENCH_GYR;
    use super::super::setup::tests::{near, quick};
    use super::*;

    #[test]
    fn a_deeper_drop_is_redder_while_it_happens_and_forgotten_later() {
        let (_, histories) = data(&quick()).unwrap();
        for k in 0..2 {
            let gradient = histories.gradients(1, k, 0);
            let at = |t| near(&histories.t_gyr, &gradient, t);
            let during = at(T_QUENCH_GYR);
            assert!(during < -1e-3, "{gradient:?}");
            assert!(at(TODAY_GYR).abs() < 0.1 * during.abs(), "{gradient:?}");
            assert!(at(2.0).abs() < 1e-9, "{gradient:?}");
        }
    }

    #[test]
    fn the_quenched_galaxy_is_redder_from_quenching_on() {
        let (_, histories) = data(&quick()).unwrap();
        for k in 0..2 {
            let pairs = histories.values(0, k).iter().zip(histories.values(1, k));
            for (t, (free, quenched)) in histories.t_gyr.iter().zip(pairs) {
                assert!(*t < T_QUENCH_GYR || free < quenched, "{t}: {free} {quenched}");
            }
        }
    }
}
