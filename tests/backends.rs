//! Every model on every device of the build, GPUs included, against the reference (flex in f64): values
//! and gradients within the table of `bench::parity`, and no gradient lost.
//!
//! One process and few shapes, because a GPU compiles each for seconds.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[path = "properties/sampling.rs"]
mod sampling;

use std::cell::RefCell;

use burn::tensor::Tensor;
use starburn::Result;
use starburn::bench::parity::{Output, largest_difference, largest_gradient_difference, tolerance};
use starburn::device::{Place, Precision};
use starburn::dust::{AttenuationCurve, DustLaw, ScreenParams};
use starburn::numerics::jacobian::jacobian_of_columns;
use starburn::parameters::ParameterSet;
use starburn::population::{BandModel, Components, Epoch, Frame, GalaxyModel, ModelSettings};
use starburn::sfh::AgeWeightMethod;
use starburn::ssp::{SspGrid, embedded};
use starburn::testing::{box_rows as rows_of, every_place, places, values};

use sampling::{bands, box_rows, choices, coarse_grid, grid_with_lines, matrix};

/// Galaxies of every test: one shape.
const N_GAL: usize = 8;
const REDSHIFT: f64 = 0.4;
/// Beyond this many magnitudes of dust, f32 has no light left.
const FAINTEST: f64 = 80.0;

/// Values of some outputs, `[n_gal, n_out]`, and the gradient of their weighted sum over the outputs of
/// each galaxy, `[n_gal, n_wrt]`: one reverse pass, since each compiles anew on a GPU.
struct Outputs {
    kinds: Vec<Output>,
    values: Vec<f64>,
    gradient: Vec<f64>,
    n_wrt: usize,
}

impl Outputs {
    /// Of `f`, with respect to the columns `wrt` of a matrix.
    fn of(
        kinds: Vec<Output>,
        matrix: &Tensor<2>,
        wrt: &[usize],
        f: impl Fn(&Tensor<2>) -> Result<Tensor<2>>,
    ) -> Self {
        let seen = RefCell::new(None);
        // Different weights, so that outputs do not cancel.
        let weights: Vec<f64> = (0..kinds.len()).map(|k| 1.0 + 0.3 * k as f64).collect();
        let weights = Place::of(matrix).row(&weights);
        let result = jacobian_of_columns(matrix, wrt, |matrix| {
            let outputs = f(matrix)?;
            let faint = outputs.clone().greater_elem(FAINTEST);
            let total = (outputs.clone().mask_fill(faint, 0.0) * weights.clone()).sum_dim(1);
            seen.replace(Some(outputs.without_autodiff()));
            Ok(total)
        });
        let gradient = values(result.unwrap().jacobian);
        Self { kinds, values: values(seen.take().unwrap()), gradient, n_wrt: wrt.len() }
    }

    /// Asserts agreement with the reference.
    fn check(&self, want: &Self, what: &str, place: &Place) {
        let n_out = self.kinds.len();
        for (k, &kind) in self.kinds.iter().enumerate() {
            let of = |all: &[f64]| all.iter().copied().skip(k).step_by(n_out).collect::<Vec<_>>();
            let seen: (Vec<f64>, Vec<f64>) = of(&self.values)
                .into_iter()
                .zip(of(&want.values))
                .filter(|(_, exact)| exact.abs() < FAINTEST || place.precision() == Precision::F64)
                .unzip();
            let (worst, limit) = (largest_difference(&seen.0, &seen.1), tolerance(kind, place));
            eprintln!("{what}, {place}, {kind} {k}: {worst:.1e}");
            assert!(worst <= limit, "{what}, {place}, {kind} {k}: {worst:e}");
        }
        let n = self.n_wrt;
        for (g, w) in self.gradient.chunks(n).zip(want.gradient.chunks(n)) {
            let largest = w.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            for (j, (g, w)) in g.iter().zip(w).enumerate() {
                assert!(
                    *g != 0.0 || w.abs() < 1e-6 * largest,
                    "{what}, {place}: parameter {j} has gradient {w:e} in f64 and none here"
                );
            }
        }
        let worst = largest_gradient_difference(&self.gradient, &want.gradient, n);
        eprintln!("{what}, {place}, gradients: {worst:.1e}");
        let limit = tolerance(Output::Gradient, place);
        assert!(worst <= limit, "{what}, {place}: gradient {worst:e}");
    }
}

/// Compares what `outputs` gives on every device with the reference.
fn compare(what: &str, outputs: impl Fn(&Place) -> Outputs) {
    let reference = &places(Precision::F64)[0];
    let want = outputs(reference);
    for place in every_place() {
        let start = std::time::Instant::now();
        outputs(&place).check(&want, what, &place);
        eprintln!("{what}, {place}: {:.1} s", start.elapsed().as_secs_f64());
    }
}

/// Both ways to P(age) that f32 has, by turns.
fn with_age_weights(
    choices: Vec<Components>,
) -> impl Iterator<Item = (Components, AgeWeightMethod)> {
    let method = |i: usize| [AgeWeightMethod::Nodes, AgeWeightMethod::Safe][i / 2 % 2];
    choices.into_iter().enumerate().map(move |(i, components)| (components, method(i)))
}

/// A model of galaxies in three bands and what it is made of.
struct Setup<'a> {
    components: Components,
    age_weights: AgeWeightMethod,
    grid: &'a SspGrid,
}

impl Setup<'_> {
    /// Rows of the box of the parameters, all at one redshift.
    fn rows(&self, margin: f64) -> Vec<Vec<f64>> {
        let mut rows = box_rows(&self.components, N_GAL, margin);
        rows.iter_mut().for_each(|row| row[self.redshift()] = REDSHIFT);
        rows
    }

    fn redshift(&self) -> usize {
        self.components.index("redshift").unwrap()
    }

    /// Magnitudes, masses and line luminosities, and their derivatives with respect to all parameters but
    /// redshift, where they jump when a filter's sample passes a knot of the spectrum.
    fn outputs(&self, rows: &[Vec<f64>], place: &Place) -> Outputs {
        let Self { components, age_weights, grid } = *self;
        let lines = components.ionization;
        let settings = ModelSettings { components, age_weights, lines, ..ModelSettings::default() };
        let model = GalaxyModel::new(grid, &bands(), settings, place).unwrap();
        let wrt: Vec<usize> = (0..self.redshift()).collect();
        let mut kinds = vec![Output::Magnitude; model.filter_names().len()];
        kinds.extend([Output::Mass; 2]);
        kinds.extend(model.line_names().iter().map(|_| Output::Line));
        Outputs::of(kinds, &matrix(place, rows), &wrt, |matrix| {
            let galaxies = components.galaxies(matrix, None)?;
            let stars = model.stars(&galaxies)?;
            let seen = model.observe(&stars, &galaxies).unwrap();
            let masses = vec![seen.lg_mass_formed, seen.lg_mass_surviving];
            let mut outputs = vec![seen.magnitudes, Tensor::stack(masses, 1)];
            if lines {
                outputs.push(model.line_light(&stars, &galaxies)?.lg_luminosity_erg_s);
            }
            Ok(Tensor::cat(outputs, 1))
        })
    }
}

#[test]
fn every_ingredient_on_every_device() {
    let grid = grid_with_lines(&["[O II] 3726", "Ba-alpha 6563"]);
    for (components, age_weights) in with_age_weights(choices()) {
        let setup = Setup { components, age_weights, grid: &grid };
        let what = format!("{} {age_weights}", components.sfh);
        compare(&what, |place| setup.outputs(&setup.rows(0.2), place));
    }
}

/// Galaxies do not mix, and at the edges of the box nothing is lost.
#[test]
fn batches_and_the_edges_of_the_box_on_every_device() {
    let components = Components::default();
    let setup = Setup { components, age_weights: AgeWeightMethod::Nodes, grid: &coarse_grid() };
    for place in every_place() {
        let rows = setup.rows(0.2);
        let backwards: Vec<Vec<f64>> = rows.iter().rev().cloned().collect();
        let (forth, back) = (setup.outputs(&rows, &place), setup.outputs(&backwards, &place));
        let undone: Vec<f64> =
            back.values.chunks(forth.kinds.len()).rev().flatten().copied().collect();
        let largest = place.tolerance(1e-11, 1e-4);
        assert!(largest_difference(&undone, &forth.values) <= largest, "{place}");

        let edges = setup.outputs(&setup.rows(0.0), &place);
        assert!(edges.values.iter().all(|v| !v.is_nan()), "{place}: {:?}", edges.values);
        assert!(edges.gradient.iter().all(|v| v.is_finite()), "{place}: {:?}", edges.gradient);

        // Beyond the blue end of the spectra, a band sees nothing.
        let mut dark = rows.clone();
        dark.iter_mut().for_each(|row| row[setup.redshift()] = 29.9);
        let dark = setup.outputs(&dark, &place);
        let uv = dark.values.iter().step_by(dark.kinds.len());
        assert!(uv.into_iter().all(|m| *m == f64::INFINITY), "{place}: {:?}", dark.values);
        assert!(dark.gradient.iter().all(|v| v.is_finite()), "{place}");
    }
}

#[test]
fn every_attenuation_curve_on_every_device() {
    let wave_um = [0.12, 0.2175, 0.55, 2.0];
    for &curve in AttenuationCurve::ALL {
        let law = DustLaw::from(curve);
        compare(curve.name(), |place| {
            let rows = rows_of(ScreenParams::INFO, N_GAL, 0.2);
            // Without the floor, which attenuation does not count.
            let wrt: Vec<usize> = (0..ScreenParams::INFO.len() - 1).collect();
            Outputs::of(vec![Output::Magnitude; wave_um.len()], &matrix(place, &rows), &wrt, |p| {
                Ok(law.attenuation(&wave_um, &ScreenParams::from_matrix(p)?))
            })
        });
    }
}

/// Population photometry.
fn band_outputs(place: &Place) -> Outputs {
    let settings = ModelSettings { frame: Frame::Rest, ..ModelSettings::default() };
    let components = settings.components;
    let epoch = Epoch { redshift: 0.0, t_obs_gyr: 13.8 };
    let model = BandModel::new(embedded(), &bands(), settings, epoch, 2, place).unwrap();
    let rows = box_rows(&components, N_GAL, 0.2);
    let wrt: Vec<usize> = (0..components.index("redshift").unwrap()).collect();
    let mut kinds = vec![Output::Magnitude; bands().filters().len()];
    kinds.push(Output::Mass);
    Outputs::of(kinds, &matrix(place, &rows), &wrt, |matrix| {
        let seen = model.predict(&components.galaxies(matrix, None)?)?;
        Ok(Tensor::cat(vec![seen.magnitudes, seen.lg_mass_formed.unsqueeze_dim(1)], 1))
    })
}

#[test]
fn population_photometry_on_every_device() {
    compare("band model", band_outputs);
}

#[test]
fn the_devices_that_were_tested() {
    let names: Vec<String> = every_place()
        .iter()
        .map(|place| match place.adapter_name() {
            Some(adapter) => format!("{} {} ({adapter})", place.name(), place.precision()),
            None => format!("{} {}", place.name(), place.precision()),
        })
        .collect();
    eprintln!("tested on {}", names.join(", "));
    let of_cpus = if cfg!(feature = "flex") { "flex f32" } else { "ndarray f32" };
    assert!(names.iter().any(|name| name == of_cpus), "{names:?}");
}
