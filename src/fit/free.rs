//! Which parameters are fitted, with their priors, and the ranges that the others leave them.

use super::prior::{Latent, Prior};
use crate::numerics::random::normal;
use crate::parameters::{Edge, ParamInfo};
use crate::population::Components;
use crate::{Error, Result};

/// Share of the time of observation by which star formation has to start.
const START_MAX: f64 = 0.9;

/// The parameters that are fitted.
#[derive(Clone, Debug)]
pub struct FreeParameters {
    /// All parameters of the model.
    info: Vec<ParamInfo>,
    /// Indices of the free ones among them.
    indices: Vec<usize>,
    priors: Vec<Prior>,
}

impl FreeParameters {
    /// The named parameters with their priors, in the order of the model's columns; `None` is the usual
    /// prior.
    ///
    /// # Errors
    /// [`Error::UnknownName`] for a parameter that galaxies do not have; [`Error::Invalid`] for one that
    /// is named twice or has no usual prior, for the redshift, for no parameters, and for two of which one
    /// is the other's limit; those of [`Prior::check`].
    pub fn new(components: &Components, named: &[(&str, Option<Prior>)]) -> Result<Self> {
        let info = components.info();
        let mut free = Vec::with_capacity(named.len());
        for (name, prior) in named {
            let refused =
                |reason: &str| Err(Error::invalid(format!("free parameter {name}"), reason));
            let j = components.index(name)?;
            if *name == "redshift" {
                return refused("fits are of galaxies with known redshifts");
            }
            if free.iter().any(|(i, _)| *i == j) {
                return refused("is named twice");
            }
            let Some(prior) = prior.or_else(|| Prior::usual(&info[j])) else {
                return refused("has no usual prior; state one");
            };
            let bound = info[j].bound;
            for edge in [bound.lo, bound.hi] {
                if let Edge::Param(other, _) = edge
                    && named.iter().any(|(name, _)| *name == other)
                {
                    return refused(&format!("is limited by {other}, which is free as well"));
                }
            }
            prior.check(name, widest(&info, j))?;
            free.push((j, prior));
        }
        if free.is_empty() {
            return Err(Error::invalid("fit", "no parameter is free"));
        }
        free.sort_by_key(|(j, _)| *j);
        let (indices, priors) = free.into_iter().unzip();
        Ok(Self { info, indices, priors })
    }

    /// The names of all parameters with a usual prior, but for those in `fixed`.
    pub fn usual(components: &Components, fixed: &[&str]) -> Vec<&'static str> {
        let infos = components.info().into_iter();
        let free = infos.filter(|p| Prior::usual(p).is_some() && !fixed.contains(&p.name));
        free.map(|p| p.name).collect()
    }

    /// Names in order.
    pub fn names(&self) -> Vec<&'static str> {
        self.indices.iter().map(|j| self.info[*j].name).collect()
    }

    /// Indices in [`Components::info`].
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }

    /// Their priors.
    pub fn priors(&self) -> &[Prior] {
        &self.priors
    }

    /// Values at which every check of the others passes: the lower end of the range, or the upper one of
    /// a parameter whose lower end is another one.
    pub(super) fn placeholders(&self) -> impl Iterator<Item = (usize, f64)> {
        self.indices.iter().map(|j| {
            let (lo, hi) = widest(&self.info, *j);
            let depends = matches!(self.info[*j].bound.lo, Edge::Param(..));
            (*j, if depends { hi } else { lo })
        })
    }

    /// The maps to the free parameters of a galaxy with the parameters `row`, of which the free ones are
    /// not looked at, observed at `t_obs_gyr`.
    ///
    /// # Errors
    /// A text that names the parameter whose prior the others leave no room.
    pub fn latents(&self, row: &[f64], t_obs_gyr: f64) -> std::result::Result<Vec<Latent>, String> {
        let latent = |(j, prior): (&usize, &Prior)| {
            let range = self.range(*j, row, t_obs_gyr);
            prior.within(range).ok_or_else(|| {
                let name = self.info[*j].name;
                format!("the prior of {name} leaves nothing within [{}, {}]", range.0, range.1)
            })
        };
        self.indices.iter().zip(&self.priors).map(latent).collect()
    }

    /// Values drawn from the priors: the same for the same `seed` and `id`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the priors are not within the ranges that `row` leaves.
    pub fn draw(&self, row: &[f64], t_obs_gyr: f64, seed: u64, id: u64) -> Result<Vec<f64>> {
        let latents = self.latents(row, t_obs_gyr).map_err(|e| Error::invalid("draw", e))?;
        let drawn = |(k, latent): (usize, &Latent)| latent.value(normal(seed, id, k as u64));
        Ok(latents.iter().enumerate().map(drawn).collect())
    }

    /// A row with other values of the free parameters.
    pub fn with_values(&self, row: &[f64], values: &[f64]) -> Vec<f64> {
        let mut row = row.to_vec();
        for (j, value) in self.indices.iter().zip(values) {
            row[*j] = *value;
        }
        row
    }

    /// The range of the parameter `j`, given the fixed ones.
    fn range(&self, j: usize, row: &[f64], t_obs_gyr: f64) -> (f64, f64) {
        let at = |edge: Edge| edge.value(|name| row[position(&self.info, name)]);
        let (mut lo, mut hi) = (at(self.info[j].bound.lo), at(self.info[j].bound.hi));
        let name = self.info[j].name;
        if name == "t_start" {
            hi = hi.min(START_MAX * t_obs_gyr);
        }
        // Those that it limits must have room as well.
        for (k, other) in self.info.iter().enumerate().filter(|(k, _)| !self.indices.contains(k)) {
            match (other.bound.lo, other.bound.hi) {
                (Edge::Param(limit, offset), _) if limit == name => hi = hi.min(row[k] - offset),
                (_, Edge::Param(limit, offset)) if limit == name => lo = lo.max(row[k] - offset),
                _ => {}
            }
        }
        (lo, hi)
    }
}

/// The range of the parameter `j`, whatever the others.
fn widest(info: &[ParamInfo], j: usize) -> (f64, f64) {
    let end = |edge: Edge, upper: bool| {
        edge.value(|name| {
            let (lo, hi) = widest(info, position(info, name));
            if upper { hi } else { lo }
        })
    };
    (end(info[j].bound.lo, false), end(info[j].bound.hi, true))
}

fn position(info: &[ParamInfo], name: &str) -> usize {
    info.iter()
        .position(|p| p.name == name)
        .unwrap_or_else(|| unreachable!("bound refers to {name}, which is not in its set"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dust::DustModel;
    use crate::metallicity::MetallicityModel;
    use crate::sfh::SfhModel;

    fn free(named: &[(&str, Option<Prior>)]) -> Result<FreeParameters> {
        FreeParameters::new(&Components::default(), named)
    }

    #[test]
    fn every_model_has_usual_priors_that_fit_its_ranges() {
        for sfh in SfhModel::ALL {
            for metallicity in MetallicityModel::ALL {
                for dust in DustModel::ALL {
                    let components = Components {
                        sfh: *sfh,
                        burst: true,
                        metallicity: *metallicity,
                        ionization: true,
                        dust: *dust,
                    };
                    let names = FreeParameters::usual(&components, &[]);
                    let named: Vec<_> = names.iter().map(|name| (*name, None)).collect();
                    let free = FreeParameters::new(&components, &named).unwrap();
                    assert!(free.names() == names && names.iter().any(|n| n.starts_with("av")));
                    let row = components.default_values();
                    for id in 0..20 {
                        let values = free.draw(&row, 3.0, 1, id).unwrap();
                        components.check(&free.with_values(&row, &values)).unwrap();
                    }
                }
            }
        }
    }

    #[test]
    fn columns_fix_parameters() {
        let components = Components::default();
        let names = FreeParameters::usual(&components, &["lgmet", "redshift"]);
        assert_eq!(names, ["logm0", "logtc", "lgy_at_mcrit", "av", "dust_slope"]);
    }

    #[test]
    fn limits_between_parameters_are_kept() {
        let components = Components::default();
        let row = components.row(&[("lg_drop", -2.0), ("lg_rejuv", -1.0)]).unwrap();
        let end = |free: &FreeParameters, u: f64| free.latents(&row, 9.0).unwrap()[0].value(u);
        let wide = Some(Prior::Gaussian { mean: -1.2, sigma: 0.6 });
        let drop = free(&[("lg_drop", wide)]).unwrap();
        assert!(end(&drop, 7.0) <= -1.0);
        let flat = Prior::Uniform { low: -3.0, high: 0.0 };
        let rejuv = free(&[("lg_rejuv", Some(flat))]).unwrap();
        assert!(end(&rejuv, -7.0) >= -2.0 && end(&rejuv, -7.0) < -1.99);
        let error = free(&[("lg_drop", wide), ("lg_rejuv", Some(flat))]).unwrap_err().to_string();
        assert!(error.contains("lg_rejuv") && error.contains("limited by lg_drop"), "{error}");

        let narrow = Prior::Uniform { low: -0.5, high: -0.1 };
        let reason = free(&[("lg_drop", Some(narrow))]).unwrap().latents(&row, 9.0).unwrap_err();
        assert_eq!(reason, "the prior of lg_drop leaves nothing within [-3, -1]");
        let tau = Components { sfh: SfhModel::DelayedTau, ..components };
        let start = FreeParameters::new(&tau, &[("t_start", None)]).unwrap();
        let latents = start.latents(&tau.default_values(), 2.0).unwrap();
        assert!(latents[0].value(7.0) <= 1.8);
    }

    #[test]
    fn wrong_choices_are_named() {
        let error = |named: &[(&str, Option<Prior>)]| free(named).unwrap_err().to_string();
        assert!(error(&[]).contains("no parameter is free"));
        assert!(error(&[("redshift", None)]).contains("known redshifts"));
        assert!(error(&[("av", None), ("av", None)]).contains("av: is named twice"));
        assert!(error(&[("dust_bump", None)]).contains("dust_bump: has no usual prior"));
        assert!(error(&[("tau", None)]).contains("\"tau\""));
        let far = Prior::Gaussian { mean: 11.0, sigma: 1.0 };
        assert!(error(&[("av", Some(far))]).contains("prior of av: mean = 11"));
    }
}
