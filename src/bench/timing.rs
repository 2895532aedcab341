//! Times and memory of this process.

use std::time::Instant;

use serde::Serialize;

/// Wall-clock times of repeated runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Timing {
    /// Microseconds per galaxy.
    pub us_per_galaxy: Spread,
}

/// The fastest and the median of several runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Fastest.
    pub min: f64,
    /// Median.
    pub median: f64,
}

impl Timing {
    /// Runs `work` on `n` galaxies once to warm up and then `repeats` times; also the last result.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn of<T>(
        n: usize,
        repeats: usize,
        mut work: impl FnMut() -> crate::Result<T>,
    ) -> crate::Result<(Self, T)> {
        let mut result = work()?;
        let mut times = Vec::new();
        for _ in 0..repeats.max(1) {
            let start = Instant::now();
            result = work()?;
            times.push(start.elapsed().as_secs_f64() * 1e6 / n as f64);
        }
        times.sort_by(f64::total_cmp);
        let us_per_galaxy = Spread { min: times[0], median: times[times.len() / 2] };
        Ok((Self { us_per_galaxy }, result))
    }
}

/// The largest amount of memory this process has held \[MB\]; `None` where the system does not tell.
pub fn peak_rss_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

/// Forgets what [`peak_rss_mb`] was before now, where the system can.
pub fn forget_peak_rss() {
    // A system that does not know how leaves the peak since the start of the process.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_run_is_not_slower_than_the_median() {
        let mut runs = 0;
        let (timing, last) = Timing::of(10, 5, || {
            runs += 1;
            Ok(runs)
        })
        .unwrap();
        assert_eq!(last, 6);
        assert!(timing.us_per_galaxy.min <= timing.us_per_galaxy.median);
    }
}
