//! From galaxy parameters to predictions, in batches.

mod components;
mod galaxy;
mod model;
mod settings;

pub use components::Components;
pub use galaxy::{GalaxyParams, ObserverParams};
pub use model::{GalaxyModel, Prediction};
pub use settings::{Frame, ModelSettings};
