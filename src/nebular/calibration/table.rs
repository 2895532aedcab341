//! Tables of photoionization models that the fit is calibrated with.
//!
//! An HDF5 file with the datasets `lg_z_over_zsun` `[n_met]`, `age_yr` `[n_age]`, `lg_u` `[n_u]`,
//! `line_name` and `line_wave_aa` \[vacuum Angstrom\] `[n_line]`, and `line_lsun_per_q`
//! `[n_met, n_age, n_u, n_line]` \[Lsun per ionizing photon per second\]; the Sun has Z = 0.01524.

use std::path::Path;

use super::labels::H_BETA;
use crate::files::read_whole;
use crate::hdf5::Hdf5;
use crate::numerics::check_ascending;
use crate::ssp::find_line;
use crate::{Error, Result};

/// Mass fraction of metals that the table's metallicities are relative to.
const Z_SUN: f64 = 0.01524;

/// Line luminosities on a grid of metallicity, age and ionization parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct LineTable {
    /// Where the numbers come from: the file's attribute `source`, or its path.
    pub source: String,
    /// log10 of the absolute mass fraction of metals, `[n_met]`.
    pub lgmet: Vec<f64>,
    /// log10 of the stellar age \[yr\], `[n_age]`.
    pub lg_age_yr: Vec<f64>,
    /// log10 of the ionization parameter, `[n_u]`.
    pub lgu: Vec<f64>,
    /// Names, `[n_line]`.
    pub names: Vec<String>,
    /// Vacuum wavelengths \[Angstrom\], `[n_line]`.
    pub wave_aa: Vec<f64>,
    /// Luminosities \[Lsun per ionizing photon per second\], `[n_met, n_age, n_u, n_line]`.
    pub lsun_per_q: Vec<f64>,
    /// Which of the lines is H-beta.
    pub h_beta: usize,
}

impl LineTable {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read; [`Error::File`] when it is not HDF5, a dataset is
    /// missing or has the wrong shape, an axis does not ascend, a luminosity is negative or not
    /// finite, or H-beta is missing or dark.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(read_whole(path)?, path)
    }

    /// Takes the table out of a file's bytes; `path` is for error messages.
    ///
    /// # Errors
    /// [`Error::File`] as for [`read`](Self::read).
    pub fn parse(bytes: Vec<u8>, path: &Path) -> Result<Self> {
        let file = Hdf5::new(bytes, path)?;
        let axis = |name| file.numbers(name, &[0]);
        let (lg_z, age, lgu) = (axis("lg_z_over_zsun")?, axis("age_yr")?, axis("lg_u")?);
        if age.iter().any(|age| *age <= 0.0) {
            return Err(Error::file(path, "dataset \"age_yr\": ages must be positive"));
        }
        let names = file.texts("line_name")?;
        let n_line = names.len();
        let shape = [lg_z.len(), age.len(), lgu.len(), n_line];
        let h_beta = find_line(&names, H_BETA)
            .map_err(|_| Error::file(path, format!("dataset \"line_name\" lacks {H_BETA}")))?;
        let stated = file.text_attributes()?.remove("source");
        let table = Self {
            source: stated.unwrap_or_else(|| path.display().to_string()),
            lgmet: lg_z.iter().map(|z| z + Z_SUN.log10()).collect(),
            lg_age_yr: age.iter().map(|age| age.log10()).collect(),
            lgu,
            wave_aa: file.numbers("line_wave_aa", &[n_line])?,
            lsun_per_q: file.numbers("line_lsun_per_q", &shape)?,
            names,
            h_beta,
        };
        table.check().map_err(|e| Error::file(path, e.to_string()))?;
        Ok(table)
    }

    fn check(&self) -> Result<()> {
        check_ascending("metallicities", &self.lgmet, 2)?;
        check_ascending("ages", &self.lg_age_yr, 2)?;
        check_ascending("ionization parameters", &self.lgu, 2)?;
        let n_line = self.names.len();
        let bad = |i: usize, reason: &str| {
            let what = format!("{} at node {}", self.names[i % n_line], i / n_line);
            Err(Error::invalid(what, format!("is {:e}; it must be {reason}", self.lsun_per_q[i])))
        };
        for (i, value) in self.lsun_per_q.iter().enumerate() {
            if !value.is_finite() || *value < 0.0 {
                return bad(i, "finite and not negative");
            }
            if i % n_line == self.h_beta && *value == 0.0 {
                return bad(i, "positive");
            }
        }
        Ok(())
    }

    /// The nodes in the order of the luminosities: (`lgmet`, `lg_age_yr`, `lgu`).
    pub fn nodes(&self) -> Vec<[f64; 3]> {
        let mut nodes = Vec::new();
        for z in &self.lgmet {
            for age in &self.lg_age_yr {
                nodes.extend(self.lgu.iter().map(|u| [*z, *age, *u]));
            }
        }
        nodes
    }
}

#[cfg(test)]
pub(super) mod tests {
    use hdf5_pure::FileBuilder;

    use super::*;

    const LG_Z: [f64; 5] = [-2.0, -1.5, -1.0, -0.5, 0.0];
    const AGE_YR: [f64; 4] = [1e6, 3e6, 7e6, 2e7];
    const LG_U: [f64; 4] = [-4.0, -3.0, -2.0, -1.0];
    const NAMES: [&str; 4] = ["O_III_5007", "Ba_beta_4861", "N_II_6584", "Fe_VI_12p3074m"];

    /// Smooth functions of the axes; the last line is too faint for the fit.
    fn luminosity(lg_z: f64, age: f64, lgu: f64, line: usize) -> f64 {
        let age = age.log10() - 6.5;
        let lg = match line {
            0 => 0.4 - 0.3 * (lg_z + 0.7).powi(2) - 0.8 * age * age + 0.9 * (lgu + 3.0).tanh(),
            1 => 0.0,
            2 => -0.5 + 0.6 * lg_z + 0.2 * age - 0.4 * lgu - 1.2,
            _ => -7.0,
        };
        10f64.powf(lg - 46.0)
    }

    /// Writes the table; `breaks` may spoil the luminosities or their shape first.
    pub(in super::super) fn write(path: &Path, breaks: impl Fn(&mut Vec<f64>, &mut Vec<u64>)) {
        let mut values = Vec::new();
        for z in LG_Z {
            for age in AGE_YR {
                for u in LG_U {
                    values.extend((0..4).map(|line| luminosity(z, age, u, line)));
                }
            }
        }
        let mut shape = vec![5, 4, 4, 4];
        breaks(&mut values, &mut shape);
        let mut file = FileBuilder::new();
        file.create_dataset("lg_z_over_zsun").with_f64_data(&LG_Z);
        file.create_dataset("age_yr").with_f64_data(&AGE_YR);
        file.create_dataset("lg_u").with_f64_data(&LG_U);
        file.create_dataset("line_name").with_strings(&NAMES).unwrap();
        file.create_dataset("line_wave_aa").with_f64_data(&[5008.3, 4862.8, 6585.4, 123109.4]);
        file.create_dataset("line_lsun_per_q").with_f64_data(&values).with_shape(&shape);
        file.write(path).unwrap();
    }

    #[test]
    fn reads_axes_names_and_luminosities() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.h5");
        write(&path, |_, _| {});
        let table = LineTable::read(&path).unwrap();
        assert_eq!((table.h_beta, table.names.len()), (1, 4));
        let nodes = table.nodes();
        assert_eq!(nodes.len() * 4, table.lsun_per_q.len());
        assert_eq!(nodes[1][2], -3.0);
        assert!((nodes[79][0] - Z_SUN.log10()).abs() < 1e-12);
        assert_eq!(table.lsun_per_q[4], luminosity(-2.0, 1e6, -3.0, 0));
    }

    #[test]
    fn broken_tables_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.h5");
        assert!(matches!(LineTable::read(&path), Err(Error::Io { .. })));
        std::fs::write(&path, b"not HDF5 at all").unwrap();
        let error = || LineTable::read(&path).unwrap_err().to_string();
        assert!(error().contains("not a readable HDF5 file"), "{}", error());
        let mut file = FileBuilder::new();
        file.create_dataset("lg_u").with_f64_data(&LG_U);
        file.write(&path).unwrap();
        assert!(error().contains("dataset \"lg_z_over_zsun\""), "{}", error());
        write(&path, |_, shape| shape.swap(0, 1));
        assert!(error().contains("[4, 5, 4, 4], expected [5, 4, 4, 4]"), "{}", error());
        write(&path, |values, _| values[4] = f64::NAN);
        assert!(error().contains("O_III_5007 at node 1: is NaN"), "{}", error());
        write(&path, |values, _| values[9] = 0.0);
        assert!(error().contains("Ba_beta_4861 at node 2: is 0e0"), "{}", error());
    }
}
