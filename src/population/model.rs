//! The forward model: galaxy parameters in, magnitudes and masses out.
//!
//! parameters -> halo -> SFH -> P(age), P(Z), P(U) -> SSP weights -> spectrum -> dust -> photometry

use std::ops::Range;

use burn::tensor::Tensor;

use super::{Components, Frame, GalaxyParams, ModelSettings};
use crate::cosmology::Cosmology;
use crate::device::Place;
use crate::filter::FilterSet;
use crate::metallicity::MetallicityWeights;
use crate::numerics::jacobian::{Jacobian, jacobian};
use crate::numerics::{column, log10};
use crate::photometry::{Bandpasses, ab_magnitude};
use crate::sed::{
    SspWeights, composite_spectrum, observed_fnu_ujy, rest_lnu_lsun_hz, ssp_weights,
    ssp_weights_met_table,
};
use crate::sfh::{AgeDistribution, SfhContext, SfhTable, add_burst, age_weights};
use crate::ssp::{SspGrid, SspTensors};
use crate::{Error, Result};

/// What a model predicts for a batch of galaxies.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// AB magnitudes in the model's frame, `[n_gal, n_filter]`; plus infinity where a band sees
    /// nothing of the spectrum.
    pub magnitudes: Tensor<2>,
    /// log10 of the stellar mass ever formed \[Msun\], `[n_gal]`.
    pub lg_mass_formed: Tensor<1>,
    /// log10 of the mass still in stars and remnants \[Msun\], `[n_gal]`.
    pub lg_mass_surviving: Tensor<1>,
    /// log10 of the mass in remnants \[Msun\], `[n_gal]`.
    pub lg_mass_remnant: Tensor<1>,
}

/// The stars of a batch of galaxies, before dust and filters.
struct Stars {
    weights: SspWeights,
    lg_mass_formed: Tensor<1>,
}

/// The forward model with its SSP grid and filters on one device.
#[derive(Clone, Debug)]
pub struct GalaxyModel {
    ssp: SspTensors,
    bands: Bandpasses,
    cosmology: Cosmology,
    settings: ModelSettings,
    /// Runs of ages that see the same dust.
    age_groups: Vec<Range<usize>>,
    wave_um: Vec<f64>,
}

impl GalaxyModel {
    /// Puts an SSP grid and filters on a device.
    pub fn new(
        grid: &SspGrid,
        filters: &FilterSet,
        settings: ModelSettings,
        place: &Place,
    ) -> Self {
        let age_groups = settings.components.dust.age_groups(&grid.ages.lg_age_yr());
        Self {
            ssp: SspTensors::new(grid, place),
            bands: Bandpasses::new(filters, &grid.wave_aa, place),
            cosmology: settings.cosmology.at(place, settings.quadrature),
            wave_um: grid.wave_aa.iter().map(|w| w / 1e4).collect(),
            age_groups,
            settings,
        }
    }

    /// Names of the filters, in the order of the predicted magnitudes.
    pub fn filter_names(&self) -> Vec<&str> {
        self.bands.names()
    }

    /// Rest-frame wavelengths of the spectra \[Angstrom\].
    pub fn wave_aa(&self) -> &[f64] {
        &self.ssp.grid.wave_aa
    }

    /// The settings.
    pub fn settings(&self) -> &ModelSettings {
        &self.settings
    }

    /// Ingredients of the galaxies, which decide their parameters.
    pub fn components(&self) -> &Components {
        &self.settings.components
    }

    /// Device and precision of every prediction.
    pub fn place(&self) -> &Place {
        self.ssp.place()
    }

    /// Times of observation \[Gyr\], `[n_gal]`: as given, or the age of the Universe at the redshift.
    pub fn t_obs_gyr(&self, galaxies: &GalaxyParams) -> Tensor<1> {
        let given = galaxies.t_obs_gyr.clone();
        given.unwrap_or_else(|| self.cosmology.age_at_z_gyr(&galaxies.observer.redshift))
    }

    /// Star formation histories on the times of the settings, without bursts.
    ///
    /// # Errors
    /// None for valid settings.
    pub fn star_formation_history(&self, galaxies: &GalaxyParams) -> Result<SfhTable> {
        galaxies.sfh.table(&self.sfh_context(&self.t_ref_gyr(galaxies)))
    }

    /// Magnitudes and masses.
    ///
    /// # Errors
    /// None for valid settings.
    pub fn predict(&self, galaxies: &GalaxyParams) -> Result<Prediction> {
        Ok(self.observe(&self.stars(galaxies)?, galaxies))
    }

    /// Magnitudes and masses of galaxies whose star formation histories are given, in place of those
    /// that the parameters of `galaxies` describe.
    pub fn predict_with_history(&self, sfh: &SfhTable, galaxies: &GalaxyParams) -> Prediction {
        let t_obs = self.t_obs_gyr(galaxies);
        let ages = age_weights(sfh, &t_obs, &self.ssp.grid.ages, self.settings.age_weights);
        self.observe(&self.stars_of_ages(ages, &t_obs, galaxies), galaxies)
    }

    fn observe(&self, stars: &Stars, galaxies: &GalaxyParams) -> Prediction {
        let z = &galaxies.observer.redshift;
        let spectrum = self.dusty_spectrum(stars, galaxies);
        let brightening = column(&stars.lg_mass_formed) * 2.5;
        let (per_msun, offset) = match self.settings.frame {
            Frame::Rest => (self.bands.flux_at_common(spectrum, 0.0), brightening.neg()),
            Frame::Observed => {
                let dimming = self.cosmology.distance_modulus(z) - log10(z.clone() + 1.0) * 2.5;
                (self.bands.flux_at(spectrum, z), column(&dimming) - brightening)
            }
        };
        let dark = per_msun.clone().lower_equal_elem(0.0);
        let magnitudes = (ab_magnitude(per_msun) + offset).mask_fill(dark, f64::INFINITY);
        let lg_age = self.place().row(&self.ssp.grid.ages.lg_age_yr());
        let share = |fraction: Tensor<2>| {
            let mean: Tensor<1> = (stars.weights.age.clone() * fraction).sum_dim(1).squeeze_dim(1);
            log10(mean) + stars.lg_mass_formed.clone()
        };
        Prediction {
            magnitudes,
            lg_mass_surviving: share(self.settings.imf.surviving_fraction(lg_age.clone())),
            lg_mass_remnant: share(self.settings.imf.remnant_fraction(lg_age)),
            lg_mass_formed: stars.lg_mass_formed.clone(),
        }
    }

    /// Spectra with dust, `[n_gal, n_wave]`: luminosity density \[Lsun/Hz\] in the rest frame, or
    /// flux density \[microjansky\] on wavelengths stretched by `1 + z` in the observed frame.
    ///
    /// # Errors
    /// None for valid settings.
    pub fn spectrum(&self, galaxies: &GalaxyParams) -> Result<Tensor<2>> {
        let stars = self.stars(galaxies)?;
        let unit_mass = self.dusty_spectrum(&stars, galaxies);
        let (mass, z) = (&stars.lg_mass_formed, &galaxies.observer.redshift);
        Ok(match self.settings.frame {
            Frame::Rest => rest_lnu_lsun_hz(unit_mass, mass),
            Frame::Observed => observed_fnu_ujy(unit_mass, mass, z, &self.cosmology),
        })
    }

    /// Magnitudes `[n_gal, n_filter]` and their Jacobian `[n_gal, n_filter, n_wrt]` with respect
    /// to the parameters with indices `wrt` in [`Components::info`].
    ///
    /// `matrix` is `[n_gal, n_param]`. A time of observation that is given stays fixed; one that
    /// is not follows the redshift.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a matrix of the wrong width, or `wrt` that is empty, names a parameter
    /// twice or one that does not exist.
    pub fn jacobian(
        &self,
        matrix: &Tensor<2>,
        t_obs_gyr: Option<&Tensor<1>>,
        wrt: &[usize],
    ) -> Result<Jacobian> {
        let components = self.components();
        let n_param = components.info().len();
        let repeated = wrt.iter().enumerate().any(|(i, j)| wrt[..i].contains(j));
        if wrt.is_empty() || repeated || wrt.iter().any(|j| *j >= n_param) {
            return Err(Error::invalid(
                "parameters of the Jacobian",
                format!("{wrt:?}: expected different indices from 0 to {}", n_param - 1),
            ));
        }
        // Checks the width before columns are taken.
        components.galaxies(matrix, t_obs_gyr.cloned())?;
        let column_of = |matrix: &Tensor<2>, j: usize| matrix.clone().narrow(1, j, 1);
        let free = Tensor::cat(wrt.iter().map(|j| column_of(matrix, *j)).collect(), 1);
        // Band by band: a reverse pass for one magnitude needs the samples of one filter only.
        let bands = (0..self.bands.names().len()).map(|k| {
            let model = Self { bands: self.bands.only(k), ..self.clone() };
            jacobian(&free, |free| {
                let columns = (0..matrix.dims()[1])
                    .map(|j| match wrt.iter().position(|w| *w == j) {
                        Some(i) => column_of(&free, i),
                        None => column_of(matrix, j),
                    })
                    .collect();
                let matrix = Tensor::cat(columns, 1);
                let galaxies = components.galaxies(&matrix, t_obs_gyr.cloned())?;
                Ok(model.predict(&galaxies)?.magnitudes)
            })
        });
        let bands = bands.collect::<Result<Vec<Jacobian>>>()?;
        let (values, jacobian) = bands.into_iter().map(|b| (b.values, b.jacobian)).unzip();
        Ok(Jacobian { values: Tensor::cat(values, 1), jacobian: Tensor::cat(jacobian, 1) })
    }

    fn sfh_context<'a>(&'a self, t_ref_gyr: &'a Tensor<1>) -> SfhContext<'a> {
        let ModelSettings { times, lgt0, fb, .. } = &self.settings;
        SfhContext { t_ref_gyr, times, lgt0: *lgt0, fb: *fb }
    }

    fn t_ref_gyr(&self, galaxies: &GalaxyParams) -> Tensor<1> {
        galaxies.t_ref_gyr.clone().unwrap_or_else(|| self.t_obs_gyr(galaxies))
    }

    fn stars(&self, galaxies: &GalaxyParams) -> Result<Stars> {
        let (t_obs, t_ref) = (self.t_obs_gyr(galaxies), self.t_ref_gyr(galaxies));
        let context = self.sfh_context(&t_ref);
        let (grid, method) = (&self.ssp.grid.ages, self.settings.age_weights);
        let ages = galaxies.sfh.age_distribution(&context, &t_obs, grid, method)?;
        Ok(self.stars_of_ages(ages, &t_obs, galaxies))
    }

    fn stars_of_ages(
        &self,
        mut ages: AgeDistribution,
        t_obs_gyr: &Tensor<1>,
        galaxies: &GalaxyParams,
    ) -> Stars {
        let grid = &self.ssp.grid;
        if let Some(burst) = &galaxies.burst {
            ages.weights = add_burst(ages.weights, burst, &grid.ages);
        }
        let metallicity =
            galaxies.metallicity.weights(&ages, t_obs_gyr, &grid.metallicities, &grid.ages);
        let weights = match metallicity {
            MetallicityWeights::Common(weights) => ssp_weights(weights, ages.weights),
            MetallicityWeights::PerAge(weights) => ssp_weights_met_table(weights, ages.weights),
        };
        Stars { weights, lg_mass_formed: ages.lg_mass_formed }
    }

    fn dusty_spectrum(&self, stars: &Stars, galaxies: &GalaxyParams) -> Tensor<2> {
        let lg_age = self.ssp.grid.ages.lg_age_yr();
        let light = self.age_groups.iter().map(|group| {
            let law = &self.settings.dust_law;
            composite_spectrum(&stars.weights, &self.ssp)
                * galaxies.dust.transmission(law, &self.wave_um, lg_age[group.start])
        });
        light.reduce(|sum, part| sum + part).unwrap_or_else(|| unreachable!("a grid has ages"))
    }
}
