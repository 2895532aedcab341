//! `starburn predict`: rows, formats, gradients, mistakes.

use std::fs;

use starburn::store::Store;
use starburn::testing::assert_close;

use super::{column, csv, fails, numbers, succeeds};

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
fn an_empty_catalogue_is_a_catalogue() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.csv"), "redshift\n").unwrap();
    succeeds(folder.path(), &["predict", "in.csv", "-o", "out.csv", "--jacobian", "j.safetensors"]);
    let path = folder.path().join("j.safetensors");
    let store = Store::read(&path).unwrap();
    assert_eq!(store.array("jacobian", 3, &path).unwrap().shape, [0, 6, 19]);
    assert_eq!(csv(&folder.path().join("out.csv")).len(), 1);
}
