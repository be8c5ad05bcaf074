//! The nonces that callers have chosen, so that none is used twice under one key (SP 800-38D §8: a nonce that comes again
//! gives away the authentication key).
//!
//! They belong to the key and not to its object: copies of a key take each other's nonces for their own. They are kept under
//! the name of the first of these objects, for as long as one of them is there.
//!
//! What is kept of a nonce is eight bytes of a digest, in one of a fixed number of rows of its key. So one nonce costs one
//! small write, and a key takes no more than a known room. A key whose row is full takes no more nonces of that row; that is
//! after some hundreds of thousands. Rows that were spent in lately stay open in memory, as many as a busy key has.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::digest::{SHA256, digest};

use super::{
    error::Error,
    identifier::ObjectId,
    seal::{Place, Sealer, Stamp},
};
use crate::store::{Batch, Store, Table};

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

/// What a change makes of the nonces of keys.
#[derive(Default)]
pub(super) struct Nonces {
    spent: Vec<Bucket>,
    /// Keys that go, with every nonce that was remembered for them.
    forgotten: Vec<ObjectId>,
}

impl Nonces {
    /// How many rows are written.
    pub(super) fn len(&self) -> usize {
        self.spent.len()
    }

    /// Whether nonces are remembered and none is forgotten.
    pub(super) fn only_spends(&self) -> bool {
        !self.spent.is_empty() && self.forgotten.is_empty()
    }

    /// Whether the change has looked at the row of that nonce.
    pub(super) fn holds(&self, key: &ObjectId, trace: &Trace) -> bool {
        self.spent.iter().any(|bucket| bucket.holds(key, trace))
    }

    /// Remembers a nonce for a key.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`].
    pub(super) fn spend(
        &mut self,
        key: &ObjectId,
        trace: &Trace,
        store: &dyn Store,
        sealer: &Sealer,
        shelf: &Shelf,
    ) -> Result<Spent, Error> {
        if let Some(bucket) = self.spent.iter_mut().find(|bucket| bucket.holds(key, trace)) {
            return Ok(bucket.spend(trace));
        }
        let mut bucket = match self.forgotten.contains(key) {
            true => trace.empty(key, sealer)?,
            // The change has claimed the row, so nobody else writes it while it is out.
            false => match shelf.take(key, trace).filter(|bucket| sealer.is_newest(&bucket.stamp)) {
                Some(bucket) => bucket,
                None => trace.bucket(key, store, sealer)?,
            },
        };
        let spent = bucket.spend(trace);
        if spent == Spent::Fresh {
            self.spent.push(bucket);
        }
        Ok(spent)
    }

    /// Leaves the rows at hand, which are durable now.
    pub(super) fn keep(self, shelf: &Shelf) {
        self.forgotten.iter().for_each(|key| shelf.forget(key));
        self.spent.into_iter().for_each(|bucket| shelf.put(bucket));
    }

    /// Remembers no nonce any more of a key that is gone.
    pub(super) fn forget(&mut self, key: &ObjectId) {
        self.spent.retain(|bucket| bucket.object != *key);
        self.forgotten.push(key.clone());
    }

    /// Writes the rows.
    ///
    /// # Errors
    /// [`Error`] when sealing fails.
    pub(super) fn write(&self, batch: &mut Batch, sealer: &Sealer) -> Result<(), Error> {
        // What is forgotten goes first: a key that came in another's place has its own nonces, under the same name.
        for key in &self.forgotten {
            (0..BUCKETS).for_each(|number| batch.remove(Table::Nonce, row(key, number)));
        }
        self.spent.iter().try_for_each(|bucket| bucket.write(batch, sealer))
    }
}

/// One row of a key's nonces, with its seal.
struct Bucket {
    object: ObjectId,
    number: u16,
    seen: Vec<u8>,
    stamp: Stamp,
}

/// Rows that were spent in lately, as they are stored. Whoever has claimed a row may take it, and puts it back once what it
/// made of it is stored; what is dropped meanwhile is read again.
#[derive(Default)]
pub(super) struct Shelf(Mutex<Rows>);

#[derive(Default)]
struct Rows {
    of: HashMap<ObjectId, HashMap<u16, Bucket>>,
    count: usize,
}

impl Shelf {
    fn take(&self, key: &ObjectId, trace: &Trace) -> Option<Bucket> {
        let mut rows = self.rows();
        let own = rows.of.get_mut(key)?;
        let bucket = own.remove(&trace.number)?;
        if own.is_empty() {
            rows.of.remove(key);
        }
        rows.count = rows.count.saturating_sub(1);
        Some(bucket)
    }

    fn put(&self, bucket: Bucket) {
        let mut rows = self.rows();
        if rows.count >= MOST_OPEN {
            rows.of.retain(|key, _| *key == bucket.object);
            rows.count = rows.of.values().map(HashMap::len).sum();
        }
        if rows.count < MOST_OPEN {
            let own = rows.of.entry(bucket.object.clone()).or_default();
            let more = usize::from(own.insert(bucket.number, bucket).is_none());
            rows.count = rows.count.saturating_add(more);
        }
    }

    fn forget(&self, key: &ObjectId) {
        let mut rows = self.rows();
        let gone = rows.of.remove(key).map_or(0, |own| own.len());
        rows.count = rows.count.saturating_sub(gone);
    }

    /// No lock of it is held while anything else is done, so a poisoned one still guards a whole state.
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A nonce as it is remembered.
pub(super) struct Trace {
    number: u16,
    mark: [u8; MARK],
}

impl Trace {
    pub(super) fn of(object: &ObjectId, nonce: &[u8]) -> Self {
        let length = u64::try_from(object.as_str().len()).unwrap_or(u64::MAX).to_be_bytes();
        let digest = digest(&SHA256, &[&length[..], object.as_str().as_bytes(), nonce].concat());
        let mut bytes = digest.as_ref().iter().copied();
        let mut next = || bytes.next().unwrap_or_default();
        Self { number: u16::from_be_bytes([next(), next()]) % BUCKETS, mark: std::array::from_fn(|_| next()) }
    }

    /// What is claimed while the row is changed.
    pub(super) fn claim(&self, object: &ObjectId) -> ObjectId {
        ObjectId::from_text(&format!("{object} nonces {}", self.number))
    }

    /// The row that the nonce belongs to, of a key that has spent none.
    ///
    /// # Errors
    /// [`Error`] when there is no seal for it.
    fn empty(&self, object: &ObjectId, sealer: &Sealer) -> Result<Bucket, Error> {
        let stamp = sealed(object, self.number, |place| sealer.stamp(place))?;
        Ok(Bucket { object: object.clone(), number: self.number, seen: Vec::new(), stamp })
    }

    /// The row that the nonce belongs to, as it is stored.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`].
    fn bucket(&self, object: &ObjectId, store: &dyn Store, sealer: &Sealer) -> Result<Bucket, Error> {
        let mut bucket = self.empty(object, sealer)?;
        if let Some(row) = store.get(Table::Nonce, &row(object, self.number))? {
            bucket.seen = sealed(object, self.number, |place| sealer.open(place, &row))?.reveal().to_vec();
        }
        Ok(bucket)
    }
}

impl Bucket {
    /// Whether this is the row of that nonce.
    fn holds(&self, object: &ObjectId, trace: &Trace) -> bool {
        self.object == *object && self.number == trace.number
    }

    /// Remembers a nonce, unless it is known or there is no room.
    fn spend(&mut self, trace: &Trace) -> Spent {
        if self.seen.chunks(MARK).any(|seen| seen == trace.mark) {
            return Spent::Again;
        }
        if self.seen.len() >= MOST {
            return Spent::Full;
        }
        self.seen.extend_from_slice(&trace.mark);
        Spent::Fresh
    }

    /// Writes the row.
    ///
    /// # Errors
    /// [`Error`] when sealing fails.
    fn write(&self, batch: &mut Batch, sealer: &Sealer) -> Result<(), Error> {
        let sealed = match sealer.is_newest(&self.stamp) {
            true => sealer.press(&self.stamp, &self.seen)?,
            false => sealed(&self.object, self.number, |place| sealer.close(place, &self.seen))?,
        };
        batch.put(Table::Nonce, row(&self.object, self.number), sealed);
        Ok(())
    }
}

fn sealed<T>(object: &ObjectId, number: u16, work: impl FnOnce(&Place<'_>) -> T) -> T {
    let part = number.to_string();
    work(&Place { table: Table::Nonce.name(), key: object.as_str(), part: &part, generation: 0 })
}

/// The key and the number that a row is named after.
pub(super) fn of_row(row: &[u8]) -> Option<(&str, u16)> {
    let (rest, number) = row.split_last_chunk::<2>()?;
    let object = rest.strip_suffix(&[0])?;
    Some((std::str::from_utf8(object).ok()?, u16::from_be_bytes(*number)))
}

fn row(object: &ObjectId, number: u16) -> Vec<u8> {
    // No identifier has a zero byte, so no key's rows stand among another's.
    [object.as_str().as_bytes(), &[0], &number.to_be_bytes()].concat()
}

/// Rows of a key. With [`MOST`] this makes eight megabytes at most, for more than half a million nonces.
const BUCKETS: u16 = 4096;

/// Rows that are open in memory: all of one key, or some of several. They take as much room there as in the store, and as
/// much again for their seals.
const MOST_OPEN: usize = BUCKETS as usize;

/// Bytes of a digest that stand for a nonce. Among the marks of one row two nonces are taken for one once in 2^56.
const MARK: usize = 8;

/// Bytes of a row: as much as the store keeps in one piece, with the seal.
const MOST: usize = 256 * MARK;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        chance::Chance,
        vault::{ring::Ring, tests::Dice},
    };

    fn key() -> ObjectId {
        ObjectId::from_text("key")
    }

    fn empty() -> Bucket {
        Trace::of(&key(), b"any").empty(&key(), &sealer()).unwrap()
    }

    fn sealer() -> Sealer {
        let chance: Arc<dyn Chance> = Arc::new(Dice::new(1));
        Sealer::new(&Ring::new(&*chance).unwrap(), "store", &chance).unwrap()
    }

    #[test]
    fn a_nonce_is_new_once() {
        let mut bucket = empty();
        let trace = |nonce: &[u8]| Trace::of(&key(), nonce);
        assert_eq!(bucket.spend(&trace(b"one")), Spent::Fresh);
        assert_eq!(bucket.spend(&trace(b"two")), Spent::Fresh);
        assert_eq!(bucket.spend(&trace(b"one")), Spent::Again);
    }

    #[test]
    fn a_row_has_an_end_and_knows_what_it_holds() {
        let mut bucket = empty();
        let trace = |number: u32| Trace::of(&key(), &number.to_be_bytes());
        assert!((0..256).all(|number| bucket.spend(&trace(number)) == Spent::Fresh));
        assert_eq!(bucket.spend(&trace(256)), Spent::Full);
        assert_eq!(bucket.spend(&trace(255)), Spent::Again);
        assert_eq!(bucket.seen.len(), MOST);
    }

    #[test]
    fn a_row_is_taken_by_one_and_as_many_are_at_hand_as_a_key_has() {
        let (shelf, sealer) = (Shelf::default(), sealer());
        let put = |key: &ObjectId, number| shelf.put(Trace { number, mark: [0; MARK] }.empty(key, &sealer).unwrap());
        let take = |key: &ObjectId, number| shelf.take(key, &Trace { number, mark: [0; MARK] });
        put(&key(), 7);
        assert!(take(&key(), 8).is_none(), "another row");
        assert!(take(&ObjectId::from_text("ke"), 7).is_none(), "another key");
        assert!(take(&key(), 7).is_some());
        assert!(take(&key(), 7).is_none(), "it is out");
        put(&key(), 7);
        shelf.forget(&key());
        assert!(take(&key(), 7).is_none(), "it was forgotten");
        (0..BUCKETS).for_each(|number| put(&key(), number));
        put(&ObjectId::from_text("another"), 1);
        assert!(take(&key(), 7).is_none(), "another key has the room now");
        assert!(take(&ObjectId::from_text("another"), 1).is_some());
    }

    #[test]
    fn keys_remember_each_for_itself() {
        let (one, other) = (Trace::of(&key(), b"nonce"), Trace::of(&ObjectId::from_text("ke"), b"ynonce"));
        assert_ne!(one.mark, other.mark);
        assert_eq!(one.mark, Trace::of(&key(), b"nonce").mark);
    }
}
