//! What the program says of catalogues that are not what they seem.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fs;
use std::path::Path;
use std::process::Command;

/// Exit code and what was said on standard error.
fn starburn(folder: &Path, args: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_starburn"));
    let output = command.current_dir(folder).args(args.split(' ')).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

const PREDICT: &str = "predict in.csv -o out.csv --filters lsst_r --nodes 16";

/// Predicts the galaxies of a catalogue.
fn predict(folder: &Path, catalogue: &str, more: &str) -> (Option<i32>, String) {
    fs::write(folder.join("in.csv"), catalogue).unwrap();
    starburn(folder, format!("{PREDICT} {more}").trim_end())
}

#[test]
fn a_catalogue_without_any_parameter_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    for (text, part) in [
        ("logm0;redshift\n12;0.5\n", "not separated by commas"),
        ("logm0\tredshift\n12\t0.5\n", "not separated by commas"),
        ("id,LOGM0\n1,12\n", "\"LOGM0\" should be \"logm0\""),
        ("id,mass\n1,12\n", "logm0, logtc"),
    ] {
        let (code, err) = predict(dir, text, "");
        assert_eq!(code, Some(2), "{text}: {err}");
        assert!(err.contains("none of its columns is a parameter") && err.contains(part), "{err}");
        assert!(!dir.join("out.csv").exists() && !dir.join("out.csv.parts").exists());
    }
}

#[test]
fn columns_that_almost_have_the_name_of_a_parameter_are_told_before_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let (code, err) =
        predict(folder.path(), "redshift,LOG_M0,Av,av,id\n0.5,12,3,0.2,7\n0.5,12,3,0.2,8\n", "");
    assert_eq!(code, Some(0), "{err}");
    let warning = "warning: column \"LOG_M0\" is not used; the parameter is called \"logm0\"";
    assert!(err.starts_with(warning), "{err}");
    // There is an av.
    assert!(!err.contains("column \"Av\"") && err.contains("2 galaxies predicted"), "{err}");
}

#[test]
fn nothing_predicted_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let (code, err) = predict(folder.path(), "redshift\n0.5\n-1\n", "");
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("counted from 1, the first is row 2"), "{err}");
    assert!(err.contains("1 galaxy predicted"), "{err}");
    let (code, err) = predict(folder.path(), "redshift\n-1\nx\n", "");
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("0 galaxies predicted") && folder.path().join("out.csv").exists());
}

#[test]
fn files_beside_the_catalogue_have_no_misleading_names() {
    let folder = tempfile::tempdir().unwrap();
    for more in ["--spectra s.npz", "--jacobian j.CSV"] {
        let (code, err) = predict(folder.path(), "redshift\n0.5\n", more);
        assert_eq!(code, Some(2), "{err}");
        assert!(err.contains("is written as safetensors") && !err.contains("panicked"), "{err}");
    }
    let (code, err) = predict(folder.path(), "redshift\n0.5\n", "--spectra none/s.safetensors");
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("none/s.safetensors: the folder none does not exist"), "{err}");
}

#[test]
fn photometry_in_filters_that_were_not_chosen_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let text = "redshift,mag_lsst_r,magerr_lsst_r,mag_lsst_i,magerr_lsst_i,mag_mine\n\
                0.5,22,0.1,21.5,0.1,20\n";
    fs::write(folder.path().join("in.csv"), text).unwrap();
    let args = "fit in.csv -o fits.csv --filters lsst_r --free logm0 --nodes 16 --starts 1";
    let (code, err) = starburn(folder.path(), args);
    assert_eq!(code, Some(0), "{err}");
    let warning = "warning: photometry in filters that are not in --filters, not used: mag_lsst_i";
    assert!(err.lines().any(|line| line == warning), "{err}");
}

#[test]
fn metallicities_beyond_the_grid_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let text = "redshift,lgmet\n0.5,-2\n0.5,-0.5\n0.5,-9.5\n0.5,1\n";
    let (code, err) = predict(folder.path(), text, "");
    assert_eq!(code, Some(0), "{err}");
    // The last has a status instead.
    assert!(
        err.contains("warning: 2 rows have metallicities beyond those of the SSP grid"),
        "{err}"
    );
    let (_, err) = predict(folder.path(), "redshift,lgmet\n0.5,-2\n", "");
    assert!(!err.contains("beyond"), "{err}");
}
