//! A file of fixed size that is written in place: each write is on the disk when it returns, and costs the disk nothing but
//! the bytes, because neither the file's size nor its place on the disk ever changes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::mem;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Somewhere to write whole blocks.
pub trait Slate: Send + Sync {
    /// Writes whole blocks of [`BLOCK`] bytes, beginning with block `at`; durable before the answer. Fastest from memory
    /// that begins at a multiple of [`BLOCK`].
    ///
    /// # Errors
    /// As the disk says. Some of the blocks may be there nevertheless, and a block may be half there.
    fn write(&self, blocks: &[u8], at: u64) -> io::Result<()>;
}

/// A slate that is a file.
pub struct Board {
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
    pub fn open(path: &Path, blocks: u64) -> io::Result<(Self, bool)> {
        let mut options = OpenOptions::new();
        options.write(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
        let new = !path.try_exists()?;
        let mut file = options.clone().create(true).truncate(false).open(path)?;
        let size = blocks.saturating_mul(WIDE);
        if file.metadata()?.len() != size {
            // Written, not merely reserved: the first write to a reserved block would have to be noted elsewhere.
            file.set_len(0)?;
            let noughts = vec![0; BLOCK.saturating_mul(AT_ONCE)];
            let mut left = size;
            while left > 0 {
                let part = usize::try_from(left).unwrap_or(usize::MAX).min(noughts.len());
                file.write_all(noughts.get(..part).unwrap_or_default())?;
                left = left.saturating_sub(u64::try_from(part).unwrap_or(u64::MAX));
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

/// Memory for what is written to a slate: it begins at a multiple of a block.
#[derive(Default)]
pub struct Sheet(Vec<u8>);

impl Sheet {
    /// The parts one after the other, filled up with noughts to whole blocks.
    pub fn fill(&mut self, parts: &[&[u8]]) -> &[u8] {
        let length = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        let size = length.div_ceil(BLOCK).saturating_mul(BLOCK);
        let mut sheet = mem::take(&mut self.0);
        sheet.clear();
        // Nothing below needs more, so the memory does not move once its beginning is known.
        sheet.reserve(size.saturating_add(BLOCK));
        let skipped = sheet.as_ptr().align_offset(BLOCK).min(BLOCK);
        sheet.resize(skipped, 0);
        parts.iter().for_each(|part| sheet.extend_from_slice(part));
        sheet.resize(skipped.saturating_add(size), 0);
        self.0 = sheet;
        self.0.get(skipped..).unwrap_or_default()
    }
}

/// Blocks of noughts that are written at once where a file is made.
const AT_ONCE: usize = 256;

/// What disks write at once, and what memory and offsets are aligned to when the page cache is passed by.
pub const BLOCK: usize = 4096;
const WIDE: u64 = BLOCK as u64;
