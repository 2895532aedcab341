//! ECSV files in the layout of speclite.

use std::path::Path;

use super::Filter;
use super::read::{filter_of, stem};
use super::text::{fields, number};
use crate::{Error, Result};

/// Titles under which the transmission is found.
const TRANSMISSION_TITLES: [&str; 3] = ["response", "throughput", "transmission"];

/// Reads the columns `wavelength` and `response` (or `throughput`, or `transmission`) of an
/// enhanced CSV table; its YAML header must give the unit of `wavelength`: Angstrom, nm or um. The
/// filter is called `<group_name>_<band_name>` if the header has both, else after the file.
///
/// The format is specified in Astropy Proposal for Enhancement 6; of the header only single-line
/// entries are looked at, which is how astropy writes them.
pub(super) fn parse(text: &str, path: &Path) -> Result<Filter> {
    let header: Vec<_> = text.lines().filter_map(|line| line.strip_prefix('#')).collect();
    let aa_per_unit = aa_per_unit(&header, path)?;
    let name = match (meta(&header, "group_name"), meta(&header, "band_name")) {
        (Some(group), Some(band)) => format!("{group}_{band}"),
        _ => stem(path),
    };

    let mut rows = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty());
    let titles = rows.next().map(|(_, line)| fields(line)).unwrap_or_default();
    let wave_column = column(&titles, &["wavelength"], path)?;
    let transmission_column = column(&titles, &TRANSMISSION_TITLES, path)?;

    let (mut wave_aa, mut transmission) = (Vec::new(), Vec::new());
    for (i, line) in rows {
        let row = fields(line);
        if row.len() != titles.len() {
            let reason =
                format!("line {}: {} fields for {} columns", i + 1, row.len(), titles.len());
            return Err(Error::file(path, reason));
        }
        wave_aa.push(aa_per_unit * number(row[wave_column], i, path)?);
        transmission.push(number(row[transmission_column], i, path)?);
    }
    filter_of(path, &name, wave_aa, transmission)
}

/// The index of the one column with one of these titles.
fn column(titles: &[&str], wanted: &[&str], path: &Path) -> Result<usize> {
    let mut found = (0..titles.len()).filter(|&i| wanted.contains(&titles[i]));
    match (found.next(), found.next()) {
        (Some(i), None) => Ok(i),
        _ => {
            let wanted = wanted.join(" or ");
            let titles = titles.join(", ");
            let reason = format!("needs exactly one column {wanted}; the columns are: {titles}");
            Err(Error::file(path, reason))
        }
    }
}

/// The size in Angstrom of the unit that the header gives for `wavelength`.
fn aa_per_unit(header: &[&str], path: &Path) -> Result<f64> {
    // `- {name: wavelength, unit: nm, datatype: float64}`
    let unit = header
        .iter()
        .filter_map(|line| line.trim().strip_prefix("- {"))
        .map(|entry| entry.trim_end_matches('}').split(',').filter_map(|pair| pair.split_once(':')))
        .find(|pairs| pairs.clone().any(|(k, v)| k.trim() == "name" && scalar(v) == "wavelength"))
        .and_then(|mut pairs| pairs.find(|(key, _)| key.trim() == "unit"))
        .map(|(_, unit)| scalar(unit));
    match unit {
        Some("Angstrom" | "angstrom" | "AA") => Ok(1.0),
        Some("nm") => Ok(10.0),
        Some("um" | "micron") => Ok(1e4),
        other => {
            let found = other.unwrap_or("missing");
            let reason =
                format!("the header's unit of wavelength is {found}; allowed: Angstrom, nm, um");
            Err(Error::file(path, reason))
        }
    }
}

/// The value of a top-level entry of the header's metadata: `key: value` or `- {key: value}`.
fn meta<'a>(header: &[&'a str], key: &str) -> Option<&'a str> {
    header.iter().find_map(|line| {
        let entry = line.trim().trim_start_matches("- ").trim_start_matches('{');
        let value = entry.strip_prefix(key)?.strip_prefix(':')?;
        Some(scalar(value.trim_end().trim_end_matches('}')))
    })
}

/// A YAML scalar without its quotes.
fn scalar(value: &str) -> &str {
    value.trim().trim_matches(['\'', '"'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Filter> {
        parse(text, Path::new("dir/my-file.ecsv"))
    }

    fn table(header: &str, titles: &str) -> String {
        format!("# %ECSV 1.0\n# ---\n{header}\n{titles}\n300.5 0.0\n400.0 1.0\n500.0 0.25\n")
    }

    #[test]
    fn units_are_converted() {
        for (unit, factor) in [("Angstrom", 1.0), ("nm", 10.0), ("um", 1e4), ("micron", 1e4)] {
            let header = format!("# - {{name: wavelength, unit: {unit}, datatype: float64}}");
            let f = read(&table(&header, "wavelength response")).unwrap();
            assert_eq!(f.wave_aa(), [300.5 * factor, 400.0 * factor, 500.0 * factor]);
            assert_eq!(f.transmission(), [0.0, 1.0, 0.25]);
        }
    }

    #[test]
    fn names_come_from_both_styles_of_metadata() {
        let columns = "# datatype:\n# - {name: wavelength, unit: nm, datatype: float64}";
        for (header, expected) in [
            ("# meta: !!omap\n# - {band_name: g}\n# - {group_name: decam2014}", "decam2014_g"),
            ("# meta:\n#   band_name: 'y'\n#   group_name: hsc2017", "hsc2017_y"),
            // A mention inside a description is none.
            ("# - {description: 'of group_name: x'}\n#   band_name: g", "my-file"),
        ] {
            let f = read(&table(&format!("{columns}\n{header}"), "wavelength response")).unwrap();
            assert_eq!(f.name(), expected);
        }
    }

    #[test]
    fn columns_are_found_by_title_in_any_order() {
        let f = read(
            "# %ECSV 1.0\n# delimiter: ','\n# - {name: error}\n# - {unit: nm, name: wavelength}\n\
             error,throughput,wavelength\n9,0,400\n9,0.5,500\n9,0,600\n",
        )
        .unwrap();
        assert_eq!((f.wave_aa()[1], f.transmission()[1]), (5000.0, 0.5));
    }

    #[test]
    fn missing_and_unknown_units_list_the_allowed_ones() {
        for header in ["# - {name: wavelength}", "# - {name: wavelength, unit: Hz}", "# ---"] {
            let message = read(&table(header, "wavelength response")).unwrap_err().to_string();
            assert!(message.ends_with("allowed: Angstrom, nm, um"), "{message}");
        }
    }

    #[test]
    fn missing_and_ambiguous_columns_are_errors() {
        let header = "# - {name: wavelength, unit: nm}";
        for titles in ["wave response", "wavelength flux", "response throughput wavelength", ""] {
            let message = read(&table(header, titles)).unwrap_err().to_string();
            assert!(message.contains("needs exactly one column"), "{titles}: {message}");
        }
    }

    #[test]
    fn bad_rows_name_their_line() {
        let header = "# - {name: wavelength, unit: nm}";
        let good = table(header, "wavelength response");
        for (row, expected) in [("600", "line 8: 1 fields"), ("600 x", "line 8: \"x\"")] {
            let message = read(&format!("{good}{row}\n")).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
