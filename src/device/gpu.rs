//! Opening GPUs: a missing driver is an error with a remedy, not a panic of the libraries below.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::{Mutex, Once, OnceLock, PoisonError};

use burn::BurnConfig;
use burn::cubecl::config::RuntimeConfig;
#[cfg(feature = "cuda")]
use burn::tensor::DeviceType;
#[cfg(feature = "wgpu")]
use burn::tensor::wgpu::WgpuInitError;
use burn::tensor::{Device, Tensor};

use crate::{Error, Result};

/// A device, or what is missing.
type Opened = std::result::Result<Device, String>;

/// The graphics card that wgpu ranks first, opened once per process.
#[cfg(feature = "wgpu")]
pub(super) fn wgpu(name: &str) -> Result<Device> {
    static OPENED: OnceLock<Opened> = OnceLock::new();
    of(name, OPENED.get_or_init(|| {
        let missing = "no Vulkan, Metal or DX12 driver was found; install the driver of the graphics \
                       card, or on Linux without one the package mesa-vulkan-drivers";
        let device = match Device::wgpu_options().init() {
            Ok(device) => device,
            // The program that uses this library has opened it.
            Err(WgpuInitError::Registration { .. }) => Device::wgpu(Default::default()),
            Err(WgpuInitError::AdapterUnavailable { .. }) => return Err(missing.into()),
            Err(other) => return Err(format!("the graphics driver refuses: {other}")),
        };
        tried(device)
    }))
}

/// The first NVIDIA card, opened once per process.
#[cfg(feature = "cuda")]
pub(super) fn cuda(name: &str) -> Result<Device> {
    static OPENED: OnceLock<Opened> = OnceLock::new();
    of(
        name,
        OPENED.get_or_init(|| {
            let cards = quietly(|| Device::enumerate(DeviceType::Cuda).into_vec().len());
            if cards.unwrap_or(0) == 0 {
                return Err("no NVIDIA card or driver was found; install the NVIDIA driver".into());
            }
            quietly(|| Device::cuda(0))
                .map_or(Err("the NVIDIA driver does not start".into()), tried)
        }),
    )
}

/// Has Burn look for operations to fuse among two independent blocks at a time instead of five, beyond
/// which it fuses none: reverse passes have more, and run a quarter fewer kernels this way. A `burn.toml`
/// or a setting of the program that uses this library goes first. Burn reads its settings once, on
/// whatever device comes first.
pub(super) fn prefer_small_searches() {
    static ONCE: Once = Once::new();
    ONCE.call_once(set_small_searches);
}

fn set_small_searches() {
    let plain = |config: &BurnConfig| serde_json::to_value(config).ok();
    let from_file = BurnConfig::from_current_dir();
    if plain(&from_file) != plain(&BurnConfig::default()) {
        return;
    }
    let preferred = serde_json::json!({ "fusion": { "beam_search": { "max_blocks": 2 } } });
    if let Ok(config) = serde_json::from_value::<BurnConfig>(preferred) {
        BurnConfig::try_set(config.override_from_env());
    }
}

fn of(name: &str, opened: &Opened) -> Result<Device> {
    let failed = |reason: &String| Error::Device { name: name.to_owned(), reason: reason.clone() };
    opened.as_ref().map_err(failed).cloned()
}

/// The device, if it can add one and one.
fn tried(device: Device) -> Opened {
    let sum = quietly(|| {
        let one = Tensor::<1>::from_data([1.0f32], &device);
        (one + 1.0).try_into_vec_as::<f64>().ok()
    });
    match sum.flatten().as_deref() {
        Some([2.0]) => Ok(device),
        _ => Err("its driver is there but does not compute; update the driver".into()),
    }
}

/// Runs `work` without a word from panics, which may be those of threads that it starts; `None` after one.
fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    // There is one hook for the whole process.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let outcome = catch_unwind(AssertUnwindSafe(work));
    set_hook(hook);
    outcome.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_are_small_unless_somebody_says_otherwise() {
        crate::device::open(crate::device::DEFAULT_DEVICE).unwrap();
        assert_eq!(BurnConfig::get().fusion().beam_search.max_blocks, 2);
    }

    #[test]
    fn a_panic_is_no_device() {
        assert_eq!(quietly(|| 3), Some(3));
        assert_eq!(quietly(|| -> i32 { panic!("no driver") }), None);
        let elsewhere = || std::thread::spawn(|| panic!("no driver")).join().is_err();
        assert_eq!(quietly(elsewhere), Some(true));
        assert!(
            of("wgpu", &Err("no driver".into())).unwrap_err().to_string().contains("no driver")
        );
    }
}
