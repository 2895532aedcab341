//! Everything that describes a galaxy and where it is seen.

use burn::tensor::Tensor;

use crate::dust::ScreenParams;
use crate::halo::DiffmahParams;
use crate::metallicity::LognormalParams;
use crate::parameter_set;
use crate::parameters::{Bound, ParamInfo, ParameterSet};
use crate::sfh::DiffstarParams;
use crate::{Error, Result};

parameter_set! {
    /// Where a galaxy is seen.
    pub struct ObserverParams {
        /// Redshift.
        redshift: "1", 0.1, Bound::square(0.0, 30.0);
    }
}

/// Parameters of a batch of galaxies.
#[derive(Clone, Debug)]
pub struct GalaxyParams {
    /// Halo mass assembly.
    pub halo: DiffmahParams,
    /// Star formation in the halo.
    pub sfh: DiffstarParams,
    /// Metallicity distribution.
    pub metallicity: LognormalParams,
    /// Dust screen.
    pub dust: ScreenParams,
    /// Place of observation.
    pub observer: ObserverParams,
    /// Cosmic time of observation \[Gyr\], `[n_gal]`; without it, the age of the Universe at the
    /// redshift.
    pub t_obs_gyr: Option<Tensor<1>>,
}

impl GalaxyParams {
    /// The parameters of all five sets in column order; `t_obs_gyr` is not among them.
    pub fn info() -> Vec<ParamInfo> {
        [
            DiffmahParams::INFO,
            DiffstarParams::INFO,
            LognormalParams::INFO,
            ScreenParams::INFO,
            ObserverParams::INFO,
        ]
        .concat()
    }

    /// Names in column order.
    pub fn names() -> Vec<&'static str> {
        Self::info().iter().map(|p| p.name).collect()
    }

    /// Splits a matrix `[n_gal, n_param]` with the columns of [`info`](Self::info).
    ///
    /// # Errors
    /// [`Error::Invalid`] when the number of columns is another, or `t_obs_gyr` has not one value
    /// per row.
    pub fn from_matrix(matrix: &Tensor<2>, t_obs_gyr: Option<Tensor<1>>) -> Result<Self> {
        let [n_gal, n] = matrix.dims();
        if let Some(t_obs) = t_obs_gyr.as_ref().filter(|t| t.dims()[0] != n_gal) {
            return Err(Error::invalid(
                "t_obs_gyr",
                format!("{} values for {n_gal} galaxies", t_obs.dims()[0]),
            ));
        }
        if n != Self::info().len() {
            let names = Self::names();
            return Err(Error::invalid(
                "galaxy parameters",
                format!("{n} columns, expected {}: {}", names.len(), names.join(", ")),
            ));
        }
        let mut from = 0;
        let mut next = |len: usize| {
            let part = matrix.clone().narrow(1, from, len);
            from += len;
            part
        };
        Ok(Self {
            halo: DiffmahParams::from_matrix(&next(DiffmahParams::n_params()))?,
            sfh: DiffstarParams::from_matrix(&next(DiffstarParams::n_params()))?,
            metallicity: LognormalParams::from_matrix(&next(LognormalParams::n_params()))?,
            dust: ScreenParams::from_matrix(&next(ScreenParams::n_params()))?,
            observer: ObserverParams::from_matrix(&next(ObserverParams::n_params()))?,
            t_obs_gyr,
        })
    }

    /// The parameters as a matrix `[n_gal, n_param]` with the columns of [`info`](Self::info).
    pub fn to_matrix(&self) -> Tensor<2> {
        let sets = [
            self.halo.columns(),
            self.sfh.columns(),
            self.metallicity.columns(),
            self.dust.columns(),
            self.observer.columns(),
        ];
        Tensor::stack(sets.concat(), 1)
    }

    /// Checks one galaxy's values, in the order of [`info`](Self::info), against their ranges.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] naming the first parameter that is not finite or out of range.
    pub fn check(values: &[f64]) -> Result<()> {
        let (halo, rest) = values.split_at(DiffmahParams::n_params());
        let (sfh, rest) = rest.split_at(DiffstarParams::n_params());
        let (metallicity, rest) = rest.split_at(LognormalParams::n_params());
        let (dust, observer) = rest.split_at(ScreenParams::n_params());
        DiffmahParams::check(halo)?;
        DiffstarParams::check(sfh)?;
        LognormalParams::check(metallicity)?;
        ScreenParams::check(dust)?;
        ObserverParams::check(observer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_in_range_and_names_are_unique() {
        let info = GalaxyParams::info();
        let defaults: Vec<f64> = info.iter().map(|p| p.default).collect();
        GalaxyParams::check(&defaults).unwrap();
        let mut names = GalaxyParams::names();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 20);
    }

    #[test]
    fn the_offending_parameter_is_named() {
        for (name, bad) in
            [("logm0", 17.5), ("lg_drop", f64::NAN), ("av", -0.1), ("redshift", 31.0)]
        {
            let info = GalaxyParams::info();
            let mut values: Vec<f64> = info.iter().map(|p| p.default).collect();
            values[info.iter().position(|p| p.name == name).unwrap()] = bad;
            let error = GalaxyParams::check(&values).unwrap_err().to_string();
            assert!(error.starts_with(name), "{error}");
        }
    }
}
