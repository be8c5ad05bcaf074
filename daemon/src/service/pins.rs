//! Who tries a PIN alone: one lock for each token, and one for each guest of a token. A guest is a client that comes from
//! afar, by the PKCS#11 operation of KMIP or with the module on another host; its wrong tries are counted against itself, so that it locks nobody out but
//! itself.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use strongroom_kmip::{code::ResultReason, secret::Secret};

use super::refusal::Refusal;
use crate::{
    caller::{Caller, Front, Principal},
    vault::{Change, Vault},
};

/// The locks, and what each slot asks of its PINs.
#[derive(Default)]
pub struct Pins {
    locks: Mutex<HashMap<String, Alone>>,
    rules: BTreeMap<String, PinRules>,
}

/// What a slot asks of its PINs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinRules {
    /// How short a new PIN may be, in bytes.
    pub shortest: usize,
    /// Whether whoever is known by other means may log in without one.
    pub protected_path: bool,
}

impl Default for PinRules {
    fn default() -> Self {
        Self { shortest: SHORTEST, protected_path: false }
    }
}

/// Whoever holds it tries, or sets, a PIN alone.
pub type Alone = Arc<Mutex<()>>;

/// A guest's wrong tries of one PIN.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tried {
    /// The salt of the PIN that was tried: a new PIN has another, and begins anew.
    pub salt: [u8; 16],
    /// Wrong tries since the last right one.
    pub tries: u32,
    /// When the last one was, in milliseconds since 1970.
    pub last: i64,
}

impl Pins {
    /// Lets a slot ask this of its PINs.
    pub fn rule(&mut self, slot: &str, rules: PinRules) {
        self.rules.insert(slot.to_owned(), rules);
    }

    /// What a slot asks of its PINs.
    pub fn rules(&self, slot: &str) -> PinRules {
        self.rules.get(slot).copied().unwrap_or_default()
    }

    /// The lock of a token's PINs.
    pub fn of(&self, slot: &str) -> Alone {
        self.lock(slot.to_owned())
    }

    /// The lock of a guest's tries with a token.
    pub fn of_guest(&self, slot: &str, guest: &Principal) -> Alone {
        self.lock(format!("{slot}/{guest}"))
    }

    fn lock(&self, name: String) -> Alone {
        let mut all = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.retain(|_, lock| Arc::strong_count(lock) > 1);
        }
        Arc::clone(all.entry(name).or_default())
    }
}

/// Who the caller is to a token's PINs, if it comes from afar.
pub fn guest(caller: &Caller) -> Option<&Principal> {
    matches!(caller.front, Front::Kmip | Front::KmipHttps | Front::Pkcs11Tls).then_some(&caller.principal)
}

/// A guest's tries of the PIN that has this salt.
///
/// # Errors
/// [`Refusal`] when they cannot be read.
pub fn tried(vault: &Vault, slot: &str, word: &str, guest: &Principal, salt: [u8; 16]) -> Result<Tried, Refusal> {
    let damaged = |_| Refusal::new(ResultReason::GeneralFailure, "the guest's tries cannot be read");
    let row = vault.setting(&setting(slot, word, guest))?;
    let tried: Option<Tried> = row.map(|row| serde_json::from_slice(row.reveal()).map_err(damaged)).transpose()?;
    Ok(tried.filter(|tried| tried.salt == salt).unwrap_or(Tried { salt, ..Tried::default() }))
}

/// Puts a guest's tries into a change.
///
/// # Errors
/// [`Refusal`] when they cannot be written.
pub fn count(change: &mut Change, slot: &str, word: &str, guest: &Principal, tried: Tried) -> Result<(), Refusal> {
    let failed = |_| Refusal::new(ResultReason::GeneralFailure, "the guest's tries cannot be written");
    let row = match tried.tries {
        0 => None,
        _ => Some(Secret::new(serde_json::to_vec(&tried).map_err(failed)?)),
    };
    change.put_setting(&setting(slot, word, guest), row);
    Ok(())
}

/// What the settings with guests' tries of a slot's PINs begin with.
pub fn settings(slot: &str) -> String {
    format!("guest/{slot}/")
}

/// The setting that holds a guest's tries of a PIN.
fn setting(slot: &str, word: &str, guest: &Principal) -> String {
    format!("{}{word}/{guest}", settings(slot))
}

/// The shortest and longest PIN, in bytes; PKCS#11 tools ask for both.
pub const SHORTEST: usize = 4;
/// See [`SHORTEST`].
pub const LONGEST: usize = 255;
/// So many locks are kept before those that nobody holds are forgotten.
const MOST: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_a_token_or_a_guest_of_somebody_elses() {
        let (pins, alice, bob) = (Pins::default(), "client:alice".parse().unwrap(), "client:bob".parse().unwrap());
        let (token, guest) = (pins.of("dev"), pins.of_guest("dev", &alice));
        let _held = (token.lock().unwrap(), guest.lock().unwrap());
        assert!(pins.of("dev").try_lock().is_err() && pins.of_guest("dev", &alice).try_lock().is_err());
        for (name, other) in [
            ("another token", pins.of("other")),
            ("another guest", pins.of_guest("dev", &bob)),
            ("a guest of another token", pins.of_guest("other", &alice)),
        ] {
            assert!(other.try_lock().is_ok(), "{name}");
        }
    }

    #[test]
    fn locks_that_nobody_holds_are_forgotten_and_those_that_are_held_are_not() {
        let pins = Pins::default();
        let held = pins.of("held");
        (0..=MOST).for_each(|number| drop(pins.of(&number.to_string())));
        assert!(pins.locks.lock().unwrap().len() < MOST);
        assert!(Arc::ptr_eq(&held, &pins.of("held")));
    }
}
