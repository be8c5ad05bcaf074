//! An application: its sessions, its logins and its handles. A login belongs to the application, not to a connection, and
//! ends with its last session.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use strongroom_pkcs11_wire::{
    Rv,
    codec::LARGEST_DATA,
    number::{SessionFlags, UserType},
};

use super::{
    handle::Handle,
    operation::Operation,
    passing::{Leftovers, Passing, Seats},
    session::{Saved, Session, Standing, Ticket},
    state::State,
};
use crate::service::{ObjectId, Turn, Turns};

/// What an application has.
#[derive(Debug)]
pub struct Application {
    state: Mutex<State>,
    seats: Arc<Seats>,
}

impl Application {
    /// One that has nothing yet. Its objects of sessions take these seats, its logins last for these turns.
    pub fn new(seats: Arc<Seats>, turns: &Arc<Turns>) -> Self {
        Self { state: Mutex::new(State::new(turns)), seats }
    }

    /// Opens a session.
    ///
    /// # Errors
    /// [`Rv::SESSION_COUNT`], [`Rv::SESSION_READ_WRITE_SO_EXISTS`].
    pub fn open(&self, number: u64, slot: usize, flags: SessionFlags) -> Result<(), Rv> {
        let mut state = self.lock();
        if state.sessions.len() >= MOST_SESSIONS {
            return Err(Rv::SESSION_COUNT);
        }
        if state.logins.user(slot) == Some(UserType::SO) && !flags.has(SessionFlags::RW_SESSION) {
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

    /// Keeps operations that were saved, under a ticket. The oldest make room; they come back, to be let go.
    pub fn save(&self, saved: Saved) -> (Ticket, Vec<Operation>) {
        let mut state = self.lock();
        state.last_ticket = state.last_ticket.saturating_add(1);
        let ticket = Ticket(state.last_ticket);
        state.saved.insert(ticket, saved);
        let oldest = if state.saved.len() > MOST_SAVED { state.saved.pop_first() } else { None };
        (ticket, oldest.map(|(_, saved)| saved.operations).unwrap_or_default())
    }

    /// A second one of each operation that was saved in this slot under a ticket. Their streams are still those of what was
    /// saved.
    pub fn saved(&self, ticket: Ticket, slot: usize) -> Option<Vec<Operation>> {
        let state = self.lock();
        let saved = state.saved.get(&ticket).filter(|saved| saved.slot == slot)?;
        saved.operations.iter().map(|operation| operation.branch(operation.stream.clone())).collect()
    }

    /// Ends everything.
    pub fn end(&self) -> Leftovers {
        let mut state = {
            let mut state = self.lock();
            let fresh = State::new(state.logins.turns());
            std::mem::replace(&mut *state, fresh)
        };
        let mut operations: Vec<Operation> = state.sessions.values_mut().flat_map(Session::clear).collect();
        operations.extend(state.forget_saved(|_| true));
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

    /// Whether there is any session.
    pub fn has_sessions(&self) -> bool {
        !self.lock().sessions.is_empty()
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
        self.lock().may_log_in(session, user)
    }

    /// How many objects one more search may hold: what others leave, and a few in any case.
    pub fn room_to_find(&self) -> usize {
        let held = |session: &Session| session.search.as_ref().map_or(0, |search| search.found.len());
        let held = self.lock().sessions.values().map(held).fold(0, usize::saturating_add);
        MOST_FOUND.saturating_sub(held).max(FEW_FOUND)
    }

    /// Somebody has entered the PIN that was right in this turn and logs in, if the session is still there and nothing is
    /// against it now. Says whether it is that turn still; if not, the PIN may be another one.
    ///
    /// # Errors
    /// What is against it.
    pub fn log_in(&self, session: u64, user: UserType, turn: Turn) -> Result<bool, Rv> {
        let mut state = self.lock();
        let slot = state.may_log_in(session, user)?.slot;
        Ok(state.logins.enter(slot, user, turn))
    }

    /// Logs out: private objects are no longer known, those of sessions end, and what was under way with keys is over.
    ///
    /// # Errors
    /// [`Rv::USER_NOT_LOGGED_IN`].
    pub fn log_out(&self, session: u64) -> Result<Leftovers, Rv> {
        let mut state = self.lock();
        let slot = state.standing(session)?.slot;
        state.leave(slot).ok_or(Rv::USER_NOT_LOGGED_IN)
    }

    /// The same for every login whose PIN has been set aside since.
    pub fn expire(&self) -> Vec<Leftovers> {
        let mut state = self.lock();
        state.logins.outlived().into_iter().filter_map(|slot| state.leave(slot)).collect()
    }

    /// A slot that came, or whose token came or went, since this was asked last, given whether there are tokens now. What was
    /// not asked before has changed nothing.
    pub fn slot_event(&self, slots: &[u64], present: bool) -> Option<u64> {
        let mut state = self.lock();
        if state.tokens.is_empty() {
            state.tokens.extend(slots.iter().map(|slot| (*slot, present)));
            return None;
        }
        state.tokens.retain(|known, _| slots.contains(known));
        let changed = slots.iter().copied().find(|slot| state.tokens.get(slot) != Some(&present));
        state.tokens.extend(changed.map(|slot| (slot, present)));
        changed
    }

    /// The handle of an object, new or known.
    pub fn handle(&self, slot: usize, id: &ObjectId, private: bool) -> u64 {
        self.lock().handles.of(slot, id, private)
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
        let object = state.handles.get(handle).filter(open).ok_or(wrong)?;
        Ok((standing, object.id.clone()))
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, id: &ObjectId) {
        let mut state = self.lock();
        state.handles.forget(id);
        state.passing.remove(id);
    }

    /// Lets an object end with a session, and a private one with the login.
    ///
    /// # Errors
    /// [`Rv::SESSION_HANDLE_INVALID`], [`Rv::USER_NOT_LOGGED_IN`] when that has ended meanwhile: so has the object.
    /// [`Rv::DEVICE_MEMORY`] when there are too many of them.
    pub fn tie(&self, session: u64, id: &ObjectId, private: bool) -> Result<(), Rv> {
        let mut state = self.lock();
        let standing = state.standing(session)?;
        if private && !standing.is_user() {
            return Err(Rv::USER_NOT_LOGGED_IN);
        }
        let seat = self.seats.take(state.passing.len()).ok_or(Rv::DEVICE_MEMORY)?;
        state.passing.insert(id.clone(), Passing { session, slot: standing.slot, private, seat });
        Ok(())
    }

    /// Puts an operation back that goes on.
    ///
    /// # Errors
    /// [`Rv::SESSION_HANDLE_INVALID`] when its session is gone; [`Rv::USER_NOT_LOGGED_IN`] when the login that it began
    /// under is; [`Rv::DEVICE_MEMORY`] when it holds an output for which
    /// there was too little room, or a signature, and the application has too many of those already. The operation is then
    /// over.
    pub fn put_back(&self, session: u64, operation: Operation) -> Result<(), Rv> {
        let mut state = self.lock();
        if operation.held() > 0 {
            let held = state.sessions.values().fold(operation.held(), |sum, other| sum.saturating_add(other.held()));
            if held > MOST_HELD {
                return Err(Rv::DEVICE_MEMORY);
            }
        }
        let session = state.sessions.get_mut(&session).ok_or(Rv::SESSION_HANDLE_INVALID)?;
        session.put_back(operation)
    }

    /// Whether an object that ends with a session ends with one of this application.
    pub fn owns(&self, id: &ObjectId) -> bool {
        self.lock().passing.contains_key(id)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server with a session per thread has some hundred.
pub const MOST_SESSIONS: usize = 1024;
/// States that an application has saved and may still go on with; programs save one or two.
const MOST_SAVED: usize = 32;
/// Objects that an application's searches have found and nobody has fetched: some megabytes.
const MOST_FOUND: usize = 65_536;
/// Objects that each search finds at a time, however many the others hold.
const FEW_FOUND: usize = 64;
/// Bytes that an application's operations may hold: the longest output that waits for room, and some short ones.
const MOST_HELD: usize = LARGEST_DATA + (64 << 10);

#[cfg(test)]
mod tests {
    use strongroom_kmip::secret::Secret;
    use strongroom_pkcs11_wire::MechanismType;

    use super::*;
    use crate::{
        front::pkcs11::{
            mechanism,
            operation::{Kind, Stage},
            session::Messages,
        },
        service::{Family, Prepared, Shape},
    };

    const RW: SessionFlags = SessionFlags(0x6);
    const RO: SessionFlags = SessionFlags(0x4);

    fn application() -> Application {
        Application::new(Seats::new(9, 9), &Arc::default())
    }

    #[test]
    fn a_login_belongs_to_all_sessions_and_ends_with_the_last() {
        let application = application();
        application.open(1, 0, RW).unwrap();
        application.open(2, 0, RO).unwrap();
        application.open(3, 1, RO).unwrap();
        assert_eq!(application.log_in(1, UserType::USER, Turn::default()), Ok(true));
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
        let application = application();
        application.open(1, 0, RO).unwrap();
        assert_eq!(application.may_log_in(1, UserType::SO).err(), Some(Rv::SESSION_READ_ONLY_EXISTS));
        application.close(1).unwrap();
        application.open(2, 0, RW).unwrap();
        assert_eq!(application.log_in(2, UserType::SO, Turn::default()), Ok(true));
        assert_eq!(application.open(3, 0, RO), Err(Rv::SESSION_READ_WRITE_SO_EXISTS));
    }

    #[test]
    fn private_handles_end_with_the_login_and_are_not_used_again() {
        let application = application();
        application.open(1, 0, RW).unwrap();
        assert_eq!(application.log_in(1, UserType::USER, Turn::default()), Ok(true));
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
        let application = application();
        application.open(1, 0, RW).unwrap();
        application.open(2, 1, RW).unwrap();
        let handle = application.handle(0, &ObjectId::from_text("one"), false);
        assert!(application.object(1, handle, Rv::OBJECT_HANDLE_INVALID).is_ok());
        assert!(application.object(2, handle, Rv::OBJECT_HANDLE_INVALID).is_err());
    }

    #[test]
    fn what_ends_with_a_session_is_handed_over_when_it_closes() {
        let application = application();
        application.open(1, 0, RW).unwrap();
        application.open(2, 0, RW).unwrap();
        let id = ObjectId::from_text("passing");
        application.tie(1, &id, false).unwrap();
        let handle = application.handle(0, &id, false);
        assert!(application.close(2).unwrap().objects.is_empty());
        assert!(application.owns(&id));
        application.open(3, 0, RW).unwrap();
        assert_eq!(application.close(1).unwrap().objects, std::slice::from_ref(&id));
        assert_eq!(application.object(3, handle, Rv::OBJECT_HANDLE_INVALID).err(), Some(Rv::OBJECT_HANDLE_INVALID));
        assert_eq!(application.tie(1, &id, false), Err(Rv::SESSION_HANDLE_INVALID));
    }

    #[test]
    fn a_logout_ends_private_objects_of_sessions_and_no_others() {
        let application = application();
        application.open(1, 0, RW).unwrap();
        application.open(2, 1, RW).unwrap();
        assert_eq!(application.log_in(1, UserType::USER, Turn::default()), Ok(true));
        assert_eq!(application.log_in(2, UserType::USER, Turn::default()), Ok(true));
        let [private, public, elsewhere] = ["private", "public", "elsewhere"].map(ObjectId::from_text);
        application.tie(1, &private, true).unwrap();
        application.tie(1, &public, false).unwrap();
        application.tie(2, &elsewhere, true).unwrap();
        assert_eq!(application.log_out(1).unwrap().objects, std::slice::from_ref(&private));
        assert!(!application.owns(&private) && application.owns(&public) && application.owns(&elsewhere));
        assert_eq!(application.tie(1, &private, true), Err(Rv::USER_NOT_LOGGED_IN));
    }

    #[test]
    fn a_login_whose_session_was_closed_meanwhile_logs_nobody_in() {
        let application = application();
        application.open(1, 0, RW).unwrap();
        application.may_log_in(1, UserType::USER).unwrap();
        application.close(1).unwrap();
        assert_eq!(application.log_in(1, UserType::USER, Turn::default()), Err(Rv::SESSION_HANDLE_INVALID));
        application.open(2, 0, RW).unwrap();
        assert!(!application.standing(2).unwrap().is_user());
    }

    #[test]
    fn what_waits_for_room_is_bounded_in_sum() {
        let application = application();
        let waits = |bytes: usize| {
            let mut operation = Operation::digest(strongroom_kmip::mechanism::Hash::Sha256);
            operation.waiting = Some((Stage::Part, Secret::new(vec![0; bytes])));
            operation
        };
        for session in [1, 2, 3] {
            application.open(session, 0, RW).unwrap();
        }
        assert_eq!(application.put_back(1, waits(LARGEST_DATA)), Ok(()));
        assert_eq!(application.put_back(2, waits(LARGEST_DATA)), Err(Rv::DEVICE_MEMORY));
        assert_eq!(application.put_back(2, waits(1)), Ok(()));
        assert!(application.with(1, |session| session.take(Kind::Digest)).unwrap().is_some());
        assert_eq!(application.put_back(3, waits(LARGEST_DATA)), Ok(()));
    }

    #[test]
    fn a_login_ends_with_the_turn_of_its_token_and_of_no_other() {
        let turns = Arc::new(Turns::default());
        let application = Application::new(Seats::new(9, 9), &turns);
        for session in [1, 2] {
            application.open(session, session.try_into().unwrap(), RW).unwrap();
        }
        let (first, user) = (turns.of(1), UserType::USER);
        assert_eq!(application.log_in(1, user, first), Ok(true));
        assert_eq!(application.log_in(2, user, turns.of(2)), Ok(true));
        let private = ObjectId::from_text("private");
        application.tie(1, &private, true).unwrap();
        turns.end(1);
        assert!(!application.standing(1).unwrap().is_user() && application.standing(2).unwrap().is_user());
        assert_eq!(application.log_in(1, user, first), Ok(false), "the PIN was that of the turn before");
        assert_eq!(application.log_in(1, user, turns.of(1)), Ok(false), "something is left of the turn before");
        let left = application.expire();
        assert_eq!(left.into_iter().flat_map(|left| left.objects).collect::<Vec<_>>(), [private]);
        assert_eq!(application.log_in(1, user, turns.of(1)), Ok(true));
        assert!(application.expire().is_empty() && application.standing(1).unwrap().is_user());
    }

    #[test]
    fn what_was_out_during_a_logout_is_not_put_back() {
        let application = application();
        application.open(1, 0, RW).unwrap();
        assert_eq!(application.log_in(1, UserType::USER, Turn::default()), Ok(true));
        let begun = || Operation::digest(strongroom_kmip::mechanism::Hash::Sha256);
        application.with(1, |session| session.begin(begun())).unwrap().unwrap();
        let out = application.with(1, |session| session.take(Kind::Digest)).unwrap().unwrap();
        application.log_out(1).unwrap();
        assert_eq!(application.log_in(1, UserType::USER, Turn::default()), Ok(true));
        assert_eq!(application.put_back(1, out), Err(Rv::USER_NOT_LOGGED_IN));
        assert!(!application.with(1, |session| session.is_active(Kind::Digest)).unwrap());
    }

    #[test]
    fn messages_that_were_out_during_a_logout_are_not_put_back() {
        let application = application();
        application.open(1, 0, RW).unwrap();
        assert_eq!(application.log_in(1, UserType::USER, Turn::default()), Ok(true));
        let messages = |term| Messages {
            key: ObjectId::from_text("key"),
            named: mechanism::named(MechanismType::AES_GCM).unwrap(),
            way: None,
            prepared: Prepared { shape: Shape::Symmetric { family: Family::Aes, bits: 256 }, output: None },
            tag: 0,
            counter: 0,
            in_parts: false,
            term,
        };
        let (kind, term) = (Kind::Encrypt, application.standing(1).unwrap().term);
        application.with(1, |session| session.begin_messages(kind, messages(term))).unwrap().unwrap();
        let out = application.with(1, |session| session.take_messages(kind)).unwrap().unwrap();
        application.log_out(1).unwrap();
        let put = |messages| application.with(1, |session| session.put_messages(kind, messages)).unwrap();
        assert_eq!(put(out), Err(Rv::USER_NOT_LOGGED_IN));
        let late = application.with(1, |session| session.begin_messages(kind, messages(term))).unwrap();
        assert_eq!(late, Err(Rv::USER_NOT_LOGGED_IN), "what was looked for under the login is not begun after it");
        assert_eq!(put(messages(application.standing(1).unwrap().term)), Ok(()));
    }
}
