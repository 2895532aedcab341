//! Long predictions as a user meets them: killed, short of room, continued, and how much memory they
//! take.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_starburn");
/// A model that costs little, so that the time goes into what is tested.
const CHEAP: [&str; 10] = [
    "--sfh",
    "delayed_tau",
    "--nodes",
    "16",
    "--filters",
    "lsst_r",
    "--dtype",
    "f32",
    "--part-rows",
    "1000",
];

fn catalogue(path: &Path, n: usize) {
    let mut text = "id,lg_mass_formed,tau,av,redshift\n".to_owned();
    for i in 0..n {
        let x = |step: f64| (i as f64 * step).fract();
        let (mass, tau, av, z) =
            (9.0 + 2.0 * x(0.618), 0.5 + 3.0 * x(0.414), x(0.732), 0.1 + x(0.236));
        text += &format!("{i},{mass:.6},{tau:.6},{av:.6},{z:.6}\n");
    }
    fs::write(path, text).unwrap();
}

/// `starburn predict` in a folder; with both side files if `output` is not CSV.
fn predict(folder: &Path, input: &str, output: &str, more: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.current_dir(folder).args(["predict", input, "-o", output]).args(CHEAP).args(more);
    if !output.ends_with("csv") {
        command.args(["--jacobian", "j.safetensors", "--wrt", "av", "--spectra", "s.safetensors"]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn succeeds(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", message(&output));
    message(&output)
}

#[track_caller]
fn fails(mut command: Command, parts: &[&str]) {
    let output = command.output().unwrap();
    let text = message(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    for part in parts {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}

/// Kills the run (without a chance to tidy up) when `n` parts are finished; false if it ends by itself
/// before that, on a machine that has better things to do than to look at parts.
#[must_use]
fn killed_after(mut command: Command, parts: &Path, n: usize) -> bool {
    let mut child = command.spawn().unwrap();
    let start = Instant::now();
    while finished(parts) < n {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "it failed");
            return false;
        }
        assert!(start.elapsed() < Duration::from_secs(120), "no parts");
        sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

/// Tries until `attempt` succeeds.
#[track_caller]
fn eventually(mut attempt: impl FnMut() -> bool) {
    assert!((0..20).any(|_| attempt()), "every run ended before it could be killed");
}

/// Parts in the manifest.
fn finished(parts: &Path) -> usize {
    let manifest = fs::read_to_string(parts.join("manifest.jsonl")).unwrap_or_default();
    manifest.lines().count().saturating_sub(1)
}

fn outputs(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|e| (e.file_name().into_string().unwrap(), fs::read(e.path()).unwrap_or_default()))
        .filter(|(name, _)| !name.starts_with("in."))
        .collect();
    files.sort();
    files
}

#[test]
fn a_killed_run_is_continued_to_the_same_bytes() {
    for output in ["out.parquet", "out.csv"] {
        let whole = tempfile::tempdir().unwrap();
        catalogue(&whole.path().join("in.csv"), 6500);
        succeeds(predict(whole.path(), "in.csv", output, &[]));
        let names: Vec<String> = outputs(whole.path()).into_iter().map(|f| f.0).collect();
        assert_eq!(names.last().unwrap() == "s.safetensors", output == "out.parquet", "{names:?}");

        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let parts = dir.join(format!("{output}.parts"));
        catalogue(&dir.join("in.csv"), 6500);
        eventually(|| {
            fs::write(dir.join(output), "precious").unwrap();
            let killed = |n| killed_after(predict(dir, "in.csv", output, &[]), &parts, n);
            killed(1) && killed(3)
        });
        assert_eq!(fs::read(dir.join(output)).unwrap(), b"precious");

        // Another model is refused, and the parts stay.
        fails(predict(dir, "in.csv", output, &["--fb", "0.2"]), &["model options", "--restart"]);
        let n = finished(&parts);
        assert!(n >= 3);
        let text = succeeds(predict(dir, "in.csv", output, &["--threads", "1"]));
        assert!(text.contains(&format!("{} of 6500 rows", n * 1000)), "{text}");
        assert!(!parts.exists());
        assert!(outputs(dir) == outputs(whole.path()), "{output}");
    }
}

#[test]
fn damage_and_other_input_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    catalogue(&dir.join("in.csv"), 4500);
    succeeds(predict(dir, "in.csv", "out.csv", &[]));
    let expected = fs::read(dir.join("out.csv")).unwrap();
    let parts = dir.join("out.csv.parts");
    let run = || predict(dir, "in.csv", "out.csv", &[]);

    eventually(|| killed_after(run(), &parts, 3));
    let path = parts.join("part-000001.parquet");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(&path, bytes).unwrap();
    let kept = finished(&parts) - 1;
    assert!(succeeds(run()).contains(&format!("{} of 4500 rows", kept * 1000)));
    assert!(fs::read(dir.join("out.csv")).unwrap() == expected);

    eventually(|| killed_after(run(), &parts, 2));
    let manifest = parts.join("manifest.jsonl");
    let bytes = fs::read(&manifest).unwrap();
    let kept = finished(&parts) - 1;
    fs::write(&manifest, &bytes[..bytes.len() - 20]).unwrap();
    assert!(succeeds(run()).contains(&format!("{} of 4500 rows", kept * 1000)));
    assert!(fs::read(dir.join("out.csv")).unwrap() == expected);

    eventually(|| killed_after(run(), &parts, 2));
    catalogue(&dir.join("in.csv"), 4600);
    fails(run(), &["out.csv.parts", "input catalogue", "--restart"]);
    let text = succeeds(predict(dir, "in.csv", "out.csv", &["--restart"]));
    assert!(!text.contains("earlier run") && !parts.exists(), "{text}");
    assert_eq!(fs::read_to_string(dir.join("out.csv")).unwrap().lines().count(), 4601);
}

#[test]
fn places_that_cannot_be_written_are_refused_before_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    catalogue(&dir.join("in.csv"), 10);
    fs::create_dir(dir.join("taken.csv")).unwrap();
    // Not even the superuser can make files in the first one.
    for output in ["/proc/out.csv", "in.csv/out.csv", "none/out.csv", "taken.csv"] {
        fails(predict(dir, "in.csv", output, &[]), &[output]);
    }
    let jacobian = predict(dir, "in.csv", "out.csv", &["--jacobian", "/proc/j.safetensors"]);
    fails(jacobian, &["/proc/j.safetensors"]);
    let names: Vec<String> = outputs(dir).into_iter().map(|f| f.0).collect();
    assert_eq!(names, ["taken.csv"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_fills_up_keeps_what_was_finished() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    catalogue(&dir.join("in.csv"), 3000);
    // A limit on the size of files, in KiB, stands for the end of the disk: the parts fit, the output
    // made of them does not.
    let mut limited = Command::new("bash");
    let whole = predict(dir, "in.csv", "out.csv", &[]);
    limited.current_dir(dir).args([
        "-c",
        "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\"",
        PROGRAM,
    ]);
    limited.args(whole.get_args()).stdout(Stdio::null()).stderr(Stdio::piped());
    fails(limited, &["out.csv", "cannot be written", "out.csv.parts; the same command goes on"]);
    assert!(!dir.join("out.csv").exists());
    let text = succeeds(predict(dir, "in.csv", "out.csv", &[]));
    assert!(text.contains("3000 of 3000 rows"), "{text}");
    assert_eq!(fs::read_to_string(dir.join("out.csv")).unwrap().lines().count(), 3001);
    assert_eq!(outputs(dir).len(), 1);
}

/// Largest memory of a process during its life \[MiB\].
#[cfg(target_os = "linux")]
fn peak_mib(mut child: Child) -> f64 {
    let mut peak = 0.0;
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        if let Some(line) = status.lines().find(|line| line.starts_with("VmHWM:")) {
            let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
            peak = kib / 1024.0;
        }
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            return peak;
        }
        sleep(Duration::from_millis(5));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_the_catalogue() {
    let folder = tempfile::tempdir().unwrap();
    let peak = |n: usize| {
        catalogue(&folder.path().join("in.csv"), n);
        peak_mib(predict(folder.path(), "in.csv", "out.csv", &[]).spawn().unwrap())
    };
    let (few, many) = (peak(4_000), peak(40_000));
    // The larger input and output have four megabytes each.
    assert!(many < few + 8.0, "{few} MiB for 4,000 rows, {many} MiB for 40,000");
}
