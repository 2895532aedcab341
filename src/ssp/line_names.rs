//! Emission lines by name, however a file or a user spells them.
//!
//! FSPS labels a line `"[O III] 5007"`; DSPS keeps the same line under the key `O_III_5007`. Both
//! are understood wherever a line is asked for, in upper or lower case.

use crate::names::available;
use crate::{Error, Result};

/// The key under which DSPS keeps a line: `-` and spaces become `_`, dots become `p`, square
/// brackets go.
pub fn line_key(name: &str) -> String {
    name.chars()
        .filter(|c| !['[', ']'].contains(c))
        .map(|c| match c {
            '-' | ' ' => '_',
            '.' => 'p',
            other => other,
        })
        .collect()
}

/// Index in `names` of the line that is called `wanted`: exactly so, or else with the same
/// [key](line_key) up to case and underscores.
///
/// # Errors
/// [`Error::UnknownName`] when there is none, listing the names or the closest of many; or when there are
/// several, listing those.
pub fn find_line<S: AsRef<str>>(names: &[S], wanted: &str) -> Result<usize> {
    let names = || names.iter().map(AsRef::as_ref);
    if let Some(i) = names().position(|name| name == wanted && !name.is_empty()) {
        return Ok(i);
    }
    let plain = plain_key(wanted);
    let unknown = |available: String| Error::UnknownName {
        kind: "emission line",
        name: wanted.to_owned(),
        available,
    };
    let found: Vec<(usize, &str)> = names()
        .enumerate()
        .filter(|(_, name)| !plain.is_empty() && plain_key(name) == plain)
        .collect();
    match found.as_slice() {
        [(i, _)] => Ok(*i),
        // FSPS wavelengths without a label have empty names.
        [] => Err(unknown(available(wanted, names().filter(|n| !n.is_empty())))),
        several => {
            let several: Vec<&str> = several.iter().map(|(_, name)| *name).collect();
            Err(unknown(format!("{} (several fit: give one of them exactly)", several.join(", "))))
        }
    }
}

/// What is left of a name when spelling habits are taken away.
pub(crate) fn plain_key(name: &str) -> String {
    line_key(name).replace('_', "").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 6] =
        ["He II 1084.94A", "[O III] 5007", "Ba-alpha 6563", "", "[C  I] 4621", "C_I_8727"];

    #[test]
    fn keys_are_those_of_dsps() {
        let keys = NAMES.map(line_key);
        let want = ["He_II_1084p94A", "O_III_5007", "Ba_alpha_6563", "", "C__I_4621", "C_I_8727"];
        assert_eq!(keys, want);
    }

    #[test]
    fn labels_keys_and_cases_find_the_same_line() {
        for (wanted, want) in [
            ("[O III] 5007", 1),
            ("O_III_5007", 1),
            ("o iii 5007", 1),
            ("[oiii]5007", 1),
            ("he_ii_1084p94a", 0),
            ("BA-ALPHA 6563", 2),
            ("C I 4621", 4),
            ("[C I] 8727", 5),
        ] {
            assert_eq!(find_line(&NAMES, wanted).unwrap(), want, "{wanted}");
        }
    }

    #[test]
    fn unknown_and_ambiguous_names_list_what_there_is() {
        for wanted in ["H-alpha", "", "[ ]"] {
            let error = find_line(&NAMES, wanted).unwrap_err().to_string();
            assert!(error.contains("no emission line is called"), "{error}");
            assert!(error.contains("Ba-alpha 6563, [C  I] 4621"), "{error}");
        }
        let twice = ["[O III] 5007", "O III 5007", "O I 6300"];
        let error = find_line(&twice, "o_iii_5007").unwrap_err().to_string();
        assert!(error.contains("[O III] 5007, O III 5007 (several fit"), "{error}");
        assert_eq!(find_line(&twice, "O III 5007").unwrap(), 1);
    }
}
