//! Everything that describes a galaxy and where it is seen.

use burn::tensor::Tensor;

use super::Components;
use crate::dust::DustParams;
use crate::metallicity::MetallicityParams;
use crate::nebular::IonizationParams;
use crate::parameter_set;
use crate::parameters::{Bound, ParameterSet};
use crate::sfh::{BurstParams, SfhParams};

parameter_set! {
    /// Where a galaxy is seen.
    pub struct ObserverParams {
        /// Redshift.
        redshift: "1", 0.1, Bound::square(0.0, 30.0);
    }
}

/// Parameters of a batch of galaxies; made by [`Components::galaxies`].
#[derive(Clone, Debug)]
pub struct GalaxyParams {
    /// Smooth star formation history.
    pub sfh: SfhParams,
    /// Recent burst.
    pub burst: Option<BurstParams>,
    /// Metallicity distribution.
    pub metallicity: MetallicityParams,
    /// Distribution of ionization parameters.
    pub ionization: Option<IonizationParams>,
    /// Dust.
    pub dust: DustParams,
    /// Place of observation.
    pub observer: ObserverParams,
    /// Cosmic time of observation \[Gyr\], `[n_gal]`; without it, the age of the Universe at the
    /// redshift.
    pub t_obs_gyr: Option<Tensor<1>>,
    /// Cosmic time at which the parameters of the star formation history hold \[Gyr\], `[n_gal]`;
    /// without it, the time of observation.
    pub t_ref_gyr: Option<Tensor<1>>,
}

impl GalaxyParams {
    /// The ingredients of these galaxies.
    pub fn components(&self) -> Components {
        Components {
            sfh: self.sfh.model(),
            burst: self.burst.is_some(),
            metallicity: self.metallicity.model(),
            ionization: self.ionization.is_some(),
            dust: self.dust.model(),
        }
    }

    /// The parameters as a matrix `[n_gal, n_param]` with the columns of [`Components::info`].
    pub fn to_matrix(&self) -> Tensor<2> {
        let sets = [
            self.sfh.columns(),
            self.burst.as_ref().map(ParameterSet::columns).unwrap_or_default(),
            self.metallicity.columns(),
            self.ionization.as_ref().map(ParameterSet::columns).unwrap_or_default(),
            self.dust.columns(),
            self.observer.columns(),
        ];
        Tensor::stack(sets.concat(), 1)
    }
}
