//! Whole runs: whatever the threads, and however often interrupted, the same files.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use crate::Result;
use crate::catalog::{CatalogReader, Cell, cells};
use crate::device::{Place, Precision};
use crate::filter::FilterSet;
use crate::population::{GalaxyModel, ModelSettings};
use crate::ssp::embedded;
use crate::store::{Array, Store};
use crate::testing::{assert_close, places};

const N_ROW: usize = 29;
const PART_ROWS: usize = 8;
/// The row, counted from 1, without a prediction; the third part begins with row 17.
const BAD_ROW: usize = 20;

/// What may differ between the runs of a test.
#[derive(Clone)]
struct Run {
    threads: usize,
    batch: usize,
    strict: bool,
    restart: bool,
    sides: bool,
    /// Whether a folder takes the place of the last file when all rows are done.
    blocks: bool,
    /// Whether a number in the input becomes another one when all rows are done.
    changes: bool,
    filters: &'static str,
}

const RUN: Run = Run {
    threads: 2,
    batch: 3,
    strict: false,
    restart: false,
    sides: true,
    blocks: false,
    changes: false,
    filters: "sdss_g,sdss_r",
};
/// A run that stops in the third part.
const INTERRUPTED: Run = Run { strict: true, ..RUN };

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let mut text = "id,kind,logm0,av,redshift\n".to_owned();
        for i in 1..=N_ROW {
            let av = if i == BAD_ROW { "nan".into() } else { format!("{}", 0.01 * i as f64) };
            text += &format!(
                "{i:03},{},{},{av},0.{i:02}\n",
                ["a", "b", ""][i % 3],
                11.0 + 0.1 * i as f64
            );
        }
        fs::write(folder.path("in.csv"), text).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Contents of all files but the input.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap());
        let named = entries.map(|e| (e.file_name().into_string().unwrap(), e.path()));
        let others = named.filter(|(name, _)| !name.starts_with("in."));
        others.map(|(name, path)| (name, fs::read(path).unwrap_or_default())).collect()
    }

    fn run(&self, place: &Place, run: &Run, input: &str, output: &str) -> Result<Summary> {
        let filters = FilterSet::resolve(run.filters)?;
        let model = GalaxyModel::new(embedded(), &filters, ModelSettings::default(), place)?;
        let (jacobian, spectra) = (self.path("j.safetensors"), self.path("s.safetensors"));
        let some = |n| Some(NonZeroUsize::new(n).unwrap());
        let job = PredictJob {
            model: &model,
            strict: run.strict,
            jacobian: run.sides.then_some((&jacobian as &Path, &[0, 15][..])),
            spectra: run.sides.then_some(&spectra),
            fluxes: run.sides,
            sfr: run.sides,
            lines: &[],
            widths: None,
            batch: some(run.batch),
            threads: some(run.threads),
            part_rows: NonZeroUsize::new(PART_ROWS).unwrap(),
            restart: run.restart,
        };
        let mut last = 0;
        let summary = job.run(&self.path(input), &self.path(output), |done, total| {
            assert!(total == N_ROW && last <= done && done <= total);
            last = done;
            if run.blocks && done == total {
                fs::create_dir(&spectra).unwrap();
            }
            if run.changes && done == total {
                let text = fs::read_to_string(self.path(input)).unwrap();
                fs::write(self.path(input), text.replacen(",0.29\n", ",0.28\n", 1)).unwrap();
            }
        })?;
        assert_eq!((last, summary.n_rows), (N_ROW, N_ROW));
        assert!(!parts_folder(&self.path(output)).exists());
        Ok(summary)
    }
}

fn place() -> Place {
    places(Precision::F64).swap_remove(0)
}

/// What an uninterrupted run writes.
fn expected(run: &Run, output: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = Folder::new();
    let summary = folder.run(&place(), run, "in.csv", output).unwrap();
    let (row, status) = summary.first_bad.unwrap();
    assert_eq!((summary.n_bad, row, summary.n_resumed), (1, BAD_ROW, 0));
    assert!(status.contains("av"), "{status}");
    folder.files()
}

#[test]
fn threads_change_no_bit_and_batches_no_more_than_rounding() {
    for place in places(Precision::F64).iter().chain(&places(Precision::F32)) {
        for output in ["out.csv", "out.parquet"] {
            let run = |threads, batch| {
                let folder = Folder::new();
                let run = Run { threads, batch, ..RUN };
                folder.run(place, &run, "in.csv", output).unwrap();
                folder
            };
            let one = run(1, 4);
            let names = ["j.safetensors", output, "s.safetensors"];
            assert_eq!(one.files().keys().collect::<Vec<_>>(), names);
            for threads in [2, 5] {
                assert!(run(threads, 4).files() == one.files(), "{place} {threads}");
            }
            // Matrix products of other shapes may sum in another order.
            for batch in [1, 3, 100] {
                let other = run(2, batch);
                for name in names {
                    let (got, want) = (numbers(&other.path(name)), numbers(&one.path(name)));
                    let largest = want.iter().fold(0.0f64, |most, value| most.max(value.abs()));
                    let tolerance = place.tolerance(1e-12, 1e-4) * largest;
                    assert_close(&got, &want, place.tolerance(1e-12, 1e-5), tolerance);
                }
            }
        }
    }
}

#[test]
fn rows_whose_prediction_is_no_number_are_empty_everywhere() {
    let folder = Folder::new();
    let text = fs::read_to_string(folder.path("in.csv")).unwrap();
    // In single precision, here.
    fs::write(folder.path("in.csv"), text.replacen(",0.05\n", ",1e-46\n", 1)).unwrap();
    let place = places(Precision::F32).swap_remove(0);
    let summary = folder.run(&place, &RUN, "in.csv", "out.csv").unwrap();
    assert_eq!((summary.n_bad, summary.first_bad.unwrap().0), (2, 5));
    for name in ["j.safetensors", "s.safetensors"] {
        let arrays = Store::read(&folder.path(name)).unwrap().arrays;
        let by_row = arrays.iter().filter(|(_, array)| array.shape[0] == N_ROW);
        let mut n = 0;
        for (name, array) in by_row {
            n += 1;
            let values = array.to_f64();
            for (i, row) in values.chunks(values.len() / N_ROW).enumerate() {
                let bad = [5, BAD_ROW].contains(&(i + 1));
                assert!(row.iter().all(|value| value.is_nan() == bad), "{name} {}", i + 1);
            }
        }
        assert!(n > 0, "{name}");
    }
}

/// All numbers of a file, 0 for what is none.
fn numbers(path: &Path) -> Vec<f64> {
    let number = |value: f64| if value.is_nan() { 0.0 } else { value };
    if path.extension().is_some_and(|extension| extension == "safetensors") {
        let arrays = Store::read(path).unwrap().arrays;
        return arrays.values().flat_map(Array::to_f64).map(number).collect();
    }
    let mut all = Vec::new();
    for batch in CatalogReader::open(path, 100).unwrap() {
        let batch = batch.unwrap();
        for field in batch.schema().fields() {
            all.extend(cells(&batch, field.name()).unwrap().into_iter().map(|cell| match cell {
                Cell::Number(value) => number(value),
                _ => 0.0,
            }));
        }
    }
    all
}

#[test]
fn an_interrupted_run_is_continued_whatever_befell_the_parts() {
    let write = |path: PathBuf, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    };
    let flip = |bytes: &mut Vec<u8>| bytes[20] ^= 1;
    type Damage<'a> = Box<dyn Fn(&Path) + 'a>;
    let cases: Vec<(&str, usize, Damage<'_>)> = vec![
        ("nothing", 16, Box::new(|_| {})),
        ("a changed byte", 8, Box::new(|f| write(f.join("part-000000.parquet"), &flip))),
        ("a changed array", 8, Box::new(|f| write(f.join("part-000001.jacobian"), &flip))),
        ("a cut array", 8, Box::new(|f| write(f.join("part-000001.fnu_ujy"), &|b| b.truncate(50)))),
        ("a lost array", 8, Box::new(|f| fs::remove_file(f.join("part-000000.redshift")).unwrap())),
        (
            "a cut manifest",
            8,
            Box::new(|f| write(f.join("manifest.jsonl"), &|b| b.truncate(b.len() - 9))),
        ),
        ("an empty manifest", 0, Box::new(|f| write(f.join("manifest.jsonl"), &Vec::clear))),
        ("no manifest", 0, Box::new(|f| fs::remove_file(f.join("manifest.jsonl")).unwrap())),
        (
            "unfinished files",
            16,
            Box::new(|f| {
                fs::write(f.join(".starburn-aB3"), "half").unwrap();
                fs::write(f.join("part-000002.parquet"), "unlisted").unwrap();
            }),
        ),
    ];
    for output in ["out.csv", "out.parquet"] {
        let expected = expected(&RUN, output);
        for (what, n_resumed, damage) in &cases {
            let folder = Folder::new();
            let error =
                folder.run(&place(), &INTERRUPTED, "in.csv", output).unwrap_err().to_string();
            assert!(error.contains("row 20"), "{error}");
            assert!(!folder.path(output).exists());
            damage(&parts_folder(&folder.path(output)));
            let summary = folder.run(&place(), &RUN, "in.csv", output).unwrap();
            assert_eq!(summary.n_resumed, *n_resumed, "{what}");
            assert_eq!((summary.n_bad, summary.first_bad.unwrap().0), (1, BAD_ROW), "{what}");
            assert!(folder.files() == expected, "{what}");
        }
    }
}

#[test]
fn parts_of_another_job_are_refused_until_they_are_discarded() {
    let few = Run { sides: false, ..RUN };
    let band = Run { filters: "sdss_r", ..RUN };
    for (run, change_input, what) in [
        (RUN, true, "input catalogue"),
        (Run { batch: 4, ..RUN }, false, "rows per batch"),
        (few, false, "outputs asked for"),
        (band, false, "model options, outputs asked for"),
    ] {
        let folder = Folder::new();
        folder.run(&place(), &INTERRUPTED, "in.csv", "out.csv").unwrap_err();
        if change_input {
            let text = fs::read_to_string(folder.path("in.csv")).unwrap();
            fs::write(folder.path("in.csv"), text.replacen("001,", "01,", 1)).unwrap();
        }
        let error = folder.run(&place(), &run, "in.csv", "out.csv").unwrap_err().to_string();
        for part in ["out.csv.parts", "2 finished parts", what, "--restart"] {
            assert!(error.contains(part), "no {part:?} in {error}");
        }
        assert!(parts_folder(&folder.path("out.csv")).join("part-000001.parquet").exists());
        let restarted = Run { restart: true, ..run.clone() };
        assert_eq!(folder.run(&place(), &restarted, "in.csv", "out.csv").unwrap().n_resumed, 0);
        if !change_input {
            assert!(folder.files() == expected(&run, "out.csv"), "{what}");
        }
    }
}

#[test]
fn a_run_that_finished_nothing_leaves_nothing_and_binds_nobody() {
    let folder = Folder::new();
    let text = fs::read_to_string(folder.path("in.csv")).unwrap();
    fs::write(folder.path("in.csv"), text.replacen("001,", "1,x,", 1)).unwrap();
    folder.run(&place(), &RUN, "in.csv", "out.csv").unwrap_err();
    assert!(folder.files().is_empty());

    let bad_start = text.replacen("11.1,", "99,", 1);
    fs::write(folder.path("in.csv"), bad_start).unwrap();
    let error = folder.run(&place(), &INTERRUPTED, "in.csv", "out.csv").unwrap_err().to_string();
    assert!(error.contains("row 1: logm0"), "{error}");
    assert!(folder.files().is_empty());

    // As after a kill before the first part was finished.
    fs::write(folder.path("in.csv"), &text).unwrap();
    folder.run(&place(), &INTERRUPTED, "in.csv", "out.csv").unwrap_err();
    let manifest = parts_folder(&folder.path("out.csv")).join("manifest.jsonl");
    let job = fs::read_to_string(&manifest).unwrap().lines().next().unwrap().to_owned() + "\n";
    fs::write(&manifest, job).unwrap();
    let other = Run { batch: 5, ..RUN };
    assert_eq!(folder.run(&place(), &other, "in.csv", "out.csv").unwrap().n_resumed, 0);
}

#[test]
fn strictness_also_concerns_finished_parts() {
    let folder = Folder::new();
    let early = fs::read_to_string(folder.path("in.csv")).unwrap().replacen("11.2,", "99,", 1);
    fs::write(folder.path("in.csv"), early).unwrap();
    fs::write(folder.path("out.csv"), "precious").unwrap();
    let blocked = Run { blocks: true, ..RUN };
    let error = folder.run(&place(), &blocked, "in.csv", "out.csv").unwrap_err().to_string();
    assert!(error.contains("s.safetensors"), "{error}");
    assert!(fs::read(folder.path("out.csv")).unwrap() == b"precious");
    let error = folder.run(&place(), &RUN, "in.csv", "out.csv").unwrap_err().to_string();
    assert!(error.contains("is a folder"), "{error}");
    fs::remove_dir(folder.path("s.safetensors")).unwrap();
    let error = folder.run(&place(), &INTERRUPTED, "in.csv", "out.csv").unwrap_err().to_string();
    assert!(error.contains("row 2: logm0"), "{error}");
    assert_eq!(folder.run(&place(), &RUN, "in.csv", "out.csv").unwrap().n_resumed, N_ROW);
}

#[test]
fn the_output_may_replace_the_input() {
    let folder = Folder::new();
    fs::copy(folder.path("in.csv"), folder.path("both.csv")).unwrap();
    folder.run(&place(), &INTERRUPTED, "both.csv", "both.csv").unwrap_err();
    let summary = folder.run(&place(), &RUN, "both.csv", "both.csv").unwrap();
    assert_eq!(summary.n_resumed, 16);
    let expected = expected(&RUN, "out.csv");
    assert!(fs::read(folder.path("both.csv")).unwrap() == expected["out.csv"]);
}

#[test]
fn an_input_that_changes_meanwhile_gives_no_output() {
    let folder = Folder::new();
    let run = Run { changes: true, ..RUN };
    let error = folder.run(&place(), &run, "in.csv", "out.csv").unwrap_err().to_string();
    assert!(error.contains("in.csv") && error.contains("changed while it was read"), "{error}");
    assert!(folder.files().is_empty() && !parts_folder(&folder.path("out.csv")).exists());
}

#[test]
fn indices_that_do_not_exist_are_errors() {
    let folder = Folder::new();
    let filters = FilterSet::resolve("lsst_r").unwrap();
    let model = GalaxyModel::new(embedded(), &filters, ModelSettings::default(), &place()).unwrap();
    let path = folder.path("j.safetensors");
    let fine = PredictJob {
        model: &model,
        strict: false,
        jacobian: None,
        spectra: None,
        fluxes: false,
        sfr: false,
        lines: &[],
        widths: None,
        batch: None,
        threads: None,
        part_rows: PredictJob::PART_ROWS,
        restart: false,
    };
    let error = |job: &PredictJob<'_>| {
        let run = job.run(&folder.path("in.csv"), &folder.path("out.csv"), |_, _| {});
        run.unwrap_err().to_string()
    };
    let wrong = PredictJob { jacobian: Some((&path, &[0, 99])), ..fine };
    assert!(error(&wrong).contains("parameter"));
    let wrong = PredictJob { lines: &[0], jacobian: None, ..wrong };
    assert!(error(&wrong).contains("line"));
}

#[test]
fn a_folder_that_is_not_ours_or_in_use_is_left_alone() {
    let folder = Folder::new();
    let parts = parts_folder(&folder.path("out.csv"));
    fs::create_dir(&parts).unwrap();
    for name in ["thesis.tex", "part-thesis.txt", "part-00000-a.parquet", "part-000000.parquet"] {
        fs::write(parts.join(name), "precious").unwrap();
        for restart in [false, true] {
            let run = Run { restart, ..RUN };
            let error = folder.run(&place(), &run, "in.csv", "out.csv").unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
        assert_eq!(fs::read_dir(&parts).unwrap().count(), 1);
        fs::remove_file(parts.join(name)).unwrap();
    }

    let lock = fs::File::create(parts.join("lock")).unwrap();
    lock.lock().unwrap();
    let error = folder.run(&place(), &RUN, "in.csv", "out.csv").unwrap_err().to_string();
    assert!(error.contains("another run"), "{error}");
    drop(lock);
    folder.run(&place(), &RUN, "in.csv", "out.csv").unwrap();

    fs::write(&parts, "a file").unwrap();
    let error = folder.run(&place(), &RUN, "in.csv", "out.csv").unwrap_err().to_string();
    assert!(error.contains("cannot create") && error.contains("out.csv.parts"), "{error}");
}
