//! What has to be entered to unseal, one kind per variant, and how it becomes bytes of a key.

use argon2::{Algorithm, Argon2, Params};
use serde::{Deserialize, Serialize};
use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::{
    cipher::{KEY, expand},
    error::Error,
};
use crate::{
    clock::Clock,
    sharing::{Label, Roster, Share},
};

/// What is entered at unseal.
#[derive(Debug)]
pub enum Key {
    /// A passphrase that a person remembers.
    Passphrase(Secret),
    /// The bytes of a key file, as systemd hands over in a credential; at least 32.
    File(Secret),
    /// One of several shares.
    Share(Share),
    /// Whatever slots open by themselves.
    Slots,
}

/// What a new way to unseal is to take.
#[derive(Debug)]
pub enum Wanted {
    /// A passphrase.
    Passphrase(Secret),
    /// A key file.
    File(Secret),
    /// So many of the shares of these holders.
    Shares {
        /// How many.
        threshold: u8,
        /// Who holds them.
        labels: Vec<Label>,
    },
    /// A key that is made in the slot of this name and never leaves it.
    Slot(String),
}

/// What has to be entered, with what is recorded of it. It stands in the store in the open.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Factor {
    /// A passphrase, by Argon2id, version 0x13, one lane.
    Passphrase { salt: [u8; 16], memory_kib: u32, passes: u32 },
    /// A key file, by HKDF-SHA256. A file has full entropy, so that a check value tells nothing of it.
    File { salt: [u8; 16], check: [u8; 16] },
    /// Shares of a key.
    Shares(Roster),
    /// A secret that a key in a slot has encrypted.
    Slot {
        slot: String,
        /// What the slot knows the key by.
        held: Vec<u8>,
        way: Cipher,
        iv: Vec<u8>,
        encrypted: Vec<u8>,
        check: [u8; 16],
    },
}

/// How a key in a slot encrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Cipher {
    /// AES-256-GCM.
    Gcm,
    /// AES-256-CBC with PKCS#7 padding, for tokens that have no other.
    Cbc,
}

impl Factor {
    /// The word for it.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Passphrase { .. } => "passphrase",
            Self::File { .. } => "key file",
            Self::Shares(_) => "shares",
            Self::Slot { .. } => "slot",
        }
    }

    /// A passphrase, at a price.
    ///
    /// # Errors
    /// [`Error::Broken`] for an empty one.
    pub(super) fn passphrase(phrase: &Secret, salt: [u8; 16], price: Price) -> Result<(Self, Secret), Error> {
        if phrase.is_empty() {
            return Err(Error::Broken("sealing with an empty passphrase"));
        }
        let Price { memory_kib, passes } = price;
        Ok((Self::Passphrase { salt, memory_kib, passes }, stretch(phrase, &salt, price)?))
    }

    /// A key file.
    ///
    /// # Errors
    /// [`Error::Broken`] for one of fewer than 32 bytes.
    pub(super) fn file(bytes: &Secret, salt: [u8; 16]) -> Result<(Self, Secret), Error> {
        if bytes.len() < KEY {
            return Err(Error::Broken("sealing with a key file of fewer than 32 bytes"));
        }
        let output = file(bytes, &salt)?;
        let check = check(&output)?;
        Ok((Self::File { salt, check }, output))
    }
}

/// The bytes of a key file for a salt.
///
/// # Errors
/// [`Error::WrongKey`] for a file that no vault is sealed with.
pub(super) fn file(bytes: &Secret, salt: &[u8; 16]) -> Result<Secret, Error> {
    if bytes.len() < KEY {
        return Err(Error::WrongKey);
    }
    Ok(Secret::copy_of(&*expand(bytes.reveal(), &[b"key file", salt])?))
}

/// What tells a true secret of full entropy from another, and nothing else.
///
/// # Errors
/// As for [`expand`].
pub(super) fn check(secret: &Secret) -> Result<[u8; 16], Error> {
    let bytes = expand(secret.reveal(), &[b"check"])?;
    let (check, _) = bytes.split_first_chunk::<16>().ok_or(Error::Broken("checking"))?;
    Ok(*check)
}

/// What Argon2id costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Price {
    pub(super) memory_kib: u32,
    pub(super) passes: u32,
}

/// The bytes of a passphrase.
///
/// # Errors
/// [`Error::Damaged`] for a price that was not made here: it would take the machine's memory, or its time.
pub(super) fn stretch(phrase: &Secret, salt: &[u8; 16], price: Price) -> Result<Secret, Error> {
    let Price { memory_kib, passes } = price;
    let honest = (LEAST_KIB..=MOST_KIB).contains(&memory_kib) && (LEAST_PASSES..=MOST_PASSES).contains(&passes);
    if !honest {
        return Err(Error::Damaged("setting/seal".to_owned()));
    }
    let params = Params::new(memory_kib, passes, 1, Some(KEY)).map_err(|_| Error::Broken("Argon2id"))?;
    let mut key = Zeroizing::new([0; KEY]);
    Argon2::new(Algorithm::Argon2id, argon2::Version::V0x13, params)
        .hash_password_into(phrase.reveal(), salt, &mut *key)
        .map_err(|_| Error::Broken("Argon2id"))?;
    Ok(Secret::copy_of(&*key))
}

/// What this machine can pay in about half a second: more passes on a faster one, then more memory. On a clock that stands
/// still, the least.
///
/// # Errors
/// As for [`stretch`].
pub(super) fn tune(clock: &dyn Clock) -> Result<Price, Error> {
    let trial = Price { memory_kib: LEAST_KIB, passes: LEAST_PASSES };
    let began = clock.now().0;
    stretch(&Secret::copy_of(b"trial"), &[0; 16], trial)?;
    Ok(price(clock.now().0.saturating_sub(began)))
}

/// The price where the least takes so many milliseconds.
fn price(taken: i64) -> Price {
    let least = Price { memory_kib: LEAST_KIB, passes: LEAST_PASSES };
    let Ok(taken) = u32::try_from(taken) else { return least };
    let Some(times) = TARGET.checked_div(taken) else { return least };
    let passes = LEAST_PASSES.saturating_mul(times).clamp(LEAST_PASSES, FIRST_PASSES);
    let memory_kib = match LEAST_PASSES.saturating_mul(times) / FIRST_PASSES {
        0..=1 => LEAST_KIB,
        2..=3 => 2 * LEAST_KIB,
        _ => 4 * LEAST_KIB,
    };
    Price { memory_kib, passes }
}

/// 64 MiB and three passes: RFC 9106's second recommendation.
const LEAST_KIB: u32 = 64 << 10;
const LEAST_PASSES: u32 = 3;
/// Passes that are made before more memory is taken.
const FIRST_PASSES: u32 = 6;
/// A seal that asks for more than this was not made here: four times what the fastest machine gets.
const MOST_KIB: u32 = 1 << 20;
const MOST_PASSES: u32 = 16;
/// Milliseconds that an operator waits without asking why.
const TARGET: u32 = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{StillClock, Time};

    #[test]
    fn a_fast_machine_pays_more_and_no_machine_pays_less_than_the_least() {
        for (name, taken, memory, passes) in [
            ("a clock that stands still", 0, 64, 3),
            ("a clock that was set back", -5, 64, 3),
            ("a slow machine", 4000, 64, 3),
            ("a usual one", 250, 64, 6),
            ("a fast one", 120, 128, 6),
            ("a very fast one", 10, 256, 6),
            ("for ever", i64::MAX, 64, 3),
        ] {
            assert_eq!(price(taken), Price { memory_kib: memory << 10, passes }, "{name}");
        }
        let still = StillClock::at(Time(0));
        assert_eq!(tune(&still).unwrap(), price(0));
    }

    #[test]
    fn a_hostile_price_is_refused_before_it_is_paid() {
        for (name, memory_kib, passes) in [
            ("all memory", u32::MAX, 3),
            ("a little too much memory", MOST_KIB + 1, 3),
            ("all time", LEAST_KIB, u32::MAX),
            ("nothing", 0, 0),
            ("next to nothing", 8, 1),
        ] {
            let refused = stretch(&Secret::copy_of(b"x"), &[0; 16], Price { memory_kib, passes });
            assert!(matches!(refused, Err(Error::Damaged(_))), "{name}");
        }
    }

    #[test]
    fn a_file_is_told_from_another_by_its_check() {
        let (factor, output) = Factor::file(&Secret::new(vec![1; 32]), [3; 16]).unwrap();
        let Factor::File { salt, check: known } = factor else { panic!("{factor:?}") };
        assert!(file(&Secret::new(vec![1; 32]), &salt).unwrap().same_as(output.reveal()));
        assert_ne!(check(&file(&Secret::new(vec![2; 32]), &salt).unwrap()).unwrap(), known);
        assert!(matches!(file(&Secret::new(vec![1; 31]), &salt), Err(Error::WrongKey)));
        assert!(Factor::file(&Secret::new(vec![1; 31]), salt).is_err());
        assert!(Factor::passphrase(&Secret::new(Vec::new()), salt, price(0)).is_err());
    }
}
