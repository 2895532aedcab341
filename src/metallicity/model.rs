//! The choice of metallicity distribution.

use burn::tensor::Tensor;

use super::{LognormalParams, MetallicityGrid, lognormal_weights};
use crate::parameters::model_choice;
use crate::sfh::{AgeDistribution, AgeGrid};

model_choice! {
    /// Models of the metallicity distribution.
    MetallicityModel,
    /// Parameters of a metallicity distribution.
    MetallicityParams, "metallicity model", {
        /// One lognormal distribution for all stars.
        Lognormal = "lognormal" {
            /// Median and scatter.
            mdf: LognormalParams,
        }
    }
}

/// Weights over the metallicities of an SSP grid.
#[derive(Clone, Debug)]
pub enum MetallicityWeights {
    /// The same for stars of every age, `[n_gal, n_met]`, summing to one.
    Common(Tensor<2>),
    /// For each age, `[n_gal, n_met, n_age]`, summing to one at each age.
    PerAge(Tensor<3>),
}

impl MetallicityParams {
    /// Weights over metallicity of the stars of galaxies with the given ages, seen at `t_obs_gyr`
    /// (`[n_gal]`).
    pub fn weights(
        &self,
        _stars: &AgeDistribution,
        _t_obs_gyr: &Tensor<1>,
        grid: &MetallicityGrid,
        _ages: &AgeGrid,
    ) -> MetallicityWeights {
        match self {
            Self::Lognormal { mdf } => MetallicityWeights::Common(lognormal_weights(mdf, grid)),
        }
    }
}
