//! What a local front must know of slots and objects before it can ask for anything: which slots there are and what
//! each may do, which objects a search finds, what a key would answer.
//!
//! A search and a look at an object are recorded like any other call. What only prepares a call that will be recorded
//! itself is not.

use std::sync::{Arc, Mutex, PoisonError};

use strongroom_kmip::{
    attribute::Attribute,
    code::{Operation, ResultReason},
    mechanism::Mechanism,
    ttlv::Bytes,
};

use super::{
    pace,
    refusal::Refusal,
    registry::{Error, Service},
};
use crate::{
    audit::{self, Entry, Event, Outcome, Reason, Who},
    caller::Caller,
    receipt::Receipt,
    vault::{self, Action, Object, ObjectId, Offered, Purpose, Query, Shape},
};

/// A slot, as it is shown.
pub struct SlotView {
    /// What it is called.
    pub name: String,
    /// By what objects and the service know it.
    pub key: String,
    /// Its number, which stays its own.
    pub number: u64,
    /// What it is made of.
    pub maker: String,
    fitted: Arc<vault::Fitted>,
    /// What it served when that was asked last, and for which offers.
    served: Mutex<Serving>,
}

/// What a slot serves, and what it offered then.
#[derive(Default)]
struct Serving {
    offers: Arc<[vault::Offer]>,
    served: Arc<[Served]>,
}

impl SlotView {
    fn of(fitted: &Arc<vault::Fitted>) -> Self {
        Self {
            name: fitted.name.clone(),
            key: fitted.key().to_owned(),
            number: fitted.number,
            maker: fitted.slot.maker().to_owned(),
            fitted: Arc::clone(fitted),
            served: Mutex::default(),
        }
    }

    /// Whether it shows a slot as it is now.
    fn is_of(&self, fitted: &Arc<vault::Fitted>) -> bool {
        Arc::ptr_eq(&self.fitted, fitted)
    }

    /// What the slot does now, after its mechanism policy. A slot that was never seen does nothing.
    pub fn offers(&self) -> Arc<[Served]> {
        let offers = self.fitted.slot.offers();
        let mut known = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&known.offers, &offers) {
            let served = |offer: &vault::Offer| {
                let purposes = vault::listing::purposes(self.fitted.level, offer)?;
                Some(Served {
                    mechanism: offer.mechanism,
                    bits: vault::listing::bits(self.fitted.level, offer),
                    purposes,
                })
            };
            let served = offers.iter().filter_map(served).collect();
            *known = Serving { offers, served };
        }
        Arc::clone(&known.served)
    }
}

/// A mechanism that a slot serves.
#[derive(Clone, Debug)]
pub struct Served {
    /// Which one.
    pub mechanism: Offered,
    /// Fewest and most bits of the key.
    pub bits: (usize, usize),
    /// For what.
    pub purposes: Vec<Purpose>,
}

/// A key that is ready for a use that is about to be asked for.
#[derive(Clone, Copy, Debug)]
pub struct Prepared {
    /// What kind of key it is.
    pub shape: Shape,
    /// Bytes of the result, where the key alone decides them.
    pub output: Option<usize>,
}

/// Objects, as they stood when somebody looked.
pub type Shown = Vec<Arc<Object>>;

impl Service {
    /// The slots as they are now, in the order of their numbers. Views that are right still are taken over.
    pub fn slot_views(&self, known: &Arc<[Arc<SlotView>]>) -> Arc<[Arc<SlotView>]> {
        let all = self.vault.slots();
        if known.len() == all.len() && known.iter().zip(all.iter()).all(|(view, fitted)| view.is_of(fitted)) {
            return Arc::clone(known);
        }
        let again = |fitted| known.iter().find(|view| view.is_of(fitted)).map(Arc::clone);
        all.iter().map(|fitted| again(fitted).unwrap_or_else(|| Arc::new(SlotView::of(fitted)))).collect()
    }

    /// Whether an operation may be performed where others wait for the same thread, because it is over so soon.
    pub fn is_quick(&self, operation: Operation) -> bool {
        pace::is_quick(operation, self.vault.slots().iter().any(|fitted| fitted.slot.holding().is_some()))
    }

    /// The objects that fit one of `alternatives`, that the caller may see and that were made after the one of this number,
    /// the oldest first. Recorded as a Locate.
    pub fn search(
        &self,
        caller: &Caller,
        alternatives: Vec<Vec<Attribute>>,
        after: Option<u64>,
    ) -> (Result<Shown, Refusal>, Receipt<(), Error>) {
        let mut all = Shown::new();
        let mut outcome = Ok(());
        for filters in alternatives {
            match self.vault.find(caller, &Query { filters, after, ..Query::default() }) {
                Ok(found) => all.extend(found.objects),
                Err(error) => outcome = Err(error.into()),
            }
        }
        all.sort_by_key(|object| object.born);
        all.dedup_by_key(|object| object.born);
        let outcome: Result<_, Refusal> = outcome.map(|()| all);
        let mut entry = entry(caller, Operation::Locate, outcome.as_ref().err());
        entry.count = outcome.as_ref().ok().and_then(|found| u64::try_from(found.len()).ok());
        let durability = self.durability(Operation::Locate, outcome.is_ok());
        let receipt = self.settle(&entry, durability, None);
        (outcome, receipt)
    }

    /// The object, if the caller may see it. Recorded as a Get Attributes.
    pub fn look(&self, caller: &Caller, id: &ObjectId) -> (Result<Arc<Object>, Refusal>, Receipt<(), Error>) {
        let outcome = self.glance(caller, id);
        let mut entry = entry(caller, Operation::GetAttributes, outcome.as_ref().err());
        let version = outcome.as_ref().ok().map(|object| object.generation);
        entry.object = Some(audit::Object { id: id.as_str(), version });
        let durability = self.durability(Operation::GetAttributes, outcome.is_ok());
        let receipt = self.settle(&entry, durability, None);
        (outcome, receipt)
    }

    /// The object, if the caller may see it; for a front that is about to ask something that is recorded.
    ///
    /// # Errors
    /// [`Refusal`], the same whether the object is not there or not the caller's to see.
    pub fn glance(&self, caller: &Caller, id: &ObjectId) -> Result<Arc<Object>, Refusal> {
        Ok(self.vault.see(caller, id, Action::See)?.0)
    }

    /// The public half of a key pair, from either of its halves: SubjectPublicKeyInfo, DER. Nothing for other objects.
    ///
    /// # Errors
    /// [`Refusal`], the same whether the object is not there or not the caller's to see.
    pub fn public_half(&self, caller: &Caller, id: &ObjectId) -> Result<Option<Arc<[u8]>>, Refusal> {
        let (object, permit) = self.vault.see(caller, id, Action::See)?;
        Ok(self.vault.public_half(&object, &permit)?)
    }

    /// Whether the caller could use the key so, now: policy, state, usage mask and mechanism policy are asked. The use
    /// itself is asked for, and recorded, later; the key's own list of mechanisms is the front's to read before.
    ///
    /// # Errors
    /// [`Refusal`], as any of them says.
    pub fn prepare(
        &self,
        caller: &Caller,
        id: &ObjectId,
        purpose: Purpose,
        mechanism: &Mechanism,
    ) -> Result<Prepared, Refusal> {
        let usable = self.vault.usable(caller, id, purpose)?;
        usable.permitted(mechanism)?;
        Ok(Prepared { shape: usable.shape(), output: usable.output_length(mechanism) })
    }

    /// What kind of key it is that the caller could derive others from, now. The derivation itself is asked for, and
    /// recorded, later.
    ///
    /// # Errors
    /// [`Refusal`], as policy, state or usage mask say, and for what is no key.
    pub fn derivable(&self, caller: &Caller, id: &ObjectId) -> Result<Shape, Refusal> {
        Ok(self.vault.usable(caller, id, Purpose::Derive)?.shape())
    }

    /// Ends an object that was only to last as long as a session: nothing of it stays but its records in the log.
    /// Recorded as a Destroy.
    pub fn expunge(&self, caller: &Caller, id: &ObjectId) -> (Result<(), Refusal>, Receipt<(), Error>) {
        let mut change = None;
        let outcome: Result<(), Refusal> = self
            .vault
            .begin()
            .and_then(|mut begun| {
                self.vault.expunge(&mut begun, caller, id)?;
                change = Some(begun);
                Ok(())
            })
            .map_err(Refusal::from);
        let mut entry = entry(caller, Operation::Destroy, outcome.as_ref().err());
        entry.object = Some(audit::Object { id: id.as_str(), version: None });
        let receipt = self.settle(&entry, audit::Durability::Sync, change);
        (outcome, receipt)
    }

    /// A second stream that goes on from where the caller's stream of this value is; nothing where there is none, or its
    /// work cannot be had twice. What either does is recorded when it is asked for.
    ///
    /// # Errors
    /// [`Refusal`] when the caller has too many open.
    pub fn branch(&self, caller: &Caller, stream: &Bytes) -> Result<Option<Bytes>, Refusal> {
        self.streams.branch(stream, &caller.principal, self.vault.now(), self.vault.chance())
    }

    /// Lets go of a stream that nobody will end. Who knows its value may.
    pub fn abandon(&self, stream: &Bytes) {
        self.streams.end(stream);
    }

    /// Records that a front refused something by a rule of its own, under its word for that.
    pub fn denied(
        &self,
        caller: &Caller,
        operation: Operation,
        id: &ObjectId,
        word: &'static str,
    ) -> Receipt<(), Error> {
        let said = Outcome::Refused(Reason::Named(word));
        let mut entry = Entry::new(Who::Known(caller), audit::Action::Operation(operation), said);
        entry.object = Some(audit::Object { id: id.as_str(), version: None });
        self.settle(&entry, audit::Durability::Sync, None)
    }

    /// Records that a front refused one of its functions before it came to any object.
    pub fn rejected(&self, caller: &Caller, function: &str, word: &'static str) -> Receipt<(), Error> {
        let said = Outcome::Refused(Reason::Named(word));
        let mut entry = Entry::new(Who::Known(caller), audit::Action::Event(Event::Rejected), said);
        entry.object = Some(audit::Object { id: function, version: None });
        self.settle(&entry, audit::Durability::Sync, None)
    }

    /// Records that a use was refused before it could be asked for.
    pub fn refused(
        &self,
        caller: &Caller,
        operation: Operation,
        id: Option<&ObjectId>,
        refusal: &Refusal,
    ) -> Receipt<(), Error> {
        let mut entry = entry(caller, operation, Some(refusal));
        entry.object = id.map(|id| audit::Object { id: id.as_str(), version: None });
        self.settle(&entry, audit::Durability::Sync, None)
    }
}

fn entry<'c>(caller: &'c Caller, operation: Operation, refusal: Option<&Refusal>) -> Entry<'c> {
    let said = match refusal {
        None => Outcome::Success,
        Some(refusal) if refusal.hidden => Outcome::Refused(Reason::Kmip(ResultReason::PermissionDenied)),
        Some(refusal) => Outcome::Refused(Reason::Kmip(refusal.reason)),
    };
    Entry::new(Who::Known(caller), audit::Action::Operation(operation), said)
}
