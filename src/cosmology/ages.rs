//! Age of the Universe and look-back time.

use burn::tensor::Tensor;

use super::{Cosmology, Quadrature};
use crate::device::Place;
use crate::numerics::column;
use crate::numerics::integrate::{gauss_legendre, trapezoid};
use crate::numerics::log1p::log1p;

/// Points of the DSPS grids.
const N_DSPS: usize = 512;
/// Highest redshift that is looked for at a given age.
const Z_MAX: f64 = 30.0;
/// Nodes of the accurate rules.
const N_GAUSS: usize = 48;

impl Cosmology {
    /// Age of the Universe at redshift `z` \[Gyr\].
    pub fn age_at_z_gyr(&self, z: &Tensor<1>) -> Tensor<1> {
        match self.quadrature {
            Quadrature::Dsps => self.age_today_gyr() - self.lookback_gyr(z),
            Quadrature::Accurate => self.age_accurate(log1p(column(z))),
        }
    }

    /// Age of the Universe today \[Gyr\], shape of the parameters.
    pub fn age_today_gyr(&self) -> Tensor<1> {
        match self.quadrature {
            Quadrature::Dsps => {
                let z: Vec<f64> = (0..N_DSPS)
                    .map(|j| 10f64.powf(3.0 * j as f64 / (N_DSPS - 1) as f64) - 1.0)
                    .collect();
                let z = Place::of(&self.params.om0).row(&z);
                self.lookback_integral(z)
            }
            Quadrature::Accurate => self.age_accurate(column(&self.params.om0).zeros_like()),
        }
    }

    /// Look-back time to redshift `z` \[Gyr\].
    pub fn lookback_gyr(&self, z: &Tensor<1>) -> Tensor<1> {
        match self.quadrature {
            Quadrature::Dsps => {
                let share: Vec<f64> = (0..N_DSPS).map(|j| j as f64 / (N_DSPS - 1) as f64).collect();
                self.lookback_integral(column(z) * Place::of(z).row(&share))
            }
            Quadrature::Accurate => {
                // In ln(1 + z) the integrand is 1 / E.
                let (nodes, weights) = gauss_legendre(N_GAUSS);
                let place = Place::of(z);
                let x = log1p(column(z));
                let inverse_e = self.params.columns().e(x.clone() * place.row(&nodes)).recip();
                let integral = (inverse_e * place.row(&weights)).sum_dim(1) * x;
                integral.squeeze_dim(1) * self.hubble_time_today_gyr()
            }
        }
    }

    /// Redshift at which the Universe has the age `t_gyr` (`[n]`), by bisection: 0 for ages from
    /// today on, redshift 30 for those earlier than it. Without gradient.
    pub fn redshift_at_age(&self, t_gyr: &Tensor<1>) -> Tensor<1> {
        let t = t_gyr.clone().without_autodiff();
        let mut from = t.zeros_like();
        let mut to = t.full_like(Z_MAX.ln_1p());
        // Halving more often than f64 has digits.
        for _ in 0..55 {
            let middle = (from.clone() + to.clone()) * 0.5;
            let older = self.age_at_z_gyr(&(middle.clone().exp() - 1.0)).greater(t.clone());
            from = from.mask_where(older.clone(), middle.clone());
            to = middle.mask_where(older, to);
        }
        to.exp() - 1.0
    }

    /// Trapezoid of `1 / ((1 + z) E)` over the grid `z`, times the Hubble time.
    fn lookback_integral(&self, z: Tensor<2>) -> Tensor<1> {
        let e = self.params.columns().e(log1p(z.clone()));
        let integrand = ((z.clone() + 1.0) * e).recip();
        trapezoid(z, integrand) * self.hubble_time_today_gyr()
    }

    /// Age at `ln(1 + z)` (`[n, 1]`) as an integral over `u = a^(3/2)` from the Big Bang:
    /// `t = t_H (2/3) int_0^u du' / sqrt(Om0 + (1 - Om0) a^3 rho_DE(a))`, whose integrand is smooth.
    fn age_accurate(&self, ln_1pz: Tensor<2>) -> Tensor<1> {
        let (nodes, weights) = gauss_legendre(N_GAUSS);
        let place = Place::of(&ln_1pz);
        // a = a_obs node^(2/3), so -ln a = ln(1 + z) - (2/3) ln node.
        let shift: Vec<f64> = nodes.iter().map(|x| -2.0 / 3.0 * x.ln()).collect();
        let grid = ln_1pz.clone() + place.row(&shift);
        let columns = self.params.columns();
        let dark = (columns.om0.clone().neg() + 1.0)
            * columns.dark_energy(grid.clone())
            * (grid * -3.0).exp();
        let integrand = (columns.om0 + dark).sqrt().recip();
        let integral = (integrand * place.row(&weights)).sum_dim(1);
        let u = (ln_1pz * -1.5).exp();
        (integral * u).squeeze_dim(1) * self.hubble_time_today_gyr() * (2.0 / 3.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosmology::{CosmologyParams, CosmologyValues};
    use crate::parameters::ParameterSet;
    use crate::testing::{
        assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    const CUSTOM: CosmologyValues = CosmologyValues { om0: 0.31, w0: -0.9, wa: 0.2, h: 0.7 };

    #[test]
    fn reference_values_of_the_dsps_grids() {
        let want = [
            (CosmologyValues::PLANCK15, [13.8212648999064, 5.87961829423022, 7.94164660567614]),
            (CosmologyValues::WMAP5, [13.7304845036991, 5.94120178394748, 7.78928271975166]),
            (CosmologyValues::FSPS, [13.4819840099727, 5.85802743670164, 7.62395657327109]),
            (CUSTOM, [13.0184429592818, 5.53414560060028, 7.48429735868157]),
        ];
        for_each_f64_place(|place| {
            for (values_, want) in want {
                let cosmology = values_.at(place, Quadrature::Dsps);
                let z = place.vector(&[1.0]);
                let got = [
                    values(cosmology.age_today_gyr()),
                    values(cosmology.age_at_z_gyr(&z)),
                    values(cosmology.lookback_gyr(&z)),
                ];
                assert_close(&got.concat(), &want, 1e-12, 0.0);
            }
        });
    }

    /// Closed form for a cosmological constant: `t = (2/3) t_H asinh(sqrt(x)) / sqrt(1 - Om0)`,
    /// `x = (1 - Om0) / Om0 (1 + z)^-3`.
    fn lcdm_age(c: CosmologyValues, z: f64) -> f64 {
        let hubble_time = 1e-16 * 3.08567758149e24 / 31556925.2 / c.h;
        let x = (1.0 - c.om0) / c.om0 * (1.0 + z).powi(-3);
        2.0 / 3.0 * hubble_time * x.sqrt().asinh() / (1.0 - c.om0).sqrt()
    }

    /// Reference for any w0, wa: midpoint rule with 4 million points in ln a from a = 1e-9.
    fn brute_force_age(c: CosmologyValues, z: f64) -> f64 {
        let hubble_time = 1e-16 * 3.08567758149e24 / 31556925.2 / c.h;
        let (from, to, n) = ((1e-9f64).ln(), -(1.0 + z).ln(), 4_000_000);
        let step = (to - from) / f64::from(n);
        let sum: f64 = (0..n)
            .map(|i| {
                let a = (from + (f64::from(i) + 0.5) * step).exp();
                let dark = a.powf(-3.0 * (1.0 + c.w0 + c.wa)) * (-3.0 * c.wa * (1.0 - a)).exp();
                (c.om0 * a.powi(-3) + (1.0 - c.om0) * dark).sqrt().recip()
            })
            .sum();
        hubble_time * sum * step
    }

    #[test]
    fn accurate_ages_agree_with_the_closed_form_and_brute_force() {
        let z = [0.0, 1e-3, 0.5, 1.0, 3.0, 6.0, 10.0, 20.0, 30.0, 100.0, 1000.0];
        for_each_f64_place(|place| {
            for c in [CosmologyValues::PLANCK15, CosmologyValues::WMAP5] {
                let cosmology = c.at(place, Quadrature::Accurate);
                let ages = values(cosmology.age_at_z_gyr(&place.vector(&z)));
                let want = z.map(|z| lcdm_age(c, z));
                assert_close(&ages, &want, 1e-9, 0.0);
                let lookback = values(cosmology.lookback_gyr(&place.vector(&z)));
                let want = z.map(|z| lcdm_age(c, 0.0) - lcdm_age(c, z));
                assert_close(&lookback, &want, 1e-8, 1e-12);
            }
            let ages = CUSTOM.at(place, Quadrature::Accurate);
            let z = [0.0, 2.0, 30.0];
            let want = z.map(|z| brute_force_age(CUSTOM, z));
            assert_close(&values(ages.age_at_z_gyr(&place.vector(&z))), &want, 1e-8, 0.0);
        });
    }

    #[test]
    fn ages_fall_with_redshift_in_every_precision() {
        for_each_place(|place| {
            let z: Vec<f64> = (0..60).map(|i| 0.5 * f64::from(i)).collect();
            let cosmology = CosmologyValues::PLANCK15.at(place, Quadrature::Accurate);
            let ages = values(cosmology.age_at_z_gyr(&place.vector(&z)));
            assert!(ages.windows(2).all(|w| w[1] < w[0] && w[1] > 0.0));
        });
    }

    #[test]
    fn redshift_is_found_back_from_the_age() {
        for_each_place(|place| {
            for quadrature in [Quadrature::Dsps, Quadrature::Accurate] {
                let cosmology = CUSTOM.at(place, quadrature);
                let z = [1e-3, 0.1, 0.9, 4.0, 11.0];
                let ages = cosmology.age_at_z_gyr(&place.vector(&z));
                let found = values(cosmology.redshift_at_age(&ages));
                assert_close(
                    &found,
                    &z,
                    place.tolerance(1e-12, 1e-4),
                    place.tolerance(1e-13, 2e-5),
                );
                let beyond = cosmology.redshift_at_age(&place.vector(&[20.0, 1e-4]));
                assert_close(&values(beyond), &[0.0, Z_MAX], 1e-5, 1e-6);
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
                    Tensor::stack(vec![cosmology.age_at_z_gyr(&z), cosmology.lookback_gyr(&z)], 1)
                });
            }
        });
    }
}
