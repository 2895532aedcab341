//! The forward model: galaxy parameters in, magnitudes and masses out.
//!
//! parameters -> halo -> SFH -> P(age), P(Z) -> SSP weights -> spectrum -> dust -> photometry

use burn::tensor::Tensor;

use super::GalaxyParams;
use crate::cosmology::{Cosmology, CosmologyValues, Quadrature};
use crate::device::{Place, Precision};
use crate::dust::{AttenuationCurve, transmission};
use crate::filter::FilterSet;
use crate::halo::LGT0;
use crate::imf::Imf;
use crate::metallicity::lognormal_weights;
use crate::names::named;
use crate::numerics::jacobian::{Jacobian, jacobian};
use crate::numerics::{column, log10};
use crate::photometry::{Bandpasses, ab_magnitude};
use crate::sed::{SspWeights, composite_spectrum, observed_fnu_ujy, rest_lnu_lsun_hz, ssp_weights};
use crate::sfh::{AgeWeightMethod, FB, SfhTable, TimeTable, age_weights, diffstar};
use crate::ssp::{SspGrid, SspTensors};
use crate::{Error, Result};

/// Frame of the predicted magnitudes and spectra.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Apparent magnitudes at the galaxy's redshift.
    Observed,
    /// Absolute magnitudes in the galaxy's rest frame.
    Rest,
}

named!(Frame, "frame", Observed = "observed", Rest = "rest");

/// What is common to all galaxies of a prediction.
#[derive(Clone, Debug)]
pub struct ModelSettings {
    /// Frame of magnitudes and spectra.
    pub frame: Frame,
    /// How P(age) is computed.
    pub age_weights: AgeWeightMethod,
    /// Cosmology of distances and of the default time of observation.
    pub cosmology: CosmologyValues,
    /// How the cosmological integrals are evaluated.
    pub quadrature: Quadrature,
    /// Attenuation curve.
    pub dust: AttenuationCurve,
    /// IMF of the surviving and remnant mass; the spectra have that of the SSP grid.
    pub imf: Imf,
    /// Times at which star formation histories are tabulated.
    pub times: TimeTable,
    /// log10 of the age of the Universe \[Gyr\] at which halo masses `logm0` hold.
    pub lgt0: f64,
    /// Cosmic baryon fraction.
    pub fb: f64,
}

impl ModelSettings {
    /// The defaults: DSPS's table path in f64, its cancellation-free form in f32; observed frame,
    /// Planck 2015 with DSPS's quadrature, Salim et al. (2018) dust, Chabrier IMF.
    pub fn new(precision: Precision) -> Self {
        Self {
            frame: Frame::Observed,
            age_weights: match precision {
                Precision::F64 => AgeWeightMethod::Table,
                Precision::F32 => AgeWeightMethod::Safe,
            },
            cosmology: CosmologyValues::PLANCK15,
            quadrature: Quadrature::Dsps,
            dust: AttenuationCurve::Salim18,
            imf: Imf::Chabrier,
            times: TimeTable::default(),
            lgt0: LGT0,
            fb: FB,
        }
    }
}

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
        Self {
            ssp: SspTensors::new(grid, place),
            bands: Bandpasses::new(filters, &grid.wave_aa, place),
            cosmology: settings.cosmology.at(place, settings.quadrature),
            wave_um: grid.wave_aa.iter().map(|w| w / 1e4).collect(),
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

    /// Device and precision of every prediction.
    pub fn place(&self) -> &Place {
        self.ssp.place()
    }

    /// Times of observation \[Gyr\], `[n_gal]`: as given, or the age of the Universe at the redshift.
    pub fn t_obs_gyr(&self, galaxies: &GalaxyParams) -> Tensor<1> {
        let given = galaxies.t_obs_gyr.clone();
        given.unwrap_or_else(|| self.cosmology.age_at_z_gyr(&galaxies.observer.redshift))
    }

    /// Star formation histories on the times of the settings.
    ///
    /// # Errors
    /// None for valid settings.
    pub fn star_formation_history(&self, galaxies: &GalaxyParams) -> Result<SfhTable> {
        let s = &self.settings;
        diffstar(&galaxies.halo, &galaxies.sfh, &s.times, s.lgt0, s.fb)
    }

    /// Magnitudes and masses.
    ///
    /// # Errors
    /// None for valid settings.
    pub fn predict(&self, galaxies: &GalaxyParams) -> Result<Prediction> {
        Ok(self.predict_with_history(&self.star_formation_history(galaxies)?, galaxies))
    }

    /// Magnitudes and masses of galaxies whose star formation histories are given; the halo and
    /// star-formation parameters of `galaxies` are not used.
    pub fn predict_with_history(&self, sfh: &SfhTable, galaxies: &GalaxyParams) -> Prediction {
        let stars = self.stars(sfh, galaxies);
        let z = &galaxies.observer.redshift;
        let spectrum = self.dusty_spectrum(&stars, galaxies);
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
            lg_mass_formed: stars.lg_mass_formed,
        }
    }

    /// Spectra with dust, `[n_gal, n_wave]`: luminosity density \[Lsun/Hz\] in the rest frame, or
    /// flux density \[microjansky\] on wavelengths stretched by `1 + z` in the observed frame.
    ///
    /// # Errors
    /// None for valid settings.
    pub fn spectrum(&self, galaxies: &GalaxyParams) -> Result<Tensor<2>> {
        let stars = self.stars(&self.star_formation_history(galaxies)?, galaxies);
        let unit_mass = self.dusty_spectrum(&stars, galaxies);
        let (mass, z) = (&stars.lg_mass_formed, &galaxies.observer.redshift);
        Ok(match self.settings.frame {
            Frame::Rest => rest_lnu_lsun_hz(unit_mass, mass),
            Frame::Observed => observed_fnu_ujy(unit_mass, mass, z, &self.cosmology),
        })
    }

    /// Magnitudes `[n_gal, n_filter]` and their Jacobian `[n_gal, n_filter, n_wrt]` with respect
    /// to the parameters with indices `wrt` in [`GalaxyParams::info`].
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
        let n_param = GalaxyParams::info().len();
        let repeated = wrt.iter().enumerate().any(|(i, j)| wrt[..i].contains(j));
        if wrt.is_empty() || repeated || wrt.iter().any(|j| *j >= n_param) {
            return Err(Error::invalid(
                "parameters of the Jacobian",
                format!("{wrt:?}: expected different indices from 0 to {}", n_param - 1),
            ));
        }
        // Checks the width before columns are taken.
        GalaxyParams::from_matrix(matrix, t_obs_gyr.cloned())?;
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
                let galaxies = GalaxyParams::from_matrix(&matrix, t_obs_gyr.cloned())?;
                Ok(model.predict(&galaxies)?.magnitudes)
            })
        });
        let bands = bands.collect::<Result<Vec<Jacobian>>>()?;
        let (values, jacobian) = bands.into_iter().map(|b| (b.values, b.jacobian)).unzip();
        Ok(Jacobian { values: Tensor::cat(values, 1), jacobian: Tensor::cat(jacobian, 1) })
    }

    fn stars(&self, sfh: &SfhTable, galaxies: &GalaxyParams) -> Stars {
        let grid = &self.ssp.grid;
        let t_obs = self.t_obs_gyr(galaxies);
        let ages = age_weights(sfh, &t_obs, &grid.ages, self.settings.age_weights);
        let metallicity = lognormal_weights(&galaxies.metallicity, &grid.metallicities);
        Stars {
            weights: ssp_weights(metallicity, ages.weights),
            lg_mass_formed: ages.lg_mass_formed,
        }
    }

    fn dusty_spectrum(&self, stars: &Stars, galaxies: &GalaxyParams) -> Tensor<2> {
        composite_spectrum(&stars.weights, &self.ssp)
            * transmission(self.settings.dust, &self.wave_um, &galaxies.dust)
    }
}
