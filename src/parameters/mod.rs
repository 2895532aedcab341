//! Parameter sets: structs of tensors, one value per galaxy and parameter, defined once.
//!
//! [`parameter_set!`](crate::parameter_set) declares a set: names, units, defaults and bounds.
//! From that follow the struct with one `Tensor<1>` of shape `[n_gal]` per parameter, conversion
//! to and from a matrix `[n_gal, n_param]`, and the logistic maps between bounded and unbounded
//! parameters that optimizers use.

mod bound;
mod bounded_loops;

use burn::tensor::Tensor;

pub use bound::{Bound, Centre, Edge};
use bounded_loops::BoundedLoops;

use crate::device::{Place, fused, has_fused};
use crate::numerics::{columns, sigmoid};
use crate::{Error, Result};

/// What is known about one parameter.
#[derive(Clone, Copy, Debug)]
pub struct ParamInfo {
    /// Name, also the catalogue column.
    pub name: &'static str,
    /// What it is, as a sentence; empty for population models, whose names say it.
    pub meaning: &'static str,
    /// Unit, "1" for pure numbers.
    pub unit: &'static str,
    /// Default value.
    pub default: f64,
    /// Range and map to unbounded space.
    pub bound: Bound,
}

/// A set of per-galaxy parameters; made by [`parameter_set!`](crate::parameter_set).
pub trait ParameterSet: Sized + Clone {
    /// The parameters in column order.
    const INFO: &'static [ParamInfo];

    /// Builds the set from one tensor `[n_gal]` per parameter, in the order of [`INFO`](Self::INFO).
    ///
    /// # Panics
    /// When there are fewer tensors than parameters.
    fn from_columns(columns: Vec<Tensor<1>>) -> Self;

    /// The tensors in the order of [`INFO`](Self::INFO).
    fn columns(&self) -> Vec<Tensor<1>>;

    /// Number of parameters.
    fn n_params() -> usize {
        Self::INFO.len()
    }

    /// Names in column order.
    fn names() -> Vec<&'static str> {
        Self::INFO.iter().map(|p| p.name).collect()
    }

    /// Default values in column order.
    fn default_values() -> Vec<f64> {
        Self::INFO.iter().map(|p| p.default).collect()
    }

    /// The set in which every one of `n_gal` galaxies has the default values.
    fn defaults(n_gal: usize, place: &Place) -> Self {
        Self::from_columns(
            Self::INFO.iter().map(|p| place.vector(&vec![p.default; n_gal])).collect(),
        )
    }

    /// Splits a matrix `[n_gal, n_param]` into the set; the graph of the matrix is kept.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the number of columns is not that of the set.
    fn from_matrix(matrix: &Tensor<2>) -> Result<Self> {
        check_columns::<Self>(matrix)?;
        Ok(Self::from_columns(columns(matrix)))
    }

    /// The set as a matrix `[n_gal, n_param]`.
    fn to_matrix(&self) -> Tensor<2> {
        Tensor::stack(self.columns(), 1)
    }

    /// The next set from a sequence of columns.
    ///
    /// # Panics
    /// When the sequence holds too few of them.
    fn take(columns: &mut impl Iterator<Item = Tensor<1>>) -> Self {
        Self::from_columns(columns.take(Self::n_params()).collect())
    }

    /// Maps unbounded parameters `[n_gal, n_param]` into their ranges.
    ///
    /// # Errors
    /// Those of [`from_matrix`](Self::from_matrix).
    fn from_unbounded(unbounded: &Tensor<2>) -> Result<Self> {
        check_columns::<Self>(unbounded)?;
        Ok(Self::from_columns(match has_fused(unbounded) {
            true => bounded_fused(Self::INFO, unbounded.clone().transpose()),
            false => bounded_graph(Self::INFO, unbounded),
        }))
    }

    /// Inverse of [`from_unbounded`](Self::from_unbounded): NaN outside the open range, infinite
    /// at its ends.
    fn to_unbounded(&self) -> Tensor<2> {
        Tensor::stack(unbounded(Self::INFO, self.columns()), 1)
    }

    /// Checks one galaxy's values against their closed ranges.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another number of values; [`Error::OutOfRange`] for the first value that is not finite or not in its range.
    fn check(values: &[f64]) -> Result<()> {
        check(Self::INFO, values)
    }
}

fn check_columns<S: ParameterSet>(matrix: &Tensor<2>) -> Result<()> {
    check_length(S::INFO, matrix.dims()[1])
}

/// Checks that there is one value per parameter.
///
/// # Errors
/// [`Error::Invalid`] naming the parameters.
pub fn check_length(infos: &[ParamInfo], n: usize) -> Result<()> {
    if n == infos.len() {
        return Ok(());
    }
    let names: Vec<&str> = infos.iter().map(|p| p.name).collect();
    let reason = format!("{n} values per galaxy, expected {}: {}", names.len(), names.join(", "));
    Err(Error::invalid("parameters", reason))
}

/// Maps unbounded columns (`[n_gal]` each) into the ranges of the parameters `infos`, by a fused operation
/// where there is one.
pub fn bounded(infos: &[ParamInfo], unbounded: Vec<Tensor<1>>) -> Vec<Tensor<1>> {
    match unbounded.first() {
        None => Vec::new(),
        Some(u) if has_fused(u) => bounded_fused(infos, Tensor::stack(unbounded, 0)),
        Some(_) => bounded_graph(infos, &Tensor::stack(unbounded, 1)),
    }
}

/// The same for unbounded parameters `[n_param, n_gal]`.
fn bounded_fused(infos: &[ParamInfo], unbounded: Tensor<2>) -> Vec<Tensor<1>> {
    let values = fused(BoundedLoops::operation(infos), unbounded);
    (0..infos.len()).map(|j| values.clone().narrow(0, j, 1).squeeze_dim(0)).collect()
}

/// The same for unbounded parameters `[n_gal, n_param]`: all those with fixed ranges at once, then those
/// whose range depends on them.
fn bounded_graph(infos: &[ParamInfo], unbounded: &Tensor<2>) -> Vec<Tensor<1>> {
    let row = |value: fn(&Bound, f64, f64) -> f64| {
        let of = |ParamInfo { bound, .. }: &ParamInfo| match bound.fixed() {
            Some((lo, hi)) => value(bound, lo, hi),
            None => 0.0,
        };
        Place::of(unbounded).row(&infos.iter().map(of).collect::<Vec<f64>>())
    };
    let x0 = row(|bound, lo, hi| bound.centre.between(lo, hi));
    let x = (unbounded.clone() - x0) * row(|bound, _, _| bound.k);
    let mut values =
        columns(&(sigmoid::sigmoid(x) * row(|_, lo, hi| hi - lo) + row(|_, lo, _| lo)));
    for (j, info) in infos.iter().enumerate().filter(|(_, info)| info.bound.depends_on_another()) {
        let u: Tensor<1> = unbounded.clone().narrow(1, j, 1).squeeze_dim(1);
        let (lo, hi) = edges(infos, &info.bound, &values, &u);
        values[j] = sigmoid::step((u - centre(&info.bound, &lo, &hi)) * info.bound.k, lo, hi);
    }
    values
}

/// Inverse of [`bounded`]: NaN outside the open ranges, infinite at their ends.
pub fn unbounded(infos: &[ParamInfo], values: Vec<Tensor<1>>) -> Vec<Tensor<1>> {
    let one = |(info, value): (&ParamInfo, &Tensor<1>)| {
        let (lo, hi) = edges(infos, &info.bound, &values, value);
        let x0 = centre(&info.bound, &lo, &hi);
        let odds = (value.clone() - lo) / (hi - value.clone());
        x0 + odds.log() / info.bound.k
    };
    infos.iter().zip(&values).map(one).collect()
}

/// Checks one galaxy's values of the parameters `infos` against their closed ranges.
///
/// # Errors
/// Those of [`check_length`]; [`Error::OutOfRange`] for the first value that is not finite or not in its
/// range.
pub fn check(infos: &[ParamInfo], values: &[f64]) -> Result<()> {
    check_length(infos, values.len())?;
    // A bad value is reported before those whose range depends on it.
    for j in evaluation_order(infos) {
        let (info, value) = (&infos[j], &values[j]);
        let at = |edge: Edge| edge.value(|name| values[position(infos, name)]);
        let (lo, hi) = (at(info.bound.lo), at(info.bound.hi));
        if !(lo..=hi).contains(value) {
            let name = |edge: Edge, v: f64| match edge {
                Edge::At(_) => v.to_string(),
                Edge::Param(name, 0.0) => format!("{name}={v}"),
                Edge::Param(name, offset) => format!("{name}{offset:+}={v}"),
            };
            return Err(Error::OutOfRange {
                what: info.name.to_owned(),
                value: *value,
                allowed: format!("[{}, {}]", name(info.bound.lo, lo), name(info.bound.hi, hi)),
            });
        }
    }
    Ok(())
}

fn position(infos: &[ParamInfo], name: &str) -> usize {
    infos
        .iter()
        .position(|p| p.name == name)
        .unwrap_or_else(|| unreachable!("bound refers to {name}, which is not in its set"))
}

/// Parameters with fixed ranges first, then those whose range depends on them.
fn evaluation_order(infos: &[ParamInfo]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..infos.len()).collect();
    order.sort_by_key(|j| infos[*j].bound.depends_on_another());
    order
}

fn edges(
    infos: &[ParamInfo],
    bound: &Bound,
    values: &[Tensor<1>],
    like: &Tensor<1>,
) -> (Tensor<1>, Tensor<1>) {
    let at = |edge: Edge| match edge {
        Edge::At(v) => like.full_like(v).without_autodiff(),
        Edge::Param(name, offset) => values[position(infos, name)].clone() + offset,
    };
    (at(bound.lo), at(bound.hi))
}

fn centre(bound: &Bound, lo: &Tensor<1>, hi: &Tensor<1>) -> Tensor<1> {
    match bound.centre {
        Centre::Middle => (lo.clone() + hi.clone()) * 0.5,
        Centre::At(x0) => lo.full_like(x0).without_autodiff(),
    }
}

/// Declares a [`ParameterSet`](crate::parameters::ParameterSet).
///
/// Each parameter is `name: "unit", default, bound`, and has a doc comment that says what it means.
#[macro_export]
macro_rules! parameter_set {
    ($(#[$meta:meta])* $visibility:vis struct $set:ident {
        $($(#[doc = $meaning:literal])+ $name:ident: $unit:literal, $default:expr, $bound:expr;)+
    }) => {
        $(#[$meta])*
        ///
        /// Every field has shape `[n_gal]`.
        #[derive(Clone, Debug)]
        $visibility struct $set {
            $($(#[doc = $meaning])+ #[doc = concat!("\n\nUnit: ", $unit, ".")] pub $name: burn::tensor::Tensor<1>,)+
        }

        impl $crate::parameters::ParameterSet for $set {
            const INFO: &'static [$crate::parameters::ParamInfo] = &[
                $($crate::parameters::ParamInfo {
                    name: stringify!($name),
                    meaning: concat!($($meaning),+).trim_ascii(),
                    unit: $unit,
                    default: $default,
                    bound: $bound,
                },)+
            ];

            fn from_columns(columns: Vec<burn::tensor::Tensor<1>>) -> Self {
                let mut columns = columns.into_iter();
                Self {
                    $($name: columns.next().expect("one column per parameter"),)+
                }
            }

            fn columns(&self) -> Vec<burn::tensor::Tensor<1>> {
                vec![$(self.$name.clone()),+]
            }
        }
    };
}

/// Declares alternative models of one ingredient, each with its parameter sets: an enum of the
/// models, with names that users type, and an enum of their parameters.
macro_rules! model_choice {
    ($(#[$model_doc:meta])* $model:ident, $(#[$params_doc:meta])* $params:ident, $kind:literal, {
        $($(#[$doc:meta])* $variant:ident = $name:literal {
            $($(#[$field_doc:meta])* $field:ident: $set:ty),+ $(,)?
        })+
    }) => {
        $(#[$model_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $model { $($(#[$doc])* $variant,)+ }

        $crate::names::named!($model, $kind, $($variant = $name),+);

        impl $model {
            /// Its parameters in column order.
            pub fn info(self) -> Vec<$crate::parameters::ParamInfo> {
                use $crate::parameters::ParameterSet;
                match self { $(Self::$variant => [$(<$set>::INFO),+].concat(),)+ }
            }

            /// Its parameters from the next of a sequence of columns.
            ///
            /// # Panics
            /// When the sequence holds too few of them.
            pub fn take(
                self,
                columns: &mut impl Iterator<Item = burn::tensor::Tensor<1>>,
            ) -> $params {
                use $crate::parameters::ParameterSet;
                match self {
                    $(Self::$variant => $params::$variant { $($field: <$set>::take(columns)),+ },)+
                }
            }
        }

        $(#[$params_doc])*
        #[derive(Clone, Debug)]
        #[allow(clippy::large_enum_variant, reason = "there is one value per batch of galaxies")]
        pub enum $params {
            $($(#[$doc])* $variant { $($(#[$field_doc])* $field: $set),+ },)+
        }

        impl $params {
            /// The model these are the parameters of.
            pub fn model(&self) -> $model {
                match self { $(Self::$variant { .. } => $model::$variant,)+ }
            }

            /// The parameters, `[n_gal]` each, in column order.
            pub fn columns(&self) -> Vec<burn::tensor::Tensor<1>> {
                use $crate::parameters::ParameterSet;
                match self { $(Self::$variant { $($field),+ } => [$($field.columns()),+].concat(),)+ }
            }
        }
    };
}

pub(crate) use model_choice;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, assert_gradient, for_each_place, values};

    crate::parameter_set! {
        /// Two numbers, the second bounded by the first.
        struct Pair {
            /// Lower number.
            low: "1", 0.3, Bound::square(0.0, 1.0);
            /// Higher number.
            high: "1", 0.5, Bound { lo: Edge::Param("low", 0.1), hi: Edge::At(2.0), centre: Centre::Middle, k: 0.1 };
        }
    }

    #[test]
    fn bounded_to_unbounded_and_back() {
        for_each_place(|place| {
            let p = place.rows(&[&[0.3, 0.5], &[0.9, 1.7], &[0.01, 0.12]]);
            let set = Pair::from_matrix(&p).unwrap();
            let back = Pair::from_unbounded(&set.to_unbounded()).unwrap().to_matrix();
            assert_close(&values(back), &values(p), place.tolerance(1e-13, 1e-5), 0.0);
        });
    }

    #[test]
    fn gradients_flow_through_dependent_bounds() {
        assert_gradient(&[0.4, -3.0], 1e-7, |u| {
            Pair::from_unbounded(&u.unsqueeze()).unwrap().to_matrix().squeeze_dim(0)
        });
    }

    #[test]
    fn check_names_parameter_value_and_range() {
        assert!(Pair::check(&[0.3, 0.4]).is_ok());
        let error = Pair::check(&[0.3, 0.35]).unwrap_err().to_string();
        assert_eq!(error, "high = 0.35 is outside [low+0.1=0.4, 2]");
        let error = Pair::check(&[f64::NAN, 0.5]).unwrap_err().to_string();
        assert!(error.starts_with("low = NaN"), "{error}");
        for row in [&[0.3][..], &[], &[0.3, 0.5, 0.7]] {
            let error = Pair::check(row).unwrap_err().to_string();
            assert!(error.contains("expected 2: low, high"), "{error}");
        }
    }

    #[test]
    fn a_matrix_of_the_wrong_width_is_an_error() {
        for_each_place(|place| {
            let error = Pair::from_matrix(&place.row(&[1.0])).unwrap_err().to_string();
            assert!(error.contains("expected 2: low, high"), "{error}");
        });
    }
}
