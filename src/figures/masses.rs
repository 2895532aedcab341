//! Surviving and remnant mass of a stellar population for four initial mass functions.

use burn::tensor::Tensor;

use super::setup::Setup;
use crate::Result;
use crate::device::to_host;
use crate::imf::Imf;
use crate::plot::{Axis, Corner, Figure, Panel, Series, Style};

/// Range of the fits, log10 yr.
const LG_AGE_YR: (f64, f64) = (5.0, 10.3);

/// A name for readers and a style for each function.
const IMFS: [(Imf, &str, Style); 4] = [
    (Imf::Salpeter, "Salpeter", Style::Solid),
    (Imf::Kroupa, "Kroupa", Style::Solid),
    (Imf::Chabrier, "Chabrier", Style::Dashed),
    (Imf::VanDokkum, "van Dokkum", Style::Dotted),
];

/// Ages in yr and the fraction for each of [`IMFS`].
fn data(
    setup: &Setup,
    fraction: fn(Imf, Tensor<1>) -> Tensor<1>,
) -> Result<(Vec<f64>, Vec<Vec<f64>>)> {
    let (first, last) = LG_AGE_YR;
    let lg_age: Vec<f64> =
        (0..=200).map(|i| first + (last - first) * f64::from(i) / 200.0).collect();
    let fractions = IMFS.map(|(imf, ..)| to_host(fraction(imf, setup.place().vector(&lg_age))));
    let fractions = fractions.into_iter().collect::<Result<Vec<_>>>()?;
    Ok((lg_age.iter().map(|lg| 10f64.powf(*lg)).collect(), fractions))
}

fn surviving_fraction(imf: Imf, lg_age_yr: Tensor<1>) -> Tensor<1> {
    imf.surviving_fraction(lg_age_yr)
}

fn remnant_fraction(imf: Imf, lg_age_yr: Tensor<1>) -> Tensor<1> {
    imf.remnant_fraction(lg_age_yr)
}

pub(super) fn surviving(setup: &Setup) -> Result<Figure> {
    let (age_yr, fractions) = data(setup, surviving_fraction)?;
    let axis = Axis::linear("F_{surv}: surviving fraction of the mass formed").range(0.5, 1.02);
    Ok(figure(axis, Corner::BottomLeft, &age_yr, fractions))
}

pub(super) fn remnant(setup: &Setup) -> Result<Figure> {
    let (age_yr, fractions) = data(setup, remnant_fraction)?;
    let axis = Axis::linear("F_{rem}: fraction of the mass formed in remnants").range(0.0, 0.2);
    Ok(figure(axis, Corner::TopLeft, &age_yr, fractions))
}

fn figure(y: Axis, corner: Corner, age_yr: &[f64], fractions: Vec<Vec<f64>>) -> Figure {
    let panel = Panel::new(Axis::log("Age [yr]"), y).legend(corner);
    let lines = IMFS.into_iter().zip(fractions);
    let panel = lines.fold(panel, |panel, ((_, name, style), fraction)| {
        panel.with(Series::new(name, age_yr, fraction).style(style))
    });
    Figure::new(vec![panel], 1).note(
        "fits to FSPS (Hearin et al. 2021, appendix A); the paper's curves of FSPS itself are not \
         part of this program",
    )
}

#[cfg(test)]
mod tests {
    use super::super::setup::tests::quick;
    use super::*;

    #[test]
    fn populations_lose_mass_and_leave_remnants() {
        let (age_yr, surviving) = data(&quick(), surviving_fraction).unwrap();
        let (_, remnant) = data(&quick(), remnant_fraction).unwrap();
        for (surviving, remnant) in surviving.iter().zip(&remnant) {
            assert!(surviving.iter().chain(remnant).all(|f| (0.0..=1.0).contains(f)));
            assert!(remnant.windows(2).all(|pair| pair[0] <= pair[1]));
            let old = age_yr.iter().position(|age| *age > 1e7).unwrap();
            assert!(surviving[old..].windows(2).all(|pair| pair[1] < pair[0]));
            assert!(remnant[200] < surviving[200]);
        }
        // Salpeter's has the most low-mass stars, which live for ever and leave nothing.
        for i in 1..4 {
            assert!(surviving[0][200] > surviving[i][200] && remnant[0][200] < remnant[i][200]);
        }
    }
}
