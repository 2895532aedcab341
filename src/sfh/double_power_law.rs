//! Double-power-law histories (Behroozi et al. 2013, ApJ 770, 57; Carnall et al. 2018, MNRAS 480,
//! 4379).

use burn::tensor::Tensor;

use super::T_BIRTH_MIN_GYR;
use crate::numerics::column;
use crate::parameter_set;
use crate::parameters::Bound;

parameter_set! {
    /// Parameters of a double-power-law history.
    ///
    /// Masses and ages come from rates at look-back nodes or from a table, whose times lie 0.14 Gyr
    /// apart by default. Indices of more than `dpl_tau` over that (28 at the default `dpl_tau`)
    /// change the rate faster than they resolve: the mass by the reference time is right, but not
    /// the ages and rates. More nodes (`--nodes`) or times (`--sfh-times`) remedy that.
    pub struct DoublePowerLawParams {
        /// log10 of the stellar mass formed by the reference time.
        lg_mass_formed: "log10 Msun", 10.0, Bound::square(4.0, 14.0);
        /// Time at which the rise turns into the decline.
        dpl_tau: "Gyr", 4.0, Bound::square(0.05, 20.0);
        /// Index of the decline.
        dpl_alpha: "1", 2.0, Bound::square(0.01, 1000.0);
        /// Index of the rise.
        dpl_beta: "1", 2.0, Bound::square(0.01, 1000.0);
    }
}

impl DoublePowerLawParams {
    /// Natural logarithm of the star formation rate at times `t_gyr` (`[n_gal or 1, n_t]`) up to a
    /// constant, `[n_gal, n_t]`: `SFR ~ 1 / ((t / tau)^alpha + (t / tau)^-beta)`.
    ///
    /// With `x = ln(t / tau)` the denominator's logarithm is that of its larger term, `alpha x` or
    /// `beta |x|`, plus `ln(1 + exp(-(alpha + beta) |x|))`: no power overflows.
    pub fn ln_sfr_shape(&self, t_gyr: Tensor<2>) -> Tensor<2> {
        let x = (t_gyr.clamp_min(T_BIRTH_MIN_GYR) / column(&self.dpl_tau)).log();
        let (alpha, beta) = (column(&self.dpl_alpha), column(&self.dpl_beta));
        let size = x.clone().abs();
        let after = (size.clone() + x.clone()) * 0.5;
        let before = (size.clone() - x) * 0.5;
        let smaller_term = ((alpha.clone() + beta.clone()) * size.neg()).exp();
        (alpha * after + beta * before + smaller_term.log1p()).neg()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::ParameterSet;
    use crate::testing::{
        assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    #[test]
    fn agrees_with_the_plain_powers() {
        for_each_f64_place(|place| {
            for (tau, alpha, beta) in [(4.0f64, 2.0, 0.5), (0.3, 0.01, 7.0), (9.0, 30.0, 12.0)] {
                let row = [10.0, tau, alpha, beta];
                let shape = DoublePowerLawParams::from_matrix(&place.row(&row)).unwrap();
                let t = [0.1, 1.0, tau, 13.0];
                let want = t.map(|t| -((t / tau).powf(alpha) + (t / tau).powf(-beta)).ln());
                assert_close(&values(shape.ln_sfr_shape(place.row(&t))), &want, 1e-12, 1e-13);
            }
        });
    }

    #[test]
    fn steep_powers_stay_finite() {
        for_each_place(|place| {
            let rows = [&[10.0, 0.05, 1000.0, 0.01][..], &[10.0, 20.0, 1000.0, 1000.0]];
            let shape = DoublePowerLawParams::from_matrix(&place.rows(&rows)).unwrap();
            let ln_sfr = values(shape.ln_sfr_shape(place.row(&[0.0, 0.05, 13.8, 20.0])));
            assert!(ln_sfr.iter().all(|v| v.is_finite()), "{ln_sfr:?}");
            // Half of either power where they meet, whatever the indices.
            assert_close(&[ln_sfr[1], ln_sfr[7]], &[0.5f64.ln(); 2], 1e-3, 0.0);
        });
    }

    #[test]
    fn gradients_also_where_the_powers_meet() {
        for_each_f64_place(|place| {
            assert_jacobian(&[&[10.0, 4.0, 3.0, 0.5]], 1e-7, place, |p| {
                let t = place.row(&[0.4, 4.0, 12.0]);
                DoublePowerLawParams::from_matrix(&p).unwrap().ln_sfr_shape(t) + p.narrow(1, 0, 1)
            });
        });
    }
}
