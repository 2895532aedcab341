//! Galaxies that may be of several kinds: as mixtures, or as several galaxies with weights.

use burn::tensor::Tensor;

use crate::Result;
use crate::names::named;
use crate::numerics::{column, log10, pow10};
use crate::photometry::ab_magnitude;
use crate::summary::{Quantities, QuantityNames};

/// What becomes of the kinds that a galaxy may be of (main sequence or quenched; early or late halo).
///
/// Both are smooth in the parameters that decide how likely the kinds are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mixing {
    /// One galaxy whose light, mass and star formation rate are the means over the kinds.
    #[default]
    Fluxes,
    /// One galaxy of each kind, counted by its probability, so that sums are the expected ones and
    /// distributions keep the sequences apart.
    Weights,
}

named!(Mixing, "mixing", Fluxes = "fluxes", Weights = "weights");

/// Galaxies of each kind, one kind after the other: `n_kind * n_gal` rows.
#[derive(Clone, Debug)]
pub(super) struct Kinds {
    /// Probability of the kind, `[n_kind * n_gal]`.
    pub(super) weight: Tensor<1>,
    /// `[n_kind * n_gal, n_band]`.
    pub(super) magnitudes: Tensor<2>,
    /// log10 of the stellar mass ever formed \[Msun\], `[n_kind * n_gal]`, as all that follow.
    pub(super) lg_mstar: Tensor<1>,
    /// log10 of the star formation rate \[Msun/yr\].
    pub(super) lg_sfr: Tensor<1>,
    /// log10 of the mass of the halo when seen \[Msun\].
    pub(super) lg_halo_mass: Tensor<1>,
    /// 1 for the quenched kind.
    pub(super) quenched: Tensor<1>,
}

/// Names of the quantities after the magnitudes.
pub(super) const QUANTITIES: [&str; 5] =
    ["lg_mstar", "lg_ssfr", "lg_halo_mass", "quenched", "redshift"];

/// Typical mass, log10 Msun, in whose units f32 is comfortable.
const LGM_UNIT: f64 = 10.0;

impl Kinds {
    /// The galaxies as they are to be counted.
    pub(super) fn quantities(
        self,
        mixing: Mixing,
        names: &QuantityNames,
        n_gal: usize,
        redshift: f64,
    ) -> Result<Quantities> {
        let weight = self.weight.clone();
        let (magnitudes, of_galaxy) = match mixing {
            Mixing::Fluxes => self.mixed(n_gal),
            Mixing::Weights => {
                let Self { magnitudes, lg_mstar, lg_sfr, lg_halo_mass, quenched, .. } = self;
                let all = [lg_mstar, lg_sfr, lg_halo_mass, quenched].map(|x| column(&x));
                (magnitudes, all)
            }
        };
        let [lg_mstar, lg_sfr, lg_halo_mass, quenched] = of_galaxy;
        let redshift = lg_mstar.full_like(redshift).without_autodiff();
        let lg_ssfr = lg_sfr - lg_mstar.clone();
        let all = vec![magnitudes, lg_mstar, lg_ssfr, lg_halo_mass, quenched, redshift];
        let quantities = Quantities::new(names, Tensor::cat(all, 1))?;
        match mixing {
            Mixing::Fluxes => Ok(quantities),
            Mixing::Weights => quantities.with_weight(&weight),
        }
    }

    /// Magnitudes, and mass, star formation rate, halo mass and probability to be quenched as columns.
    fn mixed(self, n_gal: usize) -> (Tensor<2>, [Tensor<2>; 4]) {
        let weight = column(&self.weight);
        let n_kind = self.weight.dims()[0] / n_gal;
        let mean = |x: Tensor<2>| -> Tensor<2> {
            let width = x.dims()[1];
            let sum = (x * weight.clone()).reshape([n_kind, n_gal * width]).sum_dim(0);
            sum.reshape([n_gal, width])
        };
        let mean_of_lg = |x: &Tensor<1>, unit: f64| log10(mean(pow10(column(x) - unit))) + unit;
        let magnitudes = ab_magnitude(mean(pow10(self.magnitudes * -0.4)));
        let of_galaxy = [
            mean_of_lg(&self.lg_mstar, LGM_UNIT),
            mean_of_lg(&self.lg_sfr, 0.0),
            mean_of_lg(&self.lg_halo_mass, LGM_UNIT),
            mean(column(&self.quenched)),
        ];
        (magnitudes, of_galaxy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_close, for_each_place, values};

    #[test]
    fn fluxes_are_mixed_and_weights_are_kept() {
        for_each_place(|place| {
            let kinds = || Kinds {
                weight: place.vector(&[0.25, 1.0, 0.75, 0.0]),
                magnitudes: place.rows(&[&[-20.0], &[-19.0], &[-17.5], &[f64::INFINITY]]),
                lg_mstar: place.vector(&[10.0, 11.0, 9.0, 5.0]),
                lg_sfr: place.vector(&[0.0, 1.0, -14.0, -14.0]),
                lg_halo_mass: place.vector(&[12.0, 13.0, 12.0, 13.0]),
                quenched: place.vector(&[0.0, 0.0, 1.0, 1.0]),
            };
            let names = QuantityNames::new(["r"].into_iter().chain(QUANTITIES)).unwrap();
            let of = |mixing, name: &str| {
                let galaxies = kinds().quantities(mixing, &names, 2, 0.3).unwrap();
                values(galaxies.on(&names.axis(name).unwrap()).unwrap())
            };
            let tolerance = place.tolerance(1e-13, 1e-6);
            let mixed = |name: &str, want: &[f64]| {
                assert_close(&of(Mixing::Fluxes, name), want, tolerance, tolerance);
            };
            let flux = 0.25 * 10f64.powf(8.0) + 0.75 * 10f64.powf(7.0);
            mixed("r", &[-2.5 * flux.log10(), -19.0]);
            let mass = (0.25e10f64 + 0.75e9).log10();
            mixed("lg_mstar", &[mass, 11.0]);
            mixed("lg_ssfr", &[0.25f64.log10() - mass, -10.0]);
            mixed("lg_halo_mass", &[12.0, 13.0]);
            mixed("quenched", &[0.75, 0.0]);
            mixed("redshift", &[0.3, 0.3]);
            assert_eq!(of(Mixing::Weights, "quenched"), [0.0, 0.0, 1.0, 1.0]);
            let galaxies = kinds().quantities(Mixing::Weights, &names, 2, 0.3).unwrap();
            assert_eq!(values(galaxies.weight()), [0.25, 1.0, 0.75, 0.0]);
        });
    }
}
