//! From galaxy parameters to predictions, in batches.

mod galaxy;
mod model;

pub use galaxy::{GalaxyParams, ObserverParams};
pub use model::{Frame, GalaxyModel, ModelSettings, Prediction};
