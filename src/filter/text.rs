//! Two-column text files.

use std::path::Path;

use super::Filter;
use super::read::{filter_of, stem};
use crate::{Error, Result};

/// Reads a curve of two columns, wavelength in Angstrom and transmission, separated by white space
/// or a comma. `#` starts a comment; blank lines are skipped. The filter is named after the file.
pub(super) fn parse(text: &str, path: &Path) -> Result<Filter> {
    let (mut wave_aa, mut transmission) = (Vec::new(), Vec::new());
    for (i, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let fields = fields(line);
        let [wave, value] = fields[..] else {
            let reason = format!(
                "line {}: {} columns; a filter has two, wavelength [Angstrom] and transmission",
                i + 1,
                fields.len()
            );
            return Err(Error::file(path, reason));
        };
        wave_aa.push(number(wave, i, path)?);
        transmission.push(number(value, i, path)?);
    }
    filter_of(path, &stem(path), wave_aa, transmission)
}

/// The fields of a line: separated by commas if it has any, else by white space.
pub(super) fn fields(line: &str) -> Vec<&str> {
    if line.contains(',') {
        line.split(',').map(str::trim).collect()
    } else {
        line.split_whitespace().collect()
    }
}

/// The finite number in a field of line `i`, counted from 0.
pub(super) fn number(field: &str, i: usize, path: &Path) -> Result<f64> {
    field.parse().ok().filter(|x: &f64| x.is_finite()).ok_or_else(|| {
        let reason = format!("line {}: {field:?} is not a finite number", i + 1);
        Error::file(path, reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Filter> {
        parse(text, Path::new("some/my_band.dat"))
    }

    fn message(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn white_space_and_commas_separate_and_comments_are_skipped() {
        let expected = (vec![4000.0, 5000.0, 6000.5], vec![0.0, 0.9, 0.1]);
        for text in [
            "# title\n\n4000 0\n  5e3\t0.9  # peak\r\n6000.5 1e-1",
            "4000,0\n5000.0, 0.9\n#\n6000.5 ,.1\n",
        ] {
            let f = read(text).unwrap();
            assert_eq!((f.wave_aa().to_vec(), f.transmission().to_vec()), expected);
            assert_eq!((f.name(), f.provenance()), ("my_band", "some/my_band.dat"));
        }
    }

    #[test]
    fn a_wrong_number_of_columns_names_the_line() {
        assert!(message("# c\n4000 0\n5000 1 0.1\n").contains("line 3: 3 columns"));
        assert!(message("4000\n").contains("line 1: 1 columns"));
        assert!(message("4000,0,\n").contains("line 1: 3 columns"));
    }

    #[test]
    fn what_is_not_a_finite_number_names_the_line() {
        assert!(message("wave,response\n4000,0\n").contains("line 1: \"wave\""));
        assert!(message("4000 0\n5000 nan\n").contains("line 2: \"nan\""));
        assert!(message("4000 0\n5000 1e999\n").contains("line 2"));
        assert!(message("4000,0\n,1\n").contains("line 2: \"\""));
    }

    #[test]
    fn invalid_curves_name_the_file() {
        for text in ["", "# nothing\n", "4000 0\n5000 1\n4500 0\n"] {
            assert!(message(text).starts_with("some/my_band.dat: filter my_band"), "{text:?}");
        }
    }
}
