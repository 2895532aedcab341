//! `starburn predict --population`: the galaxies of a catalogue of haloes.

use std::num::NonZeroUsize;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use super::model_options::{ModelOptions, ModelParts};
use super::paths::check_different;
use super::progress::{galaxies, galaxies_bar};
use crate::Result;
use crate::galhalo::{
    FreeParameters, HaloCatalog, HaloSource, Mixing, PopulationParameters, PopulationSetup,
};
use crate::predict::{WrittenGalaxies, n_workers, write_galaxies};
use crate::summary::Population as _;

/// What is to be done.
pub(super) struct OfHaloes<'a> {
    pub(super) catalog: &'a Path,
    pub(super) output: &'a Path,
    pub(super) parameters: &'a Path,
    pub(super) model: &'a ModelOptions,
    pub(super) mixing: Mixing,
    pub(super) seed: u64,
    pub(super) threads: Option<NonZeroUsize>,
    pub(super) batch: Option<NonZeroUsize>,
}

impl OfHaloes<'_> {
    pub(super) fn run(&self) -> Result<ExitCode> {
        let inputs = [self.catalog, self.parameters].into_iter().chain(self.model.files());
        check_different([self.output], inputs)?;
        self.model.check_of_populations()?;
        let ModelParts { grid, filters, settings, place } = self.model.parts()?;
        let haloes: Arc<dyn HaloSource> = Arc::new(HaloCatalog::read(self.catalog)?);
        let (all, values) = PopulationParameters::read(!haloes.has_growth(), self.parameters)?;
        let free = FreeParameters::all(all, &values)?;
        let default = PopulationSetup::default();
        let setup = PopulationSetup {
            settings,
            mixing: self.mixing,
            batch: self.batch.map_or(default.batch, NonZeroUsize::get),
            threads: 1,
            seed: self.seed,
            ..default
        };
        let workers = setup.workers(&grid, &filters, haloes, &free, &place)?;
        let n_chunks = workers.iter().map(|worker| worker.n_chunks()).sum();
        let workers = vec![workers; n_workers(self.threads, &place, n_chunks)].concat();
        let bar = galaxies_bar();
        let kinds = match self.mixing {
            Mixing::Fluxes => 1,
            Mixing::Weights => 2,
        };
        bar.set_length((kinds * workers[0].n_galaxies()) as u64);
        let WrittenGalaxies { n_rows, replaced } =
            write_galaxies(workers, &free.start(), Some(self.catalog), self.output, |done| {
                bar.set_position(done as u64)
            })?;
        bar.finish_and_clear();
        // The redshift is what it was.
        let replaced: Vec<_> = replaced.into_iter().filter(|name| name != "redshift").collect();
        if !replaced.is_empty() {
            tell!("columns replaced by predictions: {}", replaced.join(" "));
        }
        tell!("{} predicted: {}", galaxies(n_rows), self.output.display());
        Ok(ExitCode::SUCCESS)
    }
}
