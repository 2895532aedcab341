//! Distribution of stellar ages P(age) at the time of observation, from a tabulated SFH.
//!
//! Two forms of the same quantity. [`AgeWeightMethod::Table`] follows DSPS literally: log mass
//! interpolated in log time at the birth times of the age-bin edges, then differences; in f32 the
//! youngest bins drown in cancellation. [`AgeWeightMethod::Safe`] is algebraically identical, but
//! sums the mass *younger than* each edge, which is small where the weights are small, and is good
//! in f32 as well.

use burn::tensor::{Int, Tensor};

use super::time_table::trapezoids;
use super::{SfhTable, T_BIRTH_MIN_GYR};
use crate::device::Place;
use crate::names::named;
use crate::numerics::cells::{cell_edges, cell_widths};
use crate::numerics::expm1::expm1;
use crate::numerics::interp::InterpGrid;
use crate::numerics::log1p::log1p;
use crate::numerics::{check_ascending, column, log10, pow10};
use crate::{Error, Result};

/// Ages beyond this are no ages in log10 Gyr.
const LG_AGE_MAX_GYR: f64 = 2.0;

/// The stellar ages of an SSP grid and the edges of their bins.
#[derive(Clone, Debug, PartialEq)]
pub struct AgeGrid {
    lg_age_gyr: Vec<f64>,
    edges_gyr: Vec<f64>,
}

impl AgeGrid {
    /// Ages as log10 Gyr.
    ///
    /// The edges are those of [`cell_edges`] in log age, the outermost half a cell beyond the
    /// first and last age. Where the spacing of the ages jumps by more than a factor of three,
    /// these edges cross, as they do in the original: the bin there has a negative width and weight,
    /// its neighbours make up for it, and sums over ages stay right.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless there are at least three finite, strictly ascending ages;
    /// [`Error::OutOfRange`] for ages of more than 100 Gyr, which are probably log10 yr.
    pub fn new(lg_age_gyr: Vec<f64>) -> Result<Self> {
        check_ascending("SSP ages", &lg_age_gyr, 3)?;
        let n = lg_age_gyr.len();
        if lg_age_gyr[n - 1] > LG_AGE_MAX_GYR {
            return Err(Error::OutOfRange {
                what: "oldest SSP age".into(),
                value: lg_age_gyr[n - 1],
                allowed: format!("log10 Gyr up to {LG_AGE_MAX_GYR}; is it in log10 yr?"),
            });
        }
        let widths = cell_widths(&lg_age_gyr);
        let lo = lg_age_gyr[0] - (lg_age_gyr[1] - lg_age_gyr[0]) / 2.0;
        let hi = lg_age_gyr[n - 1] + widths[n - 1] / 2.0;
        let edges_gyr = cell_edges(&lg_age_gyr, lo, hi).iter().map(|e| 10f64.powf(*e)).collect();
        Ok(Self { lg_age_gyr, edges_gyr })
    }

    /// log10 of the ages in Gyr.
    pub fn lg_age_gyr(&self) -> &[f64] {
        &self.lg_age_gyr
    }

    /// log10 of the ages in yr.
    pub fn lg_age_yr(&self) -> Vec<f64> {
        self.lg_age_gyr.iter().map(|a| a + 9.0).collect()
    }

    /// Edges of the age bins in Gyr, one more than there are ages.
    pub fn edges_gyr(&self) -> &[f64] {
        &self.edges_gyr
    }
}

/// How P(age) is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgeWeightMethod {
    /// DSPS's table path; for f64.
    Table,
    /// The cancellation-free form; for f32 and f64.
    Safe,
    /// [Rates at look-back nodes](super::LookbackNodes), for histories that can be evaluated at any
    /// time; for f32 and f64, and more accurate than a table of more times.
    Nodes,
}

named!(AgeWeightMethod, "age-weight method", Table = "table", Safe = "safe", Nodes = "nodes");

/// P(age) and the mass it refers to.
#[derive(Clone, Debug)]
pub struct AgeDistribution {
    /// Mass fraction per age bin, `[n_gal, n_age]`, summing to one; see [`AgeGrid::new`] for bins
    /// with a negative fraction.
    pub weights: Tensor<2>,
    /// log10 of the total mass formed by the time of observation \[Msun\], `[n_gal]`.
    pub lg_mass_formed: Tensor<1>,
}

/// Distribution of stellar ages of galaxies observed at `t_obs_gyr` (`[n_gal]`).
///
/// Stars formed before the first table time count in the mass but in no age bin; none form after
/// the last. A galaxy observed at or before the first table time has no distribution (0/0 in the
/// original): all its weight is put into the youngest bin, with zero gradient.
pub fn age_weights(
    sfh: &SfhTable,
    t_obs_gyr: &Tensor<1>,
    ages: &AgeGrid,
    method: AgeWeightMethod,
) -> AgeDistribution {
    let mass_per_bin = match method {
        AgeWeightMethod::Table => mass_per_bin_table(sfh, t_obs_gyr, ages),
        // A table is all there is here.
        AgeWeightMethod::Safe | AgeWeightMethod::Nodes => mass_per_bin_safe(sfh, t_obs_gyr, ages),
    };
    AgeDistribution {
        weights: normalised(mass_per_bin),
        lg_mass_formed: lg_mass_formed_at(sfh, t_obs_gyr),
    }
}

/// log10 of the mass formed \[Msun\] by the given times (`[n_gal]`), interpolated in log-log and
/// clamped to the table.
pub fn lg_mass_formed_at(sfh: &SfhTable, t_gyr: &Tensor<1>) -> Tensor<1> {
    let grid = InterpGrid::new(&sfh.times.lg_t(), &Place::of(t_gyr));
    let lg_t = log10(column(t_gyr).clamp_min(T_BIRTH_MIN_GYR));
    grid.interp_rows(lg_t, sfh.lg_mass_formed()).squeeze_dim(1)
}

/// Birth times \[Gyr\] of stars with the given ages, not before [`T_BIRTH_MIN_GYR`];
/// `[n_gal, n]`.
pub fn birth_times(t_obs_gyr: &Tensor<1>, ages_gyr: &[f64]) -> Tensor<2> {
    (column(t_obs_gyr) - Place::of(t_obs_gyr).row(ages_gyr)).clamp_min(T_BIRTH_MIN_GYR)
}

/// P(age) from the mass in each bin of ages; a galaxy without any has it in the youngest bin.
pub(crate) fn normalised(mass_per_bin: Tensor<2>) -> Tensor<2> {
    let place = Place::of(&mass_per_bin);
    let n_age = mass_per_bin.dims()[1];
    let total = mass_per_bin.clone().sum_dim(1);
    let none = total.clone().lower_equal_elem(0.0);
    let mut youngest = vec![0.0; n_age];
    youngest[0] = 1.0;
    let mass_per_bin = mass_per_bin.clone().mask_where(
        none.clone().expand(mass_per_bin.dims()),
        place.row(&youngest).expand(mass_per_bin.dims()),
    );
    mass_per_bin / total.mask_fill(none, 1.0)
}

fn mass_per_bin_table(sfh: &SfhTable, t_obs_gyr: &Tensor<1>, ages: &AgeGrid) -> Tensor<2> {
    let n = ages.lg_age_gyr.len();
    let grid = InterpGrid::new(&sfh.times.lg_t(), &Place::of(t_obs_gyr));
    let lg_birth = log10(birth_times(t_obs_gyr, &ages.edges_gyr));
    let mass_before = pow10(grid.interp_rows(lg_birth, sfh.lg_mass_formed()));
    mass_before.clone().narrow(1, 0, n) - mass_before.narrow(1, 1, n)
}

/// Differences of the mass younger than each edge.
///
/// Within table interval `j` the mass grows as `t^kappa_j`. The mass between a birth time `b` in
/// interval `j` and the interval's end (or the time of observation, if that comes first) is
/// `-M_end expm1(kappa_j log1p(-(t_end - b) / t_end))`; whole intervals in between add their
/// trapezoids. Every term is positive, so nothing cancels in the mass younger than an edge.
fn mass_per_bin_safe(sfh: &SfhTable, t_obs_gyr: &Tensor<1>, ages: &AgeGrid) -> Tensor<2> {
    let place = Place::of(t_obs_gyr);
    let times = Intervals::new(sfh, &place);
    let (first, last) = (sfh.times.first_gyr(), sfh.times.last_gyr());

    // The time at which the history stops: observation or the end of the table.
    let t_end = column(t_obs_gyr).clamp(first, last);
    let idle = column(t_obs_gyr) - t_end.clone();
    let end = times.grid.interval(&t_end);
    let end_left = times.grid.at(&end);
    let mass_end = {
        let kappa = times.kappa.clone().gather(1, end.clone());
        let left = times.mass.clone().gather(1, end.clone());
        left * (kappa * (t_end.clone() / end_left.clone()).log()).exp()
    };
    let in_last_interval = {
        let kappa = times.kappa.clone().gather(1, end.clone());
        let part = (t_end.clone() - end_left) / t_end.clone();
        mass_end.clone() * one_minus_power(part, kappa)
    };

    // Whole intervals that lie between each table time and the last interval.
    let whole = {
        let n = times.increments.dims()[1];
        let index = Tensor::<1, Int>::arange(0..n as i64, &t_end.device().without_autodiff());
        let index: Tensor<2, Int> = index.unsqueeze();
        let beyond = index
            .expand(times.increments.dims())
            .greater_equal(end.clone().expand(times.increments.dims()));
        let masked = times.increments.clone().mask_fill(beyond, 0.0);
        let from_each = masked.flip([1]).cumsum(1).flip([1]);
        let nothing = from_each.clone().narrow(1, 0, 1).zeros_like();
        Tensor::cat(vec![from_each, nothing], 1)
    };

    // The interval in which the stars at each edge were born.
    let age = place.row(&ages.edges_gyr);
    let birth = (column(t_obs_gyr) - age.clone()).clamp(first, last);
    let born = times.grid.interval(&birth);
    let shape = born.dims();
    let same = born.clone().equal(end.clone().expand(shape));
    let next = born.clone() + 1;
    let interval_end = times.grid.at(&next).mask_where(same.clone(), t_end.clone().expand(shape));
    let mass_interval_end =
        times.mass.clone().gather(1, next.clone()).mask_where(same.clone(), mass_end.expand(shape));
    // In the interval of the observation the lookback is the age itself: nothing to subtract,
    // unless the star would be older than the table.
    let since_end = (age - idle).clamp_min(0.0);
    let within = same.clone().bool_and(birth.clone().greater_elem(first));
    let lookback = (interval_end.clone() - birth).mask_where(within, since_end);
    let part = lookback / interval_end;
    let in_birth_interval =
        mass_interval_end * one_minus_power(part, times.kappa.clone().gather(1, born));
    let later = (whole.gather(1, next) + in_last_interval).mask_fill(same, 0.0);
    let younger = in_birth_interval + later;

    let n = ages.lg_age_gyr.len();
    younger.clone().narrow(1, 1, n) - younger.narrow(1, 0, n)
}

/// Units of 1e6 Msun in one of [`trapezoids`]. Gradients of quotients take the square of their
/// denominator, and in units of 1e6 Msun f32 holds the squares of the smallest and largest masses.
const UNITS_PER_TRAPEZOID: f64 = 1e3;

/// The intervals between table times; masses in units of 1e6 Msun.
struct Intervals {
    grid: InterpGrid,
    /// Mass formed by each time, `[n_gal, n_t]`.
    mass: Tensor<2>,
    /// Mass formed in each interval, `[n_gal, n_t - 1]`.
    increments: Tensor<2>,
    /// Logarithmic growth index of the mass in each interval, `[n_gal, n_t - 1]`.
    kappa: Tensor<2>,
}

impl Intervals {
    fn new(sfh: &SfhTable, place: &Place) -> Self {
        let n = sfh.times.t_gyr().len();
        let all = trapezoids(&sfh.times, sfh.sfr_msun_yr.clone()) * UNITS_PER_TRAPEZOID;
        let mass = all.clone().cumsum(1);
        let increments = all.narrow(1, 1, n - 1);
        let ln_t = sfh.times.ln_t();
        let d_ln_t: Vec<f64> = ln_t.windows(2).map(|w| w[1] - w[0]).collect();
        let growth = increments.clone() / mass.clone().narrow(1, 0, n - 1);
        let kappa = log1p(growth) / place.row(&d_ln_t);
        Self { grid: InterpGrid::new(sfh.times.t_gyr(), place), mass, increments, kappa }
    }
}

/// `1 - (1 - x)^kappa` for `0 <= x < 1`, without cancellation at small `x`.
fn one_minus_power(x: Tensor<2>, kappa: Tensor<2>) -> Tensor<2> {
    expm1(kappa * log1p(x.neg())).neg()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sfh::TimeTable;
    use crate::testing::{
        assert_close, assert_gradient, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    fn ages() -> AgeGrid {
        AgeGrid::new((0..94).map(|i| -3.5 + 0.05 * f64::from(i)).collect()).unwrap()
    }

    fn times() -> TimeTable {
        TimeTable::uniform(0.1, 13.8, 60).unwrap()
    }

    /// A bump of star formation that stops ten table times before the end.
    fn bump() -> Vec<f64> {
        let mut sfr: Vec<f64> =
            times().t_gyr().iter().map(|t| 10.0 * (-(t - 5.0).powi(2) / 8.0).exp()).collect();
        sfr[50..].fill(0.0);
        sfr
    }

    fn rising() -> Vec<f64> {
        times().t_gyr().iter().map(|t| t * t).collect()
    }

    const METHODS: [AgeWeightMethod; 2] = [AgeWeightMethod::Table, AgeWeightMethod::Safe];

    #[test]
    fn reference_values() {
        for_each_f64_place(|place| {
            let sfh = SfhTable::new(times(), place.rows(&[&bump()])).unwrap();
            for method in METHODS {
                let p = age_weights(&sfh, &place.vector(&[9.7]), &ages(), method);
                let w = values(p.weights);
                let got: Vec<f64> =
                    [0, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90].iter().map(|i| w[*i]).collect();
                let want = [
                    4.52438350287749e-07,
                    1.43082454897396e-06,
                    4.52555343061069e-06,
                    1.43199534426568e-05,
                    4.53728849201925e-05,
                    0.000184727626969497,
                    0.00069489865983472,
                    0.00423525055291092,
                    0.054744613970348,
                    0.117244868696303,
                    0.00169184736506478,
                ];
                // The youngest bins are differences of numbers 1e8 times larger.
                assert_close(&got, &want, 1e-7, 0.0);
                assert_close(&values(p.lg_mass_formed), &[10.6930085668307], 1e-13, 0.0);
            }
        });
    }

    #[test]
    fn the_two_methods_agree_and_f32_is_safe() {
        let t_obs = [0.1001, 0.5, 3.0, 9.7, 13.8, 13.82];
        let rows: Vec<Vec<f64>> =
            (0..6).map(|i| if i % 2 == 0 { bump() } else { rising() }).collect();
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        for_each_f64_place(|place| {
            let weigh = |place: &Place, method| {
                let sfh = SfhTable::new(times(), place.rows(&rows)).unwrap();
                values(age_weights(&sfh, &place.vector(&t_obs), &ages(), method).weights)
            };
            let table = weigh(place, AgeWeightMethod::Table);
            let safe = weigh(place, AgeWeightMethod::Safe);
            assert_close(&safe, &table, 2e-6, 1e-12);
            for place in crate::testing::places(crate::device::Precision::F32) {
                let single = weigh(&place, AgeWeightMethod::Safe);
                assert_close(&single, &safe, 3e-4, 1e-7);
                // Young bins hold little mass and most of the light: no absolute allowance there.
                for (single, safe) in single.chunks(94).zip(safe.chunks(94)) {
                    assert_close(&single[..60], &safe[..60], 1e-3, 1e-13);
                }
            }
        });
    }

    #[test]
    fn weights_are_a_distribution() {
        for_each_place(|place| {
            let zero = vec![0.0; 60];
            let sfh = SfhTable::new(times(), place.rows(&[&bump(), &rising(), &zero])).unwrap();
            for t_obs in [0.05, 0.1, 0.11, 1.0, 13.8, 20.0] {
                let p =
                    age_weights(&sfh, &place.vector(&[t_obs; 3]), &ages(), AgeWeightMethod::Safe);
                for w in values(p.weights).chunks(94) {
                    assert!(w.iter().all(|w| *w >= -1e-7), "{w:?}");
                    assert!((w.iter().sum::<f64>() - 1.0).abs() < 1e-5, "t_obs {t_obs}");
                    let too_old = ages().edges_gyr()[..94].iter().position(|e| *e > t_obs);
                    assert!(too_old.is_none_or(|i| w[i.max(1)..].iter().all(|w| *w == 0.0)));
                }
                assert!(values(p.lg_mass_formed).iter().all(|m| m.is_finite()));
            }
        });
    }

    #[test]
    fn gradients_with_respect_to_time_and_rates() {
        let coarse = || TimeTable::new(vec![0.1, 0.4, 1.0, 2.5, 6.0, 13.8]).unwrap();
        let sfr = [0.5, 2.0, 9.0, 5.0, 1.0, 0.3];
        for method in METHODS {
            // Well inside, just after the first time, in the first interval, beyond the table.
            assert_gradient(&[9.7, 0.102, 0.3, 13.9], 1e-6, |t_obs| {
                let place = Place::of(&t_obs);
                let sfh = SfhTable::new(coarse(), place.rows(&[&sfr[..]; 4])).unwrap();
                let p = age_weights(&sfh, &t_obs, &ages(), method);
                let moments = place.row(ages().lg_age_gyr());
                (p.weights * moments).sum_dim(1).squeeze_dim(1) + p.lg_mass_formed
            });
            for_each_f64_place(|place| {
                let dark = [0.5, 2.0, 0.0, 0.0, 0.0, 0.0];
                // Differences of the table form carry the rounding of the total mass.
                let tolerance = if method == AgeWeightMethod::Table { 1e-5 } else { 1e-6 };
                assert_jacobian(&[&sfr, &dark], tolerance, place, |sfr| {
                    // The shift keeps the derivative at zero rate two-sided.
                    let sfh = SfhTable::new(coarse(), sfr + 1e-3).unwrap();
                    let p = age_weights(&sfh, &place.vector(&[9.7, 9.7]), &ages(), method);
                    let powers: Vec<f64> =
                        ages().lg_age_gyr.iter().flat_map(|a| [1.0, *a, a * a]).collect();
                    let moments = p.weights.matmul(place.matrix(&powers, [94, 3]));
                    Tensor::cat(vec![moments, column(&p.lg_mass_formed)], 1)
                });
            });
        }
    }

    #[test]
    fn a_history_without_stars_has_zero_gradient() {
        for_each_f64_place(|place| {
            let zero = place.rows(&[&[0.0; 60]]);
            let j = crate::numerics::jacobian::jacobian(&zero, |sfr| {
                let sfh = SfhTable::new(times(), sfr - 1.0)?;
                Ok(age_weights(&sfh, &place.vector(&[9.7]), &ages(), AgeWeightMethod::Safe).weights)
            })
            .unwrap();
            assert!(values(j.jacobian).iter().all(|g| *g == 0.0));
            let lg_mass = values(
                age_weights(
                    &SfhTable::new(times(), zero).unwrap(),
                    &place.vector(&[9.7]),
                    &ages(),
                    AgeWeightMethod::Table,
                )
                .lg_mass_formed,
            );
            assert!((10f64.powf(lg_mass[0]) - 9.7e-5).abs() < 1e-5);
        });
    }
}
