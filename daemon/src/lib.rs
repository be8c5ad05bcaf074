//! The house.

pub mod receipt;
pub mod store;
