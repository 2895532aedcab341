//! Dark-matter haloes: mass assembly histories.

mod diffmah;

pub(crate) use diffmah::MAH_K;
pub use diffmah::{DiffmahParams, HaloHistory, diffmah, diffmah_dmdt_msun_yr, diffmah_lg_mass};

/// log10 of the age of the Universe today that anchors halo histories: log10(13.8 Gyr).
pub const LGT0: f64 = 1.139_879_086_401_236_5;
