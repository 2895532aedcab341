//! The light of a galaxy's stars and gas behind its dust.

use std::ops::Range;

use burn::tensor::Tensor;

use super::{GalaxyModel, GalaxyParams, Stars};
use crate::dust::DustWaves;
use crate::sed::{
    EquivalentWidthKernel, LINE_WINDOWS, LineEquivalentWidth, LineWindow, composite_lines,
    composite_spectrum_of_ages, lg_flux_erg_s_cm2, lg_line_luminosity_lsun, lg_luminosity_erg_s,
};
use crate::ssp::plain_key;
use crate::{Error, Result};

/// Emission lines of a batch of galaxies, with dust; minus infinity for a line without light.
#[derive(Clone, Debug)]
pub struct LineLight {
    /// log10 of the luminosities \[erg/s\], `[n_gal, n_line]`.
    pub lg_luminosity_erg_s: Tensor<2>,
    /// log10 of the observed fluxes at the redshift \[erg/s/cm^2\], `[n_gal, n_line]`; not a number at
    /// redshift zero, which has no distance.
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

    /// Names of the lines that lie too close to the ends of the spectrum to be drawn in it; magnitudes
    /// and line luminosities have them.
    pub fn undrawn_lines(&self) -> Vec<&str> {
        let left_out = self.profiles.as_ref().map_or(&[][..], |profiles| profiles.left_out());
        left_out.iter().map(|i| self.line_names()[*i].as_str()).collect()
    }

    /// Luminosities and fluxes of the emission lines.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a model without lines.
    pub fn line_light(&self, stars: &Stars, galaxies: &GalaxyParams) -> Result<LineLight> {
        let per_msun = self.lines_per_msun(stars, galaxies).ok_or_else(no_lines)?;
        let lg_lsun = lg_line_luminosity_lsun(per_msun, &stars.lg_mass_formed);
        let z = &galaxies.observer.redshift;
        let here = z.clone().lower_equal_elem(0.0);
        let modulus = self.cosmology().distance_modulus(&z.clone().mask_fill(here.clone(), 1.0));
        let modulus = modulus.mask_fill(here, f64::NAN);
        Ok(LineLight {
            lg_luminosity_erg_s: lg_luminosity_erg_s(lg_lsun.clone()),
            lg_flux_erg_s_cm2: lg_flux_erg_s_cm2(lg_lsun, &modulus),
        })
    }

    /// Continuum per solar mass formed behind dust, `[n_gal, n_wave]` on the grid's wavelengths, in
    /// the scaled units of [`SspTensors`](crate::ssp::SspTensors).
    pub(super) fn continuum(&self, stars: &Stars, galaxies: &GalaxyParams) -> Tensor<2> {
        let of_ages = |ages| composite_spectrum_of_ages(&stars.weights, self.ssp(), ages);
        self.behind_dust(galaxies, &self.waves, self.ages().lg_age_gyr().len(), of_ages)
    }

    /// Line luminosities per solar mass formed behind dust \[Lsun\], `[n_gal, n_line]`.
    pub(super) fn lines_per_msun(
        &self,
        stars: &Stars,
        galaxies: &GalaxyParams,
    ) -> Option<Tensor<2>> {
        let lines = self.lines()?;
        let of_ages = |ages| composite_lines(&stars.weights, lines, ages);
        Some(self.behind_dust(galaxies, &self.line_waves, self.n_line_ages, of_ages))
    }

    /// Continuum and lines together on [`wave_aa`](Self::wave_aa), as [`continuum`](Self::continuum).
    pub(super) fn spectrum_per_msun(&self, stars: &Stars, galaxies: &GalaxyParams) -> Tensor<2> {
        self.with_lines(self.continuum(stars, galaxies), self.lines_per_msun(stars, galaxies))
    }

    fn with_lines(&self, continuum: Tensor<2>, lines: Option<Tensor<2>>) -> Tensor<2> {
        match (&self.profiles, lines) {
            (Some(profiles), Some(lines)) => profiles.spectrum(continuum, lines),
            _ => continuum,
        }
    }

    /// Adds up the light of the first `n_age` ages, dimmed run by run by the dust that its stars see.
    fn behind_dust(
        &self,
        galaxies: &GalaxyParams,
        waves: &DustWaves,
        n_age: usize,
        of_ages: impl Fn(Range<usize>) -> Tensor<2>,
    ) -> Tensor<2> {
        let law = &self.settings().dust_law;
        let lg_age = self.ages().lg_age_yr();
        let shining = self.age_groups.iter().filter(|group| group.start < n_age);
        let light = shining.map(|group| {
            let light = of_ages(group.start..group.end.min(n_age));
            let age = &lg_age[group.start..group.start + 1];
            light * galaxies.dust.transmission_of(law, waves, age).squeeze_dim(1)
        });
        light.reduce(|sum, part| sum + part).unwrap_or_else(|| unreachable!("a grid has ages"))
    }
}

fn no_lines() -> Error {
    Error::invalid("emission lines", "the model has none; choose a source, as with `--lines fit`")
}

/// Rest-frame equivalent widths of chosen lines.
///
/// A name of [`LINE_WINDOWS`](crate::sed::LINE_WINDOWS) is measured on the spectrum over a quadratic
/// continuum, with whatever else lies in the window; any other emission line of the model is its
/// luminosity over the continuum at its wavelength.
#[derive(Clone, Debug)]
pub struct EquivalentWidths {
    names: Vec<String>,
    measures: Vec<Measure>,
}

#[derive(Clone, Debug)]
enum Measure {
    Window(EquivalentWidthKernel),
    Line(LineEquivalentWidth),
}

impl EquivalentWidths {
    /// Prepares the measures for the wavelengths and lines of a model.
    ///
    /// # Errors
    /// [`Error::UnknownName`] for a name that is neither a window nor a line of the model;
    /// [`Error::Invalid`] for a name that occurs twice; [`Error::OutOfRange`] for a line beyond the
    /// model's spectra.
    pub fn new(model: &GalaxyModel, names: &[String]) -> Result<Self> {
        let keys: Vec<String> = names.iter().map(|name| plain_key(name)).collect();
        if let Some(i) = (1..keys.len()).find(|i| keys[..*i].contains(&keys[*i])) {
            let reason = format!("{:?} is asked for twice", names[i]);
            return Err(Error::invalid("equivalent widths", reason));
        }
        let measure = |name: &String| {
            if let Ok(window) = LineWindow::by_name(name) {
                return EquivalentWidthKernel::resampling(model.wave_aa(), &window)
                    .map(Measure::Window);
            }
            let windows = LINE_WINDOWS.iter().map(|w| w.name);
            let known = windows.chain(model.line_names().iter().map(String::as_str));
            let lines = model.lines().filter(|lines| lines.lines.index(name).is_ok());
            let lines = lines.ok_or_else(|| Error::UnknownName {
                kind: "equivalent width",
                name: name.clone(),
                available: known.collect::<Vec<_>>().join(", "),
            })?;
            LineEquivalentWidth::new(&model.grid().wave_aa, &lines.lines, name).map(Measure::Line)
        };
        Ok(Self {
            names: names.to_vec(),
            measures: names.iter().map(measure).collect::<Result<_>>()?,
        })
    }

    /// The names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Equivalent widths \[Angstrom\], positive in emission, `[n_gal, n_name]`.
    pub fn measure(
        &self,
        model: &GalaxyModel,
        stars: &Stars,
        galaxies: &GalaxyParams,
    ) -> Tensor<2> {
        let continuum = model.continuum(stars, galaxies);
        let lines = model.lines_per_msun(stars, galaxies);
        let spectrum = model.with_lines(continuum.clone(), lines.clone());
        let widths = self.measures.iter().map(|measure| match (measure, &lines) {
            (Measure::Line(line), Some(lines)) => line.ew_aa(lines.clone(), continuum.clone()),
            (Measure::Window(kernel), _) => kernel.measure(spectrum.clone()).ew_aa,
            (Measure::Line(_), None) => unreachable!("checked when the measure was made"),
        });
        Tensor::stack(widths.collect(), 1)
    }
}
