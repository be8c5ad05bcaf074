//! Log and store, held against each other at the start.
//!
//! The log is written before the store, so after a crash the log may tell of a change that never came to be. That is
//! said in a later record; the reverse, a change without a record, cannot be.

use super::{registry::Service, told::Told};
use crate::audit::{self, Durability, Entry, Event, Outcome, Reason};

impl Service {
    /// Records every change that the log tells of and the store does not have. To be called once, when the vault has
    /// been opened for the first time.
    pub(super) fn reconcile(&self, told: &Told) {
        for (id, version) in &told.0 {
            if self.vault.generation_of(id).is_ok_and(|stored| stored.is_none_or(|stored| stored < *version)) {
                log::warn!("the audit log tells of version {version} of {id}, which a crash prevented");
                let mut entry = Entry::event(Event::Reconcile);
                entry.outcome = Outcome::Failed(Reason::Named("prevented"));
                entry.object = Some(audit::Object { id: id.as_str(), version: Some(*version) });
                if let Err(error) = self.log.append(&entry, Durability::Sync).wait() {
                    log::error!("{error}");
                }
            }
        }
    }
}
