//! Catalogues of galaxies and haloes.

use std::path::Path;

use starburn::Result;
use starburn::catalog::CatalogReader;
use starburn::galhalo::HaloCatalog;

use super::{Broken, anything, refused, replaced_text, seed};

fn rows(path: &Path) -> Result<usize> {
    CatalogReader::open(path, 2)?.map(|batch| batch.map(|b| b.num_rows())).sum()
}

#[test]
fn csv_catalogues() {
    let valid = b"id,z\n1,0.5\n2,0.7\n3,0.9\n";
    let with = |from, to| replaced_text(valid, from, to);
    let broken: Vec<Broken> = vec![
        ("empty", Vec::new(), &["is empty"]),
        ("a column twice", with("id,z", "z,z"), &["more than one column", "\"z\""]),
        ("a quote without an end", with("2,0.7", "2,\"0.7"), &["line 3"]),
        ("a row too short", with("2,0.7", "2"), &["line 3", "1 values"]),
        ("a row too long", with("2,0.7", "2,0.7,"), &["line 3", "3 values"]),
        ("no header", with("id,z", "0,1"), &["line 1", "only numbers"]),
        ("no text", [&valid[..], b"\xff\xfe,1\n"].concat(), &["line 5", "UTF-8"]),
    ];
    refused("a.csv", valid, broken, rows);
}

#[test]
fn parquet_catalogues() {
    let valid = seed("catalog_parquet/mixed.parquet");
    let n = valid.len();
    let footer = |length: u32| [&valid[..n - 8], &length.to_le_bytes(), b"PAR1"].concat();
    let mut broken = anything(&valid);
    broken.extend([
        ("another end", [&valid[..n - 4], b"PAR2"].concat(), &["not a readable catalogue"][..]),
        ("a footer of all bytes there are", footer(u32::MAX), &["not a readable catalogue"]),
        ("no footer", footer(0), &["not a readable catalogue"]),
        ("a footer that is cut", footer(100), &["not a readable catalogue"]),
        ("no data", [b"PAR1", &valid[n / 2..]].concat(), &[]),
    ]);
    refused("a.parquet", &valid, broken, rows);
}

#[test]
fn halo_catalogues() {
    let valid = seed("haloes/growth.csv");
    let with = |from, to| replaced_text(&valid, from, to);
    let broken: Vec<Broken> = vec![
        ("empty", Vec::new(), &["is empty"]),
        (
            "no haloes",
            valid[..valid.iter().position(|b| *b == b'\n').unwrap()].to_vec(),
            &["0 different"],
        ),
        ("part of the growth", with("late_index", "late_indx"), &["logtc", "not all of"]),
        ("no redshift", with("redshift", "z"), &["redshift"]),
        ("a column twice", with("logtc", "logm0"), &["more than one column"]),
        ("NaN", with("0.5,11,", "nan,11,"), &["row 2", "redshift"]),
        ("infinite", with("0.5,11,", "0.5,inf,"), &["row 2", "logm0"]),
        ("a mass beyond all bounds", with("0.5,11,", "0.5,110,"), &["row 2", "logm0 = 110"]),
        ("a host without a number", with("-1.5,13,2", "-1.5,,2"), &["row 2", "logmhost_infall"]),
        ("a word", with("77", "host"), &["row 2", "upid"]),
        ("half of the satellites", with("gyr_since_infall", "gyr"), &["gyr_since_infall"]),
    ];
    refused("haloes.csv", &valid, broken, HaloCatalog::read);
}
