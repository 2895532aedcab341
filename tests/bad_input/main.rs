//! Every reader and the commands that use it on broken files: one line that names the file and what is
//! wrong, exit code 2, nothing half-written, and earlier results as they were.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[path = "../common/mod.rs"]
mod common;

mod commands;
mod hdf5;
mod jobs;
mod outputs;
mod stores;
mod tables;
mod texts;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use starburn::Result;

/// What is wrong, the bytes, and parts of the message.
type Broken = (&'static str, Vec<u8>, &'static [&'static str]);

/// A valid file: a seed of the fuzz targets.
fn seed(path: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(path)).unwrap()
}

/// The same with every occurrence of `from` replaced by `to`.
#[track_caller]
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut result = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    let mut found = false;
    while !rest.is_empty() {
        match rest.strip_prefix(from) {
            Some(after) => {
                result.extend(to);
                (rest, found) = (after, true);
            }
            None => {
                result.push(rest[0]);
                rest = &rest[1..];
            }
        }
    }
    assert!(found, "nothing to replace");
    result
}

#[track_caller]
fn replaced_text(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    replaced(bytes, from.as_bytes(), to.as_bytes())
}

/// What may be wrong with any file.
fn anything(valid: &[u8]) -> Vec<Broken> {
    vec![
        ("empty", Vec::new(), &[]),
        ("cut in half", valid[..valid.len() / 2].to_vec(), &[]),
        ("another kind of file", b"SIMPLE  =                    T / FITS".to_vec(), &[]),
        ("zeros", vec![0; valid.len()], &[]),
        ("ones", vec![0xff; valid.len()], &[]),
    ]
}

/// Reads every broken file under `name`; the valid one has to be readable.
#[track_caller]
fn refused<T>(
    name: &str,
    valid: &[u8],
    broken: impl IntoIterator<Item = Broken>,
    read: impl Fn(&Path) -> Result<T>,
) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, valid).unwrap();
    if let Err(error) = read(&path) {
        panic!("the valid file: {error}");
    }
    for (what, bytes, parts) in broken {
        fs::write(&path, bytes).unwrap();
        let Err(error) = read(&path) else { panic!("{name}, {what}: it was read") };
        let text = error.to_string();
        assert!(text.contains(name) && !text.contains('\n'), "{what}: {text:?}");
        for part in parts {
            assert!(text.contains(part), "{what}: no {part:?} in {text}");
        }
    }
    let ending = path.extension().unwrap();
    let [missing, inner] =
        ["none", "folder"].map(|name| folder.path().join(name).with_extension(ending));
    fs::create_dir(&inner).unwrap();
    for (path, part) in [(missing, "none"), (inner, "is a folder")] {
        let Err(error) = read(&path) else { panic!("{} was read", path.display()) };
        assert!(error.to_string().contains(part), "{error}");
    }
    assert_eq!(files(folder.path()).len(), 2, "{name}: a reader has written something");
}

/// Names in a folder, sorted.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// All files in a folder and below it, with what they hold; of links, where they lead.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for name in files(folder) {
        let path = folder.join(name);
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            found.extend(contents(&path));
        } else if kind.is_symlink() {
            let target = fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes();
            found.push((path, target));
        } else {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found
}

/// Checks that a command was refused in one line that has all `parts`.
#[track_caller]
fn refused_in_one_line(what: &str, output: &Output, parts: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{what}: {text}");
    let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("error: ")).collect();
    assert!(errors.len() == 1 && !text.contains("panicked"), "{what}: {text}");
    for part in parts {
        assert!(errors[0].contains(part), "{what}: no {part:?} in {text}");
    }
}
