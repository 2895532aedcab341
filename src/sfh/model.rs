//! The choice of star formation history, and what every one of them offers.

use burn::tensor::Tensor;

use super::{
    AgeDistribution, AgeGrid, AgeWeightMethod, DiffstarParams, SfhTable, TimeTable, age_weights,
    diffstar,
};
use crate::Result;
use crate::halo::DiffmahParams;
use crate::parameters::model_choice;

model_choice! {
    /// Models of the star formation history.
    SfhModel,
    /// Parameters of a star formation history.
    SfhParams, "SFH model", {
        /// Diffstar 1.x: star formation tied to halo mass.
        Diffstar = "diffstar" {
            /// Halo mass assembly.
            halo: DiffmahParams,
            /// Star formation in the halo.
            galaxy: DiffstarParams,
        }
    }
}

/// What histories need to know besides their own parameters.
#[derive(Clone, Debug)]
pub struct SfhContext<'a> {
    /// Cosmic time at which the parameters of a galaxy hold \[Gyr\], `[n_gal]`: masses count the stars
    /// formed by then, look-back times are measured from it.
    pub t_ref_gyr: &'a Tensor<1>,
    /// Times at which histories are tabulated.
    pub times: &'a TimeTable,
    /// log10 of the age of the Universe \[Gyr\] at which halo masses `logm0` hold.
    pub lgt0: f64,
    /// Cosmic baryon fraction.
    pub fb: f64,
}

impl SfhParams {
    /// Star formation rates on the times of the context.
    ///
    /// # Errors
    /// None for a valid context.
    pub fn table(&self, context: &SfhContext) -> Result<SfhTable> {
        match self {
            Self::Diffstar { halo, galaxy } => {
                diffstar(halo, galaxy, context.times, context.lgt0, context.fb)
            }
        }
    }

    /// Distribution of stellar ages and mass formed, seen at `t_obs_gyr` (`[n_gal]`).
    ///
    /// # Errors
    /// None for a valid context.
    pub fn age_distribution(
        &self,
        context: &SfhContext,
        t_obs_gyr: &Tensor<1>,
        ages: &AgeGrid,
        method: AgeWeightMethod,
    ) -> Result<AgeDistribution> {
        Ok(age_weights(&self.table(context)?, t_obs_gyr, ages, method))
    }
}
