//! Cholesky factors of small correlation matrices, written out in tensor operations.

use burn::tensor::Tensor;

/// The lower factor `L` of a correlation matrix `R = L L^T`, `[n, n]`.
///
/// `rho` (`[1, n (n - 1) / 2]`) is the strict lower triangle of `R` row by row: (1,0), (2,0), (2,1), ...
/// The matrix has to be positive definite, which it is if the correlations of no row add up to one.
pub fn correlation_factor(rho: &Tensor<2>, n: usize) -> Tensor<2> {
    let mut factor: Vec<Vec<Tensor<2>>> = Vec::with_capacity(n);
    let zero = rho.clone().narrow(1, 0, 1).zeros_like().without_autodiff();
    let mut taken = 0;
    for i in 0..n {
        let mut row: Vec<Tensor<2>> = Vec::with_capacity(n);
        for above in &factor {
            let j = row.len();
            let products = (0..j).map(|k| row[k].clone() * above[k].clone());
            let rest = products.fold(rho.clone().narrow(1, taken, 1), |rest, p| rest - p);
            taken += 1;
            row.push(rest / above[j].clone());
        }
        let left = row.iter().fold(zero.clone() + 1.0, |left, l| left - l.clone() * l.clone());
        row.push(left.sqrt());
        row.resize(n, zero.clone());
        factor.push(row);
        debug_assert_eq!(taken, i * (i + 1) / 2);
    }
    Tensor::cat(factor.into_iter().map(|row| Tensor::cat(row, 1)).collect(), 0)
}

/// The correlation matrix itself, `[n, n]`; `rho` as for [`correlation_factor`].
pub fn correlation_matrix(rho: &Tensor<2>, n: usize) -> Tensor<2> {
    let one = rho.clone().narrow(1, 0, 1).ones_like().without_autodiff();
    let at = |i: usize, j: usize| {
        let (row, column) = (i.max(j), i.min(j));
        match row == column {
            true => one.clone(),
            false => rho.clone().narrow(1, row * (row - 1) / 2 + column, 1),
        }
    };
    let row = |i: usize| Tensor::cat((0..n).map(|j| at(i, j)).collect(), 1);
    Tensor::cat((0..n).map(row).collect(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, assert_gradient, for_each_place, values};

    const RHO: [f64; 6] = [-0.227, 0.29, 0.21, 0.29, -0.121, -0.29];

    #[test]
    fn the_factor_times_its_transpose_is_the_matrix() {
        for_each_place(|place| {
            let rho = place.row(&RHO);
            let (factor, matrix) = (correlation_factor(&rho, 4), correlation_matrix(&rho, 4));
            let want = [
                1.0, -0.227, 0.29, 0.29, -0.227, 1.0, 0.21, -0.121, 0.29, 0.21, 1.0, -0.29, 0.29,
                -0.121, -0.29, 1.0,
            ];
            assert_close(&values(matrix), &want, 1e-6, 0.0);
            let product = factor.clone().matmul(factor.clone().transpose());
            assert_close(&values(product), &want, place.tolerance(1e-14, 1e-6), 0.0);
            let factor = values(factor);
            assert!((0..4).all(|i| factor[i * 4 + i + 1..i * 4 + 4].iter().all(|v| *v == 0.0)));
        });
    }

    #[test]
    fn gradients_of_the_correlations() {
        assert_gradient(&RHO, 1e-8, |rho| {
            let factor = correlation_factor(&rho.clone().unsqueeze(), 4);
            Tensor::cat(vec![factor, correlation_matrix(&rho.unsqueeze(), 4)], 0).reshape([-1])
        });
    }
}
