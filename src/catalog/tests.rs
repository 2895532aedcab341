//! Reader, layout and writer together, on files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Float32Array, Float64Array,
    Int32Array, LargeStringArray, ListArray, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Int8Type, Int32Type};
use parquet::file::reader::{FileReader, SerializedFileReader};
use tempfile::TempDir;

use super::*;
use crate::error::{Error, Result};

const TRICKY: &str = "id,redshift,mass,note\n\
    0012,0.50,10,\"a,b\"\n\
    007,,11,\"say \"\"hi\"\"\"\n\
    1e2,1e-3,,  spaced  \n\
    x,NaN,-9,\"two\nlines\"\n\
    \u{3b1},+2.,0,\n";

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    fn catalog(&self, name: &str, columns: &[(&str, ArrayRef)]) -> PathBuf {
        let batch = RecordBatch::try_from_iter(columns.iter().cloned()).unwrap();
        let mut writer = CatalogWriter::create(&self.path(name), batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        self.path(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Copies a catalogue with one column added, the number of the row within its batch.
fn copy(input: &Path, output: &Path, batch_rows: usize, added: Option<&str>) -> Result<()> {
    let reader = CatalogReader::open(input, batch_rows)?;
    let fields = added.map(|name| Field::new(name, DataType::Float64, true));
    let layout = OutputLayout::new(&reader.schema_for(Format::from_path(output)?), fields)?;
    let mut writer = CatalogWriter::create(output, layout.schema())?;
    for batch in reader {
        let batch = batch?;
        let values: Float64Array = (0..batch.num_rows()).map(|row| Some(row as f64)).collect();
        writer.write(&layout.batch(&batch, added.map(|_| Arc::new(values) as _))?)?;
    }
    writer.finish()
}

/// The whole catalogue as one batch.
fn read(path: &Path, batch_rows: usize) -> RecordBatch {
    let reader = CatalogReader::open(path, batch_rows).unwrap();
    let schema = reader.schema_for(Format::from_path(path).unwrap());
    let batches: Vec<_> = reader.collect::<Result<_>>().unwrap();
    assert!(batches.iter().all(|batch| batch.num_rows() <= batch_rows));
    concat_batches(&schema, &batches).unwrap()
}

fn types(path: &Path) -> Vec<DataType> {
    read(path, 100).schema().fields().iter().map(|field| field.data_type().clone()).collect()
}

/// Columns of many types.
fn columns() -> Vec<(&'static str, ArrayRef)> {
    let dictionary: DictionaryArray<Int8Type> =
        [Some("disc"), None, Some("disc")].into_iter().collect();
    let lists = [Some(vec![Some(1), None]), None, Some(vec![])];
    vec![
        ("int", Arc::new(Int32Array::from(vec![Some(1), None, Some(-3)]))),
        ("float", Arc::new(Float32Array::from(vec![Some(0.1), None, Some(f32::INFINITY)]))),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ("text", Arc::new(LargeStringArray::from(vec![Some("0012"), None, Some("")]))),
        ("time", Arc::new(TimestampMillisecondArray::from(vec![Some(1_000), None, Some(2_001)]))),
        ("kind", Arc::new(dictionary)),
        ("list", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists))),
    ]
}

#[test]
fn csv_to_csv_is_verbatim() {
    let folder = Folder::new();
    let input = folder.file("in.csv", TRICKY);
    for batch_rows in [1, 2, 100] {
        copy(&input, &folder.path("out.csv"), batch_rows, None).unwrap();
        assert_eq!(fs::read_to_string(folder.path("out.csv")).unwrap(), TRICKY);
    }
}

#[test]
fn csv_to_parquet_to_csv_keeps_every_value() {
    let folder = Folder::new();
    let input = folder.file("in.csv", TRICKY);
    copy(&input, &folder.path("out.pq"), 2, None).unwrap();
    let expected = [DataType::Utf8, DataType::Float64, DataType::Int64, DataType::Utf8];
    assert_eq!(types(&folder.path("out.pq")), expected);
    copy(&folder.path("out.pq"), &folder.path("back.csv"), 2, None).unwrap();
    let expected = TRICKY.replace("0.50", "0.5").replace("1e-3", "0.001").replace("+2.", "2.0");
    assert_eq!(fs::read_to_string(folder.path("back.csv")).unwrap(), expected);
}

#[test]
fn parquet_types_and_values_are_kept() {
    let folder = Folder::new();
    let input = folder.catalog("in.parquet", &columns());
    copy(&input, &folder.path("out.parquet"), 2, None).unwrap();
    let expected = RecordBatch::try_from_iter(columns()).unwrap();
    assert_eq!(read(&folder.path("out.parquet"), 100).columns(), expected.columns());
    assert_eq!(types(&folder.path("out.parquet")), types(&input));
}

#[test]
fn numbers_in_csv_output() {
    let folder = Folder::new();
    let values = [Some(f64::NAN), Some(f64::INFINITY), Some(f64::NEG_INFINITY), None, Some(0.1)];
    let values: ArrayRef = Arc::new(Float64Array::from(values.to_vec()));
    let id: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c", "d", "e"]));
    let path = folder.catalog("out.csv", &[("x", values), ("id", id)]);
    let expected = "x,id\nNaN,a\ninf,b\n-inf,c\n,d\n0.1,e\n";
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);

    let cells = cells(&read(&path, 100), "x").unwrap();
    assert!(matches!(cells[0], Cell::Number(x) if x.is_nan()));
    assert_eq!(cells[1], Cell::Number(f64::INFINITY));
    assert_eq!(cells[3], Cell::Empty);
}

#[test]
fn small_batches_equal_one_batch() {
    let folder = Folder::new();
    let inputs = [folder.file("in.csv", TRICKY), folder.catalog("in.parquet", &columns())];
    for input in inputs {
        assert_eq!(read(&input, 2), read(&input, 100));
        let rows: Vec<_> =
            CatalogReader::open(&input, 2).unwrap().map(|b| b.unwrap().num_rows()).collect();
        assert_eq!(rows[0], 2);
        assert_eq!(rows.iter().sum::<usize>(), CatalogReader::open(&input, 2).unwrap().n_rows());
    }
}

#[test]
fn own_output_can_be_input() {
    let folder = Folder::new();
    let first = folder.file("1.csv", "id,mag,z\na,9,0.1\nb,9,0.2\n");
    copy(&first, &folder.path("2.csv"), 100, Some("mag")).unwrap();
    let expected = "id,z,mag\na,0.1,0.0\nb,0.2,1.0\n";
    assert_eq!(fs::read_to_string(folder.path("2.csv")).unwrap(), expected);
    copy(&folder.path("2.csv"), &folder.path("2.csv"), 1, Some("mag")).unwrap();
    let expected = "id,z,mag\na,0.1,0.0\nb,0.2,0.0\n";
    assert_eq!(fs::read_to_string(folder.path("2.csv")).unwrap(), expected);
}

#[test]
fn catalogue_without_rows_keeps_its_columns() {
    let folder = Folder::new();
    let input = folder.file("in.csv", "id,z\n");
    for output in ["out.csv", "out.parquet"].map(|name| folder.path(name)) {
        copy(&input, &output, 2, Some("mag")).unwrap();
        let reader = CatalogReader::open(&output, 2).unwrap();
        assert_eq!(reader.n_rows(), 0);
        assert_eq!(reader.column_names().collect::<Vec<_>>(), ["id", "z", "mag"]);
        assert_eq!(reader.count(), 0);
    }
}

#[test]
fn parquet_row_groups_bound_the_memory() {
    let folder = Folder::new();
    let values: ArrayRef = Arc::new(Int32Array::from_iter_values(0..70_000));
    let path = folder.catalog("out.parquet", &[("i", values)]);
    let file = SerializedFileReader::new(fs::File::open(&path).unwrap()).unwrap();
    let rows: Vec<_> = file.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(rows, [65_536, 70_000 - 65_536]);
}

#[test]
fn unreadable_input_is_named_with_the_reason() {
    let folder = Folder::new();
    fs::create_dir(folder.path("folder.csv")).unwrap();
    let whole = fs::read(folder.catalog("whole.parquet", &columns())).unwrap();
    let values: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    let schema = arrow::datatypes::Schema::new(vec![
        Field::new("z", DataType::Int32, false),
        Field::new("z", DataType::Int32, false),
    ]);
    let twice = RecordBatch::try_new(Arc::new(schema), vec![values.clone(), values]).unwrap();
    let mut writer = CatalogWriter::create(&folder.path("twice.pq"), twice.schema()).unwrap();
    writer.write(&twice).unwrap();
    writer.finish().unwrap();

    for (path, reason) in [
        (folder.path("missing.csv"), "No such file"),
        (folder.path("missing.parquet"), "No such file"),
        (folder.path("folder.csv"), "is a folder"),
        (folder.file("table.fits", "SIMPLE"), "catalogues end in .csv, .parquet or .pq"),
        (folder.file("twice.csv", "z,id,z \n1,2,3\n"), "more than one column called \"z\""),
        (folder.path("twice.pq"), "more than one column called \"z\""),
        (folder.file("ragged.csv", "a,b\n1,2\n3\n"), "line 3 has 1 values"),
        (folder.file("empty.csv", ""), "is empty"),
        (folder.file("empty.parquet", ""), "is not a readable catalogue"),
        (folder.file("half.parquet", &whole[..whole.len() / 2]), "is not a readable catalogue"),
        (folder.file("text.parquet", "id,z\n1,2\n3,4\n"), "is not a readable catalogue"),
    ] {
        let error = CatalogReader::open(&path, 2).unwrap_err().to_string();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(error.contains(name) && error.contains(reason), "{error}");
    }
    let good = folder.file("good.csv", "a\n1\n");
    assert!(matches!(CatalogReader::open(&good, 0), Err(Error::Invalid { .. })));
}

#[test]
fn damaged_page_ends_the_batches_with_an_error() {
    let folder = Folder::new();
    let values: ArrayRef = Arc::new(Int32Array::from_iter_values(0..1000));
    let path = folder.catalog("damaged.parquet", &[("i", values)]);
    let mut bytes = fs::read(&path).unwrap();
    bytes[4..100].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let mut reader = CatalogReader::open(&path, 10).unwrap();
    let error = reader.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("damaged.parquet"), "{error}");
    assert!(reader.next().is_none());
}

#[test]
fn a_decoder_that_panics_is_an_error() {
    let folder = Folder::new();
    // Three rows whose definition levels claim to be more than the page holds.
    let seed = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/catalogs/panics.parquet");
    let path = folder.file("panics.parquet", fs::read(seed).unwrap());
    let error = CatalogReader::open(&path, 100).unwrap().next().unwrap().unwrap_err().to_string();
    assert!(error.contains("panics.parquet") && error.contains("the decoder gives up"), "{error}");
}

#[test]
fn numbers_of_rows_that_contradict_each_other_are_refused() {
    let folder = Folder::new();
    let values: ArrayRef = Arc::new(Int32Array::from_iter_values(0..5000));
    let bytes = fs::read(folder.catalog("whole.parquet", &[("i", values)])).unwrap();
    // 5000 as a zigzag number of the footer: that of the file and those of its row group.
    let (from, to) = ([0x90, 0x4e], [0x92, 0x4e]);
    let places: Vec<usize> = (0..bytes.len() - 1).filter(|i| bytes[*i..*i + 2] == from).collect();
    let outcomes: Vec<String> = places
        .iter()
        .map(|place| {
            let mut bytes = bytes.clone();
            bytes[*place..*place + 2].copy_from_slice(&to);
            let reader = CatalogReader::open(&folder.file("lies.parquet", bytes), 100);
            reader.map_or_else(|error| error.to_string(), |_| String::new())
        })
        .collect();
    assert!(outcomes.iter().any(|text| text.contains("as many rows as it says")), "{outcomes:?}");
}

#[test]
fn unfinished_output_leaves_no_trace() {
    for name in ["out.csv", "out.parquet"] {
        let folder = Folder::new();
        let path = folder.file(name, "earlier");
        let batch = RecordBatch::try_from_iter([("i", columns()[0].1.clone())]).unwrap();

        let mut writer = CatalogWriter::create(&path, batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        assert_eq!(folder.names().len(), 2, "the temporary file lies in the destination's folder");
        drop(writer);
        assert_eq!(fs::read_to_string(&path).unwrap(), "earlier");
        assert_eq!(folder.names(), [name]);

        let mut writer = CatalogWriter::create(&path, batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        assert_eq!(folder.names(), [name]);
        assert_eq!(CatalogReader::open(&path, 2).unwrap().n_rows(), 3);
    }
}

#[cfg(unix)]
#[test]
fn output_has_the_permissions_of_an_ordinary_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode();
    let input = folder.file("in.csv", TRICKY);
    copy(&input, &folder.path("out.csv"), 2, None).unwrap();
    assert_eq!(mode(folder.path("out.csv")), mode(input));
}

#[test]
fn impossible_output_is_refused_at_once() {
    let folder = Folder::new();
    let schema = RecordBatch::try_from_iter(columns()).unwrap().schema();
    fs::create_dir(folder.path("folder.csv")).unwrap();
    for (name, reason) in [
        ("out.txt", "catalogues end in .csv, .parquet or .pq"),
        ("nowhere/out.parquet", "nowhere does not exist"),
        ("folder.csv", "is a folder"),
        ("out.csv", "List"),
    ] {
        let error =
            CatalogWriter::create(&folder.path(name), schema.clone()).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(reason), "{error}");
    }
    assert_eq!(folder.names(), ["folder.csv"]);
}

#[test]
fn batch_with_other_columns_is_refused() {
    let folder = Folder::new();
    let batch = RecordBatch::try_from_iter(columns()[..2].to_vec()).unwrap();
    let other = batch.project(&[1, 0]).unwrap();
    for name in ["out.csv", "out.parquet"] {
        let mut writer = CatalogWriter::create(&folder.path(name), batch.schema()).unwrap();
        assert!(matches!(writer.write(&other), Err(Error::Invalid { .. })));
    }
}

#[test]
fn text_of_parquet_dictionaries_reaches_csv() {
    let folder = Folder::new();
    let scalars: Vec<_> = columns().into_iter().filter(|(name, _)| *name != "list").collect();
    let input = folder.catalog("in.parquet", &scalars);
    copy(&input, &folder.path("out.csv"), 2, None).unwrap();
    let output = read(&folder.path("out.csv"), 100);
    let rows: Vec<Vec<_>> = (0..output.num_rows())
        .map(|row| {
            let text = |c: &ArrayRef| {
                c.as_string::<i32>()
                    .is_valid(row)
                    .then(|| c.as_string::<i32>().value(row).to_owned())
            };
            output.columns().iter().map(|c| text(c).unwrap_or_default()).collect()
        })
        .collect();
    assert_eq!(rows[0], ["1", "0.1", "true", "0012", "1970-01-01T00:00:01", "disc"]);
    assert_eq!(rows[1], [""; 6]);
    assert_eq!(rows[2], ["-3", "inf", "false", "", "1970-01-01T00:00:02.001", "disc"]);
}
