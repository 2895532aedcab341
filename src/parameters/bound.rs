//! Ranges of parameters, and the logistic map between a range and unbounded space for single numbers.

/// Odds of one side of a range against the other at which its ends count as being: as far as numbers near
/// one resolve.
const ODDS_AT_ENDS: f64 = 1e15;

/// One end of a parameter's range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Edge {
    /// A fixed number.
    At(f64),
    /// Another parameter of the same set plus an offset.
    Param(&'static str, f64),
}

impl Edge {
    /// The number, with the values of the other parameters by their names.
    pub fn value(self, of: impl FnOnce(&str) -> f64) -> f64 {
        match self {
            Self::At(value) => value,
            Self::Param(name, offset) => of(name) + offset,
        }
    }

    /// Whether it follows another parameter.
    pub fn depends_on_another(self) -> bool {
        matches!(self, Self::Param(..))
    }
}

/// Centre of the logistic map in unbounded space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Centre {
    /// Halfway between the two edges.
    Middle,
    /// A fixed number.
    At(f64),
}

impl Centre {
    /// The number, for a range from `lo` to `hi`.
    pub fn between(self, lo: f64, hi: f64) -> f64 {
        match self {
            Self::Middle => 0.5 * (lo + hi),
            Self::At(x0) => x0,
        }
    }
}

/// The logistic map `p = lo + (hi - lo) / (1 + exp(-k (u - x0)))` and its range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// Lower end.
    pub lo: Edge,
    /// Upper end.
    pub hi: Edge,
    /// Centre `x0`.
    pub centre: Centre,
    /// Steepness `k`.
    pub k: f64,
}

impl Bound {
    /// The "square" bound of diffmah and the population models: `k = 0.1`, centred.
    pub const fn square(lo: f64, hi: f64) -> Self {
        Self { lo: Edge::At(lo), hi: Edge::At(hi), centre: Centre::Middle, k: 0.1 }
    }

    /// The bound of diffstar: unit slope at mid-range, so that `u` is close to `p` there.
    pub const fn unit_slope(lo: f64, hi: f64) -> Self {
        Self { lo: Edge::At(lo), hi: Edge::At(hi), centre: Centre::Middle, k: 4.0 / (hi - lo) }
    }

    /// Whether an end follows another parameter.
    pub fn depends_on_another(&self) -> bool {
        self.lo.depends_on_another() || self.hi.depends_on_another()
    }

    /// Lower and upper end that depend on no other parameter.
    pub fn fixed(&self) -> Option<(f64, f64)> {
        match (self.lo, self.hi) {
            (Edge::At(lo), Edge::At(hi)) => Some((lo, hi)),
            _ => None,
        }
    }

    /// The value in the range from `lo` to `hi` for a number `u` of unbounded space; far out, an end of it.
    pub fn to_bounded(&self, u: f64, (lo, hi): (f64, f64)) -> f64 {
        let x0 = self.centre.between(lo, hi);
        let value = lo + (hi - lo) / (1.0 + (-self.k * (u - x0)).exp());
        // Rounding may lead out of the range; what is no number stays so.
        if value < lo {
            lo
        } else if value > hi {
            hi
        } else {
            value
        }
    }

    /// The number of unbounded space for a value in the range from `lo` to `hi`. The ends, which are
    /// infinitely far, are taken for the nearest values within, at a share of 1e-15 of the range from them.
    pub fn to_unbounded(&self, value: f64, (lo, hi): (f64, f64)) -> f64 {
        let x0 = self.centre.between(lo, hi);
        if lo == hi {
            // Whatever the number, this is the value.
            return x0;
        }
        let odds = (value - lo) / (hi - value);
        x0 + odds.clamp(1.0 / ODDS_AT_ENDS, ODDS_AT_ENDS).ln() / self.k
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_reached_and_left_again() {
        for (bound, range) in [
            (Bound::square(0.0, 1.0), (0.0, 1.0)),
            (Bound::unit_slope(-12.0, -8.0), (-12.0, -8.0)),
            // 0.7 + (0.9 - 0.7) is above 0.9 when rounded.
            (Bound::square(0.7, 0.9), (0.7, 0.9)),
            (Bound::square(-0.1, 0.2), (-0.1, 0.2)),
        ] {
            assert_eq!(bound.fixed(), Some(range));
            for u in [-1e4, -400.0, 400.0, 1e4] {
                let value = bound.to_bounded(u, range);
                assert!((range.0..=range.1).contains(&value), "{value} of {range:?}");
                let back = bound.to_unbounded(value, range);
                assert!(back.is_finite() && (back > 0.0) == (u > 0.0), "{u} {back}");
                let again = bound.to_bounded(back, range);
                assert!((again - value).abs() < 1e-14 * (1.0 + value.abs()), "{value} {again}");
            }
            for share in [0.01, 0.3, 0.99] {
                let value = range.0 + share * (range.1 - range.0);
                let back = bound.to_bounded(bound.to_unbounded(value, range), range);
                assert!((back - value).abs() < 1e-13, "{value} {back}");
            }
        }
        assert_eq!(Bound::square(0.0, 9.0).to_unbounded(9.0, (9.0, 9.0)), 9.0);
        assert!(Bound::square(0.0, 9.0).to_bounded(f64::NAN, (0.0, 9.0)).is_nan());
    }
}
