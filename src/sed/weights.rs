//! Weights of a galaxy's stars over the axes of the SSP grid, and weighted sums over it.

use std::ops::Range;

use burn::tensor::Tensor;

/// Weights over an SSP grid, summing to one for each galaxy.
#[derive(Clone, Debug)]
pub struct SspWeights {
    /// Mass fraction per metallicity and age, `[n_gal, n_met * n_age]`, metallicity slowest: the
    /// layout of [`crate::ssp::SspTensors`].
    pub joint: Tensor<2>,
    /// Mass fraction per age, `[n_gal, n_age]`.
    pub age: Tensor<2>,
    /// Mass fraction per metallicity, `[n_gal, n_met]`, where it is the same for stars of all ages.
    pub metallicity: Option<Tensor<2>>,
    /// Mass fraction per ionization parameter of the gas, `[n_gal, n_u]`, for tables with that
    /// axis. It is the same for stars of every metallicity and age.
    pub ionization: Option<Tensor<2>>,
}

impl SspWeights {
    /// Adds weights over ionization parameters, `[n_gal, n_u]`.
    #[must_use]
    pub fn with_ionization(self, ionization: Tensor<2>) -> Self {
        Self { ionization: Some(ionization), ..self }
    }

    /// Sums a table over the stars whose age has an index in `ages`, a run that is not empty:
    /// `[n_gal, n]`.
    ///
    /// The table is `[n_met * n_age, n]`, metallicity slowest, or `[n_u * n_met * n_age, n]`,
    /// ionization parameter slowest; the latter needs weights over ionization parameters. Sums over
    /// runs that together are all ages add up to the sum over all. It is one matrix product, and for
    /// all ages one without copies of the table.
    pub fn total(&self, table: &Tensor<2>, ages: Range<usize>) -> Tensor<2> {
        let n_age = self.age.dims()[1];
        let [n_gal, n_joint] = self.joint.dims();
        let [n_rows, n] = table.dims();
        let (n_met, len) = (n_joint / n_age, ages.len());
        let (joint, table) = if len == n_age {
            (self.joint.clone(), table.clone())
        } else {
            let run = |x: Tensor<3>| x.narrow(1, ages.start, len);
            let joint = self.joint.clone().reshape([n_gal * n_met, n_age, 1]);
            let table = table.clone().reshape([n_rows / n_age, n_age, n]);
            let rows = n_rows / n_age * len;
            (run(joint).reshape([n_gal, n_met * len]), run(table).reshape([rows, n]))
        };
        match &self.ionization {
            Some(ionization) if n_rows > n_joint => {
                let n_u = ionization.dims()[1];
                let all = ionization.clone().unsqueeze_dim::<3>(2) * joint.unsqueeze_dim::<3>(1);
                all.reshape([n_gal, n_u * n_met * len]).matmul(table)
            }
            _ => joint.matmul(table),
        }
    }
}

/// Weights for a metallicity distribution `[n_gal, n_met]` that all stars share: the outer product
/// with the age weights `[n_gal, n_age]`.
pub fn ssp_weights(metallicity: Tensor<2>, age: Tensor<2>) -> SspWeights {
    let [n_gal, n_met] = metallicity.dims();
    let n_age = age.dims()[1];
    let block = metallicity.clone().unsqueeze_dim::<3>(2) * age.clone().unsqueeze_dim::<3>(1);
    let joint = normalised(block.reshape([n_gal, n_met * n_age]));
    SspWeights { joint, age, metallicity: Some(metallicity), ionization: None }
}

/// Weights for a metallicity distribution that depends on age, `[n_gal, n_met, n_age]`.
pub fn ssp_weights_met_table(metallicity: Tensor<3>, age: Tensor<2>) -> SspWeights {
    let [n_gal, n_met, n_age] = metallicity.dims();
    let block = metallicity * age.clone().unsqueeze_dim::<3>(1);
    let joint = normalised(block.reshape([n_gal, n_met * n_age]));
    SspWeights { joint, age, metallicity: None, ionization: None }
}

fn normalised(block: Tensor<2>) -> Tensor<2> {
    let sum = block.clone().sum_dim(1);
    let empty = sum.clone().equal_elem(0.0);
    block / sum.mask_fill(empty, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Place;
    use crate::testing::{
        assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    #[test]
    fn outer_product_and_table_agree_and_sum_to_one() {
        for_each_place(|place| {
            let met = place.rows(&[&[0.2, 0.8]]);
            let age = place.rows(&[&[0.5, 0.25, 0.25]]);
            let by_product = ssp_weights(met.clone(), age.clone());
            let table = met.unsqueeze_dim::<3>(2).repeat_dim(2, 3) / 3.0;
            let by_table = ssp_weights_met_table(table, age);
            let want = [0.1, 0.05, 0.05, 0.4, 0.2, 0.2];
            assert_close(&values(by_product.joint), &want, 1e-6, 0.0);
            assert_close(&values(by_table.joint), &want, 1e-6, 0.0);
        });
    }

    const JOINT: [f64; 8] = [0.1, 0.05, 0.2, 0.15, 0.0, 0.3, 0.05, 0.15];
    const U: [f64; 3] = [0.5, 0.2, 0.3];

    /// Two metallicities, four ages; a second galaxy has its weights in another order.
    fn weights(place: &Place) -> SspWeights {
        let other: Vec<f64> = JOINT.iter().rev().copied().collect();
        SspWeights {
            joint: place.rows(&[&JOINT, &other]),
            age: place.rows(&[&[0.25; 4], &[0.25; 4]]),
            metallicity: None,
            ionization: Some(place.rows(&[&U, &[0.0, 1.0, 0.0]])),
        }
    }

    /// A table of two columns with `rows` rows.
    fn table(rows: u32) -> Vec<f64> {
        (0..2 * rows).map(|i| 1.0 + f64::from(i * i % 17)).collect()
    }

    #[test]
    fn sums_over_ionization_metallicity_and_age_follow_the_definition() {
        for_each_place(|place| {
            let weights = weights(place);
            for ages in [0..4, 0..1, 1..3, 3..4] {
                let with_u = weights.total(&place.matrix(&table(24), [24, 2]), ages.clone());
                let without = weights.total(&place.matrix(&table(8), [8, 2]), ages.clone());
                let mut want = [[0.0; 2]; 2];
                for (c, value) in table(24).iter().enumerate() {
                    let (k, j, i) = (c / 16, c / 8 % 2, c / 2 % 4);
                    if ages.contains(&i) {
                        want[0][c % 2] += U[k] * JOINT[j * 4 + i] * value;
                        if k == 0 {
                            want[1][c % 2] += JOINT[j * 4 + i] * value;
                        }
                    }
                }
                assert_close(&values(with_u)[..2], &want[0], place.tolerance(1e-14, 1e-6), 0.0);
                assert_close(&values(without)[..2], &want[1], place.tolerance(1e-14, 1e-6), 0.0);
            }
        });
    }

    #[test]
    fn runs_of_ages_add_up_to_the_whole() {
        for_each_place(|place| {
            let weights = weights(place);
            for rows in [8, 24] {
                let table = place.matrix(&table(rows), [rows as usize, 2]);
                let whole = weights.total(&table, 0..4);
                for cuts in [vec![0..1, 1..4], vec![0..2, 2..4], vec![0..1, 1..2, 2..3, 3..4]] {
                    let parts: Vec<_> =
                        cuts.into_iter().map(|ages| weights.total(&table, ages)).collect();
                    let sum = Tensor::stack::<3>(parts, 0).sum_dim(0);
                    let tolerance = place.tolerance(1e-14, 1e-6);
                    assert_close(&values(sum), &values(whole.clone()), tolerance, 0.0);
                }
            }
        });
    }

    #[test]
    fn gradients_of_all_weights() {
        for_each_f64_place(|place| {
            // Columns: joint weights, weights over ionization parameters.
            let row = [&JOINT[..], &U].concat();
            for ages in [0..4, 1..3] {
                assert_jacobian(&[&row], 1e-9, place, |p| {
                    let weights = SspWeights {
                        joint: p.clone().narrow(1, 0, 8),
                        age: place.row(&[0.25; 4]),
                        metallicity: None,
                        ionization: Some(p.narrow(1, 8, 3)),
                    };
                    weights.total(&place.matrix(&table(24), [24, 2]), ages.clone())
                });
            }
        });
    }
}
