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

pub(crate) use named;
