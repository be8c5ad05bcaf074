//! What waits to be told to clients: a queue for each endpoint, in the order of the changes that it tells of.
//!
//! A letter is kept, sealed, together with the change that it tells of, and goes when it was delivered. So no crash loses
//! one, and one whose delivery was not written down is delivered again.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use strongroom_kmip::{code::Operation, version::Version};

use super::order::EndpointRow;
use crate::{
    caller::ClientName,
    clock::Time,
    vault::{Change, ObjectId},
};

/// Where a client is told what it did not ask for, as an operator has configured it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// What it is called.
    pub name: String,
    /// Where it is, for people to read; nothing where the client turns a connection of its own around.
    pub address: Option<String>,
    /// Whose objects it is told of.
    pub client: ClientName,
    /// What it speaks.
    pub version: Version,
    /// Whether it is told what has changed.
    pub notifies: bool,
    /// Whether it is given objects.
    pub puts: bool,
    /// Whether it is given what takes the place of an object.
    pub replacements: bool,
    /// Whether it is also told of what the client itself has changed.
    pub own: bool,
    /// The key under which secrets go there.
    pub wrapping_key: Option<ObjectId>,
    /// Letters that wait at most.
    pub most: usize,
    /// Bytes that they have at most, all together.
    pub most_bytes: usize,
}

/// Why a letter was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Nobody answers at the address.
    #[error("it cannot be reached")]
    Unreachable,
    /// The handshake failed: it is not who it should be, or does not know us.
    #[error("its TLS handshake failed")]
    Untrusted,
    /// It took too long.
    #[error("it takes too long")]
    Slow,
    /// It hung up.
    #[error("it hung up")]
    Closed,
    /// What it answered is no answer.
    #[error("what it answered is no answer")]
    Unreadable,
}

impl Trouble {
    /// The word that the log has for it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Untrusted => "untrusted",
            Self::Slow => "timeout",
            Self::Closed => "closed",
            Self::Unreadable => "unreadable",
        }
    }
}

/// What is told of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Word {
    /// What has changed; the message stands in the row.
    Notify,
    /// The object itself, which leaves the vault when it is sent and not before.
    Put {
        /// What it takes the place of.
        replaced: Option<String>,
    },
}

impl Word {
    pub(super) fn operation(&self) -> Operation {
        match self {
            Self::Notify => Operation::Notify,
            Self::Put { .. } => Operation::Put,
        }
    }
}

/// What a row says of its letter.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    /// Whose the object is.
    pub(super) client: String,
    /// Which object.
    pub(super) object: String,
    /// What is told.
    pub(super) word: Word,
}

/// A letter whose turn has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Which endpoint's, by its place among them.
    pub place: usize,
    /// Its number in the queue.
    pub number: u64,
    /// The object that it is about.
    pub object: ObjectId,
    /// Notify or Put.
    pub operation: Operation,
}

/// The letters for one endpoint.
pub(super) struct Queue {
    pub(super) endpoint: Endpoint,
    waiting: Mutex<Waiting>,
    bell: Mutex<(u64, Option<Bell>)>,
}

/// Rung when there is something to deliver.
pub(super) type Bell = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct Waiting {
    letters: VecDeque<Kept>,
    next: u64,
    delivered: Option<Time>,
    trouble: Option<(Time, String)>,
}

struct Kept {
    number: u64,
    object: ObjectId,
    operation: Operation,
    size: usize,
    /// Whether it is durable.
    stands: bool,
    under_way: bool,
    /// How often it was sent without an answer.
    sent: u32,
}

/// A letter that made room.
pub(super) struct Gone {
    pub(super) number: u64,
    pub(super) object: ObjectId,
}

/// A place in a queue, for a letter that is about to be kept. Dropping it gives the place up.
pub(super) struct Held {
    queue: Arc<Queue>,
    pub(super) number: u64,
    stands: bool,
}

impl Queue {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, waiting: Mutex::default(), bell: Mutex::default() }
    }

    /// The setting that holds a letter.
    pub(super) fn setting(&self, number: u64) -> String {
        format!("{LETTERS}{}/{number:016x}", self.endpoint.name)
    }

    /// Takes a place at the end, and says which notifications, the oldest ones, make room for it. Nothing when there is
    /// none to be had: an object that was ordered to be sent gives way to nobody.
    pub(super) fn hold(
        self: &Arc<Self>,
        object: &ObjectId,
        operation: Operation,
        size: usize,
    ) -> Option<(Held, Vec<Gone>)> {
        let mut waiting = self.look();
        let (mut count, mut bytes) = (waiting.letters.len(), waiting.bytes());
        let mut gone = Vec::new();
        let full = |count: usize, bytes: usize| {
            count >= self.endpoint.most || bytes.saturating_add(size) > self.endpoint.most_bytes
        };
        for letter in waiting.letters.iter().filter(|letter| letter.gives_way()) {
            if !full(count, bytes) {
                break;
            }
            (count, bytes) = (count.saturating_sub(1), bytes.saturating_sub(letter.size));
            gone.push(Gone { number: letter.number, object: letter.object.clone() });
        }
        if full(count, bytes) {
            return None;
        }
        waiting.letters.retain(|letter| !gone.iter().any(|gone| gone.number == letter.number));
        let number = waiting.next;
        waiting.next = number.saturating_add(1);
        waiting.letters.push_back(Kept { stands: false, ..Kept::new(number, object.clone(), operation, size) });
        Some((Held { queue: Arc::clone(self), number, stands: false }, gone))
    }

    /// The letter whose turn it is. Those behind it wait for it, so that an object's changes are told in their order.
    pub(super) fn first(&self, place: usize) -> Option<Letter> {
        let mut waiting = self.look();
        let first = waiting.letters.front_mut().filter(|letter| letter.stands && !letter.under_way)?;
        first.under_way = true;
        Some(Letter { place, number: first.number, object: first.object.clone(), operation: first.operation })
    }

    /// A letter was delivered, or will never be.
    pub(super) fn strike(&self, number: u64) {
        self.look().letters.retain(|letter| letter.number != number);
    }

    /// A letter was delivered.
    pub(super) fn thrive(&self, now: Time) {
        let mut waiting = self.look();
        (waiting.delivered, waiting.trouble) = (Some(now), None);
    }

    /// A letter was not delivered. Says whether it was sent so often without an answer that nobody will ever give one.
    pub(super) fn put_off(&self, number: u64, trouble: Trouble, now: Time) -> bool {
        let mut waiting = self.look();
        waiting.trouble = Some((now, trouble.to_string()));
        let Some(letter) = waiting.letters.iter_mut().find(|letter| letter.number == number) else { return false };
        letter.under_way = false;
        letter.sent =
            letter.sent.saturating_add(u32::from(!matches!(trouble, Trouble::Unreachable | Trouble::Untrusted)));
        letter.sent >= MOST_TRIES
    }

    /// A letter is not delivered now, through no fault of the endpoint's.
    pub(super) fn put_back(&self, number: u64) {
        if let Some(letter) = self.look().letters.iter_mut().find(|letter| letter.number == number) {
            letter.under_way = false;
        }
    }

    /// The endpoint refused something, for the operator to read.
    pub(super) fn complain(&self, now: Time, why: String) {
        self.look().trouble = Some((now, why));
    }

    /// Knows from now on what is kept, and nothing else; in the order of the numbers.
    pub(super) fn learn(&self, kept: Vec<(u64, Head, usize)>) {
        let mut waiting = self.look();
        waiting.next = kept.last().map_or(0, |(number, ..)| number.saturating_add(1)).max(waiting.next);
        let letter = |(number, head, size): (u64, Head, usize)| {
            Kept::new(number, ObjectId::from_text(&head.object), head.word.operation(), size)
        };
        waiting.letters = kept.into_iter().map(letter).collect();
        drop(waiting);
        self.ring();
    }

    /// Lets this bell be rung when there is something to deliver, in place of an earlier one, which is rung a last time.
    /// Gives the number by which whoever hung it knows whether it still hangs.
    pub(super) fn hang(&self, bell: Bell) -> u64 {
        self.ring();
        let number = {
            let mut hanging = self.bell.lock().unwrap_or_else(PoisonError::into_inner);
            *hanging = (hanging.0.saturating_add(1), Some(bell));
            hanging.0
        };
        self.ring();
        number
    }

    /// Whether the bell of this number still hangs.
    pub(super) fn hangs(&self, number: u64) -> bool {
        self.bell.lock().unwrap_or_else(PoisonError::into_inner).0 == number
    }

    fn ring(&self) {
        let bell = self.bell.lock().unwrap_or_else(PoisonError::into_inner).1.clone();
        if let Some(bell) = bell {
            bell();
        }
    }

    pub(super) fn row(&self) -> EndpointRow {
        let waiting = self.look();
        EndpointRow {
            name: self.endpoint.name.clone(),
            client: self.endpoint.client.to_string(),
            address: self.endpoint.address.clone(),
            waiting: waiting.letters.len(),
            delivered: waiting.delivered.map(Time::seconds),
            failed: waiting.trouble.as_ref().map(|(when, _)| when.seconds()),
            error: waiting.trouble.as_ref().map(|(_, why)| why.clone()),
        }
    }

    fn look(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn bytes(&self) -> usize {
        self.letters.iter().fold(0, |sum, letter| sum.saturating_add(letter.size))
    }
}

impl Kept {
    fn new(number: u64, object: ObjectId, operation: Operation, size: usize) -> Self {
        Self { number, object, operation, size, stands: true, under_way: false, sent: 0 }
    }

    fn gives_way(&self) -> bool {
        self.operation == Operation::Notify && self.stands && !self.under_way
    }
}

impl Held {
    /// Lets the letter be delivered once the change is durable; if the change is dropped, so is the letter.
    pub(super) fn stand_with(mut self, change: &mut Change) {
        change.afterwards(move || {
            self.stands = true;
            if let Some(letter) = self.queue.look().letters.iter_mut().find(|letter| letter.number == self.number) {
                letter.stands = true;
            }
            self.queue.ring();
        });
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.stands {
            self.queue.strike(self.number);
            // Those behind it need not wait any longer.
            self.queue.ring();
        }
    }
}

/// The settings that hold letters.
pub(super) const LETTERS: &str = "letter/";

/// The endpoint and the number of a letter's setting.
pub(super) fn letter_of(setting: &str) -> Option<(&str, u64)> {
    let (name, number) = setting.strip_prefix(LETTERS)?.rsplit_once('/')?;
    Some((name, u64::from_str_radix(number, 16).ok()?))
}

/// Nobody answers a letter that was sent so often without an answer.
const MOST_TRIES: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(most: usize, most_bytes: usize) -> Arc<Queue> {
        Arc::new(Queue::new(Endpoint {
            name: "array".into(),
            address: None,
            client: "alice".parse().unwrap(),
            version: strongroom_kmip::version::V2_1,
            notifies: true,
            puts: true,
            replacements: false,
            own: false,
            wrapping_key: None,
            most,
            most_bytes,
        }))
    }

    fn head(object: &str, word: Word) -> Head {
        Head { client: "alice".into(), object: object.into(), word }
    }

    fn id(text: &str) -> ObjectId {
        ObjectId::from_text(text)
    }

    #[test]
    fn the_oldest_notifications_make_room_and_nothing_else_does() {
        let queue = queue(3, 1000);
        let put = Word::Put { replaced: None };
        queue.learn(vec![(7, head("p", put), 0), (8, head("a", Word::Notify), 10), (9, head("b", Word::Notify), 10)]);
        let (held, gone) = queue.hold(&id("c"), Operation::Notify, 10).unwrap();
        assert_eq!(gone.iter().map(|gone| gone.number).collect::<Vec<_>>(), [8]);
        assert_eq!(held.number, 10);
        let (_large, gone) =
            queue.hold(&id("d"), Operation::Notify, 991).map_or((None, Vec::new()), |(h, g)| (Some(h), g));
        assert!(gone.is_empty(), "what is not durable yet gives no way, and without it there is no room");
        assert_eq!(queue.row().waiting, 3);
        drop(held);
        assert_eq!(queue.row().waiting, 2, "a letter whose change was dropped is none");
    }

    #[test]
    fn a_letter_larger_than_the_queue_drives_nobody_out() {
        let queue = queue(10, 100);
        queue.learn(vec![(0, head("a", Word::Notify), 60), (1, head("b", Word::Notify), 30)]);
        assert!(queue.hold(&id("c"), Operation::Notify, 101).is_none());
        assert_eq!(queue.row().waiting, 2);
    }

    #[test]
    fn letters_go_one_by_one_in_their_order() {
        let queue = queue(10, 100);
        queue.learn(vec![(3, head("a", Word::Notify), 1), (4, head("a", Word::Notify), 1)]);
        let first = queue.first(0).unwrap();
        assert_eq!((first.number, queue.first(0)), (3, None));
        queue.put_back(3);
        assert_eq!(queue.first(0), Some(first));
        queue.strike(3);
        assert_eq!(queue.first(0).map(|letter| letter.number), Some(4));
    }

    #[test]
    fn who_never_answers_is_asked_so_often_and_no_more() {
        let queue = queue(10, 100);
        queue.learn(vec![(0, head("a", Word::Notify), 1)]);
        for _ in 0..100 {
            assert!(!queue.put_off(0, Trouble::Unreachable, Time(0)), "who cannot be reached has not been asked");
        }
        let tries = (1..).find(|_| queue.put_off(0, Trouble::Closed, Time(0)));
        assert_eq!(tries, Some(MOST_TRIES));
    }

    #[test]
    fn a_setting_names_its_letter() {
        let queue = queue(1, 1);
        assert_eq!(letter_of(&queue.setting(0x2a)), Some(("array", 0x2a)));
        assert_eq!(letter_of("later/00"), None);
        assert_eq!(letter_of("letter/array/x"), None);
    }
}
