//! Counting the kernels that a GPU is asked to run.

/// The result of `work`, and how many kernels this process launched meanwhile; none on CPU devices.
///
/// Devices work ahead of the program: `work` should end with a result on the host.
pub fn counting_launches<T>(work: impl FnOnce() -> T) -> (T, usize) {
    count(work)
}

#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
fn count<T>(work: impl FnOnce() -> T) -> (T, usize) {
    (work(), 0)
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn count<T>(work: impl FnOnce() -> T) -> (T, usize) {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use burn::cubecl::logging::{LaunchObservation, LaunchObserver};

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl LaunchObserver for Count {
        fn launched(&self, _kernel: &'static str) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    let launches = Arc::new(Count::default());
    let observation = LaunchObservation::new(launches.clone());
    let result = work();
    drop(observation);
    (result, launches.0.load(Ordering::Relaxed))
}
