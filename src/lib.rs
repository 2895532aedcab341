//! Differentiable stellar population synthesis.

pub mod catalog;
pub mod cli;
pub mod cosmology;
pub mod device;
pub mod dust;
pub mod error;
pub mod files;
pub mod filter;
pub mod halo;
pub mod imf;
pub mod metallicity;
pub mod numerics;
pub mod parameters;
pub mod photometry;
pub mod plot;
pub mod population;
pub mod predict;
pub mod sed;
pub mod sfh;
pub mod ssp;
pub mod store;
pub mod testing;

pub use error::{Error, Result};
