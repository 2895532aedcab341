//! Filters prepared for a wavelength grid: band fluxes as weighted sums over spectra.

use burn::tensor::{Int, Tensor};

use super::AB0_LSUN_HZ;
use crate::device::Place;
use crate::filter::FilterSet;
use crate::numerics::column;
use crate::numerics::integrate::trapezoid_weights;
use crate::numerics::interp::{InterpGrid, gather_1d, interval_and_share};

/// Filters on a device, ready to integrate spectra on one rest-frame wavelength grid.
#[derive(Clone, Debug)]
pub struct Bandpasses {
    pub(super) bands: Vec<Band>,
    grid: InterpGrid,
    /// The grid's points, the last one moved up by what f32 resolves, so that a sample on the
    /// spectrum's red end counts.
    ends: Tensor<1>,
}

#[derive(Clone, Debug)]
pub(super) struct Band {
    name: String,
    /// Wavelengths of the filter curve \[Angstrom\].
    pub(super) wave_aa: Vec<f64>,
    /// Transmission over the AB normalisation \[Hz/Lsun\].
    pub(super) response: Vec<f64>,
    /// The same for the scaled units of the SSP grid.
    pub(super) response_scaled: Tensor<1>,
    /// Quadrature weights over the AB normalisation, for spectra in Lsun/Hz.
    pub(super) weights: Vec<f64>,
    /// The wavelengths, to be searched.
    pub(super) grid: InterpGrid,
    /// Sum of the weights of the first `j` samples, `[n + 1]`, for spectra in the scaled units of
    /// the SSP grid: the scale cancels that of the AB zero point, which f32 has no room for.
    sum_weight: Tensor<1>,
    /// The same for weight times wavelength.
    sum_weight_wave: Tensor<1>,
    /// The largest number of spectrum intervals that the filter overlaps at any redshift.
    n_intervals: usize,
}

impl Bandpasses {
    /// Prepares `filters` for spectra on `wave_aa` (`[n_wave]`, ascending).
    pub fn new(filters: &FilterSet, wave_aa: &[f64], place: &Place) -> Self {
        let bands = filters
            .filters()
            .iter()
            .map(|filter| {
                let products: Vec<f64> = trapezoid_weights(filter.wave_aa())
                    .iter()
                    .zip(filter.wave_aa())
                    .zip(filter.transmission())
                    .map(|((c, w), t)| c * t / w)
                    .collect();
                let norm = AB0_LSUN_HZ * products.iter().sum::<f64>();
                let weights: Vec<f64> = products.iter().map(|w| w / norm).collect();
                let response: Vec<f64> = filter.transmission().iter().map(|t| t / norm).collect();
                let scaled = per_scaled_unit(&weights);
                let moment: Vec<f64> =
                    scaled.iter().zip(filter.wave_aa()).map(|(c, w)| c * w).collect();
                Band {
                    name: filter.name().to_owned(),
                    wave_aa: filter.wave_aa().to_vec(),
                    response_scaled: place.vector(&per_scaled_unit(&response)),
                    response,
                    weights,
                    grid: InterpGrid::new(filter.wave_aa(), place),
                    sum_weight: place.vector(&running_sum(&scaled)),
                    sum_weight_wave: place.vector(&running_sum(&moment)),
                    n_intervals: largest_overlap(wave_aa, filter.wave_aa()),
                }
            })
            .collect();
        let mut ends = wave_aa.to_vec();
        if let Some(last) = ends.last_mut() {
            *last *= 1.0 + 1e-6;
        }
        Self { bands, grid: InterpGrid::new(wave_aa, place), ends: place.vector(&ends) }
    }

    /// Names of the filters, in the order of every output.
    pub fn names(&self) -> Vec<&str> {
        self.bands.iter().map(|band| band.name.as_str()).collect()
    }

    /// Names, wavelengths \[Angstrom\] and responses of the filters' samples.
    pub fn samples(&self) -> impl Iterator<Item = (&str, &[f64], &[f64])> {
        self.bands.iter().map(|band| (band.name.as_str(), &band.wave_aa[..], &band.response[..]))
    }

    /// The `k`-th filter alone.
    pub fn only(&self, k: usize) -> Self {
        Self { bands: vec![self.bands[k].clone()], ..self.clone() }
    }

    /// Band fluxes of rest-frame spectra `[n_gal, n_wave]` seen at redshift `z` (`[n_gal]`),
    /// `[n_gal, n_filter]`: spectra in the scaled units of [`crate::ssp::SspTensors`] give AB
    /// maggies at 10 pc per solar mass, without dimming by distance.
    ///
    /// Within one interval `[X_s, X_{s+1}]` of the spectrum's grid the spectrum is a line, so the
    /// filter samples in it contribute `L_s (W0 - S) + L_{s+1} S`, with the sums `W0`, `W1` of their
    /// weights and of weight times wavelength and `S = (W1 / (1 + z) - X_s W0) / (X_{s+1} - X_s)`.
    /// Running sums over the filter give both from the samples' counts at the ends of the interval,
    /// so the cost is that of the spectrum's sampling, however fine the filter's.
    pub fn flux_at(&self, spectrum: Tensor<2>, z: &Tensor<1>) -> Tensor<2> {
        let stretch = column(&(z.clone() + 1.0));
        let (n_gal, last) = (z.dims()[0], self.grid.points().len() as i64 - 1);
        let device = spectrum.device().without_autodiff();
        let band_flux = |band: &Band| {
            let m = band.n_intervals;
            // Knots of the spectrum from the second one left of the filter, so that rounding cannot
            // lose the first sample, to the one right of it.
            let first = self.grid.interval(&(stretch.clone().recip() * band.wave_aa[0])) - 1;
            let offset = Tensor::<1, Int>::arange(0..m as i64 + 1, &device).unsqueeze::<2>();
            let shape = [n_gal, m + 1];
            let knot = (first.clamp_min(0).expand(shape) + offset.expand(shape)).clamp_max(last);
            // Knots beyond the last repeat it and enclose nothing.
            let before = band.grid.count_below(&(gather_1d(&self.ends, &knot) * stretch.clone()));
            let enclosed = |sums: &Tensor<1>| {
                let sums = gather_1d(sums, &before);
                sums.clone().narrow(1, 1, m) - sums.narrow(1, 0, m)
            };
            let (w0, w1) = (enclosed(&band.sum_weight), enclosed(&band.sum_weight_wave));
            let left = knot.narrow(1, 0, m).clamp_max(last - 1);
            let from_left = w1 / stretch.clone() - self.grid.at(&left) * w0.clone();
            let share = within(from_left / self.grid.widths_at(&left), &w0);
            let level = spectrum.clone().gather(1, left.clone());
            let next = spectrum.clone().gather(1, left + 1);
            (level * (w0 - share.clone()) + next * share).sum_dim(1)
        };
        Tensor::cat(self.bands.iter().map(band_flux).collect(), 1)
    }

    /// As [`flux_at`](Self::flux_at) for one redshift shared by all galaxies: a single matrix
    /// product with [`projection`](Self::projection).
    pub fn flux_at_common(&self, spectrum: Tensor<2>, z: f64) -> Tensor<2> {
        let operator = per_scaled_unit(&self.projection(z));
        let shape = [self.grid.points().len(), self.bands.len()];
        let operator = Place::of(&spectrum).matrix(&operator, shape);
        spectrum.matmul(operator)
    }

    /// Band fluxes at redshift `z` as a linear operator on spectra \[Lsun/Hz\], row-major
    /// `[n_wave, n_filter]`: the adjoint of interpolation followed by quadrature.
    pub fn projection(&self, z: f64) -> Vec<f64> {
        let grid = self.grid.points();
        let (n_filter, last) = (self.bands.len(), grid.len() - 1);
        let mut operator = vec![0.0; grid.len() * n_filter];
        for (k, band) in self.bands.iter().enumerate() {
            for (wave, weight) in band.wave_aa.iter().zip(&band.weights) {
                let rest = wave / (1.0 + z);
                if !(grid[0]..=grid[last]).contains(&rest) {
                    continue;
                }
                let (left, share) = interval_and_share(grid, rest);
                operator[left * n_filter + k] += weight * (1.0 - share);
                operator[(left + 1) * n_filter + k] += weight * share;
            }
        }
        operator
    }
}

/// Clamps `x` to `[0, limit]` in value only: rounding can push it out by much where an interval is
/// narrow, but the derivative is right.
fn within(x: Tensor<2>, limit: &Tensor<2>) -> Tensor<2> {
    let value = x.clone().without_autodiff();
    let limit = limit.clone().without_autodiff();
    let clamped = value.clone().clamp_min(0.0).min_pair(limit);
    x + (clamped - value)
}

/// `sum_{i < j} x_i` for `j = 0 ..= n`.
fn running_sum(x: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    std::iter::once(0.0)
        .chain(x.iter().map(|x| {
            sum += x;
            sum
        }))
        .collect()
}

/// The largest number of intervals of `grid` that the span of `filter` can touch when it is shifted
/// to any redshift.
fn largest_overlap(grid: &[f64], filter: &[f64]) -> usize {
    let span = filter[filter.len() - 1] / filter[0];
    let reach = |s: usize| grid.partition_point(|w| *w <= grid[(s + 1).min(grid.len() - 1)] * span);
    // One more interval on the left; see `Bandpasses::flux_at`.
    let longest = (0..grid.len() - 1).map(|s| reach(s) - s + 1).max();
    longest.unwrap_or(1).min(grid.len() - 1)
}

/// Weights for spectra that are multiplied by `10^FLUX_DEX`.
fn per_scaled_unit(weights: &[f64]) -> Vec<f64> {
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
    use crate::testing::{
        assert_close, assert_jacobian, for_each_f64_place, for_each_place, values,
    };

    fn linspace(lo: f64, hi: f64, n: u32) -> Vec<f64> {
        (0..n).map(|i| lo + (hi - lo) * f64::from(i) / f64::from(n - 1)).collect()
    }

    fn filter() -> FilterSet {
        let wave = linspace(5370.0, 7060.0, 1690);
        let t =
            wave.iter().map(|w| (-(w - 6200.0).powi(2) / (2.0 * 300.0 * 300.0)).exp()).collect();
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
            let modulus =
                CosmologyValues::PLANCK15.at(place, Quadrature::Dsps).distance_modulus(&z);
            let observed = seen(0.8) + values(modulus)[0] - 2.5 * 1.8f64.log10();
            let got = [seen(0.0), observed, seen(0.1)];
            let want = [2.79705218504162, 45.2817088338692, 2.72565853612748];
            assert_close(&got, &want, 0.0, 1e-7);
        });
    }

    #[test]
    fn samples_on_knots_of_the_spectrum_count_once() {
        let knots = [2000.0, 2565.0, 2750.0, 3000.0];
        for_each_place(|place| {
            // Whichever way rounding moves the first sample, which lies on the second knot.
            for i in 0..60 {
                let z = 0.37 + 0.0713 * f64::from(i);
                let wave = [2565.0, 2750.0, 3000.0].map(|w| w * (1.0 + z)).to_vec();
                let curve = Filter::new("top_hat", wave, vec![1.0; 3], "made for a test").unwrap();
                let filters = FilterSet::new(vec![curve]).unwrap();
                let bands = Bandpasses::new(&filters, &knots, place);
                let flux = place.rows(&[&[1.0, 5.0, 2.0, 7.0]]);
                let got = values(bands.flux_at(flux, &place.vector(&[z])));
                // Trapezoid weights over wavelength, times the spectrum at the knots.
                let weights = [185.0 / 2565.0, 435.0 / 2750.0, 250.0 / 3000.0];
                let norm: f64 = weights.iter().sum();
                let light = 5.0 * weights[0] + 2.0 * weights[1] + 7.0 * weights[2];
                let want = light / norm / AB0_LSUN_HZ * 1e-14;
                assert_close(&got, &[want], place.tolerance(1e-11, 1e-5), 0.0);
            }
        });
    }

    #[test]
    fn nearly_coincident_knots_do_not_spoil_single_precision() {
        // The embedded grid has knots at 912.4 and 912.40009 Angstrom, and at these redshifts a
        // filter sample falls between them.
        use crate::device::Precision;
        use crate::ssp::{SspTensors, embedded};
        let filters = FilterSet::embedded("lsst").unwrap();
        let z = [2.9927659, 5.8117056];
        let magnitudes = |place: &Place| {
            let bands = Bandpasses::new(&filters, &embedded().wave_aa, place);
            let young = SspTensors::new(embedded(), place).lnu_scaled.narrow(0, 440, 2);
            values(ab_magnitude(bands.flux_at(young, &place.vector(&z))))
        };
        for exact in crate::testing::places(Precision::F64) {
            for single in crate::testing::places(Precision::F32) {
                assert_close(&magnitudes(&single), &magnitudes(&exact), 0.0, 1e-3);
            }
        }
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
