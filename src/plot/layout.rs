//! A figure as shapes: where frames, ticks and text stand.

use super::axis::{Span, Tick};
use super::data::{self, Frame};
use super::figure::Figure;
use super::geometry::{Point, Rect};
use super::legend::{height_above, legend};
use super::panel::Panel;
use super::series::Color;
use super::shape::{Anchor, Shape};
use super::text::{CAP_HEIGHT, place, width};

// Sizes in pixels.
const TICK_TEXT: f64 = 19.0;
const LABEL_TEXT: f64 = 22.0;
const TITLE_TEXT: f64 = 22.0;
const FRAME_WIDTH: f64 = 1.5;
const MAJOR_TICK: f64 = 9.0;
const MINOR_TICK: f64 = 5.0;
/// Space around each panel with its labels.
const EDGE: f64 = 14.0;
/// Space between frame, tick labels and axis label.
const GAP: f64 = 10.0;
/// Height of a line of text in em, from the lowest subscript to the highest accent.
const LINE: f64 = 1.25;
/// Part of that height below the baseline.
const DESCENT: f64 = 0.3;

/// Space between a panel's cell and its frame.
#[derive(Clone, Copy, Default)]
struct Margins {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

/// The shapes of `figure`, the last on top.
pub(super) fn shapes(figure: &Figure) -> Vec<Shape> {
    let columns = figure.columns;
    let rows = figure.panels.len().div_ceil(columns);
    let cell = (f64::from(figure.size.0) / columns as f64, f64::from(figure.size.1) / rows as f64);
    let spans: Vec<_> = figure.panels.iter().map(data::spans).collect();
    let wanted: Vec<_> = figure
        .panels
        .iter()
        .zip(&spans)
        .map(|(panel, (x, y))| Margins::new(panel, x, y, cell))
        .collect();
    let largest = |of: &dyn Fn(&Margins) -> f64, among: &dyn Fn(usize) -> bool| {
        let members = wanted.iter().enumerate().filter(|(i, _)| among(*i));
        members.map(|(_, margins)| of(margins)).fold(0.0, f64::max)
    };
    let mut shapes = Vec::new();
    for (i, (panel, (x, y))) in figure.panels.iter().zip(spans).enumerate() {
        let (row, column) = (i / columns, i % columns);
        // Frames line up along rows and columns.
        let in_row = |i: usize| i / columns == row;
        let in_column = |i: usize| i % columns == column;
        let (left, top) = (column as f64 * cell.0, row as f64 * cell.1);
        let rect = Rect {
            left: left + largest(&|m| m.left, &in_column),
            right: left + cell.0 - largest(&|m| m.right, &in_column),
            top: top + largest(&|m| m.top, &in_row),
            bottom: top + cell.1 - largest(&|m| m.bottom, &in_row),
        };
        let within = (left + EDGE, left + cell.0 - EDGE);
        shapes.extend(draw_panel(panel, &Frame { rect, x, y }, within));
    }
    shapes
}

impl Margins {
    fn new(panel: &Panel, x: &Span, y: &Span, cell: (f64, f64)) -> Self {
        let line = |label: &str, size: f64| if label.is_empty() { 0.0 } else { LINE * size + GAP };
        let legend = height_above(panel, cell.0 - 2.0 * EDGE);
        let top = EDGE + line(&panel.title, TITLE_TEXT) + legend;
        let bottom = EDGE + line(&panel.x.label, LABEL_TEXT) + LINE * TICK_TEXT + GAP;
        let y_ticks = ticks(y, cell.1 - top - bottom, |_| LINE * TICK_TEXT);
        let left = EDGE + line(&panel.y.label, LABEL_TEXT) + widest(&y_ticks) + GAP;
        // Half of the last label may stand beyond the frame.
        let x_ticks = ticks(x, cell.0 - left - EDGE, tick_width);
        let right = EDGE.max(0.5 * widest(&x_ticks) + 4.0);
        Self { left, right, top, bottom }
    }
}

/// `cell` is what the panel has from left to right.
fn draw_panel(panel: &Panel, frame: &Frame, cell: (f64, f64)) -> Vec<Shape> {
    let rect = frame.rect;
    let mut shapes = data::shapes(panel, frame);
    let middle = rect.centre();
    if shapes.is_empty() {
        shapes.extend(place("no data in this range", middle, Anchor::Middle, LABEL_TEXT, false));
    }
    shapes.extend(legend(panel, rect, cell, &shapes));
    shapes.extend(x_axis(&frame.x, rect));
    shapes.extend(y_axis(&frame.y, rect));
    let mut outline = rect.corners();
    outline.push((rect.left, rect.top));
    shapes.push(rule(outline));

    let below = rect.bottom + GAP + LINE * TICK_TEXT + GAP + (LINE - DESCENT) * LABEL_TEXT;
    let beside = cell.0 + (LINE - DESCENT) * LABEL_TEXT;
    let above = rect.top - height_above(panel, cell.1 - cell.0) - GAP - DESCENT * TITLE_TEXT;
    for (text, at, size, upwards) in [
        (&panel.x.label, (middle.0, below), LABEL_TEXT, false),
        (&panel.y.label, (beside, middle.1), LABEL_TEXT, true),
        (&panel.title, (middle.0, above), TITLE_TEXT, false),
    ] {
        shapes.extend(place(text, at, Anchor::Middle, size, upwards));
    }
    shapes
}

fn x_axis(span: &Span, rect: Rect) -> Vec<Shape> {
    let mut shapes = Vec::new();
    for tick in ticks(span, rect.width(), tick_width) {
        let x = rect.left + tick.fraction * rect.width();
        let length = tick_length(&tick);
        shapes.push(rule(vec![(x, rect.bottom), (x, rect.bottom - length)]));
        shapes.push(rule(vec![(x, rect.top), (x, rect.top + length)]));
        if let Some(label) = tick.label {
            let at = (x, rect.bottom + GAP + (LINE - DESCENT) * TICK_TEXT);
            shapes.extend(place(&label, at, Anchor::Middle, TICK_TEXT, false));
        }
    }
    shapes
}

fn y_axis(span: &Span, rect: Rect) -> Vec<Shape> {
    let mut shapes = Vec::new();
    for tick in ticks(span, rect.height(), |_| LINE * TICK_TEXT) {
        let y = rect.bottom - tick.fraction * rect.height();
        let length = tick_length(&tick);
        shapes.push(rule(vec![(rect.left, y), (rect.left + length, y)]));
        shapes.push(rule(vec![(rect.right, y), (rect.right - length, y)]));
        if let Some(label) = tick.label {
            let at = (rect.left - GAP, y + 0.5 * CAP_HEIGHT * TICK_TEXT);
            shapes.extend(place(&label, at, Anchor::End, TICK_TEXT, false));
        }
    }
    shapes
}

/// As many ticks as fit on `length` pixels if labels take up `extent` each.
fn ticks(span: &Span, length: f64, extent: impl Fn(&str) -> f64) -> Vec<Tick> {
    /// Clear space between labels.
    const SPACE: f64 = TICK_TEXT;
    let fits = |ticks: &Vec<Tick>| {
        let mut labels: Vec<_> = ticks
            .iter()
            .filter_map(|tick| Some((tick.fraction * length, extent(tick.label.as_ref()?))))
            .collect();
        labels.sort_by(|a, b| a.0.total_cmp(&b.0));
        labels.windows(2).all(|pair| {
            let [(a, size_a), (b, size_b)] = [pair[0], pair[1]];
            b - a >= 0.5 * (size_a + size_b) + SPACE
        })
    };
    let densest = (2..=8).rev().map(|count| span.ticks(count)).find(fits);
    densest.unwrap_or_else(|| span.ticks(1))
}

fn tick_width(label: &str) -> f64 {
    width(label, TICK_TEXT)
}

fn widest(ticks: &[Tick]) -> f64 {
    ticks.iter().filter_map(|tick| tick.label.as_deref()).map(tick_width).fold(0.0, f64::max)
}

fn tick_length(tick: &Tick) -> f64 {
    if tick.label.is_some() { MAJOR_TICK } else { MINOR_TICK }
}

fn rule(path: Vec<Point>) -> Shape {
    Shape::Line { path, width: FRAME_WIDTH, color: Color::BLACK }
}

#[cfg(test)]
mod tests {
    use super::super::{Axis, Corner, Series};
    use super::*;

    /// Left, top, right and bottom of a text.
    fn bounds(shape: &Shape) -> Option<Rect> {
        let Shape::Text(text) = shape else { return None };
        let length = width(&text.text, text.size);
        let start = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -0.5 * length,
            Anchor::End => -length,
        };
        let (x, y) = text.at;
        let (up, down) = (CAP_HEIGHT * text.size, 0.24 * text.size);
        Some(if text.upwards {
            Rect { left: x - up, right: x + down, top: y - start - length, bottom: y - start }
        } else {
            Rect { left: x + start, right: x + start + length, top: y - up, bottom: y + down }
        })
    }

    fn apart(a: &Rect, b: &Rect) -> bool {
        a.left >= b.right - 1.0
            || b.left >= a.right - 1.0
            || a.top >= b.bottom - 1.0
            || b.top >= a.bottom - 1.0
    }

    fn grid() -> Figure {
        let x = Axis::log("Rest-frame wavelength [Å]").range(900.0, 1.6e6);
        let spectrum = Panel::new(x, Axis::log("L_ν [L_☉ Hz⁻¹]").range(1e-9, 1e-3))
            .title("Spectra")
            .with(Series::new("galaxy", [1e3, 1e6], [1e-8, 1e-4]));
        let wide = Axis::linear("mass [M_☉]").range(0.0, 1.2e11).inverted();
        let other = Panel::new(Axis::linear("time [Gyr]").range(0.0, 1.0), wide);
        Figure::new(vec![spectrum.clone(), other.clone(), other, spectrum], 2)
    }

    #[test]
    fn a_legend_above_hides_no_data_and_stays_in_its_cell() {
        let full = |title: &str| {
            ["target", "start", "best fit", "and another one with a long name"].iter().fold(
                Panel::new(Axis::linear("x"), Axis::linear("y")).title(title).legend(Corner::Above),
                |panel, label| panel.with(Series::new(*label, [0.0, 1.0, 0.0], [0.0, 1.0, 1.0])),
            )
        };
        let figure = Figure::new(vec![full("One"), full(""), full("Two")], 2).size(800, 700);
        let shapes = shapes(&figure);
        let frames: Vec<Rect> = shapes
            .iter()
            .filter_map(|shape| match shape {
                Shape::Line { path, .. } if path.len() == 5 => Some(path),
                _ => None,
            })
            .map(|path| Rect {
                left: path[0].0,
                top: path[0].1,
                right: path[2].0,
                bottom: path[2].1,
            })
            .collect();
        assert_eq!(frames.len(), 3);
        let texts: Vec<Rect> = shapes.iter().filter_map(bounds).collect();
        for (i, text) in texts.iter().enumerate() {
            assert!(text.left >= 0.0 && text.right <= 800.0 && text.top >= 0.0, "{text:?}");
            assert!(texts[..i].iter().chain(&frames).all(|other| apart(text, other)), "{text:?}");
        }
    }

    #[test]
    fn text_neither_overlaps_nor_leaves_the_figure() {
        let figure = grid();
        let texts: Vec<Rect> = shapes(&figure).iter().filter_map(bounds).collect();
        assert!(texts.len() > 40);
        let (width, height) = (f64::from(figure.size.0), f64::from(figure.size.1));
        for (i, a) in texts.iter().enumerate() {
            let inside = a.left >= 0.0 && a.top >= 0.0 && a.right <= width && a.bottom <= height;
            assert!(inside, "{a:?} leaves the figure");
            for b in &texts[..i] {
                assert!(apart(a, b), "{a:?} overlaps {b:?}");
            }
        }
    }

    #[test]
    fn frames_line_up() {
        let frames: Vec<(Point, Point)> = shapes(&grid())
            .into_iter()
            .filter_map(|shape| match shape {
                Shape::Line { path, .. } if path.len() == 5 => Some((path[0], path[2])),
                _ => None,
            })
            .collect();
        let [a, b, c, d] = frames[..] else { panic!("{} frames", frames.len()) };
        assert_eq!((a.0.0, b.0.0), (c.0.0, d.0.0), "left sides");
        assert_eq!((a.1.0, b.1.0), (c.1.0, d.1.0), "right sides");
        assert_eq!((a.0.1, c.0.1), (b.0.1, d.0.1), "tops");
        assert_eq!((a.1.1, c.1.1), (b.1.1, d.1.1), "bottoms");
    }
}
