//! The map from unbounded parameters into their ranges as one fused operation.
//!
//! The same formulas as [`bounded`](super::bounded), which is their definition, for blocks of galaxies.

use std::sync::Arc;

use super::{Centre, Edge, ParamInfo, evaluation_order, position};
use crate::device::real::{BLOCK, Real, sigmoid_block};
use crate::device::{FusedOperation, Loops};

/// Bounded parameters of unbounded ones, both `[n_param, n_gal]`.
#[derive(Debug)]
pub(super) struct BoundedLoops {
    maps: Vec<Map>,
    /// Parameters with fixed ranges first.
    order: Vec<usize>,
}

/// The logistic map of one parameter.
#[derive(Clone, Copy, Debug)]
struct Map {
    lo: End,
    hi: End,
    /// The centre where it does not follow the ends.
    centre: Option<f64>,
    k: f64,
}

/// One end of a range: a number, or a number more than another parameter.
#[derive(Clone, Copy, Debug)]
struct End {
    from: Option<usize>,
    offset: f64,
}

impl End {
    fn new(infos: &[ParamInfo], edge: Edge) -> Self {
        match edge {
            Edge::At(offset) => Self { from: None, offset },
            Edge::Param(name, offset) => Self { from: Some(position(infos, name)), offset },
        }
    }

    /// Its values for a block of galaxies, of which `columns` has the bounded parameters.
    #[inline(always)]
    fn block<F: Real>(&self, columns: &[[F; BLOCK]]) -> [F; BLOCK] {
        match self.from {
            None => [F::of(self.offset); BLOCK],
            Some(j) => columns[j].map(|x| x + F::of(self.offset)),
        }
    }
}

impl BoundedLoops {
    pub(super) fn operation(infos: &[ParamInfo]) -> Arc<dyn FusedOperation> {
        let map = |info: &ParamInfo| Map {
            lo: End::new(infos, info.bound.lo),
            hi: End::new(infos, info.bound.hi),
            centre: match info.bound.centre {
                Centre::Middle => None,
                Centre::At(x0) => Some(x0),
            },
            k: info.bound.k,
        };
        Arc::new(Self { maps: infos.iter().map(map).collect(), order: evaluation_order(infos) })
    }

    /// Bounded parameters of a block of galaxies, and for each how far it is through its range and the
    /// speed of that.
    #[inline(always)]
    fn fill<F: Real, const FMA: bool>(&self, columns: &mut [[F; BLOCK]], steps: &mut [Step<F>]) {
        for &j in &self.order {
            let Map { lo, hi, centre, k } = self.maps[j];
            let (lo, hi) = (lo.block(columns), hi.block(columns));
            let Step { share, slope, span } = &mut steps[j];
            for i in 0..BLOCK {
                let x0 = match centre {
                    Some(x0) => F::of(x0),
                    None => (lo[i] + hi[i]) * F::of(0.5),
                };
                share[i] = (columns[j][i] - x0) * F::of(k);
                span[i] = hi[i] - lo[i];
            }
            sigmoid_block::<F, FMA>(share, slope);
            for i in 0..BLOCK {
                columns[j][i] = lo[i] + span[i] * share[i];
            }
        }
    }
}

/// Where a parameter stands in its range.
#[derive(Clone, Copy)]
struct Step<F> {
    share: [F; BLOCK],
    slope: [F; BLOCK],
    span: [F; BLOCK],
}

impl<F: Real> Step<F> {
    fn zeros() -> Self {
        let zeros = [F::default(); BLOCK];
        Self { share: zeros, slope: zeros, span: zeros }
    }
}

impl Loops for BoundedLoops {
    fn shape(&self, inputs: &[[usize; 2]]) -> [usize; 2] {
        inputs[0]
    }

    #[inline(always)]
    fn value<F: Real, const FMA: bool>(&self, inputs: &[&[F]], bounded: &mut [F]) {
        let n_gal = bounded.len() / self.maps.len();
        let mut columns = vec![[F::default(); BLOCK]; self.maps.len()];
        let mut steps = vec![Step::zeros(); self.maps.len()];
        for start in (0..n_gal).step_by(BLOCK) {
            load(inputs[0], start, &mut columns);
            self.fill::<F, FMA>(&mut columns, &mut steps);
            store(&columns, start, bounded);
        }
    }

    #[inline(always)]
    fn pull_back<F: Real, const FMA: bool>(
        &self,
        inputs: &[&[F]],
        seed: &[F],
        gradients: &mut [&mut [F]],
    ) {
        let n_gal = seed.len() / self.maps.len();
        let mut columns = vec![[F::default(); BLOCK]; self.maps.len()];
        let mut slopes = columns.clone();
        let mut steps = vec![Step::zeros(); self.maps.len()];
        for start in (0..n_gal).step_by(BLOCK) {
            load(inputs[0], start, &mut columns);
            self.fill::<F, FMA>(&mut columns, &mut steps);
            load(seed, start, &mut slopes);
            // Those that others depend on last: by then their slopes are complete.
            for &j in self.order.iter().rev() {
                let Map { lo, hi, centre, k } = self.maps[j];
                let Step { share, slope, span } = &steps[j];
                let of_value = slopes[j];
                let of_x: [F; BLOCK] =
                    std::array::from_fn(|i| of_value[i] * span[i] * slope[i] * F::of(k));
                let of_centre = F::of(if centre.is_some() { 0.0 } else { 0.5 });
                if let Some(from) = lo.from {
                    for i in 0..BLOCK {
                        slopes[from][i] = slopes[from][i] + of_value[i]
                            - of_value[i] * share[i]
                            - of_centre * of_x[i];
                    }
                }
                if let Some(from) = hi.from {
                    for i in 0..BLOCK {
                        slopes[from][i] =
                            slopes[from][i] + of_value[i] * share[i] - of_centre * of_x[i];
                    }
                }
                slopes[j] = of_x;
            }
            store(&slopes, start, gradients[0]);
        }
    }
}

/// Copies a block of galaxies from `[n_param, n_gal]`; those beyond the last keep what they were.
#[inline(always)]
fn load<F: Real>(all: &[F], start: usize, columns: &mut [[F; BLOCK]]) {
    let n_gal = all.len() / columns.len();
    for (column, all) in columns.iter_mut().zip(all.chunks_exact(n_gal)) {
        let n = BLOCK.min(n_gal - start);
        column[..n].copy_from_slice(&all[start..start + n]);
    }
}

#[inline(always)]
fn store<F: Real>(columns: &[[F; BLOCK]], start: usize, all: &mut [F]) {
    let n_gal = all.len() / columns.len();
    for (column, all) in columns.iter().zip(all.chunks_exact_mut(n_gal)) {
        let n = BLOCK.min(n_gal - start);
        all[start..start + n].copy_from_slice(&column[..n]);
    }
}

#[cfg(test)]
#[cfg(feature = "flex")]
mod tests {
    use burn::tensor::Tensor;

    use super::super::{ParameterSet, bounded_graph};
    use super::*;
    use crate::device::{Place, Precision, fused};
    use crate::halo::DiffmahParams;
    use crate::numerics::jacobian::jacobian;
    use crate::sfh::{Diffstar2021Params, DiffstarParams, GasDepletionParams};
    use crate::testing::{assert_close, values};

    /// Numbers from far below the ranges to far above, more of them than a block has.
    fn rows(n_param: usize) -> Vec<Vec<f64>> {
        let at = |i: usize, j: usize| 90.0 * (((i * 7 + j * 3) % 41) as f64 / 20.0 - 1.0).powi(3);
        (0..100).map(|i| (0..n_param).map(|j| at(i, j)).collect()).collect()
    }

    fn assert_equal_graph<S: ParameterSet>(precision: Precision, tolerance: f64) {
        let rows = rows(S::n_params());
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        let matrix = Place::open("flex", precision).unwrap().rows(&rows);
        let by_loops = |matrix: Tensor<2>| {
            Ok(fused(BoundedLoops::operation(S::INFO), matrix.transpose()).transpose())
        };
        let by_graph = |matrix: Tensor<2>| Ok(Tensor::stack(bounded_graph(S::INFO, &matrix), 1));
        let (got, want) =
            (jacobian(&matrix, by_loops).unwrap(), jacobian(&matrix, by_graph).unwrap());
        assert_close(&values(got.values), &values(want.values), tolerance, 0.0);
        // In f32 the graph has no slope below 1e-19, where the square of its denominator overflows.
        assert_close(&values(got.jacobian), &values(want.jacobian), tolerance, 1e-15);
    }

    #[test]
    fn values_and_gradients_are_those_of_the_graph() {
        for (precision, tolerance) in [(Precision::F64, 1e-12), (Precision::F32, 2e-5)] {
            assert_equal_graph::<DiffstarParams>(precision, tolerance);
            assert_equal_graph::<Diffstar2021Params>(precision, tolerance);
            assert_equal_graph::<DiffmahParams>(precision, tolerance);
            assert_equal_graph::<GasDepletionParams>(precision, tolerance);
        }
    }
}
