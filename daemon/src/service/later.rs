//! Requests that are answered later: what each of them is called, whose it is and how far it has come.
//!
//! A message is kept, sealed, before its sender is told that it is pending; the answer to each of its items is kept
//! together with what the item changes. So a crash neither loses a request nor performs one twice.

use std::{
    collections::HashMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use strongroom_kmip::{
    code::{CancellationResult, Operation, ProcessingStage, ResultReason},
    payload::AsynchronousRequest,
    secret::Secret,
    ttlv::{Bytes, DateTimeExtended},
};
use zeroize::Zeroizing;

use super::{
    pool::{Job, Pool},
    refusal::Refusal,
    retry::Retries,
};
use crate::{
    caller::{Caller, Principal, Scope},
    clock::Time,
};

/// The requests that are answered later, as far as memory must know them.
pub struct Later {
    requests: Mutex<HashMap<Value, Request>>,
    changed: Condvar,
    pool: Arc<Pool>,
    retries: Retries,
}

/// What a request is called. Nobody guesses it, and it is good for its caller only.
pub type Value = [u8; 16];

struct Request {
    owner: Principal,
    operation: Operation,
    /// In microseconds since 1970.
    submitted: i64,
    message: Job,
    /// Bytes of its message.
    size: usize,
    stage: Stage,
    /// Whether the answer was fetched.
    fetched: bool,
    /// Whether the next Poll waits.
    awaited: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Submitted,
    /// Somebody is about to cancel it.
    Leaving,
    Working,
    Done {
        at: Time,
        failed: bool,
    },
}

/// A message, as it is kept.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Whose it is.
    pub owner: String,
    /// Where it came from.
    pub from: String,
    /// When it came, in microseconds since 1970.
    pub submitted: i64,
    /// Its number in the audit log.
    pub number: u64,
    /// Its items, in their order.
    pub items: Vec<Item>,
}

/// An item of a message.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// What it is called.
    pub value: Value,
    /// What it asks for.
    pub operation: u32,
    /// Objects and groups that its ticket reaches; nothing for all.
    pub scope: Option<(Vec<String>, Vec<String>)>,
}

/// What came of an item, as it is kept.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Whose it is.
    pub owner: String,
    /// The message that it was an item of.
    pub message: Job,
    /// What it asked for.
    pub operation: u32,
    /// When it came, in microseconds since 1970.
    pub submitted: i64,
    /// When it was done, in milliseconds since 1970.
    pub finished: i64,
    /// Whether it failed.
    pub failed: bool,
    /// What it left for the next item.
    pub placeholder: Option<String>,
}

/// How a request stands for a Poll.
#[derive(Debug)]
pub enum Polled {
    /// It is not done yet.
    Pending,
    /// It is; its answer is kept.
    Done,
}

/// A request that is about to be cancelled. Dropping it lets the request go on.
pub struct Leaving {
    later: Arc<Later>,
    value: Value,
    owner: Principal,
    message: Job,
}

impl Later {
    /// None, and the pool on which they are to be done.
    pub fn new(pool: Arc<Pool>) -> Self {
        Self { requests: Mutex::default(), changed: Condvar::new(), pool, retries: Retries::default() }
    }

    /// The pool on which they are done.
    pub fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// What is to be tried again.
    pub fn retries(&self) -> &Retries {
        &self.retries
    }

    /// Forgets answers that were kept long enough, and says which.
    pub fn expired(&self, now: Time) -> Vec<Value> {
        self.look().extract_if(|_, it| it.is_over(now)).map(|(value, _)| value).collect()
    }

    /// Makes room for so many more items of a message of this size, and says whose answers give way.
    ///
    /// # Errors
    /// [`Refusal`] when the caller, or all together, have too many.
    pub fn room(&self, owner: &Principal, items: usize, size: usize, now: Time) -> Result<Vec<Value>, Refusal> {
        let mut requests = self.look();
        let mut gone: Vec<Value> = requests.iter().filter(|(_, it)| it.is_over(now)).map(|(value, _)| *value).collect();
        let own = |it: &&Request| it.owner == *owner && !it.is_over(now);
        let count = requests.values().filter(own).count();
        let fetched = requests.iter().filter(|(_, it)| own(it) && it.fetched).map(|(value, _)| *value);
        // Answers that were fetched give way before anything is refused.
        gone.extend(fetched.take(count.saturating_add(items).saturating_sub(MOST_OF_ONE)));
        gone.iter().for_each(|value| drop(requests.remove(value)));
        let own = || requests.values().filter(|it| it.owner == *owner);
        let bytes = own().filter(|it| !it.is_done()).fold(size, |sum, it| sum.saturating_add(it.size));
        let (mine, all) = (own().count().saturating_add(items), requests.len().saturating_add(items));
        if mine > MOST_OF_ONE || all > MOST || bytes > MOST_BYTES {
            let message = "too many requests wait to be done or fetched; poll for them or cancel some";
            return Err(Refusal::new(ResultReason::ServerLimitExceeded, message));
        }
        Ok(gone)
    }

    /// Knows a message from now on, and lets it be done in its turn.
    pub fn submit(&self, owner: &Principal, message: Job, kept: &Message, size: usize) {
        let mut requests = self.look();
        for item in &kept.items {
            requests.entry(item.value).or_insert_with(|| Request {
                owner: owner.clone(),
                operation: Operation(item.operation),
                submitted: kept.submitted,
                message,
                size,
                stage: Stage::Submitted,
                fetched: false,
                awaited: false,
            });
        }
        drop(requests);
        self.pool.submit(owner, message);
    }

    /// Knows an answer that was kept before.
    pub fn learn(&self, value: Value, owner: Principal, kept: &Outcome) {
        let request = Request {
            owner,
            operation: Operation(kept.operation),
            submitted: kept.submitted,
            message: kept.message,
            size: 0,
            stage: Stage::Done { at: Time(kept.finished), failed: kept.failed },
            fetched: false,
            awaited: false,
        };
        self.look().insert(value, request);
    }

    /// Forgets everything but what is being done; what is kept is learnt again.
    pub fn forget(&self) {
        self.look().retain(|_, it| it.stage == Stage::Working);
        self.changed.notify_all();
    }

    /// Begins with an item, unless it was begun, cancelled or done.
    pub fn begin(&self, value: &Value) -> bool {
        let mut requests = self.look();
        let Some(request) = requests.get_mut(value).filter(|it| it.stage == Stage::Submitted) else { return false };
        request.stage = Stage::Working;
        true
    }

    /// Whether somebody does this item now.
    pub fn is_under_way(&self, value: &Value) -> bool {
        self.look().get(value).is_some_and(|it| it.stage == Stage::Working)
    }

    /// An item was done, and its answer is kept.
    pub fn finish(&self, value: &Value, failed: bool, at: Time) {
        if let Some(request) = self.look().get_mut(value) {
            request.stage = Stage::Done { at, failed };
        }
        self.changed.notify_all();
    }

    /// An item could not be done now, and will be begun again.
    pub fn give_back(&self, value: &Value) {
        if let Some(request) = self.look().get_mut(value) {
            request.stage = Stage::Submitted;
        }
    }

    /// Whether every item of a message was done, but for one if it is named.
    pub fn is_done(&self, kept: &Message, but: Option<&Value>) -> bool {
        let requests = self.look();
        let mut others = kept.items.iter().filter(|item| Some(&item.value) != but);
        others.all(|item| requests.get(&item.value).is_none_or(Request::is_done))
    }

    /// How a request stands. One that is to be waited for is waited for, so long at most.
    ///
    /// # Errors
    /// [`Refusal`] when it is not the caller's, or there is none.
    pub fn poll(&self, value: &Value, owner: &Principal, now: Time, patience: Duration) -> Result<Polled, Refusal> {
        let waits = |requests: &mut HashMap<Value, Request>| {
            requests.get(value).is_some_and(|it| it.owner == *owner && it.awaited && !it.is_done())
        };
        let (mut requests, waited) =
            self.changed.wait_timeout_while(self.look(), patience, waits).unwrap_or_else(PoisonError::into_inner);
        let request = find(&mut requests, value, owner, now)?;
        if waited.timed_out() && request.awaited && !request.is_done() {
            // One Poll has waited; those after it hold no thread of the front.
            request.awaited = false;
            return Err(Refusal::new(ResultReason::GeneralFailure, "it takes longer than a Poll can wait; poll again"));
        }
        if !request.is_done() {
            return Ok(Polled::Pending);
        }
        request.fetched = true;
        Ok(Polled::Done)
    }

    /// Lets the next Poll for a request wait for it.
    ///
    /// # Errors
    /// [`Refusal`] when it is not the caller's, there is none, or it was asked for already.
    pub fn hurry(&self, value: &Value, owner: &Principal, now: Time) -> Result<(), Refusal> {
        let mut requests = self.look();
        let request = find(&mut requests, value, owner, now)?;
        if request.awaited {
            return Err(Refusal::new(ResultReason::DuplicateProcessRequest, "that was asked for already"));
        }
        request.awaited = true;
        Ok(())
    }

    /// Stops a request that was not begun.
    ///
    /// # Errors
    /// [`Refusal`] when it is not the caller's, or there is none.
    pub fn cancel(
        self: &Arc<Self>,
        value: &Value,
        owner: &Principal,
        now: Time,
    ) -> Result<(CancellationResult, Option<(Leaving, Outcome)>), Refusal> {
        let mut requests = self.look();
        let request = find(&mut requests, value, owner, now)?;
        let result = match request.stage {
            Stage::Submitted => CancellationResult::Canceled,
            Stage::Leaving | Stage::Working => CancellationResult::UnableToCancel,
            Stage::Done { failed: true, .. } => CancellationResult::Failed,
            Stage::Done { failed: false, .. } => CancellationResult::Completed,
        };
        if result != CancellationResult::Canceled {
            request.fetched |= request.is_done();
            return Ok((result, None));
        }
        request.stage = Stage::Leaving;
        let outcome = Outcome {
            owner: owner.to_string(),
            message: request.message,
            operation: request.operation.0,
            submitted: request.submitted,
            finished: now.0,
            failed: true,
            placeholder: None,
        };
        let (later, message) = (Arc::clone(self), request.message);
        Ok((result, Some((Leaving { later, value: *value, owner: owner.clone(), message }, outcome))))
    }

    /// The caller's requests whose answers were not fetched, oldest first.
    pub fn outstanding(&self, owner: &Principal, now: Time) -> Vec<AsynchronousRequest> {
        let requests = self.look();
        let wanted = requests.iter().filter(|(_, it)| it.owner == *owner && !it.fetched && !it.is_over(now));
        let mut found: Vec<AsynchronousRequest> = wanted
            .map(|(value, it)| AsynchronousRequest {
                asynchronous_correlation_value: Bytes(value.to_vec()),
                operation: it.operation,
                submission_date: DateTimeExtended(it.submitted),
                processing_stage: match it.stage {
                    Stage::Submitted | Stage::Leaving => ProcessingStage::Submitted,
                    Stage::Working => ProcessingStage::InProcess,
                    Stage::Done { .. } => ProcessingStage::Completed,
                },
            })
            .collect();
        found.sort_by_key(|it| it.submission_date);
        found
    }

    fn look(&self) -> MutexGuard<'_, HashMap<Value, Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find<'r>(
    requests: &'r mut HashMap<Value, Request>,
    value: &Value,
    owner: &Principal,
    now: Time,
) -> Result<&'r mut Request, Refusal> {
    requests.get_mut(value).filter(|it| it.owner == *owner && !it.is_over(now)).ok_or_else(unknown)
}

/// Whose requests the caller reaches.
///
/// # Errors
/// [`Refusal`] for whoever came with a ticket to a part of its owner's objects: an answer may be about any of them.
pub fn owner(caller: &Caller) -> Result<&Principal, Refusal> {
    if caller.scope == Scope::Everything { Ok(&caller.principal) } else { Err(unknown()) }
}

/// Nobody learns whether somebody else has a request of this value.
pub fn unknown() -> Refusal {
    Refusal::new(ResultReason::InvalidAsynchronousCorrelationValue, "there is no request of this value")
}

impl Request {
    fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done { .. })
    }

    /// Whether its answer has been kept long enough.
    fn is_over(&self, now: Time) -> bool {
        matches!(self.stage, Stage::Done { at, .. } if at.0.saturating_add(LONGEST) <= now.0)
    }
}

impl Leaving {
    /// The request was cancelled.
    pub fn gone(self, at: Time) {
        self.later.finish(&self.value, true, at);
        // Nobody else may be left to see that the whole message is done.
        self.later.pool.submit(&self.owner, self.message);
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        let mut requests = self.later.look();
        if let Some(request) = requests.get_mut(&self.value).filter(|it| it.stage == Stage::Leaving) {
            request.stage = Stage::Submitted;
            drop(requests);
            self.later.pool.submit(&self.owner, self.message);
        }
    }
}

/// A row: what is said of it, and its bytes.
///
/// # Errors
/// [`Refusal`] when it cannot be written.
pub fn to_row(head: &impl Serialize, bytes: &[u8]) -> Result<Secret, Refusal> {
    let failed = |_| Refusal::new(ResultReason::GeneralFailure, "the request cannot be kept");
    let head = serde_json::to_vec(head).map_err(failed)?;
    let length = u64::try_from(head.len()).unwrap_or(u64::MAX).to_be_bytes();
    let whole = head.len().saturating_add(bytes.len()).saturating_add(length.len());
    let mut row = Zeroizing::new(Vec::with_capacity(whole));
    [&length, head.as_slice(), bytes].into_iter().for_each(|part| row.extend_from_slice(part));
    Ok(Secret::copy_of(&row))
}

/// Takes a row apart.
pub fn of_row<H: DeserializeOwned>(row: &Secret) -> Option<(H, &[u8])> {
    let (length, rest) = row.reveal().split_first_chunk::<8>()?;
    let (head, bytes) = rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)?;
    Some((serde_json::from_slice(head).ok()?, bytes))
}

/// The settings that hold messages that are not done.
pub const MESSAGES: &str = "later/";
/// The settings that hold answers that can be fetched.
pub const ANSWERS: &str = "answer/";

/// The setting of a message or an answer.
pub fn setting(kind: &str, value: &Value) -> String {
    let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{kind}{hex}")
}

/// The value that a setting is of.
pub fn value_of(kind: &str, setting: &str) -> Option<Value> {
    let hex = setting.strip_prefix(kind).filter(|hex| hex.len() == 32)?;
    Some(u128::from_str_radix(hex, 16).ok()?.to_be_bytes())
}

/// One caller's requests that are not done or not fetched; a client with more does not fetch them.
const MOST_OF_ONE: usize = 64;
/// All of them.
const MOST: usize = 4_096;
/// Bytes of one caller's messages that are not done.
const MOST_BYTES: usize = 8 << 20;
/// How long an answer can be fetched, in milliseconds: an hour.
const LONGEST: i64 = 3_600_000;

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_poll_waits_once_and_those_after_it_do_not() {
        let (later, alice) = (Later::new(Arc::new(Pool::new(1, 1))), "client:alice".parse().unwrap());
        let value = [7; 16];
        let items = vec![Item { value, operation: Operation::Create.0, scope: None }];
        let kept = Message { owner: String::new(), from: String::new(), submitted: 0, number: 1, items };
        later.submit(&alice, [1; 16], &kept, 1);
        later.hurry(&value, &alice, Time(0)).unwrap();
        let polled = |patience: u64| {
            let began = Instant::now();
            let polled = later.poll(&value, &alice, Time(0), Duration::from_millis(patience));
            (polled, began.elapsed())
        };
        let (first, waited) = polled(100);
        assert_eq!(first.unwrap_err().reason, ResultReason::GeneralFailure);
        assert!(waited >= Duration::from_millis(100), "{waited:?}");
        let (second, waited) = polled(60_000);
        assert!(matches!(second, Ok(Polled::Pending)) && waited < Duration::from_secs(30), "{waited:?}");
        later.hurry(&value, &alice, Time(0)).unwrap();
    }
}
