//! What can be wrong with bytes that claim to be TTLV.

use super::Kind;
use crate::tag::Tag;

/// Why something could not be read. Offsets count bytes from the start of the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes end inside an item.
    #[error("the message ends inside the item at byte {0}")]
    Short(usize),
    /// An item reaches past the end of the structure that holds it, or past the message.
    #[error("the item at byte {0} is longer than what holds it")]
    Overlong(usize),
    /// The type byte is none of the encoding's.
    #[error("the item at byte {0} has the unknown type {1:#04x}")]
    UnknownType(usize, u8),
    /// The length cannot be that of its type.
    #[error("the item at byte {0} has a length that its type does not allow")]
    Length(usize),
    /// The bytes cannot be a value of their type: text that is not UTF-8, a boolean of 2, padding that is not nought.
    #[error("the item at byte {0} holds no value of its type")]
    Content(usize),
    /// More than a limit allows; the limit is named.
    #[error("more than the limit on {0} allows")]
    Limit(&'static str),
    /// Something follows the message.
    #[error("bytes follow the message at byte {0}")]
    Trailing(usize),
    /// A field that must be there is not.
    #[error("{0} is missing")]
    Missing(Tag),
    /// A field stands where it has no business.
    #[error("{0} is not expected here")]
    Unexpected(Tag),
    /// A field is of another type than the specification says.
    #[error("{0} is not a {expected}", expected = .1.name())]
    Type(Tag, Kind),
    /// A field holds a value that the specification does not allow.
    #[error("{0} has a value that is not allowed")]
    Value(Tag),
}
