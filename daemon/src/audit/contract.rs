//! What the log promises to the rooms above, in values.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::checkpoint::Checkpoint;
use super::damage::Fault;
use super::record::Record;
use crate::chance::{Chance, Dry};
use crate::clock::Clock;
use crate::receipt::Abandoned;

/// A line's place in the log, from 0 and without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

/// When an appended record counts as kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It is on the disk.
    Sync,
    /// It is in the log, survives the death of the daemon, and is on the disk within ten milliseconds.
    Written,
}

/// Why a record was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A write failed. Nothing is kept any more, and so nothing may be answered any more.
    #[error("the audit log could not be written: make room on its disk or replace it, then restart the daemon")]
    Failed,
    /// Too many records wait for the disk.
    #[error("too many audit records wait for the disk")]
    Busy,
    /// The log was closed.
    #[error("the audit log is closed")]
    Closed,
}

impl From<Abandoned> for Error {
    fn from(_: Abandoned) -> Self {
        Self::Failed
    }
}

/// What a log is opened with. Begin with [`Options::new`].
pub struct Options {
    /// The folder, made if need be, for its owner alone.
    pub folder: PathBuf,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for keys and identifiers.
    pub chance: Arc<dyn Chance>,
    /// Run once, on any thread, when the log has failed: the daemon must stop.
    pub stop: Box<dyn FnOnce() + Send>,
    /// A segment that has reached this many bytes is followed by another.
    pub segment: u64,
    /// An epoch ends after this many milliseconds,
    pub epoch_time: i64,
    /// or after this many records.
    pub epoch_records: u64,
    /// A record that the daemon is alive is made after this many milliseconds, by [`Log::tick`].
    pub heartbeat: i64,
    /// How many bytes the journal has, at most 64 MiB. Half of it is what a start may have to put back.
    pub journal: u64,
}

impl Options {
    /// Segments of 64 MiB; epochs of 60 seconds or 65,536 records; a heartbeat every five minutes; a journal of 4 MiB.
    pub fn new(folder: impl Into<PathBuf>, clock: Arc<dyn Clock>, chance: Arc<dyn Chance>) -> Self {
        Self {
            folder: folder.into(),
            clock,
            chance,
            stop: Box::new(|| log::error!("the audit log has failed")),
            segment: 64 << 20,
            epoch_time: 60_000,
            epoch_records: 65_536,
            heartbeat: 300_000,
            journal: 4 << 20,
        }
    }
}

/// The log's last signed tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many lines it has.
    pub size: u64,
    /// The signed checkpoint, as it stands in the file: for an anchor to keep.
    pub note: Arc<str>,
}

/// A text that is no checkpoint, signed with the key of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// The epoch.
    pub epoch: u64,
    /// Its public key.
    pub key: [u8; 32],
    /// When, as RFC 3339 writes it.
    pub time: String,
    /// The signature.
    pub signature: [u8; 64],
}

/// Why a log is not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk.
    #[error("the audit folder {folder}: {error}")]
    Disk {
        /// The folder.
        folder: PathBuf,
        /// What the disk said.
        error: io::Error,
    },
    /// Another process has the log open.
    #[error("the audit folder {0} is in use by another daemon")]
    Locked(PathBuf),
    /// What a checkpoint signs is not there, or is not what was signed.
    #[error("{file}:{line}: {fault}; run `strongroom audit verify`, keep this folder as evidence and restore another")]
    Damaged {
        /// The file's name.
        file: String,
        /// The line in the file, from 1.
        line: u64,
        /// What is wrong.
        fault: Fault,
    },
    /// A file beside the lines cannot be right.
    #[error("{0} in the audit folder is missing, damaged, or not signed by this log's key")]
    Unsigned(&'static str),
    /// No random bytes.
    #[error(transparent)]
    Dry(#[from] Dry),
}

/// What was found in a log when it was opened.
#[derive(Debug)]
pub struct Found {
    /// The last records that were there, oldest first: at most 16,384. A call whose change is not in the store is
    /// among them, because there are never that many calls under way.
    pub last: Vec<Record>,
    /// Whether the log had been closed in good order.
    pub clean: bool,
    /// What a crash had torn off.
    pub torn: Option<Torn>,
    /// How many lines a loss of power had taken, which were put back from the journal.
    pub restored: u64,
    /// The last checkpoint.
    pub checkpoint: Option<Checkpoint>,
}

/// The damaged end of a log, moved aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The file that has it now.
    pub file: String,
    /// How many bytes it has.
    pub bytes: u64,
}
