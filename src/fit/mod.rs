//! Fits of single galaxies to photometry, many galaxies at once: the most probable parameters, with
//! uncertainties from the curvature of the posterior probability.
//!
//! What is minimised for a galaxy is `sum_k ((F_k(p) - f_k) / s_k)^2 + sum_j u_j^2` over its measured
//! fluxes `f_k` with errors `s_k` and the free parameters `p_j`, each the image of a number `u_j` with a
//! standard normal prior ([`Prior`], [`Latent`]).

mod amplitude;
mod columns;
mod config;
mod figure;
mod fitter;
mod forward;
mod free;
mod galaxy;
mod job;
mod posterior;
mod prior;
mod sampling;
mod search;
mod start;
#[cfg(test)]
mod tests;

pub use columns::FitColumns;
pub use config::FitConfig;
pub use figure::figures;
pub use fitter::{FitSettings, Fitter};
pub use free::FreeParameters;
pub use galaxy::{Fit, Flux, Galaxy, Posterior};
pub use job::{FitJob, FitSummary};
pub use prior::{Latent, Prior};
