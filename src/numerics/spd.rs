//! Small symmetric positive definite systems on the host.

/// The lower factor `L` of a symmetric positive definite matrix `A = L L^T`.
#[derive(Clone, Debug)]
pub struct SpdFactor {
    n: usize,
    /// Row-major, `[n, n]`; the strict upper triangle is not used.
    factor: Vec<f64>,
}

impl SpdFactor {
    /// Factorises the matrix `a` (row-major, `[n, n]`), of which the lower triangle is read; `None` when
    /// it is not positive definite to rounding, or not finite.
    pub fn new(a: &[f64], n: usize) -> Option<Self> {
        let mut factor = a.to_vec();
        for i in 0..n {
            for j in 0..=i {
                let products = (0..j).map(|k| factor[i * n + k] * factor[j * n + k]);
                let rest = a[i * n + j] - products.sum::<f64>();
                factor[i * n + j] = match i == j {
                    true if rest > 0.0 && rest.is_finite() => rest.sqrt(),
                    true => return None,
                    false => rest / factor[j * n + j],
                };
            }
        }
        Some(Self { n, factor })
    }

    /// `A^-1 b`.
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let (n, l) = (self.n, &self.factor);
        let mut x = b.to_vec();
        for i in 0..n {
            let known: f64 = (0..i).map(|k| l[i * n + k] * x[k]).sum();
            x[i] = (x[i] - known) / l[i * n + i];
        }
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|k| l[k * n + i] * x[k]).sum();
            x[i] = (x[i] - known) / l[i * n + i];
        }
        x
    }

    /// `A^-1`, row-major.
    pub fn inverse(&self) -> Vec<f64> {
        let unit = |j: usize| (0..self.n).map(|i| f64::from(u8::from(i == j))).collect::<Vec<_>>();
        (0..self.n).flat_map(|j| self.solve(&unit(j))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_close;

    const A: [f64; 9] = [4.0, 2.0, -1.0, 2.0, 5.0, 0.5, -1.0, 0.5, 3.0];

    #[test]
    fn solutions_solve_and_inverses_invert() {
        let factor = SpdFactor::new(&A, 3).unwrap();
        let x = factor.solve(&[1.0, -2.0, 0.5]);
        let product = |x: &[f64]| -> Vec<f64> {
            A.chunks(3).map(|row| row.iter().zip(x).map(|(a, x)| a * x).sum()).collect()
        };
        assert_close(&product(&x), &[1.0, -2.0, 0.5], 1e-14, 0.0);
        let inverse = factor.inverse();
        assert_close(&product(&inverse[3..6]), &[0.0, 1.0, 0.0], 1e-14, 1e-14);
    }

    #[test]
    fn matrices_that_are_not_positive_definite_have_no_factor() {
        assert!(SpdFactor::new(&[1.0, 2.0, 2.0, 1.0], 2).is_none());
        assert!(SpdFactor::new(&[f64::NAN], 1).is_none());
        assert!(SpdFactor::new(&[0.0], 1).is_none());
    }
}
