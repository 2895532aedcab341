//! What the figures share: where they are computed, the two galaxies most of them show, and what
//! their files of numbers say about both.

use burn::tensor::Tensor;

use crate::device::{Place, to_host};
use crate::filter::FilterSet;
use crate::history::{Histories, Quantity, Watch};
use crate::metallicity::LGMET_SOLAR;
use crate::plot::{Axis, Color, Figure, Panel, Series, Style};
use crate::population::{Frame, GalaxyModel, GalaxyParams, ModelSettings};
use crate::sfh::TimeTable;
use crate::ssp::{EMBEDDED_NAME, SspGrid, embedded};
use crate::{Error, Result};

/// Values of some parameters.
pub(super) type Changes = [(&'static str, f64)];

/// Time of the deepest quenching \[Gyr\], redshift 1.
pub(super) const T_QUENCH_GYR: f64 = 5.9;
/// Last time of observation in the rest frame \[Gyr\].
pub(super) const TODAY_GYR: f64 = 13.8;

/// First time \[Gyr\] and number of times of the tables of star formation, close enough for smooth
/// curves.
const FIRST_SFH_GYR: f64 = 0.1;
const N_SFH: usize = 400;

/// log10 of [`T_QUENCH_GYR`].
const LG_QT: f64 = 0.770_852_011_642_144;

/// What the two galaxies share: a halo of 1e12 Msun today, an efficiency that falls above 5e11 Msun, so
/// that star formation peaks at redshift 1.5 and declines, and the time and duration of quenching.
const COMMON: &Changes =
    &[("logm0", 12.0), ("lgmcrit", 11.7), ("indx_hi", -2.0), ("lg_qt", LG_QT), ("qlglgdt", -0.5)];
/// A galaxy for which quenching is a factor of one, so that the gradient with respect to its depth
/// is that of the first step off the main sequence.
pub(super) const MAIN_SEQUENCE: &Changes = &[("lg_drop", 0.0), ("lg_rejuv", 0.0)];
/// The same galaxy, quenched for good.
pub(super) const QUENCHED: &Changes = &[("lg_drop", -2.5), ("lg_rejuv", -2.45)];
/// Their names.
pub(super) const MAIN_SEQUENCE_NAME: &str = "main sequence";
pub(super) const QUENCHED_NAME: &str = "quenched";
/// Half solar metallicity, in the scale where the Sun has [`LGMET_SOLAR`].
pub(super) const FIDUCIAL_METALS: &Changes =
    &[("lgmet", LGMET_SOLAR - 0.3), ("lgmet_scatter", 0.25)];

/// Where and how finely the figures are computed.
#[derive(Clone, Debug)]
pub struct Setup {
    place: Place,
    n_times: usize,
}

impl Setup {
    /// Computations at `place`, with `n_times` times of observation in each history.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for fewer than two times or more than 1000.
    pub fn new(place: Place, n_times: usize) -> Result<Self> {
        if !(2..=1000).contains(&n_times) {
            return Err(Error::OutOfRange {
                what: "number of times of observation".into(),
                value: n_times as f64,
                allowed: "[2, 1000]".into(),
            });
        }
        Ok(Self { place, n_times })
    }

    /// Device and precision.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Evenly spaced times of observation \[Gyr\].
    pub(super) fn times(&self, first_gyr: f64, last_gyr: f64) -> Vec<f64> {
        let last = self.n_times - 1;
        let at = |i: usize| first_gyr + (last_gyr - first_gyr) * i as f64 / last as f64;
        (0..=last).map(|i| if i == last { last_gyr } else { at(i) }).collect()
    }

    /// The model on the embedded grid with the LSST filters; `choose` changes the default settings.
    pub(super) fn model(
        &self,
        frame: Frame,
        choose: impl FnOnce(&mut ModelSettings),
    ) -> Result<GalaxyModel> {
        self.model_on(embedded(), frame, choose)
    }

    /// The same on another grid.
    pub(super) fn model_on(
        &self,
        grid: &SspGrid,
        frame: Frame,
        choose: impl FnOnce(&mut ModelSettings),
    ) -> Result<GalaxyModel> {
        let mut settings = ModelSettings::new(self.place.precision());
        settings.frame = frame;
        settings.times = TimeTable::uniform(FIRST_SFH_GYR, TODAY_GYR, N_SFH)?;
        choose(&mut settings);
        GalaxyModel::new(grid, &FilterSet::embedded("lsst")?, settings, &self.place)
    }
}

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
                "star formation: tables of {} times from {} to {} Gyr",
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
pub(super) mod tests {
    use super::*;
    use crate::device::{DEFAULT_DEVICE, Precision};

    /// A few times in f64 on the default device.
    pub(in crate::figures) fn quick() -> Setup {
        let place = Place::open(DEFAULT_DEVICE, Precision::F64).unwrap();
        Setup::new(place, 12).unwrap()
    }

    /// The value that belongs to the time closest to `t_gyr`.
    pub(in crate::figures) fn near(t: &[f64], y: &[f64], t_gyr: f64) -> f64 {
        let pairs = t.iter().zip(y);
        let closest = pairs.min_by(|a, b| (a.0 - t_gyr).abs().total_cmp(&(b.0 - t_gyr).abs()));
        *closest.unwrap().1
    }

    #[test]
    fn times_reach_from_end_to_end() {
        let t = quick().times(1.0, 13.8);
        assert_eq!((t.len(), t[0], t[11]), (12, 1.0, 13.8));
        let place = quick().place().clone();
        for n in [1, 1001] {
            assert!(Setup::new(place.clone(), n).is_err());
        }
    }

    #[test]
    fn the_quenching_time_is_at_redshift_one() {
        assert!((10f64.powf(LG_QT) - T_QUENCH_GYR).abs() < 1e-12);
        let model = quick().model(Frame::Rest, |_| ()).unwrap();
        let z = model.cosmology().redshift_at_age(&quick().place().vector(&[T_QUENCH_GYR]));
        assert!((to_host(z).unwrap()[0] - 1.0).abs() < 0.03);
    }

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
