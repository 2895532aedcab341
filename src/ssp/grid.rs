//! The SSP grid on the host and its validation.

use std::collections::BTreeMap;

use super::EmissionLines;
use super::block::BlockShape;
use crate::metallicity::MetallicityGrid;
use crate::numerics::check_ascending;
use crate::sfh::AgeGrid;
use crate::{Error, Result};

/// Spectra of simple stellar populations on a grid of metallicity and age, and of the ionization
/// parameter of the gas around the stars where the grid has that axis.
#[derive(Clone, Debug, PartialEq)]
pub struct SspGrid {
    /// Ionization parameters log10 U, `[n_u]`, ascending, when the spectra depend on them.
    pub lgu: Option<Vec<f64>>,
    /// Metallicities.
    pub metallicities: MetallicityGrid,
    /// Ages.
    pub ages: AgeGrid,
    /// Rest-frame vacuum wavelengths \[Angstrom\], `[n_wave]`.
    pub wave_aa: Vec<f64>,
    /// Spectra \[Lsun/Hz per Msun formed\], `[n_u, n_met, n_age, n_wave]`; without `lgu`,
    /// `[n_met, n_age, n_wave]`.
    pub lnu_lsun_hz: Vec<f64>,
    /// Emission lines, when the file has them.
    pub lines: Option<EmissionLines>,
    /// log10 of the ionizing photons per second and solar mass, `[n_met, n_age]`, when known.
    pub lg_q_h: Option<Vec<f64>>,
    /// Source, licence, IMF and other facts as the file states them.
    pub provenance: BTreeMap<String, String>,
}

impl SspGrid {
    /// A validated grid of metallicity and age.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless there are at least three metallicities and ages and two
    /// wavelengths, all ascending; wavelengths are positive; and the flux has one finite,
    /// non-negative value for each of them.
    pub fn new(
        lgmet: Vec<f64>,
        lg_age_gyr: Vec<f64>,
        wave_aa: Vec<f64>,
        lnu_lsun_hz: Vec<f64>,
        provenance: BTreeMap<String, String>,
    ) -> Result<Self> {
        Self::on_axes(None, lgmet, lg_age_gyr, wave_aa, lnu_lsun_hz, provenance)
    }

    /// As [`new`](Self::new), with or without an axis of ionization parameters.
    ///
    /// # Errors
    /// Those of `new`; [`Error::Invalid`] unless there are at least three ionization parameters,
    /// ascending.
    pub fn on_axes(
        lgu: Option<Vec<f64>>,
        lgmet: Vec<f64>,
        lg_age_gyr: Vec<f64>,
        wave_aa: Vec<f64>,
        lnu_lsun_hz: Vec<f64>,
        provenance: BTreeMap<String, String>,
    ) -> Result<Self> {
        if let Some(lgu) = &lgu {
            check_ascending("SSP ionization parameters", lgu, 3)?;
        }
        let metallicities = MetallicityGrid::new(lgmet)?;
        let ages = AgeGrid::new(lg_age_gyr)?;
        check_ascending("SSP wavelengths", &wave_aa, 2)?;
        if wave_aa[0] <= 0.0 {
            return Err(Error::invalid(
                "SSP wavelengths",
                format!("must be positive, the first is {}", wave_aa[0]),
            ));
        }
        let grid = Self {
            lgu,
            metallicities,
            ages,
            wave_aa,
            lnu_lsun_hz,
            lines: None,
            lg_q_h: None,
            provenance,
        };
        grid.flux_shape().check("SSP flux", &grid.lnu_lsun_hz, 0.0)?;
        Ok(grid)
    }

    /// Adds emission lines.
    ///
    /// # Errors
    /// Those of [`EmissionLines::check`]; [`Error::Invalid`] when lines and spectra both depend on
    /// ionization parameters, but on different ones.
    pub fn with_lines(mut self, lines: EmissionLines) -> Result<Self> {
        let (n_met, n_age, _) = self.shape();
        lines.check(n_met, n_age)?;
        if let (Some(flux), Some(line)) = (&self.lgu, &lines.lgu)
            && flux != line
        {
            return Err(Error::invalid(
                "ionization parameters of the emission lines",
                format!("{line:?} are not those of the spectra, {flux:?}"),
            ));
        }
        self.lines = Some(lines);
        Ok(self)
    }

    /// Adds log10 of the ionizing photon rates.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is not one finite value per metallicity and age.
    pub fn with_lg_q_h(mut self, lg_q_h: Vec<f64>) -> Result<Self> {
        let shape = BlockShape { n_u: None, n_last: 1, ..self.flux_shape() };
        shape.check("ionizing photon rate", &lg_q_h, f64::NEG_INFINITY)?;
        self.lg_q_h = Some(lg_q_h);
        Ok(self)
    }

    /// `(n_met, n_age, n_wave)`.
    pub fn shape(&self) -> (usize, usize, usize) {
        (self.metallicities.lgmet().len(), self.ages.lg_age_gyr().len(), self.wave_aa.len())
    }

    /// The ionization parameters log10 U on which spectra or lines depend: galaxies then need
    /// [weights over them](crate::sed::SspWeights::with_ionization).
    pub fn ionization_parameters(&self) -> Option<&[f64]> {
        let of_lines = self.lines.as_ref().and_then(|lines| lines.lgu.as_deref());
        self.lgu.as_deref().or(of_lines)
    }

    pub(super) fn flux_shape(&self) -> BlockShape {
        let (n_met, n_age, n_last) = self.shape();
        BlockShape { n_u: self.lgu.as_ref().map(Vec::len), n_met, n_age, n_last }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::ssp) fn axes() -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        (vec![-3.0, -2.0, -1.5], vec![-2.0, -1.0, 0.0, 1.0], vec![1000.0, 5000.0])
    }

    pub(in crate::ssp) fn grid() -> SspGrid {
        let (met, age, wave) = axes();
        let flux = (0..24).map(|i| 1e-15 * f64::from(i)).collect();
        SspGrid::new(met, age, wave, flux, BTreeMap::from([("source".into(), "test".into())]))
            .unwrap()
    }

    #[test]
    fn every_rule_is_enforced_and_named() {
        type Break = fn(&mut Vec<f64>, &mut Vec<f64>, &mut Vec<f64>, &mut Vec<f64>);
        let cases: [(&str, Break); 6] = [
            ("metallicities: must ascend", |met, _, _, _| met.swap(0, 1)),
            ("ages: value 1 is NaN", |_, age, _, _| age[1] = f64::NAN),
            ("wavelengths: must be positive", |_, _, wave, _| wave[0] = 0.0),
            ("23 values for 3 metallicities x 4 ages x 2", |_, _, _, flux| {
                flux.pop();
            }),
            ("is -1 at metallicity 1, age 2, sample 1", |_, _, _, flux| flux[13] = -1.0),
            ("at least 3", |met, _, _, _| met.truncate(2)),
        ];
        for (part, breaks) in cases {
            let (mut met, mut age, mut wave) = axes();
            let mut flux = vec![1.0; 24];
            breaks(&mut met, &mut age, &mut wave, &mut flux);
            let error =
                SspGrid::new(met, age, wave, flux, BTreeMap::new()).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        assert!(grid().with_lg_q_h(vec![46.0; 11]).is_err());
    }

    #[test]
    fn an_axis_of_ionization_parameters_multiplies_the_flux() {
        let (met, age, wave) = axes();
        let with = |lgu: &[f64], n: usize| {
            let (met, age, wave) = (met.clone(), age.clone(), wave.clone());
            SspGrid::on_axes(Some(lgu.to_vec()), met, age, wave, vec![1.0; n], BTreeMap::new())
        };
        let grid = with(&[-4.0, -3.0, -2.0], 72).unwrap();
        assert_eq!((grid.shape(), grid.flux_shape().axes()), ((3, 4, 2), vec![3, 3, 4, 2]));
        for (lgu, n, part) in [
            (&[-4.0, -3.0][..], 48, "SSP ionization parameters: has 2 values, at least 3"),
            (&[-3.0, -4.0, -2.0], 72, "must ascend"),
            (&[-4.0, -3.0, -2.0], 24, "24 values for 3 ionization parameters x 3 metallicities"),
        ] {
            let error = with(lgu, n).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn lines_may_depend_on_ionization_alone_or_as_the_flux_does() {
        let lines = |lgu: Option<&[f64]>| EmissionLines {
            names: vec!["Ba-alpha 6563".into()],
            wave_aa: vec![6564.72],
            luminosity_lsun: vec![1.0; 12 * lgu.map_or(1, <[f64]>::len)],
            lgu: lgu.map(<[f64]>::to_vec),
        };
        let lgu: &[f64] = &[-4.0, -3.0, -2.0];
        let (met, age, wave) = axes();
        let flux = vec![1.0; 72];
        let ionized =
            SspGrid::on_axes(Some(lgu.to_vec()), met, age, wave, flux, BTreeMap::new()).unwrap();
        for grid in [grid(), ionized.clone()] {
            let plain = grid.clone().with_lines(lines(None)).unwrap();
            assert_eq!(plain.ionization_parameters(), grid.lgu.as_deref());
            let both = grid.with_lines(lines(Some(lgu))).unwrap();
            assert_eq!(both.ionization_parameters(), Some(lgu));
        }
        let error = ionized.with_lines(lines(Some(&[-4.0, -3.0, -1.0]))).unwrap_err().to_string();
        assert!(error.contains("are not those of the spectra"), "{error}");
        assert!(
            grid().with_lines(EmissionLines { lgu: Some(lgu.to_vec()), ..lines(None) }).is_err()
        );
    }
}
