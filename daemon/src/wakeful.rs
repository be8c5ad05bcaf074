//! Waiting at a socket without falling asleep, for the short while in which the next call comes from whoever calls again and
//! again, or the answer of whoever works on nothing else. To put a thread to sleep and to wake it costs more than a signature
//! does.
//!
//! Only the only thread that is awake does so, and only where calls and answers are seen sooner that way.

use std::{
    io,
    os::{
        fd::{AsFd, AsRawFd},
        unix::net::UnixStream,
    },
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll, ppoll},
    sys::socket::{MsgFlags, recv},
};
use strongroom_pkcs11_wire::watch::{Look, Way};

use crate::clock::{Deadline, Stopwatch};

pub use strongroom_pkcs11_wire::watch::Watch;

/// How many threads of those that serve one thing are awake.
#[derive(Debug)]
pub struct Room {
    awake: AtomicUsize,
    /// On a single processor nobody could call meanwhile.
    processors: usize,
}

impl Default for Room {
    fn default() -> Self {
        let processors = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { awake: AtomicUsize::new(0), processors }
    }
}

/// A thread that serves a connection, or asks over one, awake unless it waits.
pub struct Wakeful<'r> {
    room: &'r Room,
    watch: Watch,
}

impl<'r> Wakeful<'r> {
    /// A thread that has just begun.
    pub fn new(room: &'r Room) -> Self {
        Self::again(room, Watch::default())
    }

    /// A thread that goes on at a connection of which something is known.
    pub fn again(room: &'r Room, watch: Watch) -> Self {
        room.awake.fetch_add(1, Ordering::Relaxed);
        Self { room, watch }
    }

    /// What is known of the connection now.
    pub fn known(mut self) -> Watch {
        std::mem::take(&mut self.watch)
    }

    /// Reads what there is, as soon as there is something; until the deadline, where there is one.
    ///
    /// # Errors
    /// What the stream says; [`io::ErrorKind::TimedOut`] when nothing came.
    pub fn read(&mut self, stream: &UnixStream, into: &mut [u8], until: Option<Deadline>) -> io::Result<usize> {
        if until.is_some_and(|until| until.left().is_none()) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if !self.room.is_quiet() {
            return self.sleep(stream, into, until);
        }
        let (begun, mut missed) = (Stopwatch::start(), false);
        let seen = match self.watch.way() {
            Way::Asleep => self.sleep(stream, into, until),
            Way::Awake => match self.watch(stream, into, begun) {
                Some(seen) => seen,
                None => {
                    missed = true;
                    self.sleep(stream, into, until)
                }
            },
        };
        if self.room.is_quiet() {
            self.watch.took(begun.elapsed(), if missed { Look::Vain } else { Look::Fine });
        }
        seen
    }

    /// Naps where that is known to be too early to look, and then looks again and again, for as long as nobody else is awake
    /// and it is not too long; nothing when nothing came.
    fn watch(&self, stream: &UnixStream, into: &mut [u8], begun: Stopwatch) -> Option<io::Result<usize>> {
        let (nap, patience) = (self.watch.nap(), self.watch.patience());
        if !nap.is_zero() {
            self.room.awake.fetch_sub(1, Ordering::Relaxed);
            // What comes meanwhile ends it, and so may a signal.
            let _ = ppoll(&mut [PollFd::new(stream.as_fd(), PollFlags::POLLIN)], Some(nap.into()), None);
            self.room.awake.fetch_add(1, Ordering::Relaxed);
        }
        while begun.elapsed() < patience {
            for _ in 0..TRIES {
                match recv(stream.as_raw_fd(), into, MsgFlags::MSG_DONTWAIT) {
                    Err(Errno::EAGAIN) if self.room.is_quiet() => thread::yield_now(),
                    Err(Errno::EAGAIN) => return None,
                    seen => return Some(seen.map_err(io::Error::from)),
                }
            }
        }
        None
    }

    fn sleep(&self, stream: &UnixStream, into: &mut [u8], until: Option<Deadline>) -> io::Result<usize> {
        self.room.awake.fetch_sub(1, Ordering::Relaxed);
        let read = sleep(stream, into, until);
        self.room.awake.fetch_add(1, Ordering::Relaxed);
        read
    }
}

impl Room {
    /// Whether whoever asks is the only thread that is awake.
    fn is_quiet(&self) -> bool {
        self.processors > 1 && self.awake.load(Ordering::Relaxed) == 1
    }
}

/// Sleeps until there is something. Whoever sleeps in `recv` on a socket of this kind is also woken when the other side
/// takes what was sent to it, for nothing; whoever sleeps in `poll` is not.
fn sleep(stream: &UnixStream, into: &mut [u8], until: Option<Deadline>) -> io::Result<usize> {
    loop {
        let limit = match until {
            None => PollTimeout::NONE,
            // Rounded up: a wait of less than a millisecond would be one of none.
            Some(until) => {
                let left = until.left().ok_or(io::ErrorKind::TimedOut)?.saturating_add(Duration::from_millis(1));
                PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
            }
        };
        match poll(&mut [PollFd::new(stream.as_fd(), PollFlags::POLLIN)], limit) {
            Ok(_) => {}
            Err(Errno::EINTR) if until.is_some() => continue,
            Err(error) => return Err(error.into()),
        }
        match recv(stream.as_raw_fd(), into, MsgFlags::MSG_DONTWAIT) {
            Err(Errno::EAGAIN) => {}
            seen => return Ok(seen?),
        }
    }
}

impl Drop for Wakeful<'_> {
    fn drop(&mut self) {
        self.room.awake.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Looks between two at the clock. A look takes half a microsecond or so.
const TRIES: usize = 16;
