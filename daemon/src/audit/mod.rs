//! The audit: what happened, in an order and a wording that nobody can change afterwards without being seen.
//!
//! It remembers, signs and proves. It never decides, never sees a key's bytes but its own, and never answers that a record is
//! kept before it is. `docs/audit-format.md` says how everything here looks on the disk.

mod before;
mod chain;
pub mod checkpoint;
mod contract;
mod damage;
mod desk;
mod entry;
mod epoch;
mod journal;
mod lines;
mod log;
mod medium;
mod opening;
mod proof;
mod record;
mod sign;
mod signed;
mod tail;
#[cfg(test)]
mod tests;
mod text;
pub mod tree;
mod verify;
mod writer;

pub use self::log::Log;
pub use chain::Chain;
pub use contract::{Durability, Error, Found, Head, OpenError, Options, Sequence, Torn, Vouched};
pub use damage::{Damage, Fault};
pub use entry::{Action, Entry, Event, Object, Outcome, Reason, Who};
pub use epoch::{Keeper, Unsigned};
pub use proof::{Consistency, Proof, Refusal, consistency, prove};
pub use record::Record;
pub use tail::{Tail, export};
pub use verify::{Report, verify};
