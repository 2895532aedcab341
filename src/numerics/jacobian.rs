//! Per-galaxy Jacobians of batched predictions by reverse-mode autodiff.

use burn::tensor::Tensor;

use crate::{Error, Result};

/// Values `[n_gal, n_out]` and Jacobian `[n_gal, n_out, n_param]` of a batched function.
#[derive(Clone, Debug)]
pub struct Jacobian {
    /// The function's values, shape `[n_gal, n_out]`.
    pub values: Tensor<2>,
    /// `d values[g, k] / d params[g, j]`, shape `[n_gal, n_out, n_param]`.
    pub jacobian: Tensor<3>,
}

/// Differentiates `f`, which maps parameters `[n_gal, n_param]` to outputs `[n_gal, n_out]`, each
/// galaxy's outputs depending on that galaxy's parameters only.
///
/// Because galaxies do not mix, the sum of one output over all galaxies has every galaxy's
/// gradient in its own row: one reverse pass per output serves the whole batch. Burn's backward
/// pass consumes the graph, so the forward pass runs once per output as well.
///
/// # Errors
/// [`Error::Invalid`] when an output does not depend on the parameters: a missing gradient is
/// never taken for zero.
pub fn jacobian(
    params: &Tensor<2>,
    f: impl Fn(Tensor<2>) -> Result<Tensor<2>>,
) -> Result<Jacobian> {
    let mut rows = Vec::new();
    let mut values = None;
    let mut n_out = 1;
    while rows.len() < n_out {
        let k = rows.len();
        let leaf = params.clone().without_autodiff().autodiff().require_grad();
        let output = f(leaf.clone())?;
        n_out = output.dims()[1];
        if n_out == 0 {
            return Err(Error::invalid("Jacobian", "the function has no outputs"));
        }
        let lost = || Error::invalid("Jacobian", format!("output {k} has no gradient"));
        let total = output.clone().narrow(1, k, 1).sum();
        if !total.is_tracked() {
            return Err(lost());
        }
        let gradients = total.backward();
        rows.push(leaf.grad(&gradients).ok_or_else(lost)?);
        values.get_or_insert_with(|| output.without_autodiff());
    }
    let values = values.ok_or_else(|| Error::invalid("Jacobian", "no outputs"))?;
    Ok(Jacobian { values, jacobian: Tensor::stack(rows, 1) })
}

/// Differentiates `f` with respect to some columns of its parameter matrix `[n_gal, n_param]`, in
/// the order of `wrt`; the others are constants.
///
/// # Errors
/// Those of [`jacobian`], and [`Error::Invalid`] for `wrt` that is empty, names a column twice or one
/// that does not exist.
pub fn jacobian_of_columns(
    matrix: &Tensor<2>,
    wrt: &[usize],
    f: impl Fn(&Tensor<2>) -> Result<Tensor<2>>,
) -> Result<Jacobian> {
    let n_param = matrix.dims()[1];
    let repeated = wrt.iter().enumerate().any(|(i, j)| wrt[..i].contains(j));
    if wrt.is_empty() || repeated || wrt.iter().any(|j| *j >= n_param) {
        return Err(Error::invalid(
            "parameters of the Jacobian",
            format!("{wrt:?}: expected different indices from 0 to {}", n_param - 1),
        ));
    }
    let column_of = |matrix: &Tensor<2>, j: usize| matrix.clone().narrow(1, j, 1);
    let free = Tensor::cat(wrt.iter().map(|j| column_of(matrix, *j)).collect(), 1);
    jacobian(&free, |free| {
        let columns = (0..n_param).map(|j| match wrt.iter().position(|w| *w == j) {
            Some(i) => column_of(&free, i),
            None => column_of(matrix, j),
        });
        f(&Tensor::cat(columns.collect(), 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, for_each_place, values};

    #[test]
    fn galaxies_do_not_mix() {
        for_each_place(|place| {
            let p = place.rows(&[&[1.0, 2.0], &[3.0, 4.0]]);
            let result = jacobian(&p, |p| {
                let (a, b) = (p.clone().narrow(1, 0, 1), p.narrow(1, 1, 1));
                Ok(Tensor::cat(vec![a.clone() * b.clone(), a.clone() * a, b], 1))
            })
            .unwrap();
            assert_close(&values(result.values), &[2.0, 1.0, 2.0, 12.0, 9.0, 4.0], 1e-6, 0.0);
            let want = [2.0, 1.0, 2.0, 0.0, 0.0, 1.0, 4.0, 3.0, 6.0, 0.0, 0.0, 1.0];
            assert_close(&values(result.jacobian), &want, 1e-6, 0.0);
        });
    }

    #[test]
    fn some_columns_in_any_order_the_others_constant() {
        for_each_place(|place| {
            let p = place.rows(&[&[1.0, 2.0, 5.0], &[3.0, 4.0, 7.0]]);
            let product = |p: &Tensor<2>| {
                let [a, b, c] = [0, 1, 2].map(|j| p.clone().narrow(1, j, 1));
                Ok(Tensor::cat(vec![a.clone() * b.clone() * c, a + b * 10.0], 1))
            };
            let all = jacobian(&p, |p| product(&p)).unwrap();
            for wrt in [&[2, 0][..], &[0, 2], &[1], &[1, 2, 0]] {
                let some = jacobian_of_columns(&p, wrt, product).unwrap();
                assert_eq!(values(some.values), values(all.values.clone()));
                assert_eq!(some.jacobian.dims(), [2, 2, wrt.len()]);
                let picked = wrt.iter().map(|j| all.jacobian.clone().narrow(2, *j, 1)).collect();
                assert_eq!(values(some.jacobian), values(Tensor::cat(picked, 2)));
            }
        });
    }

    #[test]
    fn columns_that_are_none_repeated_or_missing_are_errors() {
        for_each_place(|place| {
            let p = place.row(&[1.0, 2.0]);
            for wrt in [&[][..], &[0, 0], &[0, 2]] {
                let result = jacobian_of_columns(&p, wrt, |p| Ok(p.clone()));
                let error = result.unwrap_err().to_string();
                assert!(error.contains("different indices from 0 to 1"), "{error}");
            }
        });
    }

    #[test]
    fn an_error_of_the_function_is_passed_on() {
        for_each_place(|place| {
            let p = place.row(&[1.0]);
            let failed = |_: &Tensor<2>| Err(Error::invalid("test", "failed"));
            let error = jacobian_of_columns(&p, &[0], failed).unwrap_err().to_string();
            assert!(error.contains("test: failed"), "{error}");
        });
    }

    #[test]
    fn a_lost_gradient_is_an_error() {
        for_each_place(|place| {
            let error = jacobian(&place.rows(&[&[1.0]]), |p| Ok(p.without_autodiff())).unwrap_err();
            assert!(error.to_string().contains("no gradient"), "{error}");
        });
    }
}
