//! Where the log is written: a folder of plain files, behind a trait so that a failing disk can be tried.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::slate::{Board, Slate};

/// A file of lines that only grows.
pub(super) trait Segment: Send + Sync {
    /// Writes all of `bytes` at the end.
    ///
    /// # Errors
    /// As the disk says. Some of the bytes may be there nevertheless.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Makes durable what was appended before.
    ///
    /// # Errors
    /// As the disk says; what was appended is then in doubt for ever.
    fn sync(&self) -> io::Result<()>;
}

/// How firmly a file is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hold {
    /// Readers see the old or the new file; after a power failure it may be either, or empty.
    Loose,
    /// Durable, under its name, before the answer.
    Firm,
}

/// What the log's writer needs of a disk. Names are plain file names within the log's folder.
pub(super) trait Medium: Send + Sync {
    /// Opens the segment whose first line has this sequence, making it if need be, durable under its name.
    ///
    /// # Errors
    /// As the disk says.
    fn segment(&self, start: u64) -> io::Result<Arc<dyn Segment>>;

    /// Adds to a file, durable before the answer.
    ///
    /// # Errors
    /// As the disk says.
    fn extend(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Puts a file in the place of another, all of it or nothing.
    ///
    /// # Errors
    /// As the disk says.
    fn replace(&self, name: &str, bytes: &[u8], hold: Hold) -> io::Result<()>;

    /// Gives a file the name of another, which goes; durable before the answer.
    ///
    /// # Errors
    /// As the disk says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Opens a file of so many blocks to be written in place, making it if need be, durable under its name.
    ///
    /// # Errors
    /// As the disk says.
    fn slate(&self, name: &str, blocks: u64) -> io::Result<Box<dyn Slate>>;
}

/// The log's folder. It is locked for as long as this lives, so that no second daemon writes into it.
pub(super) struct Folder {
    path: PathBuf,
    handle: File,
}

impl Folder {
    /// Opens the folder, making it for its owner alone if it is not there.
    ///
    /// # Errors
    /// As the disk says; `WouldBlock` where another process has the log open.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        match DirBuilder::new().mode(0o700).create(path) {
            // What makes its name last is a sync of the folder it is in.
            Ok(()) => {
                File::open(path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))?
                    .sync_all()?
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
        let handle = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        handle.try_lock()?;
        Ok(Self { path: path.to_owned(), handle })
    }

    /// The folder itself.
    pub(super) fn root(&self) -> &Path {
        &self.path
    }

    /// The path of a file in the folder.
    fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// How many bytes a file has.
    ///
    /// # Errors
    /// As the disk says.
    pub(super) fn length(&self, name: &str) -> io::Result<u64> {
        Ok(open(&self.path(name))?.metadata()?.len())
    }

    /// Removes a file, durably.
    ///
    /// # Errors
    /// As the disk says.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))?;
        self.sync_names()
    }

    /// Makes durable what a file has.
    ///
    /// # Errors
    /// As the disk says.
    pub(super) fn sync(&self, name: &str) -> io::Result<()> {
        open(&self.path(name))?.sync_all()
    }

    /// A file for appending, made for the owner alone if need be. Symbolic links are not followed.
    fn appending(&self, name: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(self.path(name))
    }

    /// Makes the names in the folder durable.
    fn sync_names(&self) -> io::Result<()> {
        self.handle.sync_all()
    }

    /// Moves the end of a file, from `length` on, into a new file of its own, durably. Answers the new file's name.
    ///
    /// # Errors
    /// As the disk says.
    pub(super) fn cut(&self, name: &str, length: u64, aside: &str) -> io::Result<(String, u64)> {
        let mut tail = open(&self.path(name))?;
        io::Seek::seek(&mut tail, io::SeekFrom::Start(length))?;
        let (side, mut file) = self.fresh(aside)?;
        let moved = io::copy(&mut tail, &mut file)?;
        file.sync_all()?;
        self.sync_names()?;
        if length == 0 {
            fs::remove_file(self.path(name))?;
        } else {
            let file = OpenOptions::new().write(true).custom_flags(libc::O_NOFOLLOW).open(self.path(name))?;
            file.set_len(length)?;
            file.sync_all()?;
        }
        self.sync_names()?;
        Ok((side, moved))
    }

    /// A file that was not there before: `name`, or `name` with a number behind it.
    fn fresh(&self, name: &str) -> io::Result<(String, File)> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut tries = 0_u32;
        loop {
            let name = if tries == 0 { name.to_owned() } else { format!("{name}.{tries}") };
            match options.open(self.path(&name)) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists && tries < MOST_SIDES => tries += 1,
                file => return Ok((name, file?)),
            }
        }
    }
}

impl Medium for Folder {
    fn segment(&self, start: u64) -> io::Result<Arc<dyn Segment>> {
        let file = self.appending(&segment_name(start))?;
        self.sync_names()?;
        Ok(Arc::new(file))
    }

    fn extend(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let new = !self.path(name).try_exists()?;
        let mut file = self.appending(name)?;
        file.write_all(bytes)?;
        file.sync_data()?;
        if new { self.sync_names() } else { Ok(()) }
    }

    fn replace(&self, name: &str, bytes: &[u8], hold: Hold) -> io::Result<()> {
        let draft = self.path(&format!("{name}.new"));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
        let mut file = options.open(&draft)?;
        file.write_all(bytes)?;
        if hold == Hold::Firm {
            file.sync_all()?;
        }
        fs::rename(&draft, self.path(name))?;
        if hold == Hold::Firm { self.sync_names() } else { Ok(()) }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))?;
        self.sync_names()
    }

    fn slate(&self, name: &str, blocks: u64) -> io::Result<Box<dyn Slate>> {
        let (board, new) = Board::open(&self.path(name), blocks)?;
        if new {
            self.sync_names()?;
        }
        Ok(Box::new(board))
    }
}

impl Segment for File {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self;
        file.write_all(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Opens a file of the log for reading. Symbolic links are not followed.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(path)
}

/// The whole of a small file, or nothing where there is none.
pub(super) fn read(path: &Path, longest: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = Vec::new();
    file.take(longest).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// The sequences with which the segments in `folder` begin, in order.
pub(super) fn segments(folder: &Path) -> io::Result<Vec<u64>> {
    let mut starts = Vec::new();
    for file in fs::read_dir(folder)? {
        let name = file?.file_name();
        let start = name.to_str().and_then(|name| name.strip_suffix(".log")).and_then(|digits| digits.parse().ok());
        // Only the spelling that the log itself uses; a copy beside it is none of its lines.
        if let Some(start) = start.filter(|start| *segment_name(*start) == *name) {
            starts.push(start);
        }
    }
    starts.sort_unstable();
    Ok(starts)
}

/// The name of the segment that begins with this sequence.
pub(super) fn segment_name(start: u64) -> String {
    format!("{start:012}.log")
}

/// A log whose end was torn off this often at the same line has another trouble.
const MOST_SIDES: u32 = 1000;

/// Checkpoints, notes about segments and identities have a few hundred bytes; sixteen ends of epochs fit.
pub(super) const SMALL: u64 = 64 * 1024;
