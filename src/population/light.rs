//! The light of a galaxy's stars and gas behind its dust.

use std::ops::Range;

use burn::tensor::Tensor;

use super::{GalaxyModel, GalaxyParams, Stars};
use crate::sed::{
    EquivalentWidthKernel, LineWindow, composite_lines, composite_spectrum_of_ages,
    lg_flux_erg_s_cm2, lg_line_luminosity_lsun, lg_luminosity_erg_s,
};
use crate::{Error, Result};

/// Emission lines of a batch of galaxies, with dust; minus infinity for a line without light.
#[derive(Clone, Debug)]
pub struct LineLight {
    /// log10 of the luminosities \[erg/s\], `[n_gal, n_line]`.
    pub lg_luminosity_erg_s: Tensor<2>,
    /// log10 of the observed fluxes at the redshift \[erg/s/cm^2\], `[n_gal, n_line]`.
    pub lg_flux_erg_s_cm2: Tensor<2>,
}

impl GalaxyModel {
    /// Names of the emission lines, in the order of [`LineLight`]; none without lines.
    pub fn line_names(&self) -> &[String] {
        self.lines().map_or(&[], |lines| &lines.lines.names)
    }

    /// Index of an emission line by [name](crate::ssp::find_line).
    ///
    /// # Errors
    /// [`Error::UnknownName`]; [`Error::Invalid`] for a model without lines.
    pub fn line_index(&self, name: &str) -> Result<usize> {
        self.lines().ok_or_else(no_lines)?.lines.index(name)
    }

    /// Luminosities and fluxes of the emission lines.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a model without lines.
    pub fn line_light(&self, stars: &Stars, galaxies: &GalaxyParams) -> Result<LineLight> {
        let per_msun = self.lines_per_msun(stars, galaxies).ok_or_else(no_lines)?;
        let lg_lsun = lg_line_luminosity_lsun(per_msun, &stars.lg_mass_formed);
        let modulus = self.cosmology().distance_modulus(&galaxies.observer.redshift);
        Ok(LineLight {
            lg_luminosity_erg_s: lg_luminosity_erg_s(lg_lsun.clone()),
            lg_flux_erg_s_cm2: lg_flux_erg_s_cm2(lg_lsun, &modulus),
        })
    }

    /// Continuum per solar mass formed behind dust, `[n_gal, n_wave]` on the grid's wavelengths, in
    /// the scaled units of [`SspTensors`](crate::ssp::SspTensors).
    pub(super) fn continuum(&self, stars: &Stars, galaxies: &GalaxyParams) -> Tensor<2> {
        let of_ages = |ages| composite_spectrum_of_ages(&stars.weights, self.ssp(), ages);
        self.behind_dust(galaxies, &self.wave_um, self.ages().lg_age_gyr().len(), of_ages)
    }

    /// Line luminosities per solar mass formed behind dust \[Lsun\], `[n_gal, n_line]`.
    pub(super) fn lines_per_msun(
        &self,
        stars: &Stars,
        galaxies: &GalaxyParams,
    ) -> Option<Tensor<2>> {
        let lines = self.lines()?;
        let of_ages = |ages| composite_lines(&stars.weights, lines, ages);
        Some(self.behind_dust(galaxies, &self.line_wave_um, self.n_line_ages, of_ages))
    }

    /// Continuum and lines together on [`wave_aa`](Self::wave_aa), as [`continuum`](Self::continuum).
    pub(super) fn spectrum_per_msun(&self, stars: &Stars, galaxies: &GalaxyParams) -> Tensor<2> {
        let continuum = self.continuum(stars, galaxies);
        match (&self.profiles, self.lines_per_msun(stars, galaxies)) {
            (Some(profiles), Some(lines)) => profiles.spectrum(continuum, lines),
            _ => continuum,
        }
    }

    /// Adds up the light of the first `n_age` ages, dimmed run by run by the dust that its stars see.
    fn behind_dust(
        &self,
        galaxies: &GalaxyParams,
        wave_um: &[f64],
        n_age: usize,
        of_ages: impl Fn(Range<usize>) -> Tensor<2>,
    ) -> Tensor<2> {
        let law = &self.settings().dust_law;
        let lg_age = self.ages().lg_age_yr();
        let shining = self.age_groups.iter().filter(|group| group.start < n_age);
        let light = shining.map(|group| {
            let light = of_ages(group.start..group.end.min(n_age));
            light * galaxies.dust.transmission(law, wave_um, lg_age[group.start])
        });
        light.reduce(|sum, part| sum + part).unwrap_or_else(|| unreachable!("a grid has ages"))
    }
}

fn no_lines() -> Error {
    Error::invalid("emission lines", "the model has none; choose where they come from")
}

/// Equivalent widths of chosen lines over a quadratic continuum, in a model's rest-frame spectra.
#[derive(Clone, Debug)]
pub struct EquivalentWidths {
    names: Vec<String>,
    kernels: Vec<EquivalentWidthKernel>,
}

impl EquivalentWidths {
    /// Prepares windows, by [name](LineWindow::by_name), for the wavelengths of a model.
    ///
    /// # Errors
    /// [`Error::UnknownName`] for a window that does not exist; [`Error::Invalid`] when the model's
    /// wavelengths are too coarse for it.
    pub fn new(model: &GalaxyModel, windows: &[String]) -> Result<Self> {
        let kernel = |name: &String| {
            EquivalentWidthKernel::new(model.wave_aa(), &LineWindow::by_name(name)?)
                .map_err(|e| Error::invalid(format!("equivalent width {name:?}"), e.to_string()))
        };
        Ok(Self {
            names: windows.to_vec(),
            kernels: windows.iter().map(kernel).collect::<Result<_>>()?,
        })
    }

    /// Names of the windows.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Rest-frame equivalent widths \[Angstrom\], positive in emission, `[n_gal, n_window]`.
    pub fn measure(
        &self,
        model: &GalaxyModel,
        stars: &Stars,
        galaxies: &GalaxyParams,
    ) -> Tensor<2> {
        let spectrum = model.spectrum_per_msun(stars, galaxies);
        let widths = self.kernels.iter().map(|kernel| kernel.measure(spectrum.clone()).ew_aa);
        Tensor::stack(widths.collect(), 1)
    }
}
