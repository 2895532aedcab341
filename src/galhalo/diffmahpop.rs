//! DiffmahPop: the distribution of halo mass histories given the mass that a halo is observed to have
//! (the model of diffmah 0.7).
//!
//! Haloes are of two kinds, early and late. For each kind the mean of the diffmah parameters depends
//! smoothly on the observed mass, the time of observation and the time at which the halo peaks; the
//! unbounded parameters scatter around it as a multivariate normal. Random numbers come from the caller.

use burn::tensor::{Bool, Tensor};

use super::diffmahpop_table::DIFFMAHPOP;
use super::peak_time::{CentralPeak, SatellitePeak};
use super::table::{Block, ParamRow, block};
use crate::Result;
use crate::device::Place;
use crate::halo::DiffmahParams;
use crate::numerics::cholesky::{correlation_factor, correlation_matrix};
use crate::numerics::column;
use crate::numerics::sigmoid::step;
use crate::parameters::{ParamInfo, ParameterSet, bounded, unbounded};

/// Range of the means of `logm0`, just within that of diffmah, outside which they have no unbounded value.
const LOGM0_MIN: f64 = 0.001;
const LOGM0_MAX: f64 = 16.999;

/// Mass at which linear terms in mass vanish, log10 Msun.
const LGM_PIVOT: f64 = 12.0;
/// Parameters that scatter: all but the peak time.
const N_SCATTER: usize = 4;

/// What is known about haloes, `[n_gal]` each.
#[derive(Clone, Debug)]
pub struct ObservedHaloes {
    /// log10 of the mass \[Msun\] at the time of observation.
    pub lgm_obs: Tensor<1>,
    /// Cosmic time of observation \[Gyr\].
    pub t_obs_gyr: Tensor<1>,
    /// Which of them are satellites; none without.
    pub is_satellite: Option<Tensor<1, Bool>>,
}

/// Random numbers of a batch of haloes.
#[derive(Clone, Debug)]
pub struct HaloDraws {
    /// Standard normals of the parameters of early haloes, `[n_gal, 4]`.
    pub early: Tensor<2>,
    /// Those of late haloes.
    pub late: Tensor<2>,
}

/// Mean diffmah parameters of early (column 0) and late haloes (column 1), `[n_gal, 2]` each.
#[derive(Clone, Debug)]
pub struct HaloMeans {
    /// log10 Msun.
    pub logm0: Tensor<2>,
    /// log10 Gyr.
    pub logtc: Tensor<2>,
    /// Early index.
    pub early_index: Tensor<2>,
    /// Late index.
    pub late_index: Tensor<2>,
}

/// Histories of a batch of haloes were they early or late, and how likely each is.
#[derive(Clone, Debug)]
pub struct HaloKinds {
    /// Of the early kind.
    pub early: DiffmahParams,
    /// Of the late kind.
    pub late: DiffmahParams,
    /// Probability of the early kind, `[n_gal]`.
    pub f_early: Tensor<1>,
}

/// The model with its parameters.
#[derive(Clone, Debug)]
pub struct DiffmahPop {
    pub(super) central_peak: CentralPeak,
    pub(super) satellite_peak: SatellitePeak,
    logm0_centrals: Logm0,
    logm0_satellites: Logm0,
    logtc: Logtc,
    early_index: EarlyIndex,
    late_index: LateIndex,
    f_early: EarlyFraction,
    scatter: Scatter,
    /// Correlations, `[1, 6]`.
    rho: Tensor<2>,
}

block! {
    /// Mass today relative to that observed.
    struct Logm0 {
        c0_ytp, c0_ylo, c0_clip_c0, c0_clip_c1, c0_t_obs_x0,
        c1_ytp, c1_ylo, c1_clip_x0, c1_clip_ylo, c1_clip_yhi, c1_t_obs_x0,
    }
}

block! {
    struct Logtc { ytp_tobs_c0, ytp_tobs_c1, ylo, yhi, c1, x0 }
}

block! {
    struct EarlyIndex { ylo_x0, ylo_ylo, ylo_yhi, yhi_ylo, yhi_yhi, yhi_x0, lgm_x0 }
}

block! {
    struct LateIndex { x0, ylo, yhi }
}

block! {
    struct EarlyFraction { t_obs_x0, lgm_x0, ylo_early, ylo_late, yhi_early, yhi_late }
}

/// Standard deviations of the unbounded parameters at low and at high mass, and the mass between.
#[derive(Clone, Debug)]
struct Scatter {
    ylo: Tensor<2>,
    yhi: Tensor<2>,
    lgm_x0: Tensor<2>,
}

impl DiffmahPop {
    /// Names, defaults and bounds of the 113 parameters.
    pub const INFO: &'static [ParamInfo] = DIFFMAHPOP;

    /// The model with the given parameters (`[1, 113]`, within their bounds).
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for another shape.
    pub fn new(values: Tensor<2>) -> Result<Self> {
        let row = &ParamRow::new("DiffmahPop", DIFFMAHPOP, values)?;
        let scatter = |first| row.block(first, [1, N_SCATTER]);
        Ok(Self {
            central_peak: CentralPeak::of(row),
            satellite_peak: SatellitePeak::of(row),
            logm0_centrals: Logm0::of(row, "lgm0pop_c0_ytp_early", 2),
            logm0_satellites: Logm0::of(row, "lgm0pop_c0_ytp_early_sats", 2),
            logtc: Logtc::of(row, "logtc_lgm_c0_tp_ytp_tobs_c0_early", 2),
            early_index: EarlyIndex::of(row, "early_index_ylo_x0_alpha", 2),
            late_index: LateIndex::of(row, "late_index_x0_alpha", 2),
            f_early: EarlyFraction::of(row, "fec_t_obs_x0", 1),
            scatter: Scatter {
                ylo: scatter("std_u_logm0_ylo"),
                yhi: scatter("std_u_logm0_yhi"),
                lgm_x0: scatter("cov_lgm_x0_logm0"),
            },
            rho: row.block("rho_logtc_logm0", [1, N_SCATTER * (N_SCATTER - 1) / 2]),
        })
    }

    /// The model with default parameters.
    ///
    /// # Errors
    /// None: the table has a default for every parameter.
    pub fn defaults(place: &Place) -> Result<Self> {
        let values: Vec<f64> = DIFFMAHPOP.iter().map(|p| p.default).collect();
        Self::new(place.row(&values))
    }

    /// Mean parameters of haloes that peak at `t_peak_gyr` (`[n_gal]`).
    pub fn means(&self, haloes: &ObservedHaloes, t_peak_gyr: &Tensor<1>) -> HaloMeans {
        let m = column(&haloes.lgm_obs);
        let (t_obs, t_peak) = (column(&haloes.t_obs_gyr), column(t_peak_gyr));
        let mut logm0 = self.logm0_centrals.mean(&m, &t_obs, &t_peak);
        if let Some(is_satellite) = &haloes.is_satellite {
            let is_satellite = is_satellite.clone().unsqueeze_dim::<2>(1).repeat_dim(1, 2);
            let satellites = self.logm0_satellites.mean(&m, &t_obs, &t_peak);
            logm0 = logm0.mask_where(is_satellite, satellites);
        }
        HaloMeans {
            logm0,
            logtc: self.logtc.mean(&m, &t_obs, &t_peak),
            early_index: self.early_index.mean(&m, &t_obs, &t_peak),
            late_index: self.late_index.mean(&m),
        }
    }

    /// Fraction of early haloes, `[n_gal]`.
    pub fn early_fraction(&self, haloes: &ObservedHaloes) -> Tensor<1> {
        let p = self.f_early.clone();
        let roll = column(&haloes.t_obs_gyr) - p.t_obs_x0;
        let lo = step(roll.clone(), p.ylo_early, p.ylo_late);
        let hi = step(roll, p.yhi_early, p.yhi_late);
        step((column(&haloes.lgm_obs) - p.lgm_x0) * 4.0, lo, hi).squeeze_dim(1)
    }

    /// Standard deviations of the unbounded parameters `logm0, logtc, early_index, late_index`,
    /// `[n_gal, 4]`.
    pub fn standard_deviations(&self, haloes: &ObservedHaloes) -> Tensor<2> {
        let Scatter { ylo, yhi, lgm_x0 } = self.scatter.clone();
        step((column(&haloes.lgm_obs) - lgm_x0) * 2.0, ylo, yhi)
    }

    /// Covariances of the same, `[n_gal, 4, 4]`.
    pub fn covariances(&self, haloes: &ObservedHaloes) -> Tensor<3> {
        let std = self.standard_deviations(haloes);
        let products = std.clone().unsqueeze_dim::<3>(2) * std.unsqueeze_dim::<3>(1);
        products * correlation_matrix(&self.rho, N_SCATTER).unsqueeze::<3>()
    }

    /// Histories of haloes of both kinds, scattered around their means.
    ///
    /// `t_peak_gyr` (`[n_gal]`) is given or [drawn](Self::peak_times).
    pub fn draw(
        &self,
        haloes: &ObservedHaloes,
        t_peak_gyr: &Tensor<1>,
        draws: &HaloDraws,
    ) -> HaloKinds {
        let infos = &DiffmahParams::INFO[..N_SCATTER];
        let HaloMeans { logm0, logtc, early_index, late_index } = self.means(haloes, t_peak_gyr);
        let n_gal = logm0.dims()[0];
        // Both kinds as one batch: the early ones, then the late ones.
        let both = |x: Tensor<2>| x.transpose().reshape([2 * n_gal]);
        let means = [logm0, logtc, early_index, late_index].map(both);
        let means = Tensor::stack::<2>(unbounded(infos, means.into()), 1);
        let std = self.standard_deviations(haloes);
        let normals = Tensor::cat(vec![draws.early.clone(), draws.late.clone()], 0);
        let correlated = normals.matmul(correlation_factor(&self.rho, N_SCATTER).transpose());
        let u = means + correlated * Tensor::cat(vec![std.clone(), std], 0);
        let columns = (0..N_SCATTER).map(|j| u.clone().narrow(1, j, 1).squeeze_dim(1));
        let values = bounded(infos, columns.collect());
        let kind = |k: usize| {
            let of_kind = |x: &Tensor<1>| x.clone().narrow(0, k * n_gal, n_gal);
            let columns = values.iter().map(of_kind).chain([t_peak_gyr.clone()]);
            DiffmahParams::from_columns(columns.collect())
        };
        HaloKinds { early: kind(0), late: kind(1), f_early: self.early_fraction(haloes) }
    }
}

/// A line through `(x, y)` whose slope rolls from `lo` to `hi`.
fn rolling_line(
    from_x: Tensor<2>,
    y: Tensor<2>,
    roll: Tensor<2>,
    lo: Tensor<2>,
    hi: Tensor<2>,
) -> Tensor<2> {
    y + step(roll, lo, hi) * from_x
}

impl Logm0 {
    fn mean(&self, m: &Tensor<2>, t_obs: &Tensor<2>, t_peak: &Tensor<2>) -> Tensor<2> {
        let p = self.clone();
        let flat = p.c0_ylo.zeros_like().without_autodiff();
        let roll = (t_obs.clone() - p.c0_t_obs_x0) * 0.25;
        let c0 = rolling_line(t_obs.clone() - 15.0, p.c0_ytp, roll, p.c0_ylo, flat.clone());
        let c0 = c0.max_pair(p.c0_clip_c0 + p.c0_clip_c1 * t_peak.clone());
        let roll = (t_obs.clone() - p.c1_t_obs_x0) * 0.25;
        let c1 = rolling_line(t_obs.clone() - 10.0, p.c1_ytp, roll, p.c1_ylo, flat);
        let c1 = c1.max_pair(step(t_peak.clone() - p.c1_clip_x0, p.c1_clip_ylo, p.c1_clip_yhi));
        // Massive haloes long ago would have grown beyond the range of diffmah.
        (m.clone() + c0 + c1 * (m.clone() - LGM_PIVOT)).clamp(LOGM0_MIN, LOGM0_MAX)
    }
}

impl Logtc {
    fn mean(&self, m: &Tensor<2>, t_obs: &Tensor<2>, t_peak: &Tensor<2>) -> Tensor<2> {
        let p = self.clone();
        let at_10_gyr = p.ytp_tobs_c0 + p.ytp_tobs_c1 * t_obs.clone();
        let roll = (t_peak.clone() - p.x0) * 0.5;
        let c0 = rolling_line(t_peak.clone() - 10.0, at_10_gyr, roll, p.ylo, p.yhi);
        (c0 + p.c1 * (m.clone() - LGM_PIVOT)).clamp(-0.999, 0.999)
    }
}

impl EarlyIndex {
    fn mean(&self, m: &Tensor<2>, t_obs: &Tensor<2>, t_peak: &Tensor<2>) -> Tensor<2> {
        let p = self.clone();
        let lo = step(t_peak.clone() - p.ylo_x0, p.ylo_ylo, p.ylo_yhi);
        let hi = step((t_obs.clone() - p.yhi_x0) * 0.5, p.yhi_ylo, p.yhi_yhi);
        step(m.clone() - p.lgm_x0, lo, hi).clamp(0.101, 9.999)
    }
}

impl LateIndex {
    fn mean(&self, m: &Tensor<2>) -> Tensor<2> {
        let p = self.clone();
        step(m.clone() - p.x0, p.ylo, p.yhi).clamp(0.101, 4.999)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        assert_close, assert_f32_jacobian, assert_jacobian, box_rows, for_each_f64_place,
        for_each_place, values,
    };

    fn haloes(place: &Place, lgm: &[f64], t_obs: &[f64], is_satellite: bool) -> ObservedHaloes {
        let lgm_obs = place.vector(lgm);
        let all = lgm_obs.clone().greater_elem(0.0);
        ObservedHaloes {
            t_obs_gyr: place.vector(t_obs),
            is_satellite: is_satellite.then_some(all),
            lgm_obs,
        }
    }

    #[test]
    fn reference_values() {
        for_each_f64_place(|place| {
            let model = DiffmahPop::defaults(place).unwrap();
            let t_peak = place.vector(&[5.0]);
            let [centrals, satellites] = [false, true].map(|is| haloes(place, &[12.7], &[8.0], is));
            let check = |got: Tensor<2>, want: &[f64]| assert_close(&values(got), want, 1e-12, 0.0);
            let means = model.means(&centrals, &t_peak);
            check(means.logm0, &[13.2352331986139, 13.2383990720303]);
            check(means.logtc, &[0.244540774840324, 0.478355532630661]);
            check(means.early_index, &[3.47982904228576, 1.70920709187711]);
            check(means.late_index, &[0.19, 0.19]);
            let means = model.means(&satellites, &t_peak);
            check(means.logm0, &[13.090013642795, 13.0577033342649]);
            let f_early = values(model.early_fraction(&centrals));
            assert_close(&f_early, &[0.346137357666763], 1e-12, 0.0);
            let covariance = [
                0.000230184085119255,
                -0.0026398877009239,
                0.000461118059224284,
                0.00895955772894999,
                -0.0026398877009239,
                0.587548737809634,
                0.0168701028481863,
                -0.18886794140277,
                0.000461118059224284,
                0.0168701028481863,
                0.0109838090296439,
                -0.0618907024865132,
                0.00895955772894998,
                -0.18886794140277,
                -0.0618907024865132,
                4.1466927277165,
            ];
            check(model.covariances(&centrals).squeeze_dim(0), &covariance);
        });
    }

    #[test]
    fn draws_have_the_means_and_covariances_of_the_model() {
        let place = &crate::testing::places(crate::device::Precision::F64)[0];
        let n = 4000;
        let normals = |first: u64| {
            let one = |i: usize| {
                let (id, k) = ((i / N_SCATTER) as u64, first + (i % N_SCATTER) as u64);
                crate::numerics::random::normal(11, id, k)
            };
            let all: Vec<f64> = (0..n * N_SCATTER).map(one).collect();
            place.matrix(&all, [n, N_SCATTER])
        };
        let model = DiffmahPop::defaults(place).unwrap();
        let draws = HaloDraws { early: normals(0), late: normals(4) };
        let haloes = haloes(place, &vec![12.7; n], &vec![8.0; n], false);
        let t_peak = place.vector(&vec![5.0; n]);
        let kinds = model.draw(&haloes, &t_peak, &draws);
        let HaloMeans { logm0, logtc, early_index, late_index } = model.means(&haloes, &t_peak);
        let covariance = values(model.covariances(&haloes));
        for (k, kind) in [kinds.early, kinds.late].iter().enumerate() {
            let means = [&logm0, &logtc, &early_index, &late_index]
                .map(|x| x.clone().narrow(1, k, 1).squeeze_dim(1));
            let infos = &DiffmahParams::INFO[..N_SCATTER];
            let mean: Vec<f64> =
                unbounded(infos, means.into()).into_iter().map(|x| values(x)[0]).collect();
            let drawn = values(kind.to_unbounded());
            let at = |i: usize, j: usize| drawn[i * 5 + j];
            for j in 0..N_SCATTER {
                let std = covariance[j * N_SCATTER + j].sqrt();
                let average = (0..n).map(|i| at(i, j)).sum::<f64>() / n as f64;
                assert!((average - mean[j]).abs() < 4.0 * std / (n as f64).sqrt(), "mean {j}");
                for l in 0..=j {
                    let products = (0..n).map(|i| (at(i, j) - mean[j]) * (at(i, l) - mean[l]));
                    let got = products.sum::<f64>() / n as f64;
                    let scale = std * covariance[l * N_SCATTER + l].sqrt();
                    let off = (got - covariance[j * N_SCATTER + l]).abs();
                    assert!(off < 6.0 * scale / (n as f64).sqrt(), "covariance {j} {l}");
                }
            }
            assert_eq!(values(kind.t_peak.clone()), values(t_peak.clone()));
        }
    }

    /// Every parameter of two haloes of each kind and the fraction, for a row of parameters that is
    /// broadcast.
    fn drawn(row: Tensor<2>, is_satellite: bool) -> Tensor<2> {
        let place = Place::of(&row);
        let model = DiffmahPop::new(row).unwrap();
        let haloes = haloes(&place, &[11.6, 13.4], &[5.5, 9.5], is_satellite);
        let uniforms = place.vector(&[0.3, 0.71]);
        let t_peak = model.peak_times(&haloes, &uniforms, 13.8f64.log10());
        let draws = HaloDraws {
            early: place.rows(&[&[0.3, -1.0, 0.6, 0.2], &[-0.2, 0.4, 1.3, -0.5]]),
            late: place.rows(&[&[1.1, 0.2, -0.7, 0.1], &[0.5, -0.3, 0.2, 0.6]]),
        };
        let kinds = model.draw(&haloes, &t_peak, &draws);
        let all = [kinds.early.columns(), kinds.late.columns(), vec![kinds.f_early]].concat();
        Tensor::cat(all, 0).unsqueeze()
    }

    #[test]
    fn gradients_of_every_parameter() {
        let row: Vec<f64> = DIFFMAHPOP.iter().map(|p| p.default).collect();
        for_each_f64_place(|place| {
            for is_satellite in [false, true] {
                assert_jacobian(&[&row], 1e-6, place, |p| drawn(p, is_satellite));
            }
        });
        for is_satellite in [false, true] {
            assert_f32_jacobian(&[&row], 3e-3, |p| drawn(p, is_satellite));
        }
    }

    #[test]
    fn massive_haloes_long_ago_stay_in_the_range_of_diffmah() {
        for_each_place(|place| {
            let model = DiffmahPop::defaults(place).unwrap();
            let observed = haloes(place, &[15.5], &[1.5], false);
            let means = model.means(&observed, &place.vector(&[1.5]));
            let logm0 = values(means.logm0);
            assert!(logm0.iter().all(|m| *m > 15.5 && *m < 17.0), "{logm0:?}");
        });
    }

    #[test]
    fn haloes_are_finite_everywhere_in_the_box() {
        for_each_place(|place| {
            let rows = [box_rows(DIFFMAHPOP, 5, 0.0), crate::testing::corner_rows(DIFFMAHPOP, 4)];
            for row in rows.concat() {
                for is_satellite in [false, true] {
                    let halo = values(drawn(place.row(&row), is_satellite));
                    assert!(halo.iter().all(|v| v.is_finite()), "{halo:?}");
                    let f_early = &halo[20..];
                    assert!(f_early.iter().all(|f| (0.0..=1.0).contains(f)));
                }
            }
        });
    }

    #[test]
    fn blocks_of_the_table_hold_what_their_names_say() {
        let start = |first: &str| DIFFMAHPOP.iter().position(|p| p.name == first).unwrap();
        for (first, names) in [
            ("lgm0pop_c0_ytp_early", Logm0::NAMES),
            ("lgm0pop_c0_ytp_late_sats", Logm0::NAMES),
            ("logtc_lgm_c0_tp_ytp_tobs_c0_late", Logtc::NAMES),
            ("early_index_ylo_x0_beta", EarlyIndex::NAMES),
            ("late_index_x0_beta", LateIndex::NAMES),
            ("fec_t_obs_x0", EarlyFraction::NAMES),
        ] {
            for (info, name) in DIFFMAHPOP[start(first)..].iter().zip(names) {
                assert!(info.name.contains(name), "{} {name}", info.name);
            }
        }
        assert_eq!(DIFFMAHPOP.len(), 113);
    }
}
