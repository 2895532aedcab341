//! Numbers in a named column, whatever its type.

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::error::ArrowError;

use crate::error::{Error, Result};

/// One value of a column that should hold numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// A number; also NaN or infinite, if the catalogue says so.
    Number(f64),
    /// A missing value: null, or text without a visible character.
    Empty,
    /// Text that is not a number, without the spaces around it.
    Text(String),
}

impl Cell {
    pub(crate) fn parse(text: &str) -> Self {
        match filled(text) {
            None => Self::Empty,
            Some(text) => text.parse().map_or_else(|_| Self::Text(text.to_owned()), Self::Number),
        }
    }
}

/// Values of the column named `column`, one per row of `batch`.
///
/// The column may hold integers, floats, decimals, or text, also dictionary-encoded.
///
/// # Errors
/// [`Error::UnknownName`] if there is no such column, [`Error::Invalid`] if its type has nothing to
/// do with numbers (a list, a date, a flag).
pub fn cells(batch: &RecordBatch, column: &str) -> Result<Vec<Cell>> {
    let Some(values) = batch.column_by_name(column) else {
        let names: Vec<_> = batch.schema_ref().fields().iter().map(|f| f.name().as_str()).collect();
        return Err(Error::UnknownName {
            kind: "column",
            name: column.to_owned(),
            available: names.join(", "),
        });
    };
    let not_numbers = |reason: String| Error::invalid(format!("column {column:?}"), reason);
    read(values).map_err(|error| not_numbers(error.to_string()))?.ok_or_else(|| {
        not_numbers(format!("holds {}; expected integers, floats or text", values.data_type()))
    })
}

/// The cells of `values`, or `None` if its type cannot hold numbers.
fn read(values: &ArrayRef) -> std::result::Result<Option<Vec<Cell>>, ArrowError> {
    let cells = match values.data_type() {
        DataType::Dictionary(_, value_type) => return read(&cast(values, value_type)?),
        DataType::Null => vec![Cell::Empty; values.len()],
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let text = cast(values, &DataType::Utf8)?;
            text.as_string::<i32>().iter().map(|t| t.map_or(Cell::Empty, Cell::parse)).collect()
        }
        number if number.is_numeric() => {
            let numbers = cast(values, &DataType::Float64)?;
            let numbers = numbers.as_primitive::<Float64Type>();
            numbers.iter().map(|n| n.map_or(Cell::Empty, Cell::Number)).collect()
        }
        _ => return Ok(None),
    };
    Ok(Some(cells))
}

/// `text` without the spaces around it, unless nothing remains.
pub(super) fn filled(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BooleanArray, DictionaryArray, NullArray, StringArray};
    use arrow::array::{Float32Array, Int32Array, LargeStringArray, ListArray, UInt64Array};
    use arrow::datatypes::{Int8Type, Int32Type};

    use super::*;

    fn cells_of(values: ArrayRef) -> Result<Vec<Cell>> {
        cells(&RecordBatch::try_from_iter([("z", values)]).unwrap(), "z")
    }

    #[test]
    fn text_is_told_apart_from_missing_and_nan() {
        let text =
            [Some(" 0.5 "), Some("-3"), Some("1e-3"), None, Some(""), Some(" \t"), Some("abc ")];
        let expected = [
            Cell::Number(0.5),
            Cell::Number(-3.0),
            Cell::Number(1e-3),
            Cell::Empty,
            Cell::Empty,
            Cell::Empty,
            Cell::Text("abc".into()),
        ];
        assert_eq!(cells_of(Arc::new(StringArray::from(text.to_vec()))).unwrap(), expected);
        assert_eq!(cells_of(Arc::new(LargeStringArray::from(text.to_vec()))).unwrap(), expected);
        let dictionary: DictionaryArray<Int8Type> = text.into_iter().collect();
        assert_eq!(cells_of(Arc::new(dictionary)).unwrap(), expected);

        let special = cells_of(Arc::new(StringArray::from(vec!["NaN", "-inf"]))).unwrap();
        assert!(matches!(special[0], Cell::Number(z) if z.is_nan()));
        assert_eq!(special[1], Cell::Number(f64::NEG_INFINITY));
    }

    #[test]
    fn numeric_types_are_widened_and_nulls_are_empty() {
        let expected = [Cell::Number(2.0), Cell::Empty];
        let columns: [ArrayRef; 3] = [
            Arc::new(Int32Array::from(vec![Some(2), None])),
            Arc::new(UInt64Array::from(vec![Some(2), None])),
            Arc::new(Float32Array::from(vec![Some(2.0), None])),
        ];
        for column in columns {
            assert_eq!(cells_of(column).unwrap(), expected);
        }
        assert_eq!(cells_of(Arc::new(NullArray::new(1))).unwrap(), [Cell::Empty]);
    }

    #[test]
    fn types_without_numbers_are_refused() {
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]);
        let columns: [(ArrayRef, &str); 2] =
            [(Arc::new(list), "List"), (Arc::new(BooleanArray::from(vec![true])), "Boolean")];
        for (column, found) in columns {
            let error = cells_of(column).unwrap_err().to_string();
            assert!(error.contains("\"z\"") && error.contains(found), "{error}");
        }
    }

    #[test]
    fn unknown_column_lists_the_known_ones() {
        let values: ArrayRef = Arc::new(Int32Array::from(vec![1]));
        let batch = RecordBatch::try_from_iter([("z", values.clone()), ("mass", values)]).unwrap();
        let error = cells(&batch, "redshift").unwrap_err().to_string();
        assert!(error.contains("\"redshift\"") && error.contains("z, mass"), "{error}");
    }
}
