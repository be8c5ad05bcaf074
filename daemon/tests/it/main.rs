//! Every room's contract, held against every member of its registry.

#![allow(clippy::unwrap_used, reason = "all of this is test code, helpers included")]

mod scratch;
mod store;
