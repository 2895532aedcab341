//! What tells one job from another.

use std::path::Path;

use super::manifest::JobRecord;
use crate::Result;
use crate::checksum::{Checksum, checksum_of, checksum_of_file};
use crate::population::GalaxyModel;

/// Describes the job that computes with `model` what is `asked` for, for the rows of `input`, `batch` of
/// them at once.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) when `input` cannot be read.
pub(crate) fn job_record(
    input: &Path,
    model: &GalaxyModel,
    asked: &str,
    rows: usize,
    rows_per_part: usize,
    batch: usize,
) -> Result<JobRecord> {
    Ok(JobRecord {
        program: concat!("starburn ", env!("CARGO_PKG_VERSION")).to_owned(),
        input: checksum_of_file(input)?,
        model: model_checksum(model),
        output: checksum_of(asked.as_bytes()),
        rows,
        rows_per_part,
        batch,
    })
}

/// The data that the model works on, rather than the names of their files, and its settings.
fn model_checksum(model: &GalaxyModel) -> String {
    let mut sum = Checksum::default();
    sum.text(&format!("{} {:?}", model.place(), model.settings()));
    let grid = model.grid();
    sum.text(&format!("{:?} {:?}", grid.shape(), grid.lgu));
    for values in [
        grid.metallicities.lgmet(),
        grid.ages.lg_age_gyr(),
        &grid.wave_aa,
        &grid.lnu_lsun_hz,
        model.wave_aa(),
    ] {
        sum.numbers(values);
    }
    if let Some(lines) = &grid.lines {
        sum.text(&format!("{:?} {:?}", lines.names, lines.lgu));
        sum.numbers(&lines.wave_aa);
        sum.numbers(&lines.luminosity_lsun);
    }
    for (name, wave_aa, response) in model.bands().samples() {
        sum.text(name);
        sum.numbers(wave_aa);
        sum.numbers(response);
    }
    sum.hex()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::FilterSet;
    use crate::population::{Frame, ModelSettings};
    use crate::ssp::embedded;
    use crate::testing::places;

    #[test]
    fn data_settings_filters_and_place_tell_models_apart() {
        use crate::device::Precision::{F32, F64};
        let (place, narrow) = (&places(F64)[0], &places(F32)[0]);
        let model = |filters: &str, settings, grid: &_, place| {
            let filters = FilterSet::embedded(filters).unwrap();
            model_checksum(&GalaxyModel::new(grid, &filters, settings, place).unwrap())
        };
        let usual = ModelSettings::default;
        let mut grid = embedded().clone();
        grid.lnu_lsun_hz[1000] *= 1.0 + 1e-9;
        let sums = [
            model("lsst", usual(), embedded(), place),
            model("lsst_r", usual(), embedded(), place),
            model("lsst", ModelSettings { frame: Frame::Rest, ..usual() }, embedded(), place),
            model("lsst", ModelSettings { fb: 0.1, ..usual() }, embedded(), place),
            model("lsst", usual(), &grid, place),
            model("lsst", usual(), embedded(), narrow),
        ];
        for (i, sum) in sums.iter().enumerate() {
            assert!(!sums[..i].contains(sum), "{i}");
        }
        assert_eq!(sums[0], model("lsst", usual(), embedded(), place));
    }
}
