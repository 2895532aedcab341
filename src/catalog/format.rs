//! The file formats of a catalogue.

use std::path::Path;

use crate::error::{Error, Result};

/// File format of a catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated text in UTF-8 whose first line names the columns.
    Csv,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// The format that the extension of `path` stands for: `.csv`, `.parquet` or `.pq`, in upper or
    /// lower case.
    ///
    /// # Errors
    /// [`Error::File`] if the extension is another one or missing.
    pub fn from_path(path: &Path) -> Result<Self> {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        match extension.as_str() {
            "csv" => Ok(Self::Csv),
            "parquet" | "pq" => Ok(Self::Parquet),
            "" => {
                Err(Error::file(path, "has no extension; catalogues end in .csv, .parquet or .pq"))
            }
            other => Err(Error::file(
                path,
                format!("has the extension .{other}; catalogues end in .csv, .parquet or .pq"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extension_decides() {
        for (name, format) in [
            ("a.csv", Format::Csv),
            ("a.b.CSV", Format::Csv),
            ("a.parquet", Format::Parquet),
            ("a.Pq", Format::Parquet),
        ] {
            assert_eq!(Format::from_path(Path::new(name)).unwrap(), format, "{name}");
        }
    }

    #[test]
    fn other_extensions_are_named_with_the_allowed_ones() {
        for (name, found) in [("a.fits", "the extension .fits"), ("csv", "no extension")] {
            let error = Format::from_path(Path::new(name)).unwrap_err().to_string();
            for part in [name, found, ".csv", ".parquet", ".pq"] {
                assert!(error.contains(part), "{part:?} is not in {error:?}");
            }
        }
    }
}
