//! Light of a mixture of populations as one fused operation.

use std::sync::Arc;

use burn::tensor::Tensor;

use crate::device::real::{Real, mul_add};
use crate::device::{FusedOperation, Loops, fused_pair, has_fused};

/// Light per unit of mass in the age bins, `[n_gal, n_band]`, of a mixture with the given `weights`
/// (`[n_gal, n_component]`), by a fused operation where there is one.
///
/// `stars` is `[n_gal, n_component * n_band + 2]`: the light of each component, the mass in the age bins,
/// and one more number that does not matter here.
pub(super) fn mixed_light(stars: Tensor<2>, weights: Tensor<2>) -> Tensor<2> {
    if has_fused(&stars) {
        let n_component = weights.dims()[1];
        let n_band = (stars.dims()[1] - 2) / n_component;
        let mix: Arc<dyn FusedOperation> = Arc::new(BandMix { n_component, n_band });
        return fused_pair(mix, stars, weights);
    }
    mixed_light_graph(stars, weights)
}

fn mixed_light_graph(stars: Tensor<2>, weights: Tensor<2>) -> Tensor<2> {
    let [n_gal, n_component] = weights.dims();
    let n_light = stars.dims()[1] - 2;
    let light = stars.clone().narrow(1, 0, n_light);
    let light = light.reshape([n_gal, n_component, n_light / n_component]);
    let mixed: Tensor<2> = (light * weights.unsqueeze_dim::<3>(2)).sum_dim(1).squeeze_dim(1);
    mixed / stars.narrow(1, n_light, 1)
}

/// The loops of [`mixed_light`]: the inputs are stars and weights.
#[derive(Debug)]
struct BandMix {
    n_component: usize,
    n_band: usize,
}

impl BandMix {
    /// Columns of the stars.
    fn n_column(&self) -> usize {
        self.n_component * self.n_band + 2
    }
}

impl Loops for BandMix {
    fn shape(&self, inputs: &[[usize; 2]]) -> [usize; 2] {
        [inputs[0][0], self.n_band]
    }

    #[inline(always)]
    fn value<F: Real, const FMA: bool>(&self, inputs: &[&[F]], mixed: &mut [F]) {
        let (n_column, n_band) = (self.n_column(), self.n_band);
        let galaxies = inputs[0].chunks_exact(n_column);
        let galaxies = galaxies.zip(inputs[1].chunks_exact(self.n_component));
        for ((stars, weights), mixed) in galaxies.zip(mixed.chunks_exact_mut(n_band)) {
            let per_mass = F::of(1.0) / stars[n_column - 2];
            for (light, weight) in stars.chunks_exact(n_band).zip(weights) {
                for (mixed, light) in mixed.iter_mut().zip(light) {
                    *mixed = mul_add::<F, FMA>(*weight, *light, *mixed);
                }
            }
            for mixed in mixed {
                *mixed = *mixed * per_mass;
            }
        }
    }

    #[inline(always)]
    fn pull_back<F: Real, const FMA: bool>(
        &self,
        inputs: &[&[F]],
        seed: &[F],
        gradients: &mut [&mut [F]],
    ) {
        let (n_column, n_band) = (self.n_column(), self.n_band);
        let [of_stars, of_weights] = gradients else { return };
        let galaxies = inputs[0].chunks_exact(n_column);
        let galaxies = galaxies.zip(inputs[1].chunks_exact(self.n_component));
        let galaxies = galaxies.zip(seed.chunks_exact(n_band));
        let slopes = of_stars.chunks_exact_mut(n_column);
        let slopes = slopes.zip(of_weights.chunks_exact_mut(self.n_component));
        for (((stars, weights), seed), (of_stars, of_weights)) in galaxies.zip(slopes) {
            let per_mass = F::of(1.0) / stars[n_column - 2];
            let components = stars.chunks_exact(n_band).zip(of_stars.chunks_exact_mut(n_band));
            let components = components.zip(weights.iter().zip(of_weights));
            let mut all = F::default();
            for ((light, of_light), (weight, of_weight)) in components {
                let mut sum = F::default();
                for ((light, of_light), seed) in light.iter().zip(of_light).zip(seed) {
                    let seed = *seed * per_mass;
                    sum = mul_add::<F, FMA>(seed, *light, sum);
                    *of_light = *weight * seed;
                }
                *of_weight = sum;
                all = mul_add::<F, FMA>(*weight, sum, all);
            }
            of_stars[n_column - 2] = -all * per_mass;
        }
    }
}

#[cfg(test)]
#[cfg(feature = "flex")]
mod tests {
    use super::*;
    use crate::device::{Place, Precision};
    use crate::numerics::jacobian::jacobian;
    use crate::testing::{assert_close, values};

    #[test]
    fn no_galaxies_have_no_light() {
        let place = Place::open("flex", Precision::F32).unwrap();
        let mixed = mixed_light(place.matrix(&[], [0, 14]), place.matrix(&[], [0, 3]));
        assert_eq!(mixed.dims(), [0, 4]);
    }

    #[test]
    fn values_and_gradients_are_those_of_the_graph() {
        // Three components in four bands, two masses, three weights.
        let row = |i: usize| -> Vec<f64> {
            (0..17).map(|j| 0.3 + ((i * 5 + j * 3) % 11) as f64 / 7.0).collect()
        };
        let rows: Vec<Vec<f64>> = (0..9).map(row).collect();
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        for (precision, tolerance) in [(Precision::F64, 1e-13), (Precision::F32, 1e-5)] {
            let place = Place::open("flex", precision).unwrap();
            let with = |mix: fn(Tensor<2>, Tensor<2>) -> Tensor<2>| {
                let of = |p: Tensor<2>| Ok(mix(p.clone().narrow(1, 0, 14), p.narrow(1, 14, 3)));
                jacobian(&place.rows(&rows), of).unwrap()
            };
            let (got, want) = (with(mixed_light), with(mixed_light_graph));
            assert_eq!(got.values.dims(), [9, 4]);
            assert_close(&values(got.values), &values(want.values), tolerance, 0.0);
            assert_close(&values(got.jacobian), &values(want.jacobian), tolerance, tolerance);
        }
    }
}
