//! The embedded font: measuring text, and the markup for sub- and superscripts.

use std::sync::LazyLock;

use ab_glyph::{Font as _, FontRef, Glyph, OutlinedGlyph, PxScale, ScaleFont as _, point};

use super::geometry::Point;
use super::shape::{Anchor, Shape, Text};

/// Names for the font in SVG files, which do not hold it: what a reader without DejaVu Sans may
/// take instead, similar shapes first.
pub(super) const FAMILY: &str = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif";

/// Height of capitals and digits, in em.
pub(super) const CAP_HEIGHT: f64 = 0.729;

static FONT: LazyLock<FontRef<'static>> = LazyLock::new(|| {
    let file = include_bytes!("../../models/fonts/dejavu_sans_subset.ttf");
    FontRef::try_from_slice(file).expect("the embedded font is part of the program")
});

/// The glyphs of `text` in the unit of `em`, with the origin at the start of the baseline; and
/// its width. Markup is not interpreted.
fn typeset(text: &str, em: f64) -> (Vec<Glyph>, f64) {
    // The library counts sizes from the lowest descender to the highest ascender.
    let height = FONT.height_unscaled() / FONT.units_per_em().unwrap_or(1.0);
    let font = FONT.as_scaled(PxScale::from(em as f32 * height));
    let mut end = 0.0;
    let mut glyphs: Vec<Glyph> = Vec::new();
    for character in text.chars() {
        let mut glyph = font.scaled_glyph(character);
        if let Some(previous) = glyphs.last() {
            end += font.kern(previous.id, glyph.id);
        }
        glyph.position = point(end, 0.0);
        end += font.h_advance(glyph.id);
        glyphs.push(glyph);
    }
    (glyphs, end.into())
}

/// The outlines of `text`, placed as its glyphs; and its width.
pub(super) fn outlines(text: &str, em: f64) -> (Vec<OutlinedGlyph>, f64) {
    let (glyphs, width) = typeset(text, em);
    (glyphs.into_iter().filter_map(|glyph| FONT.outline_glyph(glyph)).collect(), width)
}

fn plain_width(text: &str, em: f64) -> f64 {
    typeset(text, em).1
}

/// Width of `label`, with its markup interpreted, in the unit of `em`.
pub(super) fn width(label: &str, em: f64) -> f64 {
    runs(label).iter().map(|run| run.width(em)).sum()
}

/// `label`, with its markup interpreted, at the baseline point `at`.
pub(super) fn place(
    label: &str,
    at: Point,
    anchor: Anchor,
    size: f64,
    upwards: bool,
) -> Vec<Shape> {
    let runs = runs(label);
    if let [Run { text, level: Level::Base }] = runs.as_slice() {
        // In one piece, so that it stays centred if an SVG reader substitutes the font.
        return vec![Shape::Text(Text { text: text.clone(), at, anchor, size, upwards })];
    }
    let total: f64 = runs.iter().map(|run| run.width(size)).sum();
    let mut along = match anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -0.5 * total,
        Anchor::End => -total,
    };
    let mut shapes = Vec::new();
    for run in runs {
        // SVG drops spaces at the start of a text.
        let text = run.text.trim_start();
        let indent = plain_width(&run.text, 1.0) - plain_width(text, 1.0);
        let (scale, rise) = run.level.scale_and_rise();
        let ahead = along + indent * scale * size;
        let at = match upwards {
            true => (at.0 - rise * size, at.1 - ahead),
            false => (at.0 + ahead, at.1 - rise * size),
        };
        along += run.width(size);
        let text = text.to_owned();
        shapes.push(Shape::Text(Text {
            text,
            at,
            anchor: Anchor::Start,
            size: scale * size,
            upwards,
        }));
    }
    shapes
}

/// Text on one level.
#[derive(Debug, PartialEq)]
struct Run {
    text: String,
    level: Level,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Level {
    Base,
    Sub,
    Super,
}

impl Level {
    /// Font size and rise of the baseline, both in em of the base.
    fn scale_and_rise(self) -> (f64, f64) {
        match self {
            Self::Base => (1.0, 0.0),
            Self::Sub => (0.7, -0.18),
            Self::Super => (0.7, 0.36),
        }
    }
}

impl Run {
    fn width(&self, em: f64) -> f64 {
        plain_width(&self.text, em * self.level.scale_and_rise().0)
    }
}

/// Splits `label` where `_` or `^` stands before a sign outside ASCII or before braces.
fn runs(label: &str) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut base = String::new();
    let mut rest = label;
    while let Some(first) = rest.chars().next() {
        let tail = &rest[first.len_utf8()..];
        let level = match first {
            '_' => Level::Sub,
            '^' => Level::Super,
            _ => Level::Base,
        };
        match script(tail).filter(|_| level != Level::Base) {
            Some((text, after)) => {
                let before = std::mem::take(&mut base);
                runs.push(Run { text: before, level: Level::Base });
                runs.push(Run { text: text.to_owned(), level });
                rest = after;
            }
            None => {
                base.push(first);
                rest = tail;
            }
        }
    }
    runs.push(Run { text: base, level: Level::Base });
    runs.retain(|run| !run.text.is_empty());
    runs
}

/// What a mark at the start of `tail` lowers or raises, and what follows it.
fn script(tail: &str) -> Option<(&str, &str)> {
    if let Some(inner) = tail.strip_prefix('{') {
        return inner.split_once('}');
    }
    let first = tail.chars().next().filter(|first| !first.is_ascii())?;
    Some(tail.split_at(first.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(label: &str) -> Vec<(String, Level)> {
        runs(label).into_iter().map(|run| (run.text, run.level)).collect()
    }

    #[test]
    fn signs_and_braces_are_lowered_or_raised() {
        let run = |text: &str, level| (text.to_owned(), level);
        assert_eq!(
            texts("L_ν [L_☉]"),
            [
                run("L", Level::Base),
                run("ν", Level::Sub),
                run(" [L", Level::Base),
                run("☉", Level::Sub),
                run("]", Level::Base)
            ]
        );
        assert_eq!(texts("10^{-3}"), [run("10", Level::Base), run("-3", Level::Super)]);
        for name in ["sdss_g", "a_", "^", "x_{open", "plain"] {
            assert_eq!(texts(name), [run(name, Level::Base)]);
        }
        assert_eq!(texts(""), []);
    }

    #[test]
    fn the_font_has_the_signs_of_astronomy() {
        for sign in "aZéαωΩλνμ⁰⁹⁻₀₉→−×≤≥±·∘☉⊙Å°′∞∼≈√∫∂".chars()
        {
            assert_ne!(FONT.glyph_id(sign).0, 0, "{sign} is missing");
        }
    }

    #[test]
    fn widths_add_up() {
        assert!((width("nn", 20.0) - 2.0 * width("n", 20.0)).abs() < 1e-3);
        // 1298 of 2048 units per em is the width of an n in DejaVu Sans.
        assert!((width("n", 20.0) - 20.0 * 1298.0 / 2048.0).abs() < 1e-3);
        assert!(width("a_{bc}", 20.0) < width("abc", 20.0));
    }

    #[test]
    fn pieces_of_a_label_follow_each_other() {
        let shapes = place("L_ν [x]", (100.0, 50.0), Anchor::Middle, 20.0, false);
        let at = |i: usize| match &shapes[i] {
            Shape::Text(text) => text.at,
            other => panic!("{other:?}"),
        };
        assert_eq!(shapes.len(), 3);
        assert!(at(0).0 < at(1).0 && at(1).0 < at(2).0);
        assert!(at(1).1 > at(0).1, "a subscript lies lower");
        assert_eq!(at(2).1, at(0).1);
    }
}
