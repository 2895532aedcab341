//! What is common to all galaxies of a prediction.

use super::Components;
use crate::cosmology::{CosmologyValues, Quadrature};
use crate::device::Precision;
use crate::dust::DustLaw;
use crate::halo::LGT0;
use crate::imf::Imf;
use crate::names::named;
use crate::sfh::{AgeWeightMethod, FB, TimeTable};

/// Frame of the predicted magnitudes and spectra.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Apparent magnitudes at the galaxy's redshift.
    Observed,
    /// Absolute magnitudes in the galaxy's rest frame.
    Rest,
}

named!(Frame, "frame", Observed = "observed", Rest = "rest");

/// What is common to all galaxies of a prediction.
#[derive(Clone, Debug)]
pub struct ModelSettings {
    /// Ingredients of the galaxies.
    pub components: Components,
    /// Frame of magnitudes and spectra.
    pub frame: Frame,
    /// How P(age) is computed.
    pub age_weights: AgeWeightMethod,
    /// Cosmology of distances and of the default time of observation.
    pub cosmology: CosmologyValues,
    /// How the cosmological integrals are evaluated.
    pub quadrature: Quadrature,
    /// Attenuation law.
    pub dust_law: DustLaw,
    /// Whether the emission lines of the SSP grid are part of the light.
    pub lines: bool,
    /// Velocity dispersion of emission lines in spectra \[km/s\]; magnitudes do not depend on it.
    pub line_sigma_km_s: f64,
    /// IMF of the surviving and remnant mass; the spectra have that of the SSP grid.
    pub imf: Imf,
    /// Times at which star formation histories are tabulated.
    pub times: TimeTable,
    /// log10 of the age of the Universe \[Gyr\] at which halo masses `logm0` hold.
    pub lgt0: f64,
    /// Cosmic baryon fraction.
    pub fb: f64,
}

impl ModelSettings {
    /// The defaults: DSPS's ingredients and table path in f64, its cancellation-free form in f32;
    /// observed frame, no emission lines, Planck 2015 with DSPS's quadrature, Salim et al. (2018) dust, Chabrier IMF.
    pub fn new(precision: Precision) -> Self {
        Self {
            components: Components::default(),
            frame: Frame::Observed,
            age_weights: match precision {
                Precision::F64 => AgeWeightMethod::Table,
                Precision::F32 => AgeWeightMethod::Safe,
            },
            cosmology: CosmologyValues::PLANCK15,
            quadrature: Quadrature::Dsps,
            dust_law: DustLaw::default(),
            lines: false,
            line_sigma_km_s: 100.0,
            imf: Imf::Chabrier,
            times: TimeTable::default(),
            lgt0: LGT0,
            fb: FB,
        }
    }
}
