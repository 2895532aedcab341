//! Haloes from a catalogue.

use std::ops::Range;
use std::path::Path;

use super::haloes::{HaloBatch, HaloSource, MassKnown, SatelliteColumns};
use crate::catalog::{CatalogReader, Cell, cells};
use crate::halo::DiffmahParams;
use crate::parameters::ParameterSet;
use crate::population::ObserverParams;
use crate::{Error, Result};

/// Rows read at a time.
const BATCH_ROWS: usize = 65_536;
/// Most different redshifts: each takes a model of its own.
const MAX_REDSHIFTS: usize = 256;
/// Peak time of haloes of known growth that never stop growing \[Gyr\].
const NEVER_GYR: f64 = 14.0;
/// Columns of satellites besides `upid`.
const INFALL: [&str; 3] = ["lgmu_infall", "logmhost_infall", "gyr_since_infall"];

/// Haloes read from a `.csv`, `.parquet` or `.pq` file.
///
/// Columns: `redshift` (of few different values) and either `lgm_obs` (log10 of the mass in Msun when
/// seen) or `logm0` (today). With `logm0`, `logtc`, `early_index` and `late_index` the growth is
/// known, and `lgm_obs` is not looked at. Optional are `t_peak` \[Gyr\], and `upid` (-1 for centrals), which for satellites needs
/// `lgmu_infall`, `logmhost_infall` and `gyr_since_infall`.
#[derive(Clone, Debug)]
pub struct HaloCatalog {
    redshifts: Vec<f64>,
    epochs: Vec<HaloBatch>,
}

impl HaloCatalog {
    /// Reads a file.
    ///
    /// # Errors
    /// Those of [`CatalogReader`]; [`Error::File`] for missing columns, a growth of which there is only a
    /// part, two masses without a growth, values that are no finite numbers,
    /// growth outside the bounds of [`DiffmahParams`], no rows, or too many redshifts.
    pub fn read(path: &Path) -> Result<Self> {
        let reader = CatalogReader::open(path, BATCH_ROWS)?;
        let names: Vec<String> = reader.column_names().map(str::to_owned).collect();
        let columns = Columns::find(path, &names)?;
        let mut table: Vec<Vec<f64>> = vec![Vec::new(); columns.names.len()];
        for batch in reader {
            let batch = batch?;
            for (values, name) in table.iter_mut().zip(&columns.names) {
                for cell in cells(&batch, name)? {
                    match cell {
                        Cell::Number(value) if value.is_finite() => values.push(value),
                        other => {
                            let row = values.len() + 1;
                            let reason = format!(
                                "row {row}, column {name:?}: {other:?} is no finite number"
                            );
                            return Err(Error::file(path, reason));
                        }
                    }
                }
            }
        }
        columns.haloes(path, &table)
    }
}

/// Which columns a catalogue has; `names[0]` is the redshift.
struct Columns {
    names: Vec<&'static str>,
    known: MassKnown,
    has_growth: bool,
}

impl Columns {
    fn find(path: &Path, present: &[String]) -> Result<Self> {
        let has = |name: &str| present.iter().any(|p| p == name);
        let [logm0, logtc, early, late] = ["logm0", "logtc", "early_index", "late_index"];
        let growth = [logm0, logtc, early, late];
        let has_growth = growth.iter().all(|name| has(name));
        if let Some(part) = growth[1..].iter().find(|name| has(name))
            && !has_growth
        {
            let reason = format!(
                "has the column {part:?} of the growth of haloes, but not all of {}; the growth is drawn \
                 when only the mass is given",
                growth.join(", ")
            );
            return Err(Error::file(path, reason));
        }
        if !has_growth && has(logm0) && has("lgm_obs") {
            let reason = "has the mass today, \"logm0\", and the one when seen, \"lgm_obs\"; one of them \
                          is enough to draw the growth";
            return Err(Error::file(path, reason));
        }
        let (mass, known) = match (has_growth, has("lgm_obs")) {
            (true, _) => (logm0, MassKnown::Today),
            (false, true) => ("lgm_obs", MassKnown::AtObservation),
            (false, false) => (logm0, MassKnown::Today),
        };
        let mut names = vec!["redshift", mass];
        if has_growth {
            names.extend([logtc, early, late]);
        }
        if has("t_peak") {
            names.push("t_peak");
        }
        if has("upid") {
            names.push("upid");
            names.extend(INFALL);
        }
        match names.iter().find(|name| !has(name)) {
            None => Ok(Self { names, known, has_growth }),
            Some(missing) => {
                let reason = format!(
                    "no column {missing:?}; needed are \"redshift\" and \"lgm_obs\" or \"logm0\", and with \"upid\" {}",
                    INFALL.join(", ")
                );
                Err(Error::file(path, reason))
            }
        }
    }

    fn haloes(&self, path: &Path, table: &[Vec<f64>]) -> Result<HaloCatalog> {
        let column =
            |name: &str| self.names.iter().position(|known| *known == name).map(|j| &table[j]);
        let mut redshifts = table[0].clone();
        redshifts.sort_by(f64::total_cmp);
        redshifts.dedup();
        if redshifts.is_empty() || redshifts.len() > MAX_REDSHIFTS {
            let n = redshifts.len();
            let reason =
                format!("{n} different redshifts, expected 1 to {MAX_REDSHIFTS}: round them");
            return Err(Error::file(path, reason));
        }
        for (i, z) in table[0].iter().enumerate() {
            ObserverParams::check(&[*z])
                .map_err(|error| Error::file(path, format!("row {}: {error}", i + 1)))?;
        }
        let epoch = |z: &f64| {
            let rows: Vec<usize> = (0..table[0].len()).filter(|i| table[0][*i] == *z).collect();
            let pick =
                |values: &Vec<f64>| -> Vec<f64> { rows.iter().map(|i| values[*i]).collect() };
            let satellites = column("upid").map(|upid| SatelliteColumns {
                is_satellite: rows.iter().map(|i| upid[*i] >= 0.0).collect(),
                lgmu_infall: column(INFALL[0]).map(pick).unwrap_or_default(),
                logmhost_infall: column(INFALL[1]).map(pick).unwrap_or_default(),
                gyr_since_infall: column(INFALL[2]).map(pick).unwrap_or_default(),
            });
            Ok(HaloBatch {
                ids: rows.iter().map(|i| *i as u64).collect(),
                lgm: pick(&table[1]),
                known: self.known,
                t_peak_gyr: column("t_peak").map(pick),
                satellites,
                growth: self.growth(path, &rows, table, column("t_peak"))?,
            })
        };
        let epochs = redshifts.iter().map(epoch).collect::<Result<Vec<_>>>()?;
        Ok(HaloCatalog { redshifts, epochs })
    }

    /// Rows of [`DiffmahParams`], if the growth is known; masses and peak times are checked anyway.
    fn growth(
        &self,
        path: &Path,
        rows: &[usize],
        table: &[Vec<f64>],
        t_peak: Option<&Vec<f64>>,
    ) -> Result<Option<Vec<f64>>> {
        if !self.has_growth {
            // The rest of the growth is to be drawn.
            for i in rows {
                let mut row = DiffmahParams::default_values();
                row[0] = table[1][*i];
                row[4] = t_peak.map_or(NEVER_GYR, |t_peak| t_peak[*i]);
                check_row(path, *i, &row, self.names[1])?;
            }
            return Ok(None);
        }
        let mut all = Vec::with_capacity(rows.len() * DiffmahParams::n_params());
        for i in rows {
            let mut row: Vec<f64> = (1..5).map(|j| table[j][*i]).collect();
            row.push(t_peak.map_or(NEVER_GYR, |t_peak| t_peak[*i]));
            check_row(path, *i, &row, self.names[1])?;
            all.extend(row);
        }
        Ok(Some(all))
    }
}

/// Checks a row of [`DiffmahParams`] whose first value is from the column `mass`.
fn check_row(path: &Path, i: usize, row: &[f64], mass: &str) -> Result<()> {
    DiffmahParams::check(row).map_err(|error| {
        let error = match error {
            Error::OutOfRange { what, value, allowed } if what == "logm0" => {
                Error::OutOfRange { what: mass.to_owned(), value, allowed }
            }
            other => other,
        };
        Error::file(path, format!("row {}: {error}", i + 1))
    })
}

impl HaloSource for HaloCatalog {
    fn redshifts(&self) -> &[f64] {
        &self.redshifts
    }

    fn n_haloes(&self, epoch: usize) -> usize {
        self.epochs[epoch].len()
    }

    fn haloes(&self, epoch: usize, range: Range<usize>) -> HaloBatch {
        let all = &self.epochs[epoch];
        let part = |values: &Vec<f64>| values[range.clone()].to_vec();
        let n = DiffmahParams::n_params();
        HaloBatch {
            ids: all.ids[range.clone()].to_vec(),
            lgm: part(&all.lgm),
            known: all.known,
            t_peak_gyr: all.t_peak_gyr.as_ref().map(part),
            satellites: all.satellites.as_ref().map(|columns| SatelliteColumns {
                is_satellite: columns.is_satellite[range.clone()].to_vec(),
                lgmu_infall: part(&columns.lgmu_infall),
                logmhost_infall: part(&columns.logmhost_infall),
                gyr_since_infall: part(&columns.gyr_since_infall),
            }),
            growth: all.growth.as_ref().map(|g| g[range.start * n..range.end * n].to_vec()),
        }
    }

    fn has_growth(&self) -> bool {
        self.epochs.iter().any(|epoch| epoch.growth.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<HaloCatalog> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("haloes.csv");
        std::fs::write(&path, text).unwrap();
        HaloCatalog::read(&path)
    }

    #[test]
    fn haloes_are_sorted_by_redshift() {
        let haloes = read("lgm_obs,redshift,t_peak\n12,0.5,3\n13,0.2,4\n11.5,0.5,5\n").unwrap();
        assert_eq!(haloes.redshifts(), [0.2, 0.5]);
        assert_eq!((haloes.n_haloes(0), haloes.n_haloes(1), haloes.has_growth()), (1, 2, false));
        let late = haloes.haloes(1, 1..2);
        assert_eq!((&late.lgm[..], &late.ids[..]), (&[11.5][..], &[2][..]));
        assert_eq!(late.t_peak_gyr, Some(vec![5.0]));
        assert_eq!((late.known, late.satellites), (MassKnown::AtObservation, None));
    }

    #[test]
    fn growth_and_satellites_are_read() {
        let haloes = read(
            "redshift,logm0,logtc,early_index,late_index,upid,lgmu_infall,logmhost_infall,gyr_since_infall\n\
             0.5,12,0.1,2.5,0.3,-1,-1,12,0\n0.5,11,0.2,2.6,0.2,77,-1.5,13,2\n",
        )
        .unwrap();
        let batch = haloes.haloes(0, 0..2);
        assert!(haloes.has_growth() && batch.known == MassKnown::Today);
        assert_eq!(haloes.haloes(0, 1..2).growth, Some(vec![11.0, 0.2, 2.6, 0.2, 14.0]));
        let satellites = batch.satellites.unwrap();
        assert_eq!(satellites.is_satellite, [false, true]);
        assert_eq!(satellites.logmhost_infall, [12.0, 13.0]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, part) in [
            ("redshift\n0.1\n", "\"logm0\""),
            ("logm0\n12\n", "\"redshift\""),
            ("redshift,logm0,logtc\n0.1,12,0.1\n", "has the column \"logtc\" of the growth"),
            ("redshift,lgm_obs,late_index\n0.1,12,0.1\n", "not all of logm0, logtc, early_index"),
            ("redshift,lgm_obs,logm0\n0.1,12,12\n", "one of them is enough"),
            ("redshift,logm0,upid\n0.1,12,-1\n", "lgmu_infall"),
            ("redshift,logm0\n0.1,12\n0.2,x\n", "row 2, column \"logm0\""),
            ("redshift,logm0\n", "0 different redshifts"),
            (
                "redshift,lgm_obs\n0.1,12\n0.1,1e12\n",
                "row 2: lgm_obs = 1000000000000 is outside [0, 17]",
            ),
            ("redshift,lgm_obs,t_peak\n0.5,12,-1\n", "row 1: t_peak"),
            ("redshift,lgm_obs\n0.5,12\n-0.5,12\n", "row 2: redshift = -0.5 is outside [0, 30]"),
            ("redshift,logm0,logtc,early_index,late_index\n0.1,12,3,2.5,0.3\n", "row 1: logtc"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
