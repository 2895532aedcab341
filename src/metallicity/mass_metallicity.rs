//! The mass-metallicity relation and its evolution (the `umzr` model of DSPS), calibrated to
//! Maiolino et al. (2008, A&A 488, 463).

use burn::tensor::Tensor;

use super::LGMET_SOLAR;
use crate::numerics::sigmoid::step;
use crate::parameter_set;
use crate::parameters::{Bound, Centre, Edge};

/// Cosmic time from which on the relation no longer evolves \[Gyr\].
const T0_GYR: f64 = 12.5;
/// Speed of the roll with look-back time \[1/Gyr\].
const EVOLUTION_K: f64 = 1.6;
/// Look-back time, counted from [`T0_GYR`], at which the evolution steepens \[Gyr\].
const TLOOK_C_GYR: f64 = 8.44;
/// Pivot mass, log10 Msun.
const LGM_PIVOT: f64 = 10.5;

parameter_set! {
    /// Parameters of the mass-metallicity relation.
    pub struct MassMetallicityParams {
        /// Metallicity relative to solar at the pivot mass today.
        mzr_t0_ytp: "dex", 0.05, Bound::square(-1.0, 0.25);
        /// log10 of the mass at which the slope rolls.
        mzr_t0_x0: "log10 Msun", 10.5, Bound::square(10.25, 10.75);
        /// Speed of that roll.
        mzr_t0_k: "1/dex", 1.0, Bound::square(0.5, 2.0);
        /// Slope at low mass.
        mzr_t0_slope_lo: "1", 0.4, Bound::square(0.1, 1.0);
        /// Slope at high mass.
        mzr_t0_slope_hi: "1", 0.1, Bound {
            lo: Edge::At(0.0), hi: Edge::Param("mzr_t0_slope_lo", 0.0), centre: Centre::At(0.0), k: 0.1,
        };
        /// Shift at the critical look-back time, constant term.
        c0_y_at_tlook_c: "dex", -1.455, Bound::square(-2.0, -1.0);
        /// Shift at the critical look-back time, per dex of mass.
        c1_y_at_tlook_c: "1", 0.13, Bound::square(0.0, 0.5);
        /// Slope of the shift with look-back time at early times, constant term.
        c0_early_time_slope: "dex/Gyr", -0.959, Bound::square(-1.5, -0.5);
        /// Slope of the shift at early times, per dex of mass.
        c1_early_time_slope: "1/Gyr", 0.067242, Bound::square(0.0, 0.5);
    }
}

parameter_set! {
    /// Scatter of metallicities within a galaxy whose median follows the relation. The default is
    /// that of diffsky; the module of DSPS has 0.1.
    pub struct ScatterParams {
        /// Standard deviation of the log metallicity.
        lgmet_scatter: "dex", 0.2, Bound::square(0.01, 2.0);
    }
}

/// Median `log10 Z` of galaxies with log10 stellar mass `lg_mstar` at cosmic time `t_gyr`; every
/// argument and the result `[n_gal]`.
///
/// The shift with time is never positive, and zero from 12.5 Gyr on.
pub fn mass_metallicity(
    params: &MassMetallicityParams,
    lg_mstar: &Tensor<1>,
    t_gyr: &Tensor<1>,
) -> Tensor<1> {
    let p = params.clone();
    let slope =
        step((lg_mstar.clone() - p.mzr_t0_x0) * p.mzr_t0_k, p.mzr_t0_slope_lo, p.mzr_t0_slope_hi);
    let today = p.mzr_t0_ytp + slope * (lg_mstar.clone() - LGM_PIVOT) + LGMET_SOLAR;

    let lookback = (t_gyr.clone().neg() + T0_GYR).clamp_min(0.0) - TLOOK_C_GYR;
    let shift_c = p.c0_y_at_tlook_c + p.c1_y_at_tlook_c * lg_mstar.clone();
    let slope_early = p.c0_early_time_slope + p.c1_early_time_slope * lg_mstar.clone();
    let slope = step(lookback.clone() * EVOLUTION_K, shift_c.clone() / TLOOK_C_GYR, slope_early);
    today + (shift_c + slope * lookback).clamp_max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::ParameterSet;
    use crate::testing::{
        assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    #[test]
    fn reference_values() {
        for_each_f64_place(|place| {
            let params = MassMetallicityParams::defaults(4, place);
            let lg_mstar = place.vector(&[8.0, 9.0, 10.0, 11.0]);
            for (t, want) in [
                (5.0, [-3.11914075462401, -2.58728192106271, -2.10608132359147, -1.76418765363265]),
                (
                    13.0,
                    [-2.81392511893644, -2.38872726823951, -2.01418765363265, -1.76418765363265],
                ),
            ] {
                let got = mass_metallicity(&params, &lg_mstar, &place.vector(&[t; 4]));
                assert_close(&values(got), &want, 1e-12, 0.0);
            }
        });
    }

    #[test]
    fn rises_with_mass_and_time() {
        for_each_place(|place| {
            let lg_mstar: Vec<f64> = (0..40).map(|i| 7.0 + 0.1 * f64::from(i)).collect();
            let params = MassMetallicityParams::defaults(40, place);
            let at = |t| {
                let t = place.vector(&[t; 40]);
                values(mass_metallicity(&params, &place.vector(&lg_mstar), &t))
            };
            assert!(at(3.0).windows(2).all(|w| w[1] > w[0]));
            assert!(at(3.0).iter().zip(at(9.0)).all(|(early, late)| *early <= late + 1e-6));
        });
    }

    #[test]
    fn gradients_of_every_parameter() {
        for_each_f64_place(|place| {
            let mut row = MassMetallicityParams::default_values();
            row.extend([9.3, 4.2]);
            let mut late = row.clone();
            late[10] = 13.1;
            assert_jacobian(&[&row, &late], 1e-7, place, |p| {
                let params =
                    MassMetallicityParams::from_matrix(&p.clone().narrow(1, 0, 9)).unwrap();
                let one = |j| p.clone().narrow(1, j, 1).squeeze_dim(1);
                mass_metallicity(&params, &one(9), &one(10)).unsqueeze_dim(1)
            });
        });
    }
}
