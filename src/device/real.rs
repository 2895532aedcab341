//! The arithmetic of fused operations: one elementary function at a time over a block of values.
//!
//! Blocks have a fixed length and steps are short loops over them, so that the compiler turns each into
//! vector instructions without long chains of dependent ones. Selects keep a value that is not a
//! number, as tensors do.

use std::f64::consts::{LN_2, LOG2_E};
use std::fmt::Debug;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// Number of values in a block.
pub(crate) const BLOCK: usize = 64;

/// Taylor coefficients of `2^x`: `ln(2)^n / n!`.
const EXP2_TAYLOR: [f64; 14] = {
    let mut coefficients = [1.0; 14];
    let mut n = 1;
    while n < coefficients.len() {
        coefficients[n] = coefficients[n - 1] * LN_2 / n as f64;
        n += 1;
    }
    coefficients
};

/// The floating-point types of tensors.
pub(crate) trait Real:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// Exponents between which `2^x` is a normal number.
    const EXP2_RANGE: (f64, f64);
    /// Degree at which the Taylor series of `2^x` on [-1/2, 1/2] is exact to rounding.
    const EXP2_DEGREE: usize;

    /// The nearest number of this type.
    fn of(x: f64) -> Self;

    /// The logarithm to base 10.
    fn log10(self) -> Self;

    /// `self * b + c`, rounded once; slow without an instruction for it.
    fn fused_mul_add(self, b: Self, c: Self) -> Self;

    /// The nearest whole number to an exponent in the range, and two to that power.
    fn whole_power_of_two(self) -> (Self, Self);
}

macro_rules! real {
    ($float:ty, $exp2_range:expr, $exp2_degree:literal) => {
        impl Real for $float {
            const EXP2_RANGE: (f64, f64) = $exp2_range;
            const EXP2_DEGREE: usize = $exp2_degree;

            #[inline(always)]
            fn of(x: f64) -> Self {
                x as $float
            }

            #[inline(always)]
            fn log10(self) -> Self {
                <$float>::log10(self)
            }

            #[inline(always)]
            fn fused_mul_add(self, b: Self, c: Self) -> Self {
                self.mul_add(b, c)
            }

            #[inline(always)]
            fn whole_power_of_two(self) -> (Self, Self) {
                // Adding 1.5 times two to the number of mantissa bits leaves the whole part in the
                // lowest bits.
                const MANTISSA_BITS: u32 = <$float>::MANTISSA_DIGITS - 1;
                const SHIFT: $float = (3u64 << (MANTISSA_BITS - 1)) as $float;
                const BIAS: u32 = <$float>::MAX_EXP as u32 - 1;
                let shifted = self + SHIFT;
                let exponent = shifted.to_bits().wrapping_add(BIAS.into());
                (shifted - SHIFT, <$float>::from_bits(exponent << MANTISSA_BITS))
            }
        }
    };
}

real!(f32, (-126.0, 127.0), 7);
real!(f64, (-1022.0, 1023.0), 13);

/// `if condition { a } else { b }`, for loops that become vector instructions.
#[inline(always)]
pub(crate) fn select<F>(condition: bool, a: F, b: F) -> F {
    if condition { a } else { b }
}

/// The value, but not below `lo` nor above `hi`.
#[inline(always)]
pub(crate) fn clamp<F: Real>(x: F, lo: F, hi: F) -> F {
    let x = select(x < lo, lo, x);
    select(hi < x, hi, x)
}

/// `a * b + c`, rounded once if `FMA` (where the machine has an instruction for it).
#[inline(always)]
pub(crate) fn mul_add<F: Real, const FMA: bool>(a: F, b: F, c: F) -> F {
    if FMA { a.fused_mul_add(b, c) } else { a * b + c }
}

/// The polynomial with ascending coefficients `c`.
#[inline(always)]
pub(crate) fn polynomial<F: Real, const FMA: bool>(c: &[f64], x: F) -> F {
    let Some((highest, lower)) = c.split_last() else { return F::default() };
    let mut sum = F::of(*highest);
    let mut n = lower.len();
    while n > 0 {
        n -= 1;
        sum = mul_add::<F, FMA>(sum, x, F::of(lower[n]));
    }
    sum
}

/// `2^x`; beyond the range of normal numbers the end of that range.
#[inline(always)]
pub(crate) fn exp2<F: Real, const FMA: bool>(x: F) -> F {
    let x = clamp(x, F::of(F::EXP2_RANGE.0), F::of(F::EXP2_RANGE.1));
    let (whole, power) = x.whole_power_of_two();
    let (coefficients, _) = EXP2_TAYLOR.split_at(F::EXP2_DEGREE + 1);
    polynomial::<F, FMA>(coefficients, x - whole) * power
}

/// [`exp2`] of a block.
#[inline(always)]
pub(crate) fn exp2_block<F: Real, const FMA: bool>(block: &mut [F; BLOCK]) {
    for x in block {
        *x = exp2::<F, FMA>(*x);
    }
}

/// Logistic function of a block, and its derivative, which stays above zero where the function rounds to
/// one.
#[inline(always)]
pub(crate) fn sigmoid_block<F: Real, const FMA: bool>(
    block: &mut [F; BLOCK],
    slopes: &mut [F; BLOCK],
) {
    // Less than the exponents of normal numbers, so that neither the powers nor one over them are lost.
    let limit = F::of(F::EXP2_RANGE.1 - 12.0);
    for x in block.iter_mut() {
        *x = clamp(*x * F::of(-LOG2_E), -limit, limit);
    }
    exp2_block::<F, FMA>(block);
    for (x, slope) in block.iter_mut().zip(slopes) {
        let power = *x;
        *x = F::of(1.0) / (power + F::of(1.0));
        *slope = power * *x * *x;
    }
}

/// Sum of a block, in pairs.
#[inline(always)]
pub(crate) fn sum_block<F: Real>(block: &[F; BLOCK]) -> F {
    const LANES: usize = 16;
    let mut sums = [F::default(); LANES];
    for part in block.as_chunks::<LANES>().0 {
        for (sum, x) in sums.iter_mut().zip(part) {
            *sum = *sum + *x;
        }
    }
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            sums[i] = sums[i] + sums[i + half];
        }
        half /= 2;
    }
    sums[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn largest_error_of_exp2<F: Real + Into<f64>, const FMA: bool>() -> f64 {
        let (lo, hi) = F::EXP2_RANGE;
        let steps = (0..=100_000).map(|i| F::of(lo + (hi - lo) * f64::from(i) / 100_000.0));
        let off = steps.map(|x| (exp2::<F, FMA>(x).into() / x.into().exp2() - 1.0).abs());
        off.fold(0.0, f64::max)
    }

    #[test]
    fn powers_of_two_are_exact_to_rounding() {
        for error in [largest_error_of_exp2::<f32, false>(), largest_error_of_exp2::<f32, true>()] {
            assert!(error < 2.0 * f64::from(f32::EPSILON), "{error}");
        }
        for error in [largest_error_of_exp2::<f64, false>(), largest_error_of_exp2::<f64, true>()] {
            assert!(error < 2.0 * f64::EPSILON, "{error}");
        }
    }

    #[test]
    fn beyond_the_range_powers_stay_normal_and_nan_stays() {
        assert_eq!(exp2::<f32, false>(-1e9), f32::MIN_POSITIVE);
        assert_eq!(exp2::<f32, false>(f32::INFINITY), 127f32.exp2());
        assert_eq!(exp2::<f64, false>(f64::NEG_INFINITY), f64::MIN_POSITIVE);
        assert!(exp2::<f32, false>(f32::NAN).is_nan() && exp2::<f64, true>(f64::NAN).is_nan());
    }

    #[test]
    fn logistic_functions_and_their_slopes() {
        let mut x: [f32; BLOCK] = std::array::from_fn(|i| (i as f32 - 32.0) * 2.4);
        let (at, mut slopes) = (x, [0.0; BLOCK]);
        sigmoid_block::<f32, false>(&mut x, &mut slopes);
        for ((x, slope), at) in x.into_iter().zip(slopes).zip(at) {
            let want = 1.0 / (1.0 + (-f64::from(at)).exp());
            let falling = 1.0 / (1.0 + f64::from(at).exp());
            assert!((f64::from(x) / want - 1.0).abs() < 2e-5, "{at}");
            assert!((f64::from(slope) / (want * falling) - 1.0).abs() < 2e-5, "{at}");
        }
    }

    #[test]
    fn polynomials_and_sums() {
        assert_eq!(polynomial::<f64, false>(&[1.0, -2.0, 0.5], 4.0), 1.0);
        assert_eq!(polynomial::<f64, false>(&[], 4.0), 0.0);
        let block: [f64; BLOCK] = std::array::from_fn(|i| i as f64);
        assert_eq!(sum_block(&block), 2016.0);
    }
}
