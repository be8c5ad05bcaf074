//! Whose turn it is: how many requests are performed at the same time, in all and for one client.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::caller::ClientName;

/// Turns to be taken. Who waits is served in the order of waiting; a client that has all its turns in use waits for
/// itself and keeps nobody else waiting.
#[derive(Debug)]
pub(super) struct Turns {
    all: Arc<Semaphore>,
    per_client: usize,
    clients: Mutex<HashMap<ClientName, Weak<Semaphore>>>,
}

/// A turn, taken. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Turn {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Turns {
    pub(super) fn new(all: usize, per_client: usize) -> Self {
        let all = Arc::new(Semaphore::new(all.min(Semaphore::MAX_PERMITS)));
        Self { all, per_client, clients: Mutex::default() }
    }

    /// Waits for a turn of this client.
    pub(super) async fn take(&self, client: &ClientName) -> Option<Turn> {
        // The client's own first: who waits there holds nothing that others could use.
        let own = self.of(client).acquire_owned().await.ok()?;
        let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Turn { _own: own, _all: all })
    }

    fn of(&self, client: &ClientName) -> Arc<Semaphore> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = clients.get(client).and_then(Weak::upgrade) {
            return known;
        }
        clients.retain(|_, turns| turns.strong_count() > 0);
        let turns = Arc::new(Semaphore::new(self.per_client.min(Semaphore::MAX_PERMITS)));
        clients.insert(client.clone(), Arc::downgrade(&turns));
        turns
    }
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
        let name = name.parse().unwrap();
        match pin!(turns.take(&name)).poll(&mut Context::from_waker(Waker::noop())) {
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
    fn a_client_that_went_leaves_no_trace() {
        let turns = Turns::new(3, 2);
        drop(at_once(&turns, "alice"));
        drop(at_once(&turns, "bob"));
        assert_eq!(turns.clients.lock().unwrap().len(), 1);
    }
}
