//! Rows of population parameters: one value per parameter, broadcast over the galaxies of a batch.

use burn::tensor::Tensor;

use crate::device::Place;
use crate::numerics::sigmoid::step;
use crate::parameters::{Bound, ParamInfo, bounded};
use crate::{Error, Result};

/// A parameter with the "square" bound that all of DiffmahPop and DiffstarPop have.
pub(super) const fn square(
    name: &'static str,
    unit: &'static str,
    default: f64,
    lo: f64,
    hi: f64,
) -> ParamInfo {
    ParamInfo { name, meaning: "", unit, default, bound: Bound::square(lo, hi) }
}

/// The values of some parameters, `[1, n_param]`.
#[derive(Clone, Debug)]
pub(super) struct ParamRow {
    infos: &'static [ParamInfo],
    values: Tensor<2>,
}

impl ParamRow {
    /// Values within their bounds.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another shape.
    pub(super) fn new(what: &str, infos: &'static [ParamInfo], values: Tensor<2>) -> Result<Self> {
        check_row(what, infos.len(), &values)?;
        Ok(Self { infos, values })
    }

    /// `n_rows * n_columns` neighbouring values, from the one called `first` on, as a matrix.
    pub(super) fn block(&self, first: &str, [n_rows, n_columns]: [usize; 2]) -> Tensor<2> {
        let start = self
            .infos
            .iter()
            .position(|p| p.name == first)
            .unwrap_or_else(|| unreachable!("{first} is not in its table"));
        self.values.clone().narrow(1, start, n_rows * n_columns).reshape([n_rows, n_columns])
    }
}

/// Checks that a tensor is one row of `n` parameters.
pub(super) fn check_row(what: &str, n: usize, row: &Tensor<2>) -> Result<()> {
    if row.dims() == [1, n] {
        return Ok(());
    }
    Err(Error::invalid(what, format!("shape {:?}, expected [1, {n}]", row.dims())))
}

/// Maps unbounded parameters `[1, n_param]` into their ranges, all fixed ones at once.
pub(super) fn bounded_row(infos: &[ParamInfo], unbounded: Tensor<2>) -> Tensor<2> {
    let fixed = |ParamInfo { bound, .. }: &ParamInfo| {
        bound.fixed().map(|(lo, hi)| [lo, hi, bound.centre.between(lo, hi), bound.k])
    };
    let fixed: Option<Vec<[f64; 4]>> = infos.iter().map(fixed).collect();
    let Some(fixed) = fixed else {
        let columns = (0..infos.len()).map(|j| unbounded.clone().narrow(1, j, 1).squeeze_dim(1));
        return Tensor::stack(bounded(infos, columns.collect()), 1);
    };
    let place = Place::of(&unbounded);
    let [lo, hi, centre, k] = std::array::from_fn(|i| {
        let one: Vec<f64> = fixed.iter().map(|bound| bound[i]).collect();
        place.row(&one)
    });
    step((unbounded - centre) * k, lo, hi)
}

/// What a block of a parameter table means: one name per column of the block.
pub(super) trait Block: Sized {
    /// The names, which those in the table contain.
    const NAMES: &'static [&'static str];

    /// From a block `[n, n_name]`.
    fn new(block: Tensor<2>) -> Self;

    /// The same, for `n` branches, from the parameter called `first` on.
    fn of(row: &ParamRow, first: &str, n: usize) -> Self {
        Self::new(row.block(first, [n, Self::NAMES.len()]))
    }
}

/// Declares a [`Block`]: one field per column, each a row `[1, n]` of the `n` branches or quantities that
/// share a formula.
macro_rules! block {
    ($(#[$meta:meta])* struct $set:ident { $($name:ident),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        struct $set { $($name: burn::tensor::Tensor<2>),+ }

        impl $crate::galhalo::table::Block for $set {
            const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];

            fn new(block: burn::tensor::Tensor<2>) -> Self {
                let mut columns = block.transpose().split(1, 0).into_iter();
                Self { $($name: columns.next().expect("one column per name")),+ }
            }
        }
    };
}

pub(super) use block;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::{Edge, unbounded};
    use crate::testing::{assert_close, for_each_place, values};

    const INFOS: &[ParamInfo] = &[
        square("a_x", "1", 0.3, 0.0, 1.0),
        square("a_y", "1", -2.0, -5.0, 1.0),
        square("b_x", "1", 0.4, 0.0, 1.0),
        square("b_y", "1", -3.0, -5.0, 1.0),
    ];

    block! {
        /// Two numbers.
        struct Pair { x, y }
    }

    #[test]
    fn blocks_are_rows_of_branches() {
        for_each_place(|place| {
            let row = ParamRow::new("test", INFOS, place.row(&[1.0, 2.0, 3.0, 4.0])).unwrap();
            let pair = Pair::of(&row, "a_x", 2);
            assert_eq!((values(pair.x), values(pair.y)), (vec![1.0, 3.0], vec![2.0, 4.0]));
            assert_eq!(Pair::NAMES, ["x", "y"]);
            assert!(ParamRow::new("test", INFOS, place.row(&[1.0])).is_err());
        });
    }

    #[test]
    fn rows_are_bounded_as_columns_are() {
        for_each_place(|place| {
            let dependent = ParamInfo {
                bound: Bound { lo: Edge::Param("a_x", 0.0), ..Bound::square(0.0, 1.0) },
                ..square("c", "1", 0.6, 0.0, 1.0)
            };
            for infos in [INFOS.to_vec(), [INFOS, &[dependent]].concat()] {
                let defaults: Vec<f64> = infos.iter().map(|p| p.default).collect();
                let columns = defaults.iter().map(|v| place.vector(&[*v])).collect();
                let u = Tensor::stack(unbounded(&infos, columns), 1);
                let back = values(bounded_row(&infos, u));
                assert_close(&back, &defaults, place.tolerance(1e-13, 1e-5), 0.0);
            }
        });
    }
}
