//! How far the devices may be apart: one table, which the tests enforce, `starburn bench backends`
//! compares its errors with and the README shows.

use crate::device::{Place, Precision};
use crate::names::named;

/// What is compared between devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Magnitudes \[mag\].
    Magnitude,
    /// log10 of stellar masses \[dex\].
    Mass,
    /// log10 of line luminosities \[dex\].
    Line,
    /// Derivatives of sums of these over the outputs of a galaxy, as a share of its largest.
    Gradient,
}

named!(
    Output,
    "output",
    Magnitude = "magnitudes",
    Mass = "masses formed and surviving",
    Line = "line luminosities",
    Gradient = "gradients",
);

impl Output {
    /// Unit of the differences.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Magnitude => "mag",
            Self::Mass | Self::Line => "dex",
            Self::Gradient => "of the largest",
        }
    }
}

/// Devices and precisions, the columns of the table. Flex in f64 is the reference, which differs from
/// itself where batches do.
const COLUMNS: [(&str, Precision); 7] = [
    ("flex", Precision::F64),
    ("ndarray", Precision::F64),
    ("flex", Precision::F32),
    ("ndarray", Precision::F32),
    ("wgpu", Precision::F32),
    ("cuda", Precision::F64),
    ("cuda", Precision::F32),
];

/// Largest differences from the reference.
const TABLE: [(Output, [f64; COLUMNS.len()]); Output::ALL.len()] = [
    (Output::Magnitude, [1e-9, 1e-9, 1e-4, 1e-4, 1e-4, 1e-9, 1e-4]),
    (Output::Mass, [1e-11, 1e-11, 1e-5, 1e-5, 1e-5, 1e-11, 1e-5]),
    (Output::Line, [1e-9, 1e-9, 5e-5, 5e-5, 5e-5, 1e-9, 5e-5]),
    (Output::Gradient, [1e-7, 1e-7, 2e-3, 2e-3, 2e-3, 1e-7, 2e-3]),
];

/// The largest difference from flex in f64 that an output may have at a place; none on a device outside
/// the table.
pub fn tolerance(output: Output, place: &Place) -> f64 {
    let here = (place.name(), place.precision());
    let column = COLUMNS.iter().position(|column| *column == here);
    let row = TABLE.iter().find(|(of, _)| *of == output);
    row.zip(column).map_or(0.0, |((_, row), column)| row[column])
}

/// The table in Markdown.
pub fn parity_table() -> String {
    let names = COLUMNS.map(|(device, precision)| format!("{device} {precision}"));
    let mut lines =
        vec![format!("| | {} |", names.join(" | ")), "|---".repeat(names.len() + 1) + "|"];
    for (output, row) in TABLE {
        let cells = row.map(|tolerance| format!("{tolerance:.0e}"));
        lines.push(format!("| {output} \\[{}\\] | {} |", output.unit(), cells.join(" | ")));
    }
    lines.join("\n") + "\n"
}

/// The largest difference between values that are not the same; infinite where only one is a number or
/// there.
pub fn largest_difference(got: &[f64], want: &[f64]) -> f64 {
    if got.len() != want.len() {
        return f64::INFINITY;
    }
    let off = |(g, w): (&f64, &f64)| if g == w { 0.0 } else { (g - w).abs() };
    let worst = |worst: f64, off: f64| if off.is_nan() { f64::INFINITY } else { worst.max(off) };
    got.iter().zip(want).map(off).fold(0.0, worst)
}

/// The largest difference of derivatives, as a share of the largest of each row of `n_param`; rows that
/// are all zero must be so. Infinite where they differ and not all of the row are numbers.
pub fn largest_gradient_difference(got: &[f64], want: &[f64], n_param: usize) -> f64 {
    if got.len() != want.len() {
        return f64::INFINITY;
    }
    let share = |(got, want): (&[f64], &[f64])| {
        let largest = want.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        match largest_difference(got, want) {
            0.0 => 0.0,
            off if largest.is_finite() => off / largest,
            _ => f64::INFINITY,
        }
    };
    got.chunks(n_param).zip(want.chunks(n_param)).map(share).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::places;

    #[test]
    fn every_device_has_a_tolerance() {
        for place in [places(Precision::F32), places(Precision::F64)].concat() {
            for output in Output::ALL {
                assert!(tolerance(*output, &place) > 0.0, "{output}, {place}");
            }
        }
    }

    #[test]
    fn the_readme_shows_the_table() {
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&parity_table()), "the README should contain\n{}", parity_table());
    }

    #[test]
    fn differences() {
        let inf = f64::INFINITY;
        assert_eq!(largest_difference(&[1.0, inf, 2.5], &[1.0, inf, 2.0]), 0.5);
        assert_eq!(largest_difference(&[f64::NAN, 1.0], &[1.0, 1.0]), inf);
        assert_eq!(largest_difference(&[inf], &[1.0]), inf);
        let share = largest_gradient_difference(&[1.0, 4.1, 0.0, 0.0], &[1.0, 4.0, 0.0, 0.0], 2);
        assert!((share - 0.025).abs() < 1e-12);
        assert_eq!(largest_gradient_difference(&[1e-9, 0.0], &[0.0, 0.0], 2), inf);
        assert_eq!(largest_gradient_difference(&[1.0, 5.0], &[1.0, inf], 2), inf);
        assert_eq!(largest_gradient_difference(&[5.0, inf], &[1.0, inf], 2), inf);
        assert_eq!(largest_gradient_difference(&[1.0, inf], &[1.0, inf], 2), 0.0);
        assert_eq!(largest_difference(&[], &[1.0]), inf);
        assert_eq!(largest_gradient_difference(&[1.0, 1.0], &[], 2), inf);
    }
}
