//! Paths that users name.

use std::path::{Path, PathBuf};

/// The path as the file system knows it, also of a file that does not exist yet.
pub(super) fn real_path(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|p| *p != Path::new("")).unwrap_or(Path::new("."));
    match (path.canonicalize(), folder.canonicalize(), path.file_name()) {
        (Ok(real), ..) => real,
        (_, Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}
