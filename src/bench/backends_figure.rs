//! Time per galaxy against batch, one line per device.

use super::backends::{BackendRow, BackendsReport, Crossover};
use crate::plot::{Axis, Color, Figure, Marker, Panel, Series, Style};

impl BackendsReport {
    /// Two panels, magnitudes and gradient; diamonds mark where a GPU overtakes the CPU.
    pub fn figure(&self) -> Figure {
        let forward = self.panel(
            "Magnitudes",
            |row| row.forward.us_per_galaxy.min,
            |crossover| crossover.forward_batch,
        );
        let gradient = self.panel(
            "Magnitudes and gradient",
            |row| row.gradient.us_per_galaxy.min,
            |crossover| crossover.gradient_batch,
        );
        let note =
            "fastest of several runs, one thread of calls; diamonds: the GPU overtakes the CPU";
        Figure::new(vec![forward, gradient], 2).note(note)
    }

    fn panel(
        &self,
        title: &str,
        time: fn(&BackendRow) -> f64,
        batch: fn(&Crossover) -> Option<f64>,
    ) -> Panel {
        let axes = (Axis::log("Galaxies per call"), Axis::log("Time per galaxy [µs]"));
        let mut panel = Panel::new(axes.0, axes.1).title(title);
        let mut lines: Vec<(&str, &str)> = Vec::new();
        for row in &self.rows {
            let line = (row.device.as_str(), row.dtype.as_str());
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        for (device, dtype) in lines {
            let points = self.points(device, dtype, time);
            let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
            let style = if dtype == "f64" { Style::Dashed } else { Style::Solid };
            panel = panel.with(Series::new(format!("{device} {dtype}"), x, y).style(style));
        }
        for crossover in &self.crossovers {
            let Some(at) = batch(crossover) else { continue };
            let points = self.points(&crossover.device, &crossover.dtype, time);
            let mark = Series::new("", [at], [on_line(&points, at)]);
            panel = panel.with(mark.style(Style::Markers(Marker::Diamond)).color(Color::BLACK));
        }
        panel
    }

    /// Batches, ascending, and times of a device.
    fn points(&self, device: &str, dtype: &str, time: fn(&BackendRow) -> f64) -> Vec<(f64, f64)> {
        let rows = self.rows.iter().filter(|row| row.device == device && row.dtype == dtype);
        let mut points: Vec<(f64, f64)> = rows.map(|row| (row.batch as f64, time(row))).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    }
}

/// The value at `x` on the line through the points, straight in logarithms.
fn on_line(points: &[(f64, f64)], x: f64) -> f64 {
    let right = points.partition_point(|(at, _)| *at < x).clamp(1, points.len().max(2) - 1);
    let (Some((x0, y0)), Some((x1, y1))) = (points.get(right - 1), points.get(right)) else {
        return points.first().map_or(f64::NAN, |(_, y)| *y);
    };
    (y0.ln() + (y1 / y0).ln() * (x / x0).ln() / (x1 / x0).ln()).exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{Spread, Timing};

    fn row(device: &str, batch: usize, us: f64) -> BackendRow {
        let timing = Timing { us_per_galaxy: Spread { min: us, median: us } };
        BackendRow {
            device: device.into(),
            adapter: (device == "wgpu").then(|| "a card".into()),
            dtype: "f32".into(),
            batch,
            first_forward_s: 1.0,
            first_gradient_s: 1.0,
            forward: timing,
            gradient: timing,
            forward_launches: 0,
            gradient_launches: 0,
            peak_rss_mb: None,
            device_memory_mb: None,
            magnitude_error: 0.0,
            gradient_error: 0.0,
            within_tolerance: true,
        }
    }

    #[test]
    fn a_line_per_device_and_a_mark_on_the_crossing() {
        let rows = vec![
            row("flex", 10, 2.0),
            row("flex", 1000, 2.0),
            row("wgpu", 10, 20.0),
            row("wgpu", 1000, 0.2),
        ];
        let crossovers = vec![Crossover {
            device: "wgpu".into(),
            dtype: "f32".into(),
            forward_batch: Some(100.0),
            gradient_batch: None,
        }];
        let report =
            BackendsReport { rows, absent: vec![], crossovers, nodes: 64, version: String::new() };
        let figure = report.figure();
        assert_eq!(figure.panels[0].series.len(), 3);
        assert_eq!(figure.panels[1].series.len(), 2);
        assert!((figure.panels[0].series[2].y[0] - 2.0).abs() < 1e-12);
        assert_eq!(on_line(&[(10.0, 3.0)], 10.0), 3.0);
    }
}
