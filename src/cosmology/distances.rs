//! Distances and volumes.

use burn::tensor::Tensor;

use super::{Cosmology, Quadrature};
use crate::device::Place;
use crate::numerics::integrate::{gauss_legendre, trapezoid};
use crate::numerics::log1p::log1p;
use crate::numerics::{column, log10};

/// Speed of light over 100 km/s/Mpc \[Mpc\].
const HUBBLE_DISTANCE_H1_MPC: f64 = 2997.92458;
/// Points of the DSPS grid.
const N_DSPS: usize = 256;
/// Nodes of the accurate rule.
const N_GAUSS: usize = 48;

impl Cosmology {
    /// Comoving distance \[Mpc\].
    pub fn comoving_distance_mpc(&self, z: &Tensor<1>) -> Tensor<1> {
        let place = Place::of(z);
        let columns = self.params.columns();
        let integral = match self.quadrature {
            Quadrature::Dsps => {
                let share: Vec<f64> = (0..N_DSPS).map(|j| j as f64 / (N_DSPS - 1) as f64).collect();
                let grid = column(z) * place.row(&share);
                trapezoid(grid.clone(), columns.e(log1p(grid)).recip())
            }
            Quadrature::Accurate => {
                // In x = ln(1 + z) the integrand is e^x / E.
                let (nodes, weights) = gauss_legendre(N_GAUSS);
                let x = log1p(column(z));
                let grid = x.clone() * place.row(&nodes);
                let integrand = grid.clone().exp() / columns.e(grid);
                ((integrand * place.row(&weights)).sum_dim(1) * x).squeeze_dim(1)
            }
        };
        integral / self.params.h.clone() * HUBBLE_DISTANCE_H1_MPC
    }

    /// Luminosity distance \[Mpc\].
    pub fn luminosity_distance_mpc(&self, z: &Tensor<1>) -> Tensor<1> {
        self.comoving_distance_mpc(z) * (z.clone() + 1.0)
    }

    /// Angular-diameter distance \[Mpc\].
    pub fn angular_diameter_distance_mpc(&self, z: &Tensor<1>) -> Tensor<1> {
        self.comoving_distance_mpc(z) / (z.clone() + 1.0)
    }

    /// Distance modulus \[mag\]; minus infinity at z = 0.
    pub fn distance_modulus(&self, z: &Tensor<1>) -> Tensor<1> {
        log10(self.luminosity_distance_mpc(z)) * 5.0 + 25.0
    }

    /// Comoving volume per redshift and solid angle \[Mpc^3/sr\].
    pub fn differential_comoving_volume_mpc3_sr(&self, z: &Tensor<1>) -> Tensor<1> {
        let distance = self.comoving_distance_mpc(z);
        let hubble_distance = self.params.h.clone().recip() * HUBBLE_DISTANCE_H1_MPC;
        distance.clone() * distance * hubble_distance / self.e(z)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosmology::{CosmologyParams, CosmologyValues};
    use crate::parameters::ParameterSet;
    use crate::testing::{assert_close, assert_jacobian, for_each_f64_place, values};

    #[test]
    fn reference_values_of_the_dsps_grids() {
        let custom = CosmologyValues { om0: 0.31, w0: -0.9, wa: 0.2, h: 0.7 };
        let want = [
            (
                CosmologyValues::PLANCK15,
                [
                    44.1619020609345,
                    3398.9941453222,
                    1.83076249446345,
                    28797102753.5504,
                    401.481728929277,
                ],
            ),
            (
                CosmologyValues::WMAP5,
                [
                    44.1242906315874,
                    3340.62810578854,
                    1.84513984380952,
                    27799696787.095,
                    401.970439040465,
                ],
            ),
            (
                CosmologyValues::FSPS,
                [
                    44.0787734076819,
                    3271.33248176033,
                    1.81812225328562,
                    26211305776.433,
                    415.798713692352,
                ],
            ),
            (
                custom,
                [
                    44.0275918594996,
                    3195.12884698003,
                    1.73014175496214,
                    23594332301.1851,
                    466.981669256102,
                ],
            ),
        ];
        for_each_f64_place(|place| {
            for (parameters, want) in want {
                let cosmology = parameters.at(place, Quadrature::Dsps);
                let z = place.vector(&[1.0]);
                let got = [
                    cosmology.distance_modulus(&z),
                    cosmology.comoving_distance_mpc(&z),
                    cosmology.virial_dynamical_time_gyr(&z),
                    cosmology.differential_comoving_volume_mpc3_sr(&z),
                    cosmology.rho_crit_msun_kpc3(&z),
                ];
                assert_close(&got.map(values).concat(), &want, 1e-12, 0.0);
            }
        });
    }

    /// Composite Simpson rule with 200,000 intervals in redshift.
    fn brute_force_distance(c: CosmologyValues, z: f64) -> f64 {
        let n = 200_000;
        let step = z / f64::from(n);
        let inverse_e = |z: f64| {
            let a = 1.0 / (1.0 + z);
            let dark = a.powf(-3.0 * (1.0 + c.w0 + c.wa)) * (-3.0 * c.wa * (1.0 - a)).exp();
            (c.om0 * a.powi(-3) + (1.0 - c.om0) * dark).sqrt().recip()
        };
        let sum: f64 = (0..=n)
            .map(|i| {
                let weight = if i == 0 || i == n { 1.0 } else { 2.0 + 2.0 * f64::from(i % 2) };
                weight * inverse_e(f64::from(i) * step)
            })
            .sum();
        2997.92458 / c.h * sum * step / 3.0
    }

    #[test]
    fn accurate_distances_agree_with_brute_force() {
        let z = [1e-3, 0.1, 1.0, 2.0, 6.0, 12.0, 20.0, 30.0];
        for_each_f64_place(|place| {
            for c in [
                CosmologyValues::PLANCK15,
                CosmologyValues { om0: 0.31, w0: -0.9, wa: 0.2, h: 0.7 },
                CosmologyValues { om0: 0.24, w0: -1.2, wa: -0.4, h: 0.65 },
            ] {
                let cosmology = c.at(place, Quadrature::Accurate);
                let got = values(cosmology.comoving_distance_mpc(&place.vector(&z)));
                assert_close(&got, &z.map(|z| brute_force_distance(c, z)), 1e-9, 0.0);
            }
        });
    }

    #[test]
    fn gradients_with_respect_to_redshift_and_parameters() {
        for_each_f64_place(|place| {
            for quadrature in [Quadrature::Dsps, Quadrature::Accurate] {
                let rows = [&[0.31, -0.9, 0.2, 0.7, 0.8][..], &[0.25, -1.1, -0.3, 0.65, 6.0]];
                assert_jacobian(&rows, 1e-7, place, |p| {
                    let params = CosmologyParams::from_matrix(&p.clone().narrow(1, 0, 4)).unwrap();
                    let cosmology = Cosmology { params, quadrature };
                    let z = p.narrow(1, 4, 1).squeeze_dim(1);
                    let volume = cosmology.differential_comoving_volume_mpc3_sr(&z) * 1e-10;
                    Tensor::stack(
                        vec![
                            cosmology.distance_modulus(&z),
                            cosmology.angular_diameter_distance_mpc(&z),
                            cosmology.virial_dynamical_time_gyr(&z),
                            volume,
                        ],
                        1,
                    )
                });
            }
        });
    }
}
