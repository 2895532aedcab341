//! Sums over processes.

use crate::Result;

/// Adds up small vectors over the processes that share a population, each with its own galaxies.
///
/// With MPI this is one `MPI_Allreduce`: a step of an optimizer asks for two, the sums of the summary and
/// the gradient. Every process then has the same numbers and takes the same step.
pub trait Reducer {
    /// Replaces `values` by their sums over all processes, in the same order in each of them.
    ///
    /// # Errors
    /// When another process cannot be reached.
    fn reduce(&self, values: &mut [f64]) -> Result<()>;
}

/// One process has all galaxies.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalReducer;

impl Reducer for LocalReducer {
    fn reduce(&self, _: &mut [f64]) -> Result<()> {
        Ok(())
    }
}
