//! The two macros in which every table of this crate is written.
//!
//! `codes!` makes open numbers: a code from the wire is kept even when no row names it, and a row says its
//! number, its name and the versions that speak it. `structure!` makes a structure its own table: the type of a
//! field says how often it stands on the wire, the row says under which tag and since when.

/// Declares an open enumeration. A row reads `Variant = number, "Name", SINCE;` or, for a code that a later
/// version withdrew, `Variant = number, "Name", SINCE until FIRST_WITHOUT;`.
macro_rules! codes {
    ($(#[$about:meta])* $name:ident {
        $($variant:ident = $number:literal, $text:literal, $since:ident $(until $until:ident)?;)*
    }) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        #[allow(non_upper_case_globals, missing_docs)]
        impl $name {
            $(pub const $variant: Self = Self($number);)*
        }

        impl $name {
            /// Every code that has a row.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name as the specification prints it, or nothing for a code without a row.
            pub const fn text(self) -> Option<&'static str> {
                match self {
                    $(Self::$variant => Some($text),)*
                    _ => None,
                }
            }

            /// Since which version the code is spoken, and the first version that no longer has it.
            pub const fn spoken(self) -> Option<($crate::version::Version, Option<$crate::version::Version>)> {
                match self {
                    $(Self::$variant => Some((
                        $crate::version::$since,
                        codes!(@until $($until)?),
                    )),)*
                    _ => None,
                }
            }
        }

        impl $crate::schema::Code for $name {
            const ROWS: &'static [(u32, &'static str)] = &[$(($number, $text)),*];

            fn number(self) -> u32 {
                self.0
            }
        }

        impl From<u32> for $name {
            fn from(number: u32) -> Self {
                Self(number)
            }
        }

        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self.text() {
                    Some(text) => f.write_str(text),
                    None => write!(f, "{:#x}", self.0),
                }
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Debug::fmt(self, f)
            }
        }
    };
    (@until) => { None };
    (@until $until:ident) => { Some($crate::version::$until) };
}

/// Declares enumerations that stand on the wire as KMIP Enumerations: `codes!` and the encoding.
macro_rules! enumerations {
    ($($(#[$about:meta])* $name:ident { $($rows:tt)* })*) => {
        $(
            codes! { $(#[$about])* $name { $($rows)* } }

            impl $crate::ttlv::Value for $name {
                fn write(&self, tag: $crate::tag::Tag, to: &mut $crate::ttlv::Writer) {
                    to.enumeration(tag, self.0);
                }
                fn read(item: $crate::ttlv::Item<'_, '_>) -> Result<Self, $crate::ttlv::Malformed> {
                    item.enumeration().map(Self)
                }
            }
        )*
    };
}

/// Declares a structure. A row reads `field: Type = Tag, SINCE;` or `field: Type = Tag, SINCE until FIRST_WITHOUT;`
/// where `Type` is `T` (once), `Option<T>` (at most once) or `Vec<T>` (as often as it likes). A field newer than
/// the peer's version is not written; one that has come is read whatever the version.
macro_rules! structure {
    ($(#[$about:meta])* $name:ident {
        $($(#[$doc:meta])* $field:ident: $kind:ty = $tag:ident, $since:ident $(until $until:ident)?;)*
    }) => {
        $(#[$about])*
        #[derive(Debug)]
        pub struct $name {
            $($(#[$doc])* pub $field: $kind,)*
        }

        impl $crate::ttlv::Structure for $name {
            #[allow(unused_variables)]
            fn write_fields(&self, to: &mut $crate::ttlv::Writer) {
                $(
                    if to.version().within($crate::version::$since, codes!(@until $($until)?)) {
                        $crate::ttlv::Field::emit(&self.$field, $crate::tag::Tag::$tag, to);
                    }
                )*
            }
            #[allow(unused_variables)]
            fn read_fields(fields: &mut $crate::ttlv::Fields<'_, '_>) -> Result<Self, $crate::ttlv::Malformed> {
                Ok(Self {
                    $($field: $crate::ttlv::Field::scan($crate::tag::Tag::$tag, fields)?,)*
                })
            }
        }

        impl $crate::ttlv::Value for $name {
            fn write(&self, tag: $crate::tag::Tag, to: &mut $crate::ttlv::Writer) {
                to.structure(tag, |to| $crate::ttlv::Structure::write_fields(self, to));
            }
            fn read(item: $crate::ttlv::Item<'_, '_>) -> Result<Self, $crate::ttlv::Malformed> {
                let mut fields = $crate::ttlv::Fields::of(item)?;
                let value = $crate::ttlv::Structure::read_fields(&mut fields)?;
                fields.finish()?;
                Ok(value)
            }
        }
    };
}

/// What every table made with `codes!` can be asked.
pub trait Code: Copy + From<u32> + 'static {
    /// Number and name of every row, in the table's order.
    const ROWS: &'static [(u32, &'static str)];

    /// The number on the wire.
    fn number(self) -> u32;
}
