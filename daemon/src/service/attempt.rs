//! Wrong credentials, counted; and right ones, remembered for a while so that not every message costs a try.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use strongroom_kmip::code::ResultReason;

use super::refusal::Refusal;
use crate::{
    caller::ClientName,
    chance::{self, Chance},
    clock::Time,
    vault,
};

/// What was tried with message credentials.
#[derive(Default)]
pub struct Attempts {
    clients: Mutex<HashMap<ClientName, Arc<Mutex<Tries>>>>,
    right: Mutex<HashMap<[u8; 32], Time>>,
    key: OnceLock<hmac::Key>,
}

/// One client's tries. They are counted for the client and not for a name that it claims, so that all wrong names cost
/// the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tries {
    /// Wrong ones since the last right one.
    pub wrong: u32,
    /// When the last one was, in milliseconds since 1970.
    pub last: i64,
    /// Whether these are what the store has.
    #[serde(skip)]
    pub known: bool,
}

impl Attempts {
    /// One client's tries; whoever holds them tries alone.
    pub fn of(&self, client: &ClientName) -> Arc<Mutex<Tries>> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(clients.entry(client.clone()).or_default())
    }

    /// Under which key what was right is remembered; it is made once in a run and leaves with it.
    ///
    /// # Errors
    /// [`Refusal`] when the random source gives nothing.
    pub fn key(&self, chance: &dyn Chance) -> Result<&hmac::Key, Refusal> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let bytes: [u8; 32] = chance::array(chance).map_err(vault::Error::from)?;
        Ok(self.key.get_or_init(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// Whether this was right a moment ago.
    pub fn was_right(&self, mark: &[u8; 32], now: Time) -> bool {
        let right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        right.get(mark).is_some_and(|until| *until > now)
    }

    /// Remembers that this was right.
    pub fn remember(&self, mark: [u8; 32], now: Time) {
        let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        if right.len() >= MOST {
            right.retain(|_, until| *until > now);
            if right.len() >= MOST {
                right.clear();
            }
        }
        right.insert(mark, Time(now.0.saturating_add(MEMORY)));
    }
}

impl Tries {
    /// Whether one more is allowed now.
    ///
    /// # Errors
    /// [`Refusal`] that says how long to wait.
    pub fn may(&self, now: Time) -> Result<(), Refusal> {
        let Some(exponent) = self.wrong.checked_sub(FREE) else { return Ok(()) };
        let wait = 1000_i64.checked_shl(exponent.min(LAST_DOUBLING)).unwrap_or(i64::MAX).min(LONGEST_WAIT);
        let left = self.last.saturating_add(wait).saturating_sub(now.0);
        if left <= 0 {
            return Ok(());
        }
        let seconds = left.div_euclid(1000).saturating_add(1);
        let message = format!("too many wrong credentials were shown; wait {seconds} seconds");
        Err(Refusal::new(ResultReason::AuthenticationNotSuccessful, message))
    }
}

/// So many wrong tries cost no wait; each further one doubles it, from a second.
const FREE: u32 = 5;
const LAST_DOUBLING: u32 = 20;
/// No wait is longer, in milliseconds: a client cannot be locked out for good by somebody who has its certificate.
const LONGEST_WAIT: i64 = 300_000;
/// How long a right one is remembered, in milliseconds.
const MEMORY: i64 = 600_000;
/// Right ones that are remembered; each takes a hundred bytes.
const MOST: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_after_wrong_tries_grows_and_has_an_end() {
        let wait = |wrong: u32| {
            let tries = Tries { wrong, last: 0, known: true };
            (0..=LONGEST_WAIT).step_by(1000).find(|&after| tries.may(Time(after)).is_ok()).unwrap()
        };
        let waits: Vec<i64> = [0, 4, 5, 6, 7, 13, 100, u32::MAX].into_iter().map(wait).collect();
        assert_eq!(waits, [0, 0, 1000, 2000, 4000, 256_000, LONGEST_WAIT, LONGEST_WAIT]);
    }

    #[test]
    fn a_right_one_is_forgotten_in_time() {
        let attempts = Attempts::default();
        attempts.remember([1; 32], Time(0));
        assert!(attempts.was_right(&[1; 32], Time(MEMORY - 1)));
        assert!(!attempts.was_right(&[1; 32], Time(MEMORY)));
        assert!(!attempts.was_right(&[2; 32], Time(0)));
    }
}
