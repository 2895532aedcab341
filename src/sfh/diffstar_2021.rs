//! The early diffstar of DSPS 0.1.0, with which Hearin et al. (2023, MNRAS 521, 1741) made their
//! figures: gas depletion on a grid of its own, efficiency at the time of accretion.

use burn::tensor::{Int, Tensor};

use super::diffstar_common::{lg_efficiency, lg_quenching};
use crate::device::Place;
use crate::halo::{DiffmahParams, diffmah};
use crate::numerics::interp::InterpGrid;
use crate::numerics::triweight::triweight_cdf;
use crate::numerics::{column, pow10};
use crate::parameter_set;
use crate::parameters::Bound;

const N_TIMES: usize = 100;
const FIRST_GYR: f64 = 0.001;
const LAST_GYR: f64 = 13.8;
/// Width of the grid's cells \[Gyr\].
const STEP_GYR: f64 = (LAST_GYR - FIRST_GYR) / (N_TIMES - 1) as f64;

/// Depletion within this many cells is instantaneous.
const INSTANT_CELLS: f64 = 5.0;

/// Speed of the transition from the low-mass efficiency floor, and log10 of the floor at high mass.
const FLOOR_K: f64 = 10.0;
const LG_FLOOR_HIGH_MASS: f64 = -5.0;

parameter_set! {
    /// Parameters of a galaxy of the early diffstar.
    pub struct Diffstar2021Params {
        /// log10 of the halo mass at peak efficiency.
        lgmcrit: "log10 Msun", 12.0, Bound::unit_slope(9.0, 13.5);
        /// log10 of the fraction of the gas that turns into stars at that mass.
        lgy_at_mcrit: "dex", -1.0, Bound::unit_slope(-3.0, 0.5);
        /// Speed at which the index rolls with halo mass.
        indx_k: "1/dex", 9.0, Bound::unit_slope(1.0, 15.0);
        /// Index of the efficiency at low mass.
        indx_lo: "1", 2.0, Bound::unit_slope(0.0, 5.0);
        /// Index of the efficiency at high mass.
        indx_hi: "1", -1.0, Bound::unit_slope(-2.0, 0.0);
        /// How far the floor of the efficiency at low mass lies below its peak.
        floor_low: "dex", 1.1, Bound::unit_slope(0.5, 3.0);
        /// Time in which accreted gas is used up.
        tau_dep: "Gyr", 2.3, Bound::unit_slope(0.0, 10.0);
        /// log10 of the time of deepest quenching.
        lg_qt: "log10 Gyr", 0.9, Bound::unit_slope(0.1, 2.0);
        /// log10 of the duration of quenching in dex of time.
        lg_qs: "log10 dex", -0.5, Bound::unit_slope(-3.0, -0.01);
        /// log10 of the deepest drop of the star formation rate.
        lg_drop: "dex", -2.0, Bound::unit_slope(-3.0, 0.0);
        /// log10 of the factor to which the rate recovers.
        lg_rejuv: "dex", -2.0, Bound::unit_slope(-3.0, 0.0);
    }
}

impl Diffstar2021Params {
    /// The halo of the paper, in the columns of [`DiffmahParams`] (`logm0`, `logtc`, `early_index`,
    /// `late_index`, `t_peak`): with it and the defaults of this set, the defaults of DSPS 0.1.0, which
    /// knows no peak time. The defaults of [`DiffmahParams`] are those of a later diffmah.
    pub const PAPER_HALO: [f64; 5] = [12.0, 0.8, 1.5, 0.5, 14.0];
}

/// A history on the model's own grid, [`times_2021`]; both `[n_gal, 100]`.
#[derive(Clone, Debug)]
pub struct Diffstar2021History {
    /// Star formation rates \[Msun/yr\].
    pub sfr_msun_yr: Tensor<2>,
    /// Stellar mass formed \[Msun\]: the sum of rate times cell width, the time's own cell included.
    pub mass_formed: Tensor<2>,
}

/// The 100 uniform times of the model's own grid, from 0.001 to 13.8 Gyr.
pub fn times_2021() -> Vec<f64> {
    (0..N_TIMES).map(|i| FIRST_GYR + STEP_GYR * i as f64).collect()
}

/// Star formation histories on the grid of [`times_2021`].
///
/// `SFR_i = F_q(t_i) sum_j g_j L(t_i - t_j)` with `g = f_b eps(M_h) dM_h/dt` and a triweight kernel
/// `L` of width `tau_dep / 3`, of which the later half counts twice. The efficiency is that of
/// [`diffstar`](super::diffstar()) plus a floor. Up to five cells of the grid (0.7 Gyr), depletion is
/// instantaneous, and the gradient with respect to `tau_dep` zero. `lgt0` is that of [`diffmah`],
/// `fb` the cosmic baryon fraction.
pub fn diffstar_2021(
    halo: &DiffmahParams,
    galaxy: &Diffstar2021Params,
    lgt0: f64,
    fb: f64,
) -> Diffstar2021History {
    let t_gyr = Place::of(&halo.logm0).row(&times_2021());
    let halo = diffmah(halo, t_gyr.clone(), lgt0);
    let available = halo.dmdt_msun_yr * efficiency(galaxy, halo.lg_mass) * fb;
    let lg_quenching =
        lg_quenching(t_gyr, &galaxy.lg_qt, &galaxy.lg_qs, &galaxy.lg_drop, &galaxy.lg_rejuv);
    let sfr_msun_yr = delayed(available, &galaxy.tau_dep) * pow10(lg_quenching);
    let mass_formed = sfr_msun_yr.clone().cumsum(1) * (STEP_GYR * 1e9);
    Diffstar2021History { sfr_msun_yr, mass_formed }
}

/// Star formation rates \[Msun/yr\] at times `t_gyr` (`[n_gal or 1, n_t]`), `[n_gal, n_t]`:
/// [`diffstar_2021`] interpolated linearly, and beyond its ends the value there.
pub fn diffstar_2021_sfr(
    halo: &DiffmahParams,
    galaxy: &Diffstar2021Params,
    t_gyr: Tensor<2>,
    lgt0: f64,
    fb: f64,
) -> Tensor<2> {
    let sfr = diffstar_2021(halo, galaxy, lgt0, fb).sfr_msun_yr;
    let t_gyr = {
        let shape = [sfr.dims()[0], t_gyr.dims()[1]];
        t_gyr.expand(shape)
    };
    InterpGrid::new(&times_2021(), &Place::of(&sfr)).interp_rows(t_gyr, sfr)
}

/// Fraction of accreted gas that turns into stars, `[n_gal, n_t]`.
fn efficiency(galaxy: &Diffstar2021Params, lg_mass: Tensor<2>) -> Tensor<2> {
    let above_crit = lg_mass - column(&galaxy.lgmcrit);
    let roll = above_crit.clone() * column(&galaxy.indx_k);
    let peaked = lg_efficiency(
        above_crit.clone(),
        roll,
        &galaxy.lgy_at_mcrit,
        &galaxy.indx_lo,
        &galaxy.indx_hi,
    );
    let a = above_crit * FLOOR_K;
    let share = a.clone() / (a.clone() * a + 1.0).sqrt() * 0.5 + 0.5;
    let low_mass = column(&galaxy.lgy_at_mcrit) - column(&galaxy.floor_low);
    let floor = low_mass.clone() + (low_mass.neg() + LG_FLOOR_HIGH_MASS) * share;
    pow10(peaked) + pow10(floor)
}

/// Gas available on the grid (`[n_gal, 100]`), delayed by depletion.
///
/// All cells being equally wide, the kernel depends on the distance of two cells only: 100 numbers
/// per galaxy, spread into a lower triangular matrix.
fn delayed(available: Tensor<2>, tau_dep: &Tensor<1>) -> Tensor<2> {
    let place = Place::of(&available);
    let shape = available.dims();
    let instant = INSTANT_CELLS * STEP_GYR;
    let width = column(&tau_dep.clone().clamp_min(instant)) / 3.0;
    let cell_edges: Vec<f64> = (0..=N_TIMES).map(|m| (m as f64 - 0.5) * STEP_GYR).collect();
    let cumulative = triweight_cdf(place.row(&cell_edges) / width);
    let kernel = cumulative.clone().narrow(1, 1, N_TIMES) - cumulative.narrow(1, 0, N_TIMES);
    let later = kernel.clone().narrow(1, 1, N_TIMES - 1) * 2.0;
    let future = later.zeros_like();
    let by_distance = Tensor::cat(vec![future, kernel.narrow(1, 0, 1), later], 1);

    let device = available.device().without_autodiff();
    let cells = Tensor::<1, Int>::arange(0..N_TIMES as i64, &device);
    let distance: Tensor<2, Int> = cells.clone().unsqueeze_dim::<2>(1) - cells.unsqueeze::<2>();
    let index = (distance + (N_TIMES as i64 - 1)).reshape([N_TIMES * N_TIMES]);
    let matrix = by_distance.select(1, index).reshape([shape[0], N_TIMES, N_TIMES]);
    let spread: Tensor<2> = matrix.matmul(available.clone().unsqueeze_dim::<3>(2)).squeeze_dim(2);
    spread.mask_where(column(tau_dep).lower_equal_elem(instant).expand(shape), available)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::halo::LGT0;
    use crate::numerics::log10;
    use crate::parameters::ParameterSet;
    use crate::sfh::FB;
    use crate::testing::{
        assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    const HALO: [f64; 5] = Diffstar2021Params::PAPER_HALO;

    #[test]
    fn reference_values() {
        for_each_f64_place(|place| {
            let halo = DiffmahParams::from_matrix(&place.row(&HALO)).unwrap();
            let history = diffstar_2021(&halo, &Diffstar2021Params::defaults(1, place), LGT0, FB);
            let sfr = values(history.sfr_msun_yr);
            let want = [0.0377414598513986, 0.0120447956156385, 0.00853327139891047];
            assert_close(&[sfr[10], sfr[50], sfr[99]], &want, 1e-12, 0.0);
            let lg_mass = values(log10(history.mass_formed));
            assert_close(&lg_mass[99..], &[8.93180911874749], 1e-13, 0.0);
        });
    }

    #[test]
    fn between_its_times_it_is_interpolated_and_beyond_them_constant() {
        for_each_place(|place| {
            let halo = DiffmahParams::from_matrix(&place.row(&HALO)).unwrap();
            let galaxy = Diffstar2021Params::defaults(1, place);
            let own = values(diffstar_2021(&halo, &galaxy, LGT0, FB).sfr_msun_yr);
            let between = FIRST_GYR + 10.25 * STEP_GYR;
            let t = place.row(&[0.0, between, 20.0]);
            let got = values(diffstar_2021_sfr(&halo, &galaxy, t, LGT0, FB));
            let want = [own[0], 0.75 * own[10] + 0.25 * own[11], own[99]];
            assert_close(&got, &want, place.tolerance(1e-12, 1e-5), 0.0);
        });
    }

    #[test]
    fn fast_depletion_is_instantaneous() {
        for_each_place(|place| {
            let halo = DiffmahParams::from_matrix(&place.rows(&[&HALO[..]; 3])).unwrap();
            let mut rows = [(); 3].map(|()| Diffstar2021Params::default_values());
            for (row, tau) in rows.iter_mut().zip([0.0, 0.6, 0.8]) {
                row[6] = tau;
            }
            let rows = rows.each_ref().map(Vec::as_slice);
            let galaxy = Diffstar2021Params::from_matrix(&place.rows(&rows)).unwrap();
            let sfr = values(diffstar_2021(&halo, &galaxy, LGT0, FB).sfr_msun_yr);
            assert_eq!(sfr[..100], sfr[100..200]);
            // Just above the threshold, little has moved.
            assert!(sfr[100..200] != sfr[200..]);
            assert_close(&sfr[260..], &sfr[160..200], 0.1, 0.0);
        });
    }

    #[test]
    fn gradients_of_every_parameter() {
        for_each_f64_place(|place| {
            let bursty = [11.7, -0.4, 4.0, 1.0, -0.5, 2.0, 6.0, 0.5, -0.3, -1.5, -0.4];
            let rows: Vec<Vec<f64>> = [&Diffstar2021Params::default_values()[..], &bursty]
                .iter()
                .map(|galaxy| [&HALO[..], galaxy].concat())
                .collect();
            let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
            assert_jacobian(&rows, 1e-6, place, |p| {
                let halo = DiffmahParams::from_matrix(&p.clone().narrow(1, 0, 5)).unwrap();
                let galaxy = Diffstar2021Params::from_matrix(&p.narrow(1, 5, 11)).unwrap();
                let t = place.row(&[0.5, 2.0, 5.0, 12.0]);
                log10(diffstar_2021_sfr(&halo, &galaxy, t, LGT0, FB))
            });
        });
    }
}
