//! The one writer: takes what is queued, applies it as one group, makes it durable, and only then gives the receipts
//! their answer. Members of this room are [`Medium`]s; what is said here about order, bounds and failure holds for all.
//!
//! It is fail-stop. After a failed write or sync nobody knows what the disk holds (the kernel may have dropped the very
//! pages that it could not write), so nothing is read or written any more until the store is opened again.

use std::mem;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::contract::{Batch, Error, Gather, Receipt, Snapshot, Store, Table, Visit};
use super::desk::{Desk, Fuse, Promise, weight};
use super::medium::Medium;
use super::past::Lookers;
use super::settings::Queue;
use crate::receipt;

/// A store: a medium and its writer.
pub(super) struct Written<M> {
    medium: Arc<M>,
    desk: Arc<Desk>,
    lookers: Arc<Lookers>,
    limit: Queue,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl<M: Medium> Written<M> {
    pub(super) fn start(medium: M, limit: Queue) -> Result<Self, Error> {
        let medium = Arc::new(medium);
        let desk = Arc::new(Desk::new(medium.generation()));
        let lookers = Arc::new(Lookers::default());
        let (its_medium, its_desk, its_lookers) = (Arc::clone(&medium), Arc::clone(&desk), Arc::clone(&lookers));
        let writer = thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || run(&*its_medium, &its_desk, &its_lookers))
            .map_err(|source| Error::Thread(Arc::new(source)))?;
        Ok(Self { medium, desk, lookers, limit, writer: Mutex::new(Some(writer)) })
    }
}

impl<M> Written<M> {
    /// Lets the writer finish what is queued, and waits for it.
    fn end(&self) {
        self.desk.look().closed = true;
        self.desk.news.notify_one();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            // A continuation may hold the last handle to the store; the writer does not wait for itself.
            && writer.thread().id() != thread::current().id()
        {
            // It panics only if a continuation does, and then it has already marked the store as failed.
            let _ = writer.join();
        }
    }
}

impl<M: Medium> Store for Written<M> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.desk.usable()?;
        self.medium.get(table, key)
    }

    fn walk(&self, table: Table, visit: &mut Visit<'_>) -> Result<(), Error> {
        self.walk_from(table, &[], visit)
    }

    fn walk_from(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<(), Error> {
        self.desk.usable()?;
        self.medium.walk(table, from, visit)
    }

    fn commit(&self, batch: Batch) -> Receipt {
        let receipt = self.enter(batch);
        self.ring();
        receipt
    }

    fn enter(&self, batch: Batch) -> Receipt {
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
        receipt
    }

    fn write(&self) {
        if receipt::is_shared() || self.desk.crowded.load(Ordering::Relaxed) > 0 {
            return self.ring();
        }
        let Ok(pen) = self.desk.pen.try_lock() else {
            // The writer may be at what was jotted, which nobody waits for; then the next comes alone again.
            if self.desk.alone.load(Ordering::Relaxed) {
                self.desk.learn(true);
            }
            return self.ring();
        };
        self.desk.alone.store(true, Ordering::Relaxed);
        let (group, jotted) = self.desk.group();
        if !group.is_empty() || jotted {
            write(&*self.medium, &self.desk, &self.lookers, group, jotted);
        }
        self.desk.alone.store(false, Ordering::Relaxed);
        drop(pen);
        if !self.desk.look().changes.is_empty() {
            self.ring();
        }
    }

    fn gather(&self, from: Arc<dyn Gather>) {
        self.desk.look().gathers.push(from);
    }

    fn jot(&self, note: Batch) -> Receipt {
        if let Err(error) = fits(&note) {
            return Receipt::ready(Err(error));
        }
        if self.desk.look().closed {
            return Receipt::ready(Err(self.desk.usable().err().unwrap_or(Error::Closed)));
        }
        match self.desk.usable().and_then(|()| self.medium.jot(&note)) {
            Ok(true) => {
                // Only now: whoever makes it durable takes this back first.
                if !mem::replace(&mut self.desk.look().jotted, true) {
                    self.ring();
                }
                Receipt::ready(Ok(self.generation()))
            }
            Ok(false) => {
                // What stands for it is durable with the next group, and needs no note.
                let receipt = self.enter(Batch::new());
                self.write();
                receipt
            }
            Err(error) => {
                if !self.desk.failed.swap(true, Ordering::AcqRel) {
                    log::error!("{error}; the store takes nothing more until it is opened again");
                }
                Receipt::ready(Err(error))
            }
        }
    }

    fn ring(&self) {
        self.desk.news.notify_one();
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error> {
        self.desk.usable()?;
        self.lookers.enter(&self.medium, || self.generation())
    }

    fn generation(&self) -> u64 {
        self.desk.generation.load(Ordering::Acquire)
    }

    fn close(&self) -> Result<(), Error> {
        self.end();
        self.desk.usable()
    }
}

impl<M> Drop for Written<M> {
    fn drop(&mut self) {
        self.end();
    }
}

/// The writer's thread.
fn run(medium: &impl Medium, desk: &Desk, lookers: &Lookers) {
    let _fuse = Fuse::new(desk);
    while desk.waits() {
        let _pen = desk.pen();
        let (group, jotted) = desk.group();
        if !group.is_empty() {
            desk.learn(group.len() > 1);
        }
        if !group.is_empty() || jotted {
            write(medium, desk, lookers, group, jotted);
        }
    }
    let _pen = desk.pen();
    if desk.usable().is_ok()
        && let Err(error) = medium.close()
    {
        desk.failed.store(true, Ordering::Release);
        log::error!("{error}; it stays in the journal until the store is opened again");
    }
}

/// Writes a group, by whoever has the pen, and gives its receipts their answer.
fn write(medium: &impl Medium, desk: &Desk, lookers: &Lookers, group: Vec<(Batch, Promise)>, jotted: bool) {
    let fuse = Fuse::new(desk);
    let (mut batches, mut promises) = (Vec::new(), Vec::new());
    for (batch, promise) in group {
        match desk.usable().and_then(|()| medium.admits(&batch)) {
            Ok(()) => {
                batches.push(batch);
                promises.push(promise);
            }
            Err(error) => promise.keep(Err(error)),
        }
    }
    if batches.is_empty() && !jotted {
        return fuse.out();
    }
    let generation = desk.generation.load(Ordering::Acquire).saturating_add(1);
    medium.turn(generation);
    // Only now: what was jotted until then is in these rows. They are held until their rows can be read.
    let gathers = mem::take(&mut desk.look().gathers);
    let gathered = gathers.iter().try_for_each(|from| {
        batches.push(from.rows()?);
        Ok(())
    });
    let applied = gathered.and_then(|()| medium.prepare(&batches, generation)).and_then(|()| {
        let _applying = lookers.before(medium, &batches);
        medium.apply(&batches, generation).and_then(|()| medium.sync())?;
        desk.generation.store(generation, Ordering::Release);
        Ok(())
    });
    drop(gathers);
    match applied {
        Ok(()) => {
            for promise in promises {
                promise.keep(Ok(generation));
            }
            fuse.out();
        }
        Err(error) => {
            // Before anybody is told, so that nobody is told and then finds the store still taking changes.
            desk.failed.store(true, Ordering::Release);
            log::error!("{error}; the store takes nothing more until it is opened again");
            for promise in promises {
                promise.keep(Err(error.clone()));
            }
            // The fuse blows: it refuses whatever waits and ends the writer.
        }
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::ops::ControlFlow;
    use std::path::PathBuf;
    use std::sync::mpsc;

    use super::*;

    /// A medium that keeps nothing, does what a test tells it, and counts.
    #[derive(Default)]
    struct Puppet {
        orders: Mutex<Orders>,
        applied: Mutex<Vec<usize>>,
    }

    #[derive(Clone, Copy, Default, PartialEq)]
    enum Orders {
        #[default]
        Work,
        FailToApply,
        FailToSync,
        Panic,
    }

    impl Puppet {
        fn ordered(&self, orders: Orders) -> bool {
            *self.orders.lock().unwrap_or_else(PoisonError::into_inner) == orders
        }

        fn fail() -> Result<(), Error> {
            let source = Arc::new(io::Error::other("ordered to"));
            Err(Error::Disk { action: "sync", path: PathBuf::from("puppet"), source })
        }
    }

    impl Medium for Puppet {
        fn get(&self, _: Table, _: &[u8]) -> Result<Option<Vec<u8>>, Error> {
            Ok(None)
        }

        fn walk(&self, _: Table, _: &[u8], _: &mut Visit<'_>) -> Result<(), Error> {
            Ok(())
        }

        fn generation(&self) -> u64 {
            40
        }

        /// Batches that touch slots are damaged here.
        fn admits(&self, batch: &Batch) -> Result<(), Error> {
            match batch.writes().iter().find(|write| write.table == Table::Slot) {
                Some(write) => Err(Error::Damaged { table: write.table, from: String::new() }),
                None => Ok(()),
            }
        }

        fn apply(&self, group: &[Batch], _: u64) -> Result<(), Error> {
            self.applied.lock().unwrap().push(group.len());
            assert!(!self.ordered(Orders::Panic), "ordered to");
            if self.ordered(Orders::FailToApply) { Self::fail() } else { Ok(()) }
        }

        fn sync(&self) -> Result<(), Error> {
            if self.ordered(Orders::FailToSync) { Self::fail() } else { Ok(()) }
        }
    }

    fn store() -> Written<Puppet> {
        Written::start(Puppet::default(), Queue::default()).unwrap()
    }

    fn put(table: Table) -> Batch {
        let mut batch = Batch::new();
        batch.put(table, b"key", b"value");
        batch
    }

    /// Commits a batch whose continuation holds the writer until the sender is dropped.
    fn hold(store: &Written<Puppet>) -> mpsc::Sender<()> {
        let (release, released) = mpsc::channel::<()>();
        let (entered, is_held) = mpsc::channel();
        // The medium waits for this before it applies anything. Otherwise the answer might be there before the
        // continuation is, which would then run, and wait for ever, on this very thread.
        let gate = store.medium.applied.lock().unwrap();
        store.commit(put(Table::Object)).then(move |_| {
            entered.send(()).unwrap();
            let _ = released.recv();
        });
        drop(gate);
        is_held.recv().unwrap();
        release
    }

    #[test]
    fn what_waits_together_becomes_durable_together() {
        let store = store();
        let held = hold(&store);
        let receipts: Vec<_> = (0..100).map(|_| store.commit(put(Table::Object))).collect();
        drop(held);
        let generations: Vec<_> = receipts.into_iter().map(|receipt| receipt.wait().unwrap()).collect();
        assert_eq!(generations, [42; 100]);
        assert_eq!(*store.medium.applied.lock().unwrap(), [1, 100]);
        assert_eq!(store.generation(), 42);
    }

    #[test]
    fn who_meets_nobody_but_the_writer_leaves_the_next_to_write_alone() {
        let store = store();
        while store.desk.crowded.load(Ordering::Relaxed) > 0 {
            store.commit(put(Table::Object)).wait().unwrap();
        }
        for (name, alone, crowded) in [("the writer", false, false), ("another caller", true, true)] {
            let pen = store.desk.pen();
            store.desk.alone.store(alone, Ordering::Relaxed);
            store.write();
            assert_eq!(store.desk.crowded.load(Ordering::Relaxed) > 0, crowded, "{name}");
            drop(pen);
        }
    }

    #[test]
    fn whoever_comes_alone_writes_on_a_thread_of_its_own_and_never_on_one_that_others_wait_for() {
        let store = store();
        let writes = || {
            store.desk.crowded.store(0, Ordering::Relaxed);
            let (told, by) = mpsc::channel();
            store.enter(put(Table::Object)).then(move |_| told.send(thread::current().id()).unwrap());
            store.write();
            by
        };
        let own = thread::current().id();
        assert_eq!(writes().recv().unwrap(), own);
        assert_ne!(receipt::shared(writes).recv().unwrap(), own);
    }

    #[test]
    fn a_batch_that_is_not_admitted_is_refused_alone() {
        let store = store();
        let held = hold(&store);
        let receipts = [Table::Object, Table::Slot, Table::Client].map(|table| store.commit(put(table)));
        drop(held);
        let answers = receipts.map(Receipt::wait);
        assert!(matches!(answers, [Ok(42), Err(Error::Damaged { table: Table::Slot, .. }), Ok(42)]));
    }

    #[test]
    fn after_any_failure_everything_is_refused() {
        let cases =
            [("apply", Orders::FailToApply), ("sync", Orders::FailToSync), ("a panic of the medium", Orders::Panic)];
        for (name, orders) in cases {
            let store = store();
            let held = hold(&store);
            *store.medium.orders.lock().unwrap() = orders;
            let under_way = store.commit(put(Table::Object));
            drop(held);
            assert!(under_way.wait().is_err(), "{name}");
            *store.medium.orders.lock().unwrap() = Orders::Work;
            let after = store.commit(put(Table::Object)).wait();
            assert!(matches!(after, Err(Error::Failed | Error::Closed)), "{name}: {after:?}");
            assert!(store.close().is_err(), "{name}");
            assert!(store.get(Table::Object, b"key").is_err(), "{name}");
            assert!(store.walk(Table::Object, &mut |_, _| ControlFlow::Continue(())).is_err(), "{name}");
            assert_eq!(store.generation(), 41, "{name}");
        }
    }

    #[test]
    fn the_queue_counts_bytes_but_lets_one_large_batch_through() {
        let store = Written::start(Puppet::default(), Queue { batches: 100, bytes: 1000 }).unwrap();
        let held = hold(&store);
        let mut large = Batch::new();
        large.put(Table::Object, b"key", vec![0; 5000]);
        let first = store.commit(large.clone());
        assert!(matches!(store.commit(large).wait(), Err(Error::Busy)));
        drop(held);
        assert_eq!(first.wait().unwrap(), 42);
    }

    #[test]
    fn the_last_handle_may_go_on_the_writer_itself() {
        let store = Arc::new(store());
        let (done, is_done) = mpsc::channel();
        let its = Arc::clone(&store);
        let held = hold(&store);
        store.commit(put(Table::Object)).then(move |_| {
            drop(its);
            done.send(()).unwrap();
        });
        drop(store);
        drop(held);
        is_done.recv().unwrap();
    }
}
