//! Equivalent widths of single lines from their luminosities, without windows.

use burn::tensor::Tensor;

use crate::numerics::interp::interval_and_share;
use crate::ssp::{EmissionLines, FLUX_DEX};
use crate::units::C_AA_S;
use crate::{Error, Result};

/// The ratio of one line's luminosity to the continuum's per Angstrom at its wavelength.
///
/// Unlike a [measurement on the spectrum](super::EquivalentWidthKernel) it knows of no blends and
/// does not count the stellar absorption beneath the line: the continuum is that of the given
/// spectrum at the line's wavelength, linear between its samples, absorption included.
#[derive(Clone, Debug)]
pub struct LineEquivalentWidth {
    line: usize,
    /// Sample of the continuum to the left of the line, and the share of the one to the right.
    left: usize,
    share: f64,
    /// Equivalent width of 1 Lsun over 1e-14 Lsun/Hz \[Angstrom\].
    unit_aa: f64,
}

impl LineEquivalentWidth {
    /// Prepares the line called `name` among `lines` for continua on `wave_aa` (`[n_wave]`).
    ///
    /// # Errors
    /// [`Error::UnknownName`]; [`Error::OutOfRange`] when the line lies beyond the continuum.
    pub fn new(wave_aa: &[f64], lines: &EmissionLines, name: &str) -> Result<Self> {
        let line = lines.index(name)?;
        let wave = lines.wave_aa[line];
        let inside = |ends: [f64; 2]| ends[0] <= wave && wave < ends[1];
        if !matches!(wave_aa, [first, .., last] if inside([*first, *last])) {
            return Err(Error::OutOfRange {
                what: format!("wavelength of {} [Angstrom]", lines.names[line]),
                value: wave,
                allowed: match wave_aa {
                    [first, .., last] => format!("the spectrum's [{first}, {last})"),
                    _ => "a spectrum of at least two wavelengths".into(),
                },
            });
        }
        let (left, share) = interval_and_share(wave_aa, wave);
        Ok(Self { line, left, share, unit_aa: wave * wave / C_AA_S * 10f64.powf(FLUX_DEX) })
    }

    /// Equivalent width \[Angstrom\], `[n_gal]`, from line luminosities \[Lsun per Msun formed\]
    /// (`[n_gal, n_line]`) and the continuum (`[n_gal, n_wave]`) in the scaled units of
    /// [`SspTensors`](crate::ssp::SspTensors), both with their dust. A vanishing continuum gives an
    /// infinite width.
    pub fn ew_aa(&self, luminosity: Tensor<2>, continuum: Tensor<2>) -> Tensor<1> {
        let sample = |i| -> Tensor<1> { continuum.clone().narrow(1, i, 1).squeeze_dim(1) };
        let level = sample(self.left) * (1.0 - self.share) + sample(self.left + 1) * self.share;
        let line: Tensor<1> = luminosity.narrow(1, self.line, 1).squeeze_dim(1);
        line * self.unit_aa / level
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, assert_gradient, for_each_place, values};

    const WAVE: [f64; 4] = [4000.0, 5000.0, 6000.0, 7000.0];

    fn lines() -> EmissionLines {
        EmissionLines {
            names: vec!["[O III] 5007".into(), "Ba-alpha 6563".into(), "Pa-alpha".into()],
            wave_aa: vec![5008.24, 6500.0, 18756.1],
            lgu: None,
            luminosity_lsun: vec![],
        }
    }

    #[test]
    fn the_width_is_that_of_continuum_with_the_lines_light() {
        for_each_place(|place| {
            let line = LineEquivalentWidth::new(&WAVE, &lines(), "ba_alpha_6563").unwrap();
            let continuum = place.row(&[1.0, 1.0, 2.0, 3.0]);
            let got = values(line.ew_aa(place.row(&[7.0, 0.04, 1.0]), continuum.clone()));
            let per_aa = 2.5e-14 * C_AA_S / (6500.0 * 6500.0);
            assert_close(&got, &[0.04 / per_aa], 1e-6, 0.0);
            let dark = values(line.ew_aa(place.row(&[7.0, 0.04, 1.0]), continuum * 0.0));
            assert_eq!(dark, [f64::INFINITY]);
        });
    }

    #[test]
    fn lines_without_continuum_and_unknown_lines_are_errors() {
        let error = |name| LineEquivalentWidth::new(&WAVE, &lines(), name).unwrap_err().to_string();
        assert!(error("Pa-alpha").contains("wavelength of Pa-alpha [Angstrom] = 18756.1"));
        assert!(error("H-beta").contains("no emission line is called"));
    }

    #[test]
    fn gradients_of_luminosity_and_continuum() {
        let line = LineEquivalentWidth::new(&WAVE, &lines(), "Ba-alpha 6563").unwrap();
        assert_gradient(&[0.1, 0.04, 0.0, 1.0, 1.5, 2.0, 3.0], 1e-8, |x| {
            let x = x.unsqueeze::<2>();
            line.ew_aa(x.clone().narrow(1, 0, 3), x.narrow(1, 3, 4))
        });
    }
}
