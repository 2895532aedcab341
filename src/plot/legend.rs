//! The legend of a panel, and the corner where it hides the least.

use super::data::{colors, sample};
use super::geometry::{Rect, encloses};
use super::panel::{Corner, Panel};
use super::series::Color;
use super::shape::{Anchor, Shape};
use super::text::{CAP_HEIGHT, place, width};

const TEXT_SIZE: f64 = 18.0;
const ROW: f64 = 27.0;
const SAMPLE: f64 = 36.0;
/// Space between a sample and its text.
const GAP: f64 = 10.0;
/// Space around the entries.
const PADDING: f64 = 7.0;
/// Distance from the frame, beyond its ticks.
const INSET: f64 = 12.0;

/// The legend of `panel` within `frame`, clear of `data` if a corner is; empty if no series has a
/// label.
pub(super) fn legend(panel: &Panel, frame: Rect, data: &[Shape]) -> Vec<Shape> {
    let colored = panel.series.iter().zip(colors(panel));
    let entries: Vec<_> = colored.filter(|(series, _)| !series.label.is_empty()).collect();
    if entries.is_empty() {
        return Vec::new();
    }
    let text =
        entries.iter().map(|(series, _)| width(&series.label, TEXT_SIZE)).fold(0.0, f64::max);
    let size = (2.0 * PADDING + SAMPLE + GAP + text, 2.0 * PADDING + ROW * entries.len() as f64);
    let area = panel.legend.map_or_else(|| freest(frame, size, data), |at| corner(at, frame, size));

    // Data behind a legend that found no free corner stay visible, but do not disturb its text.
    let mut shapes =
        vec![Shape::Area { outline: area.corners(), color: Color(255, 255, 255), opacity: 0.85 }];
    for (i, (series, color)) in entries.into_iter().enumerate() {
        let middle = area.top + PADDING + (i as f64 + 0.5) * ROW;
        let left = area.left + PADDING;
        let half = 0.28 * ROW;
        let rect = Rect { left, right: left + SAMPLE, top: middle - half, bottom: middle + half };
        shapes.extend(sample(&series.style, color, rect));
        let at = (rect.right + GAP, middle + 0.5 * CAP_HEIGHT * TEXT_SIZE);
        shapes.extend(place(&series.label, at, Anchor::Start, TEXT_SIZE, false));
    }
    shapes
}

/// The place of `size` in the corner of `frame` with the least of `data`.
fn freest(frame: Rect, size: (f64, f64), data: &[Shape]) -> Rect {
    let hidden = |area: &Rect| data.iter().map(|shape| hidden(shape, area)).sum::<f64>();
    [Corner::TopRight, Corner::TopLeft, Corner::BottomRight, Corner::BottomLeft]
        .map(|at| corner(at, frame, size))
        .into_iter()
        .map(|area| (hidden(&area), area))
        .reduce(|best, next| if next.0 < best.0 { next } else { best })
        .map_or(frame, |(_, area)| area)
}

fn corner(corner: Corner, frame: Rect, (width, height): (f64, f64)) -> Rect {
    let at_left = matches!(corner, Corner::TopLeft | Corner::BottomLeft);
    let at_top = matches!(corner, Corner::TopLeft | Corner::TopRight);
    let left = if at_left { frame.left + INSET } else { frame.right - INSET - width };
    let top = if at_top { frame.top + INSET } else { frame.bottom - INSET - height };
    Rect { left, top, right: left + width, bottom: top + height }
}

/// How much of `shape` lies in `area`: the length of its lines in pixels.
fn hidden(shape: &Shape, area: &Rect) -> f64 {
    match shape {
        Shape::Line { path, .. } => area.length_inside(path),
        Shape::Area { outline, .. } => {
            let covered = if encloses(outline, area.centre()) { area.width() } else { 0.0 };
            covered + area.length_inside(outline)
        }
        Shape::Text(_) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Rect = Rect { left: 0.0, top: 0.0, right: 400.0, bottom: 300.0 };

    fn line(path: &[(f64, f64)]) -> Shape {
        Shape::Line { path: path.to_vec(), width: 1.0, color: Color::BLACK }
    }

    fn place_among(data: &[Shape]) -> (bool, bool) {
        let area = freest(FRAME, (100.0, 50.0), data);
        (area.left < 200.0, area.top < 150.0)
    }

    #[test]
    fn the_legend_avoids_the_data() {
        let (left, right, top, bottom) = (true, false, true, false);
        let falling = line(&[(0.0, 0.0), (400.0, 300.0)]);
        let rising = line(&[(0.0, 300.0), (400.0, 0.0)]);
        assert_eq!(place_among(&[]), (right, top));
        assert_eq!(place_among(std::slice::from_ref(&falling)), (right, top));
        assert_eq!(place_among(&[rising]), (left, top));
        let ceiling = line(&[(0.0, 30.0), (400.0, 30.0)]);
        assert_eq!(place_among(&[falling, ceiling]), (left, bottom));
        let upper_half = Rect { bottom: 150.0, ..FRAME };
        let band = Shape::Area { outline: upper_half.corners(), color: Color::BLUE, opacity: 0.3 };
        assert_eq!(place_among(&[band]), (right, bottom));
    }

    #[test]
    fn every_corner_lies_in_the_frame() {
        for at in [Corner::TopRight, Corner::TopLeft, Corner::BottomRight, Corner::BottomLeft] {
            let area = corner(at, FRAME, (100.0, 50.0));
            for point in area.corners() {
                assert!(FRAME.clip_segment(point, point).is_some(), "{at:?}: {area:?}");
            }
        }
    }
}
