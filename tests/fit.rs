//! `starburn fit` as a user meets it: catalogues, messages, exit codes, interrupted runs, figures.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

const CATALOG: &str = "\
id,redshift,mag_lsst_g,magerr_lsst_g,fnu_ujy_lsst_r,fnu_ujy_err_lsst_r,lgmet,av,note
001,0.5,22.5,0.05,8.0,0.3,-2,9,first
002,0.3,,0.05,12.0,0.5,-2.1,9,second
003,nan,22.1,0.05,8.0,0.3,-2,9,third
004,0.4,22.3,0,8.0,0.3,-2,9,fourth
005,0.4,,,nan,0.3,-2,9,fifth
006,0.4,22.0,0.05,8.0,0.3,5,9,sixth
007,0.6,25.0,0.4,-0.1,0.2,-1.9,9,seventh
008,0.4,22.0,0.05,oops,0.3,-2,9,eighth
";

/// Runs `starburn fit` with the cheap model: exit code and messages.
fn fit(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_starburn"));
    command.current_dir(folder).arg("fit").args(common::CHEAP_FIT).args(args);
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[track_caller]
fn succeeds(folder: &Path, args: &[&str]) -> String {
    let (code, err) = fit(folder, args);
    assert_eq!(code, Some(0), "{args:?}: {err}");
    err
}

#[track_caller]
fn fails(folder: &Path, args: &[&str], parts: &[&str]) {
    let (code, err) = fit(folder, args);
    assert_eq!(code, Some(2), "{args:?}: {err}");
    for part in parts {
        assert!(err.contains(part), "{args:?}: no {part:?} in {err}");
    }
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.csv"), CATALOG).unwrap();
    folder
}

/// The cells of a column.
fn column(path: &Path, name: &str) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let j = rows[0].iter().position(|c| *c == name).unwrap_or_else(|| panic!("no {name}"));
    rows[1..].iter().map(|row| row[j].to_owned()).collect()
}

#[test]
fn good_rows_are_fitted_and_bad_ones_explained() {
    let folder = folder();
    let args = ["in.csv", "-o", "out.csv", "--figures", "6,2", "--figures-dir", "drawn"];
    let err = succeeds(folder.path(), &args);
    for part in [
        "free parameters and priors: lg_mass_formed=10±1 av=0.4±0.4",
        "t_start=1 tau=2",
        "filters without photometry in the catalogue: lsst_i",
        "columns carried through: id note",
        "columns replaced by the fit: av",
        "5 of 8 rows could not be fitted",
        "the first is row 3: redshift = NaN",
        "row 2 was not fitted",
        "3 galaxies fitted: out.csv",
    ] {
        assert!(err.contains(part), "no {part:?} in {err}");
    }
    let out = folder.path().join("out.csv");
    assert_eq!(column(&out, "id")[6], "007");
    assert_eq!(column(&out, "mag_lsst_g")[0], "22.5");
    let status = column(&out, "status");
    for (row, reason) in [
        (2, "redshift = NaN"),
        (3, "magerr_lsst_g = 0 is not positive"),
        (4, "no filter has a measurement"),
        (5, "lgmet = 5 is outside"),
        (7, "fnu_ujy_lsst_r = \"\"oops\"\" is not a number"),
    ] {
        assert!(status[row].contains(reason), "{}", status[row]);
    }
    const OTHERS: [&str; 7] = [
        "lg_mass_formed_err",
        "av_err",
        "lg_mstar_err",
        "av_mean",
        "lg_mstar_mean",
        "lg_mstar_std",
        "n_effective",
    ];
    let names = ["lg_mass_formed", "av", "lg_mstar", "chi2", "fit_mag_lsst_g", "fit_mag_lsst_i"];
    for name in names.iter().chain(&OTHERS) {
        for (row, cell) in column(&out, name).iter().enumerate() {
            let fitted = [0, 1, 6].contains(&row);
            assert_eq!(cell.parse::<f64>().is_ok_and(f64::is_finite), fitted, "{name} {row}");
        }
    }
    assert!([0, 1, 6].iter().all(|row| status[*row].is_empty()), "{status:?}");
    assert_eq!(column(&out, "n_bands"), ["2", "1", "", "", "", "", "2", ""]);
    let seen: f64 = column(&out, "fit_mag_lsst_g")[0].parse().unwrap();
    assert!((seen - 22.5).abs() < 0.2, "{seen}");
    let figure = fs::read_to_string(folder.path().join("drawn/fit-000006.csv")).unwrap();
    assert!(figure.contains("lg_mass_formed = ") && figure.contains("Row 6, z = 0.6000"));
    assert!(folder.path().join("drawn/fit-000006.png").exists());
    assert!(!folder.path().join("drawn/fit-000002.png").exists());
}

#[test]
fn interrupted_runs_go_on_and_threads_change_nothing() {
    let folder = folder();
    fn run<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["--part-rows", "2", "--batch", "2"], more].concat()
    }
    succeeds(folder.path(), &run(&["in.csv", "-o", "one.csv", "--threads", "1"]));
    fails(
        folder.path(),
        &run(&["in.csv", "-o", "two.csv", "--strict"]),
        &["row 3: redshift", "two.csv.parts"],
    );
    assert!(!folder.path().join("two.csv").exists());
    let other = ["in.csv", "-o", "two.csv", "--max-iterations", "9"];
    fails(folder.path(), &run(&other), &["outputs asked for", "--restart"]);
    let err = succeeds(folder.path(), &run(&["in.csv", "-o", "two.csv", "--threads", "2"]));
    assert!(err.contains("2 of 8 rows had been finished"), "{err}");
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert!(read("one.csv") == read("two.csv"));
    assert!(!folder.path().join("two.csv.parts").exists());
}

#[test]
fn mistakes_are_explained_and_nothing_is_written() {
    let folder = folder();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("none.csv", "redshift,mag_sdss_g,magerr_sdss_g\n0.5,20,0.1\n");
    write("bare.csv", "redshift,mag_lsst_g\n0.5,20\n");
    write(
        "both.csv",
        "redshift,mag_lsst_g,magerr_lsst_g,fnu_ujy_lsst_g,fnu_ujy_err_lsst_g\n0.5,20,0.1,1,1\n",
    );
    write("where.csv", "mag_lsst_g,magerr_lsst_g\n20,0.1\n");
    write("odd.toml", "[prior]\nav = { mean = 1.0 }\n");
    write("idle.toml", "[prior]\ntau = { low = 1.0, high = 2.0 }\n");
    for (args, parts) in [
        (&["none.csv"][..], &["photometry", "mag_<filter>", "lsst_g, lsst_r, lsst_i"][..]),
        (&["bare.csv"], &["mag_lsst_g", "no column of errors, magerr_lsst_g"]),
        (&["both.csv"], &["mag_lsst_g", "fnu_ujy_lsst_g"]),
        (&["where.csv"], &["no column redshift"]),
        (&["in.csv", "--free", "redshift"], &["redshift", "known redshifts"]),
        (&["in.csv", "--free", "logm0"], &["logm0", "tau"]),
        (&["in.csv", "--free", "dust_bump"], &["dust_bump", "no usual prior"]),
        (&["in.csv", "--config", "odd.toml"], &["odd.toml", "line 2", "{ mean, sigma }"]),
        (&["in.csv", "--config", "idle.toml"], &["prior of tau", "not free"]),
        (&["in.csv", "--frame", "rest"], &["apparent magnitudes"]),
        (&["in.csv", "--starts", "0"], &["at least one start"]),
        (&["in.csv", "--figures", "8"], &["--figures: row = 8 is outside [0, 8)"]),
        (&["in.csv", "--strict"], &["row 3: redshift = NaN"]),
        (&["in.csv", "--figures", "0", "--figures-dir", "in.csv"], &["in.csv", "not a folder"]),
    ] {
        fails(folder.path(), &[args, &["-o", "out.csv"]].concat(), parts);
    }
    fails(folder.path(), &["in.csv", "-o", "out.txt"], &["out.txt"]);
    let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let outputs: Vec<_> = left.filter(|name| name.to_string_lossy().contains("out")).collect();
    assert!(outputs.is_empty(), "{outputs:?}");
}
