//! Filters prepared for a wavelength grid: band fluxes as weighted sums over spectra.

use burn::tensor::Tensor;

use super::AB0_LSUN_HZ;
use crate::device::Place;
use crate::filter::FilterSet;
use crate::numerics::column;
use crate::numerics::integrate::trapezoid_weights;
use crate::numerics::interp::InterpGrid;

/// Filters on a device, ready to integrate spectra on one rest-frame wavelength grid.
#[derive(Clone, Debug)]
pub struct Bandpasses {
    names: Vec<String>,
    /// Rest-frame wavelengths of the spectra [Angstrom].
    wave_aa: Vec<f64>,
    grid: InterpGrid,
    /// All samples of all filters, one after the other [Angstrom].
    samples_aa: Vec<f64>,
    /// Row-major `[n_sample, n_filter]`: quadrature weights over the AB normalisation.
    quadrature: Vec<f64>,
    samples: Tensor<2>,
    quadrature_tensor: Tensor<2>,
}

impl Bandpasses {
    /// Prepares `filters` for spectra on `wave_aa` (`[n_wave]`, ascending).
    pub fn new(filters: &FilterSet, wave_aa: &[f64], place: &Place) -> Self {
        let n_filter = filters.filters().len();
        let mut samples_aa = Vec::new();
        let mut quadrature = Vec::new();
        for (k, filter) in filters.filters().iter().enumerate() {
            let weights: Vec<f64> = trapezoid_weights(filter.wave_aa())
                .iter()
                .zip(filter.wave_aa())
                .zip(filter.transmission())
                .map(|((c, w), t)| c * t / w)
                .collect();
            let norm = AB0_LSUN_HZ * weights.iter().sum::<f64>();
            for weight in weights {
                let row = quadrature.len();
                quadrature.resize(row + n_filter, 0.0);
                quadrature[row + k] = weight / norm;
            }
            samples_aa.extend_from_slice(filter.wave_aa());
        }
        let shape = [samples_aa.len(), n_filter];
        Self {
            names: filters.names().map(str::to_owned).collect(),
            wave_aa: wave_aa.to_vec(),
            grid: InterpGrid::new(wave_aa, place),
            samples: place.row(&samples_aa),
            // f32 has no room for 1/AB0 times a small weight and the spectrum's scale together, so
            // the tensor carries the AB zero point per scaled flux unit.
            quadrature_tensor: place.matrix(&scaled(&quadrature), shape),
            samples_aa,
            quadrature,
        }
    }

    /// Names of the filters, in the order of every output.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Band fluxes of rest-frame spectra `[n_gal, n_wave]` seen at redshift `z` (`[n_gal]`),
    /// `[n_gal, n_filter]`: spectra in the scaled units of [`crate::ssp::SspTensors`] give AB
    /// maggies at 10 pc per unit of the spectrum, without dimming by distance.
    pub fn flux_at(&self, spectrum: Tensor<2>, z: &Tensor<1>) -> Tensor<2> {
        let rest = self.samples.clone() / column(&(z.clone() + 1.0));
        let seen = self.grid.interp_rows_or_zero(rest, spectrum);
        seen.matmul(self.quadrature_tensor.clone())
    }

    /// As [`flux_at`](Self::flux_at) for one redshift shared by all galaxies: a single matrix
    /// product with [`projection`](Self::projection).
    pub fn flux_at_common(&self, spectrum: Tensor<2>, z: f64) -> Tensor<2> {
        let place = Place::of(&spectrum);
        let shape = [self.wave_aa.len(), self.names.len()];
        spectrum.matmul(place.matrix(&scaled(&self.projection(z)), shape))
    }

    /// Band fluxes at redshift `z` as a linear operator on spectra [Lsun/Hz], row-major
    /// `[n_wave, n_filter]`: the adjoint of interpolation followed by quadrature.
    pub fn projection(&self, z: f64) -> Vec<f64> {
        let n_filter = self.names.len();
        let last = self.wave_aa.len() - 1;
        let mut operator = vec![0.0; self.wave_aa.len() * n_filter];
        for (sample, weights) in self.samples_aa.iter().zip(self.quadrature.chunks(n_filter)) {
            let rest = sample / (1.0 + z);
            if !(self.wave_aa[0]..=self.wave_aa[last]).contains(&rest) {
                continue;
            }
            let right = self.wave_aa.partition_point(|w| *w <= rest).clamp(1, last);
            let (a, b) = (self.wave_aa[right - 1], self.wave_aa[right]);
            let share = (rest - a) / (b - a);
            for (k, weight) in weights.iter().enumerate() {
                operator[(right - 1) * n_filter + k] += weight * (1.0 - share);
                operator[right * n_filter + k] += weight * share;
            }
        }
        operator
    }
}

/// Quadrature weights per scaled flux unit: `10^FLUX_DEX` is taken out, so weights are of order
/// one and the spectrum's scale cancels.
fn scaled(weights: &[f64]) -> Vec<f64> {
    let scale = 10f64.powf(-crate::ssp::FLUX_DEX);
    weights.iter().map(|w| w * scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosmology::{CosmologyValues, Quadrature};
    use crate::filter::Filter;
    use crate::photometry::ab_magnitude;
    use crate::ssp::FLUX_DEX;
    use crate::testing::{assert_close, assert_jacobian, for_each_f64_place, for_each_place, values};

    fn linspace(lo: f64, hi: f64, n: u32) -> Vec<f64> {
        (0..n).map(|i| lo + (hi - lo) * f64::from(i) / f64::from(n - 1)).collect()
    }

    fn filter() -> FilterSet {
        let wave = linspace(5370.0, 7060.0, 1690);
        let t = wave.iter().map(|w| (-(w - 6200.0).powi(2) / (2.0 * 300.0 * 300.0)).exp()).collect();
        FilterSet::new(vec![Filter::new("gaussian", wave, t, "made for a test").unwrap()]).unwrap()
    }

    /// Scaled spectrum of the reference values.
    fn spectrum() -> (Vec<f64>, Vec<f64>) {
        let wave = linspace(900.0, 20000.0, 3000);
        let flux = wave
            .iter()
            .map(|w| 1e-14 * (w / 5000.0f64).powf(-0.7) * (1.0 + 0.3 * (w / 57.0).sin()))
            .map(|l| l * 10f64.powf(FLUX_DEX))
            .collect();
        (wave, flux)
    }

    #[test]
    fn reference_values() {
        let (wave, flux) = spectrum();
        for_each_f64_place(|place| {
            let bands = Bandpasses::new(&filter(), &wave, place);
            let seen = |z: f64| {
                let by_row = bands.flux_at(place.rows(&[&flux]), &place.vector(&[z]));
                let by_matrix = bands.flux_at_common(place.rows(&[&flux]), z);
                assert_close(&values(by_matrix), &values(by_row.clone()), 1e-12, 0.0);
                values(ab_magnitude(by_row))[0]
            };
            let z = place.vector(&[0.8]);
            let modulus = CosmologyValues::PLANCK15.at(place, Quadrature::Dsps).distance_modulus(&z);
            let observed = seen(0.8) + values(modulus)[0] - 2.5 * 1.8f64.log10();
            let got = [seen(0.0), observed, seen(0.1)];
            let want = [2.79705218504162, 45.2817088338692, 2.72565853612748];
            assert_close(&got, &want, 0.0, 1e-7);
        });
    }

    #[test]
    fn beyond_the_spectrum_there_is_no_light() {
        let (wave, flux) = spectrum();
        for_each_place(|place| {
            let bands = Bandpasses::new(&filter(), &wave, place);
            let flux = bands.flux_at(place.rows(&[&flux]), &place.vector(&[9.0]));
            assert_eq!(values(flux), [0.0]);
        });
    }

    #[test]
    fn gradients_with_respect_to_redshift_and_spectrum() {
        let coarse = linspace(3000.0, 9000.0, 25);
        for_each_f64_place(|place| {
            let bands = Bandpasses::new(&filter(), &coarse, place);
            let mut row = linspace(1.0, 3.0, 25);
            row.push(0.317);
            assert_jacobian(&[&row], 1e-6, place, |p| {
                let z = p.clone().narrow(1, 25, 1).squeeze_dim(1);
                ab_magnitude(bands.flux_at(p.narrow(1, 0, 25), &z))
            });
        });
    }
}
