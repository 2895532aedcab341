//! Photometric filters: transmission curves, their readers and the embedded survey filters.
//!
//! A [`Filter`] is a validated curve of photon transmission against wavelength, a [`FilterSet`] an
//! ordered list of filters with unique names, made from the embedded curves, from files, or both:
//!
//! ```
//! use starburn::filter::FilterSet;
//!
//! let filters = FilterSet::resolve("lsst, twomass_ks")?;
//! assert_eq!(filters.names().last(), Some("twomass_ks"));
//! # Ok::<(), starburn::Error>(())
//! ```

mod curve;
mod ecsv;
mod embedded;
mod hdf5;
mod read;
mod set;
mod store;
mod text;

pub use curve::Filter;
pub use embedded::{EMBEDDED_FILTERS_SHA256, embedded_filter_bytes, embedded_names, embedded_sets};
pub use set::FilterSet;
