//! Requests that are performed as one: what they change is kept all together or not at all.

use strongroom_kmip::{code::Operation, message::ResponseItem, operation::Response};

use super::{
    ask::Ask,
    pace::is_mere_use,
    refusal::Refusal,
    registry::{Done, Error, Service, item},
};
use crate::{
    audit::{Durability, Outcome, Reason},
    caller::Caller,
    receipt::Receipt,
    vault::{Change, ObjectId},
};

/// Requests under way that stand or fall together (KMIP 2.1 §9.6 Batch Error Continuation Option, Undo). Each sees what the
/// ones before it have changed; nobody else does. Dropping it undoes everything and records nothing.
pub struct Together<'s> {
    service: &'s Service,
    caller: &'s Caller,
    change: Option<Change>,
    placeholder: Option<ObjectId>,
    done: Vec<Done>,
}

impl<'s> Together<'s> {
    /// No requests yet.
    pub fn new(service: &'s Service, caller: &'s Caller) -> Self {
        Self { service, caller, change: None, placeholder: None, done: Vec::new() }
    }

    /// Performs one more request; it means by its placeholder what the one before has left.
    pub fn perform(&mut self, ask: Ask) -> Result<Response, Refusal> {
        self.perform_as(self.caller, ask)
    }

    /// The same, by the caller as it may perform this request: what a peer is told of the item.
    pub fn item(&mut self, caller: &Caller, ask: Ask) -> ResponseItem {
        let (operation, version) = (ask.request.operation(), ask.version);
        let outcome = self.perform_as(caller, ask);
        let instead = self.done.last_mut().and_then(|done| done.instead.take());
        item(operation, version, outcome, instead)
    }

    fn perform_as(&mut self, caller: &Caller, ask: Ask) -> Result<Response, Refusal> {
        let ask = Ask { placeholder: self.placeholder.take(), ..ask };
        let (outcome, done, change) = self.service.attempt(caller, ask, self.change.take());
        self.change = change;
        self.placeholder.clone_from(&done.placeholder);
        self.done.push(done);
        outcome
    }

    /// Keeps everything, and waits until it is as durable as it must be.
    ///
    /// # Errors
    /// [`Error`] when records or change could not be written; then none of the requests was performed.
    pub fn keep(mut self) -> Result<(), Error> {
        let Some(last) = self.done.pop() else { return Ok(()) };
        let changes = self.change.is_some();
        let durability = |operation| if changes { Durability::Sync } else { self.service.durability(operation, true) };
        let mut receipts = Vec::with_capacity(self.done.len().saturating_add(1));
        for done in &self.done {
            let entry = done.entry(self.caller, done.said);
            receipts.push(self.service.settle(&entry, durability(done.operation), None));
        }
        // The records stand in the log in their order, so the change follows all of them.
        let entry = last.entry(self.caller, last.said);
        receipts.push(self.service.settle(&entry, durability(last.operation), self.change));
        receipts.into_iter().try_for_each(Receipt::wait)
    }

    /// Undoes everything, and waits until the log tells of it. What was only looked at has been looked at all the same.
    ///
    /// # Errors
    /// [`Error`] when the records could not be written.
    pub fn undo(self) -> Result<(), Error> {
        drop(self.change);
        let settle = |done: &Done| {
            let undone = done.said == Outcome::Success && changes(done.operation);
            let said = if undone { Outcome::Failed(Reason::Named("undone")) } else { done.said };
            self.service.settle(&done.entry(self.caller, said), Durability::Sync, None)
        };
        let receipts: Vec<_> = self.done.iter().map(settle).collect();
        receipts.into_iter().try_for_each(Receipt::wait)
    }
}

/// Whether an operation can be undone: what a client has seen cannot.
fn changes(operation: Operation) -> bool {
    operation != Operation::Get && !is_mere_use(operation)
}
