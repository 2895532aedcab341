//! Band fluxes of emission lines, exact for lines that are narrow against the filter's features.
//!
//! A line of luminosity `L` at rest wavelength `lambda` adds `int T L_nu dlambda / lambda = T L / nu`
//! to the numerator of a band flux, with `nu = c / lambda` and the filter's transmission `T` at
//! `lambda (1 + z)`: no wavelength grid is involved.

use burn::tensor::Tensor;

use super::Bandpasses;
use super::bandpasses::Band;
use crate::device::Place;
use crate::numerics::column;
use crate::numerics::interp::interval_and_share;
use crate::ssp::FLUX_DEX;
use crate::units::C_AA_S;

impl Bandpasses {
    /// Band fluxes of emission lines of the given luminosities \[Lsun per Msun formed\]
    /// (`[n_gal, n_line]`) at rest wavelengths `line_wave_aa` (`[n_line]`), seen at redshift `z`
    /// (`[n_gal]`): `[n_gal, n_filter]`, to be added to those of the continuum by
    /// [`flux_at`](Self::flux_at), in the same units.
    ///
    /// The transmission is linear between the samples of the filter, zero beyond them. Its slope
    /// carries the gradient with respect to redshift.
    pub fn line_flux_at(
        &self,
        luminosity: Tensor<2>,
        line_wave_aa: &[f64],
        z: &Tensor<1>,
    ) -> Tensor<2> {
        let place = Place::of(&luminosity);
        // Scaled as spectra are, against the opposite scale of the response.
        let period: Vec<f64> =
            line_wave_aa.iter().map(|w| w / C_AA_S * 10f64.powf(FLUX_DEX)).collect();
        let light = luminosity * place.row(&period);
        let observed = column(&(z.clone() + 1.0)) * place.row(line_wave_aa);
        let band_flux =
            |band: &Band| (light.clone() * band.response_at(observed.clone())).sum_dim(1);
        Tensor::cat(self.bands.iter().map(band_flux).collect(), 1)
    }

    /// As [`line_flux_at`](Self::line_flux_at) for one redshift shared by all galaxies: a single
    /// matrix product with [`line_projection`](Self::line_projection).
    pub fn line_flux_at_common(
        &self,
        luminosity: Tensor<2>,
        line_wave_aa: &[f64],
        z: f64,
    ) -> Tensor<2> {
        let operator = self.line_projection(line_wave_aa, z);
        let shape = [line_wave_aa.len(), self.bands.len()];
        let operator = Place::of(&luminosity).matrix(&operator, shape);
        luminosity.matmul(operator)
    }

    /// Band fluxes at redshift `z` as a linear operator on line luminosities \[Lsun\], row-major
    /// `[n_line, n_filter]`.
    pub fn line_projection(&self, line_wave_aa: &[f64], z: f64) -> Vec<f64> {
        let response = |w: f64| self.bands.iter().map(move |band| band.response(w * (1.0 + z)));
        line_wave_aa.iter().flat_map(|w| response(*w).map(move |r| r * w / C_AA_S)).collect()
    }
}

impl Band {
    /// Response to light of one observed wavelength \[Hz/Lsun\].
    fn response(&self, wave_aa: f64) -> f64 {
        let (wave, response) = (&self.wave_aa, &self.response);
        let last = wave.len() - 1;
        if !(wave[0]..=wave[last]).contains(&wave_aa) {
            return 0.0;
        }
        let (left, share) = interval_and_share(wave, wave_aa);
        response[left] + share * (response[left + 1] - response[left])
    }

    /// The response in scaled units at observed wavelengths of any shape.
    fn response_at(&self, wave_aa: Tensor<2>) -> Tensor<2> {
        let last = self.wave_aa.len() - 1;
        let blueward = wave_aa.clone().lower_elem(self.wave_aa[0]);
        let redward = wave_aa.clone().greater_elem(self.wave_aa[last]);
        let inside = self.grid.interp(wave_aa, &self.response_scaled);
        inside.mask_fill(blueward.bool_or(redward), 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::{Filter, FilterSet};
    use crate::numerics::integrate::trapezoid_weights;
    use crate::photometry::{AB0_LSUN_HZ, ab_magnitude};
    use crate::sed::LineProfiles;
    use crate::ssp::embedded;
    use crate::testing::{
        assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    const LINES: [f64; 4] = [3728.6, 4862.68, 5008.24, 6564.6];
    const LUMINOSITY: [f64; 4] = [3e-3, 1e-3, 5e-3, 2e-2];
    /// In flat parts of the LSST curves, on their flanks, at their feet, and out of all of them.
    const Z: [f64; 9] = [0.0, 0.055, 0.114, 0.37, 0.393, 0.642, 0.83, 1.1, 25.0];

    fn lsst() -> FilterSet {
        FilterSet::embedded("lsst").unwrap()
    }

    /// Linear interpolation in an ascending table, zero beyond it.
    fn at(x: f64, grid: &[f64], y: &[f64]) -> f64 {
        if x < grid[0] || x > grid[grid.len() - 1] {
            return 0.0;
        }
        let right = grid.partition_point(|g| *g <= x).clamp(1, grid.len() - 1);
        let share = (x - grid[right - 1]) / (grid[right] - grid[right - 1]);
        y[right - 1] * (1.0 - share) + y[right] * share
    }

    /// Band flux of a spectrum by the trapezoid rule on the samples of spectrum and filter together.
    fn brute_force(filter: &Filter, wave: &[f64], lnu_scaled: &[f64], z: f64) -> f64 {
        let (knots, t) = (filter.wave_aa(), filter.transmission());
        let observed: Vec<f64> = wave.iter().map(|w| w * (1.0 + z)).collect();
        let mut union = [knots, &observed].concat();
        union.sort_by(f64::total_cmp);
        let terms = union.iter().zip(trapezoid_weights(&union));
        let flux: f64 =
            terms.map(|(w, c)| c * at(*w, knots, t) * at(*w, &observed, lnu_scaled) / w).sum();
        let norm: f64 =
            knots.iter().zip(trapezoid_weights(knots)).zip(t).map(|((w, c), t)| c * t / w).sum();
        flux * 10f64.powf(-FLUX_DEX) / (AB0_LSUN_HZ * norm)
    }

    #[test]
    fn lines_painted_into_spectra_have_the_same_photometry() {
        for_each_f64_place(|place| {
            let wave = &embedded().wave_aa;
            let bands = Bandpasses::new(&lsst(), wave, place);
            let profiles = LineProfiles::new(wave, &LINES, 1.0, place).unwrap();
            for k in 0..LINES.len() {
                let mut one = [0.0; 4];
                one[k] = LUMINOSITY[k];
                let painted = values(profiles.lines(place.row(&one)));
                for z in Z {
                    let exact = values(bands.line_flux_at_common(place.row(&one), &LINES, z));
                    for (filter, exact) in lsst().filters().iter().zip(exact) {
                        let want = brute_force(filter, profiles.wave_aa(), &painted, z);
                        // 1e-4 mag, and what six dispersions can leak over the end of a curve.
                        assert_close(&[exact], &[want], 9e-5, 1e-9 * want.max(1e-3));
                    }
                }
            }
        });
    }

    #[test]
    fn redshifts_by_galaxy_and_in_common_agree() {
        for_each_place(|place| {
            let bands = Bandpasses::new(&lsst(), &embedded().wave_aa, place);
            let rows = [&LUMINOSITY[..]; Z.len()];
            let by_row = values(bands.line_flux_at(place.rows(&rows), &LINES, &place.vector(&Z)));
            let common: Vec<f64> = Z
                .iter()
                .flat_map(|z| values(bands.line_flux_at_common(place.row(&LUMINOSITY), &LINES, *z)))
                .collect();
            assert_close(&by_row, &common, place.tolerance(1e-12, 1e-5), 1e-7);
            assert!(by_row.iter().all(|flux| flux.is_finite() && *flux >= 0.0));
            // At the last redshift every line is redward of every filter.
            assert_eq!(&by_row[by_row.len() - 6..], [0.0; 6]);
        });
    }

    #[test]
    fn a_top_hat_shares_the_light_over_its_width_in_frequency() {
        let curve = Filter::new("hat", vec![4900.0, 5000.0, 5100.0], vec![1.0; 3], "test").unwrap();
        let filters = FilterSet::new(vec![curve]).unwrap();
        for_each_place(|place| {
            let bands = Bandpasses::new(&filters, &embedded().wave_aa, place);
            let light = place.rows(&[&[2.0], &[2.0], &[2.0]]);
            // Within, on the end, and beyond.
            let z = place.vector(&[0.0, 5100.0 / 5000.0 - 1.0 - 1e-5, 0.03]);
            let got = values(bands.line_flux_at(light, &[5000.0], &z));
            let norm = 50.0 / 4900.0 + 100.0 / 5000.0 + 50.0 / 5100.0;
            let want = 2.0 * 5000.0 / C_AA_S / (AB0_LSUN_HZ * norm);
            assert_close(&got, &[want, want, 0.0], place.tolerance(1e-12, 1e-5), 0.0);
        });
    }

    #[test]
    fn gradients_of_luminosity_and_redshift() {
        for_each_f64_place(|place| {
            let bands = Bandpasses::new(&lsst(), &embedded().wave_aa, place);
            // Columns: two luminosities, redshift; on flanks, and away from samples of the filters.
            let rows = [&[1.0, 2.0, 0.12246][..], &[0.5, 0.0, 0.37122], &[3.0, 1.0, 0.83248]];
            assert_jacobian(&rows, 1e-6, place, |p| {
                let z = p.clone().narrow(1, 2, 1).squeeze_dim(1);
                let light = p.narrow(1, 0, 2);
                bands.line_flux_at(light, &[5008.24, 6564.6], &z)
            });
        });
    }

    #[test]
    fn a_dark_band_has_no_nan_gradient() {
        for_each_place(|place| {
            let bands = Bandpasses::new(&lsst(), &embedded().wave_aa, place);
            let p = place.row(&[1.0, 25.0]);
            let result = crate::numerics::jacobian::jacobian(&p, |p| {
                let z = p.clone().narrow(1, 1, 1).squeeze_dim(1);
                Ok(ab_magnitude(bands.line_flux_at(p.narrow(1, 0, 1), &[5008.24], &z)))
            })
            .unwrap();
            assert_eq!(values(result.jacobian), [0.0; 12]);
        });
    }
}
