//! DiffstarPop: the distribution of star formation histories given the halo (the model of diffstar 1.0).
//!
//! Galaxies are on one of two sequences, the main sequence or the quenched one. On each the unbounded
//! diffstar parameters are normally distributed, with means and widths that depend on the mass of the halo
//! today and the time at which it peaked; so does the fraction of quenched galaxies. Random numbers come
//! from the caller.

use burn::tensor::{Bool, Tensor};

use super::calibration::DiffstarCalibration;
use super::diffstarpop_table::DIFFSTARPOP;
use super::table::{Block, ParamRow, block};
use crate::Result;
use crate::device::Place;
use crate::numerics::column;
use crate::numerics::sigmoid::step;
use crate::parameters::{ParamInfo, ParameterSet, bounded};
use crate::sfh::DiffstarParams;

/// Mass at which lines in mass have their intercept, log10 Msun.
const LGM_PIVOT: f64 = 12.5;
/// Parameters of the main sequence: efficiency as a function of mass.
const N_MAIN: usize = 4;
/// All parameters, with those of quenching.
const N_ALL: usize = 8;

/// What of haloes decides about their galaxies, `[n_gal]` each.
#[derive(Clone, Debug)]
pub struct HostHaloes {
    /// log10 of the mass \[Msun\] today.
    pub logmp0: Tensor<1>,
    /// Cosmic time at which it peaked \[Gyr\].
    pub t_peak_gyr: Tensor<1>,
    /// The infall of those that are satellites; without, all are centrals.
    pub infall: Option<Infall>,
}

/// How satellites came into their hosts, `[n_gal]` each; what centrals have there does not matter.
#[derive(Clone, Debug)]
pub struct Infall {
    /// Which galaxies are satellites.
    pub is_satellite: Tensor<1, Bool>,
    /// log10 of the mass in units of that of the host, at infall.
    pub lgmu: Tensor<1>,
    /// log10 of the mass of the host \[Msun\] at infall.
    pub logmhost: Tensor<1>,
    /// Time since infall \[Gyr\].
    pub gyr_since: Tensor<1>,
}

/// Standard normals of a batch of galaxies.
#[derive(Clone, Debug)]
pub struct GalaxyDraws {
    /// Of the main sequence, `[n_gal, 4]`.
    pub main: Tensor<2>,
    /// Of the quenched sequence, `[n_gal, 8]`.
    pub quenched: Tensor<2>,
}

/// Means and standard deviations of the unbounded diffstar parameters: `lgmcrit, lgy_at_mcrit, indx_lo,
/// indx_hi`, and for the quenched sequence `lg_qt, qlglgdt, lg_drop, lg_rejuv` as well.
#[derive(Clone, Debug)]
pub struct Sequences {
    /// Of the main sequence, `[n_gal, 4]`.
    pub main_mean: Tensor<2>,
    /// Of the main sequence, `[n_gal, 4]`.
    pub main_std: Tensor<2>,
    /// Of the quenched sequence, `[n_gal, 8]`.
    pub quenched_mean: Tensor<2>,
    /// Of the quenched sequence, `[n_gal, 8]`.
    pub quenched_std: Tensor<2>,
}

/// Galaxies of a batch of haloes were they on one or the other sequence, and how likely that is.
#[derive(Clone, Debug)]
pub struct GalaxyKinds {
    /// On the main sequence.
    pub main: DiffstarParams,
    /// On the quenched sequence.
    pub quenched: DiffstarParams,
    /// Probability of the quenched sequence, `[n_gal]`.
    pub f_quenched: Tensor<1>,
}

/// The model with its parameters.
#[derive(Clone, Debug)]
pub struct DiffstarPop {
    f_quenched: QuenchedFraction,
    curves: Curves,
    lines: Lines,
    delta_uqt: DeltaUqt,
    satellites: SatelliteQuenching,
}

block! {
    /// Of centrals and of satellites before the effect of infall.
    struct QuenchedFraction {
        x0_tpeak, k_tpeak, x0_ylotpeak, x0_yhitpeak, ylo_ylotpeak, ylo_yhitpeak, k, yhi,
    }
}

block! {
    /// Lines in mass whose slope rolls at the point through which they go.
    struct Curves { xtp, ytp, lo, hi }
}

block! {
    /// Lines in mass.
    struct LineParams { int, slp }
}

block! {
    struct DeltaUqt { x0, k, ylo, yhi, slope }
}

block! {
    struct SatelliteQuenching {
        qp_lgmh_crit, td_lgmhc, td_mlo, td_mhi, qphi_lgmu_crit,
        lgmu_lo_mh_lo, lgmu_hi_mh_lo, lgmu_lo_mh_hi, lgmu_hi_mh_hi,
    }
}

/// Curves: `(first parameter, how many)` in the order of [`Curves`], which is main `lgmcrit,
/// lgy_at_mcrit`, the same of the quenched sequence, and `lg_qt`.
const CURVES: [(&str, usize); 3] =
    [("mean_ulgm_mseq_xtp", 2), ("mean_ulgm_qseq_xtp", 2), ("mean_uqt_xtp", 1)];

/// Lines likewise: `(first parameter, ranges)`. Means of the indices on both sequences, other means of the
/// quenched sequence, standard deviations of the main and of the quenched sequence.
const LINES: [(&str, &[(f64, f64)]); 4] = [
    ("mean_ul_mseq_int", &[(-3.0, 5.0), (-5.0, 3.0)]),
    ("mean_ul_qseq_int", &[(-3.0, 5.0), (-5.0, 3.0)]),
    ("mean_uqs_int", &[(-5.0, 2.0), (-3.0, 2.0), (-10.0, 2.0)]),
    (
        "std_ulgm_mseq_int",
        &[
            (0.01, 1.0),
            (0.01, 1.0),
            (0.01, 3.0),
            (0.01, 3.0),
            (0.01, 1.0),
            (0.01, 1.0),
            (0.01, 3.0),
            (0.01, 3.0),
            (0.01, 0.5),
            (0.01, 1.0),
            (0.01, 2.0),
            (0.01, 2.0),
        ],
    ),
];

impl DiffstarPop {
    /// Names, defaults and bounds of the 88 parameters.
    pub const INFO: &'static [ParamInfo] = DIFFSTARPOP;

    /// The model with the given parameters (`[1, 88]`, within their bounds).
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for another shape.
    pub fn new(values: Tensor<2>) -> Result<Self> {
        let row = &ParamRow::new("DiffstarPop", DIFFSTARPOP, values)?;
        let curves = CURVES.map(|(first, n)| row.block(first, [n, Curves::NAMES.len()]));
        Ok(Self {
            f_quenched: QuenchedFraction::of(row, "frac_quench_cen_x0_tpeak", 2),
            curves: Curves::new(Tensor::cat(curves.into(), 0)),
            lines: Lines::of(row),
            delta_uqt: DeltaUqt::of(row, "delta_uqt_x0", 1),
            satellites: SatelliteQuenching::of(row, "qp_lgmh_crit", 1),
        })
    }

    /// The model of a shipped calibration.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) if the embedded data are damaged, which the library's
    /// tests exclude.
    pub fn calibrated(calibration: DiffstarCalibration, place: &Place) -> Result<Self> {
        Self::new(place.row(&calibration.values()?))
    }

    /// The distribution of unbounded parameters on both sequences.
    pub fn sequences(&self, haloes: &HostHaloes) -> Sequences {
        let m = column(&haloes.logmp0);
        let curves = self.curves.at(&m);
        let lines = self.lines.at(&m);
        let curve = |first, n| curves.clone().narrow(1, first, n);
        let line = |first, n| lines.clone().narrow(1, first, n);
        let lg_qt = curve(4, 1) + self.delta_uqt.at(&m, &column(&haloes.t_peak_gyr));
        Sequences {
            main_mean: Tensor::cat(vec![curve(0, 2), line(0, 2)], 1),
            main_std: line(7, N_MAIN),
            quenched_mean: Tensor::cat(vec![curve(2, 2), line(2, 2), lg_qt, line(4, 3)], 1),
            quenched_std: line(7 + N_MAIN, N_ALL),
        }
    }

    /// Probability of the quenched sequence, `[n_gal]`.
    pub fn quenched_fraction(&self, haloes: &HostHaloes) -> Tensor<1> {
        let before = self.f_quenched.at(&column(&haloes.logmp0), &column(&haloes.t_peak_gyr));
        let of = |k: usize| -> Tensor<1> { before.clone().narrow(1, k, 1).squeeze_dim(1) };
        match &haloes.infall {
            None => of(0),
            Some(infall) => {
                let satellites = of(1);
                let quenched_since = self.satellites.quenched_since_infall(infall);
                let left = satellites.clone().neg() + 1.0;
                let satellites = satellites + left * quenched_since;
                of(0).mask_where(infall.is_satellite.clone(), satellites)
            }
        }
    }

    /// Galaxies on both sequences, scattered around their means.
    pub fn draw(&self, haloes: &HostHaloes, draws: &GalaxyDraws) -> GalaxyKinds {
        let Sequences { main_mean, main_std, quenched_mean, quenched_std } = self.sequences(haloes);
        let columns = |u: Tensor<2>| {
            let n = u.dims()[1];
            let columns = (0..n).map(|j| u.clone().narrow(1, j, 1).squeeze_dim(1));
            bounded(&DiffstarParams::INFO[..n], columns.collect())
        };
        let mut main = columns(main_mean + main_std * draws.main.clone());
        let unquenched = DiffstarParams::UNQUENCHED
            .map(|value| haloes.logmp0.full_like(value).without_autodiff());
        main.extend(unquenched);
        let quenched = columns(quenched_mean + quenched_std * draws.quenched.clone());
        GalaxyKinds {
            main: DiffstarParams::from_columns(main),
            quenched: DiffstarParams::from_columns(quenched),
            f_quenched: self.quenched_fraction(haloes),
        }
    }
}

impl QuenchedFraction {
    /// `[n_gal, 2]`.
    fn at(&self, m: &Tensor<2>, t_peak: &Tensor<2>) -> Tensor<2> {
        let p = self.clone();
        let roll = p.k_tpeak * (t_peak.clone() - p.x0_tpeak);
        let x0 = step(roll.clone(), p.x0_ylotpeak, p.x0_yhitpeak);
        let lo = step(roll, p.ylo_ylotpeak, p.ylo_yhitpeak);
        step(p.k * (m.clone() - x0), lo, p.yhi)
    }
}

impl Curves {
    /// `[n_gal, n_curve]`.
    fn at(&self, m: &Tensor<2>) -> Tensor<2> {
        let p = self.clone();
        let from_pivot = m.clone() - p.xtp;
        p.ytp + step(from_pivot.clone() * 3.0, p.lo, p.hi) * from_pivot
    }
}

/// Lines in mass that bend smoothly into the ends of their ranges.
#[derive(Clone, Debug)]
struct Lines {
    params: LineParams,
    /// Ends of the ranges, `[1, n_line]`.
    lo: Tensor<2>,
    hi: Tensor<2>,
}

impl Lines {
    fn of(row: &ParamRow) -> Self {
        let blocks = LINES.map(|(first, ranges)| row.block(first, [ranges.len(), 2]));
        let params = LineParams::new(Tensor::cat(blocks.into(), 0));
        let ranges: Vec<(f64, f64)> =
            LINES.iter().flat_map(|(_, ranges)| ranges.to_vec()).collect();
        let (lo, hi): (Vec<f64>, Vec<f64>) = ranges.into_iter().unzip();
        let place = Place::of(&params.int);
        Self { params, lo: place.row(&lo), hi: place.row(&hi) }
    }

    /// `[n_gal, n_line]`: `int + slp (m - 12.5)`, which from 1 % before an end of its range on (as seen
    /// from `int`) goes over, quickly, into a constant there.
    ///
    /// diffstar has the places of these bends in mass, which divides by the slope; in terms of the rise of
    /// the line nothing is divided by it, and a slope of zero is a constant.
    fn at(&self, m: &Tensor<2>) -> Tensor<2> {
        const SPEED: f64 = 2000.0;
        let (lo, hi) = (self.lo.clone(), self.hi.clone());
        let int = self.params.int.clone();
        // A value at the lower end of its range, as f32 may round it, must not divide by zero.
        let depth = (int.clone() - lo).max_pair((hi.clone() - self.lo.clone()) * 1e-6);
        let height = hi - int.clone();
        let rise = self.params.slp.clone() * (m.clone() - LGM_PIVOT);
        let lowest = int.clone() - depth.clone() * 0.99;
        let highest = int.clone() + height.clone() * 0.99;
        let above_low = (rise.clone() + depth.clone() * 0.99) / depth.clone() * SPEED;
        let line = step(above_low, lowest, int + rise.clone());
        let above_high = (rise - height * 0.99) / depth * SPEED;
        step(above_high, line, highest)
    }
}

impl DeltaUqt {
    fn at(&self, m: &Tensor<2>, t_peak: &Tensor<2>) -> Tensor<2> {
        let p = self.clone();
        step(p.k * (t_peak.clone() - p.x0), p.ylo, p.yhi) + p.slope * (m.clone() - LGM_PIVOT)
    }
}

impl SatelliteQuenching {
    /// Share of those not quenched before that quench after infall, `[n_gal]`.
    fn quenched_since_infall(&self, infall: &Infall) -> Tensor<1> {
        let p = self.clone();
        let logmhost = column(&infall.logmhost);
        let delay = step((logmhost.clone() - p.td_lgmhc) * 5.0, p.td_mlo, p.td_mhi);
        let by_mu = (column(&infall.lgmu) - p.qphi_lgmu_crit) * 2.0;
        let low_host = step(by_mu.clone(), p.lgmu_lo_mh_lo, p.lgmu_hi_mh_lo);
        let high_host = step(by_mu, p.lgmu_lo_mh_hi, p.lgmu_hi_mh_hi);
        let all = step((logmhost - p.qp_lgmh_crit) * 5.0, low_host, high_host);
        let since = column(&infall.gyr_since) - delay;
        step(since * 5.0, all.zeros_like().without_autodiff(), all).squeeze_dim(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        assert_close, assert_f32_jacobian, assert_jacobian, box_rows, for_each_f64_place,
        for_each_place, places, values,
    };

    const M: [f64; 3] = [11.5, 12.5, 13.5];
    const T_PEAK: [f64; 3] = [5.0, 9.0, 13.0];

    fn hosts(place: &Place, lgm: &[f64], t_peak: &[f64], satellites: bool) -> HostHaloes {
        let logmp0 = place.vector(lgm);
        let infall = Infall {
            is_satellite: logmp0.clone().greater_elem(0.0),
            lgmu: logmp0.full_like(-1.2),
            logmhost: logmp0.full_like(13.5),
            gyr_since: logmp0.full_like(2.0),
        };
        HostHaloes {
            logmp0,
            t_peak_gyr: place.vector(t_peak),
            infall: satellites.then_some(infall),
        }
    }

    #[test]
    fn reference_values() {
        for_each_f64_place(|place| {
            let model = DiffstarPop::calibrated(DiffstarCalibration::default(), place).unwrap();
            let [centrals, satellites] = [false, true].map(|is| hosts(place, &M, &T_PEAK, is));
            let close = |got: Vec<f64>, want: &[f64]| assert_close(&got, want, 1e-12, 0.0);
            close(
                values(model.quenched_fraction(&centrals)),
                &[0.999, 0.998547939395592, 0.592831167223662],
            );
            close(
                values(model.quenched_fraction(&satellites)),
                &[0.961765047171936, 0.93820114088496, 0.821810876620765],
            );
            let all = model.sequences(&centrals);
            close(
                values(all.main_mean),
                &[
                    11.4996710173627,
                    -11.0598234583708,
                    -2.485,
                    -4.99995,
                    12.3026276097999,
                    -10.1532034644302,
                    -2.806,
                    -4.995,
                    12.5579991749859,
                    -9.77657090123324,
                    -2.99806,
                    -3.516,
                ],
            );
            close(
                values(all.quenched_mean),
                &[
                    11.6054487618459,
                    -10.256045538305,
                    -0.852,
                    -0.641,
                    1.25702257189482,
                    0.592,
                    -2.99997,
                    -7.639,
                    11.975890881009,
                    -9.60163854615034,
                    -0.597,
                    -1.44,
                    0.964006977045642,
                    0.665,
                    -2.997,
                    -4.668,
                    12.2489842717209,
                    -9.18636198879941,
                    -0.342,
                    -2.239,
                    0.611715756628245,
                    0.738,
                    -2.037,
                    -1.697,
                ],
            );
            close(
                values(all.main_std),
                &[
                    0.121, 0.01047, 1.87, 0.01001, 0.063, 0.057, 0.871, 0.011, 0.01053, 0.303,
                    0.01861, 0.025,
                ],
            );
            close(
                values(all.quenched_std),
                &[
                    0.749,
                    0.01035,
                    0.126,
                    0.0100099999999794,
                    0.033,
                    0.01067,
                    1.287,
                    1.963,
                    0.44,
                    0.045,
                    0.762,
                    0.011,
                    0.054,
                    0.077,
                    0.288,
                    0.965,
                    0.131,
                    0.164,
                    1.398,
                    0.012,
                    0.075,
                    0.151,
                    0.01278,
                    0.01955,
                ],
            );
        });
    }

    #[test]
    fn draws_have_the_means_and_widths_of_the_model() {
        let place = &places(crate::device::Precision::F64)[0];
        let n = 4000;
        let normals = |first: usize, width: usize| {
            let one = |i: usize| {
                crate::numerics::random::normal(5, (i / width) as u64, (first + i % width) as u64)
            };
            place.matrix(&(0..n * width).map(one).collect::<Vec<_>>(), [n, width])
        };
        let draws = GalaxyDraws { main: normals(0, N_MAIN), quenched: normals(N_MAIN, N_ALL) };
        let haloes = hosts(place, &vec![12.3; n], &vec![7.0; n], false);
        let model = DiffstarPop::calibrated(DiffstarCalibration::default(), place).unwrap();
        let kinds = model.draw(&haloes, &draws);
        let all = model.sequences(&haloes);
        for (params, mean, std) in [
            (kinds.main, all.main_mean, all.main_std),
            (kinds.quenched, all.quenched_mean, all.quenched_std),
        ] {
            let (mean, std, drawn) = (values(mean), values(std), values(params.to_unbounded()));
            let width = mean.len() / n;
            let z = |i: usize, j: usize| (drawn[i * N_ALL + j] - mean[j]) / std[j];
            let limit = 4.0 / (n as f64).sqrt();
            for j in 0..width {
                let average = (0..n).map(|i| z(i, j)).sum::<f64>() / n as f64;
                assert!(average.abs() < limit, "mean {j}: {average}");
                for l in 0..=j {
                    let product = (0..n).map(|i| z(i, j) * z(i, l)).sum::<f64>() / n as f64;
                    let want = f64::from(u8::from(l == j));
                    assert!((product - want).abs() < 1.5 * limit, "{j} {l}: {product}");
                }
            }
        }
        let main = model.draw(&haloes, &draws).main.to_matrix();
        assert_eq!(values(main)[N_MAIN..N_ALL], DiffstarParams::UNQUENCHED);
    }

    /// Both sequences and the fraction of two galaxies, for a row of parameters that is broadcast.
    fn drawn(row: Tensor<2>, satellites: bool) -> Tensor<2> {
        let place = Place::of(&row);
        let model = DiffstarPop::new(row).unwrap();
        let haloes = hosts(&place, &[11.7, 13.2], &[6.0, 10.5], satellites);
        let draws = GalaxyDraws {
            main: place.rows(&[&[0.3, -1.0, 0.6, 0.2], &[-0.2, 0.4, 1.3, -0.5]]),
            quenched: place.rows(&[
                &[1.1, 0.2, -0.7, 0.1, 0.4, -0.6, 0.9, 0.3],
                &[0.5, -0.3, 0.2, 0.6, -0.4, 0.8, 0.1, -1.2],
            ]),
        };
        let kinds = model.draw(&haloes, &draws);
        let all = [&kinds.main.columns()[..N_MAIN], &kinds.quenched.columns(), &[kinds.f_quenched]];
        Tensor::cat(all.concat(), 0).unsqueeze()
    }

    #[test]
    fn gradients_of_every_parameter() {
        for_each_f64_place(|place| {
            for calibration in [DiffstarCalibration::PopfitUm, DiffstarCalibration::FitsTng] {
                let row = calibration.values().unwrap();
                for satellites in [false, true] {
                    assert_jacobian(&[&row], 1e-6, place, |p| drawn(p, satellites));
                }
            }
        });
        let row = DiffstarCalibration::FitsTng.values().unwrap();
        assert_f32_jacobian(&[&row], 1e-3, |p| drawn(p, true));
    }

    #[test]
    fn galaxies_are_finite_everywhere_in_the_box() {
        for_each_place(|place| {
            let corners = crate::testing::corner_rows(DIFFSTARPOP, 6);
            for row in [box_rows(DIFFSTARPOP, 6, 0.0), corners].concat() {
                for satellites in [false, true] {
                    let galaxy = values(drawn(place.row(&row), satellites));
                    assert!(galaxy.iter().all(|v| v.is_finite()), "{galaxy:?}");
                    assert!(galaxy[24..].iter().all(|f| (0.0..=1.0 + 1e-6).contains(f)));
                }
            }
        });
    }

    #[test]
    fn a_line_without_a_slope_is_its_intercept_and_lines_stay_in_their_range() {
        for_each_place(|place| {
            let mut row = DiffstarCalibration::default().values().unwrap();
            let index = |name: &str| DIFFSTARPOP.iter().position(|p| p.name == name).unwrap();
            row[index("mean_ul_mseq_slp")] = 0.0;
            row[index("mean_uh_mseq_slp")] = 20.0;
            let at = |m: f64| {
                let model = DiffstarPop::new(place.row(&row)).unwrap();
                values(model.sequences(&hosts(place, &[m], &[9.0], false)).main_mean)
            };
            let tolerance = place.tolerance(1e-12, 1e-6);
            for m in [9.0, 12.5, 16.0] {
                assert_close(&[at(m)[2]], &[row[index("mean_ul_mseq_int")]], tolerance, 0.0);
            }
            assert!(at(16.0)[3] <= 3.0 && at(16.0)[3] > 2.9 && at(9.0)[3] >= -5.0);
        });
    }

    #[test]
    fn blocks_of_the_table_hold_what_their_names_say() {
        let start = |first: &str| DIFFSTARPOP.iter().position(|p| p.name == first).unwrap();
        let lines = LINES.map(|(first, ranges)| (first, LineParams::NAMES, ranges.len()));
        let curves = CURVES.map(|(first, n)| (first, Curves::NAMES, n));
        let others = [
            ("frac_quench_cen_x0_tpeak", QuenchedFraction::NAMES, 2),
            ("delta_uqt_x0", DeltaUqt::NAMES, 1),
            ("qp_lgmh_crit", SatelliteQuenching::NAMES, 1),
        ];
        let mut n = 0;
        for (first, names, rows) in [&lines[..], &curves, &others].concat() {
            for (i, info) in DIFFSTARPOP[start(first)..][..rows * names.len()].iter().enumerate() {
                assert!(info.name.ends_with(names[i % names.len()]), "{} in {first}", info.name);
                n += 1;
            }
        }
        assert_eq!((n, DIFFSTARPOP.len()), (88, 88));
        // The order of the means and widths.
        let names: Vec<&str> = LINES
            .iter()
            .flat_map(|(first, ranges)| {
                DIFFSTARPOP[start(first)..].iter().step_by(2).take(ranges.len())
            })
            .map(|p| p.name.trim_end_matches("_int"))
            .collect();
        assert_eq!(names[4..7], ["mean_uqs", "mean_udrop", "mean_urej"]);
        assert_eq!(names[7], "std_ulgm_mseq");
        assert_eq!(names[15..], ["std_uqt", "std_uqs", "std_udrop", "std_urej"]);
    }
}
