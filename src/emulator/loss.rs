//! How far a distribution over age bins is from the exact one: in the distribution and in its light.

use burn::tensor::Tensor;

use super::bins::shares_in;
use super::config::LossConfig;
use super::form::{BinMasses, Form};
use super::light::SspLight;
use super::targets::Targets;
use crate::Result;
use crate::device::Place;
use crate::filter::FilterSet;
use crate::ssp::SspGrid;

/// `-2.5 log10(x) = MAG_PER_LN ln(x)`.
const MAG_PER_LN: f64 = -1.085_736_204_758_129_6;

/// Shares below this are compared as if they were this.
const SHARE_MIN: f64 = 1e-9;

/// What masses in age bins are compared in.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    weights: LossConfig,
    /// Light per unit of mass in each bin, row-major `[n_bin, n_light]`: bands of several metallicities,
    /// in units that make them of order one.
    light: Vec<f64>,
    n_light: usize,
    place: Place,
    on_place: Tensor<2>,
}

/// Targets of a batch on the device.
pub(super) struct Goal {
    /// `[n_gal, n_bin]`.
    pub(super) cumulative: Tensor<2>,
    /// `[n_gal]`.
    pub(super) lg_mass_formed: Tensor<1>,
    /// ln of the light per unit of mass, `[n_gal, n_light]`.
    ln_light: Tensor<2>,
}

/// Errors of a batch, each `[n_gal, n]`.
pub(super) struct Errors {
    /// Of magnitudes at given mass.
    pub(super) light_mag: Tensor<2>,
    /// Of the mass, as a magnitude.
    pub(super) mass_mag: Tensor<2>,
    /// Of the cumulative distribution.
    pub(super) cumulative: Tensor<2>,
    /// Of its logarithm.
    pub(super) ln_cumulative: Tensor<2>,
}

impl Judge {
    /// # Errors
    /// Those of [`FilterSet::resolve`].
    pub(super) fn new(
        weights: &LossConfig,
        edges_gyr: &[f64],
        grid: &SspGrid,
        place: &Place,
    ) -> Result<Self> {
        let filters = FilterSet::resolve(&weights.filters)?;
        let per_age = SspLight::new(&filters, grid)?;
        let (n_age, n_light) = (grid.ages.lg_age_gyr().len(), per_age.n_light());
        let n_bin = edges_gyr.len() - 1;
        let mut light = vec![0.0; n_bin * n_light];
        let shares = shares_in(edges_gyr, &grid.ages);
        for (shares, light) in shares.chunks(n_age).zip(light.chunks_mut(n_light)) {
            per_age.add(shares, light);
        }
        let on_place = place.matrix(&light, [n_bin, n_light]);
        Ok(Self { weights: weights.clone(), light, n_light, place: place.clone(), on_place })
    }

    /// The targets on the device, with their light.
    pub(super) fn goal(&self, targets: &Targets) -> Goal {
        let n_gal = targets.rows.len();
        let n_bin = self.light.len() / self.n_light;
        let mut ln_light = Vec::with_capacity(n_gal * self.n_light);
        for younger in targets.cumulative.chunks(n_bin) {
            let start = ln_light.len();
            ln_light.resize(start + self.n_light, 0.0);
            let mut before = 0.0;
            for (after, light) in younger.iter().zip(self.light.chunks(self.n_light)) {
                let mass = after - before;
                before = *after;
                ln_light[start..].iter_mut().zip(light).for_each(|(sum, l)| *sum += mass * l);
            }
            ln_light[start..].iter_mut().for_each(|l| *l = l.ln());
        }
        Goal {
            cumulative: self.place.matrix(&targets.cumulative, [n_gal, n_bin]),
            lg_mass_formed: self.place.vector(&targets.lg_mass_formed),
            ln_light: self.place.matrix(&ln_light, [n_gal, self.n_light]),
        }
    }

    /// The errors of a batch.
    pub(super) fn errors(&self, form: &Form, masses: &BinMasses, goal: &Goal) -> Errors {
        let ln_light = masses.shares.clone().matmul(self.on_place.clone()).log();
        let cumulative = form.cumulative(masses.shares.clone());
        let floored = |x: Tensor<2>| (x + SHARE_MIN).log();
        let mass = masses.lg_mass_formed.clone() - goal.lg_mass_formed.clone();
        Errors {
            light_mag: (ln_light - goal.ln_light.clone()) * MAG_PER_LN,
            mass_mag: mass.unsqueeze_dim(1) * -2.5,
            ln_cumulative: floored(cumulative.clone()) - floored(goal.cumulative.clone()),
            cumulative: cumulative - goal.cumulative.clone(),
        }
    }

    /// The loss of the errors, `[1]`.
    pub(super) fn loss(&self, errors: &Errors) -> Tensor<1> {
        let mean = |x: &Tensor<2>, weight: f64| (x.clone() * x.clone()).mean() * weight;
        let LossConfig { light, mass, cumulative, ln_cumulative, .. } = self.weights;
        mean(&errors.light_mag, light)
            + mean(&errors.mass_mag, mass)
            + mean(&errors.cumulative, cumulative)
            + mean(&errors.ln_cumulative, ln_cumulative)
    }
}
