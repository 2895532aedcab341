//! Statistics of a population that can be compared with data, and the sums that they are made of.

use super::TargetValues;
use crate::summary::{MeanRelation, SoftCounts, SoftHistogram, Summary, SummarySet};
use crate::{Error, Result};

/// What a statistic is made of.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Numbers of galaxies in the bins of one or more dimensions.
    Histogram(SoftHistogram),
    /// Numbers of galaxies beyond limits.
    Counts(SoftCounts),
    /// Means of one quantity in bins of another.
    Mean {
        /// The relation.
        relation: MeanRelation,
        /// Galaxies with the target's mean that are added to each bin. They keep the mean of a bin that
        /// is empty in the model finite and smooth, and change nothing where the model is right.
        prior_weight: f64,
    },
}

/// A statistic: one value per bin or limit.
#[derive(Clone, Debug)]
pub struct Statistic {
    /// Name in files and figures.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Numbers: how many galaxies of the data one of the model stands for, such as the volume of the survey
    /// over that of the mock. [`Errors::Counts`](super::Errors::Counts) and
    /// [`Errors::Poisson`](super::Errors::Poisson) are only right for such numbers; densities per volume need
    /// errors of their own.
    pub scale: f64,
    /// Centres of the bins (the limits) of the last dimension.
    pub centres: Vec<f64>,
    /// What the last dimension is.
    pub axis: String,
    /// What the values are.
    pub value: String,
}

/// A value, and its derivatives with respect to some of the statistic's sums.
pub(super) struct Value {
    pub(super) value: f64,
    pub(super) slopes: Vec<(usize, f64)>,
}

impl Statistic {
    fn summary(&self) -> Box<dyn Summary> {
        match &self.kind {
            Kind::Histogram(histogram) => Box::new(histogram.clone()),
            Kind::Counts(counts) => Box::new(counts.clone()),
            Kind::Mean { relation, .. } => Box::new(relation.clone()),
        }
    }

    /// Whether values are numbers of galaxies.
    pub fn is_number(&self) -> bool {
        !matches!(self.kind, Kind::Mean { .. })
    }

    fn n_sums(&self) -> usize {
        self.summary().n_sums()
    }

    /// Number of values.
    pub fn n_values(&self) -> usize {
        if self.is_number() { self.n_sums() } else { self.n_sums() / 2 }
    }

    /// What each value is.
    pub fn labels(&self) -> Vec<String> {
        let mut labels = self.summary().labels();
        labels.truncate(self.n_values());
        if !self.is_number() {
            labels.iter_mut().for_each(|label| *label = label.replacen("weight", "mean", 1));
        }
        labels
    }

    /// The values for the statistic's sums; `targets` are those of the data, NaN where there are none.
    pub(super) fn values(&self, sums: &[f64], targets: &[f64]) -> Vec<Value> {
        let Kind::Mean { prior_weight, .. } = &self.kind else {
            let number = |(k, sum): (usize, &f64)| Value {
                value: self.scale * sum,
                slopes: vec![(k, self.scale)],
            };
            return sums.iter().enumerate().map(number).collect();
        };
        let n = self.n_values();
        let mean = |k: usize| {
            let (added, target) = match targets[k].is_finite() {
                true => (*prior_weight, targets[k]),
                false => (0.0, 0.0),
            };
            let weight = sums[k] + added;
            let value = (sums[n + k] + added * target) / weight;
            Value { value, slopes: vec![(k, -value / weight), (n + k, 1.0 / weight)] }
        };
        (0..n).map(mean).collect()
    }
}

/// Several statistics of one population.
#[derive(Clone, Debug)]
pub struct Statistics(Vec<Statistic>);

impl Statistics {
    /// One or more statistics.
    ///
    /// # Errors
    /// [`Error::Invalid`] for none, two of one name, and a number without a positive scale.
    pub fn new(statistics: Vec<Statistic>) -> Result<Self> {
        if statistics.is_empty() {
            return Err(Error::invalid("statistics", "at least one is needed"));
        }
        for (i, statistic) in statistics.iter().enumerate() {
            let name = &statistic.name;
            if statistics[..i].iter().any(|other| other.name == *name) {
                return Err(Error::invalid("statistics", format!("two are called {name:?}")));
            }
            if !(statistic.scale > 0.0 && statistic.scale.is_finite()) {
                return Err(Error::OutOfRange {
                    what: format!("scale of the statistic {name:?}"),
                    value: statistic.scale,
                    allowed: "(0, inf)".into(),
                });
            }
        }
        Ok(Self(statistics))
    }

    /// The statistics.
    pub fn iter(&self) -> impl Iterator<Item = &Statistic> {
        self.0.iter()
    }

    /// Their sums as one summary.
    ///
    /// # Errors
    /// None: there is at least one.
    pub fn summary(&self) -> Result<SummarySet> {
        SummarySet::new(self.0.iter().map(Statistic::summary).collect())
    }

    /// Each statistic with the range of its sums among all.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (&Statistic, std::ops::Range<usize>)> {
        let mut start = 0;
        self.0.iter().map(move |statistic| {
            let range = start..start + statistic.n_sums();
            start = range.end;
            (statistic, range)
        })
    }

    /// The values of another population, by its sums, as data without errors.
    pub(super) fn as_targets(&self, sums: &[f64]) -> Vec<TargetValues> {
        let of = |(statistic, range): (&Statistic, std::ops::Range<usize>)| {
            let none = vec![f64::NAN; statistic.n_values()];
            let values = statistic.values(&sums[range], &none);
            TargetValues { values: values.into_iter().map(|v| v.value).collect(), sigma: None }
        };
        self.ranges().map(of).collect()
    }

    /// Number of sums of all.
    pub fn n_sums(&self) -> usize {
        self.0.iter().map(Statistic::n_sums).sum()
    }
}
