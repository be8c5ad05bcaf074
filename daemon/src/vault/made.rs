//! Slots that operators make while the vault is open: made, called otherwise, set, emptied and removed.
//!
//! Each is a setting, so it comes and goes with a change like anything else. Its key in records is random and has a space in
//! it, which no slot of the configuration can have.

use std::{
    collections::HashSet,
    ops::ControlFlow,
    sync::{Arc, PoisonError},
};

use strongroom_kmip::secret::Secret;

use super::{
    change::Change,
    door::Vault,
    error::Error,
    identifier::ObjectId,
    lodge::{self, Kept},
    opened::Opened,
    record::Object,
    seal::Place,
    slots::{Fitted, Made, Terms},
};
use crate::{chance, store::Table};

impl Vault {
    /// The slot that an operator calls so, or that has this key.
    ///
    /// # Errors
    /// [`Error::NoSlot`].
    pub fn slot_called(&self, name: &str) -> Result<Arc<Fitted>, Error> {
        let all = self.slots();
        let called = all.iter().find(|fitted| fitted.name == name);
        let found = called.or_else(|| all.iter().find(|fitted| fitted.key() == name));
        found.map(Arc::clone).ok_or_else(|| Error::NoSlot(name.to_owned()))
    }

    /// Makes an emulated slot.
    ///
    /// # Errors
    /// [`Error::Terms`] for a name that is taken or no name, for what cannot be said of a slot, and for one too many.
    pub fn make_slot(&self, change: &mut Change, terms: Terms) -> Result<Fitted, Error> {
        change.seize(ALL)?;
        let wrong = |why| Error::Terms { slot: terms.name.clone(), why };
        if self.slots().iter().filter(|fitted| fitted.made.is_some()).count() >= MOST {
            return Err(wrong("there are as many slots as there can be; remove one"));
        }
        self.check_name(&terms.name, None)?;
        let number = match self.setting(ALL)? {
            None => FIRST,
            Some(row) => {
                let number = row.reveal().try_into().map(u64::from_be_bytes);
                number.map_err(|_| Error::Damaged(format!("setting/{ALL}")))?
            }
        };
        let unique: [u8; 8] = chance::array(&*self.chance)?;
        let key: String = unique.iter().fold("made ".to_owned(), |key, byte| format!("{key}{byte:02x}"));
        let fitted = Fitted::made(&key, Made { number, since: self.now().seconds(), terms })?;
        change.put_setting(ALL, Some(Secret::copy_of(&number.saturating_add(1).to_be_bytes())));
        furnish(change, &key, Kept::new(0, &*self.chance)?);
        self.put_made(change, &fitted)?;
        Ok(fitted)
    }

    /// Changes what an operator has said of a slot that was made.
    ///
    /// # Errors
    /// As for [`make_slot`](Self::make_slot); [`Error::Terms`] for a slot of the configuration.
    pub fn alter_slot(&self, change: &mut Change, name: &str, alter: impl FnOnce(&mut Terms)) -> Result<Fitted, Error> {
        change.seize(ALL)?;
        let known = self.slot_called(name)?;
        let mut made = known.made.clone().ok_or_else(|| configured(name))?;
        alter(&mut made.terms);
        self.check_name(&made.terms.name, Some(known.key()))?;
        let fitted = Fitted::made(known.key(), made)?;
        self.put_made(change, &fitted)?;
        Ok(fitted)
    }

    /// Removes a slot that was made and has nothing in it. What was destroyed in it keeps its attributes.
    ///
    /// # Errors
    /// [`Error::Terms`] for a slot of the configuration, and for one with something in it.
    pub fn remove_slot(&self, change: &mut Change, name: &str) -> Result<(), Error> {
        change.seize(ALL)?;
        let known = self.slot_called(name)?;
        if known.made.is_none() {
            return Err(configured(name));
        }
        let (opened, key) = (change.opened(), known.key().to_owned());
        let lodge = opened.lodges.of(&key);
        let alone = lodge.close(&key)?;
        if self.living_in(&key)? > 0 || lodge.left() > 0 {
            return Err(Error::Terms { slot: name.to_owned(), why: "there are objects in it; zeroise it first" });
        }
        change.put_setting(&row(&key), None);
        change.put_setting(&lodge::setting(&key), None);
        let slots = Arc::clone(&self.slots);
        change.afterwards(move || {
            slots.remove(&key);
            drop(alone);
        });
        Ok(())
    }

    /// Destroys the data key of an emulated slot: nothing that was in it opens any more once the change is durable, and
    /// nobody sees any of it. Says which objects that are; their rows are taken away by [`clear`](Self::clear).
    ///
    /// # Errors
    /// [`Error::Terms`] for a slot over a token, which has its own means; [`Error::Busy`] when what is being done in the slot
    /// does not end.
    pub fn zeroise(&self, change: &mut Change, key: &str) -> Result<HashSet<ObjectId>, Error> {
        let known = self.slot(Some(key))?;
        if !known.is_emulated() {
            let why = "its keys are in a token; zeroise it by the means of its maker";
            return Err(Error::Terms { slot: known.name.clone(), why });
        }
        let opened = change.opened();
        let lodge = opened.lodges.of(key);
        let alone = lodge.close(key)?;
        let gone = objects(&opened, key);
        let named = gone.iter().map(|object| object.id.clone()).collect();
        furnish(change, key, Kept::new(opened.births(), &*self.chance)?);
        change.afterwards(move || {
            {
                let mut index = opened.index.write().unwrap_or_else(PoisonError::into_inner);
                gone.iter().for_each(|object| index.strike(&object.id));
            }
            gone.iter().for_each(|object| opened.forget(&object.id));
            lodge.leave(gone);
            drop(alone);
        });
        Ok(named)
    }

    /// A change that takes rows of zeroised objects away, with how many and the key of their slot; nothing when there are none.
    ///
    /// # Errors
    /// [`Error::Sealed`].
    pub fn clear(&self) -> Result<Option<(Change, usize, String)>, Error> {
        let opened = self.opened()?;
        let mut change = self.begin()?;
        // One at a time, or two would take the same rows out of the manifest.
        change.seize("cleared slots")?;
        let Some((lodge, slot, some)) = opened.lodges.leftovers(AT_ONCE) else { return Ok(None) };
        some.iter().for_each(|object| change.expunge(Object::clone(object)));
        let count = some.len();
        change.afterwards(move || lodge.forget(&some));
        Ok(Some((change, count, slot)))
    }

    /// Whether an emulated slot has no data key yet, as after an older version of this program.
    ///
    /// # Errors
    /// [`Error::Sealed`], [`Error::Store`].
    pub fn is_furnished(&self) -> Result<bool, Error> {
        let opened = self.opened()?;
        Ok(self.unfurnished(&opened)?.is_empty())
    }

    /// Gives every emulated slot that has none a data key. What was kept before has none of it and opens all the same.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Busy`]; [`Error`] when there is no randomness.
    pub fn furnish(&self, change: &mut Change) -> Result<(), Error> {
        change.seize(ALL)?;
        for key in self.unfurnished(&change.opened())? {
            furnish(change, &key, Kept::new(0, &*self.chance)?);
        }
        Ok(())
    }

    fn unfurnished(&self, opened: &Opened) -> Result<Vec<String>, Error> {
        let mut without = Vec::new();
        for fitted in self.slots().iter().filter(|fitted| fitted.is_emulated()) {
            let key = fitted.key();
            // A key that is there and damaged is not written over.
            let row = || self.store.get(Table::Setting, lodge::setting(key).as_bytes());
            if opened.lodges.key(key).is_none() && row()?.is_none() {
                without.push(key.to_owned());
            }
        }
        Ok(without)
    }

    /// Knows the slots again that were made.
    pub(super) fn recall_slots(&self, opened: &Opened) -> Result<(), Error> {
        let mut made = Vec::new();
        self.store.walk(Table::Setting, &mut |key, row| {
            let name = std::str::from_utf8(key).ok();
            let Some((name, key)) = name.and_then(|name| Some((name, name.strip_prefix(PREFIX)?))) else {
                return ControlFlow::Continue(());
            };
            let damaged = || Error::Damaged(format!("setting/{name}"));
            let read = opened.sealer.open(&Place::setting(name), row);
            let read = read.and_then(|row| serde_json::from_slice(row.reveal()).map_err(|_| damaged()));
            match read.and_then(|read| Fitted::made(key, read)) {
                Ok(fitted) => made.push(fitted),
                Err(error) => log::error!("{error}"),
            }
            ControlFlow::Continue(())
        })?;
        for fitted in &made {
            if self.slots().iter().any(|other| other.made.is_none() && other.name == fitted.name) {
                let (name, key) = (&fitted.name, fitted.key());
                log::warn!(
                    "a slot of the configuration is called {name} as one that was made; rename that one, {key:?}"
                );
            }
        }
        self.slots.put_made(made);
        Ok(())
    }

    /// How many objects in the slot of this key are not destroyed.
    ///
    /// # Errors
    /// [`Error::Sealed`].
    pub fn living_in(&self, key: &str) -> Result<u64, Error> {
        Ok(self.opened()?.index.read().unwrap_or_else(PoisonError::into_inner).living(key))
    }

    /// Whether any object in the slot of this key is so.
    ///
    /// # Errors
    /// [`Error::Sealed`].
    pub fn some_in(&self, key: &str, which: impl Fn(&Object) -> bool) -> Result<bool, Error> {
        let opened = self.opened()?;
        let index = opened.index.read().unwrap_or_else(PoisonError::into_inner);
        Ok(index.all().any(|object| object.slot == key && which(object)))
    }

    fn check_name(&self, name: &str, own: Option<&str>) -> Result<(), Error> {
        let taken = |fitted: &Arc<Fitted>| fitted.name == name && Some(fitted.key()) != own;
        match self.slots().iter().any(taken) {
            true => Err(Error::Terms { slot: name.to_owned(), why: "another slot is called so" }),
            false => Ok(()),
        }
    }

    fn put_made(&self, change: &mut Change, fitted: &Fitted) -> Result<(), Error> {
        let row_of = serde_json::to_vec(&fitted.made).map_err(|_| Error::Broken("writing a slot"))?;
        change.put_setting(&row(fitted.key()), Some(Secret::new(row_of)));
        let (slots, fitted) = (Arc::clone(&self.slots), fitted.clone());
        change.afterwards(move || slots.put(fitted));
        Ok(())
    }
}

/// Writes a data key down, for the slot to have it once the change is durable.
fn furnish(change: &mut Change, key: &str, kept: Kept) {
    change.put_setting(&lodge::setting(key), Some(kept.write()));
    let lodge = change.opened().lodges.of(key);
    change.afterwards(move || lodge.furnish(kept));
}

/// Everything in the slot of this key.
fn objects(opened: &Opened, key: &str) -> Vec<Arc<Object>> {
    let index = opened.index.read().unwrap_or_else(PoisonError::into_inner);
    index.all().filter(|object| object.slot == key).map(Arc::clone).collect()
}

/// The setting that holds what is kept of a slot that was made.
fn row(key: &str) -> String {
    format!("{PREFIX}{key}")
}

fn configured(name: &str) -> Error {
    Error::Terms { slot: name.to_owned(), why: "the configuration says what it is; change it there" }
}

const PREFIX: &str = "slot/";
/// The setting with the number of the next slot, and the claim of whoever changes the list.
const ALL: &str = "slot-number";
/// Numbers below are for the places of the configuration's slots.
const FIRST: u64 = 4096;
/// Each has a page of locked memory.
const MOST: usize = 256;
/// Objects whose rows are taken away in one change.
const AT_ONCE: usize = 512;
