//! Publication-quality line figures, as PNG and SVG, with the numbers behind them as CSV.
//!
//! A [`Figure`] is a grid of [`Panel`]s; a panel has two axes and any number of [`Series`].
//! [`Figure::save`] draws it and writes the three files.
//!
//! ```
//! use starburn::plot::{Axis, Figure, Panel, Series, Style};
//!
//! let age = vec![0.0, 5.0, 10.0, 13.8];
//! let panel = Panel::new(Axis::linear("Cosmic time [Gyr]"), Axis::log("SFR [M_☉ yr⁻¹]"))
//!     .with(Series::new("in situ", age.clone(), vec![0.1, 12.0, 3.0, 1.0]))
//!     .with(Series::new("mergers", age, vec![0.0, 1.0, 2.0, 0.2]).style(Style::Dashed));
//! # let folder = tempfile::tempdir()?;
//! # let stem = folder.path().join("sfh");
//! Figure::new(vec![panel], 1).save(&stem)?; // sfh.png, sfh.svg, sfh.csv
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Text
//!
//! The font covers Latin, Greek, super- and subscripts, arrows and common mathematical and
//! astronomical signs. In any text, `_` or `^` lowers or raises what follows if that is a sign
//! outside ASCII (`L_ν`, `M_☉`) or stands in braces (`A_{V}`); names such as `sdss_g` stay as
//! they are.

mod axis;
mod bitmap;
mod data;
mod figure;
mod geometry;
mod layout;
mod legend;
mod output;
mod panel;
mod series;
mod shape;
mod svg;
mod table;
mod text;

pub use figure::Figure;
pub use panel::{Axis, Corner, Panel, Scale};
pub use series::{Color, Marker, Series, Style};
