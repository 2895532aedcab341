//! Random numbers that depend on counters only, so that no order or chunking of work changes them.

use std::f64::consts::TAU;

/// A number in `[0, 1)` for the `k`-th draw (below 256) of object `id` under `seed`: the SplitMix64 mixer
/// of Steele et al. (2014). Of `id`, the lowest 56 bits count.
pub fn uniform(seed: u64, id: u64, k: u64) -> f64 {
    (mixed(seed, id, k) >> 11) as f64 / (1u64 << 53) as f64
}

/// A standard normal number likewise, by Box and Muller (1958), from draws `2 k` and `2 k + 1`.
pub fn normal(seed: u64, id: u64, k: u64) -> f64 {
    let (radius, angle) = (1.0 - uniform(seed, id, 2 * k), TAU * uniform(seed, id, 2 * k + 1));
    (-2.0 * radius.ln()).sqrt() * angle.cos()
}

fn mixed(seed: u64, id: u64, k: u64) -> u64 {
    let stream = splitmix(seed).wrapping_add(id << 8 | k);
    splitmix(stream)
}

fn splitmix(x: u64) -> u64 {
    let mut x = x.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_distributions() {
        let n = 20_000;
        let moments = |draw: &dyn Fn(u64) -> f64| {
            let all: Vec<f64> = (0..n).map(draw).collect();
            let mean = all.iter().sum::<f64>() / n as f64;
            let variance = all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
            (mean, variance)
        };
        for seed in [0, 7] {
            let (mean, variance) = moments(&|i| uniform(seed, i, 3));
            assert!((mean - 0.5).abs() < 0.01 && (variance - 1.0 / 12.0).abs() < 0.003);
            let (mean, variance) = moments(&|i| normal(seed, i, 1));
            assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04, "{mean} {variance}");
        }
    }

    #[test]
    fn seed_object_and_draw_all_matter() {
        let all = [uniform(0, 0, 0), uniform(1, 0, 0), uniform(0, 1, 0), uniform(0, 0, 1)];
        for i in 1..4 {
            assert!(!all[..i].contains(&all[i]), "{all:?}");
        }
        assert!(all.iter().all(|u| (0.0..1.0).contains(u)));
    }
}
