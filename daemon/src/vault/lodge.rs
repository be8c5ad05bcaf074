//! What a slot has in the open vault: its data key, who is changing what is in it, and what has to go from it still.
//!
//! The data key seals the secret part of everything in an emulated slot, together with the vault's own. Whoever destroys it
//! has destroyed the slot's contents at once, however many they are; their rows go afterwards, and a crash between the two
//! leaves nothing that opens.

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::{
    cipher::{KEY, locked},
    error::Error,
    identifier::ObjectId,
    index::Index,
    record::Object,
    seal::{Place, Sealer},
};
use crate::{
    chance::{self, Chance},
    memory::Locked,
    store::{Store, Table},
};

/// The slots' lodges, each by the key of its slot.
#[derive(Default)]
pub(super) struct Lodges(RwLock<HashMap<String, Arc<Lodge>>>);

/// A slot's lodge.
#[derive(Default)]
pub(super) struct Lodge {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Default)]
struct State {
    key: Option<Arc<Locked>>,
    /// Objects that were made up to this one are no more.
    emptied: u64,
    /// Changes under way to what is in the slot.
    stays: usize,
    /// Objects that these are about to add.
    coming: u64,
    /// Whether somebody waits for them to end, or has the slot alone.
    closed: bool,
    /// Objects of which rows are in the store still.
    leftovers: Vec<Arc<Object>>,
}

/// What a change has to do with a slot, until it is dropped.
pub(super) struct Stay {
    lodge: Arc<Lodge>,
    slot: String,
    coming: u64,
}

/// A slot that nobody else changes, until it is dropped.
pub(super) struct Alone(Arc<Lodge>);

/// A data key as the store has it.
pub(super) struct Kept {
    key: Locked,
    /// See [`State`].
    emptied: u64,
}

impl Lodges {
    /// Reads the data keys. What is damaged is named.
    pub(super) fn load(store: &dyn Store, sealer: &Sealer, damaged: &mut Vec<String>) -> Result<Self, Error> {
        let lodges = Self::default();
        let walked = store.walk(Table::Setting, &mut |key, row| {
            let name = std::str::from_utf8(key).ok();
            let Some(slot) = name.and_then(slot_of) else { return ControlFlow::Continue(()) };
            match read(slot, row, sealer) {
                Ok(kept) => lodges.of(slot).furnish(kept),
                Err(error) => damaged.push(error.to_string()),
            }
            ControlFlow::Continue(())
        });
        match walked {
            Err(error @ crate::store::Error::Damaged { .. }) => damaged.push(error.to_string()),
            other => other?,
        }
        Ok(lodges)
    }

    /// The lodge of a slot.
    pub(super) fn of(&self, slot: &str) -> Arc<Lodge> {
        if let Some(lodge) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(slot) {
            return Arc::clone(lodge);
        }
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(slot.to_owned()).or_default())
    }

    /// The data key of a slot, if it has one.
    pub(super) fn key(&self, slot: &str) -> Option<Arc<Locked>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(slot).and_then(|lodge| lodge.key())
    }

    /// Takes out of the index what went when its slot was emptied: its rows are to follow.
    pub(super) fn sift(&self, index: &mut Index) {
        if self.last() == 0 {
            return;
        }
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let lost =
            |object: &&Arc<Object>| all.get(&object.slot).is_some_and(|lodge| object.born <= lodge.state().emptied);
        let gone: Vec<_> = index.all().filter(lost).map(Arc::clone).collect();
        for object in gone {
            index.strike(&object.id);
            if let Some(lodge) = all.get(&object.slot) {
                lodge.leave([object]);
            }
        }
    }

    /// Whether an object is one of those whose rows are to go.
    pub(super) fn is_leftover(&self, id: &ObjectId) -> bool {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.values().any(|lodge| lodge.state().leftovers.iter().any(|object| object.id == *id))
    }

    /// The last object that any emptied slot had.
    pub(super) fn last(&self) -> u64 {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.values().map(|lodge| lodge.state().emptied).max().unwrap_or(0)
    }

    /// Some objects of one slot whose rows are to go.
    pub(super) fn leftovers(&self, most: usize) -> Option<(Arc<Lodge>, String, Vec<Arc<Object>>)> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().find_map(|(slot, lodge)| {
            let some: Vec<_> = lodge.state().leftovers.iter().take(most).cloned().collect();
            (!some.is_empty()).then(|| (Arc::clone(lodge), slot.clone(), some))
        })
    }
}

impl Lodge {
    /// The data key, if the slot has one.
    pub(super) fn key(&self) -> Option<Arc<Locked>> {
        self.state().key.clone()
    }

    /// Takes a data key over.
    pub(super) fn furnish(&self, kept: Kept) {
        let mut state = self.state();
        (state.key, state.emptied) = (Some(Arc::new(kept.key)), kept.emptied);
    }

    /// Objects whose rows are to go.
    pub(super) fn leave(&self, objects: impl IntoIterator<Item = Arc<Object>>) {
        self.state().leftovers.extend(objects);
    }

    /// Forgets objects whose rows are gone.
    pub(super) fn forget(&self, gone: &[Arc<Object>]) {
        let gone: HashSet<_> = gone.iter().map(|object| &object.id).collect();
        self.state().leftovers.retain(|object| !gone.contains(&object.id));
    }

    /// How many objects have rows that are to go.
    pub(super) fn left(&self) -> usize {
        self.state().leftovers.len()
    }

    /// Lets a change have to do with the slot, waiting for whoever has it alone.
    pub(super) fn enter(self: &Arc<Self>, slot: &str) -> Result<Stay, Error> {
        let state = self.moved.wait_timeout_while(self.state(), PATIENCE, |state| state.closed);
        let (mut state, _) = state.unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return Err(busy(slot));
        }
        state.stays = state.stays.saturating_add(1);
        Ok(Stay { lodge: Arc::clone(self), slot: slot.to_owned(), coming: 0 })
    }

    /// Has the slot alone, once all changes under way to what is in it have ended.
    ///
    /// # Errors
    /// [`Error::Busy`] when they do not end.
    pub(super) fn close(self: &Arc<Self>, slot: &str) -> Result<Alone, Error> {
        let state = self.moved.wait_timeout_while(self.state(), LONGEST, |state| state.closed);
        let (mut state, _) = state.unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return Err(busy(slot));
        }
        state.closed = true;
        let alone = Alone(Arc::clone(self));
        let waited = self.moved.wait_timeout_while(state, LONGEST, |state| state.stays > 0);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let busier = state.stays > 0;
        drop(state);
        if busier { Err(busy(slot)) } else { Ok(alone) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stay {
    /// The key of the slot.
    pub(super) fn slot(&self) -> &str {
        &self.slot
    }

    /// One more object, if all that are coming have room besides those that are there.
    pub(super) fn admit(&mut self, there: u64, most: Option<u64>) -> Result<(), Error> {
        let mut state = self.lodge.state();
        let coming = state.coming.saturating_add(1);
        if let Some(most) = most.filter(|most| there.saturating_add(coming) > *most) {
            return Err(Error::Full { slot: self.slot.clone(), most });
        }
        state.coming = coming;
        drop(state);
        self.coming = self.coming.saturating_add(1);
        Ok(())
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        let mut state = self.lodge.state();
        state.stays = state.stays.saturating_sub(1);
        state.coming = state.coming.saturating_sub(self.coming);
        self.lodge.moved.notify_all();
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.0.state().closed = false;
        self.0.moved.notify_all();
    }
}

impl Kept {
    /// A new data key for a slot whose objects up to that one are no more.
    pub(super) fn new(emptied: u64, chance: &dyn Chance) -> Result<Self, Error> {
        let bytes = Zeroizing::new(chance::array::<KEY>(chance)?);
        Ok(Self { key: locked(&bytes)?, emptied })
    }

    /// What the setting says.
    pub(super) fn write(&self) -> Secret {
        let mut bytes = Zeroizing::new(Vec::with_capacity(8 + KEY));
        bytes.extend_from_slice(&self.emptied.to_be_bytes());
        bytes.extend_from_slice(self.key.reveal());
        Secret::copy_of(&bytes)
    }

    /// Reads what [`write`](Self::write) wrote.
    pub(super) fn read(slot: &str, row: &Secret) -> Result<Self, Error> {
        let damaged = || Error::Damaged(setting(slot));
        let (emptied, key) = row.reveal().split_first_chunk::<8>().ok_or_else(damaged)?;
        let key: &[u8; KEY] = key.try_into().map_err(|_| damaged())?;
        Ok(Self { key: locked(key)?, emptied: u64::from_be_bytes(*emptied) })
    }

    /// The key itself.
    pub(super) fn key(&self) -> &Locked {
        &self.key
    }
}

/// The setting that holds a slot's data key.
pub(super) fn setting(slot: &str) -> String {
    format!("{PREFIX}{slot}")
}

/// The slot whose data key this setting holds.
pub(super) fn slot_of(setting: &str) -> Option<&str> {
    setting.strip_prefix(PREFIX)
}

/// Opens a setting with a slot's data key.
///
/// # Errors
/// [`Error::Damaged`].
pub(super) fn read(slot: &str, row: &[u8], sealer: &Sealer) -> Result<Kept, Error> {
    Kept::read(slot, &sealer.open(&Place::setting(&setting(slot)), row)?)
}

fn busy(slot: &str) -> Error {
    Error::Busy(ObjectId::from_text(&format!("slot {slot}")))
}

const PREFIX: &str = "slot-key/";
/// To empty a slot waits for a sync of the disk; whoever takes longer than this is stuck.
const PATIENCE: Duration = Duration::from_secs(5);
/// A change waits for a key pair to be made, and in a batch for another slot; whatever takes longer than this is stuck.
const LONGEST: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::tests::Dice;

    #[test]
    fn what_is_coming_counts_until_its_change_is_dropped() {
        let lodge = Arc::new(Lodge::default());
        let (mut one, mut two) = (lodge.enter("a").unwrap(), lodge.enter("a").unwrap());
        one.admit(1, Some(3)).unwrap();
        two.admit(1, Some(3)).unwrap();
        assert!(matches!(two.admit(1, Some(3)), Err(Error::Full { most: 3, .. })));
        drop(one);
        two.admit(1, Some(3)).unwrap();
        assert!(matches!(two.admit(1, Some(3)), Err(Error::Full { .. })));
        two.admit(1, None).unwrap();
    }

    #[test]
    fn who_has_a_slot_alone_waits_for_those_who_came_before() {
        let lodge = Arc::new(Lodge::default());
        let stay = lodge.enter("a").unwrap();
        std::thread::scope(|scope| {
            let alone = scope.spawn(|| drop(lodge.close("a").unwrap()));
            std::thread::sleep(Duration::from_millis(30));
            assert!(!alone.is_finished(), "somebody is there");
            drop(stay);
            alone.join().unwrap();
        });
        drop(lodge.enter("a").unwrap());
    }

    #[test]
    fn a_data_key_reads_back_and_nothing_else_does() {
        let kept = Kept::new(7, &Dice::new(1)).unwrap();
        let read = Kept::read("a", &kept.write()).unwrap();
        assert_eq!((read.emptied, read.key().reveal()), (7, kept.key().reveal()));
        for (name, bytes) in [("nothing", Vec::new()), ("a cut", vec![0; 39]), ("too much", vec![0; 41])] {
            assert!(matches!(Kept::read("a", &Secret::new(bytes)), Err(Error::Damaged(_))), "{name}");
        }
    }
}
