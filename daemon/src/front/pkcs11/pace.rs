//! How fast a user is refused. Every refusal is recorded, and costs whoever asks next to nothing; so that nobody fills the
//! log with them, whoever is refused more often than any program that means well waits for the answer.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{caller::Principal, clock::Time};

/// When the refusals of each are paid off, in milliseconds since 1970.
#[derive(Debug, Default)]
pub struct Pace(Mutex<HashMap<Principal, i64>>);

impl Pace {
    /// One more refusal: how long the answer has to wait.
    pub fn refused(&self, who: &Principal, now: Time) -> Duration {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.retain(|_, paid| *paid > now.0);
        }
        let paid = all.entry(who.clone()).or_insert(now.0);
        *paid = (*paid).max(now.0).saturating_add(EACH);
        let wait = paid.saturating_sub(now.0).saturating_sub(FREE).clamp(0, LONGEST);
        Duration::from_millis(u64::try_from(wait).unwrap_or_default())
    }
}

/// Milliseconds between refusals, in the long run.
const EACH: i64 = 20;
/// So far ahead, in milliseconds, nobody waits: a program that asks for what it may have is refused now and then.
const FREE: i64 = 2_000;
/// No answer waits longer, in milliseconds. A user has a bounded number of connections, and each waits by itself.
const LONGEST: i64 = 10_000;
/// So many users are remembered before those that have paid are forgotten.
const MOST: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_refused_too_often_waits_and_nobody_else_does() {
        let (pace, noon) = (Pace::default(), Time(1_000_000));
        let waits = |who: u32, times: usize, now: Time| {
            let wait = |_| pace.refused(&Principal::User(who), now).as_millis();
            (0..times).map(wait).collect::<Vec<_>>()
        };
        assert!(waits(1, 100, noon).iter().all(|wait| *wait == 0), "a hundred are free");
        assert_eq!(waits(1, 3, noon), [20, 40, 60]);
        assert_eq!(waits(2, 1, noon), [0], "somebody else");
        assert_eq!(waits(1, 1, Time(noon.0 + 1_000)), [0], "it has been paid off");
        assert_eq!(waits(1, 10_000, noon).last(), Some(&10_000), "no wait is longer");
    }
}
