//! Parameter rows, grids and bands that the tests share.

use burn::tensor::Tensor;
use starburn::device::Place;
use starburn::dust::DustModel;
use starburn::filter::{Filter, FilterSet};
use starburn::metallicity::MetallicityModel;
use starburn::nebular::{LineFit, fit_lines};
use starburn::parameters::{Edge, ParamInfo};
use starburn::population::Components;
use starburn::sfh::SfhModel;
use starburn::ssp::{SspGrid, embedded};

/// Three coarse bands: ultraviolet, optical, near infrared.
pub(crate) fn bands() -> FilterSet {
    let band = |name: &str, centre: f64| {
        let wave: Vec<f64> = (0..41).map(|i| centre * (0.88 + 0.006 * f64::from(i))).collect();
        let t = (0..41).map(|i| (f64::from(i) * std::f64::consts::PI / 40.0).sin()).collect();
        Filter::new(name, wave, t, "made for a test").unwrap()
    };
    FilterSet::new(vec![band("uv", 2500.0), band("optical", 6200.0), band("nir", 21000.0)]).unwrap()
}

/// Every fifth age and sixth wavelength of the embedded grid.
pub(crate) fn coarse_grid() -> SspGrid {
    let full = embedded();
    let (n_met, n_age, n_wave) = full.shape();
    let ages: Vec<usize> = (0..n_age).step_by(5).collect();
    let waves: Vec<usize> = (0..n_wave).step_by(6).collect();
    let pick = |all: &[f64], kept: &[usize]| kept.iter().map(|i| all[*i]).collect::<Vec<f64>>();
    let rows: Vec<usize> =
        (0..n_met).flat_map(|j| ages.iter().map(move |i| j * n_age + i)).collect();
    let flux =
        rows.iter().flat_map(|row| pick(&full.lnu_lsun_hz[row * n_wave..][..n_wave], &waves));
    let grid = SspGrid::new(
        full.metallicities.lgmet().to_vec(),
        pick(full.ages.lg_age_gyr(), &ages),
        pick(&full.wave_aa, &waves),
        flux.collect(),
        full.provenance.clone(),
    );
    let lg_q_h = full.lg_q_h.as_ref().unwrap();
    grid.unwrap().with_lg_q_h(pick(lg_q_h, &rows)).unwrap()
}

/// The coarse grid with some lines of the fit.
pub(crate) fn grid_with_lines(names: &[&str]) -> SspGrid {
    let grid = coarse_grid();
    let lines = fit_lines(&grid, LineFit::embedded(), &[-4.0, -3.25, -2.5, -1.75, -1.0]).unwrap();
    grid.with_lines(lines.select(names).unwrap()).unwrap()
}

/// Ingredients such that every model of each kind occurs, and half of the galaxies have lines.
pub(crate) fn choices() -> Vec<Components> {
    let sfh = SfhModel::ALL.iter().enumerate();
    sfh.map(|(i, sfh)| Components {
        sfh: *sfh,
        burst: i % 3 == 0,
        metallicity: MetallicityModel::ALL[i % MetallicityModel::ALL.len()],
        ionization: i % 2 == 0,
        dust: DustModel::ALL[i % DustModel::ALL.len()],
    })
    .collect()
}

/// Rows that fill the parameter box evenly; `margin` keeps them that share of each range away from
/// its ends.
pub(crate) fn box_rows(components: &Components, n: usize, margin: f64) -> Vec<Vec<f64>> {
    let rows = starburn::testing::box_rows(&sampled(components), n, margin);
    rows.iter().for_each(|row| components.check(row).unwrap());
    rows
}

/// The parameters with the ranges that are sampled.
pub(crate) fn sampled(components: &Components) -> Vec<ParamInfo> {
    let mut info = components.info();
    for p in &mut info {
        let (lo, hi) = (&mut p.bound.lo, &mut p.bound.hi);
        // Haloes that host galaxies, and redshifts at which the table has begun.
        match p.name {
            "logm0" => (*lo, *hi) = (Edge::At(9.0), Edge::At(16.0)),
            "redshift" => (*lo, *hi) = (Edge::At(0.001), Edge::At(12.0)),
            "lgmet" | "lgmet_young" | "lgmet_old" => *lo = Edge::At(-5.0),
            _ => {}
        }
    }
    info
}

pub(crate) fn matrix(place: &Place, rows: &[Vec<f64>]) -> Tensor<2> {
    let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    place.rows(&rows)
}
