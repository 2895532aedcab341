//! The program as a user meets it: commands, files, messages, exit codes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[path = "../common/mod.rs"]
mod common;

mod bench;
mod emulator;
mod history;
mod models;
mod predict;
mod shown;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn starburn(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_starburn")).current_dir(folder).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn succeeds(folder: &Path, args: &[&str]) -> (String, String) {
    let output = starburn(folder, args);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{args:?}: {err}");
    (out, err)
}

/// Runs a command that the user got wrong: exit code 2 and one line that says what.
fn fails(folder: &Path, args: &[&str], parts: &[&str]) {
    let output = starburn(folder, args);
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {err}");
    for part in parts {
        assert!(err.contains(part), "{args:?}: no {part:?} in {err}");
    }
}

/// Cells of a CSV file without quoted cells, header first.
fn csv(path: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn column(table: &[Vec<String>], name: &str) -> Vec<String> {
    let j = table[0].iter().position(|c| c == name).unwrap_or_else(|| panic!("no {name}"));
    table[1..].iter().map(|row| row[j].clone()).collect()
}

fn numbers(table: &[Vec<String>], name: &str) -> Vec<f64> {
    column(table, name).iter().map(|c| c.parse().unwrap()).collect()
}
