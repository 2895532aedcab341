//! Priors of the free parameters, each as a map from a standard normal number.
//!
//! A parameter `p` with the prior probability `F(p)` is fitted as the number `u` for which
//! `Phi(u) = F(p)`, `Phi` being the standard normal probability. Whatever the prior, that of `u` is then
//! the standard normal one: the prior adds the residual `u`, which is linear, to those of the photometry;
//! no parameter leaves its range; and a parameter about which the photometry says nothing has `u = 0` with
//! error 1, that is the prior's median and width.

use serde::Deserialize;

use crate::numerics::normal::{density, probability, quantile};
use crate::parameters::ParamInfo;
use crate::{Error, Result};

/// The largest `|u|`: beyond, values are those of the range's end to rounding.
const U_MAX: f64 = 7.0;
/// The least share of a Gaussian that must lie within the range.
const SHARE_MIN: f64 = 1e-3;

/// What is known about a parameter before the photometry.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(untagged, deny_unknown_fields, expecting = "expected { mean, sigma } or { low, high }")]
pub enum Prior {
    /// A Gaussian, cut off at the ends of the parameter's range.
    Gaussian {
        /// Its centre.
        mean: f64,
        /// Its standard deviation.
        sigma: f64,
    },
    /// The same density from `low` to `high`.
    Uniform {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
}

impl Prior {
    /// The prior of a parameter unless the user has another; `None` for one that is usually fixed.
    pub fn usual(info: &ParamInfo) -> Option<Self> {
        let gaussian = |mean, sigma| Self::Gaussian { mean, sigma };
        let uniform = |low, high| Self::Uniform { low, high };
        Some(match info.name {
            "logm0" => gaussian(11.5, 0.5),
            "logtc" => gaussian(0.1, 0.25),
            "lgy_at_mcrit" => gaussian(info.default, 0.8),
            "lg_mass_formed" => gaussian(10.0, 1.0),
            "t_start" => uniform(0.0, 13.0),
            "tau" => gaussian(2.5, 2.0),
            "sfr_t_max" | "dpl_tau" => uniform(0.5, 14.0),
            "sfr_fwhm" => uniform(0.5, 15.0),
            "dpl_alpha" | "dpl_beta" => gaussian(2.0, 1.5),
            "lgfburst" => gaussian(-3.0, 1.0),
            "lgmet" | "lgmet_young" | "lgmet_old" => gaussian(-2.0, 0.3),
            "lgu" => gaussian(-2.5, 0.5),
            "av" | "av_young" | "av_old" | "av_ism" | "av_birth" => gaussian(0.4, 0.4),
            "dust_slope" | "dust_slope_young" | "dust_slope_old" => gaussian(-0.2, 0.3),
            "dust_slope_ism" | "dust_slope_birth" => gaussian(-0.7, 0.3),
            ratio if ratio.starts_with("lg_sfr_ratio_") => gaussian(0.0, 0.3),
            _ => return None,
        })
    }

    /// Checks the prior of the parameter `name`, whose values lie in `range`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] or [`Error::Invalid`] naming the parameter.
    pub fn check(&self, name: &str, range: (f64, f64)) -> Result<()> {
        let inside = |what: &str, value: f64| match (range.0..=range.1).contains(&value) {
            true => Ok(()),
            false => Err(Error::OutOfRange {
                what: format!("prior of {name}: {what}"),
                value,
                allowed: format!("[{}, {}]", range.0, range.1),
            }),
        };
        let sensible = match *self {
            Self::Gaussian { mean, sigma } => {
                inside("mean", mean)?;
                sigma > 0.0 && sigma.is_finite()
            }
            Self::Uniform { low, high } => {
                inside("low", low)?;
                inside("high", high)?;
                low < high
            }
        };
        if sensible {
            return Ok(());
        }
        let reason = match self {
            Self::Gaussian { sigma, .. } => format!("sigma = {sigma}: expected more than 0"),
            Self::Uniform { low, high } => format!("{low} to {high}: expected low < high"),
        };
        Err(Error::invalid(format!("prior of {name}"), reason))
    }

    /// The map to values of the parameter within `range`; `None` when next to nothing of the prior lies
    /// there.
    pub fn within(&self, range: (f64, f64)) -> Option<Latent> {
        match *self {
            Self::Uniform { low, high } => {
                let (low, high) = (low.max(range.0), high.min(range.1));
                (low < high).then_some(Latent::Uniform { low, high })
            }
            Self::Gaussian { mean, sigma } => {
                let (below, above) = ((range.0 - mean) / sigma, (range.1 - mean) / sigma);
                let (below, above) = (probability(below), probability(-above));
                let share = 1.0 - below - above;
                let latent = Latent::Gaussian { mean, sigma, below, above, share, range };
                (range.0 < range.1 && share >= SHARE_MIN).then_some(latent)
            }
        }
    }
}

/// The map from a standard normal number `u` to values with a given prior.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Latent {
    /// To a uniform prior: `p = low + (high - low) Phi(u)`.
    Uniform {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// To a Gaussian that is cut off: `p = mean + sigma q`, `Phi(q) = below + share Phi(u)`.
    Gaussian {
        /// Centre before the cut.
        mean: f64,
        /// Standard deviation before the cut.
        sigma: f64,
        /// Probability that is cut off below.
        below: f64,
        /// Probability that is cut off above.
        above: f64,
        /// Probability that is left.
        share: f64,
        /// Where it is cut.
        range: (f64, f64),
    },
}

impl Latent {
    /// `u` within the numbers that the maps tell apart.
    pub fn clamp(u: f64) -> f64 {
        u.clamp(-U_MAX, U_MAX)
    }

    /// The parameter's value.
    pub fn value(&self, u: f64) -> f64 {
        match *self {
            Self::Uniform { low, high } => low + (high - low) * probability(u),
            Self::Gaussian { mean, sigma, range, .. } => {
                (mean + sigma * self.normal(u)).clamp(range.0, range.1)
            }
        }
    }

    /// Its derivative with respect to `u`.
    pub fn slope(&self, u: f64) -> f64 {
        match *self {
            Self::Uniform { low, high } => (high - low) * density(u),
            Self::Gaussian { sigma, share, .. } => {
                sigma * share * density(u) / density(self.normal(u))
            }
        }
    }

    /// The number that belongs to a value.
    pub fn inverse(&self, value: f64) -> f64 {
        Self::clamp(match *self {
            Self::Uniform { low, high } => quantile(((value - low) / (high - low)).clamp(0.0, 1.0)),
            Self::Gaussian { mean, sigma, below, above, share, .. } => {
                let q = (value - mean) / sigma;
                match q > 0.0 {
                    true => -quantile(((probability(-q) - above) / share).max(0.0)),
                    false => quantile(((probability(q) - below) / share).max(0.0)),
                }
            }
        })
    }

    /// Standard deviations from the centre of a Gaussian before the cut. Each half comes from the
    /// probability of its own tail, which keeps its digits.
    fn normal(&self, u: f64) -> f64 {
        match *self {
            Self::Uniform { .. } => u,
            Self::Gaussian { below, above, share, .. } => match u > 0.0 {
                true => -quantile(above + share * probability(-u)),
                false => quantile(below + share * probability(u)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_close;

    const RANGE: (f64, f64) = (0.0, 10.0);

    fn latents() -> Vec<Latent> {
        let gaussian = |mean, sigma| Prior::Gaussian { mean, sigma };
        [
            gaussian(5.0, 0.3),
            gaussian(0.4, 0.5),
            gaussian(9.9, 2.0),
            Prior::Uniform { low: 1.0, high: 3.0 },
        ]
        .map(|prior| prior.within(RANGE).unwrap())
        .to_vec()
    }

    #[test]
    fn values_have_the_prior_probability() {
        // A Gaussian far from the ends is itself.
        let [wide, cut, ..] = latents()[..] else { unreachable!() };
        assert_close(&[-4.0, 0.0, 2.5].map(|u| wide.value(u)), &[3.8, 5.0, 5.75], 1e-12, 0.0);
        // Half of what is left of one that is cut lies below the value at u = 0.
        let median = cut.value(0.0);
        let below = |x: f64| probability((x - 0.4) / 0.5);
        let half = 0.5 * (below(10.0) - below(0.0));
        assert!((below(median) - below(0.0) - half).abs() < 1e-14);
        let uniform = Prior::Uniform { low: 1.0, high: 3.0 }.within((2.0, 9.0)).unwrap();
        assert_close(&[-7.0, 0.0, 7.0].map(|u| uniform.value(u)), &[2.0, 2.5, 3.0], 1e-10, 0.0);
    }

    #[test]
    fn maps_ascend_within_the_range_with_right_slopes_and_inverses() {
        for latent in latents() {
            let mut last = f64::NEG_INFINITY;
            for i in -24..=24 {
                let u = 0.25 * f64::from(i);
                let value = latent.value(u);
                assert!(value > last && (RANGE.0..=RANGE.1).contains(&value), "{latent:?} {u}");
                last = value;
                let step = 1e-5;
                let slope = (latent.value(u + step) - latent.value(u - step)) / (2.0 * step);
                assert_close(&[latent.slope(u)], &[slope], 1e-6, 1e-9);
                if u.abs() < 4.0 {
                    assert_close(&[latent.inverse(value)], &[u], 1e-8, 1e-8);
                }
            }
            assert_eq!((latent.inverse(-1e9), latent.inverse(1e9)), (-U_MAX, U_MAX));
        }
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let error = |prior: Prior| prior.check("av", RANGE).unwrap_err().to_string();
        assert_eq!(
            error(Prior::Gaussian { mean: -1.0, sigma: 1.0 }),
            "prior of av: mean = -1 is outside [0, 10]"
        );
        assert!(error(Prior::Gaussian { mean: 1.0, sigma: 0.0 }).contains("sigma = 0"));
        assert!(error(Prior::Gaussian { mean: 1.0, sigma: f64::NAN }).contains("sigma = NaN"));
        assert!(error(Prior::Uniform { low: 2.0, high: 1.0 }).contains("low < high"));
        assert!(error(Prior::Uniform { low: 2.0, high: 11.0 }).contains("high = 11"));
        assert!(Prior::Gaussian { mean: 1.0, sigma: 0.1 }.within((3.0, 4.0)).is_none());
        assert!(Prior::Uniform { low: 1.0, high: 2.0 }.within((3.0, 4.0)).is_none());
        assert!(Prior::Uniform { low: 1.0, high: 2.0 }.within((1.5, 1.5)).is_none());
    }
}
