//! Waiting without falling asleep, for the short while in which most answers come. To put a thread to sleep and to wake it
//! costs more than a signature does.
//!
//! Only the only thread that waits does so, for the daemon needs a processor to answer with; and only as long as it was
//! worth it the last time.

use std::{
    io::{self, Read},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::line::Line;

/// Whether a connection's answers are quick enough to stay awake for.
#[derive(Debug, Default)]
pub(crate) struct Wakeful {
    /// So many answers are slept for before it is tried again.
    pause: u8,
}

impl Wakeful {
    /// Reads what there is, as soon as there is something. The stream blocks before and after.
    pub(crate) fn read(&mut self, stream: &mut Line, into: &mut [u8]) -> io::Result<usize> {
        let waiting = Waiting::begin();
        if self.pause > 0 {
            self.pause -= 1;
        } else if stream.is_near() && waiting.is_alone() && has_two_processors() {
            stream.set_nonblocking(true)?;
            let seen = Self::watch(stream, into, &waiting);
            stream.set_nonblocking(false)?;
            match seen {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.pause = PAUSE,
                seen => return seen,
            }
        }
        stream.read(into)
    }

    fn watch(stream: &mut Line, into: &mut [u8], waiting: &Waiting) -> io::Result<usize> {
        for _ in 1..TRIES {
            match stream.read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && waiting.is_alone() => thread::yield_now(),
                seen => return seen,
            }
        }
        stream.read(into)
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

/// A look takes half a microsecond or so; all of them together, about as long as two signatures with P-256.
const TRIES: usize = 200;
/// Whoever waited in vain sleeps through so many answers.
const PAUSE: u8 = 31;
