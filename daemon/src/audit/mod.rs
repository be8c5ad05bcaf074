//! The audit: what happened, in an order and a wording that nobody can change afterwards without being seen.
//!
//! It remembers, signs and proves. It never decides, never sees a key's bytes but its own, and never answers that a record is
//! kept before it is. `docs/audit-format.md` says how everything here looks on the disk.

pub mod checkpoint;
mod entry;
mod epoch;
mod lines;
mod log;
mod medium;
mod opening;
mod record;
mod sign;
mod signed;
#[cfg(test)]
mod tests;
mod text;
pub mod tree;
mod writer;

pub use self::log::{Durability, Error, Head, Log, Options, Sequence};
pub use entry::{Action, Entry, Event, Object, Outcome, Reason, Who};
pub use epoch::{Keeper, Unsigned};
pub use lines::Fault;
pub use opening::{Found, OpenError, Torn};
pub use record::Record;
