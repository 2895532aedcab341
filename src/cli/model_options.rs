//! Options that choose the model, shared by subcommands.

use std::path::PathBuf;

use crate::cosmology::{CosmologyValues, Quadrature};
use crate::device::{DEFAULT_DEVICE, Place, Precision};
use crate::dust::{AttenuationCurve, DustLaw};
use crate::filter::FilterSet;
use crate::halo::LGT0;
use crate::imf::Imf;
use crate::population::{Frame, GalaxyModel, ModelSettings};
use crate::sfh::{AgeWeightMethod, FB, TimeTable};
use crate::{Error, Result, ssp};

#[derive(clap::Args)]
pub(super) struct ModelOptions {
    /// SSP grid, DSPS HDF5 or starburn safetensors [default: the embedded grid]
    #[arg(long, value_name = "FILE")]
    ssp: Option<PathBuf>,
    /// Filter sets, filters and files, separated by commas; see `starburn filters`
    #[arg(long, value_name = "SET|NAME|FILE,...", default_value = "lsst")]
    filters: String,
    /// Apparent magnitudes at the redshift, or absolute ones in the rest frame: observed, rest
    #[arg(long, default_value = "observed")]
    frame: Frame,
    /// P(age): table (DSPS's path, needs f64) or safe (good in f32) [default: table in f64, safe in f32]
    #[arg(long, value_name = "METHOD")]
    age_weights: Option<AgeWeightMethod>,
    /// planck15, wmap5, fsps, or the numbers Om0,w0,wa,h
    #[arg(long, default_value = "planck15", allow_hyphen_values = true)]
    cosmology: CosmologyValues,
    /// Cosmological integrals: dsps (parity with DSPS) or accurate (better at z > 5)
    #[arg(long, default_value = "dsps")]
    quadrature: Quadrature,
    /// Attenuation curve: calzetti00, leitherer02, noll09, salim18, triweight, power_law
    #[arg(long, value_name = "CURVE", default_value = "salim18")]
    dust: AttenuationCurve,
    /// IMF of the surviving mass: salpeter, chabrier, kroupa, van_dokkum
    #[arg(long, default_value = "chabrier")]
    imf: Imf,
    /// Times of the SFH table in Gyr: first,last,number
    #[arg(long, value_name = "FIRST,LAST,N", default_value = "0.1,13.8,100", value_parser = time_table)]
    sfh_times: TimeTable,
    /// log10 of the age of the Universe in Gyr at which halo masses logm0 hold
    #[arg(long, default_value_t = LGT0)]
    lgt0: f64,
    /// Cosmic baryon fraction
    #[arg(long, default_value_t = FB)]
    fb: f64,
    /// flex, ndarray, wgpu, cuda
    #[arg(long, default_value = DEFAULT_DEVICE)]
    device: String,
    /// f64 or f32
    #[arg(long, default_value = "f64")]
    dtype: Precision,
}

impl ModelOptions {
    pub(super) fn model(&self) -> Result<GalaxyModel> {
        let place = Place::open(&self.device, self.dtype)?;
        let filters = FilterSet::resolve(&self.filters)?;
        // Ages of 3 to 30 Gyr; 13.8 without the logarithm is a likely slip.
        for (what, value, (lo, hi)) in
            [("--lgt0", self.lgt0, (0.5, 1.5)), ("--fb", self.fb, (1e-3, 1.0))]
        {
            if !(lo..=hi).contains(&value) {
                let allowed = format!("[{lo}, {hi}]");
                return Err(Error::OutOfRange { what: what.to_owned(), value, allowed });
            }
        }
        if self.dtype == Precision::F32 && self.age_weights == Some(AgeWeightMethod::Table) {
            eprintln!(
                "warning: --age-weights table loses the youngest stars in f32; safe does not"
            );
        }
        let defaults = ModelSettings::new(self.dtype);
        let settings = ModelSettings {
            frame: self.frame,
            age_weights: self.age_weights.unwrap_or(defaults.age_weights),
            cosmology: self.cosmology,
            quadrature: self.quadrature,
            dust_law: DustLaw { curve: self.dust },
            components: defaults.components,
            imf: self.imf,
            times: self.sfh_times.clone(),
            lgt0: self.lgt0,
            fb: self.fb,
        };
        match &self.ssp {
            Some(path) => Ok(GalaxyModel::new(&ssp::read(path)?, &filters, settings, &place)),
            None => Ok(GalaxyModel::new(ssp::embedded(), &filters, settings, &place)),
        }
    }
}

fn time_table(text: &str) -> Result<TimeTable> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let parsed = match parts[..] {
        [first, last, n] => match (first.parse(), last.parse(), n.parse()) {
            (Ok(first), Ok(last), Ok(n)) => Some((first, last, n)),
            _ => None,
        },
        _ => None,
    };
    let (first, last, n) = parsed.ok_or_else(|| {
        Error::invalid("SFH times", format!("{text:?}: expected FIRST,LAST,N as in 0.1,13.8,100"))
    })?;
    if n > 5000 {
        let allowed = "[2, 5000]".to_owned();
        return Err(Error::OutOfRange {
            what: "number of SFH times".into(),
            value: n as f64,
            allowed,
        });
    }
    TimeTable::uniform(first, last, n)
}
