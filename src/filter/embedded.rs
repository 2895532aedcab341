//! The survey filters that are part of the library.

use std::path::Path;
use std::sync::OnceLock;

use super::{Filter, store};
use crate::{Error, Result};

/// Made by `examples/curate_filters.rs`; licences in `models/filters.LICENSE.md`.
const BYTES: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/models/filters.safetensors"));

/// SHA-256 of the embedded file, checked by `starburn doctor`.
pub const EMBEDDED_FILTERS_SHA256: &str =
    "cb3720eed26f5a2d54ef78f8c6da788416df3f53f923694e8009e1d778c77dae";

/// The file's bytes.
pub fn embedded_filter_bytes() -> &'static [u8] {
    BYTES
}

/// The names of all embedded filters: sets in alphabetical order, each in order of wavelength.
///
/// # Errors
///
/// [`Error::File`] if the embedded data are damaged, which the library's tests exclude.
pub fn embedded_names() -> Result<Vec<&'static str>> {
    Ok(all()?.iter().map(Filter::name).collect())
}

/// The names of the embedded sets in alphabetical order.
///
/// The set of a filter is its name up to the last underscore: `jwst_miri_f770w` belongs to
/// `jwst_miri`.
///
/// # Errors
///
/// As for [`embedded_names`].
pub fn embedded_sets() -> Result<Vec<&'static str>> {
    let mut sets: Vec<_> = all()?.iter().map(set_of).collect();
    sets.dedup();
    Ok(sets)
}

/// The embedded filters of a set, or the one embedded filter of that name.
pub(super) fn find(name_or_set: &str) -> Result<Vec<Filter>> {
    let found: Vec<_> = all()?
        .iter()
        .filter(|f| f.name() == name_or_set || set_of(f) == name_or_set)
        .cloned()
        .collect();
    if found.is_empty() {
        return Err(Error::UnknownName {
            kind: "filter or filter set",
            name: name_or_set.into(),
            available: format!("{} and their filters, such as lsst_g", embedded_sets()?.join(", ")),
        });
    }
    Ok(found)
}

fn set_of(filter: &Filter) -> &str {
    filter.name().rsplit_once('_').map_or(filter.name(), |(set, _)| set)
}

fn all() -> Result<&'static [Filter]> {
    static FILTERS: OnceLock<Vec<Filter>> = OnceLock::new();
    if let Some(filters) = FILTERS.get() {
        return Ok(filters);
    }
    let mut filters = store::parse(BYTES, Path::new("embedded filters.safetensors"))?;
    filters.sort_by(|a, b| {
        let by_wavelength = a.effective_wavelength_aa().total_cmp(&b.effective_wavelength_aa());
        set_of(a).cmp(set_of(b)).then(by_wavelength)
    });
    Ok(FILTERS.get_or_init(|| filters))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn one(name: &str) -> Filter {
        find(name).unwrap().remove(0)
    }

    #[test]
    fn the_store_holds_valid_filters_with_unique_lower_case_names() {
        // Parsing validates every curve.
        let names = embedded_names().unwrap();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        for name in names {
            assert_eq!(name, name.to_lowercase());
            assert!(name.contains('_'), "{name} belongs to no set");
        }
    }

    #[test]
    fn every_filter_names_its_source_and_licence() {
        for filter in all().unwrap() {
            let p = filter.provenance();
            assert!(p.contains("(MIT)") || p.contains("(BSD-3-Clause)"), "{}: {p}", filter.name());
        }
    }

    #[test]
    fn sets_are_complete_and_in_order_of_wavelength() {
        for (set, bands) in [
            ("sdss", "u g r i z"),
            ("euclid", "vis y j h"),
            ("twomass", "j h ks"),
            ("galex", "fuv nuv"),
            ("wise", "w1 w2 w3 w4"),
            ("bessell", "u b v r i"),
            ("roman_wfi", "f062 f087 f106 f129 f146 f158 f184 f213"),
        ] {
            let names: Vec<_> = find(set).unwrap().iter().map(|f| f.name().to_owned()).collect();
            let expected: Vec<_> = bands.split(' ').map(|b| format!("{set}_{b}")).collect();
            assert_eq!(names, expected);
        }
        assert!(embedded_sets().unwrap().is_sorted());
    }

    /// Published effective wavelengths; 1 % covers the different definitions in use.
    #[test]
    fn effective_wavelengths_agree_with_the_literature() {
        for (name, expected_aa) in [
            ("galex_fuv", 1538.6),         // Morrissey et al. 2007
            ("sdss_r", 6175.0),            // Doi et al. 2010
            ("lsst_g", 4790.0),            // Ivezic et al. 2019
            ("twomass_ks", 21_590.0),      // Cohen et al. 2003
            ("wise_w1", 33_680.0),         // Wright et al. 2010
            ("jwst_miri_f770w", 76_390.0), // JWST user documentation
        ] {
            let found = one(name).effective_wavelength_aa();
            assert!((found / expected_aa - 1.0).abs() < 0.01, "{name}: {found}");
        }
    }

    /// The integrals of photometry run over the filter's samples, so these bound its error.
    #[test]
    fn curves_are_sampled_to_a_tenth_of_a_percent() {
        for filter in all().unwrap() {
            let steps = filter.wave_aa().windows(2).map(|w| w[1] / w[0] - 1.0);
            let widest = steps.fold(0.0, f64::max);
            assert!(widest < 1.001e-3, "{}: {widest}", filter.name());
        }
    }

    #[test]
    fn lsst_curves_are_those_of_dsps_sample_by_sample() {
        let path = Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/data/filters/lsst_u_transmission.h5"
        ));
        let original = crate::filter::FilterSet::read(path).unwrap();
        let embedded = one("lsst_u");
        assert_eq!(embedded.wave_aa(), original.filters()[0].wave_aa());
        assert_eq!(embedded.transmission(), original.filters()[0].transmission());
    }
}
