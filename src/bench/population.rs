//! The population benchmark of the DSPS paper (Hearin et al. 2023, section 4.1): star formation
//! histories in haloes, six LSST bands, a colour cut and a histogram of r magnitudes; and the gradient of
//! a loss on a soft histogram with respect to the 21 parameters of the population.

use std::ops::Range;
use std::time::Instant;

use burn::tensor::Tensor;
use serde::Serialize;

use super::{Timing, peak_rss_mb};
use crate::Result;
use crate::device::{BURN_VERSION, DEFAULT_DEVICE, Place, Precision, counting_launches, to_host};
use crate::dust::{DustParams, ScreenParams};
use crate::filter::FilterSet;
use crate::halo::DiffmahParams;
use crate::metallicity::{LognormalMdfParams, MetallicityParams, lognormal_weights};
use crate::numerics::column;
use crate::numerics::random::{normal, uniform};
use crate::numerics::sigmoid::sigmoid;
use crate::parameters::ParameterSet;
use crate::photometry::Photometry;
use crate::population::{
    BandModel, BandStars, Epoch, Frame, GalaxyModel, GalaxyParams, ModelSettings, ObserverParams,
};
use crate::sfh::{AgeWeightMethod, DiffstarParams, LookbackNodes, SfhParams};
use crate::ssp::SspGrid;
use crate::summary::{
    ChiSquareLoss, Kernel, Population, PopulationLoss, Quantities, QuantityNames, SoftBins,
    SoftHistogram, Summary, deal, sum_over_chunks,
};

/// Diffstar means and their slopes with halo mass, shifts of three diffmah parameters, and the relation
/// of metallicity with mass.
const N_THETA: usize = 21;
const N_SFH: usize = 8;
/// Scatter of the unbounded diffstar parameters.
const SFH_SCATTER: f64 = 0.3;
const LGMET_SCATTER: f64 = 0.2;
/// Random numbers per galaxy.
const N_DRAWS: usize = 12;
/// Age of the Universe at observation \[Gyr\].
const TODAY_GYR: f64 = 13.8;
/// Bins of the soft histogram.
const N_SOFT: usize = 26;
const G: usize = 1;
const R: usize = 2;

/// What to run.
#[derive(Clone, Debug)]
pub struct PopulationBench {
    /// Number of galaxies.
    pub n: usize,
    /// Galaxies per chunk.
    pub batch: usize,
    /// Look-back nodes.
    pub nodes: usize,
    /// Tables, by matrices from rates to bands ([`BandModel`]), or full spectra.
    pub photometry: Photometry,
    /// Whether to draw the galaxies again for every pass, so that memory does not grow with their number,
    /// instead of keeping them.
    pub redraw: bool,
    /// Timed runs of each kind.
    pub repeats: usize,
    /// Worker threads.
    pub threads: usize,
    /// Seed of the population.
    pub seed: u64,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct PopulationReport {
    /// Device.
    pub device: String,
    /// Precision.
    pub dtype: String,
    /// Number of galaxies.
    pub n: usize,
    /// Galaxies per chunk.
    pub batch: usize,
    /// Look-back nodes.
    pub nodes: usize,
    /// How magnitudes are computed.
    pub photometry: String,
    /// Whether galaxies were drawn again for every pass.
    pub redraw: bool,
    /// Worker threads.
    pub threads: usize,
    /// From parameters to the histogram of red galaxies.
    pub forward: Timing,
    /// Loss and its gradient with respect to the parameters of the population.
    pub gradient: Timing,
    /// Kernels that a GPU runs for a chunk: forward.
    pub forward_launches: usize,
    /// The same for loss and gradient.
    pub gradient_launches: usize,
    /// Where the time of the forward model with tables goes: one worker's share of the chunks on one thread, so that
    /// the steps add up to more than the time above.
    pub stages: Vec<Stage>,
    /// Errors of the magnitudes against converged quadrature in f64.
    pub accuracy: Accuracy,
    /// The same for histories on a table of 100 times in f64, as DSPS computes them.
    pub accuracy_of_table: Accuracy,
    /// Number of galaxies in the histogram.
    pub n_red: f64,
    /// The gradient.
    pub loss_gradient: Vec<f64>,
    /// Largest memory of the process \[MB\].
    pub peak_rss_mb: Option<f64>,
    /// Versions of the program and of what it stands on.
    pub versions: Versions,
}

/// Versions.
#[derive(Clone, Debug, Serialize)]
pub struct Versions {
    /// Of this crate.
    pub starburn: &'static str,
    /// Of Burn.
    pub burn: &'static str,
}

/// Those of this build.
pub const VERSIONS: Versions = Versions { starburn: env!("CARGO_PKG_VERSION"), burn: BURN_VERSION };

/// A step of the forward model.
#[derive(Clone, Debug, Serialize)]
pub struct Stage {
    /// What it does.
    pub name: &'static str,
    /// Fastest of the runs \[microseconds per galaxy\].
    pub us_per_galaxy: f64,
}

/// Absolute errors \[mag\].
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Accuracy {
    /// Median.
    pub median: f64,
    /// 90th percentile.
    pub p90: f64,
    /// Largest.
    pub max: f64,
}

/// Halo masses and random numbers of one chunk: those of the diffstar parameters as a matrix
/// `[n_gal, N_SFH]`, the others as columns.
#[derive(Clone)]
struct Chunk {
    logm0: Tensor<1>,
    sfh_draws: Tensor<2>,
    other_draws: Vec<Tensor<2>>,
}

/// A thread's share of the population.
struct Worker {
    model: BandModel,
    /// The model that makes full spectra, if magnitudes are to come from them.
    spectra: Option<GalaxyModel>,
    names: QuantityNames,
    seed: u64,
    /// The galaxies of each chunk.
    galaxies: Vec<Range<usize>>,
    /// The chunks, unless they are to be drawn again whenever they are needed.
    kept: Vec<Chunk>,
}

impl Accuracy {
    fn new(got: &[f64], want: &[f64]) -> Self {
        let mut off: Vec<f64> = got.iter().zip(want).map(|(g, w)| (g - w).abs()).collect();
        off.sort_by(f64::total_cmp);
        let at = |share: usize| off[(off.len() - 1) * share / 10];
        Self { median: at(5), p90: at(9), max: at(10) }
    }
}

impl PopulationBench {
    /// Runs on the SSP grid and filters at a place.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for no galaxies, chunks or threads, and those of
    /// [`BandModel::new`].
    pub fn run(&self, grid: &SspGrid, place: &Place) -> Result<PopulationReport> {
        let mut population = self.population(grid, place)?;
        let theta = default_theta()?;
        let (forward, histogram) =
            Timing::of(self.n, self.repeats, || red_histogram(population.workers(), &theta))?;
        // The target is the population itself, the loss that of another one.
        let loss = ChiSquareLoss::new(&population.sums(&theta)?)?;
        let moved: Vec<f64> = theta.iter().map(|t| t + 0.02).collect();
        let (gradient, result) =
            Timing::of(self.n, self.repeats, || population.value_and_gradient(&moved, &loss))?;
        let n_chunks = self.n.div_ceil(self.batch);
        let (done, forward_launches) =
            counting_launches(|| red_histogram(population.workers(), &theta));
        done?;
        let (done, gradient_launches) =
            counting_launches(|| population.value_and_gradient(&moved, &loss));
        done?;
        // Before the checks of accuracy, which take more.
        let peak_rss_mb = peak_rss_mb();
        Ok(PopulationReport {
            device: place.device_name(),
            dtype: place.precision().to_string(),
            n: self.n,
            batch: self.batch,
            nodes: self.nodes,
            photometry: self.photometry.to_string(),
            redraw: self.redraw,
            threads: self.threads,
            forward,
            gradient,
            forward_launches: forward_launches / n_chunks,
            gradient_launches: gradient_launches / n_chunks,
            stages: self.stages(&population.workers()[0], &theta)?,
            accuracy: self.accuracy(grid, place)?,
            accuracy_of_table: self.accuracy_of_table(grid)?,
            n_red: histogram.iter().sum(),
            loss_gradient: result.gradient,
            peak_rss_mb,
            versions: VERSIONS,
        })
    }

    /// Errors of the magnitudes of up to 2000 galaxies against 2048 nodes in f64.
    fn accuracy(&self, grid: &SspGrid, place: &Place) -> Result<Accuracy> {
        let few = self.few();
        let got = few.all_magnitudes(few.workers(grid, place)?)?;
        Ok(Accuracy::new(&got, &few.converged(grid)?))
    }

    fn accuracy_of_table(&self, grid: &SspGrid) -> Result<Accuracy> {
        let few = Self { photometry: Photometry::Spectra, ..self.few() };
        let mut workers = few.workers(grid, &exact()?)?;
        let settings = ModelSettings { age_weights: AgeWeightMethod::Table, ..few.settings()? };
        for worker in &mut workers {
            worker.spectra = Some(full_model(grid, settings.clone(), worker.place())?);
        }
        Ok(Accuracy::new(&few.all_magnitudes(workers)?, &few.converged(grid)?))
    }

    fn few(&self) -> Self {
        Self { n: self.n.min(2000), batch: 500, threads: 1, ..self.clone() }
    }

    fn converged(&self, grid: &SspGrid) -> Result<Vec<f64>> {
        let fine = Self { nodes: 2048, photometry: Photometry::Tables, ..self.clone() };
        fine.all_magnitudes(fine.workers(grid, &exact()?)?)
    }

    fn all_magnitudes(&self, workers: Vec<Worker>) -> Result<Vec<f64>> {
        let theta = default_theta()?;
        let seen = workers.iter().flat_map(|worker| {
            let theta = worker.place().row(&theta);
            (0..worker.n_chunks())
                .map(move |i| to_host(worker.magnitudes(&theta, &worker.chunk(i))?))
        });
        Ok(seen.collect::<Result<Vec<_>>>()?.concat())
    }

    /// The population, whose summary is the soft histogram of red galaxies, bins from -25 to -12.
    fn population(
        &self,
        grid: &SspGrid,
        place: &Place,
    ) -> Result<PopulationLoss<Worker, SoftHistogram>> {
        let workers = self.workers(grid, place)?;
        let histogram = soft_histogram(&workers[0].names)?;
        PopulationLoss::new(workers, histogram)
    }

    fn stages(&self, worker: &Worker, theta: &[f64]) -> Result<Vec<Stage>> {
        let summary = soft_histogram(&worker.names)?;
        let n: usize = worker.galaxies.iter().map(ExactSizeIterator::len).sum();
        let mut fastest = worker.seconds(theta, &summary)?;
        for _ in 1..self.repeats {
            for (fastest, run) in fastest.iter_mut().zip(worker.seconds(theta, &summary)?) {
                fastest.1 = fastest.1.min(run.1);
            }
        }
        let stage = |(name, seconds)| Stage { name, us_per_galaxy: seconds * 1e6 / n as f64 };
        Ok(fastest.map(stage).to_vec())
    }

    /// The galaxies, dealt out to the threads chunk by chunk.
    fn workers(&self, grid: &SspGrid, place: &Place) -> Result<Vec<Worker>> {
        let shares = deal(self.n, self.batch, self.threads)?;
        let settings = self.settings()?;
        let epoch = Epoch { redshift: 0.0, t_obs_gyr: TODAY_GYR };
        let filters = FilterSet::embedded("lsst")?;
        let model = BandModel::new(grid, &filters, settings.clone(), epoch, 1, place)?;
        let spectra = match self.photometry {
            Photometry::Tables => None,
            Photometry::Spectra => Some(full_model(grid, settings, place)?),
        };
        let names = QuantityNames::new(model.filter_names())?;
        let worker = |galaxies: Vec<Range<usize>>| {
            let keep = |galaxies: &Range<usize>| Chunk::draw(self.seed, galaxies.clone(), place);
            Worker {
                model: model.clone(),
                spectra: spectra.clone(),
                names: names.clone(),
                seed: self.seed,
                kept: if self.redraw { Vec::new() } else { galaxies.iter().map(keep).collect() },
                galaxies,
            }
        };
        Ok(shares.into_iter().map(worker).collect())
    }

    fn settings(&self) -> Result<ModelSettings> {
        Ok(ModelSettings {
            frame: Frame::Rest,
            nodes: LookbackNodes::new(self.nodes)?,
            ..ModelSettings::default()
        })
    }
}

impl Chunk {
    fn draw(seed: u64, galaxies: Range<usize>, place: &Place) -> Self {
        let ids: Vec<u64> = galaxies.map(|i| i as u64).collect();
        let logm0 = |id: &u64| 11.0 + (-0.6 * (1.0 - uniform(seed, *id, 255)).ln()).min(4.0);
        let draws = |kinds: Range<usize>| {
            let one = |id: &u64| -> Vec<f64> {
                kinds.clone().map(|k| normal(seed, *id, k as u64)).collect()
            };
            place.matrix(&ids.iter().flat_map(one).collect::<Vec<f64>>(), [ids.len(), kinds.len()])
        };
        Self {
            logm0: place.vector(&ids.iter().map(logm0).collect::<Vec<f64>>()),
            sfh_draws: draws(0..N_SFH),
            other_draws: (N_SFH..N_DRAWS).map(|k| draws(k..k + 1)).collect(),
        }
    }
}

impl Worker {
    fn chunk(&self, i: usize) -> Chunk {
        let draw = || Chunk::draw(self.seed, self.galaxies[i].clone(), self.place());
        self.kept.get(i).cloned().unwrap_or_else(draw)
    }

    /// Histories of a chunk for the population `theta` (`[1, N_THETA]`).
    fn histories(&self, theta: &Tensor<2>, chunk: &Chunk) -> Result<SfhParams> {
        let of = |j: usize, n: usize| theta.clone().narrow(1, j, n);
        let draw = |k: usize| chunk.other_draws[k - N_SFH].clone();
        let excess = column(&chunk.logm0) - 12.5;
        let u = of(0, N_SFH) + of(N_SFH, N_SFH) * excess + chunk.sfh_draws.clone() * SFH_SCATTER;
        let vector = |x: Tensor<2>| -> Tensor<1> { x.squeeze_dim(1) };
        let halo = DiffmahParams {
            logtc: vector(draw(8) * 0.1 + 0.05 + of(16, 1)),
            early_index: vector(draw(9) * 0.2 + 2.6137643 + of(17, 1)),
            late_index: vector(draw(10).tanh() * 0.02 + 0.17692805 + of(18, 1)),
            t_peak: chunk.logm0.full_like(14.0),
            logm0: chunk.logm0.clone(),
        };
        Ok(SfhParams::Diffstar { halo, galaxy: DiffstarParams::from_unbounded(&u)? })
    }

    /// Metallicities of stars with the given masses.
    fn metallicity(
        &self,
        theta: &Tensor<2>,
        chunk: &Chunk,
        stars: &BandStars,
    ) -> LognormalMdfParams {
        let of = |j: usize| theta.clone().narrow(1, j, 1);
        let above = column(&stars.lg_mass_formed) - 10.5;
        let draw = chunk.other_draws[N_DRAWS - 1 - N_SFH].clone();
        let lgmet = draw * 0.1 + of(19) + of(20) * above;
        LognormalMdfParams {
            lgmet_scatter: chunk.logm0.full_like(LGMET_SCATTER),
            lgmet: lgmet.squeeze_dim(1),
        }
    }

    fn magnitudes(&self, theta: &Tensor<2>, chunk: &Chunk) -> Result<Tensor<2>> {
        let sfh = self.histories(theta, chunk)?;
        let stars = self.model.stars(&sfh)?;
        let mdf = self.metallicity(theta, chunk, &stars);
        let Some(spectra) = &self.spectra else {
            let weights = lognormal_weights(&mdf, self.model.metallicities());
            return Ok(self.model.magnitudes(&stars, weights, None));
        };
        let like = &chunk.logm0;
        let none = like.zeros_like();
        let galaxies = GalaxyParams {
            sfh,
            burst: None,
            metallicity: MetallicityParams::Lognormal { mdf },
            ionization: None,
            dust: DustParams::Screen {
                screen: ScreenParams {
                    av: none.clone(),
                    ..ScreenParams::defaults(like.dims()[0], self.place())
                },
            },
            observer: ObserverParams { redshift: none },
            t_obs_gyr: Some(like.full_like(TODAY_GYR)),
            t_ref_gyr: None,
        };
        Ok(spectra.predict(&galaxies)?.magnitudes)
    }

    /// Magnitudes, and the probability to be red.
    fn seen(&self, magnitudes: Tensor<2>) -> Result<Quantities> {
        let one = |k: usize| magnitudes.clone().narrow(1, k, 1);
        let red: Tensor<1> = sigmoid((one(G) - one(R) - 0.5) / 0.05).squeeze_dim(1);
        Quantities::new(&self.names, magnitudes)?.with_weight(&red)
    }

    /// Seconds that each step takes for all chunks.
    fn seconds(&self, theta: &[f64], summary: &SoftHistogram) -> Result<[(&'static str, f64); 5]> {
        let theta = self.place().row(theta);
        let mut seconds = [
            ("parameters", 0.0),
            ("rates and light", 0.0),
            ("metallicity", 0.0),
            ("magnitudes", 0.0),
            ("soft histogram", 0.0),
        ];
        for i in 0..self.n_chunks() {
            let chunk = &self.chunk(i);
            let mut start = Instant::now();
            let mut lap = |stage: usize| -> Result<()> {
                self.place().wait()?;
                seconds[stage].1 += start.elapsed().as_secs_f64();
                start = Instant::now();
                Ok(())
            };
            let histories = self.histories(&theta, chunk)?;
            lap(0)?;
            let stars = self.model.stars(&histories)?;
            lap(1)?;
            let mdf = self.metallicity(&theta, chunk, &stars);
            let metallicity = lognormal_weights(&mdf, self.model.metallicities());
            lap(2)?;
            let magnitudes = self.model.magnitudes(&stars, metallicity, None);
            lap(3)?;
            summary.sums(&self.seen(magnitudes)?)?;
            lap(4)?;
        }
        Ok(seconds)
    }
}

impl Population for Worker {
    fn place(&self) -> &Place {
        self.model.place()
    }

    fn n_chunks(&self) -> usize {
        self.galaxies.len()
    }

    fn quantities(&self, chunk: usize, theta: &Tensor<2>) -> Result<Quantities> {
        self.seen(self.magnitudes(theta, &self.chunk(chunk))?)
    }
}

/// Soft histogram of r.
fn soft_histogram(names: &QuantityNames) -> Result<SoftHistogram> {
    let edges: Vec<f64> = (0..=N_SOFT).map(|i| -25.0 + 0.5 * i as f64).collect();
    let r = names.axis(&names.as_slice()[R])?;
    SoftHistogram::new(vec![SoftBins::new(r, &edges, Kernel::Logistic, 0.1)?])
}

/// r magnitudes of galaxies with g - r above 0.5, in 50 bins from -26 to -10.
fn red_histogram(workers: &mut [Worker], theta: &[f64]) -> Result<Vec<f64>> {
    sum_over_chunks(workers, 50, |worker, chunk, _| {
        let theta = worker.place().row(theta);
        let mut counts = vec![0.0; 50];
        for m in to_host(worker.magnitudes(&theta, &worker.chunk(chunk))?)?.chunks(6) {
            let bin = ((m[R] + 26.0) / 16.0 * 50.0).floor();
            if m[G] - m[R] > 0.5 && (0.0..50.0).contains(&bin) {
                counts[bin as usize] += 1.0;
            }
        }
        Ok(counts)
    })
}

fn full_model(grid: &SspGrid, settings: ModelSettings, place: &Place) -> Result<GalaxyModel> {
    GalaxyModel::new(grid, &FilterSet::embedded("lsst")?, settings, place)
}

fn exact() -> Result<Place> {
    Place::open(DEFAULT_DEVICE, Precision::F64)
}

fn default_theta() -> Result<Vec<f64>> {
    let mut theta = to_host(DiffstarParams::defaults(1, &exact()?).to_unbounded())?;
    theta.resize(N_THETA, 0.0);
    theta[19] = -1.9;
    theta[20] = 0.3;
    Ok(theta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssp::embedded;
    use crate::testing::{assert_close, places};

    fn bench(batch: usize, threads: usize) -> PopulationBench {
        PopulationBench {
            n: 240,
            batch,
            nodes: 48,
            photometry: Photometry::Tables,
            redraw: false,
            repeats: 1,
            threads,
            seed: 3,
        }
    }

    #[test]
    fn neither_chunks_nor_threads_change_the_result() {
        for place in places(Precision::F64) {
            let run = |batch, threads| bench(batch, threads).run(embedded(), &place).unwrap();
            let one = run(240, 1);
            assert!(one.n_red > 10.0 && one.n_red < 240.0 && one.accuracy.median < 1e-3);
            for (batch, threads) in [(100, 1), (17, 2)] {
                let other = run(batch, threads);
                assert_eq!(other.n_red, one.n_red);
                let largest = one.loss_gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()));
                assert_close(&other.loss_gradient, &one.loss_gradient, 0.0, 1e-10 * largest);
            }
        }
    }

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let place = &places(Precision::F64)[0];
        let small = PopulationBench { nodes: 32, ..bench(100, 2) };
        let mut population = small.population(embedded(), place).unwrap();
        let theta = default_theta().unwrap();
        let loss = ChiSquareLoss::new(&population.sums(&theta).unwrap()).unwrap();
        let moved: Vec<f64> = theta.iter().map(|t| t + 0.02).collect();
        let gradient = population.value_and_gradient(&moved, &loss).unwrap().gradient;
        let largest = gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        for j in [0, 2, 8, 16, 17, 19, 20] {
            let mut loss_at = |step: f64| {
                let mut theta = moved.clone();
                theta[j] += step;
                population.value(&theta, &loss).unwrap()
            };
            let numeric = (loss_at(1e-5) - loss_at(-1e-5)) / 2e-5;
            assert_close(&[gradient[j]], &[numeric], 1e-5, 1e-6 * largest);
        }
    }

    #[test]
    fn neither_drawing_again_nor_full_spectra_change_the_result() {
        let place = &places(Precision::F64)[0];
        let one = bench(100, 2).run(embedded(), place).unwrap();
        let again = PopulationBench { redraw: true, ..bench(100, 2) };
        assert_eq!(again.run(embedded(), place).unwrap().loss_gradient, one.loss_gradient);
        let spectra = PopulationBench { photometry: Photometry::Spectra, ..bench(100, 2) };
        let spectra = spectra.run(embedded(), place).unwrap();
        let largest = one.loss_gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        assert_close(&spectra.loss_gradient, &one.loss_gradient, 0.0, 1e-9 * largest);
        assert!(one.accuracy.max < one.accuracy_of_table.max);
    }

    #[test]
    fn nothing_to_do_is_an_error() {
        let place = &places(Precision::F64)[0];
        for wrong in [bench(0, 1), bench(10, 0), PopulationBench { n: 0, ..bench(10, 1) }] {
            assert!(wrong.run(embedded(), place).is_err());
        }
    }
}
