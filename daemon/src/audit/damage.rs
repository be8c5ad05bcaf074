//! What can be wrong with a log, and where.

use std::io;

/// The first thing that is wrong with a log.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// Something in a file is not as it was signed.
    #[error("{file}:{line}: {fault}")]
    Found {
        /// The file's name within the log's folder.
        file: String,
        /// The line in that file, from 1.
        line: u64,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A file could not be read.
    #[error("{file}: {error}")]
    Disk {
        /// The file's name.
        file: String,
        /// What the disk said.
        error: io::Error,
    },
}

impl Damage {
    pub(super) fn found(file: impl Into<String>, line: u64, fault: Fault) -> Self {
        Self::Found { file: file.into(), line, fault }
    }

    pub(super) fn disk(file: impl Into<String>, error: io::Error) -> Self {
        Self::Disk { file: file.into(), error }
    }
}

/// What is wrong with a line or a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    /// A line is no record.
    #[error("this is not a record of the log")]
    Unreadable,
    /// A line ends with the file.
    #[error("the line has no end")]
    Torn,
    /// A record or a note is another log's.
    #[error("this is another log's")]
    Foreign,
    /// A record's number does not follow.
    #[error("the record's number does not follow: lines were removed, inserted or moved")]
    Sequence,
    /// A record's own `prev`, or its place, is not what the line before it asks for.
    #[error("the record does not follow from the line before it")]
    Previous,
    /// The next line's `prev` was made from other bytes.
    #[error("the record was changed: the next line follows from another")]
    Changed,
    /// The lines do not have the root that was signed.
    #[error("the record was changed, or lines before it: they are not what a checkpoint signs")]
    Root,
    /// A record is another than the journal has.
    #[error("the record was changed: the journal has another in its place")]
    Journal,
    /// There are fewer lines than were signed, or than the journal knows to have been on the disk.
    #[error("the log ends here, but there were more lines")]
    Short,
    /// A file of lines begins elsewhere than the one before ends.
    #[error("the file does not begin with the line that comes next")]
    Segment,
    /// A note cannot be read.
    #[error("this is not a checkpoint as the log writes them")]
    Note,
    /// A note is not signed by the key that the epoch before vouches for, or the pinned one.
    #[error("the checkpoint is not signed by the key that it should be")]
    Signature,
    /// A note is of another epoch than the one that follows.
    #[error("the checkpoint's epoch does not follow from those that have ended")]
    Epoch,
    /// A note says less than one before it.
    #[error("the checkpoint signs fewer lines, or an older store, than one before it")]
    Shrunk,
    /// There is nothing signed at all.
    #[error("the log has no checkpoint at all")]
    Unsigned,
}
