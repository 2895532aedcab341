//! Trapezoid rule, cumulative trapezoid, and Gauss-Legendre nodes.

use burn::tensor::Tensor;

/// Weights `c` such that `sum_i c_i y_i` is the trapezoid integral of `y` over the points `x`.
pub fn trapezoid_weights(x: &[f64]) -> Vec<f64> {
    let n = x.len();
    (0..n).map(|i| (x[(i + 1).min(n - 1)] - x[i.saturating_sub(1)]) / 2.0).collect()
}

/// Trapezoid integral along the rows: `x` and `y` are `[n_gal or 1, n]`, the result `[n_gal]`.
pub fn trapezoid(x: Tensor<2>, y: Tensor<2>) -> Tensor<1> {
    trapezoid_increments(x, y).sum_dim(1).squeeze_dim(1)
}

/// Area of each trapezoid along the rows, shape `[n_gal, n - 1]`.
pub fn trapezoid_increments(x: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
    let (nx, ny) = (x.dims()[1], y.dims()[1]);
    let dx = x.clone().narrow(1, 1, nx - 1) - x.narrow(1, 0, nx - 1);
    let mean = (y.clone().narrow(1, 1, ny - 1) + y.narrow(1, 0, ny - 1)) / 2.0;
    mean * dx
}

/// Nodes and weights of the `n`-point Gauss-Legendre rule on `[0, 1]`.
///
/// Newton iteration on the Legendre polynomial from the Chebyshev-like first guess (Press et al.,
/// Numerical Recipes, section 4.6).
pub fn gauss_legendre(n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut nodes = Vec::with_capacity(n);
    let mut weights = Vec::with_capacity(n);
    for i in 0..n {
        let mut x = -(std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..100 {
            let (mut p, mut previous) = (1.0, 0.0);
            for k in 0..n {
                let k = k as f64;
                (p, previous) = (((2.0 * k + 1.0) * x * p - k * previous) / (k + 1.0), p);
            }
            slope = n as f64 * (x * p - previous) / (x * x - 1.0);
            let dx = p / slope;
            x -= dx;
            if dx.abs() < 1e-15 {
                break;
            }
        }
        nodes.push((x + 1.0) / 2.0);
        weights.push(1.0 / ((1.0 - x * x) * slope * slope));
    }
    (nodes, weights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, for_each_f64_place, values};

    #[test]
    fn trapezoid_of_a_line_is_exact() {
        let x = [0.0, 0.5, 2.0, 5.0];
        let y: Vec<f64> = x.iter().map(|x| 3.0 * x + 1.0).collect();
        let by_weights: f64 = trapezoid_weights(&x).iter().zip(&y).map(|(w, y)| w * y).sum();
        assert!((by_weights - 42.5).abs() < 1e-12);
        for_each_f64_place(|place| {
            let area = trapezoid(place.rows(&[&x]), place.rows(&[&y]));
            assert_close(&values(area), &[42.5], 1e-14, 0.0);
        });
    }

    #[test]
    fn gauss_legendre_integrates_high_powers() {
        let (x, w) = gauss_legendre(8);
        for power in 0..16 {
            let sum: f64 = x.iter().zip(&w).map(|(x, w)| w * x.powi(power)).sum();
            assert!((sum - 1.0 / (f64::from(power) + 1.0)).abs() < 1e-14, "x^{power}: {sum}");
        }
    }
}
