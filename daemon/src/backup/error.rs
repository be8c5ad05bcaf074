//! What is wrong with a backup.

use std::io;

/// Why a backup is not made, not believed or not opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file does not begin as one.
    #[error("this is no backup of an appliance")]
    NoBackup,
    /// Made by a later version of this program.
    #[error("this backup is of another version of this program; this one reads version {}", VERSION)]
    Version,
    /// The file ends before it is over.
    #[error("the backup is cut short: it ends after {0} bytes; use another copy")]
    Short(u64),
    /// Something follows its end.
    #[error("something was added behind the end of the backup; use another copy")]
    Long,
    /// Bytes that are not as they were written.
    #[error("the backup is damaged: {0} is not as it was written; use another copy")]
    Damaged(&'static str),
    /// Its signature is not that of the key it names.
    #[error("the backup is not as it was signed: it was changed, or somebody else made it")]
    Unsigned,
    /// More than the format holds.
    #[error("{0} is longer than a backup can hold")]
    Large(&'static str),
    /// The cipher would not.
    #[error("the backup could not be made: {0} failed")]
    Broken(&'static str),
    /// The file could not be read or written.
    #[error("the backup could not be read or written: {0}")]
    Disk(#[from] io::Error),
}

/// The version that this program writes and reads.
pub(super) const VERSION: u32 = 1;
