//! The store: keeps rows of bytes, and says when they are safe.
//!
//! It sees bytes only: what is in a row, whether it is sealed and who may have it is decided above. It never answers that
//! a change is kept before the disk has it, never keeps half a batch, and never writes on after a write has failed.

mod ahead;
mod contract;
mod desk;
mod folder;
mod jot;
mod journal;
mod medium;
mod memory;
mod past;
mod recent;
mod registry;
mod row;
mod settings;
mod sled;
mod writer;

pub use contract::{Batch, Error, Gather, Receipt, Snapshot, Store, Table, Visit, Write};
pub use registry::{Keeps, MEMBERS, Member, open};
pub use settings::{Kind, Queue, Settings};
