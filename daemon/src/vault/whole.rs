//! The vault as a whole: shown as it stands at one moment for a backup, and put back into an empty store.
//!
//! Rows leave as they are, sealed, and with them the ring of data keys that opens them. What unseals stays behind: on
//! another machine something else will.

use std::{
    ops::ControlFlow,
    sync::{Arc, PoisonError},
};

use strongroom_kmip::secret::Secret;

use super::{
    change::Change,
    door::Vault,
    error::Error,
    header,
    identifier::ObjectId,
    lodge,
    record::{Body, Object},
    ring::Ring,
    seal::Sealer,
};
use crate::{
    chance::Chance,
    slot::Shape,
    store::{self, Batch, Snapshot, Store, Table},
};

/// Everything that the vault keeps, as it stood at one moment. Changes go on meanwhile.
pub struct Whole {
    rows: Box<dyn Snapshot>,
    ring: Secret,
    held: Vec<(ObjectId, String)>,
}

/// Is shown the number of a row's table, its key and its value, and says whether it wants the next.
pub type Show<'a> = dyn FnMut(u8, &[u8], &[u8]) -> ControlFlow<()> + 'a;

impl Whole {
    /// The store's generation at that moment.
    pub fn generation(&self) -> u64 {
        self.rows.generation()
    }

    /// The ring of data keys.
    pub fn ring(&self) -> &Secret {
        &self.ring
    }

    /// How many objects there are.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn objects(&self) -> Result<u64, Error> {
        let mut count = 0u64;
        self.rows.walk(Table::Object, &mut |key, _| {
            count = count.saturating_add(u64::from(Object::id_of_row(key).is_some()));
            ControlFlow::Continue(())
        })?;
        Ok(count)
    }

    /// Keys that a token holds, with the slot over it: of these, only what is known of them is here.
    pub fn held(&self) -> &[(ObjectId, String)] {
        &self.held
    }

    /// Shows every row with the number of its table, until `visit` breaks.
    ///
    /// # Errors
    /// [`Error::Store`]; where rows are damaged, after all others have been shown.
    pub fn rows(&self, visit: &mut Show<'_>) -> Result<(), Error> {
        let mut damage = Ok(());
        for table in Table::ALL {
            let mut flow = ControlFlow::Continue(());
            let walked = self.rows.walk(*table, &mut |key, value| {
                let own = *table == Table::Setting && key == header::ROW.as_bytes();
                flow = if own { ControlFlow::Continue(()) } else { visit(table.number(), key, value) };
                flow
            });
            match walked {
                Err(error @ store::Error::Damaged { .. }) => damage = damage.and(Err(error)),
                other => other?,
            }
            if flow.is_break() {
                break;
            }
        }
        Ok(damage?)
    }
}

impl Vault {
    /// The vault as it stands now. No call waits for it, and it sees no half of a change.
    ///
    /// # Errors
    /// [`Error::Sealed`], [`Error::Store`].
    pub fn whole(&self) -> Result<Whole, Error> {
        for _ in 0..PATIENCE {
            let ring = self.data_keys()?;
            // What was only jotted so far is in no row.
            self.firm().wait()?;
            let rows = self.store.snapshot()?;
            let index: Vec<Arc<Object>> = {
                let opened = self.opened()?;
                let index = opened.index.read().unwrap_or_else(PoisonError::into_inner);
                index.all().cloned().collect()
            };
            // A rotation between the two would leave rows here that no key of the ring opens.
            if self.data_keys()?.same_as(ring.reveal()) {
                let held = |object: &&Arc<Object>| matches!(object.body, Body::Key(_)) && self.is_holding(&object.slot);
                let held = index.iter().filter(held).map(|object| (object.id.clone(), object.slot.clone())).collect();
                return Ok(Whole { rows, ring, held });
            }
        }
        Err(Error::Broken("backing up: keys are being rotated; try again"))
    }

    fn is_holding(&self, slot: &str) -> bool {
        self.slot(Some(slot)).is_ok_and(|fitted| !fitted.is_emulated())
    }

    /// Puts an object back that a backup has, as it was then; it is its owner's again. `ring` is the backup's. A key that is not
    /// here any more takes no nonces of its callers' choosing from then on.
    ///
    /// # Errors
    /// [`Error::Newer`] where the object here has changed since, unless `older` lets it; [`Error::Damaged`] for rows that are
    /// not as they were sealed; [`Error::NoSlot`] where there is no slot of its name, [`Error::Use`] for what a token holds.
    pub fn put_back(&self, change: &mut Change, ring: &Secret, back: PutBack, older: Older) -> Result<(), Error> {
        let sealer = Sealer::new(&Ring::read(ring)?, "store", &self.chance)?;
        let PutBack { id, meta, content, own } = back;
        let mut object = Object::open(id.clone(), meta.reveal(), &sealer)?;
        let why = |why| Error::Use { object: id.clone(), why };
        let fitted = self.slot(Some(&object.slot))?;
        if self.is_holding(&object.slot) && matches!(object.body, Body::Key(_)) {
            return Err(why("a token holds the key; it is in no backup"));
        }
        let old = change.reserve(&id)?;
        match &old {
            Some(old) if old.slot == object.slot && !old.is_destroyed() => {}
            _ if object.is_destroyed() => change.stay(&object.slot).map(|_| ())?,
            _ => change.admit(&fitted)?,
        }
        if let Some(old) = old.as_ref().filter(|_| older == Older::Refused) {
            return Err(Error::Newer { object: id, here: old.generation, there: object.generation });
        }
        let secret = match &content {
            Some(row) => {
                let own = own.map(|row| lodge::read(&object.slot, row.reveal(), &sealer)).transpose()?;
                object.open_secret(row.reveal(), &sealer, own.as_ref().map(lodge::Kept::key))?
            }
            None if object.body == Body::Gone => Secret::new(Vec::new()),
            None => return Err(Error::Damaged(format!("object/{id}"))),
        };
        // What is known here of the nonces that its key has spent stays known. Where the key was not here all the time, it may
        // have spent some of which nobody knows any more.
        object.nonces = None;
        object.forgot |= matches!(object.body, Body::Key(Shape::Symmetric { .. }));
        if let Some(old) = &old {
            if self.is_of(change, old, &secret)? {
                object.nonces.clone_from(&old.nonces);
                object.forgot = old.forgot;
            }
            self.part(change, old)?;
        }
        object.born = change.next_birth();
        change.install(object, secret, old.as_ref());
        Ok(())
    }
}

/// What a backup has of one object.
pub struct PutBack {
    /// The object.
    pub id: ObjectId,
    /// Its first row.
    pub meta: Secret,
    /// The row of its secret part; nothing for what was destroyed.
    pub content: Option<Secret>,
    /// The setting with the data key of its slot, if there is one.
    pub own: Option<Secret>,
}

impl PutBack {
    /// The key of the slot that an object of a backup was in. `ring` is the backup's.
    ///
    /// # Errors
    /// [`Error::Damaged`] for a row that is not as it was sealed.
    pub fn slot(ring: &Secret, id: &ObjectId, meta: &Secret, chance: &Arc<dyn Chance>) -> Result<String, Error> {
        let sealer = Sealer::new(&Ring::read(ring)?, "store", chance)?;
        Ok(Object::open(id.clone(), meta.reveal(), &sealer)?.slot)
    }

    /// The slot whose data key a setting holds.
    pub fn slot_of_key(setting: &[u8]) -> Option<&str> {
        std::str::from_utf8(setting).ok().and_then(lodge::slot_of)
    }
}

/// Whether what is there already gives way to what is older.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Older {
    /// No.
    Refused,
    /// An operator says so.
    Wanted,
}

/// Puts the rows of a backup into an empty store, group by group.
pub struct Refill<'s> {
    store: &'s dyn Store,
    batch: Batch,
    waiting: usize,
}

impl<'s> Refill<'s> {
    /// None yet.
    pub fn new(store: &'s dyn Store) -> Self {
        Self { store, batch: Batch::new(), waiting: 0 }
    }

    /// Puts a row of the table of this number.
    ///
    /// # Errors
    /// [`Error::Store`]; [`Error::Damaged`] for a table that there is not.
    pub fn row(&mut self, table: u8, key: Vec<u8>, value: Vec<u8>) -> Result<(), Error> {
        let table = Table::numbered(table).ok_or_else(|| Error::Damaged(format!("table {table}")))?;
        if table == Table::Setting && key == header::ROW.as_bytes() {
            return Err(Error::Damaged("setting/seal".to_owned()));
        }
        self.waiting = self.waiting.saturating_add(key.len()).saturating_add(value.len());
        self.batch.put(table, key, value);
        if self.waiting > GROUP { self.flush() } else { Ok(()) }
    }

    /// Waits until everything is durable.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn flush(&mut self) -> Result<(), Error> {
        self.waiting = 0;
        self.store.commit(std::mem::take(&mut self.batch)).wait()?;
        Ok(())
    }
}

/// A rotation takes one change; two in a row are already too many.
const PATIENCE: usize = 8;
/// Bytes of rows that are made durable together.
const GROUP: usize = 2 << 20;
