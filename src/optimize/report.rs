//! What an optimization found: values, errors, and which of them mean something.

use std::fmt::Write as _;

use nalgebra::DMatrix;

use super::Fisher;
use crate::Result;
use crate::galhalo::FreeParameters;

/// Error of an unbounded parameter below which the data constrain it: an e-fold of the odds between its
/// bounds, so that the value is known to about a quarter of its range or better.
const CONSTRAINED: f64 = 10.0;

/// A parameter that was free.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedParameter {
    /// Name.
    pub name: String,
    /// Where it started.
    pub start: f64,
    /// What the data were made with, where they were made.
    pub truth: Option<f64>,
    /// The result.
    pub best: f64,
    /// Its standard deviation, all others being free; without meaning where the data leave it open.
    pub error: f64,
    /// The result, unbounded.
    pub best_unbounded: f64,
    /// Its standard deviation.
    pub error_unbounded: f64,
    /// The truth, unbounded.
    pub truth_unbounded: Option<f64>,
}

impl FittedParameter {
    /// Whether the data constrain it within its bounds.
    pub fn is_constrained(&self) -> bool {
        self.error_unbounded < CONSTRAINED
    }

    /// Difference from the truth in standard deviations, in the unbounded space, in which errors are more
    /// nearly normal.
    pub fn pull(&self) -> Option<f64> {
        self.truth_unbounded.map(|truth| (self.best_unbounded - truth) / self.error_unbounded)
    }
}

/// The free parameters at the best place, `theta`, with the errors of the Fisher matrix there.
///
/// # Errors
/// [`Error::Invalid`](crate::Error::Invalid) for another number of parameters.
pub fn fitted_parameters(
    free: &FreeParameters,
    theta: &[f64],
    truth: Option<&[f64]>,
    fisher: &Fisher,
) -> Result<Vec<FittedParameter>> {
    let n = free.n_free();
    let jacobian = DMatrix::from_row_slice(n, n, &free.jacobian(theta)?);
    let (errors, errors_unbounded) = (fisher.errors_of(&jacobian), fisher.errors());
    let (start, best) = (free.free_values(&free.start())?, free.free_values(theta)?);
    let truths = truth.map(|truth| free.free_values(truth)).transpose()?;
    let names = free.names();
    let row = |j: usize| FittedParameter {
        name: names[j].to_owned(),
        start: start[j],
        truth: truths.as_ref().map(|truths| truths[j]),
        best: best[j],
        error: errors[j],
        best_unbounded: theta[j],
        error_unbounded: errors_unbounded[j],
        truth_unbounded: truth.map(|truth| truth[j]),
    };
    Ok((0..n).map(row).collect())
}

/// The parameters as CSV.
pub fn parameters_csv(parameters: &[FittedParameter]) -> String {
    let mut csv = String::from(
        "name,start,truth,best,error,best_unbounded,error_unbounded,truth_unbounded,constrained\n",
    );
    let number = |x: Option<f64>| x.map_or(String::new(), |x| format!("{x:?}"));
    for p in parameters {
        let numbers = [
            Some(p.start),
            p.truth,
            Some(p.best),
            Some(p.error),
            Some(p.best_unbounded),
            Some(p.error_unbounded),
            p.truth_unbounded,
        ];
        let _ =
            writeln!(csv, "{},{},{}", p.name, numbers.map(number).join(","), p.is_constrained());
    }
    csv
}

/// The Fisher matrix of the unbounded parameters as CSV, with names.
pub fn fisher_csv(fisher: &Fisher, names: &[&str]) -> String {
    let mut csv = format!("name,{}\n", names.join(","));
    for (i, name) in names.iter().enumerate() {
        let row: Vec<String> = fisher.matrix().row(i).iter().map(|x| format!("{x:?}")).collect();
        let _ = writeln!(csv, "{name},{}", row.join(","));
    }
    csv
}

/// The eigen-directions as CSV: the error along each, and its components; the most uncertain first.
pub fn directions_csv(fisher: &Fisher, names: &[&str]) -> String {
    let mut csv = format!("error,{}\n", names.join(","));
    for direction in fisher.directions() {
        let row: Vec<String> = direction.components.iter().map(|x| format!("{x:?}")).collect();
        let _ = writeln!(csv, "{:?},{}", direction.error, row.join(","));
    }
    csv
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::galhalo::{PopulationIngredients, PopulationParameters};
    use crate::testing::assert_close;

    #[test]
    fn errors_go_from_unbounded_space_to_the_range() {
        let all = PopulationParameters::new(PopulationIngredients::default());
        let values = all.default_values();
        let free = FreeParameters::all(all, &values).unwrap();
        let free = free.only(&["dust.av_norm", "mzr.lgmet_scatter"]).unwrap();
        let theta = free.start();
        let truth: Vec<f64> = theta.iter().map(|u| u + 0.2).collect();
        let fisher = Fisher::new(DMatrix::from_row_slice(2, 2, &[4.0, 0.0, 0.0, 1e-4])).unwrap();
        let found = fitted_parameters(&free, &theta, Some(&truth), &fisher).unwrap();
        assert_eq!(found[1].name, "dust.av_norm");
        assert_eq!([found[0].is_constrained(), found[1].is_constrained()], [true, false]);
        // Half a unit of unbounded space, as a change of the value.
        let at = |step: f64| free.free_values(&[theta[0] + step, theta[1]]).unwrap()[0];
        let slope = (at(1e-4) - at(-1e-4)) / 2e-4;
        assert_close(&[found[0].error], &[0.5 * slope], 1e-6, 0.0);
        assert_close(&[found[0].pull().unwrap()], &[-0.4], 1e-9, 0.0);
        let csv = parameters_csv(&found);
        assert!(
            csv.lines()
                .nth(2)
                .is_some_and(|l| l.starts_with("dust.av_norm,0.5") && l.ends_with(",false")),
            "{csv}"
        );
        let names = free.names();
        assert_eq!(fisher_csv(&fisher, &names).lines().count(), 3);
        assert!(directions_csv(&fisher, &names).contains("\n100.0,0.0,1.0"));
    }
}
