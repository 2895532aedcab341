//! Histories given as a shape in cosmic time, scaled to the mass they have formed by a time.

use std::f64::consts::LN_10;

use burn::tensor::Tensor;

use super::{SfhContext, SfhTable, T_BIRTH_MIN_GYR, lg_mass_formed_at};
use crate::Result;
use crate::device::Place;
use crate::numerics::{column, log10};

/// The smallest rate that a history has anywhere, as the natural logarithm in units of its largest
/// rate up to the reference time: 1e-8. Of no consequence for the light, and mostly larger than the
/// floor of tables, which does not scale with the mass.
const LN_RATE_MIN: f64 = -8.0 * LN_10;

/// The largest rate after the reference time in that unit, 1e10; f32 holds the masses that follow.
const LN_RATE_MAX: f64 = 10.0 * LN_10;

/// Star formation rates \[Msun/yr\] at times `t_gyr` (`[n_gal or 1, n_t]`), `[n_gal, n_t]`, of a
/// history that is proportional to `exp(ln_shape(t))`.
///
/// The factor is such that the *table* of the context gives `10^lg_mass_formed` (`[n_gal]`) for the
/// mass formed by the reference time, the same rule that later gives the masses and ages. Rates are
/// kept between 1e-8 and 1e10 of the largest rate up to the reference time: a history whose stars
/// would all form later forms its mass at a constant rate up to the reference time.
pub(super) fn scaled_to_mass(
    ln_shape: impl Fn(Tensor<2>) -> Tensor<2>,
    lg_mass_formed: &Tensor<1>,
    context: &SfhContext,
    t_gyr: Tensor<2>,
) -> Result<Tensor<2>> {
    let times = context.times;
    let t_table = Place::of(lg_mass_formed).row(times.t_gyr());
    let largest = {
        let t_ref = column(context.t_ref_gyr);
        let shape = [t_ref.dims()[0], times.t_gyr().len()];
        let past = t_table.clone().expand(shape).min_pair(t_ref.expand(shape));
        // The unit cancels in the end, so that it needs no gradient.
        ln_shape(past.without_autodiff()).without_autodiff().max_dim(1)
    };
    let ln_rate = |t| (ln_shape(t) - largest.clone()).clamp(LN_RATE_MIN, LN_RATE_MAX);

    let ln_table = ln_rate(t_table);
    let corrected = |lg_scale: Tensor<2>| -> Result<Tensor<2>> {
        let rates = scaled(ln_table.clone(), lg_scale.clone());
        let table = SfhTable::new(times.clone(), rates)?;
        let lg_mass = column(&lg_mass_formed_at(&table, context.t_ref_gyr));
        Ok(column(lg_mass_formed) - lg_mass + lg_scale)
    };
    // Mass is not quite proportional to the scale, because the floor of tables does not scale.
    // The first step comes close to the right scale, the second is taken from there.
    let lg_mean_rate =
        column(lg_mass_formed) - log10(column(context.t_ref_gyr).clamp_min(T_BIRTH_MIN_GYR)) - 9.0;
    let close = corrected(lg_mean_rate)?.without_autodiff();
    Ok(scaled(ln_rate(t_gyr), corrected(close)?))
}

/// Rates from their natural logarithms (`[n_gal, n]`) and log10 of their unit (`[n_gal, 1]`).
fn scaled(ln_rate: Tensor<2>, lg_scale: Tensor<2>) -> Tensor<2> {
    (ln_rate + lg_scale * LN_10).exp()
}
