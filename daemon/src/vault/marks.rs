//! What one key remembers of the nonces that its callers chose: marks in memory, and the rows that hold them.
//!
//! A mark is eight bytes of a digest. All marks of a key are in memory from its first use on, so a nonce is known without
//! asking the store, and as rows of [`CHUNK`] marks each in the store. Rows are filled one after the other, and only the last
//! is written again; the store [gathers](Gather) it once for each group of changes, however many marks have come. What must
//! survive the process before that is a note: one mark, sealed, under a name of its own. The store shows a note as a row only
//! after a crash; then its mark goes where all others are, and the row goes when that is written.
//!
//! What holds, always:
//!
//! 1. A mark is in memory, and asked for, before its note is written and before the change that spends it is queued. The store
//!    asks for rows after it has begun a new file for notes and after it has taken the group: so the rows of a group have every
//!    mark whose note the group does away with, and every mark that a change of the group spends.
//! 2. Rows that were asked for go last in their group, and have all marks up to that moment: they never undo what stands there.
//! 3. Of one key there is one of these at most. Changes hold it while they are open, the store holds it until the rows that it
//!    gave can be read, and the [shelf](super::shelf) lets go only of what nobody else holds. So what is read anew lacks nothing.
//! 4. Before the rows of a key are removed it takes nothing in and nothing is asked of it any more, so none comes back.
//! 5. Who spends a nonce has claimed it until its mark is in memory and the change durable, so it is spent by one change.
//! 6. A mark that is in memory or in the store and whose nonce was never used does no harm. One that is missing does.

use std::{
    collections::HashSet,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{
    chunk::{self, FIRST, Name},
    error::Error,
    identifier::ObjectId,
    seal::{Sealer, Stamp},
};
use crate::store::{self, Batch, Gather, Store, Table};

/// What stands for a nonce.
pub(super) type Mark = [u8; 8];

/// What became of a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// It is new to the key, and will be remembered.
    Fresh,
    /// The key has seen it.
    Again,
    /// The key has seen so many that it remembers no more.
    Full,
    /// The key came back out of a backup, and what it has seen after that is not known.
    Forgotten,
}

/// The marks of one key.
pub(super) struct Marks {
    key: ObjectId,
    sealer: Sealer,
    /// What all keys on the shelf weigh.
    room: Arc<AtomicUsize>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether the rows were read.
    read: bool,
    /// Whether a change is under way that lets nothing of the key stay.
    leaving: bool,
    seen: HashSet<Mark>,
    /// The last row: its number, counted from [`FIRST`], and its marks.
    number: u16,
    last: Vec<u8>,
    /// Rows before it that are not written yet.
    full: Vec<(u16, Vec<u8>)>,
    /// Notes that a crash has left as rows.
    left: Vec<u32>,
    /// The number of the next note.
    note: u32,
    seal: Option<Arc<Stamp>>,
    /// Whether rows will be asked for.
    asked: bool,
}

impl Marks {
    /// The marks of a key, whose rows are read when they are looked at.
    pub(super) fn unread(key: &ObjectId, sealer: &Sealer, room: &Arc<AtomicUsize>) -> Self {
        room.fetch_add(KEY, Ordering::Relaxed);
        Self { key: key.clone(), sealer: sealer.clone(), room: Arc::clone(room), state: Mutex::default() }
    }

    /// The same of a key that has no rows.
    pub(super) fn none(key: &ObjectId, sealer: &Sealer, room: &Arc<AtomicUsize>) -> Self {
        let mut this = Self::unread(key, sealer, room);
        this.state = Mutex::new(State { read: true, number: FIRST, ..State::default() });
        this
    }

    /// The key.
    pub(super) fn key(&self) -> &ObjectId {
        &self.key
    }

    /// What would become of a nonce.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`]; [`Error::Busy`] while the key is ended.
    pub(super) fn look(&self, mark: &Mark, store: &dyn Store) -> Result<Spent, Error> {
        // Held while the rows are read: whoever else wants this key needs them too.
        let mut state = self.state();
        if state.leaving {
            return Err(Error::Busy(self.key.clone()));
        }
        if !state.read {
            self.read(&mut state, store)?;
        }
        Ok(match state.seen.contains(mark) {
            true => Spent::Again,
            false if state.seen.len() >= MOST => Spent::Full,
            false => Spent::Fresh,
        })
    }

    /// Takes a mark in, and lets the store ask for its row, if one is given.
    ///
    /// # Errors
    /// [`Error::Busy`] while the key is ended.
    pub(super) fn enter(self: &Arc<Self>, mark: &Mark, store: Option<&dyn Store>) -> Result<(), Error> {
        let mut state = self.state();
        if state.leaving {
            return Err(Error::Busy(self.key.clone()));
        }
        if !state.read {
            return Err(Error::Broken("spending a nonce that was not looked at"));
        }
        if state.seen.insert(*mark) {
            self.room.fetch_add(1, Ordering::Relaxed);
            state.append(mark);
        }
        if let Some(store) = store
            && !mem::replace(&mut state.asked, true)
        {
            // Under the lock, so that nobody finds it asked for who goes on before it is.
            store.gather(Arc::clone(self) as Arc<dyn Gather>);
        }
        Ok(())
    }

    /// Takes a mark back whose nonce was not used after all. Where its row is full by now it stays there.
    pub(super) fn take_back(&self, mark: &Mark) {
        let mut state = self.state();
        if state.seen.remove(mark) {
            self.room.fetch_sub(1, Ordering::Relaxed);
            state.last = state.last.chunks(MARK).filter(|known| known != mark).flatten().copied().collect();
        }
    }

    /// Writes the note of a mark.
    ///
    /// # Errors
    /// [`Error`] when sealing fails.
    pub(super) fn note(&self, mark: &Mark, into: &mut Batch) -> Result<(), Error> {
        let mut state = self.state();
        let name = Name::Note(state.note);
        state.note = state.note.wrapping_add(1);
        let seal = match state.seal.as_ref().filter(|seal| self.sealer.is_newest(seal)) {
            Some(seal) => Arc::clone(seal),
            None => {
                let stamp = self.sealer.stamp(&name.place(self.key.as_str(), &name.part()))?;
                Arc::clone(state.seal.insert(Arc::new(stamp)))
            }
        };
        drop(state);
        into.put(Table::Nonce, name.row(&self.key), self.sealer.press(&seal, mark)?);
        Ok(())
    }

    /// Says which rows go with the key. Nothing is taken in any more, unless [it stays](Self::stay). Waits for the disk where
    /// the key was used just before.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(super) fn leave(&self, store: &dyn Store) -> Result<Vec<Vec<u8>>, Error> {
        let asked = {
            let mut state = self.state();
            state.leaving = true;
            state.asked
        };
        if asked {
            // No rows are to come after they have gone, nor to be missing where the key stays.
            store.commit(Batch::new()).wait()?;
        }
        // Rows that the store has taken may not stand in it yet.
        let rows = (FIRST..=self.state().number.max(FIRST)).map(|number| Name::Chunk(number).row(&self.key));
        let mut rows: HashSet<Vec<u8>> = rows.collect();
        chunk::walk(&self.key, store, |name, _| {
            rows.insert(name.row(&self.key));
            Ok(())
        })?;
        Ok(rows.into_iter().collect())
    }

    /// The change that was to end it was not kept.
    pub(super) fn stay(&self) {
        self.state().leaving = false;
    }

    fn read(&self, state: &mut State, store: &dyn Store) -> Result<(), Error> {
        let (mut notes, mut found) = (Vec::new(), State { number: FIRST, ..State::default() });
        chunk::walk(&self.key, store, |name, row| {
            let bytes = self.sealer.open(&name.place(self.key.as_str(), &name.part()), row)?;
            let (marks, _) = bytes.reveal().as_chunks::<MARK>();
            match name {
                Name::Chunk(number) => {
                    found.seen.extend(marks);
                    if number >= FIRST {
                        (found.number, found.last) = (number, bytes.reveal().to_vec());
                    }
                }
                Name::Note(number) => {
                    found.left.push(number);
                    found.note = found.note.max(number.wrapping_add(1));
                    notes.extend_from_slice(marks);
                }
            }
            Ok(())
        })?;
        for mark in notes {
            if found.seen.insert(mark) {
                found.append(&mark);
            }
        }
        self.room.fetch_add(found.seen.len(), Ordering::Relaxed);
        found.read = true;
        *state = found;
        Ok(())
    }

    /// No step under it can panic and leave half a mark, so a poisoned lock still guards a whole state.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn append(&mut self, mark: &Mark) {
        if self.last.len() >= CHUNK * MARK {
            self.full.push((self.number, mem::take(&mut self.last)));
            self.number = self.number.saturating_add(1);
        }
        self.last.extend_from_slice(mark);
    }
}

impl Gather for Marks {
    fn rows(&self) -> Result<Batch, store::Error> {
        let mut state = self.state();
        let mut batch = Batch::new();
        state.asked = false;
        let full = mem::take(&mut state.full);
        let chunks = full.iter().map(|(number, marks)| (*number, marks)).chain([(state.number, &state.last)]);
        for (number, marks) in chunks {
            let (name, part) = (Name::Chunk(number), Name::Chunk(number).part());
            let row = self.sealer.close(&name.place(self.key.as_str(), &part), marks).map_err(|error| {
                log::error!("nonces could not be sealed: {error}");
                store::Error::Failed
            })?;
            batch.put(Table::Nonce, name.row(&self.key), row);
        }
        for number in mem::take(&mut state.left) {
            batch.remove(Table::Nonce, Name::Note(number).row(&self.key));
        }
        Ok(batch)
    }
}

impl Drop for Marks {
    fn drop(&mut self) {
        let seen = self.state.get_mut().unwrap_or_else(PoisonError::into_inner).seen.len();
        self.room.fetch_sub(seen.saturating_add(KEY), Ordering::Relaxed);
    }
}

/// Bytes of a mark. Among as many as a key remembers, two nonces are taken for one once in 2^44.
const MARK: usize = size_of::<Mark>();

/// Marks of a row: as many bytes as the store keeps in one piece, with the seal.
const CHUNK: usize = 256;

/// Marks that a key remembers: eight megabytes in the store, and up to twenty in memory.
const MOST: usize = 1 << 20;

/// What a key takes in memory beside its marks, as so many marks.
pub(super) const KEY: usize = 64;

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, ops::ControlFlow};

    use proptest::prelude::*;

    use super::*;
    use crate::vault::{
        seal::Place,
        shelf::Shelf,
        tests::{sealer, store, turn},
    };

    fn key(name: &str) -> ObjectId {
        ObjectId::from_text(name)
    }

    fn mark(number: u64) -> Mark {
        number.to_be_bytes()
    }

    fn rows(store: &dyn Store) -> BTreeMap<Vec<u8>, usize> {
        let mut rows = BTreeMap::new();
        let mut visit = |key: &[u8], value: &[u8]| {
            rows.insert(key.to_vec(), value.len());
            ControlFlow::Continue(())
        };
        store.walk(Table::Nonce, &mut visit).unwrap();
        rows
    }

    fn spend(shelf: &Shelf, store: &dyn Store, sealer: &Sealer, key: &ObjectId, mark: Mark) -> Spent {
        let marks = shelf.take(key, sealer);
        let spent = marks.look(&mark, store).unwrap();
        if spent == Spent::Fresh {
            marks.enter(&mark, Some(store)).unwrap();
        }
        spent
    }

    #[test]
    fn rows_are_filled_one_after_the_other_and_only_what_changed_is_written() {
        let (shelf, store, sealer) = (Shelf::default(), store(), sealer());
        for number in 0..600 {
            assert_eq!(spend(&shelf, &*store, &sealer, &key("a"), mark(number)), Spent::Fresh);
        }
        assert!(rows(&*store).is_empty(), "nobody has asked");
        turn(&*store);
        let seal = 33;
        assert_eq!(rows(&*store).into_values().collect::<Vec<_>>(), [2048 + seal, 2048 + seal, 88 * 8 + seal]);
        let marks = shelf.take(&key("a"), &sealer);
        marks.enter(&mark(600), Some(&*store)).unwrap();
        assert_eq!(marks.rows().unwrap().writes().len(), 1);
    }

    #[test]
    fn rows_of_older_versions_are_read_and_stay() {
        let (shelf, store, sealer) = (Shelf::default(), store(), sealer());
        let mut batch = Batch::new();
        for (number, first) in [(0, 0), (17, 256), (4095, 512)] {
            let marks: Vec<u8> = (first..first + 256).flat_map(mark).collect();
            let place = Place { table: "nonce", key: "a", part: &number.to_string(), generation: 0 };
            let name = [b"a\0", &u16::to_be_bytes(number)[..]].concat();
            batch.put(Table::Nonce, name, sealer.close(&place, &marks).unwrap());
        }
        store.commit(batch).wait().unwrap();
        let before = rows(&*store);
        assert_eq!(spend(&shelf, &*store, &sealer, &key("a"), mark(768)), Spent::Fresh);
        turn(&*store);
        let shelf = Shelf::default();
        for number in 0..=768 {
            assert_eq!(spend(&shelf, &*store, &sealer, &key("a"), mark(number)), Spent::Again, "{number}");
        }
        let after = rows(&*store);
        assert!(before.iter().all(|(name, _)| after.contains_key(name)) && after.len() == 4);
    }

    #[test]
    fn a_key_takes_no_more_than_its_room_and_knows_what_it_holds() {
        let (shelf, store, sealer) = (Shelf::default(), store(), sealer());
        let marks = shelf.take(&key("a"), &sealer);
        assert_eq!(marks.look(&mark(0), &*store).unwrap(), Spent::Fresh);
        (0..MOST as u64).for_each(|number| marks.enter(&mark(number), Some(&*store)).unwrap());
        assert_eq!(marks.look(&mark(MOST as u64), &*store).unwrap(), Spent::Full);
        assert_eq!(marks.look(&mark(MOST as u64 - 1), &*store).unwrap(), Spent::Again);
        turn(&*store);
        assert_eq!(rows(&*store).len(), MOST / CHUNK);
    }

    #[test]
    fn a_key_that_leaves_takes_nothing_in_and_writes_nothing() {
        let (shelf, store, sealer) = (Shelf::default(), store(), sealer());
        assert_eq!(spend(&shelf, &*store, &sealer, &key("a"), mark(1)), Spent::Fresh);
        let marks = shelf.take(&key("a"), &sealer);
        assert_eq!(marks.leave(&*store).unwrap(), [[&b"a\0"[..], &FIRST.to_be_bytes()].concat()]);
        assert!(matches!(marks.look(&mark(2), &*store), Err(Error::Busy(_))));
        assert!(matches!(marks.enter(&mark(2), Some(&*store)), Err(Error::Busy(_))));
        assert!(!marks.state().asked, "its row was made before it goes");
        marks.stay();
        assert_eq!(marks.look(&mark(2), &*store).unwrap(), Spent::Fresh);
        assert_eq!(marks.look(&mark(1), &*store).unwrap(), Spent::Again);
    }

    /// What happens to one key.
    #[derive(Clone, Debug)]
    enum Step {
        Spend(u8),
        TakeBack(u8),
        /// A group becomes durable. Notes that were late go before the next one, though this one has their marks.
        Turn {
            late: bool,
        },
        /// The process ends. What was not durable is lost, and the notes are rows now; but the last may have been torn, and so
        /// was not answered.
        Crash {
            torn: bool,
        },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => any::<u8>().prop_map(Step::Spend),
            2 => any::<u8>().prop_map(Step::TakeBack),
            2 => any::<bool>().prop_map(|late| Step::Turn { late }),
            1 => any::<bool>().prop_map(|torn| Step::Crash { torn }),
        ]
    }

    /// A note, whose nonce it is of, and whether a durable group has its mark.
    type Noted = (u8, Batch, bool);

    /// One key in a store that crashes, and the nonces that were answered.
    struct Bench {
        store: Arc<dyn Store>,
        shelf: Shelf,
        sealer: Sealer,
        durable: Batch,
        notes: Vec<Noted>,
        spent: HashSet<u8>,
    }

    impl Bench {
        fn marks(&self) -> Arc<Marks> {
            self.shelf.take(&key("a"), &self.sealer)
        }

        fn take(&mut self, step: &Step) {
            match *step {
                Step::Spend(number) => {
                    let (marks, mark, fresh) = (self.marks(), mark(number.into()), self.spent.insert(number));
                    let expected = if fresh { Spent::Fresh } else { Spent::Again };
                    assert_eq!(marks.look(&mark, &*self.store).unwrap(), expected, "{number}");
                    if fresh {
                        let mut note = Batch::new();
                        marks.note(&mark, &mut note).unwrap();
                        marks.enter(&mark, Some(&*self.store)).unwrap();
                        self.notes.push((number, note, false));
                    }
                }
                Step::TakeBack(number) if self.spent.contains(&number) => {}
                Step::TakeBack(number) => {
                    let (marks, mark) = (self.marks(), mark(number.into()));
                    assert_eq!(marks.look(&mark, &*self.store).unwrap(), Spent::Fresh, "{number}");
                    marks.enter(&mark, Some(&*self.store)).unwrap();
                    marks.take_back(&mark);
                }
                Step::Turn { late } => {
                    turn(&*self.store);
                    self.notes.iter_mut().for_each(|(.., durable)| *durable = true);
                    self.notes.retain(|_| late);
                    self.durable = Batch::new();
                    let mut visit = |key: &[u8], value: &[u8]| {
                        self.durable.put(Table::Nonce, key, value);
                        ControlFlow::Continue(())
                    };
                    self.store.walk(Table::Nonce, &mut visit).unwrap();
                }
                Step::Crash { torn } => {
                    if torn && let Some((number, _, false)) = self.notes.pop() {
                        self.spent.remove(&number);
                    }
                    let mut found = self.durable.clone();
                    self.notes.drain(..).for_each(|(_, note, _)| found.append(note));
                    (self.store, self.shelf) = (store(), Shelf::default());
                    self.store.commit(found.clone()).wait().unwrap();
                    self.durable = found;
                }
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_was_answered_is_known_after_every_crash(steps in proptest::collection::vec(step(), 1..200)) {
            let (durable, notes, spent) = (Batch::new(), Vec::new(), HashSet::new());
            let mut bench = Bench { store: store(), shelf: Shelf::default(), sealer: sealer(), durable, notes, spent };
            for step in steps.iter().chain(&[Step::Crash { torn: false }]) {
                bench.take(step);
            }
            for number in 0..=u8::MAX {
                let expected = if bench.spent.contains(&number) { Spent::Again } else { Spent::Fresh };
                assert_eq!(bench.marks().look(&mark(number.into()), &*bench.store).unwrap(), expected, "{number}");
            }
        }
    }
}
