//! What a store is told when it is opened.

use std::path::PathBuf;

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
    /// The generation that a store goes on from which has no rows yet: that of another, whose place it takes. No store that
    /// is there minds it, nor does one in memory.
    pub since: u64,
    /// How many bytes the journal has, at most 64 MiB. Half of it is what a start may have to put back.
    pub journal: u64,
}

impl Settings {
    /// A store of the given kind in `folder`, with everything else as it usually is.
    #[must_use]
    pub fn new(kind: Kind, folder: impl Into<PathBuf>) -> Self {
        let queue = Queue::default();
        Self { kind, folder: folder.into(), cache: USUAL_CACHE, queue, since: 0, journal: USUAL_JOURNAL }
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

/// How much may wait for the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Batches.
    pub batches: usize,
    /// Bytes of keys and values.
    pub bytes: usize,
}

impl Default for Queue {
    /// Ten thousand connections with a change each, at the size of a sealed key; or a good many of the largest requests.
    fn default() -> Self {
        Self { batches: 16_384, bytes: 64 << 20 }
    }
}

/// Some ten thousand sealed keys; an idle daemon stays well under its 40 MiB.
const USUAL_CACHE: u64 = 16 << 20;

/// Some five hundred new keys, of which half are given to the database together.
const USUAL_JOURNAL: u64 = 4 << 20;
