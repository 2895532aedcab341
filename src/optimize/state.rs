//! The state of an optimization, from which it goes on as if it had not stopped.

use std::path::Path;

use crate::numerics::lbfgs::{Lbfgs, Pair, Point};
use crate::store::{Array, Store};
use crate::{Error, Result};

const FORMAT: &str = "starburn-optimization-1";

/// The state after a step.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Where the next step begins.
    pub here: Point,
    /// The place with the lowest loss so far.
    pub best: Point,
    /// Index of the stage.
    pub stage: usize,
    /// Steps done in it.
    pub step: usize,
    /// Every step so far, and the start.
    pub history: Vec<Record>,
    pub(super) memory: Memory,
}

/// A step that was done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Record {
    /// Index of its stage.
    pub stage: usize,
    /// Its number in the stage, from 1; 0 for the start.
    pub step: usize,
    /// The loss after it.
    pub value: f64,
    /// Length of the gradient after it.
    pub gradient_norm: f64,
}

/// What the method of the current stage remembers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Memory {
    /// The stage has not begun.
    #[default]
    None,
    Adam {
        steps: usize,
        first: Vec<f64>,
        second: Vec<f64>,
    },
    Lbfgs(Lbfgs),
    GaussNewton {
        radius: f64,
    },
}

impl State {
    /// The state before anything is known but where to start (unbounded parameters).
    pub fn start(theta: Vec<f64>) -> Self {
        let gradient = vec![0.0; theta.len()];
        let here = Point { x: theta, value: f64::INFINITY, gradient };
        Self {
            best: here.clone(),
            here,
            stage: 0,
            step: 0,
            history: Vec::new(),
            memory: Memory::None,
        }
    }

    /// Writes the state, whole or not at all; `job` identifies what is optimized.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, path: &Path, job: &str) -> Result<()> {
        self.to_store(job).write(path)
    }

    /// The state as a store.
    pub(crate) fn to_store(&self, job: &str) -> Store {
        let mut store = Store::default();
        let mut put = |name: &str, shape: &[usize], values: Vec<f64>| {
            store.arrays.insert(name.to_owned(), Array::f64(shape, values));
        };
        let n = self.here.x.len();
        for (name, point) in [("here", &self.here), ("best", &self.best)] {
            let row = [&[point.value][..], &point.x, &point.gradient].concat();
            put(name, &[1 + 2 * n], row);
        }
        let rows = self.history.iter().flat_map(Record::numbers).collect();
        put("history", &[self.history.len(), 4], rows);
        let memory = match &self.memory {
            Memory::None => "none",
            Memory::Adam { steps, first, second } => {
                put("memory", &[1 + 2 * n], [&[*steps as f64][..], first, second].concat());
                "adam"
            }
            Memory::Lbfgs(lbfgs) => {
                let rows: Vec<f64> =
                    lbfgs.pairs().flat_map(|p| [&p.step[..], &p.change].concat()).collect();
                put("memory", &[rows.len() / (2 * n).max(1), 2 * n], rows);
                "lbfgs"
            }
            Memory::GaussNewton { radius } => {
                put("memory", &[1], vec![*radius]);
                "gauss_newton"
            }
        };
        for (key, value) in [
            ("format", FORMAT.to_owned()),
            ("job", job.to_owned()),
            ("stage", self.stage.to_string()),
            ("step", self.step.to_string()),
            ("memory", memory.to_owned()),
            ("first_step", self.first_step().to_string()),
        ] {
            store.metadata.insert(key.to_owned(), value);
        }
        store
    }

    /// Reads a state of the same `job`.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::File`] when something in it is missing or wrong, or the job is another.
    pub fn read(path: &Path, job: &str) -> Result<Self> {
        Self::from_store(&Store::read(path)?, path, job)
    }

    /// Takes the state of `job` from a store; `path` is for messages.
    ///
    /// # Errors
    /// [`Error::File`] when something in it is missing or wrong, or the job is another.
    pub(crate) fn from_store(store: &Store, path: &Path, job: &str) -> Result<Self> {
        let text = |key: &str| store.metadata.get(key).map_or("", String::as_str);
        if text("format") != FORMAT {
            let reason = format!("is no state of an optimization: its format is not {FORMAT}");
            return Err(Error::file(path, reason));
        }
        if text("job") != job {
            let reason = "belongs to another configuration; give another folder, or --restart";
            return Err(Error::file(path, reason));
        }
        let wrong = |key: &str| Error::file(path, format!("{key} {:?} is damaged", text(key)));
        let count = |key: &str| text(key).parse::<usize>().map_err(|_| wrong(key));
        let here = point(store.array("here", 1, path)?.to_f64(), path)?;
        let best = point(store.array("best", 1, path)?.to_f64(), path)?;
        let n = here.x.len();
        let memory = match text("memory") {
            "none" => Memory::None,
            kind => {
                let axes = if kind == "lbfgs" { 2 } else { 1 };
                let values = store.array("memory", axes, path)?.to_f64();
                let first_step = text("first_step").parse().map_err(|_| wrong("first_step"))?;
                Memory::of(kind, &values, n, first_step).ok_or_else(|| {
                    Error::file(path, "tensor \"memory\" has a wrong shape or no finite numbers")
                })?
            }
        };
        let history = store.array("history", 2, path)?;
        if best.x.len() != n || history.shape[1] != 4 || history.shape[0] == 0 {
            return Err(Error::file(path, "tensors \"best\" or \"history\" have a wrong shape"));
        }
        let history: Option<Vec<Record>> =
            history.to_f64().as_chunks().0.iter().map(|row| Record::of(*row)).collect();
        let damaged = || Error::file(path, "tensor \"history\" has numbers that are none of steps");
        let (stage, step) = (count("stage")?, count("step")?);
        let history = history.ok_or_else(damaged)?;
        // The first record is the start, and each step has left one.
        if step >= history.len() {
            return Err(wrong("step"));
        }
        if history.iter().any(|record| record.stage > stage) {
            return Err(wrong("stage"));
        }
        Ok(Self { here, best, stage, step, history, memory })
    }

    /// Checks that the state is one of so many parameters and stages.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is not.
    pub fn check(&self, n_free: usize, n_stages: usize) -> Result<()> {
        let n = self.here.x.len();
        if n == n_free && self.best.x.len() == n_free && self.stage <= n_stages {
            return Ok(());
        }
        let reason = format!(
            "is of {n} parameters in stage {}, expected {n_free} and at most {n_stages}",
            self.stage
        );
        Err(Error::invalid("state of the optimization", reason))
    }

    fn first_step(&self) -> f64 {
        match &self.memory {
            Memory::Lbfgs(lbfgs) => lbfgs.first_step(),
            _ => 0.0,
        }
    }
}

impl Memory {
    fn of(kind: &str, values: &[f64], n: usize, first_step: f64) -> Option<Self> {
        if !first_step.is_finite() || values.iter().any(|x| !x.is_finite()) {
            return None;
        }
        match kind {
            "adam" if values.len() == 1 + 2 * n => {
                let (first, second) = values[1..].split_at(n);
                let steps = whole(values[0])?;
                Some(Self::Adam { steps, first: first.to_vec(), second: second.to_vec() })
            }
            "lbfgs" if n > 0 && values.len().is_multiple_of(2 * n) => {
                let pair = |row: &[f64]| {
                    let (step, change) = row.split_at(n);
                    Pair { step: step.to_vec(), change: change.to_vec() }
                };
                let pairs = values.chunks(2 * n).map(pair);
                Some(Self::Lbfgs(Lbfgs::with_pairs(first_step, pairs)))
            }
            "gauss_newton" if values.len() == 1 && values[0] > 0.0 => {
                Some(Self::GaussNewton { radius: values[0] })
            }
            _ => None,
        }
    }
}

impl Record {
    /// Names of the numbers.
    pub const NAMES: [&'static str; 4] = ["stage", "step", "loss", "gradient_norm"];

    /// The numbers in the order of the names.
    pub fn numbers(&self) -> [f64; 4] {
        [self.stage as f64, self.step as f64, self.value, self.gradient_norm]
    }

    fn of([stage, step, value, gradient_norm]: [f64; 4]) -> Option<Self> {
        let record = Self { stage: whole(stage)?, step: whole(step)?, value, gradient_norm };
        (value.is_finite() && gradient_norm >= 0.0).then_some(record)
    }
}

/// A count that was written as a number.
fn whole(x: f64) -> Option<usize> {
    (x >= 0.0 && x.fract() == 0.0 && x <= f64::from(i32::MAX)).then_some(x as usize)
}

/// A point from its value, place and gradient in a row.
fn point(row: Vec<f64>, path: &Path) -> Result<Point> {
    match row.split_first() {
        Some((value, rest)) if !rest.is_empty() && rest.len().is_multiple_of(2) => {
            let (x, gradient) = rest.split_at(rest.len() / 2);
            let point = Point { x: x.to_vec(), value: *value, gradient: gradient.to_vec() };
            match point.is_finite() {
                true => Ok(point),
                false => Err(Error::file(path, "a place has numbers that are not finite")),
            }
        }
        _ => Err(Error::file(path, "a place has a wrong shape")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_of_other_jobs_and_broken_ones_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let unbegun = State::start(vec![1.0, 2.0]);
        let error = |state: &State| {
            state.write(&path, "a").unwrap();
            State::read(&path, "a").unwrap_err().to_string()
        };
        assert!(error(&unbegun).contains("a place has numbers"), "no step was done");
        let state = begun();
        assert!(state.check(2, 1).is_ok() && state.check(3, 1).is_err());
        state.write(&path, "a").unwrap();
        assert_eq!(State::read(&path, "a").unwrap(), state);
        let other = State::read(&path, "b").unwrap_err().to_string();
        assert!(other.contains("another configuration"), "{other}");
        // What an optimization of more parameters remembers.
        let mut store = Store::read(&path).unwrap();
        store.metadata.insert("memory".into(), "adam".into());
        store.arrays.insert("memory".into(), Array::f64(&[7], vec![1.0; 7]));
        store.write(&path).unwrap();
        let error = State::read(&path, "a").unwrap_err().to_string();
        assert!(error.contains("\"memory\" has a wrong shape"), "{error}");
        std::fs::write(&path, "nothing").unwrap();
        assert!(State::read(&path, "a").is_err());
    }

    /// After the first step of two parameters.
    fn begun() -> State {
        let here = Point { x: vec![1.0, 2.0], value: 1.0, gradient: vec![0.0, 3.0] };
        let record = |step| Record { stage: 0, step, value: 1.0, gradient_norm: 3.0 };
        let history = vec![record(0), record(1)];
        let memory = Memory::GaussNewton { radius: 0.5 };
        State { best: here.clone(), here, stage: 0, step: 1, history, memory }
    }

    #[test]
    fn damaged_numbers_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let error = |change: &dyn Fn(&mut Store)| {
            begun().write(&path, "a").unwrap();
            let mut store = Store::read(&path).unwrap();
            change(&mut store);
            store.write(&path).unwrap();
            State::read(&path, "a").unwrap_err().to_string()
        };
        for (key, value) in
            [("step", "2"), ("step", "-1"), ("step", "NaN"), ("stage", "1e3"), ("stage", "")]
        {
            let error = error(&|store| {
                store.metadata.insert(key.into(), value.into());
            });
            assert!(error.contains(&format!("{key} {value:?} is damaged")), "{error}");
        }
        let good = begun();
        let rows: Vec<f64> = good.history.iter().flat_map(Record::numbers).collect();
        let place = [1.0, 1.0, 2.0, 0.0, 3.0];
        for (name, shape, good, at) in [
            ("here", &[5][..], &place[..], 0),
            ("here", &[5], &place, 1),
            ("best", &[5], &place, 4),
            ("history", &[2, 4], &rows, 0),
            ("history", &[2, 4], &rows, 5),
            ("history", &[2, 4], &rows, 6),
            ("memory", &[1], &[0.5], 0),
        ] {
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut values = good.to_vec();
                values[at] = bad;
                let error = error(&|store| {
                    store.arrays.insert(name.into(), Array::f64(shape, values.clone()));
                });
                assert!(error.contains("state: "), "{name} {at} {bad}: {error}");
            }
        }
        for radius in [0.0, -1.0] {
            let error = error(&|store| {
                store.arrays.insert("memory".into(), Array::f64(&[1], vec![radius]));
            });
            assert!(error.contains("\"memory\""), "{error}");
        }
    }
}
