//! Piecewise-linear interpolation, clamped at both ends.
//!
//! With `i = clip(#{X_j <= x}, 1, n-1)` the value is `Y_{i-1} + (x - X_{i-1}) slope_{i-1}`, and
//! outside the grid that of the nearest end. The gradient with respect to `x` is the slope of the
//! interval to the right of a knot, and zero outside the grid.

use std::sync::Arc;

use burn::tensor::{Bool, Int, Tensor};

use crate::device::Place;

/// Of a point `x` and an ascending grid of at least two points, on the host: the index of the grid point to
/// the left, and the share of the one to the right in linear interpolation. Beyond the grid, the share
/// continues the outermost interval.
pub fn interval_and_share(grid: &[f64], x: f64) -> (usize, f64) {
    let left = grid.partition_point(|point| *point <= x).clamp(1, grid.len() - 1) - 1;
    (left, (x - grid[left]) / (grid[left + 1] - grid[left]))
}

/// An ascending grid on a device, ready to be searched.
#[derive(Clone, Debug)]
pub struct InterpGrid {
    /// Grid points, shape `[n]`.
    x: Tensor<1>,
    /// The points padded with infinity to a power of two, for the bisection.
    padded: Tensor<1>,
    /// Widths of the intervals, shape `[n - 1]`; taken in f64, since neighbours may differ by less
    /// than f32 resolves.
    widths: Tensor<1>,
    points: Arc<[f64]>,
}

impl InterpGrid {
    /// A grid of at least two ascending points.
    pub fn new(x: &[f64], place: &Place) -> Self {
        let mut padded = x.to_vec();
        padded.resize((x.len() + 1).next_power_of_two(), f64::INFINITY);
        let widths: Vec<f64> = x.windows(2).map(|w| w[1] - w[0]).collect();
        Self {
            x: place.vector(x),
            padded: place.vector(&padded),
            widths: place.vector(&widths),
            points: x.into(),
        }
    }

    /// The grid points.
    pub fn points(&self) -> &[f64] {
        &self.points
    }

    fn ends(&self) -> (f64, f64) {
        (self.points[0], self.points[self.points.len() - 1])
    }

    /// Number of grid points below each value, `0 ..= n`.
    pub fn count_below<const D: usize>(&self, x: &Tensor<D>) -> Tensor<D, Int> {
        self.count(x, Tensor::lower)
    }

    /// Number of grid points that are before each value in the sense of `precedes`.
    ///
    /// A branch-free bisection, so that it runs on a GPU without leaving it.
    fn count<const D: usize>(
        &self,
        x: &Tensor<D>,
        precedes: fn(Tensor<1>, Tensor<1>) -> Tensor<1, Bool>,
    ) -> Tensor<D, Int> {
        let x = x.clone().without_autodiff();
        let shape = x.shape();
        let count = shape.num_elements();
        let x: Tensor<1> = x.reshape([count]);
        let mut below = x.zeros_like().int();
        let mut step = self.padded.dims()[0];
        while step > 1 {
            step /= 2;
            let probe = self.padded.clone().select(0, below.clone() + (step as i64 - 1));
            below = below + precedes(probe, x.clone()).int() * (step as i64);
        }
        below.reshape(shape)
    }

    /// Index of the left end of the interval that holds each value, `0 ..= n-2`.
    pub fn interval<const D: usize>(&self, x: &Tensor<D>) -> Tensor<D, Int> {
        self.count(x, Tensor::lower_equal).clamp(1, self.points.len() as i64 - 1) - 1
    }

    /// Slopes of the intervals of tables `y` (`[n_gal, n]`), `[n_gal, n - 1]`.
    pub fn slopes(&self, y: Tensor<2>) -> Tensor<2> {
        let n = self.points.len();
        let rise = y.clone().narrow(1, 1, n - 1) - y.narrow(1, 0, n - 1);
        rise / self.widths.clone().unsqueeze::<2>()
    }

    /// Interpolates one shared table `y` (`[n]`) at `x` of any shape.
    pub fn interp<const D: usize>(&self, x: Tensor<D>, y: &Tensor<1>) -> Tensor<D> {
        let shape = x.shape();
        let rows = self.interp_rows(x.reshape([1, shape.num_elements()]), y.clone().unsqueeze());
        rows.reshape(shape)
    }

    /// Interpolates each galaxy's own table: `x` `[n_gal, m]`, `y` `[n_gal, n]` give `[n_gal, m]`.
    pub fn interp_rows(&self, x: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
        let (first, last) = self.ends();
        let x = x.clamp(first, last);
        let left = self.interval(&x);
        let slope = self.slopes(y.clone()).gather(1, left.clone());
        y.gather(1, left.clone()) + (x - self.at(&left)) * slope
    }

    /// Widths of the intervals with the given indices.
    pub fn widths_at(&self, index: &Tensor<2, Int>) -> Tensor<2> {
        gather_1d(&self.widths, index)
    }

    /// The grid points with the given indices.
    pub fn at(&self, index: &Tensor<2, Int>) -> Tensor<2> {
        gather_1d(&self.x, index)
    }
}

/// Elements of a shared table (`[n]`) with the given indices.
pub fn gather_1d(table: &Tensor<1>, index: &Tensor<2, Int>) -> Tensor<2> {
    let [rows, columns] = index.dims();
    table.clone().select(0, index.clone().reshape([rows * columns])).reshape([rows, columns])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, assert_gradient, for_each_place, values};

    const X: [f64; 5] = [0.0, 1.0, 3.0, 3.5, 8.0];
    const Y: [f64; 5] = [1.0, 3.0, -1.0, 2.0, 2.5];

    fn reference(x: f64) -> f64 {
        let i = X.iter().filter(|v| **v <= x).count().clamp(1, X.len() - 1);
        let x = x.clamp(X[0], X[X.len() - 1]);
        Y[i - 1] + (x - X[i - 1]) * (Y[i] - Y[i - 1]) / (X[i] - X[i - 1])
    }

    #[test]
    fn points_lie_in_intervals_with_a_share() {
        let grid = [1.0, 2.0, 4.0];
        for (x, want) in
            [(1.0, (0, 0.0)), (1.25, (0, 0.25)), (2.0, (1, 0.0)), (4.0, (1, 1.0)), (0.5, (0, -0.5))]
        {
            assert_eq!(interval_and_share(&grid, x), want);
        }
    }

    #[test]
    fn agrees_with_the_definition_inside_outside_and_at_knots() {
        for_each_place(|place| {
            let grid = InterpGrid::new(&X, place);
            let x = [-2.0, 0.0, 0.3, 1.0, 2.9, 3.0, 3.25, 3.5, 7.9, 8.0, 11.0];
            let want: Vec<f64> = x.iter().map(|x| reference(*x)).collect();
            let got = values(grid.interp(place.vector(&x), &place.vector(&Y)));
            assert_close(&got, &want, 1e-6, 1e-6);
        });
    }

    #[test]
    fn at_a_knot_the_slope_is_that_to_the_right_and_outside_it_is_zero() {
        for_each_place(|place| {
            let x = place.rows(&[&[-1.0], &[0.0], &[1.0], &[3.0], &[9.0]]);
            let j = crate::numerics::jacobian::jacobian(&x, |x| {
                Ok(InterpGrid::new(&X, place).interp(x, &place.vector(&Y)))
            })
            .unwrap();
            assert_close(&values(j.jacobian), &[0.0, 2.0, -2.0, 6.0, 0.0], 1e-6, 0.0);
        });
    }

    #[test]
    fn gradients_of_position_and_table() {
        let points = [0.4, 1.7, 3.2, 6.0];
        assert_gradient(&points, 1e-7, |x| {
            let place = Place::of(&x);
            InterpGrid::new(&X, &place).interp(x, &place.vector(&Y))
        });
        assert_gradient(&Y, 1e-7, |y| {
            let place = Place::of(&y);
            InterpGrid::new(&X, &place).interp(place.vector(&points), &y)
        });
    }
}
