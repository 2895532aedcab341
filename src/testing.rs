//! Helpers for testing models: places to run on, rows of parameters, comparisons, and central
//! differences.
//!
//! Public, so that a model built on this library is tested with the same tools.

use burn::tensor::Tensor;

use crate::device::{DEVICE_NAMES, F64_DEVICE_NAMES, Place, Precision, to_host};
use crate::numerics::jacobian::jacobian;
use crate::parameters::ParamInfo;

/// Runs `body` on every one of the [`places`], in both precisions.
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

/// Every place with the given precision on the CPU devices of this build, or on the devices that the
/// environment variable `STARBURN_TEST_DEVICES` lists.
///
/// GPUs are not among the former because they compile each new shape of a graph for seconds; what must
/// hold on them is tested in one place, on [`every_place`].
///
/// # Panics
/// When there is none, or one that the variable lists is not there: a test must not pass by running
/// nowhere.
pub fn places(precision: Precision) -> Vec<Place> {
    let asked = listed("STARBURN_TEST_DEVICES");
    for name in &asked {
        if let Err(error) = Place::open(name, Precision::F32) {
            panic!("STARBURN_TEST_DEVICES: {error}");
        }
    }
    let names = if asked.is_empty() { F64_DEVICE_NAMES.map(String::from).to_vec() } else { asked };
    let places: Vec<Place> =
        names.iter().filter_map(|name| Place::open(name, precision).ok()).collect();
    assert!(!places.is_empty(), "no device computes in {precision}");
    places
}

/// Every place of this build and machine, GPUs included.
///
/// # Panics
/// When a device that the environment variable `STARBURN_REQUIRE_DEVICES` lists is not among them.
pub fn every_place() -> Vec<Place> {
    for name in listed("STARBURN_REQUIRE_DEVICES") {
        if let Err(error) = Place::open(&name, Precision::F32) {
            panic!("STARBURN_REQUIRE_DEVICES: {error}");
        }
    }
    let all = DEVICE_NAMES.iter().flat_map(|name| {
        [Precision::F64, Precision::F32].into_iter().map(move |precision| (name, precision))
    });
    all.filter_map(|(name, precision)| Place::open(name, precision).ok()).collect()
}

/// The comma-separated names in an environment variable.
fn listed(variable: &str) -> Vec<String> {
    let names = std::env::var(variable).unwrap_or_default();
    names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// `n` rows of parameter values that fill their box evenly; `margin` keeps them that share of each
/// range away from its ends.
pub fn box_rows(info: &[ParamInfo], n: usize, margin: f64) -> Vec<Vec<f64>> {
    // Multiples of square roots of primes, modulo one.
    let is_prime = |p: &u32| (2..*p).take_while(|d| d * d <= *p).all(|d| !p.is_multiple_of(d));
    let roots: Vec<f64> =
        (2..).filter(is_prime).take(info.len()).map(|p| f64::from(p).sqrt()).collect();
    let share = |i: usize, j: usize| (roots[j] * (i + 1) as f64).fract();
    (0..n).map(|i| row_at(info, |j| margin + (1.0 - 2.0 * margin) * share(i, j))).collect()
}

/// Corners of the box of the parameters, at most `n` of them: all, or the lowest, the highest and
/// others in between.
///
/// # Panics
/// For more than 127 parameters.
pub fn corner_rows(info: &[ParamInfo], n: usize) -> Vec<Vec<f64>> {
    let all = 1u128.checked_shl(info.len() as u32).expect("at most 127 parameters") - 1;
    let last = all.min(n.saturating_sub(1) as u128);
    let (step, rest) = (all / last.max(1), all % last.max(1));
    let corner = |i: u128| {
        // The ends of all ranges as the bits of a number, evenly spaced from none to all of them.
        let ends = step * i + rest * i / last.max(1);
        row_at(info, |j| (ends >> j & 1) as f64)
    };
    (0..=last).take(n).map(corner).collect()
}

/// Values at the given shares of the ranges, those that depend on other parameters last.
fn row_at(info: &[ParamInfo], share: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut row: Vec<f64> = info.iter().map(|p| p.default).collect();
    for dependent in [false, true] {
        for (j, p) in info.iter().enumerate() {
            if p.bound.depends_on_another() != dependent {
                continue;
            }
            let other = |name: &str| {
                let other = info.iter().position(|p| p.name == name);
                row[other.expect("bounds refer to parameters of the same set")]
            };
            let (lo, hi) = (p.bound.lo.value(other), p.bound.hi.value(other));
            // The upper end exactly, whatever the rounding of the sum.
            row[j] = if share(j) == 1.0 { hi } else { lo + (hi - lo) * share(j) };
        }
    }
    row
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

/// Asserts that the Jacobian of `f` (`[n_gal, n_param]` to `[n_gal, n_out]`) in f32 on each device
/// equals that in f64 at the given parameter rows. `tolerance` is relative to the largest derivative
/// of each galaxy and output, so a gradient lost in f32 fails; the rounding of the output and of the
/// largest of the galaxy's derivatives is allowed on top.
///
/// # Panics
/// On disagreement, naming galaxy, output and parameter.
pub fn assert_f32_jacobian(rows: &[&[f64]], tolerance: f64, f: impl Fn(Tensor<2>) -> Tensor<2>) {
    // Both precisions start from the same numbers.
    let rows: Vec<Vec<f64>> =
        rows.iter().map(|row| row.iter().map(|v| f64::from(*v as f32)).collect()).collect();
    let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    let at = |place: &Place| {
        let j = jacobian(&place.rows(&rows), |p| Ok(f(p)));
        let j = j.expect("the function should differentiate");
        (values(j.values), values(j.jacobian))
    };
    let n_param = rows[0].len();
    let (outputs, double) = at(&places(Precision::F64)[0]);
    let n_out = outputs.len() / rows.len();
    let largest = |slopes: &[f64]| slopes.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    for place in places(Precision::F32) {
        let (_, single) = at(&place);
        for (i, (s, d)) in single.chunks(n_param).zip(double.chunks(n_param)).enumerate() {
            let (galaxy, output) = (i / n_out, i % n_out);
            let whole = largest(&double[galaxy * n_out * n_param..][..n_out * n_param]);
            let rounding = 2e-5 * outputs[i].abs() + f64::from(f32::EPSILON) * whole;
            let allowed = tolerance * largest(d) + rounding;
            for (j, (s, d)) in s.iter().zip(d).enumerate() {
                assert!(
                    (s - d).abs() <= allowed,
                    "galaxy {galaxy}, output {output}, parameter {j}: {s:e} in f32, {d:e} in f64 ({place})",
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::{Bound, Centre, Edge, ParamInfo, check};

    const fn info(name: &'static str, bound: Bound) -> ParamInfo {
        ParamInfo { name, meaning: "", unit: "1", default: 0.5, bound }
    }

    /// The first is bounded by the last.
    const INFO: [ParamInfo; 3] = [
        info(
            "x",
            Bound { lo: Edge::Param("z", 0.1), hi: Edge::At(7.0), centre: Centre::Middle, k: 0.1 },
        ),
        info("y", Bound::square(-0.3, 0.3)),
        info("z", Bound::square(1.0, 2.0)),
    ];

    #[test]
    fn rows_lie_in_the_box_and_corners_at_its_ends() {
        for row in box_rows(&INFO, 50, 0.0).iter().chain(&corner_rows(&INFO, 100)) {
            check(&INFO, row).unwrap();
        }
        let corners = corner_rows(&INFO, 100);
        assert_eq!(corners.len(), 8);
        assert_eq!(corners[0], [1.1, -0.3, 1.0]);
        assert_eq!(corners[4], [2.1, -0.3, 2.0]);
        assert_eq!(corners[7], [7.0, 0.3, 2.0]);
        let few = corner_rows(&INFO, 3);
        assert_eq!((few.len(), &few[0], &few[2]), (3, &corners[0], &corners[7]));
        assert_eq!(corner_rows(&[INFO[1]; 70], 5)[4], [0.3; 70]);
        for row in box_rows(&INFO, 50, 0.25) {
            assert!((1.25..=1.75).contains(&row[2]) && row[1].abs() <= 0.15 + 1e-12, "{row:?}");
        }
    }

    #[test]
    #[should_panic(expected = "output 1, parameter 0")]
    fn a_gradient_lost_in_single_precision_fails() {
        assert_f32_jacobian(&[&[1.5]], 1e-3, |p| {
            // The square of the denominator overflows in f32.
            let lost = p.clone() / (p.clone() * 1e25) * 1e25;
            Tensor::cat(vec![p.clone() * 1e-3, p.clone() + lost], 1)
        });
    }

    #[test]
    fn equal_gradients_pass() {
        assert_f32_jacobian(&[&[1.5, 0.1], &[-2.0, 3.3]], 1e-5, |p| p.exp());
    }
}
