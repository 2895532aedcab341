//! Compute devices by name, and the place (device and precision) where tensors live.
//!
//! This folder is the only place that names a backend. Everything else takes its device and dtype from a
//! [`Place`] or from the tensors it is given, so the same graph runs wherever they are.

mod fused;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod gpu;
mod launches;
mod loops;
pub(crate) mod real;

use std::fmt;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use crate::names::named;
use crate::{Error, Result};

pub(crate) use fused::{FusedOperation, fused, fused_pair, has_fused};
pub use launches::counting_launches;
pub(crate) use loops::Loops;

/// Floating-point precision of a computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32 bit: production precision, on every device.
    F32,
    /// 64 bit: parity with the f64 originals, on CPU devices.
    F64,
}

impl Precision {
    fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F64 => DType::F64,
        }
    }
}

named!(Precision, "dtype", F32 = "f32", F64 = "f64");

/// Every device name that some build of the program understands.
pub const DEVICE_NAMES: [&str; 4] = ["flex", "ndarray", "wgpu", "cuda"];

/// The version of Burn, which does the computing.
pub const BURN_VERSION: &str = "0.22.1";

/// Those among them that compute in f64 whatever the machine: the CPU devices.
pub const F64_DEVICE_NAMES: [&str; 2] = ["flex", "ndarray"];

/// The device used when none is asked for: the first CPU backend of this build.
pub const DEFAULT_DEVICE: &str = if cfg!(feature = "flex") {
    "flex"
} else if cfg!(feature = "ndarray") {
    "ndarray"
} else if cfg!(feature = "wgpu") {
    "wgpu"
} else {
    "cuda"
};

/// Opens a device by name and checks that it computes.
///
/// # Errors
/// [`Error::UnknownName`] for a name outside [`DEVICE_NAMES`]; [`Error::Device`] when this build
/// lacks the backend or the machine lacks its driver.
pub fn open(name: &str) -> Result<Device> {
    let missing = |feature: &str| {
        let remedy = format!("build with `cargo build --release --features {feature}`");
        unavailable(name, format!("this program was built without it; {remedy}"))
    };
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    gpu::prefer_small_searches();
    match name {
        #[cfg(feature = "flex")]
        "flex" => Ok(Device::flex()),
        #[cfg(feature = "ndarray")]
        #[expect(deprecated, reason = "kept as a second, independent CPU backend")]
        "ndarray" => Ok(Device::ndarray()),
        #[cfg(feature = "wgpu")]
        "wgpu" => gpu::wgpu(name),
        #[cfg(feature = "cuda")]
        "cuda" => gpu::cuda(name),
        known if DEVICE_NAMES.contains(&known) => Err(missing(known)),
        _ => Err(Error::UnknownName {
            kind: "device",
            name: name.to_owned(),
            available: DEVICE_NAMES.join(", "),
        }),
    }
}

fn unavailable(name: &str, reason: impl Into<String>) -> Error {
    Error::Device { name: name.to_owned(), reason: reason.into() }
}

/// What a GPU calls itself; `None` for CPU devices.
fn adapter_name(device: &Device) -> Option<String> {
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    return device.identity().map(|identity| identity.name);
    #[cfg(not(any(feature = "wgpu", feature = "cuda")))]
    {
        let _ = device;
        None
    }
}

/// Copies a tensor to the host, row-major, as f64.
///
/// # Errors
/// [`Error::Device`] when the device cannot deliver the data.
pub fn to_host<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f64>> {
    let name = format!("{:?}", tensor.device());
    tensor
        .try_into_vec_as::<f64>()
        .map_err(|e| Error::Device { name, reason: format!("cannot read a result back: {e}") })
}

/// A device together with the precision of the tensors on it.
#[derive(Clone, Debug)]
pub struct Place {
    device: Device,
    dtype: DType,
}

impl Place {
    /// Opens the named device for the given precision.
    ///
    /// # Errors
    /// Those of [`open`], and [`Error::Device`] when the device cannot compute in `precision`.
    pub fn open(name: &str, precision: Precision) -> Result<Self> {
        let device = open(name)?;
        // Some graphics drivers offer f64, but none of them its exponentials and logarithms.
        let partly = name == "wgpu" && precision == Precision::F64;
        if partly || !device.supports_dtype(precision.dtype()) {
            return Err(unavailable(
                name,
                format!("does not compute in {precision}; its dtype must be f32"),
            ));
        }
        Ok(Self { device, dtype: precision.dtype() })
    }

    /// The place where a tensor lives, for constants that meet it. Constants made here are not
    /// part of any autodiff graph.
    pub fn of<const D: usize>(tensor: &Tensor<D>) -> Self {
        Self { device: tensor.device().without_autodiff(), dtype: tensor.dtype() }
    }

    /// The precision of tensors made here.
    pub fn precision(&self) -> Precision {
        if self.dtype == DType::F64 { Precision::F64 } else { Precision::F32 }
    }

    /// A tolerance by precision: the first number in f64, the second in f32.
    pub fn tolerance(&self, f64: f64, f32: f64) -> f64 {
        match self.precision() {
            Precision::F64 => f64,
            Precision::F32 => f32,
        }
    }

    /// Name of the device, as [`open`] understands it.
    pub fn name(&self) -> &'static str {
        let is_here = |name: &&str| open(name).is_ok_and(|device| device == self.device);
        DEVICE_NAMES.into_iter().find(is_here).unwrap_or("another device")
    }

    /// What its GPU calls itself; `None` for CPU devices.
    pub fn adapter_name(&self) -> Option<String> {
        adapter_name(&self.device)
    }

    /// Memory that a GPU has set aside for this process \[MB\]; `None` for CPU devices.
    pub fn device_memory_mb(&self) -> Option<f64> {
        let usage = self.device.memory_pool_usage()?;
        Some(usage.bytes_reserved as f64 / f64::from(1 << 20))
    }

    /// Name of the device, as its library calls it.
    pub fn device_name(&self) -> String {
        format!("{:?}", self.device)
    }

    /// Whether it computes on the CPU, in the memory and caches of the host.
    pub fn is_cpu(&self) -> bool {
        F64_DEVICE_NAMES.iter().any(|name| open(name).is_ok_and(|cpu| cpu == self.device))
    }

    /// Worker threads where nobody asks for another number: as many as the machine has on a CPU, one on a
    /// GPU, which has its own.
    pub fn default_threads(&self) -> NonZeroUsize {
        match self.is_cpu() {
            true => available_parallelism().unwrap_or(NonZeroUsize::MIN),
            false => NonZeroUsize::MIN,
        }
    }

    /// Waits until everything asked of the device is done.
    ///
    /// # Errors
    /// [`Error::Device`] when something failed on the way.
    pub fn wait(&self) -> Result<()> {
        let failed = |e| Error::Device { name: self.device_name(), reason: format!("{e}") };
        self.device.sync().map_err(failed)
    }

    /// A tensor of shape `[n]`.
    pub fn vector(&self, values: &[f64]) -> Tensor<1> {
        self.tensor(values.to_vec(), [values.len()])
    }

    /// A tensor of shape `[1, n]`, shared by all galaxies.
    pub fn row(&self, values: &[f64]) -> Tensor<2> {
        self.tensor(values.to_vec(), [1, values.len()])
    }

    /// A tensor of shape `[n_rows, n]` from equally long rows.
    pub fn rows(&self, rows: &[&[f64]]) -> Tensor<2> {
        let columns = rows.first().map_or(0, |row| row.len());
        self.tensor(rows.concat(), [rows.len(), columns])
    }

    /// A tensor of shape `[rows, columns]` from row-major values.
    pub fn matrix(&self, values: &[f64], shape: [usize; 2]) -> Tensor<2> {
        self.tensor(values.to_vec(), shape)
    }

    /// Indices, `[n]`, to select with.
    pub fn indices(&self, values: &[usize]) -> Tensor<1, Int> {
        let values: Vec<i64> = values.iter().map(|i| *i as i64).collect();
        let shape = [values.len()];
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }

    fn tensor<const D: usize>(&self, values: Vec<f64>, shape: [usize; D]) -> Tensor<D> {
        let data = TensorData::new(values, shape).convert_dtype(self.dtype);
        Tensor::from_data(data, (&self.device, self.dtype))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name(), self.precision())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_missing_devices_say_what_to_do() {
        let error = open("abacus").unwrap_err().to_string();
        assert!(error.contains("abacus") && error.contains("flex"), "{error}");
        #[cfg(not(feature = "cuda"))]
        {
            let error = open("cuda").unwrap_err().to_string();
            assert!(error.contains("--features cuda"), "{error}");
        }
        assert!("f16".parse::<Precision>().is_err());
    }

    #[test]
    fn the_cpu_is_known_with_and_without_autodiff() {
        for precision in [Precision::F32, Precision::F64] {
            let place = Place::open(DEFAULT_DEVICE, precision).unwrap();
            assert_eq!(place.is_cpu(), F64_DEVICE_NAMES.contains(&DEFAULT_DEVICE));
            let tracked = Place { device: place.device.clone().autodiff(), ..place.clone() };
            assert_eq!(tracked.is_cpu(), place.is_cpu());
        }
    }

    #[test]
    fn places_are_shown_by_the_names_that_open_them() {
        let place = Place::open(DEFAULT_DEVICE, Precision::F64).unwrap();
        assert_eq!(place.to_string(), format!("{DEFAULT_DEVICE} f64"));
    }

    #[test]
    fn the_version_of_burn_is_that_of_the_manifest() {
        let pinned = format!("burn = {{ version = \"={BURN_VERSION}\"");
        assert!(include_str!("../../Cargo.toml").contains(&pinned), "{pinned}");
    }

    #[test]
    fn constants_keep_their_precision() {
        let place = Place::open(DEFAULT_DEVICE, Precision::F64).unwrap();
        let x = place.vector(&[1.0 + 1e-12]);
        assert_eq!(x.into_data().as_slice::<f64>().unwrap(), [1.0 + 1e-12]);
    }
}
