//! How requests point at objects.

pub use crate::attribute::Identifier;
use crate::{
    code,
    tag::Tag,
    ttlv::{Item, Kind, Malformed, Value, Writer},
};

/// Which object a request means (KMIP 2.1 §4.58 Unique Identifier). Before KMIP 2.0 it is always a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UniqueIdentifier {
    /// The object of this identifier, which is compared byte for byte.
    Identifier(Identifier),
    /// The one that an earlier item of the batch made or found.
    Placeholder(code::UniqueIdentifier),
    /// The one at this place among those that an earlier item of the batch gave, counted from nought, or from the end
    /// where negative.
    Located(i32),
}

impl<T: Into<Identifier>> From<T> for UniqueIdentifier {
    fn from(identifier: T) -> Self {
        Self::Identifier(identifier.into())
    }
}

impl Value for UniqueIdentifier {
    fn write(&self, tag: Tag, to: &mut Writer) {
        match self {
            Self::Identifier(identifier) => identifier.write(tag, to),
            Self::Placeholder(code) => code.write(tag, to),
            Self::Located(place) => place.write(tag, to),
        }
    }
    fn read(item: Item<'_, '_>) -> Result<Self, Malformed> {
        match item.kind() {
            Kind::Enumeration => Value::read(item).map(Self::Placeholder),
            Kind::Integer => Value::read(item).map(Self::Located),
            _ => Value::read(item).map(Self::Identifier),
        }
    }
}
