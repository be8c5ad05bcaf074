//! The vocabulary of the house: KMIP 1.0 to 3.0 as plain values, and their TTLV encoding.
//!
//! This crate knows what a request says and how it is written. It holds no keys, keeps no state, asks nobody
//! for the time, and stands on nothing else of ours. Everything read here came from a peer and is believed in
//! nothing: lengths are checked before anything is allocated, depth and counts are limited, and a value that
//! cannot be read is an error that names the place.

#[macro_use]
pub mod schema;

pub mod attribute;
pub mod client;
pub mod code;
pub mod identifier;
pub mod json;
pub mod mechanism;
pub mod message;
pub mod object;
pub mod operation;
pub mod payload;
pub mod print;
pub mod reason;
pub mod secret;
pub mod spoken;
pub mod tag;
pub mod text;
pub mod ttlv;
pub mod version;
pub mod xml;
