//! Differentiable stellar population synthesis.

pub mod catalog;
pub mod error;

pub use error::{Error, Result};
