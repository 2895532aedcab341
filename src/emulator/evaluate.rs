//! How good an emulator is: against exact histories, against other ways to P(age), and in time.

use std::hint::black_box;

use burn::tensor::Tensor;
use serde::Serialize;

use super::light::SspLight;
use super::model::{AgeEmulator, GridEmulator};
use super::prior::PriorBox;
use super::train::quantile;
use crate::bench::Timing;
use crate::device::{DEFAULT_DEVICE, DEVICE_NAMES, Place, Precision, to_host};
use crate::filter::FilterSet;
use crate::numerics::jacobian::jacobian;
use crate::numerics::{column, log10};
use crate::sfh::{
    AgeDistribution, AgeWeightMethod, LookbackNodes, SfhContext, SfhModel, SfhParams, TimeTable,
};
use crate::ssp::SspGrid;
use crate::{Error, Result};

/// The galaxies that judge have another seed than those that watch the training.
const JUDGE_SEED: u64 = 0x4a55_4447_4500_0000;

/// Look-back nodes of the exact histories, and of those whose derivatives are taken.
const EXACT_NODES: usize = 1024;
const EXACT_NODES_GRADIENT: usize = 512;

/// Parts into which each range of the prior is divided.
const N_PART: usize = 4;

/// Galaxies computed at once, and for each timing at least.
const CHUNK: usize = 128;
const N_TIMED: usize = 8192;
const BATCHES: [usize; 4] = [64, 256, 1024, 4096];

/// Median, 99th percentile and largest of some absolute errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Quantiles {
    /// Half of them are smaller.
    pub median: f64,
    /// 99 of a hundred are smaller.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

impl Quantiles {
    fn of(mut errors: Vec<f64>) -> Self {
        Self {
            median: quantile(&mut errors, 0.5),
            p99: quantile(&mut errors, 0.99),
            max: quantile(&mut errors, 1.0),
        }
    }
}

/// Errors of one way to P(age), over galaxies drawn from the prior.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PathErrors {
    /// Which way.
    pub name: String,
    /// Largest error of the cumulative distribution of each galaxy, over the ages of the grid.
    pub cumulative: Quantiles,
    /// Of rest-frame magnitudes, the mass included: all bands, three metallicities.
    pub magnitudes: Quantiles,
    /// Of rest-frame colours of neighbouring bands.
    pub colours: Quantiles,
    /// Of log10 of the mass formed \[dex\].
    pub lg_mass: Quantiles,
    /// Of the magnitudes of each band.
    pub bands: Vec<(String, Quantiles)>,
}

/// Errors of magnitudes in a part of the prior.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Region {
    /// The parameter.
    pub parameter: String,
    /// Its lowest and highest value there.
    pub range: [f64; 2],
    /// The errors.
    pub magnitudes: Quantiles,
}

/// Gradients of magnitudes against exact ones, with respect to parameters in units of their prior ranges.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GradientErrors {
    /// Cosines of the angle between the two: half of them are larger.
    pub cosine_median: f64,
    /// 99 of a hundred cosines are larger.
    pub cosine_p01: f64,
    /// Length of the difference relative to that of the exact gradient.
    pub relative: Quantiles,
}

/// Time of one way to P(age) on one device, for batches of some size.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Speed {
    /// Device and precision.
    pub device: String,
    /// Galaxies in a batch.
    pub batch: usize,
    /// Microseconds per galaxy of the node path, and with the gradient of a magnitude.
    pub exact_us: [f64; 2],
    /// The same of the emulator.
    pub emulator_us: [f64; 2],
}

/// All that is measured of an emulator.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// Galaxies that judged.
    pub n: usize,
    /// Galaxies whose gradients were compared.
    pub n_gradient: usize,
    /// The emulator first, then other ways.
    pub paths: Vec<PathErrors>,
    /// Gradients of the emulator.
    pub gradients: GradientErrors,
    /// Where in the prior the emulator is good and where not.
    pub regions: Vec<Region>,
    /// Times.
    pub speeds: Vec<Speed>,
    /// Absolute errors of the emulator's magnitudes, ascending, at evenly spaced shares of all.
    pub distribution: Vec<f64>,
}

/// How much is measured.
#[derive(Clone, Debug)]
pub struct EvaluationEffort {
    /// Galaxies that judge.
    pub n: usize,
    /// Galaxies whose gradients are compared.
    pub n_gradient: usize,
    /// Filters of the magnitudes.
    pub filters: String,
    /// Names of the devices that are timed; those that cannot be opened are left out, and so may all be.
    pub timed: Vec<String>,
}

impl Default for EvaluationEffort {
    fn default() -> Self {
        Self {
            n: 8192,
            n_gradient: 512,
            filters: "lsst".to_owned(),
            timed: DEVICE_NAMES.map(str::to_owned).to_vec(),
        }
    }
}

/// P(age) and masses of all galaxies, on the host.
struct Seen {
    weights: Vec<f64>,
    lg_mass: Vec<f64>,
}

/// A way to P(age) in terms of nodes or tables.
struct ExactPath<'a> {
    emulator: &'a AgeEmulator,
    grid: &'a SspGrid,
    nodes: LookbackNodes,
    times: TimeTable,
    method: AgeWeightMethod,
}

impl ExactPath<'_> {
    fn ages(&self, sfh: &SfhParams, t_obs: &Tensor<1>) -> Result<AgeDistribution> {
        let context = SfhContext {
            t_ref_gyr: t_obs,
            method: self.method,
            times: &self.times,
            nodes: &self.nodes,
            lgt0: self.emulator.config().lgt0,
            fb: self.emulator.config().fb,
        };
        sfh.age_distribution(&context, t_obs, &self.grid.ages)
    }
}

/// Most galaxies: they are held in memory at once, a few kB each.
const N_MOST: usize = 200_000;

/// Judges an emulator: its errors where `place` is, its times on the devices of `effort`.
///
/// # Errors
/// [`Error::OutOfRange`] for fewer than 16 galaxies or more than 200,000; those of filters and
/// devices.
pub fn evaluate(
    emulator: &AgeEmulator,
    grid: &SspGrid,
    effort: &EvaluationEffort,
    place: &Place,
) -> Result<Evaluation> {
    for (what, n) in [("galaxies", effort.n), ("galaxies with gradients", effort.n_gradient)] {
        if !(16..=N_MOST).contains(&n) {
            let allowed = format!("[16, {N_MOST}]");
            return Err(Error::OutOfRange { what: what.into(), value: n as f64, allowed });
        }
    }
    let filters = FilterSet::resolve(&effort.filters)?;
    let light = SspLight::new(&filters, grid)?;
    let names: Vec<String> = filters.names().map(str::to_owned).collect();
    let prior = emulator.prior()?;
    let seed = emulator.config().seed ^ JUDGE_SEED;
    let rows: Vec<Vec<f64>> = (0..effort.n as u64).map(|id| prior.draw(seed, id)).collect();
    let sfh = emulator.config().sfh;
    let host = Place::open(DEFAULT_DEVICE, Precision::F64)?;
    let path = |nodes: usize, method| {
        let (nodes, times) = (LookbackNodes::new(nodes)?, TimeTable::default());
        Ok::<_, Error>(ExactPath { emulator, grid, nodes, times, method })
    };
    let on = emulator.on(&grid.ages, place)?;

    let exact = path(EXACT_NODES, AgeWeightMethod::Nodes)?;
    let exact = see(&rows, sfh, &host, |sfh, t| exact.ages(sfh, t))?;
    let seen = see(&rows, sfh, place, |sfh, t| on.age_distribution(sfh, t))?;
    let usual = path(LookbackNodes::DEFAULT, AgeWeightMethod::Nodes)?;
    let usual = see(&rows, sfh, &host, |sfh, t| usual.ages(sfh, t))?;
    let table = path(LookbackNodes::DEFAULT, AgeWeightMethod::Table)?;
    let table = see(&rows, sfh, &host, |sfh, t| table.ages(sfh, t))?;
    let wanted = magnitudes(&exact, &light);
    let mut paths = vec![
        ("emulator".to_owned(), &seen),
        (format!("{} look-back nodes", LookbackNodes::DEFAULT), &usual),
        ("DSPS's table of 100 times".to_owned(), &table),
    ];
    // Without rates there is no guess worth the name.
    let n_rate = emulator.config().network.n_rate;
    let guess = if n_rate > 0 {
        let guess = on.without_network();
        Some(see(&rows, sfh, place, |sfh, t| guess.age_distribution(sfh, t))?)
    } else {
        None
    };
    paths.extend(guess.iter().map(|guess| (format!("cubic through {n_rate} rates"), guess)));
    let paths: Vec<PathErrors> = paths
        .into_iter()
        .map(|(name, seen)| path_errors(&name, seen, &exact, &wanted, &light, &names))
        .collect();

    let errors: Vec<f64> =
        magnitudes(&seen, &light).iter().zip(&wanted).map(|(a, b)| (a - b).abs()).collect();
    let mut sorted = errors.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let distribution = (0..=200).map(|i| sorted[(sorted.len() - 1) * i / 200]).collect();

    let some = &rows[..effort.n_gradient.min(rows.len())];
    let exact = path(EXACT_NODES_GRADIENT, AgeWeightMethod::Nodes)?;
    let gradients = gradient_errors(&prior, some, sfh, &light, (&host, place), &exact, &on)?;
    let mut speeds = Vec::new();
    for name in &effort.timed {
        if let Ok(place) = Place::open(name, Precision::F32) {
            let usual = path(LookbackNodes::DEFAULT, AgeWeightMethod::Nodes)?;
            for batch in BATCHES {
                let format = format!("{name} {}", place.precision());
                speeds.push(speed(emulator, &usual, &rows, batch, &light, &place, format)?);
            }
        }
    }
    Ok(Evaluation {
        n: rows.len(),
        n_gradient: some.len(),
        regions: regions(&prior, &rows, &errors, light.n_light()),
        paths,
        gradients,
        speeds,
        distribution,
    })
}

/// Rows `[n_gal, n_param + 1]` as parameters and times of observation.
fn split(sfh: SfhModel, matrix: &Tensor<2>) -> (SfhParams, Tensor<1>) {
    let n = matrix.dims()[1];
    let column = |j: usize| matrix.clone().narrow(1, j, 1).squeeze_dim::<1>(1);
    (sfh.take(&mut (0..n).map(column)), column(n - 1))
}

fn matrix(rows: &[Vec<f64>], place: &Place) -> Tensor<2> {
    let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    place.rows(&rows)
}

fn see(
    rows: &[Vec<f64>],
    sfh: SfhModel,
    place: &Place,
    ages: impl Fn(&SfhParams, &Tensor<1>) -> Result<AgeDistribution>,
) -> Result<Seen> {
    let mut seen = Seen { weights: Vec::new(), lg_mass: Vec::new() };
    for rows in rows.chunks(CHUNK) {
        let (sfh, t_obs) = split(sfh, &matrix(rows, place));
        let ages = ages(&sfh, &t_obs)?;
        seen.weights.extend(to_host(ages.weights)?);
        seen.lg_mass.extend(to_host(ages.lg_mass_formed)?);
    }
    Ok(seen)
}

/// Magnitudes of all galaxies, `[n_gal, n_light]`.
fn magnitudes(seen: &Seen, light: &SspLight) -> Vec<f64> {
    let n_age = light.table().len() / light.n_light();
    let each = seen.weights.chunks(n_age).zip(&seen.lg_mass);
    let of = |(weights, lg_mass): (&[f64], &f64)| {
        let offset = -2.5 * lg_mass;
        light.magnitudes(weights).into_iter().map(move |m| m + offset).collect::<Vec<f64>>()
    };
    each.flat_map(of).collect()
}

fn path_errors(
    name: &str,
    seen: &Seen,
    exact: &Seen,
    wanted: &[f64],
    light: &SspLight,
    names: &[String],
) -> PathErrors {
    let (n_light, n_band) = (light.n_light(), light.n_band());
    let n_age = light.table().len() / n_light;
    let cumulative = seen.weights.chunks(n_age).zip(exact.weights.chunks(n_age)).map(|(w, e)| {
        let (mut sum, mut worst) = (0.0, 0.0f64);
        for (w, e) in w.iter().zip(e) {
            sum += w - e;
            worst = worst.max(f64::abs(sum));
        }
        worst
    });
    let got = magnitudes(seen, light);
    let off: Vec<f64> = got.iter().zip(wanted).map(|(a, b)| a - b).collect();
    let colours = off.chunks(n_band).flat_map(|off| off.windows(2).map(|pair| pair[1] - pair[0]));
    let of_band = |k: usize| off.iter().skip(k).step_by(n_band).copied().collect();
    let mass = seen.lg_mass.iter().zip(&exact.lg_mass).map(|(a, b)| a - b);
    PathErrors {
        name: name.to_owned(),
        cumulative: Quantiles::of(cumulative.collect()),
        colours: Quantiles::of(colours.collect()),
        lg_mass: Quantiles::of(mass.collect()),
        bands: (0..n_band).map(|k| (names[k].clone(), Quantiles::of(of_band(k)))).collect(),
        magnitudes: Quantiles::of(off),
    }
}

fn regions(prior: &PriorBox, rows: &[Vec<f64>], errors: &[f64], n_light: usize) -> Vec<Region> {
    let mut regions = Vec::new();
    for (j, name) in prior.names().into_iter().enumerate() {
        let [lo, hi] = prior.ranges()[j];
        if hi <= lo {
            continue;
        }
        let edge = |part: usize| lo + (hi - lo) * part as f64 / N_PART as f64;
        for part in 0..N_PART {
            let range = [edge(part), edge(part + 1)];
            let inside = rows.iter().zip(errors.chunks(n_light));
            let inside = inside.filter(|(row, _)| (range[0]..=range[1]).contains(&row[j]));
            let errors: Vec<f64> = inside.flat_map(|(_, e)| e.to_vec()).collect();
            if !errors.is_empty() {
                let magnitudes = Quantiles::of(errors);
                regions.push(Region { parameter: name.to_owned(), range, magnitudes });
            }
        }
    }
    regions
}

/// Magnitudes at the middle metallicity as a graph, `[n_gal, n_band]`.
fn band_magnitudes(ages: AgeDistribution, light: &Tensor<2>) -> Tensor<2> {
    log10(ages.weights.matmul(light.clone())) * -2.5 - column(&ages.lg_mass_formed) * 2.5
}

/// The light of the middle metallicity, `[n_age, n_band]`.
fn middle_light(light: &SspLight, place: &Place) -> Tensor<2> {
    let (n_light, n_band) = (light.n_light(), light.n_band());
    let n_age = light.table().len() / n_light;
    let middle = n_light / n_band / 2 * n_band;
    place.matrix(light.table(), [n_age, n_light]).narrow(1, middle, n_band)
}

fn gradient_errors(
    prior: &PriorBox,
    rows: &[Vec<f64>],
    sfh: SfhModel,
    light: &SspLight,
    (host, place): (&Place, &Place),
    exact: &ExactPath<'_>,
    emulator: &GridEmulator,
) -> Result<GradientErrors> {
    let widths: Vec<f64> = prior.ranges().iter().map(|[lo, hi]| hi - lo).collect();
    let (mut cosines, mut relative) = (Vec::new(), Vec::new());
    let (host_light, place_light) = (middle_light(light, host), middle_light(light, place));
    for rows in rows.chunks(CHUNK) {
        let want = jacobian(&matrix(rows, host), |p| {
            let (sfh, t_obs) = split(sfh, &p);
            Ok(band_magnitudes(exact.ages(&sfh, &t_obs)?, &host_light))
        })?;
        let got = jacobian(&matrix(rows, place), |p| {
            let (sfh, t_obs) = split(sfh, &p);
            Ok(band_magnitudes(emulator.age_distribution(&sfh, &t_obs)?, &place_light))
        })?;
        let (want, got) = (to_host(want.jacobian)?, to_host(got.jacobian)?);
        for (want, got) in want.chunks(widths.len()).zip(got.chunks(widths.len())) {
            let dot = |a: &[f64], b: &[f64]| {
                let parts = a.iter().zip(b).zip(&widths);
                parts.map(|((a, b), w)| a * b * w * w).sum::<f64>()
            };
            let off: Vec<f64> = got.iter().zip(want).map(|(a, b)| a - b).collect();
            let length = dot(want, want).sqrt();
            cosines.push(dot(want, got) / (length * dot(got, got).sqrt()));
            relative.push(dot(&off, &off).sqrt() / length);
        }
    }
    cosines.sort_unstable_by(f64::total_cmp);
    Ok(GradientErrors {
        cosine_median: cosines[cosines.len() / 2],
        cosine_p01: cosines[cosines.len() / 100],
        relative: Quantiles::of(relative),
    })
}

fn speed(
    emulator: &AgeEmulator,
    exact: &ExactPath<'_>,
    rows: &[Vec<f64>],
    batch: usize,
    light: &SspLight,
    place: &Place,
    device: String,
) -> Result<Speed> {
    let sfh = emulator.config().sfh;
    let on = emulator.on(&exact.grid.ages, place)?;
    let light = middle_light(light, place).narrow(1, 0, 1);
    let many: Vec<Vec<f64>> = rows.iter().cycle().take(batch).cloned().collect();
    let parameters = matrix(&many, place);
    let times = N_TIMED.div_ceil(batch);
    let time = |ages: &dyn Fn(&SfhParams, &Tensor<1>) -> Result<AgeDistribution>| {
        let forward = || {
            for _ in 0..times {
                let (sfh, t_obs) = split(sfh, &parameters);
                black_box(ages(&sfh, &t_obs)?.weights);
            }
            place.wait()
        };
        let gradient = || {
            for _ in 0..times {
                let slopes = jacobian(&parameters, |p| {
                    let (sfh, t_obs) = split(sfh, &p);
                    Ok(band_magnitudes(ages(&sfh, &t_obs)?, &light))
                })?;
                black_box(slopes.jacobian);
            }
            place.wait()
        };
        let fastest = |timing: Timing| timing.us_per_galaxy.min;
        let forward = fastest(Timing::of(times * batch, 5, forward)?.0);
        Ok::<_, Error>([forward, fastest(Timing::of(times * batch, 5, gradient)?.0)])
    };
    Ok(Speed {
        device,
        batch,
        exact_us: time(&|sfh, t| exact.ages(sfh, t))?,
        emulator_us: time(&|sfh, t| on.age_distribution(sfh, t))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssp::embedded;
    use crate::testing::places;

    #[test]
    fn the_embedded_emulator_is_as_good_as_its_documentation_says() {
        let effort = EvaluationEffort {
            n: 1024,
            n_gradient: 64,
            filters: "lsst".to_owned(),
            timed: Vec::new(),
        };
        for place in places(Precision::F32) {
            let judged = evaluate(AgeEmulator::embedded(), embedded(), &effort, &place).unwrap();
            let Quantiles { median, p99, .. } = judged.paths[0].magnitudes;
            assert!(median < 1e-3 && p99 < 0.01, "{place}: {median} {p99}");
            assert!(judged.gradients.cosine_median > 0.99, "{:?}", judged.gradients);
            assert_eq!(judged.paths[0].bands.len(), 6);
            // Each parameter's regions hold all galaxies between them.
            assert_eq!(judged.regions.len(), N_PART * 14);
        }
    }

    #[test]
    fn too_few_galaxies_are_refused() {
        let effort = EvaluationEffort { n: 3, ..EvaluationEffort::default() };
        let place = places(Precision::F32).swap_remove(0);
        let error = evaluate(AgeEmulator::embedded(), embedded(), &effort, &place).unwrap_err();
        assert!(error.to_string().contains("galaxies = 3"), "{error}");
    }
}
