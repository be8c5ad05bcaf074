//! Log and store, held against each other at the start.
//!
//! The log is written before the store, so after a crash the log may tell of a change that never came to be. That is
//! said in a later record; the reverse, a change without a record, cannot be.

use super::{
    registry::Service,
    told::{Stand, Told},
};
use crate::audit::{self, Durability, Entry, Event, Outcome, Reason};

impl Service {
    /// Records every change that the log tells of and the store does not have. To be called once, when the vault has
    /// been opened for the first time.
    pub(super) fn reconcile(&self, told: &Told) {
        for (id, stand) in &told.0 {
            let version = match stand {
                Stand::Version(version) => Some(*version),
                Stand::Gone => None,
            };
            let prevented = |stored: Option<u64>| match version {
                Some(told) => stored.is_none_or(|stored| stored < told),
                None => stored.is_some(),
            };
            if self.vault.generation_of(id).is_ok_and(prevented) {
                log::warn!("the audit log tells of a change of {id} ({stand:?}), which a crash prevented");
                let mut entry = Entry::event(Event::Reconcile);
                entry.outcome = Outcome::Failed(Reason::Named("prevented"));
                entry.object = Some(audit::Object { id: id.as_str(), version });
                if let Err(error) = self.log.append(&entry, Durability::Sync).wait() {
                    log::error!("{error}");
                }
            }
        }
    }
}
