//! Emission lines of an SSP grid on the host.

use super::block::BlockShape;
use super::line_names::find_line;
use crate::numerics::check_ascending;
use crate::{Error, Result};

/// Emission lines of an SSP grid.
#[derive(Clone, Debug, PartialEq)]
pub struct EmissionLines {
    /// Names, `[n_line]`.
    pub names: Vec<String>,
    /// Vacuum wavelengths \[Angstrom\], `[n_line]`.
    pub wave_aa: Vec<f64>,
    /// Ionization parameters log10 U, `[n_u]`, ascending, when the luminosities depend on them. The
    /// spectra of the grid need not.
    pub lgu: Option<Vec<f64>>,
    /// Luminosities per solar mass formed \[Lsun/Msun\], `[n_u, n_met, n_age, n_line]`; without
    /// `lgu`, `[n_met, n_age, n_line]`.
    pub luminosity_lsun: Vec<f64>,
}

impl EmissionLines {
    /// Checks the lines against a grid of `n_met` metallicities and `n_age` ages.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless there is at least one line; each has a positive wavelength; there
    /// are at least three ionization parameters, ascending, or none; and one finite, non-negative
    /// luminosity for each combination.
    pub fn check(&self, n_met: usize, n_age: usize) -> Result<()> {
        let n_line = self.names.len();
        if n_line == 0 || self.wave_aa.len() != n_line {
            let reason = format!(
                "{n_line} names and {} wavelengths, expected equally many and at least one",
                self.wave_aa.len()
            );
            return Err(Error::invalid("emission lines", reason));
        }
        if let Some(i) = self.wave_aa.iter().position(|w| !(w.is_finite() && *w > 0.0)) {
            let reason = format!("{:?} has wavelength {}", self.names[i], self.wave_aa[i]);
            return Err(Error::invalid("emission lines", reason));
        }
        if let Some(lgu) = &self.lgu {
            check_ascending("ionization parameters of the emission lines", lgu, 3)?;
        }
        self.shape(n_met, n_age).check("emission-line luminosity", &self.luminosity_lsun, 0.0)
    }

    pub(super) fn shape(&self, n_met: usize, n_age: usize) -> BlockShape {
        let n_u = self.lgu.as_ref().map(Vec::len);
        BlockShape { n_u, n_met, n_age, n_last: self.names.len() }
    }

    /// Index of a line by [name](find_line).
    ///
    /// # Errors
    /// [`Error::UnknownName`].
    pub fn index(&self, name: &str) -> Result<usize> {
        find_line(&self.names, name)
    }

    /// The named lines, in the given order.
    ///
    /// # Errors
    /// [`Error::UnknownName`]; [`Error::Invalid`] when a line is named twice or none is.
    pub fn select<S: AsRef<str>>(&self, names: &[S]) -> Result<Self> {
        let kept = self.indices(names)?;
        if let Some(i) = (1..kept.len()).find(|i| kept[..*i].contains(&kept[*i])) {
            let reason = format!("{:?} is asked for twice", self.names[kept[i]]);
            return Err(Error::invalid("emission lines", reason));
        }
        self.only(&kept)
    }

    /// All lines but the named ones.
    ///
    /// # Errors
    /// [`Error::UnknownName`]; [`Error::Invalid`] when no line is left.
    pub fn without<S: AsRef<str>>(&self, names: &[S]) -> Result<Self> {
        let dropped = self.indices(names)?;
        let kept: Vec<usize> = (0..self.names.len()).filter(|i| !dropped.contains(i)).collect();
        self.only(&kept)
    }

    fn indices<S: AsRef<str>>(&self, names: &[S]) -> Result<Vec<usize>> {
        names.iter().map(|name| self.index(name.as_ref())).collect()
    }

    fn only(&self, kept: &[usize]) -> Result<Self> {
        if kept.is_empty() {
            let reason = "none is left; a grid without emission lines has no list of them";
            return Err(Error::invalid("emission lines", reason));
        }
        let per_ssp = self.luminosity_lsun.chunks(self.names.len());
        Ok(Self {
            names: kept.iter().map(|i| self.names[*i].clone()).collect(),
            wave_aa: kept.iter().map(|i| self.wave_aa[*i]).collect(),
            lgu: self.lgu.clone(),
            luminosity_lsun: per_ssp.flat_map(|all| kept.iter().map(|i| all[*i])).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three lines on a grid of one metallicity, two ages and three ionization parameters.
    fn lines() -> EmissionLines {
        EmissionLines {
            names: ["Ly-alpha 1215", "[O III] 5007", "Ba-alpha 6563"].map(String::from).to_vec(),
            wave_aa: vec![1215.67, 5008.24, 6564.6],
            lgu: Some(vec![-4.0, -3.0, -2.0]),
            luminosity_lsun: (0..18).map(f64::from).collect(),
        }
    }

    #[test]
    fn subsets_keep_the_order_asked_for_and_the_luminosities_of_each_line() {
        let two = lines().select(&["ba_alpha_6563", "Ly-alpha 1215"]).unwrap();
        assert_eq!(two.names, ["Ba-alpha 6563", "Ly-alpha 1215"]);
        assert_eq!(two.wave_aa, [6564.6, 1215.67]);
        assert_eq!(two.luminosity_lsun[..4], [2.0, 0.0, 5.0, 3.0]);
        two.check(1, 2).unwrap();
        let rest = lines().without(&["O_III_5007"]).unwrap();
        assert_eq!(rest, two.select(&["Ly-alpha 1215", "Ba-alpha 6563"]).unwrap());
        assert_eq!(lines().without::<&str>(&[]).unwrap(), lines());
    }

    #[test]
    fn subsets_of_nothing_or_of_unknown_lines_are_errors() {
        assert!(matches!(lines().select(&["H-beta"]), Err(Error::UnknownName { .. })));
        assert!(matches!(lines().without(&["H-beta"]), Err(Error::UnknownName { .. })));
        let twice = lines().select(&["[O III] 5007", "O_III_5007"]).unwrap_err().to_string();
        assert!(twice.contains("asked for twice"), "{twice}");
        assert!(lines().select::<&str>(&[]).is_err());
        assert!(lines().without(&lines().names).unwrap_err().to_string().contains("none is left"));
    }

    #[test]
    fn every_rule_is_enforced_and_named() {
        type Break = fn(&mut EmissionLines);
        let cases: [(&str, Break); 6] = [
            ("3 names and 2 wavelengths", |l| l.wave_aa.truncate(2)),
            ("0 names and 0 wavelengths", |l| {
                l.names.clear();
                l.wave_aa.clear();
            }),
            ("\"[O III] 5007\" has wavelength NaN", |l| l.wave_aa[1] = f64::NAN),
            ("has 2 values, at least 3", |l| l.lgu = Some(vec![-3.0, -2.0])),
            ("18 values for 1 metallicities x 2 ages x 3", |l| l.lgu = None),
            ("is -1 at ionization parameter 1, metallicity 0, age 0, sample 2", |l| {
                l.luminosity_lsun[8] = -1.0;
            }),
        ];
        for (part, breaks) in cases {
            let mut broken = lines();
            breaks(&mut broken);
            let error = broken.check(1, 2).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
