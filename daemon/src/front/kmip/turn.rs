//! Whose turn it is: how many requests are performed at the same time, in all and for one client.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::caller::ClientName;

/// Turns to be taken. Who waits is served in the order of waiting; a client that has all its turns in use waits for
/// itself and keeps nobody else waiting. What may last long has some of the turns and never all, neither of a client's nor of
/// everybody's.
#[derive(Debug)]
pub(super) struct Turns {
    all: Arc<Semaphore>,
    long: Arc<Semaphore>,
    per_client: usize,
    clients: Mutex<HashMap<ClientName, Weak<Own>>>,
}

/// The turns of one client.
#[derive(Debug)]
struct Own {
    all: Arc<Semaphore>,
    long: Arc<Semaphore>,
}

/// How long a request may hold its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// Less than it takes to find a thread for it; it is performed where it was read.
    Moment,
    /// Milliseconds.
    Usual,
    /// Seconds, or as many as there are items in a batch.
    Long,
}

/// A turn, taken. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Turn {
    own: Held,
    _others: Vec<OwnedSemaphorePermit>,
}

/// The client's own part of a turn.
#[derive(Debug)]
pub(super) struct Held {
    _turn: OwnedSemaphorePermit,
    /// What it belongs to is known for as long as a part of it is held.
    _own: Arc<Own>,
}

impl Turn {
    /// Gives back what others may wait for, and keeps what the client alone would.
    pub(super) fn own(self) -> Held {
        self.own
    }
}

impl Turns {
    pub(super) fn new(all: usize, per_client: usize) -> Self {
        let (all, long) = (turns(all), turns(most_long(all)));
        Self { all, long, per_client, clients: Mutex::default() }
    }

    /// Waits for a turn of this client.
    pub(super) async fn take(&self, client: &ClientName, span: Span) -> Option<Turn> {
        let own = self.of(client);
        let take = |turns: &Arc<Semaphore>| Arc::clone(turns).acquire_owned();
        let mut others = Vec::new();
        // The client's own first, and what is scarcer first: who waits holds nothing that others could use.
        if span == Span::Long {
            others.push(take(&own.long).await.ok()?);
        }
        let turn = take(&own.all).await.ok()?;
        if span == Span::Long {
            others.push(take(&self.long).await.ok()?);
        }
        if span != Span::Moment {
            others.push(take(&self.all).await.ok()?);
        }
        Some(Turn { own: Held { _turn: turn, _own: own }, _others: others })
    }

    fn of(&self, client: &ClientName) -> Arc<Own> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = clients.get(client).and_then(Weak::upgrade) {
            return known;
        }
        clients.retain(|_, turns| turns.strong_count() > 0);
        let own = Arc::new(Own { all: turns(self.per_client), long: turns(most_long(self.per_client)) });
        clients.insert(client.clone(), Arc::downgrade(&own));
        own
    }
}

fn turns(count: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)))
}

/// How many of so many turns may last long: three quarters of them.
fn most_long(turns: usize) -> usize {
    turns.saturating_sub(turns.div_ceil(4)).max(1)
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    /// The turn, if it can be had at once.
    fn at_once(turns: &Turns, name: &str) -> Option<Turn> {
        taken(turns, name, Span::Usual)
    }

    fn taken(turns: &Turns, name: &str, span: Span) -> Option<Turn> {
        let name = name.parse().unwrap();
        match pin!(turns.take(&name, span)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => turn,
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_client_that_uses_all_its_turns_keeps_nobody_else_waiting() {
        let turns = Turns::new(3, 2);
        let first = at_once(&turns, "alice").unwrap();
        let _second = at_once(&turns, "alice").unwrap();
        assert!(at_once(&turns, "alice").is_none(), "a third turn of one client");
        let _third = at_once(&turns, "bob").unwrap();
        assert!(at_once(&turns, "carol").is_none(), "a fourth turn in all");
        drop(first);
        assert!(at_once(&turns, "carol").is_some());
    }

    #[test]
    fn what_lasts_long_leaves_turns_for_what_does_not() {
        let turns = Turns::new(8, 4);
        let long: Vec<Turn> = (0..4).filter_map(|_| taken(&turns, "alice", Span::Long)).collect();
        assert_eq!(long.len(), 3, "and one is left for the same client");
        let _usual = at_once(&turns, "alice").unwrap();
        let others: Vec<Turn> = (0..4).filter_map(|_| taken(&turns, "bob", Span::Long)).collect();
        assert_eq!(others.len(), 3, "six of all that there are");
        assert!(taken(&turns, "carol", Span::Long).is_none());
        let _last = at_once(&turns, "carol").unwrap();
        assert!(at_once(&turns, "dave").is_none(), "a ninth in all");
        assert!(taken(&turns, "dave", Span::Moment).is_some(), "which needs no thread");
    }

    #[test]
    fn an_answer_that_waits_to_be_sent_is_its_clients_own_affair() {
        let turns = Turns::new(2, 1);
        let held = taken(&turns, "alice", Span::Long).unwrap().own();
        assert!(at_once(&turns, "alice").is_none(), "it waits");
        let both = (taken(&turns, "bob", Span::Long).unwrap(), at_once(&turns, "carol").unwrap());
        drop(held);
        assert!(at_once(&turns, "alice").is_none(), "the others are at work");
        drop(both);
        assert!(at_once(&turns, "alice").is_some());
    }

    #[test]
    fn a_client_that_went_leaves_no_trace() {
        let turns = Turns::new(3, 2);
        drop(at_once(&turns, "alice"));
        drop(at_once(&turns, "bob"));
        assert_eq!(turns.clients.lock().unwrap().len(), 1);
    }
}
