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
/// Space between entries that stand side by side.
const BETWEEN: f64 = 18.0;

/// How the entries of a legend stand.
struct Grid {
    n_columns: usize,
    /// Width of a column without the space after it.
    column: f64,
    size: (f64, f64),
}

impl Grid {
    /// The entries of `panel` one below the other; side by side, as far as `space` allows, above it. `None`
    /// if no series has a label.
    fn new(panel: &Panel, space: f64) -> Option<Self> {
        let labels = || panel.series.iter().map(|s| &s.label).filter(|label| !label.is_empty());
        let n = labels().count();
        if n == 0 {
            return None;
        }
        let text = labels().map(|label| width(label, TEXT_SIZE)).fold(0.0, f64::max);
        let column = SAMPLE + GAP + text;
        let n_columns = match panel.legend {
            Some(Corner::Above) => {
                let fit = (space - 2.0 * PADDING + BETWEEN) / (column + BETWEEN);
                (fit as usize).clamp(1, n)
            }
            _ => 1,
        };
        let wide = n_columns as f64 * (column + BETWEEN) - BETWEEN;
        let size = (2.0 * PADDING + wide, 2.0 * PADDING + ROW * n.div_ceil(n_columns) as f64);
        Some(Self { n_columns, column, size })
    }

    /// Left end and middle of the entry `i` in a legend at `area`.
    fn entry(&self, i: usize, area: Rect) -> (f64, f64) {
        let (row, column) = (i / self.n_columns, i % self.n_columns);
        let left = area.left + PADDING + column as f64 * (self.column + BETWEEN);
        (left, area.top + PADDING + (row as f64 + 0.5) * ROW)
    }
}

/// Height of a legend above the frame of `panel`, in a cell with `space` from left to right; zero if it is
/// elsewhere.
pub(super) fn height_above(panel: &Panel, space: f64) -> f64 {
    let above = Grid::new(panel, space).filter(|_| panel.legend == Some(Corner::Above));
    above.map_or(0.0, |grid| grid.size.1)
}

/// The legend of `panel` within `frame`, clear of `data` if a corner is, or above it in `cell`, from left to
/// right; empty if no series has a label.
pub(super) fn legend(panel: &Panel, frame: Rect, cell: (f64, f64), data: &[Shape]) -> Vec<Shape> {
    let colored = panel.series.iter().zip(colors(panel));
    let entries = colored.filter(|(series, _)| !series.label.is_empty());
    let Some(grid) = Grid::new(panel, cell.1 - cell.0) else { return Vec::new() };
    let size = grid.size;
    let area = match panel.legend {
        None => freest(frame, size, data),
        Some(Corner::Above) => {
            // In the middle of the frame, as long as it does not leave the cell.
            let left = (frame.centre().0 - 0.5 * size.0).min(cell.1 - size.0).max(cell.0);
            let top = frame.top - size.1;
            Rect { left, top, right: left + size.0, bottom: frame.top }
        }
        Some(at) => corner(at, frame, size),
    };

    // Data behind a legend that found no free corner stay visible, but do not disturb its text.
    let mut shapes =
        vec![Shape::Area { outline: area.corners(), color: Color(255, 255, 255), opacity: 0.85 }];
    for (i, (series, color)) in entries.enumerate() {
        let (left, middle) = grid.entry(i, area);
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
