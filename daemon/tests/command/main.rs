//! The program itself: its verbs, its exit codes, and what it says.

#![allow(clippy::unwrap_used, reason = "all of this is test code, helpers included")]

mod appliance;
mod approval;
mod dev;
mod pkcs11;
mod serve;
mod usage;
