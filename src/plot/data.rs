//! Series as shapes in the frame of their panel.

use super::axis::Span;
use super::geometry::{Point, Rect, dashes};
use super::panel::{Panel, Scale};
use super::series::{Color, Marker, Series, Style};
use super::shape::Shape;

/// Width of data lines in pixels.
const LINE_WIDTH: f64 = 2.0;
const MARKER_RADIUS: f64 = 5.5;
const BAND_OPACITY: f64 = 0.3;

/// The rectangle of a panel's data and the ranges it shows.
pub(super) struct Frame {
    pub(super) rect: Rect,
    pub(super) x: Span,
    pub(super) y: Span,
}

impl Frame {
    fn point(&self, x: f64, y: f64) -> Option<Point> {
        Some((self.across(self.x.fraction(x)?), self.up(self.y.fraction(y)?)))
    }

    fn across(&self, fraction: f64) -> f64 {
        self.rect.left + fraction * self.rect.width()
    }

    fn up(&self, fraction: f64) -> f64 {
        self.rect.bottom - fraction * self.rect.height()
    }
}

/// The ranges that show all of a panel's drawable points.
pub(super) fn spans(panel: &Panel) -> (Span, Span) {
    // Lines may end at the frame, but markers need room.
    let has_markers = panel.series.iter().any(|series| matches!(series.style, Style::Markers(_)));
    let margin = if has_markers { 0.05 } else { 0.0 };
    let points = || {
        panel.series.iter().flat_map(|series| {
            let y2 = match &series.style {
                Style::Band { y2 } => y2.as_slice(),
                _ => &[],
            };
            let edge = series.x.iter().zip(&series.y);
            edge.chain(series.x.iter().zip(y2)).map(|(&x, &y)| (x, y))
        })
    };
    let drawable = |value: f64, scale: Scale| scale.transform(value).is_some();
    let with_y = points().filter(|&(_, y)| drawable(y, panel.y.scale));
    let x = Span::new(&panel.x, with_y.map(|(x, _)| x), margin);
    let in_x = points().filter(|&(at, _)| x.contains(at));
    let y = Span::new(&panel.y, in_x.map(|(_, y)| y), 0.05);
    (x, y)
}

/// The colour of each series.
pub(super) fn colors(panel: &Panel) -> Vec<Color> {
    let mut automatic = 0..;
    let mut next = || Color::automatic(automatic.next().unwrap_or(0));
    panel.series.iter().map(|series| series.color.unwrap_or_else(&mut next)).collect()
}

/// Everything of a panel's series that lies in the frame.
pub(super) fn shapes(panel: &Panel, frame: &Frame) -> Vec<Shape> {
    let layer = |series: &Series| match series.style {
        Style::Band { .. } => 0,
        Style::Solid | Style::Dashed | Style::Dotted => 1,
        Style::Markers(_) => 2,
    };
    let mut drawn: Vec<_> = panel.series.iter().zip(colors(panel)).collect();
    drawn.sort_by_key(|(series, _)| layer(series));
    drawn.into_iter().flat_map(|(series, color)| one_series(series, color, frame)).collect()
}

fn one_series(series: &Series, color: Color, frame: &Frame) -> Vec<Shape> {
    let points = series.x.iter().zip(&series.y).map(|(&x, &y)| frame.point(x, y));
    match &series.style {
        Style::Band { y2 } => {
            let ordinates = series.y.iter().zip(y2);
            let columns = series.x.iter().zip(ordinates).map(|(&x, (&y, &y2))| {
                let x = frame.across(frame.x.fraction(x)?);
                Some((x, frame.up(frame.y.edge(y)?), frame.up(frame.y.edge(y2)?)))
            });
            unbroken(columns).into_iter().filter_map(|run| band(&run, color, frame)).collect()
        }
        Style::Markers(marker) => points
            .flatten()
            .filter(|&point| frame.rect.clip_segment(point, point).is_some())
            .map(|centre| draw_marker(*marker, centre, color))
            .collect(),
        style => unbroken(points)
            .into_iter()
            .flat_map(|mut run| {
                if let [only] = run[..] {
                    // A point between two gaps shows as a dot.
                    run.push(only);
                }
                frame.rect.clip_path(&run)
            })
            .flat_map(|piece| draw_line(style, &piece, color))
            .collect(),
    }
}

/// The sample of `style` that stands in `rect` of a legend.
pub(super) fn sample(style: &Style, color: Color, rect: Rect) -> Vec<Shape> {
    let middle = rect.centre().1;
    match style {
        Style::Band { .. } => {
            vec![Shape::Area { outline: rect.corners(), color, opacity: BAND_OPACITY }]
        }
        Style::Markers(marker) => vec![draw_marker(*marker, rect.centre(), color)],
        line => draw_line(line, &[(rect.left, middle), (rect.right, middle)], color),
    }
}

fn draw_line(style: &Style, path: &[Point], color: Color) -> Vec<Shape> {
    // Round ends lengthen each dash by the width of the line.
    let pieces = match style {
        Style::Dashed => dashes(path, 7.0, 6.5),
        Style::Dotted => dashes(path, 0.01, 4.6),
        _ => vec![path.to_vec()],
    };
    pieces.into_iter().map(|path| Shape::Line { path, width: LINE_WIDTH, color }).collect()
}

fn draw_marker(marker: Marker, centre: Point, color: Color) -> Shape {
    // Radii that make the areas look equal; angles count from the top.
    let (corners, radius, start) = match marker {
        Marker::Circle => (48, 1.0, 0.0),
        Marker::Square => (4, 1.25, 0.125),
        Marker::Diamond => (4, 1.3, 0.0),
        Marker::Triangle => (3, 1.4, 0.0),
    };
    let radius = radius * MARKER_RADIUS;
    let corner = |i: u32| {
        let angle = std::f64::consts::TAU * (f64::from(i) / f64::from(corners) + start);
        (centre.0 + radius * angle.sin(), centre.1 - radius * angle.cos())
    };
    Shape::Area { outline: (0..corners).map(corner).collect(), color, opacity: 1.0 }
}

fn band(columns: &[(f64, f64, f64)], color: Color, frame: &Frame) -> Option<Shape> {
    let there = columns.iter().map(|&(x, y, _)| (x, y));
    let back = columns.iter().rev().map(|&(x, _, y2)| (x, y2));
    let outline = frame.rect.clip_area(there.chain(back).collect());
    (!outline.is_empty()).then_some(Shape::Area { outline, color, opacity: BAND_OPACITY })
}

/// Stretches of items without a gap.
fn unbroken<T>(items: impl Iterator<Item = Option<T>>) -> Vec<Vec<T>> {
    let mut runs = vec![Vec::new()];
    for item in items {
        match (item, runs.last_mut()) {
            (Some(item), Some(run)) => run.push(item),
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

#[cfg(test)]
mod tests {
    use super::super::Axis;
    use super::*;

    /// The shapes of `series` in a frame of 100 × 100 pixels, on logarithmic ordinates.
    fn draw(series: Series) -> Vec<Shape> {
        let y = Axis::log("").range(1.0, 100.0);
        let panel = Panel::new(Axis::linear("").range(0.0, 10.0), y).with(series);
        let (x, y) = spans(&panel);
        let rect = Rect { left: 0.0, top: 0.0, right: 100.0, bottom: 100.0 };
        shapes(&panel, &Frame { rect, x, y })
    }

    fn paths(shapes: &[Shape]) -> Vec<Vec<Point>> {
        let path = |shape: &Shape| match shape {
            Shape::Line { path, .. } | Shape::Area { outline: path, .. } => path.clone(),
            Shape::Text(_) => vec![],
        };
        shapes.iter().map(path).collect()
    }

    #[test]
    fn lines_break_at_values_without_a_place() {
        let x: Vec<f64> = (0..7).map(f64::from).collect();
        let y = [1.0, 10.0, 0.0, 10.0, f64::NAN, 100.0, 10.0];
        assert_eq!(
            paths(&draw(Series::new("", x, y))),
            [
                vec![(0.0, 100.0), (10.0, 50.0)],
                vec![(30.0, 50.0), (30.0, 50.0)],
                vec![(50.0, 0.0), (60.0, 50.0)]
            ]
        );
    }

    #[test]
    fn markers_outside_the_frame_are_left_out() {
        let markers = Series::new("", [5.0, 11.0, 5.0], [10.0, 10.0, -1.0]);
        assert_eq!(draw(markers.style(Style::Markers(Marker::Triangle))).len(), 1);
    }

    #[test]
    fn bands_reach_down_to_an_edge_at_zero() {
        let band = Series::new("", [0.0, 10.0], [10.0, 10.0]);
        let outlines = paths(&draw(band.style(Style::Band { y2: vec![0.0, 0.0] })));
        assert_eq!(outlines.len(), 1);
        for corner in [(0.0, 50.0), (100.0, 50.0), (0.0, 100.0), (100.0, 100.0)] {
            assert!(outlines[0].contains(&corner), "{corner:?} is not in {outlines:?}");
        }
    }

    #[test]
    fn bands_break_at_values_without_a_place() {
        let x: Vec<f64> = (0..5).map(f64::from).collect();
        let band = Series::new("", x, [10.0, 10.0, f64::NAN, 10.0, 10.0]);
        assert_eq!(draw(band.style(Style::Band { y2: vec![2.0; 5] })).len(), 2);
    }

    #[test]
    fn lines_lie_above_bands_and_below_markers() {
        let series = |style| Series::new("", [1.0, 9.0], [2.0, 50.0]).style(style);
        let panel = Panel::new(Axis::linear(""), Axis::linear(""))
            .with(series(Style::Markers(Marker::Circle)))
            .with(series(Style::Solid))
            .with(series(Style::Band { y2: vec![1.0, 2.0] }).color(Color::BLACK));
        let (x, y) = spans(&panel);
        let rect = Rect { left: 0.0, top: 0.0, right: 100.0, bottom: 100.0 };
        let color = |shape: &Shape| match shape {
            Shape::Line { color, .. } | Shape::Area { color, .. } => *color,
            Shape::Text(_) => Color::YELLOW,
        };
        let colors: Vec<_> = shapes(&panel, &Frame { rect, x, y }).iter().map(color).collect();
        assert_eq!(colors, [Color::BLACK, Color::VERMILLION, Color::BLUE, Color::BLUE]);
    }

    #[test]
    fn automatic_ordinates_fit_the_abscissae_shown() {
        let series = Series::new("", [0.0, 1.0, 2.0], [1.0, 2.0, 1e6]);
        let panel = Panel::new(Axis::linear("").range(0.0, 1.5), Axis::linear("")).with(series);
        let (_, y) = spans(&panel);
        assert!(y.contains(1.0) && y.contains(2.0) && !y.contains(3.0));
    }
}
