//! The columns of an output catalogue: those carried through and those added.

use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::cells::filled;
use crate::error::{Error, Result};

/// How output batches are made from input batches and computed columns.
///
/// The input's columns come first and keep their order; the added ones follow. An added column
/// replaces an input column of the same name, so that a command can be run on its own output.
#[derive(Debug)]
pub struct OutputLayout {
    /// Indices of the input columns that are carried through.
    carried: Vec<usize>,
    schema: SchemaRef,
}

impl OutputLayout {
    /// Lays out the columns of `input` (see
    /// [`CatalogReader::schema_for`](super::CatalogReader::schema_for)) and the `added` ones.
    ///
    /// # Errors
    /// [`Error::Invalid`] if two added columns have the same name.
    pub fn new(input: &Schema, added: impl IntoIterator<Item = Field>) -> Result<Self> {
        let added: Vec<Arc<Field>> = added.into_iter().map(Arc::new).collect();
        for (i, field) in added.iter().enumerate() {
            if added[..i].iter().any(|other| other.name() == field.name()) {
                let what = format!("output column {:?}", field.name());
                return Err(Error::invalid(what, "is added twice"));
            }
        }
        let is_carried = |field: &Field| added.iter().all(|new| new.name() != field.name());
        let (carried, mut fields): (Vec<_>, Vec<_>) = input
            .fields()
            .iter()
            .enumerate()
            .filter(|(_, field)| is_carried(field))
            .map(|(i, field)| (i, field.clone()))
            .unzip();
        fields.extend(added);
        // The input's file-wide metadata describe its own set of columns and are left behind.
        Ok(Self { carried, schema: Arc::new(Schema::new(fields)) })
    }

    /// The columns of the output.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The output rows for the rows of `input`: its carried columns, then the `added` ones in the
    /// order given to [`OutputLayout::new`].
    ///
    /// # Errors
    /// [`Error::Invalid`] if a column has another type or length than the layout asks for.
    pub fn batch(
        &self,
        input: &RecordBatch,
        added: impl IntoIterator<Item = ArrayRef>,
    ) -> Result<RecordBatch> {
        let mismatch = |error| Error::invalid("output columns", format!("{error}"));
        let carried = input.project(&self.carried).map_err(mismatch)?;
        let mut columns = carried
            .columns()
            .iter()
            .zip(self.schema.fields())
            .map(|(values, field)| retyped(values, field))
            .collect::<Result<Vec<_>>>()?;
        columns.extend(added);
        RecordBatch::try_new(self.schema.clone(), columns).map_err(mismatch)
    }
}

/// `values` as the type of `field`, which is another one only for text columns that hold numbers.
fn retyped(values: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    Ok(match (values.data_type(), field.data_type()) {
        (DataType::Utf8, DataType::Int64) => Arc::new(Int64Array::from(parsed(values, field)?)),
        (DataType::Utf8, DataType::Float64) => Arc::new(Float64Array::from(parsed(values, field)?)),
        _ => values.clone(),
    })
}

fn parsed<T: FromStr>(values: &ArrayRef, field: &Field) -> Result<Vec<Option<T>>> {
    let parse = |text: &str| {
        text.parse().map_err(|_| {
            let reason = format!("{text:?} cannot be written as {}", field.data_type());
            Error::invalid(format!("column {:?}", field.name()), reason)
        })
    };
    values
        .as_string::<i32>()
        .iter()
        .map(|text| text.and_then(filled).map(parse).transpose())
        .collect()
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, StringArray};

    use super::*;

    fn float(name: &str) -> Field {
        Field::new(name, DataType::Float64, true)
    }

    fn text(values: &[&str]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
        RecordBatch::try_from_iter(columns).unwrap()
    }

    #[test]
    fn added_columns_come_last_and_replace_their_namesakes() {
        let input = batch([
            ("id", text(&["a", "b"])),
            ("mag_g", text(&["1.0", "2.0"])),
            ("z", text(&["0.1", "0.2"])),
        ]);
        let layout =
            OutputLayout::new(input.schema_ref(), [float("mag_r"), float("mag_g")]).unwrap();
        let mag_r: ArrayRef = Arc::new(Float64Array::from(vec![Some(3.0), None]));
        let mag_g: ArrayRef = Arc::new(Float64Array::from(vec![4.0, 5.0]));
        let output = layout.batch(&input, [mag_r.clone(), mag_g.clone()]).unwrap();

        let names: Vec<_> =
            output.schema_ref().fields().iter().map(|f| f.name().as_str()).collect();
        assert_eq!(names, ["id", "z", "mag_r", "mag_g"]);
        assert_eq!(output.column(0), input.column(0));
        assert_eq!(output.column(1), input.column(2));
        assert_eq!(output.columns()[2..], [mag_r, mag_g]);
    }

    #[test]
    fn text_becomes_the_numbers_of_the_schema() {
        let input = batch([("n", text(&[" 12 ", " "])), ("x", text(&["+1.5", "nan"]))]);
        let schema = Schema::new(vec![Field::new("n", DataType::Int64, true), float("x")]);
        let layout = OutputLayout::new(&schema, []).unwrap();
        let output = layout.batch(&input, []).unwrap();
        let n: ArrayRef = Arc::new(Int64Array::from(vec![Some(12), None]));
        assert_eq!(output.column(0), &n);
        let x = output.column(1).as_primitive::<arrow::datatypes::Float64Type>();
        assert!(x.value(0) == 1.5 && x.value(1).is_nan() && x.is_valid(1), "{x:?}");

        let changed = batch([("n", text(&["abc"])), ("x", text(&["1"]))]);
        let error = layout.batch(&changed, []).unwrap_err().to_string();
        assert!(error.contains("\"n\"") && error.contains("\"abc\""), "{error}");
    }

    #[test]
    fn contradicting_columns_are_refused() {
        let input = batch([("id", text(&["a", "b"]))]);
        let twice = OutputLayout::new(input.schema_ref(), [float("z"), float("z")]);
        assert!(twice.unwrap_err().to_string().contains("\"z\": is added twice"));

        let layout = OutputLayout::new(input.schema_ref(), [float("z")]).unwrap();
        let short: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
        for wrong in [vec![short], vec![text(&["1", "2"])], vec![]] {
            assert!(matches!(layout.batch(&input, wrong), Err(Error::Invalid { .. })));
        }
    }
}
