//! What the timetable's round clears away, and sets going again.

use super::{
    later::{self, ANSWERS},
    refusal::Refusal,
    registry::Service,
};
use crate::{
    audit::{self, Entry, Event, Outcome, Who},
    caller::Caller,
};

impl Service {
    /// Removes answers that were kept long enough, ends applications and streams that nobody goes on with, and lets work that was put off be tried again.
    ///
    /// # Errors
    /// [`Refusal`], when log or store do not take it.
    pub(super) fn sweep(&self, daemon: &Caller) -> Result<(), Refusal> {
        let now = self.vault.now();
        for (owner, job) in self.later.retries().due(now) {
            self.later.pool().submit(&owner, job);
        }
        self.streams.sweep(now);
        if let Some(cryptoki) = self.cryptoki() {
            cryptoki.tidy();
        }
        let gone = self.later.expired(now);
        if gone.is_empty() {
            return Ok(());
        }
        let mut change = self.vault.begin()?;
        for value in &gone {
            change.put_setting(&later::setting(ANSWERS, value), None);
        }
        let mut entry = Entry::new(Who::Known(daemon), audit::Action::Event(Event::Swept), Outcome::Success);
        entry.count = u64::try_from(gone.len()).ok();
        self.write_down(&entry, Some(change))
    }
}
