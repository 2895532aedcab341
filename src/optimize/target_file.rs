//! Data of statistics as a table: `statistic`, `bin` (from 0), `value` and, where it is known, `error`.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;

use super::{Statistics, Target, TargetValues};
use crate::catalog::{CatalogReader, Cell, cells};
use crate::files::write_atomic;
use crate::{Error, Result};

/// Rows read at a time.
const BATCH_ROWS: usize = 65_536;

/// Reads the data of each statistic, in order. Bins that are not in the table, or empty there, have no value.
///
/// # Errors
/// Those of [`CatalogReader`]; [`Error::File`] naming the row for statistics and bins that do not exist or
/// are there twice, and for a statistic without any value.
pub(crate) fn read_target(path: &Path, statistics: &Statistics) -> Result<Vec<TargetValues>> {
    let empty = |n: usize| vec![f64::NAN; n];
    let mut all: Vec<[Vec<f64>; 2]> =
        statistics.iter().map(|s| [empty(s.n_values()), empty(s.n_values())]).collect();
    let reader = CatalogReader::open(path, BATCH_ROWS)?;
    let has_errors = reader.column_names().any(|name| name == "error");
    let known_names: Vec<&str> = statistics.iter().map(|s| s.name.as_str()).collect();
    let (mut row, mut seen) = (0, HashSet::new());
    for batch in reader {
        let batch = batch?;
        let column = |name: &str| cells(&batch, name).map_err(|e| Error::file(path, e.to_string()));
        let (names, bins, values) = (column("statistic")?, column("bin")?, column("value")?);
        let errors = if has_errors { Some(column("error")?) } else { None };
        for i in 0..names.len() {
            row += 1;
            let wrong = |reason: String| Error::file(path, format!("row {row}: {reason}"));
            // Names may be numbers.
            let known = statistics.iter().position(|s| Cell::parse(&s.name) == names[i]);
            let Some(k) = known else {
                let name = match &names[i] {
                    Cell::Text(name) => format!("{name:?}"),
                    Cell::Number(name) => name.to_string(),
                    Cell::Empty => return Err(wrong("has no name of a statistic".into())),
                };
                let available = known_names.join(", ");
                return Err(wrong(format!(
                    "no statistic is called {name}; there are: {available}"
                )));
            };
            let n = all[k][0].len();
            let bin = match bins[i] {
                Cell::Number(bin) if bin >= 0.0 && bin.fract() == 0.0 && (bin as usize) < n => {
                    bin as usize
                }
                _ => return Err(wrong(format!("its bin is not one of 0 to {}", n - 1))),
            };
            let number = |cell: &Cell, what: &str| match cell {
                Cell::Number(x) if x.is_infinite() => {
                    Err(wrong(format!("its {what} {x} is not finite")))
                }
                Cell::Number(x) => Ok(*x),
                Cell::Empty => Ok(f64::NAN),
                Cell::Text(text) => Err(wrong(format!("its {what} {text:?} is no number"))),
            };
            if !seen.insert((k, bin)) {
                let name = known_names[k];
                return Err(wrong(format!("bin {bin} of {name:?} is there twice")));
            }
            all[k][0][bin] = number(&values[i], "value")?;
            if let Some(errors) = &errors {
                all[k][1][bin] = number(&errors[i], "error")?;
            }
        }
    }
    let data = statistics.iter().zip(all).map(|(statistic, [values, sigma])| {
        if !values.iter().any(|v| v.is_finite()) {
            let reason = format!("has no value of the statistic {:?}", statistic.name);
            return Err(Error::file(path, reason));
        }
        let known = sigma.iter().any(|s| s.is_finite());
        Ok(TargetValues { values, sigma: known.then_some(sigma) })
    });
    data.collect()
}

/// Writes a table that the `file` of a target may be, with the statistics at the start and at the best fit.
///
/// # Errors
/// [`Error::Io`].
pub fn write_statistics(target: &Target, start: &[f64], best: &[f64], path: &Path) -> Result<()> {
    let mut csv = String::from("statistic,bin,label,value,error,start,best\n");
    let mut at = 0;
    for (statistic, values, sigma) in target.data() {
        for (bin, label) in statistic.labels().into_iter().enumerate() {
            let number = |x: f64| if x.is_finite() { format!("{x:?}") } else { String::new() };
            let numbers = [values[bin], sigma[bin], start[at], best[at]].map(number);
            let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
            let (name, label) = (quoted(&statistic.name), quoted(&label));
            let _ = writeln!(csv, "{name},{bin},{label},{}", numbers.join(","));
            at += 1;
        }
    }
    write_atomic(path, csv.as_bytes())
}
