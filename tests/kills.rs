//! Runs that are killed at random moments, without a chance to tidy up, and continued: the results are
//! those of a run that nobody disturbed.
//!
//! `STARBURN_KILLS` is the number of kills of each kind, `STARBURN_KILLS_SEED` chooses other moments.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Instant;

use starburn::numerics::random::uniform;
use starburn::store::Store;

const KILLS: u64 = 5;
/// Galaxies to be fitted, and haloes at each redshift of an optimization: seconds of work.
const FITTED: u64 = 40;
const HALOES: usize = 60;

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |text| text.parse().unwrap())
}

fn starburn(folder: &Path, args: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_starburn"));
    command.current_dir(folder).args(args.split_whitespace());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Kills a command again and again, goes on with it until it ends by itself, and has `check` look at its
/// folder; then from the beginning in a new folder, until there were kills enough.
fn killed_at_random(what: &str, args: &str, prepare: impl Fn(&Path), check: impl Fn(&Path, &Path)) {
    let whole = tempfile::tempdir().unwrap();
    prepare(whole.path());
    let start = Instant::now();
    assert!(starburn(whole.path(), args).status().unwrap().success());
    let duration = start.elapsed();

    let wanted = number("STARBURN_KILLS", KILLS);
    let seed = number("STARBURN_KILLS_SEED", 1);
    let (mut kills, mut runs) = (0, 0);
    while kills < wanted {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let mut of_this_run = 0;
        loop {
            let mut child = starburn(folder.path(), args).spawn().unwrap();
            // Few kills of one run, so that the late moments, when results are put together, get theirs.
            let enough = of_this_run == 3 || kills == wanted;
            let moment = duration.mul_f64(1.1 * uniform(seed, kills, runs));
            if !enough {
                sleep(moment);
                child.kill().unwrap();
            }
            let status = child.wait().unwrap();
            if status.success() {
                break;
            }
            assert!(status.code().is_none(), "{what}: it fails after {kills} kills");
            kills += 1;
            of_this_run += 1;
        }
        check(whole.path(), folder.path());
        runs += 1;
    }
    eprintln!("{what}: {kills} kills in {runs} runs of {:.2} s", duration.as_secs_f64());
}

/// Names of the files in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Checks that two folders have the same files.
fn assert_same_files(whole: &Path, folder: &Path) {
    assert_eq!(names(folder), names(whole));
    for name in names(whole) {
        let [ours, theirs] = [folder, whole].map(|f| f.join(&name));
        let same = match name.ends_with("safetensors") {
            // Metadata have no order.
            true => Store::read(&ours).unwrap() == Store::read(&theirs).unwrap(),
            false => fs::read(ours).unwrap() == fs::read(theirs).unwrap(),
        };
        assert!(same, "{name} differs");
    }
}

#[test]
fn predictions() {
    let prepare = |folder: &Path| {
        let mut text = "id,lg_mass_formed,tau,av,redshift\n".to_owned();
        for i in 0..4000u64 {
            let x = |k| uniform(7, i, k);
            let (mass, tau, av, z) = (9.0 + 2.0 * x(0), 0.5 + 3.0 * x(1), x(2), 0.1 + x(3));
            text += &format!("{i},{mass:.6},{tau:.6},{av:.6},{z:.6}\n");
        }
        fs::write(folder.join("in.csv"), text).unwrap();
        fs::write(folder.join("out.parquet"), "earlier").unwrap();
    };
    let args = "predict in.csv -o out.parquet --sfh delayed_tau --nodes 16 --filters lsst_r \
                --dtype f32 --part-rows 500 --jacobian j.safetensors --wrt av --spectra s.safetensors";
    killed_at_random("predict", args, prepare, |whole, folder| {
        let wanted = ["in.csv", "j.safetensors", "out.parquet", "s.safetensors"];
        assert_eq!(names(folder), wanted);
        for name in wanted {
            let same = fs::read(folder.join(name)).unwrap() == fs::read(whole.join(name)).unwrap();
            assert!(same, "{name} differs");
        }
    });
}

#[test]
fn trainings() {
    let config = common::emulator_config(60, 5);
    let prepare = |folder: &Path| fs::write(folder.join("c.toml"), &config).unwrap();
    killed_at_random("emulator train", "emulator train c.toml -o out", prepare, |whole, folder| {
        assert_same_files(&whole.join("out"), &folder.join("out"));
    });
}

#[test]
fn fits() {
    let prepare = |folder: &Path| {
        fs::write(folder.join("in.csv"), common::photometry(FITTED)).unwrap();
        fs::write(folder.join("out.parquet"), "earlier").unwrap();
    };
    let model = common::CHEAP_FIT.join(" ");
    let args =
        format!("fit in.csv -o out.parquet {model} --part-rows 10 --figures 3 --figures-dir drawn");
    killed_at_random("fit", &args, prepare, |whole, folder| {
        assert_same_files(&whole.join("drawn"), &folder.join("drawn"));
        assert_eq!(names(folder), ["drawn", "in.csv", "out.parquet"]);
        let [ours, theirs] = [folder, whole].map(|f| fs::read(f.join("out.parquet")).unwrap());
        assert!(ours == theirs, "out.parquet differs");
    });
}

#[test]
fn optimizations() {
    let config = common::optimize_config(HALOES);
    let prepare = |folder: &Path| fs::write(folder.join("c.toml"), &config).unwrap();
    killed_at_random("optimize", "optimize c.toml -o out", prepare, |whole, folder| {
        assert_same_files(&whole.join("out"), &folder.join("out"));
    });
}
