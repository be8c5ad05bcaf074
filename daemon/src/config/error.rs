//! What can be wrong with the configuration and the files it names.

use std::{io, path::PathBuf};

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or written.
    #[error("cannot {action} {path}: {source}", path = .path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file that others could change or read.
    #[error("{path} {why}", path = .path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: Exposed,
    },
    /// A PEM file that holds something else.
    #[error("{path} holds no {what} in PEM form", path = .path.display())]
    Pem {
        /// Which file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// The file says something that it must not.
    #[error("{path}:{line}: {what}", path = .path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, counted from 1.
        line: usize,
        /// What is wrong there.
        what: String,
    },
}

/// Why a file is not to be trusted, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exposed {
    /// It is a link, which could be turned elsewhere.
    #[error("is a symbolic link; name the file itself")]
    Link,
    /// It is a folder, a device or a pipe.
    #[error("is not a plain file; name a plain file")]
    Kind,
    /// Others may write to it.
    #[error("can be changed by others; run chmod go-w on it")]
    Writable,
    /// Others may read what is secret.
    #[error("holds a secret and can be read by others; run chmod o-rwx on it")]
    Readable,
    /// It is neither ours nor the administrator's.
    #[error("belongs to another user; run chown on it")]
    Owner,
    /// It is far larger than such a file ever is.
    #[error("is larger than such a file can be; is it the right one?")]
    Large,
}
