//! Waiting for the next call without falling asleep, for the short while in which it comes from whoever calls again and
//! again. To put a thread to sleep and to wake it costs more than a signature does.
//!
//! Only the only thread that is awake does so, and only where calls are seen sooner that way.

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
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{MsgFlags, recv},
};
use strongroom_pkcs11_wire::watch::{Watch, Way};

use crate::clock::Stopwatch;

/// How many threads of the socket are awake.
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

/// A thread that serves a connection, awake unless it waits.
pub struct Wakeful<'r> {
    room: &'r Room,
    watch: Watch,
}

impl<'r> Wakeful<'r> {
    /// A thread that has just begun.
    pub fn new(room: &'r Room) -> Self {
        room.awake.fetch_add(1, Ordering::Relaxed);
        Self { room, watch: Watch::default() }
    }

    /// Reads what there is, as soon as there is something.
    ///
    /// # Errors
    /// What the stream says.
    pub fn read(&mut self, stream: &UnixStream, into: &mut [u8]) -> io::Result<usize> {
        if !self.room.is_quiet() {
            return self.sleep(stream, into);
        }
        let begun = Stopwatch::start();
        let seen = match self.watch.way() {
            Way::Asleep => self.sleep(stream, into),
            Way::Awake => match self.watch(stream, into, begun) {
                Some(seen) => seen,
                None => {
                    if self.room.is_quiet() {
                        self.watch.in_vain();
                    }
                    self.sleep(stream, into)
                }
            },
        };
        if self.room.is_quiet() {
            self.watch.took(begun.elapsed());
        }
        seen
    }

    /// Looks again and again, for as long as nobody else is awake and it is not too long; nothing when nothing came.
    fn watch(&self, stream: &UnixStream, into: &mut [u8], begun: Stopwatch) -> Option<io::Result<usize>> {
        while begun.elapsed() < WORTHWHILE {
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

    fn sleep(&self, stream: &UnixStream, into: &mut [u8]) -> io::Result<usize> {
        self.room.awake.fetch_sub(1, Ordering::Relaxed);
        let read = sleep(stream, into);
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
fn sleep(stream: &UnixStream, into: &mut [u8]) -> io::Result<usize> {
    loop {
        poll(&mut [PollFd::new(stream.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE)?;
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
/// As long as some signatures with P-256 take: whoever calls again and again does so sooner.
const WORTHWHILE: Duration = Duration::from_micros(100);
