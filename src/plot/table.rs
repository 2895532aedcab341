//! The numbers of a figure as a table.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::figure::Figure;
use super::series::Style;

/// The figure's data as CSV in long form: one row per point with the columns `panel` (counted
/// from 1), `series` (its label), `x`, `y` and `y2` (empty except for bands).
///
/// Lines that start with `#` hold the figure's notes and name each panel's title and axes. Numbers have as many digits as it
/// takes to read the same `f64` back.
pub(super) fn encode(figure: &Figure) -> String {
    let mut csv = String::new();
    let comment = |text: &str| text.replace(['\r', '\n'], " ");
    for note in &figure.notes {
        csv.push_str(&format!("# {}\n", comment(note)));
    }
    for (i, panel) in figure.panels.iter().enumerate() {
        for (name, text) in [("title", &panel.title), ("x", &panel.x.label), ("y", &panel.y.label)]
        {
            if !text.is_empty() {
                csv.push_str(&format!("# panel {} {name}: {}\n", i + 1, comment(text)));
            }
        }
    }
    csv.push_str("panel,series,x,y,y2\n");
    for (i, panel) in figure.panels.iter().enumerate() {
        for series in &panel.series {
            let label = quoted(&series.label);
            for (j, (x, y)) in series.x.iter().zip(&series.y).enumerate() {
                let y2 = match &series.style {
                    Style::Band { y2 } => y2.get(j).map(|y2| format!("{y2:?}")),
                    _ => None,
                };
                let y2 = y2.unwrap_or_default();
                // Writing to a string cannot fail.
                let _ = writeln!(csv, "{},{label},{x:?},{y:?},{y2}", i + 1);
            }
        }
    }
    csv
}

/// `field`, in quotes if CSV needs them or it could pass for a comment.
fn quoted(field: &str) -> Cow<'_, str> {
    if field.contains([',', '"', '\r', '\n', '#']) {
        format!("\"{}\"", field.replace('"', "\"\"")).into()
    } else {
        field.into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Axis, Panel, Series};
    use super::*;

    #[test]
    fn numbers_read_back_exactly() {
        let x = [0.1 + 0.2, 1.0 / 3.0, -1e-300, 6.02214076e23, 5e-324];
        let y = [f64::NAN, f64::INFINITY, f64::MAX, -0.0, std::f64::consts::PI];
        let y2 = [1.0, 2.0, 3.0, 4.0, f64::EPSILON];
        let band = Series::new("a", x, y).style(Style::Band { y2: y2.to_vec() });
        let panel = Panel::new(Axis::linear("x"), Axis::linear("y")).with(band);
        let csv = encode(&Figure::new(vec![panel], 1));
        let rows: Vec<&str> = csv.lines().skip_while(|line| !line.starts_with("1,")).collect();
        assert_eq!(rows.len(), x.len());
        for (i, row) in rows.iter().enumerate() {
            let fields: Vec<&str> = row.split(',').collect();
            let number = |field: &str| field.parse::<f64>().unwrap().to_bits();
            assert_eq!((fields[0], fields[1]), ("1", "a"));
            assert_eq!(number(fields[2]), x[i].to_bits());
            assert_eq!(number(fields[3]), y[i].to_bits());
            assert_eq!(number(fields[4]), y2[i].to_bits());
        }
    }

    #[test]
    fn labels_are_kept_as_they_are() {
        let series = Series::new("a, \"b\"", [1.0], [2.0]);
        let panel = Panel::new(Axis::linear("λ [Å]"), Axis::linear("")).title("T\n1").with(series);
        assert_eq!(
            encode(&Figure::new(vec![panel], 1)),
            "# panel 1 title: T 1\n# panel 1 x: λ [Å]\npanel,series,x,y,y2\n\
             1,\"a, \"\"b\"\"\",1.0,2.0,\n"
        );
    }
}
