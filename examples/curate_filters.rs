//! Builds the embedded filters, `models/filters.safetensors`.
//!
//! ```text
//! cargo run --example curate_filters -- FILTERS.h5 LSST_FOLDER SSP.h5 models/filters.safetensors
//! ```
//!
//! * `FILTERS.h5`: groups `sedpy/<name>` and `speclite/<name>` with the curves of astro-sedpy 0.4.1
//!   and speclite 1.0.0 under those packages' names, as datasets `wave` \[Angstrom\] and
//!   `transmission`;
//! * `LSST_FOLDER`: the files `lsst_<band>_transmission.h5` that DSPS users work with;
//! * `SSP.h5`: a grid of simple stellar populations in DSPS's layout, to verify the result with.
//!
//! The LSST curves are stored as they are. All others are cut where their wings stop to matter and
//! resampled, because magnitudes are integrals over the filter's own samples: a curve tabulated
//! every 100 Angstrom would miss the features of the spectrum in between, one tabulated every
//! Angstrom over its whole detector would be large for nothing. The command fails if a magnitude
//! of any population then differs by a thousandth from the converged integral of the original.

#![allow(clippy::print_stdout, reason = "the report of a command")]

use std::error::Error;
use std::path::Path;

use hdf5_pure::File;
use starburn::filter::{Filter, FilterSet};

/// Set, group and name prefix in the source, bands; a band `r2:r` is called `r` here.
///
/// Of the two packages' versions of a system the one with the better curve is taken: Bessell's
/// in photon (not energy) units, GALEX with full sampling and WISE with its faint wings are sedpy's.
/// Herschel is left out: without dust emission there is nothing to observe.
const CURATED: &[(&str, &str, &str, &str)] = &[
    ("acs_wfc", "sedpy", "acs_wfc_", "f435w f475w f555w f606w f625w f775w f814w f850lp"),
    ("bessell", "sedpy", "bessell_", "U B V R I"),
    ("decam", "speclite", "decam2014-", "u g r i z Y"),
    ("euclid", "speclite", "Euclid-", "VIS Y J H"),
    ("gaia", "speclite", "gaiadr3-", "BP G RP"),
    ("galex", "sedpy", "galex_", "FUV NUV"),
    ("hsc", "speclite", "hsc2017-", "g r2:r i2:i z y"),
    (
        "jwst_nircam",
        "sedpy",
        "jwst_",
        "f070w f090w f115w f140m f150w f150w2 f162m f182m f200w f210m f250m f277w f300m f322w2 \
         f335m f356w f360m f410m f430m f444w f460m f480m",
    ),
    (
        "jwst_niriss",
        "sedpy",
        "jwst_niriss_",
        "f090w f115w f140m f150w f158m f200w f277w f356w f380m f430m f444w f480m",
    ),
    ("jwst_miri", "sedpy", "jwst_", "f560w f770w f1000w f1130w f1280w f1500w f1800w f2100w f2550w"),
    ("lsst2023", "speclite", "lsst2023-", "u g r i z y"),
    ("panstarrs", "speclite", "panstarrs-", "g r w i z y"),
    ("roman_wfi", "sedpy", "roman_wfi_", "f062 f087 f106 f129 f146 f158 f184 f213"),
    ("sdss", "speclite", "sdss2010-", "u g r i z"),
    ("spitzer_irac", "sedpy", "spitzer_irac_", "ch1 ch2 ch3 ch4"),
    ("twomass", "speclite", "twomass-", "J H Ks"),
    ("wfc3_ir", "sedpy", "wfc3_ir_", "f098m f105w f110w f125w f140w f160w"),
    ("wfc3_uvis", "sedpy", "wfc3_uvis_", "f225w f275w f336w f390w f475w f555w f606w f814w"),
    ("wise", "sedpy", "wise_", "w1 w2 w3 w4"),
];

/// Largest step between samples, relative to the wavelength.
const STEP: f64 = 1e-3;
/// Largest change of the transmission by leaving out samples, relative to the peak.
const TOLERANCE: f64 = 5e-4;
/// Share of the integral that each cut wing may carry.
const WING: f64 = 1e-7;
/// Largest change of a magnitude.
const MAX_DELTA_MAG: f64 = 1e-3;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [curves, lsst, ssp, output] = &arguments[..] else {
        return Err("usage: curate_filters FILTERS.h5 LSST_FOLDER SSP.h5 OUTPUT".into());
    };
    let curves = File::open(curves)?;
    let ssp = Ssp::read(ssp)?;

    let mut filters = Vec::new();
    for band in ["u", "g", "r", "i", "z", "y"] {
        let file = format!("lsst_{band}_transmission.h5");
        let f = FilterSet::read(&Path::new(lsst).join(&file))?.filters()[0].clone();
        let provenance = format!("DSPS's {file}, as packaged in pz-rail-dsps 2.0.2 (MIT)");
        let (wave, transmission) = (f.wave_aa().to_vec(), f.transmission().to_vec());
        filters.push(Filter::new(f.name(), wave, transmission, provenance)?);
    }
    for (set, group, prefix, bands) in CURATED {
        for band in bands.split_whitespace() {
            let (theirs, ours) = band.split_once(':').unwrap_or((band, band));
            let name = format!("{set}_{}", ours.to_lowercase());
            let source = format!("{prefix}{theirs}");
            let (native, source) = native_curve(&curves, group, &source)?;
            let curve = resample(&trim(&native));
            let delta = ssp.max_delta_mag(&native, &curve);
            let (n, m) = (native.wave.len(), curve.wave.len());
            println!("{name:20} {n:6} -> {m:5} samples, |delta mag| < {delta:.1e}");
            if delta > MAX_DELTA_MAG {
                return Err(format!("{name}: magnitudes change by {delta}").into());
            }
            let provenance = format!("{source}; {n} samples resampled to {m}");
            filters.push(Filter::new(name, curve.wave, curve.transmission, provenance)?);
        }
    }

    let n_samples: usize = filters.iter().map(|f| f.wave_aa().len()).sum();
    let set = FilterSet::new(filters)?;
    let bytes = set.to_safetensors()?;
    std::fs::write(output, &bytes)?;
    println!("{} filters, {n_samples} samples, {} bytes", set.filters().len(), bytes.len());
    Ok(())
}

struct Curve {
    wave: Vec<f64>,
    transmission: Vec<f64>,
}

impl Curve {
    /// The transmission at `wave` on the straight line through samples `i` and `j`.
    fn chord(&self, i: usize, j: usize, wave: f64) -> f64 {
        let f = (wave - self.wave[i]) / (self.wave[j] - self.wave[i]);
        self.transmission[i] + f * (self.transmission[j] - self.transmission[i])
    }

    /// The same curve with `n` equal steps from each sample to the next, `n` given by the two
    /// wavelengths.
    fn subdivided(&self, steps: impl Fn(f64, f64) -> usize) -> Curve {
        let (mut wave, mut transmission) = (vec![self.wave[0]], vec![self.transmission[0]]);
        for i in 1..self.wave.len() {
            let (from, to) = (self.wave[i - 1], self.wave[i]);
            let n = steps(from, to);
            for k in 1..n {
                let w = from + (to - from) * k as f64 / n as f64;
                wave.push(w);
                transmission.push(self.chord(i - 1, i, w));
            }
            wave.push(to);
            transmission.push(self.transmission[i]);
        }
        Curve { wave, transmission }
    }
}

/// A curve as published, negative noise clipped and, where it is no transmission but an effective
/// area or in arbitrary units, divided by its peak; and where it comes from.
fn native_curve(file: &File, group: &str, name: &str) -> Result<(Curve, String), Box<dyn Error>> {
    let read = |dataset: &str| -> Result<Vec<f64>, Box<dyn Error>> {
        Ok(file.dataset(&format!("{group}/{name}/{dataset}"))?.read_f64()?)
    };
    let (wave, mut transmission) = (read("wave")?, read("transmission")?);
    let package = match group {
        "sedpy" => "astro-sedpy 0.4.1 (MIT)",
        _ => "speclite 1.0.0 (BSD-3-Clause)",
    };
    let mut source = format!("{name} of {package}");
    let peak = transmission.iter().copied().fold(0.0, f64::max);
    let scale = if (1e-2..=1.0).contains(&peak) { 1.0 } else { peak };
    if scale != 1.0 {
        source += &format!("; divided by its peak {peak:.4e}");
    }
    for t in &mut transmission {
        *t = t.max(0.0) / scale;
    }
    Ok((Curve { wave, transmission }, source))
}

/// The curve without wings of less than [`WING`] of its integral each.
fn trim(curve: &Curve) -> Curve {
    let Curve { wave, transmission } = curve;
    let mut integral = vec![0.0];
    for i in 1..wave.len() {
        let area = 0.5 * (wave[i] - wave[i - 1]) * (transmission[i] + transmission[i - 1]);
        integral.push(integral[i - 1] + area);
    }
    let total = integral[wave.len() - 1];
    let first = integral.iter().rposition(|&a| a <= WING * total).unwrap_or(0);
    let last = integral.iter().position(|&a| a >= (1.0 - WING) * total).unwrap_or(wave.len() - 1);
    Curve { wave: wave[first..=last].to_vec(), transmission: transmission[first..=last].to_vec() }
}

/// The curve with steps of at most [`STEP`], without the samples that straight lines replace.
fn resample(curve: &Curve) -> Curve {
    let Curve { wave, transmission } = curve;
    let tolerance = TOLERANCE * transmission.iter().copied().fold(0.0, f64::max);
    let replaces = |i: usize, j: usize| {
        wave[j] <= wave[i] * (1.0 + STEP)
            && (i + 1..j).all(|k| (curve.chord(i, j, wave[k]) - transmission[k]).abs() <= tolerance)
    };
    let mut kept = vec![0];
    let mut i = 0;
    while i + 1 < wave.len() {
        let mut j = i + 1;
        while j + 1 < wave.len() && replaces(i, j + 1) {
            j += 1;
        }
        kept.push(j);
        i = j;
    }
    let thinned = Curve {
        wave: kept.iter().map(|&i| wave[i]).collect(),
        transmission: kept.iter().map(|&i| transmission[i]).collect(),
    };
    thinned.subdivided(|from, to| ((to / from - 1.0) / STEP).ceil() as usize)
}

/// Spectra of simple stellar populations.
struct Ssp {
    wave: Vec<f64>,
    flux: Vec<f64>,
}

impl Ssp {
    fn read(path: &str) -> Result<Self, Box<dyn Error>> {
        let file = File::open(path)?;
        let read = |name: &str| file.dataset(name)?.read_f64();
        Ok(Self { wave: read("ssp_wave")?, flux: read("ssp_flux")? })
    }

    /// The largest difference, over all populations, between the magnitude of `curve` on its own
    /// samples and the converged one of `native`.
    fn max_delta_mag(&self, native: &Curve, curve: &Curve) -> f64 {
        // Knots at all samples of both factors, and eight steps in between for the curvature.
        let (first, last) = (native.wave[0], native.wave[native.wave.len() - 1]);
        let knots = self.wave.iter().copied().filter(|w| (first..last).contains(w));
        let mut wave: Vec<_> = native.wave.iter().copied().chain(knots).collect();
        wave.sort_by(f64::total_cmp);
        wave.dedup();
        let transmission = wave
            .iter()
            .map(|&w| {
                let j = native.wave.partition_point(|&x| x <= w).clamp(1, native.wave.len() - 1);
                native.chord(j - 1, j, w)
            })
            .collect();
        let converged = Curve { wave, transmission }.subdivided(|_, _| 8);

        let (exact, own) = (self.weights(&converged), self.weights(curve));
        let band_flux = |spectrum: &[f64], weights: &[f64]| -> f64 {
            spectrum.iter().zip(weights).map(|(l, w)| l * w).sum()
        };
        self.flux
            .chunks_exact(self.wave.len())
            .map(|spectrum| (band_flux(spectrum, &own), band_flux(spectrum, &exact)))
            .filter(|&(_, exact)| exact > 0.0)
            .map(|(own, exact)| (2.5 * (own / exact).log10()).abs())
            .fold(0.0, f64::max)
    }

    /// The band's flux as a weighted sum over the spectrum: trapezoid rule over the samples of the
    /// curve, linear interpolation of the spectrum, relative to a spectrum of constant flux.
    fn weights(&self, curve: &Curve) -> Vec<f64> {
        let Curve { wave, transmission } = curve;
        let mut weights = vec![0.0; self.wave.len()];
        let mut total = 0.0;
        for (k, &w) in wave.iter().enumerate() {
            let (before, after) = (wave[k.max(1) - 1], wave[(k + 1).min(wave.len() - 1)]);
            let share = 0.5 * (after - before) * transmission[k] / w;
            total += share;
            let j = self.wave.partition_point(|&x| x <= w);
            if j > 0 && j < self.wave.len() {
                let f = (w - self.wave[j - 1]) / (self.wave[j] - self.wave[j - 1]);
                weights[j - 1] += share * (1.0 - f);
                weights[j] += share * f;
            }
        }
        weights.iter_mut().for_each(|w| *w /= total);
        weights
    }
}
