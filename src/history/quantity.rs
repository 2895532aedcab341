//! What can be watched.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Tensor;

use crate::numerics::{column, log10};
use crate::population::{EquivalentWidths, GalaxyModel, GalaxyParams};
use crate::{Error, Result};

/// A number, or a few, that a model predicts for a galaxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// `mag:FILTER`: magnitude in the model's frame.
    Magnitude(String),
    /// `color:FILTER,FILTER`: difference of two magnitudes.
    Color(String, String),
    /// `line:LINE`: log10 of a line's luminosity with dust \[erg/s\].
    Line(String),
    /// `ew:WINDOW`: rest-frame equivalent width \[Angstrom\], positive in emission.
    EquivalentWidth(String),
    /// `lg_sfr`: log10 of the star formation rate, without bursts \[Msun/yr\].
    LgSfr,
    /// `lg_mstar_formed`: log10 of the mass ever formed \[Msun\].
    LgMassFormed,
    /// `lg_mstar_surviving`: log10 of the mass in stars and remnants \[Msun\].
    LgMassSurviving,
    /// `p_age`: P(age), one number per age of the grid.
    AgeDistribution,
}

const KINDS: &str = "mag:FILTER, color:FILTER,FILTER, line:LINE, ew:WINDOW, lg_sfr, \
                     lg_mstar_formed, lg_mstar_surviving, p_age";

impl FromStr for Quantity {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown = || Error::UnknownName {
            kind: "quantity",
            name: text.to_owned(),
            available: KINDS.to_owned(),
        };
        let (kind, name) = text.split_once(':').unwrap_or((text, ""));
        let name = name.trim().to_owned();
        match (kind.trim(), name.is_empty()) {
            ("mag", false) => Ok(Self::Magnitude(name)),
            ("color", false) => {
                let (blue, red) = name.split_once(',').ok_or_else(unknown)?;
                Ok(Self::Color(blue.trim().to_owned(), red.trim().to_owned()))
            }
            ("line", false) => Ok(Self::Line(name)),
            ("ew", false) => Ok(Self::EquivalentWidth(name)),
            ("lg_sfr", true) => Ok(Self::LgSfr),
            ("lg_mstar_formed", true) => Ok(Self::LgMassFormed),
            ("lg_mstar_surviving", true) => Ok(Self::LgMassSurviving),
            ("p_age", true) => Ok(Self::AgeDistribution),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magnitude(filter) => write!(f, "mag:{filter}"),
            Self::Color(blue, red) => write!(f, "color:{blue},{red}"),
            Self::Line(line) => write!(f, "line:{line}"),
            Self::EquivalentWidth(window) => write!(f, "ew:{window}"),
            Self::LgSfr => f.write_str("lg_sfr"),
            Self::LgMassFormed => f.write_str("lg_mstar_formed"),
            Self::LgMassSurviving => f.write_str("lg_mstar_surviving"),
            Self::AgeDistribution => f.write_str("p_age"),
        }
    }
}

/// A quantity prepared for a model.
pub(super) struct Measure {
    /// One name per number.
    pub(super) names: Vec<String>,
    how: How,
}

enum How {
    Magnitudes { plus: usize, minus: Option<usize> },
    Line(usize),
    EquivalentWidth(Box<EquivalentWidths>),
    LgSfr,
    LgMassFormed,
    LgMassSurviving,
    AgeDistribution,
}

impl Quantity {
    /// Finds the filters or lines in the model.
    pub(super) fn measure(&self, model: &GalaxyModel) -> Result<Measure> {
        let filter = |name: &String| {
            let filters = model.filter_names();
            filters.iter().position(|f| f == name).ok_or_else(|| Error::UnknownName {
                kind: "filter of the model",
                name: name.clone(),
                available: filters.join(", "),
            })
        };
        let how = match self {
            Self::Magnitude(name) => How::Magnitudes { plus: filter(name)?, minus: None },
            Self::Color(blue, red) => {
                How::Magnitudes { plus: filter(blue)?, minus: Some(filter(red)?) }
            }
            Self::Line(name) => How::Line(model.line_index(name)?),
            Self::EquivalentWidth(name) => How::EquivalentWidth(Box::new(EquivalentWidths::new(
                model,
                std::slice::from_ref(name),
            )?)),
            Self::LgSfr => How::LgSfr,
            Self::LgMassFormed => How::LgMassFormed,
            Self::LgMassSurviving => How::LgMassSurviving,
            Self::AgeDistribution => How::AgeDistribution,
        };
        Ok(Measure { names: self.names(model), how })
    }

    /// Names of its numbers: one, or for P(age) one per age.
    pub fn names(&self, model: &GalaxyModel) -> Vec<String> {
        match self {
            Self::AgeDistribution => {
                let ages = model.ages().lg_age_gyr();
                ages.iter().map(|age| format!("p_age:{age:.4}")).collect()
            }
            one => vec![one.to_string()],
        }
    }

    /// The quantity in words with its unit, for figures.
    pub fn label(&self) -> String {
        match self {
            Self::Magnitude(filter) => format!("{filter} [AB mag]"),
            Self::Color(blue, red) => format!("{blue} − {red} [AB mag]"),
            Self::Line(line) => format!("log10 L({line}) [erg s⁻¹]"),
            Self::EquivalentWidth(window) => format!("EW({window}) [Å]"),
            Self::LgSfr => "log10 SFR [M_☉ yr⁻¹]".to_owned(),
            Self::LgMassFormed => "log10 mass formed [M_☉]".to_owned(),
            Self::LgMassSurviving => "log10 surviving mass [M_☉]".to_owned(),
            Self::AgeDistribution => "Mass fraction per age bin".to_owned(),
        }
    }
}

impl Measure {
    /// `[n_gal, n_name]`.
    pub(super) fn evaluate(
        &self,
        model: &GalaxyModel,
        galaxies: &GalaxyParams,
    ) -> Result<Tensor<2>> {
        Ok(match &self.how {
            How::Magnitudes { plus, minus } => {
                let magnitudes = model.predict(galaxies)?.magnitudes;
                let one = |k: usize| magnitudes.clone().narrow(1, k, 1);
                minus.map_or(one(*plus), |minus| one(*plus) - one(minus))
            }
            How::Line(k) => {
                let stars = model.stars(galaxies)?;
                model.line_light(&stars, galaxies)?.lg_luminosity_erg_s.narrow(1, *k, 1)
            }
            How::EquivalentWidth(widths) => {
                widths.measure(model, &model.stars(galaxies)?, galaxies)
            }
            How::LgSfr => column(&log10(model.sfr_msun_yr(galaxies)?)),
            How::LgMassFormed => column(&model.stars(galaxies)?.lg_mass_formed),
            How::LgMassSurviving => column(&model.predict(galaxies)?.lg_mass_surviving),
            How::AgeDistribution => model.stars(galaxies)?.weights.age,
        })
    }
}
