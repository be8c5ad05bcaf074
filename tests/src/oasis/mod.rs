//! Replays KMIP test cases as OASIS publishes them, and says where the answers differ.
//!
//! A case is a folder's XML file: requests, and the answers expected to them. What may differ is what the KMIP Profiles
//! call permitted test case variations; nothing else is forgiven. The files themselves are no part of this repository.

mod catalogue;
mod compare;
mod difference;
mod exception;
mod leaf;
mod memory;
mod objects;
mod play;
mod query;
mod rehearsal;
mod report;
mod script;
mod undo;
mod variation;
mod world;

pub use catalogue::{Catalogue, Episode};
pub use exception::Exceptions;
pub use play::{Verdict, play, unserved};
pub use rehearsal::rehearse;
pub use report::{Report, Talk, run};
pub use script::{Case, Step};
pub use undo::{undone, undone_by_hand};
pub use world::World;
