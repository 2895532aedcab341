//! Two runs must not write to one folder of results.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The name of the lock in folders that users have chosen.
const HIDDEN: &str = ".starburn-lock";

/// The right to write to a folder. The system forgets that of a run which is killed.
#[derive(Debug)]
pub(crate) struct FolderLock {
    path: PathBuf,
    /// Holds the lock as long as it is open.
    _file: File,
}

impl FolderLock {
    /// Takes the lock of a folder, which is a file of this name in it.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::File`] when another run has it.
    pub(crate) fn take(folder: &Path, name: &str) -> Result<Self> {
        let path = folder.join(name);
        loop {
            let file = File::create(&path).map_err(Error::io("create", &path))?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => {
                    let reason = "another run is writing there; wait for it or stop it";
                    return Err(Error::file(folder, reason));
                }
                // File systems without locks have no protection to offer.
                Ok(()) | Err(TryLockError::Error(_)) => {}
            }
            // Unless its last holder has removed it at this very moment.
            if path.exists() {
                return Ok(Self { path, _file: file });
            }
        }
    }

    /// Gives the lock back and removes its file.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn remove(self) -> Result<()> {
        // It is locked until then.
        fs::remove_file(&self.path).map_err(Error::io("remove", &self.path))
    }
}

/// Does `work` while no other run can do such in the same folder.
///
/// # Errors
/// Those of [`FolderLock`] and of the work.
pub(crate) fn alone_in<T>(folder: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let lock = FolderLock::take(folder, HIDDEN)?;
    let outcome = work();
    let removed = lock.remove();
    outcome.and_then(|value| removed.map(|()| value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        // That of a run which was killed.
        fs::write(path.join(HIDDEN), "").unwrap();
        let inner = || alone_in(path, || Ok(1));
        let error = alone_in(path, inner).unwrap_err().to_string();
        assert!(error.contains("another run"), "{error}");
        assert_eq!(fs::read_dir(path).unwrap().count(), 0);
        assert_eq!(inner().unwrap(), 1);
        assert_eq!(fs::read_dir(path).unwrap().count(), 0);
        let missing = alone_in(&path.join("none"), || Ok(1)).unwrap_err();
        assert!(matches!(missing, Error::Io { .. }), "{missing}");
    }
}
