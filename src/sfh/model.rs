//! The choice of star formation history, and what every one of them offers.

use burn::tensor::Tensor;

use super::diffstar_rates::DiffstarRates;
use super::scaled::scaled_to_mass;
use super::{
    AgeDistribution, AgeGrid, AgeWeightMethod, DelayedTauParams, Diffstar2021Params,
    DiffstarParams, DoublePowerLawParams, GasDepletionParams, LognormalSfhParams, LookbackNodes,
    PiecewiseParams, SfhTable, T_BIRTH_MIN_GYR, TimeTable, age_weights, diffstar_2021_sfr,
    diffstar_sfr, gas_depletion_sfr, piecewise_age_distribution, piecewise_sfr,
};
use crate::Result;
use crate::device::{Place, fused, has_fused};
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
        /// Diffstar 0.2 to 0.3: halo growth, turned into stars over a gas-depletion time.
        GasDepletion = "gas_depletion" {
            /// Halo mass assembly.
            halo: DiffmahParams,
            /// Star formation in the halo.
            galaxy: GasDepletionParams,
        }
        /// The early diffstar of DSPS 0.1.0.
        Diffstar2021 = "diffstar2021" {
            /// Halo mass assembly.
            halo: DiffmahParams,
            /// Star formation in the halo.
            galaxy: Diffstar2021Params,
        }
        /// Constant in bins of look-back time.
        Piecewise = "piecewise" {
            /// Mass and ratios of the rates.
            bins: PiecewiseParams,
        }
        /// A linear rise and an exponential decline.
        DelayedTau = "delayed_tau" {
            /// Mass and shape.
            shape: DelayedTauParams,
        }
        /// A lognormal in time.
        Lognormal = "lognormal" {
            /// Mass and shape.
            shape: LognormalSfhParams,
        }
        /// A rise and a decline as powers of time.
        DoublePowerLaw = "double_power_law" {
            /// Mass and shape.
            shape: DoublePowerLawParams,
        }
    }
}

/// What histories need to know besides their own parameters.
///
/// Valid if it has one finite reference time for each galaxy of the parameters; its table of times
/// is valid from its making.
#[derive(Clone, Debug)]
pub struct SfhContext<'a> {
    /// Cosmic time at which the parameters of a galaxy hold \[Gyr\], `[n_gal]`: masses count the stars
    /// formed by then, look-back times are measured from it.
    pub t_ref_gyr: &'a Tensor<1>,
    /// How masses and ages are computed.
    pub method: AgeWeightMethod,
    /// Times at which histories are tabulated.
    pub times: &'a TimeTable,
    /// Look-back times at which rates are taken.
    pub nodes: &'a LookbackNodes,
    /// log10 of the age of the Universe \[Gyr\] at which halo masses `logm0` hold.
    pub lgt0: f64,
    /// Cosmic baryon fraction.
    pub fb: f64,
}

impl SfhContext<'_> {
    /// The reference times as far as masses are known \[Gyr\], `[n_gal]`: tables give them between
    /// their first and last time only.
    pub(super) fn t_mass_gyr(&self) -> Tensor<1> {
        let t_ref = self.t_ref_gyr.clone();
        match self.method {
            AgeWeightMethod::Nodes => t_ref.clamp_min(T_BIRTH_MIN_GYR),
            _ => t_ref.clamp(self.times.first_gyr(), self.times.last_gyr()),
        }
    }
}

impl SfhModel {
    /// Whether its parameters state the mass formed by a reference time.
    pub fn states_mass(self) -> bool {
        match self {
            Self::Diffstar | Self::GasDepletion | Self::Diffstar2021 => false,
            Self::Piecewise | Self::DelayedTau | Self::Lognormal | Self::DoublePowerLaw => true,
        }
    }
}

impl SfhParams {
    /// Star formation rates \[Msun/yr\] at times `t_gyr` (`[n_gal or 1, n_t]`), `[n_gal, n_t]`, without
    /// the floor of tables: next to nothing or zero where no stars form.
    ///
    /// # Errors
    /// None for a valid [`SfhContext`].
    pub fn sfr_msun_yr(&self, context: &SfhContext, t_gyr: Tensor<2>) -> Result<Tensor<2>> {
        let SfhContext { lgt0, fb, .. } = *context;
        match self {
            Self::Diffstar { halo, galaxy } => Ok(diffstar_sfr(halo, galaxy, t_gyr, lgt0, fb)),
            Self::GasDepletion { halo, galaxy } => {
                Ok(gas_depletion_sfr(halo, galaxy, t_gyr, lgt0, fb))
            }
            Self::Diffstar2021 { halo, galaxy } => {
                Ok(diffstar_2021_sfr(halo, galaxy, t_gyr, lgt0, fb))
            }
            Self::Piecewise { bins } => Ok(piecewise_sfr(bins, context.t_ref_gyr, t_gyr)),
            Self::DelayedTau { shape } => {
                let t_mass = context.t_mass_gyr();
                let ln_shape = |t| shape.ln_sfr_shape_if_begun(t, &t_mass);
                scaled_to_mass(ln_shape, &shape.lg_mass_formed, context, t_gyr)
            }
            Self::Lognormal { shape } => {
                let ln_shape = |t| shape.ln_sfr_shape(t);
                scaled_to_mass(ln_shape, &shape.lg_mass_formed, context, t_gyr)
            }
            Self::DoublePowerLaw { shape } => {
                let ln_shape = |t| shape.ln_sfr_shape(t);
                scaled_to_mass(ln_shape, &shape.lg_mass_formed, context, t_gyr)
            }
        }
    }

    /// Star formation rates \[Msun/yr\] at the look-back nodes of galaxies seen at `t_obs_gyr`
    /// (`[n_gal]`), `[n_gal, n_node]`; as [`sfr_msun_yr`](Self::sfr_msun_yr), by a fused operation where
    /// there is one.
    ///
    /// # Errors
    /// None for a valid [`SfhContext`].
    pub fn sfr_at_nodes(&self, context: &SfhContext, t_obs_gyr: &Tensor<1>) -> Result<Tensor<2>> {
        if matches!(self, Self::Diffstar { .. }) && has_fused(t_obs_gyr) {
            let rates = DiffstarRates::operation(context.nodes, context.lgt0, context.fb);
            let parameters = [self.columns(), vec![t_obs_gyr.clone()]].concat();
            return Ok(fused(rates, Tensor::stack(parameters, 0)));
        }
        self.sfr_msun_yr(context, context.nodes.t_gyr(t_obs_gyr))
    }

    /// Star formation rates on the times of the context.
    ///
    /// # Errors
    /// None for a valid [`SfhContext`].
    pub fn table(&self, context: &SfhContext) -> Result<SfhTable> {
        let t_gyr = Place::of(context.t_ref_gyr).row(context.times.t_gyr());
        SfhTable::new(context.times.clone(), self.sfr_msun_yr(context, t_gyr)?)
    }

    /// Distribution of stellar ages and mass formed, seen at `t_obs_gyr` (`[n_gal]`).
    ///
    /// That of piecewise histories is exact; the others go through their table or their rates at nodes.
    ///
    /// # Errors
    /// None for a valid [`SfhContext`].
    pub fn age_distribution(
        &self,
        context: &SfhContext,
        t_obs_gyr: &Tensor<1>,
        ages: &AgeGrid,
    ) -> Result<AgeDistribution> {
        if let Self::Piecewise { bins } = self {
            return Ok(piecewise_age_distribution(bins, context.t_ref_gyr, t_obs_gyr, ages));
        }
        if context.method == AgeWeightMethod::Nodes {
            let rates = self.sfr_at_nodes(context, t_obs_gyr)?;
            return Ok(context.nodes.age_distribution(rates, t_obs_gyr, ages));
        }
        Ok(age_weights(&self.table(context)?, t_obs_gyr, ages, context.method))
    }
}
