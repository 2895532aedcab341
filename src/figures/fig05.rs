//! A metallicity distribution that passes from young to old stars.

use super::setup::{FIDUCIAL_METALS, Setup};
use crate::Result;
use crate::device::to_host;
use crate::metallicity::{AgeDependentMdfParams, LGMET_SOLAR, age_dependent_weights};
use crate::numerics::age_transition::young_to_old;
use crate::numerics::triweight::triweight_pdf;
use crate::parameters::ParameterSet;
use crate::plot::{Axis, Corner, Figure, Marker, Panel, Series, Style};
use crate::ssp::{EMBEDDED_NAME, embedded};

/// Parameters of the distribution: young stars of solar metallicity, old ones of a quarter of it.
pub(super) const YOUNG_AND_OLD: [(&str, f64); 3] = [
    ("lgmet_young", LGMET_SOLAR),
    ("lgmet_old", LGMET_SOLAR - 0.6),
    ("lgmet_scatter", FIDUCIAL_METALS[1].1),
];

/// Ages whose distributions are shown: log10 yr and words.
const AGES: [(f64, &str); 3] = [(5.0, "0.1 Myr"), (8.0, "100 Myr"), (10.15, "14 Gyr")];

struct Data {
    /// log10 of metallicities in solar units.
    metals: Vec<f64>,
    /// For each of [`AGES`], density per dex at `metals`.
    density: Vec<Vec<f64>>,
    /// log10 of the grid's metallicities in solar units.
    grid: Vec<f64>,
    /// For each of [`AGES`], share of the stars at each of them.
    shares: Vec<Vec<f64>>,
    lg_age_yr: Vec<f64>,
    /// For each age, how far the transition from young to old is.
    transition: Vec<f64>,
    /// For each age, log10 of the median metallicity in solar units.
    median: Vec<f64>,
}

fn data(setup: &Setup) -> Result<Data> {
    let place = setup.place();
    let row = YOUNG_AND_OLD.map(|(_, value)| value);
    let params = AgeDependentMdfParams::from_matrix(&place.row(&row))?;
    let medians = |lg_age_yr: &[f64]| {
        to_host(young_to_old(&params.lgmet_young, &params.lgmet_old, lg_age_yr))
    };
    let metals: Vec<f64> = (0..=256).map(|i| -2.2 + 0.0125 * f64::from(i)).collect();
    let lgmet: Vec<f64> = metals.iter().map(|m| m + LGMET_SOLAR).collect();
    let density = medians(&AGES.map(|(lg_age_yr, _)| lg_age_yr))?.into_iter().map(|median| {
        let constant = |value| place.vector(&vec![value; lgmet.len()]);
        to_host(triweight_pdf(place.vector(&lgmet), constant(median), constant(row[2])))
    });
    let density = density.collect::<Result<Vec<_>>>()?;

    let ssp = embedded();
    let weights = to_host(age_dependent_weights(&params, &ssp.metallicities, &ssp.ages))?;
    let grid_ages = ssp.ages.lg_age_yr();
    let shares = AGES.map(|(lg_age_yr, _)| {
        let after = grid_ages.partition_point(|age| *age < lg_age_yr - 1e-9);
        let i = after.min(grid_ages.len() - 1);
        weights.chunks(grid_ages.len()).map(|ages| ages[i]).collect()
    });
    let lg_age_yr: Vec<f64> = (0..=300).map(|i| 4.5 + 0.025 * f64::from(i)).collect();
    let (zero, one) = (place.vector(&[0.0]), place.vector(&[1.0]));
    Ok(Data {
        metals,
        density,
        grid: ssp.metallicities.lgmet().iter().map(|lgmet| lgmet - LGMET_SOLAR).collect(),
        shares: shares.to_vec(),
        transition: to_host(young_to_old(&zero, &one, &lg_age_yr))?,
        median: medians(&lg_age_yr)?.into_iter().map(|lgmet| lgmet - LGMET_SOLAR).collect(),
        lg_age_yr,
    })
}

pub(super) fn figure(setup: &Setup) -> Result<Figure> {
    let data = data(setup)?;
    let metals = || Axis::linear("log10 Z/Z_☉").range(-2.2, 1.0);
    let ages = || Axis::linear("log10 stellar age [yr]").range(4.5, 12.0);
    let mut density = Panel::new(metals(), Axis::linear("P(log Z) [dex⁻¹]"))
        .title("Metallicity distribution")
        .legend(Corner::TopLeft);
    let mut shares = Panel::new(metals(), Axis::linear("Share of the stars").range(-0.03, 0.8))
        .title("On the metallicities of the SSP grid")
        .legend(Corner::TopLeft);
    let markers = [Marker::Circle, Marker::Square, Marker::Triangle];
    for (i, (_, words)) in AGES.iter().enumerate() {
        density =
            density.with(Series::new(*words, data.metals.as_slice(), data.density[i].as_slice()));
        let series = Series::new(*words, data.grid.as_slice(), data.shares[i].as_slice());
        shares = shares.with(series.style(Style::Markers(markers[i])));
    }
    let line = |y| Series::new("", data.lg_age_yr.as_slice(), y);
    let transition = Panel::new(ages(), Axis::linear("T_{erf}(log age)").range(0.0, 1.0))
        .title("From young to old")
        .with(line(data.transition));
    let median = Panel::new(ages(), Axis::linear("Median log10 Z/Z_☉"))
        .title("Median metallicity")
        .with(line(data.median));
    let values = YOUNG_AND_OLD.map(|(name, value)| format!("{name} = {value}"));
    Ok(Figure::new(vec![density, shares, transition, median], 2)
        .note(format!("metallicity age_dependent: {}", values.join(", ")))
        .note(format!("log10 of the solar metal mass fraction: {LGMET_SOLAR}"))
        .note(format!("SSP grid: {EMBEDDED_NAME}")))
}

#[cfg(test)]
mod tests {
    use super::super::setup::tests::{near, quick};
    use super::*;
    use crate::testing::assert_close;

    #[test]
    fn young_stars_have_the_first_median_and_old_ones_nearly_the_second() {
        let data = data(&quick()).unwrap();
        assert_close(&[data.median[0]], &[0.0], 0.0, 1e-12);
        assert_close(&[near(&data.lg_age_yr, &data.median, 8.0)], &[-0.3], 0.0, 1e-9);
        assert_close(&data.median[300..], &[-0.6], 0.0, 1e-9);
        assert!(data.transition.windows(2).all(|pair| pair[0] <= pair[1]));
    }

    #[test]
    fn densities_and_shares_are_distributions() {
        let data = data(&quick()).unwrap();
        for (density, shares) in data.density.iter().zip(&data.shares) {
            let step = data.metals[1] - data.metals[0];
            assert_close(&[density.iter().sum::<f64>() * step], &[1.0], 1e-5, 0.0);
            assert_close(&[shares.iter().sum::<f64>()], &[1.0], 1e-9, 0.0);
        }
        // From rich to poor.
        let mean = |i: usize| -> f64 {
            data.grid.iter().zip(&data.shares[i]).map(|(metals, share)| metals * share).sum()
        };
        assert!(mean(0) > mean(1) && mean(1) > mean(2));
    }
}
