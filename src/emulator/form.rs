//! The form of an emulator: from parameters to the inputs of its network, and from the outputs to a
//! distribution over its age bins.

use std::f64::consts::LN_10;

use burn::tensor::Tensor;
use burn::tensor::activation::softmax;

use super::bins::age_edges_gyr;
use super::config::{EmulatorConfig, Head};
use super::prior::PriorBox;
use crate::Result;
use crate::device::Place;
use crate::numerics::integrate::trapezoid_weights;
use crate::numerics::interp::InterpGrid;
use crate::numerics::{column, log10};
use crate::sfh::{
    AgeWeightMethod, LookbackNodes, SFR_MIN, SfhContext, SfhModel, SfhParams, TimeTable,
};

/// Shares of mass below this have no logarithm worth having.
const SHARE_MIN: f64 = 1e-20;

/// Lowest logarithm of a rate relative to the mean rate.
const LN_RATE_MIN: f64 = -12.0;

/// What makes logarithms of rates as large as the other inputs.
const RATE_SCALE: f64 = 1.0 / 3.0;

/// The distribution over the age bins of an emulator.
pub(super) struct BinMasses {
    /// Share of the mass in each bin, `[n_gal, n_bin]`.
    pub(super) shares: Tensor<2>,
    /// log10 of the mass formed \[Msun\], `[n_gal]`.
    pub(super) lg_mass_formed: Tensor<1>,
}

/// The constants of an emulator's form, on a device.
#[derive(Clone, Debug)]
pub(super) struct Form {
    head: Head,
    /// Edges of the age bins \[Gyr\].
    edges_gyr: Vec<f64>,
    /// Columns of the parameters that are inputs; the time of observation follows.
    inputs: Vec<usize>,
    /// Column of the parameter in proportion to whose power of ten masses are.
    scale: Option<usize>,
    /// Column of the time of the halo's peak, which does not matter beyond the observation.
    peak: Option<usize>,
    /// Centre and inverse half width of each input.
    centres: Tensor<2>,
    slopes: Tensor<2>,
    /// Youngest age of each bin, its width, and its middle, `[1, n_bin]`.
    youngest: Tensor<2>,
    widths: Tensor<2>,
    middles: Tensor<2>,
    /// Sums of all bins up to each, `[n_bin, n_bin]`.
    sums: Tensor<2>,
    /// Look-back times of the rates that are inputs.
    rates: Option<RateInputs>,
    lgt0: f64,
    fb: f64,
}

/// Exact rates as inputs, and the first guess that cubic curves through their logarithms make.
#[derive(Clone, Debug)]
struct RateInputs {
    nodes: LookbackNodes,
    /// Share of the time of observation that belongs to each node, `[1, n_rate]`.
    spans: Tensor<2>,
    /// From the nodes to points between them, `[n_rate, n_fine]`.
    refine: Tensor<2>,
    /// The points.
    fine: InterpGrid,
    /// Share of the time of observation that belongs to each point, `[1, n_fine]`.
    fine_spans: Tensor<2>,
    /// Not used by nodes.
    times: TimeTable,
}

/// The parameter to whose power of ten masses are proportional, if P(age) does not depend on it.
pub(super) fn scale_parameter(sfh: SfhModel) -> Option<&'static str> {
    match sfh {
        SfhModel::Diffstar => Some("lgy_at_mcrit"),
        SfhModel::DelayedTau | SfhModel::Lognormal | SfhModel::DoublePowerLaw => {
            Some("lg_mass_formed")
        }
        SfhModel::GasDepletion | SfhModel::Diffstar2021 | SfhModel::Piecewise => None,
    }
}

impl Form {
    pub(super) fn new(config: &EmulatorConfig, place: &Place) -> Result<Self> {
        let prior = PriorBox::new(config.sfh, &config.prior)?;
        let names = prior.names();
        let at = |name: &str| names.iter().position(|n| *n == name);
        let n_param = names.len() - 1;
        let scale = scale_parameter(config.sfh).and_then(at);
        let peak = at("t_peak");
        let [_, latest] = prior.t_obs_range_gyr();
        // A parameter of one value tells nothing.
        let varies = |j: usize| prior.ranges()[j][1] > prior.ranges()[j][0];
        let inputs: Vec<usize> = (0..n_param).filter(|j| Some(*j) != scale && varies(*j)).collect();
        let mut ends: Vec<[f64; 2]> = inputs
            .iter()
            .map(|j| {
                let [lo, hi] = prior.ranges()[*j];
                if Some(*j) == peak { [lo.min(latest), hi.min(latest)] } else { [lo, hi] }
            })
            .collect();
        ends.push(prior.t_obs_range_gyr().map(f64::log10));
        let centres: Vec<f64> = ends.iter().map(|[lo, hi]| 0.5 * (lo + hi)).collect();
        let slope = |[lo, hi]: &[f64; 2]| if hi > lo { 2.0 / (hi - lo) } else { 1.0 };
        let slopes: Vec<f64> = ends.iter().map(slope).collect();

        let n_bin = config.network.n_age;
        let edges_gyr = age_edges_gyr(n_bin, latest);
        let widths: Vec<f64> = edges_gyr.windows(2).map(|e| e[1] - e[0]).collect();
        let middles: Vec<f64> = edges_gyr.windows(2).map(|e| 0.5 * (e[1] + e[0])).collect();
        let sums: Vec<f64> =
            (0..n_bin * n_bin).map(|i| if i / n_bin <= i % n_bin { 1.0 } else { 0.0 }).collect();
        let rates = match config.network.n_rate {
            0 => None,
            n => Some(RateInputs::new(LookbackNodes::new(n)?, place)?),
        };
        Ok(Self {
            head: config.network.head,
            youngest: place.row(&edges_gyr[..n_bin]),
            widths: place.row(&widths),
            middles: place.row(&middles),
            sums: place.matrix(&sums, [n_bin, n_bin]),
            edges_gyr,
            inputs,
            scale,
            peak,
            centres: place.row(&centres),
            slopes: place.row(&slopes),
            rates,
            lgt0: config.lgt0,
            fb: config.fb,
        })
    }

    /// Edges of the age bins \[Gyr\].
    pub(super) fn edges_gyr(&self) -> &[f64] {
        &self.edges_gyr
    }

    /// Widths of all layers of a network of this form.
    pub(super) fn widths(&self, config: &EmulatorConfig) -> Vec<usize> {
        let n_bin = self.edges_gyr.len() - 1;
        let mut widths = vec![self.inputs.len() + 1 + config.network.n_rate];
        widths.extend(&config.network.hidden);
        if self.head == Head::LowRank {
            widths.push(config.network.rank);
        }
        // One more for the mass.
        widths.push(n_bin + 1);
        widths
    }

    /// Inputs of the network and what its outputs are added to, for galaxies observed at `t_obs_gyr`
    /// (`[n_gal]`).
    pub(super) fn prepare(&self, sfh: &SfhParams, t_obs_gyr: &Tensor<1>) -> Result<Prepared> {
        let columns = sfh.columns();
        let lg_t_obs = log10(t_obs_gyr.clone());
        let mut inputs: Vec<Tensor<1>> = self
            .inputs
            .iter()
            .map(|j| match columns[*j].clone() {
                peak if Some(*j) == self.peak => peak.min_pair(t_obs_gyr.clone()),
                other => other,
            })
            .collect();
        inputs.push(lg_t_obs.clone());
        let inputs = Tensor::stack::<2>(inputs, 1);
        let mut inputs = (inputs - self.centres.clone()) * self.slopes.clone();

        let t_obs = column(t_obs_gyr);
        let inside = (t_obs.clone() - self.youngest.clone()).clamp_min(0.0);
        let inside = inside.min_pair(self.widths.clone().expand([t_obs.dims()[0], self.n_bin()]));
        let ln_span = (inside / t_obs.clone()).clamp_min(SHARE_MIN).log();
        // Msun for rates in Msun/yr.
        let (mut ln_rate, mut lg_mass) = (None, lg_t_obs + 9.0);
        match &self.rates {
            None => {
                if let Some(j) = self.scale {
                    lg_mass = lg_mass + columns[j].clone();
                }
            }
            Some(rates) => {
                let context = SfhContext {
                    t_ref_gyr: t_obs_gyr,
                    method: AgeWeightMethod::Nodes,
                    times: &rates.times,
                    nodes: &rates.nodes,
                    lgt0: self.lgt0,
                    fb: self.fb,
                };
                let sfr = sfh.sfr_at_nodes(&context, t_obs_gyr)?.clamp_min(SFR_MIN);
                let mean = (sfr.clone() * rates.spans.clone()).sum_dim(1);
                let relative = (sfr / mean.clone()).log().clamp_min(LN_RATE_MIN);
                inputs = Tensor::cat(vec![inputs, relative.clone() * RATE_SCALE], 1);
                let between = relative.matmul(rates.refine.clone());
                let fine_mean = (between.clone().exp() * rates.fine_spans.clone()).sum_dim(1);
                lg_mass = lg_mass + log10((mean * fine_mean).squeeze_dim::<1>(1));
                let x = self.middles.clone() / t_obs;
                ln_rate = Some(rates.fine.interp_rows(x, between));
            }
        }
        Ok(Prepared { inputs, ln_span, ln_rate, lg_mass })
    }

    fn n_bin(&self) -> usize {
        self.edges_gyr.len() - 1
    }

    /// The distribution that the outputs of the network stand for.
    pub(super) fn masses(&self, outputs: Tensor<2>, prepared: &Prepared) -> BinMasses {
        let n_bin = self.n_bin();
        let of_mass: Tensor<1> = outputs.clone().narrow(1, n_bin, 1).squeeze_dim(1);
        let of_bins = outputs.narrow(1, 0, n_bin);
        let guess = |of_bins: Tensor<2>| match &prepared.ln_rate {
            Some(ln_rate) => of_bins + ln_rate.clone(),
            None => of_bins,
        };
        let shares = match self.head {
            Head::Rates | Head::LowRank => softmax(guess(of_bins) + prepared.ln_span.clone(), 1),
            Head::Bins => {
                let empty = prepared.ln_span.clone().lower_equal_elem(SHARE_MIN.ln() + 1.0);
                softmax(of_bins.mask_fill(empty, SHARE_MIN.ln()), 1)
            }
            Head::Cumulative => self.broken_stick(of_bins, prepared),
        };
        BinMasses { shares, lg_mass_formed: prepared.lg_mass.clone() + of_mass / LN_10 }
    }

    /// Shares from the odds of being younger than the beginning of a bin when younger than its end.
    fn broken_stick(&self, of_bins: Tensor<2>, prepared: &Prepared) -> Tensor<2> {
        let guess = match &prepared.ln_rate {
            Some(ln_rate) => softmax(ln_rate.clone() + prepared.ln_span.clone(), 1),
            None => prepared.ln_span.clone().exp(),
        };
        let n_bin = self.n_bin();
        let before = guess.clone().matmul(self.sums.clone()) - guess.clone();
        // Log odds of being in the bin rather than younger.
        let odds = (guess.clamp_min(SHARE_MIN) / before.clamp_min(SHARE_MIN)).log() + of_bins;
        let ln_in = softplus(odds.clone().neg()).neg();
        let ln_younger = softplus(odds).neg();
        // All that is left is in the first bin.
        let ln_younger = ln_younger.narrow(1, 1, n_bin - 1);
        let ln_in = ln_in.narrow(1, 1, n_bin - 1);
        let nothing = ln_younger.clone().narrow(1, 0, 1).zeros_like();
        // ln F at the end of each bin: the sum over all later bins.
        let above = self.sums.clone().transpose();
        let all = Tensor::cat(vec![nothing.clone(), ln_younger], 1);
        let ln_end = all.clone().matmul(above) - all;
        let ln_in = Tensor::cat(vec![nothing, ln_in], 1);
        (ln_end + ln_in).exp()
    }

    /// Shares of the mass younger than the end of each bin, `[n_gal, n_bin]`.
    pub(super) fn cumulative(&self, shares: Tensor<2>) -> Tensor<2> {
        shares.matmul(self.sums.clone())
    }
}

/// `ln(1 + e^x)` without overflow.
fn softplus(x: Tensor<2>) -> Tensor<2> {
    x.clone().clamp_min(0.0) + (x.abs().neg().exp() + 1.0).log()
}

/// What the form makes of parameters.
pub(super) struct Prepared {
    /// Inputs of the network, `[n_gal, n_in]`.
    pub(super) inputs: Tensor<2>,
    /// ln of the share of the galaxy's age that lies in each bin.
    ln_span: Tensor<2>,
    /// ln of the rates in the bins relative to the mean rate, from those that are inputs.
    ln_rate: Option<Tensor<2>>,
    /// First guess of the mass.
    lg_mass: Tensor<1>,
}

impl Prepared {
    /// The first guess of log10 of the mass formed.
    pub(super) fn lg_mass_guess(&self) -> &Tensor<1> {
        &self.lg_mass
    }
}

/// Intervals between points for each interval between nodes.
const FINER: usize = 4;

impl RateInputs {
    fn new(nodes: LookbackNodes, place: &Place) -> Result<Self> {
        let n = nodes.shares().len();
        // The nodes are among the points, since both follow the same density.
        let fine = LookbackNodes::new((n - 1) * FINER + 1)?;
        let n_fine = fine.shares().len();
        let mut refine = vec![0.0; n * n_fine];
        for i in 0..n_fine {
            let k = (i / FINER).min(n - 2);
            let f = (i - k * FINER) as f64 / FINER as f64;
            for (offset, weight) in catmull_rom(f).into_iter().enumerate() {
                // Beyond the ends the curve goes on as a straight line.
                let j = k as isize + offset as isize - 1;
                let last = n as isize - 1;
                let parts = match j {
                    -1 => [(0, 2.0), (1, -1.0)],
                    j if j > last => [(last, 2.0), (last - 1, -1.0)],
                    j => [(j, 1.0), (j, 0.0)],
                };
                for (j, part) in parts {
                    refine[j as usize * n_fine + i] += weight * part;
                }
            }
        }
        Ok(Self {
            spans: place.row(&trapezoid_weights(nodes.shares())),
            refine: place.matrix(&refine, [n, n_fine]),
            fine: InterpGrid::new(fine.shares(), place),
            fine_spans: place.row(&trapezoid_weights(fine.shares())),
            nodes,
            times: TimeTable::default(),
        })
    }
}

/// Weights of four values in a row in the cubic of Catmull and Rom between the middle two, at the share `f`
/// of the way.
fn catmull_rom(f: f64) -> [f64; 4] {
    let (f2, f3) = (f * f, f * f * f);
    [
        -0.5 * f + f2 - 0.5 * f3,
        1.0 - 2.5 * f2 + 1.5 * f3,
        0.5 * f + 2.0 * f2 - 1.5 * f3,
        -0.5 * f2 + 0.5 * f3,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::network::Weights;
    use crate::emulator::train::galaxies;
    use crate::testing::{
        assert_close, assert_f32_jacobian, assert_jacobian, for_each_f64_place, for_each_place,
        values,
    };

    const RANGES: [(&str, [f64; 2]); 5] = [
        ("t_obs_gyr", [3.0, 13.8]),
        ("logm0", [11.0, 14.0]),
        ("logtc", [-0.2, 0.5]),
        ("t_peak", [2.0, 20.0]),
        ("lg_qt", [0.8, 1.2]),
    ];

    fn config(head: Head, n_rate: usize) -> EmulatorConfig {
        config_of(head, n_rate, 24)
    }

    fn config_of(head: Head, n_rate: usize, n_age: usize) -> EmulatorConfig {
        let network =
            format!("head = \"{head}\"\nn_rate = {n_rate}\nn_age = {n_age}\nhidden = [6]");
        let text = format!(
            "sfh = \"diffstar\"\n[network]\n{network}\n[prior]\n{}",
            RANGES.map(|(name, [lo, hi])| format!("{name} = [{lo:?}, {hi:?}]\n")).concat()
        );
        EmulatorConfig::parse(&text).unwrap()
    }

    fn each_config(body: impl Fn(&EmulatorConfig)) {
        for head in Head::ALL {
            for n_rate in [0, 12] {
                body(&config(*head, n_rate));
            }
        }
    }

    /// Galaxies that are given by their parameters and times of observation, and a network without sense.
    fn masses(config: &EmulatorConfig, rows: Tensor<2>, gain: f64) -> BinMasses {
        let place = Place::of(&rows);
        let form = Form::new(config, &place).unwrap();
        let n = rows.dims()[1];
        let column = |j: usize| rows.clone().narrow(1, j, 1).squeeze_dim::<1>(1);
        let sfh = config.sfh.take(&mut (0..n).map(column));
        let prepared = form.prepare(&sfh, &column(n - 1)).unwrap();
        let layers = Weights::random(&form.widths(config), 5).at(&place);
        let outputs = layers.forward(prepared.inputs.clone()) * gain;
        form.masses(outputs, &prepared)
    }

    fn rows(config: &EmulatorConfig, n: u64) -> Vec<Vec<f64>> {
        let prior = PriorBox::new(config.sfh, &config.prior).unwrap();
        (0..n).map(|id| prior.draw(1, id)).collect()
    }

    #[test]
    fn every_head_makes_distributions_that_end_with_the_galaxy() {
        each_config(|config| {
            let rows = rows(config, 40);
            let refs: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
            for_each_place(|place| {
                // With outputs as wild as no training leaves them, too.
                for gain in [0.0, 1.0, 300.0] {
                    let masses = masses(config, place.rows(&refs), gain);
                    let edges = Form::new(config, place).unwrap().edges_gyr;
                    for (row, shares) in rows.iter().zip(values(masses.shares).chunks(24)) {
                        assert!(shares.iter().all(|s| (0.0..=1.001).contains(s)), "{shares:?}");
                        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-5);
                        let t_obs = row[row.len() - 1];
                        let older = edges.iter().position(|e| *e >= t_obs).unwrap();
                        // Wild outputs may raise what the galaxy's age forbids, but not by much.
                        if gain < 100.0 {
                            assert!(shares[older..].iter().all(|s| *s < 1e-10), "{shares:?}");
                        }
                    }
                    assert!(values(masses.lg_mass_formed).iter().all(|m| m.is_finite()));
                }
            });
        });
    }

    #[test]
    fn without_outputs_the_rate_is_constant() {
        for head in [Head::Rates, Head::Cumulative, Head::LowRank] {
            let config = config(head, 0);
            for_each_place(|place| {
                let rows = rows(&config, 3);
                let refs: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
                let masses = masses(&config, place.rows(&refs), 0.0);
                let edges = Form::new(&config, place).unwrap().edges_gyr;
                for (row, shares) in rows.iter().zip(values(masses.shares).chunks(24)) {
                    let t_obs = row[row.len() - 1];
                    let span = |e: &[f64]| (e[1].min(t_obs) - e[0].min(t_obs)) / t_obs;
                    let want: Vec<f64> = edges.windows(2).map(span).collect();
                    assert_close(shares, &want, 1e-5, 1e-7);
                }
            });
        }
    }

    #[test]
    fn without_outputs_rates_are_those_of_the_history() {
        let config = config_of(Head::Rates, 48, 200);
        for_each_place(|place| {
            let rows = rows(&config, 20);
            let masses = {
                let refs: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
                masses(&config, place.rows(&refs), 0.0)
            };
            let form = Form::new(&config, place).unwrap();
            let maker = crate::emulator::targets::TargetMaker::new(&config, &form.edges_gyr);
            let exact = maker.unwrap().of(rows).unwrap();
            let younger = values(form.cumulative(masses.shares));
            assert_close(&younger, &exact.cumulative, 0.0, 0.01);
            assert_close(&values(masses.lg_mass_formed), &exact.lg_mass_formed, 0.0, 0.005);
        });
    }

    #[test]
    fn what_lies_beyond_the_observation_does_not_matter() {
        each_config(|config| {
            let place = Place::open(crate::device::DEFAULT_DEVICE, crate::device::Precision::F64);
            let place = place.unwrap();
            let mut late = rows(config, 1).remove(0);
            let peak = config.sfh.info().iter().position(|p| p.name == "t_peak").unwrap();
            late[peak] = 14.5;
            let mut later = late.clone();
            later[peak] = 19.0;
            let both = masses(config, place.rows(&[&late, &later]), 1.0);
            let shares = values(both.shares);
            assert_eq!(shares[..24], shares[24..]);
        });
    }

    #[test]
    fn gradients_of_every_head() {
        each_config(|config| {
            let rows = rows(config, 4);
            let refs: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
            let of = |p: Tensor<2>| {
                let masses = masses(config, p, 3.0);
                let ages: Vec<f64> = (0..24).flat_map(|i| [1.0 / (1.0 + f64::from(i))]).collect();
                let place = Place::of(&masses.shares);
                let light = masses.shares.matmul(place.matrix(&ages, [24, 1]));
                Tensor::cat(vec![light, column(&masses.lg_mass_formed)], 1)
            };
            for_each_f64_place(|place| assert_jacobian(&refs, 1e-6, place, of));
            assert_f32_jacobian(&refs, 2e-3, of);
        });
    }

    #[test]
    fn scale_parameters_scale_and_nothing_else() {
        for sfh in SfhModel::ALL {
            let Some(name) = scale_parameter(*sfh) else { continue };
            let text = format!("sfh = \"{sfh}\"\n[prior]\nt_obs_gyr = [9.0, 9.0]\n");
            let config = EmulatorConfig::parse(&text).unwrap();
            let maker =
                crate::emulator::targets::TargetMaker::new(&config, &[0.0, 1.0, 4.0, 9.0]).unwrap();
            let mut row = rows(&config, 1).remove(0);
            let mut more = row.clone();
            let j = sfh.info().iter().position(|p| p.name == name).unwrap();
            more[j] += 0.25;
            let targets = maker.of(vec![std::mem::take(&mut row), more]).unwrap();
            assert_close(&targets.cumulative[..3], &targets.cumulative[3..], 1e-9, 0.0);
            let lg_mass = &targets.lg_mass_formed;
            assert_close(&[lg_mass[1] - lg_mass[0]], &[0.25], 1e-9, 0.0);
        }
    }

    #[test]
    fn the_galaxies_of_a_batch_are_those_of_its_rows() {
        let config = config(Head::Rates, 0);
        for_each_place(|place| {
            let rows = rows(&config, 2);
            let (sfh, t_obs) = galaxies(&config, &rows, place);
            assert_close(
                &values(t_obs),
                &[*rows[0].last().unwrap(), *rows[1].last().unwrap()],
                1e-6,
                0.0,
            );
            assert_close(&values(sfh.columns()[0].clone()), &[rows[0][0], rows[1][0]], 1e-6, 0.0);
        });
    }
}
