//! Galaxies that a figure shows: predictions of them, panels with a line for each, and notes of their
//! parameters.

use burn::tensor::Tensor;

use super::setup::{COMMON, Changes, MAIN_SEQUENCE, QUENCHED, T_QUENCH_GYR, TODAY_GYR};
use crate::Result;
use crate::device::to_host;
use crate::history::{Histories, Quantity, Watch};
use crate::metallicity::LGMET_SOLAR;
use crate::plot::{Axis, Color, Figure, Panel, Series, Style};
use crate::population::{GalaxyModel, GalaxyParams};
use crate::ssp::EMBEDDED_NAME;

/// Names of the two galaxies that most figures show.
const MAIN_SEQUENCE_NAME: &str = "main sequence";
pub(super) const QUENCHED_NAME: &str = "quenched";

/// Galaxies with names, and the model that predicts them.
pub(super) struct Galaxies {
    pub(super) model: GalaxyModel,
    names: Vec<String>,
    rows: Vec<Vec<f64>>,
}

impl Galaxies {
    pub(super) fn new(model: GalaxyModel) -> Self {
        Self { model, names: Vec::new(), rows: Vec::new() }
    }

    /// The main-sequence and the quenched galaxy, with `changes` to both.
    pub(super) fn pair(model: GalaxyModel, changes: &Changes) -> Result<Self> {
        Self::new(model)
            .with(MAIN_SEQUENCE_NAME, &[MAIN_SEQUENCE, changes])?
            .with(QUENCHED_NAME, &[QUENCHED, changes])
    }

    /// Adds a galaxy that has what the two share and the parameters of `changes`.
    pub(super) fn with(mut self, name: impl Into<String>, changes: &[&Changes]) -> Result<Self> {
        let changes = [&[COMMON], changes].concat().concat();
        self.rows.push(self.model.components().row(&changes)?);
        self.names.push(name.into());
        Ok(self)
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Quantities and their gradients with respect to the parameters `wrt` at times `t_gyr`.
    pub(super) fn watch(
        &self,
        t_gyr: &[f64],
        quantities: &[&str],
        wrt: &[&str],
    ) -> Result<Histories> {
        let quantities = quantities.iter().map(|text| text.parse());
        let quantities = quantities.collect::<Result<Vec<Quantity>>>()?;
        let wrt = wrt.iter().map(|name| self.model.components().index(name));
        let wrt = wrt.collect::<Result<Vec<usize>>>()?;
        let t_ref_gyr = vec![TODAY_GYR; self.rows.len()];
        let watch = Watch {
            model: &self.model,
            galaxies: &self.rows,
            t_ref_gyr: &t_ref_gyr,
            t_gyr,
            wrt: &wrt,
        };
        watch.run(&quantities, |_, _| {})
    }

    /// The galaxies seen at cosmic time `t_gyr`.
    pub(super) fn at(&self, t_gyr: f64) -> Result<GalaxyParams> {
        let rows: Vec<&[f64]> = self.rows.iter().map(Vec::as_slice).collect();
        let place = self.model.place();
        let t_obs: Tensor<1> = place.vector(&vec![t_gyr; rows.len()]);
        self.model.components().galaxies(&place.rows(&rows), Some(t_obs))
    }

    /// Spectra of the galaxies at `t_gyr` between two wavelengths \[Angstrom\]: the wavelengths and
    /// one spectrum per galaxy.
    pub(super) fn spectra(
        &self,
        t_gyr: f64,
        (first, last): (f64, f64),
    ) -> Result<(Vec<f64>, Vec<Vec<f64>>)> {
        let spectra = to_host(self.model.spectrum(&self.at(t_gyr)?)?)?;
        let wave = self.model.wave_aa();
        let shown = |x: &[f64]| -> Vec<f64> {
            let pairs = wave.iter().zip(x).filter(|(w, _)| (first..=last).contains(*w));
            pairs.map(|(_, x)| *x).collect()
        };
        Ok((shown(wave), spectra.chunks(wave.len()).map(shown).collect()))
    }

    /// `figure` with the model and the parameters of its galaxies noted.
    pub(super) fn annotate(&self, figure: Figure) -> Figure {
        let settings = self.model.settings();
        let (components, law) = (&settings.components, &settings.dust_law);
        let cosmology = &settings.cosmology;
        let figure = figure
            .note(format!(
                "model: SSP grid {EMBEDDED_NAME}, SFH {}, metallicity {}, dust {} with curve {}, \
                 emission lines {}, frame {}, P(age) {}, precision {}",
                components.sfh,
                components.metallicity,
                components.dust,
                law.curve(),
                if settings.lines { "fit" } else { "none" },
                settings.frame,
                settings.age_weights,
                self.model.place().precision(),
            ))
            .note(format!(
                "cosmology: flat, Om0 {}, w0 {}, wa {}, h {}",
                cosmology.om0, cosmology.w0, cosmology.wa, cosmology.h
            ))
            .note(format!(
                "P(age) from rates at {} look-back nodes; histories shown at {} times from {} to {} Gyr",
                settings.nodes.shares().len(),
                settings.times.t_gyr().len(),
                settings.times.first_gyr(),
                settings.times.last_gyr()
            ))
            .note(format!("log10 of the solar metal mass fraction: {LGMET_SOLAR}"));
        let info = components_info(&self.model);
        self.names.iter().zip(&self.rows).fold(figure, |figure, (name, row)| {
            let changed = row.iter().zip(&info).filter(|(value, (_, default))| **value != *default);
            let changed: Vec<String> =
                changed.map(|(value, (name, _))| format!("{name} = {value}")).collect();
            figure.note(format!("galaxy {name:?}: {}; others default", changed.join(", ")))
        })
    }
}

/// Name and default of each parameter.
fn components_info(model: &GalaxyModel) -> Vec<(&'static str, f64)> {
    model.components().info().iter().map(|p| (p.name, p.default)).collect()
}

/// A panel with time of observation to the right.
pub(super) fn time_panel(label: impl Into<String>) -> Panel {
    Panel::new(Axis::linear("Cosmic time of observation [Gyr]"), Axis::linear(label))
}

/// `panel` with one line per galaxy.
pub(super) fn with_each(
    panel: Panel,
    galaxies: &Galaxies,
    histories: &Histories,
    y: impl Fn(usize) -> Vec<f64>,
) -> Panel {
    let galaxies = galaxies.names().iter().enumerate();
    galaxies.fold(panel, |panel, (g, name)| {
        panel.with(Series::new(name.as_str(), histories.t_gyr.clone(), y(g)).style(style_of(name)))
    })
}

/// Dashes for the quenched galaxy, whose line begins on top of that of the main sequence.
pub(super) fn style_of(name: &str) -> Style {
    if name == QUENCHED_NAME { Style::Dashed } else { Style::Solid }
}

/// A number with its sign, for labels.
pub(super) fn signed(value: f64, decimals: usize) -> String {
    format!("{value:+.decimals$}").replace('-', "−")
}

/// `panel` with a vertical line at the time of quenching, as high as what the panel shows.
pub(super) fn mark_quenching(panel: Panel) -> Panel {
    let values = panel.series.iter().flat_map(|series| series.y.iter().copied());
    let finite = values.filter(|y| y.is_finite());
    let (low, high) =
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), y| (l.min(y), h.max(y)));
    let line = Series::new("t_{q}", [T_QUENCH_GYR; 2], [low, high]);
    panel.with(line.style(Style::Dotted).color(Color::BLACK))
}

#[cfg(test)]
mod tests {
    use super::super::setup::tests::quick;
    use super::*;
    use crate::population::Frame;

    #[test]
    fn notes_name_what_is_not_default() {
        let model = quick().model(Frame::Rest, |_| ()).unwrap();
        let galaxies = Galaxies::pair(model, &[("av", 1.0)]).unwrap();
        let figure = galaxies.annotate(Figure::new(vec![time_panel("y")], 1));
        assert!(figure.notes[0].contains("frame rest"), "{:?}", figure.notes);
        let quenched = figure.notes.last().unwrap();
        assert!(quenched.contains("lg_drop = -2.5") && quenched.contains("av = 1"), "{quenched}");
        assert!(!quenched.contains("logtc"), "{quenched}");
    }
}
