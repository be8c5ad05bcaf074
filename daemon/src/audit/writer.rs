//! What stands behind the log: the desk where lines get their place, and the thread that makes them durable and signs.

use std::io;
use std::mem;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::before::{Before, before_name};
use super::checkpoint::{Checkpoint, is_origin, origin, stamp};
use super::contract::{Durability, Error, Head, Sequence, Vouched};
use super::desk::{Desk, Fresh, Round, State};
use super::entry::{Entry, Place};
use super::epoch::{Epoch, Expected, HEAD, Keeper, Unsigned};
use super::journal::Journal;
use super::medium::{Folder, Hold, Medium, Segment};
use super::tree::{Range, leaf, link};
use crate::chance::Chance;
use crate::clock::Clock;
use crate::receipt::{self, Receipt};

/// The log without its thread's handle.
pub(super) struct Inner {
    pub(super) id: [u8; 16],
    pub(super) clock: Arc<dyn Clock>,
    pub(super) chance: Arc<dyn Chance>,
    pub(super) medium: Arc<dyn Medium>,
    /// Where the keys are; locked against other daemons for as long as this lives.
    pub(super) folder: Arc<Folder>,
    /// What every line of this run begins with.
    pub(super) opening: String,
    pub(super) segment: u64,
    pub(super) epoch_time: i64,
    pub(super) epoch_records: u64,
    pub(super) heartbeat: i64,
    /// When the last heartbeat was recorded.
    pub(super) beat: AtomicI64,
    pub(super) generation: AtomicU64,
    pub(super) desk: Mutex<Desk>,
    pub(super) bell: Condvar,
    /// Held from taking lines off the desk until they are durable, so that the journal has them in their order. Whoever
    /// holds the desk may try to take it, and never waits for it.
    pub(super) journal: Mutex<Journal>,
    /// How many bytes of lines one entry of the journal may have.
    pub(super) most: usize,
    pub(super) pen: Mutex<Pen>,
    pub(super) head: Mutex<Option<Head>>,
    pub(super) stop: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

/// What signs.
pub(super) struct Pen {
    pub(super) epoch: Option<Epoch>,
    /// Which key comes next when there is none in hand.
    pub(super) expected: Expected,
    /// What the checkpoint's file signs, and how firmly it is held.
    pub(super) published: Option<(u64, Hold)>,
    /// How many rounds have not been signed since.
    pub(super) passed: u32,
}

impl Inner {
    pub(super) fn append(&self, entry: &Entry<'_>, durability: Durability) -> Receipt<Sequence, Error> {
        // What does not depend on the line's place is written before the lock is taken.
        let mut said = String::with_capacity(512);
        entry.write(&mut said);
        let mut desk = self.desk();
        match desk.state {
            State::Failed => return Receipt::ready(Err(Error::Failed)),
            State::Closing | State::Closed => return Receipt::ready(Err(Error::Closed)),
            State::Running if durability == Durability::Sync && desk.waiting.len() >= MOST_WAITING => {
                return Receipt::ready(Err(Error::Busy));
            }
            State::Running => {}
        }
        let sequence = match self.write(&mut desk, &said) {
            Ok(sequence) => sequence,
            Err(error) => {
                drop(desk);
                log::error!("audit log: {error}");
                self.fail();
                return Receipt::ready(Err(Error::Failed));
            }
        };
        let asleep = !desk.dirty && !desk.unpublished;
        desk.dirty = true;
        if durability == Durability::Sync && !receipt::is_shared() && desk.is_lone() {
            match self.journal.try_lock() {
                Ok(journal) => return Receipt::ready(self.keep_alone(desk, journal, asleep).map(|()| sequence)),
                // Another caller is at it; or the writer, with lines that nobody waits for, and then the next comes alone again;
                // or the lock is poisoned and the log about to fail.
                Err(_) if desk.alone => desk.learn(true),
                Err(_) => {}
            }
        }
        let receipt = match durability {
            Durability::Written => Receipt::ready(Ok(sequence)),
            Durability::Sync => {
                let (promise, receipt) = Receipt::pair();
                desk.waiting.push((sequence, promise));
                receipt
            }
        };
        // The writer wakes for the first line there is, and again for the first that somebody waits for.
        let call = asleep || (durability == Durability::Sync && desk.waiting.len() == 1);
        drop(desk);
        if call {
            self.bell.notify_one();
        }
        receipt
    }

    /// Makes what is on the desk durable on the caller's own thread. For a caller that nobody else is waiting with, that
    /// saves waking the writer and being woken by it, which takes as long as a third of the write. The rest, signing above
    /// all, is the writer's nevertheless.
    fn keep_alone(
        &self,
        mut desk: MutexGuard<'_, Desk>,
        mut journal: MutexGuard<'_, Journal>,
        asleep: bool,
    ) -> Result<(), Error> {
        let (fresh, segment, size) = (mem::take(&mut desk.fresh), Arc::clone(&desk.segment), desk.next);
        (desk.dirty, desk.unpublished, desk.alone) = (false, true, true);
        drop(desk);
        let kept = write_lines(&mut journal, &fresh, &[], &*segment, size);
        self.desk().alone = false;
        drop(journal);
        if let Err(error) = kept {
            log::error!("audit log: {error}");
            self.fail();
            return Err(Error::Failed);
        }
        if asleep {
            self.bell.notify_one();
        }
        Ok(())
    }

    /// Gives a line its place and writes it. The lock is held over the write: the order of the lines is the order of the
    /// bytes, and the write goes no further than the page cache.
    fn write(&self, desk: &mut Desk, said: &str) -> io::Result<Sequence> {
        if desk.length >= self.segment {
            let segment = self.medium.segment(desk.next)?;
            let full = mem::replace(&mut desk.segment, segment);
            desk.full.push(full);
            desk.begun.push(Before { previous: desk.previous, tree: desk.tree.clone() });
            desk.length = 0;
        }
        let place = Place {
            sequence: desk.next,
            time: self.clock.now(),
            previous: desk.previous,
            generation: self.generation.load(Ordering::Relaxed),
        };
        let mut line = mem::take(&mut desk.line);
        line.clear();
        line.push_str(&self.opening);
        place.write(&mut line);
        line.push_str(said);
        desk.previous = link(line.as_bytes());
        desk.tree.push(leaf(line.as_bytes()));
        line.push('\n');
        desk.next = desk.next.saturating_add(1);
        desk.length = desk.length.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
        let written = desk.segment.append(line.as_bytes());
        desk.fresh.push(line.as_bytes(), self.most);
        desk.line = line;
        written.map(|()| Sequence(place.sequence))
    }

    /// The writer thread.
    pub(super) fn run(&self) {
        // However the writer ends, nobody waits for it for ever.
        let _last = Last(self);
        loop {
            let Some((round, journal)) = self.next() else { return };
            let closing = round.closing;
            if let Err(error) = self.perform(round, journal) {
                log::error!("audit log: {error}");
                self.fail();
                return;
            }
            if closing {
                let mut desk = self.desk();
                if desk.state == State::Closing {
                    desk.state = State::Closed;
                }
                return;
            }
        }
    }

    /// Sleeps until there is something to do. Lines that nobody waits for are gathered for a while.
    fn next(&self) -> Option<(Round, MutexGuard<'_, Journal>)> {
        let desk = self.desk();
        let idle = |desk: &mut Desk| !desk.dirty && !desk.unpublished && !desk.is_urgent();
        let desk = self.bell.wait_while(desk, idle).unwrap_or_else(PoisonError::into_inner);
        let calm = |desk: &mut Desk| !desk.is_urgent();
        drop(self.bell.wait_timeout_while(desk, LINGER, calm).unwrap_or_else(PoisonError::into_inner));
        let journal = self.journal();
        let mut desk = self.desk();
        if !desk.waiting.is_empty() {
            let together = desk.waiting.len() > 1;
            desk.learn(together);
        }
        (desk.state != State::Failed).then(|| (desk.round(), journal))
    }

    /// Makes durable, releases, signs; then ends the epoch if its time is up.
    fn perform(&self, round: Round, mut journal: MutexGuard<'_, Journal>) -> Result<(), Unsigned> {
        let size = round.tree.size();
        if round.dirty {
            write_lines(&mut journal, &round.fresh, &round.full, &*round.segment, size)?;
        }
        let hurried = !round.waiting.is_empty();
        for (sequence, promise) in round.waiting {
            promise.keep(Ok(sequence));
        }
        for before in &round.begun {
            // Only saves time at the next start; the checkpoint says whether it is right.
            self.medium.replace(&before_name(before.tree.size()), before.text().as_bytes(), Hold::Loose)?;
        }
        let turn = round.turn || self.is_over(size);
        settle(&mut journal, &*round.segment, size, if turn { Hold::Firm } else { round.hold })?;
        drop(journal);
        if turn {
            self.turn(&round.tree)?;
        } else {
            self.publish(&round.tree, round.hold, hurried)?;
        }
        for promise in round.errands {
            promise.keep(Ok(()));
        }
        Ok(())
    }

    /// Signs a tree, only now that its leaves are safe: what was signed is never taken back. Then puts the note into its
    /// file. Renaming costs about as much as making lines durable does, so while records are waited for one after the
    /// other, only some trees are signed; the last one is as soon as nobody waits.
    fn publish(&self, tree: &Range, hold: Hold, hurried: bool) -> io::Result<()> {
        let mut pen = self.pen();
        let size = tree.size();
        let Some(epoch) = pen.epoch.as_ref() else { return Ok(()) };
        if pen.published.is_some_and(|(known, held)| known == size && held >= hold) {
            return Ok(());
        }
        if hurried && hold == Hold::Loose && pen.passed < MOST_PASSED {
            pen.passed += 1;
            drop(pen);
            self.desk().unpublished = true;
            return Ok(());
        }
        let note = epoch.sign(&self.checkpoint(epoch, tree));
        self.medium.replace(HEAD, note.as_bytes(), hold)?;
        pen.published = Some((size, hold));
        pen.passed = 0;
        drop(pen);
        self.show(size, note);
        Ok(())
    }

    /// Whether the epoch's time is up, or it has as many records as it may have. A clock that was set back ends the epoch
    /// too: it would otherwise last until the clock has caught up.
    fn is_over(&self, size: u64) -> bool {
        let now = self.clock.now();
        self.pen().epoch.as_ref().is_some_and(|epoch| {
            let age = now.0.saturating_sub(epoch.began.0);
            age >= self.epoch_time || age < 0 || size.saturating_sub(epoch.first) >= self.epoch_records
        })
    }

    /// Ends the epoch.
    fn turn(&self, tree: &Range) -> Result<(), Unsigned> {
        let mut pen = self.pen();
        let Some(epoch) = pen.epoch.take() else { return Ok(()) };
        let now = self.clock.now();
        let last = self.checkpoint(&epoch, tree);
        let (next, note) = epoch.turn(&*self.medium, &*self.chance, &self.id, last, now)?;
        self.medium.replace(HEAD, note.as_bytes(), Hold::Firm)?;
        pen.published = Some((tree.size(), Hold::Firm));
        pen.passed = 0;
        pen.expected = next.expected();
        pen.epoch = Some(next);
        self.show(tree.size(), note);
        Ok(())
    }

    fn checkpoint(&self, epoch: &Epoch, tree: &Range) -> Checkpoint {
        Checkpoint {
            origin: origin(&self.id),
            size: tree.size(),
            root: tree.root(),
            generation: self.generation.load(Ordering::Relaxed),
            epoch: epoch.number,
            time: stamp(self.clock.now()),
            next: None,
        }
    }

    fn show(&self, size: u64, note: String) {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = Some(Head { size, note: note.into() });
    }

    pub(super) fn head(&self) -> Option<Head> {
        self.head.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn unlock(&self, keeper: Arc<dyn Keeper>) -> Result<(), Unsigned> {
        let mut pen = self.pen();
        let mut epoch = Epoch::load(self.folder.root(), &*self.medium, keeper, &*self.chance, &self.id, pen.expected)?;
        epoch.began = self.clock.now();
        pen.expected = epoch.expected();
        pen.epoch = Some(epoch);
        Ok(())
    }

    pub(super) fn lock(&self) {
        self.pen().epoch = None;
    }

    pub(super) fn vouch(&self, text: impl FnOnce(u64, &str) -> String) -> Option<Vouched> {
        let (time, pen) = (stamp(self.clock.now()), self.pen());
        let epoch = pen.epoch.as_ref()?;
        let text = text(epoch.number, &time);
        (!is_origin(&text)).then(|| epoch.vouch(text.as_bytes(), time))
    }

    /// Changes the desk and wakes the writer.
    pub(super) fn ring(&self, change: impl FnOnce(&mut Desk)) {
        change(&mut self.desk());
        self.bell.notify_one();
    }

    /// Whether a heartbeat is due. A clock that was set back has one made at once, and not one too many.
    pub(super) fn beats(&self) -> bool {
        let now = self.clock.now().0;
        let since = now.saturating_sub(self.beat.load(Ordering::Relaxed));
        let due = since >= self.heartbeat || since < 0;
        if due {
            self.beat.store(now, Ordering::Relaxed);
        }
        due
    }

    pub(super) fn has_failed(&self) -> bool {
        self.desk().state == State::Failed
    }

    /// From now on nothing is kept; whoever waits learns it, and the daemon is told to stop.
    pub(super) fn fail(&self) {
        let (waiting, errands) = {
            let mut desk = self.desk();
            desk.state = State::Failed;
            (mem::take(&mut desk.waiting), mem::take(&mut desk.errands))
        };
        self.bell.notify_one();
        for (_, promise) in waiting {
            promise.keep(Err(Error::Failed));
        }
        for promise in errands {
            promise.keep(Err(Error::Failed));
        }
        let stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(stop) = stop {
            stop();
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pen(&self) -> MutexGuard<'_, Pen> {
        self.pen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes lines durable, the last of the first `size`: as an entry of the journal, or where that is no place for them in
/// their own files.
fn write_lines(
    journal: &mut Journal,
    fresh: &Fresh,
    full: &[Arc<dyn Segment>],
    segment: &dyn Segment,
    size: u64,
) -> io::Result<()> {
    // The journal's lines are all of the last file, so that a start has one file to put them back into.
    if let Some((lines, count)) = fresh.lines().filter(|_| full.is_empty())
        && journal.write(lines, size.saturating_sub(count), count)?
    {
        return Ok(());
    }
    for full in full {
        full.sync()?;
    }
    segment.sync()?;
    journal.settle(size);
    Ok(())
}

/// Makes the lines durable in their own file too, where the journal needs the room, or where something is about to be
/// signed that shall be believed without a journal.
fn settle(journal: &mut Journal, segment: &dyn Segment, size: u64, hold: Hold) -> io::Result<()> {
    if journal.is_half_full() || hold == Hold::Firm {
        if journal.holds() {
            segment.sync()?;
        }
        journal.settle(size);
        journal.mark()?;
    }
    Ok(())
}

/// Dropped when the writer thread ends.
struct Last<'a>(&'a Inner);

impl Drop for Last<'_> {
    fn drop(&mut self) {
        if self.0.desk().state != State::Closed {
            self.0.fail();
        }
    }
}

/// How long lines that nobody waits for are gathered before they are made durable; with the disk's own time this stays
/// under the ten milliseconds that are promised.
const LINGER: Duration = Duration::from_millis(5);

/// More than the connections there can be, each with a request in hand.
pub(super) const MOST_WAITING: usize = 65_536;

/// Rounds that may pass by without a checkpoint while somebody waits for the next.
const MOST_PASSED: u32 = 15;
