//! The tests of an interoperability event that are under way.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use strongroom_kmip::code::ResultReason;

use super::refusal::Refusal;
use crate::caller::Principal;

/// The tests, each client's own.
#[derive(Debug, Default)]
pub struct Tests(Mutex<HashMap<Principal, String>>);

impl Tests {
    /// A test begins; one that its client has not ended is over.
    ///
    /// # Errors
    /// [`Refusal`] when too many are under way.
    pub fn begin(&self, who: Principal, name: String) -> Result<(), Refusal> {
        let mut tests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tests.len() >= MOST && !tests.contains_key(&who) {
            return Err(Refusal::new(ResultReason::ServerLimitExceeded, "too many tests are under way"));
        }
        tests.insert(who, name);
        Ok(())
    }

    /// The test of this name has ended.
    ///
    /// # Errors
    /// [`Refusal`] when it has not begun.
    pub fn end(&self, who: &Principal, name: &str) -> Result<(), Refusal> {
        let mut tests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tests.get(who).is_none_or(|begun| begun != name) {
            return Err(Refusal::invalid("no test of this Interop Identifier has begun"));
        }
        tests.remove(who);
        Ok(())
    }

    /// Whatever test was under way is over.
    pub fn forget(&self, who: &Principal) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(who);
    }
}

/// More clients than any event has.
const MOST: usize = 1024;
