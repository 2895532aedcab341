//! Writing files so that they are either whole or as they were before, and reading configurations.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

use crate::{Error, Result};

/// With what the names of temporary files begin.
pub const TEMPORARY_PREFIX: &str = ".starburn-";

/// A temporary file in the folder of `path`, to be renamed onto it when it is complete; it vanishes
/// when it is dropped before.
///
/// # Errors
/// [`Error::Io`].
pub fn temporary_beside(path: &Path) -> Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY_PREFIX);
    // Temporary files are private by default; this one becomes an ordinary file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder).map_err(Error::io("create", path))
}

/// A file that is complete on disk but does not have its name yet; dropped, it vanishes. Several of
/// them can be completed first and named afterwards, so that they appear together.
#[derive(Debug)]
pub struct CompleteFile {
    file: NamedTempFile,
    path: PathBuf,
}

impl CompleteFile {
    /// Takes a temporary file that holds all of its contents.
    ///
    /// # Errors
    /// [`Error::Io`] when the contents do not reach the disk.
    pub fn new(file: NamedTempFile, path: &Path) -> Result<Self> {
        // A full disk may show only now, on network file systems.
        file.as_file().sync_all().map_err(Error::io("write", path))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Gives the file its name, replacing an earlier file.
    ///
    /// # Errors
    /// [`Error::Io`]; an earlier file is then as it was.
    pub fn persist(self) -> Result<()> {
        self.file.persist(&self.path).map_err(|e| Error::io("write", &self.path)(e.error))?;
        Ok(())
    }
}

/// Checks that a file can be made at `path`, so that long work does not end in vain.
///
/// # Errors
/// [`Error::Io`] when its folder is not there or not to be written to; [`Error::File`] when `path` is a
/// folder.
pub fn check_writable(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Err(Error::file(path, "is a folder, not a file"));
    }
    temporary_beside(path).map(drop)
}

/// Writes `bytes` to `path` atomically.
///
/// # Errors
/// [`Error::Io`]; the file at `path` is then as it was.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = temporary_beside(path)?;
    file.write_all(bytes).map_err(Error::io("write", path))?;
    CompleteFile::new(file, path)?.persist()
}

/// Reads a TOML file.
///
/// # Errors
/// [`Error::Io`] when it cannot be read, [`Error::File`] naming the line when it is not valid.
pub fn read_toml<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    toml::from_str(&text).map_err(|error: toml::de::Error| {
        let message = error.message().trim();
        let reason = match error.span() {
            Some(span) => {
                let line = text[..span.start.min(text.len())].matches('\n').count() + 1;
                format!("line {line}: {message}")
            }
            None => message.to_owned(),
        };
        Error::file(path, reason)
    })
}
