//! An ordered collection of filters.

use std::collections::HashSet;
use std::path::Path;

use super::{Filter, embedded, read, store};
use crate::{Error, Result};

/// Filters in a fixed order with unique names; never empty.
///
/// The order is that of the columns of everything computed with the set.
#[derive(Debug, Clone, PartialEq)]
pub struct FilterSet {
    filters: Vec<Filter>,
}

impl FilterSet {
    /// A set of the given filters in the given order.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if there is no filter or if two share a name.
    pub fn new(filters: Vec<Filter>) -> Result<Self> {
        if filters.is_empty() {
            return Err(Error::invalid("filter set", "holds no filter; at least one is needed"));
        }
        let mut seen = HashSet::new();
        if let Some(twice) = filters.iter().find(|f| !seen.insert(f.name())) {
            let reason = format!("{} occurs more than once; names must be unique", twice.name());
            return Err(Error::invalid("filter set", reason));
        }
        Ok(Self { filters })
    }

    /// An embedded set in order of wavelength (`lsst`), or a set of one embedded filter (`lsst_g`).
    ///
    /// # Errors
    ///
    /// [`Error::UnknownName`], which lists the embedded sets.
    pub fn embedded(name_or_set: &str) -> Result<Self> {
        Self::new(embedded::find(name_or_set)?)
    }

    /// The filters of one file, whose format follows from its content and extension:
    ///
    /// * `.h5`, `.hdf5`: DSPS's layout, datasets `wave` \[Angstrom\] and `transmission`;
    /// * `.ecsv`: speclite's layout, columns `wavelength` and `response`;
    /// * `.txt`, `.dat`, `.csv`, `.par`: two columns, wavelength \[Angstrom\] and transmission;
    /// * `.safetensors`: several filters, as written by [`FilterSet::to_safetensors`].
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read; [`Error::File`], naming the line or dataset, if it
    /// is too large, in none of these formats, or holds no valid curve.
    pub fn read(path: &Path) -> Result<Self> {
        Self::new(read::read(path)?).map_err(|e| Error::file(path, e.to_string()))
    }

    /// The filters in the bytes of a file; `path` tells the format and is for names and messages.
    ///
    /// # Errors
    ///
    /// [`Error::File`] as for [`read`](Self::read).
    pub fn parse(bytes: Vec<u8>, path: &Path) -> Result<Self> {
        Self::new(read::parse(bytes, path)?).map_err(|e| Error::file(path, e.to_string()))
    }

    /// The filters of a comma-separated list, in its order. Each item is the name of an embedded
    /// set, the name of an embedded filter, or a file for [`FilterSet::read`]; an item is a file if
    /// it contains a path separator or ends in one of the known extensions.
    ///
    /// # Errors
    ///
    /// Those of [`FilterSet::embedded`] and [`FilterSet::read`]; [`Error::Invalid`] for an empty
    /// item or for a filter that is named twice.
    pub fn resolve(spec: &str) -> Result<Self> {
        let mut filters = Vec::new();
        for item in spec.split(',').map(str::trim) {
            if item.is_empty() {
                let reason = "has an empty item; separate names and files by single commas";
                return Err(Error::invalid(format!("filter list {spec:?}"), reason));
            }
            let found =
                if is_file(item) { Self::read(Path::new(item))? } else { Self::embedded(item)? };
            filters.extend(found.filters);
        }
        Self::new(filters)
    }

    /// The files among the items of a list for [`resolve`](Self::resolve).
    pub fn files_in(spec: &str) -> impl Iterator<Item = &Path> {
        spec.split(',').map(str::trim).filter(|item| is_file(item)).map(Path::new)
    }

    /// The filters, in order.
    pub fn filters(&self) -> &[Filter] {
        &self.filters
    }

    /// The names of the filters, in order.
    pub fn names(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.filters.iter().map(Filter::name)
    }

    /// The set in the safetensors format: `<name>/wave_aa` and `<name>/transmission` as f32, which
    /// rounds by up to 6e-8 (relative), and the provenance of each filter as metadata.
    ///
    /// The same set always gives the same bytes. The format does not keep the order of the set.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the data cannot be serialized.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        store::serialize(&self.filters)
    }
}

/// Whether an item of a list is a file, not a name.
fn is_file(item: &str) -> bool {
    item.contains(['/', '\\']) || read::has_known_extension(item)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn names(spec: &str) -> Vec<String> {
        FilterSet::resolve(spec).unwrap().names().map(str::to_owned).collect()
    }

    fn triangle(name: &str) -> Filter {
        Filter::new(name, vec![4000.0, 5000.0, 6000.0], vec![0.0, 0.75, 0.0], "made up").unwrap()
    }

    #[test]
    fn sets_are_neither_empty_nor_ambiguous() {
        assert!(matches!(FilterSet::new(vec![]), Err(Error::Invalid { .. })));
        let e = FilterSet::new(vec![triangle("a"), triangle("b"), triangle("a")]).unwrap_err();
        assert!(e.to_string().contains("a occurs more than once"), "{e}");
    }

    #[test]
    fn lists_mix_sets_names_and_files_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mine.dat");
        fs::write(&path, "4000 0\n5000 1\n6000 0\n").unwrap();
        let spec = format!("wise_w2, {} ,lsst", path.display());
        let expected =
            ["wise_w2", "mine", "lsst_u", "lsst_g", "lsst_r", "lsst_i", "lsst_z", "lsst_y"];
        assert_eq!(names(&spec), expected);
    }

    #[test]
    fn items_with_a_known_extension_are_files_even_without_a_separator() {
        for item in ["no_such_file.H5", "no_such_file.txt", "./lsst", "dir\\lsst"] {
            let e = FilterSet::resolve(item).unwrap_err();
            assert!(matches!(e, Error::Io { action: "read", .. }), "{item}: {e}");
        }
    }

    #[test]
    fn unknown_names_list_the_sets() {
        let e = FilterSet::resolve("lsst_g,lsst_q").unwrap_err();
        assert!(matches!(&e, Error::UnknownName { name, .. } if name == "lsst_q"), "{e}");
        assert!(e.to_string().contains("jwst_nircam, "), "{e}");
    }

    #[test]
    fn duplicates_and_empty_items_are_errors() {
        for spec in ["lsst,lsst_g", "lsst_g,lsst_g", "", " ", "lsst_g,,lsst_r", "lsst_g,"] {
            assert!(matches!(FilterSet::resolve(spec), Err(Error::Invalid { .. })), "{spec:?}");
        }
    }

    #[test]
    fn two_filters_of_one_name_within_a_list_of_files_are_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let paths = ["mine.dat", "mine.txt"].map(|name| dir.path().join(name));
        for path in &paths {
            fs::write(path, "4000 0\n5000 1\n6000 0\n").unwrap();
        }
        let spec = format!("{},{}", paths[0].display(), paths[1].display());
        assert!(FilterSet::resolve(&spec).unwrap_err().to_string().contains("mine occurs"));
    }
}
