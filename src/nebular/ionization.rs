//! Stub.
use crate::parameter_set;
use crate::parameters::Bound;
use burn::tensor::Tensor;
parameter_set! {
    /// P(U).
    pub struct IonizationParams {
        /// Median.
        lgu: "log10 U", -2.0, Bound::square(-10.0, 0.0);
        /// Scatter.
        lgu_scatter: "dex", 0.25, Bound::square(0.01, 2.0);
    }
}
/// Grid.
#[derive(Clone, Debug, PartialEq)]
pub struct IonizationGrid {
    lgu: Vec<f64>,
    edges: Vec<f64>,
}
impl IonizationGrid {
    /// New.
    pub fn new(lgu: Vec<f64>) -> crate::Result<Self> {
        let edges = crate::numerics::cells::cell_edges(&lgu, -10.0, 10.0);
        Ok(Self { lgu, edges })
    }
    /// Nodes.
    pub fn lgu(&self) -> &[f64] {
        &self.lgu
    }
}
/// Weights.
pub fn ionization_weights(p: &IonizationParams, g: &IonizationGrid) -> Tensor<2> {
    crate::numerics::histogram::triweight_weights(&p.lgu, &p.lgu_scatter, &g.edges)
}
