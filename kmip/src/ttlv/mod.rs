//! Tag, Type, Length, Value: the binary encoding (KMIP 2.1 §9) and the item tree that XML and JSON share.
//!
//! Reading makes one flat, borrowed [`Tree`] and never allocates by a length the wire claims. Writing goes
//! straight into bytes. What a value means is not known here.

mod error;
mod field;
mod hidden;
mod kind;
mod reader;
mod value;
mod version;
mod writer;

pub use error::Malformed;
pub use field::{Field, Fields, Value};
pub use hidden::{BigInteger, SecretText};
pub use kind::Kind;
pub use reader::{Children, Item, Limits, Tree, frame_length};
pub use value::{Any, Bytes, DateTime, DateTimeExtended, Interval};
pub use writer::Writer;
