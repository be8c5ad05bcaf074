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
    ask(reach(socket)?, order)
}

/// Has the daemon behind this socket make a backup, and writes it to `to` as it comes. What was written is worth something
/// only once this has returned.
///
/// # Errors
/// [`Error`], with what to do.
pub fn receive(socket: &Path, order: Order, to: &mut dyn Write) -> Result<Report, Error> {
    collect(reach(socket)?, order, to)
}

fn reach(socket: &Path) -> Result<UnixStream, Error> {
    UnixStream::connect(socket).map_err(|source| Error::Absent { path: socket.to_owned(), source })
}

fn ask(stream: UnixStream, order: Order) -> Result<Report, Error> {
    let (mut stream, unheard) = give(stream, order)?;
    answer(&mut stream, unheard)
}

fn collect(stream: UnixStream, order: Order, to: &mut dyn Write) -> Result<Report, Error> {
    let (mut stream, unheard) = give(stream, order)?;
    // Who is turned away before the order was read is told so at once, as by any other order.
    if unheard.is_some() || stream.fill_buf()?.first() == Some(&ANSWER) {
        return answer(&mut stream, unheard);
    }
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let length = u64::from(u32::from_be_bytes(length));
        if length == 0 {
            return answer(&mut stream, None);
        }
        if io::copy(&mut (&mut stream).take(length), to)? != length {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}

/// Sends the order. The daemon may have hung up by then, with its reason on the way: so what went wrong is given back with
/// the stream, and counts only where there is no answer.
fn give(mut stream: UnixStream, order: Order) -> Result<(BufReader<UnixStream>, Option<io::Error>), Error> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = write_order(order)?;
    line.push(b'\n');
    let unheard = stream.write_all(&line).err();
    Ok((BufReader::new(stream), unheard))
}

fn answer(from: &mut impl BufRead, unheard: Option<io::Error>) -> Result<Report, Error> {
    let mut answer = Vec::new();
    let end = from.take(LONGEST).read_until(b'\n', &mut answer);
    if answer.last() != Some(&b'\n') {
        let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
        return Err(unheard.or(end.err()).unwrap_or_else(cut).into());
    }
    match serde_json::from_slice(&answer)? {
        Reply::Done(report) => Ok(report),
        Reply::Refused { reason, message } => Err(Error::Refused { reason, message }),
    }
}

/// How an answer begins. The length of a piece of a backup cannot: it would have two gigabytes.
const ANSWER: u8 = b'{';
/// Unsealing takes a fifth of a second; opening a large store after it may take long.
const PATIENCE: Duration = Duration::from_secs(60);
/// A list of objects is the longest answer.
const LONGEST: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use strongroom_kmip::{code::ResultReason, secret::Secret};

    use super::{super::line::refused, *};

    /// A stream whose other end has said this and hung up.
    fn hung_up(said: &[u8]) -> UnixStream {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(said).unwrap();
        ours
    }

    /// An order that no socket takes in one piece.
    fn long() -> Order {
        Order::Unseal { passphrase: Secret::new(vec![7; 4 << 20]) }
    }

    fn line(reply: &Reply) -> Vec<u8> {
        let mut line = serde_json::to_vec(reply).unwrap();
        line.push(b'\n');
        line
    }

    #[test]
    fn who_is_turned_away_before_the_order_was_read_hears_why() {
        let refusal = line(&refused(ResultReason::PermissionDenied, "run the command with sudo"));
        for (name, order) in [("a short order", Order::Status), ("a long order", long())] {
            let error = ask(hung_up(&refusal), order).unwrap_err();
            assert_eq!(error.to_string(), "run the command with sudo", "{name}");
        }
    }

    #[test]
    fn who_is_hung_up_on_without_a_word_is_told_that() {
        for (name, said) in [("nothing", b"".as_slice()), ("half a line", b"{\"refused\":{\"reason\"")] {
            assert!(matches!(ask(hung_up(said), long()), Err(Error::Broken(_))), "{name}");
        }
    }

    #[test]
    fn who_may_not_have_a_backup_hears_why() {
        let refusal = line(&refused(ResultReason::PermissionDenied, "run the command with sudo"));
        let mut written = Vec::new();
        let error = collect(hung_up(&refusal), Order::Backup, &mut written).unwrap_err();
        assert_eq!(error.to_string(), "run the command with sudo");
        assert!(written.is_empty());
    }
}
