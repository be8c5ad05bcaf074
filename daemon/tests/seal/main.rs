//! What opens the vault, changed and rotated: by whom it can be opened afterwards, and that no moment of a crash leaves a
//! store that nobody can read.

#![allow(clippy::unwrap_used, reason = "all of this is test code, helpers included")]

mod nonce;
mod room;
mod rotation;
mod slots;
mod ways;
