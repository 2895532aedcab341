//! Paths that users name.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The path as the file system knows it, also of a file that does not exist yet.
pub(super) fn real_path(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|p| *p != Path::new("")).unwrap_or(Path::new("."));
    match (path.canonicalize(), folder.canonicalize(), path.file_name()) {
        (Ok(real), ..) => real,
        (_, Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// Checks that no two of the `outputs` are one file, and none is one of the `inputs`.
///
/// # Errors
/// [`Error::File`] naming the output.
pub(super) fn check_different<'a>(
    outputs: impl IntoIterator<Item = &'a Path>,
    inputs: impl IntoIterator<Item = &'a Path>,
) -> Result<()> {
    let mut taken: Vec<PathBuf> = inputs.into_iter().map(real_path).collect();
    for path in outputs {
        let real = real_path(path);
        if taken.contains(&real) {
            let reason =
                "is named for two different files: what is written must be none of the rest";
            return Err(Error::file(path, reason));
        }
        taken.push(real);
    }
    Ok(())
}
