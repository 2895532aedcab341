//! Joint weights of a galaxy's stars over the metallicities and ages of the SSP grid.

use burn::tensor::Tensor;

/// Weights over an SSP grid, summing to one for each galaxy.
#[derive(Clone, Debug)]
pub struct SspWeights {
    /// Mass fraction per metallicity and age, `[n_gal, n_met * n_age]`, metallicity slowest: the
    /// layout of [`crate::ssp::SspTensors`].
    pub joint: Tensor<2>,
    /// Mass fraction per age, `[n_gal, n_age]`.
    pub age: Tensor<2>,
}

/// Weights for a metallicity distribution `[n_gal, n_met]` that all stars share: the outer product
/// with the age weights `[n_gal, n_age]`.
pub fn ssp_weights(metallicity: Tensor<2>, age: Tensor<2>) -> SspWeights {
    let [n_gal, n_met] = metallicity.dims();
    let n_age = age.dims()[1];
    let block = metallicity.unsqueeze_dim::<3>(2) * age.clone().unsqueeze_dim::<3>(1);
    SspWeights { joint: normalised(block.reshape([n_gal, n_met * n_age])), age }
}

/// Weights for a metallicity distribution that depends on age, `[n_gal, n_met, n_age]`.
pub fn ssp_weights_met_table(metallicity: Tensor<3>, age: Tensor<2>) -> SspWeights {
    let [n_gal, n_met, n_age] = metallicity.dims();
    let block = metallicity * age.clone().unsqueeze_dim::<3>(1);
    SspWeights { joint: normalised(block.reshape([n_gal, n_met * n_age])), age }
}

fn normalised(block: Tensor<2>) -> Tensor<2> {
    let sum = block.clone().sum_dim(1);
    let empty = sum.clone().equal_elem(0.0);
    block / sum.mask_fill(empty, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, for_each_place, values};

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
}
