//! Equivalent widths over a quadratic continuum.
//!
//! A parabola is fitted to two continuum windows, subtracted inside the line window, and the
//! remaining flux divided by the continuum at the line's centre. Positive means emission. All of
//! it is linear in the spectrum up to that division, so it is one matrix product.

use burn::tensor::Tensor;

use crate::device::Place;
use crate::numerics::integrate::trapezoid_weights;
use crate::numerics::interp::interval_and_share;
use crate::numerics::quadratic::QuadraticFit;
use crate::{Error, Result};

/// Where a line and its continuum lie \[Angstrom\]; the ends of each window belong to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LineWindow {
    /// Wavelength at which the continuum is taken.
    pub centre_aa: f64,
    /// The line.
    pub line_aa: (f64, f64),
    /// The continuum on the blue side.
    pub blue_aa: (f64, f64),
    /// The continuum on the red side.
    pub red_aa: (f64, f64),
}

/// Equivalent width and its parts, each `[n_gal]`.
#[derive(Clone, Debug)]
pub struct EquivalentWidth {
    /// Line flux over continuum \[Angstrom\].
    pub ew_aa: Tensor<1>,
    /// Line flux \[spectrum's unit times Angstrom\].
    pub line_flux: Tensor<1>,
    /// Continuum at the line's centre \[spectrum's unit\].
    pub continuum: Tensor<1>,
}

/// The kernel for one line on one wavelength grid.
#[derive(Clone, Debug)]
pub struct EquivalentWidthKernel {
    /// Row-major `[n_wave, 2]`: line flux and central continuum as functionals of the spectrum.
    operator: Vec<f64>,
    n_wave: usize,
}

impl EquivalentWidthKernel {
    /// Prepares the kernel for spectra on `wave_aa` (`[n_wave]`).
    ///
    /// The line is integrated by the trapezoid rule over the whole grid, the spectrum being zero
    /// outside the window, so the half-trapezoids at the window's ends count.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the line window holds no sample or the continuum windows fewer
    /// than three.
    pub fn new(wave_aa: &[f64], window: &LineWindow) -> Result<Self> {
        let inside = |w: f64, (lo, hi): (f64, f64)| f64::from(u8::from(lo <= w && w <= hi));
        let continuum: Vec<f64> = wave_aa
            .iter()
            .map(|w| inside(*w, window.blue_aa).max(inside(*w, window.red_aa)))
            .collect();
        let area: Vec<f64> = trapezoid_weights(wave_aa)
            .iter()
            .zip(wave_aa)
            .map(|(c, w)| c * inside(*w, window.line_aa))
            .collect();
        if area.iter().all(|a| *a == 0.0) {
            return Err(Error::invalid(
                "line window",
                format!("no wavelength sample in {:?} Angstrom", window.line_aa),
            ));
        }
        let fit = QuadraticFit::new(wave_aa, &continuum, window.centre_aa)?;
        // Area of the line window under 1, (w - centre), (w - centre)^2.
        let moment = |power| -> f64 {
            area.iter().zip(wave_aa).map(|(a, w)| a * (w - window.centre_aa).powi(power)).sum()
        };
        let moments = [moment(0), moment(1), moment(2)];
        let operator = area
            .iter()
            .zip(fit.operator())
            .flat_map(|(area, c)| {
                let under = c[0] * moments[0] + c[1] * moments[1] + c[2] * moments[2];
                [area - under, c[0]]
            })
            .collect();
        Ok(Self { operator, n_wave: wave_aa.len() })
    }

    /// Prepares the kernel for coarsely sampled spectra, taken as linear between the samples
    /// `wave_aa`: they are resampled every half Angstrom, so that a window's measure depends on the
    /// light in it and not on the samples that happen to lie there.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when the windows reach beyond the spectrum.
    pub fn resampling(wave_aa: &[f64], window: &LineWindow) -> Result<Self> {
        let ends = (window.blue_aa.0.min(window.line_aa.0), window.red_aa.1.max(window.line_aa.1));
        let fine = match wave_aa {
            [first, .., last] if *first < ends.0 && ends.1 < *last => refined(wave_aa, ends),
            [first, .., last] => {
                return Err(Error::OutOfRange {
                    what: "windows of the line at [Angstrom]".into(),
                    value: window.centre_aa,
                    allowed: format!("the spectrum's ({first}, {last})"),
                });
            }
            _ => return Err(Error::invalid("spectrum", "has fewer than two wavelengths")),
        };
        let kernel = Self::new(&fine, window)?;
        let mut operator = vec![0.0; 2 * wave_aa.len()];
        for (w, part) in fine.iter().zip(kernel.operator.chunks(2)) {
            let (left, share) = interval_and_share(wave_aa, *w);
            for (i, part) in part.iter().enumerate() {
                operator[2 * left + i] += part * (1.0 - share);
                operator[2 * (left + 1) + i] += part * share;
            }
        }
        Ok(Self { operator, n_wave: wave_aa.len() })
    }

    /// Measures spectra `[n_gal, n_wave]`. A vanishing continuum gives an infinite width.
    pub fn measure(&self, spectrum: Tensor<2>) -> EquivalentWidth {
        let operator = Place::of(&spectrum).matrix(&self.operator, [self.n_wave, 2]);
        let both = spectrum.matmul(operator);
        let line_flux: Tensor<1> = both.clone().narrow(1, 0, 1).squeeze_dim(1);
        let continuum: Tensor<1> = both.narrow(1, 1, 1).squeeze_dim(1);
        EquivalentWidth { ew_aa: line_flux.clone() / continuum.clone(), line_flux, continuum }
    }
}

/// Step of resampled spectra \[Angstrom\].
const STEP_AA: f64 = 0.5;

/// Samples between `ends` every [`STEP_AA`] and at the spectrum's own, with one more on each side.
fn refined(wave_aa: &[f64], ends: (f64, f64)) -> Vec<f64> {
    let n = ((ends.1 - ends.0) / STEP_AA).ceil() as i32;
    let mut fine: Vec<f64> = (-1..=n + 1).map(|i| ends.0 + STEP_AA * f64::from(i)).collect();
    fine.extend(wave_aa.iter().filter(|w| ends.0 <= **w && **w <= ends.1));
    fine.sort_by(f64::total_cmp);
    fine.dedup_by(|a, b| *a - *b < 1e-9);
    fine.retain(|w| wave_aa[0] <= *w && *w <= wave_aa[wave_aa.len() - 1]);
    fine
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, assert_gradient, for_each_place, values};

    const WINDOW: LineWindow = LineWindow {
        centre_aa: 5000.0,
        line_aa: (4985.0, 5015.0),
        blue_aa: (4900.0, 4950.0),
        red_aa: (5050.0, 5100.0),
    };

    fn wave() -> Vec<f64> {
        (0..801).map(|i| 4800.0 + 0.5 * f64::from(i)).collect()
    }

    fn spectrum(line: f64) -> Vec<f64> {
        wave()
            .iter()
            .map(|w| {
                let x = (w - 5000.0) / 100.0;
                1.0 + 0.1 * x + 0.02 * x * x + line * (-(w - 5000.0).powi(2) / 18.0).exp()
            })
            .collect()
    }

    #[test]
    fn reference_values() {
        let kernel = EquivalentWidthKernel::new(&wave(), &WINDOW).unwrap();
        for_each_place(|place| {
            let measured = kernel.measure(place.rows(&[&spectrum(3.0)]));
            let tolerance = place.tolerance(1e-12, 1e-4);
            assert_close(&values(measured.ew_aa), &[22.5596463595661], tolerance, 0.0);
            assert_close(&values(measured.line_flux), &[22.5596463595667], tolerance, 0.0);
        });
    }

    #[test]
    fn a_pure_continuum_has_no_width_and_absorption_is_negative() {
        let kernel = EquivalentWidthKernel::new(&wave(), &WINDOW).unwrap();
        for_each_place(|place| {
            let rows = [&spectrum(0.0)[..], &spectrum(-0.5)];
            let ew = values(kernel.measure(place.rows(&rows)).ew_aa);
            assert!(ew[0].abs() < place.tolerance(1e-12, 1e-4) && ew[1] < -1.0, "{ew:?}");
        });
    }

    #[test]
    fn gradient_with_respect_to_the_spectrum() {
        let short: Vec<f64> = (0..41).map(|i| 4800.0 + 10.0 * f64::from(i)).collect();
        let kernel = EquivalentWidthKernel::new(&short, &WINDOW).unwrap();
        let flux: Vec<f64> = (0..41).map(|i| 1.0 + 0.01 * f64::from(i)).collect();
        assert_gradient(&flux, 1e-7, |flux| kernel.measure(flux.unsqueeze()).ew_aa);
    }

    #[test]
    fn resampled_spectra_give_the_same_width_however_they_are_sampled() {
        // A continuum that is linear, so that sampling loses nothing of it, and a triangular line.
        let flux =
            |w: f64| 1.0 + 1e-3 * (w - 5000.0) + 3.0 * (1.0 - (w - 5000.0).abs() / 10.0).max(0.0);
        let coarse = [4700.0, 4810.0, 4990.0, 5000.0, 5010.0, 5103.0, 5300.0];
        let fine: Vec<f64> = (0..1201).map(|i| 4700.0 + 0.5 * f64::from(i)).collect();
        for_each_place(|place| {
            for wave in [&coarse[..], &fine] {
                let kernel = EquivalentWidthKernel::resampling(wave, &WINDOW).unwrap();
                let spectrum: Vec<f64> = wave.iter().map(|w| flux(*w)).collect();
                let ew = values(kernel.measure(place.rows(&[&spectrum])).ew_aa);
                assert_close(&ew, &[30.0], place.tolerance(1e-9, 1e-4), 0.0);
            }
        });
        let error = EquivalentWidthKernel::resampling(&coarse[2..], &WINDOW).unwrap_err();
        assert!(error.to_string().contains("(4990, 5300)"), "{error}");
    }

    #[test]
    fn windows_without_samples_are_errors() {
        let coarse = [4800.0, 4925.0, 5075.0, 5200.0];
        let error = EquivalentWidthKernel::new(&coarse, &WINDOW).unwrap_err().to_string();
        assert!(error.contains("no wavelength sample"), "{error}");
    }
}
