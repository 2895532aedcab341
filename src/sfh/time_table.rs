//! Star formation rates tabulated in cosmic time, and the mass formed up to each time.

use burn::tensor::Tensor;

use super::{SFR_MIN, T_BIRTH_MIN_GYR};
use crate::device::Place;
use crate::numerics::integrate::trapezoid_increments;
use crate::numerics::{check_ascending, log10};
use crate::{Error, Result};

/// Smallest allowed first time of a table \[Gyr\].
const T_TABLE_MIN_GYR: f64 = 0.01;

/// The times of SFH tables, shared by all galaxies.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeTable {
    t_gyr: Vec<f64>,
}

impl TimeTable {
    /// A table of cosmic times in Gyr.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless there are at least two finite, strictly ascending times;
    /// [`Error::OutOfRange`] when the first is below 0.01 Gyr.
    pub fn new(t_gyr: Vec<f64>) -> Result<Self> {
        check_ascending("SFH times", &t_gyr, 2)?;
        if t_gyr[0] < T_TABLE_MIN_GYR {
            return Err(Error::OutOfRange {
                what: "first SFH time".into(),
                value: t_gyr[0],
                allowed: format!("[{T_TABLE_MIN_GYR}, inf) Gyr"),
            });
        }
        Ok(Self { t_gyr })
    }

    /// `n` uniform times from `first_gyr` to `last_gyr`, both included.
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    pub fn uniform(first_gyr: f64, last_gyr: f64, n: usize) -> Result<Self> {
        let step = (last_gyr - first_gyr) / (n.max(2) - 1) as f64;
        Self::new(
            (0..n)
                .map(|i| if i + 1 == n { last_gyr } else { first_gyr + step * i as f64 })
                .collect(),
        )
    }

    /// The times in Gyr.
    pub fn t_gyr(&self) -> &[f64] {
        &self.t_gyr
    }

    /// First time in Gyr.
    pub fn first_gyr(&self) -> f64 {
        self.t_gyr[0]
    }

    /// Last time in Gyr.
    pub fn last_gyr(&self) -> f64 {
        self.t_gyr[self.t_gyr.len() - 1]
    }

    /// Natural logarithms of the times in Gyr.
    pub(super) fn ln_t(&self) -> Vec<f64> {
        self.t_gyr.iter().map(|t| t.ln()).collect()
    }

    /// log10 of the times in Gyr.
    pub fn lg_t(&self) -> Vec<f64> {
        self.t_gyr.iter().map(|t| t.log10()).collect()
    }
}

impl Default for TimeTable {
    /// 100 uniform times from 0.1 to 14 Gyr, later than any galaxy is seen in the default cosmology.
    fn default() -> Self {
        Self::uniform(0.1, 14.0, 100).unwrap_or_else(|_| unreachable!("the default times ascend"))
    }
}

/// Star formation histories of galaxies on a common [`TimeTable`].
#[derive(Clone, Debug)]
pub struct SfhTable {
    /// The times.
    pub times: TimeTable,
    /// Star formation rates \[Msun/yr\], shape `[n_gal, n_t]`, at least [`SFR_MIN`].
    pub sfr_msun_yr: Tensor<2>,
}

impl SfhTable {
    /// Tabulated histories; rates below [`SFR_MIN`] are raised to it, with zero gradient there.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the rows do not have one rate per time.
    pub fn new(times: TimeTable, sfr_msun_yr: Tensor<2>) -> Result<Self> {
        let n = sfr_msun_yr.dims()[1];
        if n != times.t_gyr.len() {
            return Err(Error::invalid(
                "SFH table",
                format!("{n} rates per galaxy for {} times", times.t_gyr.len()),
            ));
        }
        Ok(Self { times, sfr_msun_yr: sfr_msun_yr.clamp_min(SFR_MIN) })
    }

    /// Mass formed from [`T_BIRTH_MIN_GYR`] up to each time of the table \[Msun\], `[n_gal, n_t]`.
    pub fn mass_formed(&self) -> Tensor<2> {
        cumulative_parts(&self.times, self.sfr_msun_yr.clone()).cumsum(1)
    }

    /// log10 of [`mass_formed`](Self::mass_formed).
    pub fn lg_mass_formed(&self) -> Tensor<2> {
        log10(self.mass_formed())
    }
}

/// Mass gained per interval for any rate \[Msun/yr\] on the table: trapezoids, with a point of rate
/// 1e-14 put at [`T_BIRTH_MIN_GYR`].
pub(super) fn cumulative_parts(times: &TimeTable, rate: Tensor<2>) -> Tensor<2> {
    trapezoids(times, rate) * 1e9
}

/// [`cumulative_parts`] in units of 1e9 Msun.
pub(super) fn trapezoids(times: &TimeTable, rate: Tensor<2>) -> Tensor<2> {
    let n_gal = rate.dims()[0];
    let origin = rate.clone().narrow(1, 0, 1).full_like(SFR_MIN).without_autodiff();
    debug_assert_eq!(origin.dims(), [n_gal, 1]);
    let mut padded_times = vec![T_BIRTH_MIN_GYR];
    padded_times.extend_from_slice(times.t_gyr());
    let place = Place::of(&rate);
    trapezoid_increments(place.row(&padded_times), Tensor::cat(vec![origin, rate], 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, for_each_f64_place, values};

    #[test]
    fn mass_of_a_constant_history() {
        for_each_f64_place(|place| {
            let times = TimeTable::new(vec![0.1, 1.0, 3.0]).unwrap();
            let table = SfhTable::new(times, place.rows(&[&[2.0, 2.0, 2.0]])).unwrap();
            assert_close(&values(table.mass_formed()), &[0.099e9, 1.899e9, 5.899e9], 1e-12, 0.0);
        });
    }

    #[test]
    fn bad_times_are_errors() {
        for (times, part) in [
            (vec![1.0], "at least 2"),
            (vec![1.0, 1.0], "ascend"),
            (vec![1.0, f64::NAN], "not finite"),
            (vec![0.001, 1.0], "outside"),
        ] {
            let error = TimeTable::new(times).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_row_of_the_wrong_length_is_an_error() {
        for_each_f64_place(|place| {
            let error =
                SfhTable::new(TimeTable::default(), place.rows(&[&[1.0, 2.0]])).unwrap_err();
            assert!(error.to_string().contains("2 rates per galaxy for 100 times"), "{error}");
        });
    }
}
