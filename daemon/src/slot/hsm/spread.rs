//! Bringing keys from one member of a cluster to the others, where their makers do not: encrypted by the one token, decrypted by
//! the other, under a key that both have. No key is ever in the daemon.
//!
//! A round asks first which keys are where, so that it can be broken off anywhere and begun again.

use std::sync::{MutexGuard, PoisonError};

use cryptoki_sys::{CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_PAD};
use strongroom_kmip::secret::Secret;

use super::{
    codec::Plain,
    keeper::Patience,
    message::{Answer, Ask, Trouble, Using},
    offer,
    pool::Shared,
    reference::Held,
    round::Round,
};
use crate::slot::{contract::Error, holding::Why};

/// What kept a key from going from one member to another.
enum Hindered {
    /// One of them is away, or has not the key: later.
    Later,
    /// The key does not leave its token.
    Bound(String),
    /// A member cannot do its part, whichever key it is.
    Member(usize, Why),
    /// This key does not go, for a reason of the tokens'.
    Refused(String),
}

impl Shared {
    fn round(&self) -> MutexGuard<'_, Round> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the keys looked after soon.
    pub(super) fn hurry(&self) {
        self.round().hurry();
    }

    /// Whether keys have to be looked after: a member was opened, something is left to do, or it is time to look again.
    pub(super) fn is_due(&self) -> bool {
        let openings: Vec<_> = self.tokens.iter().map(|token| token.slot.keeper.openings()).collect();
        let (due, opened) = self.round().is_due(openings);
        for at in opened {
            self.presence.forget_member(at);
            if let Some(token) = self.tokens.get(at) {
                token.was_looked_at(None);
            }
            self.hinder(at, None);
        }
        due
    }

    /// Finds out where these keys are, and brings some to where they are not. Says how many.
    pub(super) fn spread(&self, keys: &[Secret]) -> usize {
        let usable: Vec<_> = (0..self.tokens.len()).filter(|at| self.is_usable(*at)).collect();
        for at in &usable {
            let Some(token) = self.tokens.get(*at) else { continue };
            let opening = token.slot.keeper.openings();
            let unknown: Vec<_> =
                keys.iter().filter(|key| self.presence.row(key.reveal()).at(*at) != Some(true)).collect();
            if unknown.chunks(ASKED_AT_ONCE).all(|some| self.look(*at, some).is_ok()) {
                token.was_looked_at(Some(opening));
            }
        }
        let (mut brought, mut left) = (0usize, false);
        if self.wrapper.is_some() {
            self.compare(&usable);
            for key in keys {
                let row = self.presence.row(key.reveal());
                let Some(from) = usable.iter().copied().find(|at| row.at(*at) == Some(true)) else { continue };
                for to in usable.iter().copied().filter(|at| row.at(*at) == Some(false)) {
                    if brought >= BROUGHT_AT_ONCE {
                        left = true;
                    } else if !row.bound && self.may(from) && self.may(to) {
                        brought = brought.saturating_add(usize::from(self.bring(from, to, key)));
                    }
                }
            }
        }
        self.round().over(brought > 0, left);
        brought
    }

    /// Brings a key that was just made to the others that are there.
    pub(super) fn bring_from(&self, from: usize, key: &Secret) {
        if self.wrapper.is_none() {
            return;
        }
        let all = (0..self.tokens.len()).filter(|at| *at != from);
        let brought = all.filter(|at| self.is_usable(*at) && self.may(*at) && self.bring(from, *at, key)).count();
        if brought.saturating_add(1) < self.tokens.len() {
            self.hurry();
        }
    }

    /// Which of these keys a member has.
    ///
    /// # Errors
    /// [`Error::Absent`].
    pub(super) fn look(&self, at: usize, keys: &[&Secret]) -> Result<Vec<bool>, Error> {
        let held: Vec<_> = keys.iter().filter_map(|key| Held::read(key)).map(|held| held.key).collect();
        let answer = self.ask(at, &Ask::Has { keys: held })?;
        let Answer::There { there } = answer else { return Err(Error::Absent) };
        if there.len() != keys.len() {
            return Err(Error::Absent);
        }
        for (key, there) in keys.iter().zip(&there) {
            self.presence.learn(key.reveal(), at, *there);
        }
        Ok(there)
    }

    /// Whether nothing is known that keeps keys from coming and going there.
    fn may(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| token.hindrance().is_none())
    }

    /// Finds out whether the members have the key that encrypts others, and the same one.
    fn compare(&self, usable: &[usize]) {
        let mut first: Option<Vec<u8>> = None;
        for at in usable {
            let Some(token) = self.tokens.get(*at) else { continue };
            let why = match self.ask(*at, &Ask::Wrapper { label: self.label() }) {
                Ok(Answer::Wrapper { check }) => {
                    let differs = first.as_ref().is_some_and(|first| !check.0.is_empty() && *first != check.0);
                    if first.is_none() && !check.0.is_empty() {
                        first = Some(check.0);
                    }
                    differs.then_some(Why::OtherWrapper)
                }
                Ok(Answer::Failed { trouble: Trouble::NoWrapper, .. }) => Some(Why::NoWrapper),
                _ => continue,
            };
            // What was found out by trying stands until the member is opened again.
            if why.is_some() || *token.hindrance() == Some(Why::NoWrapper) {
                self.hinder(*at, why);
            }
        }
    }

    /// Brings a key from one member to another. Whether it is there.
    fn bring(&self, from: usize, to: usize, key: &Secret) -> bool {
        let (name, of) = (&self.name, |at: usize| self.tokens.get(at).map_or("", |token| token.name.as_str()));
        match self.carry(from, to, key) {
            Ok(()) => {
                self.presence.learn(key.reveal(), to, true);
                return true;
            }
            Err(Hindered::Later) => {}
            Err(Hindered::Bound(word)) => {
                if self.presence.bind(key.reveal()) {
                    log::warn!("slot {name}: {} stays at {} alone: {word:?}", called(key), of(from));
                }
            }
            Err(Hindered::Member(at, why)) => self.hinder(at, Some(why)),
            Err(Hindered::Refused(word)) => {
                log::warn!("slot {name}: {} did not go from {} to {}: {word:?}", called(key), of(from), of(to));
            }
        }
        self.presence.learn(key.reveal(), to, false);
        false
    }

    fn carry(&self, from: usize, to: usize, key: &Secret) -> Result<(), Hindered> {
        let mechanism = self.mechanism(from, to).ok_or(Hindered::Member(to, Why::NoWrapping))?;
        let reference = Held::read(key).ok_or(Hindered::Later)?.key;
        let away = |_| Hindered::Later;
        let ask = Ask::Load { key: reference, mechanism, wrapper: self.label() };
        let cargo = match self.ask(from, &ask).map_err(away)? {
            Answer::Loaded { cargo } => cargo,
            Answer::Failed { trouble, word } => {
                return Err(match trouble {
                    Trouble::NoWrapper => Hindered::Member(from, Why::NoWrapper),
                    Trouble::NoKey => {
                        self.presence.learn(key.reveal(), from, false);
                        Hindered::Later
                    }
                    Trouble::Unsupported | Trouble::Length | Trouble::Template | Trouble::SeveralKeys => {
                        Hindered::Bound(word)
                    }
                    _ => Hindered::Refused(word),
                });
            }
            _ => return Err(Hindered::Refused("an answer to something else".to_owned())),
        };
        match self.ask(to, &Ask::Unload { cargo, mechanism, wrapper: self.label() }).map_err(away)? {
            Answer::Made { held: true, .. } => Ok(()),
            Answer::Made { .. } => Err(Hindered::Refused("it would leave the token otherwise than it may".to_owned())),
            Answer::Failed { trouble: Trouble::NoWrapper, .. } => Err(Hindered::Member(to, Why::NoWrapper)),
            Answer::Failed { trouble: Trouble::Undecryptable, .. } => Err(Hindered::Member(to, Why::OtherWrapper)),
            Answer::Failed { word, .. } => Err(Hindered::Refused(word)),
            _ => Err(Hindered::Refused("an answer to something else".to_owned())),
        }
    }

    /// The mechanism by which a key goes from one to another, of those that both have: the one that takes any length first.
    fn mechanism(&self, from: usize, to: usize) -> Option<u64> {
        let (from, to) = (self.tokens.get(from)?.slot.keeper.token()?, self.tokens.get(to)?.slot.keeper.token()?);
        [CKM_AES_KEY_WRAP_PAD, CKM_AES_KEY_WRAP].into_iter().find(|number| {
            offer::has(&from, *number, Using::Wrap.bit()) && offer::has(&to, *number, Using::Unwrap.bit())
        })
    }

    fn hinder(&self, at: usize, why: Option<Why>) {
        let Some(token) = self.tokens.get(at) else { return };
        if std::mem::replace(&mut *token.hindrance(), why) != why
            && let Some(why) = why
        {
            log::error!("slot {}: no keys of the others come to {}: {why}", self.name, token.name);
        }
    }

    fn ask(&self, at: usize, ask: &Ask) -> Result<Answer, Error> {
        self.tokens.get(at).ok_or(Error::Absent)?.slot.keeper.ask(ask, Patience::Usual)
    }

    fn label(&self) -> Plain {
        Plain(self.wrapper.clone().unwrap_or_default().into_bytes())
    }
}

/// What the tokens call a key.
fn called(key: &Secret) -> String {
    let Some(held) = Held::read(key) else { return "a key".to_owned() };
    let id: String = held.key.id.0.iter().map(|byte| format!("{byte:02x}")).collect();
    match held.key.label {
        Some(label) => format!("key {:?} ({id})", String::from_utf8_lossy(&label.0)),
        None => format!("key {id}"),
    }
}

/// Keys that a member is asked for at once.
const ASKED_AT_ONCE: usize = 64;
/// Keys that a round brings: what else waits for it waits a second or so.
const BROUGHT_AT_ONCE: usize = 64;
