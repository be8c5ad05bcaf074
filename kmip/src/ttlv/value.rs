//! The plain values of the encoding, and the three that need a name of their own.

use super::{Item, Kind, Limits, Malformed, Tree, Value, Writer};
use crate::{secret::Secret, tag::Tag};

/// Bytes that anybody may see.
#[derive(Clone, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Bytes(pub Vec<u8>);

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bytes({} bytes)", self.0.len())
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

/// A point in time, in seconds since 1970, negative before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DateTime(pub i64);

/// A point in time, in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DateTimeExtended(pub i64);

/// A span of time, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Interval(pub u32);

/// A value of a type that only its owner knows, such as a custom attribute's: the item as it was encoded, sound
/// TTLV under whatever tag.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Any(Vec<u8>);

impl Any {
    /// The value that `write` writes as one item; the tag it chooses does not matter.
    pub fn new(write: impl FnOnce(&mut Writer)) -> Self {
        let mut writer = Writer::new(crate::version::V3_0);
        write(&mut writer);
        Self(writer.as_bytes().to_vec())
    }

    /// A text.
    pub fn text(value: &str) -> Self {
        Self::new(|to| to.text(Tag(0x42000B), value))
    }

    /// Reads the value as a `T`.
    ///
    /// # Errors
    /// [`Malformed`] when it is of another type.
    pub fn read_as<T: Value>(&self) -> Result<T, Malformed> {
        T::read(Tree::read(&self.0, &Limits::default())?.root())
    }

    /// Its item type.
    pub fn kind(&self) -> Option<Kind> {
        self.0.get(3).and_then(|&number| Kind::from_number(number))
    }

    /// The value of another type, as an attribute of the standard's would carry it.
    pub fn of<T: Value>(value: &T) -> Self {
        Self::new(|to| value.write(Tag(0x42000B), to))
    }
}

impl std::fmt::Debug for Any {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Any({})", self.kind().map_or("nothing", Kind::name))
    }
}

impl Value for Any {
    fn write(&self, tag: Tag, to: &mut Writer) {
        to.retagged(tag, &self.0);
    }
    fn read(item: Item<'_, '_>) -> Result<Self, Malformed> {
        Ok(Self(item.encoded().to_vec()))
    }
}

/// Each plain value: how it is written, how it is read, and its bulk where it may have some.
macro_rules! plain {
    ($($kind:ty: |$value:ident, $tag:ident, $to:ident| $write:expr, |$item:ident| $read:expr $(, $bulk:expr)?;)*) => {
        $(impl Value for $kind {
            #[inline]
            fn write(&self, $tag: Tag, $to: &mut Writer) {
                let $value = self;
                $write;
            }
            #[inline]
            fn read($item: Item<'_, '_>) -> Result<Self, Malformed> {
                $read
            }
            $(#[inline]
            fn bulk(&self) -> usize {
                let bulk: fn(&Self) -> usize = $bulk;
                bulk(self)
            })?
        })*
    };
}

plain! {
    i32: |value, tag, to| to.integer(tag, *value), |item| item.integer();
    i64: |value, tag, to| to.long_integer(tag, *value), |item| item.long_integer();
    bool: |value, tag, to| to.boolean(tag, *value), |item| item.boolean();
    String: |value, tag, to| to.text(tag, value), |item| item.text().map(str::to_owned);
    Bytes: |value, tag, to| to.byte_string(tag, &value.0), |item| item.byte_string().map(|bytes| Self(bytes.to_vec())),
        |value| value.0.len();
    Secret: |value, tag, to| to.secret(tag, value), |item| item.byte_string().map(Self::copy_of), |value| value.len();
    DateTime: |value, tag, to| to.date_time(tag, value.0), |item| item.date_time().map(Self);
    DateTimeExtended: |value, tag, to| to.date_time_extended(tag, value.0), |item| item.date_time_extended().map(Self);
    Interval: |value, tag, to| to.interval(tag, value.0), |item| item.interval().map(Self);
}
