//! Expansion rate and densities.

use burn::tensor::Tensor;

use super::{Columns, Cosmology, CosmologyParams};
use crate::numerics::column;
use crate::numerics::log1p::log1p;

/// Critical density today for h = 1 \[Msun h^2 / kpc^3\].
const RHO_CRIT0: f64 = 277.536627;
/// Megaparsec \[cm\] and year \[s\] as the originals have them; they make the Hubble time.
const MPC_CM: f64 = 3.08567758149e24;
const YEAR_S: f64 = 31556925.2;

impl CosmologyParams {
    pub(super) fn columns(&self) -> Columns {
        Columns { om0: column(&self.om0), w0: column(&self.w0), wa: column(&self.wa) }
    }
}

impl Columns {
    /// `E(z) = H(z) / H_0` for `ln(1 + z)` of shape `[n or 1, n_grid]`.
    pub(super) fn e(&self, ln_1pz: Tensor<2>) -> Tensor<2> {
        let matter = self.om0.clone() * (ln_1pz.clone() * 3.0).exp();
        let dark = (self.om0.clone().neg() + 1.0) * self.dark_energy(ln_1pz);
        (matter + dark).sqrt()
    }

    /// Dark-energy density relative to today, `a^(-3 (1 + w0 + wa)) e^(-3 wa (1 - a))`.
    pub(super) fn dark_energy(&self, ln_1pz: Tensor<2>) -> Tensor<2> {
        let one_minus_a = ln_1pz.clone().neg().exp().neg() + 1.0;
        let power = (self.w0.clone() + self.wa.clone() + 1.0) * 3.0;
        (power * ln_1pz - self.wa.clone() * 3.0 * one_minus_a).exp()
    }
}

impl Cosmology {
    /// `E(z) = H(z) / H_0`.
    pub fn e(&self, z: &Tensor<1>) -> Tensor<1> {
        self.params.columns().e(log1p(column(z))).squeeze_dim(1)
    }

    /// Hubble time `1 / H(z)` \[Gyr\].
    pub fn hubble_time_gyr(&self, z: &Tensor<1>) -> Tensor<1> {
        self.hubble_time_today_gyr() / self.e(z)
    }

    pub(super) fn hubble_time_today_gyr(&self) -> Tensor<1> {
        self.params.h.clone().recip() * (1e-16 * MPC_CM / YEAR_S)
    }

    /// Critical density \[Msun/kpc^3\].
    pub fn rho_crit_msun_kpc3(&self, z: &Tensor<1>) -> Tensor<1> {
        let he = self.params.h.clone() * self.e(z);
        he.clone() * he * RHO_CRIT0
    }

    /// Matter density in units of the critical density.
    pub fn om(&self, z: &Tensor<1>) -> Tensor<1> {
        let e = self.e(z);
        let cubed = (log1p(z.clone()) * 3.0).exp();
        self.params.om0.clone() * cubed / (e.clone() * e)
    }

    /// Virial overdensity of Bryan & Norman (1998) in units of the critical density.
    pub fn delta_vir(&self, z: &Tensor<1>) -> Tensor<1> {
        let x = self.om(z) - 1.0;
        let pi2 = std::f64::consts::PI.powi(2);
        x.clone() * 82.0 - x.clone() * x * 39.0 + 18.0 * pi2
    }

    /// Time to cross a virialized halo \[Gyr\].
    pub fn virial_dynamical_time_gyr(&self, z: &Tensor<1>) -> Tensor<1> {
        self.hubble_time_gyr(z) * 2f64.powf(1.5) / self.delta_vir(z).sqrt()
    }
}
