//! Shapes as an SVG document.

use plotters::backend::{DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{
    Color as _, FontDesc, FontFamily, FontStyle, FontTransform, RGBColor, ShapeStyle, TextStyle,
};

use super::series::Color;
use super::shape::{Anchor, Shape, Text, UNITS, units};
use super::text::FAMILY;
use crate::{Error, Result};

/// The document of `size` pixels that shows `shapes`, the last on top.
pub(super) fn encode(size: (u32, u32), shapes: &[Shape]) -> Result<String> {
    let canvas = (size.0 * UNITS, size.1 * UNITS);
    let mut document = String::new();
    let mut backend = SVGBackend::with_string(&mut document, canvas);
    let white = RGBColor(255, 255, 255).filled();
    let corner = (canvas.0 as i32, canvas.1 as i32);
    backend.draw_rect((0, 0), corner, &white, true).map_err(failed)?;
    for shape in shapes {
        match shape {
            Shape::Area { outline, color, opacity } => {
                let color = rgb(*color).mix(*opacity);
                backend.fill_polygon(outline.iter().copied().map(units), &color)
            }
            Shape::Line { path, width, color } => {
                let stroke_width = (width * f64::from(UNITS)).round() as u32;
                let style =
                    ShapeStyle { color: rgb(*color).to_rgba(), filled: false, stroke_width };
                backend.draw_path(path.iter().copied().map(units), &style)
            }
            Shape::Text(text) => {
                let (style, at) = place(text);
                backend.draw_text(&text.text, &style, at)
            }
        }
        .map_err(failed)?;
    }
    backend.present().map_err(failed)?;
    drop(backend);
    // The canvas is drawn in finer units than its nominal size.
    let drawn = format!(r#"width="{}" height="{}""#, canvas.0, canvas.1);
    let shown = format!(
        r#"width="{}" height="{}" stroke-linecap="round" stroke-linejoin="round""#,
        size.0, size.1
    );
    Ok(document.replacen(&drawn, &shown, 1))
}

/// Style and position that put the text's baseline where it belongs.
fn place(text: &Text) -> (TextStyle<'static>, (i32, i32)) {
    // The drawing library's top anchor lies this far above the baseline, in em.
    let rise = 0.76 * text.size;
    let at = match text.upwards {
        true => (text.at.0 - rise, text.at.1),
        false => (text.at.0, text.at.1 - rise),
    };
    let anchor = match text.anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    // The drawing library divides sizes by this factor.
    let size = 1.24 * text.size * f64::from(UNITS);
    let style = TextStyle::from(FontDesc::new(FontFamily::Name(FAMILY), size, FontStyle::Normal));
    let style = style.pos(Pos::new(anchor, VPos::Top));
    let turn = if text.upwards { FontTransform::Rotate270 } else { FontTransform::None };
    (style.transform(turn), units(at))
}

fn rgb(Color(red, green, blue): Color) -> RGBColor {
    RGBColor(red, green, blue)
}

fn failed(error: impl std::error::Error) -> Error {
    Error::invalid("figure", format!("SVG drawing failed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text_and_the_size_is_nominal() {
        let text = Text {
            text: "flux <ν> & more".into(),
            at: (50.0, 20.0),
            anchor: Anchor::Middle,
            size: 10.0,
            upwards: true,
        };
        let line =
            Shape::Line { path: vec![(1.0, 1.0), (2.25, 3.0)], width: 1.5, color: Color::BLUE };
        let document = encode((100, 40), &[line, Shape::Text(text)]).unwrap();
        assert!(document.contains(r#"width="100" height="40""#), "{document}");
        assert!(document.contains(r#"viewBox="0 0 400 160""#));
        assert!(document.contains("flux &lt;ν&gt; &amp; more"));
        assert!(document.contains(r#"points="4,4 9,12 ""#));
        assert!(document.contains(r##"stroke="#0072B2" stroke-width="6""##));
        assert!(document.contains("rotate(270, 170, 80)"));
        assert!(document.trim_end().ends_with("</svg>"));
    }
}
