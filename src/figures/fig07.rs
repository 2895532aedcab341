//! The equivalent width of \[O III\] 5007 and its dependence on the ionization parameter.

use super::galaxies::{Galaxies, mark_quenching, signed, time_panel};
use super::setup::{FIDUCIAL_METALS, MAIN_SEQUENCE, QUENCHED, Setup, TODAY_GYR};
use crate::Result;
use crate::history::Histories;
use crate::nebular::{LineFit, fit_lines};
use crate::plot::{Figure, Series, Style};
use crate::population::Frame;
use crate::ssp::embedded;

/// Medians of log10 U; the fiducial one in the middle.
const LGU: [f64; 3] = [-3.0, -2.0, -1.5];
/// Scatter around them \[dex\].
const LGU_SCATTER: f64 = 0.25;
/// The line and its neighbours; windows and line do not touch others.
const LINES: [&str; 3] = ["Ba-beta 4861", "[O III] 4959", "[O III] 5007"];

/// The main-sequence galaxy with each of [`LGU`], then the quenched one.
fn data(setup: &Setup) -> Result<(Galaxies, Histories)> {
    let (grid, fit) = (embedded(), LineFit::embedded());
    let lines = fit_lines(grid, fit, &fit.range().lgu_nodes())?.select(&LINES)?;
    let grid = grid.clone().with_lines(lines)?;
    let model = setup.model_on(&grid, Frame::Rest, |settings| settings.lines = true)?;
    let mut galaxies = Galaxies::new(model);
    for (name, galaxy) in [("main sequence", MAIN_SEQUENCE), ("quenched", QUENCHED)] {
        for lgu in LGU {
            let ionization = [("lgu", lgu), ("lgu_scatter", LGU_SCATTER)];
            let name = format!("{name}, log U = {lgu}");
            galaxies = galaxies.with(name, &[galaxy, FIDUCIAL_METALS, &ionization])?;
        }
    }
    let times = setup.times(1.0, TODAY_GYR);
    let histories = galaxies.watch(&times, &["ew:[O III] 5007"], &["lgu"])?;
    Ok((galaxies, histories))
}

pub(super) fn figure(setup: &Setup) -> Result<Figure> {
    let (galaxies, histories) = data(setup)?;
    let styles = [Style::Dashed, Style::Solid, Style::Dotted];
    let panel = |galaxy: usize, label: &str, title: &str, y: &dyn Fn(usize) -> Vec<f64>| {
        let lines = LGU.iter().zip(&styles).enumerate();
        let panel = lines.fold(time_panel(label).title(title), |panel, (i, (lgu, style))| {
            let label = format!("u_{{s}} = {}", signed(*lgu, 1));
            let y = y(LGU.len() * galaxy + i);
            panel.with(Series::new(label, histories.t_gyr.as_slice(), y).style(style.clone()))
        });
        if galaxy == 1 { mark_quenching(panel) } else { panel }
    };
    let widths = |g| histories.values(g, 0).to_vec();
    let gradients = |g| histories.gradients(g, 0, 0);
    let (width, gradient) = ("EW([O III] 5007) [Å]", "∂EW / ∂u_{s} [Å dex⁻¹]");
    let panels = vec![
        panel(0, width, "Main sequence", &widths),
        panel(1, width, "Quenched", &widths),
        panel(0, gradient, "", &gradients),
        panel(1, gradient, "", &gradients),
    ];
    let figure = galaxies.annotate(Figure::new(panels, 2));
    Ok(figure
        .note("u_s: median of log10 U, the parameter lgu")
        .note(format!("emission lines: {}", LINES.join(", ")))
        .note("equivalent width: rest frame, positive in emission"))
}

#[cfg(test)]
mod tests {
    use super::super::setup::T_QUENCH_GYR;
    use super::super::setup::tests::{near, quick};
    use super::*;

    #[test]
    fn the_line_depends_on_ionization_while_stars_form() {
        let (_, histories) = data(&quick()).unwrap();
        let [free, quenched] = [1, 4].map(|g| histories.gradients(g, 0, 0));
        assert!(free.iter().all(|d| *d > 0.0), "{free:?}");
        let at = |gradient: &[f64], t| near(&histories.t_gyr, gradient, t);
        assert!(at(&quenched, 2.0) > 10.0, "{quenched:?}");
        assert!(at(&quenched, T_QUENCH_GYR).abs() < 0.05 * at(&quenched, 2.0), "{quenched:?}");
        assert!(at(&quenched, TODAY_GYR) < 0.5 * at(&free, TODAY_GYR), "{quenched:?} {free:?}");
        for g in [0, 1] {
            let [low, middle, high] = [0, 1, 2].map(|i| histories.values(3 * g + i, 0)[0]);
            assert!(0.0 < low && low < middle && middle < high, "{low} {middle} {high}");
        }
    }
}
