//! Optimizations as a user meets them: files, figures, killed and continued, and what becomes of the result.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::optimize_config;
use starburn::store::Store;

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_starburn"));
    command.current_dir(folder).args(args);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn succeeds(folder: &Path, args: &[&str]) -> (String, String) {
    let output = command(folder, args).output().unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{args:?}: {err}");
    (out, err)
}

#[track_caller]
fn fails(folder: &Path, args: &[&str], parts: &[&str]) {
    let Output { status, stderr, .. } = command(folder, args).output().unwrap();
    let err = text(&stderr);
    assert_eq!(status.code(), Some(2), "{args:?}: {err}");
    for part in parts {
        assert!(err.contains(part), "{args:?}: no {part:?} in {err}");
    }
}

fn configured(folder: &Path, n: usize) {
    fs::write(folder.join("c.toml"), optimize_config(n)).unwrap();
}

/// A column of a table, by its name.
fn numbers(path: &Path, name: &str) -> Vec<f64> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let column = lines.next().unwrap().split(',').position(|c| c == name).unwrap();
    lines.map(|line| line.split(',').nth(column).unwrap().parse().unwrap()).collect()
}

#[test]
fn an_optimization_finds_parameters_that_other_commands_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    configured(path, 400);
    // No more threads than there is work.
    let (list, _) = succeeds(path, &["optimize", "c.toml", "--list", "--threads", "1000000000"]);
    assert!(list.contains("dust.av_norm") && list.contains("quantities: lsst_g, lsst_r, lg_mstar"));
    assert!(!path.join("starburn-optimize").exists());

    let files = path.join("out");
    fs::create_dir(&files).unwrap();
    let lock = fs::File::create(files.join(".starburn-lock")).unwrap();
    lock.lock().unwrap();
    fails(path, &["optimize", "c.toml", "-o", "out"], &["out: another run is writing there"]);
    drop(lock);
    let (out, _) = succeeds(path, &["optimize", "c.toml", "-o", "out"]);
    assert!(!files.join(".starburn-lock").exists());
    assert!(out.contains("800 galaxies, 30 values of 1 statistics, 3 free parameters"), "{out}");
    for name in ["comparison", "loss", "correlations"] {
        for kind in ["png", "svg", "csv"] {
            assert!(files.join(format!("{name}.{kind}")).is_file(), "{name}.{kind}");
        }
    }
    let loss = numbers(&files.join("history.csv"), "loss");
    assert!(loss[loss.len() - 1] < 0.2 * loss[0], "{loss:?}");
    let table = files.join("parameters.csv");
    let (best, truth) = (numbers(&table, "best_unbounded"), numbers(&table, "truth_unbounded"));
    let error = numbers(&table, "error_unbounded");
    for j in 0..3 {
        assert!(error[j] > 0.0 && error[j] < 10.0, "{error:?}");
        assert!((best[j] - truth[j]).abs() < 4.0 * error[j], "{best:?} {truth:?} {error:?}");
    }
    assert_eq!(fs::read_to_string(files.join("fisher.csv")).unwrap().lines().count(), 4);
    assert_eq!(numbers(&files.join("directions.csv"), "error").len(), 3);

    // What it found makes the galaxies of a catalogue of haloes, and is timed.
    let haloes = "id,redshift,lgm_obs\n007,0.4,12.5\n008,0.2,11.6\nb c,0.4,13.1\n";
    fs::write(path.join("haloes.csv"), haloes).unwrap();
    let galaxies = ["--population", "out/best_fit.toml", "--filters", "lsst_g,lsst_r"];
    let of = |output: &'static str, more: &[&'static str]| {
        let args = [&["predict", "haloes.csv", "-o", output], &galaxies[..], more].concat();
        succeeds(path, &args);
        path.join(output)
    };
    let one = of("one.csv", &[]);
    assert_eq!(numbers(&one, "halo"), [1.0, 0.0, 2.0]);
    assert_eq!(numbers(&one, "redshift"), [0.2, 0.4, 0.4]);
    assert_eq!(numbers(&one, "lgm_obs"), [11.6, 12.5, 13.1]);
    let rows = fs::read_to_string(&one).unwrap();
    let ids: Vec<&str> = rows.lines().map(|row| row.split(',').next().unwrap()).collect();
    assert_eq!(ids, ["id", "008", "007", "b c"]);
    assert!(numbers(&one, "mag_lsst_r").iter().all(|m| (10.0..40.0).contains(m)));
    assert_eq!(
        fs::read(of("two.csv", &["--batch", "1", "--threads", "1000000000"])).unwrap(),
        fs::read(&one).unwrap()
    );
    let both = of("both.csv", &["--mixing", "weights"]);
    assert_eq!(numbers(&both, "lgm_obs").len(), 6);
    fs::write(path.join("haloes.csv"), haloes.replace("id", "halo")).unwrap();
    let args = ["predict", "haloes.csv", "-o", "x.csv"];
    let (_, err) = succeeds(path, &[&args[..], &galaxies].concat());
    assert!(err.contains("columns replaced by predictions: halo\n"), "{err}");
    fs::remove_file(path.join("x.csv")).unwrap();
    let weights = numbers(&both, "weight");
    assert_eq!((weights.len(), weights.iter().sum::<f64>().round()), (6, 3.0));
    fails(
        path,
        &["predict", "haloes.csv", "-o", "haloes.csv", "--population", "out/best_fit.toml"],
        &["two different files"],
    );
    fails(path, &["predict", "haloes.csv", "-o", "x.csv", "--population", "c.toml"], &["c.toml"]);
    assert!(!path.join("x.csv").exists());
    let bench = ["bench", "galaxies", "-n", "20", "--repeat", "1", "--free", "dust.*"];
    let more = ["--population", "out/best_fit.toml", "--json", "bench.json"];
    let (out, _) = succeeds(path, &[&bench[..], &more].concat());
    assert!(out.contains("loss and 12 gradients"), "{out}");
    assert!(path.join("bench.json").is_file());
}

#[test]
fn killed_it_goes_on_as_if_nothing_had_happened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    configured(path, 1500);
    succeeds(path, &["optimize", "c.toml", "-o", "whole"]);
    let state = path.join("cut/state.safetensors");
    let mut running = command(path, &["optimize", "c.toml", "-o", "cut"]).spawn().unwrap();
    let start = Instant::now();
    // The state is whole whenever it is there. Its first record is the start.
    let steps = || match state.exists() {
        true => Store::read(&state).unwrap().array("history", 2, &state).unwrap().shape[0] - 1,
        false => 0,
    };
    while steps() < 3 {
        assert!(start.elapsed() < Duration::from_secs(240), "no steps");
        assert!(running.try_wait().unwrap().is_none(), "it had ended");
        sleep(Duration::from_millis(2));
    }
    running.kill().unwrap();
    running.wait().unwrap();
    let kept = steps();
    assert!(kept >= 3 && !path.join("cut/parameters.csv").exists(), "it had ended");
    let (_, err) = succeeds(path, &["optimize", "c.toml", "-o", "cut"]);
    assert!(err.contains(&format!("going on after {kept} steps")), "{err}");
    for file in ["parameters.csv", "history.csv", "statistics.csv", "best_fit.toml"] {
        let of = |folder: &str| fs::read(path.join(folder).join(file)).unwrap();
        assert_eq!(of("cut"), of("whole"), "{file}");
    }
    // What was done for another configuration is not taken up.
    configured(path, 40);
    fails(path, &["optimize", "c.toml", "-o", "cut"], &["another configuration", "--restart"]);
    succeeds(path, &["optimize", "c.toml", "-o", "cut", "--restart"]);
}

#[test]
fn inputs_are_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let whole = optimize_config(9);
    let truth = &whole[whole.find("[target.truth]").unwrap()..whole.find("[[statistic]]").unwrap()];
    let of_target = |name: &str| whole.replace(truth, &format!("[target]\nfile = \"{name}\"\n"));
    let mock = &whole[whole.find("mock").unwrap()..whole.find("batch").unwrap()];
    for (name, text) in [
        ("statistics.csv", of_target("statistics.csv")),
        ("history.csv", of_target("../here/history.csv")),
        ("comparison.csv", of_target("comparison.csv")),
        ("best_fit.toml", whole.replace("batch", "parameters = \"best_fit.toml\"\nbatch")),
        ("parameters.csv", whole.replace(mock, "catalog = \"parameters.csv\"\n")),
        (
            "fisher.csv",
            format!("{whole}\n").replace(
                "[[stage]]\nmethod = \"adam\"",
                "[[statistic]]\nname = \"m\"\nkind = \"mean\"\nof = \"lg_mstar\"\n\
             axes = [{ quantity = \"redshift\", edges = [0.0, 0.5, 1.0] }]\n\
             errors = { covariance = \"fisher.csv\" }\n[[stage]]\nmethod = \"adam\"",
            ),
        ),
        ("state.safetensors", whole.replace("nodes = 16", "ssp = \"here/state.safetensors\"")),
    ] {
        let here = path.join("here");
        fs::create_dir_all(&here).unwrap();
        fs::write(here.join("c.toml"), text).unwrap();
        fs::write(here.join(name), "precious").unwrap();
        let grid = name == "state.safetensors";
        let parts = if grid { [name, "safetensors"] } else { [name, "two different files"] };
        fails(path, &["optimize", "here/c.toml", "-o", "here"], &parts);
        assert_eq!(fs::read_to_string(here.join(name)).unwrap(), "precious");
        fs::remove_dir_all(&here).unwrap();
    }
}

#[test]
fn options_without_an_effect_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for (option, key) in [
        ("--sfh", "sfh = \"delayed_tau\""),
        ("--burst", "burst = true"),
        ("--metallicity", "metallicity = \"age_dependent\""),
        ("--dust-model", "dust-model = \"two_component\""),
        ("--age-weights", "age_weights = \"table\""),
        ("dust_wavelengths", "dust_wavelengths = 3"),
    ] {
        let text = optimize_config(9).replace("nodes = 16", key);
        fs::write(path.join("bad.toml"), text).unwrap();
        let part = if option.starts_with('-') { "does not go with populations" } else { "belongs" };
        fails(path, &["optimize", "bad.toml", "--list"], &["bad.toml", option, part]);
    }
    fs::write(path.join("haloes.csv"), "redshift,lgm_obs\n0.4,12.5\n").unwrap();
    let predict = ["predict", "haloes.csv", "-o", "x.csv", "--population", "none.toml"];
    for option in [&["--sfh", "lognormal"][..], &["--burst"], &["--imf", "kroupa"]] {
        let args = [&predict, option].concat();
        fails(path, &args, &[option[0], "does not go with populations"]);
    }
}

#[test]
fn mistakes_are_told_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fails(path, &["optimize", "none.toml"], &["cannot read none.toml"]);
    for (text, part) in [
        ("", "missing field"),
        ("[population]\nfree = 3\n", "line 2"),
        (&optimize_config(0), "at least one halo"),
        (&optimize_config(9).replace("nodes = 16", "nodes = 1"), "nodes"),
        (&optimize_config(9).replace("lsst_g,lsst_r", "lsst_q"), "lsst_q"),
    ] {
        fs::write(path.join("bad.toml"), text).unwrap();
        fails(path, &["optimize", "bad.toml", "-o", "out"], &["bad.toml", part]);
        assert!(!path.join("out").exists(), "{part}");
    }
    configured(path, 9);
    fs::write(path.join("file"), "kept").unwrap();
    fails(path, &["optimize", "c.toml", "-o", "file"], &["is not a folder"]);
    assert_eq!(fs::read_to_string(path.join("file")).unwrap(), "kept");
}
