//! Galaxy catalogues in and out: tables with named columns, one galaxy per row.
//!
//! CSV and Parquet share one in-memory form, the Arrow record batch. Files are streamed, so memory
//! does not grow with the number of rows:
//!
//! ```
//! # fn main() -> starburn::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let (input, output) = (folder.path().join("in.csv"), folder.path().join("out.parquet"));
//! # std::fs::write(&input, "id,redshift\n007,0.5\n").unwrap();
//! use std::sync::Arc;
//!
//! use arrow::array::Float64Array;
//! use arrow::datatypes::{DataType, Field};
//! use starburn::catalog::{CatalogReader, CatalogWriter, Cell, Format, OutputLayout, cells};
//!
//! let reader = CatalogReader::open(&input, 1024)?;
//! let scale_factor = Field::new("scale_factor", DataType::Float64, true);
//! let layout = OutputLayout::new(&reader.schema_for(Format::from_path(&output)?), [scale_factor])?;
//! let mut writer = CatalogWriter::create(&output, layout.schema())?;
//! for batch in reader {
//!     let batch = batch?;
//!     let scale_factor: Float64Array = cells(&batch, "redshift")?
//!         .iter()
//!         .map(|cell| match cell {
//!             Cell::Number(z) => Some(1.0 / (1.0 + z)),
//!             Cell::Empty | Cell::Text(_) => None,
//!         })
//!         .collect();
//!     writer.write(&layout.batch(&batch, [Arc::new(scale_factor) as _])?)?;
//! }
//! writer.finish()
//! # }
//! ```

mod cells;
mod csv_scan;
mod format;
mod layout;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use cells::{Cell, cells};
pub use format::Format;
pub use layout::OutputLayout;
pub use reader::CatalogReader;
pub use writer::CatalogWriter;
