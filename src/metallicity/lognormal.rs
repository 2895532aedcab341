//! Metallicity distribution functions on the SSP grid: lognormal, constant or varying with the
//! time of birth. A triweight stands for the normal distribution.

use burn::tensor::Tensor;

use super::LognormalMdfParams;
use crate::device::Place;
use crate::numerics::cells::cell_edges;
use crate::numerics::check_ascending;
use crate::numerics::histogram::triweight_weights;
use crate::numerics::interp::InterpGrid;
use crate::numerics::log10;
use crate::sfh::{AgeGrid, TimeTable, birth_times};
use crate::{Error, Result};

/// Outermost bin edges: everything beyond the grid falls into its end bins.
const LGMET_EDGES: (f64, f64) = (-10.0, 10.0);

/// The metallicities of an SSP grid and the edges of their bins.
#[derive(Clone, Debug, PartialEq)]
pub struct MetallicityGrid {
    lgmet: Vec<f64>,
    edges: Vec<f64>,
}

impl MetallicityGrid {
    /// Metallicities as log10 Z.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless there are at least three finite, strictly ascending values;
    /// [`Error::OutOfRange`] for values beyond the outermost edges, -10 and 10.
    pub fn new(lgmet: Vec<f64>) -> Result<Self> {
        check_ascending("SSP metallicities", &lgmet, 3)?;
        let (lo, hi) = LGMET_EDGES;
        if let Some(value) = lgmet.iter().copied().find(|v| *v <= lo || *v >= hi) {
            let allowed = format!("({lo}, {hi})");
            return Err(Error::OutOfRange { what: "SSP log10 Z".into(), value, allowed });
        }
        let edges = cell_edges(&lgmet, LGMET_EDGES.0, LGMET_EDGES.1);
        Ok(Self { lgmet, edges })
    }

    /// The metallicities, log10 Z.
    pub fn lgmet(&self) -> &[f64] {
        &self.lgmet
    }
}

/// Weights over metallicity, `[n_gal, n_met]`, summing to one.
pub fn lognormal_weights(params: &LognormalMdfParams, grid: &MetallicityGrid) -> Tensor<2> {
    triweight_weights(&params.lgmet, &params.lgmet_scatter, &grid.edges)
}

/// Weights over metallicity for each stellar age, `[n_gal, n_met, n_age]`, the whole block of a
/// galaxy summing to one.
///
/// Stars of each age have the metallicity that the table `lgmet_table` (`[n_gal, n_t]`, on
/// `times`) held when they were born, clamped to the table, with one `scatter` (`[n_gal]`).
pub fn table_weights(
    lgmet_table: &Tensor<2>,
    times: &TimeTable,
    scatter: &Tensor<1>,
    t_obs_gyr: &Tensor<1>,
    grid: &MetallicityGrid,
    ages: &AgeGrid,
) -> Tensor<3> {
    let n_age = ages.lg_age_gyr().len();
    let ages_gyr: Vec<f64> = ages.lg_age_gyr().iter().map(|a| 10f64.powf(*a)).collect();
    let lg_birth = log10(birth_times(t_obs_gyr, &ages_gyr));
    let table = InterpGrid::new(&times.lg_t(), &Place::of(t_obs_gyr));
    let lgmet = table.interp_rows(lg_birth, lgmet_table.clone());
    weights_per_age(lgmet, scatter, grid) / n_age as f64
}

/// Weights over metallicity for each stellar age, `[n_gal, n_met, n_age]`, summing to one at each
/// age: lognormals with the medians `lgmet` (`[n_gal, n_age]`) and one `scatter` (`[n_gal]`).
pub(super) fn weights_per_age(
    lgmet: Tensor<2>,
    scatter: &Tensor<1>,
    grid: &MetallicityGrid,
) -> Tensor<3> {
    let [n_gal, n_age] = lgmet.dims();
    let scatter =
        scatter.clone().unsqueeze_dim::<2>(1).repeat_dim(1, n_age).reshape([n_gal * n_age]);
    triweight_weights(&lgmet.reshape([n_gal * n_age]), &scatter, &grid.edges)
        .reshape([n_gal, n_age, grid.lgmet.len()])
        .swap_dims(1, 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::ParameterSet;
    use crate::testing::{
        assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    /// The metallicities of the FSPS/MIST grid that the reference values were made with.
    fn grid() -> MetallicityGrid {
        let z: [f64; 22] = [
            0.0002, 0.0003, 0.0004, 0.0005, 0.0006, 0.0008, 0.001, 0.0012, 0.0016, 0.002, 0.0025,
            0.0031, 0.0039, 0.0049, 0.0061, 0.0077, 0.0096, 0.012, 0.015, 0.019, 0.024, 0.03,
        ];
        MetallicityGrid::new(z.iter().map(|z| z.log10()).collect()).unwrap()
    }

    #[test]
    fn reference_values() {
        let want = [
            5.32780352093809e-05,
            0.00496130723584187,
            0.0291141899143206,
            0.0677125201298597,
            0.122368714654766,
            0.157096040888392,
            0.174558664189064,
            0.164274233995708,
            0.140175061274149,
            0.0903072376864343,
            0.0391269037183554,
            0.0102518482779005,
        ];
        for_each_f64_place(|place| {
            let params = LognormalMdfParams::from_matrix(&place.row(&[-2.0, 0.2])).unwrap();
            let w = values(lognormal_weights(&params, &grid()));
            assert_close(&w[..10], &[0.0; 10], 0.0, 1e-15);
            assert_close(&w[10..], &want, 1e-9, 0.0);
        });
    }

    #[test]
    fn medians_beyond_the_grid_pile_into_the_end_bins() {
        for_each_place(|place| {
            let params =
                LognormalMdfParams::from_matrix(&place.rows(&[&[-9.0, 0.2], &[0.0, 0.2]])).unwrap();
            let w = values(lognormal_weights(&params, &grid()));
            assert_close(&[w[0], w[43]], &[1.0, 1.0], 1e-6, 0.0);
        });
    }

    #[test]
    fn a_constant_table_is_a_lognormal() {
        for_each_place(|place| {
            let times = TimeTable::default();
            let ages = AgeGrid::new(vec![-3.0, -2.0, -1.0, 0.0, 1.0]).unwrap();
            let (lgmet, scatter) = (place.vector(&[-1.8]), place.vector(&[0.3]));
            let table = place.rows(&[&[-1.8; 100]]);
            let t_obs = place.vector(&[7.0]);
            let w = table_weights(&table, &times, &scatter, &t_obs, &grid(), &ages);
            let params = LognormalMdfParams { lgmet, lgmet_scatter: scatter };
            let want = values(lognormal_weights(&params, &grid()));
            assert_close(&values(w.sum_dim(2)), &want, place.tolerance(1e-12, 2e-5), 1e-7);
        });
    }

    #[test]
    fn gradients() {
        for_each_f64_place(|place| {
            assert_jacobian(&[&[-2.0, 0.2], &[-3.4, 0.05], &[-1.45, 1.3]], 1e-7, place, |p| {
                lognormal_weights(&LognormalMdfParams::from_matrix(&p).unwrap(), &grid())
            });
            // Columns: three table entries, scatter, time of observation.
            let times = TimeTable::new(vec![0.5, 4.0, 13.8]).unwrap();
            let ages = AgeGrid::new(vec![-2.0, -0.5, 0.3, 0.9]).unwrap();
            assert_jacobian(&[&[-3.0, -2.2, -1.7, 0.2, 9.0]], 1e-7, place, |p| {
                let one = |j| p.clone().narrow(1, j, 1).squeeze_dim(1);
                let table = p.clone().narrow(1, 0, 3);
                let w = table_weights(&table, &times, &one(3), &one(4), &grid(), &ages);
                w.reshape([1, 22 * 4])
            });
        });
    }
}
