//! What there is to see: what is kept, with a change on top that is not kept yet. The items of one batch see so what
//! the ones before them have made, also where all of it may still be undone.

use std::sync::{Arc, PoisonError};

use strongroom_kmip::{mechanism::Hash, secret::Secret};

use super::{
    action::Action,
    change::Change,
    error::Error,
    find::{self, Found, Pending, Query},
    identifier::ObjectId,
    opened::Opened,
    policy::{self, Permit},
    record::{Body, Object},
    seal::Place,
    slots::{self, All, Fitted},
    state,
    usable::{self, Usable},
};
use crate::{
    caller::Caller,
    clock::Time,
    slot::{Derivation, Family, Finish, Form, Kept, Material, Purpose, Shape, policy::Level},
    store::{Store, Table},
};

/// The vault as one call sees it.
pub struct View<'v> {
    pub(super) opened: Arc<Opened>,
    pub(super) change: Option<&'v Change>,
    pub(super) store: &'v dyn Store,
    pub(super) slots: All,
    pub(super) now: Time,
}

/// The secret part of an object.
#[derive(Debug)]
pub enum Content {
    /// A key that a slot made or took.
    Key(Kept),
    /// Bytes that are kept and given back.
    Blob(Secret),
}

/// What a caller may get out of an object.
#[derive(Debug)]
pub enum Released {
    /// A key, in the form that was asked for.
    Key(Material),
    /// The bytes as they came.
    Blob(Secret),
}

/// An object that other secrets may be made of; only the door gives one.
pub struct Base {
    object: Arc<Object>,
    content: Content,
    fitted: Arc<Fitted>,
}

impl Base {
    /// The object.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// The object, to keep.
    pub fn shared(&self) -> Arc<Object> {
        Arc::clone(&self.object)
    }

    /// What it is made of.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// A secret of so many bytes for whoever has the private half of this key, and what brings it there.
    ///
    /// # Errors
    /// [`Error::Slot`], as the slot or its policy says.
    pub fn encapsulate(&self, finish: &Finish, length: usize) -> Result<(Vec<u8>, Secret), Error> {
        let Content::Key(kept) = &self.content else {
            return Err(Error::Use { object: self.object.id.clone(), why: "it is not a key" });
        };
        self.allow(finish.hash())?;
        Ok(self.fitted.slot.encapsulate(kept, finish, length)?)
    }

    /// Whether the slot's policy lets a secret rest on that hash, where it rests on one.
    fn allow(&self, hash: Option<Hash>) -> Result<(), Error> {
        let Some(hash) = hash else { return Ok(()) };
        crate::slot::policy::check_digest(self.fitted.level, hash)
            .map_err(|forbidden| Error::Use { object: self.object.id.clone(), why: forbidden.what })
    }

    /// Makes a secret of so many bytes out of the key or, where the object is none, out of `bytes`, which are its own.
    ///
    /// # Errors
    /// [`Error::Slot`], as the slot or its policy says.
    pub fn derive(&self, bytes: Option<&Secret>, derivation: &Derivation, length: usize) -> Result<Secret, Error> {
        let own;
        let kept = match (&self.content, bytes) {
            (Content::Key(kept), _) => kept,
            (Content::Blob(_), Some(bytes)) => {
                let shape = Shape::Symmetric { family: Family::Hmac, bits: bytes.len().saturating_mul(8) };
                own = Kept { shape, held: bytes.duplicate() };
                &own
            }
            (Content::Blob(_), None) => {
                return Err(Error::Use { object: self.object.id.clone(), why: "nothing is made out of it" });
            }
        };
        let closely = self.object.is_kept_closely();
        if closely && derivation.is_reversible() && self.fitted.level > Level::Legacy {
            let why = "it is sensitive or unextractable, and what is derived so tells of it";
            return Err(Error::Use { object: self.object.id.clone(), why });
        }
        if let Derivation::Encrypt { mechanism, .. } = derivation {
            crate::slot::policy::check(self.fitted.level, Purpose::Encrypt, mechanism, kept.shape)
                .map_err(|forbidden| Error::Use { object: self.object.id.clone(), why: forbidden.what })?;
        }
        self.allow(derivation.hash())?;
        Ok(self.fitted.slot.derive(kept, derivation, length)?)
    }
}

impl View<'_> {
    /// The object, if the caller may do this with it.
    ///
    /// # Errors
    /// [`Error::Unknown`] and [`Error::Forbidden`], which must look alike outside.
    pub fn see(&self, caller: &Caller, id: &ObjectId, action: Action) -> Result<(Arc<Object>, Permit), Error> {
        let object = policy::reached(caller, id, self.object(id))?;
        let permit = policy::permit(caller, &object, action)?;
        object.at_hand(action)?;
        Ok((object, permit))
    }

    /// The objects that the caller looks for and may see.
    pub fn find(&self, caller: &Caller, query: &Query) -> Found {
        let candidates = find::candidates(&self.opened.index.read().unwrap_or_else(PoisonError::into_inner), query);
        let pending: Vec<Arc<Object>> = self.change.into_iter().flat_map(Change::pending).collect();
        let gone: Vec<&ObjectId> = self.change.into_iter().flat_map(Change::expunged).collect();
        find::find(candidates, &Pending { objects: &pending, gone: &gone }, caller, query, self.now)
    }

    /// The object's material, for a permit to read it; a key in the form that was asked for. A public key or a certificate takes a
    /// permit to see it only.
    ///
    /// # Errors
    /// [`Error::Use`] without the permit, or for an object that is destroyed.
    pub fn release(&self, object: &Object, permit: &Permit, form: Form) -> Result<Released, Error> {
        let public = object.is_public();
        let enough = permit.covers(&object.id, Action::Read) || (public && permit.covers(&object.id, Action::See));
        object.at_hand(Action::Read)?;
        if !enough {
            return Err(Error::Use { object: object.id.clone(), why: "there is no permit to read it" });
        }
        match self.content(object)? {
            Content::Key(kept) => {
                Ok(Released::Key(slots::find(&self.slots, Some(&object.slot))?.slot.give(&kept, form)?))
            }
            Content::Blob(bytes) => Ok(Released::Blob(bytes)),
        }
    }

    /// The key, if policy, state, mask and slot allow the purpose now.
    ///
    /// # Errors
    /// [`Error`], as whichever of them says no.
    pub fn usable(&self, caller: &Caller, id: &ObjectId, purpose: Purpose) -> Result<Usable, Error> {
        let object = policy::reached(caller, id, self.object(id))?;
        policy::permit(caller, &object, Action::Use)?;
        object.at_hand(Action::Use)?;
        let Body::Key(shape) = object.body else {
            return Err(match object.state(self.now) {
                Some(state) if state::is_destroyed(state) => Error::State { object: id.clone(), state },
                _ => Error::Use { object: id.clone(), why: "it is not a key" },
            });
        };
        usable::check(&object, purpose, shape, self.now)?;
        let fitted = slots::find(&self.slots, Some(&object.slot))?;
        let key = match self.opened.cached(&object) {
            Some(key) => key,
            None => {
                let Content::Key(kept) = self.content(&object)? else {
                    return Err(Error::Use { object: id.clone(), why: "it is not a key" });
                };
                let key = fitted.slot.open(&kept)?;
                // What may still be undone is not remembered beyond this call.
                if self.change.and_then(|change| change.secret(id)).is_none() {
                    self.opened.remember(&object, &key);
                }
                key
            }
        };
        Ok(Usable { object, key, shape, purpose, level: fitted.level })
    }

    /// What may be made other secrets of now: policy, state and mask are asked.
    ///
    /// # Errors
    /// [`Error`], as whichever of them says no.
    pub fn base(&self, caller: &Caller, id: &ObjectId) -> Result<Base, Error> {
        let object = self.object(id)?;
        policy::permit(caller, &object, Action::Use)?;
        object.at_hand(Action::Use)?;
        let generic = Shape::Symmetric { family: Family::Foreign, bits: 0 };
        let shape = if let Body::Key(shape) = object.body { shape } else { generic };
        usable::check(&object, Purpose::Derive, shape, self.now)?;
        let content = self.content(&object)?;
        let fitted = slots::find(&self.slots, Some(&object.slot))?;
        Ok(Base { object, content, fitted })
    }

    /// A sealed setting.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn setting(&self, name: &str) -> Result<Option<Secret>, Error> {
        if let Some(written) = self.change.and_then(|change| change.setting(name)) {
            return Ok(written.map(Secret::duplicate));
        }
        let row = self.store.get(Table::Setting, name.as_bytes())?;
        row.map(|row| self.opened.sealer.open(&Place::setting(name), &row)).transpose()
    }

    /// The keys of a slot.
    pub(super) fn objects_in(&self, slot: &str) -> Vec<Arc<Object>> {
        let index = self.opened.index.read().unwrap_or_else(PoisonError::into_inner);
        let here = |object: &&Arc<Object>| object.slot == slot && matches!(object.body, Body::Key(_));
        index.all().filter(here).map(Arc::clone).collect()
    }

    pub(super) fn content(&self, object: &Object) -> Result<Content, Error> {
        let gone = || Error::Use { object: object.id.clone(), why: "it is destroyed" };
        if object.is_destroyed() {
            return Err(gone());
        }
        let secret = match self.change.and_then(|change| change.secret(&object.id)) {
            Some(secret) => secret.duplicate(),
            None => {
                let (_, key) = Object::rows(&object.id);
                let row = self.store.get(Table::Object, &key)?.ok_or_else(gone)?;
                let own = self.opened.lodges.key(&object.slot);
                object.open_secret(&row, &self.opened.sealer, own.as_deref())?
            }
        };
        Ok(match object.body {
            Body::Key(shape) => Content::Key(Kept { shape, held: secret }),
            Body::Blob | Body::Gone => Content::Blob(secret),
        })
    }

    fn object(&self, id: &ObjectId) -> Result<Arc<Object>, Error> {
        match self.change.map_or(Ok(None), |change| change.written(id))? {
            Some(object) => Ok(Arc::new(object.clone())),
            None => self.opened.object(id),
        }
    }
}
