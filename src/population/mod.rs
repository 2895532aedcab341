//! From galaxy parameters to predictions, in batches.

mod band_model;
mod components;
mod galaxy;
mod light;
mod model;
mod settings;
mod stars;

pub use band_model::{BandModel, BandPrediction, BandStars, Epoch};
pub use components::Components;
pub use galaxy::{GalaxyParams, ObserverParams};
pub use light::{EquivalentWidths, LineLight};
pub use model::{GalaxyModel, Prediction};
pub use settings::{Frame, ModelSettings};
pub use stars::Stars;
