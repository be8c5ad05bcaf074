//! The audit log from outside: what it keeps, what it survives, that every damage is found and named, and that a verifier
//! which shares no code with ours agrees.

#![allow(clippy::unwrap_used, reason = "all of this is test code, helpers included")]

mod agree;
mod damage;
mod journal;
mod keep;
mod proof;
mod scene;
