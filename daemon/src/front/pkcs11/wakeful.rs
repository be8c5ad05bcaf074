//! Waiting for the next call without falling asleep, for the short while in which it comes from whoever calls again and
//! again. To put a thread to sleep and to wake it costs more than a signature does.
//!
//! Only the only thread that is awake does so, and only as long as it was worth it the last time.

use std::{
    io::{self, Read},
    os::{fd::AsRawFd, unix::net::UnixStream},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, recv},
};

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
    /// So many calls are slept for before it is tried again.
    pause: u8,
}

impl<'r> Wakeful<'r> {
    /// A thread that has just begun.
    pub fn new(room: &'r Room) -> Self {
        room.awake.fetch_add(1, Ordering::Relaxed);
        Self { room, pause: 0 }
    }

    /// Reads what there is, as soon as there is something.
    ///
    /// # Errors
    /// What the stream says.
    pub fn read(&mut self, stream: &mut UnixStream, into: &mut [u8]) -> io::Result<usize> {
        if self.pause > 0 {
            self.pause -= 1;
        } else if self.room.processors > 1 {
            for _ in 0..TRIES {
                match recv(stream.as_raw_fd(), into, MsgFlags::MSG_DONTWAIT) {
                    Err(Errno::EAGAIN) if self.room.awake.load(Ordering::Relaxed) == 1 => thread::yield_now(),
                    Err(Errno::EAGAIN) => break,
                    seen => return Ok(seen?),
                }
            }
            self.pause = PAUSE;
        }
        self.room.awake.fetch_sub(1, Ordering::Relaxed);
        let read = stream.read(into);
        self.room.awake.fetch_add(1, Ordering::Relaxed);
        read
    }
}

impl Drop for Wakeful<'_> {
    fn drop(&mut self) {
        self.room.awake.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A look takes half a microsecond or so; all of them together, about as long as two signatures with P-256.
const TRIES: usize = 200;
/// Whoever waited in vain sleeps through so many calls.
const PAUSE: u8 = 31;
