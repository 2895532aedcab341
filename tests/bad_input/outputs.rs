//! Places that cannot be written: no folder, no permission, a device, a full disk.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use super::common::{optimize_config, photometry};
use super::{contents, refused_in_one_line, seed};

/// Commands that write, with OUT for a file or stem in the folder of outputs.
const COMMANDS: [&str; 13] = [
    "predict in.csv -o OUT.csv",
    "predict in.csv -o ok.csv --jacobian OUT.j",
    "predict in.csv -o ok.csv --spectra OUT.s",
    "ssp import g.h5 OUT.safetensors",
    "emulator train c.toml -o OUT",
    "history h.toml -o OUT",
    "demo -o OUT",
    "bench population -n 64 --repeat 1 --nodes 16 --json OUT.json",
    "emulator evaluate e.safetensors -n 16 --gradients 16 --timed none -o OUT",
    "fit ph.csv -o OUT.csv --filters lsst_r --free av",
    "fit ph.csv -o ok.csv --filters lsst_r --free av --figures 0 --figures-dir OUT",
    "optimize o.toml -o OUT",
    "predict haloes.csv -o OUT.csv --population p.toml --filters lsst_r",
];

/// A folder with everything that the commands read, and a folder `out` with earlier results.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    fs::write(dir.join("in.csv"), "id,redshift\n1,0.5\n2,0.7\n").unwrap();
    fs::write(dir.join("g.h5"), seed("ssp_hdf5/plain.h5")).unwrap();
    fs::write(dir.join("c.toml"), seed("emulator_config/emulator.toml")).unwrap();
    fs::write(dir.join("e.safetensors"), seed("emulator/small.safetensors")).unwrap();
    fs::write(dir.join("h.toml"), seed("history/history.toml")).unwrap();
    fs::write(dir.join("ph.csv"), photometry(2)).unwrap();
    fs::write(dir.join("o.toml"), optimize_config(9)).unwrap();
    fs::write(dir.join("haloes.csv"), seed("haloes/masses.csv")).unwrap();
    fs::write(dir.join("p.toml"), seed("population_parameters/some.toml")).unwrap();
    fs::create_dir(dir.join("out")).unwrap();
    for name in ["x.csv", "x.j", "x.s", "x.safetensors", "x.json", "x.png"] {
        fs::write(dir.join("out").join(name), "precious").unwrap();
    }
    folder
}

fn run(folder: &Path, command: &str, before: &str) -> Output {
    let script = format!("{before} exec \"$0\" {command}");
    Command::new("bash")
        .current_dir(folder)
        .args(["-c", &script, env!("CARGO_BIN_EXE_starburn")])
        .output()
        .unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_leaves_everything_as_it_was() {
    for command in COMMANDS {
        let folder = folder();
        let before = contents(folder.path());
        let command = command.replace("OUT", "out/x");
        // No file may grow, as on a full disk; programs see it when they ignore the signal.
        let output = run(folder.path(), &command, "trap '' XFSZ; ulimit -f 0;");
        refused_in_one_line(&command, &output, &["cannot"]);
        let after = contents(folder.path());
        assert!(after == before, "{command}: {:?}", difference(&before, &after));
    }
}

type Contents = [(std::path::PathBuf, Vec<u8>)];

/// Files that are new or not as they were.
fn difference<'a>(before: &Contents, after: &'a Contents) -> Vec<&'a Path> {
    after.iter().filter(|file| !before.contains(file)).map(|file| file.0.as_path()).collect()
}

#[test]
#[cfg(target_os = "linux")]
fn devices_folders_and_what_is_not_there_are_no_places_for_results() {
    let folder = folder();
    let dir = folder.path();
    for name in ["d.csv", "d.j", "d.s", "d.safetensors", "d.json"] {
        fs::create_dir(dir.join("out").join(name)).unwrap();
        std::os::unix::fs::symlink("/dev/full", dir.join("out").join(name.replace("d.", "full.")))
            .unwrap();
    }
    fs::write(dir.join("out/d"), "precious").unwrap();
    fs::write(dir.join("out/full"), "precious").unwrap();
    let before = contents(&dir.join("out"));
    for command in COMMANDS {
        // Not even the superuser can make files in /proc.
        for place in ["/proc/x", "out/none/x", "out/d", "out/full", "in.csv/x"] {
            let makes_folders = ["train", "history", "demo", "optimize", "figures"]
                .iter()
                .any(|c| command.contains(c));
            let writes_stem = command.contains("evaluate");
            if makes_folders && place == "out/none/x"
                || writes_stem && ["out/d", "out/full"].contains(&place)
            {
                continue;
            }
            let command = command.replace("OUT", place);
            let output = run(dir, &command, "");
            refused_in_one_line(&command, &output, &[place]);
            assert!(contents(&dir.join("out")) == before, "{command}");
            assert!(
                !dir.join("ok.csv").exists() && !dir.join("ok.csv.parts").exists(),
                "{command}"
            );
        }
    }
    assert!(fs::metadata("/dev/full").unwrap().file_type().is_char_device());
}

#[cfg(target_os = "linux")]
use std::os::unix::fs::FileTypeExt as _;

#[test]
#[cfg(unix)]
fn a_folder_without_permission_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    let out = folder.path().join("out");
    fs::set_permissions(&out, fs::Permissions::from_mode(0o555)).unwrap();
    // The superuser may write everywhere.
    if fs::write(out.join("probe"), "").is_err() {
        let before = contents(&out);
        for command in COMMANDS {
            let command = command.replace("OUT", "out/x");
            refused_in_one_line(&command, &run(folder.path(), &command, ""), &["out"]);
            assert!(contents(&out) == before, "{command}");
        }
    }
    fs::set_permissions(&out, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
#[cfg(unix)]
fn what_a_killed_training_left_is_tidied_up() {
    let folder = folder();
    let out = folder.path().join("out/age");
    fs::create_dir(&out).unwrap();
    fs::write(out.join(".starburn-abc123"), "half a checkpoint").unwrap();
    let lock = fs::File::create(out.join(".starburn-lock")).unwrap();
    lock.lock().unwrap();
    let output = run(folder.path(), "emulator train c.toml -o out/age", "");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && message.contains("another run"), "{message}");
    drop(lock);
    let output = run(folder.path(), "emulator train c.toml -o out/age", "");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(super::files(&out).iter().all(|name| !name.starts_with('.')));
}

#[test]
#[cfg(unix)]
fn what_a_killed_prediction_left_is_tidied_up_and_links_are_followed() {
    let folder = folder();
    let dir = folder.path();
    // That of another run stays.
    for name in ["out/.starburn-abc123", "far/.starburn-abc124", "out/.starburn-others"] {
        fs::create_dir_all(dir.join("far")).unwrap();
        fs::write(dir.join(name), "half a catalogue").unwrap();
    }
    let noted: String = ["out/.starburn-abc123", "far/.starburn-abc124", "out/x.s"]
        .iter()
        .map(|name| format!("{:?}\n", dir.join(name).to_str().unwrap()))
        .collect();
    fs::create_dir(dir.join("out/link.csv.parts")).unwrap();
    fs::write(dir.join("out/link.csv.parts/lock"), "").unwrap();
    fs::write(dir.join("out/link.csv.parts/.starburn-joins"), noted).unwrap();
    std::os::unix::fs::symlink("../far/real.csv", dir.join("out/link.csv")).unwrap();
    let output = run(dir, "predict in.csv -o out/link.csv --spectra out/x.s", "");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!dir.join("out/.starburn-abc123").exists());
    assert!(dir.join("out/.starburn-others").exists() && !dir.join("out/link.csv.parts").exists());
    assert!(fs::symlink_metadata(dir.join("out/link.csv")).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(dir.join("far/real.csv")).unwrap().lines().count(), 3);
    assert_eq!(super::files(&dir.join("far")), ["real.csv"]);
    assert_ne!(fs::read(dir.join("out/x.s")).unwrap(), b"precious");
}
