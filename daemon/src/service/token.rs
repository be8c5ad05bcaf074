//! The PINs of a slot's token, as PKCS#11 has them: a security officer's and a user's.
//!
//! A try is counted, durably, before anybody is told whether the PIN was right, so that no crash and no race gives a try
//! away. The wait between tries grows, and after enough of them the PIN is locked until the security officer sets a new
//! one: for all who are here, and for each who comes from afar by itself.

use std::sync::PoisonError;

use serde::{Deserialize, Serialize};
use strongroom_kmip::{code::ResultReason, secret::Secret};

use super::{
    pins::{self, LONGEST, PinRules},
    refusal::Refusal,
    registry::Service,
    stretch::stretch,
    turn::Turn,
};
use crate::{
    audit::{self, Durability, Entry, Event, Outcome, Reason, Who},
    caller::{Caller, Principal, Role},
    chance::{self, Chance},
    clock::Time,
    vault::{self, Change},
};

/// Whose PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinOf {
    /// The security officer's, who may set the user's.
    SecurityOfficer,
    /// The user's, who works with keys.
    User,
}

/// Why a PIN was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// It is not the PIN; the try is counted.
    #[error("the PIN is not correct")]
    Incorrect,
    /// Too many tries: only a new PIN helps.
    #[error("the PIN is locked; the security officer can set a new one")]
    Locked,
    /// The last wrong try was a moment ago.
    #[error("wait {0} seconds before the next try")]
    Wait(i64),
    /// No PIN was set yet.
    #[error("the token has no PIN; run `strongroom init` or set one")]
    Unset,
    /// The token has no security officer, and the caller is nobody who could be the first.
    #[error("the operator gives the token its security officer; run `strongroom slot init`")]
    Unfounded,
    /// The token has no security officer, and its slot is in use without one.
    #[error("there are objects in the slot; `strongroom slot init` gives it a security officer and leaves them")]
    Occupied,
    /// Something in the slot may not be destroyed.
    #[error("something in the slot has CKA_DESTROYABLE false; `strongroom slot zeroise` destroys that too")]
    Lasting,
    /// The keys in the slot are not here.
    #[error("there are keys of the slot in a token of another maker; destroy them one by one, or by its maker's means")]
    Elsewhere,
    /// A new PIN is too short or too long.
    #[error("a PIN has {0} to {LONGEST} bytes")]
    Length(usize),
    /// The user's PIN was to be the security officer's.
    #[error("the user's PIN must not be the security officer's")]
    Same,
    /// There is none, and who the caller is does not stand in for it.
    #[error("this caller cannot log in without a PIN")]
    Needed,
    /// The token's PINs were set aside since the caller logged in.
    #[error("the token was made anew since; log in again")]
    Left,
    /// The vault or the log does not allow it now.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl From<vault::Error> for PinError {
    fn from(error: vault::Error) -> Self {
        Self::Refused(error.into())
    }
}

/// How a token is, for C_GetTokenInfo.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenState {
    /// Whether it has a security officer.
    pub initialised: bool,
    /// What it is called, where that is not its slot's name.
    pub label: Option<Vec<u8>>,
    /// Whether the user has a PIN.
    pub user_initialised: bool,
    /// Whether a wrong user PIN was entered since the last right one.
    pub user_tried: bool,
    /// Whether one more wrong user PIN locks it.
    pub user_last_try: bool,
    /// Whether the user's PIN is locked.
    pub user_locked: bool,
    /// Whether a wrong security officer's PIN was entered since the last right one.
    pub officer_tried: bool,
    /// Whether the security officer's PIN is locked.
    pub officer_locked: bool,
    /// What the slot asks of its PINs.
    pub rules: PinRules,
}

/// A token's PINs, as they are kept, sealed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    pub(super) officer: Pin,
    /// Nothing until the security officer sets it.
    pub(super) user: Option<Pin>,
    /// What the token is called, where that is not its slot's name.
    #[serde(default)]
    pub(super) label: Option<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pin {
    salt: [u8; 16],
    hash: [u8; 32],
    /// Wrong tries since the last right one.
    tries: u32,
    /// When the last try was, in milliseconds since 1970.
    last: i64,
}

/// A PIN that was looked at.
pub(super) struct Tried {
    pub(super) token: Token,
    /// What counts the try, or forgets the wrong ones before it.
    pub(super) change: Change,
    pub(super) outcome: Result<(), PinError>,
}

/// What is written and what is told.
pub(super) struct Closing {
    pub(super) change: Change,
    pub(super) said: Result<(), PinError>,
    /// How many objects it was about, for the log.
    pub(super) count: Option<u64>,
}

impl Service {
    /// With rules of its own for the PINs of a slot.
    #[must_use]
    pub fn with_pins(mut self, slot: &str, rules: PinRules) -> Self {
        self.pins.rule(slot, rules);
        self
    }

    /// How a slot's token is for the caller: a guest is told of its own tries.
    ///
    /// # Errors
    /// [`Refusal`] while the vault is sealed.
    pub fn token(&self, caller: &Caller, slot: &str) -> Result<TokenState, Refusal> {
        self.token_for(pins::guest(caller), slot)
    }

    /// The same for a guest, or for whoever is here.
    pub(super) fn token_for(&self, guest: Option<&Principal>, slot: &str) -> Result<TokenState, Refusal> {
        let rules = self.pin_rules(slot);
        let Some(mut token) = self.load(slot)? else { return Ok(TokenState { rules, ..TokenState::default() }) };
        if let Some(guest) = guest {
            for of in [PinOf::SecurityOfficer, PinOf::User] {
                let Some(pin) = token.pin(of) else { continue };
                pin.tries = pins::tried(&self.vault, slot, of.word(), guest, pin.salt)?.tries;
            }
        }
        let tries = token.user.as_ref().map_or(0, |user| user.tries);
        Ok(TokenState {
            initialised: true,
            label: token.label,
            user_initialised: token.user.is_some(),
            user_tried: tries > 0,
            user_last_try: tries.saturating_add(1) == MOST_TRIES,
            user_locked: tries >= MOST_TRIES,
            officer_tried: token.officer.tries > 0,
            officer_locked: token.officer.tries >= MOST_TRIES,
            rules,
        })
    }

    /// Checks a PIN. Whether it fits or not, the record is durable when this returns, and so is the try's count.
    ///
    /// # Errors
    /// [`PinError`].
    pub fn check_pin(&self, caller: &Caller, slot: &str, of: PinOf, pin: &Secret) -> Result<(), PinError> {
        // A guest's try leaves the token as it is, so others need not wait for it.
        let own = match pins::guest(caller) {
            Some(guest) => self.pins.of_guest(slot, guest),
            None => self.pins.of(slot),
        };
        let _alone = own.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = self.try_pin(caller, slot, of, pin).map(|tried| Closing::of(tried.change, tried.outcome));
        self.close_with(caller, slot, Event::Login, outcome)
    }

    /// Lets a caller log in by who it is, without a PIN: a registered client as the user, an administrator as the security
    /// officer too. It is recorded as any login; nobody is kept out by wrong PINs of others.
    ///
    /// # Errors
    /// [`PinError::Needed`] where the slot has no such path or the caller is nobody that it knows.
    pub fn check_peer(&self, caller: &Caller, slot: &str, of: PinOf) -> Result<(), PinError> {
        let known = matches!(caller.principal, Principal::Client(_)) && self.pin_rules(slot).protected_path;
        let may = match (of, caller.role) {
            (_, Role::Administrator) | (PinOf::User, Role::User) => known,
            (PinOf::SecurityOfficer, Role::User) | (_, Role::Auditor) => false,
        };
        let there = self.load(slot)?.is_some();
        let outcome = match (may, there) {
            (false, _) => Err(PinError::Needed),
            (true, false) => Err(PinError::Unset),
            (true, true) => self
                .vault
                .begin()
                .map(|change| Closing::of(change, Ok(())))
                .map_err(|error| Refusal::from(error).into()),
        };
        self.close_with(caller, slot, Event::Login, outcome)
    }

    /// Sets a new PIN in place of the old one.
    ///
    /// # Errors
    /// [`PinError`].
    pub fn change_pin(
        &self,
        caller: &Caller,
        slot: &str,
        of: PinOf,
        old: &Secret,
        new: &Secret,
    ) -> Result<(), PinError> {
        self.setting_pins(caller, slot, Event::PinSet, || {
            let tried = self.try_pin(caller, slot, of, old)?;
            tried.then(|token, change| self.put_pin(slot, token, of, new, change))
        })
    }

    /// Sets the user's PIN, for a security officer who is logged in for this turn.
    ///
    /// # Errors
    /// [`PinError`].
    pub fn set_user_pin(&self, caller: &Caller, slot: &str, turn: Turn, new: &Secret) -> Result<(), PinError> {
        self.setting_pins(caller, slot, Event::PinSet, || {
            let number = usize::try_from(self.vault.slot(Some(slot))?.number).map_err(|_| PinError::Unset)?;
            if self.turns().of(number) != turn {
                return Err(PinError::Left);
            }
            let token = self.load(slot)?.ok_or(PinError::Unset)?;
            // Asked of the security officer alone, who knows the other one: of the user it would be a guess that costs nothing.
            if token.officer.fits(new)? {
                return Err(PinError::Same);
            }
            let mut change = self.vault.begin().map_err(Refusal::from)?;
            self.put_pin(slot, token, PinOf::User, new, &mut change)?;
            Ok(Closing::of(change, Ok(())))
        })
    }

    /// Does something with a token's PINs while nobody else tries or sets them.
    pub(super) fn setting_pins(
        &self,
        caller: &Caller,
        slot: &str,
        event: Event,
        work: impl FnOnce() -> Result<Closing, PinError>,
    ) -> Result<(), PinError> {
        // A guest first waits for its own tries, then for the token: always in this order.
        let own = pins::guest(caller).map(|guest| self.pins.of_guest(slot, guest));
        let _own = own.as_ref().map(|own| own.lock().unwrap_or_else(PoisonError::into_inner));
        let token = self.pins.of(slot);
        let _alone = token.lock().unwrap_or_else(PoisonError::into_inner);
        self.close_with(caller, slot, event, work())
    }

    /// Looks at a PIN, and counts the try where it is wrong. Nobody is told the outcome before the change that comes with
    /// it is durable, so no crash gives a try away.
    pub(super) fn try_pin(&self, caller: &Caller, slot: &str, of: PinOf, pin: &Secret) -> Result<Tried, PinError> {
        let mut token = self.load(slot)?.ok_or(PinError::Unset)?;
        let now = self.vault.now();
        let kept = token.pin(of).ok_or(PinError::Unset)?;
        let guest = pins::guest(caller);
        let before = match guest {
            Some(guest) => pins::tried(&self.vault, slot, of.word(), guest, kept.salt)?,
            None => pins::Tried { salt: kept.salt, tries: kept.tries, last: kept.last },
        };
        may_try(before.tries, before.last, now)?;
        // Guests are many, and each waits for its turn; the caller of a local socket waits on a thread of its own.
        let _seat = guest.map(|guest| self.later.pool().enter(guest)).transpose()?;
        let fits = kept.fits(pin)?;
        let tries = if fits { 0 } else { before.tries.saturating_add(1) };
        let mut change = self.vault.begin().map_err(Refusal::from)?;
        match guest {
            Some(guest) => {
                pins::count(&mut change, slot, of.word(), guest, pins::Tried { tries, last: now.0, ..before })?;
            }
            None => {
                (kept.tries, kept.last) = (tries, now.0);
                change.put_setting(&setting(slot), Some(token.to_secret()?));
            }
        }
        Ok(Tried { token, change, outcome: if fits { Ok(()) } else { Err(PinError::Incorrect) } })
    }

    fn put_pin(
        &self,
        slot: &str,
        mut token: Token,
        of: PinOf,
        new: &Secret,
        change: &mut Change,
    ) -> Result<(), PinError> {
        let new = Pin::new(new, self.pin_rules(slot).shortest, self.vault.chance())?;
        match of {
            PinOf::SecurityOfficer => token.officer = new,
            PinOf::User => token.user = Some(new),
        }
        change.put_setting(&setting(slot), Some(token.to_secret()?));
        Ok(())
    }

    pub(super) fn load(&self, slot: &str) -> Result<Option<Token>, Refusal> {
        let damaged = |_| Refusal::new(ResultReason::GeneralFailure, "the token's PINs cannot be read");
        let row = self.vault.setting(&setting(slot))?;
        row.map(|row| serde_json::from_slice(row.reveal()).map_err(damaged)).transpose()
    }

    /// Records the outcome, then writes its change; both are durable when this returns.
    fn close_with(
        &self,
        caller: &Caller,
        slot: &str,
        event: Event,
        outcome: Result<Closing, PinError>,
    ) -> Result<(), PinError> {
        let (change, outcome, count) = match outcome {
            Ok(Closing { change, said, count }) => (Some(change), said, count),
            Err(error) => (None, Err(error), None),
        };
        let said =
            outcome.as_ref().map_or_else(|error| Outcome::Refused(Reason::Named(error.word())), |()| Outcome::Success);
        let mut entry = Entry::new(Who::Known(caller), audit::Action::Event(event), said);
        entry.object = Some(audit::Object { id: slot, version: None });
        entry.count = count;
        let settled = self.settle(&entry, Durability::Sync, change).wait();
        settled.map_err(|error| Refusal::new(ResultReason::GeneralFailure, error.to_string()))?;
        outcome
    }
}

impl Token {
    /// PINs for a token that had none, or is made anew.
    pub(super) fn new(officer: &Secret, user: &Secret, rules: PinRules, chance: &dyn Chance) -> Result<Self, Refusal> {
        let refused = |error: PinError| Refusal::invalid(error.to_string());
        let pin = |pin| Pin::new(pin, rules.shortest, chance).map_err(refused);
        if officer.same_as(user.reveal()) {
            return Err(refused(PinError::Same));
        }
        Ok(Self { officer: pin(officer)?, user: Some(pin(user)?), label: None })
    }

    pub(super) fn to_secret(&self) -> Result<Secret, Refusal> {
        let failed = |_| Refusal::new(ResultReason::GeneralFailure, "the token's PINs cannot be written");
        serde_json::to_vec(self).map(Secret::new).map_err(failed)
    }

    fn pin(&mut self, of: PinOf) -> Option<&mut Pin> {
        match of {
            PinOf::SecurityOfficer => Some(&mut self.officer),
            PinOf::User => self.user.as_mut(),
        }
    }
}

impl Tried {
    /// Goes on where the PIN fits. Where that fails, the try is forgotten all the same.
    fn then(self, work: impl FnOnce(Token, &mut Change) -> Result<(), PinError>) -> Result<Closing, PinError> {
        let Self { token, mut change, outcome } = self;
        let outcome = outcome.and_then(|()| work(token, &mut change));
        Ok(Closing::of(change, outcome))
    }
}

impl Closing {
    pub(super) const fn of(change: Change, said: Result<(), PinError>) -> Self {
        Self { change, said, count: None }
    }
}

impl PinOf {
    const fn word(self) -> &'static str {
        match self {
            Self::SecurityOfficer => "officer",
            Self::User => "user",
        }
    }
}

/// Whether a try is allowed at all.
fn may_try(tries: u32, last: i64, now: Time) -> Result<(), PinError> {
    if tries >= MOST_TRIES {
        return Err(PinError::Locked);
    }
    let Some(exponent) = tries.checked_sub(FREE_TRIES) else { return Ok(()) };
    let wait = 1_i64.checked_shl(exponent).unwrap_or(i64::MAX).saturating_mul(1000);
    let left = last.saturating_add(wait).saturating_sub(now.0);
    if left > 0 { Err(PinError::Wait(left.div_euclid(1000).saturating_add(1))) } else { Ok(()) }
}

/// Whether the caller governs the machine or the appliance.
pub(super) fn may_found(caller: &Caller) -> bool {
    caller.role == Role::Administrator || caller.principal == Principal::User(0)
}

impl Pin {
    pub(super) fn new(pin: &Secret, shortest: usize, chance: &dyn Chance) -> Result<Self, PinError> {
        if !(shortest..=LONGEST).contains(&pin.len()) {
            return Err(PinError::Length(shortest));
        }
        let dry = |dry| Refusal::from(vault::Error::from(dry));
        let salt = chance::array(chance).map_err(dry)?;
        Ok(Self { salt, hash: stretch(pin, &salt)?, tries: 0, last: 0 })
    }

    fn fits(&self, pin: &Secret) -> Result<bool, PinError> {
        Ok(Secret::copy_of(&stretch(pin, &self.salt)?).same_as(&self.hash))
    }
}

impl PinError {
    /// What PKCS#11 calls it, for the audit log.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Incorrect | Self::Wait(_) => "CKR_PIN_INCORRECT",
            Self::Locked => "CKR_PIN_LOCKED",
            Self::Unset => "CKR_USER_PIN_NOT_INITIALIZED",
            Self::Unfounded | Self::Occupied | Self::Lasting | Self::Elsewhere => "CKR_TOKEN_WRITE_PROTECTED",
            Self::Length(_) => "CKR_PIN_LEN_RANGE",
            Self::Same => "CKR_PIN_TOO_WEAK",
            Self::Left => "CKR_USER_NOT_LOGGED_IN",
            Self::Needed => "CKR_ARGUMENTS_BAD",
            Self::Refused(refusal) if refusal.held => "CKR_FUNCTION_REJECTED",
            Self::Refused(_) => "CKR_GENERAL_ERROR",
        }
    }
}

/// The setting that holds a slot's token.
pub(super) fn setting(slot: &str) -> String {
    format!("token/{slot}")
}

/// After so many wrong tries in a row the PIN is locked.
const MOST_TRIES: u32 = 10;
/// So many wrong tries cost no wait; each further one doubles it, from a second.
const FREE_TRIES: u32 = 3;
