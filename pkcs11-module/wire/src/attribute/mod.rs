//! Attributes: what is known of an object.

mod kind;
mod value;

pub use kind::{AttributeType, Shape};
pub use value::{Attribute, Reveal, Template, Value, Wanted};
