//! Applications: the processes behind the socket, each with its sessions, its logins and its handles.
//!
//! A login belongs to the application, not to a connection, and ends with its last session. An application ends when it
//! says so, or when its last connection is gone and no new one comes within a grace.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use strongroom_pkcs11_wire::{
    Rv,
    number::{SessionFlags, UserType},
};

use super::{
    operation::Operation,
    session::{Session, Standing},
};
use crate::{clock::Time, service::ObjectId};

/// What names an application: who the kernel says it is, and what it calls itself. A forked child calls itself
/// something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// The user.
    pub user: u32,
    /// The process.
    pub process: i32,
    /// What the application calls itself.
    pub nonce: [u8; 16],
}

/// The applications that are there.
#[derive(Debug)]
pub struct Applications {
    there: Mutex<HashMap<Name, Entry>>,
    sessions: AtomicU64,
}

#[derive(Debug)]
struct Entry {
    application: Arc<Application>,
    connections: usize,
    /// When its last connection went.
    left: Time,
}

impl Applications {
    /// Nobody yet. `first` is the number of the first session; none is ever used again.
    pub fn new(first: u64) -> Self {
        Self { there: Mutex::default(), sessions: AtomicU64::new(first) }
    }

    /// One more connection of an application.
    pub fn attach(&self, name: Name) -> Arc<Application> {
        let mut there = self.lock();
        let entry = there.entry(name).or_insert_with(|| Entry {
            application: Arc::default(),
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

/// What an application has.
#[derive(Debug, Default)]
pub struct Application(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    sessions: HashMap<u64, Session>,
    logins: HashMap<usize, UserType>,
    handles: HashMap<u64, Handle>,
    handle_of: HashMap<ObjectId, u64>,
    last_handle: u64,
    /// The session of each object that ends with one.
    passing: HashMap<ObjectId, u64>,
}

#[derive(Debug)]
struct Handle {
    slot: usize,
    id: ObjectId,
    /// Whether it ends with the login.
    private: bool,
}

/// What is left of sessions that were closed, for others to tidy up.
#[derive(Debug, Default)]
pub struct Leftovers {
    /// Objects that ended with them.
    pub objects: Vec<ObjectId>,
    /// Operations that nobody will end.
    pub operations: Vec<Operation>,
}

impl Application {
    /// Opens a session.
    ///
    /// # Errors
    /// [`Rv::SESSION_COUNT`], [`Rv::SESSION_READ_WRITE_SO_EXISTS`].
    pub fn open(&self, number: u64, slot: usize, flags: SessionFlags) -> Result<(), Rv> {
        let mut state = self.lock();
        if state.sessions.len() >= MOST_SESSIONS {
            return Err(Rv::SESSION_COUNT);
        }
        if state.logins.get(&slot) == Some(&UserType::SO) && !flags.has(SessionFlags::RW_SESSION) {
            return Err(Rv::SESSION_READ_WRITE_SO_EXISTS);
        }
        state.sessions.insert(number, Session::new(slot, flags));
        Ok(())
    }

    /// Closes a session.
    ///
    /// # Errors
    /// [`Rv::SESSION_HANDLE_INVALID`].
    pub fn close(&self, number: u64) -> Result<Leftovers, Rv> {
        let mut state = self.lock();
        let slot = state.sessions.get(&number).ok_or(Rv::SESSION_HANDLE_INVALID)?.slot;
        Ok(state.close(slot, |session| session == number))
    }

    /// Closes every session with a slot.
    pub fn close_all(&self, slot: usize) -> Leftovers {
        self.lock().close(slot, |_| true)
    }

    /// Ends everything.
    pub fn end(&self) -> Leftovers {
        let mut state = std::mem::take(&mut *self.lock());
        let operations = state.sessions.values_mut().flat_map(Session::clear).collect();
        Leftovers { objects: state.passing.into_keys().collect(), operations }
    }

    /// Does something with a session.
    ///
    /// # Errors
    /// [`Rv::SESSION_HANDLE_INVALID`].
    pub fn with<T>(&self, session: u64, work: impl FnOnce(&mut Session) -> T) -> Result<T, Rv> {
        self.lock().sessions.get_mut(&session).map(work).ok_or(Rv::SESSION_HANDLE_INVALID)
    }

    /// Where a session stands.
    ///
    /// # Errors
    /// [`Rv::SESSION_HANDLE_INVALID`].
    pub fn standing(&self, session: u64) -> Result<Standing, Rv> {
        self.lock().standing(session)
    }

    /// How many sessions there are with a slot, and how many of them may write.
    pub fn count(&self, slot: usize) -> (u64, u64) {
        let state = self.lock();
        let with = state.sessions.values().filter(|session| session.slot == slot);
        with.fold((0, 0), |(all, writable), session| {
            let may_write = u64::from(session.flags.has(SessionFlags::RW_SESSION));
            (all.saturating_add(1), may_write.saturating_add(writable))
        })
    }

    /// Whether somebody may log in through this session now.
    ///
    /// # Errors
    /// What is against it.
    pub fn may_log_in(&self, session: u64, user: UserType) -> Result<Standing, Rv> {
        let state = self.lock();
        let standing = state.standing(session)?;
        match standing.user {
            Some(there) if there == user => return Err(Rv::USER_ALREADY_LOGGED_IN),
            Some(_) => return Err(Rv::USER_ANOTHER_ALREADY_LOGGED_IN),
            None => {}
        }
        let read_only =
            |session: &Session| session.slot == standing.slot && !session.flags.has(SessionFlags::RW_SESSION);
        if user == UserType::SO && state.sessions.values().any(read_only) {
            return Err(Rv::SESSION_READ_ONLY_EXISTS);
        }
        Ok(standing)
    }

    /// Somebody has logged in.
    pub fn log_in(&self, slot: usize, user: UserType) {
        self.lock().logins.insert(slot, user);
    }

    /// Logs out: private objects are no longer known, and what was under way with keys is over.
    ///
    /// # Errors
    /// [`Rv::USER_NOT_LOGGED_IN`].
    pub fn log_out(&self, session: u64) -> Result<Leftovers, Rv> {
        let mut state = self.lock();
        let slot = state.standing(session)?.slot;
        if state.logins.remove(&slot).is_none() {
            return Err(Rv::USER_NOT_LOGGED_IN);
        }
        state.forget_private(slot);
        let sessions = state.sessions.values_mut().filter(|session| session.slot == slot);
        let operations = sessions.flat_map(Session::clear).collect();
        Ok(Leftovers { objects: Vec::new(), operations })
    }

    /// The handle of an object, new or known.
    pub fn handle(&self, slot: usize, id: &ObjectId, private: bool) -> u64 {
        let mut state = self.lock();
        if let Some(handle) = state.handle_of.get(id) {
            return *handle;
        }
        let handle = state.last_handle.saturating_add(1);
        state.last_handle = handle;
        state.handle_of.insert(id.clone(), handle);
        state.handles.insert(handle, Handle { slot, id: id.clone(), private });
        handle
    }

    /// The object behind a handle, in the slot of a session.
    ///
    /// # Errors
    /// [`Rv::SESSION_HANDLE_INVALID`]; `wrong` when there is no such object.
    pub fn object(&self, session: u64, handle: u64, wrong: Rv) -> Result<(Standing, ObjectId), Rv> {
        let state = self.lock();
        let standing = state.standing(session)?;
        // Asked at every use: a handle outlives the login that it was given under.
        let open = |object: &&Handle| object.slot == standing.slot && (!object.private || standing.is_user());
        let object = state.handles.get(&handle).filter(open).ok_or(wrong)?;
        Ok((standing, object.id.clone()))
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, id: &ObjectId) {
        let mut state = self.lock();
        if let Some(handle) = state.handle_of.remove(id) {
            state.handles.remove(&handle);
        }
        state.passing.remove(id);
    }

    /// Lets an object end with a session.
    pub fn tie(&self, session: u64, id: &ObjectId) {
        self.lock().passing.insert(id.clone(), session);
    }

    /// Whether an object that ends with a session ends with one of this application.
    pub fn owns(&self, id: &ObjectId) -> bool {
        self.lock().passing.contains_key(id)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn standing(&self, session: u64) -> Result<Standing, Rv> {
        let found = self.sessions.get(&session).ok_or(Rv::SESSION_HANDLE_INVALID)?;
        Ok(Standing { slot: found.slot, flags: found.flags, user: self.logins.get(&found.slot).copied() })
    }

    fn close(&mut self, slot: usize, closes: impl Fn(u64) -> bool) -> Leftovers {
        let mut operations = Vec::new();
        self.sessions.retain(|number, session| {
            let stays = session.slot != slot || !closes(*number);
            if !stays {
                operations.extend(session.clear());
            }
            stays
        });
        let sessions = &self.sessions;
        let objects: Vec<ObjectId> =
            self.passing.extract_if(|_, session| !sessions.contains_key(session)).map(|(id, _)| id).collect();
        if !self.sessions.values().any(|session| session.slot == slot) && self.logins.remove(&slot).is_some() {
            self.forget_private(slot);
        }
        Leftovers { objects, operations }
    }

    fn forget_private(&mut self, slot: usize) {
        let handle_of = &mut self.handle_of;
        self.handles.retain(|_, handle| {
            let stays = handle.slot != slot || !handle.private;
            if !stays {
                handle_of.remove(&handle.id);
            }
            stays
        });
    }
}

/// How long an application without a connection is waited for, in milliseconds: it may be between two of them.
const GRACE: i64 = 2_000;
/// A server with a session per thread has some hundred.
pub const MOST_SESSIONS: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const RW: SessionFlags = SessionFlags(0x6);
    const RO: SessionFlags = SessionFlags(0x4);

    fn name(process: i32, nonce: u8) -> Name {
        Name { user: 1000, process, nonce: [nonce; 16] }
    }

    #[test]
    fn an_application_outlives_its_connection_by_the_grace() {
        let applications = Applications::new(7);
        let first = applications.attach(name(1, 1));
        first.open(applications.number(), 0, RW).unwrap();
        applications.detach(name(1, 1), Time(1_000));
        assert!(applications.gone(Time(2_999)).is_empty());
        assert!(applications.attach(name(1, 1)).standing(7).is_ok());
        applications.detach(name(1, 1), Time(5_000));
        assert_eq!(applications.gone(Time(7_000)).len(), 1);
        assert_eq!(applications.attach(name(1, 1)).standing(7).err(), Some(Rv::SESSION_HANDLE_INVALID));
    }

    #[test]
    fn a_process_and_its_child_are_two_applications() {
        let applications = Applications::new(1);
        applications.attach(name(1, 1)).open(1, 0, RW).unwrap();
        for (why, other) in [("another nonce", name(1, 2)), ("another process", name(2, 1))] {
            assert_eq!(applications.attach(other).standing(1).err(), Some(Rv::SESSION_HANDLE_INVALID), "{why}");
        }
    }

    #[test]
    fn a_login_belongs_to_all_sessions_and_ends_with_the_last() {
        let application = Application::default();
        application.open(1, 0, RW).unwrap();
        application.open(2, 0, RO).unwrap();
        application.open(3, 1, RO).unwrap();
        application.may_log_in(1, UserType::USER).unwrap();
        application.log_in(0, UserType::USER);
        assert!(application.standing(2).unwrap().is_user());
        assert!(!application.standing(3).unwrap().is_user());
        assert_eq!(application.may_log_in(2, UserType::USER).err(), Some(Rv::USER_ALREADY_LOGGED_IN));
        assert_eq!(application.may_log_in(1, UserType::SO).err(), Some(Rv::USER_ANOTHER_ALREADY_LOGGED_IN));
        application.close(1).unwrap();
        assert!(application.standing(2).unwrap().is_user());
        application.close(2).unwrap();
        application.open(4, 0, RW).unwrap();
        assert!(!application.standing(4).unwrap().is_user());
    }

    #[test]
    fn an_officer_wants_no_session_that_only_reads() {
        let application = Application::default();
        application.open(1, 0, RO).unwrap();
        assert_eq!(application.may_log_in(1, UserType::SO).err(), Some(Rv::SESSION_READ_ONLY_EXISTS));
        application.close(1).unwrap();
        application.open(2, 0, RW).unwrap();
        application.log_in(0, UserType::SO);
        assert_eq!(application.open(3, 0, RO), Err(Rv::SESSION_READ_WRITE_SO_EXISTS));
    }

    #[test]
    fn private_handles_end_with_the_login_and_are_not_used_again() {
        let application = Application::default();
        application.open(1, 0, RW).unwrap();
        application.log_in(0, UserType::USER);
        let (public, private) = (ObjectId::from_text("public"), ObjectId::from_text("private"));
        let (seen, hidden) = (application.handle(0, &public, false), application.handle(0, &private, true));
        application.log_out(1).unwrap();
        assert_eq!(application.log_out(1).err(), Some(Rv::USER_NOT_LOGGED_IN));
        assert!(application.object(1, seen, Rv::OBJECT_HANDLE_INVALID).is_ok());
        assert_eq!(application.object(1, hidden, Rv::KEY_HANDLE_INVALID).err(), Some(Rv::KEY_HANDLE_INVALID));
        assert_ne!(application.handle(0, &private, true), hidden);
    }

    #[test]
    fn a_handle_of_one_slot_is_no_handle_of_another() {
        let application = Application::default();
        application.open(1, 0, RW).unwrap();
        application.open(2, 1, RW).unwrap();
        let handle = application.handle(0, &ObjectId::from_text("one"), false);
        assert!(application.object(1, handle, Rv::OBJECT_HANDLE_INVALID).is_ok());
        assert!(application.object(2, handle, Rv::OBJECT_HANDLE_INVALID).is_err());
    }

    #[test]
    fn what_ends_with_a_session_is_handed_over_when_it_closes() {
        let application = Application::default();
        application.open(1, 0, RW).unwrap();
        application.open(2, 0, RW).unwrap();
        let id = ObjectId::from_text("passing");
        application.tie(1, &id);
        assert!(application.close(2).unwrap().objects.is_empty());
        assert!(application.owns(&id));
        assert_eq!(application.close(1).unwrap().objects, [id]);
    }
}
