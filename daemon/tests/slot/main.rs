//! The contract of a slot, held against every member of its registry, and the known answers of every mechanism.

mod bench;
mod contract;
mod sample;
