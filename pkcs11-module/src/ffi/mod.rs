//! The C side: the only room with pointers. Every function of the interface passes through the guard, and its pointers
//! become inputs, outputs and templates on the first line of their life. What is done then is the module's business.

#![allow(unsafe_code, reason = "this is the room for it")]
#![allow(non_snake_case, reason = "C names live here")]

mod answer;
mod derived;
mod guard;
mod host;
mod interface;
mod mechanism;
mod memory;
mod message;
#[cfg(any(test, fuzzing))]
#[allow(missing_docs, clippy::expect_used, reason = "it is no part of the module")]
pub mod rehearsal;
mod table;
mod template;
#[cfg(test)]
mod tests;

pub use interface::*;
pub use table::*;
