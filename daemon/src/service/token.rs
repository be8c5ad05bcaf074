//! The PINs of a slot's token, as PKCS#11 has them: a security officer's and a user's.
//!
//! A try is counted, durably, before the PIN is looked at, so that no crash and no race gives a try away. The wait
//! between tries grows, and after enough of them the PIN is locked until the security officer sets a new one.

use std::sync::PoisonError;

use serde::{Deserialize, Serialize};
use strongroom_kmip::{code::ResultReason, secret::Secret};

use super::{refusal::Refusal, registry::Service, stretch::stretch};
use crate::{
    audit::{self, Durability, Entry, Event, Outcome, Reason, Who},
    caller::Caller,
    chance::{self, Chance},
    clock::Time,
    vault::Change,
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
    /// A new PIN is too short or too long.
    #[error("a PIN has {SHORTEST} to {LONGEST} bytes")]
    Length,
    /// The vault or the log does not allow it now.
    #[error(transparent)]
    Refused(#[from] Refusal),
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
}

/// A token's PINs, as they are kept, sealed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    officer: Pin,
    /// Nothing until the security officer sets it.
    user: Option<Pin>,
    /// What the token is called, where that is not its slot's name.
    #[serde(default)]
    label: Option<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pin {
    salt: [u8; 16],
    hash: [u8; 32],
    /// Wrong tries since the last right one.
    tries: u32,
    /// When the last try was, in milliseconds since 1970.
    last: i64,
}

impl Service {
    /// How a slot's token is.
    ///
    /// # Errors
    /// [`Refusal`] while the vault is sealed.
    pub fn token(&self, slot: &str) -> Result<TokenState, Refusal> {
        let Some(token) = self.load(slot)? else { return Ok(TokenState::default()) };
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
        })
    }

    /// Checks a PIN. Whether it fits or not, the record is durable when this returns.
    ///
    /// # Errors
    /// [`PinError`].
    pub fn check_pin(&self, caller: &Caller, slot: &str, of: PinOf, pin: &Secret) -> Result<(), PinError> {
        let _alone = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = self.try_pin(slot, of, pin).and_then(|token| self.writing(slot, &token));
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
        let _alone = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = self.try_pin(slot, of, old).and_then(|token| self.with_pin(slot, token, of, new));
        self.close_with(caller, slot, Event::PinSet, outcome)
    }

    /// Sets the user's PIN, for a security officer who has logged in.
    ///
    /// # Errors
    /// [`PinError`].
    pub fn set_user_pin(&self, caller: &Caller, slot: &str, new: &Secret) -> Result<(), PinError> {
        let _alone = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        let token = self.load(slot).map_err(PinError::from).and_then(|token| token.ok_or(PinError::Unset));
        let outcome = token.and_then(|token| self.with_pin(slot, token, PinOf::User, new));
        self.close_with(caller, slot, Event::PinSet, outcome)
    }

    /// Makes a token anew: under the security officer's PIN, which a token that never was is given, without a PIN of the
    /// user's, and with this label.
    ///
    /// # Errors
    /// [`PinError`].
    pub fn init_token(&self, caller: &Caller, slot: &str, pin: &Secret, label: Vec<u8>) -> Result<(), PinError> {
        let _alone = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        let officer = match self.load(slot) {
            Ok(Some(_)) => self.try_pin(slot, PinOf::SecurityOfficer, pin).map(|token| token.officer),
            Ok(None) => Pin::new(pin, self.vault.chance()),
            Err(refusal) => Err(refusal.into()),
        };
        let made = officer.map(|officer| Token { officer, user: None, label: Some(label) });
        let outcome = made.and_then(|token| self.writing(slot, &token));
        self.close_with(caller, slot, Event::TokenInit, outcome)
    }

    /// Counts a try, durably, and then looks at the PIN. The token that comes back has the tries forgotten; it is not
    /// written yet.
    fn try_pin(&self, slot: &str, of: PinOf, pin: &Secret) -> Result<Token, PinError> {
        let mut token = self.load(slot)?.ok_or(PinError::Unset)?;
        let now = self.vault.now();
        let entered = token.pin(of).ok_or(PinError::Unset)?;
        entered.may_try(now)?;
        entered.tries = entered.tries.saturating_add(1);
        entered.last = now.0;
        let counted = self.vault.commit(self.writing(slot, &token)?).wait();
        counted.map_err(|error| Refusal::new(ResultReason::GeneralFailure, error.to_string()))?;
        let entered = token.pin(of).ok_or(PinError::Unset)?;
        if !entered.fits(pin)? {
            return Err(PinError::Incorrect);
        }
        entered.tries = 0;
        Ok(token)
    }

    fn with_pin(&self, slot: &str, mut token: Token, of: PinOf, new: &Secret) -> Result<Change, PinError> {
        let new = Pin::new(new, self.vault.chance())?;
        match of {
            PinOf::SecurityOfficer => token.officer = new,
            PinOf::User => token.user = Some(new),
        }
        self.writing(slot, &token)
    }

    fn load(&self, slot: &str) -> Result<Option<Token>, Refusal> {
        let damaged = |_| Refusal::new(ResultReason::GeneralFailure, "the token's PINs cannot be read");
        let row = self.vault.setting(&setting(slot))?;
        row.map(|row| serde_json::from_slice(row.reveal()).map_err(damaged)).transpose()
    }

    fn writing(&self, slot: &str, token: &Token) -> Result<Change, PinError> {
        let mut change = self.vault.begin().map_err(Refusal::from)?;
        change.put_setting(&setting(slot), Some(token.to_secret()?));
        Ok(change)
    }

    /// Records the outcome, then writes its change; both are durable when this returns.
    fn close_with(
        &self,
        caller: &Caller,
        slot: &str,
        event: Event,
        outcome: Result<Change, PinError>,
    ) -> Result<(), PinError> {
        let (said, change, outcome) = match outcome {
            Ok(change) => (Outcome::Success, Some(change), Ok(())),
            Err(error) => (Outcome::Refused(Reason::Named(error.word())), None, Err(error)),
        };
        let mut entry = Entry::new(Who::Known(caller), audit::Action::Event(event), said);
        entry.object = Some(audit::Object { id: slot, version: None });
        let settled = self.settle(&entry, Durability::Sync, change).wait();
        settled.map_err(|error| Refusal::new(ResultReason::GeneralFailure, error.to_string()))?;
        outcome
    }
}

impl Token {
    /// PINs for a token that had none, or is made anew.
    pub(super) fn new(officer: &Secret, user: &Secret, chance: &dyn Chance) -> Result<Self, Refusal> {
        let pin = |pin| Pin::new(pin, chance).map_err(|error| Refusal::invalid(error.to_string()));
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

impl Pin {
    fn new(pin: &Secret, chance: &dyn Chance) -> Result<Self, PinError> {
        if !(SHORTEST..=LONGEST).contains(&pin.len()) {
            return Err(PinError::Length);
        }
        let dry = |dry| Refusal::from(crate::vault::Error::from(dry));
        let salt = chance::array(chance).map_err(dry)?;
        Ok(Self { salt, hash: stretch(pin, &salt)?, tries: 0, last: 0 })
    }

    /// Whether a try is allowed at all.
    fn may_try(&self, now: Time) -> Result<(), PinError> {
        if self.tries >= MOST_TRIES {
            return Err(PinError::Locked);
        }
        let Some(exponent) = self.tries.checked_sub(FREE_TRIES) else { return Ok(()) };
        let wait = 1_i64.checked_shl(exponent).unwrap_or(i64::MAX).saturating_mul(1000);
        let left = self.last.saturating_add(wait).saturating_sub(now.0);
        if left > 0 { Err(PinError::Wait(left.div_euclid(1000).saturating_add(1))) } else { Ok(()) }
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
            Self::Length => "CKR_PIN_LEN_RANGE",
            Self::Refused(_) => "CKR_GENERAL_ERROR",
        }
    }
}

/// The setting that holds a slot's token.
pub(super) fn setting(slot: &str) -> String {
    format!("token/{slot}")
}

/// The shortest and longest PIN, in bytes; PKCS#11 tools ask for both.
pub const SHORTEST: usize = 4;
/// See [`SHORTEST`].
pub const LONGEST: usize = 255;
/// After so many wrong tries in a row the PIN is locked.
const MOST_TRIES: u32 = 10;
/// So many wrong tries cost no wait; each further one doubles it, from a second.
const FREE_TRIES: u32 = 3;
