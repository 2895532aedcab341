//! Adam with a learning rate that rises and falls.

use burn::optim::{Adam as BurnAdam, AdamConfig, AdamState, AdaptiveMomentumState, Optimizer as _};
use burn::tensor::Tensor;

use super::state::Memory;
use crate::Result;
use crate::device::{DEFAULT_DEVICE, Place, Precision, to_host};
use crate::numerics::lbfgs::Point;

/// Burn's Adam on a vector of the host.
pub(super) struct Adam {
    place: Place,
    adam: BurnAdam,
    state: Option<AdamState<2>>,
    steps: usize,
}

impl Adam {
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) without the default device.
    pub(super) fn new() -> Result<Self> {
        let place = Place::open(DEFAULT_DEVICE, Precision::F64)?;
        let adam = AdamConfig::new().with_epsilon(1e-8).build();
        Ok(Self { place, adam, state: None, steps: 0 })
    }

    /// Goes on after a number of steps with the moments that [`memory`](Self::memory) holds.
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    pub(super) fn resume(steps: usize, first: &[f64], second: &[f64]) -> Result<Self> {
        let new = Self::new()?;
        let [m, v] = [first, second].map(|x| new.place.row(x));
        let state = Some(AdamState::new(AdaptiveMomentumState::new(steps, m, v)));
        Ok(Self { state, steps, ..new })
    }

    /// What is needed to go on from here.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) when the moments cannot be read.
    pub(super) fn memory(&self) -> Result<Memory> {
        let Some(state) = &self.state else { return Ok(Memory::None) };
        let host = |x: &Tensor<2>| to_host(x.clone());
        let (first, second) = (host(&state.momentum.moment_1)?, host(&state.momentum.moment_2)?);
        Ok(Memory::Adam { steps: self.steps, first, second })
    }

    /// Where the next step leads.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) when it cannot be read.
    pub(super) fn step(&mut self, here: &Point, learning_rate: f64) -> Result<Vec<f64>> {
        let [x, slope] = [&here.x, &here.gradient].map(|x| self.place.row(x));
        let (next, state) = self.adam.step(learning_rate, x, slope, self.state.take());
        self.state = state;
        self.steps += 1;
        to_host(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_close;

    fn point(x: &[f64]) -> Point {
        let gradient: Vec<f64> = x.iter().map(|x| 2.0 * x).collect();
        Point { x: x.to_vec(), value: x.iter().map(|x| x * x).sum(), gradient }
    }

    #[test]
    fn steps_are_those_of_kingma_and_ba_and_can_be_resumed() {
        let (mut x, mut m, mut v) = ([3.0, -0.2], [0.0; 2], [0.0; 2]);
        let mut adam = Adam::new().unwrap();
        let mut seen = x.to_vec();
        for t in 1..=5 {
            if t == 3 {
                let Memory::Adam { steps, first, second } = adam.memory().unwrap() else {
                    panic!("no moments");
                };
                adam = Adam::resume(steps, &first, &second).unwrap();
            }
            seen = adam.step(&point(&seen), 0.1).unwrap();
            for j in 0..2 {
                let g = 2.0 * x[j];
                m[j] = 0.9 * m[j] + 0.1 * g;
                v[j] = 0.999 * v[j] + 0.001 * g * g;
                let (m, v) = (m[j] / (1.0 - 0.9f64.powi(t)), v[j] / (1.0 - 0.999f64.powi(t)));
                x[j] -= 0.1 * m / (v.sqrt() + 1e-8);
            }
            // Burn keeps the constants of Adam in f32.
            assert_close(&seen, &x, 1e-5, 1e-6);
        }
    }
}
