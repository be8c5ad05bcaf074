//! The macros in which every table of this crate is written.
//!
//! `codes!` makes open numbers: a code from the wire is kept even when no row names it, and a row says its
//! number, its name and the versions that speak it. `enumerations!` and `masks!` are `codes!` that stand on the wire
//! as Enumerations and as bit masks. `structure!` makes a structure its own table: the type of a
//! field says how often it stands on the wire, the row says under which tag and since when.
//!
//! A row's identifier is always the name as XML and JSON write it, [`normalised`] from the specification's:
//! `SHA-256` is `SHA_256`, `3DES` is `DES3`, `X.509` is `X_509`, `Re-key Key Pair` is `ReKeyKeyPair`.

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
            const NAMES: &'static [(u32, &'static str)] = &[$(($number, stringify!($variant))),*];

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
                #[inline]
                fn write(&self, tag: $crate::tag::Tag, to: &mut $crate::ttlv::Writer) {
                    to.enumeration(tag, self.0);
                }
                #[inline]
                fn read(item: $crate::ttlv::Item<'_, '_>) -> Result<Self, $crate::ttlv::Malformed> {
                    item.enumeration().map(Self)
                }
                #[allow(unused_variables, reason = "there are enumerations without a code")]
                fn fits(&self, version: $crate::version::Version) -> bool {
                    enumerations!(@fits self, version; $($rows)*)
                }
            }
        )*
    };
    // Asked of every code that is written, so nothing is put together for it.
    (@fits $self:ident, $version:ident;
        $($variant:ident = $number:literal, $text:literal, $since:ident $(until $until:ident)?;)*) => {
        match *$self {
            $(Self::$variant => $version.within($crate::version::$since, codes!(@until $($until)?)),)*
            _ => true,
        }
    };
}

/// Declares bit masks that stand on the wire as KMIP Integers. A row is one bit, written as in `codes!`; a bit that
/// the peer's version does not speak is not written, one without a row is kept.
macro_rules! masks {
    ($($(#[$about:meta])* $name:ident {
        $($bit:ident = $number:literal, $text:literal, $since:ident $(until $until:ident)?;)*
    })*) => {
        $(
            $(#[$about])*
            #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
            pub struct $name(pub i32);

            #[allow(non_upper_case_globals, missing_docs)]
            impl $name {
                $(pub const $bit: Self = Self($number);)*
            }

            impl $name {
                /// No bit at all.
                pub const NONE: Self = Self(0);

                /// Every bit that has a row.
                pub const ALL: &'static [Self] = &[$(Self::$bit),*];

                /// Number and name of every bit, as XML and JSON write it.
                pub const NAMES: &'static [(u32, &'static str)] = &[$(($number, stringify!($bit))),*];

                /// Whether every bit of `other` is set.
                pub const fn contains(self, other: Self) -> bool {
                    self.0 & other.0 == other.0
                }

                /// Whether any bit of `other` is set.
                pub const fn intersects(self, other: Self) -> bool {
                    self.0 & other.0 != 0
                }

                /// The bits of both.
                pub const fn union(self, other: Self) -> Self {
                    Self(self.0 | other.0)
                }

                /// The bits that `other` does not have.
                pub const fn without(self, other: Self) -> Self {
                    Self(self.0 & !other.0)
                }

                /// Whether no bit is set.
                pub const fn is_empty(self) -> bool {
                    self.0 == 0
                }

                /// The bits without those that have a row which `version` does not speak.
                pub const fn spoken_by(self, version: $crate::version::Version) -> Self {
                    let mut bits = self.0;
                    $(
                        if !version.within($crate::version::$since, codes!(@until $($until)?)) {
                            bits &= !$number;
                        }
                    )*
                    Self(bits)
                }
            }

            impl ::core::ops::BitOr for $name {
                type Output = Self;
                fn bitor(self, other: Self) -> Self {
                    self.union(other)
                }
            }

            impl ::core::fmt::Display for $name {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    $crate::schema::write_bits(f, self.0, Self::NAMES)
                }
            }

            impl ::core::fmt::Debug for $name {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    write!(f, concat!(stringify!($name), "({})"), self)
                }
            }

            impl $crate::ttlv::Value for $name {
                #[inline]
                fn write(&self, tag: $crate::tag::Tag, to: &mut $crate::ttlv::Writer) {
                    to.integer(tag, self.spoken_by(to.version()).0);
                }
                #[inline]
                fn read(item: $crate::ttlv::Item<'_, '_>) -> Result<Self, $crate::ttlv::Malformed> {
                    item.integer().map(Self)
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
        // A field is named as the standard names it; it is described where that does not say enough.
        #[allow(missing_docs)]
        pub struct $name {
            $(
                $(#[$doc])*
                #[doc = concat!("`", stringify!($tag), "`, since `", stringify!($since), "`.")]
                pub $field: $kind,
            )*
        }

        impl $crate::ttlv::Value for $name {
            #[allow(unused_variables)]
            fn write(&self, tag: $crate::tag::Tag, to: &mut $crate::ttlv::Writer) {
                let version = to.version();
                let start = to.begin(tag);
                $(
                    if version.within($crate::version::$since, codes!(@until $($until)?)) {
                        $crate::ttlv::Field::emit(&self.$field, $crate::tag::Tag::$tag, to);
                    }
                )*
                to.end(start);
            }
            fn read(item: $crate::ttlv::Item<'_, '_>) -> Result<Self, $crate::ttlv::Malformed> {
                Self::read_as(item, |whole| whole)
            }
            #[allow(unused_mut)]
            #[inline(always)]
            fn read_as<T>(
                item: $crate::ttlv::Item<'_, '_>,
                hold: impl FnOnce(Self) -> T,
            ) -> Result<T, $crate::ttlv::Malformed> {
                let mut fields = $crate::ttlv::Fields::of(item)?;
                // Put together last and at once, where it is to stand: a structure that has to be moved is copied.
                $(let $field = $crate::ttlv::Field::scan($crate::tag::Tag::$tag, &mut fields)?;)*
                fields.finish()?;
                Ok(hold(Self { $($field),* }))
            }
            #[allow(unused_variables)]
            fn fits(&self, version: $crate::version::Version) -> bool {
                true $(&& (!version.within($crate::version::$since, codes!(@until $($until)?))
                    || $crate::ttlv::Field::fits(&self.$field, version)))*
            }
            #[inline]
            fn bulk(&self) -> usize {
                0usize $(.saturating_add($crate::ttlv::Field::bulk(&self.$field)))*
            }
        }
    };
}

/// What every table made with `codes!` can be asked.
pub trait Code: Copy + From<u32> + 'static {
    /// Number and name of every row, in the table's order.
    const ROWS: &'static [(u32, &'static str)];

    /// Number and [`normalised`] name of every row, as XML and JSON write it.
    const NAMES: &'static [(u32, &'static str)];

    /// The number on the wire.
    fn number(self) -> u32;

    /// The name as XML and JSON write it, or nothing for a code without a row.
    fn name(self) -> Option<&'static str> {
        Self::NAMES.iter().find(|(number, _)| *number == self.number()).map(|(_, name)| *name)
    }

    /// The row of this name, written as the specification prints it or as XML and JSON write it.
    fn named(name: &str) -> Option<Self> {
        let same = |rows: &'static [(u32, &'static str)]| rows.iter().find(|(_, text)| *text == name).map(|row| row.0);
        same(Self::NAMES).or_else(|| same(Self::ROWS)).map(Self::from)
    }
}

/// A name of the specification as XML and JSON write it (KMIP Additional Message Encodings 1.0 §4.1.3).
pub fn normalised(text: &str) -> String {
    let spaced: Vec<char> = text.chars().map(|c| if matches!(c, '(' | ')') { ' ' } else { c }).collect();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut name = String::with_capacity(text.len());
    for (at, &c) in spaced.iter().enumerate() {
        let begins_word = matches!(spaced.get(at + 1..), Some([a, b, ..]) if a.is_alphabetic() && b.is_lowercase());
        name.push(match c {
            c if is_word(c) || c.is_whitespace() => c,
            _ if begins_word => ' ',
            _ => '_',
        });
    }
    let mut whole = String::with_capacity(name.len());
    for (at, word) in name.split_whitespace().enumerate() {
        let rest = if at == 0 { word.trim_start_matches(|c: char| c.is_ascii_digit()) } else { word };
        let mut letters = rest.chars();
        whole.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        whole.push_str(letters.as_str());
        whole.push_str(word.strip_suffix(rest).unwrap_or_default());
    }
    whole
}

/// The names of the bits that are set, with a space between them, and what has no name as a hexadecimal number.
pub(crate) fn write_bits(
    f: &mut std::fmt::Formatter<'_>,
    bits: i32,
    names: &'static [(u32, &'static str)],
) -> std::fmt::Result {
    let mut left = bits.cast_unsigned();
    let mut between = "";
    for (bit, name) in names {
        if left & bit != 0 {
            write!(f, "{between}{name}")?;
            between = " ";
            left &= !bit;
        }
    }
    if left != 0 { write!(f, "{between}{left:#010x}") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised_as_the_encoding_specification_says() {
        for (text, expected) in [
            ("Unique Identifier", "UniqueIdentifier"),
            ("3DES", "DES3"),
            ("SHA-256", "SHA_256"),
            ("SHA-512/224", "SHA_512_224"),
            ("X.509 Certificate Subject", "X_509CertificateSubject"),
            ("IV/Counter/Nonce", "IVCounterNonce"),
            ("MAC/Signature Key Information", "MACSignatureKeyInformation"),
            ("Re-key Key Pair", "ReKeyKeyPair"),
            ("x-Change Notice", "XChangeNotice"),
            ("Polynomial Sharing GF (2^8)", "PolynomialSharingGF2_8"),
            ("PKCS1 v1.5", "PKCS1V1_5"),
            ("PKCS#12 Friendly Name", "PKCS_12FriendlyName"),
            ("ANSI X9.31", "ANSIX9_31"),
            ("Content Commitment (Non Repudiation)", "ContentCommitmentNonRepudiation"),
            ("D", "D"),
            ("", ""),
        ] {
            assert_eq!(normalised(text), expected, "{text}");
        }
    }

    #[test]
    fn a_row_is_found_by_either_spelling_and_by_no_other() {
        use crate::tag::Tag;
        assert_eq!(Tag::named("Unique Identifier"), Some(Tag::UniqueIdentifier));
        assert_eq!(Tag::named("UniqueIdentifier"), Some(Tag::UniqueIdentifier));
        assert_eq!(Tag::named("uniqueidentifier"), None);
        assert_eq!(Tag::named(""), None);
    }
}
