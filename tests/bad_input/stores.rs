//! Safetensors files: SSP grids, filters, emulators, checkpoints, line fits.

use std::path::Path;

use starburn::emulator::{AgeEmulator, Checkpoint};
use starburn::filter::FilterSet;
use starburn::nebular::LineFit;
use starburn::store::{Array, Store};
use starburn::{Result, ssp};

use super::{Broken, anything, refused, replaced_text, seed};

/// What may be wrong with any safetensors file.
fn any_store(valid: &[u8]) -> Vec<Broken> {
    let with_header = |n: u64| [&n.to_le_bytes(), &valid[8..]].concat();
    let mut broken = anything(valid);
    broken.extend([
        ("no header", valid[..8].to_vec(), &["safetensors"][..]),
        ("a header of all bytes there are", with_header(u64::MAX), &["safetensors"]),
        ("a header beyond the end", with_header(valid.len() as u64), &["safetensors"]),
        ("a header that is cut", with_header(20), &["safetensors"]),
        ("data cut by a byte", valid[..valid.len() - 1].to_vec(), &["safetensors"]),
        ("data after the end", [valid, b"more"].concat(), &["safetensors"]),
        (
            "a huge shape",
            replaced_text(valid, "\"shape\":[", "\"shape\":[18446744073709551615,"),
            &[],
        ),
    ]);
    let (from, to) = if Store::from_bytes(valid, Path::new("")).is_ok_and(|s| has_f64(&s)) {
        ("\"F64\"", "\"I64\"")
    } else {
        ("\"F32\"", "\"I32\"")
    };
    broken.push(("integers", replaced_text(valid, from, to), &["F32"]));
    broken
}

fn has_f64(store: &Store) -> bool {
    store.arrays.values().any(|a| matches!(a.values, starburn::store::Values::F64(_)))
}

type Change = (&'static str, fn(&mut Store), &'static [&'static str]);

/// Files made from a valid one by changing its store.
fn changed(valid: &[u8], changes: &[Change]) -> Vec<Broken> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let store = Store::from_bytes(valid, &path).unwrap();
    let file = |(what, change, parts): &Change| {
        let mut store = store.clone();
        change(&mut store);
        store.write(&path).unwrap();
        (*what, std::fs::read(&path).unwrap(), *parts)
    };
    changes.iter().map(file).collect()
}

fn set(store: &mut Store, name: &str, i: usize, value: f64) {
    let array = store.arrays.get_mut(name).unwrap();
    let mut values = array.to_f64();
    values[i] = value;
    *array = Array::f64(&array.shape.clone(), values);
}

fn put(store: &mut Store, name: &str, shape: &[usize], value: f64) {
    let n = shape.iter().product();
    store.arrays.insert(name.into(), Array::f64(shape, vec![value; n]));
}

fn check<T>(valid: &[u8], changes: &[Change], read: impl Fn(&Path) -> Result<T>) {
    let broken = any_store(valid).into_iter().chain(changed(valid, changes));
    refused("a.safetensors", valid, broken, read);
}

#[test]
fn ssp_grids() {
    let changes: &[Change] = &[
        ("NaN in an axis", |s| set(s, "ssp_wave", 1, f64::NAN), &["wavelengths", "NaN"]),
        ("an axis that descends", |s| set(s, "ssp_lgmet", 0, -1.0), &["metallicities", "ascend"]),
        ("an age twice", |s| set(s, "ssp_lg_age_gyr", 1, -2.0), &["ages", "ascend"]),
        ("an infinite age", |s| set(s, "ssp_lg_age_gyr", 3, f64::INFINITY), &["ages", "inf"]),
        ("negative light", |s| set(s, "ssp_flux", 4, -1e-30), &["flux", "not negative"]),
        ("infinite light", |s| set(s, "ssp_flux", 4, f64::INFINITY), &["flux", "inf"]),
        (
            "no photons",
            |s| set(s, "ssp_log10_q_h", 2, f64::NEG_INFINITY),
            &["photon rate", "finite"],
        ),
        (
            "photons of another grid",
            |s| put(s, "ssp_log10_q_h", &[4, 3], 46.0),
            &["[4, 3]", "[3, 4]"],
        ),
        (
            "flux of another grid",
            |s| put(s, "ssp_flux", &[3, 3, 4], 1.0),
            &["[3, 3, 4]", "[3, 4, 3]"],
        ),
        ("an empty axis", |s| put(s, "ssp_lgmet", &[0], 0.0), &["expected [0, 4, 3]"]),
        (
            "no wavelengths of lines",
            |s| drop(s.arrays.remove("ssp_emline_wave")),
            &["ssp_emline_wave"],
        ),
        (
            "dark lines",
            |s| set(s, "ssp_emline_luminosity", 7, -1.0),
            &["luminosity", "not negative"],
        ),
        (
            "a line at zero",
            |s| set(s, "ssp_emline_wave", 1, 0.0),
            &["Ba-alpha 6563", "wavelength 0"],
        ),
        ("ionization that descends", |s| set(s, "ssp_emline_lgu", 0, 0.0), &["ascend"]),
        (
            "a line without a name",
            |s| drop(s.metadata.insert("line_names".into(), "[\"Ha\"]".into())),
            &["1 names and 2 wavelengths"],
        ),
        (
            "names that are no list",
            |s| drop(s.metadata.insert("line_names".into(), "{".into())),
            &["line_names"],
        ),
    ];
    check(&seed("ssp_safetensors/lines.safetensors"), changes, ssp::read);
}

#[test]
fn filters() {
    let changes: &[Change] = &[
        ("NaN", |s| set(s, "a_x/transmission", 1, f64::NAN), &["filter a_x", "NaN"]),
        ("percent", |s| set(s, "a_x/transmission", 1, 75.0), &["filter a_x", "percentages"]),
        ("unsorted", |s| set(s, "b.y/wave_aa", 0, 2500.0), &["filter b.y", "ascend"]),
        ("half a filter", |s| drop(s.arrays.remove("b.y/wave_aa")), &["b.y/wave_aa"]),
        ("no filters", |s| s.arrays.clear(), &["holds no filter"]),
        ("a matrix", |s| put(s, "b.y/wave_aa", &[3, 1], 1.0), &["b.y/wave_aa", "expected 1 axes"]),
        ("a tensor of another kind", |s| put(s, "flux", &[3], 1.0), &["tensor flux"]),
    ];
    check(&seed("filter_safetensors/two.safetensors"), changes, FilterSet::read);
}

#[test]
fn emulators() {
    let changes: &[Change] = &[
        ("another format", |s| drop(s.metadata.insert("format".into(), "x".into())), &["format"]),
        ("weights that are infinite", |s| set(s, "weights.0", 0, f64::INFINITY), &["weights.0"]),
        ("no last biases", |s| drop(s.arrays.remove("weights.3")), &["no biases"]),
        ("a layer of no width", |s| put(s, "weights.0", &[3, 0], 0.0), &["weights.0"]),
        (
            "a configuration with an unknown key",
            |s| {
                let text = format!("typo = 1\n{}", s.metadata["config"]);
                s.metadata.insert("config".into(), text);
            },
            &["typo"],
        ),
        (
            "a configuration of a huge network",
            |s| {
                let text = s.metadata["config"].replace("[4]", "[99999999]");
                s.metadata.insert("config".into(), text);
            },
            &["network.hidden", "99999999"],
        ),
    ];
    check(&seed("emulator/small.safetensors"), changes, AgeEmulator::read);
}

#[test]
fn checkpoints() {
    let changes: &[Change] = &[
        ("another format", |s| drop(s.metadata.remove("format")), &["is no checkpoint"]),
        ("no step", |s| drop(s.metadata.remove("step")), &["step \"\" is no number"]),
        (
            "a step beyond the last",
            |s| drop(s.metadata.insert("step".into(), "5".into())),
            &["step 5 of 4"],
        ),
        ("no step done", |s| drop(s.metadata.insert("step".into(), "0".into())), &["step 0 of 4"]),
        ("weights that are NaN", |s| set(s, "best.1", 0, f64::NAN), &["best.1", "not finite"]),
        (
            "moments of other layers",
            |s| put(s, "first_moments.3", &[1, 3], 0.0),
            &["first_moments.3"],
        ),
        ("no second moments", |s| drop(s.arrays.remove("second_moments.0")), &["second_moments.0"]),
        ("narrow looks", |s| put(s, "looks", &[2, 3], 0.0), &["looks"]),
        ("no looks", |s| drop(s.arrays.remove("looks")), &["looks"]),
    ];
    check(&seed("checkpoint/small.safetensors"), changes, Checkpoint::read);
}

#[test]
fn line_fits() {
    let changes: &[Change] = &[
        ("another format", |s| drop(s.metadata.remove("format")), &["is no line fit"]),
        ("no names", |s| drop(s.metadata.remove("line_names")), &["line_names"]),
        (
            "no lines",
            |s| {
                s.metadata.insert("line_names".into(), "[]".into());
                for name in ["line_wave_aa", "line_brightest", "line_typical_dex", "line_worst_dex"]
                {
                    put(s, name, &[0], 0.0);
                }
                put(s, "layer1/weights", &[4, 0], 0.0);
                put(s, "layer1/biases", &[0], 0.0);
            },
            &["names no line"],
        ),
        (
            "a layer of no width",
            |s| {
                put(s, "layer0/weights", &[3, 0], 0.0);
                put(s, "layer0/biases", &[0], 0.0);
                put(s, "layer1/weights", &[0, 2], 0.0);
            },
            &["layer0/biases", "empty"],
        ),
        (
            "a layer that does not fit",
            |s| put(s, "layer1/weights", &[3, 2], 0.0),
            &["layer1/weights", "[4, 2]"],
        ),
        (
            "weights that are NaN",
            |s| set(s, "layer0/weights", 3, f64::NAN),
            &["layer0/weights", "finite"],
        ),
        ("a range that descends", |s| set(s, "range", 1, -5.0), &["range", "ascend"]),
        ("a line before zero", |s| set(s, "line_wave_aa", 1, -6564.0), &["Ba-alpha 6563", "-6564"]),
        ("one line too few", |s| put(s, "line_brightest", &[1], 1.0), &["line_brightest", "[2]"]),
        ("no layers", |s| drop(s.arrays.remove("layer0/weights")), &["widths [3] for 2 lines"]),
    ];
    check(&seed("line_fit/small.safetensors"), changes, LineFit::read);
}
