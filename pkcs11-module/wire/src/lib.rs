//! What the PKCS#11 module and the daemon say to each other: every call as a request and an answer, attributes and
//! mechanism parameters as plain values, and their form on the wire.
//!
//! The form of parameters is the one that the KMIP Profiles define for the PKCS#11 operation: integers big-endian,
//! `CK_ULONG` as eight bytes, counts as four, `CK_BBOOL` as one, structures in line, a flag byte where a pointer may be
//! null. Where the profile is silent (mechanism parameters, what travels beside the standard's own), it is extended in
//! the same spirit.
//!
//! Nothing here opens a socket, allocates from a claimed length, or knows a C type.

pub mod attribute;
pub mod call;
pub mod codec;
pub mod function;
pub mod mechanism;
pub mod number;
pub mod rv;
#[cfg(test)]
mod sample;
mod table;
pub mod value;
pub mod watch;

pub use attribute::{Attribute, AttributeType};
pub use function::Function;
pub use mechanism::{Mechanism, MechanismType};
pub use rv::Rv;
