//! The program on broken files: a row or two per kind.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{contents, refused_in_one_line, replaced_text, seed};

const CATALOG: &[u8] = b"id,redshift\n1,0.5\n2,0.7\n";

/// What is run in a folder with `broken` under its name; the last texts are parts of the message.
struct Case {
    args: &'static str,
    name: &'static str,
    broken: Vec<u8>,
    parts: &'static [&'static str],
}

fn case(
    args: &'static str,
    name: &'static str,
    broken: Vec<u8>,
    parts: &'static [&'static str],
) -> Case {
    Case { args, name, broken, parts }
}

#[test]
fn broken_files_are_refused_and_nothing_is_written() {
    let half = |path: &str| {
        let bytes = seed(path);
        bytes[..bytes.len() / 2].to_vec()
    };
    let text = |text: &str| text.as_bytes().to_vec();
    let train = seed("emulator_config/emulator.toml");
    let predict = "predict in.csv -o out.csv";
    let cases = [
        case("ssp import g.h5 out.csv", "g.h5", half("ssp_hdf5/lines.h5"), &["g.h5"]),
        case(
            "ssp info g.safetensors",
            "g.safetensors",
            half("ssp_safetensors/plain.safetensors"),
            &[],
        ),
        case("predict in.csv -o out.csv --ssp g.h5", "g.h5", half("ssp_hdf5/plain.h5"), &["g.h5"]),
        case(
            "predict in.csv -o out.csv --filters f.h5",
            "f.h5",
            half("filter_hdf5/plain.h5"),
            &["f.h5"],
        ),
        case(
            "predict in.csv -o out.csv --filters f.ecsv",
            "f.ecsv",
            text("# %ECSV 1.0\n"),
            &["unit"],
        ),
        case("filters f.txt", "f.txt", text("1 \u{1b}[2J\n"), &["\\u{1b}"]),
        case("filters f.safetensors", "f.safetensors", vec![0; 100], &["safetensors"]),
        case(predict, "in.csv", text("redshift\n0.5\n\"0.5\n"), &["in.csv", "line 3"]),
        case(
            "predict in.pq -o out.csv",
            "in.pq",
            half("catalog_parquet/mixed.parquet"),
            &["in.pq"],
        ),
        case(
            "predict in.csv -o out.csv --age-weights emulator:e.safetensors",
            "e.safetensors",
            half("emulator/small.safetensors"),
            &["e.safetensors"],
        ),
        case(
            "predict in.csv -o out.csv --lines fit --line-fit l.safetensors",
            "l.safetensors",
            half("line_fit/small.safetensors"),
            &["l.safetensors"],
        ),
        case("nebular calibrate t.h5 -o out.csv", "t.h5", half("line_table/small.h5"), &["t.h5"]),
        case("emulator evaluate e.safetensors", "e.safetensors", vec![1; 64], &["e.safetensors"]),
        case(
            "emulator train c.toml -o new",
            "c.toml",
            replaced_text(&train, "batch", "bitch"),
            &["bitch"],
        ),
        case("emulator train c.toml -o old", "old/checkpoint.safetensors", vec![], &["checkpoint"]),
        case("history h.toml -o new", "h.toml", text("galaxy = 3"), &["h.toml", "line 1"]),
        case("ssp info /dev/zero", "unused", vec![], &["/dev/zero", "device"]),
        case("predict /dev/zero -o out.csv", "unused", vec![], &["/dev/zero", "device"]),
        case("history /dev/zero -o new", "unused", vec![], &["/dev/zero", "4 MiB"]),
    ];
    for Case { args, name, broken, parts } in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("old")).unwrap();
        fs::write(path("in.csv"), CATALOG).unwrap();
        fs::write(path("c.toml"), &train).unwrap();
        fs::write(path("out.csv"), "precious").unwrap();
        fs::write(path(name), broken).unwrap();
        unchanged(folder.path(), args, parts);
    }
}

/// Runs a command that is refused and leaves every file as it was.
#[track_caller]
pub(super) fn unchanged(folder: &Path, args: &str, parts: &[&str]) {
    let before = contents(folder);
    let output = Command::new(env!("CARGO_BIN_EXE_starburn"))
        .current_dir(folder)
        .args(args.split_whitespace())
        .output()
        .unwrap();
    refused_in_one_line(args, &output, parts);
    assert!(contents(folder) == before, "{args} has changed a file");
}

#[test]
fn what_is_written_is_nothing_that_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    fs::create_dir(dir.join("sub")).unwrap();
    fs::write(dir.join("in.csv"), CATALOG).unwrap();
    fs::write(dir.join("g.safetensors"), seed("ssp_safetensors/plain.safetensors")).unwrap();
    fs::write(dir.join("grid.csv"), seed("ssp_safetensors/plain.safetensors")).unwrap();
    fs::write(dir.join("band.csv"), "4000,0\n5000,1\n6000,0\n").unwrap();
    fs::write(dir.join("e.safetensors"), seed("emulator/small.safetensors")).unwrap();
    fs::write(dir.join("l.safetensors"), seed("line_fit/small.safetensors")).unwrap();
    fs::write(dir.join("t.h5"), seed("line_table/small.h5")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("g.safetensors", dir.join("link")).unwrap();
    let predict = "predict in.csv";
    for args in [
        "-o out.csv --ssp g.safetensors --spectra g.safetensors",
        "-o out.csv --ssp g.safetensors --spectra sub/../g.safetensors",
        #[cfg(unix)]
        "-o out.csv --ssp g.safetensors --spectra link",
        "-o grid.csv --ssp grid.csv",
        "-o band.csv --filters lsst_r,./band.csv",
        "-o out.csv --filters band.csv --jacobian band.csv",
        "-o out.csv --age-weights emulator:e.safetensors --jacobian e.safetensors",
        "-o out.csv --lines fit --line-fit l.safetensors --spectra l.safetensors",
        "-o out.csv --jacobian in.csv",
        "-o out.csv --jacobian a --spectra ./a",
    ] {
        unchanged(dir, &format!("{predict} {args}"), &["two different files"]);
    }
    unchanged(dir, "ssp import g.safetensors g.safetensors", &["two different files"]);
    unchanged(dir, "nebular calibrate t.h5 -o t.h5", &["two different files"]);
}
