//! Work that could not be done now, and when it is tried again.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::pool::Job;
use crate::{caller::Principal, clock::Time};

/// The jobs that wait to be tried again. There are no more of them than messages that are kept.
#[derive(Default)]
pub struct Retries(Mutex<HashMap<Job, Retry>>);

struct Retry {
    owner: Principal,
    /// How often it was tried in vain.
    tries: u32,
    /// When it is tried again; nothing while it is being tried.
    due: Option<Time>,
}

impl Retries {
    /// Puts a job off that could not be done.
    pub fn put_off(&self, owner: &Principal, job: &Job, now: Time) {
        let mut all = self.look();
        let retry = all.entry(*job).or_insert_with(|| Retry { owner: owner.clone(), tries: 0, due: None });
        retry.tries = retry.tries.saturating_add(1);
        let wait = FIRST_WAIT.checked_shl(retry.tries.min(MOST_TRIES)).unwrap_or(i64::MAX).min(LONGEST_WAIT);
        retry.due = Some(Time(now.0.saturating_add(wait)));
    }

    /// Whether a job was tried so often that its work is not begun again.
    pub fn is_given_up(&self, job: &Job) -> bool {
        self.look().get(job).is_some_and(|retry| retry.tries >= MOST_TRIES)
    }

    /// The jobs whose time has come.
    pub fn due(&self, now: Time) -> Vec<(Principal, Job)> {
        let mut all = self.look();
        let come = all.iter_mut().filter(|(_, retry)| retry.due.is_some_and(|due| due <= now));
        come.map(|(job, retry)| {
            retry.due = None;
            (retry.owner.clone(), *job)
        })
        .collect()
    }

    /// A job was done, or somebody else sees to it.
    pub fn end(&self, job: &Job) {
        self.look().remove(job);
    }

    fn look(&self) -> MutexGuard<'_, HashMap<Job, Retry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Work that failed so often is not begun again; after that only the refusal is, which is cheap.
const MOST_TRIES: u32 = 5;
/// Half of the first wait, in milliseconds; each wait is twice the one before.
const FIRST_WAIT: i64 = 500;
/// No wait is longer, in milliseconds.
const LONGEST_WAIT: i64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_tried_again_later_and_later_and_its_work_so_often_and_no_more() {
        let (retries, alice) = (Retries::default(), "client:alice".parse().unwrap());
        let mut waits = Vec::new();
        while !retries.is_given_up(&[1; 16]) {
            retries.put_off(&alice, &[1; 16], Time(0));
            let wait = (0..=LONGEST_WAIT).step_by(500).find(|&wait| !retries.due(Time(wait)).is_empty());
            waits.push(wait.unwrap());
            assert!(retries.due(Time(i64::MAX)).is_empty(), "it is tried once at a time");
        }
        assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000]);
        retries.end(&[1; 16]);
        assert!(!retries.is_given_up(&[1; 16]));
    }
}
