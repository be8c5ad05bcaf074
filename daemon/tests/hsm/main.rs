//! Slots over PKCS#11 libraries of others, in their worker: keys that stay in a token, and libraries that misbehave.
// A test may fail at any line.
#![allow(clippy::unwrap_used)]

mod adopted;
mod bench;
mod cluster;
mod confined;
mod faults;
mod house;
mod life;
mod misbehaving;
mod orphans;
