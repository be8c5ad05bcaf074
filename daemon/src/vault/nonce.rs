//! The nonces that callers have chosen, so that none is used twice under one key (SP 800-38D §8: a nonce that comes again
//! gives away the authentication key).
//!
//! They belong to the key and not to its object: copies of a key take each other's nonces for their own. They are kept under
//! the name of the first of these objects, for as long as one of them is there. What is kept of a nonce is a
//! [mark](super::marks), and a key takes no more than a known room: after a million it takes no more of them.
//!
//! A change that is open only claims its nonces. They are spent when it is handed over, at once for everybody, and given back
//! only if the store has not taken it: what is undone has spent nothing.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};

use super::{
    error::Error,
    identifier::ObjectId,
    marks::{Mark, Marks, Spent},
    seal::Sealer,
    shelf::Shelf,
};
use crate::store::{Batch, Gather, Store, Table};

/// What a change makes of the nonces of keys.
#[derive(Default)]
pub(super) struct Nonces {
    spent: Vec<Nonce>,
    /// Keys that go, with every nonce that was remembered for them.
    forgotten: Vec<ObjectId>,
    /// What they remember, once the change is handed over.
    leaving: Vec<Arc<Marks>>,
    /// Whether all of it is taken back when this is dropped.
    open: bool,
}

/// A nonce that is spent.
struct Nonce {
    of: Arc<Marks>,
    mark: Mark,
    /// Whether its key comes in the place of one that is forgotten.
    anew: bool,
}

impl Nonces {
    /// How many keys and nonces it has to do with.
    pub(super) fn len(&self) -> usize {
        self.spent.len().saturating_add(self.forgotten.len())
    }

    /// Whether nonces are remembered and none is forgotten.
    pub(super) fn only_spends(&self) -> bool {
        !self.spent.is_empty() && self.forgotten.is_empty()
    }

    /// Whether the change itself spends that nonce.
    pub(super) fn has(&self, key: &ObjectId, mark: &Mark) -> bool {
        self.spent.iter().any(|nonce| nonce.mark == *mark && nonce.of.key() == key)
    }

    /// Spends a nonce that the change has claimed.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`], [`Error::Busy`].
    pub(super) fn spend(
        &mut self,
        key: &ObjectId,
        mark: Mark,
        store: &dyn Store,
        sealer: &Sealer,
        shelf: &Shelf,
    ) -> Result<Spent, Error> {
        let anew = self.forgotten.contains(key);
        let of = match self.spent.iter().find(|nonce| nonce.of.key() == key) {
            Some(nonce) => Arc::clone(&nonce.of),
            None if anew => shelf.anew(key, sealer),
            None => shelf.take(key, sealer),
        };
        let spent = of.look(&mark, store)?;
        if spent == Spent::Fresh {
            self.spent.push(Nonce { of, mark, anew });
        }
        Ok(spent)
    }

    /// Remembers no nonce any more of a key that is gone.
    pub(super) fn forget(&mut self, key: &ObjectId) {
        self.spent.retain(|nonce| nonce.of.key() != key);
        self.forgotten.push(key.clone());
    }

    /// Writes the notes of what is spent.
    ///
    /// # Errors
    /// [`Error`] when sealing fails.
    pub(super) fn note(&self, batch: &mut Batch) -> Result<(), Error> {
        self.spent.iter().try_for_each(|nonce| nonce.of.note(&nonce.mark, batch))
    }

    /// Is about to be handed over with these rows.
    ///
    /// # Errors
    /// [`Error`]; what is not [kept](Self::keep) is taken back.
    pub(super) fn hand_over(
        &mut self,
        batch: &mut Batch,
        store: &dyn Store,
        sealer: &Sealer,
        shelf: &Shelf,
    ) -> Result<(), Error> {
        self.open = true;
        for key in &self.forgotten {
            let marks = shelf.take(key, sealer);
            self.leaving.push(Arc::clone(&marks));
            marks.leave(store)?.into_iter().for_each(|row| batch.remove(Table::Nonce, row));
        }
        for nonce in &self.spent {
            match nonce.anew {
                // The rows go into those of the change, after what they come in place of.
                true => nonce.of.enter(&nonce.mark, None)?,
                false => nonce.of.enter(&nonce.mark, Some(store))?,
            }
        }
        for nonce in self.spent.iter().filter(|nonce| nonce.anew) {
            batch.append(nonce.of.rows()?);
        }
        Ok(())
    }

    /// Is durable.
    pub(super) fn keep(mut self, shelf: &Shelf) {
        self.open = false;
        for marks in &self.leaving {
            match self.spent.iter().find(|nonce| nonce.anew && nonce.of.key() == marks.key()) {
                Some(nonce) => shelf.put(Arc::clone(&nonce.of)),
                None => shelf.drop_key(marks.key()),
            }
        }
    }
}

impl Drop for Nonces {
    fn drop(&mut self) {
        if self.open {
            self.leaving.iter().for_each(|marks| marks.stay());
            self.spent.iter().for_each(|nonce| nonce.of.take_back(&nonce.mark));
        }
    }
}

/// What is remembered of a nonce.
pub(super) fn mark(key: &ObjectId, nonce: &[u8]) -> Mark {
    let length = u64::try_from(key.as_str().len()).unwrap_or(u64::MAX).to_be_bytes();
    let mut context = Context::new(&SHA256);
    [&length[..], key.as_str().as_bytes(), nonce].iter().for_each(|part| context.update(part));
    let mut mark = Mark::default();
    // The first two bytes said in older versions which row a mark is in.
    mark.iter_mut().zip(context.finish().as_ref().iter().skip(2)).for_each(|(to, from)| *to = *from);
    mark
}

/// What is claimed until it is known whether the nonce is spent.
pub(super) fn claim(key: &ObjectId, mark: &Mark) -> ObjectId {
    ObjectId::from_text(&format!("{key} nonce {:016x}", u64::from_be_bytes(*mark)))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::digest;

    use super::*;

    #[test]
    fn a_mark_is_what_older_versions_made_of_a_nonce() {
        let key = ObjectId::from_text("key");
        let text = [&3_u64.to_be_bytes()[..], b"key", b"nonce"].concat();
        let digest = digest(&SHA256, &text);
        assert_eq!(mark(&key, b"nonce"), digest.as_ref()[2..10]);
        assert_ne!(mark(&ObjectId::from_text("ke"), b"ynonce"), mark(&key, b"nonce"));
    }
}
