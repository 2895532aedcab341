//! Photometry of populations without spectra.
//!
//! For galaxies seen at one time, every step from star formation rates at look-back nodes to the band
//! fluxes of each metallicity is linear, so all of it is one precomputed matrix: per galaxy a few rates,
//! one small matrix product and a sum over metallicities. Dust is taken at a few wavelengths per band,
//! between which its transmission is linear. In a slice of a light cone, fluxes are linear between those
//! of its two ends.

use burn::tensor::Tensor;

use super::band_mix::mixed_light;
use super::band_operator::BandOperator;
use super::model::{check_emulator, ionization_grid};
use super::{Components, Frame, GalaxyParams, ModelSettings};
use crate::cosmology::Cosmology;
use crate::device::{Place, to_host};
use crate::dust::{DustModel, DustParams, DustWaves};
use crate::emulator::GridEmulator;
use crate::filter::FilterSet;
use crate::metallicity::{MetallicityGrid, MetallicityModel, MetallicityWeights};
use crate::nebular::{IonizationGrid, IonizationParams, ionization_weights};
use crate::numerics::{column, is_dark, log10};
use crate::parameters::ParameterSet as _;
use crate::photometry::{BandTabulator, Bandpasses, ab_magnitude};
use crate::sfh::{
    AgeWeightMethod, BurstParams, LookbackNodes, SFR_MIN, SfhContext, SfhModel, SfhParams,
    burst_fraction, burst_weights,
};
use crate::ssp::SspGrid;
use crate::{Error, Result};

/// When a population is seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// Redshift of the observer's frame; without meaning in the rest frame.
    pub redshift: f64,
    /// Cosmic time \[Gyr\].
    pub t_obs_gyr: f64,
}

/// Magnitudes and masses of a batch of galaxies.
#[derive(Clone, Debug)]
pub struct BandPrediction {
    /// AB magnitudes in the model's frame, `[n_gal, n_filter]`.
    pub magnitudes: Tensor<2>,
    /// log10 of the stellar mass ever formed \[Msun\], `[n_gal]`.
    pub lg_mass_formed: Tensor<1>,
}

/// The light of a batch of galaxies by component, before dust.
#[derive(Clone, Debug)]
pub struct BandStars {
    /// Light, mass in the age bins of the grid \[Msun\] and all the mass,
    /// `[n_gal, n_component * n_filter * n_dust + 2]`.
    light: Tensor<2>,
    /// Where dust is taken.
    waves: DustWaves,
    /// What turns absolute into apparent magnitudes, `[n_gal or 1, 1]`.
    dimming: Tensor<2>,
    /// log10 of the stellar mass ever formed \[Msun\], `[n_gal]`.
    pub lg_mass_formed: Tensor<1>,
}

/// The forward model for populations at one epoch, or in a thin slice of a light cone.
///
/// Galaxies have a history that can be evaluated at any time, perhaps a burst, one metallicity distribution
/// for all their stars, and one dust screen; their gas may have emission lines.
#[derive(Clone, Debug)]
pub struct BandModel {
    settings: ModelSettings,
    grid: SspGrid,
    ionization: Option<IonizationGrid>,
    cosmology: Cosmology,
    place: Place,
    names: Vec<String>,
    n_component: usize,
    n_dust: usize,
    /// Where P(age) is emulated.
    emulator: Option<GridEmulator>,
    /// The epoch, or the near end of the slice.
    near: BandOperator,
    /// The far end of a slice.
    far: Option<BandOperator>,
    /// Where there are bursts: from shares in the age bins, which bursts are known by.
    of_ages: Option<BandOperator>,
}

impl BandModel {
    /// Prepares galaxies at one epoch with `n_dust` wavelengths per band; one evaluates dust at the mean
    /// wavelength of each band.
    ///
    /// # Errors
    /// [`Error::Invalid`] for components that need more than this model has, for emission lines that
    /// the grid does not have, and for an emulator of other histories; [`Error::OutOfRange`] for an epoch at which galaxies cannot be observed,
    /// and for a number of wavelengths outside 1 to 64.
    pub fn new(
        grid: &SspGrid,
        filters: &FilterSet,
        settings: ModelSettings,
        epoch: Epoch,
        n_dust: usize,
        place: &Place,
    ) -> Result<Self> {
        Self::between(grid, filters, settings, epoch, None, n_dust, place)
    }

    /// Prepares galaxies between two redshifts, each seen at its own and at the age of the Universe then.
    ///
    /// # Errors
    /// Those of [`new`](Self::new); [`Error::Invalid`] for bursts and an emulator of P(age), and
    /// [`Error::OutOfRange`] for redshifts that do not ascend.
    pub fn slice(
        grid: &SspGrid,
        filters: &FilterSet,
        settings: ModelSettings,
        (near, far): (f64, f64),
        n_dust: usize,
        place: &Place,
    ) -> Result<Self> {
        if far.is_nan() || far <= near {
            return Err(Error::OutOfRange {
                what: "far end of a slice of redshift".into(),
                value: far,
                allowed: format!("({near}, inf)"),
            });
        }
        let cosmology = settings.cosmology.at(place, settings.quadrature);
        let t_obs = to_host(cosmology.age_at_z_gyr(&place.vector(&[near, far])))?;
        let near = Epoch { redshift: near, t_obs_gyr: t_obs[0] };
        let far = Epoch { redshift: far, t_obs_gyr: t_obs[1] };
        Self::between(grid, filters, settings, near, Some(far), n_dust, place)
    }

    fn between(
        grid: &SspGrid,
        filters: &FilterSet,
        mut settings: ModelSettings,
        near: Epoch,
        far: Option<Epoch>,
        n_dust: usize,
        place: &Place,
    ) -> Result<Self> {
        if settings.lines && grid.lines.is_none() {
            return Err(Error::invalid("emission lines", "the SSP grid has none"));
        }
        check(&settings)?;
        let emulator = match &settings.emulator {
            None => None,
            Some(_) if far.is_some() => {
                return Err(Error::invalid("age emulator", "does not go with slices of redshift"));
            }
            Some(emulator) => {
                check_emulator(emulator, &settings)?;
                Some(emulator.on(&grid.ages, place)?)
            }
        };
        let ionization = ionization_grid(grid, settings.lines)?;
        settings.components.ionization = ionization.is_some();
        let bands = Bandpasses::new(filters, &grid.wave_aa, place);
        let tabulator = BandTabulator::new(grid.clone().into(), &bands, n_dust, settings.lines)?;
        let bursts = settings.components.burst;
        if bursts && far.is_some() {
            return Err(Error::invalid("bursts", "do not go with slices of redshift"));
        }
        let operator = |epoch: Epoch, nodes: Option<&LookbackNodes>| {
            check_epoch(&settings, epoch)?;
            let z = match settings.frame {
                Frame::Rest => 0.0,
                Frame::Observed => epoch.redshift,
            };
            let law = &settings.dust_law;
            Ok(BandOperator::new(&tabulator, law, nodes, &grid.ages, epoch, z, place))
        };
        let nodes = emulator.is_none().then_some(&settings.nodes);
        Ok(Self {
            near: operator(near, nodes)?,
            far: far.map(|far| operator(far, nodes)).transpose()?,
            of_ages: if bursts { Some(operator(near, None)?) } else { None },
            names: bands.names().iter().map(|name| (*name).to_owned()).collect(),
            n_component: tabulator.n_component(),
            n_dust,
            cosmology: settings.cosmology.at(place, settings.quadrature),
            ionization,
            emulator,
            grid: grid.clone(),
            place: place.clone(),
            settings,
        })
    }

    /// Names of the filters, in the order of the magnitudes.
    pub fn filter_names(&self) -> &[String] {
        &self.names
    }

    /// Ingredients of the galaxies, which decide their parameters.
    pub fn components(&self) -> &Components {
        &self.settings.components
    }

    /// Device and precision of every prediction.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The metallicities of the SSP grid.
    pub fn metallicities(&self) -> &MetallicityGrid {
        &self.grid.metallicities
    }

    /// Magnitudes and masses. Redshift and time of observation are those of the epoch; in a slice, the
    /// redshift is that of the galaxy, and the time follows from it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for galaxies of other components than the model's; those of
    /// [`stars_at`](Self::stars_at).
    pub fn predict(&self, galaxies: &GalaxyParams) -> Result<BandPrediction> {
        if galaxies.components() != *self.components() {
            return Err(Error::invalid("galaxies", "have other components than the model"));
        }
        if galaxies.t_ref_gyr.is_some() {
            let reason =
                "have a reference time, which a band model takes to be that of observation";
            return Err(Error::invalid("galaxies", reason));
        }
        let z = &galaxies.observer.redshift;
        let (stars, t_obs) = match self.far {
            None => (self.stars(&galaxies.sfh)?, self.t_obs_gyr(z.dims()[0])),
            Some(_) => (self.stars_at(&galaxies.sfh, z)?, self.cosmology.age_at_z_gyr(z)),
        };
        let stars = match &galaxies.burst {
            Some(burst) => self.with_bursts(stars, burst)?,
            None => stars,
        };
        let grid = &self.grid;
        let metallicity = galaxies.metallicity.weights(
            &stars.lg_mass_formed,
            &t_obs,
            &grid.metallicities,
            &grid.ages,
        );
        let MetallicityWeights::Common(metallicity) = metallicity else {
            unreachable!("the components were checked");
        };
        let weights = self.component_weights(metallicity, galaxies.ionization.as_ref());
        let magnitudes = self.magnitudes(&stars, weights, Some(&galaxies.dust));
        Ok(BandPrediction { magnitudes, lg_mass_formed: stars.lg_mass_formed })
    }

    /// Light per component and mass of galaxies with the given histories, seen at the epoch.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the model of a slice, whose galaxies have redshifts.
    pub fn stars(&self, sfh: &SfhParams) -> Result<BandStars> {
        if self.far.is_some() {
            return Err(Error::invalid("band model", "a slice of redshift has no common epoch"));
        }
        let n_gal = sfh.columns().first().map_or(0, |column| column.dims()[0]);
        let redshift = self.near.epoch.redshift;
        let t_obs = self.t_obs_gyr(n_gal);
        let (masses, lg_mass_formed) = match &self.emulator {
            Some(emulator) => {
                let ages = emulator.age_distribution(sfh, &t_obs)?;
                (ages.weights, Some(ages.lg_mass_formed))
            }
            None => (self.rates(sfh, &t_obs)?, None),
        };
        let light = masses.matmul(self.near.matrix.clone());
        Ok(BandStars {
            lg_mass_formed: lg_mass_formed.unwrap_or_else(|| log10(last_column(&light))),
            light,
            waves: self.near.waves.clone(),
            dimming: self.dimming(&self.place.vector(&[redshift])),
        })
    }

    /// The same galaxies with a share of their mass in bursts.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a model without bursts.
    pub fn with_bursts(&self, stars: BandStars, burst: &BurstParams) -> Result<BandStars> {
        let Some(of_ages) = &self.of_ages else {
            return Err(Error::invalid("band model", "its galaxies have no bursts"));
        };
        let n_light = stars.light.dims()[1] - 2;
        let light = |x: &Tensor<2>| x.clone().narrow(1, 0, n_light);
        let in_bins = stars.light.clone().narrow(1, n_light, 1);
        let weights = burst_weights(burst, &self.grid.ages);
        let fraction = burst_fraction(burst, &weights);
        let in_bursts = weights.matmul(of_ages.matrix.clone());
        // Per unit of mass, of which both have the same.
        let smooth = light(&stars.light) * ((fraction.clone().neg() + 1.0) / in_bins);
        let both = smooth + light(&in_bursts) * fraction.clone();
        let one = fraction.ones_like().without_autodiff();
        Ok(BandStars { light: Tensor::cat(vec![both, one.clone(), one], 1), ..stars })
    }

    /// Light per component and mass of galaxies with the given histories, seen at redshifts `z`
    /// (`[n_gal]`) within the slice, at the age of the Universe then.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the model of an epoch; [`Error::OutOfRange`] for a redshift outside the
    /// slice.
    pub fn stars_at(&self, sfh: &SfhParams, z: &Tensor<1>) -> Result<BandStars> {
        let Some(far) = &self.far else {
            return Err(Error::invalid("band model", "galaxies of an epoch have its redshift"));
        };
        let near = &self.near;
        let (lo, hi) = (near.epoch.redshift, far.epoch.redshift);
        // Redshifts of the ends may be rounded in f32.
        let inside = |z: &f64| (lo - 1e-6 * (1.0 + lo)..=hi + 1e-6 * (1.0 + hi)).contains(z);
        let redshifts = to_host(z.clone().without_autodiff())?;
        if let Some(value) = redshifts.into_iter().find(|z| !inside(z)) {
            let allowed = format!("[{lo}, {hi}]");
            return Err(Error::OutOfRange { what: "redshift in a slice".into(), value, allowed });
        }
        let share = column(&((z.clone().log1p() - lo.ln_1p()) / (hi.ln_1p() - lo.ln_1p())));
        let t_obs = self.cosmology.age_at_z_gyr(z);
        let rates = self.rates(sfh, &t_obs)?;
        let at_near = rates.clone().matmul(near.matrix.clone());
        let at_far = rates.matmul(far.matrix.clone());
        // All the mass is proportional to the time in which it forms at given rates.
        let lg_per_time = log10(last_column(&at_near));
        Ok(BandStars {
            lg_mass_formed: lg_per_time + log10(t_obs / near.epoch.t_obs_gyr),
            light: at_near.clone() + (at_far - at_near) * share.clone(),
            waves: near.waves.between(&far.waves, &share),
            dimming: self.dimming(z),
        })
    }

    /// Weights over the components of the light, `[n_gal, n_component]`: pairs of ionization parameter
    /// and metallicity, ionization slowest, for a model with ionization parameters, else metallicities.
    ///
    /// `metallicity` is `[n_gal, n_met]`. Galaxies without ionization parameters of their own have the
    /// default ones.
    pub fn component_weights(
        &self,
        metallicity: Tensor<2>,
        ionization: Option<&IonizationParams>,
    ) -> Tensor<2> {
        let Some(grid) = &self.ionization else { return metallicity };
        let n_gal = metallicity.dims()[0];
        let ionization = match ionization {
            Some(params) => ionization_weights(params, grid),
            None => ionization_weights(&IonizationParams::defaults(1, &self.place), grid),
        };
        let both = ionization.unsqueeze_dim::<3>(2) * metallicity.unsqueeze_dim::<3>(1);
        both.reshape([n_gal, self.n_component])
    }

    /// Magnitudes of stars with the given [weights over components](Self::component_weights), behind dust
    /// if there is any.
    pub fn magnitudes(
        &self,
        stars: &BandStars,
        weights: Tensor<2>,
        dust: Option<&DustParams>,
    ) -> Tensor<2> {
        // Light per unit of mass in the age bins, times all the mass, as everywhere.
        let mut light = mixed_light(stars.light.clone(), weights);
        if let Some(dust) = dust {
            // One screen for all ages.
            let through = dust.transmission_of(&self.settings.dust_law, &stars.waves, &[0.0]);
            light = light * through.squeeze_dim(1);
        }
        if self.n_dust > 1 {
            let [n_gal, n_light] = light.dims();
            let shape = [n_gal, n_light / self.n_dust, self.n_dust];
            light = light.reshape(shape).sum_dim(2).squeeze_dim(2);
        }
        let dark = is_dark(&light);
        let offset = column(&stars.lg_mass_formed) * -2.5 + stars.dimming.clone();
        (ab_magnitude(light) + offset).mask_fill(dark, f64::INFINITY)
    }

    /// Rates at the nodes, raised to [`SFR_MIN`] as everywhere.
    fn rates(&self, sfh: &SfhParams, t_obs_gyr: &Tensor<1>) -> Result<Tensor<2>> {
        let ModelSettings { times, nodes, lgt0, fb, .. } = &self.settings;
        let context = SfhContext {
            t_ref_gyr: t_obs_gyr,
            method: AgeWeightMethod::Nodes,
            times,
            nodes,
            lgt0: *lgt0,
            fb: *fb,
        };
        Ok(sfh.sfr_at_nodes(&context, t_obs_gyr)?.clamp_min(SFR_MIN))
    }

    fn dimming(&self, z: &Tensor<1>) -> Tensor<2> {
        match self.settings.frame {
            Frame::Rest => self.place.row(&[0.0]),
            Frame::Observed => {
                let modulus = self.cosmology.distance_modulus(z);
                column(&(modulus - log10(z.clone() + 1.0) * 2.5))
            }
        }
    }

    fn t_obs_gyr(&self, n_gal: usize) -> Tensor<1> {
        self.place.vector(&[self.near.epoch.t_obs_gyr]).expand([n_gal])
    }
}

fn last_column(x: &Tensor<2>) -> Tensor<1> {
    x.clone().narrow(1, x.dims()[1] - 1, 1).squeeze_dim(1)
}

fn check(settings: &ModelSettings) -> Result<()> {
    let Components { sfh, metallicity, dust, .. } = settings.components;
    let invalid = |reason: &str| Err(Error::invalid("band model", reason));
    if sfh == SfhModel::Piecewise {
        return invalid("histories with steps are not known by their rates at nodes");
    }
    if metallicity == MetallicityModel::AgeDependent {
        return invalid("metallicity must be the same for stars of all ages");
    }
    if dust != DustModel::Screen {
        return invalid("dust must be one screen");
    }
    Ok(())
}

fn check_epoch(settings: &ModelSettings, epoch: Epoch) -> Result<()> {
    let in_time = epoch.t_obs_gyr > 0.01 && epoch.t_obs_gyr <= 20.0;
    let in_space = settings.frame == Frame::Rest || epoch.redshift > 0.0;
    if in_time && in_space {
        return Ok(());
    }
    Err(Error::OutOfRange {
        what: format!("epoch at redshift {}: time of observation", epoch.redshift),
        value: epoch.t_obs_gyr,
        allowed: "(0.01, 20] Gyr, at a redshift above zero".into(),
    })
}

#[cfg(test)]
mod tests;
