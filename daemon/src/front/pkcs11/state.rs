//! What an application has at a moment, and what ends with what.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use strongroom_pkcs11_wire::{
    Rv,
    number::{SessionFlags, UserType},
};

use super::{
    handle::Handles,
    login::Logins,
    operation::Operation,
    passing::{Leftovers, Passing},
    session::{Saved, Session, Standing, Ticket},
};
use crate::service::{ObjectId, Turns};

/// What an application has.
#[derive(Debug)]
pub struct State {
    /// Its sessions, by their numbers.
    pub sessions: HashMap<u64, Session>,
    /// Its logins.
    pub logins: Logins,
    /// Its handles.
    pub handles: Handles,
    /// The objects that end with a session.
    pub passing: HashMap<ObjectId, Passing>,
    /// Operations that were saved. The first was saved first.
    pub saved: BTreeMap<Ticket, Saved>,
    /// The ticket that was given last.
    pub last_ticket: u64,
    /// In which slots there was a token when the application was last told.
    pub tokens: HashMap<u64, bool>,
}

impl State {
    /// Nothing yet; its logins last for these turns.
    pub fn new(turns: &Arc<Turns>) -> Self {
        Self {
            sessions: HashMap::new(),
            logins: Logins::new(turns),
            handles: Handles::default(),
            passing: HashMap::new(),
            saved: BTreeMap::new(),
            last_ticket: 0,
            tokens: HashMap::new(),
        }
    }

    /// Where a session stands.
    ///
    /// # Errors
    /// [`Rv::SESSION_HANDLE_INVALID`].
    pub fn standing(&self, session: u64) -> Result<Standing, Rv> {
        let found = self.sessions.get(&session).ok_or(Rv::SESSION_HANDLE_INVALID)?;
        let (slot, flags, term) = (found.slot, found.flags, found.term);
        Ok(Standing { slot, flags, user: self.logins.user(slot), term })
    }

    /// Ends the login to a slot and what goes with it; nothing where there is none.
    pub fn leave(&mut self, slot: usize) -> Option<Leftovers> {
        if !self.logins.end(slot) {
            return None;
        }
        let objects = self.end_passing(|passing| passing.slot == slot && passing.private);
        self.handles.forget_private(slot);
        let sessions = self.sessions.values_mut().filter(|session| session.slot == slot);
        let mut operations: Vec<Operation> = sessions.flat_map(Session::clear).collect();
        operations.extend(self.forget_saved(|saved| saved.slot == slot));
        Some(Leftovers { objects, operations })
    }

    /// Closes sessions with a slot; with the last of them ends the login.
    pub fn close(&mut self, slot: usize, closes: impl Fn(u64) -> bool) -> Leftovers {
        let mut operations = Vec::new();
        self.sessions.retain(|number, session| {
            let stays = session.slot != slot || !closes(*number);
            if !stays {
                operations.extend(session.clear());
            }
            stays
        });
        let gone = |passing: &Passing| passing.slot == slot && closes(passing.session);
        let objects = self.end_passing(gone);
        if !self.sessions.values().any(|session| session.slot == slot) && self.logins.end(slot) {
            self.handles.forget_private(slot);
            operations.extend(self.forget_saved(|saved| saved.slot == slot));
        }
        Leftovers { objects, operations }
    }

    /// Whether somebody may log in through this session now.
    ///
    /// # Errors
    /// What is against it.
    pub fn may_log_in(&self, session: u64, user: UserType) -> Result<Standing, Rv> {
        let standing = self.standing(session)?;
        match standing.user {
            Some(there) if there == user => return Err(Rv::USER_ALREADY_LOGGED_IN),
            Some(_) => return Err(Rv::USER_ANOTHER_ALREADY_LOGGED_IN),
            None => {}
        }
        let read_only =
            |session: &Session| session.slot == standing.slot && !session.flags.has(SessionFlags::RW_SESSION);
        if user == UserType::SO && self.sessions.values().any(read_only) {
            return Err(Rv::SESSION_READ_ONLY_EXISTS);
        }
        Ok(standing)
    }

    /// Ends objects of sessions, with their handles.
    fn end_passing(&mut self, ends: impl Fn(&Passing) -> bool) -> Vec<ObjectId> {
        let objects: Vec<ObjectId> = self.passing.extract_if(|_, passing| ends(passing)).map(|(id, _)| id).collect();
        objects.iter().for_each(|id| self.handles.forget(id));
        objects
    }

    /// Forgets what was saved; the operations are to be let go.
    pub fn forget_saved(&mut self, ends: impl Fn(&Saved) -> bool) -> Vec<Operation> {
        self.saved.extract_if(.., |_, saved| ends(saved)).flat_map(|(_, saved)| saved.operations).collect()
    }
}
