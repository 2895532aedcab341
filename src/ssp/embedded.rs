//! The grid that is built into the program, so that it runs without any download.

use std::path::Path;
use std::sync::OnceLock;

use super::SspGrid;
use crate::store::Store;

/// Name of the embedded grid.
pub const EMBEDDED_NAME: &str = "ssp_popstar_chabrier";

/// SHA-256 of the embedded file, checked by `starburn doctor`.
pub const EMBEDDED_SHA256: &str =
    "448eeb2b70d0067e1c936b579a1d680345c0255a0c63e1252813ee7256e1701d";

static BYTES: &[u8] = include_bytes!("../../models/ssp_popstar_chabrier.safetensors");

/// PopStar (Molla, Garcia-Vargas & Bressan 2009, MNRAS 398, 451), Chabrier IMF, stellar and nebular
/// continuum: 6 metallicities, 106 ages from 0.1 Myr to 15 Gyr, 1229 wavelengths from 91 Angstrom
/// to 160 micrometre. Its licence stands beside the file in `models/`.
pub fn embedded() -> &'static SspGrid {
    static GRID: OnceLock<SspGrid> = OnceLock::new();
    GRID.get_or_init(|| {
        let path = Path::new("embedded SSP grid");
        Store::from_bytes(BYTES, path)
            .and_then(|store| SspGrid::from_store(&store, path))
            .unwrap_or_else(|e| unreachable!("the embedded grid is tested to be valid: {e}"))
    })
}

/// The file's bytes.
pub fn embedded_bytes() -> &'static [u8] {
    BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_grid_is_the_documented_one() {
        let grid = embedded();
        assert_eq!(grid.shape(), (6, 106, 1229));
        assert!(grid.lg_q_h.is_some());
        for fact in ["source", "licence", "imf", "units"] {
            assert!(grid.provenance.contains_key(fact), "no {fact} in {:?}", grid.provenance);
        }
    }
}
