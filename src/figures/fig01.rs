//! Star formation histories, quenching and stellar ages.

use super::galaxies::{Galaxies, QUENCHED_NAME, style_of};
use super::setup::{FIDUCIAL_METALS, MAIN_SEQUENCE, QUENCHED, Setup, T_QUENCH_GYR, TODAY_GYR};
use crate::Result;
use crate::device::to_host;
use crate::plot::{Axis, Color, Corner, Figure, Panel, Series, Style};
use crate::population::Frame;

/// Times at which the ages are shown \[Gyr\]: after quenching, and today.
const EPOCHS_GYR: [f64; 2] = [7.0, TODAY_GYR];

/// Star formation of the main-sequence (first) and the quenched galaxy.
struct Data {
    galaxies: Galaxies,
    t_gyr: Vec<f64>,
    /// Star formation rates \[Msun/yr\].
    sfr: [Vec<f64>; 2],
    /// Factor by which quenching lowers the rate of the second galaxy.
    quenching: Vec<f64>,
    age_gyr: Vec<f64>,
    /// For each epoch and galaxy, mass fraction per dex of age.
    ages: [[Vec<f64>; 2]; 2],
}

fn data(setup: &Setup) -> Result<Data> {
    let galaxies = Galaxies::pair(setup.model(Frame::Rest, |_| ())?, FIDUCIAL_METALS)?;
    let model = &galaxies.model;
    let table = model.star_formation_history(&galaxies.at(TODAY_GYR)?)?;
    let t_gyr = table.times.t_gyr().to_vec();
    let sfr = halves(to_host(table.sfr_msun_yr)?);
    // The two differ in nothing else, and the factor of the first is one.
    let quenching = sfr[1].iter().zip(&sfr[0]).map(|(quenched, free)| quenched / free).collect();

    let edges: Vec<f64> = model.ages().edges_gyr().iter().map(|edge| edge.log10()).collect();
    let mut ages: [[Vec<f64>; 2]; 2] = Default::default();
    for (ages, t_gyr) in ages.iter_mut().zip(EPOCHS_GYR) {
        *ages = halves(to_host(model.stars(&galaxies.at(t_gyr)?)?.weights.age)?);
        for weights in ages {
            // Where edges cross, weight and width of a bin are both negative.
            for (weight, edges) in weights.iter_mut().zip(edges.windows(2)) {
                *weight /= edges[1] - edges[0];
            }
        }
    }
    let age_gyr = model.ages().lg_age_gyr().iter().map(|lg| 10f64.powf(*lg)).collect();
    Ok(Data { t_gyr, sfr, quenching, age_gyr, ages, galaxies })
}

/// The rows of a matrix of two.
fn halves(mut values: Vec<f64>) -> [Vec<f64>; 2] {
    let second = values.split_off(values.len() / 2);
    [values, second]
}

pub(super) fn figure(setup: &Setup) -> Result<Figure> {
    let data = data(setup)?;
    let time = || Axis::linear("Cosmic time [Gyr]").range(0.0, TODAY_GYR);
    let pair = |mut panel: Panel, x: &[f64], y: &[Vec<f64>; 2]| {
        for (name, y) in data.galaxies.names().iter().zip(y) {
            panel = panel.with(Series::new(name.as_str(), x, y.as_slice()).style(style_of(name)));
        }
        panel
    };
    let sfr = Panel::new(time(), Axis::log("SFR [M_☉ yr⁻¹]").range(1e-3, 1e2));
    let sfr = pair(sfr, &data.t_gyr, &data.sfr).legend(Corner::TopRight);
    let mark = Series::new("t_{q}: deepest quenching", [T_QUENCH_GYR; 2], [1e-3, 2.0]);
    let factor = Series::new(QUENCHED_NAME, data.t_gyr.as_slice(), data.quenching);
    let quenching = Panel::new(time(), Axis::log("Quenching factor F_{q}").range(1e-3, 2.0))
        .with(factor.color(Color::VERMILLION))
        .with(mark.style(Style::Dotted).color(Color::BLACK))
        .legend(Corner::TopRight);
    let mut panels = vec![sfr.title("Star formation history"), quenching.title("Quenching")];
    for (t_gyr, ages) in EPOCHS_GYR.iter().zip(&data.ages) {
        let axis = Axis::log("Stellar age [Gyr]").range(1e-3, 14.0);
        let panel = Panel::new(axis, Axis::log("P(age) [dex⁻¹]").range(1e-6, 30.0))
            .title(format!("Stellar ages at t = {t_gyr} Gyr"));
        panels.push(pair(panel, &data.age_gyr, ages).legend(Corner::TopLeft));
    }
    let figure = data.galaxies.annotate(Figure::new(panels, 2));
    let [free, quenched] = [MAIN_SEQUENCE, QUENCHED].map(|changes| changes[0].1);
    let ratio = format!(
        "quenching factor: ratio of the rates of the two galaxies, which differ in lg_drop ({free} \
         and {quenched}) and lg_rejuv only"
    );
    Ok(figure.note(ratio).note(
        "stellar ages: mass fraction per bin of the SSP grid over the bin's width; small steps are where \
         the spacing of the grid's ages changes",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::setup::tests::{near, quick};
    use super::*;

    #[test]
    fn quenching_separates_two_equal_galaxies() {
        let data = data(&quick()).unwrap();
        let factor = |t| near(&data.t_gyr, &data.quenching, t);
        assert!((factor(3.0) - 1.0).abs() < 1e-9);
        assert!((factor(T_QUENCH_GYR).log10() + 2.5).abs() < 0.01);
        // No rejuvenation.
        assert!(data.t_gyr.iter().zip(&data.quenching).all(|(t, f)| *t < 6.0 || *f < 4e-3));
    }

    #[test]
    fn a_quenched_galaxy_lacks_young_stars_at_both_epochs() {
        let data = data(&quick()).unwrap();
        for [free, quenched] in &data.ages {
            assert!(free.iter().chain(quenched).all(|p| p.is_finite() && *p > -1e-9));
            let young = data.age_gyr.iter().position(|age| *age > 0.05).unwrap();
            assert!(quenched[young] < 0.05 * free[young]);
        }
    }
}
