//! The one writer: takes what is queued, applies it as one group, makes it durable, and only then gives the receipts
//! their answer. Members of this room are [`Medium`]s; what is said here about order, bounds and failure holds for all.
//!
//! It is fail-stop. After a failed write or sync nobody knows what the disk holds (the kernel may have dropped the very
//! pages that it could not write), so nothing is read or written any more until the store is opened again.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::receipt;

use super::contract::{Batch, Error, Receipt, Store, Table, Visit};
use super::settings::Queue;

/// Something that keeps rows: what a member of this room has to be able to do.
pub(super) trait Medium: Send + Sync + 'static {
    /// As [`Store::get`].
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// As [`Store::walk`].
    fn walk(&self, table: Table, visit: &mut Visit<'_>) -> Result<(), Error>;

    /// The generation it was opened with.
    fn generation(&self) -> u64;

    /// Whether the batch can be applied as far as one can tell beforehand. It is refused alone where it cannot, while
    /// a failure of [`apply`](Self::apply) ends the store.
    fn admits(&self, batch: &Batch) -> Result<(), Error>;

    /// Applies the batches, in order, together with the new generation: after a crash all of it is there or nothing.
    fn apply(&self, group: &[Batch], generation: u64) -> Result<(), Error>;

    /// Makes everything applied so far, which is up to `generation`, survive a loss of power.
    fn sync(&self, generation: u64) -> Result<(), Error>;
}

/// A store: a medium and its writer.
pub(super) struct Written<M> {
    medium: Arc<M>,
    desk: Arc<Desk>,
    limit: Queue,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl<M: Medium> Written<M> {
    pub(super) fn start(medium: M, limit: Queue) -> Result<Self, Error> {
        let medium = Arc::new(medium);
        let desk = Arc::new(Desk {
            queued: Mutex::default(),
            news: Condvar::new(),
            generation: AtomicU64::new(medium.generation()),
            failed: AtomicBool::new(false),
        });
        let (its_medium, its_desk) = (Arc::clone(&medium), Arc::clone(&desk));
        let writer = thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || write(&*its_medium, &its_desk))
            .map_err(|source| Error::Thread(Arc::new(source)))?;
        Ok(Self { medium, desk, limit, writer: Mutex::new(Some(writer)) })
    }
}

impl<M: Medium> Store for Written<M> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.desk.usable()?;
        self.medium.get(table, key)
    }

    fn walk(&self, table: Table, visit: &mut Visit<'_>) -> Result<(), Error> {
        self.desk.usable()?;
        self.medium.walk(table, visit)
    }

    fn commit(&self, batch: Batch) -> Receipt {
        if let Err(error) = fits(&batch) {
            return Receipt::ready(Err(error));
        }
        let bytes = weight(&batch);
        let mut queued = self.desk.look();
        if let Err(error) = self.desk.usable() {
            return Receipt::ready(Err(error));
        }
        if queued.closed {
            return Receipt::ready(Err(Error::Closed));
        }
        // A batch that is larger than the limit alone must still get through once the queue is empty.
        let filled = queued.bytes.saturating_add(bytes) > self.limit.bytes && !queued.changes.is_empty();
        if filled || queued.changes.len() >= self.limit.batches {
            return Receipt::ready(Err(Error::Busy));
        }
        let (promise, receipt) = Receipt::pair();
        queued.bytes = queued.bytes.saturating_add(bytes);
        queued.changes.push_back((batch, promise));
        drop(queued);
        self.desk.news.notify_one();
        receipt
    }

    fn generation(&self) -> u64 {
        self.desk.generation.load(Ordering::Acquire)
    }

    fn close(&self) -> Result<(), Error> {
        self.desk.look().closed = true;
        self.desk.news.notify_one();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The writer panics only if a continuation does, and then it has already marked the store as failed.
        if let Some(writer) = writer {
            let _ = writer.join();
        }
        self.desk.usable()
    }
}

impl<M> Drop for Written<M> {
    fn drop(&mut self) {
        self.desk.look().closed = true;
        self.desk.news.notify_one();
        if let Some(writer) = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = writer.join();
        }
    }
}

/// Where callers and the writer meet.
struct Desk {
    queued: Mutex<Queued>,
    news: Condvar,
    generation: AtomicU64,
    failed: AtomicBool,
}

#[derive(Default)]
struct Queued {
    changes: VecDeque<(Batch, Promise)>,
    bytes: usize,
    closed: bool,
}

type Promise = receipt::Promise<u64, Error>;

impl Desk {
    /// The lock is held only to push and to take, so a poisoned one still guards a whole queue.
    fn look(&self) -> MutexGuard<'_, Queued> {
        self.queued.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usable(&self) -> Result<(), Error> {
        if self.failed.load(Ordering::Acquire) { Err(Error::Failed) } else { Ok(()) }
    }

    /// Everything that waits, up to the size of a group; waits for something if nothing does. Nothing means closed.
    fn take(&self) -> Vec<(Batch, Promise)> {
        let mut queued = self.look();
        while queued.changes.is_empty() && !queued.closed {
            queued = self.news.wait(queued).unwrap_or_else(PoisonError::into_inner);
        }
        let (mut group, mut bytes) = (Vec::new(), 0_usize);
        while bytes < LARGEST_GROUP
            && let Some((batch, promise)) = queued.changes.pop_front()
        {
            let weight = weight(&batch);
            bytes = bytes.saturating_add(weight);
            queued.bytes = queued.bytes.saturating_sub(weight);
            group.push((batch, promise));
        }
        group
    }
}

/// The writer's thread.
fn write(medium: &impl Medium, desk: &Desk) {
    let _fuse = Fuse(desk);
    loop {
        let taken = desk.take();
        if taken.is_empty() {
            return;
        }
        let (mut batches, mut promises) = (Vec::new(), Vec::new());
        for (batch, promise) in taken {
            match medium.admits(&batch) {
                Ok(()) => {
                    batches.push(batch);
                    promises.push(promise);
                }
                Err(error) => promise.keep(Err(error)),
            }
        }
        if batches.is_empty() {
            continue;
        }
        let generation = desk.generation.load(Ordering::Acquire).saturating_add(1);
        match medium.apply(&batches, generation).and_then(|()| medium.sync(generation)) {
            Ok(()) => {
                desk.generation.store(generation, Ordering::Release);
                for promise in promises {
                    promise.keep(Ok(generation));
                }
            }
            Err(error) => {
                // Before anybody is told, so that nobody is told and then finds the store still taking changes.
                desk.failed.store(true, Ordering::Release);
                log::error!("{error}; the store takes nothing more until it is opened again");
                for promise in promises {
                    promise.keep(Err(error.clone()));
                }
                let waiting = mem::take(&mut desk.look().changes);
                for (_, promise) in waiting {
                    promise.keep(Err(Error::Failed));
                }
                return;
            }
        }
    }
}

/// Blows when the writer unwinds: what it was doing is then half done.
struct Fuse<'a>(&'a Desk);

impl Drop for Fuse<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.failed.store(true, Ordering::Release);
        }
        // Dropped promises answer by themselves, outside the lock because a continuation may look at the store.
        let mut queued = self.0.look();
        queued.closed = true;
        let waiting = mem::take(&mut queued.changes);
        drop(queued);
        drop(waiting);
    }
}

fn fits(batch: &Batch) -> Result<(), Error> {
    for write in batch.writes() {
        let (table, length) = (write.table, write.key.len());
        if length > Batch::LONGEST_KEY {
            return Err(Error::Key { table, length });
        }
        if write.value.as_ref().is_some_and(|value| value.len() > Batch::LONGEST_VALUE) {
            return Err(Error::Value { table });
        }
    }
    Ok(())
}

/// The bytes that a batch holds, with the space that its rows take beside keys and values.
fn weight(batch: &Batch) -> usize {
    batch.writes().iter().fold(0_usize, |sum, write| {
        sum.saturating_add(write.key.len())
            .saturating_add(write.value.as_ref().map_or(0, Vec::len))
            .saturating_add(size_of_val(write))
    })
}

/// A group is one write to the medium: large enough that one sync serves a thousand callers, small enough that the first
/// of them does not wait long for the last.
const LARGEST_GROUP: usize = 4 << 20;
