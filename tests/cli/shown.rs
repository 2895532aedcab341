//! Figures and lists: `demo`, `figures`, `doctor`, `filters`, `ssp info`, `parameters`, `nebular`.

use std::fs;
use std::process::Command;

use super::{csv, fails, numbers, succeeds, text};

#[test]
fn demo_draws_and_prints() {
    let folder = tempfile::tempdir().unwrap();
    let (out, _) = succeeds(folder.path(), &["demo", "-o", "shown"]);
    for part in
        ["main sequence", "quenched", "dusty", "metal-poor", "high redshift", "lsst_y", "try next"]
    {
        assert!(out.contains(part), "{out}");
    }
    for stem in ["spectra", "histories", "population"] {
        for ending in ["png", "svg", "csv"] {
            assert!(
                folder.path().join(format!("shown/{stem}.{ending}")).exists(),
                "{stem}.{ending}"
            );
        }
    }
    // What it says to try next works.
    let next = [
        "predict",
        "shown/galaxies.csv",
        "-o",
        "shown/magnitudes.csv",
        "--filters",
        "lsst,euclid,twomass",
    ];
    succeeds(folder.path(), &next);
    let table = csv(&folder.path().join("shown/magnitudes.csv"));
    assert!(numbers(&table, "mag_euclid_vis").iter().all(|m| m.is_finite()));
}

#[test]
#[cfg(unix)]
fn a_reader_that_leaves_early_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let command =
        format!("{} filters | head -n 1; exit ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_starburn"));
    let output =
        Command::new("bash").current_dir(folder.path()).args(["-c", &command]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).lines().count(), 1);
}

#[test]
fn doctor_filters_and_ssp_info() {
    let folder = tempfile::tempdir().unwrap();
    let (out, _) = succeeds(folder.path(), &["doctor"]);
    assert!(
        out.contains("all is well") && out.contains("sha256") && !out.contains("WRONG"),
        "{out}"
    );
    let (out, _) = succeeds(folder.path(), &["filters"]);
    for set in [
        "lsst", "sdss", "decam", "hsc", "euclid", "twomass", "galex", "wise", "jwst", "roman",
        "wfc3",
    ] {
        assert!(out.lines().any(|line| line.starts_with(set)), "no {set}");
    }
    let (out, _) = succeeds(folder.path(), &["ssp", "info"]);
    assert!(out.contains("PopStar") && out.contains("1229") && out.contains("licence"), "{out}");
    assert!(out.contains("cross at log10 Gyr = -1.02"), "{out}");
    fails(folder.path(), &["filters", "nonsense"], &["nonsense"]);
    fails(folder.path(), &["ssp", "info", "nowhere.h5"], &["nowhere.h5"]);
}

#[test]
fn parameters_of_a_model_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let (out, _) = succeeds(folder.path(), &["parameters", "--sfh", "piecewise", "--burst"]);
    let (with_lines, _) = succeeds(folder.path(), &["parameters", "--lines", "fit"]);
    assert!(with_lines.contains("lgu_scatter") && !out.contains("lgu_scatter"));
    for part in ["lg_sfr_ratio_6", "lgyr_max", "[lgyr_peak+1, 9]", "diffstar2021", "two_component"]
    {
        assert!(out.contains(part), "{part}");
    }
    let mut table = out.lines().skip(1).take_while(|line| !line.is_empty());
    assert!(table.all(|line| line.ends_with('.') && line.len() > 60), "{out}");
}

#[test]
fn nebular_lines_and_calibration() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let (out, _) = succeeds(dir, &["nebular", "lines"]);
    for part in ["[O III] 5007", "5008.31", "Ba-alpha 6563", "range of log10 U", "Byler"] {
        assert!(out.contains(part), "no {part} in {out}");
    }
    fs::write(dir.join("table.h5"), "no table").unwrap();
    let calibrate = |table| vec!["nebular", "calibrate", table, "-o", "fit.safetensors"];
    fails(dir, &calibrate("none.h5"), &["cannot read none.h5"]);
    fails(dir, &calibrate("table.h5"), &["table.h5", "not a readable HDF5 file"]);
    fails(dir, &["nebular", "lines", "table.h5"], &["table.h5", "safetensors"]);
    assert!(!dir.join("fit.safetensors").exists());
}

#[test]
fn figures_of_the_paper_by_number() {
    let folder = tempfile::tempdir().unwrap();
    let (out, _) = succeeds(folder.path(), &["figures", "-o", "paper", "--only", "A1,b1"]);
    assert!(out.contains("A1") && out.contains("B1") && !out.contains("A2"), "{out}");
    for stem in ["figA1_surviving_mass", "figB1_triweight"] {
        for ending in ["png", "svg", "csv"] {
            assert!(folder.path().join(format!("paper/{stem}.{ending}")).exists(), "{stem}");
        }
    }
    let paper = fs::read_dir(folder.path().join("paper")).unwrap();
    assert_eq!(paper.count(), 6);
    fails(folder.path(), &["figures", "--only", "1,C4"], &["figure of the paper", "\"C4\"", "B1"]);
}
