//! The figures of the paper that introduced DSPS (Hearin et al. 2023, MNRAS 521, 1741), made with
//! this library on the embedded SSP grid.
//!
//! Parameters that the paper does not print are chosen to show what it describes; each figure's file
//! of numbers begins with all that are not defaults.

mod fig01;
mod fig02;
mod fig03;
mod fig04;
mod fig05;
mod fig06;
mod fig07;
mod fig08;
mod fig09;
mod galaxies;
mod masses;
mod setup;
mod triweight;

pub use setup::Setup;

use crate::plot::Figure;
use crate::{Error, Result};

/// A figure of the paper.
#[derive(Clone, Copy, Debug)]
pub struct PaperFigure {
    /// Its number in the paper.
    pub name: &'static str,
    /// Name for its files.
    pub stem: &'static str,
    /// What it shows.
    pub title: &'static str,
    make: fn(&Setup) -> Result<Figure>,
}

impl PaperFigure {
    /// Computes the figure.
    ///
    /// # Errors
    /// [`Error::Device`] when the device cannot deliver results.
    pub fn draw(&self, setup: &Setup) -> Result<Figure> {
        let mut figure = (self.make)(setup)?;
        let heading = format!(
            "{}, after figure {} of Hearin et al. (2023, MNRAS 521, 1741)",
            self.title, self.name
        );
        figure.notes.insert(0, heading);
        Ok(figure)
    }
}

/// All figures, in the order of the paper.
#[rustfmt::skip]
pub static FIGURES: [PaperFigure; 12] = [
    of("1", "fig01_sfh_and_ages", "Star formation histories and stellar ages", fig01::figure),
    of("2", "fig02_quenching_colours", "Colours of a quenching galaxy", fig02::figure),
    of("3", "fig03_metallicity_spectra", "Spectrum of a metallicity distribution", fig03::figure),
    of("4", "fig04_metallicity_colours", "Colours and metallicity", fig04::figure),
    of("5", "fig05_young_and_old_metals", "Metallicity distribution that depends on age", fig05::figure),
    of("6", "fig06_young_and_old_colours", "Colour and the metallicities of young and old stars", fig06::figure),
    of("7", "fig07_oiii_equivalent_width", "[O III] equivalent width and ionization", fig07::figure),
    of("8", "fig08_attenuation_slope", "Spectra, colour and the slope of attenuation", fig08::figure),
    of("9", "fig09_age_dependent_dust", "Dust that depends on stellar age", fig09::figure),
    of("A1", "figA1_surviving_mass", "Surviving stellar mass", masses::surviving),
    of("A2", "figA2_remnant_mass", "Mass in stellar remnants", masses::remnant),
    of("B1", "figB1_triweight", "Triweight and Gaussian", triweight::figure),
];

const fn of(
    name: &'static str,
    stem: &'static str,
    title: &'static str,
    make: fn(&Setup) -> Result<Figure>,
) -> PaperFigure {
    PaperFigure { name, stem, title, make }
}

/// Figures by their numbers in the paper, in upper or lower case.
///
/// # Errors
/// [`Error::UnknownName`] for a figure that the paper does not have.
pub fn select<S: AsRef<str>>(names: &[S]) -> Result<Vec<&'static PaperFigure>> {
    let find = |name: &S| {
        let wanted = name.as_ref().trim();
        FIGURES.iter().find(|figure| figure.name.eq_ignore_ascii_case(wanted)).ok_or_else(|| {
            Error::UnknownName {
                kind: "figure of the paper",
                name: wanted.to_owned(),
                available: FIGURES.map(|figure| figure.name).join(", "),
            }
        })
    };
    names.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{DEFAULT_DEVICE, Place, Precision};
    use crate::testing::assert_close;

    #[test]
    fn figures_are_found_by_number() {
        let found = select(&["a1", " 7"]).unwrap();
        assert_eq!((found[0].name, found[1].name), ("A1", "7"));
        let error = select(&["10"]).unwrap_err().to_string();
        assert!(error.contains("\"10\"") && error.contains("9, A1"), "{error}");
    }

    /// Every curve, those of gradients among them, to 1e-3 of its largest value.
    #[test]
    fn single_precision_draws_the_same_curves() {
        let draw = |precision, figure: &PaperFigure| {
            let place = Place::open(DEFAULT_DEVICE, precision).unwrap();
            let panels = figure.draw(&Setup::new(place, 3).unwrap()).unwrap().panels;
            panels.into_iter().flat_map(|panel| panel.series).collect::<Vec<_>>()
        };
        for figure in select(&["1", "2", "4", "6", "7", "8", "9"]).unwrap() {
            let curves = draw(Precision::F64, figure);
            for (want, got) in curves.iter().zip(draw(Precision::F32, figure)) {
                let largest = want.y.iter().fold(0.0f64, |m, y| m.max(y.abs()));
                assert_close(&got.y, &want.y, 0.0, 1e-3 * largest);
            }
        }
    }

    #[test]
    fn every_figure_saves_notes_and_finite_numbers() {
        let place = setup::tests::quick().place().clone();
        let setup = Setup::new(place, 4).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for figure in &FIGURES {
            let stem = folder.path().join(figure.stem);
            figure.draw(&setup).unwrap().save(&stem).unwrap();
            for ending in ["png", "svg"] {
                assert!(stem.with_extension(ending).exists(), "{} {ending}", figure.name);
            }
            let csv = std::fs::read_to_string(stem.with_extension("csv")).unwrap();
            assert!(csv.starts_with(&format!("# {}", figure.title)), "{csv:.200}");
            assert!(csv.lines().nth(1).unwrap().starts_with("# "), "{}", figure.name);
            let rows = csv.lines().skip_while(|line| !line.starts_with("panel,"));
            for row in rows.skip(1) {
                // Labels may hold commas; y2 is empty except for bands.
                let cells: Vec<&str> = row.rsplit(',').take(3).collect();
                for cell in cells {
                    let number: f64 = cell.parse().unwrap_or(0.0);
                    assert!(number.is_finite(), "{}: {row}", figure.name);
                }
            }
        }
    }
}
