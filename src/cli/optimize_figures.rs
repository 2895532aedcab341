//! Figures of an optimization.

use crate::optimize::{Fisher, Record, Stage, Statistic, Target};
use crate::plot::{Axis, Color, Corner, Figure, Marker, Panel, Series, Style};

/// Panels of one figure, and in a row.
const PANELS: usize = 12;
const COLUMNS: usize = 3;

/// Loss and length of the gradient, step by step.
pub(super) fn history_figure(history: &[Record], stages: &[Stage]) -> Figure {
    let panel = |label: &str, of: fn(&Record) -> f64| {
        let mut panel = Panel::new(Axis::linear("Step"), Axis::log(label));
        for (s, stage) in stages.iter().enumerate() {
            // Each stage begins where the one before ended.
            let first = history.iter().position(|r| r.stage == s).map(|i| i.saturating_sub(1));
            let last = history.iter().rposition(|r| r.stage == s);
            let (Some(first), Some(last)) = (first, last) else { continue };
            let steps: Vec<f64> = (first..=last).map(|i| i as f64).collect();
            let values: Vec<f64> = history[first..=last].iter().map(of).collect();
            let series = Series::new(stage.method.name(), steps, values);
            let only = first == last;
            let style = if only { Style::Markers(Marker::Circle) } else { Style::Solid };
            panel = panel.with(series.style(style));
        }
        panel
    };
    let loss = panel("Loss, minus ln likelihood", |r| r.value);
    Figure::new(vec![loss, panel("Length of the gradient", |r| r.gradient_norm)], 2)
}

/// The data, the start and the best fit: figures of at most a dozen statistics with their names.
pub(super) fn statistics_figures(
    target: &Target,
    start: &[f64],
    best: &[f64],
) -> Vec<(String, Figure)> {
    let mut at = 0;
    let mut panels = Vec::new();
    for (statistic, values, sigma) in target.data() {
        let range = at..at + values.len();
        at = range.end;
        panels
            .push(statistic_panel(statistic, [values, sigma, &start[range.clone()], &best[range]]));
    }
    let figure = |panels: &[Panel]| Figure::new(panels.to_vec(), panels.len().min(COLUMNS));
    let figures = panels.chunks(PANELS).map(figure);
    comparison_stems(panels.len()).into_iter().zip(figures).collect()
}

/// Names of the figures of so many statistics.
pub(super) fn comparison_stems(n_statistics: usize) -> Vec<String> {
    let stem = |i| if i == 0 { "comparison".to_owned() } else { format!("comparison_{}", i + 1) };
    (0..n_statistics.div_ceil(PANELS)).map(stem).collect()
}

fn statistic_panel(statistic: &Statistic, numbers: [&[f64]; 4]) -> Panel {
    let [values, sigma, start, best] = numbers;
    // Several dimensions stand one after the other.
    let n = statistic.centres.len();
    let (x, label) = match values.len() == n {
        true => (statistic.centres.clone(), statistic.axis.clone()),
        false => {
            let bins = (0..values.len()).map(|k| k as f64).collect();
            (bins, format!("bin ({} fastest, {n} each)", statistic.axis))
        }
    };
    let y = match statistic.is_number() {
        true => number_axis(statistic, values, best),
        false => Axis::linear(&*statistic.value),
    };
    let edge = |sign: f64| -> Vec<f64> {
        values.iter().zip(sigma).map(|(value, sigma)| value + sign * sigma).collect()
    };
    Panel::new(Axis::linear(label), y)
        .title(&*statistic.name)
        .legend(Corner::Above)
        .with(
            Series::new("target ± σ", x.clone(), edge(-1.0))
                .style(Style::Band { y2: edge(1.0) })
                .color(Color::SKY_BLUE),
        )
        .with(
            Series::new("target", x.clone(), values)
                .style(Style::Markers(Marker::Circle))
                .color(Color::BLACK),
        )
        .with(Series::new("start", x.clone(), start).style(Style::Dashed).color(Color::ORANGE))
        .with(Series::new("best fit", x, best).color(Color::VERMILLION))
}

/// A logarithmic axis that ends below one galaxy, since fewer tell nothing.
fn number_axis(statistic: &Statistic, values: &[f64], best: &[f64]) -> Axis {
    let axis = Axis::log(&*statistic.value);
    let largest = values.iter().chain(best).copied().filter(|v| v.is_finite()).fold(0.0, f64::max);
    let least = 0.3 * statistic.scale;
    if largest > least { axis.range(least, 3.0 * largest) } else { axis }
}

/// Correlations of the errors as coloured squares.
pub(super) fn correlation_figure(fisher: &Fisher, names: &[&str]) -> Figure {
    let n = names.len();
    let correlations = fisher.correlations();
    let range = |axis: Axis| axis.range(0.5, n as f64 + 0.5);
    let mut panel = Panel::new(
        range(Axis::linear("Parameter (number in parameters.csv)")),
        range(Axis::linear("Parameter")).inverted(),
    )
    .title("Correlations of the errors: red positive, blue negative");
    for i in 0..n {
        for j in 0..n {
            let (x, y) = (j as f64 + 1.0, i as f64 + 1.0);
            let square = Series::new("", [x - 0.5, x + 0.5], [y - 0.5; 2])
                .style(Style::Band { y2: vec![y + 0.5; 2] })
                .color(shade(correlations[(i, j)]));
            panel = panel.with(square);
        }
    }
    let figure = Figure::new(vec![panel], 1).size(900, 850);
    names
        .iter()
        .enumerate()
        .fold(figure, |figure, (j, name)| figure.note(format!("{}: {name}", j + 1)))
}

/// White for none, red for one, blue for minus one.
fn shade(correlation: f64) -> Color {
    // Bands are drawn half transparent, so these are stronger than those of lines.
    let Color(r, g, b) = if correlation > 0.0 { Color(200, 0, 0) } else { Color(0, 0, 200) };
    let share = correlation.abs().min(1.0);
    let mixed = |full: u8| (255.0 + (f64::from(full) - 255.0) * share).round() as u8;
    Color(mixed(r), mixed(g), mixed(b))
}
