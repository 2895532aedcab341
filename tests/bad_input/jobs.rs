//! Fits, optimizations and populations on files that can be read but make no sense.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::commands::unchanged;
use super::common::{optimize_config, photometry};
use super::{replaced_text, seed};

type Case<'a> = (&'a str, &'a str, &'a [&'a str]);

/// Runs a command again and again, each time with another text in its file `name`, in a folder with an
/// earlier result.
fn each_refused(args: &str, name: &str, valid: &str, cases: &[Case], prepare: impl Fn(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    fs::write(dir.join("out.csv"), "precious").unwrap();
    prepare(dir);
    for (from, to, parts) in cases {
        fs::write(dir.join(name), replaced_text(valid.as_bytes(), from, to)).unwrap();
        unchanged(dir, args, parts);
    }
}

fn succeeds(folder: &Path, args: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_starburn"));
    let output = command.current_dir(folder).args(args.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{args}: {}", String::from_utf8_lossy(&output.stderr));
}

const FIT: &str = "fit in.csv -o out.csv --filters lsst_r,lsst_g --free av --strict";

#[test]
fn catalogues_of_fits() {
    let valid = "id,redshift,mag_lsst_r,magerr_lsst_r,lgmet\n1,0.5,22,0.1,-2\n";
    let cases: &[Case] = &[
        (valid, "", &["in.csv", "is empty"]),
        ("id,", "redshift,", &["in.csv", "more than one column", "redshift"]),
        ("id,redshift", "0,1", &["no column redshift"]),
        ("mag_lsst_r", "magnitude", &["photometry", "mag_<filter>", "lsst_r, lsst_g"]),
        ("magerr_lsst_r", "magerr_lsst_g", &["mag_lsst_r", "magerr_lsst_r"]),
        ("id,", "fnu_ujy_lsst_r,", &["mag_lsst_r", "fnu_ujy_lsst_r", "too many"]),
        ("0.5,22", "-0.5,22", &["in.csv: row 1", "redshift = -0.5"]),
        ("0.5,22", "inf,22", &["in.csv: row 1", "redshift = inf"]),
        ("0.5,22", ",22", &["in.csv: row 1", "redshift"]),
        (",0.1,", ",-0.1,", &["row 1", "magerr_lsst_r = -0.1 is not positive"]),
        (",22,", ",inf,", &["row 1", "mag_lsst_r = inf is not finite"]),
        (",22,", ",-2000,", &["row 1", "mag_lsst_r = -2000", "is no measurement"]),
        (",22,", ",faint,", &["row 1", "\"faint\" is not a number"]),
        (",22,", ",,", &["row 1", "no filter has a measurement"]),
        ("-2\n", "-20\n", &["row 1", "lgmet = -20"]),
        ("-2\n", "\n", &["row 1", "lgmet is empty"]),
        ("-2\n", "-2,3\n", &["in.csv", "line 2", "6 values"]),
    ];
    each_refused(FIT, "in.csv", valid, cases, |_| ());
}

#[test]
fn options_of_fits() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    fs::write(dir.join("in.csv"), photometry(2)).unwrap();
    fs::write(dir.join("out.csv"), "precious").unwrap();
    fs::write(dir.join("c.toml"), "[prior]\nav = { low = 2.0, high = 1.0 }\n").unwrap();
    fs::write(dir.join("c.csv"), "[prior]\nav = { low = 0.0, high = 1.0 }\n").unwrap();
    fs::create_dir(dir.join("starburn-fit")).unwrap();
    fs::write(dir.join("starburn-fit/fit-000001.csv"), photometry(2)).unwrap();
    let model = "--filters lsst_r --free av";
    for (args, parts) in [
        ("in.csv -o out.csv --config c.toml", &["c.toml", "prior of av", "2 to 1"][..]),
        ("in.csv -o c.csv --config c.csv", &["c.csv", "two different files"]),
        ("in.csv -o out.csv --figures 0,2", &["--figures: row = 2", "[0, 2)"]),
        ("in.csv -o out.csv --figures 0 --figures-dir in.csv", &["in.csv", "not a folder"]),
        ("in.csv -o out.csv --figures 0 --figures-dir /proc/x", &["/proc/x"]),
        ("starburn-fit/fit-000001.csv -o out.csv --figures 1", &["two different files"]),
        ("in.csv -o starburn-fit/fit-000001.csv --figures 1", &["two different files"]),
        ("in.csv -o out.csv --free av,av", &["av", "twice"]),
        ("in.csv -o out.csv --free", &["--free"]),
        ("in.csv -o out.csv --max-iterations 0", &["one iteration"]),
        ("/dev/zero -o out.csv", &["/dev/zero", "device"]),
        ("starburn-fit -o out.csv", &["starburn-fit"]),
    ] {
        let rest = match args.contains("--free") || args.contains("--config") {
            true => "--filters lsst_r",
            false => model,
        };
        unchanged(dir, &format!("fit {rest} {args}"), parts);
    }
}

#[test]
fn optimizations_that_make_no_sense() {
    let valid = optimize_config(9);
    let statistic = valid.find("[[statistic]]").unwrap();
    let again = format!("{}[[statistic]]", &valid[statistic..valid.find("[[stage]]").unwrap()]);
    let cases: &[Case] = &[
        ("filters =", "filter =", &["o.toml", "--filter"]),
        ("nodes = 16", "nodes = []", &["o.toml", "--nodes"]),
        ("[0.3, 0.9]", "[0.3]", &["o.toml", "1 redshifts but 2 numbers"]),
        ("[0.3, 0.9]", "[0.3, -0.9]", &["o.toml", "redshift of the mock = -0.9"]),
        ("[0.3, 0.9]", "[0.3, nan]", &["o.toml", "redshift of the mock = NaN"]),
        ("[9, 9]", "[9, 9000000000000000000]", &["o.toml", "number of haloes", "1000000000"]),
        ("[9, 9]", "[9, 9], satellite_fraction = 2.0", &["o.toml", "satellites = 2", "[0, 1]"]),
        ("[9, 9]", "[9, 9], lgm_range = [15, 11]", &["o.toml", "15", "11"]),
        ("[9, 9]", "[9, 9], lgm_range = [100, 200]", &["o.toml", "100"]),
        ("batch = 128", "batch = 0", &["o.toml", "galaxies per chunk = 0"]),
        ("batch = 128", "dust_wavelengths = 0", &["o.toml", "0", "[1, 64]"]),
        ("batch = 128", "mixing = \"salad\"", &["o.toml", "salad", "fluxes"]),
        ("batch = 128", "growth_kinds = \"none\"", &["o.toml", "\"none\"", "drawn"]),
        ("batch = 128", "calibration = \"um\"", &["o.toml", "\"um\"", "fits_um"]),
        ("batch = 128", "values = { \"dust.tau\" = 1.0 }", &["o.toml", "dust.tau"]),
        ("batch = 128", "values = { \"dust.av_norm\" = nan }", &["o.toml", "dust.av_norm = NaN"]),
        ("batch = 128", "frozen = [\"*\"]", &["o.toml", "all are frozen"]),
        ("batch = 128", "parameters = \"none.toml\"", &["none.toml"]),
        ("batch = 128", "parameters = \"o.toml\"", &["o.toml"]),
        ("[\"diffstarpop.mean_ulgy_mseq_ytp\",", "[\"diffstarpop.*_abc\",", &["o.toml", "*_abc"]),
        ("free = [", "free = []\nfrozen = [", &["o.toml", "free", "names no parameter"]),
        ("\"dust.av_norm\" = 0.9", "\"dust.av_nrom\" = 0.9", &["o.toml", "dust.av_nrom"]),
        ("\"dust.av_norm\" = 0.9", "\"dust.av_norm\" = 99", &["o.toml", "dust.av_norm = 99"]),
        ("[0.0, 0.6, 1.2]", "[0.0, 1.2, 0.6]", &["o.toml", "\"r\"", "edges of redshift", "ascend"]),
        ("[0.0, 0.6, 1.2]", "[0.0, nan, 1.2]", &["o.toml", "\"r\"", "edges of redshift"]),
        ("[0.0, 0.6, 1.2]", "[0.0]", &["o.toml", "\"r\"", "edges"]),
        ("bins = 5, ", "", &["o.toml", "\"r\"", "first, last and bins"]),
        (
            "bins = 5",
            "bins = 9999",
            &["o.toml", "\"r\"", "bins of axis \"lsst_r\" = 9999", "[1, 4096]"],
        ),
        ("first = 17.0", "first = inf", &["o.toml", "\"r\"", "edges of lsst_r"]),
        ("width = 0.5", "width = -0.5", &["o.toml", "\"r\"", "width", "-0.5"]),
        ("\"lsst_g - lsst_r\"", "\"lsst_g - lsst_i\"", &["o.toml", "\"r\"", "lsst_i"]),
        ("[[statistic]]", &again, &["o.toml", "two are called \"r\""]),
        (
            "name = \"r\"",
            "name = \"r\"\nscale = 0",
            &["o.toml", "scale of the statistic \"r\" = 0"],
        ),
        ("name = \"r\"", "name = \"r\"\nof = \"lsst_r\"", &["o.toml", "\"r\"", "of"]),
        ("name = \"r\"", "name = \"r\"\nerrors = \"data\"", &["o.toml", "\"r\"", "without errors"]),
        (
            "name = \"r\"",
            "name = \"r\"\nerrors = { absolute = 0.0 }",
            &["o.toml", "\"r\"", "standard deviations"],
        ),
        ("name = \"r\"", "name = \"r\"\nerrors = { background = -1 }", &["o.toml", "\"r\"", "-1"]),
        (
            "name = \"r\"",
            "name = \"r\"\nerrors = 0.05",
            &["o.toml", "line", "{ absolute, relative }"],
        ),
    ];
    each_refused("optimize o.toml -o new", "o.toml", &valid, cases, |_| ());
}

/// One statistic of two values, with the data in a file.
fn with_table(errors: &str) -> String {
    let mut config = optimize_config(9);
    let (target, stage) =
        (config.find("[target.truth]").unwrap(), config.find("[[stage]]").unwrap());
    let statistic = format!(
        "[target]\nfile = \"t.csv\"\n[[statistic]]\nname = \"r\"\nkind = \"histogram\"\n{errors}\n\
         axes = [{{ quantity = \"lsst_r\", edges = [15.0, 22.0, 30.0], width = 0.5 }}]\n"
    );
    config.replace_range(target..stage, &statistic);
    config
}

#[test]
fn tables_of_targets() {
    let valid = "statistic,bin,value,error\nr,0,5,2\nr,1,9,3\n";
    let cases: &[Case] = &[
        (valid, "", &["t.csv", "is empty"]),
        ("r,0,5,2\nr,1,9,3\n", "", &["t.csv", "no value of the statistic \"r\""]),
        ("r,0,5,2\nr,1,9,3\n", "r,0,,\nr,1,nan,1\n", &["t.csv", "no value of the statistic"]),
        ("r,1,9,3\n", "r,1,9,3\nr,2,1,1\n", &["t.csv", "row 3", "not one of 0 to 1"]),
        ("r,1,9,3\n", "r,0,9,3\n", &["t.csv", "row 2", "bin 0 of \"r\" is there twice"]),
        ("r,0,5,2\nr,1", "r,1,,\nr,1", &["t.csv", "row 2", "bin 1 of \"r\" is there twice"]),
        ("r,1,9,3", "g,1,9,3", &["t.csv", "row 2", "\"g\"", "there are: r"]),
        ("r,1,9,3", "7,1,9,3", &["t.csv", "row 2", "called 7"]),
        ("r,1,9,3", ",1,9,3", &["t.csv", "row 2", "no name"]),
        ("r,1,9,3", "r,0.5,9,3", &["t.csv", "row 2", "its bin"]),
        ("r,1,9,3", "r,nan,9,3", &["t.csv", "row 2", "its bin"]),
        ("r,1,9,3", "r,1,many,3", &["t.csv", "row 2", "its value \"many\""]),
        ("r,1,9,3", "r,1,inf,3", &["t.csv", "row 2", "its value inf is not finite"]),
        ("r,1,9,3", "r,1,9,inf", &["t.csv", "row 2", "its error inf is not finite"]),
        ("r,1,9,3", "r,1,9", &["t.csv", "line 3", "3 values"]),
        ("r,1,9,3", "r,1,9,0", &["\"r\"", "standard deviations"]),
        ("r,1,9,3", "r,1,9,-3", &["\"r\"", "standard deviations", "-3"]),
        ("r,1,9,3", "r,1,9,", &["\"r\"", "standard deviations"]),
        ("value", "values", &["t.csv", "\"value\""]),
        ("statistic", "statistics", &["t.csv", "\"statistic\""]),
        ("bin,", "value,", &["t.csv", "more than one column"]),
    ];
    let prepare = |dir: &Path| fs::write(dir.join("o.toml"), with_table("")).unwrap();
    each_refused("optimize o.toml -o new", "t.csv", valid, cases, prepare);
    // Numbers of galaxies, whose errors follow from them.
    let cases: &[Case] = &[("r,0,5", "r,0,-5", &["o.toml", "\"r\"", "bin 0 = -5"])];
    let prepare = |dir: &Path| {
        fs::write(dir.join("o.toml"), with_table("errors = \"counts\"")).unwrap();
    };
    each_refused("optimize o.toml -o new", "t.csv", valid, cases, prepare);
}

#[test]
fn covariances_of_targets() {
    let valid = "4,1\n1,9\n";
    let cases: &[Case] = &[
        (valid, "", &["\"r\"", "0 numbers, expected 2 x 2"]),
        ("1,9\n", "", &["\"r\"", "2 numbers, expected 2 x 2"]),
        ("4,1\n", "4,1,0\n", &["\"r\"", "5 numbers, expected 2 x 2"]),
        ("1,9", "2,9", &["\"r\"", "not symmetric"]),
        (valid, "4,7\n7,9\n", &["\"r\"", "not positive definite"]),
        (valid, "-4,1\n1,9\n", &["\"r\"", "not positive definite"]),
        (valid, "nan,1\n1,9\n", &["\"r\"", "NaN"]),
        ("1,9", "1,inf", &["\"r\"", "inf"]),
        ("1,9", "1,nine", &["c.csv", "line 2", "\"nine\""]),
    ];
    let prepare = |dir: &Path| {
        let errors = "errors = { covariance = \"c.csv\" }";
        fs::write(dir.join("o.toml"), with_table(errors)).unwrap();
        fs::write(dir.join("t.csv"), "statistic,bin,value\nr,0,5\nr,1,9\n").unwrap();
    };
    each_refused("optimize o.toml -o new", "c.csv", valid, cases, prepare);
}

#[test]
fn results_of_optimizations_are_nothing_that_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    fs::create_dir(dir.join("out")).unwrap();
    let table = "statistic,bin,value,error\nr,0,5,2\nr,1,9,3\n";
    fs::write(dir.join("out/statistics.csv"), table).unwrap();
    fs::write(dir.join("out/best_fit.toml"), with_table("")).unwrap();
    fs::write(dir.join("out/t.csv"), table).unwrap();
    unchanged(dir, "optimize out/best_fit.toml -o out", &["best_fit.toml", "two different files"]);
    let config = with_table("").replace("t.csv", "out/statistics.csv");
    fs::write(dir.join("o.toml"), config).unwrap();
    unchanged(dir, "optimize o.toml -o out", &["out/statistics.csv", "two different files"]);
}

#[test]
fn a_changed_covariance_makes_another_optimization() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let config = with_table("errors = { covariance = \"c.csv\" }");
    fs::write(dir.join("o.toml"), config).unwrap();
    fs::write(dir.join("t.csv"), "statistic,bin,value\nr,0,5\nr,1,9\n").unwrap();
    fs::write(dir.join("c.csv"), "4,1\n1,9\n").unwrap();
    succeeds(dir, "optimize o.toml -o out");
    fs::write(dir.join("c.csv"), "4,1\n1,8\n").unwrap();
    unchanged(dir, "optimize o.toml -o out", &["another configuration", "--restart"]);
}

const PREDICT: &str = "predict haloes.csv -o out.csv --population p.toml --filters lsst_r";

#[test]
fn parameters_and_haloes_of_predictions() {
    let parameters = String::from_utf8(seed("population_parameters/some.toml")).unwrap();
    let haloes = String::from_utf8(seed("haloes/masses.csv")).unwrap();
    let cases: &[Case] = &[
        ("av_norm", "av_nrom", &["p.toml", "dust.av_nrom"]),
        ("0.3", "1e9", &["p.toml", "dust.av_norm = 1"]),
        ("0.3", "nan", &["p.toml", "dust.av_norm = NaN"]),
        ("0.3\n", "0.", &["p.toml", "line 3"]),
    ];
    let prepare = |dir: &Path| fs::write(dir.join("haloes.csv"), &haloes).unwrap();
    each_refused(PREDICT, "p.toml", &parameters, cases, prepare);
    let cases: &[Case] = &[
        (&haloes, "", &["haloes.csv", "is empty"]),
        ("redshift", "z", &["haloes.csv", "\"redshift\""]),
        ("lgm_obs", "mass", &["haloes.csv", "lgm_obs"]),
        ("0.2,13,4", "0.2,nan,4", &["haloes.csv", "row 2", "lgm_obs", "NaN"]),
        ("0.2,13,4", "0.2,,4", &["haloes.csv", "row 2", "lgm_obs"]),
        ("0.2,13,4", "0.2,1e13,4", &["haloes.csv", "row 2", "[0, 17]"]),
        ("0.2,13,4", "0.2,-13,4", &["haloes.csv", "row 2", "[0, 17]"]),
        ("0.2,13,4", "-0.2,13,4", &["haloes.csv", "row 2", "redshift = -0.2"]),
        ("0.2,13,4", "1e9,13,4", &["haloes.csv", "row 2", "redshift = 1000000000"]),
        ("0.2,13,4", "0,13,4", &["redshift = 0", "no distance modulus"]),
    ];
    let prepare = |dir: &Path| fs::write(dir.join("p.toml"), &parameters).unwrap();
    each_refused(PREDICT, "haloes.csv", &haloes, cases, prepare);
}
