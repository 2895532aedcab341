//! The pass over a CSV file before its rows are used.
//!
//! It finds what no single batch can tell (the number of rows, and the type that fits every value of
//! a column) and refuses a broken file before any work is done on its first rows.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::Path;

use arrow::datatypes::{DataType, Field, Schema};

use super::cells::filled;
use crate::error::{Error, Result};

/// A row that stands after the last one, unless that has a quotation mark without a second one, which
/// the parser does not mind.
const END: &str = "\u{1}end\u{1}";

/// What one pass over a CSV file tells.
#[derive(Debug)]
pub(super) struct CsvScan {
    /// The columns with the narrowest type that loses nothing: `Int64`, `Float64`, else `Utf8`.
    pub(super) schema: Schema,
    /// Number of rows after the header.
    pub(super) n_rows: usize,
}

impl CsvScan {
    /// Reads the whole file, one row in memory at a time.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read; [`Error::File`] with the line if it has no header, if the
    /// header consists of numbers, if a row has too many or too few values or a quotation mark that is
    /// not closed, or if it is not UTF-8.
    pub(super) fn new(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .from_reader(file.chain(Cursor::new(format!("\n\"{END}\""))));
        let header = reader.headers().map_err(|error| located(path, error))?;
        let names: Vec<_> = header.iter().map(|name| name.trim().to_owned()).collect();
        if names.is_empty() || names == [END] {
            return Err(Error::file(path, "is empty; expected a first line of column names"));
        }
        if names.iter().all(|name| name.parse::<f64>().is_ok()) {
            let reason = "line 1 holds only numbers; expected the column names";
            return Err(Error::file(path, reason));
        }

        let mut types = vec![Inference::default(); names.len()];
        let mut row = csv::StringRecord::new();
        let (mut n_rows, mut last) = (0, 0);
        loop {
            if !reader.read_record(&mut row).map_err(|error| located(path, error))? {
                let line = line_of(path, last)?;
                let reason = format!("line {line} has a quotation mark that is not closed");
                return Err(Error::file(path, reason));
            }
            if row == [END][..] {
                break;
            }
            last = row.position().map_or(0, csv::Position::byte);
            if row.len() != names.len() {
                let (line, n, wanted) = (line_of(path, last)?, row.len(), names.len());
                let reason =
                    format!("line {line} has {n} values where the header names {wanted} columns");
                return Err(Error::file(path, reason));
            }
            n_rows += 1;
            for (inference, text) in types.iter_mut().zip(&row) {
                inference.see(text);
            }
        }

        let fields = names.into_iter().zip(types);
        let fields: Vec<_> =
            fields.map(|(name, inference)| Field::new(name, inference.data_type(), true)).collect();
        Ok(Self { schema: Schema::new(fields), n_rows })
    }
}

/// The error of the CSV parser with the file and the line on which the broken row starts.
fn located(path: &Path, error: csv::Error) -> Error {
    let start = error.position().map(csv::Position::byte);
    let reason = match error.into_kind() {
        csv::ErrorKind::Io(source) => return Error::io("read", path)(source),
        csv::ErrorKind::Utf8 { .. } => "is not UTF-8 text".to_owned(),
        other => format!("{other:?}"),
    };
    match start.map(|byte| line_of(path, byte)) {
        Some(Ok(line)) => Error::file(path, format!("line {line} {reason}")),
        Some(Err(error)) => error,
        None => Error::file(path, reason),
    }
}

/// Line number, from 1, of the row that follows position `start`.
///
/// The parser's own line number is one short in files with Windows line ends, and does not count
/// the blank lines before a row.
fn line_of(path: &Path, start: u64) -> Result<u64> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let mut line = 1;
    for (position, byte) in (0..).zip(BufReader::new(file).bytes()) {
        let byte = byte.map_err(Error::io("read", path))?;
        if position >= start && byte != b'\n' && byte != b'\r' {
            break;
        }
        line += u64::from(byte == b'\n');
    }
    Ok(line)
}

/// Which types fit every value of a column seen so far.
#[derive(Debug, Clone)]
struct Inference {
    any: bool,
    integer: bool,
    float: bool,
}

impl Default for Inference {
    fn default() -> Self {
        Self { any: false, integer: true, float: true }
    }
}

impl Inference {
    fn see(&mut self, text: &str) {
        let Some(text) = filled(text).filter(|_| self.integer || self.float) else { return };
        self.any = true;
        let digits = text.trim_start_matches(['+', '-']);
        let whole = digits.bytes().all(|byte| byte.is_ascii_digit());
        // Identifiers stay text when a number would lose their leading zeros or last digits.
        let padded = whole && digits.len() > 1 && digits.starts_with('0');
        let exact_float = !whole || digits.len() <= f64::DIGITS as usize;
        self.integer &= !padded && text.parse::<i64>().is_ok();
        self.float &= !padded && exact_float && text.parse::<f64>().is_ok();
    }

    fn data_type(&self) -> DataType {
        match self {
            Self { any: true, integer: true, .. } => DataType::Int64,
            Self { any: true, float: true, .. } => DataType::Float64,
            _ => DataType::Utf8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(content: impl AsRef<[u8]>) -> Result<CsvScan> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("galaxies.csv");
        std::fs::write(&path, content).unwrap();
        CsvScan::new(&path)
    }

    #[track_caller]
    fn refused(content: impl AsRef<[u8]>, reason: &str) {
        let error = scan(content).unwrap_err().to_string();
        assert!(error.contains("galaxies.csv: ") && error.ends_with(reason), "{error}");
    }

    #[test]
    fn narrowest_type_without_loss() {
        for (values, expected) in [
            (["1", "", "-2"], DataType::Int64),
            ([" 1", "+2 ", "0"], DataType::Int64),
            (["9007199254740993", "1", "2"], DataType::Int64),
            (["1", "2.5", ""], DataType::Float64),
            (["1e3", "nan", "-inf"], DataType::Float64),
            (["-0.5", "-0", "00.5"], DataType::Float64),
            (["0012", "7", "8"], DataType::Utf8),
            (["0012", "7.5", "8"], DataType::Utf8),
            (["9007199254740993", "1.5", "2"], DataType::Utf8),
            (["18446744073709551615", "1", "2"], DataType::Utf8),
            (["1", "2", "x"], DataType::Utf8),
            (["--1", "2", "3"], DataType::Utf8),
            (["", " ", ""], DataType::Utf8),
        ] {
            let scan = scan(format!("name,a\n_,{}\n", values.join("\n_,"))).unwrap();
            assert_eq!(scan.schema.field(1).data_type(), &expected, "{values:?}");
            assert_eq!(scan.n_rows, 3);
        }
    }

    #[test]
    fn rows_are_counted_by_record() {
        assert_eq!(scan("a,b\n").unwrap().n_rows, 0);
        assert_eq!(scan("a,b").unwrap().n_rows, 0);
        assert_eq!(scan("a,b\n\n1,\"x\ny\"\n\n2,z").unwrap().n_rows, 2);
    }

    #[test]
    fn names_lose_spaces_and_byte_order_mark() {
        let scan = scan("\u{feff}id, z \n1,2\n").unwrap();
        let names: Vec<_> = scan.schema.fields().iter().map(|f| f.name().as_str()).collect();
        assert_eq!(names, ["id", "z"]);
    }

    #[test]
    fn ragged_rows_are_found_on_their_line() {
        let long = "line 4 has 3 values where the header names 2 columns";
        refused("a,b\n1,2\n3,4\n5,6,7\n", long);
        refused("a,b\r\n1,2\r\n3,4\r\n5,6,7\r\n", long);
        refused("a,b\n\n1,2\n5,6,7\n", long);
        refused("a,b\n1,2\n\n5,6,7\n", long);
        refused("a,b\n1,\"2\n3\"\n5,6,7", long);
        refused("a,b\n1\n", "line 2 has 1 values where the header names 2 columns");
    }

    #[test]
    fn quotation_marks_have_to_be_closed() {
        let open = |line| format!("line {line} has a quotation mark that is not closed");
        refused("a,b\n1,2\n\n3,\"4\n5,6\n", &open(4));
        refused("a,b\n1,2\n3,\"4", &open(3));
        refused("a,\"b\n1,2\n", &open(1));
        refused("a\n\"", &open(2));
        // One inside a text is a part of it.
        assert_eq!(scan("a,b\n1,5\" pipe\n2,\"x \"\"y\"\"\"\n\n").unwrap().n_rows, 2);
    }

    #[test]
    fn files_without_header_or_text_are_refused() {
        refused("", "is empty; expected a first line of column names");
        refused("\n\n", "is empty; expected a first line of column names");
        refused("1.5,2,3\n4,5,6\n", "line 1 holds only numbers; expected the column names");
        refused(b"a,b\n1,2\n\xff\xfe,4\n", "line 3 is not UTF-8 text");
        refused(b"\xff\xfea\0,\0b\0\n\0", "line 1 is not UTF-8 text");
    }
}
