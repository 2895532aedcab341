//! SHA-256 checksums, in hexadecimal.

use std::fs::File;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// A checksum of many pieces, each of which counts with its place and length.
#[derive(Clone, Debug, Default)]
pub struct Checksum(Sha256);

impl Checksum {
    /// Takes in a piece of text.
    pub fn text(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
    }

    /// Takes in numbers, bit by bit.
    pub fn numbers(&mut self, values: &[f64]) {
        self.0.update((values.len() as u64).to_le_bytes());
        values.iter().for_each(|value| self.0.update(value.to_le_bytes()));
    }

    /// The checksum of all pieces.
    pub fn hex(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Checksum of bytes.
pub fn checksum_of(bytes: &[u8]) -> String {
    Checksum(Sha256::new_with_prefix(bytes)).hex()
}

/// Checksum of a file, which need not fit into memory.
///
/// # Errors
/// [`Error::Io`].
pub fn checksum_of_file(path: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path).map_err(Error::io("read", path))?;
    io::copy(&mut file, &mut hasher).map_err(Error::io("read", path))?;
    Ok(Checksum(hasher).hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vector of FIPS 180-4.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn bytes_and_files_have_the_standard_checksum() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(checksum_of(b"abc"), ABC);
        assert_eq!(checksum_of_file(&path).unwrap(), ABC);
        let missing = checksum_of_file(&folder.path().join("abd"));
        assert!(missing.unwrap_err().to_string().contains("abd"));
    }

    #[test]
    fn pieces_do_not_run_together() {
        let of = |pieces: &[&str]| {
            let mut sum = Checksum::default();
            pieces.iter().for_each(|piece| sum.text(piece));
            sum.hex()
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        let of = |pieces: &[&[f64]]| {
            let mut sum = Checksum::default();
            pieces.iter().for_each(|piece| sum.numbers(piece));
            sum.hex()
        };
        assert_ne!(of(&[&[1.0], &[2.0]]), of(&[&[1.0, 2.0]]));
        assert_ne!(of(&[&[0.0]]), of(&[&[-0.0]]));
    }
}
