//! The folder of a store on disk: ours alone, and open in one process at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::contract::Error;

/// A folder that is checked and locked. The lock ends with the value, and with the process.
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Takes the folder, and makes it if it is not there (its parent must be).
    ///
    /// # Errors
    ///
    /// [`Error::Exposed`] if somebody else owns it or may write to it, or if it or something in it is a symbolic link;
    /// [`Error::Taken`] if another process has it.
    pub(super) fn take(path: &Path) -> Result<Self, Error> {
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => sync(path.parent().unwrap_or(Path::new("/")))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(disk("make", path, error)),
        }
        inspect(path)?;
        fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(|error| disk("protect", path, error))?;
        let lock = path.join(LOCK);
        let file = open(&lock)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: file }),
            Err(TryLockError::WouldBlock) => Err(Error::Taken(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(disk("lock", &lock, error)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a file of the folder, which is made if it is not there.
    pub(super) fn open(&self, name: &str) -> Result<File, Error> {
        open(&self.path.join(name))
    }

    /// Whether a file of the folder is there and has something in it.
    pub(super) fn has(&self, name: &str) -> Result<bool, Error> {
        let path = self.path.join(name);
        match fs::symlink_metadata(&path) {
            Ok(seen) => Ok(seen.len() > 0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(disk("look at", &path, error)),
        }
    }

    /// Removes the files whose names end so.
    pub(super) fn clear(&self, ending: &str) -> Result<(), Error> {
        for entry in list(&self.path)? {
            if entry.file_name().is_some_and(|name| name.as_encoded_bytes().ends_with(ending.as_bytes())) {
                fs::remove_file(&entry).map_err(|error| disk("remove", &entry, error))?;
            }
        }
        Ok(())
    }

    /// Moves everything but the lock into a folder of the given name, in place of what that had.
    pub(super) fn set_aside(&self, name: &str) -> Result<(), Error> {
        let aside = self.path.join(name);
        match fs::remove_dir_all(&aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(disk("clear", &aside, error)),
            _ => {}
        }
        let entries = list(&self.path)?;
        DirBuilder::new().mode(0o700).create(&aside).map_err(|error| disk("make", &aside, error))?;
        for entry in entries {
            if let Some(name) = entry.file_name()
                && name != LOCK
            {
                fs::rename(&entry, aside.join(name)).map_err(|error| disk("move", &entry, error))?;
            }
        }
        Ok(())
    }

    /// Makes every file in it, and every name, survive a loss of power, and takes the files away from everybody else.
    pub(super) fn settle(&self) -> Result<(), Error> {
        settle(&self.path)?;
        sync(self.path.parent().unwrap_or(Path::new("/")))
    }
}

/// What went wrong on the disk, with a full one named as such.
pub(super) fn disk(action: &'static str, path: &Path, source: io::Error) -> Error {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full(path.to_owned()),
        _ => Error::Disk { action, path: path.to_owned(), source: Arc::new(source) },
    }
}

/// Nobody but us may have a hand in the folder; what is in it is plain files and folders, not links to elsewhere.
fn inspect(path: &Path) -> Result<(), Error> {
    let exposed = |path: &Path, why| Err(Error::Exposed { path: path.to_owned(), why });
    let seen = fs::symlink_metadata(path).map_err(|error| disk("look at", path, error))?;
    if seen.is_symlink() {
        return exposed(path, "is a symbolic link");
    }
    if seen.uid() != nix::unistd::geteuid().as_raw() {
        return exposed(path, "belongs to another user");
    }
    if seen.mode() & 0o022 != 0 {
        return exposed(path, "may be written to by other users");
    }
    if seen.is_file() && seen.nlink() != 1 {
        return exposed(path, "has a second name elsewhere");
    }
    if !seen.is_dir() && !seen.is_file() {
        return exposed(path, "is neither a file nor a folder");
    }
    if seen.is_dir() {
        for entry in list(path)? {
            inspect(&entry)?;
        }
    }
    Ok(())
}

fn settle(path: &Path) -> Result<(), Error> {
    for entry in list(path)? {
        let seen = fs::symlink_metadata(&entry).map_err(|error| disk("look at", &entry, error))?;
        if seen.is_dir() {
            settle(&entry)?;
        } else {
            fs::set_permissions(&entry, Permissions::from_mode(0o600))
                .map_err(|error| disk("protect", &entry, error))?;
            sync(&entry)?;
        }
    }
    sync(path)
}

fn list(path: &Path) -> Result<Vec<PathBuf>, Error> {
    fs::read_dir(path)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(|error| disk("list", path, error))
}

/// A folder is synced by its own name: that is what makes the names in it last.
fn sync(path: &Path) -> Result<(), Error> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| disk("sync", path, error))
}

fn open(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
        .map_err(|error| disk("open", path, error))
}

const LOCK: &str = "lock";
