//! A session: what it may do, and what is under way in it.

use std::collections::VecDeque;

use strongroom_kmip::mechanism::Mechanism as Way;
use strongroom_pkcs11_wire::{
    Rv,
    attribute::Template,
    number::{SessionFlags, SessionState, UserType},
};

use super::{
    mechanism::Named,
    operation::{Consent, Kind, Operation},
};
use crate::service::{ObjectId, Prepared};

/// A session of an application with a slot.
#[derive(Debug)]
pub struct Session {
    /// The slot.
    pub slot: usize,
    /// How it was opened.
    pub flags: SessionFlags,
    /// The search under way.
    pub search: Option<Search>,
    /// How often all that was under way in it has been ended.
    pub term: u64,
    operations: [Option<Operation>; Kind::ALL.len()],
    /// What messages are worked on with, where they are.
    messages: [Option<Messages>; Kind::ALL.len()],
}

/// A search, as far as it has come. What is found is looked for in pieces, the oldest first, so that no search holds more
/// than some of it.
#[derive(Debug)]
pub struct Search {
    /// What is looked for.
    pub template: Template,
    /// What was found and nobody has fetched yet.
    pub found: VecDeque<ObjectId>,
    /// The number of the last object that was looked at.
    pub after: Option<u64>,
    /// Whether there is nothing more.
    pub ended: bool,
}

/// What messages are worked on with.
#[derive(Debug)]
pub struct Messages {
    /// The key.
    pub key: ObjectId,
    /// The mechanism, as PKCS#11 names it.
    pub named: Named,
    /// The mechanism with its parameter, where that does not come with each message.
    pub way: Option<Way>,
    /// What is known of the key.
    pub prepared: Prepared,
    /// Bytes of the last message's tag.
    pub tag: usize,
    /// How many nonces were counted.
    pub counter: u64,
    /// Whether a message in parts is under way.
    pub in_parts: bool,
    /// The session's term in which they were begun.
    pub term: u64,
}

/// Operations that were saved, in the slot that they belong to.
#[derive(Debug)]
pub struct Saved {
    /// The slot.
    pub slot: usize,
    /// The operations. Their streams are the saved state's own.
    pub operations: Vec<Operation>,
}

/// What an application holds of what it has saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

impl Ticket {
    /// Its bytes.
    pub const LENGTH: usize = 24;

    /// Its bytes, in this run of the daemon.
    pub fn to_bytes(self, run: [u8; 16]) -> Vec<u8> {
        [&run[..], &self.0.to_be_bytes()].concat()
    }

    /// The ticket in these bytes, if it is one of this run.
    pub fn from_bytes(bytes: &[u8], run: [u8; 16]) -> Option<Self> {
        let number = bytes.strip_prefix(&run[..])?;
        Some(Self(u64::from_be_bytes(number.try_into().ok()?)))
    }
}

/// Where a session stands: what it may do, from its kind and who is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The slot.
    pub slot: usize,
    /// How the session was opened.
    pub flags: SessionFlags,
    /// Who is logged in.
    pub user: Option<UserType>,
    /// The session's term: what is begun in one ends with it.
    pub term: u64,
}

impl Session {
    /// A session in which nothing is under way.
    pub fn new(slot: usize, flags: SessionFlags) -> Self {
        Self { slot, flags, search: None, term: 0, operations: Default::default(), messages: Default::default() }
    }

    /// Begins an operation.
    ///
    /// # Errors
    /// [`Rv::OPERATION_ACTIVE`] when one of its kind is under way, [`Rv::USER_NOT_LOGGED_IN`] when its key was looked for under
    /// a login that has ended.
    pub fn begin(&mut self, mut operation: Operation) -> Result<(), Rv> {
        operation.term = self.fits(operation.term)?;
        if self.has_messages(operation.kind) {
            return Err(Rv::OPERATION_ACTIVE);
        }
        match self.place(operation.kind) {
            Some(Some(_)) | None => Err(Rv::OPERATION_ACTIVE),
            Some(place) => {
                *place = Some(operation);
                Ok(())
            }
        }
    }

    /// Takes an operation out, to go on with it; it is over unless it is put back. One on a message is not to be had so.
    pub fn take(&mut self, kind: Kind) -> Option<Operation> {
        if self.has_messages(kind) {
            return None;
        }
        self.place(kind)?.take()
    }

    /// Begins to work on messages.
    ///
    /// # Errors
    /// [`Rv::OPERATION_ACTIVE`] when something of the kind is under way.
    pub fn begin_messages(&mut self, kind: Kind, messages: Messages) -> Result<(), Rv> {
        if self.has_messages(kind) || self.is_active(kind) {
            return Err(Rv::OPERATION_ACTIVE);
        }
        self.put_messages(kind, messages)
    }

    /// Takes out what messages are worked on with.
    pub fn take_messages(&mut self, kind: Kind) -> Option<Messages> {
        self.messages.get_mut(kind.index())?.take()
    }

    /// Puts it back.
    ///
    /// # Errors
    /// [`Rv::USER_NOT_LOGGED_IN`] when the login that it began under has ended.
    pub fn put_messages(&mut self, kind: Kind, messages: Messages) -> Result<(), Rv> {
        self.fits(Some(messages.term))?;
        if let Some(place) = self.messages.get_mut(kind.index()) {
            *place = Some(messages);
        }
        Ok(())
    }

    /// The term, if it is this one, or that of what belongs to none.
    fn fits(&self, term: Option<u64>) -> Result<Option<u64>, Rv> {
        if term.is_none_or(|term| term == self.term) { Ok(Some(self.term)) } else { Err(Rv::USER_NOT_LOGGED_IN) }
    }

    /// Whether messages are worked on.
    pub fn has_messages(&self, kind: Kind) -> bool {
        self.messages.get(kind.index()).is_some_and(Option::is_some)
    }

    /// Whether an operation of this kind is under way.
    pub fn is_active(&self, kind: Kind) -> bool {
        self.operations.get(kind.index()).is_some_and(Option::is_some)
    }

    /// Puts an operation back that goes on.
    ///
    /// # Errors
    /// [`Rv::USER_NOT_LOGGED_IN`] when the login that it began under has ended.
    pub fn put_back(&mut self, operation: Operation) -> Result<(), Rv> {
        self.fits(operation.term)?;
        if let Some(place) = self.place(operation.kind) {
            *place = Some(operation);
        }
        Ok(())
    }

    /// Whether an operation waits until its key has seen the PIN.
    pub fn awaits_consent(&self) -> bool {
        self.operations.iter().flatten().any(|operation| operation.consent == Consent::Awaited)
    }

    /// The PIN was right: what waited for it goes on.
    pub fn consent(&mut self) {
        for operation in self.operations.iter_mut().flatten().filter(|it| it.consent == Consent::Awaited) {
            operation.consent = Consent::Given;
        }
    }

    /// A second one of every operation under way; nothing when one of them cannot be had twice.
    pub fn branches(&self) -> Option<Vec<Operation>> {
        let is_cipher = |kind: Kind| matches!(kind, Kind::Encrypt | Kind::Decrypt);
        if Kind::ALL.iter().any(|kind| self.has_messages(*kind) || (is_cipher(*kind) && self.is_active(*kind))) {
            return None;
        }
        self.operations.iter().flatten().map(|operation| operation.branch(operation.stream.clone())).collect()
    }

    /// Goes on with other operations, which were saved and looked for in a term; gives those that are over: the ones that were
    /// under way or, where the term has ended, the others.
    pub fn replace(&mut self, operations: Vec<Operation>, term: u64) -> Result<Vec<Operation>, Vec<Operation>> {
        if term != self.term {
            return Err(operations);
        }
        self.messages = Default::default();
        let ended = self.operations.iter_mut().filter_map(Option::take).collect();
        for operation in operations {
            if let Some(place) = self.place(operation.kind) {
                *place = Some(operation.within(term));
            }
        }
        Ok(ended)
    }

    /// Whether a verification is under way whose signature came first.
    pub fn has_proof(&self) -> bool {
        let verification = self.operations.get(Kind::Verify.index()).and_then(Option::as_ref);
        verification.is_some_and(|operation| operation.proof.is_some())
    }

    /// Bytes that operations hold.
    pub fn held(&self) -> usize {
        self.operations.iter().flatten().fold(0, |sum, operation| sum.saturating_add(operation.held()))
    }

    /// Takes out everything that is under way.
    pub fn clear(&mut self) -> Vec<Operation> {
        self.search = None;
        self.term = self.term.saturating_add(1);
        self.messages = Default::default();
        self.operations.iter_mut().filter_map(Option::take).collect()
    }

    fn place(&mut self, kind: Kind) -> Option<&mut Option<Operation>> {
        self.operations.get_mut(kind.index())
    }
}

impl Standing {
    /// Whether objects that outlive the session may be made, changed and destroyed.
    pub fn is_writable(&self) -> bool {
        self.flags.has(SessionFlags::RW_SESSION)
    }

    /// Whether private objects are seen.
    pub fn is_user(&self) -> bool {
        self.user == Some(UserType::USER)
    }

    /// Whether the security officer has logged in.
    pub fn is_officer(&self) -> bool {
        self.user == Some(UserType::SO)
    }

    /// What `C_GetSessionInfo` says.
    pub fn state(&self) -> SessionState {
        match (self.is_writable(), self.user) {
            (false, Some(UserType::USER)) => SessionState::RO_USER_FUNCTIONS,
            (false, _) => SessionState::RO_PUBLIC_SESSION,
            (true, Some(UserType::USER)) => SessionState::RW_USER_FUNCTIONS,
            (true, Some(UserType::SO)) => SessionState::RW_SO_FUNCTIONS,
            (true, _) => SessionState::RW_PUBLIC_SESSION,
        }
    }
}
