//! Shapes as a PNG image.

use super::geometry::Point;
use super::series::Color;
use super::shape::{Anchor, Shape, Text, UNITS, units};
use super::text::outlines;
use crate::{Error, Result};

/// Image pixels per pixel of the figure's size, as on a display of high resolution.
pub(super) const RESOLUTION: u32 = 2;

/// The image of a figure of `size` pixels that shows `shapes`, the last on top.
pub(super) fn encode(size: (u32, u32), shapes: &[Shape]) -> Result<Vec<u8>> {
    let mut image = Image::white(size.0 as usize, size.1 as usize);
    for shape in shapes {
        match shape {
            Shape::Area { outline, color, opacity } => image.fill(outline, *color, *opacity),
            Shape::Line { path, width, color } => image.stroke(path, *width, *color),
            Shape::Text(text) => image.write(text),
        }
    }
    let pixels = image.shrink((UNITS / RESOLUTION) as usize);
    compress((size.0 * RESOLUTION, size.1 * RESOLUTION), &pixels)
}

/// A canvas with one pixel per drawing unit, three bytes each, row by row.
///
/// The drawing library's own bitmaps have no smooth edges, holes where a wide noisy line overlaps
/// itself, and uneven spaces between letters.
struct Image {
    pixels: Vec<u8>,
    width: usize,
    height: usize,
}

impl Image {
    fn white(width: usize, height: usize) -> Self {
        let (width, height) = (width * UNITS as usize, height * UNITS as usize);
        Self { pixels: vec![255; 3 * width * height], width, height }
    }

    /// Paints one pixel, if it is on the canvas.
    fn dot(&mut self, (x, y): (i32, i32), Color(red, green, blue): Color, opacity: f64) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x >= self.width || y >= self.height {
            return;
        }
        let start = 3 * (y * self.width + x);
        for (old, new) in self.pixels[start..start + 3].iter_mut().zip([red, green, blue]) {
            let mixed = f64::from(*old) * (1.0 - opacity) + f64::from(new) * opacity;
            *old = mixed.round() as u8;
        }
    }

    /// Paints all pixels whose centre lies within half of `width` of `path`.
    fn stroke(&mut self, path: &[Point], width: f64, color: Color) {
        let scale = f64::from(UNITS);
        let radius = 0.5 * width * scale;
        for pair in path.windows(2) {
            let [a, b] = [pair[0], pair[1]].map(|(x, y)| (x * scale, y * scale));
            let (dx, dy) = (b.0 - a.0, b.1 - a.1);
            let square = dx * dx + dy * dy;
            let (top, bottom) = (a.1.min(b.1) - radius, a.1.max(b.1) + radius);
            for y in top.floor() as i32..=bottom.ceil() as i32 {
                let row = f64::from(y) + 0.5;
                // The part of the segment within reach of this row; on a level segment the
                // quotients are infinite and it is all of it.
                let [one, other] =
                    [row - radius, row + radius].map(|edge| ((edge - a.1) / dy).clamp(0.0, 1.0));
                let (first, last) = (one.min(other), one.max(other));
                let (from, to) = (a.0 + first * dx, a.0 + last * dx);
                let (left, right) = (from.min(to) - radius, from.max(to) + radius);
                for x in left.floor() as i32..=right.ceil() as i32 {
                    let (px, py) = (f64::from(x) + 0.5 - a.0, row - a.1);
                    let t = if square > 0.0 { (px * dx + py * dy) / square } else { 0.0 };
                    let t = t.clamp(0.0, 1.0);
                    if (px - t * dx).hypot(py - t * dy) <= radius {
                        self.dot((x, y), color, 1.0);
                    }
                }
            }
        }
    }

    /// Paints all pixels whose centre lies within `outline` (even-odd rule).
    fn fill(&mut self, outline: &[Point], color: Color, opacity: f64) {
        let scale = f64::from(UNITS);
        let corners: Vec<Point> = outline.iter().map(|p| (p.0 * scale, p.1 * scale)).collect();
        let top = corners.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
        let bottom = corners.iter().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
        for y in top.floor() as i32..=bottom.ceil() as i32 {
            let row = f64::from(y) + 0.5;
            let mut crossings: Vec<f64> = (0..corners.len())
                .map(|i| (corners[i], corners[(i + 1) % corners.len()]))
                .filter(|(a, b)| (a.1 > row) != (b.1 > row))
                .map(|(a, b)| a.0 + (row - a.1) / (b.1 - a.1) * (b.0 - a.0))
                .collect();
            crossings.sort_by(f64::total_cmp);
            for pair in crossings.chunks_exact(2) {
                for x in (pair[0] - 0.5).ceil() as i32..=(pair[1] - 0.5).floor() as i32 {
                    self.dot((x, y), color, opacity);
                }
            }
        }
    }

    fn write(&mut self, text: &Text) {
        let (glyphs, width) = outlines(&text.text, text.size * f64::from(UNITS));
        let along = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -0.5 * width,
            Anchor::End => -width,
        };
        let along = along.round() as i32;
        let (x0, y0) = units(text.at);
        for glyph in glyphs {
            let corner = glyph.px_bounds().min;
            let (left, top) = (corner.x as i32 + along, corner.y as i32);
            glyph.draw(|x, y, coverage| {
                let (x, y) = (left + x as i32, top + y as i32);
                let at = if text.upwards { (x0 + y, y0 - 1 - x) } else { (x0 + x, y0 + y) };
                self.dot(at, Color::BLACK, f64::from(coverage).min(1.0));
            });
        }
    }

    /// The image with `factor` × `factor` pixels averaged into one, which smooths all edges.
    fn shrink(&self, factor: usize) -> Vec<u8> {
        let row = 3 * self.width;
        let count = (factor * factor) as u32;
        let mut shrunk = Vec::with_capacity(self.pixels.len() / (factor * factor));
        for rows in self.pixels.chunks_exact(row * factor) {
            for column in (0..row).step_by(3 * factor) {
                for channel in 0..3 {
                    let samples = (0..factor * factor)
                        .map(|i| rows[i / factor * row + column + i % factor * 3 + channel]);
                    let sum: u32 = samples.map(u32::from).sum();
                    shrunk.push(((sum + count / 2) / count) as u8);
                }
            }
        }
        shrunk
    }
}

fn compress(size: (u32, u32), pixels: &[u8]) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, size.0, size.1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(file)
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::invalid("figure", format!("PNG drawing failed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::super::geometry::Rect;
    use super::*;

    /// Row and column of the dark pixels of a `size` image, in drawing units.
    fn dark(size: usize, draw: impl FnOnce(&mut Image)) -> Vec<(usize, usize)> {
        let mut image = Image::white(size, size);
        draw(&mut image);
        let dark = |i: &usize| image.pixels[3 * i] < 128;
        (0..image.width * image.height)
            .filter(dark)
            .map(|i| (i / image.width, i % image.width))
            .collect()
    }

    #[test]
    fn lines_cover_their_width_in_every_direction() {
        for to in [(18.0, 10.0), (10.0, 2.0), (15.0, 17.0), (3.0, 4.0)] {
            let length = (to.0 - 10.0_f64).hypot(to.1 - 10.0);
            let path = [(10.0, 10.0), to, (10.0, 10.0)];
            let count = dark(20, |image| image.stroke(&path, 2.0, Color::BLACK)).len() as f64;
            let capsule = (2.0 * length + std::f64::consts::PI) * f64::from(UNITS).powi(2);
            assert!((count / capsule - 1.0).abs() < 0.03, "{count} of {capsule} to {to:?}");
        }
    }

    #[test]
    fn areas_are_filled_and_cut_at_the_canvas() {
        let square = Rect { left: -5.0, top: 5.0, right: 5.0, bottom: 15.0 };
        let dots = dark(20, |image| image.fill(&square.corners(), Color::BLACK, 1.0));
        assert_eq!(dots.len(), 5 * 10 * (UNITS * UNITS) as usize);
        assert!(dots.iter().all(|&(row, column)| (20..60).contains(&row) && column < 20));
    }

    #[test]
    fn text_stands_on_its_baseline() {
        let text = |upwards| Text {
            text: "HHH".into(),
            at: (20.0, 30.0),
            anchor: Anchor::Middle,
            size: 10.0,
            upwards,
        };
        let bounds = |values: Vec<usize>| {
            let limits = (values.iter().min().copied(), values.iter().max().copied());
            (limits.0.unwrap() as f64 / 4.0, (limits.1.unwrap() + 1) as f64 / 4.0)
        };
        let close = |a: (f64, f64), b: (f64, f64)| {
            assert!((a.0 - b.0).abs() < 0.3 && (a.1 - b.1).abs() < 0.3, "{a:?} is not {b:?}");
        };
        let (rows, columns) = dark(60, |i| i.write(&text(false))).into_iter().unzip();
        close(bounds(rows), (30.0 - 7.29, 30.0));
        let across = bounds(columns);
        // Three advances of 1540 units per 2048, less the space of 201 at either end.
        close(across, (20.0 - 10.3, 20.0 + 10.3));
        let (rows, columns) = dark(60, |i| i.write(&text(true))).into_iter().unzip();
        close(bounds(columns), (20.0 - 7.29, 20.0));
        close(bounds(rows), (30.0 - 10.3, 30.0 + 10.3));
    }
}
