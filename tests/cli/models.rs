//! `starburn predict` with other ingredients than the usual ones.

use std::fs;

use starburn::testing::assert_close;

use super::{column, csv, fails, numbers, succeeds};

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
