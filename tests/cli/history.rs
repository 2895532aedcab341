//! `starburn history`.

use std::fs;

use super::{fails, succeeds};

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
