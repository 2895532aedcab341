//! Helpers for testing models: places to run on, comparisons, and central differences.
//!
//! Public, so that a model built on this library is tested with the same tools.

use burn::tensor::Tensor;

use crate::device::{F64_DEVICE_NAMES, Place, Precision, to_host};
use crate::numerics::jacobian::jacobian;

/// Runs `body` on every device and precision of this build that can be opened.
pub fn for_each_place(body: impl Fn(&Place)) {
    for precision in [Precision::F64, Precision::F32] {
        for place in places(precision) {
            body(&place);
        }
    }
}

/// Runs `body` in f64 on every device that has it.
pub fn for_each_f64_place(body: impl Fn(&Place)) {
    for place in places(Precision::F64) {
        body(&place);
    }
}

/// Every place of this build with the given precision.
///
/// # Panics
/// When there is none: a test must not pass by running nowhere.
pub fn places(precision: Precision) -> Vec<Place> {
    let places: Vec<Place> = crate::device::DEVICE_NAMES
        .iter()
        // f64 on a GPU depends on the driver, so GPUs are tested in the precision they all have.
        .filter(|name| precision == Precision::F32 || F64_DEVICE_NAMES.contains(name))
        .filter_map(|name| Place::open(name, precision).ok())
        .collect();
    assert!(!places.is_empty(), "no device computes in {precision}");
    places
}

/// All elements of a tensor, row-major, as f64.
///
/// # Panics
/// When the device cannot deliver the data.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    to_host(tensor).expect("tensor data should be readable")
}

/// Asserts that `got` equals `want` to `relative` of each value or to `absolute`.
///
/// # Panics
/// With the position and both values of the worst mismatch.
pub fn assert_close(got: &[f64], want: &[f64], relative: f64, absolute: f64) {
    assert_eq!(got.len(), want.len(), "lengths differ");
    let mut worst = (0.0, 0);
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        let same = g == w || (g.is_nan() && w.is_nan());
        let excess = if same { 0.0 } else { (g - w).abs() / (relative * w.abs() + absolute) };
        if excess > worst.0 || excess.is_nan() {
            worst = (if excess.is_nan() { f64::INFINITY } else { excess }, i);
        }
    }
    let i = worst.1;
    assert!(
        worst.0 <= 1.0,
        "element {i}: {:e} instead of {:e}, {:.3} times the tolerance",
        got[i],
        want[i],
        worst.0
    );
}

/// Asserts that autodiff through `f` equals central differences at `x`, in f64 on each device.
///
/// The gradient is that of a weighted sum of the outputs, so that neither elementwise functions
/// nor functions that mix elements can hide an error by symmetry. `tolerance` is relative to the
/// largest gradient.
///
/// # Panics
/// On disagreement.
pub fn assert_gradient(x: &[f64], tolerance: f64, f: impl Fn(Tensor<1>) -> Tensor<1>) {
    for_each_f64_place(|place| {
        let weighted = |x: Tensor<2>| {
            let y = f(x.squeeze_dim(0));
            let weights: Vec<f64> = (0..y.dims()[0]).map(|k| 1.0 + 0.37 * k as f64).collect();
            (y * place.vector(&weights)).sum().unsqueeze()
        };
        assert_jacobian(&[x], tolerance, place, weighted);
    });
}

/// Asserts that the Jacobian of `f` (`[n_gal, n_param]` to `[n_gal, n_out]`) equals central
/// differences at the given parameter rows. `tolerance` is relative to the largest derivative of
/// each galaxy and output; the rounding of the outputs is allowed on top.
///
/// # Panics
/// On disagreement, naming galaxy, output and parameter.
pub fn assert_jacobian(
    rows: &[&[f64]],
    tolerance: f64,
    place: &Place,
    f: impl Fn(Tensor<2>) -> Tensor<2>,
) {
    let n_param = rows[0].len();
    let auto =
        jacobian(&place.rows(rows), |p| Ok(f(p))).expect("the function should differentiate");
    let n_out = auto.values.dims()[1];
    let (outputs, auto) = (values(auto.values), values(auto.jacobian));
    let mut numeric = vec![0.0; auto.len()];
    for j in 0..n_param {
        let step = |row: &[f64]| 1e-5 * row[j].abs().max(1.0);
        let shifted = |steps: f64| {
            let moved: Vec<Vec<f64>> = rows
                .iter()
                .map(|row| {
                    let mut row = row.to_vec();
                    row[j] += steps * step(&row);
                    row
                })
                .collect();
            let moved: Vec<&[f64]> = moved.iter().map(Vec::as_slice).collect();
            values(f(place.rows(&moved)))
        };
        // Fourth-order stencil, so that sharply curved functions do not need tiny steps.
        let [near, far] = [1.0, 2.0].map(|steps| {
            let pairs = shifted(steps).into_iter().zip(shifted(-steps));
            pairs.map(|(up, down)| up - down).collect::<Vec<f64>>()
        });
        for (i, (near, far)) in near.iter().zip(&far).enumerate() {
            let (galaxy, k) = (i / n_out, i % n_out);
            numeric[(galaxy * n_out + k) * n_param + j] =
                (8.0 * near - far) / (12.0 * step(rows[galaxy]));
        }
    }
    for (i, (a, n)) in auto.chunks(n_param).zip(numeric.chunks(n_param)).enumerate() {
        let largest = n.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        // Rounding of the function itself, divided by the step.
        let noise = 1e-10 * outputs[i].abs().max(1e-3);
        for j in 0..n_param {
            assert!(
                (a[j] - n[j]).abs() <= tolerance * largest + noise,
                "galaxy {}, output {}, parameter {j}: autodiff {:e}, central difference {:e} ({place})",
                i / n_out,
                i % n_out,
                a[j],
                n[j]
            );
        }
    }
}
