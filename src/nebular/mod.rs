//! Stub.
mod ionization;
pub use ionization::{IonizationGrid, IonizationParams, ionization_weights};
