//! The galaxies of haloes, as a population whose summaries are differentiated.

use std::ops::Range;
use std::sync::Arc;

use burn::tensor::Tensor;

use super::haloes::{HaloBatch, HaloSource, MassKnown};
use super::mix::{Kinds, Mixing, QUANTITIES};
use super::{
    DiffmahPop, FreeParameters, GalaxyDraws, HaloDraws, HostHaloes, Infall, ObservedHaloes,
    PopulationModels,
};
use crate::cosmology::Cosmology;
use crate::device::{Place, to_host};
use crate::dust::DustParams;
use crate::filter::FilterSet;
use crate::halo::{DiffmahParams, diffmah_lg_mass};
use crate::metallicity::{LognormalMdfParams, lognormal_weights, mass_metallicity};
use crate::names::named;
use crate::numerics::log10;
use crate::numerics::random::{normal, uniform};
use crate::parameters::ParameterSet;
use crate::population::{BandModel, Components, Epoch, Frame, ModelSettings, ObserverParams};
use crate::sfh::{DiffstarParams, SFR_MIN, SfhParams, diffstar_sfr};
use crate::ssp::SspGrid;
use crate::summary::{Population, Quantities, QuantityNames};
use crate::{Error, Result};

/// Normal random numbers of a galaxy: of early and late haloes, of both sequences, of dust, of bursts.
const NORMALS: [Range<usize>; 6] = [0..4, 4..8, 8..12, 12..20, 20..23, 23..26];
/// Uniform random numbers beyond those that the normal ones are made of.
const PEAK_TIME: u64 = 100;
const EARLY: u64 = 101;

/// How the names of the parameters begin by which haloes are early.
const EARLY_SHARES: &str = "diffmahpop.fec_";

/// What becomes of the kinds of halo growth where it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GrowthKinds {
    /// Each halo is early or late by a random number, which gradients leave as it is: for losses whose
    /// free parameters are others than `diffmahpop.fec_*`.
    #[default]
    Drawn,
    /// Each is both, as likely as the model says: smooth in all parameters, at twice the work.
    Both,
}

named!(GrowthKinds, "kinds of growth", Drawn = "drawn", Both = "both");

/// How haloes get their galaxies.
#[derive(Clone, Debug)]
pub struct PopulationSetup {
    /// Frame, cosmology, nodes and dust law of the photometry, and in `tables.n_dust` the wavelengths per
    /// band at which dust is taken. The components do not matter: they are diffstar, bursts if the
    /// population has parameters of theirs, one metallicity distribution and one dust screen.
    pub settings: ModelSettings,
    /// What becomes of the kinds of galaxies.
    pub mixing: Mixing,
    /// What becomes of the kinds of halo growth.
    pub growth: GrowthKinds,
    /// Galaxies per chunk.
    pub batch: usize,
    /// Worker threads.
    pub threads: usize,
    /// Seed of the galaxies' random numbers.
    pub seed: u64,
}

impl Default for PopulationSetup {
    /// Mixed fluxes and drawn growth on one thread, in chunks so large that the maps from the parameters,
    /// which each chunk repeats, do not matter.
    fn default() -> Self {
        Self {
            settings: ModelSettings::default(),
            mixing: Mixing::default(),
            growth: GrowthKinds::default(),
            batch: 1024,
            threads: 1,
            seed: 0,
        }
    }
}

/// A worker's share of the galaxies of a population, as functions of the free parameters.
///
/// Its quantities are the magnitudes by name of the filter, `lg_mstar` (log10 of the stellar mass ever
/// formed in Msun), `lg_ssfr` (log10 of the specific star formation rate in 1/yr, without bursts), `lg_halo_mass` (log10
/// Msun, when seen), `quenched` (probability) and `redshift`. Chunks are drawn when they are asked for,
/// from the number of each halo, so neither their size nor the number of workers changes a galaxy.
#[derive(Clone, Debug)]
pub struct GalaxyPopulation {
    haloes: Arc<dyn HaloSource>,
    epochs: Vec<BandModel>,
    t_obs_gyr: Vec<f64>,
    free: FreeParameters,
    names: QuantityNames,
    setup: PopulationSetup,
    place: Place,
    chunks: Vec<Chunk>,
}

/// Epoch and haloes of a chunk.
type Chunk = (usize, Range<usize>);

impl PopulationSetup {
    /// Checks that losses on this population are smooth in all free parameters.
    ///
    /// # Errors
    /// [`Error::Invalid`] when shares of early haloes are free but haloes are early or late by a random
    /// number, which gradients leave as it is.
    pub fn check_smooth(&self, free: &FreeParameters) -> Result<()> {
        let names = free.names();
        let stuck = names.iter().find(|name| name.starts_with(EARLY_SHARES));
        match (self.growth, stuck) {
            (GrowthKinds::Drawn, Some(name)) => {
                let reason = format!(
                    "has no gradient where growth_kinds is \"drawn\"; freeze {EARLY_SHARES}* or choose \"both\""
                );
                Err(Error::invalid(format!("free parameter {name}"), reason))
            }
            _ => Ok(()),
        }
    }

    /// The galaxies of the haloes, dealt out to workers.
    ///
    /// # Errors
    /// [`Error::Invalid`] for haloes that come with their growth when the population has parameters of
    /// it, or the other way round; [`Error::OutOfRange`] for no galaxies, chunks or workers and for redshifts
    /// at which nothing can be seen; those of [`BandModel::new`].
    pub fn workers(
        &self,
        grid: &SspGrid,
        filters: &FilterSet,
        haloes: Arc<dyn HaloSource>,
        free: &FreeParameters,
        place: &Place,
    ) -> Result<Vec<GalaxyPopulation>> {
        let ingredients = free.parameters().ingredients();
        if ingredients.growth == haloes.has_growth() {
            let reason = match ingredients.growth {
                true => "has parameters of halo growth, but the haloes come with theirs",
                false => "has no parameters of halo growth, and the haloes come without it",
            };
            return Err(Error::invalid("population", reason));
        }
        let shares = self.deal(&*haloes)?;
        let components = Components { burst: ingredients.bursts, ..Components::default() };
        let settings = ModelSettings { components, ..self.settings.clone() };
        let n_dust = settings.tables.n_dust;
        let cosmology: Cosmology = settings.cosmology.at(place, settings.quadrature);
        let redshifts = haloes.redshifts().to_vec();
        redshifts.iter().try_for_each(|z| ObserverParams::check(&[*z]))?;
        if settings.frame == Frame::Observed && redshifts.contains(&0.0) {
            let reason = "has no distance modulus; use --frame rest";
            return Err(Error::invalid("redshift = 0", reason));
        }
        let t_obs_gyr = to_host(cosmology.age_at_z_gyr(&place.vector(&redshifts)))?;
        let (first, last) = settings.t_obs_range_gyr();
        if let Some(i) = t_obs_gyr.iter().position(|t| !(*t > first && *t <= last)) {
            return Err(Error::OutOfRange {
                what: format!("age of the Universe [Gyr] at redshift {}", redshifts[i]),
                value: t_obs_gyr[i],
                allowed: format!("({first}, {last}]"),
            });
        }
        let model = |(z, t): (&f64, &f64)| {
            let epoch = Epoch { redshift: *z, t_obs_gyr: *t };
            BandModel::new(grid, filters, settings.clone(), epoch, n_dust, place)
        };
        let epochs = redshifts.iter().zip(&t_obs_gyr).map(model).collect::<Result<Vec<_>>>()?;
        let names = GalaxyPopulation::names_with(filters)?;
        let worker = |chunks| GalaxyPopulation {
            haloes: haloes.clone(),
            epochs: epochs.clone(),
            t_obs_gyr: t_obs_gyr.clone(),
            free: free.clone(),
            names: names.clone(),
            setup: self.clone(),
            place: place.clone(),
            chunks,
        };
        Ok(shares.into_iter().map(worker).collect())
    }

    /// Epoch and haloes of each chunk of each worker; no chunk has haloes of several epochs.
    fn deal(&self, haloes: &dyn HaloSource) -> Result<Vec<Vec<Chunk>>> {
        let n_epochs = haloes.redshifts().len();
        let n: usize = (0..n_epochs).map(|epoch| haloes.n_haloes(epoch)).sum();
        let numbers =
            [("galaxies", n), ("galaxies per chunk", self.batch), ("workers", self.threads)];
        if let Some((what, _)) = numbers.iter().find(|(_, n)| *n == 0) {
            return Err(Error::OutOfRange {
                what: format!("number of {what}"),
                value: 0.0,
                allowed: "[1, inf)".into(),
            });
        }
        let chunks = (0..n_epochs).flat_map(|epoch| {
            let n = haloes.n_haloes(epoch);
            let end = move |start: usize| start.saturating_add(self.batch).min(n);
            (0..n).step_by(self.batch).map(move |start| (epoch, start..end(start)))
        });
        // No worker without a chunk.
        let chunks: Vec<Chunk> = chunks.collect();
        let n_workers = self.threads.min(chunks.len());
        let mut shares = vec![Vec::new(); n_workers];
        chunks.into_iter().enumerate().for_each(|(i, chunk)| shares[i % n_workers].push(chunk));
        Ok(shares)
    }
}

/// Haloes of each kind of growth, one kind after the other, and how likely each is (`[n_kind * n_gal]`).
struct Growth {
    haloes: DiffmahParams,
    weight: Tensor<1>,
}

impl GalaxyPopulation {
    /// Names of the quantities of galaxies that are seen through filters.
    ///
    /// # Errors
    /// Those of [`QuantityNames::new`].
    pub fn names_with(filters: &FilterSet) -> Result<QuantityNames> {
        let bands = filters.names().map(str::to_owned);
        QuantityNames::new(bands.chain(QUANTITIES.map(str::to_owned)))
    }

    /// Names of the quantities.
    pub fn names(&self) -> &QuantityNames {
        &self.names
    }

    /// Number of filters; the first quantities are their magnitudes.
    pub fn n_filters(&self) -> usize {
        self.epochs[0].filter_names().len()
    }

    /// Numbers of the haloes of a chunk: for a catalogue, its rows from 0.
    pub fn halo_ids(&self, chunk: usize) -> Vec<u64> {
        let (epoch, range) = self.chunks[chunk].clone();
        self.haloes.haloes(epoch, range).ids
    }

    /// Number of galaxies of this worker.
    pub fn n_galaxies(&self) -> usize {
        self.chunks.iter().map(|(_, range)| range.len()).sum()
    }

    fn normals(&self, ids: &[u64], range: Range<usize>) -> Tensor<2> {
        let shape = [ids.len(), range.len()];
        let one = |id: &u64| -> Vec<f64> {
            range.clone().map(|k| normal(self.setup.seed, *id, k as u64)).collect()
        };
        self.place.matrix(&ids.iter().flat_map(one).collect::<Vec<f64>>(), shape)
    }

    fn uniforms(&self, ids: &[u64], k: u64) -> Tensor<1> {
        let all: Vec<f64> = ids.iter().map(|id| uniform(self.setup.seed, *id, k)).collect();
        self.place.vector(&all)
    }

    /// Growth of the haloes, as it is known or as the model has it.
    fn growth(
        &self,
        batch: &HaloBatch,
        model: Option<&DiffmahPop>,
        infall: Option<&Infall>,
        t_obs_gyr: f64,
    ) -> Result<Growth> {
        let lgm_obs = self.place.vector(&batch.lgm);
        if let Some(haloes) = batch.growth(&self.place) {
            return Ok(Growth { haloes: haloes?, weight: lgm_obs.ones_like() });
        }
        let Some(model) = model else {
            return Err(Error::invalid("haloes", "come without their growth"));
        };
        let lgt0 = self.setup.settings.lgt0;
        let t_known = match batch.known {
            MassKnown::AtObservation => t_obs_gyr,
            MassKnown::Today => 10f64.powf(lgt0),
        };
        let haloes = ObservedHaloes {
            t_obs_gyr: lgm_obs.full_like(t_known),
            is_satellite: infall.map(|infall| infall.is_satellite.clone()),
            lgm_obs,
        };
        let t_peak = match &batch.t_peak_gyr {
            Some(t_peak) => self.place.vector(t_peak),
            None => model.peak_times(&haloes, &self.uniforms(&batch.ids, PEAK_TIME), lgt0),
        };
        let [early, late] = [0, 1].map(|k: usize| self.normals(&batch.ids, NORMALS[k].clone()));
        let kinds = model.draw(&haloes, &t_peak, &HaloDraws { early, late });
        Ok(match self.setup.growth {
            GrowthKinds::Both => {
                let late = kinds.f_early.clone().neg() + 1.0;
                let weight = Tensor::cat(vec![kinds.f_early, late], 0);
                Growth { haloes: joined(&kinds.early, &kinds.late), weight }
            }
            GrowthKinds::Drawn => {
                let is_early =
                    self.uniforms(&batch.ids, EARLY).lower(kinds.f_early.without_autodiff());
                let pick = |(early, late): (Tensor<1>, Tensor<1>)| {
                    late.mask_where(is_early.clone(), early)
                };
                let columns = kinds.early.columns().into_iter().zip(kinds.late.columns());
                let haloes = DiffmahParams::from_columns(columns.map(pick).collect());
                Growth { weight: haloes.logm0.ones_like().without_autodiff(), haloes }
            }
        })
    }

    /// Galaxies of every kind that haloes seen at an epoch may have.
    fn kinds(&self, epoch: usize, batch: &HaloBatch, models: &PopulationModels) -> Result<Kinds> {
        let (model, t_obs_gyr) = (&self.epochs[epoch], self.t_obs_gyr[epoch]);
        let ModelSettings { lgt0, fb, .. } = self.setup.settings;
        let infall = batch.satellites.as_ref().map(|columns| columns.infall(&self.place));
        let Growth { haloes, weight } =
            self.growth(batch, models.growth.as_ref(), infall.as_ref(), t_obs_gyr)?;
        let n_growth = weight.dims()[0] / batch.len();

        let t0 = self.place.row(&[10f64.powf(lgt0)]);
        let hosts = HostHaloes {
            logmp0: diffmah_lg_mass(&haloes, t0, lgt0).squeeze_dim(1),
            t_peak_gyr: haloes.t_peak.clone(),
            infall: infall.map(|infall| repeated_infall(&infall, n_growth)),
        };
        let draws =
            |k: usize, times| self.normals(&batch.ids, NORMALS[k].clone()).repeat_dim(0, times);
        let draws_of_both = GalaxyDraws { main: draws(2, n_growth), quenched: draws(3, n_growth) };
        let galaxies = models.galaxies.draw(&hosts, &draws_of_both);
        let f_quenched = galaxies.f_quenched;
        let on_main = weight.clone() * (f_quenched.clone().neg() + 1.0);
        let zero = weight.zeros_like().without_autodiff();
        let quenched = Tensor::cat(vec![zero.clone(), zero + 1.0], 0);
        let weight = Tensor::cat(vec![on_main, weight * f_quenched], 0);

        let halo = joined(&haloes, &haloes);
        let galaxy: DiffstarParams = joined(&galaxies.main, &galaxies.quenched);
        let t_obs = self.place.row(&[t_obs_gyr]);
        let lg_halo_mass = diffmah_lg_mass(&halo, t_obs.clone(), lgt0).squeeze_dim(1);
        let sfr = diffstar_sfr(&halo, &galaxy, t_obs, lgt0, fb).squeeze_dim(1);
        let lg_sfr = log10(sfr.clamp_min(SFR_MIN));
        let stars = model.stars(&SfhParams::Diffstar { halo, galaxy })?;
        let lg_mstar = stars.lg_mass_formed.clone();

        let scatter = models.metallicity_scatter.lgmet_scatter.clone();
        let mdf = LognormalMdfParams {
            lgmet: mass_metallicity(&models.metallicity, &lg_mstar, &lg_mstar.full_like(t_obs_gyr)),
            lgmet_scatter: scatter.expand(lg_mstar.dims()),
        };
        let metallicity = lognormal_weights(&mdf, model.metallicities());
        let lg_ssfr = lg_sfr.clone() - lg_mstar.clone();
        let stars = match &models.bursts {
            Some(bursts) => {
                let bursts = bursts.bursts(&lg_mstar, &lg_ssfr, &draws(5, 2 * n_growth));
                model.with_bursts(stars, &bursts)?
            }
            None => stars,
        };
        let screen = models.dust.screens(&lg_mstar, &lg_ssfr, &draws(4, 2 * n_growth));
        let dust = DustParams::Screen { screen };
        let components = model.component_weights(metallicity, None);
        let magnitudes = model.magnitudes(&stars, components, Some(&dust));
        Ok(Kinds { weight, magnitudes, lg_mstar, lg_sfr, lg_halo_mass, quenched })
    }
}

impl Population for GalaxyPopulation {
    fn place(&self) -> &Place {
        &self.place
    }

    fn n_chunks(&self) -> usize {
        self.chunks.len()
    }

    /// # Errors
    /// Those of [`PopulationSetup::check_smooth`] when `theta` takes part in gradients.
    fn quantities(&self, chunk: usize, theta: &Tensor<2>) -> Result<Quantities> {
        if theta.is_tracked() {
            self.setup.check_smooth(&self.free)?;
        }
        let (epoch, range) = self.chunks[chunk].clone();
        let models = self.free.models(theta)?;
        let batch = self.haloes.haloes(epoch, range);
        let kinds = self.kinds(epoch, &batch, &models)?;
        let redshift = self.haloes.redshifts()[epoch];
        kinds.quantities(self.setup.mixing, &self.names, batch.len(), redshift)
    }
}

/// Two batches as one.
fn joined<S: ParameterSet>(first: &S, second: &S) -> S {
    let pairs = first.columns().into_iter().zip(second.columns());
    S::from_columns(pairs.map(|(a, b)| Tensor::cat(vec![a, b], 0)).collect())
}

/// The infall of the same galaxies, several times one after the other.
fn repeated_infall(infall: &Infall, times: usize) -> Infall {
    let repeat = |x: &Tensor<1>| x.clone().repeat_dim(0, times);
    Infall {
        is_satellite: infall.is_satellite.clone().repeat_dim(0, times),
        lgmu: repeat(&infall.lgmu),
        logmhost: repeat(&infall.logmhost),
        gyr_since: repeat(&infall.gyr_since),
    }
}

#[cfg(test)]
mod tests;
