//! From values to positions along an axis, and the ticks that show the way back.

use super::panel::{Axis, Scale};

/// Decades shown by an automatic logarithmic range: below them lies what no reader looks for,
/// such as the flux that an exponential cut-off leaves.
const MAX_DECADES: f64 = 8.0;

/// The part of an axis that is shown, in transformed values.
#[derive(Clone, Debug)]
pub(super) struct Span {
    scale: Scale,
    low: f64,
    high: f64,
    inverted: bool,
}

/// A tick at a fraction of the axis' length; minor ticks have no label.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) fraction: f64,
    pub(super) label: Option<String>,
}

impl Span {
    /// The axis' own range or else that of `values`, widened by `margin` of itself at each end.
    pub(super) fn new(axis: &Axis, values: impl Iterator<Item = f64>, margin: f64) -> Self {
        let scale = axis.scale;
        let own = axis.range.and_then(|(a, b)| scale.transform(a).zip(scale.transform(b)));
        let (low, high) = own.unwrap_or_else(|| automatic(scale, values, margin));
        Self { scale, low, high, inverted: axis.inverted }
    }

    /// Position of `value`: 0 at the start of the axis, 1 at its end, bounded far outside so that
    /// every position is finite. `None` for values without a place.
    pub(super) fn fraction(&self, value: f64) -> Option<f64> {
        self.scale.transform(value).map(|value| self.linear_fraction(value))
    }

    /// Like [`Self::fraction`], but values at or below zero lie before the start of a logarithmic
    /// axis.
    pub(super) fn edge(&self, value: f64) -> Option<f64> {
        let start = || (value <= 0.0).then(|| self.linear_fraction(f64::MIN));
        self.fraction(value).or_else(start)
    }

    fn linear_fraction(&self, transformed: f64) -> f64 {
        const FAR: f64 = 1e4;
        let at = ((transformed - self.low) / (self.high - self.low)).clamp(-FAR, FAR);
        if self.inverted { 1.0 - at } else { at }
    }

    /// Whether `value` lies in the span.
    pub(super) fn contains(&self, value: f64) -> bool {
        self.fraction(value).is_some_and(|at| (0.0..=1.0).contains(&at))
    }

    /// Ticks, of which about `count` or fewer have labels.
    pub(super) fn ticks(&self, count: usize) -> Vec<Tick> {
        let decades = self.high - self.low;
        let values = match self.scale {
            Scale::Linear => linear(self.low, self.high, count),
            Scale::Log if decades >= 2.0 => powers(self.low, self.high, count),
            Scale::Log if decades >= 0.8 => mantissas(self.low, self.high, count),
            // Too short for round mantissas: evenly spaced values.
            Scale::Log => linear(10f64.powf(self.low), 10f64.powf(self.high), count),
        };
        let place = |(value, label)| Some(Tick { fraction: self.fraction(value)?, label });
        let shown = |tick: &Tick| (-1e-9..=1.0 + 1e-9).contains(&tick.fraction);
        values.into_iter().filter_map(place).filter(shown).collect()
    }
}

/// Limits of the transformed `values`; a stand-in if there are none or they are all alike.
fn automatic(scale: Scale, values: impl Iterator<Item = f64>, margin: f64) -> (f64, f64) {
    let limits = values
        .filter_map(|value| scale.transform(value))
        .map(|value| (value, value))
        .reduce(|(low, high), (value, _)| (low.min(value), high.max(value)));
    let Some((mut low, high)) = limits else { return (0.0, 1.0) };
    if scale == Scale::Log {
        low = low.max(high - MAX_DECADES);
    }
    let size = low.abs().max(high.abs());
    let margin = if high - low > 1e-12 * size {
        margin * (high - low)
    } else if scale == Scale::Log {
        0.5
    } else if size > 0.0 {
        0.1 * size
    } else {
        1.0
    };
    (low - margin, high + margin)
}

/// Multiples of 1, 2 or 5 times a power of ten, and minor ticks between them.
fn linear(low: f64, high: f64, count: usize) -> Vec<(f64, Option<String>)> {
    if high <= low {
        // A logarithmic span too short to tell its ends apart.
        return Vec::new();
    }
    let raw = (high - low) / count.max(1) as f64;
    let power = 10f64.powf(raw.log10().floor());
    let (mantissa, parts) = [(1.0, 5.0), (2.0, 4.0), (5.0, 5.0)]
        .into_iter()
        .find(|(mantissa, _)| mantissa * power >= raw * (1.0 - 1e-9))
        .unwrap_or((10.0, 5.0));
    let step = mantissa * power;
    let number = Number::new(low.abs().max(high.abs()), step);
    let minor = step / parts;
    let first = (low / minor - 1e-6).ceil();
    let steps = ((high - low) / minor).floor() as usize + 1;
    (0..=steps)
        .map(|i| {
            let index = first + i as f64;
            let major = index.rem_euclid(parts) == 0.0;
            let value = if major { index / parts * step } else { index * minor };
            (value, major.then(|| number.text(value)))
        })
        .collect()
}

/// Powers of ten, from the logarithms of the limits.
fn powers(low: f64, high: f64, count: usize) -> Vec<(f64, Option<String>)> {
    let (first, last) = (low.floor() as i32, high.floor() as i32);
    let step = f64::from(last - first).max(1.0) / count.max(1) as f64;
    let step = step.ceil() as i32;
    let plain = high - low <= 4.0 && low >= -3.1 && high <= 4.1;
    let label = |n: i32| if plain { plain_power(n) } else { power_of_ten(n) };
    let mut ticks = Vec::new();
    for n in first..=last {
        let value = 10f64.powi(n);
        ticks.push((value, (n.rem_euclid(step) == 0).then(|| label(n))));
        if step == 1 {
            ticks.extend((2..10).map(|mantissa| (f64::from(mantissa) * value, None)));
        }
    }
    ticks
}

/// Multiples of powers of ten with round mantissas, from the logarithms of the limits.
fn mantissas(low: f64, high: f64, count: usize) -> Vec<(f64, Option<String>)> {
    let candidates = || {
        (low.floor() as i32..=high.floor() as i32)
            .flat_map(|n| (1..10).map(move |mantissa| (mantissa, n)))
    };
    let inside = |(mantissa, n): (i32, i32)| {
        (low..=high).contains(&(f64::from(mantissa).log10() + f64::from(n)))
    };
    let sets: [&[i32]; 3] = [&[1, 2, 5], &[1, 3], &[1]];
    let fits = |set: &&&[i32]| {
        candidates().filter(|&tick| inside(tick) && set.contains(&tick.0)).count() <= count
    };
    let labelled = sets.iter().find(fits).copied().unwrap_or(&[1]);
    let plain = low >= -3.1 && high <= 5.0;
    candidates()
        .map(|(mantissa, n)| {
            let label = labelled.contains(&mantissa).then(|| match (plain, mantissa) {
                (true, _) => format!("{:.*}", decimals(n), f64::from(mantissa) * 10f64.powi(n)),
                (false, 1) => power_of_ten(n),
                (false, _) => format!("{mantissa}×{}", power_of_ten(n)),
            });
            (f64::from(mantissa) * 10f64.powi(n), label)
        })
        .collect()
}

/// How to write the numbers of a linear axis, all alike.
struct Number {
    /// Common power of ten, if the numbers are too large or small to be written out.
    power: Option<i32>,
    decimals: usize,
}

impl Number {
    fn new(largest: f64, step: f64) -> Self {
        let last_digit = (step.log10() + 1e-9).floor() as i32;
        if (1e-3..1e5).contains(&largest) {
            return Self { power: None, decimals: decimals(last_digit) };
        }
        let power = (largest.log10() + 1e-9).floor() as i32;
        Self { power: Some(power), decimals: decimals(last_digit - power) }
    }

    fn text(&self, value: f64) -> String {
        let sign = if value < 0.0 { "−" } else { "" };
        match self.power {
            Some(_) if value == 0.0 => "0".into(),
            Some(power) => {
                let mantissa = value.abs() / 10f64.powi(power);
                format!("{sign}{mantissa:.*}×{}", self.decimals, power_of_ten(power))
            }
            None => format!("{sign}{:.*}", self.decimals, value.abs()),
        }
    }
}

/// Decimals needed to show the digit of 10ⁿ.
fn decimals(n: i32) -> usize {
    usize::try_from(-n).unwrap_or(0)
}

fn plain_power(n: i32) -> String {
    format!("{:.*}", decimals(n), 10f64.powi(n))
}

fn power_of_ten(n: i32) -> String {
    let raised = n.to_string().chars().map(raise).collect::<String>();
    format!("10{raised}")
}

fn raise(character: char) -> char {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    character.to_digit(10).map_or('⁻', |digit| DIGITS[digit as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis, count: usize) -> Vec<String> {
        let ticks = Span::new(axis, std::iter::empty(), 0.0).ticks(count);
        ticks.into_iter().filter_map(|tick| tick.label).collect()
    }

    #[test]
    fn labels_are_round_numbers() {
        let linear = |low, high| labels(&Axis::linear("").range(low, high), 7);
        assert_eq!(linear(0.0, 13.8), ["0", "2", "4", "6", "8", "10", "12"]);
        assert_eq!(linear(-0.3, 0.3), ["−0.3", "−0.2", "−0.1", "0.0", "0.1", "0.2", "0.3"]);
        assert_eq!(
            linear(0.0, 1.1e6),
            ["0", "0.2×10⁶", "0.4×10⁶", "0.6×10⁶", "0.8×10⁶", "1.0×10⁶"]
        );
        let log = |low, high| labels(&Axis::log("").range(low, high), 7);
        assert_eq!(log(900.0, 1.6e6), ["10³", "10⁴", "10⁵", "10⁶"]);
        assert_eq!(log(0.05, 300.0), ["0.1", "1", "10", "100"]);
        assert_eq!(log(1e-20, 1e-2), ["10⁻¹⁸", "10⁻¹⁵", "10⁻¹²", "10⁻⁹", "10⁻⁶", "10⁻³"]);
        assert_eq!(log(3000.0, 30000.0), ["5000", "10000", "20000"]);
        assert_eq!(log(0.9e-7, 1.1e-6), ["10⁻⁷", "2×10⁻⁷", "5×10⁻⁷", "10⁻⁶"]);
        assert_eq!(log(4000.0, 7000.0), ["4000", "4500", "5000", "5500", "6000", "6500", "7000"]);
    }

    #[test]
    fn labels_are_never_more_than_asked_for_nor_fewer_than_two() {
        for exponent in 1..600 {
            let high = 10f64.powf(f64::from(exponent) / 20.0);
            for count in 3..9 {
                for axis in [Axis::linear("").range(0.0, high), Axis::log("").range(1.0, high)] {
                    let n = labels(&axis, count).len();
                    assert!((2..=count + 1).contains(&n), "{n} labels of {count}: {axis:?}");
                }
            }
        }
    }

    #[test]
    fn automatic_ranges_follow_the_drawable_values() {
        let span = |axis: &Axis, values: &[f64]| {
            let span = Span::new(axis, values.iter().copied(), 0.1);
            (span.low, span.high)
        };
        let (linear, log) = (Axis::linear(""), Axis::log(""));
        assert_eq!(span(&linear, &[f64::NAN, 0.0, 10.0, f64::INFINITY]), (-1.0, 11.0));
        assert_eq!(span(&linear, &[5.0]), (4.5, 5.5));
        assert_eq!(span(&linear, &[]), (0.0, 1.0));
        assert_eq!(span(&log, &[0.0, -1.0, 1.0, 1e5]), (-0.5, 5.5));
        assert_eq!(span(&log, &[1e-30, 1.0]), (-8.8, 0.8));
        assert_eq!(span(&log, &[100.0, 100.0]), (1.5, 2.5));
    }

    #[test]
    fn positions_run_backwards_on_an_inverted_axis() {
        let axis = Axis::linear("mag").range(18.0, 22.0).inverted();
        let span = Span::new(&axis, std::iter::empty(), 0.0);
        assert_eq!(span.fraction(18.0), Some(1.0));
        assert_eq!(span.fraction(21.0), Some(0.25));
        assert!(span.contains(20.0) && !span.contains(23.0));
        assert_eq!(span.fraction(f64::NAN), None);
    }

    #[test]
    fn extreme_ranges_end_and_stay_finite() {
        for axis in [
            Axis::linear("").range(-1e300, 1e300),
            Axis::linear("").range(1.0, 1.0 + f64::EPSILON),
            Axis::linear("").range(0.0, 1e-290),
            Axis::log("").range(1e-290, 1e300),
            Axis::log("").range(1.0, 1.0 + f64::EPSILON),
        ] {
            let ticks = Span::new(&axis, std::iter::empty(), 0.0).ticks(7);
            assert!(ticks.len() < 2000, "{} ticks: {axis:?}", ticks.len());
            assert!(ticks.iter().all(|tick| tick.fraction.is_finite()));
        }
    }
}
