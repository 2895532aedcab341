//! Fitting the function to a table, and how well it does.

mod labels;
mod table;
mod train;

use std::collections::BTreeMap;
use std::fmt;

use labels::label;
pub use table::LineTable;
pub use train::Effort;
use train::{Problem, floored};

use super::line_fit::{FitRange, FittedLine, LineFit};

/// Lines that nowhere exceed this fraction of H-beta are left out.
pub const BRIGHT_ENOUGH: f64 = 0.01;
/// Fraction of H-beta that is added to every line before the fit, so that a line without any light has
/// a logarithm too.
pub const FLOOR: f64 = 1e-18;
/// Fraction of H-beta above which the residuals of single lines are stated.
const RELEVANT: f64 = 1e-3;

/// Lines whose ratio varies by less than this \[dex\] come from one upper level.
const FIXED_DEX: f64 = 1e-3;

/// Median, root mean square and largest absolute value of a number of residuals \[dex\].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// How many there are.
    pub count: usize,
    /// Median of the absolute values.
    pub median: f64,
    /// Root of the mean square.
    pub rms: f64,
    /// Largest absolute value.
    pub worst: f64,
}

impl Spread {
    fn of(mut residuals: Vec<f64>) -> Self {
        let count = residuals.len();
        residuals.iter_mut().for_each(|r| *r = r.abs());
        residuals.sort_by(f64::total_cmp);
        let squares: f64 = residuals.iter().map(|r| r * r).sum();
        Self {
            count,
            median: residuals.get(count / 2).copied().unwrap_or(0.0),
            rms: (squares / count.max(1) as f64).sqrt(),
            worst: residuals.last().copied().unwrap_or(0.0),
        }
    }
}

/// Residuals of a fit over the nodes of its table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Residuals {
    /// Of `lg(L + 1e-18 L_Hbeta)`, every line at every node: what the fit minimizes.
    pub floored: Spread,
    /// Of `lg L` where the line exceeds 1e-4 of H-beta.
    pub above_1e_4: Spread,
    /// Of `lg L` where the line exceeds 1e-3 of H-beta.
    pub above_1e_3: Spread,
    /// Of `lg L` where the line exceeds 1e-2 of H-beta.
    pub above_1e_2: Spread,
}

impl fmt::Display for Residuals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |what: &str, s: &Spread, end: &str| {
            let Spread { count, median, rms, worst } = s;
            write!(f, "{what}: median {median:.4}, rms {rms:.4}, worst {worst:.4} ({count}){end}")
        };
        line("lg(L + 1e-18 L_Hbeta) everywhere", &self.floored, "; ")?;
        line("lg L where L > 1e-4 L_Hbeta", &self.above_1e_4, "; ")?;
        line("lg L where L > 1e-3 L_Hbeta", &self.above_1e_3, "; ")?;
        line("lg L where L > 1e-2 L_Hbeta", &self.above_1e_2, " dex")
    }
}

/// Fits the function to the lines of a table that reach 1 % of H-beta.
///
/// Lines from one upper level have one luminosity but for a factor, so only the brightest of them is
/// fitted. The same table gives the same fit on one machine. `progress` hears of each of the three
/// stages: the power of the residuals that was minimized and the root of their mean power \[dex\].
/// The provenance of the fit says what it was fitted to and how well.
pub fn calibrate(
    table: &LineTable,
    effort: &Effort,
    progress: impl FnMut(i32, f64),
) -> (LineFit, Residuals) {
    let n_all = table.names.len();
    let rows = || table.lsun_per_q.chunks(n_all);
    let brightest: Vec<f64> = (0..n_all)
        .map(|line| rows().map(|row| row[line] / row[table.h_beta]).fold(0.0, f64::max))
        .collect();
    let kept: Vec<usize> = (0..n_all).filter(|line| brightest[*line] > BRIGHT_ENOUGH).collect();
    let ends = |axis: &[f64]| [axis[0], axis[axis.len() - 1]];
    let range = FitRange {
        lgmet: ends(&table.lgmet),
        lg_age_yr: ends(&table.lg_age_yr),
        lgu: ends(&table.lgu),
    };
    let (fitted, sources) = independent(table, &kept, &brightest);
    let inputs: Vec<f64> = table.nodes().iter().flat_map(|node| range.inputs(*node)).collect();
    let with_floor = |row: &[f64], line: usize| (row[line] + FLOOR * row[table.h_beta]).log10();
    let problem = Problem {
        target: rows().flat_map(|row| fitted.iter().map(|l| with_floor(row, *l))).collect(),
        floor: rows().map(|row| (FLOOR * row[table.h_beta]).log10()).collect(),
        inputs,
    };
    let mut network = problem.solve(effort, progress).with_outputs(&sources);
    // The file holds single precision; what is reported is what it will give.
    network.coefficients.iter_mut().for_each(|c| *c = f64::from(*c as f32));

    let (residuals, of_lines) = residuals(table, &kept, &network.evaluate(&problem.inputs));
    let lines = kept
        .iter()
        .zip(of_lines)
        .map(|(line, spread)| FittedLine {
            name: label(&table.names[*line]).to_owned(),
            wave_aa: table.wave_aa[*line],
            brightest: brightest[*line],
            typical_dex: spread.median,
            worst_dex: spread.worst,
        })
        .collect();
    let provenance = BTreeMap::from([
        ("source".to_owned(), format!("fit to photoionization models: {}", table.source)),
        ("residuals".to_owned(), residuals.to_string()),
        ("form".to_owned(), "inputs scaled to [-1, 1], dense layers with tanh between".to_owned()),
    ]);
    (LineFit::new(lines, range, network, provenance), residuals)
}

/// The lines to fit, and for each kept line which of those it follows and at which log10 ratio.
fn independent(
    table: &LineTable,
    kept: &[usize],
    brightest: &[f64],
) -> (Vec<usize>, Vec<(usize, f64)>) {
    let mut order: Vec<usize> = (0..kept.len()).collect();
    order.sort_by(|a, b| brightest[kept[*b]].total_cmp(&brightest[kept[*a]]));
    let mut fitted: Vec<usize> = Vec::new();
    let mut sources = vec![(0, 0.0); kept.len()];
    for i in order {
        let found = fitted
            .iter()
            .enumerate()
            .find_map(|(k, leader)| Some((k, fixed_ratio(table, kept[i], *leader)?)));
        sources[i] = found.unwrap_or_else(|| {
            fitted.push(kept[i]);
            (fitted.len() - 1, 0.0)
        });
    }
    (fitted, sources)
}

/// Mean log10 ratio of two lines, if it is the same at all nodes where neither is faint.
fn fixed_ratio(table: &LineTable, line: usize, other: usize) -> Option<f64> {
    let ratios: Vec<f64> = table
        .lsun_per_q
        .chunks(table.names.len())
        .filter(|row| row[line].min(row[other]) > FLOOR * row[table.h_beta])
        .map(|row| (row[line] / row[other]).log10())
        .collect();
    let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
    let fixed = ratios.iter().all(|r| (r - mean).abs() < FIXED_DEX);
    (fixed && ratios.len() >= 10).then_some(mean)
}

/// Residuals of all lines together, and of each where it is relevant.
fn residuals(table: &LineTable, kept: &[usize], outputs: &[f64]) -> (Residuals, Vec<Spread>) {
    let mut floored_residuals = Vec::with_capacity(outputs.len());
    let mut above = [1e-4, 1e-3, 1e-2].map(|threshold| (threshold, Vec::new()));
    let mut of_lines = vec![Vec::new(); kept.len()];
    let rows = table.lsun_per_q.chunks(table.names.len());
    for (row, outputs) in rows.zip(outputs.chunks(kept.len())) {
        let floor = FLOOR * row[table.h_beta];
        for (i, (line, output)) in kept.iter().zip(outputs).enumerate() {
            let target = (row[*line] + floor).log10();
            floored_residuals.push(floored(*output, floor.log10()).0 - target);
            let residual = output - row[*line].log10();
            let ratio = row[*line] / row[table.h_beta];
            for (threshold, residuals) in &mut above {
                if ratio > *threshold {
                    residuals.push(residual);
                }
            }
            if ratio > RELEVANT {
                of_lines[i].push(residual);
            }
        }
    }
    let [above_1e_4, above_1e_3, above_1e_2] = above.map(|(_, residuals)| Spread::of(residuals));
    let all =
        Residuals { floored: Spread::of(floored_residuals), above_1e_4, above_1e_3, above_1e_2 };
    (all, of_lines.into_iter().map(Spread::of).collect())
}

#[cfg(test)]
mod tests {
    use super::table::tests::write;
    use super::*;
    use crate::testing::assert_close;

    #[test]
    fn a_table_of_smooth_functions_is_recovered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.h5");
        write(&path, |_, _| {});
        let table = LineTable::read(&path).unwrap();
        let effort = Effort { hidden: vec![8, 8], steps: 600 };
        let (fit, residuals) = calibrate(&table, &effort, |_, _| {});
        let names: Vec<&str> = fit.lines().iter().map(|line| line.name.as_str()).collect();
        assert_eq!(names, ["[O III] 5007", "Ba-beta 4861", "[N II] 6584"]);
        assert_eq!(residuals.floored.count, 80 * 3);
        assert!(residuals.floored.worst < 0.01, "{residuals}");
        assert!(fit.lines().iter().all(|line| line.worst_dex <= residuals.above_1e_3.worst));
        assert_close(&[fit.lines()[1].brightest], &[1.0], 1e-12, 0.0);

        // The stated residuals are those of the fit as it is written and read.
        let path = folder.path().join("fit.safetensors");
        fit.to_store().write(&path).unwrap();
        let back = LineFit::read(&path).unwrap();
        assert_eq!(back, fit);
        let got = back.lg_lsun_per_q_at(&table.nodes());
        let worst = got
            .chunks(3)
            .zip(table.lsun_per_q.chunks(4))
            .map(|(got, want)| (got[1] - want[1].log10()).abs())
            .fold(0.0, f64::max);
        assert_close(&[worst], &[fit.lines()[1].worst_dex], 1e-9, 1e-12);
    }

    #[test]
    fn lines_of_one_upper_level_keep_their_ratio() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.h5");
        // The last line becomes a third of the first.
        write(&path, |values, _| values.chunks_mut(4).for_each(|row| row[3] = row[0] / 3.0));
        let table = LineTable::read(&path).unwrap();
        let effort = Effort { hidden: vec![4], steps: 20 };
        let (fit, _) = calibrate(&table, &effort, |_, _| {});
        let got = fit.lg_lsun_per_q_at(&[[-2.2, 6.4, -2.6], [-3.0, 7.0, -1.5]]);
        for row in got.chunks(4) {
            assert_close(&[row[0] - row[3]], &[3f64.log10()], 0.0, 1e-5);
        }
    }

    #[test]
    fn spreads() {
        let spread = Spread::of(vec![-3.0, 1.0, 2.0]);
        assert_eq!((spread.count, spread.median, spread.worst), (3, 2.0, 3.0));
        assert_close(&[spread.rms], &[(14.0f64 / 3.0).sqrt()], 1e-15, 0.0);
        assert_eq!(Spread::of(Vec::new()).worst, 0.0);
    }
}
