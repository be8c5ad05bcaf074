//! The operator's end of the socket.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use super::line::{Reply, write_order};
use crate::service::{Order, Report};

/// Why an order came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody listens.
    #[error("no daemon listens on {path}: {source}; is it running, and is this its configuration?", path = .path.display())]
    Absent {
        /// The socket.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The daemon hung up.
    #[error("the daemon hung up in the middle: {0}")]
    Broken(#[from] io::Error),
    /// The answer is none.
    #[error("the daemon's answer cannot be read; is it of the same version? {0}")]
    Unreadable(#[from] serde_json::Error),
    /// The daemon refused.
    #[error("{message}")]
    Refused {
        /// Why, in KMIP's word.
        reason: String,
        /// Why, and what to do.
        message: String,
    },
}

/// Gives an order to the daemon behind this socket and waits for what it reports.
///
/// # Errors
/// [`Error`], with what to do.
pub fn send(socket: &Path, order: Order) -> Result<Report, Error> {
    answer(BufReader::new(give(socket, order)?.take(LONGEST)))
}

/// Has the daemon behind this socket make a backup, and writes it to `to` as it comes. What was written is worth something
/// only once this has returned.
///
/// # Errors
/// [`Error`], with what to do.
pub fn receive(socket: &Path, order: Order, to: &mut dyn Write) -> Result<Report, Error> {
    let mut stream = BufReader::new(give(socket, order)?);
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let length = u64::from(u32::from_be_bytes(length));
        if length == 0 {
            return answer(stream.take(LONGEST));
        }
        if io::copy(&mut (&mut stream).take(length), to)? != length {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}

fn give(socket: &Path, order: Order) -> Result<UnixStream, Error> {
    let absent = |source| Error::Absent { path: socket.to_owned(), source };
    let mut stream = UnixStream::connect(socket).map_err(absent)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = write_order(order)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    Ok(stream)
}

fn answer(mut from: impl BufRead) -> Result<Report, Error> {
    let mut answer = Vec::new();
    from.read_until(b'\n', &mut answer)?;
    if answer.is_empty() {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    match serde_json::from_slice(&answer)? {
        Reply::Done(report) => Ok(report),
        Reply::Refused { reason, message } => Err(Error::Refused { reason, message }),
    }
}

/// Unsealing takes a fifth of a second; opening a large store after it may take long.
const PATIENCE: Duration = Duration::from_secs(60);
/// A list of objects is the longest answer.
const LONGEST: u64 = 64 << 20;
