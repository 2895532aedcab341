//! The galaxy-halo connection: how the galaxies of a whole population follow from its haloes.
//!
//! [`DiffmahPop`] gives haloes their growth, [`DiffstarPop`] their star formation, a mass-metallicity
//! relation, [`DustPop`] and [`BurstPop`] the rest. The parameters of all of them are one vector with names
//! ([`PopulationParameters`]), of which some are free ([`FreeParameters`]). A [`GalaxyPopulation`] has the
//! galaxies of a [`HaloSource`] (a mock or a catalogue) as functions of the free parameters, for
//! [`summary`](crate::summary) to add up and differentiate. Random numbers are constants of each galaxy, so
//! that galaxies change with the parameters without jumps; but for the choice of early and late haloes,
//! which [`GrowthKinds::Both`] makes smooth as well.
//!
//! ```
//! use std::sync::Arc;
//!
//! use starburn::device::{DEFAULT_DEVICE, Place, Precision};
//! use starburn::filter::FilterSet;
//! use starburn::galhalo::{
//!     FreeParameters, MockHaloes, MockSettings, PopulationIngredients, PopulationParameters,
//!     PopulationSetup,
//! };
//! use starburn::ssp::embedded;
//! use starburn::summary::{ChiSquareLoss, Kernel, PopulationLoss, SoftBins, SoftHistogram};
//!
//! let place = Place::open(DEFAULT_DEVICE, Precision::F64)?;
//! let haloes = MockHaloes::new(MockSettings { epochs: vec![(0.5, 40)], ..MockSettings::default() })?;
//! let all = PopulationParameters::new(PopulationIngredients { growth: true, bursts: false });
//! let values = all.default_values();
//! let free = FreeParameters::all(all, &values)?.only(&["dust.av_*", "mzr.mzr_t0_ytp"])?;
//!
//! let filters = FilterSet::embedded("lsst")?;
//! let setup = PopulationSetup::default();
//! let workers = setup.workers(embedded(), &filters, Arc::new(haloes), &free, &place)?;
//! let r = workers[0].names().axis("lsst_r")?;
//! let bins = SoftBins::new(r, &[18.0, 21.0, 24.0, 27.0], Kernel::Triweight, 0.3)?;
//! let mut population = PopulationLoss::new(workers, SoftHistogram::new(vec![bins])?)?;
//!
//! let target = ChiSquareLoss::new(&[5.0, 10.0, 20.0])?;
//! let at = population.value_and_gradient(&free.start(), &target)?;
//! assert_eq!(at.gradient.len(), free.n_free());
//! # Ok::<(), starburn::Error>(())
//! ```

mod burst_pop;
mod calibration;
mod diffmahpop;
mod diffmahpop_table;
mod diffstarpop;
mod diffstarpop_table;
mod dust_pop;
mod free;
mod halo_catalog;
mod haloes;
mod mass_function;
mod mix;
mod mock;
mod parameter_file;
mod parameters;
mod peak_time;
mod plane;
mod population;
mod table;

pub use burst_pop::BurstPop;
pub use calibration::DiffstarCalibration;
pub use diffmahpop::{DiffmahPop, HaloDraws, HaloKinds, HaloMeans, ObservedHaloes};
pub use diffstarpop::{DiffstarPop, GalaxyDraws, GalaxyKinds, HostHaloes, Infall, Sequences};
pub use dust_pop::DustPop;
pub use free::FreeParameters;
pub use halo_catalog::HaloCatalog;
pub use haloes::{HaloBatch, HaloSource, MassKnown, SatelliteColumns};
pub use mass_function::HaloMassFunction;
pub use mix::Mixing;
pub use mock::{MockHaloes, MockSettings};
pub use parameters::{PopulationIngredients, PopulationModels, PopulationParameters};
pub use population::{GalaxyPopulation, GrowthKinds, PopulationSetup};
