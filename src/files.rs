//! Reading whole files, and writing files so that they are either whole or as they were before.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

use crate::{Error, Result};

/// With what the names of temporary files begin.
pub const TEMPORARY_PREFIX: &str = ".starburn-";

/// Most bytes of a text file that tells what to do.
const TEXT_LIMIT: u64 = 4 << 20;

/// Most symbolic links that lead from one to the next.
const LINKS: usize = 40;

/// Reads an ordinary file whole.
///
/// # Errors
/// [`Error::Io`] when it cannot be read; [`Error::File`] when `path` is a folder, or something such as a
/// device that has no end.
pub fn read_whole(path: &Path) -> Result<Vec<u8>> {
    // Before it is opened: that waits at a pipe until somebody writes to it.
    check_ordinary(path)?;
    let mut file = open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    Ok(bytes)
}

/// Reads a file of at most `limit` bytes, which need not be an ordinary one.
///
/// # Errors
/// [`Error::Io`] when it cannot be read; [`Error::File`] when it is a folder or larger.
pub fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // The limit holds while reading, so that devices and growing files cannot exceed it either.
    open(path)?.take(limit + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if bytes.len() as u64 > limit {
        let reason = format!("larger than {} MiB, the limit for files of its kind", limit >> 20);
        return Err(Error::file(path, reason));
    }
    Ok(bytes)
}

/// Reads a text file of a few MiB at most.
///
/// # Errors
/// Those of [`read_limited`]; [`Error::File`] when it is not UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    let bytes = read_limited(path, TEXT_LIMIT)?;
    String::from_utf8(bytes).map_err(|e| Error::file(path, format!("not a UTF-8 text file: {e}")))
}

/// What a TOML text says.
///
/// # Errors
/// The line and what is wrong there.
pub(crate) fn parse_toml<T: DeserializeOwned>(text: &str) -> std::result::Result<T, String> {
    toml::from_str(text).map_err(|error| {
        let message = error.message().trim().replace('\n', " ");
        match error.span() {
            Some(span) => {
                let before = &text.as_bytes()[..span.start.min(text.len())];
                let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
                format!("line {line}: {message}")
            }
            None => message,
        }
    })
}

fn open(path: &Path) -> Result<File> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    if file.metadata().map_err(Error::io("read", path))?.is_dir() {
        return Err(Error::file(path, "is a folder, not a file"));
    }
    Ok(file)
}

/// Checks that what is at `path` is a file of a certain length: no folder, device or pipe.
///
/// # Errors
/// [`Error::Io`] when there is nothing; [`Error::File`].
pub fn check_ordinary(path: &Path) -> Result<()> {
    let kind = fs::metadata(path).map_err(Error::io("read", path))?.file_type();
    match (kind.is_dir(), kind.is_file()) {
        (true, _) => Err(Error::file(path, "is a folder, not a file")),
        (_, false) => Err(Error::file(path, "is a device or a pipe; an ordinary file is needed")),
        _ => Ok(()),
    }
}

/// A temporary file in the folder of `path`, to be renamed onto it when it is complete; it vanishes
/// when it is dropped before. If `path` is a symbolic link, the file is made beside what it leads to.
///
/// # Errors
/// [`Error::Io`]; [`Error::File`] when `path` is there and is no ordinary file, and when its folder is not.
pub fn temporary_beside(path: &Path) -> Result<NamedTempFile> {
    let target = destination(path)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY_PREFIX);
    // Temporary files are private by default; this one becomes an ordinary file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let folder = folder_of(&target);
    if !folder.exists() {
        return Err(Error::file(path, format!("the folder {} does not exist", folder.display())));
    }
    loop {
        let file = builder.tempfile_in(folder).map_err(Error::io("create", path))?;
        // The lock tells others that somebody is at work here; the system forgets it with the
        // process. Where there are no locks, nothing is tidied up either.
        let lock = file.as_file().try_lock();
        // Unless somebody is tidying up at this very moment, or has just done so.
        if !matches!(lock, Err(TryLockError::WouldBlock)) && file.path().exists() {
            return Ok(file);
        }
    }
}

/// Removes temporary files that runs which were killed left in the folder of `path`. Those that
/// somebody on this machine is writing stay; for folders that several machines write to, this is not
/// made.
pub fn remove_stale_beside(path: &Path) {
    let Ok(target) = destination(path) else { return };
    let Ok(entries) = fs::read_dir(folder_of(&target)) else { return };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(is_temporary);
        // Opened for writing, without which some network file systems grant no lock.
        if !is_ours || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        if let Ok(file) = File::options().write(true).open(entry.path())
            && file.try_lock().is_ok()
        {
            // Still locked: whoever has made it just now notices.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// True for the names that [`temporary_beside`] gives.
pub(crate) fn is_temporary(name: &str) -> bool {
    let random = |rest: &str| rest.len() == 6 && rest.bytes().all(|b| b.is_ascii_alphanumeric());
    name.strip_prefix(TEMPORARY_PREFIX).is_some_and(random)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// The file that a path stands for: what symbolic links lead to, though it may not be there yet.
fn destination(path: &Path) -> Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..LINKS {
        match fs::symlink_metadata(&target) {
            Ok(facts) if facts.is_symlink() => {
                let next = fs::read_link(&target).map_err(Error::io("read", path))?;
                target = folder_of(&target).join(next);
            }
            Ok(facts) if facts.is_dir() => {
                return Err(Error::file(path, "is a folder, not a file"));
            }
            Ok(facts) if !facts.is_file() => {
                let reason = "is a device or a pipe; results are written to ordinary files";
                return Err(Error::file(path, reason));
            }
            // What is missing is made, and what cannot be looked at fails there.
            _ => return Ok(target),
        }
    }
    Err(Error::file(path, "is a symbolic link that leads nowhere"))
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
        let target = destination(&self.path)?;
        self.file.persist(target).map_err(|e| Error::io("write", &self.path)(e.error))?;
        Ok(())
    }
}

/// Checks that a file can be made at `path`, so that long work does not end in vain.
///
/// # Errors
/// [`Error::Io`] when its folder is not to be written to; [`Error::File`] when that is not there, or `path`
/// is a folder or a device.
pub fn check_writable(path: &Path) -> Result<()> {
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
/// Those of [`read_text`]; [`Error::File`] naming the line when it is not valid.
pub fn read_toml<T: DeserializeOwned>(path: &Path) -> Result<T> {
    parse_toml(&read_text(path)?).map_err(|reason| Error::file(path, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name());
        let mut names: Vec<_> = names.map(|n| n.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    #[cfg(unix)]
    fn links_stay_and_what_they_lead_to_is_written() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("far")).unwrap();
        // One link leads to another, that one to a file that is not there yet.
        symlink("second", path("first")).unwrap();
        symlink("far/file", path("second")).unwrap();
        for text in ["one", "two"] {
            write_atomic(&path("first"), text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(path("far/file")).unwrap(), text);
        }
        assert!(fs::symlink_metadata(path("first")).unwrap().is_symlink());
        assert_eq!(names(&path("far")), ["file"]);
        symlink("circle", path("circle")).unwrap();
        let error = write_atomic(&path("circle"), b"").unwrap_err().to_string();
        assert!(error.contains("circle: is a symbolic link that leads nowhere"), "{error}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn devices_are_neither_replaced_nor_read_without_end() {
        for device in ["/dev/full", "/dev/null"].map(Path::new) {
            let error = write_atomic(device, b"x").unwrap_err().to_string();
            assert!(error.contains("is a device or a pipe; results"), "{error}");
            assert!(check_writable(device).is_err());
        }
        let zero = Path::new("/dev/zero");
        let error = read_whole(zero).unwrap_err().to_string();
        assert!(error.contains("/dev/zero: is a device"), "{error}");
        let error = read_text(zero).unwrap_err().to_string();
        assert!(error.contains("/dev/zero: larger than 4 MiB"), "{error}");
    }

    #[test]
    #[cfg(unix)]
    fn a_pipe_is_refused_without_waiting_for_a_writer() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        if !made.is_ok_and(|status| status.success()) {
            return;
        }
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || send.send(read_whole(&pipe).unwrap_err().to_string()));
        let error = receive.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
        assert!(error.contains("pipe: is a device or a pipe"), "{error}");
    }

    #[test]
    fn folders_and_missing_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        for read in [read_whole, |path: &Path| read_text(path).map(String::into_bytes)] {
            assert!(read(folder.path()).unwrap_err().to_string().contains("is a folder"));
            let missing = read(&folder.path().join("none"));
            assert!(matches!(missing, Err(Error::Io { action: "read", .. })));
        }
        let error = check_writable(&folder.path().join("none/x.csv")).unwrap_err().to_string();
        assert!(
            error.contains("x.csv: the folder") && error.ends_with("does not exist"),
            "{error}"
        );
        let binary = folder.path().join("binary");
        fs::write(&binary, [0xff, 0xfe]).unwrap();
        assert!(read_text(&binary).unwrap_err().to_string().contains("UTF-8"));
    }

    #[test]
    #[cfg(unix)]
    fn only_what_nobody_writes_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let at_work = temporary_beside(&path).unwrap();
        let other = at_work.path().file_name().unwrap().to_str().unwrap().to_owned();
        let theirs = [".starburn-notes", ".starburn-abc.12", "starburn-abc123"];
        for name in theirs.iter().chain(&[".starburn-abc123"]) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        remove_stale_beside(&path);
        let mut expected: Vec<&str> = theirs.to_vec();
        expected.push(&other);
        expected.sort_unstable();
        assert_eq!(names(folder.path()), expected);
        drop(at_work);
        assert_eq!(names(folder.path()).len(), 3);
    }
}
