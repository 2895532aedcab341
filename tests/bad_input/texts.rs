//! Text files: configurations and filters.

use starburn::emulator::EmulatorConfig;
use starburn::filter::FilterSet;
use starburn::fit::FitConfig;
use starburn::galhalo::PopulationParameters;
use starburn::history::HistoryConfig;
use starburn::optimize::OptimizeConfig;
use starburn::population::Components;

use super::{Broken, anything, refused, replaced_text, seed};

/// Files in which a text is replaced by another.
fn edited(valid: &[u8], edits: &[(&'static str, &str, &'static [&'static str])]) -> Vec<Broken> {
    let file = |(from, to, parts): &(&'static str, &str, &'static [&'static str])| {
        (*from, replaced_text(valid, from, to), *parts)
    };
    edits.iter().map(file).collect()
}

/// What may be wrong with any configuration; half of one may be one.
fn any_toml(valid: &[u8]) -> Vec<Broken> {
    let all = anything(valid).into_iter().filter(|(what, ..)| *what != "cut in half");
    all.chain([
        ("no UTF-8", [valid, b"# \xff\xfe\n"].concat(), &["UTF-8"][..]),
        ("an unknown key", [b"typo = 1\n", valid].concat(), &["typo"]),
        ("an unknown table", [valid, b"\n[typos]\n"].concat(), &["typos"]),
        ("a nested list", [&b"quantities = "[..], &b"[".repeat(100_000)].concat(), &[]),
        ("large", [valid, &b"# padding\n".repeat(500_000)].concat(), &["4 MiB"]),
    ])
    .collect()
}

#[test]
fn histories() {
    let valid = seed("history/history.toml");
    let edits: &[(&str, &str, &[&str])] = &[
        ("number = 4", "number = 1", &["1 from 2 to 13 Gyr"]),
        ("number = 4", "number = 99999999999", &["expected 2 to 100000"]),
        ("number = 4", "number = -4", &["line 10"]),
        ("number = 4", "number = 4\nnumber = 4", &["duplicate key"]),
        ("first_gyr = 2.0", "first_gyr = nan", &["NaN to 13 Gyr"]),
        ("first_gyr = 2.0", "first_gyr = \"two\"", &["line 8"]),
        ("last_gyr = 13.0", "last_gyr = 2.0", &["first before last"]),
        ("\"lg_sfr\", ", "\"lg_sfr\", \"lg_sfr\", ", &["asked for twice"]),
        ("\"lg_sfr\", ", "7, ", &["line 2"]),
        ("[[galaxy]]", "[galaxy]", &["line 11"]),
        ("name = \"quenched, early\"", "", &["name"]),
        ("lg_qt = 0.5", "lg_qt = []", &["line 14"]),
        ("[times]", "[thymes]", &["thymes"]),
    ];
    let broken = any_toml(&valid).into_iter().chain(edited(&valid, edits));
    refused("history.toml", &valid, broken, HistoryConfig::read);
}

#[test]
fn emulator_configurations() {
    let valid = seed("emulator_config/emulator.toml");
    let edits: &[(&str, &str, &[&str])] = &[
        ("\"lognormal\"", "\"lognormals\"", &["lognormals"]),
        ("sfh =", "hfs =", &["line 2", "hfs"]),
        ("sfr_t_max", "sfr_t_min", &["sfr_t_min"]),
        ("[2.0, 6.0]", "[6.0, 2.0]", &["prior of sfr_t_max"]),
        ("[2.0, 6.0]", "[2.0, nan]", &["prior of sfr_t_max", "NaN"]),
        ("[2.0, 6.0]", "[2.0]", &["line 6"]),
        ("[2.0, 6.0]", "[-1e300, 6.0]", &["prior of sfr_t_max"]),
        ("t_obs_gyr = [6.0, 12.0]\n", "", &["t_obs_gyr"]),
        ("\"bins\"", "\"boxes\"", &["boxes"]),
        ("hidden = [4]", "hidden = []", &["network.hidden"]),
        ("hidden = [4]", "hidden = [4, 0]", &["network.hidden = 0"]),
        ("n_age = 8", "n_age = 7", &["network.n_age = 7"]),
        ("n_age = 8", "n_age = 8\nn_rate = 3", &["3"]),
        ("batch = 8", "batch = 0", &["training.batch = 0"]),
        ("batch = 8", "batch = 4000000000000000000", &["training.batch"]),
        ("nodes = 64", "nodes = 63", &["training.nodes"]),
        ("nodes = 64", "nodes = 64\nclip = inf", &["training.clip"]),
        ("nodes = 64", "nodes = 64\nlearning_rate = nan", &["training.learning_rate"]),
        ("seed = 3", "seed = -3", &["line 3"]),
        ("seed = 3", "seed = 99999999999999999999", &["line 3"]),
        ("nodes = 64", "nodes = 64\n[loss]\nlight = -1.0", &["loss.light"]),
    ];
    let broken = any_toml(&valid).into_iter().chain(edited(&valid, edits));
    refused("emulator.toml", &valid, broken, EmulatorConfig::read);
}

#[test]
fn fit_configurations() {
    let valid = seed("fit_config/fit.toml");
    let edits: &[(&str, &str, &[&str])] = &[
        ("free =", "fre =", &["line 2", "fre"]),
        ("free = [", "free = [3, ", &["line 2"]),
        ("free = [", "free = [[", &[]),
        ("[prior]", "[priors]", &["priors"]),
        ("sigma = 0.3", "sigma = 0.3, low = 0", &["line 4"]),
        ("sigma = 0.3", "sigma = \"small\"", &["line 4"]),
        ("low = -3.0, high = -1.5", "low = -3.0", &["line 5", "{ low, high }"]),
        ("low = -3.0, high = -1.5", "", &["line 5"]),
        ("av = {", "lgmet = {", &["duplicate key"]),
    ];
    // Both keys are optional.
    let broken = any_toml(&valid).into_iter().filter(|(what, ..)| *what != "empty");
    refused("fit.toml", &valid, broken.chain(edited(&valid, edits)), FitConfig::read);

    // Priors that no galaxy can have.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fit.toml");
    for (from, to, parts) in [
        ("low = -3.0, high = -1.5", "low = -1.5, high = -3.0", ["lgmet", "-1.5"]),
        ("low = -3.0, high = -1.5", "low = -3.0, high = -3.0", ["lgmet", "-3"]),
        ("low = -3.0", "low = nan", ["lgmet", "NaN"]),
        ("low = -3.0", "low = -1e300", ["lgmet", "-1"]),
        ("low = -3.0", "low = -inf", ["lgmet", "inf"]),
        ("sigma = 0.3", "sigma = 0", ["av", "0"]),
        ("sigma = 0.3", "sigma = -0.3", ["av", "-0.3"]),
        ("sigma = 0.3", "sigma = inf", ["av", "inf"]),
        ("mean = 0.5", "mean = nan", ["av", "NaN"]),
        ("mean = 0.5", "mean = 1e308", ["av", "1"]),
        ("\"lgmet\"", "\"lgmet\", \"lgmet\"", ["lgmet", "twice"]),
    ] {
        std::fs::write(&path, replaced_text(&valid, from, to)).unwrap();
        let config = FitConfig::read(&path).unwrap();
        let Err(error) = config.parameters(&Components::default(), &[]) else {
            panic!("{to}: it was taken")
        };
        let text = error.to_string();
        assert!(parts.iter().all(|part| text.contains(part)), "{to}: {text}");
    }
}

#[test]
fn optimize_configurations() {
    let valid = seed("optimize_config/all.toml");
    let edits: &[(&str, &str, &[&str])] = &[
        ("[population]", "[population]\ntypo = 1", &["line 7", "typo"]),
        ("[target]", "[target]\ntypo = 1", &["typo"]),
        ("side = ", "sides = ", &["sides"]),
        ("lgm_range", "lgm_rnage", &["lgm_rnage"]),
        ("first = 17, ", "frist = 17, ", &["frist"]),
        ("warm_up", "warmup", &["warmup"]),
        ("relative = ", "relativ = ", &["line 30"]),
        ("free = [\"mzr.*\", \"dust.av_*\"]", "", &["free"]),
        ("\"mzr.*\", ", "7, ", &["line 11"]),
        ("redshifts = [0.3, 0.9], ", "", &["redshifts"]),
        ("numbers = [20, 10]", "numbers = [20, -10]", &["line 7"]),
        ("numbers = [20, 10]", "numbers = [20.5, 10]", &["line 7"]),
        ("[11.0, 15.0]", "[11.0]", &["line 7"]),
        ("[population]\n", "[population]\ncatalog = \"h.csv\"\n", &["either catalog or mock"]),
        ("seed = 7", "seed = 7\nfile = \"t.csv\"", &["either file or truth"]),
        ("truth = { \"mzr.mzr_t0_ytp\" = -0.2 }", "", &["either file or truth"]),
        ("seed = 7", "seed = -7", &["line 16"]),
        ("bursts = true", "bursts = 1", &["line 9"]),
        ("kind = \"mean\"", "kind = \"median\"", &["median"]),
        ("name = \"faint\"\n", "", &["name"]),
        ("\"gauss_newton\"", "\"newton\"", &["newton"]),
        ("steps = 12\n", "", &["steps"]),
        ("steps = 12", "steps = 0", &["steps of the stage adam = 0"]),
        ("steps = 12", "steps = 9223372036854775807", &["steps of the stage adam", "1000000"]),
        ("learning_rate = 1.0", "learning_rate = nan", &["learning_rate", "NaN"]),
        ("tolerance = 1e-6", "tolerance = -1", &["tolerance of the stage gauss_newton = -1"]),
        ("patience = 2", "patience = 0", &["patience"]),
    ];
    let broken = any_toml(&valid).into_iter().chain(edited(&valid, edits));
    refused("optimize.toml", &valid, broken, OptimizeConfig::read);
}

#[test]
fn population_parameters() {
    let valid = seed("population_parameters/some.toml");
    let edits: &[(&str, &str, &[&str])] = &[
        ("av_norm", "av_nrom", &["dust.av_nrom"]),
        ("0.3", "nan", &["dust.av_norm = NaN"]),
        ("0.3", "-inf", &["dust.av_norm = -inf"]),
        ("0.3", "[0.3, 0.4]", &["line 3"]),
        ("0.3", "", &["line 3"]),
        ("= 0.3", "", &["line 3"]),
        ("0.1", "1e300", &["mzr.lgmet_scatter = 1"]),
        ("\"dust.av_norm\"", "dust.av_norm", &["line 3"]),
        ("\"dust.av_norm\"", "\"mzr.lgmet_scatter\"", &["duplicate key"]),
        ("[values]", "[[values]]", &["line 2"]),
        ("[values]", "", &["dust.av_norm"]),
    ];
    let broken = any_toml(&valid).into_iter().chain(edited(&valid, edits));
    refused("p.toml", &valid, broken, |path| PopulationParameters::read(true, path));
}

#[test]
fn filters_as_text() {
    let ecsv = seed("filter_ecsv/mine_g.ecsv");
    let edits: &[(&str, &str, &[&str])] = &[
        ("unit: nm", "unit: furlong", &["furlong", "Angstrom, nm, um"]),
        ("unit: nm, ", "", &["missing"]),
        ("wavelength response", "wavelength wavelength", &["exactly one column wavelength"]),
        ("wavelength response", "wavelength error", &["response or throughput"]),
        ("400.0 1.0", "400.0 nan", &["line 11", "nan"]),
        ("400.0 1.0", "400.0 1.0 1.0", &["line 11", "3 fields"]),
        ("400.0 1.0", "200.0 1.0", &["ascend"]),
        ("400.0 1.0", "400.0 -1.0", &["transmission 2", "-1"]),
    ];
    let broken = anything(&ecsv).into_iter().chain(edited(&ecsv, edits));
    refused("mine.ecsv", &ecsv, broken, FilterSet::read);

    let text = seed("filter_text/spaces.txt");
    let edits: &[(&str, &str, &[&str])] = &[
        ("5e3\t0.9", "5e3\t0.9\t3", &["line 3", "3 columns"]),
        ("5e3\t0.9", "5e3\tinf", &["line 3", "inf"]),
        ("5e3\t0.9", "5e999\t0.9", &["line 3", "5e999"]),
        ("5e3\t0.9", "3e3\t0.9", &["ascend"]),
        ("5e3\t0.9", "4e3\t0.9", &["ascend"]),
        ("5e3\t0.9", "5e3\t-0.9", &["transmission 2"]),
    ];
    let broken = anything(&text).into_iter().chain(edited(&text, edits));
    refused("mine.txt", &text, broken, FilterSet::read);
}
