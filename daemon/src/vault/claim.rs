//! One change at a time to one object: whoever is about to change it holds a claim until the change is durable.

use std::{
    collections::HashSet,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use super::identifier::ObjectId;

/// The claims that are held.
#[derive(Default)]
pub struct Claims {
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    held: HashSet<ObjectId>,
    /// How many threads wait for one: to wake nobody costs a trip into the kernel too.
    waiting: usize,
}

/// The right to change one object, given up when dropped.
pub struct Claim {
    claims: Arc<Claims>,
    object: ObjectId,
}

impl Claims {
    /// Claims an object, waiting a while for whoever holds it.
    pub fn take(self: &Arc<Self>, object: &ObjectId) -> Option<Claim> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.held.contains(object) {
            state.waiting = state.waiting.saturating_add(1);
            let waited = self.freed.wait_timeout_while(state, PATIENCE, |state| state.held.contains(object));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.waiting = state.waiting.saturating_sub(1);
            if state.held.contains(object) {
                return None;
            }
        }
        state.held.insert(object.clone());
        Some(Claim { claims: Arc::clone(self), object: object.clone() })
    }
}

impl Claim {
    /// The object that is claimed.
    pub fn object(&self) -> &ObjectId {
        &self.object
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut state = self.claims.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.held.remove(&self.object);
        if state.waiting > 0 {
            self.claims.freed.notify_all();
        }
    }
}

/// A change waits for two fsyncs at most; whoever takes longer than this is stuck.
const PATIENCE: Duration = Duration::from_secs(5);
