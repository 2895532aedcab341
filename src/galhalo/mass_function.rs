//! How many haloes there are of which mass: a toy for mocks.

use crate::{Error, Result};

/// Points of the table in which the cumulative number is inverted.
const N_TABLE: usize = 4096;

/// A halo mass function: haloes per volume and dex
/// `dn/dlgM = phi (M / M_c)^slope exp(-M / M_c)` with `lg M_c = lgm_cut + lgm_cut_per_z z` and
/// `lg phi = lg_phi + lg_phi_per_z z`.
///
/// A toy: its form is that of Schechter (1976), its default numbers were chosen by eye so that the density
/// of haloes of 1e11 to 1e13 Msun at redshifts 0 to 2 resembles that of simulations in Planck cosmology;
/// beyond redshift 1 it has far too few haloes above 3e13 Msun. Give a catalogue of haloes for anything quantitative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HaloMassFunction {
    /// Slope at low mass.
    pub slope: f64,
    /// Mass of the cut at redshift 0 \[log10 Msun\], and its change with redshift.
    pub lgm_cut: f64,
    /// Change of the same with redshift \[dex\].
    pub lgm_cut_per_z: f64,
    /// Norm at redshift 0 \[log10 1/Mpc^3/dex\].
    pub lg_phi: f64,
    /// Change of the same with redshift \[dex\].
    pub lg_phi_per_z: f64,
    /// Least massive and most massive haloes \[log10 Msun\].
    pub lgm_range: (f64, f64),
}

impl Default for HaloMassFunction {
    /// Haloes of 1e11 to 1e15 Msun.
    fn default() -> Self {
        Self {
            slope: -0.9,
            lgm_cut: 14.0,
            lgm_cut_per_z: -0.6,
            lg_phi: -4.2,
            lg_phi_per_z: 0.5,
            lgm_range: (11.0, 15.0),
        }
    }
}

/// The masses at one redshift, ready to be drawn.
#[derive(Clone, Debug)]
pub(super) struct MassTable {
    lgm: (f64, f64),
    /// Haloes per Mpc^3 less massive than each of the evenly spaced masses.
    below: Vec<f64>,
}

impl HaloMassFunction {
    /// Haloes per Mpc^3 and dex of mass `lgm` \[log10 Msun\] at redshift `z`.
    pub fn density(&self, lgm: f64, z: f64) -> f64 {
        let lg_x = lgm - (self.lgm_cut + self.lgm_cut_per_z * z);
        let lg_phi = self.lg_phi + self.lg_phi_per_z * z + self.slope * lg_x;
        10f64.powf(lg_phi) * (-10f64.powf(lg_x)).exp()
    }

    /// Haloes per Mpc^3 within the range of masses at redshift `z`: a mock of `n` haloes stands for a
    /// volume of `n` divided by this.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a range without haloes.
    pub fn number_density(&self, z: f64) -> Result<f64> {
        Ok(self.table(z)?.total())
    }

    pub(super) fn table(&self, z: f64) -> Result<MassTable> {
        let (lo, hi) = self.lgm_range;
        let step = (hi - lo) / (N_TABLE - 1) as f64;
        let density = |i: usize| self.density(lo + step * i as f64, z);
        let mut below = vec![0.0; N_TABLE];
        for i in 1..N_TABLE {
            below[i] = below[i - 1] + 0.5 * step * (density(i - 1) + density(i));
        }
        let table = MassTable { lgm: (lo, hi), below };
        match table.total() > 0.0 && table.total().is_finite() {
            true => Ok(table),
            false => {
                let reason =
                    format!("no haloes between masses of {lo} and {hi} dex at redshift {z}");
                Err(Error::invalid("halo mass function", reason))
            }
        }
    }
}

impl MassTable {
    fn total(&self) -> f64 {
        self.below[N_TABLE - 1]
    }

    /// The mass \[log10 Msun\] below which a share of all haloes lies.
    pub(super) fn lgm_at(&self, share: f64) -> f64 {
        let want = share * self.total();
        let i = self.below.partition_point(|n| *n <= want).clamp(1, N_TABLE - 1);
        let (below, above) = (self.below[i - 1], self.below[i]);
        // Beyond the last haloes there are intervals without any.
        let within = if above > below { (want - below) / (above - below) } else { 0.0 };
        let (lo, hi) = self.lgm;
        lo + (hi - lo) * ((i - 1) as f64 + within) / (N_TABLE - 1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_masses_follow_the_density() {
        let function = HaloMassFunction::default();
        for z in [0.0, 1.5] {
            let table = function.table(z).unwrap();
            // Shares below some masses by another quadrature.
            for lgm in [11.05, 11.6, 12.5, 13.4] {
                let n = 20_000;
                let step = (lgm - 11.0) / f64::from(n);
                let parts = (0..n).map(|i| function.density(11.0 + step * (f64::from(i) + 0.5), z));
                let share = parts.sum::<f64>() * step / function.number_density(z).unwrap();
                assert!((table.lgm_at(share) - lgm).abs() < 1e-3, "{lgm} at {z}");
            }
            assert_eq!(table.lgm_at(0.0), 11.0);
            assert!(table.lgm_at(1.0 - 1e-16) <= 15.0);
        }
    }

    #[test]
    fn the_norm_is_that_of_ordinary_haloes() {
        let function = HaloMassFunction::default();
        for (z, lgm, want) in [(0.0, 12.0, 4e-3), (1.0, 12.0, 3.5e-3), (0.0, 14.0, 2e-5)] {
            let ratio = function.density(lgm, z) / want;
            assert!((0.5..2.0).contains(&ratio), "{lgm} at {z}: {ratio}");
        }
    }

    #[test]
    fn ranges_without_haloes_are_errors() {
        for lgm_range in [(17.0, 18.0), (12.0, 12.0), (13.0, 12.0), (f64::NAN, 13.0)] {
            let function = HaloMassFunction { lgm_range, ..HaloMassFunction::default() };
            assert!(function.number_density(0.0).is_err(), "{lgm_range:?}");
        }
    }
}
