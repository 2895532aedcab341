//! The age bins of an emulator, which are independent of those of any SSP grid.

use crate::sfh::AgeGrid;

/// Age at which bins stop to be equally wide \[Gyr\], and that at which they stop to be equally wide in
/// the logarithm of age.
const YOUNG_GYR: f64 = 0.005;
const OLD_GYR: f64 = 2.0;

/// Edges of `n` age bins from 0 to `oldest_gyr`: at first equally wide, then in proportion to age, and in
/// the end equally wide again.
pub(super) fn age_edges_gyr(n: usize, oldest_gyr: f64) -> Vec<f64> {
    let count = |age: f64| (1.0 - YOUNG_GYR / OLD_GYR) * (age / YOUNG_GYR).ln_1p() + age / OLD_GYR;
    let edge = |k: usize| {
        let wanted = count(oldest_gyr) * k as f64 / n as f64;
        let (mut lo, mut hi) = (0.0, oldest_gyr);
        for _ in 0..80 {
            let middle = 0.5 * (lo + hi);
            if count(middle) < wanted { lo = middle } else { hi = middle }
        }
        hi
    };
    (0..=n)
        .map(|k| {
            if k == 0 {
                0.0
            } else if k == n {
                oldest_gyr
            } else {
                edge(k)
            }
        })
        .collect()
}

/// The share of each bin's mass in each age of an SSP grid, row-major `[n_bin, n_age]`: masses are spread
/// evenly over the bins, so that cumulative masses are linear between their edges.
pub(super) fn shares_in(edges_gyr: &[f64], ages: &AgeGrid) -> Vec<f64> {
    let mut shares = Vec::new();
    for bin in edges_gyr.windows(2) {
        let below = |age: f64| ((age - bin[0]) / (bin[1] - bin[0])).clamp(0.0, 1.0);
        shares.extend(ages.edges_gyr().windows(2).map(|e| below(e[1]) - below(e[0])));
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_close;

    #[test]
    fn bins_ascend_and_are_fine_where_stars_are_young() {
        for n in [8, 96, 500] {
            let edges = age_edges_gyr(n, 13.8);
            assert_eq!((edges.len(), edges[0], edges[n]), (n + 1, 0.0, 13.8));
            assert!(edges.windows(3).all(|e| e[2] - e[1] > e[1] - e[0]));
        }
        let edges = age_edges_gyr(96, 13.8);
        assert!(edges[1] < 1e-3 && edges[96] - edges[95] < 0.3);
    }

    #[test]
    fn no_mass_is_lost_between_bins_and_ages() {
        let edges = age_edges_gyr(50, 13.8);
        let ages = AgeGrid::new((0..47).map(|i| -3.5 + 0.1 * f64::from(i)).collect()).unwrap();
        let shares = shares_in(&edges, &ages);
        let sums: Vec<f64> = shares.chunks(47).map(|row| row.iter().sum()).collect();
        // Of the first bin, what is younger than the grid has no place in it.
        assert_close(&sums[1..], &[1.0; 49], 1e-12, 0.0);
        assert_close(&sums[..1], &[1.0 - ages.edges_gyr()[0] / edges[1]], 1e-12, 0.0);
    }
}
