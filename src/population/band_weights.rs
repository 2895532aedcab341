//! Weights of galaxies over a photometric table, arranged for as few and as large matrix products as
//! the dust allows.

use std::ops::Range;

use burn::tensor::Tensor;

use crate::device::Place;
use crate::sed::SspWeights;

/// Weights over the components (pairs of ionization parameter and metallicity) and ages of a table,
/// by the groups of ages that see the same dust.
#[allow(clippy::large_enum_variant, reason = "there is one value per batch of galaxies")]
pub(super) enum BandWeights {
    /// A few groups of many ages: `[n_gal, n_group, n_component * n_age]`, zero outside the group.
    Grouped(Tensor<3>),
    /// Every age is a group, and all have the same mixture of components.
    Common {
        /// `[n_gal, n_component]`.
        component: Tensor<2>,
        /// `[n_gal, n_age]`.
        age: Tensor<2>,
    },
    /// Every age is a group with its own mixture, `[n_age, n_gal, n_component]`.
    ByAge(Tensor<3>),
}

impl BandWeights {
    /// Arranges weights for runs of ages that see the same dust.
    pub(super) fn new(weights: &SspWeights, groups: &[Range<usize>]) -> Self {
        let n_age = weights.age.dims()[1];
        if groups.len() < n_age {
            let joint = with_ionization(weights, &weights.joint);
            let [n_gal, n_joint] = joint.dims();
            let joint: Tensor<3> = joint.unsqueeze_dim(1);
            if groups.len() == 1 {
                return Self::Grouped(joint);
            }
            let inside = groups.iter().flat_map(|group| {
                let one = move |i| f64::from(u8::from(group.contains(&(i % n_age))));
                (0..n_joint).map(one)
            });
            let inside: Vec<f64> = inside.collect();
            let mask = Place::of(&joint).matrix(&inside, [groups.len(), n_joint]);
            let shape = [n_gal, groups.len(), n_joint];
            return Self::Grouped(joint.expand(shape) * mask.unsqueeze_dim::<3>(0));
        }
        match &weights.metallicity {
            Some(metallicity) => Self::Common {
                component: with_ionization(weights, metallicity),
                age: weights.age.clone(),
            },
            None => {
                let joint = with_ionization(weights, &weights.joint);
                let [n_gal, n_joint] = joint.dims();
                let joint = joint.reshape([n_gal, n_joint / n_age, n_age]);
                Self::ByAge(joint.permute([2, 0, 1]))
            }
        }
    }

    /// Light of a run of galaxies from a table `[n_component, n_age, n_column]`,
    /// `[n_gal, n_group, n_column]`, to be [weighted](Self::weighted).
    pub(super) fn light(&self, table: &Tensor<3>, galaxies: Range<usize>) -> Tensor<3> {
        let [n_component, n_age, n_column] = table.dims();
        let (start, len) = (galaxies.start, galaxies.len());
        match self {
            Self::Grouped(joint) => {
                let n_group = joint.dims()[1];
                let n_joint = n_component * n_age;
                let joint = joint.clone().narrow(0, start, len).reshape([len * n_group, n_joint]);
                let light = joint.matmul(table.clone().reshape([n_joint, n_column]));
                light.reshape([len, n_group, n_column])
            }
            Self::Common { component, .. } => {
                let table = table.clone().reshape([n_component, n_age * n_column]);
                let light = component.clone().narrow(0, start, len).matmul(table);
                light.reshape([len, n_age, n_column])
            }
            Self::ByAge(weights) => {
                let light = weights.clone().narrow(1, start, len);
                light.matmul(table.clone().swap_dims(0, 1)).swap_dims(0, 1)
            }
        }
    }

    /// Gives every age of a run of galaxies its weight, where [`light`](Self::light) has left that out
    /// because all components have it in common.
    pub(super) fn weighted(&self, light: Tensor<3>, galaxies: Range<usize>) -> Tensor<3> {
        match self {
            Self::Common { age, .. } => {
                let age = age.clone().narrow(0, galaxies.start, galaxies.len());
                light * age.unsqueeze_dim::<3>(2)
            }
            Self::Grouped(_) | Self::ByAge(_) => light,
        }
    }
}

/// Multiplies weights `[n_gal, n]` with those over ionization parameters where there are any,
/// `[n_gal, n_u * n]`, ionization slowest.
fn with_ionization(weights: &SspWeights, x: &Tensor<2>) -> Tensor<2> {
    match &weights.ionization {
        Some(ionization) => {
            let [n_gal, n] = x.dims();
            let n_u = ionization.dims()[1];
            let both = ionization.clone().unsqueeze_dim::<3>(2) * x.clone().unsqueeze_dim::<3>(1);
            both.reshape([n_gal, n_u * n])
        }
        None => x.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sed::{ssp_weights, ssp_weights_met_table};
    use crate::testing::{assert_close, for_each_place, values};

    /// Two metallicities, three ages, two columns, and two ionization parameters.
    fn table(n_component: usize, place: &Place) -> Tensor<3> {
        let n = n_component * 6;
        let light: Vec<f64> = (0..n).map(|i| 1.0 + (i * i % 13) as f64).collect();
        place.matrix(&light, [n_component * 3, 2]).reshape([n_component, 3, 2])
    }

    #[test]
    fn every_arrangement_gives_the_sum_over_the_table() {
        for_each_place(|place| {
            let met = place.rows(&[&[0.3, 0.7], &[0.9, 0.1], &[0.5, 0.5]]);
            let age = place.rows(&[&[0.5, 0.3, 0.2], &[0.1, 0.2, 0.7], &[0.0, 1.0, 0.0]]);
            let ionization = place.rows(&[&[0.4, 0.6], &[1.0, 0.0], &[0.2, 0.8]]);
            let common = ssp_weights(met.clone(), age.clone());
            let by_age = ssp_weights_met_table(met.unsqueeze_dim::<3>(2).repeat_dim(2, 3), age);
            for (weights, with_u) in
                [(&common, false), (&by_age, false), (&common, true), (&by_age, true)]
            {
                let mut weights = weights.clone();
                if with_u {
                    weights = weights.with_ionization(ionization.clone());
                }
                let table = table(if with_u { 4 } else { 2 }, place);
                let [n_component, ..] = table.dims();
                let flat = table.clone().reshape([n_component * 3, 2]);
                let one = std::slice::from_ref(&(0..3));
                for groups in [one, &[0..1, 1..3], &[0..1, 1..2, 2..3]] {
                    let arranged = BandWeights::new(&weights, groups);
                    let light = arranged.weighted(arranged.light(&table, 1..3), 1..3);
                    let want = groups
                        .iter()
                        .map(|ages| weights.total(&flat, ages.clone()).narrow(0, 1, 2));
                    let want = Tensor::stack::<3>(want.collect(), 1);
                    let tolerance = place.tolerance(1e-14, 1e-6);
                    assert_close(&values(light), &values(want), tolerance, 0.0);
                }
            }
        });
    }
}
