//! A vault over a store in memory, which can die.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use strongroom::{
    caller::{Caller, Front, Principal, Role, Scope},
    clock::{StillClock, Time},
    receipt::Receipt,
    sharing::{Label, Share},
    slot::{
        Family, Form, Made, Material, Recipe,
        policy::Level,
        software::{Random, Software},
    },
    store::{self, Batch, Gather, Kind, Settings, Snapshot, Store, Table, Visit},
    vault::{
        Action, Change, Content, Entered, Error, Fitted, New, ObjectId, Others, Released, Resealed, UnsealKey, Vault,
        Wanted,
    },
};
use strongroom_kmip::{
    attribute::{Attribute, Set},
    code::ObjectType,
    secret::Secret,
};

/// A store that dies after so many commits: with the last of them kept, or without.
pub(crate) struct Mortal {
    pub(crate) inner: Arc<dyn Store>,
    pub(crate) left: AtomicUsize,
    pub(crate) kept: bool,
}

impl Store for Mortal {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, store::Error> {
        self.inner.get(table, key)
    }

    fn walk(&self, table: Table, visit: &mut Visit<'_>) -> Result<(), store::Error> {
        self.inner.walk(table, visit)
    }

    fn commit(&self, batch: Batch) -> store::Receipt {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| Some(left.saturating_sub(1)));
        match left.unwrap() {
            0 => Receipt::ready(Err(store::Error::Failed)),
            1 => {
                if self.kept {
                    self.inner.commit(batch).wait().unwrap();
                }
                Receipt::ready(Err(store::Error::Failed))
            }
            _ => self.inner.commit(batch),
        }
    }

    fn gather(&self, from: Arc<dyn Gather>) {
        self.inner.gather(from);
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot>, store::Error> {
        self.inner.snapshot()
    }

    fn generation(&self) -> u64 {
        self.inner.generation()
    }

    fn close(&self) -> Result<(), store::Error> {
        Ok(())
    }
}

pub(crate) struct Room {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Vault,
    pub(crate) clock: Arc<StillClock>,
}

impl Room {
    pub(crate) fn new() -> Self {
        let store = store::open(&Settings::new(Kind::Memory, "")).unwrap();
        let room = Self::over(store);
        room.vault.initialise(&[file(7)]).unwrap();
        room.vault.enter(file(7)).unwrap();
        room
    }

    pub(crate) fn over(store: Arc<dyn Store>) -> Self {
        let slot = Fitted::new(Arc::new(Software::new("dev")), Level::Standard);
        let clock = Arc::new(StillClock::at(Time::from_seconds(1_800_000_000)));
        let vault = Vault::new(store.clone(), vec![slot], clock.clone(), Arc::new(Random::default()));
        Self { store, vault, clock }
    }

    /// The same store, sealed.
    pub(crate) fn again(&self) -> Self {
        Self::over(Arc::clone(&self.store))
    }

    pub(crate) fn change<T>(&self, work: impl FnOnce(&mut Change) -> Result<T, Error>) -> Result<T, Error> {
        let mut change = self.vault.begin()?;
        let result = work(&mut change)?;
        self.vault.commit(change).wait()?;
        Ok(result)
    }

    pub(crate) fn add(&self) -> ObjectId {
        let recipe = Recipe::Symmetric { family: Family::Aes, bits: 256 };
        let Made::One(kept) = self.vault.make(None, &recipe).unwrap() else { panic!("a pair") };
        let attributes: Set = [Attribute::ObjectType(ObjectType::SymmetricKey)].into_iter().collect();
        let new = New { slot: "dev".to_owned(), content: Content::Key(kept), attributes };
        self.change(|change| self.vault.add(change, &alice(), new)).unwrap()
    }

    pub(crate) fn read(&self, id: &ObjectId) -> Secret {
        let (object, permit) = self.vault.see(&alice(), id, Action::Read).unwrap();
        match self.vault.release(&object, &permit, Form::Raw).unwrap() {
            Released::Key(Material::Raw(bytes)) => bytes,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn rekey(&self, wanted: Vec<Wanted>, others: Others) -> Result<Vec<Share>, Error> {
        Ok(self.change(|change| self.vault.rekey(change, wanted, others))?.shares)
    }

    /// Enters, and notes what that shows.
    pub(crate) fn enter(&self, key: UnsealKey) -> Result<bool, Error> {
        let Entered::Open { proves, .. } = self.vault.enter(key)? else { return Ok(false) };
        if let Some(number) = proves {
            self.change(|change| self.vault.prove(change, number))?;
        }
        Ok(true)
    }

    /// Reseals until there is nothing to do, and lets older keys go.
    pub(crate) fn round(&self) -> Result<(), Error> {
        loop {
            match self.vault.reseal()? {
                Resealed::Nothing => return Ok(()),
                Resealed::Some { .. } => {}
                Resealed::All => self.change(|change| self.vault.retire(change))?,
            }
        }
    }

    pub(crate) fn row(&self) -> Vec<u8> {
        self.store.get(Table::Setting, b"seal").unwrap().unwrap()
    }

    pub(crate) fn opens(&self, key: UnsealKey) -> bool {
        let again = self.again();
        let opened = again.vault.enter(key).is_ok_and(|entered| matches!(entered, Entered::Open { .. }));
        assert_eq!(opened, !again.vault.is_sealed());
        opened
    }
}

pub(crate) fn alice() -> Caller {
    Caller {
        principal: Principal::Client("alice".parse().unwrap()),
        role: Role::User,
        front: Front::Kmip,
        from: String::new(),
        scope: Scope::Everything,
    }
}

pub(crate) fn file(byte: u8) -> UnsealKey {
    UnsealKey::File(bytes(byte))
}

pub(crate) fn bytes(byte: u8) -> Secret {
    Secret::new(vec![byte; 32])
}

pub(crate) fn shares(threshold: u8) -> Wanted {
    let labels = ["alice", "bob", "carol"].map(|name| Label::try_from(name.to_owned()).unwrap());
    Wanted::Shares { threshold, labels: labels.to_vec() }
}

pub(crate) fn copy(share: &Share) -> UnsealKey {
    UnsealKey::Share(Share::read(share.write().reveal()).unwrap())
}
