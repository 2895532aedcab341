//! What is known of a population: the values of its statistics, with errors, as a loss of their sums.

use super::likelihood::Comparison;
use super::statistic::Value;
use super::{Errors, Statistic, Statistics, TargetValues};
use crate::summary::{Likelihood, Loss};
use crate::{Error, Result};

/// Data for each of several statistics. As a loss: minus the logarithm of the likelihood, up to a constant.
#[derive(Debug)]
pub struct Target {
    statistics: Statistics,
    data: Vec<Comparison>,
}

impl Target {
    /// Data and errors for each statistic, in order.
    ///
    /// # Errors
    /// [`Error::Invalid`] for data of another shape than the statistics or without values, and wherever
    /// errors are impossible.
    pub fn new(statistics: Statistics, data: Vec<(TargetValues, Errors)>) -> Result<Self> {
        if data.len() != statistics.iter().count() {
            let reason = format!("data for {} statistics", data.len());
            return Err(Error::invalid("target", reason));
        }
        let compared = statistics.iter().zip(data).map(|(statistic, (values, errors))| {
            Comparison::new(values, &errors, statistic.n_values(), statistic.scale).map_err(|e| {
                Error::invalid(format!("statistic {:?}", statistic.name), e.to_string())
            })
        });
        let data = compared.collect::<Result<Vec<_>>>()?;
        Ok(Self { statistics, data })
    }

    /// The statistics.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// Each statistic with its values (NaN where there is none) and their standard deviations.
    pub fn data(&self) -> impl Iterator<Item = (&Statistic, &[f64], &[f64])> {
        let both = self.statistics.iter().zip(&self.data);
        both.map(|(statistic, data)| (statistic, &data.values[..], &data.sigma[..]))
    }

    /// Number of values that are compared.
    pub fn n_values(&self) -> usize {
        self.data.iter().map(|data| data.used.len()).sum()
    }

    /// The values of all statistics, in order, that sums stand for.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another number of sums.
    pub fn predicted(&self, sums: &[f64]) -> Result<Vec<f64>> {
        self.check(sums)?;
        let of =
            |((statistic, range), data): ((&Statistic, std::ops::Range<usize>), &Comparison)| {
                statistic.values(&sums[range], &data.values).into_iter().map(|v| v.value)
            };
        Ok(self.statistics.ranges().zip(&self.data).flat_map(of).collect())
    }

    fn check(&self, sums: &[f64]) -> Result<()> {
        let n = self.statistics.n_sums();
        if sums.len() == n {
            return Ok(());
        }
        Err(Error::invalid("target", format!("{} sums, expected {n}", sums.len())))
    }

    /// Calls `f` for each statistic with its data, the values that have data, and the first of its sums.
    fn each(
        &self,
        sums: &[f64],
        mut f: impl FnMut(&Comparison, &[Value], usize) -> Result<()>,
    ) -> Result<()> {
        self.check(sums)?;
        for ((statistic, range), data) in self.statistics.ranges().zip(&self.data) {
            let first = range.start;
            let mut all: Vec<Option<Value>> =
                statistic.values(&sums[range], &data.values).into_iter().map(Some).collect();
            let used: Vec<Value> = data.used.iter().filter_map(|k| all[*k].take()).collect();
            f(data, &used, first).map_err(|e| {
                Error::invalid(format!("statistic {:?}", statistic.name), e.to_string())
            })?;
        }
        Ok(())
    }
}

impl Loss for Target {
    fn value_and_slopes(&self, sums: &[f64]) -> Result<(f64, Vec<f64>)> {
        let (mut total, mut slopes) = (0.0, vec![0.0; sums.len()]);
        self.each(sums, |data, values, first| {
            let numbers: Vec<f64> = values.iter().map(|v| v.value).collect();
            let (value, outer) = data.likelihood.value_and_slopes(&numbers)?;
            total += value;
            for (v, outer) in values.iter().zip(outer) {
                v.slopes.iter().for_each(|(k, slope)| slopes[first + k] += outer * slope);
            }
            Ok(())
        })?;
        Ok((total, slopes))
    }
}

impl Likelihood for Target {
    fn information(&self, sums: &[f64]) -> Result<Vec<f64>> {
        let n = sums.len();
        let mut all = vec![0.0; n * n];
        self.each(sums, |data, values, first| {
            let numbers: Vec<f64> = values.iter().map(|v| v.value).collect();
            let outer = data.likelihood.information(&numbers)?;
            for (a, of_a) in values.iter().enumerate() {
                for (b, of_b) in values.iter().enumerate() {
                    let outer = outer[a * values.len() + b];
                    for (i, slope_a) in &of_a.slopes {
                        for (j, slope_b) in &of_b.slopes {
                            all[(first + i) * n + first + j] += slope_a * outer * slope_b;
                        }
                    }
                }
            }
            Ok(())
        })?;
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimize::Kind;
    use crate::summary::{
        Kernel, MeanRelation, QuantityNames, Side, SoftBins, SoftCounts, SoftHistogram,
    };
    use crate::testing::assert_close;

    const SUMS: [f64; 10] = [12.0, 30.0, 7.0, 40.0, 9.0, 20.0, 5.0, -3.0, 11.0, 2.5];

    /// Three numbers in bins, one beyond a limit, three means (sums of weights, then of values).
    fn statistics() -> Statistics {
        let names = QuantityNames::new(["x", "y"]).unwrap();
        let axis = |name: &str| names.axis(name).unwrap();
        let edges = [0.0, 1.0, 2.0, 3.0];
        let bins = || SoftBins::new(axis("x"), &edges, Kernel::Triweight, 0.1).unwrap();
        let counts =
            SoftCounts::new(axis("y"), &[1.0], Side::Above, Kernel::Logistic, 0.1).unwrap();
        let relation = MeanRelation::new(bins(), axis("y"));
        let statistic = |name: &str, kind, scale| Statistic {
            name: name.into(),
            kind,
            scale,
            centres: vec![0.5, 1.5, 2.5],
            axis: "x".into(),
            value: "Number".into(),
        };
        Statistics::new(vec![
            statistic("bins", Kind::Histogram(SoftHistogram::new(vec![bins()]).unwrap()), 2.0),
            statistic("limit", Kind::Counts(counts), 1.0),
            statistic("mean", Kind::Mean { relation, prior_weight: 0.5 }, 1.0),
        ])
        .unwrap()
    }

    fn values(values: &[f64]) -> TargetValues {
        TargetValues { values: values.to_vec(), sigma: None }
    }

    fn target(of_bins: Errors, of_means: Errors) -> Target {
        let means = TargetValues {
            values: vec![-0.2, f64::NAN, 0.4],
            sigma: Some(vec![0.1, f64::NAN, 0.3]),
        };
        let data = vec![
            (values(&[20.0, 55.0, f64::NAN]), of_bins),
            (values(&[44.0]), Errors::Poisson { background: 0.1 }),
            (means, of_means),
        ];
        Target::new(statistics(), data).unwrap()
    }

    #[test]
    fn slopes_and_information_go_through_every_statistic() {
        let covariance = vec![9.0, 2.0, 0.0, 2.0, 16.0, 0.0, 0.0, 0.0, 1.0];
        for of_bins in [
            Errors::Counts,
            Errors::Fixed { absolute: 2.0, relative: 0.1 },
            Errors::Covariance(covariance),
            Errors::Poisson { background: 1e-3 },
        ] {
            let target = target(of_bins, Errors::Data);
            assert_eq!(target.n_values(), 5);
            crate::summary::assert_slopes(&target, &SUMS);
            // The slopes are zero at the sums that meet the target, and the information is their change.
            let meet = [10.0, 27.5, 7.0, 43.9, 9.0, 20.0, 5.0, -1.8, 11.0, 2.0];
            let (value, slopes) = target.value_and_slopes(&meet).unwrap();
            assert_close(&[value], &[0.0], 0.0, 1e-4);
            assert!(slopes.iter().all(|s| s.abs() < 1e-3), "{slopes:?}");
        }
        let exact = [10.0, 27.5, 7.0, 43.9, 9.0, 20.0, 5.0, -1.8, 11.0, 2.0];
        crate::summary::assert_information(&target(Errors::Counts, Errors::Data), &exact);
    }

    #[test]
    fn values_are_scaled_numbers_and_means() {
        let target = target(Errors::Counts, Errors::Data);
        let got = target.predicted(&SUMS).unwrap();
        let mean = |weight: f64, sum: f64, t: f64| (sum + 0.5 * t) / (weight + 0.5);
        let want = [24.0, 60.0, 14.0, 40.0, mean(9.0, -3.0, -0.2), 0.55, mean(5.0, 2.5, 0.4)];
        assert_close(&got, &want, 1e-14, 0.0);
        let data: Vec<_> = target.data().collect();
        assert_close(&data[0].2[..2], &[61f64.sqrt(), 166f64.sqrt()], 1e-14, 0.0);
        assert_eq!(data[2].0.labels()[1], "mean, x from 1 to 2");
        assert!(target.predicted(&SUMS[1..]).is_err());
        // A bin that is empty in the model has the mean of the data.
        let mut empty = SUMS;
        (empty[4], empty[7]) = (0.0, 0.0);
        assert_eq!(target.predicted(&empty).unwrap()[4], -0.2);
    }

    #[test]
    fn impossible_data_are_errors_that_name_the_statistic() {
        let error = |data: TargetValues, errors: Errors| {
            let rest = (values(&[44.0]), Errors::Counts);
            let means = (values(&[0.0; 3]), Errors::Fixed { absolute: 0.1, relative: 0.0 });
            let all = vec![(data, errors), rest, means];
            Target::new(statistics(), all).unwrap_err().to_string()
        };
        for (data, errors, part) in [
            (values(&[1.0]), Errors::Counts, "1 values, expected 3"),
            (values(&[f64::NAN; 3]), Errors::Counts, "no value"),
            (values(&[1.0, -1.0, 0.0]), Errors::Counts, "bin 1 = -1"),
            (values(&[1.0; 3]), Errors::Data, "without errors"),
            (values(&[1.0; 3]), Errors::Covariance(vec![1.0]), "expected 3 x 3"),
            (values(&[1.0; 3]), Errors::Fixed { absolute: 0.0, relative: 0.0 }, "deviations = 0"),
            (values(&[1.0; 3]), Errors::Poisson { background: -1.0 }, "background"),
        ] {
            let error = error(data, errors);
            assert!(error.contains(part) && error.contains("\"bins\""), "{error}");
        }
        assert!(Target::new(statistics(), Vec::new()).is_err());
    }
}
