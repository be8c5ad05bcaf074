//! Waiting without falling asleep, for the short while in which most answers come. To put a thread to sleep and to wake it
//! costs more than a signature does.
//!
//! Only the only thread that waits does so, for the daemon needs a processor to answer with; and only where answers come
//! sooner that way.

use std::{
    io::{self, Read},
    os::{
        fd::{AsFd, AsRawFd},
        unix::net::UnixStream,
    },
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll, ppoll},
    sys::socket::{MsgFlags, recv},
};

use strongroom_pkcs11_wire::watch::{Look, Watch, Way};

use crate::line::Line;

/// What is known of how to wait on a connection.
#[derive(Debug, Default)]
pub(crate) struct Wakeful(Watch);

impl Wakeful {
    /// Reads what there is, as soon as there is something; within `patience`, from a daemon on this host.
    ///
    /// # Errors
    /// What the line says; [`io::ErrorKind::WouldBlock`] or [`io::ErrorKind::TimedOut`] when nothing comes.
    pub(crate) fn read(&mut self, line: &mut Line, into: &mut [u8], patience: Duration) -> io::Result<usize> {
        let waiting = Waiting::begin();
        let Line::Near(stream) = line else { return line.read(into) };
        if !waiting.is_alone() || !has_two_processors() {
            return sleep(stream, into, patience);
        }
        let (begun, mut missed) = (Instant::now(), false);
        let seen = match self.0.way() {
            Way::Asleep => sleep(stream, into, patience),
            Way::Awake => match watch(stream, into, &waiting, begun, &self.0) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    missed = true;
                    sleep(stream, into, patience)
                }
                seen => seen,
            },
        };
        if waiting.is_alone() {
            self.0.took(begun.elapsed(), if missed { Look::Vain } else { Look::Fine });
        }
        seen
    }
}

/// Naps where that is known to be too early to look, and then looks again and again, for as long as nobody else waits and it
/// is not too long.
fn watch(stream: &UnixStream, into: &mut [u8], waiting: &Waiting, begun: Instant, known: &Watch) -> io::Result<usize> {
    let (nap, patience) = (known.nap(), known.patience().max(WORTHWHILE));
    if !nap.is_zero() {
        // What comes meanwhile ends it, and so may a signal.
        let _ = ppoll(&mut [PollFd::new(stream.as_fd(), PollFlags::POLLIN)], Some(nap.into()), None);
    }
    loop {
        for _ in 0..TRIES {
            match look(stream, into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && waiting.is_alone() => thread::yield_now(),
                seen => return seen,
            }
        }
        if begun.elapsed() > patience {
            return Err(io::ErrorKind::WouldBlock.into());
        }
    }
}

/// Sleeps until there is something. Whoever sleeps in `recv` on a socket of this kind is also woken when the other side
/// takes what was sent to it, for nothing; whoever sleeps in `poll` is not.
fn sleep(stream: &UnixStream, into: &mut [u8], patience: Duration) -> io::Result<usize> {
    let limit = PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX);
    let mut ends = [PollFd::new(stream.as_fd(), PollFlags::POLLIN)];
    match poll(&mut ends, limit)? {
        0 => Err(io::ErrorKind::TimedOut.into()),
        _ => look(stream, into),
    }
}

fn look(stream: &UnixStream, into: &mut [u8]) -> io::Result<usize> {
    match recv(stream.as_raw_fd(), into, MsgFlags::MSG_DONTWAIT) {
        Err(Errno::EAGAIN) => Err(io::ErrorKind::WouldBlock.into()),
        seen => Ok(seen?),
    }
}

/// A thread of this process that waits for an answer.
struct Waiting;

static THREADS: AtomicUsize = AtomicUsize::new(0);

impl Waiting {
    fn begin() -> Self {
        THREADS.fetch_add(1, Ordering::Relaxed);
        Self
    }

    fn is_alone(&self) -> bool {
        THREADS.load(Ordering::Relaxed) == 1
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        THREADS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// In the child of a fork: the threads that waited are the parent's.
pub(crate) fn forked() {
    THREADS.store(0, Ordering::Relaxed);
}

/// On a single processor nobody could answer meanwhile.
fn has_two_processors() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| thread::available_parallelism().is_ok_and(|count| count.get() > 1))
}

/// Looks between two at the clock. A look takes half a microsecond or so.
const TRIES: usize = 32;
/// Long enough for a signature with RSA-2048 and for a record that must reach the disk first.
const WORTHWHILE: Duration = Duration::from_micros(600);
