//! The members of a cluster: how each stands, which of them is asked about a key, and who is asked next where one fails.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use super::{
    engine::Hsm,
    presence::{Presence, Row},
    round::Round,
};
use crate::slot::{
    contract::{Error, Holding, Slot},
    holding::{Condition, Why},
};

/// What the cluster's keys share with it.
pub(super) struct Shared {
    pub(super) name: String,
    pub(super) tokens: Vec<Token>,
    pub(super) beside: Arc<dyn Slot>,
    pub(super) presence: Presence,
    /// The label of the key under which keys go from one token to another; without one the tokens see to it themselves.
    pub(super) wrapper: Option<String>,
    pub(super) round: Mutex<Round>,
    turn: AtomicUsize,
}

/// A member.
pub(super) struct Token {
    pub(super) name: String,
    pub(super) slot: Hsm,
    /// Calls under way.
    busy: AtomicUsize,
    /// What keeps keys of others from coming to it.
    hindrance: Mutex<Option<Why>>,
    /// How often it had been opened when it was last found out of all keys which it has; nought where it has to be found out.
    looked: AtomicU64,
}

impl Shared {
    pub(super) fn new(name: String, tokens: Vec<Token>, beside: Arc<dyn Slot>, wrapper: Option<String>) -> Self {
        let (presence, round, turn) = (Presence::default(), Mutex::default(), AtomicUsize::new(0));
        Self { name, tokens, beside, presence, wrapper, round, turn }
    }

    /// How a member stands. Two that are the same token are one.
    pub(super) fn condition(&self, at: usize) -> Condition {
        let Some(token) = self.tokens.get(at) else { return Condition::Unfit(Why::NoToken) };
        let condition = token.slot.condition();
        let (true, Some(known)) = (condition == Condition::Usable, token.slot.keeper.token()) else { return condition };
        let same = self.tokens.iter().take(at).filter_map(|other| other.slot.keeper.token()).any(|other| {
            !known.serial.trim().is_empty()
                && (&known.serial, &known.manufacturer, &known.model)
                    == (&other.serial, &other.manufacturer, &other.model)
        });
        if same { Condition::Unfit(Why::SameToken) } else { condition }
    }

    pub(super) fn is_usable(&self, at: usize) -> bool {
        self.condition(at) == Condition::Usable
    }

    /// Whether a member may have keys that it cannot be asked for.
    fn is_away(&self, at: usize) -> bool {
        !matches!(self.condition(at), Condition::Usable | Condition::Unfit(Why::SameToken))
    }

    /// The members to ask about a key: those that can be worked with, those that are not known to lack it first, and of these
    /// the least busy.
    pub(super) fn order(&self, row: Row) -> Vec<usize> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = self.tokens.len().max(1);
        let mut order: Vec<_> = self
            .tokens
            .iter()
            .enumerate()
            .filter(|(at, _)| self.is_usable(*at))
            .map(|(at, token)| {
                let lacks = row.at(at) == Some(false);
                let place = at.wrapping_add(turn).checked_rem(count).unwrap_or(0);
                (lacks, token.busy.load(Ordering::Relaxed), place, at)
            })
            .collect();
        order.sort_unstable();
        order.into_iter().map(|(.., at)| at).collect()
    }

    /// Has a member do something with a key, by its errand, that leaves nothing behind: what one does not do for it is away,
    /// or has not the key, another does.
    ///
    /// # Errors
    /// As `act` says; [`Error::Absent`] while a member that may have the key is away, [`Error::Vanished`] when none has it.
    pub(super) fn attempt<T>(
        &self,
        key: &[u8],
        mut act: impl FnMut(usize, &Hsm) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let row = self.presence.row(key);
        let order = self.order(row);
        let mut away = (0..self.tokens.len()).any(|at| self.is_away(at));
        let mut refused = None;
        for at in order {
            let Some(token) = self.tokens.get(at) else { continue };
            let _busy = token.begin();
            match act(at, &token.slot) {
                Err(Error::Absent) => away = true,
                Err(Error::Vanished) => self.presence.learn(key, at, false),
                // Nothing came of it, and another may do it: a token that was cut short has the key in part.
                Err(error @ Error::Unsupported(_)) => refused = Some(error),
                Ok(done) => {
                    if row.at(at) != Some(true) {
                        self.presence.learn(key, at, true);
                    }
                    return Ok(done);
                }
                Err(error) => return Err(error),
            }
        }
        Err(refused.unwrap_or(if away { Error::Absent } else { Error::Vanished }))
    }
}

impl Token {
    pub(super) fn new(name: String, slot: Hsm) -> Self {
        Self { name, slot, busy: AtomicUsize::new(0), hindrance: Mutex::default(), looked: AtomicU64::new(0) }
    }

    /// Begins a call.
    pub(super) fn begin(&self) -> Busy<'_> {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(&self.busy)
    }

    /// It was found out which keys it has, when it had been opened so often; or nothing is known any more.
    pub(super) fn was_looked_at(&self, opening: Option<u64>) {
        self.looked.store(opening.unwrap_or(0), Ordering::Relaxed);
    }

    /// Whether it is known which keys it has since it was opened.
    pub(super) fn is_known(&self) -> bool {
        let looked = self.looked.load(Ordering::Relaxed);
        looked != 0 && looked == self.slot.keeper.openings()
    }

    /// What keeps keys of others from coming to it.
    pub(super) fn hindrance(&self) -> MutexGuard<'_, Option<Why>> {
        self.hindrance.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a call that is under way.
pub(super) struct Busy<'c>(&'c AtomicUsize);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
