//! Stellar metallicities: distribution functions over the SSP grid and the mass-metallicity
//! relation. Metallicity is log10 of the absolute mass fraction of metals, `lgmet = log10 Z`.

mod age_dependent;
mod lognormal;
mod mass_metallicity;
mod model;

pub use age_dependent::{AgeDependentMdfParams, age_dependent_weights};
pub use lognormal::{MetallicityGrid, lognormal_weights, table_weights};
pub use mass_metallicity::{MassMetallicityParams, ScatterParams, mass_metallicity};
pub use model::{MetallicityModel, MetallicityParams, MetallicityWeights};

use crate::parameter_set;
use crate::parameters::Bound;

/// log10 of the solar metal mass fraction adopted by the mass-metallicity relation, log10(0.012).
pub const LGMET_SOLAR: f64 = -1.920_818_753_952_38;

parameter_set! {
    /// Parameters of a lognormal metallicity distribution.
    pub struct LognormalMdfParams {
        /// Median metallicity, log10 of the absolute mass fraction of metals (solar: -1.92).
        lgmet: "log10 Z", -2.0, Bound::square(-10.0, 0.0);
        /// Standard deviation of the log metallicity.
        lgmet_scatter: "dex", 0.2, Bound::square(0.01, 2.0);
    }
}
