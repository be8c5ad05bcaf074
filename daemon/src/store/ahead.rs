//! Writes ahead: a group of changes is durable in the [journal](super::journal) before it is answered, in one trip of the
//! disk, and the database behind is given many groups at a time, by a thread of its own. The database never sees but a whole
//! layer of groups, applied and synced at once as if it were one; so nothing is asked of it that was not asked before.
//!
//! Reading looks at what was changed last, and then at the database.

use std::fs::File;
use std::io;
use std::mem;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::contract::{Batch, Error, Table, Visit};
use super::folder::disk;
use super::jot::Jots;
use super::journal::{JOURNAL, Journal, Kept};
use super::medium::Medium;
use super::recent::Recent;
use crate::slate::Slate;

/// A database with a journal in front.
pub(super) struct Ahead<M: Medium> {
    inner: Arc<Inner<M>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What is written ahead.
pub(super) struct Files {
    pub(super) slate: Box<dyn Slate>,
    /// How many blocks the slate has.
    pub(super) blocks: u64,
    pub(super) jots: [File; 2],
    /// Whether the next entry follows from what the database has, as a start expects of the journal's first.
    pub(super) follows: bool,
}

struct Inner<M> {
    medium: M,
    /// The journal's file, for messages.
    path: PathBuf,
    journal: Mutex<Desk>,
    jots: Mutex<Jots>,
    /// With this many blocks in use, the database is given what it lacks at once.
    half: u64,
    recent: RwLock<Recent>,
    /// Held while the database is given something.
    giving: Mutex<()>,
    call: Mutex<Call>,
    bell: Condvar,
    /// Why nothing is kept any more.
    failure: OnceLock<Error>,
}

/// The journal, and what was written into it and is not applied yet.
struct Desk {
    journal: Journal,
    follows: bool,
    /// How many blocks have it; nothing where it was too much for the journal.
    blocks: Option<u64>,
}

/// What the thread is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Call {
    #[default]
    Rest,
    /// There is something to give, which may wait for more.
    Gather,
    Give,
    End,
}

impl<M: Medium> Ahead<M> {
    /// Goes on after a database that has everything its journal had, with that slate and those files in that folder.
    ///
    /// # Errors
    /// [`Error::Thread`].
    pub(super) fn start(medium: M, files: Files, folder: &Path) -> Result<Self, Error> {
        let (Files { slate, blocks, jots, follows }, generation) = (files, medium.generation());
        let inner = Arc::new(Inner {
            medium,
            path: folder.join(JOURNAL),
            journal: Mutex::new(Desk { journal: Journal::begin(slate, blocks), follows, blocks: None }),
            jots: Mutex::new(Jots::begin(jots, generation)),
            half: blocks / 2,
            recent: RwLock::new(Recent::new(generation)),
            giving: Mutex::default(),
            call: Mutex::default(),
            bell: Condvar::new(),
            failure: OnceLock::new(),
        });
        let its = Arc::clone(&inner);
        let thread = thread::Builder::new().name("database".to_owned()).spawn(move || its.run());
        let thread = thread.map_err(|source| Error::Thread(Arc::new(source)))?;
        Ok(Self { inner, thread: Mutex::new(Some(thread)) })
    }
}

impl<M: Medium> Inner<M> {
    /// The thread that gives the database what it lacks: soon after something was changed, so that little is to be put back
    /// at a start, and not so soon that there would be nothing gained.
    fn run(&self) {
        loop {
            let calls = self.calls();
            let calls = self.bell.wait_while(calls, |call| *call == Call::Rest).unwrap_or_else(PoisonError::into_inner);
            let gathers = |call: &mut Call| *call == Call::Gather;
            let waited = self.bell.wait_timeout_while(calls, LINGER, gathers).unwrap_or_else(PoisonError::into_inner);
            let mut calls = waited.0;
            if *calls == Call::End {
                return;
            }
            *calls = Call::Rest;
            drop(calls);
            if let Err(error) = self.give() {
                log::error!("{error}; the store takes nothing more until it is opened again");
                return;
            }
        }
    }

    /// Gives the database everything that it lacks, durably.
    ///
    /// # Errors
    /// As the database says; then nothing is kept any more.
    fn give(&self) -> Result<(), Error> {
        let _one = self.giving.lock().unwrap_or_else(PoisonError::into_inner);
        self.goes_on()?;
        let Some(layer) = self.recent_mut().set_aside() else { return Ok(()) };
        self.give_group(&[layer.batch()], layer.generation())?;
        self.recent_mut().forget();
        Ok(())
    }

    fn give_group(&self, group: &[Batch], generation: u64) -> Result<(), Error> {
        let given = self.medium.apply(group, generation).and_then(|()| self.medium.sync());
        given.map_err(|error| self.fail(error))
    }

    /// Keeps a group durably, and answers how many blocks it took.
    fn keep(&self, journal: &mut Journal, group: &[Batch], generation: u64) -> Result<Option<u64>, Error> {
        loop {
            let held = self.recent().blocks();
            match journal.write(group, generation, held).map_err(|error| self.lost(error))? {
                Kept::Durably(blocks) => return Ok(Some(blocks)),
                Kept::Never => return Ok(None),
                Kept::Later => self.give()?,
            }
        }
    }

    /// After a failed write nobody knows what the disk holds.
    fn lost(&self, error: io::Error) -> Error {
        self.fail(disk("sync", &self.path, error))
    }

    fn fail(&self, error: Error) -> Error {
        // What came first is the reason; whatever failed since did so because of it.
        self.failure.get_or_init(|| error).clone()
    }

    /// Whether changes are taken; if not, the reason.
    fn goes_on(&self) -> Result<(), Error> {
        self.failure.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    fn usable(&self) -> Result<(), Error> {
        if self.failure.get().is_some() { Err(Error::Failed) } else { Ok(()) }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn jots(&self) -> MutexGuard<'_, Jots> {
        self.jots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self, call: Call) {
        let mut calls = self.calls();
        if *calls < call {
            *calls = call;
            drop(calls);
            self.bell.notify_one();
        }
    }

    /// No lock of these is held while something is done that panics, so a poisoned one still guards a whole state.
    fn calls(&self) -> MutexGuard<'_, Call> {
        self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recent(&self) -> RwLockReadGuard<'_, Recent> {
        self.recent.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn recent_mut(&self) -> RwLockWriteGuard<'_, Recent> {
        self.recent.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Medium> Medium for Ahead<M> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.inner.usable()?;
        let changed = self.inner.recent().get(table, key);
        match changed {
            Some(value) => Ok(value.map(|value| value.to_vec())),
            None => self.inner.medium.get(table, key),
        }
    }

    fn walk(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<(), Error> {
        self.inner.usable()?;
        // As it is now: what the database is given meanwhile is shown once, and as one of both has it.
        let mut changed = self.inner.recent().of(table, from).into_iter().peekable();
        let mut ended = false;
        let walked = self.inner.medium.walk(table, from, &mut |key, value| {
            let mut flow = ControlFlow::Continue(());
            while let Some((new, fresh)) = changed.next_if(|(new, _)| flow.is_continue() && **new < *key) {
                flow = fresh.map_or(flow, |fresh| visit(&new, &fresh));
            }
            if flow.is_continue() {
                flow = match changed.next_if(|(new, _)| **new == *key) {
                    Some((_, Some(fresh))) => visit(key, &fresh),
                    Some((_, None)) => flow,
                    None => visit(key, value),
                };
            }
            ended = flow.is_break();
            flow
        });
        if !ended {
            let mut rows = changed.filter_map(|(key, value)| value.map(|value| (key, value)));
            let _ = rows.try_for_each(|(key, value)| visit(&key, &value));
        }
        walked
    }

    fn generation(&self) -> u64 {
        self.inner.medium.generation()
    }

    fn admits(&self, batch: &Batch) -> Result<(), Error> {
        self.inner.medium.admits(batch)
    }

    fn turn(&self, generation: u64) {
        self.inner.jots().turn(generation);
    }

    fn prepare(&self, group: &[Batch], generation: u64) -> Result<(), Error> {
        let inner = &*self.inner;
        inner.goes_on()?;
        let mut desk = inner.desk();
        desk.blocks = match mem::replace(&mut desk.follows, true) {
            true => inner.keep(&mut desk.journal, group, generation)?,
            false => None,
        };
        Ok(())
    }

    fn jot(&self, note: &Batch) -> Result<bool, Error> {
        let inner = &*self.inner;
        inner.goes_on()?;
        let taken = inner.jots().take(note);
        taken.map_err(|error| inner.lost(error))
    }

    fn apply(&self, group: &[Batch], generation: u64) -> Result<(), Error> {
        let inner = &*self.inner;
        inner.goes_on()?;
        let blocks = inner.desk().blocks.take();
        if blocks.is_none() {
            inner.give()?;
            let _one = inner.giving.lock().unwrap_or_else(PoisonError::into_inner);
            inner.give_group(group, generation)?;
        }
        let mut recent = inner.recent_mut();
        recent.enter(if blocks.is_some() { group } else { &[] }, generation, blocks.unwrap_or_default());
        let held = recent.blocks();
        drop(recent);
        inner.ring(if held > inner.half { Call::Give } else { Call::Gather });
        inner.medium.reached(generation)
    }

    /// What was applied is durable already.
    fn sync(&self) -> Result<(), Error> {
        Ok(())
    }

    fn close(&self) -> Result<(), Error> {
        self.inner.give()
    }
}

impl<M: Medium> Drop for Ahead<M> {
    fn drop(&mut self) {
        self.inner.ring(Call::End);
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // It does not panic: the database catches what does.
            let _ = thread.join();
        }
    }
}

/// How long changes are gathered before the database is given them, unless the journal is half full before.
const LINGER: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::super::memory::Memory;
    use super::*;

    /// A slate that keeps nothing.
    struct Water;

    impl Slate for Water {
        fn write(&self, _: &[u8], _: u64) -> io::Result<()> {
            Ok(())
        }
    }

    fn ahead(blocks: u64) -> Ahead<Memory> {
        let nowhere = || OpenOptions::new().write(true).open("/dev/null").unwrap();
        let files = Files { slate: Box::new(Water), blocks, jots: [nowhere(), nowhere()], follows: true };
        Ahead::start(Memory::default(), files, Path::new("/")).unwrap()
    }

    fn batch(changes: &[(&str, Option<&str>)]) -> Batch {
        let mut batch = Batch::new();
        for (key, value) in changes {
            match value {
                Some(value) => batch.put(Table::Object, *key, *value),
                None => batch.remove(Table::Object, *key),
            }
        }
        batch
    }

    fn keep(ahead: &Ahead<Memory>, changes: &[(&str, Option<&str>)], generation: u64) {
        let group = [batch(changes)];
        ahead.prepare(&group, generation).unwrap();
        ahead.apply(&group, generation).unwrap();
    }

    fn shown(medium: &impl Medium) -> String {
        let mut shown = String::new();
        let mut visit = |key: &[u8], value: &[u8]| {
            shown += &format!("{}={} ", String::from_utf8_lossy(key), String::from_utf8_lossy(value));
            ControlFlow::Continue(())
        };
        medium.walk(Table::Object, &[], &mut visit).unwrap();
        shown.trim_end().to_owned()
    }

    #[test]
    fn what_was_changed_is_shown_in_its_place_wherever_it_is() {
        let ahead = ahead(1024);
        keep(&ahead, &[("b", Some("1")), ("d", Some("1")), ("f", Some("1"))], 1);
        ahead.inner.give().unwrap();
        keep(&ahead, &[("a", Some("2")), ("b", None), ("d", Some("2")), ("e", Some("2")), ("g", Some("2"))], 2);
        assert_eq!(shown(&ahead.inner.medium), "b=1 d=1 f=1");
        let expected = "a=2 d=2 e=2 f=1 g=2";
        assert_eq!(shown(&ahead), expected);
        assert_eq!(ahead.get(Table::Object, b"b").unwrap(), None);
        assert_eq!(ahead.get(Table::Object, b"e").unwrap(), Some(b"2".to_vec()));
        ahead.close().unwrap();
        assert_eq!((shown(&ahead), shown(&ahead.inner.medium)), (expected.to_owned(), expected.to_owned()));
    }

    #[test]
    fn a_full_journal_makes_room_and_what_is_too_large_for_it_goes_to_the_database() {
        let ahead = ahead(4);
        for generation in 1..20 {
            keep(&ahead, &[("a", Some(&generation.to_string()))], generation);
        }
        keep(&ahead, &[("b", Some(&"b".repeat(10_000)))], 20);
        assert_eq!(ahead.inner.medium.get(Table::Object, b"a").unwrap(), Some(b"19".to_vec()));
        assert_eq!(ahead.inner.medium.get(Table::Object, b"b").unwrap().unwrap().len(), 10_000);
    }

    #[test]
    fn what_is_jotted_is_bounded_until_the_journal_has_it() {
        let ahead = ahead(1024);
        let large = batch(&[("a", Some(&"a".repeat(40_000)))]);
        let jotted: Vec<_> = (0..4).map(|_| ahead.jot(&large).unwrap()).collect();
        assert_eq!(jotted, [true, true, true, false]);
        ahead.turn(1);
        assert!(ahead.jot(&large).unwrap());
    }

    #[test]
    fn a_walk_that_breaks_shows_nothing_more() {
        let ahead = ahead(1024);
        keep(&ahead, &[("b", Some("1")), ("d", Some("1"))], 1);
        ahead.inner.give().unwrap();
        keep(&ahead, &[("a", Some("2")), ("c", Some("2")), ("e", Some("2"))], 2);
        for most in 1..5 {
            let mut seen = 0;
            let mut visit = |_: &[u8], _: &[u8]| {
                seen += 1;
                if seen == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            ahead.walk(Table::Object, &[], &mut visit).unwrap();
            assert_eq!(seen, most);
        }
    }
}
