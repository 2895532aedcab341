//! Differentiable stellar population synthesis: the light of galaxies from their physics, as Burn
//! tensor graphs that run unchanged on every backend and differentiate exactly.
//!
//! Data flow one way: parameters, [`halo`] growth, [`sfh`] and stellar ages, [`metallicity`], weights
//! over the [`ssp`] grid, [`nebular`] lines, spectra ([`sed`]), [`dust`], [`photometry`];
//! [`population`] has the whole chain as one [`GalaxyModel`](population::GalaxyModel), [`predict`] runs
//! it over catalogues, [`history`] through cosmic time, [`fit`] finds the parameters behind photometry,
//! [`emulator`] learns the step from histories to ages; [`galhalo`] makes the galaxies of whole
//! populations of haloes, and [`summary`] adds up populations and differentiates losses on them.
//!
//! ```
//! use starburn::device::{DEFAULT_DEVICE, Place, Precision, to_host};
//! use starburn::filter::FilterSet;
//! use starburn::population::{GalaxyModel, ModelSettings};
//! use starburn::ssp::embedded;
//!
//! let place = Place::open(DEFAULT_DEVICE, Precision::F64)?;
//! let filters = FilterSet::embedded("lsst")?;
//! let model = GalaxyModel::new(embedded(), &filters, ModelSettings::default(), &place)?;
//!
//! // One row per galaxy, one column per parameter; here a single galaxy of default values.
//! let row = model.components().default_values();
//! let matrix = place.rows(&[&row]);
//! let magnitudes = model.predict(&model.components().galaxies(&matrix, None)?)?.magnitudes;
//! assert_eq!(to_host(magnitudes)?.len(), 6);
//!
//! // d(magnitude)/d(logm0, logtc), shape [n_gal, n_filter, 2].
//! let gradient = model.jacobian(&matrix, None, &[0, 1])?.jacobian;
//! assert_eq!(gradient.dims(), [1, 6, 2]);
//! # Ok::<(), starburn::Error>(())
//! ```

#![cfg_attr(not(feature = "flex"), allow(dead_code, reason = "fused operations run on Flex"))]

pub mod bench;
pub mod catalog;
mod caught;
pub mod checksum;
pub mod cli;
pub mod cosmology;
pub mod device;
pub mod dust;
pub mod emulator;
pub mod error;
pub mod figures;
pub mod files;
pub mod filter;
pub mod fit;
#[doc(hidden)]
pub mod fuzz;
pub mod galhalo;
pub mod halo;
mod hdf5;
pub mod history;
pub mod imf;
mod lock;
pub mod metallicity;
mod names;
pub mod nebular;
pub mod numerics;
pub mod optimize;
pub mod parameters;
pub mod photometry;
pub mod plot;
pub mod population;
pub mod predict;
pub mod sed;
pub mod sfh;
pub mod ssp;
pub mod store;
pub mod summary;
pub mod testing;
pub mod units;

pub use error::{Error, Result};

/// Compiles the examples of the README and of the guide as documentation tests.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../docs/guide/own_ssp_grid.md")]
    struct OwnSspGrid;
    #[doc = include_str!("../docs/guide/own_filters.md")]
    struct OwnFilters;
    #[doc = include_str!("../docs/guide/gradients.md")]
    struct Gradients;
    #[doc = include_str!("../docs/guide/own_models.md")]
    struct OwnModels;
    #[doc = include_str!("../docs/guide/backends.md")]
    struct Backends;
}
