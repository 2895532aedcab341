//! Star formation histories and the distribution of stellar ages that follows from them.

mod age_weights;
mod burst;
mod delayed_tau;
mod diffstar;
mod diffstar_2021;
mod diffstar_common;
mod diffstar_rates;
mod double_power_law;
mod gas_depletion;
mod lognormal;
mod model;
mod nodes;
mod piecewise;
mod scaled;
#[cfg(test)]
mod tests;
mod time_table;

pub(crate) use age_weights::normalised;
pub use age_weights::{
    AgeDistribution, AgeGrid, AgeWeightMethod, age_weights, birth_times, lg_mass_formed_at,
};
pub use burst::{BurstParams, add_burst, burst_fraction, burst_weights};
pub use delayed_tau::DelayedTauParams;
pub use diffstar::{DiffstarParams, GasReservoir, diffstar, diffstar_sfr, gas_reservoir};
pub use diffstar_2021::{
    Diffstar2021History, Diffstar2021Params, diffstar_2021, diffstar_2021_sfr, times_2021,
};
pub use double_power_law::DoublePowerLawParams;
pub use gas_depletion::{GasDepletionParams, gas_depletion_sfr};
pub use lognormal::LognormalSfhParams;
pub use model::{SfhContext, SfhModel, SfhParams};
pub use nodes::{LookbackNodes, NodeOperator};
pub use piecewise::{
    PiecewiseParams, piecewise_age_distribution, piecewise_edges_gyr, piecewise_sfr,
};
pub use time_table::{SfhTable, TimeTable};

/// Smallest star formation rate that a table holds \[Msun/yr\].
pub const SFR_MIN: f64 = 1e-14;

/// Earliest time at which stars form \[Gyr\]; the origin of the mass integral.
pub const T_BIRTH_MIN_GYR: f64 = 0.001;

/// Default cosmic baryon fraction.
pub const FB: f64 = 0.156;
