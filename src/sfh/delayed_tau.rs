//! Delayed exponential histories: a linear rise that turns into an exponential decline (Lee et al.
//! 2010, ApJ 725, 1644; Carnall et al. 2019, ApJ 873, 44).

use burn::tensor::Tensor;

use crate::numerics::column;
use crate::parameter_set;
use crate::parameters::Bound;

/// Before the start, time since it counts as this \[Gyr\]: no stars to speak of, and a finite
/// logarithm.
const ELAPSED_MIN_GYR: f64 = 1e-15;

/// A history must have gone on for this long to have a mass by then \[Gyr\]: so much longer than the
/// time above that what forms before the start stays dark beside it.
const BEGUN_GYR: f64 = 1e-6;

parameter_set! {
    /// Parameters of a delayed exponential history.
    ///
    /// Masses and ages come from rates at look-back nodes or from a table, whose times lie 0.14 Gyr
    /// apart by default. A `tau` of less, or a start within that of the reference time, is finer
    /// than they resolve: the mass by the reference time is right and the ages roughly so, but not
    /// the rates. More nodes (`--nodes`) or times (`--sfh-times`) remedy that.
    pub struct DelayedTauParams {
        /// log10 of the stellar mass formed by the reference time.
        lg_mass_formed: "log10 Msun", 10.0, Bound::square(4.0, 14.0);
        /// Time at which star formation starts.
        t_start: "Gyr", 1.0, Bound::square(0.0, 13.0);
        /// Time from the start to the peak, and of the decline.
        tau: "Gyr", 2.0, Bound::square(0.05, 30.0);
    }
}

impl DelayedTauParams {
    /// Natural logarithm of the star formation rate at times `t_gyr` (`[n_gal or 1, n_t]`) up to a
    /// constant, `[n_gal, n_t]`: `SFR ~ (t - t_start) exp(-(t - t_start) / tau)` after `t_start`.
    ///
    /// A history that starts after the reference time has no stars whose mass could be
    /// `lg_mass_formed`: [`SfhParams`](super::SfhParams) then has a constant rate at all times, and
    /// the gradients of `t_start` and `tau` are zero.
    pub fn ln_sfr_shape(&self, t_gyr: Tensor<2>) -> Tensor<2> {
        let elapsed = (t_gyr - column(&self.t_start)).clamp_min(ELAPSED_MIN_GYR);
        elapsed.clone().log() - elapsed / column(&self.tau)
    }

    /// [`ln_sfr_shape`](Self::ln_sfr_shape) of histories that have begun by `t_mass_gyr` (`[n_gal]`),
    /// a constant for the others.
    pub(super) fn ln_sfr_shape_if_begun(
        &self,
        t_gyr: Tensor<2>,
        t_mass_gyr: &Tensor<1>,
    ) -> Tensor<2> {
        let ln_sfr = self.ln_sfr_shape(t_gyr);
        let elapsed = column(&(t_mass_gyr.clone() - self.t_start.clone()));
        let not_begun = elapsed.lower_elem(BEGUN_GYR).expand(ln_sfr.dims());
        ln_sfr.mask_fill(not_begun, 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::ParameterSet;
    use crate::sfh::{AgeWeightMethod, LookbackNodes, SfhContext, SfhParams, TimeTable};
    use crate::testing::{assert_close, for_each_f64_place, values};

    #[test]
    fn mass_follows_the_closed_form() {
        for_each_f64_place(|place| {
            let rows = [&[10.0, 1.0, 2.0][..], &[8.0, 0.0, 25.0], &[11.0, 4.0, 1.0]];
            let shape = DelayedTauParams::from_matrix(&place.rows(&rows)).unwrap();
            let times = TimeTable::uniform(0.05, 13.8, 1101).unwrap();
            let t_ref = place.vector(&[13.8, 13.8, 9.0]);
            let context = SfhContext {
                t_ref_gyr: &t_ref,
                method: AgeWeightMethod::Table,
                times: &times,
                nodes: &LookbackNodes::default(),
                lgt0: 0.0,
                fb: 0.0,
            };
            let table = SfhParams::DelayedTau { shape }.table(&context).unwrap();
            let mass = values(table.mass_formed());
            for ((mass, row), t_ref) in mass.chunks(1101).zip(rows).zip([13.8, 13.8, 9.0]) {
                let formed = |t: f64| {
                    let x = (t - row[1]).max(0.0) / row[2];
                    1.0 - (1.0 + x) * (-x).exp()
                };
                let scale = 10f64.powf(row[0]) / formed(t_ref);
                let want: Vec<f64> = times.t_gyr().iter().map(|t| scale * formed(*t)).collect();
                assert_close(mass, &want, 1e-4, 1e-4 * scale * formed(t_ref));
            }
        });
    }

    #[test]
    fn the_peak_is_tau_after_the_start() {
        for_each_f64_place(|place| {
            let shape = DelayedTauParams::from_matrix(&place.row(&[10.0, 1.0, 2.5])).unwrap();
            let ln_sfr = values(shape.ln_sfr_shape(place.row(&[0.5, 1.0, 3.4, 3.5, 3.6])));
            assert!(ln_sfr[3] > ln_sfr[2] && ln_sfr[3] > ln_sfr[4]);
            assert!(ln_sfr[0] == ln_sfr[1] && ln_sfr[1] < -30.0);
        });
    }
}
