//! Watching galaxies: predictions at many times of observation, with gradients.

use burn::tensor::Tensor;

use super::quantity::{Measure, Quantity};
use crate::device::to_host;
use crate::numerics::check_ascending;
use crate::numerics::jacobian::jacobian_of_columns;
use crate::population::{Frame, GalaxyModel, GalaxyParams};
use crate::{Error, Result};

/// Rows per batch: galaxies times times of observation.
const BATCH_ROWS: usize = 128;

/// What is watched, and when.
#[derive(Clone, Debug)]
pub struct Watch<'a> {
    /// The forward model.
    pub model: &'a GalaxyModel,
    /// Parameters of the galaxies, in the order of
    /// [`Components::info`](crate::population::Components::info); the redshift among them follows from
    /// the time of observation instead.
    pub galaxies: &'a [Vec<f64>],
    /// Cosmic time at which the parameters hold \[Gyr\], one per galaxy, within
    /// [`GalaxyModel::t_obs_range_gyr`]; only histories with masses or look-back times among their
    /// parameters depend on it.
    pub t_ref_gyr: &'a [f64],
    /// Cosmic times of observation \[Gyr\], ascending.
    pub t_gyr: &'a [f64],
    /// Columns of the parameters to differentiate with respect to; may be empty.
    pub wrt: &'a [usize],
}

/// Predictions at each time of observation.
#[derive(Clone, Debug)]
pub struct Histories {
    /// Times of observation \[Gyr\].
    pub t_gyr: Vec<f64>,
    /// Redshifts at which the Universe has these ages.
    pub redshift: Vec<f64>,
    /// Names of the predicted numbers.
    pub names: Vec<String>,
    /// Names of the parameters of the gradient.
    pub wrt: Vec<&'static str>,
    /// For each name, `[n_gal, n_t]`.
    values: Vec<Vec<f64>>,
    /// For each name, `[n_gal, n_t, n_wrt]`.
    gradients: Vec<Vec<f64>>,
}

impl Histories {
    /// The `k`-th number of a galaxy at each time.
    pub fn values(&self, galaxy: usize, k: usize) -> &[f64] {
        let n_t = self.t_gyr.len();
        &self.values[k][galaxy * n_t..][..n_t]
    }

    /// The derivative of the `k`-th number with respect to the `j`-th parameter of
    /// [`wrt`](Self::wrt) at each time.
    pub fn gradients(&self, galaxy: usize, k: usize, j: usize) -> Vec<f64> {
        let (n_t, n_wrt) = (self.t_gyr.len(), self.wrt.len());
        (0..n_t).map(|i| self.gradients[k][(galaxy * n_t + i) * n_wrt + j]).collect()
    }
}

impl Watch<'_> {
    /// The chosen quantities at each time.
    ///
    /// # Errors
    /// [`Error::Invalid`] when times do not ascend, galaxies lack a parameter, or there is nothing
    /// to watch; [`Error::OutOfRange`] for a parameter or a time outside its range;
    /// [`Error::UnknownName`] for an unknown filter, line or index.
    pub fn run(
        &self,
        quantities: &[Quantity],
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Histories> {
        let measures = quantities.iter().map(|q| q.measure(self.model));
        let measures = measures.collect::<Result<Vec<Measure>>>()?;
        let rows = self.galaxies.len() * self.t_gyr.len();
        let mut all: Option<Histories> = None;
        for (i, measure) in measures.iter().enumerate() {
            // One by one, so that a gradient costs the passes of its own quantity only.
            let predict =
                |model: &GalaxyModel, galaxies: &GalaxyParams| measure.evaluate(model, galaxies);
            let progress = |done, _| progress(i * rows + done, measures.len() * rows);
            let one = self.run_with(measure.names.clone(), predict, progress)?;
            match &mut all {
                None => all = Some(one),
                Some(all) => {
                    all.names.extend(one.names);
                    all.values.extend(one.values);
                    all.gradients.extend(one.gradients);
                }
            }
        }
        all.ok_or_else(|| Error::invalid("history", "there is nothing to watch"))
    }

    /// Any prediction at each time: `predict` gives one column per name, `[n_gal, n_name]`.
    /// `progress` is called with the number of predictions done and their total.
    ///
    /// # Errors
    /// Those of [`run`](Self::run) and of `predict`.
    pub fn run_with(
        &self,
        names: Vec<String>,
        predict: impl Fn(&GalaxyModel, &GalaxyParams) -> Result<Tensor<2>>,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Histories> {
        self.check(&names)?;
        let (model, place) = (self.model, self.model.place());
        let components = model.components();
        let redshift = to_host(model.cosmology().redshift_at_age(&place.vector(self.t_gyr)))?;
        let z_column = components.index("redshift")?;
        let mut rows = Vec::new();
        for (galaxy, t_ref) in self.galaxies.iter().zip(self.t_ref_gyr) {
            for (t, z) in self.t_gyr.iter().zip(&redshift) {
                let mut row = galaxy.clone();
                row[z_column] = *z;
                rows.push((row, *t, *t_ref));
            }
        }
        let mut values = vec![Vec::new(); names.len()];
        let mut gradients = values.clone();
        let (mut done, total) = (0, rows.len());
        for rows in rows.chunks(BATCH_ROWS) {
            let matrix: Vec<&[f64]> = rows.iter().map(|(row, ..)| row.as_slice()).collect();
            let times = |of: fn(&(Vec<f64>, f64, f64)) -> f64| {
                place.vector(&rows.iter().map(of).collect::<Vec<f64>>())
            };
            let (t_obs, t_ref) = (times(|(_, t, _)| *t), times(|(.., t)| *t));
            let matrix = place.rows(&matrix);
            let observe = |matrix: &Tensor<2>| {
                let mut galaxies = components.galaxies(matrix, Some(t_obs.clone()))?;
                galaxies.t_ref_gyr = Some(t_ref.clone());
                predict(model, &galaxies)
            };
            let result = if self.wrt.is_empty() {
                (observe(&matrix)?, None)
            } else {
                let result = jacobian_of_columns(&matrix, self.wrt, observe)?;
                (result.values, Some(result.jacobian))
            };
            let n = names.len();
            for (i, value) in to_host(result.0)?.into_iter().enumerate() {
                values[i % n].push(value);
            }
            if let Some(jacobian) = result.1 {
                for (i, block) in to_host(jacobian)?.chunks(self.wrt.len()).enumerate() {
                    gradients[i % n].extend(block);
                }
            }
            done += rows.len();
            progress(done, total);
        }
        let known = components.names();
        Ok(Histories {
            t_gyr: self.t_gyr.to_vec(),
            redshift,
            names,
            wrt: self.wrt.iter().map(|j| known[*j]).collect(),
            values,
            gradients,
        })
    }

    fn check(&self, names: &[String]) -> Result<()> {
        let settings = self.model.settings();
        check_ascending("times of observation", self.t_gyr, 1)?;
        let (first, last) = self.model.t_obs_range_gyr();
        let earliest = match settings.frame {
            Frame::Rest => first,
            // No redshift is found for earlier times, and today's is zero.
            Frame::Observed => first.max(0.1),
        };
        let today = to_host(self.model.cosmology().age_today_gyr())?[0];
        let latest = match settings.frame {
            Frame::Rest => last,
            Frame::Observed => last.min(today - 1e-4),
        };
        for t in self.t_gyr {
            if *t <= earliest || *t > latest {
                let allowed = format!("({earliest}, {latest}] Gyr");
                return Err(Error::OutOfRange {
                    what: "time of observation".into(),
                    value: *t,
                    allowed,
                });
            }
        }
        if names.is_empty() || self.galaxies.is_empty() {
            return Err(Error::invalid("history", "there is nothing to watch"));
        }
        if self.t_ref_gyr.len() != self.galaxies.len() {
            return Err(Error::invalid(
                "history",
                format!(
                    "{} reference times for {} galaxies",
                    self.t_ref_gyr.len(),
                    self.galaxies.len()
                ),
            ));
        }
        let n = self.model.components().names().len();
        for row in self.galaxies {
            if row.len() != n {
                let reason = format!("{} parameters, expected {n}", row.len());
                return Err(Error::invalid("galaxy of a history", reason));
            }
            self.model.components().check(row)?;
        }
        for (row, t_ref) in self.galaxies.iter().zip(self.t_ref_gyr) {
            if !(*t_ref > first && *t_ref <= last) {
                return Err(Error::OutOfRange {
                    what: "t_ref_gyr".into(),
                    value: *t_ref,
                    allowed: format!("({first}, {last}] Gyr"),
                });
            }
            self.model.components().check_at(row, *t_ref)?;
        }
        Ok(())
    }
}
