//! Small valid files of every kind.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray};
use hdf5_pure::{AttrValue, FileBuilder};
use starburn::catalog::CatalogWriter;
use starburn::device::{DEFAULT_DEVICE, Place, Precision};
use starburn::emulator::{AgeEmulator, EmulatorConfig, Trainer};
use starburn::filter::{Filter, FilterSet};
use starburn::optimize::{Record, State};
use starburn::ssp::{EmissionLines, SspGrid, embedded};
use starburn::store::{Array, Store};

const LGMET: [f64; 3] = [-3.0, -2.0, -1.5];
const LG_AGE: [f64; 4] = [-2.0, -1.0, 0.0, 1.0];
const WAVE: [f64; 3] = [1000.0, 5000.0, 9000.0];
const LGU: [f64; 3] = [-4.0, -3.0, -2.0];

const HISTORY: &str = r#"
quantities = ["color:lsst_g,lsst_r", "lg_sfr", "ew:[O III] 5007", "p_age"]
gradients = ["lg_drop"]
[model]
frame = "rest"
lines = "fit"
[times]
first_gyr = 2.0
last_gyr = 13.0
number = 4
[[galaxy]]
name = "quenched, early"
t_ref_gyr = 13.0
parameters = { lg_qt = 0.5, lg_drop = -2.5 }
"#;

const EMULATOR: &str = r#"
sfh = "lognormal"
seed = 3
[prior]
t_obs_gyr = [6.0, 12.0]
sfr_t_max = [2.0, 6.0]
[network]
head = "bins"
hidden = [4]
n_age = 8
[training]
steps = 4
batch = 8
warm_up = 1
n_held_out = 16
evaluate_every = 2
nodes = 64
"#;

const ECSV: &str = "# %ECSV 1.0
# ---
# datatype:
# - {name: wavelength, unit: nm, datatype: float64}
# - {name: response, datatype: float64}
# meta: !!omap
# - {band_name: g}
# - {group_name: mine}
wavelength response
300.5 0.0
400.0 1.0
500.0 0.25
";

const FIT: &str = r#"
free = ["logm0", "lgmet", "av"]
[prior]
av = { mean = 0.5, sigma = 0.3 }
lgmet = { low = -3.0, high = -1.5 }
"#;

const FIT_CATALOG: &str = "\
id,redshift,mag_lsst_g,magerr_lsst_g,fnu_ujy_lsst_r,fnu_ujy_err_lsst_r,lgmet,note
1,0.5,22.5,0.05,8.0,0.3,-2,first
2,0.3,,0.05,12.0,0.5,-2.1,\"second, faint\"
3,nan,22.1,0.05,-8.0,0.3,-2,
";

const OPTIMIZE: &str = r#"
[model]
filters = ["lsst_g", "lsst_r"]
nodes = 16
frame = "observed"
[population]
mock = { redshifts = [0.3, 0.9], numbers = [20, 10], lgm_range = [11.0, 15.0], satellite_fraction = 0.1 }
calibration = "fits_tng"
bursts = true
values = { "dust.av_norm" = 0.3 }
free = ["mzr.*", "dust.av_*"]
frozen = ["dust.av_norm"]
mixing = "fluxes"
[target]
truth = { "mzr.mzr_t0_ytp" = -0.2 }
seed = 7
[[statistic]]
name = "counts in r and g - r"
kind = "histogram"
axes = [{ quantity = "lsst_r", first = 17, last = 25, bins = 4 },
        { quantity = "lsst_g - lsst_r", edges = [0.0, 1.0, 2.5], width = 0.3 }]
errors = "poisson"
[[statistic]]
name = "faint"
kind = "counts"
side = "below"
kernel = "logistic"
scale = 1e-3
axes = [{ quantity = "lsst_r", edges = [24.0], width = 0.2 }]
errors = { absolute = 0.1, relative = 0.05 }
[[statistic]]
name = "masses"
kind = "mean"
of = "lg_mstar"
prior_weight = 2.0
axes = [{ quantity = "redshift", edges = [0.0, 0.5, 1.0] }]
errors = { covariance = "c.csv" }
[[stage]]
method = "adam"
steps = 12
learning_rate = 1.0
warm_up = 3
[[stage]]
method = "gauss_newton"
steps = 4
tolerance = 1e-6
patience = 2
"#;

/// For the statistics of `src/fuzz/jobs.rs`.
const TARGET: &str = "\
statistic,bin,label,value,error
\"r\",0,\"lsst_r 20 to 22, lsst_g - lsst_r 0 to 0.67\",12.5,3.5
r,1,,7,2.5
r,5,,0.0,1
\"faint, or not\",1,x,2,1.5
m,0,,10.5,0.1
m,2,,,
";

const MANIFEST: &str = r#"{"program":"starburn 0.1.0","input":"ab","model":"cd","output":"ef","rows":25,"rows_per_part":10,"batch":5}
{"part":0,"rows":10,"bad":1,"first_bad":[3,"redshift = NaN"],"flagged":2,"files":{"part-000000.parquet":"01"}}
{"part":2,"rows":5,"bad":0,"first_bad":null,"flagged":0,"files":{}}
"#;

/// Folder, name and bytes of every seed.
pub(super) fn all() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let text = |text: &str| text.as_bytes().to_vec();
    let mut files = vec![
        ("ssp_safetensors", "plain.safetensors", stored(&grid(false).to_store())),
        ("ssp_safetensors", "lines.safetensors", stored(&grid(true).to_store())),
        ("ssp_hdf5", "plain.h5", grid_hdf5(false)),
        ("ssp_hdf5", "lines.h5", grid_hdf5(true)),
        ("filter_hdf5", "plain.h5", filter_hdf5(false)),
        ("filter_hdf5", "packed.h5", filter_hdf5(true)),
        ("filter_ecsv", "mine_g.ecsv", text(ECSV)),
        ("filter_text", "spaces.txt", text("# a band\n4000 0\n5e3\t0.9  # peak\n6000.5 1e-1\n")),
        ("filter_text", "commas.txt", text("4000,0\n5000.0, 0.9\n#\n6000.5 ,.1\n")),
        ("filter_safetensors", "two.safetensors", filters()),
        (
            "catalog_csv",
            "mixed.csv",
            text("id,z, name\n007,0.5,\"a, \"\"b\"\"\"\n8,-1e3,\n\n9,nan,x\n"),
        ),
        ("catalog_csv", "windows.csv", text("\u{feff}a,b\r\n1,2\r\n3,\"4\r\n5\"\r\n")),
        ("catalog_parquet", "mixed.parquet", parquet()),
        ("haloes", "masses.csv", text("redshift,lgm_obs,t_peak\n0.5,12,3\n0.2,13,4\n0.5,11.5,5\n")),
        (
            "haloes",
            "growth.csv",
            text(
                "redshift,logm0,logtc,early_index,late_index,upid,lgmu_infall,logmhost_infall,gyr_since_infall\n\
                 0.5,12,0.1,2.5,0.3,-1,-1,12,0\n0.5,11,0.2,2.6,0.2,77,-1.5,13,2\n",
            ),
        ),
        ("history", "history.toml", text(HISTORY)),
        ("emulator_config", "emulator.toml", text(EMULATOR)),
        ("line_fit", "small.safetensors", stored(&line_fit())),
        ("line_table", "small.h5", line_table()),
        ("fit_config", "fit.toml", text(FIT)),
        ("fit_catalog", "both.csv", text(FIT_CATALOG)),
        ("optimize_config", "all.toml", text(OPTIMIZE)),
        ("optimize_target", "errors.csv", text(TARGET)),
        (
            "optimize_target",
            "plain.csv",
            text("statistic,bin,value\nr,2,3\n\"faint, or not\",0,1e1\nm,1,11\n"),
        ),
        ("optimize_covariance", "three.csv", text("2,0.5, 0\n0.5 1\t0.1\n\n0;0.1;1e0\n")),
        ("optimize_state", "begun.safetensors", stored(&state("none", &[]))),
        ("optimize_state", "adam.safetensors", stored(&state("adam", &[5]))),
        ("optimize_state", "lbfgs.safetensors", stored(&state("lbfgs", &[2, 4]))),
        ("optimize_state", "gauss_newton.safetensors", stored(&state("gauss_newton", &[1]))),
        (
            "population_parameters",
            "some.toml",
            text("# a\n[values]\n\"dust.av_norm\" = 0.3\n\"mzr.lgmet_scatter\" = 0.1\n"),
        ),
        (
            "population_parameters",
            "bursts.toml",
            text(
                "[values]\n\"burst.lgfburst_norm\" = -2\n\"diffmahpop.cen_tp_lgm_x0_x0\" = 12.0\n",
            ),
        ),
        ("parts_manifest", "two.jsonl", text(MANIFEST)),
    ];
    let (checkpoint, emulator) = trained();
    files.push(("checkpoint", "small.safetensors", checkpoint));
    files.push(("emulator", "small.safetensors", emulator));
    for (i, name) in ["first.bin", "second.bin", "third.bin"].into_iter().enumerate() {
        let numbers = (0..20).flat_map(|j| (0.7 * f64::from(j) - 6.0).to_le_bytes());
        files.push(("parameters", name, [i as u8].into_iter().chain(numbers).collect()));
    }
    files
}

fn written(name: &str, write: impl FnOnce(&Path)) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    write(&path);
    std::fs::read(path).unwrap()
}

fn stored(store: &Store) -> Vec<u8> {
    written("a.safetensors", |path| store.write(path).unwrap())
}

fn ramp(n: usize) -> Vec<f64> {
    (0..n).map(|i| 0.25 * i as f64).collect()
}

fn grid(with_lines: bool) -> SspGrid {
    let facts = BTreeMap::from([("source".to_owned(), "a seed".to_owned())]);
    let grid =
        SspGrid::new(LGMET.to_vec(), LG_AGE.to_vec(), WAVE.to_vec(), ramp(36), facts).unwrap();
    if !with_lines {
        return grid;
    }
    let lines = EmissionLines {
        names: ["[O III] 5007", "Ba-alpha 6563"].map(String::from).to_vec(),
        wave_aa: vec![5008.24, 6564.6],
        lgu: Some(LGU.to_vec()),
        luminosity_lsun: ramp(72),
    };
    grid.with_lines(lines).unwrap().with_lg_q_h(vec![46.0; 12]).unwrap()
}

fn grid_hdf5(with_lines: bool) -> Vec<u8> {
    let mut file = FileBuilder::new();
    file.set_attr("source", AttrValue::String("a seed".into()));
    file.create_dataset("ssp_lgmet").with_f64_data(&LGMET);
    file.create_dataset("ssp_lg_age_gyr").with_f64_data(&LG_AGE);
    file.create_dataset("ssp_wave").with_f32_data(&WAVE.map(|w| w as f32));
    let flux = file.create_dataset("ssp_flux").with_f64_data(&ramp(36)).with_shape(&[3, 4, 3]);
    if with_lines {
        flux.with_chunks(&[1, 4, 3]).with_shuffle().with_deflate(6);
        file.create_dataset("ssp_emline_name").with_strings(&["Ha", "Hbeta"]).unwrap();
        file.create_dataset("ssp_emline_wave").with_f64_data(&[6564.0, 4862.0]);
        let luminosity = file.create_dataset("ssp_emline_luminosity");
        luminosity.with_f64_data(&ramp(24)).with_shape(&[3, 4, 2]);
    }
    file.finish().unwrap()
}

fn filter_hdf5(packed: bool) -> Vec<u8> {
    let mut file = FileBuilder::new();
    let wave = file.create_dataset("wave").with_f64_data(&[4000.0, 5000.5, 6000.0, 7000.0]);
    if packed {
        wave.with_chunks(&[3]).with_shuffle().with_deflate(6);
    }
    file.create_dataset("transmission").with_f32_data(&[0.0, 0.5, 0.25, 0.0]);
    file.finish().unwrap()
}

fn filters() -> Vec<u8> {
    let filter = |name| {
        Filter::new(name, vec![1234.5, 2000.1, 3000.0], vec![0.0, 0.75, 0.1], "a seed").unwrap()
    };
    FilterSet::new(vec![filter("a_x"), filter("b.y")]).unwrap().to_safetensors().unwrap()
}

fn parquet() -> Vec<u8> {
    let columns: [(&str, ArrayRef); 3] = [
        ("id", Arc::new(Int32Array::from(vec![Some(1), None, Some(-3)]))),
        ("z", Arc::new(Float64Array::from(vec![0.5, f64::INFINITY, 2.5]))),
        ("name", Arc::new(StringArray::from(vec![Some("0012"), None, Some("x")]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    written("a.parquet", |path| {
        let mut writer = CatalogWriter::create(path, batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
    })
}

fn line_fit() -> Store {
    let mut store = Store::default();
    for (name, shape, n) in [
        ("layer0/weights", &[3, 4][..], 12),
        ("layer0/biases", &[4], 4),
        ("layer1/weights", &[4, 2], 8),
        ("layer1/biases", &[2], 2),
        ("line_brightest", &[2], 2),
        ("line_typical_dex", &[2], 2),
        ("line_worst_dex", &[2], 2),
    ] {
        store.arrays.insert(name.into(), Array::f64(shape, ramp(n)));
    }
    store.arrays.insert("line_wave_aa".into(), Array::f64(&[2], vec![5008.24, 6564.6]));
    let range = vec![-4.0, -1.5, 5.0, 8.0, -4.0, -1.0];
    store.arrays.insert("range".into(), Array::f64(&[3, 2], range));
    for (key, value) in [
        ("format", "starburn-lines-1"),
        ("line_names", r#"["[O III] 5007", "Ba-alpha 6563"]"#),
        ("source", "a seed"),
    ] {
        store.metadata.insert(key.into(), value.into());
    }
    store
}

fn line_table() -> Vec<u8> {
    let mut file = FileBuilder::new();
    file.create_dataset("lg_z_over_zsun").with_f64_data(&[-1.0, 0.0]);
    file.create_dataset("age_yr").with_f64_data(&[1e6, 3e6, 1e7]);
    file.create_dataset("lg_u").with_f64_data(&[-3.0, -2.0]);
    file.create_dataset("line_name").with_strings(&["Ba-beta 4861", "[O III] 5007"]).unwrap();
    file.create_dataset("line_wave_aa").with_f64_data(&[4862.71, 5008.24]);
    let light: Vec<f64> = ramp(24).iter().map(|x| x + 1.0).collect();
    file.create_dataset("line_lsun_per_q").with_f64_data(&light).with_shape(&[2, 3, 2, 2]);
    file.finish().unwrap()
}

/// The state of an optimization of two parameters, whose method remembers something.
fn state(memory: &str, shape: &[usize]) -> Store {
    let mut state = State::start(vec![1.0, -2.0]);
    for point in [&mut state.here, &mut state.best] {
        (point.value, point.gradient) = (3.0, vec![0.25, 0.5]);
    }
    let record = |step| Record { stage: 0, step, value: 3.0, gradient_norm: 0.56 };
    state.history = (0..3).map(record).collect();
    state.step = 2;
    let bytes = written("a.safetensors", |path| state.write(path, "seed").unwrap());
    let mut store = Store::from_bytes(&bytes, Path::new("")).unwrap();
    store.metadata.insert("memory".into(), memory.into());
    if !shape.is_empty() {
        let n = shape.iter().product();
        store.arrays.insert("memory".into(), Array::f64(shape, vec![2.0; n]));
    }
    store
}

/// A checkpoint and the emulator made of it.
fn trained() -> (Vec<u8>, Vec<u8>) {
    let place = Place::open(DEFAULT_DEVICE, Precision::F32).unwrap();
    let config = EmulatorConfig::parse(EMULATOR).unwrap();
    let mut trainer = Trainer::new(config, embedded(), &place).unwrap();
    trainer.run(|_| Ok(true)).unwrap();
    let checkpoint = written("a.safetensors", |path| trainer.state().write(path).unwrap());
    let emulator = AgeEmulator::from_checkpoint(trainer.state()).unwrap();
    (checkpoint, stored(&emulator.to_store().unwrap()))
}
