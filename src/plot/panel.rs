//! One pair of axes with its series.

use super::series::Series;
use crate::{Error, Result};

/// How values map to positions along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// In proportion to the value.
    Linear,
    /// In proportion to its logarithm.
    Log,
}

impl Scale {
    /// The value in which positions are linear: itself or its decimal logarithm. `None` where it
    /// has no place on the axis.
    pub(super) fn transform(self, value: f64) -> Option<f64> {
        // Differences of values up to the largest are finite, those of neighbours above the
        // smallest still normal numbers.
        const LARGEST: f64 = 1e300;
        const SMALLEST: f64 = 1e-290;
        match self {
            Self::Linear if value.abs() < SMALLEST => Some(0.0),
            Self::Linear if value.abs() <= LARGEST => Some(value),
            Self::Log if (SMALLEST..=LARGEST).contains(&value) => Some(value.log10()),
            _ => None,
        }
    }
}

/// An axis of a panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Quantity and unit.
    pub label: String,
    /// Linear or logarithmic.
    pub scale: Scale,
    /// Smallest and largest value shown; `None` fits the data. An automatic logarithmic range
    /// shows at most eight decades, the uppermost.
    pub range: Option<(f64, f64)>,
    /// Whether values grow to the left or downwards, as magnitudes do.
    pub inverted: bool,
}

impl Axis {
    /// A linear axis with an automatic range.
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Linear, range: None, inverted: false }
    }

    /// A logarithmic axis with an automatic range.
    pub fn log(label: impl Into<String>) -> Self {
        Self { scale: Scale::Log, ..Self::linear(label) }
    }

    /// The same axis from `low` to `high`, with `low < high` even if it is inverted.
    #[must_use]
    pub fn range(self, low: f64, high: f64) -> Self {
        Self { range: Some((low, high)), ..self }
    }

    /// The same axis with its direction reversed.
    #[must_use]
    pub fn inverted(self) -> Self {
        Self { inverted: true, ..self }
    }

    fn check(&self) -> Result<()> {
        let Some((low, high)) = self.range else { return Ok(()) };
        let ends = (self.scale.transform(low), self.scale.transform(high));
        if matches!(ends, (Some(low), Some(high)) if low < high) {
            return Ok(());
        }
        let expected = match self.scale {
            Scale::Linear => "finite values, low < high",
            Scale::Log => "finite values, 0 < low < high",
        };
        Err(Error::invalid(
            format!("axis {:?}", self.label),
            format!("its range is {low:?} to {high:?}; expected {expected}"),
        ))
    }
}

/// Where a legend stands: in a corner of the panel, or outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corner {
    /// Upper right.
    TopRight,
    /// Upper left.
    TopLeft,
    /// Lower right.
    BottomRight,
    /// Lower left.
    BottomLeft,
    /// Above the panel, below its title: for panels that are full of data.
    Above,
}

/// A pair of axes with its series.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// Text above the panel; may be empty.
    pub title: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// What is drawn: bands lowest, then lines, then markers, each in this order.
    pub series: Vec<Series>,
    /// Where the legend stands; `None` takes the corner in which it hides the least.
    pub legend: Option<Corner>,
}

impl Panel {
    /// An empty panel without a title.
    pub fn new(x: Axis, y: Axis) -> Self {
        Self { title: String::new(), x, y, series: Vec::new(), legend: None }
    }

    /// The same panel under `title`.
    #[must_use]
    pub fn title(self, title: impl Into<String>) -> Self {
        Self { title: title.into(), ..self }
    }

    /// The same panel with `series` added.
    #[must_use]
    pub fn with(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// The same panel with its legend in `corner`, or above.
    #[must_use]
    pub fn legend(self, corner: Corner) -> Self {
        Self { legend: Some(corner), ..self }
    }

    /// Errors if an axis range or a series contradicts itself.
    pub(super) fn check(&self) -> Result<()> {
        self.x.check()?;
        self.y.check()?;
        self.series.iter().try_for_each(Series::check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_must_fit_their_scale() {
        assert!(Axis::linear("x").range(-1.0, 1.0).check().is_ok());
        assert!(Axis::log("x").range(1e-290, 1e300).check().is_ok());
        for (low, high) in [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
            assert!(Axis::linear("x").range(low, high).check().is_err(), "{low} to {high}");
        }
        let error = Axis::log("flux").range(0.0, 1.0).check().unwrap_err();
        assert!(error.to_string().contains("0 < low < high"), "{error}");
    }

    #[test]
    fn only_drawable_values_have_a_position() {
        assert_eq!(Scale::Log.transform(100.0), Some(2.0));
        assert_eq!(Scale::Linear.transform(-3.0), Some(-3.0));
        for value in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Scale::Log.transform(value), None);
        }
        assert_eq!(Scale::Linear.transform(f64::NAN), None);
        assert_eq!(Scale::Linear.transform(f64::NEG_INFINITY), None);
    }
}
