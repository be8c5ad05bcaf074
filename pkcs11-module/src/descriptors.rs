//! The file descriptors that are open to the daemon. After a fork the child closes them, with nothing but atomic
//! operations, for it may not take a lock that another thread of its parent held.

use std::{
    os::fd::RawFd,
    sync::atomic::{AtomicI32, Ordering},
};

/// How many connections one process may have. More calls than that at one time wait for each other.
pub(crate) const MOST: usize = 64;

static OPEN: [AtomicI32; MOST] = [const { AtomicI32::new(NONE) }; MOST];

const NONE: RawFd = -1;

/// A descriptor that is on the list for as long as this lives.
#[derive(Debug)]
pub(crate) struct Listed(Option<&'static AtomicI32>);

impl Listed {
    /// Puts a descriptor on the list. When the list is full it is left out, and a child keeps it open: a leak, no danger.
    pub(crate) fn new(descriptor: RawFd) -> Self {
        let claim =
            |place: &&AtomicI32| place.compare_exchange(NONE, descriptor, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        Self(OPEN.iter().find(claim))
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        if let Some(place) = self.0 {
            place.store(NONE, Ordering::Release);
        }
    }
}

/// Takes every descriptor off the list and gives it to `close`. Only a forked child may, in which nobody else runs.
pub(crate) fn abandon(mut close: impl FnMut(RawFd)) {
    for place in &OPEN {
        let descriptor = place.swap(NONE, Ordering::AcqRel);
        if descriptor != NONE {
            close(descriptor);
        }
    }
}
