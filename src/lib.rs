//! Differentiable stellar population synthesis.

pub mod error;

pub use error::{Error, Result};
