//! Changes under way in an open vault. A vault that is sealed begins no more of them, and is not opened anew before the
//! last has ended: it would be read from the store as it was before them.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

/// The changes under way.
#[derive(Default)]
pub struct Flights {
    state: Mutex<State>,
    landed: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    count: usize,
    /// How many threads wait for the last: to wake nobody costs a trip into the kernel too.
    waiting: usize,
}

/// A change under way, until it is dropped.
pub struct Flight(Arc<Flights>);

impl Flights {
    /// One more, unless the vault is sealed.
    pub fn begin(self: &Arc<Self>) -> Option<Flight> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return None;
        }
        state.count = state.count.saturating_add(1);
        Some(Flight(Arc::clone(self)))
    }

    /// Lets no more begin.
    pub fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
    }

    /// Waits until none is left; whether that came to be in time.
    pub fn wait(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting = state.waiting.saturating_add(1);
        let waited = self.landed.wait_timeout_while(state, PATIENCE, |state| state.count > 0);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.waiting = state.waiting.saturating_sub(1);
        state.count == 0
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.count = state.count.saturating_sub(1);
        if state.waiting > 0 {
            self.0.landed.notify_all();
        }
    }
}

/// A change waits for a key pair to be made and for two fsyncs at most; whatever takes longer than this is stuck.
const PATIENCE: Duration = Duration::from_secs(10);
