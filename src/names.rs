//! Enums whose values have names that users type.

/// Gives an enum `ALL`, `name()`, `Display` and `FromStr` with the given lower-case names; an unknown
/// name is an [`Error::UnknownName`](crate::Error::UnknownName) of the given kind.
macro_rules! named {
    ($set:ident, $kind:literal, $($variant:ident = $name:literal),+ $(,)?) => {
        impl $set {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name that `FromStr` understands.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl std::fmt::Display for $set {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl std::str::FromStr for $set {
            type Err = $crate::Error;

            fn from_str(name: &str) -> $crate::Result<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == name).ok_or_else(|| {
                    $crate::Error::UnknownName {
                        kind: $kind,
                        name: name.to_owned(),
                        available: [$($name),+].join(", "),
                    }
                })
            }
        }
    };
}

/// Most names that a message lists one by one, and how many of more.
const MANY: usize = 40;
const CLOSEST: usize = 5;

/// What a message says there is in place of an unknown name: all names, or the closest of many.
pub(crate) fn available<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.into_iter().collect();
    let n = names.len();
    if n <= MANY {
        return names.join(", ");
    }
    // Patterns are taken by their letters.
    let plain = |name: &str| name.to_lowercase().replace('*', "");
    let wanted = plain(wanted);
    names.sort_by_cached_key(|name| {
        let name = plain(name);
        (wanted.is_empty() || !name.contains(&wanted), distance(&wanted, &name))
    });
    format!("{} and {} others", names[..CLOSEST].join(", "), n - CLOSEST)
}

/// Letters to be changed, added or taken away to get from `a` to `b` (Levenshtein 1966).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

pub(crate) use named;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_names_are_listed_and_of_many_the_closest() {
        assert_eq!(available("x", ["b", "a"]), "b, a");
        let mut names: Vec<String> = (0..60).map(|i| format!("group.number_{i}")).collect();
        names.push("dust.av_norm".into());
        let of = |wanted: &str| available(wanted, names.iter().map(String::as_str));
        assert!(of("dust.avnorm").starts_with("dust.av_norm, "), "{}", of("dust.avnorm"));
        assert!(of("AV_norm").starts_with("dust.av_norm, "));
        assert!(of("dust.av_nrm*").ends_with(" and 56 others"));
    }

    #[test]
    fn distances_are_numbers_of_changes() {
        for (a, b, n) in
            [("", "abc", 3), ("abc", "abc", 0), ("kitten", "sitting", 3), ("ab", "", 2)]
        {
            assert_eq!(distance(a, b), n, "{a} {b}");
        }
    }
}
