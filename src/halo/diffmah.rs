//! Diffmah: halo mass as a power law of cosmic time with a rolling index (Hearin et al. 2021,
//! Open J. Astrophys. 4, 7; parameterization of diffmah 0.6 and later, with a peak time).

use burn::tensor::Tensor;

use crate::numerics::{column, log10, pow10, sigmoid};
use crate::parameter_set;
use crate::parameters::{Bound, Centre, Edge};

/// Speed at which the power-law index rolls from early to late.
pub(crate) const MAH_K: f64 = 3.5;

/// Times earlier than this are evaluated at it, where haloes have no mass to speak of.
const T_MIN_GYR: f64 = 1e-6;

parameter_set! {
    /// Parameters of a diffmah halo.
    pub struct DiffmahParams {
        /// log10 of the mass today (at `10^lgt0`), as long as the halo grows until then.
        logm0: "log10 Msun", 12.0, Bound::square(0.0, 17.0);
        /// log10 of the time at which the index rolls.
        logtc: "log10 Gyr", 0.05, Bound::square(-1.0, 1.0);
        /// Power-law index at early times.
        early_index: "1", 2.6137643, Bound {
            lo: Edge::Param("late_index", 0.0), hi: Edge::At(10.0), centre: Centre::At(0.0), k: 0.1,
        };
        /// Power-law index at late times.
        late_index: "1", 0.12692805, Bound::square(0.1, 5.0);
        /// Time at which the halo stops growing.
        t_peak: "Gyr", 14.0, Bound::square(0.05, 20.0);
    }
}

/// Mass and growth of haloes at given times, both `[n_gal, n_t]`.
#[derive(Clone, Debug)]
pub struct HaloHistory {
    /// log10 of the halo mass in Msun.
    pub lg_mass: Tensor<2>,
    /// Growth rate in Msun/yr; zero after the peak time.
    pub dmdt_msun_yr: Tensor<2>,
}

/// Halo mass and growth rate at times `t_gyr` (`[n_gal or 1, n_t]`): [`diffmah_lg_mass`] and
/// [`diffmah_dmdt_msun_yr`].
pub fn diffmah(params: &DiffmahParams, t_gyr: Tensor<2>, lgt0: f64) -> HaloHistory {
    HaloHistory {
        lg_mass: diffmah_lg_mass(params, t_gyr.clone(), lgt0),
        dmdt_msun_yr: diffmah_dmdt_msun_yr(params, t_gyr, lgt0),
    }
}

/// Growth rate of haloes \[Msun/yr\] at times `t_gyr` (`[n_gal or 1, n_t]`), `[n_gal, n_t]`.
///
/// `lgt0` is log10 of the age of the Universe \[Gyr\] at which `logm0` holds. The rate is zero after
/// `t_peak`, with respect to which its gradient is zero, the rate being a step there. At `t <= 0` it is
/// zero (the original gives NaN).
pub fn diffmah_dmdt_msun_yr(params: &DiffmahParams, t_gyr: Tensor<2>, lgt0: f64) -> Tensor<2> {
    let t_safe = t_gyr.clone().clamp_min(T_MIN_GYR);
    let growing = Growth::at(params, log10(t_safe.clone()), lgt0);
    // d lgM / d lgt = alpha + (lgt - lgt0) dalpha/dlgt, and dM/dt = M/t of that.
    let rate = pow10(growing.lg_mass()) / t_safe * growing.index() * 1e-9;
    let shape = rate.dims();
    let after_peak = t_gyr.clone().expand(shape).greater(column(&params.t_peak).expand(shape));
    rate.mask_fill(after_peak.bool_or(t_gyr.lower_equal_elem(0.0)), 0.0)
}

/// log10 of the halo mass \[Msun\] at times `t_gyr` (`[n_gal or 1, n_t]`), `[n_gal, n_t]`: that of the
/// peak time from then on, with its gradient.
pub fn diffmah_lg_mass(params: &DiffmahParams, t_gyr: Tensor<2>, lgt0: f64) -> Tensor<2> {
    let (lg_t, lg_peak) = (log10(t_gyr.clamp_min(T_MIN_GYR)), log10(column(&params.t_peak)));
    let shape = [lg_peak.dims()[0], lg_t.dims()[1]];
    // In this order the peak time counts at the peak itself, and also if it is no number.
    let lg_t = lg_peak.expand(shape).min_pair(lg_t.expand(shape));
    Growth::at(params, lg_t, lgt0).lg_mass()
}

/// Growth without a peak time.
struct Growth<'a> {
    params: &'a DiffmahParams,
    /// lg t - lg t0.
    before_t0: Tensor<2>,
    /// How far the index has rolled from early to late.
    roll: Tensor<2>,
    /// The power-law index.
    alpha: Tensor<2>,
}

impl<'a> Growth<'a> {
    fn at(params: &'a DiffmahParams, lg_t: Tensor<2>, lgt0: f64) -> Self {
        let roll = sigmoid::sigmoid((lg_t.clone() - column(&params.logtc)) * MAH_K);
        let alpha = column(&params.early_index) + Self::span(params) * roll.clone();
        Self { params, before_t0: lg_t - lgt0, roll, alpha }
    }

    fn span(params: &DiffmahParams) -> Tensor<2> {
        column(&params.late_index) - column(&params.early_index)
    }

    fn lg_mass(&self) -> Tensor<2> {
        column(&self.params.logm0) + self.alpha.clone() * self.before_t0.clone()
    }

    /// d lgM / d lgt.
    fn index(&self) -> Tensor<2> {
        let still = self.roll.clone().neg() + 1.0;
        let dalpha = Self::span(self.params) * self.roll.clone() * still * MAH_K;
        self.alpha.clone() + self.before_t0.clone() * dalpha
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::halo::LGT0;
    use crate::numerics::jacobian::jacobian;
    use crate::parameters::ParameterSet;
    use crate::testing::{
        assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    const T: [f64; 6] = [0.5, 1.0, 2.0, 5.0, 10.0, 13.8];
    const EARLY_PEAK: [f64; 5] = [13.2, 0.5, 3.0, 0.6, 7.0];

    #[test]
    fn reference_values() {
        for_each_f64_place(|place| {
            let rows = [&DiffmahParams::default_values()[..], &EARLY_PEAK];
            let params = DiffmahParams::from_matrix(&place.rows(&rows)).unwrap();
            let halo = diffmah(&params, place.row(&T), LGT0);
            let rate = [
                9.42564908283591,
                81.2459030476339,
                226.548393828925,
                95.083785040186,
                23.7219039496626,
                13.0849803303139,
                8.3517179721559,
                59.0343980046803,
                424.538225326085,
                1701.97472301499,
                0.0,
                0.0,
            ];
            let lg_mass = [
                9.04515553643814,
                10.3142687887768,
                11.2813309027381,
                11.8414946451669,
                11.9701666537356,
                12.0,
                9.0748375729361,
                10.1853769124042,
                11.3530797514376,
                12.5834906044642,
                12.8603535814287,
                12.8603535814287,
            ];
            assert_close(&values(halo.dmdt_msun_yr), &rate, 1e-12, 0.0);
            assert_close(&values(halo.lg_mass), &lg_mass, 1e-13, 0.0);
        });
    }

    #[test]
    fn at_the_peak_time_itself_the_halo_still_grows() {
        for_each_f64_place(|place| {
            let params =
                DiffmahParams::from_matrix(&place.row(&[12.0, 0.1, 2.5, 0.3, 5.0])).unwrap();
            let halo = diffmah(&params, place.row(&[4.999999, 5.0, 5.000001]), LGT0);
            let (mass, rate) = (values(halo.lg_mass), values(halo.dmdt_msun_yr));
            assert!((mass[0] - mass[1]).abs() < 1e-6 && mass[1] == mass[2]);
            assert!((rate[0] / rate[1] - 1.0).abs() < 1e-5 && rate[2] == 0.0);
        });
    }

    #[test]
    fn from_the_peak_time_on_the_mass_follows_it() {
        for_each_place(|place| {
            let halo = [12.0, 0.1, 2.5, 0.3, 5.0];
            let mass = |p: Tensor<2>| {
                let params = DiffmahParams::from_matrix(&p).unwrap();
                Ok(diffmah_lg_mass(&params, place.row(&[4.9, 5.0, 5.1]), LGT0))
            };
            let slopes = values(jacobian(&place.row(&halo), mass).unwrap().jacobian);
            let of_peak = [slopes[4], slopes[9], slopes[14]];
            assert!(of_peak[0] == 0.0 && of_peak[1] > 0.01, "{of_peak:?} {place}");
            assert_close(&of_peak[1..2], &of_peak[2..], 1e-5, 0.0);

            let lost = [12.0, 0.1, 2.5, 0.3, f64::NAN];
            let lost = values(mass(place.row(&lost)).unwrap());
            assert!(lost.iter().all(|mass| mass.is_nan()), "{lost:?} {place}");
        });
    }

    #[test]
    fn unbounded_defaults() {
        for_each_f64_place(|place| {
            let u = values(DiffmahParams::defaults(1, place).to_unbounded());
            let want = [
                17.254687373539,
                1.00083458556983,
                -10.886069073729,
                -49.4331131351626,
                18.4622003903932,
            ];
            assert_close(&u, &want, 1e-12, 0.0);
        });
    }

    #[test]
    fn mass_never_shrinks_and_the_beginning_is_finite() {
        for_each_place(|place| {
            let t: Vec<f64> = (0..60).map(|i| 0.25 * f64::from(i)).collect();
            let params = DiffmahParams::from_matrix(&place.rows(&[&EARLY_PEAK])).unwrap();
            let halo = diffmah(&params, place.row(&t), LGT0);
            let lg_mass = values(halo.lg_mass);
            assert!(lg_mass.iter().all(|m| m.is_finite()));
            assert!(lg_mass.windows(2).all(|w| w[1] >= w[0] - 1e-6));
            assert_eq!(values(halo.dmdt_msun_yr)[0], 0.0);
        });
    }

    #[test]
    fn gradients() {
        for_each_f64_place(|place| {
            // One halo still growing, one long frozen, one that peaks just after a table time.
            let rows =
                [&[12.4, 0.1, 2.5, 0.3, 14.0][..], &EARLY_PEAK, &[11.5, -0.3, 4.0, 0.2, 5.001]];
            assert_jacobian(&rows, 1e-7, place, |p| {
                let halo = diffmah(&DiffmahParams::from_matrix(&p).unwrap(), place.row(&T), LGT0);
                Tensor::cat(vec![halo.lg_mass, halo.dmdt_msun_yr], 1)
            });
        });
    }
}
