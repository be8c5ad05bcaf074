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
    held: Mutex<HashSet<ObjectId>>,
    freed: Condvar,
}

/// The right to change one object, given up when dropped.
pub struct Claim {
    claims: Arc<Claims>,
    object: ObjectId,
}

impl Claims {
    /// Claims an object, waiting a while for whoever holds it.
    pub fn take(self: &Arc<Self>, object: &ObjectId) -> Option<Claim> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut held, waited) = self
            .freed
            .wait_timeout_while(held, PATIENCE, |held| held.contains(object))
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() && held.contains(object) {
            return None;
        }
        held.insert(object.clone());
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
        self.claims.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.object);
        self.claims.freed.notify_all();
    }
}

/// A change waits for two fsyncs at most; whoever takes longer than this is stuck.
const PATIENCE: Duration = Duration::from_secs(5);
