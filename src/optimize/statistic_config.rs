//! Statistics as a configuration names them.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Errors, Kind, Statistic};
use crate::files::read_text;
use crate::summary::{
    Kernel, MeanRelation, QuantityNames, Side, SoftBins, SoftCounts, SoftHistogram,
};
use crate::{Error, Result};

/// A `[[statistic]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StatisticConfig {
    /// Name in files and figures.
    pub(super) name: String,
    kind: KindName,
    /// Dimensions; one for counts and means.
    axes: Vec<AxisConfig>,
    /// The shape of a galaxy's kernel.
    #[serde(default = "triweight")]
    kernel: String,
    /// Counts: on which side of the limits.
    side: Option<String>,
    /// Means: of which quantity.
    of: Option<String>,
    /// Numbers: what one galaxy counts.
    #[serde(default = "one")]
    scale: f64,
    /// Means: galaxies with the target's mean that are added to each bin.
    #[serde(default = "one")]
    prior_weight: f64,
    errors: Option<ErrorsConfig>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KindName {
    Histogram,
    Counts,
    Mean,
}

/// A dimension: edges one by one, or evenly spaced ones.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AxisConfig {
    quantity: String,
    edges: Option<Vec<f64>>,
    first: Option<f64>,
    last: Option<f64>,
    bins: Option<usize>,
    /// Width of a galaxy's kernel; without it, a third of the narrowest bin.
    width: Option<f64>,
}

/// How sure the data are: a name, or numbers.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected \"data\", \"counts\", \"poisson\", { background }, { absolute, relative } or { covariance }"
)]
enum ErrorsConfig {
    Name(String),
    Poisson(PoissonConfig),
    Covariance(CovarianceConfig),
    Fixed(FixedConfig),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PoissonConfig {
    background: f64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CovarianceConfig {
    covariance: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FixedConfig {
    #[serde(default)]
    absolute: f64,
    #[serde(default)]
    relative: f64,
}

/// Most sums of all statistics: each is a reverse pass of a Gauss-Newton step, and matrices have as many rows
/// and columns.
pub(super) const MAX_SUMS: usize = 4096;
/// Galaxies per bin that a Poisson likelihood takes for granted.
const BACKGROUND: f64 = 1e-3;
/// Width of a kernel in units of the narrowest bin.
const WIDTH: f64 = 1.0 / 3.0;

fn triweight() -> String {
    Kernel::Triweight.name().to_owned()
}

fn one() -> f64 {
    1.0
}

impl StatisticConfig {
    /// The statistic of galaxies with these quantities.
    ///
    /// # Errors
    /// Naming the statistic: for quantities that are not there, wrong edges, and settings that are missing
    /// or belong to another kind.
    pub(super) fn statistic(&self, names: &QuantityNames) -> Result<Statistic> {
        self.build(names)
            .map_err(|e| Error::invalid(format!("statistic {:?}", self.name), e.to_string()))
    }

    fn build(&self, names: &QuantityNames) -> Result<Statistic> {
        let wants = |key: &str, kind: &str| Err(Error::invalid(key, format!("goes with {kind}")));
        if self.side.is_some() && self.kind != KindName::Counts {
            return wants("side", "kind = \"counts\"");
        }
        if self.of.is_some() != (self.kind == KindName::Mean) {
            return wants("of", "kind = \"mean\", which needs it");
        }
        if self.kind != KindName::Histogram && self.axes.len() != 1 {
            return Err(Error::invalid("axes", format!("{}, expected one", self.axes.len())));
        }
        let kernel: Kernel = self.kernel.parse()?;
        let (kind, centres, axis) = match self.kind {
            KindName::Histogram => {
                let bins = self.axes.iter().map(|axis| axis.bins(names, kernel));
                let bins = bins.collect::<Result<Vec<_>>>()?;
                let n = bins.iter().map(SoftBins::n_bins).fold(1, usize::saturating_mul);
                check_bins(n, "bins".into())?;
                let (centres, axis) = bins.last().map(describe).unwrap_or_default();
                (Kind::Histogram(SoftHistogram::new(bins)?), centres, axis)
            }
            KindName::Counts => {
                let axis = &self.axes[0];
                let (edges, width) = (axis.edges(1)?, axis.width(1)?);
                let side: Side = self.side.as_deref().unwrap_or("below").parse()?;
                let on = names.axis(&axis.quantity)?;
                let label = on.label();
                (Kind::Counts(SoftCounts::new(on, &edges, side, kernel, width)?), edges, label)
            }
            KindName::Mean => {
                let bins = self.axes[0].bins(names, kernel)?;
                let (centres, axis) = describe(&bins);
                if !(self.prior_weight > 0.0 && self.prior_weight.is_finite()) {
                    return Err(Error::OutOfRange {
                        what: "prior_weight".into(),
                        value: self.prior_weight,
                        allowed: "(0, inf)".into(),
                    });
                }
                let of = names.axis(self.of.as_deref().unwrap_or_default())?;
                let relation = MeanRelation::new(bins, of);
                (Kind::Mean { relation, prior_weight: self.prior_weight }, centres, axis)
            }
        };
        let value = match &self.of {
            Some(of) => format!("Mean of {of}"),
            None => "Number".to_owned(),
        };
        Ok(Statistic { name: self.name.clone(), kind, scale: self.scale, centres, axis, value })
    }

    /// The file that it names, if any.
    pub(super) fn file(&self) -> Option<&Path> {
        match &self.errors {
            Some(ErrorsConfig::Covariance(config)) => Some(&config.covariance),
            _ => None,
        }
    }

    /// The errors; those of the data where nothing is said and data have them. Relative paths begin at
    /// `folder`.
    ///
    /// # Errors
    /// Naming the statistic: for unknown names, a mean without errors, and a covariance that cannot be
    /// read.
    pub(super) fn errors(&self, data_have_them: bool, folder: &Path) -> Result<Errors> {
        let named = |e: Error| Error::invalid(format!("statistic {:?}", self.name), e.to_string());
        match &self.errors {
            None if data_have_them => Ok(Errors::Data),
            None if self.kind != KindName::Mean => Ok(Errors::Counts),
            None => Err(named(Error::invalid("errors", "are needed for a mean"))),
            Some(ErrorsConfig::Name(name)) => match name.as_str() {
                "poisson" => Ok(Errors::Poisson { background: BACKGROUND }),
                "counts" => Ok(Errors::Counts),
                "data" => Ok(Errors::Data),
                _ => Err(named(Error::UnknownName {
                    kind: "kind of errors",
                    name: name.clone(),
                    available: "poisson, counts, data, { absolute, relative }, { covariance }, \
                                { background }"
                        .into(),
                })),
            },
            Some(ErrorsConfig::Poisson(poisson)) => {
                Ok(Errors::Poisson { background: poisson.background })
            }
            Some(ErrorsConfig::Fixed(fixed)) => {
                Ok(Errors::Fixed { absolute: fixed.absolute, relative: fixed.relative })
            }
            Some(ErrorsConfig::Covariance(config)) => {
                let path = folder.join(&config.covariance);
                parse_matrix(&read_text(&path)?, &path).map(Errors::Covariance)
            }
        }
    }
}

/// # Errors
/// [`Error::OutOfRange`] for none, and for more than matrices may have rows.
fn check_bins(n: usize, what: String) -> Result<()> {
    match n {
        1..=MAX_SUMS => Ok(()),
        _ => Err(Error::OutOfRange { what, value: n as f64, allowed: format!("[1, {MAX_SUMS}]") }),
    }
}

/// Centres of the bins, and what they are of.
fn describe(bins: &SoftBins) -> (Vec<f64>, String) {
    let centres = bins.edges().windows(2).map(|e| 0.5 * (e[0] + e[1])).collect();
    (centres, bins.axis().label())
}

impl AxisConfig {
    fn bins(&self, names: &QuantityNames, kernel: Kernel) -> Result<SoftBins> {
        SoftBins::new(names.axis(&self.quantity)?, &self.edges(2)?, kernel, self.width(2)?)
    }

    /// The edges, `least` or more.
    fn edges(&self, least: usize) -> Result<Vec<f64>> {
        let what = || format!("axis {:?}", self.quantity);
        match (&self.edges, self.first, self.last, self.bins) {
            (Some(edges), None, None, None) if edges.len() >= least => {
                check_bins(edges.len() + 1 - least, format!("bins of {}", what()))?;
                Ok(edges.clone())
            }
            (None, Some(first), Some(last), Some(n)) => {
                check_bins(n, format!("bins of {}", what()))?;
                Ok((0..=n).map(|i| first + (last - first) * i as f64 / n as f64).collect())
            }
            _ => Err(Error::invalid(what(), "needs either edges, or first, last and bins")),
        }
    }

    fn width(&self, least: usize) -> Result<f64> {
        let edges = self.edges(least)?;
        let narrowest = edges.windows(2).map(|e| e[1] - e[0]).fold(f64::INFINITY, f64::min);
        match self.width {
            Some(width) => Ok(width),
            None if narrowest.is_finite() => Ok(WIDTH * narrowest),
            None => Err(Error::invalid(format!("axis {:?}", self.quantity), "needs a width")),
        }
    }
}

/// A matrix of numbers, one row per line, separated by commas or blanks.
pub(crate) fn parse_matrix(text: &str, path: &Path) -> Result<Vec<f64>> {
    let mut all = Vec::new();
    for (i, line) in text.lines().enumerate() {
        for word in line.split([',', ' ', '\t', ';']).filter(|word| !word.is_empty()) {
            let wrong = || Error::file(path, format!("line {}: {word:?} is no number", i + 1));
            all.push(word.parse().map_err(|_| wrong())?);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> QuantityNames {
        QuantityNames::new(["r", "g", "m"]).unwrap()
    }

    fn config(text: &str) -> StatisticConfig {
        toml::from_str(&format!("name = \"s\"\n{text}")).unwrap()
    }

    #[test]
    fn every_kind_can_be_named() {
        let two = config(
            "kind = \"histogram\"\nkernel = \"logistic\"\n\
             axes = [{ quantity = \"r\", first = 18, last = 24, bins = 3, width = 0.5 },\n\
             { quantity = \"g - r\", edges = [0.0, 0.5, 2.0] }]",
        );
        let two = two.statistic(&names()).unwrap();
        assert_eq!((two.n_values(), two.centres, two.axis), (6, vec![0.25, 1.25], "g - r".into()));
        let counts =
            "kind = \"counts\"\naxes = [{ quantity = \"r\", edges = [22.0], width = 0.1 }]";
        let counts = config(counts).statistic(&names()).unwrap();
        assert_eq!(counts.labels(), ["number, r below 22"]);
        let mean =
            "kind = \"mean\"\nof = \"g\"\naxes = [{ quantity = \"m\", edges = [11, 12, 13] }]";
        let mean = config(mean).statistic(&names()).unwrap();
        assert_eq!((mean.n_values(), mean.centres), (2, vec![11.5, 12.5]));
    }

    #[test]
    fn wrong_settings_name_the_statistic() {
        let axis = "axes = [{ quantity = \"r\", edges = [1, 2] }]";
        for (text, part) in [
            ("kind = \"mean\"", "goes with kind = \"mean\""),
            ("kind = \"histogram\"\nside = \"above\"", "goes with kind = \"counts\""),
            ("kind = \"mean\"\nof = \"x\"", "no quantity is called \"x\""),
            ("kind = \"histogram\"\nkernel = \"box\"", "no kernel is called"),
            ("kind = \"counts\"\nside = \"over\"", "no side is called"),
            ("kind = \"mean\"\nof = \"g\"\nprior_weight = 0.0", "prior_weight = 0"),
        ] {
            let error = config(&format!("{text}\n{axis}")).statistic(&names()).unwrap_err();
            let error = error.to_string();
            assert!(error.contains(part) && error.contains("\"s\""), "{error}");
        }
        for (axes, part) in [
            ("{ quantity = \"z\", edges = [1, 2] }", "no quantity is called \"z\""),
            ("{ quantity = \"r\", edges = [2, 1] }", "edges of r"),
            ("{ quantity = \"r\" }", "either edges"),
            ("{ quantity = \"r\", first = 0, last = 1, bins = 0 }", "bins of axis \"r\" = 0"),
            ("{ quantity = \"r\", first = 0, last = 1, bins = 99999 }", "[1, 4096]"),
            (
                "{ quantity = \"r\", first = 0, last = 1, bins = 100 },\
                 { quantity = \"g\", first = 0, last = 1, bins = 100 }",
                "bins = 10000 is outside [1, 4096]",
            ),
            (
                &format!("{{ quantity = \"r\", edges = {:?} }}", (0..5000).collect::<Vec<_>>()),
                "bins of axis \"r\" = 4999",
            ),
            ("{ quantity = \"r\", edges = [1, 2], width = 0.0 }", "width"),
        ] {
            let text = format!("kind = \"histogram\"\naxes = [{axes}]");
            let error = config(&text).statistic(&names()).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        let limits = config("kind = \"counts\"\naxes = [{ quantity = \"r\", edges = [2.0] }]");
        assert!(limits.statistic(&names()).unwrap_err().to_string().contains("needs a width"));
    }

    #[test]
    fn errors_are_names_numbers_or_files() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("c.csv"), "1, 0.5\n0.5 2\n").unwrap();
        std::fs::write(folder.path().join("bad.csv"), "1,x\n").unwrap();
        let errors = |kind: &str, text: &str, data| {
            let axes = "axes = [{ quantity = \"r\", edges = [1, 2] }]";
            let config = config(&format!("kind = \"{kind}\"\n{axes}\n{text}"));
            config.errors(data, folder.path()).map_err(|e| e.to_string())
        };
        let of = |text: &str| errors("histogram", text, false);
        assert_eq!(of("").unwrap(), Errors::Counts);
        assert_eq!(errors("mean", "", true).unwrap(), Errors::Data);
        assert_eq!(of("errors = \"poisson\"").unwrap(), Errors::Poisson { background: 1e-3 });
        let fixed = Errors::Fixed { absolute: 0.0, relative: 0.1 };
        assert_eq!(of("errors = { relative = 0.1 }").unwrap(), fixed);
        let poisson = Errors::Poisson { background: 0.5 };
        assert_eq!(of("errors = { background = 0.5 }").unwrap(), poisson);
        let matrix = Errors::Covariance(vec![1.0, 0.5, 0.5, 2.0]);
        assert_eq!(of("errors = { covariance = \"c.csv\" }").unwrap(), matrix);
        assert!(of("errors = { covariance = \"bad.csv\" }").unwrap_err().contains("line 1"));
        assert!(of("errors = \"gauss\"").unwrap_err().contains("no kind of errors"));
        assert!(errors("mean", "", false).unwrap_err().contains("needed for a mean"));
    }
}
