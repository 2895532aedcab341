//! Training: galaxies drawn step by step, Adam, a learning rate that rises and falls.

use burn::optim::{Adam, AdamConfig, AdamState, AdaptiveMomentumState, Optimizer};
use burn::tensor::Tensor;

use super::checkpoint::{Checkpoint, Moments};
use super::config::{EmulatorConfig, TrainingConfig};
use super::form::Form;
use super::loss::{Goal, Judge};
use super::network::{Layers, Weights};
use super::targets::{TargetMaker, Targets};
use crate::device::{Place, to_host};
use crate::numerics::schedule::risen_and_fallen;
use crate::sfh::SfhParams;
use crate::ssp::SspGrid;
use crate::{Error, Result};

/// Galaxies of the held-out set have another seed than those of the training.
const HELD_OUT_SEED: u64 = 0x4845_4c44_4f55_5400;

/// Galaxies looked at together.
const HELD_OUT_CHUNK: usize = 1024;

/// How a training stands after some step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Steps done.
    pub step: usize,
    /// Loss of the last batch.
    pub loss: f64,
    /// Learning rate of the last step.
    pub learning_rate: f64,
}

/// A look at the held-out galaxies.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Look {
    /// Steps done.
    pub step: f64,
    /// Mean loss of the batches since the last look.
    pub loss: f64,
    /// Loss of the held-out galaxies.
    pub held_out: f64,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Median and 99th percentile of the absolute errors of magnitudes at given mass.
    pub median_mag: f64,
    /// The 99th percentile.
    pub p99_mag: f64,
    /// Median absolute error of the mass, as a magnitude.
    pub median_mass_mag: f64,
    /// Root of the mean square error of the cumulative distribution.
    pub rms_cumulative: f64,
}

impl Look {
    /// Names of the numbers, for tables.
    pub const NAMES: [&'static str; 8] = [
        "step",
        "loss",
        "held_out_loss",
        "learning_rate",
        "median_mag",
        "p99_mag",
        "median_mass_mag",
        "rms_cumulative",
    ];

    /// The numbers in the order of the names.
    pub fn numbers(&self) -> [f64; 8] {
        [
            self.step,
            self.loss,
            self.held_out,
            self.learning_rate,
            self.median_mag,
            self.p99_mag,
            self.median_mass_mag,
            self.rms_cumulative,
        ]
    }

    /// The inverse of [`numbers`](Self::numbers).
    pub(super) fn of(numbers: [f64; 8]) -> Self {
        let [
            step,
            loss,
            held_out,
            learning_rate,
            median_mag,
            p99_mag,
            median_mass_mag,
            rms_cumulative,
        ] = numbers;
        Self {
            step,
            loss,
            held_out,
            learning_rate,
            median_mag,
            p99_mag,
            median_mass_mag,
            rms_cumulative,
        }
    }
}

/// What somebody who watches a training hears of, and whether it goes on.
pub enum Event<'a> {
    /// A step is done.
    Step(Progress),
    /// The held-out galaxies were looked at; the training can be continued from here.
    Look(Look, &'a Checkpoint),
}

/// A training on one device.
pub struct Trainer {
    config: EmulatorConfig,
    place: Place,
    form: Form,
    judge: Judge,
    maker: TargetMaker,
    adam: Adam,
    layers: Layers,
    moments: Vec<Option<AdamState<2>>>,
    held_out: Vec<(Targets, Goal)>,
    /// As of the last look.
    state: Checkpoint,
    /// Steps done since the beginning.
    done: usize,
    loss_sum: Tensor<1>,
    n_summed: usize,
}

impl Trainer {
    /// Prepares a training from the beginning.
    ///
    /// # Errors
    /// Those of [`EmulatorConfig::check`] and of the filters, [`Error::Device`].
    pub fn new(config: EmulatorConfig, grid: &SspGrid, place: &Place) -> Result<Self> {
        config.check()?;
        let form = Form::new(&config, place)?;
        let judge = Judge::new(&config.loss, form.edges_gyr(), grid, place)?;
        let maker = TargetMaker::new(&config, form.edges_gyr())?;
        let n = config.training.n_held_out;
        let mut held_out = Vec::new();
        for start in (0..n).step_by(HELD_OUT_CHUNK) {
            let ids = start as u64..n.min(start + HELD_OUT_CHUNK) as u64;
            let targets = maker.draw(config.seed ^ HELD_OUT_SEED, ids)?;
            let goal = judge.goal(&targets);
            held_out.push((targets, goal));
        }
        let mut weights = Weights::random(&form.widths(&config), config.seed);
        let (sfh, t_obs) = galaxies(&config, &held_out[0].0.rows, place);
        let guess = to_host(form.prepare(&sfh, &t_obs)?.lg_mass_guess().clone())?;
        let off = guess.iter().zip(&held_out[0].0.lg_mass_formed).map(|(g, m)| m - g);
        if let Some((_, biases)) = weights.parts.last_mut() {
            let last = biases.len() - 1;
            biases[last] = off.sum::<f64>() / guess.len() as f64 * std::f64::consts::LN_10;
        }
        let state = Checkpoint::start(config.clone(), weights);
        let adam = AdamConfig::new().with_epsilon(1e-8).build();
        Ok(Self {
            layers: state.weights.at(place),
            moments: vec![None; state.weights.parts.len()],
            loss_sum: place.vector(&[0.0]),
            n_summed: 0,
            done: 0,
            place: place.clone(),
            config,
            form,
            judge,
            maker,
            adam,
            held_out,
            state,
        })
    }

    /// Goes on from a checkpoint of a training with the same configuration.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the configuration is another; those of [`new`](Self::new).
    pub fn resume(state: Checkpoint, grid: &SspGrid, place: &Place) -> Result<Self> {
        let mut trainer = Self::new(state.config.clone(), grid, place)?;
        let shapes = |weights: &Weights| weights.parts.iter().map(|p| p.0).collect::<Vec<_>>();
        if shapes(&state.weights) != shapes(&trainer.state.weights) {
            return Err(Error::invalid(
                "checkpoint",
                "its layers are not those of its configuration",
            ));
        }
        trainer.layers = state.weights.at(place);
        if let Some(Moments { first, second }) = &state.moments {
            let (first, second) = (first.at(place), second.at(place));
            let pairs = first.parts.into_iter().zip(second.parts);
            let state_of =
                |(m, v)| Some(AdamState::new(AdaptiveMomentumState::new(state.step, m, v)));
            trainer.moments = pairs.map(state_of).collect();
        }
        trainer.done = state.step;
        trainer.state = state;
        Ok(trainer)
    }

    /// The training as of the last look at the held-out galaxies.
    pub fn state(&self) -> &Checkpoint {
        &self.state
    }

    /// Trains until all steps are done, there is no progress, or `watch` says `false`; the state is then
    /// that of the last look.
    ///
    /// # Errors
    /// [`Error::Device`]; [`Error::Invalid`] when the loss is no number; those of `watch`.
    pub fn run(&mut self, mut watch: impl FnMut(Event<'_>) -> Result<bool>) -> Result<()> {
        let TrainingConfig { steps, evaluate_every, .. } = self.config.training;
        while self.done < steps && !self.state.exhausted() {
            let step = self.done + 1;
            let (loss, learning_rate) = self.step(step - 1)?;
            self.loss_sum = self.loss_sum.clone() + loss.clone();
            self.n_summed += 1;
            self.done = step;
            let look = step.is_multiple_of(evaluate_every) || step == steps;
            // Reading a loss back makes a GPU wait, so not at every step.
            let heard = look || step.is_multiple_of(10);
            if heard {
                let loss = to_host(loss)?[0];
                if !loss.is_finite() {
                    let reason = format!("is {loss} after {step} steps; try a lower learning rate");
                    return Err(Error::invalid("loss", reason));
                }
                let progress = Progress { step, loss, learning_rate };
                if !watch(Event::Step(progress))? && !look {
                    return Ok(());
                }
            }
            if look {
                let look = self.look(learning_rate)?;
                self.keep(&look)?;
                if !watch(Event::Look(look, &self.state))? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Step number `step`, from 0: the loss before it and the learning rate.
    fn step(&mut self, step: usize) -> Result<(Tensor<1>, f64)> {
        let training = &self.config.training;
        let first = (step * training.batch) as u64;
        let targets = self.maker.draw(self.config.seed, first..first + training.batch as u64)?;
        let goal = self.judge.goal(&targets);
        let (sfh, t_obs) = galaxies(&self.config, &targets.rows, &self.place);
        let prepared = self.form.prepare(&sfh, &t_obs)?;

        let leaves: Vec<Tensor<2>> =
            self.layers.parts.iter().map(|p| p.clone().autodiff().require_grad()).collect();
        let tracked = Layers { parts: leaves.clone() };
        let masses = self.form.masses(tracked.forward(prepared.inputs.clone()), &prepared);
        let loss = self.judge.loss(&self.judge.errors(&self.form, &masses, &goal));
        let gradients = loss.backward();
        let lost = || Error::invalid("training", "a weight has no gradient");
        let slopes = leaves.iter().map(|leaf| leaf.grad(&gradients).ok_or_else(lost));
        let slopes = slopes.collect::<Result<Vec<Tensor<2>>>>()?;

        let squares = slopes.iter().map(|g| (g.clone() * g.clone()).sum());
        let norm = Tensor::cat(squares.collect(), 0).sum().sqrt();
        let factor = (norm / training.clip).clamp_min(1.0).recip().unsqueeze::<2>();
        let learning_rate = learning_rate(training, step);
        for (k, slope) in slopes.into_iter().enumerate() {
            let weights = self.layers.parts[k].clone();
            let slope = slope * factor.clone();
            let (new, state) =
                self.adam.step(learning_rate, weights, slope, self.moments[k].take());
            self.layers.parts[k] = new;
            self.moments[k] = state;
        }
        Ok((loss.without_autodiff(), learning_rate))
    }

    /// Looks at the held-out galaxies.
    fn look(&mut self, learning_rate: f64) -> Result<Look> {
        let (mut light, mut mass, mut squares, mut held_out) = (vec![], vec![], 0.0, 0.0);
        for (targets, goal) in &self.held_out {
            let (sfh, t_obs) = galaxies(&self.config, &targets.rows, &self.place);
            let prepared = self.form.prepare(&sfh, &t_obs)?;
            let outputs = self.layers.forward(prepared.inputs.clone());
            let masses = self.form.masses(outputs, &prepared);
            let errors = self.judge.errors(&self.form, &masses, goal);
            let share = targets.rows.len() as f64 / self.config.training.n_held_out as f64;
            held_out += share * to_host(self.judge.loss(&errors))?[0];
            light.extend(to_host(errors.light_mag)?);
            mass.extend(to_host(errors.mass_mag)?);
            let off = to_host(errors.cumulative)?;
            squares += share * off.iter().map(|x| x * x).sum::<f64>() / off.len() as f64;
        }
        let loss = to_host(self.loss_sum.clone())?[0] / self.n_summed.max(1) as f64;
        self.loss_sum = self.place.vector(&[0.0]);
        self.n_summed = 0;
        Ok(Look {
            step: self.done as f64,
            loss,
            held_out,
            learning_rate,
            median_mag: quantile(&mut light, 0.5),
            p99_mag: quantile(&mut light, 0.99),
            median_mass_mag: quantile(&mut mass, 0.5),
            rms_cumulative: squares.sqrt(),
        })
    }

    /// Notes what is needed to go on from here.
    fn keep(&mut self, look: &Look) -> Result<()> {
        let weights = self.layers.to_weights()?;
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for moments in self.moments.iter().flatten() {
            first.push(moments.momentum.moment_1.clone());
            second.push(moments.momentum.moment_2.clone());
        }
        let host = |parts| Layers { parts }.to_weights();
        self.state.moments = Some(Moments { first: host(first)?, second: host(second)? });
        self.state.step = self.done;
        self.state.note(*look, weights);
        Ok(())
    }
}

/// The learning rate of a step, counted from 0.
fn learning_rate(training: &TrainingConfig, step: usize) -> f64 {
    let TrainingConfig { steps, learning_rate, warm_up, last_share, .. } = *training;
    learning_rate * risen_and_fallen(step, steps, warm_up, last_share)
}

/// Rows of the prior as parameters and times of observation on a device.
pub(super) fn galaxies(
    config: &EmulatorConfig,
    rows: &[Vec<f64>],
    place: &Place,
) -> (SfhParams, Tensor<1>) {
    let column = |j: usize| {
        let values: Vec<f64> = rows.iter().map(|row| row[j]).collect();
        place.vector(&values)
    };
    let n = rows.first().map_or(1, Vec::len);
    (config.sfh.take(&mut (0..n).map(column)), column(n - 1))
}

/// The value below which a share `q` of the absolute values lies.
pub(super) fn quantile(values: &mut [f64], q: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    values.iter_mut().for_each(|v| *v = v.abs());
    let k = ((values.len() - 1) as f64 * q).round() as usize;
    *values.select_nth_unstable_by(k, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Precision;
    use crate::emulator::AgeEmulator;
    use crate::ssp::embedded;
    use crate::testing::places;

    const CONFIG: &str = r#"
sfh = "lognormal"
seed = 4

[prior]
t_obs_gyr = [6.0, 12.0]
sfr_t_max = [2.0, 6.0]
sfr_fwhm = [3.0, 8.0]

[network]
hidden = [16]
n_age = 24

[training]
steps = 40
batch = 64
learning_rate = 1e-2
warm_up = 10
n_held_out = 100
evaluate_every = 10
nodes = 64
"#;

    fn config() -> EmulatorConfig {
        EmulatorConfig::parse(CONFIG).unwrap()
    }

    #[test]
    fn the_learning_rate_rises_and_falls() {
        let training = TrainingConfig { steps: 100, warm_up: 10, ..config().training };
        let rates: Vec<f64> = (0..100).map(|step| learning_rate(&training, step)).collect();
        assert!(rates[..10].windows(2).all(|r| r[1] > r[0]) && rates[9] == 1e-2);
        assert!(rates[10..].windows(2).all(|r| r[1] < r[0]) && rates[99] < 1e-4);
    }

    #[test]
    fn a_killed_training_goes_on_as_if_nothing_had_happened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.safetensors");
        for place in places(Precision::F32) {
            let mut whole = Trainer::new(config(), embedded(), &place).unwrap();
            whole.run(|_| Ok(true)).unwrap();

            let mut killed = Trainer::new(config(), embedded(), &place).unwrap();
            let stopped = killed.run(|event| match event {
                Event::Look(look, state) => {
                    state.write(&path)?;
                    Ok(look.step < 20.0)
                }
                Event::Step(_) => Ok(true),
            });
            stopped.unwrap();
            drop(killed);
            let state = Checkpoint::read(&path).unwrap();
            assert_eq!(state.step, 20);
            let mut resumed = Trainer::resume(state, embedded(), &place).unwrap();
            resumed.run(|_| Ok(true)).unwrap();
            assert_eq!(resumed.state(), whole.state(), "{place}");
            assert_eq!(whole.state().looks.len(), 4);
            let first = &whole.state().looks[0];
            let last = &whole.state().looks[3];
            assert!(last.held_out < 0.5 * first.held_out, "{first:?} {last:?}");
            let emulator = AgeEmulator::from_checkpoint(whole.state()).unwrap();
            emulator.to_store().unwrap();
        }
    }

    #[test]
    fn a_training_without_progress_stops_early() {
        let place = places(Precision::F32).swap_remove(0);
        let mut config = config();
        config.training = TrainingConfig {
            // So fast that it finds nothing.
            learning_rate: 0.3,
            patience: 2,
            steps: 1000,
            warm_up: 0,
            last_share: 1.0,
            ..config.training
        };
        let mut trainer = Trainer::new(config, embedded(), &place).unwrap();
        trainer.run(|_| Ok(true)).unwrap();
        assert!(trainer.state().step < 1000);
    }

    #[test]
    fn quantiles_of_absolute_values() {
        let mut values = [-3.0, 1.0, 2.0, -4.0, 0.5];
        assert_eq!(quantile(&mut values, 0.5), 2.0);
        assert_eq!(quantile(&mut values, 1.0), 4.0);
        assert!(quantile(&mut [], 0.5).is_nan());
    }
}
