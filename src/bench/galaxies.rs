//! How fast the galaxies of haloes are, with the gradient of a loss on their luminosity function.

use std::sync::Arc;

use serde::Serialize;

use super::{Timing, VERSIONS, Versions, peak_rss_mb};
use crate::Result;
use crate::device::Place;
use crate::filter::FilterSet;
use crate::galhalo::{FreeParameters, MockHaloes, MockSettings, PopulationSetup};
use crate::ssp::SspGrid;
use crate::summary::{ChiSquareLoss, Kernel, PopulationLoss, SoftBins, SoftHistogram};

/// What to run.
#[derive(Clone, Debug)]
pub struct GalaxiesBench {
    /// Number of haloes, half of them at redshift 0.3, the others at 0.8.
    pub n: usize,
    /// How they get their galaxies.
    pub setup: PopulationSetup,
    /// Timed runs of each kind.
    pub repeats: usize,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct GalaxiesReport {
    /// Device.
    pub device: String,
    /// Precision.
    pub dtype: String,
    /// Number of haloes.
    pub n: usize,
    /// Haloes per chunk.
    pub batch: usize,
    /// Worker threads.
    pub threads: usize,
    /// Number of parameters of the gradient.
    pub n_free: usize,
    /// From haloes to the soft histogram of the first band.
    pub forward: Timing,
    /// A loss on it and its gradient with respect to the free parameters.
    pub gradient: Timing,
    /// Largest memory of the process \[MB\].
    pub peak_rss_mb: Option<f64>,
    /// Versions of the program and of what it stands on.
    pub versions: Versions,
}

impl GalaxiesBench {
    /// Runs with the given parameters, of which some are free.
    ///
    /// # Errors
    /// Those of [`PopulationSetup::workers`].
    pub fn run(
        &self,
        grid: &SspGrid,
        filters: &FilterSet,
        free: &FreeParameters,
        place: &Place,
    ) -> Result<GalaxiesReport> {
        let epochs = vec![(0.3, self.n.div_ceil(2)), (0.8, self.n / 2)];
        let settings = MockSettings { epochs, seed: self.setup.seed, ..MockSettings::default() };
        let haloes = Arc::new(MockHaloes::new(settings)?);
        let workers = self.setup.workers(grid, filters, haloes, free, place)?;
        let names = workers[0].names().clone();
        let band = names.axis(&names.as_slice()[0])?;
        let edges: Vec<f64> = (0..=20).map(|i| 16.0 + 0.5 * f64::from(i)).collect();
        let bins = SoftBins::new(band, &edges, Kernel::Triweight, 0.2)?;
        let mut population = PopulationLoss::new(workers, SoftHistogram::new(vec![bins])?)?;
        let theta = free.start();
        let (forward, sums) = Timing::of(self.n, self.repeats, || population.sums(&theta))?;
        let loss = ChiSquareLoss::new(&sums.iter().map(|s| 1.1 * s.max(0.0)).collect::<Vec<_>>())?;
        let (gradient, _) =
            Timing::of(self.n, self.repeats, || population.value_and_gradient(&theta, &loss))?;
        Ok(GalaxiesReport {
            device: place.device_name(),
            dtype: place.precision().to_string(),
            n: self.n,
            batch: self.setup.batch,
            threads: self.setup.threads,
            n_free: free.n_free(),
            forward,
            gradient,
            peak_rss_mb: peak_rss_mb(),
            versions: VERSIONS,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Precision;
    use crate::galhalo::{PopulationIngredients, PopulationParameters};
    use crate::ssp::embedded;
    use crate::testing::places;

    #[test]
    fn it_runs_and_reports() {
        let place = &places(Precision::F32)[0];
        let all = PopulationParameters::new(PopulationIngredients { growth: true, bursts: false });
        let values = all.default_values();
        let free = FreeParameters::all(all, &values).unwrap().only(&["dust.*"]).unwrap();
        let setup = PopulationSetup { batch: 16, threads: 2, ..PopulationSetup::default() };
        let bench = GalaxiesBench { n: 33, setup, repeats: 1 };
        let filters = FilterSet::embedded("lsst").unwrap();
        let report = bench.run(embedded(), &filters, &free, place).unwrap();
        assert_eq!((report.n, report.n_free, report.threads), (33, 12, 2));
        assert!(report.gradient.us_per_galaxy.min > report.forward.us_per_galaxy.min);
    }
}
