//! Dust. Attenuation: curves `k(lambda)`, one file each; the law that normalises them; geometries,
//! which say what dust the stars of an age see. Emission: blackbodies and dust opacities.
//!
//! Attenuation takes wavelengths in micrometres, as its literature does.

mod age_dependent;
mod attenuation;
mod blackbody;
mod calzetti;
mod law;
mod leitherer;
mod model;
mod modified_blackbody;
mod noll;
mod power_law;
mod salim;
mod scaling;
mod tilted_triweight;
mod triweight_curve;
mod two_component;
mod waves;
mod young_boost;

pub use age_dependent::AgeDependentDustParams;
pub use attenuation::{AttenuationCurve, R_V, ScreenParams, Screens, attenuation, transmission};
pub use blackbody::{
    blackbody_lambda, blackbody_nu, lg_blackbody_lambda, lg_blackbody_nu, peak_frequency_hz,
    peak_wavelength_aa,
};
pub use calzetti::calzetti00;
pub use law::DustLaw;
pub use leitherer::leitherer02;
pub use model::{DustModel, DustParams};
pub use modified_blackbody::{
    DustOpacity, dust_emission_nu, lg_dust_emission_nu, lg_modified_blackbody_nu,
    modified_blackbody_nu,
};
pub use noll::noll09;
pub use power_law::power_law;
pub use salim::salim18;
pub use scaling::{DustScaling, DustScalingParams, optical_depth, scaled_slope, slab_attenuation};
pub use tilted_triweight::tilted_triweight;
pub use triweight_curve::triweight;
pub use two_component::TwoComponentParams;
pub use waves::DustWaves;
pub use young_boost::YoungBoostParams;

use burn::tensor::Tensor;

/// Wavelength at which the tilt of a curve pivots \[micrometre\].
const V_BAND_UM: f64 = 0.55;
/// Centre and width of the 2175 Angstrom bump \[micrometre\].
const BUMP_UM: (f64, f64) = (0.2175, 0.0350);
/// Below this wavelength the Leitherer curve replaces the Calzetti curve \[micrometre\].
const FAR_UV_UM: f64 = 0.15;

/// Calzetti et al. (2000) above 0.15 micrometre, Leitherer et al. (2002) at and below it.
///
/// The two do not meet exactly: there is a jump of -0.022 at 0.15 micrometre, kept from the
/// original.
pub fn base_curve(wave_um: f64) -> f64 {
    if wave_um > FAR_UV_UM { calzetti00(wave_um) } else { leitherer02(wave_um) }
}

/// Kriek & Conroy (2013): bump strength that goes with a slope, `E_b = 0.85 - 1.9 delta`.
pub fn bump_from_slope<const D: usize>(slope: &Tensor<D>) -> Tensor<D> {
    slope.clone() * -1.9 + 0.85
}

/// Drude profile of unit strength, at each wavelength.
fn drude(wave_um: f64) -> f64 {
    let (centre, width) = BUMP_UM;
    let w2 = wave_um * wave_um;
    let width2 = w2 * width * width;
    width2 / ((w2 - centre * centre).powi(2) + width2)
}
