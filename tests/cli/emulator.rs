//! `starburn emulator`.

use std::fs;

use starburn::store::Store;

use super::common::emulator_config;
use super::{column, csv, fails, numbers, succeeds};

#[test]
fn emulators_are_trained_continued_and_judged() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("small.toml"), emulator_config(20, 10)).unwrap();
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
    fs::write(path("wrong.toml"), emulator_config(20, 10).replace("batch = 32", "batches = 32"))
        .unwrap();
    fails(
        folder.path(),
        &["emulator", "train", "wrong.toml", "-o", "d"],
        &["wrong.toml", "batches"],
    );
    fs::write(path("small.toml"), emulator_config(20, 10)).unwrap();
    succeeds(folder.path(), &["emulator", "train", "small.toml", "-o", "d"]);
    fs::write(path("other.toml"), emulator_config(20, 10).replace("batch = 32", "batch = 33"))
        .unwrap();
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
