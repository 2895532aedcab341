//! Weighted least-squares fit of a parabola, as a fixed linear operator on the data.

use burn::tensor::Tensor;

use crate::device::Place;
use crate::{Error, Result};

/// Fits `y(x) ~ c0 + c1 (x - centre) + c2 (x - centre)^2`.
///
/// The abscissae and weights are fixed, so the coefficients are linear in `y`: the operator is
/// made once in f64 on the host, with centred and scaled abscissae so that its rounding does not
/// depend on where `x` lies, and applied as a matrix product.
#[derive(Clone, Debug)]
pub struct QuadraticFit {
    operator: Vec<[f64; 3]>,
}

impl QuadraticFit {
    /// Prepares the fit at points `x` with weights `weights >= 0`, centred on `centre`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when fewer than three distinct points have weight, or lengths differ.
    pub fn new(x: &[f64], weights: &[f64], centre: f64) -> Result<Self> {
        if x.len() != weights.len() {
            return Err(Error::invalid(
                "quadratic fit",
                format!("{} points but {} weights", x.len(), weights.len()),
            ));
        }
        let mut used: Vec<f64> =
            x.iter().zip(weights).filter(|(_, w)| **w > 0.0).map(|(x, _)| *x).collect();
        used.dedup();
        if used.len() < 3 {
            return Err(Error::invalid(
                "quadratic fit",
                format!("{} weighted points, at least 3 are needed", used.len()),
            ));
        }
        let scale = used.iter().map(|x| (x - centre).abs()).fold(0.0, f64::max);
        let basis = |x: f64| {
            let u = (x - centre) / scale;
            [1.0, u, u * u]
        };
        let mut normal = [[0.0; 3]; 3];
        for (x, w) in x.iter().zip(weights) {
            let b = basis(*x);
            for i in 0..3 {
                for j in 0..3 {
                    normal[i][j] += w * b[i] * b[j];
                }
            }
        }
        let inverse = inverse_3x3(&normal);
        let operator = x
            .iter()
            .zip(weights)
            .map(|(x, w)| {
                let b = basis(*x);
                let [c0, c1, c2] =
                    inverse.map(|row| w * (row[0] * b[0] + row[1] * b[1] + row[2] * b[2]));
                [c0, c1 / scale, c2 / (scale * scale)]
            })
            .collect();
        Ok(Self { operator })
    }

    /// For each point, its share in the three coefficients.
    pub fn operator(&self) -> &[[f64; 3]] {
        &self.operator
    }

    /// Coefficients `[n_gal, 3]` of `1, (x - centre), (x - centre)^2` for data `y` `[n_gal, n]`.
    pub fn coefficients(&self, y: Tensor<2>) -> Tensor<2> {
        let operator = Place::of(&y).matrix(self.operator.as_flattened(), [self.operator.len(), 3]);
        y.matmul(operator)
    }
}

fn inverse_3x3(m: &[[f64; 3]; 3]) -> [[f64; 3]; 3] {
    let minor = |i: usize, j: usize| {
        let (a, b) = ((i + 1) % 3, (i + 2) % 3);
        let (c, d) = ((j + 1) % 3, (j + 2) % 3);
        m[a][c] * m[b][d] - m[a][d] * m[b][c]
    };
    let det = m[0][0] * minor(0, 0) + m[0][1] * minor(0, 1) + m[0][2] * minor(0, 2);
    std::array::from_fn(|i| std::array::from_fn(|j| minor(j, i) / det))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, for_each_place, values};

    #[test]
    fn recovers_a_parabola_far_from_the_origin() {
        let x: Vec<f64> = (0..40).map(|i| 4900.0 + 5.0 * f64::from(i)).collect();
        let y: Vec<f64> =
            x.iter().map(|x| 2.0 + 0.01 * (x - 5000.0) - 3e-5 * (x - 5000.0).powi(2)).collect();
        let weights: Vec<f64> = (0..40).map(|i| f64::from(i % 3 == 0)).collect();
        let fit = QuadraticFit::new(&x, &weights, 5000.0).unwrap();
        for_each_place(|place| {
            let c = values(fit.coefficients(place.rows(&[&y])));
            assert_close(&c, &[2.0, 0.01, -3e-5], place.tolerance(1e-11, 2e-5), 0.0);
        });
    }

    #[test]
    fn too_few_points_are_an_error() {
        let error = QuadraticFit::new(&[1.0, 2.0, 3.0], &[1.0, 0.0, 1.0], 2.0).unwrap_err();
        assert!(error.to_string().contains("at least 3"), "{error}");
    }
}
