//! A file of fixed size that is written in place: each write is on the disk when it returns, and costs the disk nothing but
//! the bytes, because neither the file's size nor its place on the disk ever changes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Somewhere to write whole blocks.
pub(super) trait Slate: Send + Sync {
    /// Writes whole blocks of [`BLOCK`] bytes, beginning with block `at`; durable before the answer. Fastest from memory
    /// that begins at a multiple of [`BLOCK`].
    ///
    /// # Errors
    /// As the disk says. Some of the blocks may be there nevertheless, and a block may be half there.
    fn write(&self, blocks: &[u8], at: u64) -> io::Result<()>;
}

/// A slate that is a file.
pub(super) struct Board {
    /// Past the page cache, where the file system can do that.
    direct: Option<File>,
    through: File,
    /// Whether it turned out that the file system cannot do that after all.
    refused: AtomicBool,
}

impl Board {
    /// Opens the file, which is made, full of noughts and durable, where it is not there or has another size. Answers also
    /// whether its name is new.
    ///
    /// # Errors
    /// As the disk says.
    pub(super) fn open(path: &Path, blocks: u64) -> io::Result<(Self, bool)> {
        let mut options = OpenOptions::new();
        options.write(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
        let new = !path.try_exists()?;
        let mut file = options.clone().create(true).truncate(false).open(path)?;
        let size = blocks.saturating_mul(WIDE);
        if file.metadata()?.len() != size {
            // Written, not merely reserved: the first write to a reserved block would have to be noted elsewhere.
            file.set_len(0)?;
            for _ in 0..blocks {
                file.write_all(&[0; BLOCK])?;
            }
            file.sync_all()?;
        }
        let flagged = |flags| options.clone().custom_flags(libc::O_NOFOLLOW | libc::O_DSYNC | flags).open(path);
        let (direct, through) = (flagged(libc::O_DIRECT).ok(), flagged(0)?);
        Ok((Self { direct, through, refused: AtomicBool::new(false) }, new))
    }
}

impl Slate for Board {
    fn write(&self, blocks: &[u8], at: u64) -> io::Result<()> {
        let at = at.saturating_mul(WIDE);
        if let Some(direct) = self.direct.as_ref().filter(|_| !self.refused.load(Ordering::Relaxed)) {
            match direct.write_all_at(blocks, at) {
                // What such a file system says of a write that it would have to align; nothing was written.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                    self.refused.store(true, Ordering::Relaxed)
                }
                other => return other,
            }
        }
        self.through.write_all_at(blocks, at)
    }
}

/// What disks write at once, and what memory and offsets are aligned to when the page cache is passed by.
pub(super) const BLOCK: usize = 4096;
const WIDE: u64 = BLOCK as u64;
