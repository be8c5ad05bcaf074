//! What the text encodings share: names for tags and codes, and one way for every value to stand as text.
//!
//! XML, JSON and the pretty-printer differ in brackets only. Nothing here parses a syntax, and nothing here knows
//! what a message means.

mod date;
mod error;
mod name;
mod sink;
mod value;

pub use error::Error;
pub(crate) use name::{children_about, kind_named, tag_named, tag_numbered, tag_text};
pub(crate) use sink::Sink;
pub(crate) use value::{Dialect, Shown, show};
