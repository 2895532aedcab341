//! Star formation histories and the distribution of stellar ages that follows from them.

mod age_transition;
mod age_weights;
mod burst;
mod diffstar;
mod model;
mod time_table;

pub use age_transition::young_to_old;
pub use age_weights::{
    AgeDistribution, AgeGrid, AgeWeightMethod, age_weights, birth_times, lg_mass_formed_at,
};
pub use burst::{BurstParams, add_burst, burst_weights};
pub use diffstar::{DiffstarParams, GasReservoir, diffstar, gas_reservoir};
pub use model::{SfhContext, SfhModel, SfhParams};
pub use time_table::{SfhTable, TimeTable};

/// Smallest star formation rate that a table holds \[Msun/yr\].
pub const SFR_MIN: f64 = 1e-14;

/// Earliest time at which stars form \[Gyr\]; the origin of the mass integral.
pub const T_BIRTH_MIN_GYR: f64 = 0.001;

/// Default cosmic baryon fraction.
pub const FB: f64 = 0.156;
