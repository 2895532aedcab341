//! Diffstar with a gas-depletion time (Alarcon et al. 2023, MNRAS 518, 562; diffstar 0.2 to 0.3.5):
//! gas that a halo accretes turns into stars over the following `tau_dep`.

use burn::tensor::Tensor;

use super::T_BIRTH_MIN_GYR;
use super::diffstar_common::{INDX_K, lg_efficiency, lg_quenching};
use crate::device::Place;
use crate::halo::{DiffmahParams, diffmah_dmdt_msun_yr, diffmah_lg_mass};
use crate::numerics::triweight::triweight_cdf;
use crate::numerics::{column, pow10};
use crate::parameter_set;
use crate::parameters::{Bound, Centre, Edge};

/// Longest depletion time \[Gyr\]; the kernel's shape refers to it.
const TAU_DEP_MAX_GYR: f64 = 20.0;

/// Accretion times per formation time, the first and last included.
const N_NODES: usize = 50;

parameter_set! {
    /// Parameters of a diffstar galaxy with a gas-depletion time.
    pub struct GasDepletionParams {
        /// log10 of the halo mass at peak efficiency.
        lgmcrit: "log10 Msun", 12.0, Bound::unit_slope(9.0, 13.5);
        /// log10 of the fraction of the gas that turns into stars at that mass.
        lgy_at_mcrit: "dex", -1.0, Bound::unit_slope(-3.0, 0.0);
        /// Index of the efficiency at low mass.
        indx_lo: "1", 1.0, Bound::unit_slope(0.0, 5.0);
        /// Index of the efficiency at high mass.
        indx_hi: "1", -1.0, Bound::unit_slope(-5.0, 0.0);
        /// Time in which accreted gas is used up.
        tau_dep: "Gyr", 2.0, Bound::unit_slope(0.01, TAU_DEP_MAX_GYR);
        /// log10 of the time of deepest quenching.
        lg_qt: "log10 Gyr", 1.0, Bound::unit_slope(0.1, 2.0);
        /// log10 of the duration of quenching in dex of time.
        qlglgdt: "log10 dex", -0.50725, Bound::unit_slope(-3.0, -0.01);
        /// log10 of the deepest drop of the star formation rate.
        lg_drop: "dex", -1.01773, Bound::unit_slope(-3.0, 0.0);
        /// log10 of the factor to which the rate recovers.
        lg_rejuv: "dex", -0.212307, Bound {
            lo: Edge::Param("lg_drop", 0.0), hi: Edge::At(0.0), centre: Centre::At(-1.5), k: 4.0 / 3.0,
        };
    }
}

/// Star formation rates \[Msun/yr\] at times `t_gyr` (`[n_gal or 1, n_t]`), `[n_gal, n_t]`.
///
/// `SFR(t) = eps(M_h(t)) F_q(t) int f_b dM_h/dt' K(t, t') dt'` over the last `tau_dep` before `t`,
/// with the halo of [`diffmah`](crate::halo::diffmah()), efficiency and quenching as in [`diffstar`](super::diffstar()), and a
/// triweight kernel of width `(tau_dep - alpha) / 3` that peaks `alpha = tau_dep^2 / 40 Gyr` after
/// the accretion. `lgt0` is that of the halo, `fb` the cosmic baryon fraction.
///
/// The integral is a sum over 50 accretion times per time, so this costs about 50 times a
/// [`diffstar_sfr`](super::diffstar_sfr).
pub fn gas_depletion_sfr(
    halo: &DiffmahParams,
    galaxy: &GasDepletionParams,
    t_gyr: Tensor<2>,
    lgt0: f64,
    fb: f64,
) -> Tensor<2> {
    let above_crit = diffmah_lg_mass(halo, t_gyr.clone(), lgt0) - column(&galaxy.lgmcrit);
    let roll = above_crit.clone() * INDX_K;
    let lg_efficiency =
        lg_efficiency(above_crit, roll, &galaxy.lgy_at_mcrit, &galaxy.indx_lo, &galaxy.indx_hi);
    let lg_quenching = lg_quenching(
        t_gyr.clone(),
        &galaxy.lg_qt,
        &galaxy.qlglgdt,
        &galaxy.lg_drop,
        &galaxy.lg_rejuv,
    );
    depleting_gas(halo, &galaxy.tau_dep, t_gyr, lgt0) * pow10(lg_efficiency + lg_quenching) * fb
}

/// Rate \[Msun/yr\] at which accreted mass comes up for star formation, `[n_gal, n_t]`.
///
/// In units of the kernel's full extent, `2 (tau_dep - alpha)`, a star forms at a place between 0
/// and 1 in the kernel of the gas accreted at each node; the node's share is the kernel's integral
/// from that place over one step between nodes.
fn depleting_gas(
    halo: &DiffmahParams,
    tau_dep: &Tensor<1>,
    t_gyr: Tensor<2>,
    lgt0: f64,
) -> Tensor<2> {
    let place = Place::of(tau_dep);
    let shape = [tau_dep.dims()[0], t_gyr.dims()[1]];
    let tau = column(tau_dep);
    let relative_tau = tau.clone() / TAU_DEP_MAX_GYR;
    let extent = tau.clone() * (relative_tau.clone() * -0.5 + 1.0) * 2.0;

    // Accretion is followed back to this long before each time.
    let tau_everywhere = tau.clone().expand(shape);
    let past = (t_gyr.clone() - T_BIRTH_MIN_GYR).clamp_min(0.0).expand(shape);
    let past = past.min_pair(tau_everywhere.clone());
    let last = (N_NODES - 1) as f64;
    let nodes: Vec<f64> = (0..N_NODES).map(|k| 1.0 - k as f64 / last).collect();
    let nodes: Tensor<3> = place.row(&nodes).unsqueeze_dim(1);
    let lookback = past.clone().unsqueeze_dim::<3>(2) * nodes;

    let accretion = {
        let t_accreted = t_gyr.unsqueeze_dim::<3>(2) - lookback.clone();
        let t_accreted = t_accreted.reshape([shape[0], shape[1] * N_NODES]);
        let rate = diffmah_dmdt_msun_yr(halo, t_accreted, lgt0);
        rate.reshape([shape[0], shape[1], N_NODES])
    };

    let earliest = tau * (relative_tau.clone().neg() + 1.0) / extent.clone();
    let position = lookback / extent.clone().unsqueeze_dim(2) + earliest.unsqueeze_dim(2);
    let step = past.clone() / (extent.clone() * last);
    // The kernel ends within the step of the first node; the others lie wholly inside.
    let first_step = step.clone().min_pair((tau_everywhere - past) / extent);
    let sum = |first: usize, count: usize, step: Tensor<2>| -> Tensor<2> {
        let share = triweight_share(position.clone().narrow(2, first, count), step);
        (share * accretion.clone().narrow(2, first, count)).sum_dim(2).squeeze_dim(2)
    };
    let gas = sum(0, 1, first_step) + sum(1, N_NODES - 1, step);

    // The kernel begins at the accretion, where it is already underway. What remains of it is
    // never less than half, so the original's guard against zero has no use here.
    let begin = relative_tau.clone() * 1.5 / (relative_tau * 0.5 - 1.0);
    gas / (triweight_cdf(begin).neg() + 1.0)
}

/// Integral of the unit triweight `140 x^3 (1 - x)^3` from `x` (`[n_gal, n_t, n]`) over `step`
/// (`[n_gal, n_t]`).
///
/// The exact Taylor polynomial about the middle of the step, whose terms do not cancel, unlike
/// differences of the cumulative function in f32.
fn triweight_share(x: Tensor<3>, step: Tensor<2>) -> Tensor<3> {
    let step: Tensor<3> = step.unsqueeze_dim(2);
    let s2 = step.clone() * step.clone();
    let s4 = s2.clone() * s2.clone();
    let middle = x + step.clone() * 0.5;
    let q = middle.clone() * (middle.neg() + 1.0);
    let constant = (s2.clone() * -0.3125 - 5.25) * s4.clone();
    let linear = s4 * 26.25 + s2.clone() * 35.0;
    let bracket = (q.clone() * 140.0 - s2 * 175.0) * q.clone() + linear;
    (bracket * q + constant) * step
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::halo::LGT0;
    use crate::parameters::ParameterSet;
    use crate::sfh::FB;
    use crate::testing::{
        assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    #[test]
    fn reference_values() {
        for_each_f64_place(|place| {
            let (halo, galaxy) =
                (DiffmahParams::defaults(1, place), GasDepletionParams::defaults(1, place));
            let t = place.row(&[1.0, 3.0, 6.0, 10.0, 13.8]);
            let want = [
                0.00692877353861243,
                1.46553150777622,
                1.13055514180629,
                0.0395295888807172,
                0.133762169121471,
            ];
            let sfr = gas_depletion_sfr(&halo, &galaxy, t, LGT0, FB);
            assert_close(&values(sfr), &want, 1e-12, 0.0);
        });
    }

    #[test]
    fn shares_are_differences_of_the_cumulative_triweight() {
        for_each_place(|place| {
            let (x, step) = ([0.0, 1e-4, 0.1, 0.49, 0.8, 0.98], 0.02);
            let share = triweight_share(place.row(&x).unsqueeze_dim(1), place.row(&[step]));
            let cumulative = |u: f64| u.powi(4) * (35.0 + u * (-84.0 + u * (70.0 - 20.0 * u)));
            let want: Vec<f64> = x.iter().map(|x| cumulative(x + step) - cumulative(*x)).collect();
            assert_close(&values(share), &want, place.tolerance(1e-9, 1e-4), 0.0);
        });
    }

    #[test]
    fn steady_accretion_is_used_up_as_it_comes() {
        for_each_place(|place| {
            // A halo of index 1 grows steadily.
            let halo =
                DiffmahParams::from_matrix(&place.rows(&[&[12.0, 0.0, 1.0, 1.0, 20.0][..]; 3]))
                    .unwrap();
            let tau = place.vector(&[0.01, 1.0, 4.0]);
            let gas = depleting_gas(&halo, &tau, place.row(&[6.0, 13.0]), LGT0);
            let accretion = 10f64.powf(12.0 - LGT0 - 9.0);
            // The sum over nodes has a few per cent of discretisation in it.
            assert_close(&values(gas), &[accretion; 6], 0.03, 0.0);
        });
    }

    #[test]
    fn slow_depletion_in_single_precision() {
        let at = |place: &Place| {
            let rows: Vec<Vec<f64>> = [0.01, 3.0, 19.9, 20.0]
                .iter()
                .map(|tau| {
                    let mut row = GasDepletionParams::default_values();
                    row[4] = *tau;
                    row
                })
                .collect();
            let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
            let galaxy = GasDepletionParams::from_matrix(&place.rows(&rows)).unwrap();
            let halo = DiffmahParams::defaults(4, place);
            let t = place.row(&[0.1, 0.5, 2.0, 13.8]);
            values(gas_depletion_sfr(&halo, &galaxy, t, LGT0, FB))
        };
        for_each_f64_place(|double| {
            let want = at(double);
            assert!(want.iter().all(|sfr| *sfr > 0.0), "{want:?}");
            for single in crate::testing::places(crate::device::Precision::F32) {
                assert_close(&at(&single), &want, 1e-4, 0.0);
            }
        });
    }

    #[test]
    fn nothing_forms_at_the_beginning() {
        for_each_place(|place| {
            let (halo, galaxy) =
                (DiffmahParams::defaults(1, place), GasDepletionParams::defaults(1, place));
            let sfr = gas_depletion_sfr(&halo, &galaxy, place.row(&[-1.0, 0.0, 0.001]), LGT0, FB);
            assert_eq!(values(sfr), [0.0; 3]);
        });
    }

    #[test]
    fn gradients_of_every_parameter() {
        for_each_f64_place(|place| {
            let halo = DiffmahParams::default_values();
            let quenched = [12.3, -0.7, 2.0, -0.7, 7.0, 0.6, -0.3, -2.5, -2.0];
            let rows: Vec<Vec<f64>> = [&GasDepletionParams::default_values()[..], &quenched]
                .iter()
                .map(|galaxy| [&halo[..], galaxy].concat())
                .collect();
            let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
            assert_jacobian(&rows, 1e-6, place, |p| {
                let halo = DiffmahParams::from_matrix(&p.clone().narrow(1, 0, 5)).unwrap();
                let galaxy = GasDepletionParams::from_matrix(&p.narrow(1, 5, 9)).unwrap();
                let t = place.row(&[0.5, 1.5, 5.0, 12.0]);
                crate::numerics::log10(gas_depletion_sfr(&halo, &galaxy, t, LGT0, FB))
            });
        });
    }
}
