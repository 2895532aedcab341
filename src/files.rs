//! Writing files so that they are either whole or as they were before.

use std::io::Write;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::{Error, Result};

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
    builder.prefix(".starburn-");
    // Temporary files are private by default; this one becomes an ordinary file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder).map_err(Error::io("create", path))
}

/// Renames a complete temporary file onto `path`.
///
/// # Errors
/// [`Error::Io`]; the file at `path` is then as it was.
pub fn persist(file: NamedTempFile, path: &Path) -> Result<()> {
    file.persist(path).map_err(|e| Error::io("write", path)(e.error))?;
    Ok(())
}

/// Writes `bytes` to `path` atomically.
///
/// # Errors
/// [`Error::Io`]; the file at `path` is then as it was.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = temporary_beside(path)?;
    file.write_all(bytes).map_err(Error::io("write", path))?;
    persist(file, path)
}
