//! What galaxies have: named columns, and a weight.

use std::sync::Arc;

use burn::tensor::Tensor;

use crate::numerics::column;
use crate::{Error, Result};

/// The names of the quantities of a population, in the order of their columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuantityNames(Arc<[String]>);

impl QuantityNames {
    /// Different names, at least one.
    ///
    /// # Errors
    /// [`Error::Invalid`] for no names or one that is there twice.
    pub fn new<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Result<Self> {
        let names: Arc<[String]> = names.into_iter().map(Into::into).collect();
        if names.is_empty() {
            return Err(Error::invalid("quantities", "at least one is needed"));
        }
        if let Some((_, name)) = names.iter().enumerate().find(|(i, n)| names[..*i].contains(n)) {
            return Err(Error::invalid("quantities", format!("{name:?} is there twice")));
        }
        Ok(Self(names))
    }

    /// The names.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// A quantity (`"lsst_r"`) or the difference of two, such as a colour (`"lsst_g - lsst_r"`, with
    /// spaces around the minus).
    ///
    /// # Errors
    /// [`Error::UnknownName`] for a quantity that is not there.
    pub fn axis(&self, text: &str) -> Result<Axis> {
        let index = |name: &str| {
            let unknown = || Error::UnknownName {
                kind: "quantity",
                name: name.to_owned(),
                available: self.0.join(", "),
            };
            self.0.iter().position(|known| known == name).ok_or_else(unknown)
        };
        let (plus, minus) = match text.split_once(" - ") {
            Some((plus, minus)) if !self.0.iter().any(|name| name == text) => {
                (index(plus.trim())?, Some(index(minus.trim())?))
            }
            _ => (index(text)?, None),
        };
        Ok(Axis { names: self.clone(), plus, minus })
    }
}

/// What a summary looks at: a quantity or the difference of two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    names: QuantityNames,
    plus: usize,
    minus: Option<usize>,
}

impl Axis {
    /// As it was asked for.
    pub fn label(&self) -> String {
        let names = self.names.as_slice();
        match self.minus {
            None => names[self.plus].clone(),
            Some(minus) => format!("{} - {}", names[self.plus], names[minus]),
        }
    }
}

/// The quantities of a batch of galaxies.
#[derive(Clone, Debug)]
pub struct Quantities {
    names: QuantityNames,
    /// `[n_gal, n_quantity]`.
    values: Tensor<2>,
    /// `[n_gal, 1]`.
    weight: Option<Tensor<2>>,
}

impl Quantities {
    /// Values of shape `[n_gal, n_quantity]`, one column per name; every galaxy counts once.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another number of columns than names.
    pub fn new(names: &QuantityNames, values: Tensor<2>) -> Result<Self> {
        let (columns, n) = (values.dims()[1], names.as_slice().len());
        if columns != n {
            return Err(Error::invalid("quantities", format!("{columns} columns for {n} names")));
        }
        Ok(Self { names: names.clone(), values, weight: None })
    }

    /// How much each galaxy counts, `[n_gal]`: the probability to be selected, for example.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another number of weights than galaxies.
    pub fn with_weight(self, weight: &Tensor<1>) -> Result<Self> {
        let (n_weight, n_gal) = (weight.dims()[0], self.n_galaxies());
        if n_weight != n_gal {
            let reason = format!("{n_weight} weights for {n_gal} galaxies");
            return Err(Error::invalid("quantities", reason));
        }
        Ok(Self { weight: Some(column(weight)), ..self })
    }

    /// Number of galaxies.
    pub fn n_galaxies(&self) -> usize {
        self.values.dims()[0]
    }

    /// The values on an axis, `[n_gal, 1]`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an axis of other quantities.
    pub fn on(&self, axis: &Axis) -> Result<Tensor<2>> {
        if axis.names != self.names {
            let [made_for, found] = [&axis.names, &self.names].map(|n| n.as_slice().join(", "));
            let reason = format!("made for galaxies with {made_for}; these have {found}");
            return Err(Error::invalid(format!("summary of {}", axis.label()), reason));
        }
        let one = |j: usize| self.values.clone().narrow(1, j, 1);
        let plus = one(axis.plus);
        Ok(axis.minus.map_or_else(|| plus.clone(), |minus| plus.clone() - one(minus)))
    }

    /// How much each galaxy counts, `[n_gal, 1]`.
    pub fn weight(&self) -> Tensor<2> {
        let ones = || self.values.clone().narrow(1, 0, 1).ones_like();
        self.weight.clone().unwrap_or_else(ones)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{for_each_place, values};

    #[test]
    fn axes_are_quantities_and_their_differences() {
        let names = QuantityNames::new(["g", "r", "a - b"]).unwrap();
        for_each_place(|place| {
            let rows = place.rows(&[&[3.0, 1.0, 7.0], &[5.0, 2.5, 8.0]]);
            let galaxies = Quantities::new(&names, rows).unwrap();
            let on = |text: &str| values(galaxies.on(&names.axis(text).unwrap()).unwrap());
            assert_eq!(on("r"), [1.0, 2.5]);
            assert_eq!(on("g - r"), [2.0, 2.5]);
            assert_eq!(on("a - b"), [7.0, 8.0]);
            assert_eq!(values(galaxies.weight()), [1.0, 1.0]);
            let weighted = galaxies.with_weight(&place.vector(&[0.5, 0.25])).unwrap();
            assert_eq!(values(weighted.weight()), [0.5, 0.25]);
        });
        assert_eq!(names.axis("g - r").unwrap().label(), "g - r");
    }

    #[test]
    fn what_is_not_there_is_said() {
        let names = QuantityNames::new(["g", "r"]).unwrap();
        for text in ["z", "g - z", "z - r", "g-r"] {
            let error = names.axis(text).unwrap_err().to_string();
            assert!(error.contains("no quantity") && error.contains("g, r"), "{error}");
        }
        assert!(QuantityNames::new(["g", "g"]).is_err());
        assert!(QuantityNames::new::<String>([]).is_err());
        for_each_place(|place| {
            let galaxies = Quantities::new(&names, place.row(&[1.0, 2.0])).unwrap();
            let other = QuantityNames::new(["r", "g"]).unwrap().axis("r").unwrap();
            let error = galaxies.on(&other).unwrap_err().to_string();
            assert!(error.contains("made for galaxies with r, g"), "{error}");
            assert!(Quantities::new(&names, place.row(&[1.0])).is_err());
            assert!(galaxies.with_weight(&place.vector(&[1.0, 1.0])).is_err());
        });
    }
}
