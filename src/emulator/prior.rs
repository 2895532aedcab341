//! The box of parameters in which an emulator is trained, and outside of which it is not to be trusted.

use std::collections::BTreeMap;

use crate::numerics::random::uniform;
use crate::parameters::ParamInfo;
use crate::predict::T_OBS_COLUMN;
use crate::sfh::SfhModel;
use crate::{Error, Result};

/// Times of observation that a box may hold \[Gyr\].
const T_OBS_RANGE_GYR: [f64; 2] = [0.1, 20.0];

/// Latest start of a history as a share of the time of observation.
const LATEST_START: f64 = 0.9;

/// A range for each parameter of a star formation history and for the time of observation.
#[derive(Clone, Debug)]
pub struct PriorBox {
    info: Vec<ParamInfo>,
    /// Lowest and highest value of each parameter, then of the time of observation.
    ranges: Vec<[f64; 2]>,
}

impl PriorBox {
    /// The box of a model's parameters; those that are not named have their default only.
    ///
    /// # Errors
    /// [`Error::UnknownName`] for a name that is neither a parameter nor `t_obs_gyr`; [`Error::Invalid`]
    /// without times of observation; [`Error::OutOfRange`] for a range that does not ascend or leaves
    /// that of its parameter.
    pub fn new(sfh: SfhModel, named: &BTreeMap<String, [f64; 2]>) -> Result<Self> {
        let info = sfh.info();
        for name in named.keys() {
            if name != T_OBS_COLUMN && !info.iter().any(|p| p.name == name) {
                let names: Vec<&str> = info.iter().map(|p| p.name).chain([T_OBS_COLUMN]).collect();
                return Err(Error::UnknownName {
                    kind: "parameter of the prior",
                    name: name.clone(),
                    available: names.join(", "),
                });
            }
        }
        let mut ranges = Vec::with_capacity(info.len() + 1);
        for p in &info {
            let range = named.get(p.name).copied().unwrap_or([p.default; 2]);
            // Limits that other parameters set are seen to when galaxies are drawn.
            let allowed =
                [p.bound.lo.value(|_| f64::NEG_INFINITY), p.bound.hi.value(|_| f64::INFINITY)];
            check_range(p.name, range, allowed)?;
            ranges.push(range);
        }
        let t_obs = named
            .get(T_OBS_COLUMN)
            .copied()
            .ok_or_else(|| Error::invalid("prior", format!("has no range of {T_OBS_COLUMN}")))?;
        check_range(T_OBS_COLUMN, t_obs, T_OBS_RANGE_GYR)?;
        ranges.push(t_obs);
        Ok(Self { info, ranges })
    }

    /// Names of the parameters, then `t_obs_gyr`.
    pub fn names(&self) -> Vec<&'static str> {
        self.info.iter().map(|p| p.name).chain([T_OBS_COLUMN]).collect()
    }

    /// Lowest and highest values, in the order of the names.
    pub fn ranges(&self) -> &[[f64; 2]] {
        &self.ranges
    }

    /// The range of the time of observation \[Gyr\].
    pub fn t_obs_range_gyr(&self) -> [f64; 2] {
        self.ranges[self.info.len()]
    }

    /// Galaxy number `id` under `seed`: values in the order of the names, evenly distributed over the part of
    /// the box that the parameters' bounds on each other allow.
    pub fn draw(&self, seed: u64, id: u64) -> Vec<f64> {
        let n = self.info.len();
        let mut row: Vec<f64> = self.info.iter().map(|p| p.default).collect();
        let share = |j: usize| uniform(seed, id, j as u64);
        let between = |[lo, hi]: [f64; 2], j: usize| lo + (hi - lo) * share(j);
        let t_obs = between(self.ranges[n], n);
        for dependent in [false, true] {
            for (j, p) in self.info.iter().enumerate() {
                if p.bound.depends_on_another() == dependent {
                    row[j] = between(self.range_given(j, &row, t_obs), j);
                }
            }
        }
        row.push(t_obs);
        row
    }

    /// The part of a range that other parameters allow; where it is empty, the end closest to it.
    fn range_given(&self, j: usize, row: &[f64], t_obs: f64) -> [f64; 2] {
        let p = &self.info[j];
        let other = |name: &str| {
            let other = self.info.iter().position(|p| p.name == name);
            other.map_or(f64::NAN, |j| row[j])
        };
        let latest = if p.name == "t_start" { LATEST_START * t_obs } else { f64::INFINITY };
        let [lo, hi] = self.ranges[j];
        let (lowest, highest) = (p.bound.lo.value(other), p.bound.hi.value(other).min(latest));
        [lo.max(lowest).min(highest), hi.min(highest).max(lowest)]
    }

    /// Why a galaxy, its values in the order of the names, is outside the box; `None` inside.
    pub fn outside(&self, row: &[f64]) -> Option<String> {
        let names = self.names();
        let (j, [lo, hi]) =
            row.iter().zip(&self.ranges).enumerate().find_map(|(j, (v, range))| {
                let [lo, hi] = *range;
                // Values that were once f32 are not to fall off the edge.
                let slack = 1e-6 * (1.0 + lo.abs().max(hi.abs()));
                let inside = (lo - slack..=hi + slack).contains(v);
                (!inside).then_some((j, [lo, hi]))
            })?;
        Some(format!("{} = {} is outside [{lo}, {hi}]", names[j], row[j]))
    }
}

fn check_range(name: &str, [lo, hi]: [f64; 2], [lowest, highest]: [f64; 2]) -> Result<()> {
    let allowed = format!("[{lowest}, {highest}], the lower end first");
    let what = || format!("prior of {name}");
    for value in [lo, hi] {
        if !(lowest..=highest).contains(&value) {
            return Err(Error::OutOfRange { what: what(), value, allowed });
        }
    }
    if lo > hi {
        return Err(Error::OutOfRange { what: what(), value: hi, allowed });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters;

    fn of(sfh: SfhModel, ranges: &[(&str, [f64; 2])]) -> Result<PriorBox> {
        PriorBox::new(sfh, &ranges.iter().map(|(n, r)| ((*n).to_owned(), *r)).collect())
    }

    #[test]
    fn galaxies_obey_box_and_bounds() {
        let sfh = SfhModel::Diffstar;
        let ranges =
            [("t_obs_gyr", [3.0, 13.8]), ("lg_drop", [-3.0, 0.0]), ("lg_rejuv", [-3.0, 0.0])];
        let prior = of(sfh, &ranges).unwrap();
        let mut lowest = f64::INFINITY;
        for id in 0..500 {
            let row = prior.draw(7, id);
            assert_eq!(row, prior.draw(7, id));
            assert_ne!(row, prior.draw(8, id));
            parameters::check(&sfh.info(), &row[..row.len() - 1]).unwrap();
            assert_eq!(prior.outside(&row), None);
            lowest = row[row.len() - 1].min(lowest);
        }
        assert!(lowest < 3.2);
    }

    #[test]
    fn histories_begin_before_they_are_seen() {
        let ranges = [("t_obs_gyr", [1.0, 2.0]), ("t_start", [0.0, 10.0])];
        let prior = of(SfhModel::DelayedTau, &ranges).unwrap();
        let start = prior.names().iter().position(|n| *n == "t_start").unwrap();
        assert!((0..200).all(|id| {
            let row = prior.draw(0, id);
            row[start] <= 0.9 * row[row.len() - 1]
        }));
    }

    #[test]
    fn what_is_outside_is_named() {
        let prior = of(SfhModel::Diffstar, &[("t_obs_gyr", [3.0, 13.0])]).unwrap();
        let mut row = prior.draw(0, 0);
        *row.last_mut().unwrap() = 13.5;
        assert_eq!(prior.outside(&row).unwrap(), "t_obs_gyr = 13.5 is outside [3, 13]");
        row[0] = f64::NAN;
        assert!(prior.outside(&row).unwrap().starts_with("logm0 = NaN"));
    }

    #[test]
    fn impossible_boxes_are_refused() {
        for (ranges, expected) in [
            (&[("logm0", [11.0, 12.0])][..], "t_obs_gyr"),
            (&[("t_obs_gyr", [3.0, 13.0]), ("tau", [1.0, 2.0])], "\"tau\""),
            (&[("t_obs_gyr", [13.0, 3.0])], "prior of t_obs_gyr = 3"),
            (&[("t_obs_gyr", [3.0, f64::NAN])], "prior of t_obs_gyr = NaN"),
            (&[("t_obs_gyr", [3.0, 13.0]), ("logm0", [11.0, 18.0])], "prior of logm0 = 18"),
        ] {
            let error = of(SfhModel::Diffstar, ranges).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
