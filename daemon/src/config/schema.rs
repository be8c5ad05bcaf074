//! How a table of the configuration file is declared.

/// Declares a table of the file: fields with their defaults, and the list of its keys.
macro_rules! tables {
    ($($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $kind:ty = $default:expr;)* })*) => {
        $(
            $(#[$about])*
            #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
            #[serde(deny_unknown_fields, default)]
            pub struct $name {
                $($(#[$doc])* pub $field: $kind,)*
            }

            impl Default for $name {
                fn default() -> Self {
                    Self { $($field: $default,)* }
                }
            }

            impl $name {
                /// The keys of the table.
                pub const KEYS: &[&str] = &[$(stringify!($field)),*];
            }
        )*
    };
}

pub(super) use tables;
