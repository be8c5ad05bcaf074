//! Objects of one key: how there come to be several, and that all of them remember the nonces of each together.

use std::sync::{Arc, PoisonError};

use strongroom_kmip::{attribute::Set, secret::Secret};

use super::{
    action::Action,
    change::Change,
    door::{New, Vault},
    error::Error,
    identifier::ObjectId,
    marks::Spent,
    nonce,
    record::{Body, Object},
    view::Content,
};
use crate::{
    caller::Caller,
    receipt::Receipt,
    slot::Shape,
    store::{self, Batch, Store},
};

impl Change {
    /// Remembers a nonce for a key, whichever of its objects it is used through.
    pub(super) fn spend(&mut self, object: &Object, nonce: &[u8], store: &dyn Store) -> Result<Spent, Error> {
        if object.forgot {
            return Ok(Spent::Forgotten);
        }
        let (id, key) = (&object.id, object.remembers());
        let mark = nonce::mark(key, nonce);
        if self.nonces.has(key, &mark) {
            return Ok(Spent::Again);
        }
        self.claim_name(nonce::claim(key, &mark)).map_err(|_| Error::Busy(id.clone()))?;
        let opened = self.opened();
        let spent = self.nonces.spend(key, mark, store, &opened.sealer, &opened.shelf)?;
        if spent == Spent::Fresh {
            let known = self.written(id)?.map(|object| object.nonces.is_some());
            if !known.unwrap_or_else(|| opened.object(id).is_ok_and(|object| object.nonces.is_some())) {
                let mut object = self.claim(id)?;
                object.nonces = Some(key.clone());
                self.replace(object);
            }
        }
        Ok(spent)
    }

    /// Keeps what only spends, safe from the end of the process, but not yet from a loss of power.
    pub(super) fn jot(mut self, store: &dyn Store) -> store::Receipt {
        let opened = self.opened();
        let jotted = {
            let _open = opened.gate.read().unwrap_or_else(PoisonError::into_inner);
            let mut note = Batch::new();
            let noted = self.nonces.note(&mut note);
            let spent = noted.and_then(|()| self.nonces.hand_over(&mut note, store, &opened.sealer, &opened.shelf));
            spent.map(|()| store.jot(note))
        };
        match jotted {
            Ok(receipt) => self.publish(receipt),
            Err(error) => {
                log::error!("nonces could not be written: {error}");
                Receipt::ready(Err(store::Error::Failed))
            }
        }
    }

    /// Lets an object that the change adds share the nonces of one that it has claimed and whose key it has.
    pub(super) fn share(&mut self, mut first: Object, copy: &ObjectId) {
        let (key, forgot) = (first.remembers().clone(), first.forgot);
        if first.nonces.is_none() {
            first.nonces = Some(key.clone());
            self.replace(first);
        }
        if let Some(object) = self.written_mut(copy) {
            object.nonces = Some(key);
            object.forgot = forgot;
        }
    }

    /// Remembers no nonce any more of an object that is gone, unless its key has another.
    pub(super) fn forget(&mut self, object: &Object) {
        let Some(key) = &object.nonces else { return };
        let shares = |other: &Object| other.id != object.id && other.nonces.as_ref() == Some(key);
        let opened = self.opened();
        let shared = self.pending().any(|other| shares(&other)) || {
            let index = opened.index.read().unwrap_or_else(PoisonError::into_inner);
            index.all().any(|other| shares(other) && self.written(&other.id).is_ok_and(|newer| newer.is_none()))
        };
        if !shared {
            self.nonces.forget(key);
        }
    }
}

impl Vault {
    /// Lets no secret key take nonces of its callers' choosing any more, as long as it lives: which it has had elsewhere nobody
    /// knows. Says how many keys that are.
    ///
    /// # Errors
    /// [`Error::Sealed`], [`Error::Store`], [`Error::Busy`].
    pub fn forget_nonces(&self) -> Result<u64, Error> {
        let keys: Vec<ObjectId> = {
            let opened = self.opened()?;
            let index = opened.index.read().unwrap_or_else(PoisonError::into_inner);
            let takes =
                |object: &&Arc<Object>| matches!(object.body, Body::Key(Shape::Symmetric { .. })) && !object.forgot;
            index.all().filter(takes).map(|object| object.id.clone()).collect()
        };
        for some in keys.chunks(AT_ONCE) {
            let mut change = self.begin()?;
            for id in some {
                let mut object = change.claim(id)?;
                object.forgot = true;
                change.replace(object);
            }
            self.commit(change).wait()?;
        }
        Ok(u64::try_from(keys.len()).unwrap_or(u64::MAX))
    }

    /// Adds another object of the same content to a change: to the owner's own objects alone, or a grant would outlive its
    /// end. The content stays inside.
    ///
    /// # Errors
    /// [`Error`], as the policy or `edit` says; [`Error::Use`] for an object that is destroyed.
    pub fn copy<E: From<Error>>(
        &self,
        change: &mut Change,
        caller: &Caller,
        id: &ObjectId,
        edit: impl FnOnce(&Object) -> Result<Set, E>,
    ) -> Result<ObjectId, E> {
        let view = self.with(None)?;
        let (object, _) = view.see(caller, id, Action::Share)?;
        if object.owner != caller.principal {
            let (who, object) = (caller.principal.clone(), id.clone());
            return Err(Error::Forbidden { who, action: Action::Share, object }.into());
        }
        // Nobody ends it meanwhile, and with it what is remembered of its key.
        let object = change.claim(id)?;
        object.at_hand(Action::Read)?;
        let attributes = edit(&object)?;
        let content = self.copied(&object, view.content(&object)?)?;
        let new = New { slot: object.slot.clone(), content, attributes };
        let copy = self.add(change, caller, new)?;
        if matches!(object.body, Body::Key(Shape::Symmetric { .. })) {
            change.share(object, &copy);
        }
        Ok(copy)
    }

    /// Whether this is the key that an object has already.
    pub(super) fn is_of(&self, change: &Change, object: &Object, secret: &Secret) -> Result<bool, Error> {
        if !matches!(object.body, Body::Key(_)) {
            return Ok(false);
        }
        Ok(match self.with(Some(change))?.content(object)? {
            Content::Key(kept) => kept.held.same_as(secret.reveal()),
            Content::Blob(_) => false,
        })
    }
}

/// Objects that are changed together where all of them are.
const AT_ONCE: usize = 512;
