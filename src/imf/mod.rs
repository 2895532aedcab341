//! Surviving and remnant mass of a stellar population as a function of its age.
//!
//! Fits to FSPS by Hearin et al. (2021, DSPS, appendix A), good to 0.02 in the surviving and 0.05
//! in the remnant fraction for `5 < log10(age/yr) < 10.3`. SSP spectra are per solar mass *formed*,
//! so these fractions are never multiplied into a spectrum: they are outputs.

use burn::tensor::Tensor;

use crate::names::named;
use crate::numerics::pow10;
use crate::numerics::sigmoid::{sigmoid, step_scalar};

/// Initial mass functions with a fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imf {
    /// Salpeter (1955).
    Salpeter,
    /// Chabrier (2003).
    Chabrier,
    /// Kroupa (2001).
    Kroupa,
    /// van Dokkum (2008).
    VanDokkum,
}

named!(
    Imf,
    "IMF",
    Salpeter = "salpeter",
    Chabrier = "chabrier",
    Kroupa = "kroupa",
    VanDokkum = "van_dokkum",
);

/// A line through `(b, a)` whose slope rolls from `d` to `e` at `b` with speed `10^lgk1`.
struct SigSlope {
    a: f64,
    b: f64,
    lgk1: f64,
    d: f64,
    e: f64,
}

impl SigSlope {
    fn at<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let from_b = x - self.b;
        step_scalar(from_b.clone() * 10f64.powf(self.lgk1), self.d, self.e) * from_b + self.a
    }
}

impl Imf {
    /// Fraction of the mass formed that is still in stars and remnants, elementwise in
    /// `log10(age/yr)`.
    pub fn surviving_fraction<const D: usize>(self, lg_age_yr: Tensor<D>) -> Tensor<D> {
        let (a, d) = match self {
            Self::Salpeter => (0.13, 0.055),
            Self::Chabrier => (0.225, 0.145),
            Self::Kroupa => (0.211, 0.13),
            Self::VanDokkum => (0.238, 0.156),
        };
        let old = SigSlope { a, b: 8.0, lgk1: -0.5, d, e: 0.08 }.at(lg_age_yr.clone());
        let returned_young = 0.005;
        let rise = sigmoid((lg_age_yr - 6.5) * 10f64.powf(0.7));
        ((old - returned_young) * rise + returned_young).neg() + 1.0
    }

    /// Fraction of the mass formed that is in stellar remnants, elementwise in `log10(age/yr)`.
    pub fn remnant_fraction<const D: usize>(self, lg_age_yr: Tensor<D>) -> Tensor<D> {
        let a = match self {
            Self::Salpeter => -1.67,
            Self::Chabrier => -1.42,
            Self::Kroupa => -1.45,
            Self::VanDokkum => -1.40,
        };
        pow10(SigSlope { a, b: 7.0, lgk1: 1.0, d: 1.3, e: 0.2 }.at(lg_age_yr))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        assert_close, assert_gradient, for_each_f64_place, for_each_place, values,
    };

    #[test]
    fn reference_values() {
        let surviving = [
            0.995087191555217,
            0.996878229756135,
            0.900321952846419,
            0.775119465920491,
            0.66759748705683,
            0.569895995172194,
        ];
        let remnant = [
            9.54992595992667e-05,
            0.00190567983129741,
            0.0380189396320561,
            0.0602628875794525,
            0.0954992595992666,
            0.151356124843728,
        ];
        for_each_f64_place(|place| {
            let x = place.vector(&[5.0, 6.0, 7.0, 8.0, 9.0, 10.0]);
            assert_close(
                &values(Imf::Chabrier.surviving_fraction(x.clone())),
                &surviving,
                1e-12,
                0.0,
            );
            assert_close(&values(Imf::Chabrier.remnant_fraction(x)), &remnant, 1e-12, 0.0);
        });
    }

    #[test]
    fn fractions_are_fractions_and_remnants_grow() {
        for_each_place(|place| {
            let ages: Vec<f64> = (0..107).map(|i| 5.0 + 0.05 * f64::from(i)).collect();
            for &imf in Imf::ALL {
                let alive = values(imf.surviving_fraction(place.vector(&ages)));
                let dead = values(imf.remnant_fraction(place.vector(&ages)));
                assert!(alive.iter().chain(&dead).all(|f| (0.0..=1.0).contains(f)));
                assert!(dead.windows(2).all(|w| w[1] >= w[0]));
            }
        });
    }

    #[test]
    fn gradient_with_respect_to_age() {
        for &imf in Imf::ALL {
            assert_gradient(&[5.0, 6.5, 7.0, 8.0, 10.1], 1e-7, |x| imf.surviving_fraction(x));
            assert_gradient(&[5.0, 6.5, 7.0, 8.0, 10.1], 1e-7, |x| imf.remnant_fraction(x));
        }
    }
}
