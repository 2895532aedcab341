//! Diffstar: star formation tied to halo mass, with quenching and rejuvenation (Alarcon et al.
//! 2023, MNRAS 518, 562; the parameterization of diffstar 1.x, without a gas-depletion time).

use burn::tensor::Tensor;

use super::diffstar_common::{INDX_K, lg_efficiency, lg_quenching};
use super::time_table::cumulative_parts;
use super::{SfhTable, TimeTable};
use crate::Result;
use crate::device::Place;
use crate::halo::{DiffmahParams, diffmah_dmdt_msun_yr, diffmah_lg_mass};
use crate::numerics::cells::{cell_widths, cell_widths_rows};
use crate::numerics::{check_ascending, column, pow10};
use crate::parameter_set;
use crate::parameters::{Bound, Centre, Edge};

parameter_set! {
    /// Parameters of a diffstar galaxy. The defaults describe a galaxy that quenches and
    /// rejuvenates around 10 Gyr; [`DiffstarParams::UNQUENCHED`] has values that do not quench.
    pub struct DiffstarParams {
        /// log10 of the halo mass at peak efficiency.
        lgmcrit: "log10 Msun", 12.0, Bound::unit_slope(9.0, 13.5);
        /// log10 of the efficiency at that mass.
        lgy_at_mcrit: "log10 1/yr", -10.0, Bound::unit_slope(-12.0, -8.0);
        /// Index of the efficiency at low mass.
        indx_lo: "1", 1.0, Bound::unit_slope(0.0, 5.0);
        /// Index of the efficiency at high mass.
        indx_hi: "1", -1.0, Bound::unit_slope(-5.0, 0.0);
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

impl DiffstarParams {
    /// Values of `lg_qt, qlglgdt, lg_drop, lg_rejuv` of a galaxy that does not quench.
    pub const UNQUENCHED: [f64; 4] =
        [1.99953532865225, -0.0104968442644504, -0.00051660779135676, -8.89612033635033e-8];
}

/// Star formation histories on the given times: [`diffstar_sfr`], with rates below
/// [`SFR_MIN`](super::SFR_MIN) raised to it, with zero gradient.
///
/// # Errors
/// None for a valid table of times.
pub fn diffstar(
    halo: &DiffmahParams,
    galaxy: &DiffstarParams,
    times: &TimeTable,
    lgt0: f64,
    fb: f64,
) -> Result<SfhTable> {
    let t_gyr = Place::of(&halo.logm0).row(times.t_gyr());
    SfhTable::new(times.clone(), diffstar_sfr(halo, galaxy, t_gyr, lgt0, fb))
}

/// Star formation rates \[Msun/yr\] at times `t_gyr` (`[n_gal or 1, n_t]`), `[n_gal, n_t]`.
///
/// `SFR = f_b M_h eps(M_h) F_q`, with the halo mass of [`diffmah_lg_mass`], the efficiency
/// `lg eps = lgy_at_mcrit + index(lg M) (lg M - lgmcrit)` and the quenching factor `F_q`. `lgt0`
/// is that of [`diffmah_lg_mass`], `fb` the cosmic baryon fraction.
pub fn diffstar_sfr(
    halo: &DiffmahParams,
    galaxy: &DiffstarParams,
    t_gyr: Tensor<2>,
    lgt0: f64,
    fb: f64,
) -> Tensor<2> {
    let lg_mass = diffmah_lg_mass(halo, t_gyr.clone(), lgt0);
    let above_crit = lg_mass.clone() - column(&galaxy.lgmcrit);
    let roll = above_crit.clone() * INDX_K;
    let lg_efficiency =
        lg_efficiency(above_crit, roll, &galaxy.lgy_at_mcrit, &galaxy.indx_lo, &galaxy.indx_hi);
    let lg_quenching =
        lg_quenching(t_gyr, &galaxy.lg_qt, &galaxy.qlglgdt, &galaxy.lg_drop, &galaxy.lg_rejuv);
    pow10(lg_mass + lg_efficiency + lg_quenching + fb.log10())
}

/// Gas accreted and not yet turned into stars; see [`gas_reservoir`].
#[derive(Clone, Debug)]
pub struct GasReservoir {
    /// The star formation history.
    pub sfh: SfhTable,
    /// Stellar mass formed \[Msun\], `[n_gal, n_t]`.
    pub mass_formed: Tensor<2>,
    /// Gas mass \[Msun\], `[n_gal, n_t]`; negative when stars outrun accretion.
    pub gas_mass: Tensor<2>,
    /// Its rate of change \[Msun/yr\], `[n_gal, n_t]`.
    pub dgas_dt_msun_yr: Tensor<2>,
}

/// Star formation history together with the gas reservoir it leaves: accreted baryons minus stars
/// formed.
///
/// # Errors
/// [`Error::Invalid`](crate::Error::Invalid) for fewer than three times.
pub fn gas_reservoir(
    halo: &DiffmahParams,
    galaxy: &DiffstarParams,
    times: &TimeTable,
    lgt0: f64,
    fb: f64,
) -> Result<GasReservoir> {
    check_ascending("times of a gas reservoir", times.t_gyr(), 3)?;
    let sfh = diffstar(halo, galaxy, times, lgt0, fb)?;
    let place = Place::of(&halo.logm0);
    let accretion = diffmah_dmdt_msun_yr(halo, place.row(times.t_gyr()), lgt0) * fb;
    let mass_formed = sfh.mass_formed();
    let gas_mass = cumulative_parts(times, accretion).cumsum(1) - mass_formed.clone();
    let widths = place.row(&cell_widths(times.t_gyr()));
    let dgas_dt_msun_yr = cell_widths_rows(gas_mass.clone()) / widths * 1e-9;
    Ok(GasReservoir { sfh, mass_formed, gas_mass, dgas_dt_msun_yr })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::halo::LGT0;
    use crate::numerics::log10;
    use crate::parameters::ParameterSet;
    use crate::sfh::{FB, SFR_MIN};
    use crate::testing::{
        assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    const QUENCHED: [f64; 8] = [12.3, -9.7, 2.0, -0.7, 0.6, -0.3, -2.5, -2.0];

    fn times() -> TimeTable {
        TimeTable::new(vec![0.5, 1.0, 2.0, 5.0, 10.0, 13.8]).unwrap()
    }

    fn both(place: &Place) -> (DiffmahParams, DiffstarParams) {
        let rows = [&DiffstarParams::default_values()[..], &QUENCHED];
        let galaxy = DiffstarParams::from_matrix(&place.rows(&rows)).unwrap();
        (DiffmahParams::defaults(2, place), galaxy)
    }

    #[test]
    fn reference_values() {
        for_each_f64_place(|place| {
            let (halo, galaxy) = both(place);
            let table = diffstar(&halo, &galaxy, &times(), LGT0, FB).unwrap();
            let sfr = [
                1.92059445756993e-05,
                0.0066322829285649,
                0.572814649382622,
                8.65962167055413,
                1.38541540680073,
                9.51884990998364,
                1.06804907362865e-08,
                6.85379416640237e-05,
                0.054626604508808,
                0.0119482192537275,
                0.0703307418669494,
                0.0879291787200192,
            ];
            let mass = [
                4791.88317413196,
                1667664.10145928,
                291391130.257053,
                14140045610.1622,
                39252638303.5493,
                59970742405.4396,
                2.66478493370348,
                17139.8203236237,
                27364711.0455596,
                127226946.689363,
                332924349.491055,
                633618198.606296,
            ];
            assert_close(&values(table.mass_formed()), &mass, 1e-12, 0.0);
            assert_close(&values(table.sfr_msun_yr), &sfr, 1e-12, 0.0);
        });
    }

    #[test]
    fn unbounded_defaults_and_unquenched_values() {
        for_each_f64_place(|place| {
            let u = values(DiffstarParams::defaults(1, place).to_unbounded());
            let want = [
                12.0297905781299,
                -10.0,
                0.767132048600137,
                -0.767132048600137,
                0.999953755062532,
                -0.299993462218822,
                -0.999999003264247,
                -0.499999301344901,
            ];
            assert_close(&u, &want, 1e-12, 0.0);
            let u = place.rows(&[&[12.0, -10.0, 1.0, -1.0, 5.0, 5.0, 5.0, 5.0]]);
            let q = values(DiffstarParams::from_unbounded(&u).unwrap().to_matrix());
            assert_close(&q[4..], &DiffstarParams::UNQUENCHED, 1e-11, 0.0);
        });
    }

    #[test]
    fn gas_is_accreted_baryons_minus_stars() {
        for_each_f64_place(|place| {
            let (mut halo, galaxy) = both(place);
            // The second halo stops growing; before that, it outruns the first.
            halo.t_peak = place.vector(&[14.0, 7.003]);
            let t: Vec<f64> = (0..=6000).map(|i| 0.5 + 13.3 * f64::from(i) / 6000.0).collect();
            let times = TimeTable::new(t.clone()).unwrap();
            let gas = gas_reservoir(&halo, &galaxy, &times, LGT0, FB).unwrap();
            let dmdt = values(diffmah_dmdt_msun_yr(&halo, place.row(&t), LGT0));
            let mass = values(diffmah_lg_mass(&halo, place.row(&t), LGT0));
            let sfr = values(gas.sfh.sfr_msun_yr);
            let all = values(gas.gas_mass + gas.mass_formed);
            let dgas_dt = values(gas.dgas_dt_msun_yr);
            for row in 0..2 {
                let at = |i: usize| row * t.len() + i;
                let largest = dmdt[at(0)..at(0) + t.len()].iter().fold(0.0f64, |m, v| m.max(*v));
                for i in (1..t.len()).step_by(50) {
                    // What comes before the first time is a triangle, not the growth of the halo.
                    let accreted = all[at(i)] - all[at(0)];
                    let grown = 10f64.powf(mass[at(i)]) - 10f64.powf(mass[at(0)]);
                    // A trapezoid may straddle the peak.
                    let one_step = if row == 1 { FB * largest * (t[1] - t[0]) * 1e9 } else { 0.0 };
                    assert_close(&[accreted], &[FB * grown], 2e-5, one_step);
                    if row == 1 && (t[i] - 7.003).abs() < 0.01 {
                        continue;
                    }
                    let balance = FB * dmdt[at(i)] - sfr[at(i)];
                    assert_close(&[dgas_dt[at(i)]], &[balance], 1e-3, 1e-4 * FB * largest);
                }
            }
        });
    }

    #[test]
    fn rates_stay_above_the_floor_and_finite() {
        for_each_place(|place| {
            let rows = [&[9.0, -12.0, 5.0, -5.0, 0.1, -3.0, -3.0, -3.0][..]];
            let galaxy = DiffstarParams::from_matrix(&place.rows(&rows)).unwrap();
            let halo =
                DiffmahParams::from_matrix(&place.rows(&[&[9.0, 0.9, 9.0, 4.0, 1.0]])).unwrap();
            let table = diffstar(&halo, &galaxy, &TimeTable::default(), LGT0, FB).unwrap();
            let floor = SFR_MIN * (1.0 - 1e-6);
            assert!(values(table.sfr_msun_yr).iter().all(|s| s.is_finite() && *s >= floor));
        });
    }

    #[test]
    fn gradients_of_every_parameter() {
        for_each_f64_place(|place| {
            let halo = DiffmahParams::default_values();
            let rows: Vec<Vec<f64>> = [&DiffstarParams::default_values()[..], &QUENCHED]
                .iter()
                .map(|galaxy| [&halo[..], galaxy].concat())
                .collect();
            let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
            assert_jacobian(&rows, 1e-6, place, |p| {
                let halo = DiffmahParams::from_matrix(&p.clone().narrow(1, 0, 5)).unwrap();
                let galaxy = DiffstarParams::from_matrix(&p.narrow(1, 5, 8)).unwrap();
                let gas = gas_reservoir(&halo, &galaxy, &times(), LGT0, FB).unwrap();
                Tensor::cat(vec![log10(gas.sfh.sfr_msun_yr), gas.gas_mass * 1e-9], 1)
            });
        });
    }
}
