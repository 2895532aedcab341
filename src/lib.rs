//! Differentiable stellar population synthesis.

pub mod error;
pub mod plot;

pub use error::{Error, Result};
