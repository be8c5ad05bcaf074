//! Which applications are there: the processes behind the socket. An application ends when it says so, or when its last
//! connection is gone and no new one comes within a grace.

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
use crate::{clock::Time, front::contract::Fingerprint, service::Turns};

/// Who is at the other end of a connection, as somebody else than the peer itself says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// A process on this machine, by the kernel's word.
    Process {
        /// The user.
        user: u32,
        /// The process.
        process: i32,
    },
    /// Whoever has shown in a handshake that it holds the key of this certificate.
    Key(Fingerprint),
}

/// What names an application: who it is proved to be, and what it calls itself. A forked child calls itself something
/// else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// Who it is.
    pub peer: Peer,
    /// What the application calls itself.
    pub nonce: [u8; 16],
}

/// The applications that are there.
#[derive(Debug)]
pub struct Applications {
    there: Mutex<HashMap<Name, Entry>>,
    sessions: AtomicU64,
    seats: Arc<Seats>,
    turns: Arc<Turns>,
}

#[derive(Debug)]
struct Entry {
    application: Arc<Application>,
    connections: usize,
    /// When its last connection went.
    left: Time,
}

impl Applications {
    /// Nobody yet. `first` is the number of the first session; none is ever used again. Objects of sessions take these
    /// seats, and logins last for these turns.
    pub fn new(first: u64, seats: Arc<Seats>, turns: Arc<Turns>) -> Self {
        Self { there: Mutex::default(), sessions: AtomicU64::new(first), seats, turns }
    }

    /// One more connection of an application.
    pub fn attach(&self, name: Name) -> Arc<Application> {
        let mut there = self.lock();
        let entry = there.entry(name).or_insert_with(|| Entry {
            application: Arc::new(Application::new(Arc::clone(&self.seats), &self.turns)),
            connections: 0,
            left: Time(i64::MAX),
        });
        entry.connections = entry.connections.saturating_add(1);
        Arc::clone(&entry.application)
    }

    /// One connection less.
    pub fn detach(&self, name: Name, now: Time) {
        if let Some(entry) = self.lock().get_mut(&name) {
            entry.connections = entry.connections.saturating_sub(1);
            entry.left = now;
        }
    }

    /// The applications that are gone for good; they are forgotten here.
    pub fn gone(&self, now: Time) -> Vec<Arc<Application>> {
        let mut there = self.lock();
        let is_gone = |entry: &Entry| entry.connections == 0 && entry.left.0 <= now.0.saturating_sub(GRACE);
        there.extract_if(|_, entry| is_gone(entry)).map(|(_, entry)| entry.application).collect()
    }

    /// Whether any application has a session with a slot.
    pub fn use_slot(&self, slot: usize) -> bool {
        self.lock().values().any(|entry| entry.application.count(slot).0 > 0)
    }

    /// Logs those out whose PIN has been set aside.
    pub fn expire(&self) -> Vec<Leftovers> {
        self.lock().values().flat_map(|entry| entry.application.expire()).collect()
    }

    /// Whether somebody is in the grace.
    pub fn has_leavers(&self) -> bool {
        self.lock().values().any(|entry| entry.connections == 0)
    }

    /// A number for a new session.
    pub fn number(&self) -> u64 {
        self.sessions.fetch_add(1, Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Entry>> {
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long an application without a connection is waited for, in milliseconds: it may be between two of them.
const GRACE: i64 = 400;

#[cfg(test)]
mod tests {
    use strongroom_pkcs11_wire::{
        Rv,
        number::{SessionFlags, UserType},
    };

    use super::*;

    const RW: SessionFlags = SessionFlags(0x6);

    fn name(process: i32, nonce: u8) -> Name {
        Name { peer: Peer::Process { user: 1000, process }, nonce: [nonce; 16] }
    }

    #[test]
    fn an_application_outlives_its_connection_by_the_grace() {
        let applications = Applications::new(7, Seats::new(9, 9), Arc::default());
        let first = applications.attach(name(1, 1));
        first.open(applications.number(), 0, RW).unwrap();
        applications.detach(name(1, 1), Time(1_000));
        assert!(applications.gone(Time(999 + GRACE)).is_empty());
        assert!(applications.attach(name(1, 1)).standing(7).is_ok());
        applications.detach(name(1, 1), Time(5_000));
        assert_eq!(applications.gone(Time(5_000 + GRACE)).len(), 1);
        assert_eq!(applications.attach(name(1, 1)).standing(7).err(), Some(Rv::SESSION_HANDLE_INVALID));
    }

    #[test]
    fn every_application_is_logged_out_of_a_slot_and_of_no_other() {
        let turns = Arc::new(Turns::default());
        let applications = Applications::new(1, Seats::new(9, 9), Arc::clone(&turns));
        let all = [1, 2].map(|process| applications.attach(name(process, 1)));
        for (application, (session, slot)) in all.iter().flat_map(|all| [(all, (1, 0)), (all, (2, 7))]) {
            application.open(session, slot, RW).unwrap();
            assert_eq!(application.log_in(session, UserType::USER, turns.of(slot)), Ok(true));
        }
        turns.end(0);
        assert_eq!(applications.expire().len(), 2);
        assert!(all.iter().all(|all| !all.standing(1).unwrap().is_user() && all.standing(2).unwrap().is_user()));
        assert!(applications.expire().is_empty(), "nobody is logged in any more");
    }

    #[test]
    fn a_process_and_its_child_are_two_applications() {
        let applications = Applications::new(1, Seats::new(9, 9), Arc::default());
        applications.attach(name(1, 1)).open(1, 0, RW).unwrap();
        let afar = Name { peer: Peer::Key([1; 32]), nonce: [1; 16] };
        for (why, other) in [("another nonce", name(1, 2)), ("another process", name(2, 1)), ("from afar", afar)] {
            assert_eq!(applications.attach(other).standing(1).err(), Some(Rv::SESSION_HANDLE_INVALID), "{why}");
        }
    }
}
