//! What can be wrong with a message in text.

use crate::{tag::Tag, ttlv::Kind};

/// Why a text is no message, or a message cannot stand as text. Offsets count bytes from the start of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is not well-formed.
    #[error("the text is not well-formed at byte {0}")]
    Syntax(usize),
    /// The text is well-formed and still holds what no message has, such as a document type.
    #[error("{0} has no place in a message")]
    Unexpected(&'static str),
    /// More than a limit allows; the limit is named.
    #[error("more than the limit on {0} allows")]
    Limit(&'static str),
    /// An item under a name that no tag has, and that is no hexadecimal tag.
    #[error("an item has a name that no tag has")]
    UnknownTag,
    /// An item of a type that is none of the encoding's.
    #[error("{0} has an unknown type")]
    UnknownType(Tag),
    /// An item has no value, or has a value and items.
    #[error("{0} has no value")]
    Missing(Tag),
    /// A value that is none of its type, or that this encoding cannot carry.
    #[error("{0} has no value that is a {kind}", kind = .1.name())]
    Value(Tag, Kind),
}
