//! One call: who asks, what it may touch, what it is about to change, and what the audit log will say of it.

use std::sync::Arc;

use strongroom_kmip::{
    attribute::Attribute,
    code::{self, ResultReason, State},
    identifier::UniqueIdentifier,
    mechanism::Mechanism,
    message::ResponseItem,
    secret::Secret,
    ttlv::{Bytes, DateTime},
    version::Version,
};

use super::{
    alter,
    ask::Seen,
    cryptoki::Cryptoki,
    guard,
    later::Later,
    refusal::Refusal,
    share::Share,
    stream::Streams,
    ticket::Tickets,
    trial::Tests,
    usage::{self, Part},
};
use crate::{
    caller::Caller,
    vault::{self, Action, Change, Derivation, Event, Object, ObjectId, Permit, Purpose, Usable, Vault, View},
};

/// A call under way. A verb reads it, works through the vault it holds, and leaves its change in it.
pub struct Call<'s> {
    /// The vault.
    pub vault: &'s Vault,
    /// The work that goes on between calls.
    pub streams: &'s Streams,
    /// The tickets that are out.
    pub tickets: &'s Arc<Tickets>,
    /// The number of the message.
    pub number: u64,
    /// The interoperability tests under way, in conformance mode.
    pub tests: Option<&'s Tests>,
    /// The requests that are answered later.
    pub later: &'s Arc<Later>,
    /// Who asks.
    pub caller: &'s Caller,
    /// The version that the peer speaks.
    pub version: Version,
    /// The mechanism, where the front knows it better than Cryptographic Parameters say it.
    pub mechanism: Option<Mechanism>,
    /// The derivation, where the front knows it better than Derivation Parameters say it.
    pub derivation: Option<Derivation>,
    /// How that is shared out among several keys.
    pub share: Option<Share>,
    /// What a new key is derived from, where that is a password and no object.
    pub password: Option<Secret>,
    /// Which rules of PKCS#11 the front has seen to.
    pub seen: Seen,
    /// The slot that a new object goes to; without one, the first.
    pub slot: Option<Arc<str>>,
    /// The object that earlier items of the batch made or found.
    pub placeholder: Option<ObjectId>,
    /// The front that serves PKCS#11, while there is one.
    pub cryptoki: Option<Arc<dyn Cryptoki>>,
    /// Whether there is something to be told over the caller's connection once it is turned around.
    pub turns: bool,
    /// Whether people have to approve what leaves.
    pub guards_export: bool,
    /// What the audit log will say.
    pub notes: Notes,
    /// What is answered instead of the operation's own answer.
    pub instead: Option<Instead>,
    change: Option<Change>,
}

/// What Poll answers: the answer to another request, or that there is none yet.
#[derive(Debug)]
pub enum Instead {
    /// There is none yet.
    Pending(Bytes),
    /// The operation's own answer, and beside it what that has no field for.
    Beside(Vec<u8>),
    /// The operation's own answer, of the first key of several; the others, and what was derived beside them.
    Shared(Vec<ObjectId>, Vec<u8>),
    /// That answer.
    Answer(Box<ResponseItem>),
}

/// What the audit log will say of a call besides who asked for what.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// The object.
    pub object: Option<ObjectId>,
    /// The identifiers of what was made besides it.
    pub others: Vec<String>,
    /// Its version.
    pub generation: Option<u64>,
    /// Where it stood before.
    pub before: Option<State>,
    /// Where it stands after.
    pub after: Option<State>,
    /// The mechanism.
    pub mechanism: Option<&'static str>,
    /// Bytes in.
    pub input: Option<u64>,
    /// Bytes out.
    pub output: Option<u64>,
    /// How many objects were found or made.
    pub count: Option<u64>,
}

impl<'s> Call<'s> {
    /// A call.
    pub fn new(
        vault: &'s Vault,
        streams: &'s Streams,
        tickets: &'s Arc<Tickets>,
        later: &'s Arc<Later>,
        caller: &'s Caller,
        version: Version,
    ) -> Self {
        Self {
            vault,
            streams,
            tickets,
            number: 0,
            tests: None,
            later,
            caller,
            version,
            mechanism: None,
            derivation: None,
            share: None,
            password: None,
            seen: Seen::Nothing,
            slot: None,
            placeholder: None,
            cryptoki: None,
            turns: false,
            guards_export: false,
            notes: Notes::default(),
            instead: None,
            change: None,
        }
    }

    /// The object that a request means: the one it names, or the one that an earlier item of the batch left.
    ///
    /// # Errors
    /// [`Refusal`] when it names none and there is none.
    pub fn subject(&mut self, named: Option<&UniqueIdentifier>) -> Result<ObjectId, Refusal> {
        let id = match named {
            Some(UniqueIdentifier::Identifier(identifier)) => ObjectId::from_text(&identifier.0),
            None | Some(UniqueIdentifier::Placeholder(code::UniqueIdentifier::IDPlaceholder)) => {
                self.placeholder.clone().ok_or_else(|| Refusal::missing("Unique Identifier"))?
            }
            Some(UniqueIdentifier::Placeholder(_) | UniqueIdentifier::Located(_)) => {
                self.placeholder.clone().ok_or_else(Refusal::absent)?
            }
        };
        self.notes.object = Some(id.clone());
        Ok(id)
    }

    /// The vault with what this call has changed so far.
    ///
    /// # Errors
    /// [`Refusal`] when the vault is sealed.
    pub fn view(&self) -> Result<View<'_>, Refusal> {
        Ok(self.vault.with(self.change.as_ref())?)
    }

    /// Goes on with the change of earlier items, all of which is kept or none.
    pub(super) fn adopt(&mut self, change: Option<Change>) {
        self.change = change;
    }

    /// The object, if the caller may do this with it.
    ///
    /// # Errors
    /// [`Refusal`], the same whether the object is not there or not the caller's to see.
    pub fn see(&mut self, id: &ObjectId, action: Action) -> Result<(Arc<Object>, Permit), Refusal> {
        let (object, permit) = self.view()?.see(self.caller, id, action)?;
        self.notes.generation = Some(object.generation);
        self.notes.before = object.state(self.vault.now());
        Ok((object, permit))
    }

    /// The key, if it may be used so now.
    ///
    /// # Errors
    /// [`Refusal`], as policy, state, mask or slot say.
    pub fn usable(&mut self, id: &ObjectId, purpose: Purpose) -> Result<Usable, Refusal> {
        let usable = self.view()?.usable(self.caller, id, purpose)?;
        guard::uses(self.seen, usable.object(), purpose)?;
        self.notes.generation = Some(usable.object().generation);
        self.notes.before = usable.object().state(self.vault.now());
        self.count(id, purpose, Part::First)?;
        Ok(usable)
    }

    /// Counts a use against the object's Usage Limits, if it has some, before it is made.
    ///
    /// # Errors
    /// [`Refusal`] when so much is not left.
    pub fn count(&mut self, id: &ObjectId, purpose: Purpose, part: Part) -> Result<(), Refusal> {
        let (object, _) = self.view()?.see(self.caller, id, Action::Use)?;
        let bytes = self.notes.input.unwrap_or(0);
        let units = object.attributes.usage_limits().map_or(0, |limits| usage::units(limits, purpose, bytes, part));
        if units == 0 { Ok(()) } else { self.edit(id, Action::Use, |object| usage::take(object, units)) }
    }

    /// What this call writes, begun when first asked for.
    ///
    /// # Errors
    /// [`Refusal`] when the vault is sealed.
    pub fn change(&mut self) -> Result<&mut Change, Refusal> {
        if self.change.is_none() {
            self.change = Some(self.vault.begin()?);
        }
        self.change.as_mut().ok_or_else(Refusal::absent)
    }

    /// Changes an object, if the caller may.
    ///
    /// # Errors
    /// [`Refusal`], as policy or `edit` say.
    pub fn edit<T>(
        &mut self,
        id: &ObjectId,
        action: Action,
        edit: impl FnOnce(&mut Object) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let (vault, caller, now) = (self.vault, self.caller, self.vault.now());
        let (mut before, mut after, mut generation) = (None, None, None);
        let result = vault.edit(self.change()?, caller, id, action, |object| {
            before = object.state(now);
            generation = Some(object.generation.saturating_add(1));
            let result = edit(object)?;
            object.attributes.put(Attribute::LastChangeDate(DateTime(now.seconds())));
            after = object.state(now);
            Ok::<T, Refusal>(result)
        });
        (self.notes.before, self.notes.after, self.notes.generation) = (before, after, generation);
        result
    }

    /// Changes an attribute of an object, and what follows from its new value.
    ///
    /// # Errors
    /// [`Refusal`], as policy, `edit` or the object's other attributes say.
    pub fn alter<T>(
        &mut self,
        id: &ObjectId,
        edit: impl FnOnce(&mut Object) -> Result<T, Refusal>,
        attribute: &Attribute,
    ) -> Result<T, Refusal> {
        let now = self.vault.now();
        self.edit(id, Action::Change, |object| {
            // Asked of the object as it is claimed: it may have changed since it was looked at.
            alter::tightens(object, attribute)?;
            let result = edit(object)?;
            alter::consequences(now, object, attribute)?;
            Ok(result)
        })
    }

    /// Lets something happen to an object, as the table of states has it; `mark` then says when and why.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot happen to the object now.
    pub fn live(&mut self, id: &ObjectId, event: Event, mark: impl FnOnce(&mut Object)) -> Result<(), Refusal> {
        let now = self.vault.now();
        self.edit(id, Action::Live, |object| {
            match object.state(now) {
                Some(state) => {
                    let next = vault::after(state, event)
                        .ok_or_else(|| vault::Error::State { object: object.id.clone(), state })?;
                    object.attributes.put(Attribute::State(next));
                }
                // An object without a life of its own can still be destroyed, once.
                None if event == Event::Destroy && !object.is_destroyed() => {}
                None => return Err(Refusal::new(ResultReason::InvalidObjectType, "the object has no state")),
            }
            mark(object);
            Ok(())
        })
    }

    /// Links an object that this call has just added.
    ///
    /// # Errors
    /// [`Refusal`], as the policy says.
    pub fn link(&mut self, id: &ObjectId, link: Attribute) -> Result<(), Refusal> {
        self.adjust(id, |object| object.attributes.put(link))
    }

    /// Changes an object that this call has just added, in what only the server sets.
    ///
    /// # Errors
    /// [`Refusal`], as the policy says.
    pub fn adjust(&mut self, id: &ObjectId, adjust: impl FnOnce(&mut Object)) -> Result<(), Refusal> {
        let (vault, caller) = (self.vault, self.caller);
        vault.edit(self.change()?, caller, id, Action::Change, |object| {
            adjust(object);
            Ok::<(), Refusal>(())
        })
    }

    /// Takes what is to be written out of the call.
    pub(super) fn into_parts(self) -> (Option<Change>, Option<ObjectId>, Notes, Option<Instead>) {
        (self.change.filter(|change| !change.is_empty()), self.placeholder, self.notes, self.instead)
    }
}
