//! What an emulator is to reproduce: masses from rates at many look-back nodes, in f64.

use super::config::EmulatorConfig;
use super::prior::PriorBox;
use crate::Result;
use crate::device::{DEFAULT_DEVICE, Place, Precision, to_host};
use crate::sfh::{AgeWeightMethod, LookbackNodes, SFR_MIN, SfhContext, SfhModel, TimeTable};

/// Galaxies and what is exactly known of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Targets {
    /// Values in the order of [`PriorBox::names`], one row per galaxy.
    pub(super) rows: Vec<Vec<f64>>,
    /// Share of the mass younger than the end of each bin, `[n_gal, n_bin]`.
    pub(super) cumulative: Vec<f64>,
    /// log10 of the mass formed \[Msun\].
    pub(super) lg_mass_formed: Vec<f64>,
}

/// Draws galaxies and computes their histories.
#[derive(Clone, Debug)]
pub(super) struct TargetMaker {
    sfh: SfhModel,
    prior: PriorBox,
    nodes: LookbackNodes,
    times: TimeTable,
    lgt0: f64,
    fb: f64,
    place: Place,
    edges_gyr: Vec<f64>,
}

impl TargetMaker {
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) in builds without a device that computes in f64.
    pub(super) fn new(config: &EmulatorConfig, edges_gyr: &[f64]) -> Result<Self> {
        Ok(Self {
            sfh: config.sfh,
            prior: PriorBox::new(config.sfh, &config.prior)?,
            nodes: LookbackNodes::new(config.training.nodes)?,
            times: TimeTable::default(),
            lgt0: config.lgt0,
            fb: config.fb,
            place: Place::open(DEFAULT_DEVICE, Precision::F64)?,
            edges_gyr: edges_gyr.to_vec(),
        })
    }

    /// The galaxies with the given numbers.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device).
    pub(super) fn draw(&self, seed: u64, ids: std::ops::Range<u64>) -> Result<Targets> {
        self.of(ids.map(|id| self.prior.draw(seed, id)).collect())
    }

    /// Given galaxies.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device).
    pub(super) fn of(&self, rows: Vec<Vec<f64>>) -> Result<Targets> {
        let n_node = self.nodes.shares().len();
        let n_bin = self.edges_gyr.len() - 1;
        let mut targets = Targets {
            cumulative: Vec::with_capacity(rows.len() * n_bin),
            lg_mass_formed: Vec::with_capacity(rows.len()),
            rows: Vec::new(),
        };
        // Few at a time, so that their rates stay in the cache.
        for rows in rows.chunks(128) {
            let rates = self.rates(rows)?;
            for (row, rates) in rows.iter().zip(rates.chunks(n_node)) {
                let t_obs = row[row.len() - 1];
                let start = targets.cumulative.len();
                let mean = self.younger(rates, t_obs, &mut targets.cumulative);
                targets.cumulative[start..].iter_mut().for_each(|share| *share /= mean);
                targets.lg_mass_formed.push((mean * t_obs).log10() + 9.0);
            }
        }
        targets.rows = rows;
        Ok(targets)
    }

    fn rates(&self, rows: &[Vec<f64>]) -> Result<Vec<f64>> {
        let n = self.prior.names().len();
        let mut columns = (0..n).map(|j| {
            let column: Vec<f64> = rows.iter().map(|row| row[j]).collect();
            self.place.vector(&column)
        });
        let sfh = self.sfh.take(&mut columns);
        let t_obs: Vec<f64> = rows.iter().map(|row| row[n - 1]).collect();
        let t_obs = self.place.vector(&t_obs);
        let context = SfhContext {
            t_ref_gyr: &t_obs,
            method: AgeWeightMethod::Nodes,
            times: &self.times,
            nodes: &self.nodes,
            lgt0: self.lgt0,
            fb: self.fb,
        };
        to_host(sfh.sfr_at_nodes(&context, &t_obs)?)
    }

    /// Appends the mass younger than the end of each bin, in units of one rate over all the time, and
    /// returns that of all stars: the integral of straight lines between the nodes.
    fn younger(&self, rates: &[f64], t_obs: f64, masses: &mut Vec<f64>) -> f64 {
        let shares = self.nodes.shares();
        let rate = |k: usize| rates[k].max(SFR_MIN);
        let mut ends = self.edges_gyr[1..].iter().map(|edge| (edge / t_obs).min(1.0)).peekable();
        let mut sum = 0.0;
        for k in 0..shares.len() - 1 {
            let width = shares[k + 1] - shares[k];
            let slope = (rate(k + 1) - rate(k)) / width;
            while let Some(x) = ends.next_if(|x| *x <= shares[k + 1]) {
                let beyond = x - shares[k];
                masses.push(sum + beyond * (rate(k) + 0.5 * slope * beyond));
            }
            sum += 0.5 * width * (rate(k) + rate(k + 1));
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::bins::age_edges_gyr;
    use crate::sfh::AgeGrid;
    use crate::testing::{assert_close, values};

    #[test]
    fn masses_are_those_of_the_node_path() {
        let config = EmulatorConfig::parse(EmulatorConfig::embedded_text()).unwrap();
        let ages = AgeGrid::new((0..40).map(|i| -2.8 + 0.1 * f64::from(i)).collect()).unwrap();
        // An edge at zero as the bins have.
        let edges = [&[0.0][..], ages.edges_gyr()].concat();
        let maker = TargetMaker::new(&config, &edges).unwrap();
        let targets = maker.draw(3, 0..20).unwrap();
        for (g, row) in targets.rows.iter().enumerate() {
            let t_obs = maker.place.vector(&row[row.len() - 1..]);
            let rates = maker.rates(std::slice::from_ref(row)).unwrap();
            let rates = maker.place.row(&rates);
            let want = maker.nodes.age_distribution(rates, &t_obs, &ages);
            let younger = &targets.cumulative[41 * g..][..41];
            let all = younger[40] - younger[0];
            let got: Vec<f64> = younger.windows(2).map(|w| (w[1] - w[0]) / all).collect();
            assert_close(&got, &values(want.weights), 1e-9, 1e-15);
            let lg_mass = &targets.lg_mass_formed[g..=g];
            assert_close(lg_mass, &values(want.lg_mass_formed), 1e-12, 0.0);
        }
    }

    #[test]
    fn galaxies_do_not_depend_on_their_batch() {
        let config = EmulatorConfig::parse(EmulatorConfig::embedded_text()).unwrap();
        let maker = TargetMaker::new(&config, &age_edges_gyr(32, 13.8)).unwrap();
        let (all, some) = (maker.draw(0, 0..300).unwrap(), maker.draw(0, 200..203).unwrap());
        assert_eq!(all.rows[200..203], some.rows);
        assert_close(&all.cumulative[200 * 32..203 * 32], &some.cumulative, 1e-12, 1e-300);
        assert_close(&all.cumulative[31..32], &[1.0], 1e-12, 0.0);
    }
}
