//! Schedules of learning rates.

use std::f64::consts::PI;

/// The share of the largest learning rate at step `step` of `steps`, from 0: it rises evenly over `warm_up`
/// steps, then falls as half a cosine to `last_share`.
pub fn risen_and_fallen(step: usize, steps: usize, warm_up: usize, last_share: f64) -> f64 {
    if step < warm_up {
        return (step + 1) as f64 / warm_up as f64;
    }
    let done = (step - warm_up) as f64 / steps.saturating_sub(warm_up).max(1) as f64;
    last_share + (1.0 - last_share) * 0.5 * (1.0 + (PI * done.min(1.0)).cos())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_close;

    #[test]
    fn it_rises_and_falls() {
        let at = |step| risen_and_fallen(step, 100, 10, 0.01);
        assert_close(
            &[at(0), at(4), at(9), at(10), at(55)],
            &[0.1, 0.5, 1.0, 1.0, 0.505],
            1e-12,
            0.0,
        );
        assert!((10..99).all(|k| at(k + 1) < at(k)) && at(99) < 0.011);
        assert_eq!((at(100), at(1000)), (0.01, 0.01));
        assert_eq!(risen_and_fallen(0, 1, 0, 0.5), 1.0);
    }
}
