//! HDF5 files: SSP grids, filters, tables of lines.

use std::path::Path;

use hdf5_pure::FileBuilder;
use starburn::filter::FilterSet;
use starburn::nebular::LineTable;
use starburn::ssp;

use super::{Broken, anything, refused, replaced_text, seed};

/// What may be wrong with any HDF5 file.
fn any_hdf5(valid: &[u8]) -> Vec<Broken> {
    let mut broken = anything(valid);
    broken.extend([
        ("another signature", replaced_text(valid, "HDF\r\n", "HDF\n\n"), &["HDF5"][..]),
        ("cut by a quarter", valid[..3 * valid.len() / 4].to_vec(), &[]),
        ("nothing after the signature", valid[..8].to_vec(), &["HDF5"]),
    ]);
    broken
}

/// A grid, one of whose datasets is another.
fn grid(name: &str, replace: impl Fn(&mut FileBuilder)) -> Vec<u8> {
    let mut file = FileBuilder::new();
    let ramp: Vec<f64> = (0..36).map(f64::from).collect();
    for (dataset, values, shape) in [
        ("ssp_lgmet", &[-3.0, -2.0, -1.5][..], &[3][..]),
        ("ssp_lg_age_gyr", &[-2.0, -1.0, 0.0, 1.0], &[4]),
        ("ssp_wave", &[1000.0, 5000.0, 9000.0], &[3]),
        ("ssp_flux", &ramp, &[3, 4, 3]),
    ] {
        if dataset == name {
            replace(&mut file);
        } else {
            file.create_dataset(dataset).with_f64_data(values).with_shape(shape);
        }
    }
    file.finish().unwrap()
}

#[test]
fn ssp_grids() {
    let numbers = |name: &'static str, values: &[f64], shape: &[u64]| {
        grid(name, |file| {
            file.create_dataset(name).with_f64_data(values).with_shape(shape);
        })
    };
    let mut flux = vec![1.0; 36];
    flux[13] = f64::NAN;
    let nan = numbers("ssp_flux", &flux, &[3, 4, 3]);
    flux[13] = -1.0;
    let negative = numbers("ssp_flux", &flux, &[3, 4, 3]);
    let texts = grid("ssp_lgmet", |file| {
        file.create_dataset("ssp_lgmet").with_strings(&["a", "b", "c"]).unwrap();
    });
    let mut broken = any_hdf5(&seed("ssp_hdf5/plain.h5"));
    broken.extend([
        ("no flux", grid("ssp_flux", |_| ()), &["no dataset \"ssp_flux\"", "ssp_wave"][..]),
        ("NaN in the flux", nan, &["flux", "NaN", "metallicity 1"]),
        ("negative flux", negative, &["flux", "not negative"]),
        ("texts for numbers", texts, &["ssp_lgmet", "expected numbers"]),
        ("a scalar axis", numbers("ssp_wave", &[1.0], &[1, 1]), &["ssp_wave", "[1, 1]"]),
        ("infinity in an axis", numbers("ssp_lgmet", &[-3.0, -2.0, f64::INFINITY], &[3]), &["inf"]),
        ("unsorted wavelengths", numbers("ssp_wave", &[1e3, 9e3, 5e3], &[3]), &["ascend"]),
        ("a wavelength twice", numbers("ssp_wave", &[1e3, 5e3, 5e3], &[3]), &["ascend"]),
        (
            "axes exchanged",
            numbers("ssp_flux", &[1.0; 36], &[4, 3, 3]),
            &["[4, 3, 3]", "[3, 4, 3]"],
        ),
        ("two metallicities", numbers("ssp_lgmet", &[-3.0, -2.0], &[2]), &["expected [2, 4, 3]"]),
    ]);
    let lines = seed("ssp_hdf5/lines.h5");
    let name = |from: &str, to: &str| replaced_text(&lines, from, to);
    refused("grid.h5", &lines, broken, ssp::read);
    // Checksums of the format may notice before the reader does.
    refused(
        "grid.h5",
        &lines,
        [("no wavelengths of lines", name("ssp_emline_wave", "ssp_emline_vawe"), &[][..])],
        ssp::read,
    );
}

#[test]
fn huge_declarations() {
    // A constant packs a thousand to one; what is declared beyond that is refused before it is read.
    let mut file = FileBuilder::new();
    let wave = file.create_dataset("wave").with_f64_data(&vec![1.0; 200_000]);
    wave.with_chunks(&[200_000]).with_deflate(9);
    file.create_dataset("transmission").with_f64_data(&[0.0, 1.0, 0.0]);
    let packed = file.finish().unwrap();
    let parts: &[&str] = &["200000 wavelengths"];
    let valid = seed("filter_hdf5/packed.h5");
    refused("f.h5", &valid, [("a constant as an axis", packed, parts)], FilterSet::read);
}

#[test]
fn filters() {
    let file = |wave: &[f64], transmission: &[f64]| {
        let mut file = FileBuilder::new();
        file.create_dataset("wave").with_f64_data(wave);
        file.create_dataset("transmission").with_f64_data(transmission);
        file.finish().unwrap()
    };
    let wave = [4e3, 5e3, 6e3];
    let mut texts = FileBuilder::new();
    texts.create_dataset("wave").with_f64_data(&wave);
    texts.create_dataset("transmission").with_strings(&["a", "b", "c"]).unwrap();
    let valid = seed("filter_hdf5/packed.h5");
    let mut broken = any_hdf5(&valid);
    broken.extend([
        ("NaN", file(&wave, &[0.0, f64::NAN, 0.0]), &["transmission 2", "NaN"][..]),
        ("infinity", file(&[4e3, 5e3, f64::INFINITY], &[0.0, 1.0, 0.0]), &["wavelength 3"]),
        ("negative", file(&wave, &[0.0, -1.0, 0.0]), &["transmission 2", "-1"]),
        ("unsorted", file(&[5e3, 4e3, 6e3], &[0.0, 1.0, 0.0]), &["ascend"]),
        ("empty", file(&[], &[]), &["0 samples"]),
        ("texts", texts.finish().unwrap(), &["transmission", "expected numbers"]),
    ]);
    refused("f.h5", &valid, broken, FilterSet::read);
}

#[test]
fn line_tables() {
    let valid = seed("line_table/small.h5");
    let broken = any_hdf5(&valid).into_iter().chain([(
        "no H-beta",
        replaced_text(&valid, "Ba-beta 4861", "Ba-zeta 4861"),
        &[][..],
    )]);
    refused("table.h5", &valid, broken, |path: &Path| LineTable::read(path));
}
