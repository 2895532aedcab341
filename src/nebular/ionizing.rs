//! Ionizing photons of stellar spectra.

use crate::ssp::SspGrid;
use crate::units::{LG_LSUN_ERG_S, PLANCK_J_S};
use crate::{Error, Result};

/// Wavelength of the Lyman limit \[Angstrom\].
pub const LYMAN_LIMIT_AA: f64 = 911.75;
/// Planck's constant \[erg s\].
const H_PLANCK_ERG_S: f64 = 1e7 * PLANCK_J_S;

/// The youngest populations of any grid of stars have more ionizing photons than this, as log10 per
/// second and solar mass.
const LG_Q_H_YOUNG_MIN: f64 = 45.5;

/// log10 of the photons per second below 911.75 Angstrom of a spectrum `lnu_lsun_hz` \[Lsun/Hz\] on
/// ascending wavelengths \[Angstrom\]; minus infinity when there are none.
///
/// `Q_H = integral of L_nu / (h nu) d nu = integral of L_nu / (h lambda) d lambda` by trapezoids, the
/// spectrum being interpolated linearly at the limit.
pub fn lg_q_h(wave_aa: &[f64], lnu_lsun_hz: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (w, l) in wave_aa.windows(2).zip(lnu_lsun_hz.windows(2)) {
        if w[0] >= LYMAN_LIMIT_AA {
            break;
        }
        let end = w[1].min(LYMAN_LIMIT_AA);
        let l_end = l[0] + (l[1] - l[0]) * (end - w[0]) / (w[1] - w[0]);
        sum += 0.5 * (end - w[0]) * (l[0] / w[0] + l_end / end);
    }
    sum.log10() + LG_LSUN_ERG_S - H_PLANCK_ERG_S.log10()
}

/// log10 of the ionizing photons per second and solar mass formed of each population of a grid,
/// `[n_met, n_age]`: those its file states, else the integrals of its spectra.
///
/// # Errors
/// [`Error::Invalid`] when the grid neither states them nor has spectra with ionizing light, be it that
/// they begin redward of 911.75 Angstrom or that it has been absorbed.
pub fn grid_lg_q_h(grid: &SspGrid) -> Result<Vec<f64>> {
    if let Some(stored) = &grid.lg_q_h {
        return Ok(stored.clone());
    }
    if grid.wave_aa[0] >= LYMAN_LIMIT_AA {
        let reason = format!(
            "the spectra begin at {} Angstrom, so there is no ionizing light below \
             {LYMAN_LIMIT_AA}, and the grid states no ionizing photon rates",
            grid.wave_aa[0]
        );
        return Err(Error::invalid("SSP grid", reason));
    }
    let (n_met, n_age, n_wave) = grid.shape();
    // The stars do not depend on the ionization parameter of the gas, so its first value will do.
    let spectra = grid.lnu_lsun_hz.chunks(n_wave).take(n_met * n_age);
    let rates: Vec<f64> = spectra.map(|lnu| lg_q_h(&grid.wave_aa, lnu)).collect();
    let most = rates.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if most < LG_Q_H_YOUNG_MIN {
        let reason = format!(
            "its spectra give at most 10^{most:.2} ionizing photons per second and solar mass, where \
             young stars have 10^46 to 10^47: gas seems to have absorbed them already. Lines are made \
             from spectra of stars, at most with a nebular continuum, or from stored photon rates"
        );
        return Err(Error::invalid("SSP grid", reason));
    }
    Ok(rates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spectra_whose_ionizing_light_is_gone_are_refused() {
        let mut grid = embedded().clone();
        grid.lg_q_h = None;
        assert_eq!(grid_lg_q_h(&grid).unwrap().len(), 6 * 106);
        let n_wave = grid.wave_aa.len();
        let dark = grid.wave_aa.partition_point(|w| *w < 920.0);
        grid.lnu_lsun_hz.chunks_mut(n_wave).for_each(|lnu| lnu[..dark].fill(0.0));
        let error = grid_lg_q_h(&grid).unwrap_err().to_string();
        assert!(error.contains("gas seems to have absorbed them"), "{error}");
    }
    use crate::ssp::embedded;
    use crate::testing::assert_close;

    /// `L_nu = c lambda` gives `Q = c (911.75 - lambda_0) / h`, exactly also for trapezoids.
    #[test]
    fn a_spectrum_proportional_to_wavelength() {
        let wave: [f64; 5] = [100.0, 300.0, 700.0, 1100.0, 2000.0];
        let lnu = wave.map(|w| 1e-20 * w);
        let want: f64 = 1e-20 * (911.75 - 100.0) * 3.828e33 / 6.62607015e-27;
        assert_close(&[lg_q_h(&wave, &lnu)], &[want.log10()], 1e-14, 0.0);
        assert_eq!(lg_q_h(&wave[3..], &lnu[3..]), f64::NEG_INFINITY);
    }

    /// The embedded spectra include the nebular continuum but keep their ionizing light.
    #[test]
    fn integrals_agree_with_the_rates_of_the_embedded_grid() {
        let mut grid = embedded().clone();
        let stored = grid_lg_q_h(&grid).unwrap();
        assert_eq!(Some(&stored), grid.lg_q_h.as_ref());
        grid.lg_q_h = None;
        let integrated = grid_lg_q_h(&grid).unwrap();
        let n_age = grid.ages.lg_age_gyr().len();
        let mut worst: f64 = 0.0;
        for (i, (got, want)) in integrated.iter().zip(&stored).enumerate() {
            if grid.ages.lg_age_gyr()[i % n_age] <= -1.69 {
                worst = worst.max((got - want).abs());
            }
        }
        assert!(worst < 0.004, "{worst}");
    }

    #[test]
    fn a_grid_without_ionizing_light_is_refused() {
        let (met, age) = (vec![-3.0, -2.0, -1.0], vec![-2.0, -1.0, 0.0]);
        let provenance = Default::default();
        let grid = SspGrid::new(met, age, vec![912.0, 5000.0], vec![1.0; 18], provenance).unwrap();
        let error = grid_lg_q_h(&grid).unwrap_err().to_string();
        assert!(error.contains("begin at 912 Angstrom"), "{error}");
    }
}
