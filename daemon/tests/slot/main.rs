//! The contract of a slot, held against every member of its registry, and the known answers of every mechanism.
// A test may fail at any line.
#![allow(clippy::unwrap_used)]

mod contract;
mod curve;
mod derive;
mod dsa;
mod key;
mod quantum;
mod refusal;
mod sample;
mod stream;
mod unsound;
mod vector;
