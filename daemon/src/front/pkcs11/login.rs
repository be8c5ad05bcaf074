//! Who is logged in to which token, as long as its PINs stand.

use std::{collections::HashMap, sync::Arc};

use strongroom_pkcs11_wire::number::UserType;

use crate::service::{Turn, Turns};

/// The logins of an application, one for each slot at most.
#[derive(Debug)]
pub struct Logins {
    turns: Arc<Turns>,
    there: HashMap<usize, (UserType, Turn)>,
}

impl Logins {
    /// Nobody yet. A login counts as long as its token has the same of these turns.
    pub fn new(turns: &Arc<Turns>) -> Self {
        Self { turns: Arc::clone(turns), there: HashMap::new() }
    }

    /// The turns.
    pub fn turns(&self) -> &Arc<Turns> {
        &self.turns
    }

    /// Who is logged in to a slot.
    pub fn user(&self, slot: usize) -> Option<UserType> {
        let (user, turn) = self.there.get(&slot)?;
        (*turn == self.turns.of(slot)).then_some(*user)
    }

    /// Somebody showed the right PIN in this turn. Says whether that is the turn still, and nothing is left of a login before it.
    pub fn enter(&mut self, slot: usize, user: UserType, turn: Turn) -> bool {
        let may = turn == self.turns.of(slot) && !self.there.contains_key(&slot);
        if may {
            self.there.insert(slot, (user, turn));
        }
        may
    }

    /// Ends a login; whether there was any.
    pub fn end(&mut self, slot: usize) -> bool {
        self.there.remove(&slot).is_some()
    }

    /// The slots whose logins have outlived their turn.
    pub fn outlived(&self) -> Vec<usize> {
        if self.turns.is_first() {
            return Vec::new();
        }
        self.there.iter().filter(|(slot, (_, turn))| *turn != self.turns.of(**slot)).map(|(slot, _)| *slot).collect()
    }
}
