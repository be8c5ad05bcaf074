//! A backup as a file: who it is from, when it was made, who can open it, and what is in it, in sealed chunks.
//!
//! Anybody can tell from the file alone that it is whole, and with the public key of the audit log that it is from this
//! appliance; only the holders of enough recovery shares can open it, the appliance itself cannot. The room sees rows as
//! bytes: it never decides what goes into a backup, and never touches a store.

mod chunk;
mod error;
mod header;
mod piece;
mod reader;
mod statement;
#[cfg(test)]
mod tests;
mod text;
mod writer;

pub use error::Error;
pub use header::{Facts, Header, HeldKey, Lock, SlotFact};
pub use piece::Piece;
pub use reader::{Examined, Reader, examine};
pub use statement::{SignedBy, Statement};
pub use writer::Writer;
