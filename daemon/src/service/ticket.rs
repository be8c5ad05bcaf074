//! Tickets: what Login gave, by which later messages may say who sends them.
//!
//! A ticket adds nothing to what its holder has proved by TLS: it is good for the client that was given it and for nobody
//! else, and lets it do less than it may otherwise, never more. Tickets end with the daemon, and when what their owner
//! shows to be known is taken away, changed or asked for.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use aws_lc_rs::digest::{SHA256, digest};
use strongroom_kmip::{
    code::{ObjectType, Operation, ResultReason},
    payload::{self, Lease},
    secret::Secret,
    ttlv::{DateTime, Interval},
};

use super::refusal::Refusal;
use crate::{
    caller::{Principal, Scope},
    clock::Time,
    vault::{Change, Object},
};

/// The tickets that are good for something.
#[derive(Default)]
pub struct Tickets {
    book: Mutex<Book>,
    /// How many messages have come in.
    messages: AtomicU64,
}

#[derive(Default)]
struct Book {
    given: HashMap<[u8; 32], Ticket>,
    /// Whose tickets were ended, and the number of the newest message then: what an older one has asked for is not given.
    ended: VecDeque<(Principal, u64)>,
    /// The number up to which it is not remembered whose were.
    forgotten: u64,
}

/// What a ticket is good for.
pub struct Ticket {
    owner: Principal,
    until: Time,
    /// How many messages more, where that is limited.
    left: Option<u32>,
    /// What its holder may do; nothing where it may do all that its owner may.
    rights: Option<Arc<Rights>>,
}

/// What a ticket's holder may do: what any of these allows.
#[derive(Debug)]
pub struct Rights(Vec<Right>);

#[derive(Debug)]
struct Right {
    operations: Option<Vec<Operation>>,
    objects: Option<Vec<String>>,
    groups: Option<Vec<String>>,
}

impl Tickets {
    /// A number for a message that has just come in.
    pub fn number(&self) -> u64 {
        self.messages.fetch_add(1, Ordering::SeqCst).saturating_add(1)
    }

    /// Whether the owner may have one more.
    ///
    /// # Errors
    /// [`Refusal`] when it has too many.
    pub fn room(&self, owner: &Principal, now: Time) -> Result<(), Refusal> {
        let given = &mut self.look().given;
        given.retain(|_, ticket| ticket.until > now);
        let own = given.values().filter(|ticket| ticket.owner == *owner).count();
        if own >= MOST_OF_ONE || given.len() >= MOST {
            return Err(Refusal::new(ResultReason::ServerLimitExceeded, "too many tickets are out; log out of some"));
        }
        Ok(())
    }

    /// Lets a ticket be good from now on, unless its owner's were ended since the message came in that asks for it: what the
    /// message rests on may be gone.
    pub fn give(&self, value: &Secret, ticket: Ticket, message: u64) {
        let mut book = self.look();
        let ended = book.ended.iter().any(|(owner, newest)| *owner == ticket.owner && message <= *newest);
        if !ended && message > book.forgotten {
            book.given.insert(key(value), ticket);
        }
    }

    /// Uses a ticket for one message, and says what its holder may do by it.
    ///
    /// # Errors
    /// [`Refusal`] when it is not good for this caller now.
    pub fn show(&self, value: &Secret, caller: &Principal, now: Time) -> Result<Option<Arc<Rights>>, Refusal> {
        let given = &mut self.look().given;
        let ticket = given.get_mut(&key(value)).filter(|ticket| ticket.owner == *caller && ticket.until > now);
        let ticket = ticket.ok_or_else(unknown)?;
        match &mut ticket.left {
            Some(0) => return Err(Refusal::new(ResultReason::UsageLimitExceeded, "the ticket is used up")),
            Some(left) => *left = left.saturating_sub(1),
            None => {}
        }
        Ok(ticket.rights.clone())
    }

    /// Whether the caller has this ticket.
    ///
    /// # Errors
    /// [`Refusal`] when it has not.
    pub fn check(&self, value: &Secret, caller: &Principal) -> Result<(), Refusal> {
        let given = &self.look().given;
        given.get(&key(value)).filter(|ticket| ticket.owner == *caller).map(|_| ()).ok_or_else(unknown)
    }

    /// Lets a ticket be good for nothing any more.
    pub fn end(&self, value: &Secret) {
        self.look().given.remove(&key(value));
    }

    /// Lets every ticket of an owner be good for nothing any more.
    pub fn end_of(&self, owner: &Principal) {
        let mut book = self.look();
        book.given.retain(|_, ticket| ticket.owner != *owner);
        book.ended.retain(|(other, _)| other != owner);
        if book.ended.len() >= MOST_ENDED
            && let Some((_, newest)) = book.ended.pop_front()
        {
            book.forgotten = book.forgotten.max(newest);
        }
        book.ended.push_back((owner.clone(), self.messages.load(Ordering::SeqCst)));
    }

    /// Lets a change that touches what somebody's tickets rest on, a user or its password, end them once it is kept.
    pub fn end_with(self: &Arc<Self>, change: &mut Change) {
        let rests =
            |object: &&Object| matches!(object.object_type(), ObjectType::User | ObjectType::PasswordCredential);
        let owners: Vec<Principal> = change.altered().filter(rests).map(|object| object.owner.clone()).collect();
        for owner in owners {
            let tickets = Arc::clone(self);
            change.afterwards(move || tickets.end_of(&owner));
        }
    }

    fn look(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// A ticket of `owner` as it asked for it.
    ///
    /// # Errors
    /// [`Refusal`] when it asks for what no ticket can be.
    pub fn new(
        owner: Principal,
        lease: Option<Lease>,
        count: Option<i32>,
        rights: Option<Rights>,
        now: Time,
    ) -> Result<Self, Refusal> {
        let seconds = match lease {
            None | Some(Lease::For(Interval(0))) => USUAL,
            Some(Lease::For(Interval(seconds))) => i64::from(seconds),
            Some(Lease::Until(DateTime(end))) => end.saturating_sub(now.seconds()),
        };
        if seconds <= 0 {
            return Err(Refusal::invalid("the ticket would have ended before it began"));
        }
        let until = Time(now.0.saturating_add(seconds.min(LONGEST).saturating_mul(1000)));
        let left = match count.map(u32::try_from) {
            None | Some(Ok(0)) => None,
            Some(Ok(count)) => Some(count),
            Some(Err(_)) => return Err(Refusal::invalid("a Request Count is not negative")),
        };
        Ok(Self { owner, until, left, rights: rights.map(Arc::new) })
    }
}

impl Rights {
    /// Rights as they were asked for.
    ///
    /// # Errors
    /// [`Refusal`] when they say what cannot be kept to.
    pub fn new(rights: payload::Rights) -> Result<Self, Refusal> {
        let read = |right: payload::Right| {
            if right.usage_limits.is_some() {
                return Err(limits());
            }
            if right.objects.is_some() && right.object_groups.is_some() {
                return Err(Refusal::unsupported("a right names objects or object groups, not both"));
            }
            let objects = right.objects.map(|it| it.unique_identifier.into_iter().map(|id| id.0).collect());
            let groups = right.object_groups.map(|it| it.object_group);
            Ok(Right { operations: right.operations.map(|it| it.operation), objects, groups })
        };
        let rights = Self(rights.right.into_iter().map(read).collect::<Result<_, _>>()?);
        rights.fit()?;
        Ok(rights)
    }

    /// Refuses rights that would take more memory than a ticket is worth: they stay as long as the ticket is good.
    fn fit(&self) -> Result<(), Refusal> {
        let names = || self.0.iter().flat_map(|right| right.objects.iter().chain(&right.groups)).flatten();
        let operations = self.0.iter().flat_map(|right| &right.operations).flatten().count();
        if self.0.len() > MOST_NAMES || names().count() > MOST_NAMES || operations > MOST_OPERATIONS {
            let message = format!("a ticket names {MOST_NAMES} objects and groups at most");
            return Err(Refusal::new(ResultReason::ServerLimitExceeded, message));
        }
        if names().any(|name| name.len() > LONGEST_NAME) {
            return Err(Refusal::invalid(format!("a ticket names nothing in more than {LONGEST_NAME} bytes")));
        }
        Ok(())
    }

    /// Which objects the operation may touch, or nothing when it may not be performed at all.
    pub fn scope(&self, operation: Operation) -> Option<Scope> {
        let allows = |right: &&Right| right.operations.as_ref().is_none_or(|all| all.contains(&operation));
        let mut allowing = self.0.iter().filter(allows).peekable();
        allowing.peek()?;
        let (mut objects, mut groups) = (Vec::new(), Vec::new());
        for right in allowing {
            if right.objects.is_none() && right.groups.is_none() {
                return Some(Scope::Everything);
            }
            objects.extend(right.objects.iter().flatten().cloned());
            groups.extend(right.groups.iter().flatten().cloned());
        }
        Some(Scope::Only { objects: objects.into(), groups: groups.into() })
    }
}

/// What is not served of tickets.
pub fn limits() -> Refusal {
    Refusal::unsupported("a ticket has no Usage Limits; it can have a Request Count")
}

/// Tickets are known by their digest, so that looking for one says nothing about another.
fn key(value: &Secret) -> [u8; 32] {
    let mut key = [0; 32];
    key.copy_from_slice(digest(&SHA256, value.reveal()).as_ref());
    key
}

fn unknown() -> Refusal {
    Refusal::new(ResultReason::InvalidTicket, "the ticket is not good here")
}

/// One client's tickets; a client with more forgot to log out.
const MOST_OF_ONE: usize = 64;
/// All tickets; each takes some hundred bytes, and its rights some kilobytes.
const MOST: usize = 4_096;
/// Owners of whom it is remembered that their tickets were ended: for longer than any message takes.
const MOST_ENDED: usize = 1_024;
/// Rights of one ticket, and objects and groups that they name.
const MOST_NAMES: usize = 256;
/// Bytes of an identifier or a group's name.
const LONGEST_NAME: usize = 128;
/// Operations that the rights of one ticket name.
const MOST_OPERATIONS: usize = 1_024;
/// How many seconds a ticket is good for that does not ask: a working hour.
const USUAL: i64 = 3_600;
/// How many seconds a ticket is good for at most: a day.
const LONGEST: i64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Time = Time(1_000_000_000_000);

    fn alice() -> Principal {
        "client:alice".parse().unwrap()
    }

    fn value() -> Secret {
        Secret::copy_of(b"ticket")
    }

    fn ticket(lease: Option<Lease>, count: Option<i32>) -> Result<Ticket, Refusal> {
        Ticket::new(alice(), lease, count, None, NOON)
    }

    #[test]
    fn a_ticket_is_good_for_its_owner_its_time_and_its_count() {
        let tickets = Tickets::default();
        tickets.give(&value(), ticket(Some(Lease::For(Interval(10))), Some(2)).unwrap(), 1);
        let bob = "client:bob".parse().unwrap();
        let reason = |who: &Principal, after: i64| {
            tickets.show(&value(), who, Time(NOON.0 + after)).map(|_| ()).map_err(|refusal| refusal.reason)
        };
        assert_eq!(reason(&bob, 0), Err(ResultReason::InvalidTicket), "somebody else's");
        assert_eq!(reason(&alice(), 9_999), Ok(()));
        assert_eq!(reason(&alice(), 10_000), Err(ResultReason::InvalidTicket), "too late");
        assert_eq!(reason(&alice(), 0), Ok(()));
        assert_eq!(reason(&alice(), 0), Err(ResultReason::UsageLimitExceeded));
        tickets.end(&value());
        assert_eq!(reason(&alice(), 0), Err(ResultReason::InvalidTicket), "ended");
    }

    #[test]
    fn a_ticket_is_not_given_to_whom_it_was_ended_while_it_was_asked_for() {
        let good = |tickets: &Tickets, message: u64| {
            tickets.give(&value(), ticket(None, None).unwrap(), message);
            tickets.check(&value(), &alice()).is_ok()
        };
        let tickets = Tickets::default();
        let (early, late) = (tickets.number(), tickets.number());
        tickets.end_of(&"client:bob".parse().unwrap());
        assert!(good(&tickets, early), "another's end is nothing to it");
        tickets.end_of(&alice());
        assert!(!good(&tickets, early) && !good(&tickets, late), "asked for before");
        let after = tickets.number();
        assert!(good(&tickets, after), "asked for after");
        tickets.end_of(&alice());
        for number in 0..MOST_ENDED {
            tickets.end_of(&format!("client:c{number}").parse().unwrap());
        }
        assert!(!good(&tickets, after), "where it is not known any more, it is not given");
        assert!(good(&tickets, tickets.number()));
    }

    #[test]
    fn a_ticket_that_could_not_be_is_refused() {
        for (name, lease, count) in [
            ("a negative count", None, Some(-1)),
            ("already over", Some(Lease::Until(DateTime(NOON.seconds()))), None),
            ("before all time", Some(Lease::Until(DateTime(i64::MIN))), None),
        ] {
            assert!(ticket(lease, count).is_err(), "{name}");
        }
        let longest = ticket(Some(Lease::Until(DateTime(i64::MAX))), None).unwrap();
        assert_eq!(longest.until, Time(NOON.0 + LONGEST * 1000));
    }

    #[test]
    fn nobody_has_more_tickets_than_one_client_needs() {
        let tickets = Tickets::default();
        for number in 0..MOST_OF_ONE {
            tickets.room(&alice(), NOON).unwrap();
            tickets.give(&Secret::copy_of(&number.to_be_bytes()), ticket(None, None).unwrap(), 1);
        }
        assert_eq!(tickets.room(&alice(), NOON).unwrap_err().reason, ResultReason::ServerLimitExceeded);
        assert!(tickets.room(&"client:bob".parse().unwrap(), NOON).is_ok());
        assert!(tickets.room(&alice(), Time(NOON.0 + USUAL * 1000)).is_ok(), "old ones make room");
    }

    #[test]
    fn a_ticket_that_would_fill_the_memory_is_refused() {
        let rights = |count: usize, length: usize| {
            let objects = payload::Objects { unique_identifier: vec!["x".repeat(length).as_str().into(); count] };
            let right =
                payload::Right { usage_limits: None, operations: None, objects: Some(objects), object_groups: None };
            Rights::new(payload::Rights { right: vec![right] }).is_ok()
        };
        assert!(rights(MOST_NAMES, LONGEST_NAME));
        assert!(!rights(MOST_NAMES + 1, 1), "too many");
        assert!(!rights(1, LONGEST_NAME + 1), "too long");
    }

    #[test]
    fn rights_allow_what_one_of_them_allows() {
        let right = |operations: &[Operation], objects: Option<&[&str]>| Right {
            operations: Some(operations.to_vec()),
            objects: objects.map(|ids| ids.iter().map(|&id| id.to_owned()).collect()),
            groups: None,
        };
        let rights = Rights(vec![
            right(&[Operation::Query, Operation::Get], None),
            right(&[Operation::Sign], Some(&["a"])),
            right(&[Operation::Sign], Some(&["b"])),
        ]);
        let both = Scope::Only { objects: Arc::new(["a".to_owned(), "b".to_owned()]), groups: Arc::new([]) };
        assert_eq!(rights.scope(Operation::Get), Some(Scope::Everything));
        assert_eq!(rights.scope(Operation::Sign), Some(both));
        assert_eq!(rights.scope(Operation::Destroy), None);
        assert_eq!(Rights(Vec::new()).scope(Operation::Query), None, "no right at all");
    }
}
