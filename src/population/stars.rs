//! The stars of a galaxy at the time of observation, before dust and filters.

use burn::tensor::Tensor;

use super::{GalaxyModel, GalaxyParams, ModelSettings};
use crate::metallicity::MetallicityWeights;
use crate::nebular::ionization_weights;
use crate::numerics::column;
use crate::sed::{SspWeights, ssp_weights, ssp_weights_met_table};
use crate::sfh::{AgeDistribution, SfhContext, SfhTable, add_burst, age_weights};
use crate::{Error, Result};

/// The stars of a batch of galaxies, before dust and filters.
#[derive(Clone, Debug)]
pub struct Stars {
    /// Mass fractions over the axes of the SSP grid; among them P(age).
    pub weights: SspWeights,
    /// log10 of the stellar mass ever formed \[Msun\], `[n_gal]`.
    pub lg_mass_formed: Tensor<1>,
}

impl GalaxyModel {
    /// Times of observation \[Gyr\], `[n_gal]`: as given, or the age of the Universe at the redshift.
    pub fn t_obs_gyr(&self, galaxies: &GalaxyParams) -> Tensor<1> {
        let given = galaxies.t_obs_gyr.clone();
        given.unwrap_or_else(|| self.cosmology().age_at_z_gyr(&galaxies.observer.redshift))
    }

    /// Star formation histories on the times of the settings, without bursts.
    ///
    /// # Errors
    /// None for valid settings.
    pub fn star_formation_history(&self, galaxies: &GalaxyParams) -> Result<SfhTable> {
        galaxies.sfh.table(&self.sfh_context(&self.t_ref_gyr(galaxies)))
    }

    /// Star formation rates at the time of observation \[Msun/yr\], without bursts, `[n_gal]`.
    ///
    /// # Errors
    /// None for valid settings.
    pub fn sfr_msun_yr(&self, galaxies: &GalaxyParams) -> Result<Tensor<1>> {
        let (t_obs, t_ref) = (self.t_obs_gyr(galaxies), self.t_ref_gyr(galaxies));
        let sfr = galaxies.sfh.sfr_msun_yr(&self.sfh_context(&t_ref), column(&t_obs))?;
        Ok(sfr.squeeze_dim(1))
    }

    /// The stars that the parameters describe.
    ///
    /// # Errors
    /// [`Error::Invalid`] where P(age) is emulated and masses hold at another time than that of observation;
    /// else none for valid settings.
    pub fn stars(&self, galaxies: &GalaxyParams) -> Result<Stars> {
        let (t_obs, t_ref) = (self.t_obs_gyr(galaxies), self.t_ref_gyr(galaxies));
        if let Some(emulator) = self.emulator() {
            if galaxies.t_ref_gyr.is_some() && galaxies.sfh.model().states_mass() {
                let reason = "needs the mass formed by the time of observation, not another time";
                return Err(Error::invalid("age emulator", reason));
            }
            let ages = emulator.age_distribution(&galaxies.sfh, &t_obs)?;
            return Ok(self.stars_of_ages(ages, &t_obs, galaxies));
        }
        let context = self.sfh_context(&t_ref);
        let ages = galaxies.sfh.age_distribution(&context, &t_obs, self.ages())?;
        Ok(self.stars_of_ages(ages, &t_obs, galaxies))
    }

    /// The stars of galaxies whose star formation histories are given, in place of those that the
    /// parameters describe; bursts are added all the same.
    pub fn stars_with_history(&self, sfh: &SfhTable, galaxies: &GalaxyParams) -> Stars {
        let t_obs = self.t_obs_gyr(galaxies);
        let ages = age_weights(sfh, &t_obs, self.ages(), self.settings().age_weights);
        self.stars_of_ages(ages, &t_obs, galaxies)
    }

    /// Where P(age) is emulated: why each galaxy is outside the box in which the emulator was trained,
    /// `None` inside. `rows` are parameters in the order of [`Components::info`](super::Components::info).
    pub fn outside_prior(&self, rows: &[Vec<f64>], t_obs_gyr: &[f64]) -> Vec<Option<String>> {
        let Some(emulator) = self.emulator() else { return vec![None; rows.len()] };
        let prior = emulator.prior();
        let n_sfh = prior.names().len() - 1;
        let of = |(row, t_obs): (&Vec<f64>, &f64)| {
            let mut values = row[..n_sfh].to_vec();
            values.push(*t_obs);
            prior.outside(&values)
        };
        rows.iter().zip(t_obs_gyr).map(of).collect()
    }

    fn sfh_context<'a>(&'a self, t_ref_gyr: &'a Tensor<1>) -> SfhContext<'a> {
        let ModelSettings { age_weights, times, nodes, lgt0, fb, .. } = self.settings();
        SfhContext { t_ref_gyr, method: *age_weights, times, nodes, lgt0: *lgt0, fb: *fb }
    }

    fn t_ref_gyr(&self, galaxies: &GalaxyParams) -> Tensor<1> {
        galaxies.t_ref_gyr.clone().unwrap_or_else(|| self.t_obs_gyr(galaxies))
    }

    /// The stars of galaxies whose P(age) and masses are given, in place of those that the parameters describe,
    /// at times of observation `t_obs_gyr` (`[n_gal]`, [`t_obs_gyr`](Self::t_obs_gyr)); bursts are added all the
    /// same.
    pub fn stars_of_ages(
        &self,
        mut ages: AgeDistribution,
        t_obs_gyr: &Tensor<1>,
        galaxies: &GalaxyParams,
    ) -> Stars {
        if let Some(burst) = &galaxies.burst {
            ages.weights = add_burst(ages.weights, burst, self.ages());
        }
        let grid = &self.grid().metallicities;
        let weights = match galaxies.metallicity.weights(
            &ages.lg_mass_formed,
            t_obs_gyr,
            grid,
            self.ages(),
        ) {
            MetallicityWeights::Common(weights) => ssp_weights(weights, ages.weights),
            MetallicityWeights::PerAge(weights) => ssp_weights_met_table(weights, ages.weights),
        };
        let weights = match (&galaxies.ionization, self.ionization_grid()) {
            (Some(params), Some(grid)) => weights.with_ionization(ionization_weights(params, grid)),
            _ => weights,
        };
        Stars { weights, lg_mass_formed: ages.lg_mass_formed }
    }
}
