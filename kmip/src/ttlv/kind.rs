//! The item types of the encoding.

/// The type byte of an item (KMIP 2.1 §9.1.2 Item Type; 3.0 adds the last three).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Other items.
    Structure = 0x01,
    /// Four bytes, signed.
    Integer = 0x02,
    /// Eight bytes, signed.
    LongInteger = 0x03,
    /// A multiple of eight bytes, signed.
    BigInteger = 0x04,
    /// Four bytes, a code of some table.
    Enumeration = 0x05,
    /// Eight bytes, nought or one.
    Boolean = 0x06,
    /// UTF-8.
    TextString = 0x07,
    /// Bytes.
    ByteString = 0x08,
    /// Eight bytes, seconds since 1970.
    DateTime = 0x09,
    /// Four bytes, seconds, unsigned.
    Interval = 0x0A,
    /// Eight bytes, microseconds since 1970 (since KMIP 2.0).
    DateTimeExtended = 0x0B,
    /// UTF-8: the identifier of an object (KMIP 3.0).
    Identifier = 0x0C,
    /// UTF-8: an identifier that points at another object (KMIP 3.0).
    Reference = 0x0D,
    /// UTF-8: the name of another object (KMIP 3.0).
    NameReference = 0x0E,
}

impl Kind {
    /// Every item type, in the order of its number.
    pub const ALL: [Self; 14] = [
        Self::Structure,
        Self::Integer,
        Self::LongInteger,
        Self::BigInteger,
        Self::Enumeration,
        Self::Boolean,
        Self::TextString,
        Self::ByteString,
        Self::DateTime,
        Self::Interval,
        Self::DateTimeExtended,
        Self::Identifier,
        Self::Reference,
        Self::NameReference,
    ];

    /// The type of this number, or nothing.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number.checked_sub(1)?)).copied()
    }

    /// The name as XML and JSON write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Structure => "Structure",
            Self::Integer => "Integer",
            Self::LongInteger => "LongInteger",
            Self::BigInteger => "BigInteger",
            Self::Enumeration => "Enumeration",
            Self::Boolean => "Boolean",
            Self::TextString => "TextString",
            Self::ByteString => "ByteString",
            Self::DateTime => "DateTime",
            Self::Interval => "Interval",
            Self::DateTimeExtended => "DateTimeExtended",
            Self::Identifier => "Identifier",
            Self::Reference => "Reference",
            Self::NameReference => "NameReference",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_found_by_its_number_and_no_other_is() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_number(kind as u8), Some(kind));
        }
        assert_eq!(Kind::from_number(0), None);
        assert_eq!(Kind::from_number(0x0F), None);
    }
}
