//! Every store there is: one row each.

use std::path::PathBuf;
use std::sync::Arc;

use super::contract::{Error, Store};
use super::writer::Queue;
use super::{memory, sled};

/// Which store, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The member of the registry that keeps the rows.
    pub kind: Kind,
    /// The folder that is the store's alone; made if it is not there. Not used by a store in memory.
    pub folder: PathBuf,
    /// Bytes of rows that are held in memory for reading.
    pub cache: u64,
    /// How much may wait for the writer.
    pub queue: Queue,
}

impl Settings {
    /// A store of the given kind in `folder`, with everything else as it usually is.
    #[must_use]
    pub fn new(kind: Kind, folder: impl Into<PathBuf>) -> Self {
        Self { kind, folder: folder.into(), cache: USUAL_CACHE, queue: Queue::default() }
    }
}

/// The kinds of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A database in a folder of this machine.
    Sled,
    /// Nothing but memory.
    Memory,
}

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

/// Some ten thousand sealed keys; an idle daemon stays well under its 40 MiB.
const USUAL_CACHE: u64 = 16 << 20;
