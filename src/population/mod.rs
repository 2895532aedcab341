//! From galaxy parameters to predictions, in batches.

mod band_mix;
mod band_model;
mod band_operator;
mod band_weights;
mod components;
mod galaxy;
mod light;
mod model;
mod redshift_slices;
mod settings;
mod stars;
mod table_photometry;

pub use band_model::{BandModel, BandPrediction, BandStars, Epoch};
pub use components::Components;
pub use galaxy::{GalaxyParams, ObserverParams};
pub use light::{EquivalentWidths, LineLight};
pub use model::{GalaxyModel, Prediction};
pub use settings::{Frame, ModelSettings};
pub use stars::Stars;
