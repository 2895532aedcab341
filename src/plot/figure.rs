//! A grid of panels.

use super::panel::Panel;
use crate::{Error, Result};

/// Width and height in pixels that leave room for data between a panel's labels.
const MIN_PANEL: usize = 200;
/// Largest width and height in pixels; drawing takes 48 bytes per pixel of the area.
const MAX_SIDE: u32 = 3000;

/// Panels in a grid, filled row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// The panels; at least one.
    pub panels: Vec<Panel>,
    /// Panels per row; at least one.
    pub columns: usize,
    /// Width and height in pixels of the SVG, at least 200 per panel and at most 3000; the PNG has
    /// twice as many each way. Text has a fixed size made for widths of 1000 to 1600.
    pub size: (u32, u32),
    /// Lines of explanation, such as parameter values, that head the file of numbers.
    pub notes: Vec<String>,
}

impl Figure {
    /// A figure of `columns` panels per row: 1000 × 700 pixels for a single panel, otherwise
    /// 720 × 540 for each, as far as the largest size allows.
    pub fn new(panels: Vec<Panel>, columns: usize) -> Self {
        let rows = panels.len().div_ceil(columns.max(1));
        let size = if panels.len() == 1 {
            (1000, 700)
        } else {
            let pixels =
                |count: usize, each| count.saturating_mul(each).min(MAX_SIDE as usize) as u32;
            (pixels(columns, 720), pixels(rows, 540))
        };
        Self { panels, columns, size, notes: Vec::new() }
    }

    /// The same figure with a line of explanation added.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// The same figure of `width` × `height` pixels.
    #[must_use]
    pub fn size(self, width: u32, height: u32) -> Self {
        Self { size: (width, height), ..self }
    }

    /// Errors if the grid is empty, the size extreme or a panel contradicts itself.
    pub(super) fn check(&self) -> Result<()> {
        if self.panels.is_empty() || self.columns == 0 {
            return Err(Error::invalid("figure", "it needs at least one panel and one column"));
        }
        let rows = self.panels.len().div_ceil(self.columns);
        for (what, pixels, count) in
            [("width", self.size.0, self.columns), ("height", self.size.1, rows)]
        {
            let enough = pixels as usize / count >= MIN_PANEL;
            if !enough || pixels > MAX_SIDE {
                return Err(Error::OutOfRange {
                    what: format!("figure {what} in pixels"),
                    value: pixels.into(),
                    allowed: format!("{MIN_PANEL} per panel to {MAX_SIDE} in total"),
                });
            }
        }
        self.panels.iter().try_for_each(Panel::check)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Axis, Series};
    use super::*;

    fn panel() -> Panel {
        Panel::new(Axis::linear("x"), Axis::linear("y"))
    }

    #[test]
    fn the_grid_sets_the_size() {
        assert_eq!(Figure::new(vec![panel()], 1).size, (1000, 700));
        assert_eq!(Figure::new(vec![panel(); 3], 2).size, (1440, 1080));
    }

    #[test]
    fn contradictions_are_errors() {
        assert!(Figure::new(vec![panel()], 1).check().is_ok());
        assert!(Figure::new(vec![], 1).check().is_err());
        assert!(Figure::new(vec![panel()], 0).check().is_err());
        let tiny = Figure::new(vec![panel(); 3], 3).size(590, 700).check();
        assert!(matches!(tiny, Err(Error::OutOfRange { value: 590.0, .. })));
        let huge = Figure::new(vec![panel()], 1).size(1_000_000, 700).check();
        assert!(matches!(huge, Err(Error::OutOfRange { value: 1e6, .. })));
        let uneven = panel().with(Series::new("s", [1.0], []));
        assert!(matches!(Figure::new(vec![uneven], 1).check(), Err(Error::Invalid { .. })));
    }
}
