//! Where callers and the writer meet: the queue, and the right to write what is in it.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::receipt;

use super::contract::{Batch, Error, Gather};

/// Where callers and the writer meet.
pub(super) struct Desk {
    pub(super) queued: Mutex<Queued>,
    /// Held from taking a group off the queue until it is durable, so that groups are written in their order.
    pub(super) pen: Mutex<()>,
    /// So many more groups are left to the writer: whoever comes alone is served faster by its own thread, and those who
    /// come together by one write for all of them.
    pub(super) crowded: AtomicU8,
    /// Whether a caller has the pen, and not the writer.
    pub(super) alone: AtomicBool,
    pub(super) news: Condvar,
    pub(super) generation: AtomicU64,
    pub(super) failed: AtomicBool,
}

#[derive(Default)]
pub(super) struct Queued {
    pub(super) changes: VecDeque<(Batch, Promise)>,
    pub(super) bytes: usize,
    /// Who is asked for rows with the next group.
    pub(super) gathers: Vec<Arc<dyn Gather>>,
    /// Whether something was jotted that the next group makes durable.
    pub(super) jotted: bool,
    pub(super) closed: bool,
}

pub(super) type Promise = receipt::Promise<u64, Error>;

impl Desk {
    pub(super) fn new(generation: u64) -> Self {
        Self {
            queued: Mutex::default(),
            pen: Mutex::default(),
            // How callers come is not known yet.
            crowded: AtomicU8::new(CROWDED),
            alone: AtomicBool::new(false),
            news: Condvar::new(),
            generation: AtomicU64::new(generation),
            failed: AtomicBool::new(false),
        }
    }

    /// The lock is held only to push and to take, so a poisoned one still guards a whole queue.
    pub(super) fn look(&self) -> MutexGuard<'_, Queued> {
        self.queued.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn usable(&self) -> Result<(), Error> {
        if self.failed.load(Ordering::Acquire) { Err(Error::Failed) } else { Ok(()) }
    }

    pub(super) fn pen(&self) -> MutexGuard<'_, ()> {
        self.pen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something is queued; whether there will be more.
    pub(super) fn waits(&self) -> bool {
        let calm = |queued: &mut Queued| queued.changes.is_empty() && !queued.closed;
        let idle = |queued: &mut Queued| calm(queued) && !queued.jotted;
        let queued = self.news.wait_while(self.look(), idle).unwrap_or_else(PoisonError::into_inner);
        let waited = self.news.wait_timeout_while(queued, LINGER, calm).unwrap_or_else(PoisonError::into_inner);
        let queued = waited.0;
        !queued.closed || queued.jotted || !queued.changes.is_empty()
    }

    /// Everything that waits, up to the size of a group, and whether something was jotted. For whoever has the pen.
    pub(super) fn group(&self) -> (Vec<(Batch, Promise)>, bool) {
        let mut queued = self.look();
        let (mut group, mut bytes) = (Vec::new(), 0_usize);
        while bytes < LARGEST_GROUP
            && let Some((batch, promise)) = queued.changes.pop_front()
        {
            let weight = weight(&batch);
            bytes = bytes.saturating_add(weight);
            queued.bytes = queued.bytes.saturating_sub(weight);
            group.push((batch, promise));
        }
        (group, mem::take(&mut queued.jotted))
    }

    /// Learns whether changes come together.
    pub(super) fn learn(&self, together: bool) {
        let crowded = if together { CROWDED } else { self.crowded.load(Ordering::Relaxed).saturating_sub(1) };
        self.crowded.store(crowded, Ordering::Relaxed);
    }
}

/// Blows when whoever writes unwinds, since what it was doing is then half done, or when it has failed.
pub(super) struct Fuse<'a> {
    desk: &'a Desk,
    out: bool,
}

impl<'a> Fuse<'a> {
    pub(super) fn new(desk: &'a Desk) -> Self {
        Self { desk, out: false }
    }

    /// Takes the fuse out: all went well.
    pub(super) fn out(mut self) {
        self.out = true;
    }
}

impl Drop for Fuse<'_> {
    fn drop(&mut self) {
        if self.out {
            return;
        }
        if thread::panicking() {
            self.desk.failed.store(true, Ordering::Release);
        }
        let failed = self.desk.failed.load(Ordering::Acquire);
        let mut queued = self.desk.look();
        queued.closed = true;
        let waiting = mem::take(&mut queued.changes);
        drop(queued);
        self.desk.news.notify_one();
        // Outside the lock because a continuation may look at the store.
        for (_, promise) in waiting {
            promise.keep(Err(if failed { Error::Failed } else { Error::Closed }));
        }
    }
}

/// The bytes that a batch holds, with the space that its rows take beside keys and values.
pub(super) fn weight(batch: &Batch) -> usize {
    batch.writes().iter().fold(0_usize, |sum, write| {
        sum.saturating_add(write.key.len())
            .saturating_add(write.value.as_ref().map_or(0, Vec::len))
            .saturating_add(size_of_val(write))
    })
}

/// A group is one write to the medium: large enough that one sync serves a thousand callers, small enough that the first
/// of them does not wait long for the last.
const LARGEST_GROUP: usize = 4 << 20;

/// How long what was jotted may be gathered; with the disk's own time this stays under the ten milliseconds that are
/// promised.
const LINGER: Duration = Duration::from_millis(5);

/// So many groups must have been of one change each before a caller writes its own.
const CROWDED: u8 = 32;
