//! One line, set of markers or band, and its look.

use crate::{Error, Result};

/// An sRGB colour: red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color(pub u8, pub u8, pub u8);

/// The palette of Okabe & Ito (2008), "Color Universal Design", which stays distinct for every
/// common form of colour blindness.
impl Color {
    /// Black.
    pub const BLACK: Self = Self(0, 0, 0);
    /// Orange.
    pub const ORANGE: Self = Self(230, 159, 0);
    /// Sky blue.
    pub const SKY_BLUE: Self = Self(86, 180, 233);
    /// Bluish green.
    pub const GREEN: Self = Self(0, 158, 115);
    /// Yellow; hard to see as a thin line on white.
    pub const YELLOW: Self = Self(240, 228, 66);
    /// Blue.
    pub const BLUE: Self = Self(0, 114, 178);
    /// Vermillion.
    pub const VERMILLION: Self = Self(213, 94, 0);
    /// Reddish purple.
    pub const PURPLE: Self = Self(204, 121, 167);

    /// The colour of the `index`-th series of a panel that has none of its own: the palette
    /// without yellow, in order of contrast, over and over.
    pub(super) fn automatic(index: usize) -> Self {
        const CYCLE: [Color; 7] = [
            Color::BLUE,
            Color::VERMILLION,
            Color::GREEN,
            Color::PURPLE,
            Color::ORANGE,
            Color::SKY_BLUE,
            Color::BLACK,
        ];
        CYCLE[index % CYCLE.len()]
    }
}

/// The shape of a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// A disc.
    Circle,
    /// A square.
    Square,
    /// A square standing on its corner.
    Diamond,
    /// A triangle pointing up.
    Triangle,
}

/// How a series is drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum Style {
    /// A continuous line.
    Solid,
    /// A line of dashes.
    Dashed,
    /// A line of dots.
    Dotted,
    /// A marker at every point, without a line.
    Markers(Marker),
    /// The area between `y` and `y2`. On a logarithmic axis an edge at or below zero lies below
    /// the frame.
    Band {
        /// The other edge, as long as `y`.
        y2: Vec<f64>,
    },
}

/// Points of one quantity, in the units of the panel's axes.
///
/// A point that is not finite, or not positive on a logarithmic axis, is left out, and a line
/// breaks there.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Name in the legend; an empty one stays out of it.
    pub label: String,
    /// Abscissae, in drawing order.
    pub x: Vec<f64>,
    /// Ordinates, as many as `x`.
    pub y: Vec<f64>,
    /// Line, markers or band.
    pub style: Style,
    /// Colour; `None` takes the next of the palette.
    pub color: Option<Color>,
}

impl Series {
    /// A solid line of automatic colour.
    pub fn new(label: impl Into<String>, x: impl Into<Vec<f64>>, y: impl Into<Vec<f64>>) -> Self {
        Self { label: label.into(), x: x.into(), y: y.into(), style: Style::Solid, color: None }
    }

    /// The same series drawn as `style`.
    #[must_use]
    pub fn style(self, style: Style) -> Self {
        Self { style, ..self }
    }

    /// The same series in `color`.
    #[must_use]
    pub fn color(self, color: Color) -> Self {
        Self { color: Some(color), ..self }
    }

    /// Errors unless `x`, `y` and a band's `y2` are equally long.
    pub(super) fn check(&self) -> Result<()> {
        let same_length = |name: &str, values: &[f64]| {
            if values.len() == self.x.len() {
                return Ok(());
            }
            Err(Error::invalid(
                format!("series {:?}", self.label),
                format!("x has {} values but {name} has {}", self.x.len(), values.len()),
            ))
        };
        same_length("y", &self.y)?;
        match &self.style {
            Style::Band { y2 } => same_length("y2", y2),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_must_agree() {
        let message = |series: Series| series.check().unwrap_err().to_string();
        let short = Series::new("a", [1.0, 2.0], [1.0]);
        assert_eq!(message(short), "series \"a\": x has 2 values but y has 1");
        let band = Series::new("b", [1.0], [1.0]).style(Style::Band { y2: vec![] });
        assert_eq!(message(band), "series \"b\": x has 1 values but y2 has 0");
        assert!(Series::new("c", [], []).check().is_ok());
    }

    #[test]
    fn automatic_colours_are_distinct_until_the_palette_ends() {
        for i in 0..7 {
            for j in 0..i {
                assert_ne!(Color::automatic(i), Color::automatic(j));
            }
        }
        assert_eq!(Color::automatic(7), Color::automatic(0));
    }
}
