//! Photometry of populations without spectra.
//!
//! For galaxies seen at one time, every step from star formation rates at look-back nodes to the band
//! fluxes of each metallicity is linear, so all of it is one precomputed matrix: per galaxy a few rates,
//! one small matrix product and a sum over metallicities. Dust is taken at a few wavelengths per band,
//! between which its transmission is linear.

use burn::tensor::Tensor;

use super::{Components, Frame, GalaxyParams, ModelSettings};
use crate::cosmology::Cosmology;
use crate::device::{Place, to_host};
use crate::dust::{DustModel, DustParams};
use crate::filter::FilterSet;
use crate::metallicity::{MetallicityGrid, MetallicityModel, MetallicityWeights};
use crate::numerics::{column, is_dark, log10};
use crate::photometry::{Bandpasses, ab_magnitude};
use crate::sfh::{LookbackNodes, SfhContext, SfhModel, SfhParams};
use crate::ssp::SspGrid;
use crate::{Error, Result};

/// When a population is seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// Redshift of the observer's frame; without meaning in the rest frame.
    pub redshift: f64,
    /// Cosmic time \[Gyr\].
    pub t_obs_gyr: f64,
}

/// Magnitudes and masses of a batch of galaxies.
#[derive(Clone, Debug)]
pub struct BandPrediction {
    /// AB magnitudes in the model's frame, `[n_gal, n_filter]`.
    pub magnitudes: Tensor<2>,
    /// log10 of the stellar mass ever formed \[Msun\], `[n_gal]`.
    pub lg_mass_formed: Tensor<1>,
}

/// The light of a batch of galaxies by metallicity, before dust.
#[derive(Clone, Debug)]
pub struct BandStars {
    /// `[n_gal, n_met * n_filter * n_dust]`.
    light: Tensor<2>,
    /// Mass in the age bins of the grid \[Msun\], `[n_gal, 1]`.
    in_bins: Tensor<2>,
    /// log10 of the stellar mass ever formed \[Msun\], `[n_gal]`.
    pub lg_mass_formed: Tensor<1>,
}

/// The forward model for populations at one epoch.
///
/// Galaxies have a history that can be evaluated at any time, one metallicity distribution for all
/// their stars, and one dust screen.
#[derive(Clone, Debug)]
pub struct BandModel {
    settings: ModelSettings,
    grid: SspGrid,
    place: Place,
    epoch: Epoch,
    names: Vec<String>,
    /// Wavelengths at which dust is taken \[micrometre\], `[n_filter * n_dust]`, filter slowest.
    dust_um: Vec<f64>,
    /// From rates \[Msun/yr\] at the nodes to band fluxes, `[n_node, n_met * n_filter * n_dust + 2]`; the
    /// last two columns are the mass in the age bins and the mass ever formed.
    light: Tensor<2>,
    /// What turns absolute into apparent magnitudes.
    dimming: f64,
}

impl BandModel {
    /// Prepares `n_dust` wavelengths per band; one evaluates dust at the middle of each band.
    ///
    /// # Errors
    /// [`Error::Invalid`] for components that need more than this model has, for lines, and for no
    /// wavelength of dust; [`Error::OutOfRange`] for an epoch at which galaxies cannot be observed.
    pub fn new(
        grid: &SspGrid,
        filters: &FilterSet,
        settings: ModelSettings,
        epoch: Epoch,
        n_dust: usize,
        place: &Place,
    ) -> Result<Self> {
        check(&settings, epoch, n_dust)?;
        let z = match settings.frame {
            Frame::Rest => 0.0,
            Frame::Observed => epoch.redshift,
        };
        let bands = Bandpasses::new(filters, &grid.wave_aa, place);
        let names: Vec<String> = bands.names().iter().map(|name| (*name).to_owned()).collect();
        let projection = bands.projection(z);
        let (dust_um, columns) = split(&projection, &grid.wave_aa, names.len(), n_dust);
        let cosmology: Cosmology = settings.cosmology.at(place, settings.quadrature);
        let dimming = match settings.frame {
            Frame::Rest => 0.0,
            Frame::Observed => {
                let modulus = to_host(cosmology.distance_modulus(&place.vector(&[z])))?;
                modulus[0] - 2.5 * (1.0 + z).log10()
            }
        };
        Ok(Self {
            light: light_of_nodes(grid, &settings.nodes, epoch.t_obs_gyr, &columns, place),
            grid: grid.clone(),
            place: place.clone(),
            settings,
            epoch,
            names,
            dust_um,
            dimming,
        })
    }

    /// Names of the filters, in the order of the magnitudes.
    pub fn filter_names(&self) -> &[String] {
        &self.names
    }

    /// Ingredients of the galaxies, which decide their parameters.
    pub fn components(&self) -> &Components {
        &self.settings.components
    }

    /// Device and precision of every prediction.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Magnitudes and masses. Redshift and time of observation are those of the epoch.
    ///
    /// # Errors
    /// [`Error::Invalid`] for galaxies of other components than the model's.
    pub fn predict(&self, galaxies: &GalaxyParams) -> Result<BandPrediction> {
        if galaxies.components() != *self.components() {
            return Err(Error::invalid("galaxies", "have other components than the model"));
        }
        let stars = self.stars(&galaxies.sfh)?;
        let grid = &self.grid;
        let t_obs = self.t_obs_gyr(stars.lg_mass_formed.dims()[0]);
        let metallicity = galaxies.metallicity.weights(
            &stars.lg_mass_formed,
            &t_obs,
            &grid.metallicities,
            &grid.ages,
        );
        let MetallicityWeights::Common(metallicity) = metallicity else {
            unreachable!("the components were checked");
        };
        let magnitudes = self.magnitudes(&stars, metallicity, Some(&galaxies.dust));
        Ok(BandPrediction { magnitudes, lg_mass_formed: stars.lg_mass_formed })
    }

    /// Light per metallicity and mass of galaxies with the given histories.
    ///
    /// # Errors
    /// None for a valid model.
    pub fn stars(&self, sfh: &SfhParams) -> Result<BandStars> {
        let ModelSettings { age_weights, times, nodes, lgt0, fb, .. } = &self.settings;
        let n_gal = sfh.columns().first().map_or(0, |column| column.dims()[0]);
        let t_obs = self.t_obs_gyr(n_gal);
        let context = SfhContext {
            t_ref_gyr: &t_obs,
            method: *age_weights,
            times,
            nodes,
            lgt0: *lgt0,
            fb: *fb,
        };
        let all = sfh.sfr_at_nodes(&context, &t_obs)?.matmul(self.light.clone());
        let n_light = all.dims()[1] - 2;
        Ok(BandStars {
            in_bins: all.clone().narrow(1, n_light, 1),
            lg_mass_formed: log10(all.clone().narrow(1, n_light + 1, 1).squeeze_dim(1)),
            light: all.narrow(1, 0, n_light),
        })
    }

    /// Magnitudes of stars with the given weights over metallicity (`[n_gal, n_met]`), behind dust if
    /// there is any.
    pub fn magnitudes(
        &self,
        stars: &BandStars,
        metallicity: Tensor<2>,
        dust: Option<&DustParams>,
    ) -> Tensor<2> {
        let [n_gal, n_met] = metallicity.dims();
        let n_light = stars.light.dims()[1] / n_met;
        let by_metallicity = stars.light.clone().reshape([n_gal, n_met, n_light]);
        let mut light: Tensor<2> =
            (by_metallicity * metallicity.unsqueeze_dim::<3>(2)).sum_dim(1).squeeze_dim(1);
        if let Some(dust) = dust {
            light = light * dust.transmission(&self.settings.dust_law, &self.dust_um, 0.0);
        }
        let n_filter = self.names.len();
        if n_light > n_filter {
            light = light.reshape([n_gal, n_filter, n_light / n_filter]).sum_dim(2).squeeze_dim(2);
        }
        // Light per unit of mass in the age bins, times all the mass, as everywhere.
        let per_msun = light / stars.in_bins.clone();
        let dark = is_dark(&per_msun);
        let offset = column(&stars.lg_mass_formed) * -2.5 + self.dimming;
        (ab_magnitude(per_msun) + offset).mask_fill(dark, f64::INFINITY)
    }

    /// The metallicities of the SSP grid.
    pub fn metallicities(&self) -> &MetallicityGrid {
        &self.grid.metallicities
    }

    fn t_obs_gyr(&self, n_gal: usize) -> Tensor<1> {
        self.place.vector(&[self.epoch.t_obs_gyr]).expand([n_gal])
    }
}

fn check(settings: &ModelSettings, epoch: Epoch, n_dust: usize) -> Result<()> {
    let Components { sfh, burst, metallicity, dust, .. } = settings.components;
    let invalid = |reason: &str| Err(Error::invalid("band model", reason));
    if burst || sfh == SfhModel::Piecewise {
        return invalid("histories with bursts or steps are not known by their rates at nodes");
    }
    if metallicity == MetallicityModel::AgeDependent {
        return invalid("metallicity must be the same for stars of all ages");
    }
    if dust != DustModel::Screen {
        return invalid("dust must be one screen");
    }
    if settings.lines || n_dust == 0 {
        return invalid("it has no emission lines, and at least one wavelength of dust per band");
    }
    let in_time = epoch.t_obs_gyr > 0.01 && epoch.t_obs_gyr <= 20.0;
    let in_space = settings.frame == Frame::Rest || epoch.redshift > 0.0;
    if !(in_time && in_space) {
        return Err(Error::OutOfRange {
            what: format!("epoch at redshift {}: time of observation", epoch.redshift),
            value: epoch.t_obs_gyr,
            allowed: "(0.01, 20] Gyr, at a redshift above zero".into(),
        });
    }
    Ok(())
}

/// Splits the projection `[n_wave, n_filter]` of each band with hat functions over `n_dust` wavelengths:
/// the wavelengths \[micrometre\] and the projection `[n_wave, n_filter * n_dust]`.
fn split(
    projection: &[f64],
    wave_aa: &[f64],
    n_filter: usize,
    n_dust: usize,
) -> (Vec<f64>, Vec<f64>) {
    let mut centres_um = Vec::new();
    let mut columns = vec![0.0; wave_aa.len() * n_filter * n_dust];
    for filter in 0..n_filter {
        let weight = |i: usize| projection[i * n_filter + filter];
        let total: f64 = (0..wave_aa.len()).map(weight).sum();
        // The wavelengths at equal shares of the band's response, between its tails.
        let at_share = |share: f64| {
            let mut sum = 0.0;
            let found = wave_aa.iter().enumerate().find(|(i, _)| {
                sum += weight(*i);
                sum >= share * total
            });
            found.map_or(wave_aa[wave_aa.len() - 1], |(_, w)| *w)
        };
        let (lo, hi) = (at_share(0.01), at_share(0.99));
        let centre = |q: usize| match n_dust {
            1 => 0.5 * (lo + hi),
            _ => lo + (hi - lo) * q as f64 / (n_dust - 1) as f64,
        };
        for (i, w) in wave_aa.iter().enumerate() {
            let place = if hi > lo { (w - lo) / (hi - lo) * (n_dust - 1) as f64 } else { 0.0 };
            let place = place.clamp(0.0, (n_dust - 1) as f64);
            let left = (place.floor() as usize).min(n_dust.saturating_sub(2));
            let share = place - left as f64;
            let row = (i * n_filter + filter) * n_dust;
            columns[row + left] += weight(i) * (1.0 - share);
            if n_dust > 1 {
                columns[row + left + 1] += weight(i) * share;
            }
        }
        centres_um.extend((0..n_dust).map(|q| centre(q) / 1e4));
    }
    (centres_um, columns)
}

/// The matrix from rates at the nodes to light and mass; see [`BandModel`].
fn light_of_nodes(
    grid: &SspGrid,
    nodes: &LookbackNodes,
    t_obs_gyr: f64,
    columns: &[f64],
    place: &Place,
) -> Tensor<2> {
    let (n_met, n_age, n_wave) = grid.shape();
    let n_column = columns.len() / n_wave;
    let operator = nodes.operator(t_obs_gyr, &grid.ages);
    let n_node = operator.total.len();
    // Light of every SSP, `[n_met * n_age, n_column]`.
    let ssp: Vec<f64> = grid
        .lnu_lsun_hz
        .chunks(n_wave)
        .flat_map(|lnu| {
            let mut light = vec![0.0; n_column];
            for (l, row) in lnu.iter().zip(columns.chunks(n_column)) {
                light.iter_mut().zip(row).for_each(|(sum, c)| *sum += l * c);
            }
            light
        })
        .collect();
    let width = n_met * n_column + 2;
    let mut matrix = vec![0.0; n_node * width];
    for (row, masses) in matrix.chunks_mut(width).zip(operator.per_bin.chunks(n_age)) {
        for (j, block) in ssp.chunks(n_age * n_column).enumerate() {
            let row = &mut row[j * n_column..][..n_column];
            for (mass, light) in masses.iter().zip(block.chunks(n_column)) {
                row.iter_mut().zip(light).for_each(|(sum, l)| *sum += mass * l);
            }
        }
        row[width - 2] = masses.iter().sum();
    }
    for (row, total) in matrix.chunks_mut(width).zip(&operator.total) {
        row[width - 1] = *total;
    }
    place.matrix(&matrix, [n_node, width])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::population::GalaxyModel;
    use crate::ssp::embedded;
    use crate::testing::{assert_close, assert_jacobian, box_rows, for_each_place, values};

    const EPOCH: Epoch = Epoch { redshift: 0.4, t_obs_gyr: 9.4 };

    /// Rows over the box of the parameters, with moderate dust.
    fn rows(components: &Components, n: usize, av_max: f64) -> Vec<Vec<f64>> {
        let mut info = components.info();
        for p in &mut info {
            use crate::parameters::Edge;
            match p.name {
                "logm0" => p.bound.lo = Edge::At(11.0),
                "av" => p.bound.hi = Edge::At(av_max),
                "dust_slope" => (p.bound.lo, p.bound.hi) = (Edge::At(-0.8), Edge::At(0.4)),
                "dust_bump" => p.bound.hi = Edge::At(3.0),
                _ => {}
            }
        }
        box_rows(&info, n, 0.1)
    }

    fn settings(frame: Frame) -> ModelSettings {
        ModelSettings { frame, ..ModelSettings::default() }
    }

    /// Magnitudes of the band model and of the full spectra.
    fn both(frame: Frame, n_dust: usize, av_max: f64, place: &Place) -> (Vec<f64>, Vec<f64>) {
        let filters = FilterSet::embedded("lsst").unwrap();
        let fast =
            BandModel::new(embedded(), &filters, settings(frame), EPOCH, n_dust, place).unwrap();
        let full = GalaxyModel::new(embedded(), &filters, settings(frame), place).unwrap();
        let mut rows = rows(full.components(), 20, av_max);
        let z = full.components().index("redshift").unwrap();
        rows.iter_mut().for_each(|row| row[z] = EPOCH.redshift);
        let matrix: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        let t_obs = place.vector(&[EPOCH.t_obs_gyr; 20]);
        let galaxies = full.components().galaxies(&place.rows(&matrix), Some(t_obs)).unwrap();
        let seen = fast.predict(&galaxies).unwrap();
        let want = full.predict(&galaxies).unwrap();
        let mass = place.tolerance(1e-12, 1e-5);
        assert_close(&values(seen.lg_mass_formed), &values(want.lg_mass_formed), 0.0, mass);
        (values(seen.magnitudes), values(want.magnitudes))
    }

    #[test]
    fn without_dust_bands_are_those_of_the_spectra() {
        for_each_place(|place| {
            for frame in [Frame::Rest, Frame::Observed] {
                let (fast, full) = both(frame, 1, 0.0, place);
                assert_close(&fast, &full, 0.0, place.tolerance(1e-9, 2e-4));
            }
        });
    }

    #[test]
    fn dust_converges_with_the_number_of_wavelengths() {
        for_each_place(|place| {
            let worst = |n_dust| {
                let (fast, full) = both(Frame::Observed, n_dust, 2.0, place);
                fast.iter().zip(&full).map(|(a, b)| (a - b).abs()).fold(0.0f64, f64::max)
            };
            let errors = [1, 2, 4, 8].map(worst);
            assert!(errors.windows(2).all(|pair| pair[1] < pair[0]), "{errors:?}");
            assert!(errors[2] < 3e-3 && errors[3] < 1e-3, "{errors:?}");
        });
    }

    #[test]
    fn gradients_of_every_parameter() {
        let filters = FilterSet::embedded("lsst").unwrap();
        crate::testing::for_each_f64_place(|place| {
            let model =
                BandModel::new(embedded(), &filters, settings(Frame::Rest), EPOCH, 3, place)
                    .unwrap();
            let rows = rows(model.components(), 2, 2.0);
            let n = rows[0].len() - 1;
            // The redshift is that of the epoch.
            let physics: Vec<&[f64]> = rows.iter().map(|row| &row[..n]).collect();
            assert_jacobian(&physics, 1e-6, place, |p| {
                let all = Tensor::cat(vec![p.clone(), p.narrow(1, 0, 1).ones_like()], 1);
                let galaxies = model.components().galaxies(&all, None).unwrap();
                let seen = model.predict(&galaxies).unwrap();
                Tensor::cat(vec![seen.magnitudes, column(&seen.lg_mass_formed)], 1)
            });
        });
    }

    #[test]
    fn what_it_cannot_do_is_said() {
        let filters = FilterSet::embedded("lsst").unwrap();
        let place = &crate::testing::places(crate::device::Precision::F64)[0];
        let build = |components, epoch, n_dust| {
            let settings = ModelSettings { components, ..settings(Frame::Observed) };
            BandModel::new(embedded(), &filters, settings, epoch, n_dust, place).map(|_| ())
        };
        let plain = Components::default();
        for (components, part) in [
            (Components { burst: true, ..plain }, "bursts"),
            (Components { sfh: SfhModel::Piecewise, ..plain }, "steps"),
            (Components { metallicity: MetallicityModel::AgeDependent, ..plain }, "all ages"),
            (Components { dust: DustModel::TwoComponent, ..plain }, "one screen"),
        ] {
            let error = build(components, EPOCH, 1).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        assert!(build(plain, EPOCH, 0).is_err());
        assert!(build(plain, Epoch { redshift: 0.0, ..EPOCH }, 1).is_err());
        assert!(build(plain, Epoch { t_obs_gyr: -1.0, ..EPOCH }, 1).is_err());
    }
}
