//! From star formation rates at look-back nodes, or masses in age bins, to light in bands, as one matrix.

use burn::tensor::Tensor;

use super::Epoch;
use crate::device::Place;
use crate::dust::{DustLaw, DustWaves};
use crate::photometry::{BandTable, BandTabulator};
use crate::sfh::{AgeGrid, LookbackNodes, NodeOperator};

/// What rates at look-back nodes, or shares of mass in age bins, amount to at one epoch.
#[derive(Clone, Debug)]
pub(super) struct BandOperator {
    pub(super) epoch: Epoch,
    /// From rates \[Msun/yr\] at the nodes (shares in the age bins) to band fluxes without dust,
    /// `[n_node, n_component * n_column + 2]`; the last two columns are the mass in the age bins and the
    /// mass ever formed \[Msun\].
    pub(super) matrix: Tensor<2>,
    /// Wavelengths of the columns.
    pub(super) waves: DustWaves,
}

impl BandOperator {
    /// The operator for bands seen at redshift `z`, which is 0 in the rest frame; for shares of mass in the
    /// age bins without nodes.
    pub(super) fn new(
        tabulator: &BandTabulator,
        law: &DustLaw,
        nodes: Option<&LookbackNodes>,
        ages: &AgeGrid,
        epoch: Epoch,
        z: f64,
        place: &Place,
    ) -> Self {
        let BandTable { light, dust_um } = tabulator.table(z);
        let (n_age, n_column) = (ages.lg_age_gyr().len(), tabulator.n_column());
        let operator = match nodes {
            Some(nodes) => nodes.operator(epoch.t_obs_gyr, ages),
            None => NodeOperator {
                per_bin: (0..n_age * n_age)
                    .map(|i| f64::from(u8::from(i / n_age == i % n_age)))
                    .collect(),
                total: vec![1.0; n_age],
            },
        };
        let n_node = operator.total.len();
        let width = tabulator.n_component() * n_column + 2;
        let mut matrix = vec![0.0; n_node * width];
        let rows = matrix.chunks_mut(width);
        for ((row, masses), total) in rows.zip(operator.per_bin.chunks(n_age)).zip(&operator.total)
        {
            let (columns, mass) = row.split_at_mut(width - 2);
            for (sums, component) in
                columns.chunks_mut(n_column).zip(light.chunks(n_age * n_column))
            {
                for (mass, light) in masses.iter().zip(component.chunks(n_column)) {
                    sums.iter_mut().zip(light).for_each(|(sum, l)| *sum += mass * l);
                }
            }
            mass.copy_from_slice(&[masses.iter().sum(), *total]);
        }
        Self {
            epoch,
            matrix: place.matrix(&matrix, [n_node, width]),
            waves: law.waves(&dust_um, place),
        }
    }
}
