//! The manifest of a folder of parts: which job they belong to, and what each finished part holds.
//!
//! One JSON value per line: the job first, then a line per finished part, appended when its files have
//! their names. A line cut short by an interruption ends what counts, and the lines before it are good.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::files::write_atomic;
use crate::{Error, Result};

/// What a job computes; parts of two jobs fit together when these are equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobRecord {
    /// Name and version of the program.
    pub program: String,
    /// Checksum of the input catalogue.
    pub input: String,
    /// Checksum of the model's data and settings.
    pub model: String,
    /// Checksum of the names and types of everything that is written.
    pub output: String,
    /// Rows of the catalogue.
    pub rows: usize,
    /// Rows of every part but the last.
    pub rows_per_part: usize,
    /// Rows computed at once; sums over other numbers of rows may be rounded differently.
    pub batch: usize,
}

impl JobRecord {
    /// In what `other` differs, in words.
    pub(super) fn differences(&self, other: &Self) -> String {
        let parts = [
            (self.program == other.program, "version of the program"),
            (self.input == other.input && self.rows == other.rows, "input catalogue"),
            (self.model == other.model, "model options"),
            (self.output == other.output, "outputs asked for"),
            (self.rows_per_part == other.rows_per_part, "rows per part"),
            (self.batch == other.batch, "rows per batch"),
        ];
        let parts: Vec<&str> = parts.iter().filter(|(same, _)| !same).map(|p| p.1).collect();
        parts.join(", ")
    }

    /// Number of parts.
    pub(super) fn n_part(&self) -> usize {
        self.rows.div_ceil(self.rows_per_part)
    }

    /// Number of rows of a part.
    pub(super) fn rows_of(&self, part: usize) -> usize {
        self.rows_per_part.min(self.rows - part * self.rows_per_part)
    }
}

/// A finished part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartRecord {
    /// Its place among the parts.
    pub part: usize,
    /// Number of its rows.
    pub rows: usize,
    /// Number of bad rows.
    pub bad: usize,
    /// The first of them, counted from 1 from the start of the catalogue, and its status.
    pub first_bad: Option<(usize, String)>,
    /// Number of good rows whose result deserves a look: those outside the prior of an emulator, or fits
    /// that have not converged.
    pub flagged: usize,
    /// Checksums of its files by name.
    pub files: BTreeMap<String, String>,
}

/// Reads a manifest up to the first line that is none; `None` when not even the job can be read.
///
/// # Errors
/// [`Error::Io`] when there is a file that cannot be read.
pub(super) fn read(path: &Path) -> Result<Option<(JobRecord, Vec<PartRecord>)>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    Ok(parse(&bytes))
}

/// The job and the finished parts of a manifest up to the first line that is none.
pub(crate) fn parse(bytes: &[u8]) -> Option<(JobRecord, Vec<PartRecord>)> {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let job = serde_json::from_slice(lines.next()?).ok()?;
    Some((job, lines.map_while(|line| serde_json::from_slice(line).ok()).collect()))
}

/// Writes a manifest atomically.
///
/// # Errors
/// [`Error::Io`].
pub(super) fn write<'a>(
    path: &Path,
    job: &JobRecord,
    parts: impl Iterator<Item = &'a PartRecord>,
) -> Result<()> {
    let mut bytes = line(path, job)?;
    for part in parts {
        bytes.extend(line(path, part)?);
    }
    write_atomic(path, &bytes)
}

/// Appends a finished part.
///
/// # Errors
/// [`Error::Io`].
pub(super) fn append(path: &Path, part: &PartRecord) -> Result<()> {
    let mut file = OpenOptions::new().append(true).open(path).map_err(Error::io("write", path))?;
    file.write_all(&line(path, part)?).map_err(Error::io("write", path))
}

fn line(path: &Path, value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(value)
        .map_err(|error| Error::file(path, format!("cannot be made: {error}")))?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> JobRecord {
        JobRecord {
            program: "starburn 1".into(),
            input: "ab".into(),
            model: "cd".into(),
            output: "ef".into(),
            rows: 25,
            rows_per_part: 10,
            batch: 4,
        }
    }

    fn part(part: usize) -> PartRecord {
        let files = BTreeMap::from([("part-0.parquet".into(), "01".into())]);
        PartRecord {
            part,
            rows: 10,
            bad: 1,
            first_bad: Some((7, "av\n is empty".into())),
            flagged: 0,
            files,
        }
    }

    #[test]
    fn a_cut_manifest_keeps_its_whole_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest");
        assert_eq!(read(&path).unwrap(), None);
        write(&path, &job(), [part(0)].iter()).unwrap();
        append(&path, &part(2)).unwrap();
        append(&path, &part(1)).unwrap();
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(read(&path).unwrap(), Some((job(), vec![part(0), part(2), part(1)])));
        let first = whole.iter().position(|byte| *byte == b'\n').unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let known = [part(0), part(2), part(1)];
            match read(&path).unwrap() {
                Some((kept, parts)) => {
                    assert!(length >= first && kept == job());
                    assert_eq!(parts[..], known[..parts.len()]);
                    // A line may lack its end: all of it is there.
                    let ends = whole[..=length].iter().filter(|byte| **byte == b'\n').count();
                    assert_eq!(parts.len() + 1, ends);
                }
                None => assert!(length < first),
            }
        }
        std::fs::write(&path, b"\xff\xfe nothing of the kind").unwrap();
        assert_eq!(read(&path).unwrap(), None);
    }

    #[test]
    fn parts_cover_the_rows() {
        for (rows, sizes) in [(0, &[][..]), (10, &[10]), (11, &[10, 1]), (25, &[10, 10, 5])] {
            let job = JobRecord { rows, ..job() };
            let got: Vec<usize> = (0..job.n_part()).map(|part| job.rows_of(part)).collect();
            assert_eq!(got, sizes);
        }
    }

    #[test]
    fn differences_are_named() {
        let other = JobRecord { input: "x".into(), batch: 5, ..job() };
        assert_eq!(job().differences(&other), "input catalogue, rows per batch");
        assert_eq!(job().differences(&job()), "");
    }
}
