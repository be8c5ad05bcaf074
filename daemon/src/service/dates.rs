//! Dates that act: what becomes of objects when their dates come, without anybody asking.
//!
//! A request that comes between two passes is answered by the dates all the same; a pass writes down what they have brought
//! about, in the store and in the audit log, with the daemon as the caller.

use strongroom_kmip::{
    attribute::{Attribute, DeactivationReason},
    code::{DeactivationReasonCode, Operation, ResultReason, State},
    secret::Secret,
    ttlv::DateTime,
};

use super::{refusal::Refusal, registry::Service};
use crate::{
    audit::{self, Durability, Entry, Event, Outcome, Who},
    caller::Caller,
    vault::{self, Action, Change, Moment, Object, ObjectId},
};

impl Service {
    /// Lets what has come due happen, as much as fits in one pass, and says how many dates have acted. A sealed vault
    /// has none.
    ///
    /// # Errors
    /// [`Refusal`], when log or store do not take it; the next pass tries again.
    pub fn pass(&self, daemon: &Caller) -> Result<usize, Refusal> {
        if self.is_sealed() {
            return Ok(0);
        }
        self.sweep(daemon)?;
        let mut acted = 0usize;
        for id in self.vault.turns(MOST)? {
            match self.turn(daemon, &id) {
                Ok(()) => acted = acted.saturating_add(1),
                // Somebody is changing it, or has: it is looked at again in the next pass.
                Err(refusal) => log::debug!("{id} is not turned yet: {refusal}"),
            }
        }
        Ok(acted.saturating_add(self.windows(daemon)?))
    }

    /// Moves an object on by one step of its life.
    fn turn(&self, daemon: &Caller, id: &ObjectId) -> Result<(), Refusal> {
        let now = self.vault.now().seconds();
        let mut change = self.vault.begin()?;
        let step = |object: &mut Object| -> Result<Step, Refusal> {
            let due = vault::turn(object).filter(|(date, _)| *date <= now);
            let (_, moment) = due.ok_or_else(|| Refusal::invalid("its date has not come"))?;
            let before = object.attributes.state();
            let (after, operation) = match moment {
                Moment::Activation => (State::Active, Operation::Activate),
                _ => (State::Deactivated, Operation::Deactivate),
            };
            object.attributes.put(Attribute::State(after));
            if after == State::Deactivated {
                object.attributes.put(Attribute::DeactivationReason(DeactivationReason {
                    deactivation_reason_code: DeactivationReasonCode::DeactivationDate,
                    deactivation_message: None,
                }));
            }
            object.attributes.put(Attribute::LastChangeDate(DateTime(now)));
            Ok(Step { before, after, operation, version: object.generation.saturating_add(1) })
        };
        let step = self.vault.edit(&mut change, daemon, id, Action::Live, step)?;
        let action = audit::Action::Operation(step.operation);
        let mut entry = Entry::new(Who::Known(daemon), action, Outcome::Success);
        entry.object = Some(audit::Object { id: id.as_str(), version: Some(step.version) });
        (entry.before, entry.after) = (step.before, Some(step.after));
        self.write_down(&entry, Some(change))
    }

    /// Records the keys that may open or may no longer protect since the last pass.
    fn windows(&self, daemon: &Caller) -> Result<usize, Refusal> {
        let now = self.vault.now().seconds();
        let settled = self.vault.setting(SETTLED)?;
        let Some(settled) = settled.and_then(|bytes| bytes.reveal().try_into().ok().map(i64::from_be_bytes)) else {
            let change = self.settled(now)?;
            self.commit(change)?;
            return Ok(0);
        };
        let due = self.vault.windows(settled)?;
        for (id, moment) in &due {
            let event = match moment {
                Moment::ProcessStart => Event::ProcessStart,
                _ => Event::ProtectStop,
            };
            let mut entry = Entry::new(Who::Known(daemon), audit::Action::Event(event), Outcome::Success);
            entry.object = Some(audit::Object { id: id.as_str(), version: None });
            self.write_down(&entry, None)?;
        }
        if !due.is_empty() {
            let change = self.settled(now)?;
            self.commit(change)?;
        }
        Ok(due.len())
    }

    /// Remembers up to when everything was recorded.
    fn settled(&self, now: i64) -> Result<Change, Refusal> {
        let mut change = self.vault.begin()?;
        change.put_setting(SETTLED, Some(Secret::copy_of(&now.to_be_bytes())));
        Ok(change)
    }

    fn commit(&self, change: Change) -> Result<(), Refusal> {
        Ok(self.vault.commit(change).wait().map(|_| ()).map_err(vault::Error::from)?)
    }

    pub(super) fn write_down(&self, entry: &Entry<'_>, change: Option<Change>) -> Result<(), Refusal> {
        let settled = self.settle(entry, Durability::Sync, change).wait();
        settled.map_err(|error| Refusal::new(ResultReason::GeneralFailure, error.to_string()))
    }
}

/// A step of an object's life.
struct Step {
    before: Option<State>,
    after: State,
    operation: Operation,
    version: u64,
}

/// The setting that says up to when Process Start and Protect Stop Dates were recorded.
const SETTLED: &str = "timetable";
/// As many in one pass as leave room for requests in between.
const MOST: usize = 256;
