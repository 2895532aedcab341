//! Parameter rows, grids and bands that the tests share.

use burn::tensor::Tensor;
use starburn::device::Place;
use starburn::filter::{Filter, FilterSet};
use starburn::parameters::Edge;
use starburn::population::Components;
use starburn::ssp::{SspGrid, embedded};

/// Three coarse bands: ultraviolet, optical, near infrared.
pub fn bands() -> FilterSet {
    let band = |name: &str, centre: f64| {
        let wave: Vec<f64> = (0..41).map(|i| centre * (0.88 + 0.006 * f64::from(i))).collect();
        let t = (0..41).map(|i| (f64::from(i) * std::f64::consts::PI / 40.0).sin()).collect();
        Filter::new(name, wave, t, "made for a test").unwrap()
    };
    FilterSet::new(vec![band("uv", 2500.0), band("optical", 6200.0), band("nir", 21000.0)]).unwrap()
}

/// Every fifth age and sixth wavelength of the embedded grid.
pub fn coarse_grid() -> SspGrid {
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

/// The first `n` primes.
fn primes(n: usize) -> Vec<u32> {
    let is_prime = |p: &u32| (2..*p).take_while(|d| d * d <= *p).all(|d| !p.is_multiple_of(d));
    (2..).filter(is_prime).take(n).collect()
}

/// Rows that fill the parameter box evenly; `margin` keeps them that share of each range away from
/// its ends.
pub fn box_rows(components: &Components, n: usize, margin: f64) -> Vec<Vec<f64>> {
    let info = components.info();
    let primes = primes(info.len());
    let row = |i: usize| {
        let mut row: Vec<f64> = Vec::new();
        for (j, p) in info.iter().enumerate() {
            // Multiples of square roots of primes, modulo one.
            let share = (f64::from(primes[j]).sqrt() * (i + 1) as f64).fract();
            let edge = |edge: Edge, row: &[f64]| match edge {
                Edge::At(v) => v,
                Edge::Param(name, offset) => {
                    let k = info.iter().position(|p| p.name == name).unwrap();
                    // A later parameter is at its default so far.
                    row.get(k).copied().unwrap_or(info[k].default) + offset
                }
            };
            let (mut lo, mut hi) = (edge(p.bound.lo, &row), edge(p.bound.hi, &row));
            // Haloes that host galaxies, and redshifts at which the table has begun.
            match p.name {
                "logm0" => (lo, hi) = (9.0, 16.0),
                "late_index" => hi = info[j - 1].default,
                "redshift" => (lo, hi) = (0.001, 12.0),
                "lgmet" | "lgmet_young" | "lgmet_old" => lo = -5.0,
                _ => {}
            }
            row.push(lo + (hi - lo) * (margin + (1.0 - 2.0 * margin) * share));
        }
        // early_index was drawn against the default late_index; keep it above the drawn one.
        if let Ok(early) = components.index("early_index") {
            row[early] = row[early].max(row[early + 1]);
        }
        components.check(&row).unwrap();
        row
    };
    (0..n).map(row).collect()
}

pub fn matrix(place: &Place, rows: &[Vec<f64>]) -> Tensor<2> {
    let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    place.rows(&rows)
}
