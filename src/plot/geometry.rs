//! Paths and areas in the plane: clipping, dashes, overlap.

/// Horizontal and vertical position in pixels, downwards from the upper left corner.
pub(super) type Point = (f64, f64);

/// An upright rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rect {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Rect {
    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> f64 {
        self.bottom - self.top
    }

    pub(super) fn centre(&self) -> Point {
        (0.5 * (self.left + self.right), 0.5 * (self.top + self.bottom))
    }

    pub(super) fn corners(&self) -> Vec<Point> {
        let Self { left, top, right, bottom } = *self;
        vec![(left, top), (right, top), (right, bottom), (left, bottom)]
    }

    /// The part of the segment from `a` to `b` that lies inside (Liang & Barsky 1984).
    pub(super) fn clip_segment(&self, a: Point, b: Point) -> Option<(Point, Point)> {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
        for (advance, distance) in [
            (-dx, a.0 - self.left),
            (dx, self.right - a.0),
            (-dy, a.1 - self.top),
            (dy, self.bottom - a.1),
        ] {
            if advance < 0.0 {
                enter = enter.max(distance / advance);
            } else if advance > 0.0 {
                leave = leave.min(distance / advance);
            } else if distance < 0.0 {
                return None;
            }
        }
        let at = |t: f64| match t {
            // The ends themselves, so that neighbouring segments join exactly.
            0.0 => a,
            1.0 => b,
            _ => (a.0 + t * dx, a.1 + t * dy),
        };
        (enter <= leave).then(|| (at(enter), at(leave)))
    }

    /// The pieces of `path` inside.
    pub(super) fn clip_path(&self, path: &[Point]) -> Vec<Vec<Point>> {
        let mut pieces: Vec<Vec<Point>> = Vec::new();
        for pair in path.windows(2) {
            let Some((from, to)) = self.clip_segment(pair[0], pair[1]) else { continue };
            match pieces.last_mut() {
                Some(piece) if piece.last() == Some(&from) => piece.push(to),
                _ => pieces.push(vec![from, to]),
            }
        }
        pieces
    }

    /// The part of the area within `outline` inside, cut along one side after the other
    /// (Sutherland & Hodgman 1974). Empty if nothing is left.
    pub(super) fn clip_area(&self, outline: Vec<Point>) -> Vec<Point> {
        type Depth<'a> = &'a dyn Fn(Point) -> f64;
        let sides: [Depth; 4] =
            [&|p| p.0 - self.left, &|p| self.right - p.0, &|p| p.1 - self.top, &|p| {
                self.bottom - p.1
            }];
        sides.into_iter().fold(outline, |outline, depth| {
            let mut kept = Vec::with_capacity(outline.len());
            for (i, &b) in outline.iter().enumerate() {
                let a = outline[(i + outline.len() - 1) % outline.len()];
                let (at_a, at_b) = (depth(a), depth(b));
                if (at_a < 0.0) != (at_b < 0.0) {
                    let t = at_a / (at_a - at_b);
                    kept.push((a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1)));
                }
                if at_b >= 0.0 {
                    kept.push(b);
                }
            }
            kept
        })
    }

    /// Length of `path` inside.
    pub(super) fn length_inside(&self, path: &[Point]) -> f64 {
        path.windows(2)
            .filter_map(|pair| self.clip_segment(pair[0], pair[1]))
            .map(|(a, b)| distance(a, b))
            .sum()
    }
}

/// Whether `point` lies in the area within `outline` (even-odd rule).
pub(super) fn encloses(outline: &[Point], point: Point) -> bool {
    let crossings = (0..outline.len()).filter(|&i| {
        let (a, b) = (outline[i], outline[(i + 1) % outline.len()]);
        (a.1 > point.1) != (b.1 > point.1)
            && point.0 < a.0 + (point.1 - a.1) / (b.1 - a.1) * (b.0 - a.0)
    });
    crossings.count() % 2 == 1
}

/// `path` cut into dashes of length `on`, `off` apart; both positive.
pub(super) fn dashes(path: &[Point], on: f64, off: f64) -> Vec<Vec<Point>> {
    let mut pieces = Vec::new();
    let mut dash: Vec<Point> = path.first().copied().into_iter().collect();
    let mut drawing = true;
    let mut left = on;
    for pair in path.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        let mut length = distance(from, to);
        while length > left {
            let t = left / length;
            from = (from.0 + t * (to.0 - from.0), from.1 + t * (to.1 - from.1));
            length -= left;
            if drawing {
                dash.push(from);
                pieces.push(std::mem::take(&mut dash));
            } else {
                dash = vec![from];
            }
            drawing = !drawing;
            left = if drawing { on } else { off };
        }
        left -= length;
        if drawing {
            dash.push(to);
        }
    }
    if dash.len() > 1 {
        pieces.push(dash);
    }
    pieces
}

fn distance(a: Point, b: Point) -> f64 {
    (b.0 - a.0).hypot(b.1 - a.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: Rect = Rect { left: 0.0, top: 0.0, right: 1.0, bottom: 1.0 };

    #[test]
    fn a_path_breaks_where_it_leaves() {
        let path = [(-1.0, 0.5), (0.5, 0.5), (0.5, 2.0), (0.75, 2.0), (0.75, 0.5)];
        let pieces = UNIT.clip_path(&path);
        assert_eq!(
            pieces,
            [vec![(0.0, 0.5), (0.5, 0.5), (0.5, 1.0)], vec![(0.75, 1.0), (0.75, 0.5)]]
        );
        assert_eq!(UNIT.length_inside(&path), 1.5);
        assert!(UNIT.clip_path(&[(2.0, 2.0), (3.0, 0.0)]).is_empty());
    }

    #[test]
    fn an_isolated_point_survives_clipping() {
        assert_eq!(UNIT.clip_path(&[(0.5, 0.5); 2]).len(), 1);
        assert!(UNIT.clip_path(&[(1.5, 0.5); 2]).is_empty());
    }

    #[test]
    fn areas_are_cut_at_the_frame() {
        let square = Rect { left: 0.5, top: -1.0, right: 2.0, bottom: 0.5 };
        let cut = UNIT.clip_area(square.corners());
        let shoelace: f64 = (0..cut.len())
            .map(|i| (cut[i], cut[(i + 1) % cut.len()]))
            .map(|(a, b)| a.0 * b.1 - b.0 * a.1)
            .sum();
        assert!((0.5 * shoelace - 0.25).abs() < 1e-12);
        assert!(UNIT.clip_area(vec![(2.0, 2.0), (3.0, 2.0), (3.0, 3.0)]).is_empty());
    }

    #[test]
    fn inside_and_outside() {
        let triangle = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)];
        assert!(encloses(&triangle, (0.2, 0.2)));
        assert!(!encloses(&triangle, (0.8, 0.8)));
    }

    #[test]
    fn dashes_follow_the_path_around_corners() {
        let path = [(0.0, 0.0), (3.0, 0.0), (3.0, 4.0)];
        assert_eq!(
            dashes(&path, 2.0, 2.0),
            [vec![(0.0, 0.0), (2.0, 0.0)], vec![(3.0, 1.0), (3.0, 3.0)]]
        );
        assert_eq!(dashes(&path, 4.0, 1.0)[0], [(0.0, 0.0), (3.0, 0.0), (3.0, 1.0)]);
        assert!(dashes(&[], 1.0, 1.0).is_empty());
    }
}
