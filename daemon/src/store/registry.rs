//! Every store there is: one row each.

use std::sync::Arc;

use super::contract::{Error, Store};
use super::settings::{Kind, Settings};
use super::{memory, sled};

/// Whether rows outlive the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// Yes: what was acknowledged is there after a crash and after a loss of power.
    OnDisk,
    /// No.
    InMemory,
}

/// A row of the registry.
pub struct Member {
    /// Which.
    pub kind: Kind,
    /// What the configuration calls it.
    pub name: &'static str,
    /// What becomes of its rows.
    pub keeps: Keeps,
    open: fn(&Settings) -> Result<Box<dyn Store>, Error>,
}

/// The members. Growing is one file and one row here.
pub const MEMBERS: &[Member] = &[
    Member { kind: Kind::Sled, name: "sled", keeps: Keeps::OnDisk, open: sled::open },
    Member { kind: Kind::Memory, name: "memory", keeps: Keeps::InMemory, open: memory::open },
];

/// Opens the store that `settings` names, or makes it.
///
/// # Errors
///
/// [`Error::Exposed`] if others could change the folder, [`Error::Taken`] if another process has it open,
/// [`Error::Unreadable`] or [`Error::Version`] if what is in it cannot be read, [`Error::Full`] and [`Error::Disk`] if the
/// operating system refuses.
pub fn open(settings: &Settings) -> Result<Arc<dyn Store>, Error> {
    let member = MEMBERS
        .iter()
        .find(|member| member.kind == settings.kind)
        .expect("a test opens every kind, so each has its row above");
    (member.open)(settings).map(Arc::from)
}
