//! How magnitudes are integrated, and the grid of redshifts on which tables are made.

use crate::names::named;
use crate::{Error, Result};

/// How magnitudes are integrated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Photometry {
    /// Over the spectrum of each galaxy.
    #[default]
    Spectra,
    /// From tables of the light of stellar populations in each band: no spectra, dust at a few
    /// wavelengths per band, and in the observed frame fluxes that are linear between the redshifts of
    /// neighbouring tables. See [`TableSettings`].
    Tables,
}

named!(Photometry, "photometry", Spectra = "spectra", Tables = "tables");

/// How the tables of [`Photometry::Tables`] are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TableSettings {
    /// Wavelengths per band at which dust is evaluated.
    pub n_dust: usize,
    /// Distance of neighbouring tables in `ln(1 + z)`.
    pub spacing: f64,
    /// A redshift at which there is a table, and so no error of interpolation.
    pub redshift: f64,
}

impl Default for TableSettings {
    /// Four wavelengths, tables 0.01 apart: errors are a few mmag at most for ordinary dust.
    fn default() -> Self {
        Self { n_dust: 4, spacing: 0.01, redshift: 0.0 }
    }
}

impl TableSettings {
    /// Checks the values. The number of wavelengths is checked when tables are made.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a spacing outside `[0.0005, 0.5]`, or a redshift outside `[0, 100]`.
    pub fn check(&self) -> Result<()> {
        let ranges = [
            ("spacing of photometric tables in ln(1 + z)", self.spacing, (0.0005, 0.5)),
            ("redshift of a photometric table", self.redshift, (0.0, 100.0)),
        ];
        for (what, value, (lo, hi)) in ranges {
            if !(lo..=hi).contains(&value) {
                let allowed = format!("[{lo}, {hi}]");
                return Err(Error::OutOfRange { what: what.to_owned(), value, allowed });
            }
        }
        Ok(())
    }

    /// Number of the last table at or below redshift `z`; that of [`redshift`](Self::redshift) is 0.
    pub fn table_below(&self, z: f64) -> i64 {
        // Far beyond any galaxy, so that nonsense stays a number.
        let z = z.clamp(-0.9, 1e4);
        let since = ((1.0 + z) / (1.0 + self.redshift)).ln() / self.spacing;
        // A redshift that is meant to be a table's, up to rounding in f32.
        let nearest = since.round();
        let tables = if (since - nearest).abs() < 1e-4 { nearest } else { since.floor() };
        tables as i64
    }

    /// `ln(1 + z)` of a table.
    pub fn ln_stretch(&self, table: i64) -> f64 {
        self.redshift.ln_1p() + self.spacing * table as f64
    }

    /// Redshift of a table.
    pub fn table_redshift(&self, table: i64) -> f64 {
        match table {
            0 => self.redshift,
            _ => self.ln_stretch(table).exp_m1(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_redshift_lies_between_two_tables() {
        let settings = TableSettings { redshift: 0.4, ..TableSettings::default() };
        settings.check().unwrap();
        assert_eq!((settings.table_below(0.4), settings.table_redshift(0)), (0, 0.4));
        assert_eq!(settings.table_below(f64::from(0.4f32)), 0);
        for z in [0.0, 0.001, 0.39, 0.41, 3.0, 30.0] {
            let k = settings.table_below(z);
            let (lo, hi) = (settings.table_redshift(k), settings.table_redshift(k + 1));
            assert!(lo <= z + 1e-12 && z < hi, "{lo} {z} {hi}");
            assert!(((1.0 + hi) / (1.0 + lo)).ln() - 0.01 < 1e-12);
        }
    }

    #[test]
    fn nonsense_is_an_error() {
        let default = TableSettings::default();
        for bad in [
            TableSettings { spacing: 0.0, ..default },
            TableSettings { spacing: f64::NAN, ..default },
            TableSettings { redshift: -0.5, ..default },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
