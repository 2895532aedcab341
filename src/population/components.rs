//! Which ingredients galaxies are made of, and with that, which parameters they have.

use burn::tensor::Tensor;

use super::{GalaxyParams, ObserverParams};
use crate::dust::DustModel;
use crate::metallicity::MetallicityModel;
use crate::nebular::IonizationParams;
use crate::numerics::columns;
use crate::parameters::{self, ParamInfo, ParameterSet};
use crate::sfh::{BurstParams, SfhModel};
use crate::{Error, Result};

/// The ingredients of galaxies. The default is DSPS's: diffstar, one lognormal metallicity
/// distribution, one dust screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Components {
    /// Smooth star formation history.
    pub sfh: SfhModel,
    /// A recent burst on top of it.
    pub burst: bool,
    /// Metallicity distribution.
    pub metallicity: MetallicityModel,
    /// A distribution of ionization parameters; a [`GalaxyModel`](super::GalaxyModel) sets this
    /// itself, from the axes of its grid.
    pub ionization: bool,
    /// Geometry of the dust.
    pub dust: DustModel,
}

impl Default for Components {
    fn default() -> Self {
        Self {
            sfh: SfhModel::Diffstar,
            burst: false,
            metallicity: MetallicityModel::Lognormal,
            ionization: false,
            dust: DustModel::Screen,
        }
    }
}

impl Components {
    /// The parameters of a galaxy in column order: halo and star formation, burst, metallicity,
    /// ionization, dust, place of observation. `t_obs_gyr` is not among them.
    pub fn info(&self) -> Vec<ParamInfo> {
        let if_any = |any: bool, info: &'static [ParamInfo]| if any { info } else { &[] };
        [
            &self.sfh.info(),
            if_any(self.burst, BurstParams::INFO),
            &self.metallicity.info(),
            if_any(self.ionization, IonizationParams::INFO),
            &self.dust.info(),
            ObserverParams::INFO,
        ]
        .concat()
    }

    /// Names in column order.
    pub fn names(&self) -> Vec<&'static str> {
        self.info().iter().map(|p| p.name).collect()
    }

    /// Default values in column order.
    pub fn default_values(&self) -> Vec<f64> {
        self.info().iter().map(|p| p.default).collect()
    }

    /// Column of the parameter `name`.
    ///
    /// # Errors
    /// [`Error::UnknownName`] when galaxies have no such parameter.
    pub fn index(&self, name: &str) -> Result<usize> {
        let names = self.names();
        names.iter().position(|n| *n == name).ok_or_else(|| Error::UnknownName {
            kind: "parameter",
            name: name.to_owned(),
            available: names.join(", "),
        })
    }

    /// Default values, with those of some parameters changed.
    ///
    /// # Errors
    /// Those of [`index`](Self::index) and [`check`](Self::check).
    pub fn row(&self, changes: &[(&str, f64)]) -> Result<Vec<f64>> {
        let mut row = self.default_values();
        for (name, value) in changes {
            row[self.index(name)?] = *value;
        }
        self.check(&row)?;
        Ok(row)
    }

    /// Checks one galaxy's values, in the order of [`info`](Self::info), against their ranges.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another number of values; [`Error::OutOfRange`] naming the first parameter
    /// that is not finite or out of range.
    pub fn check(&self, values: &[f64]) -> Result<()> {
        parameters::check(&self.info(), values)
    }

    /// Checks whether one galaxy's star formation history makes sense at the time at which its
    /// parameters hold.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another number of values; [`Error::OutOfRange`] for a history that is to have
    /// formed mass by `t_ref_gyr` but starts later.
    pub fn check_at(&self, values: &[f64], t_ref_gyr: f64) -> Result<()> {
        let info = self.info();
        parameters::check_length(&info, values.len())?;
        let start = info.iter().position(|p| p.name == "t_start").map(|j| values[j]);
        match start {
            Some(value) if value >= t_ref_gyr => Err(Error::OutOfRange {
                what: "t_start".into(),
                value,
                allowed: format!("[0, {t_ref_gyr}), before the mass has formed"),
            }),
            _ => Ok(()),
        }
    }

    /// Splits a matrix `[n_gal, n_param]` with the columns of [`info`](Self::info); the graph of the
    /// matrix is kept. `t_obs_gyr` (`[n_gal]`) is the cosmic time of observation; without it, that
    /// is the age of the Universe at the redshift.
    ///
    /// # Errors
    /// [`Error::Invalid`] for no galaxies, another number of columns, or when `t_obs_gyr` has not one value
    /// per row.
    pub fn galaxies(
        &self,
        matrix: &Tensor<2>,
        t_obs_gyr: Option<Tensor<1>>,
    ) -> Result<GalaxyParams> {
        let n_gal = matrix.dims()[0];
        if n_gal == 0 {
            return Err(Error::invalid("galaxies", "there are none"));
        }
        if let Some(t_obs) = t_obs_gyr.as_ref().filter(|t| t.dims()[0] != n_gal) {
            return Err(Error::invalid(
                "t_obs_gyr",
                format!("{} values for {n_gal} galaxies", t_obs.dims()[0]),
            ));
        }
        parameters::check_length(&self.info(), matrix.dims()[1])?;
        let columns = &mut columns(matrix).into_iter();
        Ok(GalaxyParams {
            sfh: self.sfh.take(columns),
            burst: self.burst.then(|| BurstParams::take(columns)),
            metallicity: self.metallicity.take(columns),
            ionization: self.ionization.then(|| IonizationParams::take(columns)),
            dust: self.dust.take(columns),
            observer: ObserverParams::take(columns),
            t_obs_gyr,
            t_ref_gyr: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every combination of ingredients.
    fn all() -> impl Iterator<Item = Components> {
        let flags = [false, true];
        let sfh = SfhModel::ALL.iter().flat_map(move |sfh| flags.map(|burst| (*sfh, burst)));
        let light = MetallicityModel::ALL.iter().flat_map(move |metallicity| {
            flags.into_iter().flat_map(move |ionization| {
                DustModel::ALL.iter().map(move |dust| (*metallicity, ionization, *dust))
            })
        });
        let light: Vec<_> = light.collect();
        sfh.flat_map(move |(sfh, burst)| {
            let of = move |(metallicity, ionization, dust)| Components {
                sfh,
                burst,
                metallicity,
                ionization,
                dust,
            };
            light.clone().into_iter().map(of)
        })
    }

    #[test]
    fn defaults_are_in_range_and_names_are_unique() {
        for components in all() {
            components.check(&components.default_values()).unwrap();
            let mut names = components.names();
            names.sort_unstable();
            let n = names.len();
            names.dedup();
            assert_eq!(names.len(), n, "{components:?}");
        }
        assert_eq!(Components::default().names().len(), 20);
    }

    #[test]
    fn a_matrix_comes_back_from_its_parts() {
        crate::testing::for_each_f64_place(|place| {
            for components in all() {
                let row = components.default_values();
                let galaxies = components.galaxies(&place.row(&row), None).unwrap();
                assert_eq!(galaxies.components(), components);
                assert_eq!(crate::testing::values(galaxies.to_matrix()), row);
            }
        });
    }

    #[test]
    fn no_galaxies_are_an_error() {
        crate::testing::for_each_place(|place| {
            let none = Components::default().galaxies(&place.matrix(&[], [0, 20]), None);
            assert_eq!(none.unwrap_err().to_string(), "galaxies: there are none");
        });
    }

    #[test]
    fn the_offending_parameter_is_named() {
        for (name, bad) in
            [("logm0", 17.5), ("lg_drop", f64::NAN), ("av", -0.1), ("redshift", 31.0)]
        {
            let error = Components::default().row(&[(name, bad)]).unwrap_err().to_string();
            assert!(error.starts_with(name), "{error}");
        }
        for row in [vec![], vec![0.1; 19], vec![0.1; 21]] {
            let components = Components::default();
            for checked in [components.check(&row), components.check_at(&row, 5.0)] {
                let error = checked.unwrap_err().to_string();
                assert!(error.contains("expected 20: logm0"), "{error}");
            }
        }
        let error = Components::default().row(&[("tau", 1.0)]).unwrap_err().to_string();
        assert!(error.contains("\"tau\"") && error.contains("lg_qt"), "{error}");
    }
}
