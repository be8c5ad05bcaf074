//! What must still be done about keys that slots hold: a slot changes at another moment than the store, and either may fail.
//!
//! Before a slot makes a key, an errand to remove it is written down; the change that keeps the key crosses the errand
//! out. Where a change lets go of a key, it writes an errand to remove it. Whatever happens in between, an errand is left for
//! what has to go and for nothing else: a key that is not ours, or of another appliance, is never touched.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::digest::{SHA256, digest};
use strongroom_kmip::secret::Secret;

use super::error::Error;
use crate::clock::Time;

/// The errands that there are.
#[derive(Default)]
pub(super) struct Errands(Mutex<HashMap<String, Errand>>);

/// A key of a slot that has to go, unless it is kept yet.
struct Errand {
    slot: String,
    key: Secret,
    standing: Standing,
}

/// How it stands with an errand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The key is being made, since then; no change has it yet.
    Making(Time),
    /// A change has it.
    Claimed,
    /// It has to be done.
    Due,
    /// It is being done.
    Underway,
}

/// An errand as it is done.
pub(super) struct Task {
    pub(super) row: String,
    pub(super) slot: String,
    pub(super) key: Secret,
}

impl Errands {
    /// The row that an errand is kept in.
    pub(super) fn row(slot: &str, key: &Secret) -> String {
        let hash = digest(&SHA256, &[slot.as_bytes(), b"\0", key.reveal()].concat());
        hash.as_ref().iter().take(16).fold(PREFIX.to_owned(), |row, byte| row + &format!("{byte:02x}"))
    }

    /// What the row says.
    pub(super) fn write(slot: &str, key: &Secret) -> Secret {
        Secret::new([slot.as_bytes(), b"\0", key.reveal()].concat())
    }

    /// Takes up what a row of an earlier time says: it is due.
    pub(super) fn load(&self, row: &str, content: &Secret) {
        let mut parts = content.reveal().splitn(2, |byte| *byte == 0);
        let slot = parts.next().and_then(|slot| std::str::from_utf8(slot).ok());
        if let (Some(slot), Some(key)) = (slot, parts.next()) {
            self.enter(row, slot, Secret::copy_of(key), Standing::Due);
        }
    }

    /// Enters an errand whose row is kept.
    pub(super) fn enter(&self, row: &str, slot: &str, key: Secret, standing: Standing) {
        let errand = Errand { slot: slot.to_owned(), key, standing };
        self.all().insert(row.to_owned(), errand);
    }

    /// Lets a change have a key, or nothing where there is no errand: the key was there before us.
    ///
    /// # Errors
    /// [`Late`] when it took so long that the key is being removed.
    pub(super) fn claim(self: &Arc<Self>, row: &str) -> Result<Option<Claimed>, Late> {
        let mut all = self.all();
        let Some(errand) = all.get_mut(row) else { return Ok(None) };
        if !matches!(errand.standing, Standing::Making(_)) {
            return Err(Late);
        }
        errand.standing = Standing::Claimed;
        Ok(Some(Claimed { errands: Arc::clone(self), row: row.to_owned(), kept: false }))
    }

    /// The errand is due, after all: the slot failed, or the change was dropped.
    pub(super) fn due(&self, row: &str) {
        if let Some(errand) = self.all().get_mut(row) {
            errand.standing = Standing::Due;
        }
    }

    /// The next errands to be done; they are under way from now on.
    pub(super) fn take(&self, now: Time) -> Vec<Task> {
        let mut tasks = Vec::new();
        for (row, errand) in self.all().iter_mut() {
            let lost = |since: Time| now.0.saturating_sub(since.0) > LOST;
            let ready = match errand.standing {
                Standing::Making(since) => lost(since),
                Standing::Claimed | Standing::Underway => false,
                Standing::Due => true,
            };
            if ready && tasks.len() < AT_ONCE {
                errand.standing = Standing::Underway;
                tasks.push(Task { row: row.clone(), slot: errand.slot.clone(), key: errand.key.duplicate() });
            }
        }
        tasks
    }

    /// It is done, or crossed out; its row is gone.
    pub(super) fn forget(&self, row: &str) {
        self.all().remove(row);
    }

    /// How many keys of a slot have to go.
    pub(super) fn count(&self, slot: &str) -> usize {
        let due = |errand: &&Errand| matches!(errand.standing, Standing::Due | Standing::Underway);
        self.all().values().filter(|errand| errand.slot == slot).filter(due).count()
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<String, Errand>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A key was claimed after nobody waited for it any more.
#[derive(Debug)]
pub(super) struct Late;

impl From<Late> for Error {
    fn from(_: Late) -> Self {
        Self::Broken("keeping a key that took too long to be made")
    }
}

/// A key that a change has. Dropped with the change, it makes the errand due.
pub(super) struct Claimed {
    errands: Arc<Errands>,
    pub(super) row: String,
    kept: bool,
}

impl Claimed {
    /// The key is kept and its errand's row is gone.
    pub(super) fn keep(mut self) {
        self.kept = true;
        self.errands.forget(&self.row);
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        if !self.kept {
            self.errands.due(&self.row);
        }
    }
}

/// What the rows of errands begin with, among the settings.
pub(super) const PREFIX: &str = "errand/";
/// Milliseconds after which nobody waits any more for a key to be made: many times the longest call.
const LOST: i64 = 600_000;
/// Errands that are done in one go, so that whoever does them is heard of again.
const AT_ONCE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> (Arc<Errands>, String) {
        let errands = Arc::new(Errands::default());
        let key = Secret::copy_of(b"key");
        let row = Errands::row("hsm", &key);
        errands.enter(&row, "hsm", key, Standing::Making(Time(0)));
        (errands, row)
    }

    #[test]
    fn a_key_that_a_change_keeps_stays() {
        let (errands, row) = one();
        errands.claim(&row).unwrap().unwrap().keep();
        assert!(errands.take(Time(LOST * 2)).is_empty());
        assert_eq!(errands.count("hsm"), 0);
    }

    #[test]
    fn a_key_whose_change_is_dropped_goes_at_once() {
        let (errands, row) = one();
        drop(errands.claim(&row).unwrap().unwrap());
        assert_eq!(errands.take(Time(1)).len(), 1);
    }

    #[test]
    fn a_key_that_nobody_claims_goes_after_a_while_and_is_not_claimed_then() {
        let (errands, row) = one();
        assert!(errands.take(Time(LOST)).is_empty());
        assert_eq!(errands.take(Time(LOST + 1)).len(), 1);
        assert!(errands.claim(&row).is_err());
        assert!(errands.take(Time(LOST + 2)).is_empty());
        errands.due(&row);
        assert_eq!(errands.take(Time(LOST + 3)).len(), 1);
    }

    #[test]
    fn a_row_is_read_back() {
        let (key, errands) = (Secret::copy_of(b"a\0b"), Errands::default());
        errands.load("errand/1", &Errands::write("hsm", &key));
        let tasks = errands.take(Time(0));
        let task = tasks.first().unwrap();
        assert_eq!((task.slot.as_str(), task.key.reveal()), ("hsm", &b"a\0b"[..]));
    }
}
