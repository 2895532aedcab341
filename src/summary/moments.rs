//! Means and covariances of quantities, as sums.

use burn::tensor::Tensor;

use super::{Axis, Quantities, Summary};
use crate::device::Place;
use crate::{Error, Result};

/// Sums of the weights and of the first and second moments of several axes: `sum w u_i u_j` for `i <= j`,
/// where `u_0 = 1` and `u_i = x_i - c_i`, so the first is the sum of the weights and the next ones are
/// those of the values.
#[derive(Clone, Debug)]
pub struct Moments {
    axes: Vec<Axis>,
    centres: Vec<f64>,
}

/// Mean and covariance of a population.
#[derive(Clone, Debug, PartialEq)]
pub struct MomentValues {
    /// Sum of the weights.
    pub weight: f64,
    /// Mean on each axis.
    pub mean: Vec<f64>,
    /// Covariance, row-major; the variances on its diagonal.
    pub covariance: Vec<f64>,
}

impl Moments {
    /// Moments of some axes about a centre on each, which should be near the mean: in f32, second moments
    /// lose the digits that the square of the distance from the centre takes.
    ///
    /// # Errors
    /// [`Error::Invalid`] for no axes and for centres that are not finite.
    pub fn new(axes: Vec<(Axis, f64)>) -> Result<Self> {
        if axes.is_empty() || axes.iter().any(|(_, centre)| !centre.is_finite()) {
            return Err(Error::invalid(
                "moments",
                "at least one axis and finite centres are needed",
            ));
        }
        let (axes, centres) = axes.into_iter().unzip();
        Ok(Self { axes, centres })
    }

    /// Mean and covariance from the sums; `None` when the weights do not add up to more than zero.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another number of sums than [`n_sums`](Summary::n_sums).
    pub fn values(&self, sums: &[f64]) -> Result<Option<MomentValues>> {
        if sums.len() != self.n_sums() {
            let reason = format!("{} sums, expected {}", sums.len(), self.n_sums());
            return Err(Error::invalid("moments", reason));
        }
        let (n, weight) = (self.axes.len(), sums[0]);
        if weight.is_nan() || weight <= 0.0 {
            return Ok(None);
        }
        let first: Vec<f64> = sums[1..=n].iter().map(|sum| sum / weight).collect();
        let mut covariance = vec![0.0; n * n];
        let mut seconds = sums[n + 1..].iter();
        for i in 0..n {
            for (j, second) in (i..n).zip(&mut seconds) {
                covariance[i * n + j] = second / weight - first[i] * first[j];
                covariance[j * n + i] = covariance[i * n + j];
            }
        }
        let mean = first.iter().zip(&self.centres).map(|(m, centre)| m + centre).collect();
        Ok(Some(MomentValues { weight, mean, covariance }))
    }
}

impl Summary for Moments {
    fn labels(&self) -> Vec<String> {
        let shifted = self.axes.iter().zip(&self.centres);
        let shifted = shifted.map(|(axis, centre)| format!("({} - {centre})", axis.label()));
        let factors: Vec<String> = std::iter::once(String::new()).chain(shifted).collect();
        let pairs = (0..factors.len()).flat_map(|i| (i..factors.len()).map(move |j| (i, j)));
        pairs.map(|(i, j)| format!("weight {}{}", factors[i], factors[j])).collect()
    }

    fn n_sums(&self) -> usize {
        let n = self.axes.len();
        (n + 1) * (n + 2) / 2
    }

    fn sums(&self, galaxies: &Quantities) -> Result<Tensor<1>> {
        let weight = galaxies.weight();
        let x = self.axes.iter().map(|axis| galaxies.on(axis)).collect::<Result<Vec<_>>>()?;
        let x = Tensor::cat(x, 1);
        let u = x.clone() - Place::of(&x).row(&self.centres);
        let u = Tensor::cat(vec![weight.ones_like(), u], 1);
        let all = (u.clone() * weight).transpose().matmul(u);
        let n = self.axes.len() + 1;
        let upper = (0..n).map(|i| all.clone().narrow(0, i, 1).narrow(1, i, n - i));
        Ok(Tensor::cat(upper.collect(), 1).squeeze_dim(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::QuantityNames;
    use crate::testing::{
        assert_close, assert_f32_jacobian, assert_jacobian, for_each_f64_place, for_each_place,
        values,
    };

    const ROWS: [&[f64]; 3] = [&[1.0, -2.0], &[2.0, 0.5], &[4.0, 0.0]];
    const WEIGHTS: [f64; 3] = [0.5, 1.0, 0.25];

    fn names() -> QuantityNames {
        QuantityNames::new(["x", "y"]).unwrap()
    }

    fn moments() -> Moments {
        let axis = |text| names().axis(text).unwrap();
        Moments::new(vec![(axis("x"), 1.5), (axis("x - y"), -0.5)]).unwrap()
    }

    #[test]
    fn means_and_covariances_by_hand() {
        let total: f64 = WEIGHTS.iter().sum();
        let mean = |f: &dyn Fn(&[f64]) -> f64| {
            ROWS.iter().zip(WEIGHTS).map(|(row, w)| w * f(row)).sum::<f64>() / total
        };
        let (a, b) = (mean(&|r| r[0]), mean(&|r| r[0] - r[1]));
        let aa = mean(&|r| (r[0] - a).powi(2));
        let ab = mean(&|r| (r[0] - a) * (r[0] - r[1] - b));
        let bb = mean(&|r| (r[0] - r[1] - b).powi(2));
        for_each_place(|place| {
            let galaxies = Quantities::new(&names(), place.rows(&ROWS)).unwrap();
            let galaxies = galaxies.with_weight(&place.vector(&WEIGHTS)).unwrap();
            let sums = values(moments().sums(&galaxies).unwrap());
            let seen = moments().values(&sums).unwrap().unwrap();
            let tolerance = place.tolerance(1e-13, 1e-6);
            assert_close(&seen.mean, &[a, b], tolerance, 0.0);
            assert_close(&seen.covariance, &[aa, ab, ab, bb], tolerance, tolerance);
            assert_eq!(seen.weight, total);
        });
        assert_eq!(moments().labels()[4], "weight (x - 1.5)(x - y - -0.5)");
        assert_eq!(moments().labels().len(), moments().n_sums());
    }

    #[test]
    fn gradients_of_quantities_and_weights() {
        let of = |p: Tensor<2>| {
            let galaxies = p.clone().narrow(1, 0, 6).reshape([3, 2]);
            let weight: Tensor<1> = p.narrow(1, 6, 3).squeeze_dim(0);
            let galaxies = Quantities::new(&names(), galaxies).unwrap();
            let sums = moments().sums(&galaxies.with_weight(&weight).unwrap()).unwrap();
            sums.unsqueeze_dim(0)
        };
        let row = [&ROWS.concat()[..], &WEIGHTS].concat();
        for_each_f64_place(|place| assert_jacobian(&[&row], 1e-7, place, of));
        assert_f32_jacobian(&[&row], 1e-4, of);
    }

    #[test]
    fn nothing_to_average_is_told_apart_from_an_error() {
        assert_eq!(moments().values(&[0.0; 6]).unwrap(), None);
        assert_eq!(moments().values(&[f64::NAN; 6]).unwrap(), None);
        assert!(moments().values(&[1.0; 5]).is_err());
        assert!(Moments::new(Vec::new()).is_err());
        assert!(Moments::new(vec![(names().axis("x").unwrap(), f64::NAN)]).is_err());
    }
}
