//! The distribution of ionization parameters in a galaxy's gas: a triweight over the grid's values.

use burn::tensor::Tensor;

use crate::numerics::cells::cell_edges;
use crate::numerics::check_ascending;
use crate::numerics::histogram::triweight_weights;
use crate::parameter_set;
use crate::parameters::Bound;
use crate::{Error, Result};

/// Outermost bin edges: everything beyond the grid falls into its end bins.
pub(super) const LGU_EDGES: (f64, f64) = (-10.0, 10.0);

parameter_set! {
    /// Parameters of the distribution of ionization parameters. By default it is wide enough to reach beyond
    /// one bin of a grid with nodes every 0.25 dex, so that the weights always move with the median.
    pub struct IonizationParams {
        /// Median of log10 of the ionization parameter.
        lgu: "log10 U", -2.0, Bound::square(-4.0, -1.0);
        /// Scatter around it.
        lgu_scatter: "dex", 0.25, Bound::square(0.05, 2.0);
    }
}

/// The ionization parameters of a grid and the edges of their bins.
#[derive(Clone, Debug, PartialEq)]
pub struct IonizationGrid {
    lgu: Vec<f64>,
    edges: Vec<f64>,
}

impl IonizationGrid {
    /// Ionization parameters as log10 U.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless there are at least three finite, strictly ascending values;
    /// [`Error::OutOfRange`] for values beyond the outermost edges, -10 and 10.
    pub fn new(lgu: Vec<f64>) -> Result<Self> {
        check_ascending("ionization parameters", &lgu, 3)?;
        let (lo, hi) = LGU_EDGES;
        if let Some(value) = lgu.iter().copied().find(|u| *u <= lo || *u >= hi) {
            let allowed = format!("({lo}, {hi})");
            return Err(Error::OutOfRange { what: "grid log10 U".into(), value, allowed });
        }
        let edges = cell_edges(&lgu, lo, hi);
        Ok(Self { lgu, edges })
    }

    /// The ionization parameters, log10 U.
    pub fn lgu(&self) -> &[f64] {
        &self.lgu
    }
}

/// Weights over ionization parameter, `[n_gal, n_u]`, summing to one.
pub fn ionization_weights(params: &IonizationParams, grid: &IonizationGrid) -> Tensor<2> {
    triweight_weights(&params.lgu, &params.lgu_scatter, &grid.edges)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::ParameterSet;
    use crate::testing::{
        assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    fn grid() -> IonizationGrid {
        IonizationGrid::new(vec![-3.5, -2.5, -1.5]).unwrap()
    }

    fn weigh(params: &Tensor<2>) -> Tensor<2> {
        ionization_weights(&IonizationParams::from_matrix(params).unwrap(), &grid())
    }

    /// Bin edges -10, -3, -2, 10; the second row by the polynomial of the cumulative triweight.
    #[test]
    fn reference_values() {
        for_each_f64_place(|place| {
            let w = values(weigh(&place.rows(&[&[-2.0, 0.2], &[-2.7, 0.25]])));
            let want =
                [0.0, 0.5, 0.5, 0.12603600000000015, 0.8739241518061269, 3.984819387295446e-05];
            assert_close(&w, &want, 1e-10, 1e-15);
        });
    }

    #[test]
    fn weights_are_shares_that_sum_to_one() {
        for_each_place(|place| {
            let rows: [&[f64]; 5] =
                [&[-10.0, 0.01], &[-3.0, 2.0], &[-2.0, 0.25], &[0.0, 0.01], &[0.0, 2.0]];
            let w = values(weigh(&place.rows(&rows)));
            for row in w.chunks(3) {
                assert!(row.iter().all(|w| *w >= 0.0), "{row:?}");
                assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{row:?}");
            }
            assert_close(&[w[0], w[11]], &[1.0, 1.0], 1e-6, 0.0);
        });
    }

    #[test]
    fn gradients() {
        for_each_f64_place(|place| {
            let rows: [&[f64]; 3] = [&[-2.0, 0.25], &[-3.1, 0.6], &[-1.8, 1.5]];
            assert_jacobian(&rows, 1e-7, place, |p| weigh(&p));
        });
    }

    #[test]
    fn unusable_grids_are_named() {
        for (lgu, part) in [
            (vec![-3.0, -2.0], "at least 3"),
            (vec![-3.0, -2.0, -2.0], "ascend"),
            (vec![-11.0, -3.0, -2.0], "-11 is outside (-10, 10)"),
        ] {
            let error = IonizationGrid::new(lgu).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
