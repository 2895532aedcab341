//! Line luminosities of the populations of an SSP grid.

use super::ionizing::grid_lg_q_h;
use super::line_fit::LineFit;
use crate::names::named;
use crate::numerics::check_ascending;
use crate::ssp::{EmissionLines, SspGrid};
use crate::{Error, Result};

/// Ages are compared to this \[dex\]: single-precision files round the last one with lines.
const AGE_SLACK: f64 = 1e-6;

/// Where emission lines come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineSource {
    /// There are none.
    None,
    /// The file of the SSP grid.
    Grid,
    /// The [fitted function](LineFit) of metallicity, age and ionization parameter.
    Fit,
}

named!(LineSource, "source of emission lines", None = "none", Grid = "grid", Fit = "fit");

/// Lines of the grid's populations: `L = Q_H 10^lg(L/Q_H)` at each ionization parameter `lgu` (log10).
///
/// Populations older than the fit (20 Myr) have no lines, and younger ones (below 0.5 Myr) those of its
/// youngest age; metallicities outside are clamped to its range.
///
/// # Errors
/// [`Error::Invalid`] unless `lgu` ascends, and for a grid without ionizing light;
/// [`Error::OutOfRange`] for an ionization parameter that the fit does not cover.
pub fn fit_lines(grid: &SspGrid, fit: &LineFit, lgu: &[f64]) -> Result<EmissionLines> {
    check_ascending("ionization parameters", lgu, 1)?;
    let [lo, hi] = fit.range().lgu;
    if let Some(value) = lgu.iter().copied().find(|u| !(lo..=hi).contains(u)) {
        return Err(Error::OutOfRange {
            what: "log10 U of the lines".into(),
            value,
            allowed: format!("[{lo}, {hi}]"),
        });
    }
    let lg_q = grid_lg_q_h(grid)?;
    let lg_age_yr: Vec<f64> = grid.ages.lg_age_gyr().iter().map(|age| age + 9.0).collect();
    let oldest = fit.range().lg_age_yr[1] + AGE_SLACK;
    let n_line = fit.lines().len();
    let mut luminosity_lsun = Vec::with_capacity(lgu.len() * lg_q.len() * n_line);
    for u in lgu {
        for (lgmet, lg_q) in grid.metallicities.lgmet().iter().zip(lg_q.chunks(lg_age_yr.len())) {
            let points: Vec<[f64; 3]> = lg_age_yr.iter().map(|age| [*lgmet, *age, *u]).collect();
            let per_q = fit.lg_lsun_per_q_at(&points);
            for ((per_q, lg_q), age) in per_q.chunks(n_line).zip(lg_q).zip(&lg_age_yr) {
                let shines = *age <= oldest;
                luminosity_lsun
                    .extend(per_q.iter().map(|l| if shines { 10f64.powf(l + lg_q) } else { 0.0 }));
            }
        }
    }
    Ok(EmissionLines {
        names: fit.lines().iter().map(|line| line.name.clone()).collect(),
        wave_aa: fit.lines().iter().map(|line| line.wave_aa).collect(),
        lgu: Some(lgu.to_vec()),
        luminosity_lsun,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssp::embedded;
    use crate::testing::assert_close;

    #[test]
    fn young_populations_shine_and_old_ones_do_not() {
        let (grid, fit) = (embedded(), LineFit::embedded());
        let block = fit_lines(grid, fit, &[-3.0, -2.0]).unwrap();
        let (n_met, n_age, _) = grid.shape();
        let n_line = block.names.len();
        assert_eq!(block.luminosity_lsun.len(), 2 * n_met * n_age * n_line);
        for (i, luminosity) in block.luminosity_lsun.iter().enumerate() {
            let lg_age_gyr = grid.ages.lg_age_gyr()[i / n_line % n_age];
            assert_eq!(*luminosity > 0.0, lg_age_gyr < -1.69, "{luminosity} at {lg_age_gyr}");
        }
    }

    #[test]
    fn a_luminosity_is_rate_times_luminosity_per_photon() {
        let (grid, fit) = (embedded(), LineFit::embedded());
        let block = fit_lines(grid, fit, &[-2.5]).unwrap();
        let (_, n_age, _) = grid.shape();
        let h_alpha = fit.find("Ba-alpha 6563").unwrap();
        // Solar metallicity; the first age is younger than the fit.
        for age in [0, 20, 40] {
            let node = 4 * n_age + age;
            let got = block.luminosity_lsun[node * block.names.len() + h_alpha];
            let lg_age_yr = (grid.ages.lg_age_gyr()[age] + 9.0).max(fit.range().lg_age_yr[0]);
            let per_q =
                fit.lg_lsun_per_q_at(&[[grid.metallicities.lgmet()[4], lg_age_yr, -2.5]])[h_alpha];
            let lg_q = grid.lg_q_h.as_ref().unwrap()[node];
            assert_close(&[got], &[10f64.powf(lg_q + per_q)], 1e-12, 0.0);
            // Case B: 1.37e-12 erg per photon in H-alpha.
            let case_b = 1.37e-12 / 3.828e33 * 10f64.powf(lg_q);
            assert!((got / case_b).log10().abs() < 0.15, "{got:e} {case_b:e}");
        }
    }

    #[test]
    fn unusable_ionization_parameters_are_named() {
        let error =
            |lgu: &[f64]| fit_lines(embedded(), LineFit::embedded(), lgu).unwrap_err().to_string();
        assert!(error(&[-4.5]).contains("-4.5 is outside [-4, -1]"), "{}", error(&[-4.5]));
        assert!(error(&[-2.0, -3.0]).contains("ascend"), "{}", error(&[-2.0, -3.0]));
        assert!(error(&[f64::NAN]).contains("NaN"), "{}", error(&[f64::NAN]));
    }
}
