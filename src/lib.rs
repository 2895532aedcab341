//! Differentiable stellar population synthesis.

pub mod error;
pub mod filter;

pub use error::{Error, Result};
