//! The one macro behind every table of names: open numbers, each row a name and a number.
//!
//! A number from the wire is kept even when no row knows it, so that a log can say which one it was; a decision of ours is
//! never made by one of these types but by a closed enum.

/// Makes an open number type from rows of names: constants, the list of all rows, a name for the log, the wire form.
macro_rules! codes {
    ($(#[$about:meta])* $kind:ident, $prefix:literal { $($name:ident = $number:literal;)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $kind(pub u64);

        #[allow(non_upper_case_globals)]
        impl $kind {
            $(#[doc = concat!("`", $prefix, stringify!($name), "`")] pub const $name: Self = Self($number);)*

            /// Every row, in the order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name as the standard writes it, or nothing for a number that no row has.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 { $($number => Some(concat!($prefix, stringify!($name))),)* _ => None }
            }
        }

        impl core::fmt::Display for $kind {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.name() { Some(name) => f.write_str(name), None => write!(f, "{}{:#x}", $prefix, self.0) }
            }
        }

        impl core::fmt::Debug for $kind {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result { core::fmt::Display::fmt(self, f) }
        }

        impl $crate::codec::Wire for $kind {
            const LEAST: usize = 8;
            fn write(&self, to: &mut $crate::codec::Writer<'_>) { self.0.write(to) }
            fn read(from: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::Error> {
                $crate::codec::Wire::read(from).map(Self)
            }
        }

        #[cfg(test)]
        impl $crate::sample::Sample for $kind {
            fn sample(source: &mut $crate::sample::Source) -> Self {
                match source.below(4) { 0 => Self(source.next()), _ => Self::ALL[source.below(Self::ALL.len())] }
            }
        }
    };
}

/// Makes a set of bits from rows of names: constants, union, the wire form, the names in the log.
macro_rules! flags {
    ($(#[$about:meta])* $kind:ident { $($name:ident = $number:literal;)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq, Default)]
        pub struct $kind(pub u64);

        impl $kind {
            $(#[doc = concat!("`CKF_", stringify!($name), "`")] pub const $name: Self = Self($number);)*

            /// Every row, in the order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Whether all bits of `other` are set here.
            pub const fn has(self, other: Self) -> bool { self.0 & other.0 == other.0 }
        }

        impl core::ops::BitOr for $kind {
            type Output = Self;
            fn bitor(self, other: Self) -> Self { Self(self.0 | other.0) }
        }

        impl core::ops::BitOrAssign for $kind {
            fn bitor_assign(&mut self, other: Self) { self.0 |= other.0 }
        }

        impl core::fmt::Debug for $kind {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let mut left = self.0;
                let mut separator = "";
                $(if self.has(Self::$name) {
                    write!(f, "{separator}{}", stringify!($name))?;
                    separator = " | ";
                    left &= !$number;
                })*
                if left != 0 || self.0 == 0 { write!(f, "{separator}{left:#x}")? }
                Ok(())
            }
        }

        impl $crate::codec::Wire for $kind {
            const LEAST: usize = 8;
            fn write(&self, to: &mut $crate::codec::Writer<'_>) { self.0.write(to) }
            fn read(from: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::Error> {
                $crate::codec::Wire::read(from).map(Self)
            }
        }

        #[cfg(test)]
        impl $crate::sample::Sample for $kind {
            fn sample(source: &mut $crate::sample::Source) -> Self { Self(source.next()) }
        }
    };
}

/// Makes a plain structure whose fields stand on the wire in the order of the rows, in line.
macro_rules! structure {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $kind:ty),* $(,)? }) => {
        $(#[$about])*
        #[derive(Debug)]
        pub struct $name { $($(#[$doc])* pub $field: $kind,)* }

        impl $crate::codec::Wire for $name {
            const LEAST: usize = 0 $(+ <$kind as $crate::codec::Wire>::LEAST)*;
            #[allow(unused_variables, reason = "a structure may be empty")]
            fn write(&self, to: &mut $crate::codec::Writer<'_>) { $($crate::codec::Wire::write(&self.$field, to);)* }
            #[allow(unused_variables, reason = "a structure may be empty")]
            fn read(from: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::Error> {
                Ok(Self { $($field: $crate::codec::Wire::read(from)?,)* })
            }
        }

        #[cfg(test)]
        impl $crate::sample::Sample for $name {
            #[allow(unused_variables, reason = "a structure may be empty")]
            fn sample(source: &mut $crate::sample::Source) -> Self {
                Self { $($field: $crate::sample::Sample::sample(source),)* }
            }
        }
    };
}

pub(crate) use {codes, flags, structure};
