//! The house: fronts, service, vault, slots, store and audit, floor upon floor. ARCHITECTURE.md is its plan.

pub mod audit;
pub mod backup;
pub mod caller;
pub mod certificate;
pub mod chance;
pub mod clock;
pub mod command;
pub mod config;
pub mod front;
pub mod memory;
pub mod receipt;
pub mod rounds;
pub mod server;
pub mod service;
pub mod sharing;
pub mod slate;
pub mod slot;
pub mod store;
pub mod vault;
pub mod wakeful;
