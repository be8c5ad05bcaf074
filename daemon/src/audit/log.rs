//! The log as the rooms above see it: entries go in, and a receipt says when they are safe.
//!
//! Whoever appends writes the line itself, under one short lock that gives the line its place; a record that only has to
//! be in the log then costs no change of threads. One writer thread makes durable whatever was written, as much as there
//! is at a time, signs the tree, and releases the receipts that waited for it. Only where nobody else is waiting does a
//! record become durable on the thread that appends it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::checkpoint;
use super::contract::{Durability, Error, Found, Head, OpenError, Options, Sequence, Vouched};
use super::desk::Desk;
use super::entry::{Entry, Event};
use super::epoch::{Keeper, Unsigned};
use super::opening::open;
use super::writer::Inner;
use crate::receipt::Receipt;

/// The audit log.
///
/// Before the vault is open there is no key to sign with. The log is chained and durable nevertheless, and gets its
/// checkpoint when [`unlock`](Log::unlock) brings the key.
pub struct Log {
    inner: Arc<Inner>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Log {
    /// Opens the log, checks its end against its last checkpoint, moves aside what a crash tore, and records the start.
    ///
    /// # Errors
    /// [`OpenError::Damaged`] where lines that a checkpoint covers do not fit it, naming the line; there is no way around
    /// that but another folder. Otherwise whatever the disk or the random source says.
    pub fn open(options: Options) -> Result<(Self, Found), OpenError> {
        open(options, |folder| folder).map(|(inner, found)| (Self::start(inner), found))
    }

    /// Begins to write.
    pub(super) fn start(inner: Inner) -> Self {
        let inner = Arc::new(inner);
        let own = Arc::clone(&inner);
        let writer = thread::Builder::new().name("audit".into()).spawn(move || own.run());
        let writer = writer.inspect_err(|_| inner.fail()).ok();
        Self { inner, writer: Mutex::new(writer) }
    }

    /// Appends a record. The receipt answers its place once it is as durable as asked for.
    ///
    /// With [`Durability::Written`] the answer is there at once, and [`Receipt::wait`] does not block. The receipt answers
    /// [`Error::Busy`] where 65,536 records wait for the disk, and [`Error::Failed`] or [`Error::Closed`] for ever after
    /// the log has failed or was closed. What is refused is not in the log.
    pub fn append(&self, entry: &Entry<'_>, durability: Durability) -> Receipt<Sequence, Error> {
        self.inner.append(entry, durability)
    }

    /// Says which generation the store has reached; lines and checkpoints after this carry it. It never falls.
    pub fn set_generation(&self, generation: u64) {
        self.inner.generation.fetch_max(generation, Ordering::Relaxed);
    }

    /// To be called every second or so: ends the epoch when its time is up, also where nothing happened in it, makes the
    /// last checkpoint's file durable, and records now and then that the daemon is alive.
    pub fn tick(&self) {
        if self.inner.beats() {
            drop(self.append(&Entry::event(Event::Heartbeat), Durability::Written));
        }
        self.inner.ring(|desk| desk.tick = true);
    }

    /// Begins to sign, with the key that `keeper` can open. What was not signed yet gets its checkpoint, and a new epoch
    /// begins, before this returns.
    ///
    /// # Errors
    /// [`Unsigned`] where there is no such key; the log goes on as before. A failing disk stops the log.
    pub fn unlock(&self, keeper: Arc<dyn Keeper>) -> Result<(), Unsigned> {
        self.inner.unlock(keeper)?;
        self.errand(|desk| desk.turn = true).map_err(|_| Unsigned::Disk(std::io::ErrorKind::Other.into()))
    }

    /// Signs what there is, so that [`head`](Self::head) covers every line that was appended before.
    ///
    /// # Errors
    /// [`Error::Failed`] where the log has failed.
    pub fn sign(&self) -> Result<(), Error> {
        self.errand(|desk| desk.tick = true)
    }

    /// Signs what there is and forgets the key.
    ///
    /// # Errors
    /// [`Error::Failed`] where the log has failed.
    pub fn lock(&self) -> Result<(), Error> {
        let signed = self.sign();
        self.inner.lock();
        signed
    }

    /// Signs a text with the present epoch's key, or nothing where the log cannot sign. `text` makes it of the epoch and the
    /// time; what begins as a checkpoint does is not signed.
    pub fn vouch(&self, text: impl FnOnce(u64, &str) -> String) -> Option<Vouched> {
        self.inner.vouch(text)
    }

    /// The last signed tree; nothing before the log was unlocked for the first time in this run.
    pub fn head(&self) -> Option<Head> {
        self.inner.head()
    }

    /// The log's id: 16 random bytes, in every line and in the origin of its checkpoints.
    pub fn id(&self) -> [u8; 16] {
        self.inner.id
    }

    /// The origin of its checkpoints: the name that every signature of it has.
    pub fn origin(&self) -> String {
        checkpoint::origin(&self.inner.id)
    }

    /// Whether a write has failed; nothing may be answered any more.
    pub fn has_failed(&self) -> bool {
        self.inner.has_failed()
    }

    /// Records that the log is closed in good order, signs the last checkpoint and takes nothing more. Closing twice
    /// does no harm.
    ///
    /// # Errors
    /// [`Error::Failed`] where that did not reach the disk.
    pub fn close(&self) -> Result<(), Error> {
        let stopped = self.append(&Entry::event(Event::Stop), Durability::Sync).wait();
        self.end();
        match stopped {
            Ok(_) if self.has_failed() => Err(Error::Failed),
            Ok(_) | Err(Error::Closed) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Has the writer do something, and waits until it is done.
    fn errand(&self, ask: impl FnOnce(&mut Desk)) -> Result<(), Error> {
        let (promise, receipt) = Receipt::pair();
        self.inner.ring(|desk| {
            ask(desk);
            desk.errand(promise);
        });
        receipt.wait()
    }

    fn end(&self) {
        self.inner.ring(Desk::close);
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The last hand on the log may be the writer's own, when it keeps a promise that holds the log.
        if let Some(writer) = writer.filter(|writer| writer.thread().id() != thread::current().id()) {
            // A writer that panicked has marked the log as failed on its way out.
            let _ = writer.join();
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.end();
    }
}
