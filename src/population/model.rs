//! The forward model: galaxy parameters in, magnitudes and masses out.
//!
//! parameters -> halo -> SFH -> P(age), P(Z), P(U) -> SSP weights -> spectrum -> dust -> photometry

use std::ops::Range;

use burn::tensor::Tensor;

use super::table_photometry::TablePhotometry;
use super::{Components, Frame, GalaxyParams, ModelSettings, Stars};
use crate::cosmology::Cosmology;
use crate::device::Place;
use crate::dust::DustWaves;
use crate::emulator::{AgeEmulator, GridEmulator};
use crate::filter::FilterSet;
use crate::nebular::IonizationGrid;
use crate::numerics::jacobian::{Jacobian, jacobian_of_columns};
use crate::numerics::{column, is_dark, log10};
use crate::photometry::{BandTabulator, Bandpasses, Photometry, TableSettings, ab_magnitude};
use crate::sed::{LineProfiles, LineTensors, observed_fnu_ujy, rest_lnu_lsun_hz};
use crate::sfh::AgeGrid;
use crate::ssp::{EmissionLines, SspGrid, SspTensors};
use crate::{Error, Result};

/// What a model predicts for a batch of galaxies.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// AB magnitudes in the model's frame, `[n_gal, n_filter]`; plus infinity where a band sees
    /// nothing of the spectrum. In the observed frame, galaxies at redshift zero, which has no distance,
    /// have minus infinity and a gradient that is no number.
    pub magnitudes: Tensor<2>,
    /// log10 of the stellar mass ever formed \[Msun\], `[n_gal]`.
    pub lg_mass_formed: Tensor<1>,
    /// log10 of the mass still in stars and remnants \[Msun\], `[n_gal]`.
    pub lg_mass_surviving: Tensor<1>,
    /// log10 of the mass in remnants \[Msun\], `[n_gal]`.
    pub lg_mass_remnant: Tensor<1>,
}

/// The forward model with its SSP grid and filters on one device.
#[derive(Clone, Debug)]
pub struct GalaxyModel {
    ssp: SspTensors,
    lines: Option<LineTensors>,
    ionization: Option<IonizationGrid>,
    bands: Bandpasses,
    /// Where magnitudes come from tables.
    pub(super) tables: Option<TablePhotometry>,
    cosmology: Cosmology,
    settings: ModelSettings,
    /// Where P(age) is emulated.
    emulator: Option<GridEmulator>,
    /// Runs of ages that see the same dust.
    pub(super) age_groups: Vec<Range<usize>>,
    /// Number of ages, from the youngest, whose populations have lines.
    pub(super) n_line_ages: usize,
    /// The wavelengths of the grid, for dust.
    pub(super) waves: DustWaves,
    /// Those of the lines.
    pub(super) line_waves: DustWaves,
    /// Shapes of the lines, for spectra.
    pub(super) profiles: Option<LineProfiles>,
}

impl GalaxyModel {
    /// Puts an SSP grid and filters on a device.
    ///
    /// Galaxies have ionization parameters when the grid's spectra or the lines that the settings ask
    /// for have that axis.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the settings ask for emission lines and the grid has none, or its
    /// lines and its spectra have different ionization parameters, and for an emulator of other histories;
    /// [`Error::OutOfRange`] for a line width outside 1 to 10,000 km/s, and for settings of tables out of range.
    pub fn new(
        grid: &SspGrid,
        filters: &FilterSet,
        mut settings: ModelSettings,
        place: &Place,
    ) -> Result<Self> {
        let lines = match (settings.lines, &grid.lines) {
            (false, _) => None,
            (true, Some(lines)) => Some(LineTensors::new(lines, grid.shape(), place)?),
            (true, None) => return Err(Error::invalid("emission lines", "the SSP grid has none")),
        };
        let ionization = ionization_grid(grid, lines.is_some())?;
        settings.components.ionization = ionization.is_some();

        let line_waves = lines.as_ref().map_or(&[][..], |lines| &lines.lines.wave_aa);
        let profiles = if lines.is_some() {
            let sigma = settings.line_sigma_km_s;
            Some(LineProfiles::new(&grid.wave_aa, line_waves, sigma, place)?)
        } else {
            None
        };
        let emulator = match &settings.emulator {
            None => None,
            Some(emulator) => {
                check_emulator(emulator, &settings)?;
                Some(emulator.on(&grid.ages, place)?)
            }
        };
        let in_um = |wave_aa: &[f64]| wave_aa.iter().map(|w| w / 1e4).collect::<Vec<f64>>();
        let ssp = SspTensors::new(grid, place);
        let bands = Bandpasses::new(filters, &grid.wave_aa, place);
        let age_groups = settings.components.dust.age_groups(&grid.ages.lg_age_yr());
        let tables = match settings.photometry {
            Photometry::Spectra => None,
            Photometry::Tables => {
                let n_dust = settings.tables.n_dust;
                let tabulator =
                    BandTabulator::new(ssp.grid.clone(), &bands, n_dust, lines.is_some())?;
                let redshifts = match settings.frame {
                    Frame::Rest => TableSettings { redshift: 0.0, ..settings.tables },
                    Frame::Observed => settings.tables,
                };
                let law = settings.dust_law;
                Some(TablePhotometry::new(
                    tabulator,
                    redshifts,
                    law,
                    &age_groups,
                    &grid.ages,
                    place,
                )?)
            }
        };
        Ok(Self {
            cosmology: settings.cosmology.at(place, settings.quadrature),
            n_line_ages: grid.lines.as_ref().map_or(0, |lines| n_line_ages(lines, grid)),
            waves: settings.dust_law.waves(&in_um(&grid.wave_aa), place),
            line_waves: settings.dust_law.waves(&in_um(line_waves), place),
            ssp,
            bands,
            tables,
            age_groups,
            profiles,
            lines,
            ionization,
            emulator,
            settings,
        })
    }

    /// Names of the filters, in the order of the predicted magnitudes.
    pub fn filter_names(&self) -> Vec<&str> {
        self.bands.names()
    }

    /// The filters.
    pub fn bands(&self) -> &Bandpasses {
        &self.bands
    }

    /// Rest-frame vacuum wavelengths of the spectra \[Angstrom\]: the grid's, refined around emission
    /// lines.
    pub fn wave_aa(&self) -> &[f64] {
        self.profiles.as_ref().map_or(&self.ssp.grid.wave_aa, |profiles| profiles.wave_aa())
    }

    /// Ages of the SSP grid, over which P(age) runs.
    pub fn ages(&self) -> &AgeGrid {
        &self.ssp.grid.ages
    }

    /// The SSP grid.
    pub fn grid(&self) -> &SspGrid {
        &self.ssp.grid
    }

    /// The settings.
    pub fn settings(&self) -> &ModelSettings {
        &self.settings
    }

    /// The cosmology of distances and ages.
    pub fn cosmology(&self) -> &Cosmology {
        &self.cosmology
    }

    /// Ingredients of the galaxies, which decide their parameters.
    pub fn components(&self) -> &Components {
        &self.settings.components
    }

    /// Cosmic times at which galaxies can be observed \[Gyr\], the first excluded: those of the table of
    /// star formation histories, where P(age) comes from one.
    pub fn t_obs_range_gyr(&self) -> (f64, f64) {
        self.settings.t_obs_range_gyr()
    }

    /// Device and precision of every prediction.
    pub fn place(&self) -> &Place {
        self.ssp.place()
    }

    /// The emulator of P(age), where there is one.
    pub fn emulator(&self) -> Option<&GridEmulator> {
        self.emulator.as_ref()
    }

    pub(super) fn ssp(&self) -> &SspTensors {
        &self.ssp
    }

    pub(super) fn lines(&self) -> Option<&LineTensors> {
        self.lines.as_ref()
    }

    pub(super) fn ionization_grid(&self) -> Option<&IonizationGrid> {
        self.ionization.as_ref()
    }

    /// Magnitudes and masses.
    ///
    /// # Errors
    /// None for valid settings.
    pub fn predict(&self, galaxies: &GalaxyParams) -> Result<Prediction> {
        self.observe(&self.stars(galaxies)?, galaxies)
    }

    /// Magnitudes and masses of given stars behind the dust and at the redshift of `galaxies`.
    ///
    /// # Errors
    /// [`Error::Device`] when the device cannot deliver the redshifts, by which tables are chosen.
    pub fn observe(&self, stars: &Stars, galaxies: &GalaxyParams) -> Result<Prediction> {
        let z = &galaxies.observer.redshift;
        let brightening = column(&stars.lg_mass_formed) * 2.5;
        let offset = match self.settings.frame {
            Frame::Rest => brightening.neg(),
            Frame::Observed => {
                let dimming = self.cosmology.distance_modulus(z) - log10(z.clone() + 1.0) * 2.5;
                column(&dimming) - brightening
            }
        };
        let per_msun = match &self.tables {
            Some(tables) => self.flux_from_tables(tables, stars, galaxies)?,
            None => self.flux_from_spectra(stars, galaxies),
        };
        let dark = is_dark(&per_msun);
        let magnitudes = (ab_magnitude(per_msun) + offset).mask_fill(dark, f64::INFINITY);
        let lg_age = self.place().row(&self.ssp.grid.ages.lg_age_yr());
        let share = |fraction: Tensor<2>| {
            let mean: Tensor<1> = (stars.weights.age.clone() * fraction).sum_dim(1).squeeze_dim(1);
            log10(mean) + stars.lg_mass_formed.clone()
        };
        Ok(Prediction {
            magnitudes,
            lg_mass_surviving: share(self.settings.imf.surviving_fraction(lg_age.clone())),
            lg_mass_remnant: share(self.settings.imf.remnant_fraction(lg_age)),
            lg_mass_formed: stars.lg_mass_formed.clone(),
        })
    }

    /// Band fluxes per solar mass formed without dimming by distance, `[n_gal, n_filter]`.
    fn flux_from_spectra(&self, stars: &Stars, galaxies: &GalaxyParams) -> Tensor<2> {
        let z = &galaxies.observer.redshift;
        let continuum = self.continuum(stars, galaxies);
        let lines = self.lines_per_msun(stars, galaxies);
        let line_waves = self.lines().map_or(&[][..], |lines| &lines.lines.wave_aa);
        let (continuum, lines) = match self.settings.frame {
            Frame::Rest => (
                self.bands.flux_at_common(continuum, 0.0),
                lines.map(|l| self.bands.line_flux_at_common(l, line_waves, 0.0)),
            ),
            Frame::Observed => (
                self.bands.flux_at(continuum, z),
                lines.map(|l| self.bands.line_flux_at(l, line_waves, z)),
            ),
        };
        match lines {
            Some(lines) => continuum + lines,
            None => continuum,
        }
    }

    /// The same from tables.
    fn flux_from_tables(
        &self,
        tables: &TablePhotometry,
        stars: &Stars,
        galaxies: &GalaxyParams,
    ) -> Result<Tensor<2>> {
        let (weights, dust) = (&stars.weights, &galaxies.dust);
        match self.settings.frame {
            Frame::Rest => Ok(tables.flux_at_rest(weights, dust)),
            Frame::Observed => tables.flux_at(weights, dust, &galaxies.observer.redshift),
        }
    }

    /// Spectra with dust and emission lines on [`wave_aa`](Self::wave_aa), `[n_gal, n_wave]`:
    /// luminosity density \[Lsun/Hz\] in the rest frame, or flux density \[microjansky\] on wavelengths
    /// stretched by `1 + z` in the observed frame.
    ///
    /// # Errors
    /// None for valid settings.
    pub fn spectrum(&self, galaxies: &GalaxyParams) -> Result<Tensor<2>> {
        let stars = self.stars(galaxies)?;
        let unit_mass = self.spectrum_per_msun(&stars, galaxies);
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
        self.jacobian_of_bands(matrix, t_obs_gyr, wrt, &Vec::from_iter(0..self.bands.names().len()))
    }

    /// [`jacobian`](Self::jacobian) of the magnitudes in the filters with indices `bands` alone, in their
    /// order.
    ///
    /// # Errors
    /// Those of [`jacobian`](Self::jacobian), and [`Error::Invalid`] for `bands` that are none or do not
    /// exist.
    pub fn jacobian_of_bands(
        &self,
        matrix: &Tensor<2>,
        t_obs_gyr: Option<&Tensor<1>>,
        wrt: &[usize],
        bands: &[usize],
    ) -> Result<Jacobian> {
        let n_band = self.bands.names().len();
        if bands.is_empty() || bands.iter().any(|k| *k >= n_band) {
            let reason = format!("{bands:?}: expected indices from 0 to {}", n_band - 1);
            return Err(Error::invalid("filters of the Jacobian", reason));
        }
        // Checks the width before columns are taken.
        self.components().galaxies(matrix, t_obs_gyr.cloned())?;
        // Band by band: a reverse pass for one magnitude needs the samples of one filter only.
        let bands = bands.iter().map(|k| {
            let tables = self.tables.as_ref().map(|tables| tables.only(*k));
            let model = Self { bands: self.bands.only(*k), tables, ..self.clone() };
            jacobian_of_columns(matrix, wrt, |matrix| {
                let galaxies = self.components().galaxies(matrix, t_obs_gyr.cloned())?;
                Ok(model.predict(&galaxies)?.magnitudes)
            })
        });
        let bands = bands.collect::<Result<Vec<Jacobian>>>()?;
        let (values, jacobian) = bands.into_iter().map(|b| (b.values, b.jacobian)).unzip();
        Ok(Jacobian { values: Tensor::cat(values, 1), jacobian: Tensor::cat(jacobian, 1) })
    }
}

/// The ionization parameters on which the spectra of a grid, or its lines if they are used, depend.
///
/// # Errors
/// [`Error::Invalid`] when the two depend on different ones, and those of [`IonizationGrid::new`].
pub(super) fn ionization_grid(grid: &SspGrid, lines: bool) -> Result<Option<IonizationGrid>> {
    let of_lines = grid.lines.as_ref().filter(|_| lines).and_then(|lines| lines.lgu.clone());
    let lgu = match (grid.lgu.clone(), of_lines) {
        (Some(spectra), Some(lines)) if spectra != lines => {
            return Err(Error::invalid(
                "ionization parameters",
                "those of the emission lines are not those of the spectra",
            ));
        }
        (spectra, lines) => spectra.or(lines),
    };
    lgu.map(IonizationGrid::new).transpose()
}

/// Whether an emulator was trained for histories such as these.
pub(super) fn check_emulator(emulator: &AgeEmulator, settings: &ModelSettings) -> Result<()> {
    let config = emulator.config();
    let other = |what: &str, of: String, wanted: String| {
        Err(Error::invalid("age emulator", format!("was trained for {what} {of}, not {wanted}")))
    };
    if config.sfh != settings.components.sfh {
        let wanted = settings.components.sfh;
        return other("histories", config.sfh.to_string(), wanted.to_string());
    }
    for (what, of, wanted) in
        [("lgt0", config.lgt0, settings.lgt0), ("a baryon fraction of", config.fb, settings.fb)]
    {
        if of != wanted {
            return other(what, of.to_string(), wanted.to_string());
        }
    }
    Ok(())
}

/// Number of ages up to the oldest that has lines.
fn n_line_ages(lines: &EmissionLines, grid: &SspGrid) -> usize {
    let (n_line, n_age) = (lines.names.len(), grid.ages.lg_age_gyr().len());
    let per_ssp = lines.luminosity_lsun.chunks(n_line).enumerate();
    let shining = per_ssp.filter(|(_, l)| l.iter().any(|l| *l > 0.0)).map(|(i, _)| i % n_age + 1);
    shining.max().unwrap_or(1)
}
