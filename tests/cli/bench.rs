//! `starburn bench`, and devices that are not there.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use super::{fails, succeeds, text};

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
