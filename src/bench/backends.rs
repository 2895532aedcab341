//! The same model on every device: how fast at which batch, and how far from f64 on the CPU.

use std::time::Instant;

use burn::tensor::Tensor;
use serde::Serialize;

use super::parity::{Output, largest_difference, largest_gradient_difference, tolerance};
use super::{Timing, forget_peak_rss, peak_rss_mb};
use crate::device::{
    DEFAULT_DEVICE, DEVICE_NAMES, Place, Precision, counting_launches, open, to_host,
};
use crate::filter::FilterSet;
use crate::parameters::Edge;
use crate::population::{BandModel, Components, Epoch, Frame, ModelSettings};
use crate::sfh::LookbackNodes;
use crate::ssp::SspGrid;
use crate::testing::box_rows;
use crate::{Error, Result};

/// Galaxies whose values are compared with the reference.
const N_COMPARED: usize = 512;
/// Age of the Universe at observation \[Gyr\].
const TODAY_GYR: f64 = 13.8;

/// What to run: magnitudes of galaxies in six bands, and the gradient of their sum with respect to the
/// parameters of each galaxy.
#[derive(Clone, Debug)]
pub struct BackendsBench {
    /// Names of the devices; none for all that are found.
    pub devices: Vec<String>,
    /// Galaxies per call.
    pub batches: Vec<usize>,
    /// Look-back nodes.
    pub nodes: usize,
    /// Timed runs of each kind.
    pub repeats: usize,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct BackendsReport {
    /// One row per device, precision and batch.
    pub rows: Vec<BackendRow>,
    /// Devices that are not there.
    pub absent: Vec<AbsentDevice>,
    /// Where each GPU overtakes the fastest CPU device of the same precision.
    pub crossovers: Vec<Crossover>,
    /// Look-back nodes.
    pub nodes: usize,
    /// Version of the program.
    pub version: String,
}

/// A device, precision and batch.
#[derive(Clone, Debug, Serialize)]
pub struct BackendRow {
    /// Device.
    pub device: String,
    /// What its GPU calls itself.
    pub adapter: Option<String>,
    /// Precision.
    pub dtype: String,
    /// Galaxies per call.
    pub batch: usize,
    /// The first call \[s\], in which a GPU compiles what it has not met before.
    pub first_forward_s: f64,
    /// The same for the gradient.
    pub first_gradient_s: f64,
    /// Magnitudes.
    pub forward: Timing,
    /// Magnitudes and gradient.
    pub gradient: Timing,
    /// Kernels that a GPU ran for the magnitudes.
    pub forward_launches: usize,
    /// The same for the gradient.
    pub gradient_launches: usize,
    /// Largest memory of the process during this row \[MB\].
    pub peak_rss_mb: Option<f64>,
    /// Memory that the GPU has set aside \[MB\].
    pub device_memory_mb: Option<f64>,
    /// Largest difference of a magnitude from the reference, f64 on the CPU \[mag\].
    pub magnitude_error: f64,
    /// Largest difference of a derivative from the reference, as a share of the galaxy's largest.
    pub gradient_error: f64,
    /// Whether both are within the [table](super::parity) of tolerances.
    pub within_tolerance: bool,
}

/// A device that is not there.
#[derive(Clone, Debug, Serialize)]
pub struct AbsentDevice {
    /// Name.
    pub device: String,
    /// What is missing and how to get it.
    pub reason: String,
}

/// The batches from which a GPU is faster than a CPU device; `None` if it is not at any measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Crossover {
    /// The GPU.
    pub device: String,
    /// Precision.
    pub dtype: String,
    /// For magnitudes.
    pub forward_batch: Option<f64>,
    /// For the gradient.
    pub gradient_batch: Option<f64>,
}

/// Most galaxies per call, whose parameters are held in memory.
const LARGEST: usize = 10_000_000;

/// The model at a place, and the parameters of the largest batch.
struct Job {
    model: BandModel,
    components: Components,
    rows: Vec<Vec<f64>>,
    place: Place,
}

impl BackendsBench {
    /// Runs on an SSP grid; `report_row` sees each row as soon as it is there.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for no batch, or one without galaxies or with more than ten million; [`Error::Device`] when a device asked
    /// for is not there.
    pub fn run(&self, grid: &SspGrid, report_row: impl Fn(&BackendRow)) -> Result<BackendsReport> {
        let largest = self.batches.iter().copied().max().unwrap_or(0);
        let wrong = |n: &&usize| !(1..=LARGEST).contains(*n);
        if let Some(n) = self.batches.iter().find(wrong).or((largest == 0).then_some(&0)) {
            let (what, allowed) = ("galaxies per call".into(), format!("[1, {LARGEST}]"));
            return Err(Error::OutOfRange { what, value: *n as f64, allowed });
        }
        let (devices, absent) = self.devices()?;
        let reference = Place::open(DEFAULT_DEVICE, Precision::F64)?;
        let exact = self.job(grid, largest, &reference)?;
        let exact = exact.magnitudes_and_gradient(largest.min(N_COMPARED))?;
        let mut rows = Vec::new();
        for name in devices {
            for precision in [Precision::F64, Precision::F32] {
                let Ok(place) = Place::open(name, precision) else { continue };
                let job = self.job(grid, largest, &place)?;
                for batch in &self.batches {
                    let row = self.row(&job, *batch, &exact)?;
                    report_row(&row);
                    rows.push(row);
                }
            }
        }
        Ok(BackendsReport {
            crossovers: crossovers(&rows),
            rows,
            absent,
            nodes: self.nodes,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }

    /// The devices to run on, and those that are not there.
    fn devices(&self) -> Result<(Vec<&str>, Vec<AbsentDevice>)> {
        if !self.devices.is_empty() {
            let names: Vec<&str> = self.devices.iter().map(String::as_str).collect();
            names.iter().try_for_each(|name| open(name).map(|_| ()))?;
            return Ok((names, Vec::new()));
        }
        let (mut found, mut absent) = (Vec::new(), Vec::new());
        for name in DEVICE_NAMES {
            match open(name) {
                Ok(_) => found.push(name),
                Err(Error::Device { name, reason }) => {
                    absent.push(AbsentDevice { device: name, reason });
                }
                Err(other) => return Err(other),
            }
        }
        Ok((found, absent))
    }

    fn job(&self, grid: &SspGrid, n: usize, place: &Place) -> Result<Job> {
        let settings = ModelSettings {
            frame: Frame::Rest,
            nodes: LookbackNodes::new(self.nodes)?,
            ..ModelSettings::default()
        };
        let components = settings.components;
        let epoch = Epoch { redshift: 0.0, t_obs_gyr: TODAY_GYR };
        let filters = FilterSet::embedded("lsst")?;
        let model = BandModel::new(grid, &filters, settings, epoch, 1, place)?;
        let mut info = components.info();
        // Haloes that host galaxies.
        info.iter_mut().filter(|p| p.name == "logm0").for_each(|p| p.bound.lo = Edge::At(10.0));
        Ok(Job { model, components, rows: box_rows(&info, n, 0.2), place: place.clone() })
    }

    fn row(&self, job: &Job, batch: usize, exact: &(Vec<f64>, Vec<f64>)) -> Result<BackendRow> {
        forget_peak_rss();
        let start = Instant::now();
        job.magnitudes(batch)?;
        let first_forward_s = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let (magnitudes, gradient) = job.magnitudes_and_gradient(batch)?;
        let first_gradient_s = start.elapsed().as_secs_f64();

        let (forward, _) = Timing::of(batch, self.repeats, || job.magnitudes(batch))?;
        let (gradient_timing, _) =
            Timing::of(batch, self.repeats, || job.magnitudes_and_gradient(batch))?;
        let (done, forward_launches) = counting_launches(|| job.magnitudes(batch));
        done?;
        let (done, gradient_launches) = counting_launches(|| job.magnitudes_and_gradient(batch));
        done?;

        let n_param = job.rows[0].len();
        let n = batch.min(N_COMPARED);
        let n_band = magnitudes.len() / batch;
        let magnitude_error = largest_difference(&magnitudes[..n * n_band], &exact.0[..n * n_band]);
        let (got, want) = (&gradient[..n * n_param], &exact.1[..n * n_param]);
        let gradient_error = largest_gradient_difference(got, want, n_param);
        let within = |error, output| error <= tolerance(output, &job.place);
        Ok(BackendRow {
            device: job.place.name().to_owned(),
            adapter: job.place.adapter_name(),
            dtype: job.place.precision().to_string(),
            batch,
            first_forward_s,
            first_gradient_s,
            forward,
            gradient: gradient_timing,
            forward_launches,
            gradient_launches,
            peak_rss_mb: peak_rss_mb(),
            device_memory_mb: job.place.device_memory_mb(),
            within_tolerance: within(magnitude_error, Output::Magnitude)
                && within(gradient_error, Output::Gradient),
            magnitude_error,
            gradient_error,
        })
    }
}

impl Job {
    /// Parameters of the first `n` galaxies.
    fn matrix(&self, n: usize) -> Tensor<2> {
        let rows: Vec<&[f64]> = self.rows[..n].iter().map(Vec::as_slice).collect();
        self.place.rows(&rows)
    }

    fn predict(&self, matrix: &Tensor<2>) -> Result<Tensor<2>> {
        Ok(self.model.predict(&self.components.galaxies(matrix, None)?)?.magnitudes)
    }

    fn magnitudes(&self, n: usize) -> Result<Vec<f64>> {
        to_host(self.predict(&self.matrix(n))?)
    }

    /// Magnitudes `[n, n_filter]`, and the gradient of their sum, `[n, n_param]`.
    fn magnitudes_and_gradient(&self, n: usize) -> Result<(Vec<f64>, Vec<f64>)> {
        let leaf = self.matrix(n).autodiff().require_grad();
        let magnitudes = self.predict(&leaf)?;
        let gradients = magnitudes.clone().sum().backward();
        let lost = || Error::invalid("magnitudes", "they have no gradient");
        let gradient = leaf.grad(&gradients).ok_or_else(lost)?;
        Ok((to_host(magnitudes.without_autodiff())?, to_host(gradient)?))
    }
}

/// Where the GPUs among the rows overtake the fastest CPU device of the same precision.
fn crossovers(rows: &[BackendRow]) -> Vec<Crossover> {
    let mut found: Vec<Crossover> = Vec::new();
    for gpu in rows.iter().filter(|row| row.adapter.is_some()) {
        let is_same = |c: &Crossover| c.device == gpu.device && c.dtype == gpu.dtype;
        if found.iter().any(is_same) {
            continue;
        }
        let overtakes = |time: fn(&BackendRow) -> f64| {
            let points = rows.iter().filter(|r| r.device == gpu.device && r.dtype == gpu.dtype);
            let pairs = points.filter_map(|row| {
                let cpu = |r: &&BackendRow| {
                    r.adapter.is_none() && r.dtype == row.dtype && r.batch == row.batch
                };
                let fastest = rows.iter().filter(cpu).map(time).reduce(f64::min)?;
                Some((row.batch as f64, (time(row) / fastest).ln()))
            });
            crossing(pairs.collect())
        };
        found.push(Crossover {
            device: gpu.device.clone(),
            dtype: gpu.dtype.clone(),
            forward_batch: overtakes(|row| row.forward.us_per_galaxy.min),
            gradient_batch: overtakes(|row| row.gradient.us_per_galaxy.min),
        });
    }
    found
}

/// The batch from which on the logarithm of a ratio of times is negative, between those measured.
fn crossing(mut points: Vec<(f64, f64)>) -> Option<f64> {
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let behind = points.iter().rposition(|(_, ratio)| *ratio >= 0.0);
    let Some(last) = behind else { return points.first().map(|(batch, _)| *batch) };
    let ((x0, y0), (x1, y1)) = (points[last], *points.get(last + 1)?);
    Some((x0.ln() + (x1 / x0).ln() * y0 / (y0 - y1)).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::F64_DEVICE_NAMES;
    use crate::ssp::embedded;

    fn bench(devices: &[&str], batches: &[usize]) -> BackendsBench {
        let devices = devices.iter().map(|name| (*name).to_owned()).collect();
        BackendsBench { devices, batches: batches.to_vec(), nodes: 32, repeats: 1 }
    }

    #[test]
    fn cpu_devices_are_within_tolerance() {
        let cpus: Vec<&str> =
            F64_DEVICE_NAMES.into_iter().filter(|name| open(name).is_ok()).collect();
        let report = bench(&cpus, &[3, 20]).run(embedded(), |_| ()).unwrap();
        assert_eq!(report.rows.len(), 4 * cpus.len());
        assert!(report.absent.is_empty() && report.crossovers.is_empty());
        for row in &report.rows {
            assert!(row.within_tolerance, "{row:?}");
            assert_eq!(row.gradient_launches, 0);
        }
    }

    #[test]
    fn what_cannot_run_is_an_error() {
        assert!(bench(&["abacus"], &[3]).run(embedded(), |_| ()).is_err());
        assert!(bench(&[], &[]).run(embedded(), |_| ()).is_err());
        assert!(bench(&[], &[4, 0]).run(embedded(), |_| ()).is_err());
    }

    #[test]
    fn the_crossing_is_between_the_batches_around_it() {
        let ratios = |r: [f64; 3]| [10.0, 100.0, 1000.0].into_iter().zip(r.map(f64::ln)).collect();
        let at = crossing(ratios([4.0, 2.0, 0.5])).unwrap();
        assert!((at.log10() - 2.5).abs() < 1e-12, "{at}");
        assert_eq!(crossing(ratios([0.5, 0.4, 0.3])), Some(10.0));
        assert_eq!(crossing(ratios([0.5, 0.4, 3.0])), None);
        assert_eq!(crossing(vec![]), None);
    }
}
