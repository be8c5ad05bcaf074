//! The turns of tokens: one ends when an order, or a security officer, sets a token's PINs aside, and with it every login.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// The turn that each token has in this run of the daemon, by the number of its slot.
#[derive(Debug, Default)]
pub struct Turns {
    /// How many have ended.
    ended: AtomicU64,
    of: RwLock<HashMap<u64, Turn>>,
}

/// The time between one end of a token's PINs and the next. No two of one token are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn(u64);

impl Turns {
    /// The turn that a slot's token has now.
    pub fn of(&self, slot: usize) -> Turn {
        if self.is_first() {
            return Turn::default();
        }
        let of = self.of.read().unwrap_or_else(PoisonError::into_inner);
        u64::try_from(slot).ok().and_then(|slot| of.get(&slot)).copied().unwrap_or_default()
    }

    /// Whether none has ended yet.
    pub fn is_first(&self) -> bool {
        self.ended.load(Ordering::SeqCst) == 0
    }

    /// Ends the turn of a slot's token.
    pub fn end(&self, slot: u64) {
        let mut of = self.of.write().unwrap_or_else(PoisonError::into_inner);
        let turn = self.ended.load(Ordering::SeqCst).saturating_add(1);
        of.insert(slot, Turn(turn));
        self.ended.store(turn, Ordering::SeqCst);
    }
}
