//! What a figure consists of once it is laid out, for any output format to draw.

use super::geometry::Point;
use super::series::Color;

/// One thing to draw; lengths in pixels of the figure's size.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// The area within a closed outline.
    Area { outline: Vec<Point>, color: Color, opacity: f64 },
    /// A line with round ends and joins.
    Line { path: Vec<Point>, width: f64, color: Color },
    /// Black text on one line.
    Text(Text),
}

/// A piece of text in one size.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Text {
    pub(super) text: String,
    /// Point on the baseline that `anchor` names.
    pub(super) at: Point,
    pub(super) anchor: Anchor,
    /// Font size (em).
    pub(super) size: f64,
    /// Whether it reads upwards instead of to the right.
    pub(super) upwards: bool,
}

/// The part of a text that stands at its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// Drawing units per pixel. The drawing library takes whole numbers only: units finer than a
/// pixel keep curves smooth and dashes even.
pub(super) const UNITS: u32 = 4;

/// `point` in drawing units.
pub(super) fn units(point: Point) -> (i32, i32) {
    let round = |value: f64| (value * f64::from(UNITS)).round() as i32;
    (round(point.0), round(point.1))
}
