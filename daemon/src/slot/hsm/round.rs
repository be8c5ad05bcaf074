//! When the keys of a cluster are looked after: soon after a member was opened or something changed, and now and then.

use std::time::Duration;

use crate::clock::Deadline;

/// When keys are looked after next.
pub(super) struct Round {
    /// How often each member had been opened when it was looked at last.
    seen: Vec<u64>,
    /// Not before; nothing while it is not known that anything is to be done.
    next: Option<Deadline>,
    pause: Duration,
}

impl Default for Round {
    fn default() -> Self {
        Self { seen: Vec::new(), next: None, pause: SOON }
    }
}

impl Round {
    /// It is time soon.
    pub(super) fn hurry(&mut self) {
        (self.next, self.pause) = (Some(Deadline::after(SOON)), SOON);
    }

    /// Whether it is time, and which members were opened since they were looked at last; each has been opened so often by now.
    pub(super) fn is_due(&mut self, openings: Vec<u64>) -> (bool, Vec<usize>) {
        let opened: Vec<_> = (0..openings.len()).filter(|at| self.seen.get(*at) != openings.get(*at)).collect();
        if !opened.is_empty() {
            (self.seen, self.next, self.pause) = (openings, None, SOON);
        }
        (self.next.is_none_or(|next| next.left().is_none()), opened)
    }

    /// A round is over, which has changed something or nothing, and has left something to do or not.
    pub(super) fn over(&mut self, changed: bool, left: bool) {
        self.pause = if changed { SOON } else { self.pause.saturating_mul(2).min(LATE) };
        self.next = Some(Deadline::after(if left { Duration::ZERO } else { self.pause }));
    }
}

/// After a change.
const SOON: Duration = Duration::from_secs(1);
/// As long as nothing changes.
const LATE: Duration = Duration::from_secs(60);
