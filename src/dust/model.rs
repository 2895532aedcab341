//! The choice of dust geometry: which stars see how much of it.

use std::ops::Range;

use burn::tensor::Tensor;

use super::{AttenuationCurve, ScreenParams, transmission};
use crate::parameters::model_choice;

model_choice! {
    /// Geometries of the dust.
    DustModel,
    /// Parameters of the dust.
    DustParams, "dust model", {
        /// One screen in front of all stars.
        Screen = "screen" {
            /// The screen.
            screen: ScreenParams,
        }
    }
}

/// The attenuation law of a model: what is fixed for all galaxies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DustLaw {
    /// Shape of the curve.
    pub curve: AttenuationCurve,
}

impl DustModel {
    /// The runs of neighbouring ages (`lg_age_yr`, ascending) whose stars see the same dust; together
    /// they are all ages.
    pub fn age_groups(self, lg_age_yr: &[f64]) -> Vec<Range<usize>> {
        match self {
            Self::Screen => vec![0..lg_age_yr.len()],
        }
    }
}

impl DustParams {
    /// Fraction of the light of stars of age `lg_age_yr` that gets out, `[n_gal, n_wave]`.
    pub fn transmission(&self, law: &DustLaw, wave_um: &[f64], _lg_age_yr: f64) -> Tensor<2> {
        match self {
            Self::Screen { screen } => transmission(law.curve, wave_um, screen),
        }
    }
}
