//! The folder of finished parts beside an output, which outlives an interrupted run.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::manifest::{self, JobRecord, PartRecord};
use super::part::{PREFIX, PartWriter, array_file, is_whole, rows_file};
use super::plan::OutputPlan;
use crate::files::{TEMPORARY_PREFIX, is_temporary};
use crate::lock::FolderLock;
use crate::{Error, Result};

const MANIFEST: &str = "manifest.jsonl";
const LOCK: &str = "lock";
/// List of the temporary files beside the outputs; among the names that [`is_part`] knows.
const JOINS: &str = ".starburn-joins";

/// The folder of finished parts beside an output.
#[derive(Debug)]
pub(super) struct Parts {
    folder: PathBuf,
    /// Held as long as this run writes to the folder.
    lock: FolderLock,
    job: JobRecord,
    finished: BTreeMap<usize, PartRecord>,
}

/// Where the parts of an output are kept until it is complete: `OUT.parts`.
pub fn parts_folder(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".parts");
    name.into()
}

impl Parts {
    /// Opens the folder for a job. Parts that an earlier run of the same job finished are kept if they
    /// are whole; with `restart` none are.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::File`] when another run is writing there, when the folder has finished
    /// parts of another job, or when it holds something else.
    pub(super) fn open(
        output: &Path,
        job: JobRecord,
        plan: &OutputPlan,
        restart: bool,
    ) -> Result<Self> {
        let folder = parts_folder(output);
        match fs::create_dir(&folder) {
            Err(error) if !(error.kind() == ErrorKind::AlreadyExists && folder.is_dir()) => {
                return Err(Error::io("create", &folder)(error));
            }
            _ => check_contents(&folder)?,
        }
        let lock = FolderLock::take(&folder, LOCK)?;
        remove_noted(&folder.join(JOINS));
        let known = manifest::read(&folder.join(MANIFEST))?;
        let mut parts = Self { folder, lock, job, finished: BTreeMap::new() };
        if let Some((job, finished)) = known.filter(|_| !restart) {
            if job == parts.job {
                let fits = |part: &PartRecord| {
                    part.part < job.n_part() && part.rows == job.rows_of(part.part)
                };
                let whole =
                    finished.into_iter().filter(|p| fits(p) && is_whole(&parts.folder, p, plan));
                parts.finished = whole.map(|part| (part.part, part)).collect();
            } else if !finished.is_empty() {
                let reason = format!(
                    "holds {} finished parts of another job (other {}); --restart discards them",
                    finished.len(),
                    parts.job.differences(&job)
                );
                return Err(Error::file(&parts.folder, reason));
            }
        }
        parts.clear()?;
        manifest::write(&parts.manifest(), &parts.job, parts.finished.values())?;
        Ok(parts)
    }

    /// Finished parts by number.
    pub(super) fn finished(&self) -> &BTreeMap<usize, PartRecord> {
        &self.finished
    }

    /// What the parts belong to.
    pub(super) fn job(&self) -> &JobRecord {
        &self.job
    }

    /// Starts a part.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn start(&self, plan: &OutputPlan, part: usize) -> Result<PartWriter> {
        PartWriter::create(&self.folder, plan, part, part * self.job.rows_per_part)
    }

    /// Finishes a part: from now on it counts.
    ///
    /// # Errors
    /// Those of [`PartWriter::finish`]; [`Error::Io`].
    pub(super) fn finish(&mut self, part: PartWriter, plan: &OutputPlan) -> Result<()> {
        let record = part.finish(plan)?;
        manifest::append(&self.manifest(), &record)?;
        self.finished.insert(record.part, record);
        Ok(())
    }

    /// Files with the rows of all parts, in order.
    pub(super) fn rows_files(&self) -> impl Iterator<Item = PathBuf> {
        (0..self.job.n_part()).map(|part| self.folder.join(rows_file(part)))
    }

    /// Files with the values of an array, in order.
    pub(super) fn array_files(&self, array: &str) -> impl Iterator<Item = PathBuf> {
        (0..self.job.n_part()).map(move |part| self.folder.join(array_file(part, array)))
    }

    /// Takes down the name of a temporary file elsewhere, so that a later run can remove it if this one is
    /// killed.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn note(&self, temporary: &Path) -> Result<()> {
        let path = self.folder.join(JOINS);
        let line = format!("{}\n", serde_json::json!(temporary.to_string_lossy()));
        let file = fs::OpenOptions::new().create(true).append(true).open(&path);
        file.and_then(|mut file| file.write_all(line.as_bytes())).map_err(Error::io("write", &path))
    }

    /// Removes the folder after the work is done.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn remove(mut self) -> Result<()> {
        self.finished.clear();
        self.clear()?;
        let Self { folder, lock, .. } = self;
        fs::remove_file(folder.join(MANIFEST)).map_err(Error::io("remove", &folder))?;
        lock.remove()?;
        fs::remove_dir(&folder).map_err(Error::io("remove", &folder))
    }

    fn manifest(&self) -> PathBuf {
        self.folder.join(MANIFEST)
    }

    /// Removes what does not belong to a finished part.
    fn clear(&self) -> Result<()> {
        let kept: HashSet<&String> = self.finished.values().flat_map(|p| p.files.keys()).collect();
        for name in names(&self.folder)? {
            if is_part(&name) && !kept.contains(&name) {
                let path = self.folder.join(name);
                fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            }
        }
        Ok(())
    }
}

/// True for names that this module gives: `part-000000.parquet` and the like.
fn is_part(name: &str) -> bool {
    let numbered = |rest: &str| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        digits >= 6 && rest[digits..].starts_with('.')
    };
    name.strip_prefix(PREFIX).is_some_and(numbered) || name.starts_with(TEMPORARY_PREFIX)
}

/// Removes the temporary files that an earlier run had no time to remove. Whoever else writes to the same
/// folders has other ones.
fn remove_noted(list: &Path) {
    let lines = fs::read_to_string(list).unwrap_or_default();
    for path in lines.lines().filter_map(|line| serde_json::from_str::<PathBuf>(line).ok()) {
        if path.file_name().and_then(|name| name.to_str()).is_some_and(is_temporary) {
            // Most are not there any more.
            let _ = fs::remove_file(path);
        }
    }
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).map_err(Error::io("read", folder))?;
    let name = |entry: std::io::Result<fs::DirEntry>| {
        Ok(entry.map_err(Error::io("read", folder))?.file_name().to_string_lossy().into_owned())
    };
    entries.map(name).collect()
}

/// A folder of that name may be somebody's own.
fn check_contents(folder: &Path) -> Result<()> {
    let names = names(folder)?;
    let marked = names.iter().any(|name| name == MANIFEST || name == LOCK);
    let ours = |name: &String| name == MANIFEST || name == LOCK || marked && is_part(name);
    match names.iter().find(|name| !ours(name)) {
        Some(name) => Err(Error::file(
            folder,
            format!("is needed for the parts of the output, but holds {name:?}; move it away"),
        )),
        None => Ok(()),
    }
}
