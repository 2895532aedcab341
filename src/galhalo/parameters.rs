//! All parameters of a population as one vector with names.

use std::ops::Range;

use burn::tensor::Tensor;

use super::table::{bounded_row, check_row};
use super::{BurstPop, DiffmahPop, DiffstarCalibration, DiffstarPop, DustPop};
use crate::metallicity::{MassMetallicityParams, ScatterParams};
use crate::names::available;
use crate::parameters::{Bound, ParamInfo, ParameterSet, check};
use crate::{Error, Result};

/// What a population consists of, besides what every one has: star formation, metallicity and dust.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PopulationIngredients {
    /// Halo growth from DiffmahPop; without it, every halo comes with its growth.
    pub growth: bool,
    /// Bursts.
    pub bursts: bool,
}

/// The parameters of one ingredient.
#[derive(Clone, Debug)]
struct Group {
    name: &'static str,
    infos: Vec<ParamInfo>,
}

/// The parameters of a population in the order of its vector: those of `diffmahpop`, `diffstarpop`, `mzr`,
/// `dust` and `burst`, as far as it has them. Names are like `diffstarpop.mean_ulgm_mseq_ytp`.
#[derive(Clone, Debug)]
pub struct PopulationParameters {
    ingredients: PopulationIngredients,
    groups: Vec<Group>,
    names: Vec<String>,
}

/// The models of a population with their parameters.
#[derive(Clone, Debug)]
pub struct PopulationModels {
    /// Halo growth.
    pub growth: Option<DiffmahPop>,
    /// Star formation.
    pub galaxies: DiffstarPop,
    /// Median metallicity, `[1]` each.
    pub metallicity: MassMetallicityParams,
    /// Scatter of metallicity within galaxies, `[1]`.
    pub metallicity_scatter: ScatterParams,
    /// Dust.
    pub dust: DustPop,
    /// Bursts.
    pub bursts: Option<BurstPop>,
}

impl PopulationParameters {
    /// Those of a population with the given ingredients.
    pub fn new(ingredients: PopulationIngredients) -> Self {
        let mzr = [MassMetallicityParams::INFO, ScatterParams::INFO].concat();
        let groups = [
            ingredients.growth.then(|| ("diffmahpop", DiffmahPop::INFO.to_vec())),
            Some(("diffstarpop", DiffstarPop::INFO.to_vec())),
            Some(("mzr", mzr)),
            Some(("dust", DustPop::INFO.to_vec())),
            ingredients.bursts.then(|| ("burst", BurstPop::INFO.to_vec())),
        ];
        let groups: Vec<Group> =
            groups.into_iter().flatten().map(|(name, infos)| Group { name, infos }).collect();
        let names = groups
            .iter()
            .flat_map(|group| group.infos.iter().map(|p| format!("{}.{}", group.name, p.name)))
            .collect();
        Self { ingredients, groups, names }
    }

    /// What the population consists of.
    pub fn ingredients(&self) -> PopulationIngredients {
        self.ingredients
    }

    /// Names in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What is known about each, in order; bounds refer to the short names of the same ingredient.
    pub fn info(&self) -> impl Iterator<Item = &ParamInfo> {
        self.groups.iter().flat_map(|group| &group.infos)
    }

    /// Default values in order.
    pub fn default_values(&self) -> Vec<f64> {
        self.info().map(|p| p.default).collect()
    }

    /// Default values, with those of a calibration for star formation.
    ///
    /// # Errors
    /// Those of [`DiffstarCalibration::values`].
    pub fn calibrated(&self, calibration: DiffstarCalibration) -> Result<Vec<f64>> {
        let mut values = self.default_values();
        let start = self.groups.iter().take_while(|group| group.name != "diffstarpop");
        let start: usize = start.map(|group| group.infos.len()).sum();
        values[start..start + DiffstarPop::INFO.len()].copy_from_slice(&calibration.values()?);
        Ok(values)
    }

    /// Position of the parameter `name`.
    ///
    /// # Errors
    /// [`Error::UnknownName`] when the population has no such parameter.
    pub fn index(&self, name: &str) -> Result<usize> {
        self.names.iter().position(|n| n == name).ok_or_else(|| self.unknown(name))
    }

    /// Positions, ascending, of the parameters that any of the patterns matches: names in which `*` stands
    /// for any text, such as `dust.*` or `diffstarpop.mean_*_lo`.
    ///
    /// # Errors
    /// [`Error::UnknownName`] for a pattern that matches nothing.
    pub fn matching<P: AsRef<str>>(&self, patterns: &[P]) -> Result<Vec<usize>> {
        let mut found = vec![false; self.names.len()];
        for pattern in patterns.iter().map(AsRef::as_ref) {
            let mut any = false;
            for (found, name) in found.iter_mut().zip(&self.names) {
                let hit = matches(pattern, name);
                any |= hit;
                *found |= hit;
            }
            if !any {
                return Err(self.unknown(pattern));
            }
        }
        Ok((0..found.len()).filter(|j| found[*j]).collect())
    }

    /// The given values, with those of some parameters changed.
    ///
    /// # Errors
    /// Those of [`index`](Self::index) and [`check`](Self::check).
    pub fn with(&self, mut values: Vec<f64>, changes: &[(&str, f64)]) -> Result<Vec<f64>> {
        self.check_length(&values)?;
        for (name, value) in changes {
            values[self.index(name)?] = *value;
        }
        self.check(&values)?;
        Ok(values)
    }

    /// Checks values against their ranges.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another number of values; [`Error::OutOfRange`] naming the first that is not
    /// finite or out of range.
    pub fn check(&self, values: &[f64]) -> Result<()> {
        self.check_length(values)?;
        let mut rest = values;
        for Group { name, infos } in &self.groups {
            let (own, others) = rest.split_at(infos.len());
            check(infos, own).map_err(|error| match error {
                Error::OutOfRange { what, value, allowed } => {
                    Error::OutOfRange { what: format!("{name}.{what}"), value, allowed }
                }
                other => other,
            })?;
            rest = others;
        }
        Ok(())
    }

    /// Values from their ranges to unbounded space, the ends as [`Bound::to_unbounded`] takes them.
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    pub fn to_unbounded(&self, values: &[f64]) -> Result<Vec<f64>> {
        self.check(values)?;
        Ok(self.mapped(values, Bound::to_unbounded, |given, _| given))
    }

    /// Values from unbounded space to their ranges.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another number of values.
    pub fn to_bounded(&self, unbounded: &[f64]) -> Result<Vec<f64>> {
        self.check_length(unbounded)?;
        Ok(self.mapped(unbounded, Bound::to_bounded, |_, mapped| mapped))
    }

    /// All parameters within their bounds for unbounded ones, `[1, n]`; their graph is kept.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another shape.
    pub fn bounded(&self, unbounded: &Tensor<2>) -> Result<Tensor<2>> {
        check_row("population parameters", self.names.len(), unbounded)?;
        let mut start = 0;
        let rows = self.groups.iter().map(|group| {
            let n = group.infos.len();
            start += n;
            bounded_row(&group.infos, unbounded.clone().narrow(1, start - n, n))
        });
        Ok(Tensor::cat(rows.collect(), 1))
    }

    /// The models for unbounded parameters `[1, n]`; their graph is kept.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another shape.
    pub fn models(&self, unbounded: &Tensor<2>) -> Result<PopulationModels> {
        check_row("population parameters", self.names.len(), unbounded)?;
        self.models_of(|range| unbounded.clone().narrow(1, range.start, range.len()))
    }

    /// The models for the unbounded parameters that `row` gives for each ingredient.
    pub(super) fn models_of(
        &self,
        row: impl Fn(Range<usize>) -> Tensor<2>,
    ) -> Result<PopulationModels> {
        let mut start = 0;
        let mut rows = self.groups.iter().map(|group| {
            let range = start..start + group.infos.len();
            start = range.end;
            bounded_row(&group.infos, row(range))
        });
        // The same order as in `new`.
        let mut next = || rows.next().ok_or_else(|| Error::invalid("population", "lacks a group"));
        let growth = match self.ingredients.growth {
            true => Some(DiffmahPop::new(next()?)?),
            false => None,
        };
        let galaxies = DiffstarPop::new(next()?)?;
        let mzr = next()?;
        let n_mzr = MassMetallicityParams::n_params();
        let n_scatter = ScatterParams::n_params();
        Ok(PopulationModels {
            growth,
            galaxies,
            metallicity: MassMetallicityParams::from_matrix(&mzr.clone().narrow(1, 0, n_mzr))?,
            metallicity_scatter: ScatterParams::from_matrix(&mzr.narrow(1, n_mzr, n_scatter))?,
            dust: DustPop::new(next()?)?,
            bursts: match self.ingredients.bursts {
                true => Some(BurstPop::new(next()?)?),
                false => None,
            },
        })
    }

    /// Each value mapped with its range; `bounded` says which of a value and its image is in the range.
    fn mapped(
        &self,
        values: &[f64],
        map: impl Fn(&Bound, f64, (f64, f64)) -> f64,
        bounded: impl Fn(f64, f64) -> f64,
    ) -> Vec<f64> {
        let mut all = Vec::with_capacity(values.len());
        let mut rest = values;
        for Group { infos, .. } in &self.groups {
            let (given, others) = rest.split_at(infos.len());
            // Ranges may depend on parameters with fixed ranges.
            let other = |name: &str| {
                let j = infos.iter().position(|p| p.name == name);
                let j = j.unwrap_or_else(|| unreachable!("{name} is not in its group"));
                let range = infos[j].bound.fixed().unwrap_or((f64::NAN, f64::NAN));
                bounded(given[j], map(&infos[j].bound, given[j], range))
            };
            all.extend(infos.iter().zip(given).map(|(ParamInfo { bound, .. }, value)| {
                map(bound, *value, (bound.lo.value(other), bound.hi.value(other)))
            }));
            rest = others;
        }
        all
    }

    fn check_length(&self, values: &[f64]) -> Result<()> {
        if values.len() == self.names.len() {
            return Ok(());
        }
        let reason = format!("{} values, expected {}", values.len(), self.names.len());
        Err(Error::invalid("population parameters", reason))
    }

    fn unknown(&self, name: &str) -> Error {
        Error::UnknownName {
            kind: "population parameter",
            name: name.to_owned(),
            available: available(name, self.names.iter().map(String::as_str)),
        }
    }
}

/// Whether a name matches a pattern in which `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let (between, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    let within = name.strip_prefix(first).and_then(|name| name.strip_suffix(last));
    // The earliest place of each text leaves the most room for the next.
    within.is_some_and(|within| {
        let mut start = 0;
        between.split('*').all(|text| {
            let end = within[start..].find(text).map(|i| start + i + text.len());
            start = end.unwrap_or(start);
            end.is_some()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, for_each_place, values};

    fn all() -> PopulationParameters {
        PopulationParameters::new(PopulationIngredients { growth: true, bursts: true })
    }

    #[test]
    fn names_are_unique_and_defaults_within_bounds() {
        let all = all();
        assert_eq!(all.names().len(), 113 + 88 + 10 + 12 + 12);
        let mut names = all.names().to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.names().len());
        all.check(&all.default_values()).unwrap();
        let few = PopulationParameters::new(PopulationIngredients::default());
        assert_eq!(few.names().len(), 110);
        assert_eq!(few.names()[0], "diffstarpop.frac_quench_cen_x0_tpeak");
    }

    #[test]
    fn values_go_to_unbounded_space_and_back() {
        let all = all();
        for &calibration in DiffstarCalibration::ALL {
            let values = all.calibrated(calibration).unwrap();
            let back = all.to_bounded(&all.to_unbounded(&values).unwrap()).unwrap();
            assert_close(&back, &values, 1e-10, 1e-12);
        }
    }

    #[test]
    fn the_models_have_the_bounded_values() {
        let all = all();
        let u = all.to_unbounded(&all.default_values()).unwrap();
        for_each_place(|place| {
            let models = all.models(&place.row(&u)).unwrap();
            let tolerance = place.tolerance(1e-10, 1e-4);
            let mzr = values(models.metallicity.to_matrix());
            assert_close(&mzr, &MassMetallicityParams::default_values(), tolerance, 0.0);
            let scatter = values(models.metallicity_scatter.to_matrix());
            assert_close(&scatter, &ScatterParams::default_values(), tolerance, 0.0);
            assert!(models.growth.is_some() && models.bursts.is_some());
            assert!(all.models(&place.row(&u[1..])).is_err());
        });
    }

    #[test]
    fn patterns_find_parameters() {
        let all = all();
        let names = |patterns: &[&str]| -> Vec<String> {
            all.matching(patterns).unwrap().into_iter().map(|j| all.names()[j].clone()).collect()
        };
        assert_eq!(names(&["dust.*"]).len(), 12);
        assert_eq!(names(&["dust.av_*", "dust.*_scatter"]).len(), 6);
        assert_eq!(names(&["*"]).len(), 235);
        assert_eq!(names(&["mzr.mzr_t0_k"]), ["mzr.mzr_t0_k"]);
        assert_eq!(
            names(&["diffstarpop.mean_*_mseq_lo"]),
            ["diffstarpop.mean_ulgm_mseq_lo", "diffstarpop.mean_ulgy_mseq_lo"]
        );
        let error = all.matching(&["dust.*", "dusk.*"]).unwrap_err().to_string();
        assert!(error.contains("dusk.*") && error.contains("dust.av_norm"), "{error}");
        let error = all.index("av_norm").unwrap_err().to_string();
        assert!(error.contains("dust.av_norm") && error.len() < 1000, "{error}");
        // The time does not grow with the number of stars.
        let stars = format!("{}x", "*a".repeat(1000));
        assert!(all.matching(&[&*stars]).is_err());
        for (pattern, name, is_match) in [
            ("a*b*c", "abc", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("ab*bc", "abc", false),
            ("**", "", true),
            ("*.é*", "dust.éa", true),
        ] {
            assert_eq!(matches(pattern, name), is_match, "{pattern} {name}");
        }
    }

    #[test]
    fn changes_are_checked() {
        let all = all();
        let defaults = all.default_values();
        let changed = all.with(defaults.clone(), &[("dust.av_norm", 1.0)]).unwrap();
        assert_eq!(changed[all.index("dust.av_norm").unwrap()], 1.0);
        let error = all.with(defaults.clone(), &[("dust.av_norm", 20.0)]).unwrap_err().to_string();
        assert!(error.contains("dust.av_norm = 20"), "{error}");
        let at_ends = [("dust.av_norm", 10.0), ("dust.av_scatter", 0.0)];
        let at_ends = all.with(defaults, &at_ends).unwrap();
        let back = all.to_bounded(&all.to_unbounded(&at_ends).unwrap()).unwrap();
        assert_close(&back, &at_ends, 1e-10, 1e-12);
        assert!(all.check(&[1.0]).is_err() && all.to_bounded(&[1.0]).is_err());
    }
}
