//! The standard normal distribution on the host: density, cumulative probability and its inverse.

use std::f64::consts::TAU;

/// Where the power series of the probability gives way to the continued fraction of its tail.
const TAIL: f64 = 3.0;
/// Terms of the series: rounding error up to [`TAIL`].
const TERMS: u32 = 40;
/// Levels of the continued fraction: rounding error from [`TAIL`] on.
const LEVELS: u32 = 80;

/// The density at `x`.
pub fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / TAU.sqrt()
}

/// The probability of less than `x`, with full relative accuracy also in the lower tail.
pub fn probability(x: f64) -> f64 {
    if x > TAIL {
        return 1.0 - probability(-x);
    }
    if x < -TAIL {
        // The continued fraction of Laplace for Mills' ratio.
        let ratio = (1..=LEVELS).rev().fold(-x, |rest, k| -x + f64::from(k) / rest);
        return density(x) / ratio;
    }
    // Marsaglia (2004): all terms have one sign.
    let (mut term, mut sum) = (x, x);
    for k in 1..TERMS {
        term *= x * x / f64::from(2 * k + 1);
        sum += term;
    }
    0.5 + sum * density(x)
}

/// The value below which lies the probability `p`: infinite at 0 and 1, NaN outside.
pub fn quantile(p: f64) -> f64 {
    if p > 0.5 {
        return -quantile(1.0 - p);
    }
    if p <= 0.0 {
        return if p == 0.0 { f64::NEG_INFINITY } else { f64::NAN };
    }
    // Abramowitz & Stegun (1964), 26.2.23, to 4.5e-4; each step of Halley's method cubes the error.
    let t = (-2.0 * p.ln()).sqrt();
    let start = (2.515517 + t * (0.802853 + t * 0.010328))
        / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
        - t;
    (0..3).fold(start, |x, _| {
        let error = (probability(x) - p) / density(x);
        x - error / (1.0 + 0.5 * x * error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_close;

    #[test]
    fn probabilities_are_those_of_tables() {
        let x = [-20.0, -6.0, -3.1, -3.0, -1.0, 0.0, 0.5, 2.5, 4.0];
        let want = [
            2.753624118606233e-89,
            9.865876450376946e-10,
            9.676032132183561e-4,
            1.3498980316300946e-3,
            0.15865525393145705,
            0.5,
            0.6914624612740131,
            0.9937903346742238,
            0.9999683287581669,
        ];
        assert_close(&x.map(probability), &want, 1e-12, 0.0);
        assert!((density(1.0) - 0.24197072451914337).abs() < 1e-15);
    }

    #[test]
    fn quantiles_invert_probabilities() {
        let x = [-30.0, -8.0, -3.0, -0.4, -1e-9, 0.0, 1e-3, 1.7, 5.0];
        assert_close(&x.map(|x| quantile(probability(x))), &x, 1e-9, 1e-14);
        assert_eq!((quantile(0.0), quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert!([1.5, -0.1, f64::NAN].iter().all(|p| quantile(*p).is_nan()));
        assert!(probability(f64::NAN).is_nan());
    }
}
