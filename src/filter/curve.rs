//! One transmission curve.

use crate::{Error, Result};

/// Fewest samples of a curve: a band has to rise and fall, which takes two edges and an inside.
const MIN_POINTS: usize = 3;

/// Limits of a wavelength, those of hard gamma rays and a metre: beyond them a value is in the wrong unit,
/// or none.
const MIN_WAVE_AA: f64 = 1e-3;
const MAX_WAVE_AA: f64 = 1e10;

/// Least peak of a curve, with room to the smallest numbers, whose products vanish.
const MIN_PEAK: f64 = 1e-30;

/// Noise around 0 and 1 that a measured curve may have before clipping. The value is DSPS's, which
/// however compares the upper limit with the minimum and so never refuses percentages.
const NOISE: f64 = 0.01;

/// Share of the peak above which [`Filter::range_aa`] counts a sample as inside the band.
const RANGE_SHARE: f64 = 0.01;

/// A photometric filter: the fraction of photons it lets through, sampled in wavelength.
///
/// Between samples the transmission is linear, outside them zero. Only the shape matters for
/// magnitudes: a constant factor cancels.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    name: String,
    wave_aa: Vec<f64>,
    transmission: Vec<f64>,
    provenance: String,
}

impl Filter {
    /// A filter from its samples: wavelengths in Angstrom, transmissions as fractions, both of
    /// shape `[n_trans]`; `provenance` says where the curve comes from.
    ///
    /// Transmissions are clipped to `[0, 1]`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for an unusable name, columns of different length, fewer than three
    /// samples, wavelengths that do not ascend strictly, or a curve that is zero everywhere.
    /// [`Error::OutOfRange`] for a wavelength that is not positive (or exceeds a metre) and for a
    /// transmission outside `[-0.01, 1.01]`, which is no measurement noise but another unit.
    pub fn new(
        name: impl Into<String>,
        wave_aa: Vec<f64>,
        mut transmission: Vec<f64>,
        provenance: impl Into<String>,
    ) -> Result<Self> {
        let name = name.into();
        // Names become column titles, members of comma-separated lists and keys of the store.
        if name.is_empty()
            || name
                .contains(|c: char| matches!(c, ',' | '/') || c.is_whitespace() || c.is_control())
        {
            let reason = "a name must not be empty nor contain a comma, a slash, white space or control characters";
            return Err(Error::invalid(format!("filter name {name:?}"), reason));
        }
        let what = format!("filter {name}");
        let n_points = wave_aa.len();
        if transmission.len() != n_points {
            let n = transmission.len();
            let reason = format!("has {n_points} wavelengths but {n} transmissions");
            return Err(Error::invalid(what, reason));
        }
        if n_points < MIN_POINTS {
            let reason = format!(
                "has {n_points} samples; at least {MIN_POINTS} are needed, two edges and an inside"
            );
            return Err(Error::invalid(what, reason));
        }
        // Negated comparisons, so that NaN fails as well.
        if let Some(i) = wave_aa.iter().position(|&w| !(MIN_WAVE_AA..MAX_WAVE_AA).contains(&w)) {
            return Err(Error::OutOfRange {
                what: format!("{what}, wavelength {}", i + 1),
                value: wave_aa[i],
                allowed: format!("[{MIN_WAVE_AA}, {MAX_WAVE_AA:e}) Angstrom"),
            });
        }
        if let Some(i) = wave_aa.windows(2).position(|w| w[0] >= w[1]) {
            let reason = format!(
                "wavelengths must ascend strictly, but number {} is {} and the next is {}",
                i + 1,
                wave_aa[i],
                wave_aa[i + 1]
            );
            return Err(Error::invalid(what, reason));
        }
        let allowed = -NOISE..=1.0 + NOISE;
        if let Some(i) = transmission.iter().position(|t| !allowed.contains(t)) {
            return Err(Error::OutOfRange {
                what: format!("{what}, transmission {}", i + 1),
                value: transmission[i],
                allowed: "[-0.01, 1.01] (divide percentages by 100, effective areas by their peak)"
                    .into(),
            });
        }
        for t in &mut transmission {
            *t = t.clamp(0.0, 1.0);
        }
        if transmission.iter().all(|&t| t < MIN_PEAK) {
            let reason = format!("lets no light through: every transmission is below {MIN_PEAK:e}");
            return Err(Error::invalid(what, reason));
        }
        Ok(Self { name, wave_aa, transmission, provenance: provenance.into() })
    }

    /// The filter's name, for instance `lsst_r`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Wavelengths of the samples in Angstrom, strictly ascending, shape `[n_trans]`.
    pub fn wave_aa(&self) -> &[f64] {
        &self.wave_aa
    }

    /// Transmission at each wavelength, in `[0, 1]`, shape `[n_trans]`.
    pub fn transmission(&self) -> &[f64] {
        &self.transmission
    }

    /// Where the curve comes from, with its licence where it is embedded.
    pub fn provenance(&self) -> &str {
        &self.provenance
    }

    /// Effective wavelength `∫λT dλ / ∫T dλ` in Angstrom; both integrals by the trapezoid rule, as
    /// in DSPS at redshift 0.
    pub fn effective_wavelength_aa(&self) -> f64 {
        let weighted: Vec<_> =
            self.wave_aa.iter().zip(&self.transmission).map(|(w, t)| w * t).collect();
        trapezoid(&self.wave_aa, &weighted) / trapezoid(&self.wave_aa, &self.transmission)
    }

    /// Width in Angstrom of the rectangle with the curve's peak and area, `∫T dλ / max T`.
    pub fn width_aa(&self) -> f64 {
        trapezoid(&self.wave_aa, &self.transmission) / self.peak()
    }

    /// The first and the last sampled wavelength, in Angstrom, where the transmission exceeds 1 %
    /// of its peak.
    pub fn range_aa(&self) -> (f64, f64) {
        let threshold = RANGE_SHARE * self.peak();
        let mut inside =
            self.wave_aa.iter().zip(&self.transmission).filter(|&(_, t)| *t > threshold);
        // The peak itself is always inside.
        let first = inside.next().map_or(f64::NAN, |(w, _)| *w);
        (first, inside.next_back().map_or(first, |(w, _)| *w))
    }

    fn peak(&self) -> f64 {
        self.transmission.iter().copied().fold(0.0, f64::max)
    }
}

/// `∫y dx` over samples joined by straight lines.
fn trapezoid(x: &[f64], y: &[f64]) -> f64 {
    x.windows(2).zip(y.windows(2)).map(|(x, y)| 0.5 * (x[1] - x[0]) * (y[0] + y[1])).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(wave_aa: &[f64], transmission: &[f64]) -> Result<Filter> {
        Filter::new("f", wave_aa.to_vec(), transmission.to_vec(), "test")
    }

    fn message(wave_aa: &[f64], transmission: &[f64]) -> String {
        filter(wave_aa, transmission).unwrap_err().to_string()
    }

    #[test]
    fn summaries_of_a_trapezium_match_hand_calculation() {
        let f = filter(&[1000.0, 2000.0, 3000.0, 5000.0], &[0.0, 0.5, 0.5, 0.0]).unwrap();
        // ∫T = 250 + 500 + 500; trapezoid of λT = 500e3 + 1250e3 + 1500e3.
        assert_eq!(f.effective_wavelength_aa(), 3.25e6 / 1250.0);
        assert_eq!(f.width_aa(), 2500.0);
        assert_eq!(f.range_aa(), (2000.0, 3000.0));
    }

    #[test]
    fn range_of_a_single_sample_above_the_threshold_is_that_sample() {
        let f = filter(&[1.0, 2.0, 3.0], &[0.005, 1.0, 0.01]).unwrap();
        assert_eq!(f.range_aa(), (2.0, 2.0));
    }

    #[test]
    fn noise_around_zero_and_one_is_clipped() {
        let f = filter(&[1.0, 2.0, 3.0], &[-0.01, 1.01, 0.3]).unwrap();
        assert_eq!(f.transmission(), [0.0, 1.0, 0.3]);
    }

    #[test]
    fn transmissions_beyond_noise_are_refused_on_both_sides() {
        for bad in [-0.011, 1.011, 95.0, f64::NAN, f64::INFINITY] {
            let e = filter(&[1.0, 2.0, 3.0], &[0.0, bad, 0.0]).unwrap_err();
            assert!(
                matches!(&e, Error::OutOfRange { what, .. } if what == "filter f, transmission 2"),
                "{e}"
            );
        }
    }

    #[test]
    fn wavelengths_must_be_positive_finite_and_ascending() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e10, 1e-308] {
            let e = filter(&[bad, 2.0, 3.0], &[0.0, 1.0, 0.0]).unwrap_err();
            assert!(
                matches!(&e, Error::OutOfRange { what, .. } if what == "filter f, wavelength 1"),
                "{e}"
            );
        }
        for bad in [[1.0, 3.0, 2.0], [1.0, 2.0, 2.0]] {
            assert!(message(&bad, &[0.0, 1.0, 0.0]).contains("number 2 is"), "{bad:?}");
        }
    }

    #[test]
    fn sample_counts_and_empty_curves_are_checked() {
        assert!(message(&[1.0, 2.0, 3.0], &[0.0, 1.0]).contains("3 wavelengths but 2"));
        assert!(message(&[1.0, 2.0], &[1.0, 1.0]).contains("at least 3"));
        // Negative noise alone is clipped to nothing.
        assert!(message(&[1.0, 2.0, 3.0], &[0.0, -0.005, 0.0]).contains("no light"));
        // Products with the smallest numbers would vanish, and the effective wavelength with them.
        assert!(message(&[1.0, 2.0, 3.0], &[0.0, 1e-310, 0.0]).contains("no light"));
    }

    #[test]
    fn names_that_would_break_lists_or_keys_are_refused() {
        for bad in ["", "a,b", "a/b", "a b", "a\u{1b}[31mb"] {
            let e = Filter::new(bad, vec![1.0, 2.0, 3.0], vec![0.0, 1.0, 0.0], "").unwrap_err();
            assert!(matches!(e, Error::Invalid { .. }), "{bad:?}");
        }
    }
}
