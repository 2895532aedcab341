//! What is common to all galaxies of a prediction.

use std::sync::Arc;

use super::Components;
use crate::cosmology::{CosmologyValues, Quadrature};
use crate::dust::DustLaw;
use crate::emulator::AgeEmulator;
use crate::halo::LGT0;
use crate::imf::Imf;
use crate::names::named;
use crate::photometry::{Photometry, TableSettings};
use crate::sfh::{AgeWeightMethod, FB, LookbackNodes, TimeTable};

/// Times of observation when no table limits them \[Gyr\]: later than any model of stars reaches, earlier
/// than there are any.
const T_OBS_RANGE_GYR: (f64, f64) = (0.01, 20.0);

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
    /// How magnitudes are integrated.
    pub photometry: Photometry,
    /// Dust wavelengths and redshifts of photometric tables, where they are used.
    pub tables: TableSettings,
    /// How P(age) is computed.
    pub age_weights: AgeWeightMethod,
    /// An emulator of P(age), which then takes the place of that computation.
    pub emulator: Option<Arc<AgeEmulator>>,
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
    /// Times at which star formation histories are tabulated, where they are.
    pub times: TimeTable,
    /// Look-back times at which rates are taken for P(age).
    pub nodes: LookbackNodes,
    /// log10 of the age of the Universe \[Gyr\] at which halo masses `logm0` hold.
    pub lgt0: f64,
    /// Cosmic baryon fraction.
    pub fb: f64,
}

impl ModelSettings {
    /// Cosmic times at which galaxies can be observed \[Gyr\], the first excluded: those of the table of
    /// star formation histories, where P(age) comes from one.
    pub fn t_obs_range_gyr(&self) -> (f64, f64) {
        match self.age_weights {
            AgeWeightMethod::Nodes => T_OBS_RANGE_GYR,
            _ => (self.times.first_gyr(), self.times.last_gyr()),
        }
    }
}

impl Default for ModelSettings {
    /// DSPS's ingredients, P(age) from nodes, observed frame, magnitudes from spectra, no emission lines,
    /// Planck 2015 with DSPS's quadrature, Salim et al. (2018) dust, Chabrier IMF.
    fn default() -> Self {
        Self {
            components: Components::default(),
            frame: Frame::Observed,
            photometry: Photometry::Spectra,
            tables: TableSettings::default(),
            age_weights: AgeWeightMethod::Nodes,
            emulator: None,
            cosmology: CosmologyValues::PLANCK15,
            quadrature: Quadrature::Dsps,
            dust_law: DustLaw::default(),
            lines: false,
            line_sigma_km_s: 100.0,
            imf: Imf::Chabrier,
            times: TimeTable::default(),
            nodes: LookbackNodes::default(),
            lgt0: LGT0,
            fb: FB,
        }
    }
}
