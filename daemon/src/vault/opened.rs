//! What there is only while the vault is unsealed: the sealer, the index, the keys in use.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    claim::Claims,
    client::{Client, Clients},
    errand::{self, Errands},
    error::Error,
    flight::Flights,
    header::Header,
    identifier::ObjectId,
    index::Index,
    load::{self, Loaded},
    lodge::Lodges,
    manifest::{self, Manifest},
    record::Object,
    ring::Ring,
    round::Round,
    seal::{Place, Root, Sealer},
    shelf::Shelf,
};
use crate::{
    chance::Chance,
    slot::Key,
    store::{self, Batch, Store, Table},
};

/// The open vault.
pub(super) struct Opened {
    pub(super) sealer: Sealer,
    pub(super) audit: Sealer,
    pub(super) index: RwLock<Index>,
    pub(super) clients: RwLock<Clients>,
    pub(super) claims: Arc<Claims>,
    pub(super) flights: Arc<Flights>,
    pub(super) errands: Arc<Errands>,
    pub(super) lodges: Lodges,
    pub(super) shelf: Shelf,
    pub(super) manifest: Mutex<Manifest>,
    pub(super) findings: Findings,
    /// Held by whoever hands sealed rows to the store, and alone by whoever reseals rows that are there.
    pub(super) gate: RwLock<()>,
    pub(super) round: Mutex<Round>,
    held: Mutex<Held>,
    births: AtomicU64,
    publics: Mutex<HashMap<ObjectId, Arc<[u8]>>>,
    keys: Mutex<Keys>,
}

/// What the vault is sealed with, as it stands in the store.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) root: Arc<Root>,
    pub(super) header: Header,
    pub(super) ring: Ring,
}

/// Keys that were opened, each with the generation in which its secret part was written.
type Keys = HashMap<ObjectId, (u64, Arc<dyn Key>)>;

/// What was found wrong with the store when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The records that do not fit their seal, by name. They are refused; everything else is served.
    pub damaged: Vec<String>,
    /// Whether records are missing or older than they were: the store was changed behind the daemon's back.
    pub rolled_back: bool,
    /// Whether the vault was open already, so that nothing begins anew.
    pub again: bool,
}

impl Opened {
    /// Reads every record that fits its seal.
    pub(super) fn load(held: Held, store: &dyn Store, chance: &Arc<dyn Chance>) -> Result<Self, Error> {
        let sealer = Sealer::new(&held.ring, "store", chance)?;
        let Loaded { mut index, counted, born, damaged } = load::objects(store, &sealer)?;
        let (mut clients, mut findings) = (Clients::default(), Findings { damaged, ..Findings::default() });
        let lodges = Lodges::load(store, &sealer, &mut findings.damaged)?;
        lodges.sift(&mut index);
        let damaged = load::walk(store, Table::Client, &mut |key, row| match Client::open(key, row, &sealer) {
            Ok(client) => clients.enter(client),
            Err(error) => findings.damaged.push(error.to_string()),
        })?;
        findings.damaged.extend(damaged);
        let errands = Errands::default();
        store.walk(Table::Setting, &mut |key, row| {
            let name = std::str::from_utf8(key).ok().filter(|name| name.starts_with(errand::PREFIX));
            if let Some((name, Ok(content))) = name.map(|name| (name, sealer.open(&Place::setting(name), row))) {
                errands.load(name, &content);
            }
            ControlFlow::Continue(())
        })?;
        let manifest = match store.get(Table::Setting, manifest::KEY.as_bytes())? {
            Some(row) => Manifest::open(&sealer, &row)?,
            None => Manifest::default(),
        };
        findings.rolled_back = findings.damaged.is_empty() && !manifest.agrees_with(&counted);
        Ok(Self {
            audit: Sealer::new(&held.ring, "audit", chance)?,
            sealer,
            index: RwLock::new(index),
            clients: RwLock::new(clients),
            claims: Arc::default(),
            flights: Arc::default(),
            errands: Arc::new(errands),
            manifest: Mutex::new(manifest),
            findings,
            gate: RwLock::default(),
            round: Mutex::default(),
            held: Mutex::new(held),
            births: AtomicU64::new(born.max(lodges.last())),
            lodges,
            shelf: Shelf::default(),
            keys: Mutex::default(),
            publics: Mutex::default(),
        })
    }

    /// What the vault is sealed with.
    pub(super) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes over to what the store has now. Older keys go on opening what was read before.
    pub(super) fn exchange(&self, next: Held) -> Result<(), Error> {
        let mut held = self.held();
        if next.ring.number() != held.ring.number() {
            self.settle_ring(&next.ring)?;
        }
        *held = next;
        Ok(())
    }

    /// Seals by the newest key of a ring, and opens by those that it has.
    pub(super) fn settle_ring(&self, ring: &Ring) -> Result<(), Error> {
        self.sealer.follow(ring)?;
        self.audit.follow(ring)
    }

    /// The number of the next object.
    pub(super) fn next_birth(&self) -> u64 {
        self.births.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// The number of the last object.
    pub(super) fn births(&self) -> u64 {
        self.births.load(Ordering::Relaxed)
    }

    /// Hands rows to the store, sealed while nobody reseals.
    pub(super) fn hand_over(
        &self,
        store: &dyn Store,
        rows: impl FnOnce(&Sealer) -> Result<Batch, Error>,
    ) -> Result<store::Receipt, Error> {
        let _open = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        Ok(store.commit(rows(&self.sealer)?))
    }

    /// The object as it stands.
    pub(super) fn object(&self, id: &ObjectId) -> Result<Arc<Object>, Error> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        index.get(id).cloned().ok_or_else(|| Error::Unknown(id.clone()))
    }

    /// The key, if it was opened before and not changed since.
    pub(super) fn cached(&self, object: &Object) -> Option<Arc<dyn Key>> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get(&object.id).filter(|(written, _)| *written == object.written).map(|(_, key)| Arc::clone(key))
    }

    /// Remembers an opened key.
    pub(super) fn remember(&self, object: &Object, key: &Arc<dyn Key>) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= MOST_KEYS {
            let mut keep = false;
            keys.retain(|_, _| {
                keep = !keep;
                keep
            });
        }
        keys.insert(object.id.clone(), (object.written, Arc::clone(key)));
    }

    /// The public half of a pair, if it was asked for before. It never changes while the object is there.
    pub(super) fn public_half(&self, object: &Object) -> Option<Arc<[u8]>> {
        self.publics.lock().unwrap_or_else(PoisonError::into_inner).get(&object.id).map(Arc::clone)
    }

    /// Remembers the public half of a pair.
    pub(super) fn remember_public(&self, object: &Object, info: &Arc<[u8]>) {
        let mut publics = self.publics.lock().unwrap_or_else(PoisonError::into_inner);
        if publics.len() >= MOST_PUBLICS {
            publics.clear();
        }
        publics.insert(object.id.clone(), Arc::clone(info));
    }

    /// Forgets a key that is gone or changed.
    pub(super) fn forget(&self, id: &ObjectId) {
        self.publics.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

/// An opened RSA key takes a few kilobytes; this many take some ten megabytes.
const MOST_KEYS: usize = 4096;
/// A public half takes some hundred bytes.
const MOST_PUBLICS: usize = 16_384;
