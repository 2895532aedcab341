//! The one error type of the library.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// Result with the library's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, where, and what would have been allowed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused a file operation.
    #[error("cannot {action} {}: {source}", shown(path))]
    Io {
        /// What was attempted, as a verb: "read", "write", "create".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: {reason}", shown(path))]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong in it and what is expected.
        reason: String,
    },
    /// A value lies outside its allowed range.
    #[error("{} = {} is outside {allowed}", brief(what), short(*value))]
    OutOfRange {
        /// The parameter or quantity.
        what: String,
        /// The value found.
        value: f64,
        /// The allowed range, in words or as an interval.
        allowed: String,
    },
    /// An argument or a data block contradicts itself or its neighbours.
    #[error("{what}: {reason}")]
    Invalid {
        /// The argument or data block.
        what: String,
        /// What is wrong and what is expected.
        reason: String,
    },
    /// A name that nothing answers to.
    #[error("no {kind} is called {}; there are: {}", brief(&format!("{name:?}")), brief(available))]
    UnknownName {
        /// The kind of thing asked for: "filter", "device", "parameter".
        kind: &'static str,
        /// The name asked for.
        name: String,
        /// The names that exist, comma-separated.
        available: String,
    },
    /// A compute device cannot be used.
    #[error("device {name}: {reason}")]
    Device {
        /// The device's name as given on the command line.
        name: String,
        /// What is missing and how to get it.
        reason: String,
    },
    /// A worker thread failed, which is a defect of the program or of a library below it.
    #[error("a worker thread failed: {reason}")]
    Worker {
        /// The thread's last words.
        reason: String,
    },
}

impl Error {
    /// An [`Error::Io`] for `path`; made for `map_err`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// An [`Error::File`].
    pub fn file(path: &Path, reason: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), reason: message(&reason.into()) }
    }

    /// An [`Error::Invalid`].
    pub fn invalid(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { what: message(&what.into()), reason: message(&reason.into()) }
    }
}

/// The text in one line, without signs that do something to a terminal: messages quote what stands in
/// files.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            _ if sign.is_control() => plain.extend(sign.escape_default()),
            _ => plain.push(sign),
        }
    }
    plain
}

/// Most bytes of each part of a message.
const LONGEST: usize = 1600;

/// The text, its middle left out where it is long: files hold words of any length.
fn brief(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST {
        return text.into();
    }
    let is_end = |i: &usize| text.is_char_boundary(*i);
    let first = (0..=LONGEST / 2).rev().find(is_end).unwrap_or_default();
    let last = (text.len() - LONGEST / 4..text.len()).find(is_end).unwrap_or(text.len());
    format!("{} [...] {}", &text[..first], &text[last..]).into()
}

/// Part of a message: plain and brief.
fn message(text: &str) -> String {
    brief(&plain(text)).into_owned()
}

/// A path as it was given; one of no length is not overlooked.
fn shown(path: &Path) -> String {
    if path.as_os_str().is_empty() {
        return "\"\"".to_owned();
    }
    brief(&path.display().to_string()).into_owned()
}

/// A number without the hundreds of digits that the largest and smallest ones have.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 | 1e-9..1e15 => value.to_string(),
        _ if value.is_finite() => format!("{value:e}"),
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_paths_are_there() {
        let error = |value| {
            Error::OutOfRange { what: "x".into(), value, allowed: "[0, 1]".into() }.to_string()
        };
        assert_eq!(error(1e300), "x = 1e300 is outside [0, 1]");
        assert_eq!(error(-1e-300), "x = -1e-300 is outside [0, 1]");
        for value in ["0", "-0.5", "1e12", "NaN", "-inf"] {
            let number: f64 = value.parse().unwrap();
            assert_eq!(error(number), format!("x = {number} is outside [0, 1]"));
        }
        assert_eq!(Error::file(Path::new(""), "is empty").to_string(), "\"\": is empty");
    }

    #[test]
    fn long_words_are_cut() {
        let word = "é".repeat(50_000);
        let named = |name: &str| Error::UnknownName {
            kind: "unit",
            name: name.to_owned(),
            available: "nm, um".into(),
        };
        for error in [
            named(&word),
            named(&format!("a{word}")),
            Error::file(Path::new(&word), named(&word).to_string()),
            Error::invalid(&*word, &*word),
            Error::OutOfRange { what: word.clone(), value: 1.0, allowed: "[2, 3]".into() },
        ] {
            let text = error.to_string();
            assert!(text.len() < 4096 && text.contains("é [...] é"), "{text}");
        }
        assert!(named("pc").to_string().ends_with("\"pc\"; there are: nm, um"));
    }

    #[test]
    fn messages_have_one_line_and_no_power_over_a_terminal() {
        let error = Error::file(Path::new("a.csv"), "column \"\u{1b}[2J\nz\" of 5 µm");
        assert_eq!(error.to_string(), "a.csv: column \"\\u{1b}[2J\\nz\" of 5 µm");
    }
}
