//! A small population against itself: gradients, Fisher matrix, recovery, chunks and threads.

use std::path::Path;

use nalgebra::DMatrix;

use super::*;
use crate::device::{Place, Precision};
use crate::filter::FilterSet;
use crate::population::ModelSettings;
use crate::sfh::LookbackNodes;
use crate::ssp::embedded;
use crate::testing::{assert_close, for_each_f64_place, places};

const CONFIG: &str = r#"
[population]
mock = { redshifts = [0.3, 0.9], numbers = [NUMBER, NUMBER] }
batch = BATCH
free = ["diffstarpop.frac_quench_cen_x0_yhitpeak", "diffstarpop.mean_ulgy_mseq_ytp",
        "mzr.mzr_t0_ytp", "dust.av_norm"]

[population.values]
"diffstarpop.frac_quench_cen_x0_yhitpeak" = 12.8

[target]
seed = 0

[target.truth]
"diffstarpop.frac_quench_cen_x0_yhitpeak" = 12.4
"diffstarpop.mean_ulgy_mseq_ytp" = -10.2
"mzr.mzr_t0_ytp" = -0.2
"dust.av_norm" = 0.9

[[statistic]]
name = "r"
kind = "histogram"
axes = [{ quantity = "redshift", edges = [0.0, 0.6, 1.2], width = 0.05 },
        { quantity = "lsst_r", first = 17.0, last = 26.0, bins = 6, width = 0.5 }]

[[statistic]]
name = "red"
kind = "counts"
side = "above"
axes = [{ quantity = "lsst_g - lsst_r", edges = [0.4, 0.8, 1.2], width = 0.1 }]
errors = "poisson"

[[statistic]]
name = "mass"
kind = "mean"
of = "lg_mstar"
axes = [{ quantity = "lg_halo_mass", edges = [11.0, 11.5, 12.0, 13.0, 14.5] }]
errors = { absolute = 0.02 }
"#;

fn config(n: usize, batch: usize) -> OptimizeConfig {
    let text = CONFIG.replace("NUMBER", &n.to_string()).replace("BATCH", &batch.to_string());
    OptimizeConfig::parse(&text, Path::new("")).unwrap()
}

fn problem(config: &OptimizeConfig, threads: usize, place: &Place) -> Problem {
    let settings =
        ModelSettings { nodes: LookbackNodes::new(16).unwrap(), ..ModelSettings::default() };
    let filters = FilterSet::resolve("lsst_g,lsst_r").unwrap();
    let ingredients = Ingredients {
        grid: embedded(),
        filters: &filters,
        settings,
        place: place.clone(),
        threads,
    };
    config.problem(&ingredients).unwrap()
}

/// Derivatives of `f` by central differences, one row per parameter.
fn differences(x: &[f64], mut f: impl FnMut(Vec<f64>) -> Vec<f64>) -> Vec<Vec<f64>> {
    let mut at = |j: usize, step: f64| {
        let mut x = x.to_vec();
        x[j] += step;
        f(x)
    };
    let row = |j: usize| {
        let [up, down, far_up, far_down] = [0.02, -0.02, 0.04, -0.04].map(|step| at(j, step));
        let near = up.iter().zip(down).map(|(u, d)| 8.0 * (u - d));
        let far = far_up.iter().zip(far_down).map(|(u, d)| u - d);
        near.zip(far).map(|(near, far)| (near - far) / 0.24).collect()
    };
    (0..x.len()).map(row).collect()
}

#[test]
fn gradient_and_fisher_matrix_are_those_of_central_differences() {
    for_each_f64_place(|place| {
        let Problem { mut objective, free, truth, .. } = problem(&config(60, 50), 2, place);
        let start = free.start();
        let at_start = objective.point(start.clone()).unwrap();
        let numeric = differences(&start, |x| vec![objective.value(&x).unwrap()]).concat();
        assert!(numeric.iter().all(|g| *g != 0.0));
        let largest = numeric.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        assert_close(&at_start.gradient, &numeric, 1e-5, 1e-7 * largest);

        // The same galaxies made the data, so at the truth the Fisher matrix is the Hessian.
        let truth = truth.unwrap();
        let at_truth = objective.point(truth.clone()).unwrap();
        assert!(at_truth.value.abs() < 1e-3, "{}", at_truth.value);
        let hessian = differences(&truth, |x| objective.point(x).unwrap().gradient).concat();
        let information = objective.information(&truth, 1).unwrap();
        let largest = information.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        assert_close(information.as_slice(), &hessian, 0.0, 2e-4 * largest);
        let fisher = Fisher::new(information).unwrap();
        let of_hessian = Fisher::new(DMatrix::from_row_slice(4, 4, &hessian)).unwrap();
        assert_close(&fisher.errors(), &of_hessian.errors(), 1e-2, 0.0);
    });
}

#[test]
fn the_truth_is_found_from_afar_for_any_chunks_and_threads() {
    let place = &places(Precision::F64)[0];
    let run = |batch: usize, threads: usize| {
        let config = config(150, batch);
        let Problem { mut objective, free, truth, .. } = problem(&config, threads, place);
        let adam = Stage { learning_rate: 1.0, ..Stage::new(Method::Adam, 8) };
        let lbfgs = Stage::new(Method::Lbfgs, 3);
        let newton = Stage { tolerance: 1e-9, ..Stage::new(Method::GaussNewton, 20) };
        let start = State::start(free.start());
        let end = optimize(&mut objective, &[adam, lbfgs, newton], start, |_| Ok(true)).unwrap();
        (end, truth.unwrap())
    };
    let (end, truth) = run(64, 1);
    assert!(end.best.value < 1e-3 * end.history[0].value, "{:?}", end.history.last());
    // The background of the Poisson likelihood is the only thing that the truth does not explain.
    assert_close(&end.best.x, &truth, 0.0, 0.02);
    assert_eq!(run(64, 2).0, end);
    assert_close(&run(1000, 1).0.best.x, &end.best.x, 0.0, 1e-3);
}

#[test]
fn contradictions_are_errors_that_say_what() {
    let good = CONFIG.replace("NUMBER", "10").replace("BATCH", "10");
    let place = &places(Precision::F64)[0];
    let filters = FilterSet::resolve("lsst_g,lsst_r").unwrap();
    let error = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        let text = good.replacen(from, to, 1);
        let ingredients = Ingredients {
            grid: embedded(),
            filters: &filters,
            settings: ModelSettings::default(),
            place: place.clone(),
            threads: 1,
        };
        let problem = OptimizeConfig::parse(&text, Path::new(""))
            .and_then(|config| config.problem(&ingredients));
        problem.unwrap_err().to_string()
    };
    for (from, to, part) in [
        ("[target]\nseed = 0", "[target]\nseed = 0\nfile = \"x.csv\"", "either file or truth"),
        ("batch = 10", "batch = 0", "galaxies per chunk = 0"),
        ("batch = 10", "chunk = 10", "unknown field `chunk`"),
        ("batch = 10", "mixing = \"light\"", "no mixing is called \"light\""),
        ("batch = 10", "calibration = \"best\"", "no DiffstarPop calibration is called"),
        ("batch = 10", "parameters = \"none.toml\"", "cannot read none.toml"),
        ("batch = 10", "catalog = \"none.csv\"", "either catalog or mock"),
        ("\"dust.av_norm\"]", "\"dust.tau\"]", "no population parameter is called \"dust.tau\""),
        ("\"dust.av_norm\" = 0.9", "\"dust.av_norm\" = 99.0", "dust.av_norm = 99"),
        ("numbers = [10, 10]", "numbers = [10]", "2 redshifts but 1 numbers"),
        ("quantity = \"lsst_r\"", "quantity = \"lsst_z\"", "no quantity is called \"lsst_z\""),
        ("name = \"red\"", "name = \"r\"", "two are called \"r\""),
        ("errors = { absolute = 0.02 }", "", "needed for a mean"),
        ("kind = \"mean\"", "kind = \"median\"", "line 3"),
    ] {
        let error = error(from, to);
        assert!(error.contains(part), "{to}: {error}");
    }
}

#[test]
fn data_may_come_from_the_table_that_an_optimization_writes() {
    let place = &places(Precision::F64)[0];
    let folder = tempfile::tempdir().unwrap();
    let made = problem(&config(40, 50), 1, place);
    let Problem { mut objective, truth, .. } = made;
    let best = objective.statistics(&truth.unwrap()).unwrap();
    let path = folder.path().join("statistics.csv");
    write_statistics(objective.target(), &best, &best, &path).unwrap();

    let start = CONFIG.find("[target]").unwrap();
    let end = CONFIG.find("[[statistic]]").unwrap();
    let of_file =
        format!("{}[target]\nfile = \"statistics.csv\"\n{}", &CONFIG[..start], &CONFIG[end..]);
    let text = of_file.replace("NUMBER", "40").replace("BATCH", "50");
    let config = |text: &str| OptimizeConfig::parse(text, folder.path()).unwrap();
    let again = problem(&config(&text), 1, place);
    let values = |target: &Target| -> Vec<Vec<f64>> {
        target.data().map(|(_, values, sigma)| [values, sigma].concat()).collect()
    };
    assert_eq!(values(again.objective.target()), values(objective.target()));
    assert!(again.truth.is_none());

    // Bins without data, and broken tables.
    let table = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    let sum = config(&text).checksum(&[]).unwrap();
    std::fs::write(&path, [&lines[..1], &lines[3..]].concat().join("\n")).unwrap();
    assert_ne!(config(&text).checksum(&[]).unwrap(), sum);
    let few = problem(&config(&text), 1, place);
    assert_eq!(few.objective.target().n_values(), objective.target().n_values() - 2);
    let filters = FilterSet::resolve("lsst_g,lsst_r").unwrap();
    for (text_of_table, part) in [
        ("statistic,bin\nr,0\n", "value"),
        ("statistic,bin,value\nx,0,1\n", "row 1: no statistic is called \"x\""),
        ("statistic,bin,value\nr,12,1\n", "row 1: its bin is not one of 0 to 11"),
        ("statistic,bin,value\nr,0,1\nr,0,2\n", "row 2: bin 0 of \"r\" is there twice"),
        ("statistic,bin,value\nr,0,many\n", "row 1: its value \"many\" is no number"),
        ("statistic,bin,value\nr,0,1\n", "no value of the statistic \"red\""),
    ] {
        std::fs::write(&path, text_of_table).unwrap();
        let ingredients = Ingredients {
            grid: embedded(),
            filters: &filters,
            settings: ModelSettings::default(),
            place: place.clone(),
            threads: 1,
        };
        let error = config(&text).problem(&ingredients).unwrap_err().to_string();
        assert!(error.contains(part) && error.contains("statistics.csv"), "{error}");
    }
}
