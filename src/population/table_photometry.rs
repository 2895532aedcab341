//! Magnitudes of galaxies without spectra, whatever they are made of: the age axis is kept until the
//! dust of each age has acted, but only at a few wavelengths per band.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::Tensor;

use super::redshift_slices::RedshiftSlices;
use crate::Result;
use crate::device::Place;
use crate::dust::{DustLaw, DustParams, DustWaves};
use crate::photometry::{BandTable, BandTabulator, TableSettings};
use crate::sed::SspWeights;
use crate::sfh::AgeGrid;

/// Numbers per chunk of galaxies when light is kept by age and wavelength.
const CHUNK_SIZE: usize = 1 << 16;

/// Photometry from tables, which are made when the first galaxy needs them and kept.
///
/// Copies share their tables.
#[derive(Clone, Debug)]
pub(super) struct TablePhotometry {
    tabulator: Arc<BandTabulator>,
    settings: TableSettings,
    law: DustLaw,
    place: Place,
    blocks: Vec<Block>,
    /// Age of the youngest stars of each group that sees the same dust, log10 yr.
    lg_age_yr: Vec<f64>,
    /// By the numbers of [`TableSettings::table_below`].
    tables: Arc<Mutex<BTreeMap<i64, Table>>>,
    /// The only filter that is wanted.
    only: Option<usize>,
}

/// Neighbouring groups of equally many ages; in a group, all stars see the same dust.
#[derive(Clone, Debug)]
struct Block {
    ages: Range<usize>,
    n_group: usize,
}

/// A table on the device.
#[derive(Clone, Debug)]
struct Table {
    /// For each block, `[n_group, n_component * n_age_of_group, n_column]`.
    light: Vec<Tensor<3>>,
    /// Wavelengths of the columns.
    waves: DustWaves,
}

impl TablePhotometry {
    /// Photometry of stars whose ages see the same dust in the given groups.
    ///
    /// # Errors
    /// Those of [`TableSettings::check`].
    pub(super) fn new(
        tabulator: BandTabulator,
        settings: TableSettings,
        law: DustLaw,
        age_groups: &[Range<usize>],
        ages: &AgeGrid,
        place: &Place,
    ) -> Result<Self> {
        settings.check()?;
        let lg_age = ages.lg_age_yr();
        Ok(Self {
            tabulator: Arc::new(tabulator),
            settings,
            law,
            place: place.clone(),
            blocks: blocks(age_groups),
            lg_age_yr: age_groups.iter().map(|group| lg_age[group.start]).collect(),
            tables: Arc::default(),
            only: None,
        })
    }

    /// The `k`-th filter alone, with the same tables.
    pub(super) fn only(&self, k: usize) -> Self {
        Self { only: Some(k), ..self.clone() }
    }

    /// Band fluxes in the rest frame, AB maggies at 10 pc per solar mass formed, `[n_gal, n_filter]`.
    pub(super) fn flux_at_rest(&self, weights: &SspWeights, dust: &DustParams) -> Tensor<2> {
        let table = self.table(0);
        let weights = self.by_block(weights.joint.clone(), weights.ionization.clone());
        self.in_chunks(dust, |galaxies| (table.light(&weights, galaxies), table.waves.clone()))
    }

    /// Band fluxes at redshifts `z` (`[n_gal]`), without dimming by distance: linear between the
    /// redshifts of the tables.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) when the device cannot deliver the redshifts.
    pub(super) fn flux_at(
        &self,
        weights: &SspWeights,
        dust: &DustParams,
        z: &Tensor<1>,
    ) -> Result<Tensor<2>> {
        let slices = RedshiftSlices::new(z, &self.settings)?;
        let tables: BTreeMap<i64, Table> =
            slices.tables.iter().map(|number| (*number, self.table(*number))).collect();
        let waves = DustWaves::stack(tables.values().map(|table| table.waves.clone()).collect());
        let (below, above) = (waves.select(&slices.below), waves.select(&slices.above));
        let waves = below.between(&above, &slices.share);
        let ionization = weights.ionization.clone().map(|x| slices.sorted(x));
        let weights = self.by_block(slices.sorted(weights.joint.clone()), ionization);
        let dust = dust.map(|x| slices.sorted(x));
        let flux = self.in_chunks(&dust, |galaxies| {
            let (start, len) = (galaxies.start, galaxies.len());
            let part = |step: i64| {
                let parts = slices.among(galaxies.clone());
                let parts = parts.map(|(key, part)| tables[&(key + step)].light(&weights, part));
                Tensor::cat(parts.collect(), 1)
            };
            let (below, above) = (part(0), part(1));
            let share = slices.share.clone().narrow(0, start, len).unsqueeze_dim::<3>(0);
            (below.clone() + (above - below) * share, waves.of_galaxies(start, len))
        });
        Ok(slices.unsorted(flux))
    }

    /// Adds up the light `[n_group, n_gal, n_column]` of runs of galaxies at their wavelengths, dimmed by
    /// dust: `[n_gal, n_filter]`. Runs are short enough for caches.
    fn in_chunks(
        &self,
        dust: &DustParams,
        light: impl Fn(Range<usize>) -> (Tensor<3>, DustWaves),
    ) -> Tensor<2> {
        let n_gal = dust.columns().first().map_or(0, |column| column.dims()[0]);
        let n_dust = self.tabulator.n_dust();
        let per_galaxy = self.lg_age_yr.len() * self.tabulator.n_column();
        let chunk = (CHUNK_SIZE / per_galaxy).max(16);
        let flux = (0..n_gal).step_by(chunk).map(|start| {
            let len = chunk.min(n_gal - start);
            let (light, waves) = light(start..start + len);
            let dust = dust.map(|x| x.narrow(0, start, len));
            let through = dust.transmission_of(&self.law, &waves, &self.lg_age_yr);
            let all = (light.swap_dims(0, 1) * through).sum_dim(1);
            let n_column = all.dims()[2];
            all.reshape([len, n_column / n_dust, n_dust]).sum_dim(2).squeeze_dim(2)
        });
        Tensor::cat(flux.collect(), 0)
    }

    /// Weights over components and ages, by block `[n_group, n_gal, n_component * n_age_of_group]`.
    fn by_block(&self, joint: Tensor<2>, ionization: Option<Tensor<2>>) -> Vec<Tensor<3>> {
        let n_gal = joint.dims()[0];
        let n_age = self.blocks.last().map_or(0, |block| block.ages.end);
        let n_component = self.tabulator.n_component();
        let all = match ionization {
            Some(ionization) => ionization.unsqueeze_dim::<3>(2) * joint.unsqueeze_dim::<3>(1),
            None => joint.unsqueeze_dim(1),
        };
        let all: Tensor<3> = all.reshape([n_gal, n_component, n_age]);
        let of_block = |block: &Block| {
            let (start, len) = (block.ages.start, block.ages.len());
            let run = all.clone().narrow(2, start, len);
            if block.n_group == 1 {
                return run.reshape([1, n_gal, n_component * len]);
            }
            let in_group = len / block.n_group;
            run.reshape([n_gal, n_component, block.n_group, in_group])
                .permute([2, 0, 1, 3])
                .reshape([block.n_group, n_gal, n_component * in_group])
        };
        self.blocks.iter().map(of_block).collect()
    }

    /// The table of a number, for the filters that are wanted.
    fn table(&self, number: i64) -> Table {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let table = tables.entry(number).or_insert_with(|| self.made(number)).clone();
        let Some(k) = self.only else { return table };
        let n_dust = self.tabulator.n_dust();
        Table {
            light: table.light.into_iter().map(|l| l.narrow(2, k * n_dust, n_dust)).collect(),
            waves: table.waves.narrow(k * n_dust, n_dust),
        }
    }

    fn made(&self, number: i64) -> Table {
        let BandTable { light, dust_um } =
            self.tabulator.table(self.settings.table_redshift(number));
        let n_column = self.tabulator.n_column();
        let n_age = self.blocks.last().map_or(0, |block| block.ages.end);
        let of_block = |block: &Block| {
            let in_group = block.ages.len() / block.n_group;
            let mut values = Vec::with_capacity(light.len());
            for group in 0..block.n_group {
                let first = block.ages.start + group * in_group;
                for component in light.chunks(n_age * n_column) {
                    values.extend(&component[first * n_column..][..in_group * n_column]);
                }
            }
            let rows = self.tabulator.n_component() * in_group;
            let all = self.place.matrix(&values, [block.n_group * rows, n_column]);
            all.reshape([block.n_group, rows, n_column])
        };
        Table {
            light: self.blocks.iter().map(of_block).collect(),
            waves: self.law.waves(&dust_um, &self.place),
        }
    }
}

impl Table {
    /// Light before dust of a run of the galaxies with weights by block, `[n_group, n_gal, n_column]`.
    fn light(&self, weights: &[Tensor<3>], galaxies: Range<usize>) -> Tensor<3> {
        let of_block = |(weights, light): (&Tensor<3>, &Tensor<3>)| {
            let weights = weights.clone().narrow(1, galaxies.start, galaxies.len());
            weights.matmul(light.clone())
        };
        Tensor::cat(weights.iter().zip(&self.light).map(of_block).collect(), 0)
    }
}

/// Gathers neighbouring groups that have equally many ages.
fn blocks(groups: &[Range<usize>]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for group in groups {
        match blocks.last_mut() {
            Some(block) if block.ages.len() / block.n_group == group.len() => {
                block.ages.end = group.end;
                block.n_group += 1;
            }
            _ => blocks.push(Block { ages: group.clone(), n_group: 1 }),
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Precision;
    use crate::dust::DustModel;
    use crate::filter::FilterSet;
    use crate::metallicity::MetallicityModel;
    use crate::nebular::{LineFit, fit_lines};
    use crate::parameters::Edge;
    use crate::photometry::Photometry;
    use crate::population::{Components, Frame, GalaxyModel, ModelSettings};
    use crate::sfh::SfhModel;
    use crate::ssp::{SspGrid, embedded};
    use crate::testing::{
        assert_close, assert_f32_jacobian, assert_jacobian, box_rows, for_each_f64_place,
        for_each_place, places, values,
    };

    fn lsst() -> FilterSet {
        FilterSet::embedded("lsst").unwrap()
    }

    /// The embedded grid with lines that depend on ionization.
    fn grid_with_lines() -> SspGrid {
        let fit = LineFit::embedded();
        let lines = fit_lines(embedded(), fit, &[-4.0, -2.5, -1.0]).unwrap();
        let lines = lines.select(&["[O II] 3726", "[O III] 5007", "Ba-alpha 6563"]).unwrap();
        embedded().clone().with_lines(lines).unwrap()
    }

    /// Rows over the box of the parameters with moderate dust, at redshifts from 0.05 to 3.
    fn rows(components: &Components, n: usize, av_max: f64) -> Vec<Vec<f64>> {
        let mut info = components.info();
        for p in &mut info {
            let (lo, hi) = (&mut p.bound.lo, &mut p.bound.hi);
            match p.name {
                "logm0" => *lo = Edge::At(11.0),
                "av_boost" => {}
                name if name.starts_with("av") => *hi = Edge::At(av_max),
                name if name.starts_with("dust_slope") => {
                    (*lo, *hi) = (Edge::At(-0.8), Edge::At(0.4));
                }
                "dust_bump" => *hi = Edge::At(3.0),
                "redshift" => (*lo, *hi) = (Edge::At(0.05), Edge::At(3.0)),
                "lgmet" | "lgmet_young" | "lgmet_old" => *lo = Edge::At(-3.0),
                _ => {}
            }
        }
        box_rows(&info, n, 0.0)
    }

    fn settings(components: Components, frame: Frame, lines: bool) -> ModelSettings {
        ModelSettings { components, frame, lines, ..ModelSettings::default() }
    }

    fn with_tables(settings: &ModelSettings, n_dust: usize, spacing: f64) -> ModelSettings {
        let tables = TableSettings { n_dust, spacing, redshift: 0.4 };
        ModelSettings { photometry: Photometry::Tables, tables, ..settings.clone() }
    }

    fn magnitudes(
        settings: ModelSettings,
        grid: &SspGrid,
        rows: &[Vec<f64>],
        place: &Place,
    ) -> Vec<f64> {
        let model = GalaxyModel::new(grid, &lsst(), settings, place).unwrap();
        let matrix: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        let galaxies = model.components().galaxies(&place.rows(&matrix), None).unwrap();
        values(model.predict(&galaxies).unwrap().magnitudes)
    }

    /// Median and largest difference \[mag\].
    fn errors(got: &[f64], want: &[f64]) -> [f64; 2] {
        let mut off: Vec<f64> = got.iter().zip(want).map(|(g, w)| (g - w).abs()).collect();
        off.sort_by(f64::total_cmp);
        [off[off.len() / 2], off[off.len() - 1]]
    }

    fn shown(errors: &[[f64; 2]]) -> String {
        let one = |[median, worst]: &[f64; 2]| format!("{median:.1e} {worst:.1e}");
        errors.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    fn dusty(dust: DustModel) -> Components {
        Components { dust, ..Components::default() }
    }

    /// Every kind of ingredient.
    fn choices() -> [Components; 4] {
        let plain = Components::default();
        let [lognormal, age_dependent, by_mass] = [
            MetallicityModel::Lognormal,
            MetallicityModel::AgeDependent,
            MetallicityModel::MassMetallicity,
        ];
        [
            Components { burst: true, metallicity: lognormal, ..plain },
            Components {
                metallicity: age_dependent,
                dust: DustModel::AgeDependent,
                sfh: SfhModel::Piecewise,
                ..plain
            },
            Components { metallicity: by_mass, dust: DustModel::YoungBoost, ..plain },
            Components { metallicity: age_dependent, dust: DustModel::TwoComponent, ..plain },
        ]
    }

    #[test]
    fn without_dust_tables_are_the_spectra_at_their_redshifts() {
        for_each_place(|place| {
            for components in choices() {
                for (frame, grid) in
                    [(Frame::Rest, &grid_with_lines()), (Frame::Observed, embedded())]
                {
                    let full = settings(components, frame, grid.lines.is_some());
                    let model = GalaxyModel::new(grid, &lsst(), full.clone(), place).unwrap();
                    let mut rows = rows(model.components(), 8, 0.0);
                    let z = model.components().index("redshift").unwrap();
                    rows.iter_mut().for_each(|row| row[z] = 0.4);
                    let got = magnitudes(with_tables(&full, 2, 0.01), grid, &rows, place);
                    let want = magnitudes(full, grid, &rows, place);
                    assert_close(&got, &want, 0.0, place.tolerance(1e-9, 1e-3));
                }
            }
        });
    }

    #[test]
    fn galaxies_of_a_light_cone_keep_their_order_whatever_their_company() {
        for_each_place(|place| {
            for components in choices() {
                let full = settings(components, Frame::Observed, false);
                let rows = rows(&components, 12, 1.5);
                let all = magnitudes(with_tables(&full, 4, 0.01), embedded(), &rows, place);
                let each: Vec<f64> = rows
                    .chunks(1)
                    .flat_map(|row| magnitudes(with_tables(&full, 4, 0.01), embedded(), row, place))
                    .collect();
                assert_close(&all, &each, 0.0, place.tolerance(1e-11, 5e-4));
                let want = magnitudes(full, embedded(), &rows, place);
                let [median, worst] = errors(&all, &want);
                assert!(median < 5e-4 && worst < 0.03, "{components:?} {median:e} {worst:e}");
            }
        });
    }

    #[test]
    fn errors_fall_with_the_number_of_dust_wavelengths() {
        let place = &places(Precision::F64)[0];
        for dust in [DustModel::Screen, DustModel::AgeDependent] {
            for (grid, lines) in [(embedded(), false), (&grid_with_lines(), true)] {
                let full = settings(dusty(dust), Frame::Observed, lines);
                let model = GalaxyModel::new(grid, &lsst(), full.clone(), place).unwrap();
                let mut rows = rows(model.components(), 60, 2.0);
                let z = model.components().index("redshift").unwrap();
                rows.iter_mut().for_each(|row| row[z] = 0.4);
                let want = magnitudes(full.clone(), grid, &rows, place);
                let of =
                    |n| errors(&magnitudes(with_tables(&full, n, 0.01), grid, &rows, place), &want);
                let all = [1, 2, 4, 8].map(of);
                eprintln!("{dust}, lines {lines}: {}", shown(&all));
                assert!(all[2][0] < 3e-4 && all[2][1] < 6e-3, "{all:?}");
                assert!(all[3][0] < 1e-4 && all[3][1] < 2e-3, "{all:?}");
            }
        }
    }

    #[test]
    fn errors_fall_with_the_spacing_of_redshifts() {
        let place = &places(Precision::F64)[0];
        for (dust, av_max) in [(DustModel::Screen, 0.0), (DustModel::Screen, 2.0)] {
            for (grid, lines) in [(embedded(), false), (&grid_with_lines(), true)] {
                let full = settings(dusty(dust), Frame::Observed, lines);
                let model = GalaxyModel::new(grid, &lsst(), full.clone(), place).unwrap();
                let rows = rows(model.components(), 300, av_max);
                let want = magnitudes(full.clone(), grid, &rows, place);
                let of = |spacing| {
                    let got = magnitudes(with_tables(&full, 8, spacing), grid, &rows, place);
                    errors(&got, &want)
                };
                let all = [0.05, 0.02, 0.01, 0.005].map(of);
                eprintln!("A_V < {av_max}, lines {lines}: {}", shown(&all));
                assert!(all[2][0] < 3e-4 && all[2][1] < 0.02, "{all:?}");
                assert!(all[3][0] < all[1][0] && all[1][0] < all[0][0], "{all:?}");
            }
        }
    }

    #[test]
    fn single_precision_agrees_with_double() {
        for components in choices() {
            let tables = with_tables(&settings(components, Frame::Observed, false), 4, 0.01);
            let rows: Vec<Vec<f64>> = rows(&components, 30, 2.0)
                .iter()
                .map(|row| row.iter().map(|v| f64::from(*v as f32)).collect())
                .collect();
            let at = |place: &Place| magnitudes(tables.clone(), embedded(), &rows, place);
            let want = at(&places(Precision::F64)[0]);
            for single in places(Precision::F32) {
                let [median, worst] = errors(&at(&single), &want);
                eprintln!("{components:?} {single}: {median:.1e} {worst:.1e}");
                assert!(median < 2e-5 && worst < 2e-3, "{median} {worst}");
            }
        }
    }

    #[test]
    fn gradients_of_every_parameter() {
        let grid = grid_with_lines();
        let predict = |model: &GalaxyModel, p: &Tensor<2>| {
            let galaxies = model.components().galaxies(p, None).unwrap();
            model.predict(&galaxies).unwrap().magnitudes
        };
        for components in choices() {
            let tables = with_tables(&settings(components, Frame::Observed, true), 2, 0.05);
            let build =
                |place: &Place| GalaxyModel::new(&grid, &lsst(), tables.clone(), place).unwrap();
            let components = *build(&places(Precision::F64)[0]).components();
            let mut rows = rows(&components, 3, 1.5);
            for p in &mut rows {
                // Away from the ends of the box, where parameters are limited.
                p.iter_mut().for_each(|v| *v += 1e-3);
            }
            let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
            for_each_f64_place(|place| {
                let model = build(place);
                assert_jacobian(&rows, 1e-6, place, |p| predict(&model, &p));
                // Band by band it is the same.
                let wrt: Vec<usize> = (0..rows[0].len()).collect();
                let by_band = model.jacobian(&place.rows(&rows), None, &wrt).unwrap();
                let at_once = crate::numerics::jacobian::jacobian(&place.rows(&rows), |p| {
                    Ok(predict(&model, &p))
                })
                .unwrap();
                assert_close(&values(by_band.jacobian), &values(at_once.jacobian), 1e-9, 1e-12);
            });
            assert_f32_jacobian(&rows, 2e-2, |p| predict(&build(&Place::of(&p)), &p));
        }
    }

    #[test]
    fn copies_share_their_tables() {
        let place = &places(Precision::F64)[0];
        let tables = with_tables(&settings(Components::default(), Frame::Observed, false), 1, 0.01);
        let model = GalaxyModel::new(embedded(), &lsst(), tables, place).unwrap();
        let copy = model.clone();
        let rows = [model.components().row(&[("redshift", 0.4)]).unwrap()];
        let galaxies = model.components().galaxies(&place.rows(&[&rows[0]]), None).unwrap();
        copy.predict(&galaxies).unwrap();
        let made = |model: &GalaxyModel| {
            model
                .tables
                .as_ref()
                .unwrap()
                .tables
                .lock()
                .unwrap()
                .keys()
                .copied()
                .collect::<Vec<_>>()
        };
        assert_eq!(made(&model), [0, 1]);
        assert_eq!(made(&model), made(&copy));
    }

    #[test]
    fn a_band_without_light_is_dark_and_has_no_nan_gradient() {
        for_each_place(|place| {
            let tables =
                with_tables(&settings(Components::default(), Frame::Observed, false), 4, 0.05);
            let filters = FilterSet::embedded("galex_fuv").unwrap();
            let model = GalaxyModel::new(embedded(), &filters, tables, place).unwrap();
            let row = model.components().row(&[("redshift", 25.0)]).unwrap();
            let wrt: Vec<usize> = (0..row.len()).collect();
            let j = model.jacobian(&place.row(&row), None, &wrt).unwrap();
            assert_eq!(values(j.values), [f64::INFINITY]);
            assert!(values(j.jacobian).iter().all(|v| v.is_finite()));
        });
    }

    #[test]
    fn tmp_timing() {
        use crate::device::Place;
        let n = 256;
        for precision in [Precision::F32, Precision::F64] {
            let place = &Place::open("flex", precision).unwrap();
            for (dust, metallicity, lines) in [
                (DustModel::Screen, MetallicityModel::Lognormal, false),
                (DustModel::AgeDependent, MetallicityModel::Lognormal, false),
                (DustModel::YoungBoost, MetallicityModel::AgeDependent, false),
                (DustModel::TwoComponent, MetallicityModel::Lognormal, false),
                (DustModel::AgeDependent, MetallicityModel::Lognormal, true),
            ] {
                let components = Components { dust, metallicity, ..Components::default() };
                for frame in [Frame::Rest, Frame::Observed] {
                    let grid = if lines { &grid_with_lines() } else { embedded() };
                    let full = settings(components, frame, lines);
                    let fast = with_tables(&full, 4, 0.01);
                    let mut out = format!("{precision} {dust} lines {lines} {frame}");
                    for settings in [fast] {
                        let model = GalaxyModel::new(grid, &lsst(), settings, place).unwrap();
                        let rows = rows(model.components(), n, 1.5);
                        let matrix: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
                        let galaxies =
                            model.components().galaxies(&place.rows(&matrix), None).unwrap();
                        let stars = model.stars(&galaxies).unwrap();
                        let once = || {
                            let t = std::time::Instant::now();
                            values(model.observe(&stars, &galaxies).magnitudes);
                            t.elapsed().as_secs_f64() / n as f64 * 1e6
                        };
                        let first = once();
                        let slow = first > 1000.0
                            && !matches!(model.settings().photometry, Photometry::Tables);
                        let best = if slow {
                            first
                        } else {
                            (0..40).map(|_| once()).fold(f64::INFINITY, f64::min)
                        };
                        let wrt: Vec<usize> = (0..model.components().names().len()).collect();
                        let jac = || {
                            let t = std::time::Instant::now();
                            let m = place.rows(&matrix[..128]);
                            values(model.jacobian(&m, None, &wrt).unwrap().jacobian);
                            t.elapsed().as_secs_f64() / 128.0 * 1e6
                        };
                        let jac = (0..3).map(|_| jac()).fold(f64::INFINITY, f64::min);
                        out += &format!(" | jac {jac:.0}");
                        let t = std::time::Instant::now();
                        let _ = values(model.stars(&galaxies).unwrap().lg_mass_formed);
                        let stars_us = t.elapsed().as_secs_f64() / n as f64 * 1e6;
                        out += &format!(" | {best:.1} us (first {first:.0}, stars {stars_us:.0})");
                    }
                    eprintln!("{out}");
                }
            }
        }
    }

    #[test]
    fn settings_out_of_range_are_errors() {
        let place = &places(Precision::F64)[0];
        let full = settings(Components::default(), Frame::Observed, false);
        for (n_dust, spacing) in [(0, 0.01), (65, 0.01), (4, 0.0)] {
            let tables = with_tables(&full, n_dust, spacing);
            assert!(GalaxyModel::new(embedded(), &lsst(), tables, place).is_err());
        }
    }
}
