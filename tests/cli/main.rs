//! The program as a user meets it: commands, files, messages, exit codes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use starburn::store::Store;
use starburn::testing::assert_close;

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

const CATALOG: &str = "\
id,logm0,av,redshift,note
007,12.0,0.1,0.5,first
008,13.1,1.2,1.5,second
009,nan,0.1,0.5,third
010,12.0,,0.5,fourth
011,12.0,0.1,0.0,fifth
012,12.0,0.1,29.5,sixth
";

#[test]
fn predict_fills_good_rows_and_explains_bad_ones() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.csv"), CATALOG).unwrap();
    let (_, err) = succeeds(
        folder.path(),
        &[
            "predict",
            "in.csv",
            "-o",
            "out.csv",
            "--jacobian",
            "j.safetensors",
            "--spectra",
            "s.safetensors",
            "--age-weights",
            "table",
            "--fluxes",
            "--sfr",
        ],
    );
    assert!(err.contains("4 of 6 rows could not be predicted"), "{err}");
    assert!(err.contains("row 3: logm0 = NaN is outside [0, 17]"), "{err}");
    assert!(err.contains("lgmet=-2") && err.contains("carried through: id note"), "{err}");

    let table = csv(&folder.path().join("out.csv"));
    assert_eq!(column(&table, "id"), ["007", "008", "009", "010", "011", "012"]);
    assert_eq!(column(&table, "note")[5], "sixth");
    let status = column(&table, "status");
    assert_eq!((status[0].as_str(), status[1].as_str()), ("", ""));
    for (i, part) in [(3, "av is empty"), (4, "redshift = 0"), (5, "age of the Universe")] {
        assert!(status[i].contains(part), "{}", status[i]);
    }
    for band in "ugrizy".chars() {
        let cells = column(&table, &format!("mag_lsst_{band}"));
        assert!(cells[..2].iter().all(|c| (15.0..35.0).contains(&c.parse::<f64>().unwrap())));
        assert!(cells[2..].iter().all(String::is_empty));
    }
    let formed: f64 = column(&table, "lg_mstar_formed")[0].parse().unwrap();
    let surviving: f64 = column(&table, "lg_mstar_surviving")[0].parse().unwrap();
    assert!(surviving < formed && surviving > formed - 0.4);
    let number = |name: &str| -> f64 { column(&table, name)[0].parse().unwrap() };
    let flux = 3631e6 * 10f64.powf(-0.4 * number("mag_lsst_i"));
    assert!((number("fnu_ujy_lsst_i") / flux - 1.0).abs() < 1e-9);
    assert!((-5.0..3.0).contains(&number("lg_sfr")));

    let path = folder.path().join("j.safetensors");
    let store = Store::read(&path).unwrap();
    assert_eq!(store.metadata["filters"].split(',').count(), 6);
    assert_eq!(
        store.metadata["params"],
        "logm0,logtc,early_index,late_index,t_peak,lgmcrit,lgy_at_mcrit,indx_lo,indx_hi,lg_qt,\
         qlglgdt,lg_drop,lg_rejuv,lgmet,lgmet_scatter,av,dust_bump,dust_slope,redshift"
    );
    let jacobian = store.array("jacobian", 3, &path).unwrap();
    assert_eq!(jacobian.shape, [6, 6, 19]);
    let jacobian = jacobian.to_f64();
    assert!(jacobian[..2 * 114].iter().all(|g| g.is_finite()));
    assert!(jacobian[2 * 114..].iter().all(|g| g.is_nan()));

    let path = folder.path().join("s.safetensors");
    let store = Store::read(&path).unwrap();
    let spectra = store.array("fnu_ujy", 2, &path).unwrap();
    assert_eq!(spectra.shape, [6, store.array("wave_rest_aa", 1, &path).unwrap().shape[0]]);
    assert!(spectra.to_f64()[..1229].iter().any(|f| *f > 0.0));
    let redshift = store.array("redshift", 1, &path).unwrap().to_f64();
    assert!(redshift[..2] == [0.5, 1.5] && redshift[2].is_nan());
    let t_obs = store.array("t_obs_gyr", 1, &path).unwrap().to_f64();
    assert!((8.6..8.65).contains(&t_obs[0]));
}

#[test]
fn the_jacobian_predicts_the_effect_of_a_small_change() {
    let folder = tempfile::tempdir().unwrap();
    // The second and third galaxies differ from the first by a step in lgmet, and by none but a
    // given time of observation.
    fs::write(
        folder.path().join("in.csv"),
        "lgmet,redshift,t_obs_gyr\n-2.0,0.8,6.5\n-1.9999,0.8,6.5\n-2.0,0.8001,6.5\n",
    )
    .unwrap();
    let args = [
        "predict",
        "in.csv",
        "-o",
        "out.csv",
        "--jacobian",
        "j.safetensors",
        "--wrt",
        "redshift,lgmet",
    ];
    succeeds(folder.path(), &args);
    let table = csv(&folder.path().join("out.csv"));
    let r = numbers(&table, "mag_lsst_r");
    let path = folder.path().join("j.safetensors");
    let store = Store::read(&path).unwrap();
    assert_eq!(store.metadata["params"], "redshift,lgmet");
    let jacobian = store.array("jacobian", 3, &path).unwrap().to_f64();
    let (by_z, by_met) = (jacobian[2 * 2], jacobian[2 * 2 + 1]);
    assert_close(&[(r[1] - r[0]) / 1e-4, (r[2] - r[0]) / 1e-4], &[by_met, by_z], 2e-3, 1e-6);
}

#[test]
fn formats_filters_frames_and_precisions() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    fs::write(dir.join("in.csv"), "redshift,av\n0.3,0.2\n0.9,1.0\n").unwrap();
    fs::write(dir.join("box.txt"), "# my filter\n5000 0\n5010 1\n5990 1\n6000 0\n").unwrap();
    succeeds(dir, &["predict", "in.csv", "-o", "a.parquet", "--filters", "sdss_r,box.txt"]);
    let (_, err) =
        succeeds(dir, &["predict", "a.parquet", "-o", "b.csv", "--filters", "sdss_r,box.txt"]);
    assert!(err.contains("replaced by predictions: mag_sdss_r mag_box"), "{err}");
    succeeds(dir, &["predict", "in.csv", "-o", "c.csv", "--filters", "sdss_r,box.txt"]);
    let (b, c) = (csv(&dir.join("b.csv")), csv(&dir.join("c.csv")));
    assert_eq!(numbers(&b, "mag_box"), numbers(&c, "mag_box"));

    succeeds(
        dir,
        &["predict", "in.csv", "-o", "d.csv", "--filters", "sdss_r,box.txt", "--dtype", "f32"],
    );
    let d = csv(&dir.join("d.csv"));
    assert_close(&numbers(&d, "mag_sdss_r"), &numbers(&c, "mag_sdss_r"), 0.0, 1e-3);

    succeeds(dir, &["predict", "in.csv", "-o", "e.csv", "--filters", "box.txt", "--frame", "rest"]);
    assert!(numbers(&csv(&dir.join("e.csv")), "mag_box").iter().all(|m| *m < -10.0));

    let by_method = |method| {
        let args = ["predict", "in.csv", "-o", "f.csv", "--filters", "box.txt", "--age-weights"];
        succeeds(dir, &[&args[..], &[method]].concat());
        numbers(&csv(&dir.join("f.csv")), "mag_box")
    };
    let safe = by_method("safe");
    assert_close(&safe, &by_method("table"), 0.0, 1e-6);
    // The table of a hundred times is off by this.
    assert_close(&safe, &by_method("nodes"), 0.0, 5e-3);
}

#[test]
fn mistakes_are_named_and_leave_existing_files_alone() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    fs::write(dir.join("in.csv"), CATALOG).unwrap();
    fs::write(dir.join("out.csv"), "precious").unwrap();
    let cases: &[(&[&str], &[&str])] = &[
        (&["in.csv", "-o", "out.csv", "--strict"], &["in.csv: row 3", "logm0"]),
        (&["none.csv", "-o", "out.csv"], &["none.csv"]),
        (&["in.csv", "-o", "out.fits"], &["out.fits", ".parquet"]),
        (&["in.csv", "-o", "no/out.csv"], &["no/out.csv"]),
        (&["in.csv", "-o", "out.csv", "--filters", "lst"], &["\"lst\"", "lsst"]),
        (&["in.csv", "-o", "out.csv", "--ssp", "none.h5"], &["none.h5"]),
        (&["in.csv", "-o", "out.csv", "--ssp", "in.csv"], &["in.csv", "safetensors"]),
        (&["in.csv", "-o", "out.csv", "--cosmology", "1,2"], &["planck15"]),
        (&["in.csv", "-o", "out.csv", "--device", "tpu"], &["\"tpu\"", "flex"]),
        (&["in.csv", "-o", "out.csv", "--dtype", "f16"], &["f16", "f32, f64"]),
        (&["in.csv", "-o", "out.csv", "--sfh-times", "0,1,2"], &["first SFH time"]),
        (&["in.csv", "-o", "out.csv", "--jacobian", "out.csv"], &["two different files"]),
        (&["in.csv", "-o", "new.csv", "--spectra", "./in.csv"], &["two different files"]),
        (&["in.csv", "-o", "new.csv", "--lgt0", "13.8"], &["--lgt0 = 13.8"]),
        (&["in.csv", "-o", "out.csv", "--jacobian", "j", "--wrt", "mass"], &["\"mass\"", "logm0"]),
        (&["in.csv", "-o", "out.csv", "--fb=-1"], &["--fb"]),
    ];
    for (args, parts) in cases {
        fails(dir, &[&["predict"], *args].concat(), parts);
    }
    assert_eq!(fs::read_to_string(dir.join("out.csv")).unwrap(), "precious");
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["in.csv", "out.csv"]);
}

#[test]
fn devices_that_are_not_there_are_named_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.csv"), "redshift\n0.5\n").unwrap();
    if cfg!(not(feature = "cuda")) {
        fails(folder.path(), &["demo", "--device", "cuda"], &["device cuda", "--features cuda"]);
    }
    let missing = if cfg!(feature = "wgpu") { "mesa-vulkan-drivers" } else { "--features wgpu" };
    for command in [
        &["demo", "--dtype", "f32"][..],
        &["predict", "in.csv", "-o", "out.csv", "--dtype", "f32"],
        &["bench", "population", "-n", "10"],
        &["bench", "backends"],
    ] {
        let output = without_drivers(folder.path(), &[command, &["--device", "wgpu"]].concat());
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{command:?}: {err}");
        assert!(err.starts_with("error: device wgpu: ") && err.contains(missing), "{err}");
        assert_eq!(err.lines().count(), 1, "{command:?}: {err}");
    }
    let doctor = without_drivers(folder.path(), &["doctor"]);
    assert!(doctor.status.success() && text(&doctor.stdout).contains(missing));
    assert_eq!(text(&doctor.stderr), "");
}

/// Runs a command as on a machine without graphics drivers.
fn without_drivers(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_starburn"))
        .current_dir(folder)
        .args(args)
        .env("VK_DRIVER_FILES", "none")
        .env("VK_ICD_FILENAMES", "none")
        .env("__EGL_VENDOR_LIBRARY_FILENAMES", "none")
        .output()
        .unwrap()
}

#[test]
fn every_device_is_measured_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let (out, _) = succeeds(
        folder.path(),
        &[
            "bench",
            "backends",
            "--device",
            "flex,ndarray",
            "--batch",
            "4,40",
            "--nodes",
            "32",
            "--repeat",
            "1",
            "--json",
            "report.json",
            "--figure",
            "times",
        ],
    );
    assert!(out.contains("flex f32") && out.contains("ndarray f64"), "{out}");
    assert!(!out.contains("BEYOND"), "{out}");
    for file in ["report.json", "times.png", "times.svg", "times.csv"] {
        assert!(folder.path().join(file).metadata().unwrap().len() > 100, "{file}");
    }
    for batch in ["0", "8,1000000000000"] {
        fails(folder.path(), &["bench", "backends", "--batch", batch], &["galaxies per call"]);
    }
}

#[test]
fn an_empty_catalogue_is_a_catalogue() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.csv"), "redshift\n").unwrap();
    succeeds(folder.path(), &["predict", "in.csv", "-o", "out.csv", "--jacobian", "j.safetensors"]);
    let path = folder.path().join("j.safetensors");
    let store = Store::read(&path).unwrap();
    assert_eq!(store.array("jacobian", 3, &path).unwrap().shape, [0, 6, 19]);
    assert_eq!(csv(&folder.path().join("out.csv")).len(), 1);
}

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
fn every_history_predicts_a_catalogue_of_its_own_columns() {
    let folder = tempfile::tempdir().unwrap();
    for (sfh, columns, row) in [
        ("gas_depletion", "logm0,tau_dep", "12,3"),
        ("diffstar2021", "logm0,tau_dep", "12,3"),
        ("piecewise", "lg_mass_formed,lg_sfr_ratio_1", "10.5,0.3"),
        ("delayed_tau", "lg_mass_formed,t_start,tau", "10.5,2,1"),
        ("lognormal", "lg_mass_formed,sfr_t_max", "10.5,4"),
        ("double_power_law", "lg_mass_formed,dpl_tau", "10.5,4"),
    ] {
        fs::write(folder.path().join("in.csv"), format!("{columns},redshift\n{row},0.3\n"))
            .unwrap();
        let args = ["predict", "in.csv", "-o", "out.csv", "--sfh", sfh, "--burst"];
        let (_, err) = succeeds(folder.path(), &args);
        assert!(err.contains("lgfburst=-3"), "{err}");
        let table = csv(&folder.path().join("out.csv"));
        let r = numbers(&table, "mag_lsst_r")[0];
        assert!((10.0..35.0).contains(&r), "{sfh}: {r}");
        if columns.starts_with("lg_mass") {
            assert_close(&numbers(&table, "lg_mstar_formed"), &[10.5], 0.0, 1e-6);
        }
    }
}

#[test]
fn lines_and_equivalent_widths_are_columns() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.csv"), "lg_drop,lg_rejuv,av,redshift\n-0.01,-0.005,0.5,0.3\n")
        .unwrap();
    let base = ["predict", "in.csv", "-o", "out.csv", "--lines", "fit"];
    let columns =
        ["--line-columns", "Ba-alpha 6563,Ba-beta 4861", "--ew-columns", "H-alpha,[Ar III] 7135"];
    succeeds(folder.path(), &[&base[..], &columns].concat());
    let table = csv(&folder.path().join("out.csv"));
    let lum = |key| numbers(&table, &format!("lg_lum_{key}"))[0];
    let decrement = lum("Ba_alpha_6563") - lum("Ba_beta_4861");
    // The intrinsic ratio is 2.9; half a magnitude of dust at V reddens it by 0.07 dex.
    assert!((0.51..0.57).contains(&decrement), "{decrement}");
    // L = 4 pi D^2 F, with 1.6 Gpc of Planck's universe at redshift 0.3.
    let flux = numbers(&table, "lg_flux_Ba_alpha_6563")[0];
    let lg_area = (4.0 * std::f64::consts::PI).log10() + 2.0 * (1604.0 * 3.0857e24f64).log10();
    assert_close(&[lum("Ba_alpha_6563") - flux], &[lg_area], 0.0, 2e-3);
    assert!(numbers(&table, "ew_H_alpha")[0] > 5.0 && numbers(&table, "ew_Ar_III_7135")[0] > 0.0);
    // H-alpha at redshift 0.3 lies in the z band and not in i.
    let with: Vec<f64> = ["i", "z"].map(|b| numbers(&table, &format!("mag_lsst_{b}"))[0]).to_vec();
    let off = ["--without-lines", "Ba-alpha 6563"];
    succeeds(folder.path(), &[&base[..], &off].concat());
    let table = csv(&folder.path().join("out.csv"));
    assert_eq!(numbers(&table, "mag_lsst_i")[0], with[0]);
    assert!(numbers(&table, "mag_lsst_z")[0] > with[1] + 0.03);

    // At redshift zero there is no distance and so no flux.
    fs::write(folder.path().join("here.csv"), "redshift\n0\n").unwrap();
    let here = [&["predict", "here.csv"], &base[2..], &columns[..2], &["--frame", "rest"]].concat();
    succeeds(folder.path(), &here);
    let table = csv(&folder.path().join("out.csv"));
    assert_eq!(column(&table, "lg_flux_Ba_beta_4861"), [""]);
    assert!((35.0..45.0).contains(&numbers(&table, "lg_lum_Ba_beta_4861")[0]));

    fails(folder.path(), &[&base[..], &["--line-columns", "H-omega"]].concat(), &["H-omega"]);
    fails(folder.path(), &[&base[..5], &["grid"]].concat(), &["no emission lines"]);
    fails(folder.path(), &[&base[..4], &["--ew-columns", "H-omega"]].concat(), &["H-omega"]);
    fails(folder.path(), &[&base[..4], &off].concat(), &["there are no lines"]);
    let twice = ["--ew-columns", "H-alpha,halpha"];
    fails(folder.path(), &[&base[..4], &twice].concat(), &["asked for twice"]);
    let screen = ["--dust-model", "two_component", "--rv-mod"];
    fails(folder.path(), &[&base[..4], &screen].concat(), &["do not go with it"]);
    let (_, err) =
        succeeds(folder.path(), &[&base[..4], &["--dust-model", "two_component"]].concat());
    assert!(err.contains("not used: av"), "{err}");
}

const HISTORY: &str = r#"
quantities = ["color:lsst_g,lsst_r", "lg_sfr", "ew:[O III] 5007", "p_age"]
gradients = ["lg_drop", "lgu"]
[model]
frame = "rest"
lines = "fit"
[times]
first_gyr = 2.0
last_gyr = 13.0
number = 4
[[galaxy]]
name = "quenched, early"
parameters = { lg_qt = 0.5, lg_drop = -2.5, lg_rejuv = -2.4 }
"#;

#[test]
fn magnitudes_come_from_spectra_or_from_tables() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(
        folder.join("in.csv"),
        "redshift,av_young,av_old\n0.1,0.5,0.1\n1.7,1.0,0.3\n0.4,0,0\n29,0,0\n",
    )
    .unwrap();
    let spectra = ["predict", "in.csv", "-o", "out.csv", "--dust-model", "age_dependent"];
    let tables = [&spectra[..], &["--photometry", "tables"]].concat();
    let magnitudes = |args: &[&str]| {
        succeeds(folder, args);
        let table = csv(&folder.join("out.csv"));
        assert!(column(&table, "status").iter().all(String::is_empty));
        ["mag_lsst_g", "mag_lsst_i"].map(|name| numbers(&table, name))
    };
    let want = magnitudes(&spectra);
    let at_once = magnitudes(&tables);
    let finer = ["--dust-wavelengths", "8", "--table-spacing", "0.002", "--table-redshift", "0.4"];
    let finer = magnitudes(&[&tables[..], &finer].concat());
    for ((want, at_once), finer) in want.iter().zip(&at_once).zip(&finer) {
        assert_close(&at_once[..3], &want[..3], 0.0, 5e-3);
        assert_close(&finer[..3], &want[..3], 0.0, 1e-3);
        assert_close(&finer[2..3], &want[2..3], 0.0, 1e-8);
        // Redward of the Lyman limit at any redshift of the box there are tables as well.
        assert_eq!(at_once[3].is_finite(), want[3].is_finite());
    }
    let wrong = |option: &[&str], part: &str| {
        fails(folder, &[&tables[..], option].concat(), &[part]);
    };
    wrong(&["--dust-wavelengths", "0"], "[1, 64]");
    wrong(&["--table-spacing", "0"], "[0.0005, 0.5]");
    wrong(&["--table-redshift=-1"], "[0, 100]");
}

#[test]
fn galaxies_beyond_the_table_or_before_their_stars_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("in.csv"),
        "lg_mass_formed,t_start,redshift,t_obs_gyr\n10,1,0.1,13.9\n10,1,0.1,14.2\n10,5,0.1,4\n",
    )
    .unwrap();
    let args = ["predict", "in.csv", "-o", "out.csv", "--sfh", "delayed_tau"];
    succeeds(folder.path(), &args);
    let status = column(&csv(&folder.path().join("out.csv")), "status");
    assert_eq!(status[..2], ["", ""]);
    succeeds(folder.path(), &[&args[..], &["--age-weights", "table"]].concat());
    let status = column(&csv(&folder.path().join("out.csv")), "status");
    assert_eq!(status[0], "");
    // Statuses with commas are quoted, and the cells here are split at every comma.
    assert!(status[1].contains("t_obs_gyr = 14.2 is outside (0.1"), "{status:?}");
    assert!(status[2].contains("t_start = 5 is outside"), "{status:?}");
}

#[test]
fn histories_come_as_tables_and_figures() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("h.toml"), HISTORY).unwrap();
    let (out, _) = succeeds(folder.path(), &["history", "h.toml", "-o", "out"]);
    assert!(out.contains("1 galaxies at 4 times"), "{out}");
    let text = fs::read_to_string(folder.path().join("out/history.csv")).unwrap();
    assert_eq!(text.lines().count(), 5);
    assert!(text.contains("\"d(color:lsst_g,lsst_r)/d(lg_drop)\""));
    assert!(text.contains("\"quenched, early\",2.0,"));
    for stem in ["color_lsst_g_lsst_r", "lg_sfr", "ew__O_III__5007", "p_age"] {
        for ending in ["png", "svg", "csv"] {
            assert!(
                folder.path().join(format!("out/{stem}.{ending}")).is_file(),
                "{stem}.{ending}"
            );
        }
    }
    for (from, to, parts) in [
        ("lg_sfr", "lg_sfh", &["lg_sfh", "mag:FILTER"][..]),
        ("lg_drop\"", "lg_dorp\"", &["lg_dorp", "indx_lo"]),
        ("frame", "fame", &["--fame"]),
        ("last_gyr = 13.0", "last_gyr = 20.5", &["time of observation = 20.5", "20]"]),
        ("name = \"quenched", "t_ref_gyr = -5\nname = \"quenched", &["t_ref_gyr = -5"]),
        ("lg_qt = 0.5", "redshift = 0.5", &["quenched, early", "follows from the time"]),
        ("[times]", "[time", &["line 7"]),
        ("lg_qt = 0.5", "lg_qt = 5.5", &["quenched, early", "lg_qt = 5.5"]),
        ("lsst_g", "sdss_g", &["sdss_g", "lsst_u"]),
    ] {
        fs::write(folder.path().join("h.toml"), HISTORY.replacen(from, to, 1)).unwrap();
        let parts = [parts, &["h.toml"]].concat();
        fails(folder.path(), &["history", "h.toml", "-o", "none"], &parts);
        assert!(!folder.path().join("none").exists());
    }
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

#[test]
fn the_population_benchmark_reports_times_and_errors() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["bench", "population", "-n", "300", "--batch", "100", "--repeat", "1"];
    let (out, _) = succeeds(folder.path(), &[&args[..], &["--json", "b.json"]].concat());
    assert!(out.contains("loss and 21 gradients") && out.contains("a table of 100"), "{out}");
    let text = fs::read_to_string(folder.path().join("b.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((json["n"].as_u64(), json["batch"].as_u64()), (Some(300), Some(100)));
    for kind in ["forward", "gradient"] {
        let time = |which: &str| json[kind]["us_per_galaxy"][which].as_f64().unwrap();
        assert!(time("min") > 0.0);
        assert!(time("min") <= time("median"));
    }
    assert!(json["accuracy"]["max"].as_f64().unwrap() < 0.05);
    assert!(json["stages"].as_array().unwrap().iter().all(|s| s["us_per_galaxy"].is_number()));
    assert!(json["versions"]["burn"].is_string() && json["nodes"].as_u64() == Some(64));
    assert_eq!(json["loss_gradient"].as_array().unwrap().len(), 21);
    fails(folder.path(), &["bench", "population", "-n", "0"], &["number of galaxies"]);
    fails(folder.path(), &["bench", "population", "--nodes", "3"], &["[8, 4096]"]);
}

const SMALL_EMULATOR: &str = r#"
sfh = "lognormal"

[prior]
t_obs_gyr = [6.0, 12.0]
sfr_t_max = [2.0, 6.0]

[network]
hidden = [8]
n_age = 16

[training]
steps = 20
batch = 32
warm_up = 5
n_held_out = 64
evaluate_every = 10
nodes = 64
"#;

#[test]
fn emulators_are_trained_continued_and_judged() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("small.toml"), SMALL_EMULATOR).unwrap();
    let train = ["emulator", "train", "small.toml", "-o", "small"];
    succeeds(folder.path(), &train);
    let metrics = csv(&path("small/metrics.csv"));
    assert_eq!(numbers(&metrics, "step"), [10.0, 20.0]);
    for name in ["training.png", "training.svg", "training.csv", "checkpoint.safetensors"] {
        assert!(path("small").join(name).exists(), "{name}");
    }
    let emulator = || Store::read(&path("small/emulator.safetensors")).unwrap();
    let first = emulator();
    let (_, err) = succeeds(folder.path(), &train);
    assert!(err.contains("after step 20"), "{err}");
    assert!(emulator() == first);

    let judge = "emulator evaluate small/emulator.safetensors -n 32 --gradients 16 --timed none \
                 -o judged --record";
    let (out, _) = succeeds(folder.path(), &judge.split_whitespace().collect::<Vec<_>>());
    assert!(out.contains("cumulative distribution") && out.contains("sfr_t_max"), "{out}");
    for ending in ["png", "svg", "csv", "json"] {
        assert!(path(&format!("judged.{ending}")).exists(), "{ending}");
    }
    assert!(emulator().metadata["error_magnitudes"].contains("median"));

    fs::write(path("in.csv"), "sfr_t_max,redshift\n3.0,0.5\n9.0,0.5\nnan,0.5\n").unwrap();
    let predict = "predict in.csv -o out.csv --sfh lognormal --frame rest \
                   --age-weights emulator:small/emulator.safetensors";
    let (_, err) = succeeds(folder.path(), &predict.split_whitespace().collect::<Vec<_>>());
    assert!(err.contains("1 of 3 rows are outside the box"), "{err}");
    let table = csv(&path("out.csv"));
    let outside = column(&table, "outside_prior");
    assert_eq!((outside[0].as_str(), outside[2].as_str()), ("", ""));
    assert!(outside[1].contains("sfr_t_max = 9"), "{outside:?}");
    assert!(column(&table, "mag_lsst_r")[1].parse::<f64>().is_ok());
    assert!(column(&table, "status")[2].contains("sfr_t_max"));
    let (out, _) = succeeds(folder.path(), &["emulator", "config"]);
    assert!(out.contains("[prior]"), "{out}");
}

#[test]
fn mistakes_with_emulators_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("wrong.toml"), SMALL_EMULATOR.replace("batch = 32", "batches = 32")).unwrap();
    fails(
        folder.path(),
        &["emulator", "train", "wrong.toml", "-o", "d"],
        &["wrong.toml", "batches"],
    );
    fs::write(path("small.toml"), SMALL_EMULATOR).unwrap();
    succeeds(folder.path(), &["emulator", "train", "small.toml", "-o", "d"]);
    fs::write(path("other.toml"), SMALL_EMULATOR.replace("batch = 32", "batch = 33")).unwrap();
    fails(
        folder.path(),
        &["emulator", "train", "other.toml", "-o", "d"],
        &["another configuration", "--restart"],
    );
    fs::write(path("in.csv"), "logm0,redshift\n12.0,0.5\n").unwrap();
    let predict = |emulator: &str, parts: &[&str]| {
        fails(
            folder.path(),
            &["predict", "in.csv", "-o", "o.csv", "--age-weights", emulator],
            parts,
        );
    };
    predict("emulator:d/emulator.safetensors", &["lognormal", "diffstar"]);
    predict("emulator:small.toml", &["small.toml"]);
    predict("emulator:d/checkpoint.safetensors", &["no age emulator"]);
    predict("emulators", &["emulators", "emulator:FILE"]);
}
