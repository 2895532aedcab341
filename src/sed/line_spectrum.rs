//! Emission lines painted into spectra, on a wavelength grid refined around each line.

use burn::tensor::{Int, Tensor};

use crate::device::Place;
use crate::numerics::integrate::trapezoid_weights;
use crate::numerics::interp::interval_and_share;
use crate::ssp::FLUX_DEX;
use crate::units::{C_AA_S, C_KM_S};
use crate::{Error, Result};

/// Half-width of a line's profile, in units of its dispersion; 1e-9 of the light is beyond.
const N_SIGMA: f64 = 6.0;
/// Points per dispersion.
const POINTS_PER_SIGMA: i32 = 4;
/// Points nearer to another one than this share of a step are left out.
const MIN_GAP: f64 = 0.1;
/// Velocity dispersions that can be drawn \[km/s\]: below, neighbouring wavelengths are the same in
/// f32; above, a line is no narrow feature.
const SIGMA_KM_S: (f64, f64) = (1.0, 10_000.0);

/// Gaussian line profiles on a wavelength grid that resolves them.
///
/// Each line is a Gaussian in wavelength of the luminosity per Angstrom, with the same velocity
/// dispersion for all, cut off at six dispersions. It is normalised so that the trapezoid rule on
/// the [refined grid](Self::wave_aa), applied to `L_nu c / lambda^2`, gives the line's luminosity
/// to rounding. The continuum is interpolated linearly.
#[derive(Clone, Debug)]
pub struct LineProfiles {
    wave_aa: Vec<f64>,
    /// Sample of the continuum to the left of each point, `[n_fine]`.
    left: Tensor<1, Int>,
    /// Share of the sample to the right, `[1, n_fine]`.
    share: Tensor<2>,
    /// Spectrum of each line of 1 Lsun \[1e-14 Lsun/Hz\], `[n_line, n_fine]`.
    profiles: Tensor<2>,
    left_out: Vec<usize>,
}

impl LineProfiles {
    /// Prepares lines at vacuum wavelengths `line_wave_aa` (`[n_line]`) with velocity dispersion
    /// `sigma_km_s` for spectra on `wave_aa` (`[n_wave]`).
    ///
    /// Lines that do not lie in the grid out to six dispersions are [left out](Self::left_out).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a dispersion outside 1 to 10,000 km/s; [`Error::Invalid`] when the
    /// grid has fewer than two wavelengths.
    pub fn new(
        wave_aa: &[f64],
        line_wave_aa: &[f64],
        sigma_km_s: f64,
        place: &Place,
    ) -> Result<Self> {
        let (lo, hi) = SIGMA_KM_S;
        if !(lo..=hi).contains(&sigma_km_s) {
            return Err(Error::OutOfRange {
                what: "velocity dispersion of emission lines [km/s]".into(),
                value: sigma_km_s,
                allowed: format!("[{lo}, {hi}]"),
            });
        }
        let [first, .., last] = wave_aa else {
            let reason = "at least two are needed to paint lines between";
            return Err(Error::invalid("wavelengths of the spectrum", reason));
        };
        let sigma = sigma_km_s / C_KM_S;
        let reach = N_SIGMA * sigma;
        let fits = |w: f64| w * (1.0 - reach) >= *first && w * (1.0 + reach) <= *last;
        let drawn: Vec<f64> = line_wave_aa.iter().copied().filter(|w| fits(*w)).collect();
        let fine = refined(wave_aa, &drawn, sigma);
        let weights = fine.iter().map(|w| interval_and_share(wave_aa, *w));
        let (left, share): (Vec<usize>, Vec<f64>) = weights.unzip();
        let area = trapezoid_weights(&fine);
        let scale = 10f64.powf(FLUX_DEX) / C_AA_S;
        let mut profiles = Vec::with_capacity(line_wave_aa.len() * fine.len());
        for centre in line_wave_aa {
            // Light per Angstrom; a line left out has none.
            let light = |w: f64| {
                let x = (w / centre - 1.0) / sigma;
                if fits(*centre) && x.abs() <= N_SIGMA { (-0.5 * x * x).exp() } else { 0.0 }
            };
            let norm: f64 = area.iter().zip(&fine).map(|(a, w)| a * light(*w)).sum();
            let norm = if norm > 0.0 { norm } else { 1.0 };
            profiles.extend(fine.iter().map(|w| light(*w) * w * w * scale / norm));
        }
        Ok(Self {
            left: place.indices(&left),
            share: place.row(&share),
            profiles: place.matrix(&profiles, [line_wave_aa.len(), fine.len()]),
            left_out: (0..line_wave_aa.len()).filter(|k| !fits(line_wave_aa[*k])).collect(),
            wave_aa: fine,
        })
    }

    /// Rest-frame wavelengths of the spectra with lines \[Angstrom\], `[n_fine]`: those of the
    /// continuum and, within six dispersions of each line, four per dispersion.
    pub fn wave_aa(&self) -> &[f64] {
        &self.wave_aa
    }

    /// Indices of the lines that lie beyond the wavelengths of the continuum and are not drawn.
    pub fn left_out(&self) -> &[usize] {
        &self.left_out
    }

    /// A continuum `[n_gal, n_wave]` on the refined grid, `[n_gal, n_fine]`.
    pub fn continuum(&self, continuum: Tensor<2>) -> Tensor<2> {
        let left = continuum.clone().select(1, self.left.clone());
        let right = continuum.select(1, self.left.clone() + 1);
        left * (self.share.clone().neg() + 1.0) + right * self.share.clone()
    }

    /// Lines of the given luminosities \[Lsun per Msun formed\] (`[n_gal, n_line]`) alone, in the
    /// scaled units of [`SspTensors`](crate::ssp::SspTensors), `[n_gal, n_fine]`.
    pub fn lines(&self, luminosity: Tensor<2>) -> Tensor<2> {
        luminosity.matmul(self.profiles.clone())
    }

    /// Continuum `[n_gal, n_wave]` and lines `[n_gal, n_line]` together, `[n_gal, n_fine]`, in the
    /// scaled units of the continuum.
    pub fn spectrum(&self, continuum: Tensor<2>, luminosity: Tensor<2>) -> Tensor<2> {
        self.continuum(continuum) + self.lines(luminosity)
    }
}

/// The grid's points and those around each line of relative dispersion `sigma`, ascending. Points
/// of a line that all but coincide with others are dropped.
fn refined(wave_aa: &[f64], line_wave_aa: &[f64], sigma: f64) -> Vec<f64> {
    let step = sigma / f64::from(POINTS_PER_SIGMA);
    let n = (N_SIGMA * f64::from(POINTS_PER_SIGMA)) as i32;
    let mut around: Vec<f64> = line_wave_aa
        .iter()
        .flat_map(|w| (-n..=n).map(move |k| w * (1.0 + f64::from(k) * step)))
        .collect();
    around.sort_by(f64::total_cmp);
    let mut fine = wave_aa.to_vec();
    let mut previous = f64::NEG_INFINITY;
    for point in around {
        let gap = MIN_GAP * step * point;
        let right = wave_aa.partition_point(|w| *w < point);
        let on_grid = wave_aa[right.saturating_sub(1)..(right + 1).min(wave_aa.len())]
            .iter()
            .any(|w| (w - point).abs() < gap);
        if !on_grid && point - previous >= gap {
            fine.push(point);
            previous = point;
        }
    }
    fine.sort_by(f64::total_cmp);
    fine
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssp::embedded;
    use crate::testing::{
        assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    /// Isolated lines, a doublet, a pair within a dispersion, and one next to a grid point.
    const LINES: [f64; 8] =
        [1215.13, 1215.67, 3727.10, 3729.86, 5008.24, 6564.6, 18756.1, 4990.000001];

    #[test]
    fn every_line_holds_its_luminosity() {
        let luminosity = [1.0, 2.0, 3.0, 0.5, 1e-8, 40.0, 0.0, 7.0];
        for_each_place(|place| {
            for sigma in [1.0, 20.0, 300.0, 10_000.0] {
                let wave = &embedded().wave_aa;
                let profiles = LineProfiles::new(wave, &LINES, sigma, place).unwrap();
                assert!(profiles.left_out().is_empty());
                let fine = profiles.wave_aa();
                assert!(fine.windows(2).all(|w| w[0] < w[1]));
                assert!(wave.iter().all(|w| fine.contains(w)));
                let area = trapezoid_weights(fine);
                let integral = |row: &[f64]| -> f64 {
                    let per_hz = row.iter().map(|l| l * 10f64.powf(-FLUX_DEX));
                    per_hz.zip(fine).zip(&area).map(|((l, w), a)| l * C_AA_S / (w * w) * a).sum()
                };
                for (k, luminosity) in luminosity.iter().enumerate() {
                    let mut one = [0.0; 8];
                    one[k] = *luminosity;
                    let got = integral(&values(profiles.lines(place.row(&one))));
                    assert_close(&[got], &[*luminosity], place.tolerance(1e-13, 1e-6), 0.0);
                }
                let all = integral(&values(profiles.lines(place.row(&luminosity))));
                let want = luminosity.iter().sum();
                assert_close(&[all], &[want], place.tolerance(1e-13, 1e-6), 0.0);
            }
        });
    }

    #[test]
    fn a_line_is_a_gaussian_of_the_given_width_at_its_wavelength() {
        for_each_f64_place(|place| {
            let profiles = LineProfiles::new(&embedded().wave_aa, &[6564.6], 150.0, place).unwrap();
            let fine = profiles.wave_aa();
            let light = values(profiles.lines(place.row(&[1.0])));
            let moment = |power: i32| -> f64 {
                let per_aa = light.iter().zip(fine).map(|(l, w)| l / (w * w));
                let velocity = fine.iter().map(|w| (w / 6564.6 - 1.0) * C_KM_S);
                let terms = per_aa.zip(velocity).zip(trapezoid_weights(fine));
                terms.map(|((l, v), a)| l * v.powi(power) * a).sum()
            };
            let mean = moment(1) / moment(0);
            assert!(mean.abs() < 0.01, "{mean}");
            // A point of the continuum between those of the line costs the trapezoid rule its order.
            assert_close(&[(moment(2) / moment(0)).sqrt()], &[150.0], 1e-3, 0.0);
        });
    }

    #[test]
    fn the_continuum_is_unchanged_on_its_grid_and_straight_between() {
        let wave = [4000.0, 5000.0, 6000.0, 7000.0];
        for_each_place(|place| {
            let profiles = LineProfiles::new(&wave, &[5008.24, 6564.6], 100.0, place).unwrap();
            let continuum = place.rows(&[&[1.0, 2.0, 4.0, 3.0], &[0.0, 0.0, 0.0, 1.0]]);
            let nothing = place.rows(&[&[0.0, 0.0], &[0.0, 0.0]]);
            let got = values(profiles.spectrum(continuum, nothing));
            let fine = profiles.wave_aa();
            let line = |w: f64| match w {
                w if w <= 5000.0 => 1.0 + (w - 4000.0) / 1000.0,
                w if w <= 6000.0 => 2.0 + (w - 5000.0) / 500.0,
                w => 4.0 - (w - 6000.0) / 1000.0,
            };
            let want: Vec<f64> = fine.iter().map(|w| line(*w)).collect();
            assert_close(&got[..fine.len()], &want, place.tolerance(1e-13, 1e-6), 0.0);
            assert_eq!(got[2 * fine.len() - 1], 1.0);
        });
    }

    #[test]
    fn lines_beyond_the_spectrum_are_left_out_and_listed() {
        let wave = [4000.0, 5000.0, 6000.0];
        for_each_place(|place| {
            // The second is in range, but half of its profile is not.
            let lines = [1215.67, 5999.0, 5008.24, 18756.1];
            let profiles = LineProfiles::new(&wave, &lines, 100.0, place).unwrap();
            assert_eq!(profiles.left_out(), [0, 1, 3]);
            let light = values(profiles.lines(place.row(&[1.0, 1.0, 0.0, 1.0])));
            assert!(light.iter().all(|l| *l == 0.0));
            let none = LineProfiles::new(&wave, &[1215.67], 100.0, place).unwrap();
            assert_eq!(none.wave_aa(), wave);
            for sigma in [0.5, 2e4, f64::NAN] {
                assert!(LineProfiles::new(&wave, &lines, sigma, place).is_err());
            }
            assert!(LineProfiles::new(&wave[..1], &lines, 100.0, place).is_err());
        });
    }

    #[test]
    fn gradients_of_continuum_and_luminosity() {
        for_each_f64_place(|place| {
            let wave = [4000.0, 5000.0, 6000.0];
            let profiles = LineProfiles::new(&wave, &[5003.0, 5008.24], 1000.0, place).unwrap();
            let row = [1.0, 2.0, 0.5, 1e-3, 0.0];
            assert_jacobian(&[&row], 1e-8, place, |p| {
                profiles.spectrum(p.clone().narrow(1, 0, 3), p.narrow(1, 3, 2))
            });
        });
    }
}
