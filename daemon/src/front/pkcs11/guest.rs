//! The applications of clients from afar: who began them, and when each called last.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    application::Application,
    passing::{Leftovers, Seats},
};
use crate::{caller::Principal, clock::Time, service::Turns};

/// The applications that are there, each under the value that names it to its client.
pub struct Guests {
    next: AtomicU64,
    seats: Arc<Seats>,
    turns: Arc<Turns>,
    there: Mutex<HashMap<Vec<u8>, Guest>>,
}

struct Guest {
    owner: Principal,
    application: Arc<Application>,
    /// When it last called.
    last: Time,
}

impl Guests {
    /// Nobody yet. Objects of sessions take these seats, and logins last for these turns.
    pub fn new(seats: Arc<Seats>, turns: Arc<Turns>) -> Self {
        Self { next: AtomicU64::default(), seats, turns, there: Mutex::default() }
    }

    /// Begins an application, in this run of the daemon, and names it; nothing when there are too many.
    pub fn begin(&self, owner: &Principal, run: [u8; 16], now: Time) -> Option<Vec<u8>> {
        let mut there = self.lock();
        let own = there.values().filter(|guest| guest.owner == *owner).count();
        if there.len() >= MOST || own >= MOST_OF_ONE {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = [run.as_slice(), &number.to_be_bytes()].concat();
        let application = Arc::new(Application::new(Arc::clone(&self.seats), &self.turns));
        there.insert(name.clone(), Guest { owner: owner.clone(), application, last: now });
        Some(name)
    }

    /// The application of this name, which calls now, if it is the owner's.
    pub fn call(&self, owner: &Principal, name: &[u8], now: Time) -> Option<Arc<Application>> {
        let mut there = self.lock();
        let guest = there.get_mut(name).filter(|guest| guest.owner == *owner)?;
        guest.last = now;
        Some(Arc::clone(&guest.application))
    }

    /// Forgets an application that has ended itself.
    pub fn end(&self, name: &[u8]) {
        self.lock().remove(name);
    }

    /// The applications that have not called for a while; they are forgotten here.
    pub fn gone(&self, now: Time) -> Vec<Arc<Application>> {
        let is_gone = |guest: &Guest| guest.last.0 <= now.0.saturating_sub(IDLE);
        self.lock().extract_if(|_, guest| is_gone(guest)).map(|(_, guest)| guest.application).collect()
    }

    /// Whether any of them has a session with a slot.
    pub fn use_slot(&self, slot: usize) -> bool {
        self.lock().values().any(|guest| guest.application.count(slot).0 > 0)
    }

    /// Logs those out whose PIN has been set aside.
    pub fn expire(&self) -> Vec<Leftovers> {
        self.lock().values().flat_map(|guest| guest.application.expire()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Guest>> {
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Applications of all clients.
const MOST: usize = 1024;
/// Applications of one client.
const MOST_OF_ONE: usize = 16;
/// How long an application that does not call is kept, in milliseconds.
const IDLE: i64 = 600_000;
