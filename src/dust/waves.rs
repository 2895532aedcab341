//! Wavelengths at which dust is evaluated, with everything that curves need there and that does not
//! depend on a galaxy's dust.

use burn::tensor::{Int, Tensor};

use super::{AttenuationCurve, V_BAND_UM, drude};
use crate::device::Place;

/// Wavelengths prepared for one attenuation curve: the same for all galaxies, or each galaxy's own.
#[derive(Clone, Debug)]
pub struct DustWaves {
    /// The curve without parameters, the logarithm of the tilt's base, and the bump of unit strength:
    /// `[n_gal or 1, 3 * n_wave]`.
    terms: Tensor<2>,
}

impl DustWaves {
    /// Wavelengths \[micrometre\] that all galaxies share.
    pub fn new(curve: AttenuationCurve, wave_um: &[f64], place: &Place) -> Self {
        let base = wave_um.iter().map(|w| curve.base(*w));
        let ln = wave_um.iter().map(|w| (w / V_BAND_UM).ln());
        let bump = wave_um.iter().map(|w| drude(*w));
        Self { terms: place.row(&base.chain(ln).chain(bump).collect::<Vec<f64>>()) }
    }

    /// Number of wavelengths.
    pub fn n_wave(&self) -> usize {
        self.terms.dims()[1] / 3
    }

    /// Wavelengths `start .. start + len`.
    pub fn narrow(&self, start: usize, len: usize) -> Self {
        let n = self.n_wave();
        let parts = (0..3).map(|i| self.terms.clone().narrow(1, i * n + start, len));
        Self { terms: Tensor::cat(parts.collect(), 1) }
    }

    /// One set of wavelengths after the other as if they were those of galaxies, to be
    /// [selected](Self::select).
    pub fn stack(all: Vec<Self>) -> Self {
        Self { terms: Tensor::cat(all.into_iter().map(|waves| waves.terms).collect(), 0) }
    }

    /// For each galaxy the set with its index, `[n_gal]`.
    pub fn select(&self, index: &Tensor<1, Int>) -> Self {
        Self { terms: self.terms.clone().select(0, index.clone()) }
    }

    /// Those of galaxies `start .. start + len`, where each has its own.
    pub fn of_galaxies(&self, start: usize, len: usize) -> Self {
        Self { terms: self.terms.clone().narrow(0, start, len) }
    }

    /// Wavelengths between these and others: `share` (`[n_gal, 1]`) 0 gives these, 1 the others. What
    /// curves need is interpolated linearly.
    pub fn between(&self, other: &Self, share: &Tensor<2>) -> Self {
        let (here, there) = (self.terms.clone(), other.terms.clone());
        Self { terms: here.clone() + (there - here) * share.clone() }
    }

    /// The curve without parameters, `[n_gal or 1, 1, n_wave]`.
    pub(super) fn base(&self) -> Tensor<3> {
        self.term(0)
    }

    /// Tilt `(lambda / 0.55 um)^slope` for slopes `[n_gal, n_age, 1]`, `[n_gal, n_age, n_wave]`.
    pub(super) fn tilt(&self, slope: &Tensor<3>) -> Tensor<3> {
        (slope.clone() * self.term(1)).exp()
    }

    /// The bump of unit strength, `[n_gal or 1, 1, n_wave]`.
    pub(super) fn drude(&self) -> Tensor<3> {
        self.term(2)
    }

    fn term(&self, i: usize) -> Tensor<3> {
        let n = self.n_wave();
        self.terms.clone().narrow(1, i * n, n).unsqueeze_dim(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dust::{DustLaw, ScreenParams, Screens};
    use crate::parameters::ParameterSet;
    use crate::testing::{assert_close, for_each_place, values};

    #[test]
    fn galaxies_may_have_their_own_wavelengths() {
        let (near, far) = ([0.2, 0.5, 1.0], [0.21, 0.52, 1.05]);
        let rows = [[1.0, 0.8, -0.3, 0.1], [0.4, 2.0, 0.2, 0.0]];
        for_each_place(|place| {
            let law = DustLaw::default();
            let one = |row: usize, waves: &[f64]| {
                let screen = ScreenParams::from_matrix(&place.row(&rows[row])).unwrap();
                values(law.transmission(waves, &screen))
            };
            let sets = [&near, &far].map(|waves| law.waves(waves, place)).to_vec();
            let both = DustWaves::stack(sets);
            let own = both.select(&place.indices(&[1, 0]));
            let screens = ScreenParams::from_matrix(&place.rows(&[&rows[0], &rows[1]])).unwrap();
            let got = values(law.transmission_of(&own, &Screens::from(&screens)));
            let want = [one(0, &far), one(1, &near)].concat();
            assert_close(&got, &want, place.tolerance(1e-14, 1e-6), 0.0);
            // The last two alone.
            let got = values(law.transmission_of(&own.narrow(1, 2), &Screens::from(&screens)));
            let want = [&one(0, &far)[1..], &one(1, &near)[1..]].concat();
            assert_close(&got, &want, place.tolerance(1e-14, 1e-6), 0.0);
        });
    }

    #[test]
    fn between_two_sets_lies_what_is_between() {
        for_each_place(|place| {
            let law = DustLaw::default();
            let screen = ScreenParams::from_matrix(&place.row(&[1.0, 0.8, -0.3, 0.1])).unwrap();
            let screens = Screens::from(&screen);
            let (left, right) =
                (law.waves(&[0.30, 0.80], place), law.waves(&[0.303, 0.808], place));
            let middle = left.between(&right, &place.rows(&[&[0.5]]));
            let got = values(law.transmission_of(&middle, &screens));
            let want = values(law.transmission(&[0.3015, 0.804], &screen));
            assert_close(&got, &want, 3e-5, 0.0);
        });
    }
}
