//! The door: every way to an object, and the one way to change it.

use std::{
    ops::ControlFlow,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use strongroom_kmip::{
    attribute::{Attribute, Set, Standard},
    mechanism::Hash,
    secret::Secret,
    ttlv::Bytes,
};

use super::{
    action::Action,
    change::Change,
    client::Grant,
    entry::{Entry, Hands},
    error::Error,
    find::{Found, Query},
    flight::Flights,
    header,
    identifier::ObjectId,
    marks::Spent,
    opened::{Findings, Opened},
    policy::{self, Permit},
    record::{Body, Object},
    seal::{Place, Sealer},
    slots::{self, Fitted, Slots},
    usable::Usable,
    view::{Content, Released, View},
};
use crate::{
    caller::Caller,
    chance::{self, Chance},
    clock::{Clock, Time},
    slot::{Derivation, Form, Material, Purpose, Running, Shape},
    store::{self, Store, Table},
};

/// Keeps objects; sealed until somebody unseals it.
pub struct Vault {
    pub(super) store: Arc<dyn Store>,
    pub(super) slots: Arc<Slots>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) chance: Arc<dyn Chance>,
    open: RwLock<Option<Arc<Opened>>>,
    /// Held while the vault is being opened, so that it is opened once: the changes under way since it was opened last.
    pub(super) unsealing: Mutex<Arc<Flights>>,
    /// What was entered and is not enough yet.
    pub(super) entry: Mutex<Entry>,
    pub(super) hands: Hands,
}

/// An object to be.
pub struct New {
    /// In which slot.
    pub slot: String,
    /// What it is made of.
    pub content: Content,
    /// Its attributes.
    pub attributes: Set,
}

impl Vault {
    /// A vault over a store and its slots, sealed. The first slot is where objects go that name none.
    pub fn new(store: Arc<dyn Store>, slots: Vec<Fitted>, clock: Arc<dyn Clock>, chance: Arc<dyn Chance>) -> Self {
        let (unsealing, entry) = (Mutex::default(), Mutex::default());
        let (slots, open, hands) = (Arc::new(Slots::new(slots)), RwLock::new(None), Hands::default());
        Self { store, slots, clock, chance, open, unsealing, entry, hands }
    }

    /// The vault with who may enter the shares of one set.
    #[must_use]
    pub fn with_hands(self, hands: Hands) -> Self {
        Self { hands, ..self }
    }

    /// Who may enter the shares of one set.
    pub fn hands(&self) -> Hands {
        self.hands
    }

    /// Whether what is derived so in a slot may be kept less closely than its key.
    pub fn derives_openly(&self, slot: &str, derivation: &Derivation, base: Shape) -> bool {
        self.slot(Some(slot)).is_ok_and(|fitted| fitted.openness().covers(derivation, base))
    }

    /// Whether the store has a root key.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn is_initialised(&self) -> Result<bool, Error> {
        Ok(self.store.get(Table::Setting, header::ROW.as_bytes())?.is_some())
    }

    /// Lets requests in.
    pub(super) fn let_in(&self, opened: Opened) {
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(opened));
    }

    /// Seals the vault: the keys are forgotten, and every request is refused until it is unsealed. Work that has
    /// its key in hand already, and changes under way, are finished. What was made ahead is wiped.
    pub fn seal(&self) {
        let opened = self.open.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(opened) = opened {
            opened.flights.close();
        }
        self.forget();
    }

    /// Whether the vault is sealed.
    pub fn is_sealed(&self) -> bool {
        self.opened().is_err()
    }

    /// What was found wrong with the store when it was unsealed.
    ///
    /// # Errors
    /// [`Error::Sealed`].
    pub fn findings(&self) -> Result<Findings, Error> {
        Ok(self.opened()?.findings.clone())
    }

    /// How many objects there are.
    ///
    /// # Errors
    /// [`Error::Sealed`].
    pub fn count(&self) -> Result<usize, Error> {
        Ok(self.opened()?.index.read().unwrap_or_else(PoisonError::into_inner).len())
    }

    /// Seals and opens what the audit log keeps for itself.
    ///
    /// # Errors
    /// [`Error::Sealed`].
    pub fn audit_sealer(&self) -> Result<Sealer, Error> {
        Ok(self.opened()?.audit.clone())
    }

    /// The slots, those of the configuration first.
    pub fn slots(&self) -> Arc<[Arc<Fitted>]> {
        self.slots.all()
    }

    /// The slot of this key; without one, the first.
    ///
    /// # Errors
    /// [`Error::NoSlot`].
    pub fn slot(&self, key: Option<&str>) -> Result<Arc<Fitted>, Error> {
        slots::find(&self.slots(), key)
    }

    /// The vault as it would be with a change that is not kept yet. A change that was begun before the vault was sealed is
    /// finished, so its view stays.
    ///
    /// # Errors
    /// [`Error::Sealed`].
    pub fn with<'v>(&'v self, change: Option<&'v Change>) -> Result<View<'v>, Error> {
        let opened = change.map_or_else(|| self.opened(), |change| Ok(change.opened()))?;
        Ok(View { opened, change, store: &*self.store, slots: self.slots(), now: self.clock.now() })
    }

    /// The object, if the caller may do this with it.
    ///
    /// # Errors
    /// [`Error::Unknown`] and [`Error::Forbidden`], which must look alike outside; [`Error::Sealed`].
    pub fn see(&self, caller: &Caller, id: &ObjectId, action: Action) -> Result<(Arc<Object>, Permit), Error> {
        self.with(None)?.see(caller, id, action)
    }

    /// The generation of an object as it is stored, or nothing when there is no such object.
    ///
    /// # Errors
    /// [`Error::Sealed`].
    pub fn generation_of(&self, id: &ObjectId) -> Result<Option<u64>, Error> {
        match self.opened()?.object(id) {
            Ok(object) => Ok(Some(object.generation)),
            Err(Error::Unknown(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The objects that the caller looks for and may see.
    ///
    /// # Errors
    /// [`Error::Sealed`].
    pub fn find(&self, caller: &Caller, query: &Query) -> Result<Found, Error> {
        Ok(self.with(None)?.find(caller, query))
    }

    /// The object's material, for a permit to read it; a key in the form that was asked for. A public key or a certificate takes a
    /// permit to see it only.
    ///
    /// # Errors
    /// [`Error::Use`] without the permit, or for an object that is destroyed.
    pub fn release(&self, object: &Object, permit: &Permit, form: Form) -> Result<Released, Error> {
        self.with(None)?.release(object, permit, form)
    }

    /// The public half of a key pair, from either of its halves, for a permit to see it: SubjectPublicKeyInfo, DER.
    /// Nothing for other objects. It is no secret, and it is remembered, since tools ask for it often.
    ///
    /// # Errors
    /// [`Error::Use`] without the permit, or for an object that is destroyed.
    pub fn public_half(&self, object: &Object, permit: &Permit) -> Result<Option<Arc<[u8]>>, Error> {
        if !permit.covers(&object.id, Action::See) {
            return Err(Error::Use { object: object.id.clone(), why: "there is no permit to see it" });
        }
        if !matches!(object.body, Body::Key(Shape::Private(_) | Shape::Public(_))) {
            return Ok(None);
        }
        let opened = self.opened()?;
        if let Some(known) = opened.public_half(object) {
            return Ok(Some(known));
        }
        let Content::Key(kept) = self.with(None)?.content(object)? else { return Ok(None) };
        let given = self.slot(Some(&object.slot))?.slot.give(&kept, Form::PublicKeyInfo)?;
        let Material::PublicKeyInfo(info) = given else { return Err(Error::Broken("giving a public key")) };
        let info: Arc<[u8]> = info.into();
        opened.remember_public(object, &info);
        Ok(Some(info))
    }

    /// The key, if policy, state, mask and slot allow the purpose now.
    ///
    /// # Errors
    /// [`Error`], as whichever of them says no.
    pub fn usable(&self, caller: &Caller, id: &ObjectId, purpose: Purpose) -> Result<Usable, Error> {
        self.with(None)?.usable(caller, id, purpose)
    }

    /// Starts a digest in the first slot.
    ///
    /// # Errors
    /// [`Error::Slot`].
    pub fn digest(&self, hash: Hash) -> Result<Box<dyn Running>, Error> {
        let fitted = self.slot(None)?;
        crate::slot::policy::check_digest(fitted.level, hash)
            .map_err(|forbidden| crate::slot::Error::Unsupported(forbidden.what))?;
        Ok(fitted.slot.digest(hash)?)
    }

    /// The random source.
    pub fn chance(&self) -> &dyn Chance {
        &*self.chance
    }

    /// The time now.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// An empty change.
    ///
    /// # Errors
    /// [`Error::Sealed`].
    pub fn begin(&self) -> Result<Change, Error> {
        Change::new(self.opened()?)
    }

    /// Adds an object to a change, with the caller as its owner.
    ///
    /// # Errors
    /// [`Error::Use`] for a caller that may make nothing.
    pub fn add(&self, change: &mut Change, caller: &Caller, new: New) -> Result<ObjectId, Error> {
        let id = ObjectId::random(&*self.chance)?;
        let fitted = self.slot(Some(&new.slot))?;
        change.admit(&fitted)?;
        let (object, secret) = self.newborn(change, caller, &id, new)?;
        self.hold(change, &object, &secret)?;
        change.add(object, secret);
        Ok(id)
    }

    /// Adds an object under an identifier that the caller brings, in place of one that is the caller's own where
    /// `replace` says so. False when there is an object of that identifier and it stays, as another's always does: nobody
    /// puts a key under a name that others trust.
    ///
    /// # Errors
    /// [`Error::Use`] for a caller that may make nothing.
    pub fn install(
        &self,
        change: &mut Change,
        caller: &Caller,
        id: &ObjectId,
        new: New,
        replace: bool,
    ) -> Result<bool, Error> {
        let old = change.reserve(id)?;
        if old.as_ref().is_some_and(|old| !replace || old.owner != caller.principal) {
            return Ok(false);
        }
        let fitted = self.slot(Some(&new.slot))?;
        match &old {
            Some(old) if old.slot == new.slot && !old.is_destroyed() => change.stay(&new.slot).map(|_| ())?,
            _ => change.admit(&fitted)?,
        }
        let (mut object, secret) = self.newborn(change, caller, id, new)?;
        if let Some(old) = &old {
            object.grants.clone_from(&old.grants);
            if (old.nonces.is_some() || old.forgot) && self.is_of(change, old, &secret)? {
                object.nonces.clone_from(&old.nonces);
                object.forgot = old.forgot;
            }
            self.part(change, old)?;
        }
        self.hold(change, &object, &secret)?;
        change.install(object, secret, old.as_ref());
        Ok(true)
    }

    fn newborn(&self, change: &Change, caller: &Caller, id: &ObjectId, new: New) -> Result<(Object, Secret), Error> {
        if !policy::may_create(caller) {
            let object = id.clone();
            return Err(Error::Forbidden { who: caller.principal.clone(), action: Action::Change, object });
        }
        let (body, secret) = match new.content {
            Content::Key(kept) => (Body::Key(kept.shape), kept.held),
            Content::Blob(bytes) => (Body::Blob, bytes),
        };
        let mut object = Object {
            id: id.clone(),
            owner: caller.principal.clone(),
            grants: Vec::new(),
            slot: new.slot,
            body,
            attributes: new.attributes,
            born: change.next_birth(),
            generation: 1,
            written: 1,
            nonces: None,
            forgot: false,
        };
        object.attributes.identify(id.as_str());
        if object.attributes.standard(Standard::ShortUniqueIdentifier).is_none() {
            let short: [u8; 8] = chance::array(&*self.chance)?;
            object.attributes.put(Attribute::ShortUniqueIdentifier(Bytes(short.to_vec())));
        }
        Ok((object, secret))
    }

    /// Changes an object, if the caller may do this with it. Until the change is committed or dropped, nobody else
    /// changes the object.
    ///
    /// # Errors
    /// [`Error`], as the policy or `edit` says; then the change is as it was.
    pub fn edit<T, E: From<Error>>(
        &self,
        change: &mut Change,
        caller: &Caller,
        id: &ObjectId,
        action: Action,
        edit: impl FnOnce(&mut Object) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut object = policy::reached(caller, id, change.claim(id))?;
        policy::permit(caller, &object, action)?;
        object.at_hand(action)?;
        let before = object.body;
        let result = edit(&mut object)?;
        if matches!(before, Body::Key(_)) && object.body == Body::Gone {
            let whole = Object { body: before, ..object.clone() };
            self.part(change, &whole)?;
        }
        change.replace(object);
        Ok(result)
    }

    /// Lets nothing of an object stay, if the caller may end its life. It is for objects that nobody was told would last;
    /// what was to last is destroyed, and its attributes stay.
    ///
    /// # Errors
    /// [`Error`], as the policy says.
    pub fn expunge(&self, change: &mut Change, caller: &Caller, id: &ObjectId) -> Result<(), Error> {
        let object = policy::reached(caller, id, change.claim(id))?;
        policy::permit(caller, &object, Action::Live)?;
        self.part(change, &object)?;
        change.expunge(object);
        Ok(())
    }

    /// Spends a nonce that a caller has chosen for a key: it is remembered with the change. A slot whose policy is for old
    /// data and conformance runs takes any.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Store`], [`Error::Damaged`].
    pub fn spend(&self, change: &mut Change, usable: &Usable, nonce: &[u8]) -> Result<Spent, Error> {
        if usable.level == crate::slot::policy::Level::Legacy {
            return Ok(Spent::Fresh);
        }
        change.spend(&usable.object, nonce, &*self.store)
    }

    /// Grants, or takes back, what somebody may do with an object.
    ///
    /// # Errors
    /// [`Error`], as the policy says.
    pub fn share(&self, change: &mut Change, caller: &Caller, id: &ObjectId, grant: Grant) -> Result<(), Error> {
        self.edit(change, caller, id, Action::Share, |object| {
            object.grants.retain(|(who, _)| *who != grant.to);
            object.grants.extend(grant.level.map(|level| (grant.to, level)));
            Ok(())
        })
    }

    /// Makes a change durable and, once it is, visible. All of it is kept or nothing. May take as long as a write to the disk
    /// does, even though the answer may still be to come then.
    pub fn commit(&self, change: Change) -> store::Receipt {
        change.commit(&*self.store, |store| store.write())
    }

    /// Keeps a change that does nothing but [spend](Change::only_spends) nonces, safe from the end of the process; from a loss
    /// of power it is within some ten milliseconds.
    pub fn jot(&self, change: Change) -> store::Receipt {
        change.jot(&*self.store)
    }

    /// As [`commit`](Self::commit), by the store's own thread: for whoever must not wait.
    pub fn hand_over(&self, change: Change) -> store::Receipt {
        change.commit(&*self.store, |store| store.ring())
    }

    /// Makes durable whatever the store has taken so far.
    pub fn firm(&self) -> store::Receipt {
        let receipt = self.store.enter(store::Batch::new());
        self.store.write();
        receipt
    }

    /// How many groups of changes the store has made durable.
    pub fn generation(&self) -> u64 {
        self.store.generation()
    }

    /// A sealed setting.
    ///
    /// # Errors
    /// [`Error::Sealed`], [`Error::Damaged`].
    pub fn setting(&self, name: &str) -> Result<Option<Secret>, Error> {
        self.with(None)?.setting(name)
    }

    /// Shows every sealed setting that can be read.
    ///
    /// # Errors
    /// [`Error::Sealed`], [`Error::Store`].
    pub fn settings(&self, visit: &mut dyn FnMut(&str, Secret)) -> Result<(), Error> {
        let opened = self.opened()?;
        let walked = self.store.walk(Table::Setting, &mut |key, row| {
            let name = std::str::from_utf8(key).ok();
            if let Some((name, Ok(row))) = name.map(|name| (name, opened.sealer.open(&Place::setting(name), row))) {
                visit(name, row);
            }
            ControlFlow::Continue(())
        });
        Ok(walked?)
    }

    pub(super) fn opened(&self) -> Result<Arc<Opened>, Error> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Error::Sealed)
    }
}
