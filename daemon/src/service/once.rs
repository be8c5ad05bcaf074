//! Passwords that fit once: hashed with the time, and those of the moment.

use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac,
};
use serde::{Deserialize, Serialize};
use strongroom_kmip::{code::HashingAlgorithm, message::HashedPassword, secret::Secret};
use zeroize::Zeroizing;

use crate::clock::Time;

/// The two digests of which a hashed password is made (KMIP 2.1 §9.11). Whoever has them can make one, so they are kept
/// only where the operator wants hashed passwords.
#[derive(Serialize, Deserialize)]
pub struct Halves {
    #[serde(with = "hidden")]
    first: Secret,
    #[serde(with = "hidden")]
    second: Secret,
    /// The last time stamp that was accepted, in microseconds since 1970.
    last: i64,
}

/// The key of one-time passwords by the clock (RFC 6238).
#[derive(Serialize, Deserialize)]
pub struct OneTime {
    #[serde(with = "hidden")]
    key: Secret,
    /// The last step whose password was accepted.
    last: i64,
}

impl Halves {
    /// The digests of a name and its password.
    pub fn new(name: &str, password: &Secret) -> Self {
        let both = |first: &[u8], second: &[u8]| {
            let mut text = Zeroizing::new(Vec::with_capacity(first.len().saturating_add(second.len())));
            text.extend_from_slice(first);
            text.extend_from_slice(second);
            Secret::copy_of(digest(&SHA256, &text).as_ref())
        };
        let (name, password) = (name.as_bytes(), password.reveal());
        Self { first: both(name, password), second: both(password, name), last: 0 }
    }

    /// What stands for a name that is not registered, so that it takes as long; nobody is believed by it.
    pub fn nobodys() -> Self {
        let nothing = || Secret::copy_of(&[0; 32]);
        Self { first: nothing(), second: nothing(), last: 0 }
    }

    /// Whether a hashed password fits; it never fits again.
    pub fn accept(&mut self, shown: &HashedPassword, now: Time) -> bool {
        let stamp = shown.time_stamp.0;
        let age = now.0.saturating_mul(1000).saturating_sub(stamp);
        let algorithm = shown.hashing_algorithm.unwrap_or(HashingAlgorithm::SHA_256);
        let fits = shown.hashed_password.same_as(&self.at(stamp));
        let fresh = stamp > self.last && age.saturating_abs() <= SKEW;
        if !(fits && fresh && algorithm == HashingAlgorithm::SHA_256) {
            return false;
        }
        self.last = stamp;
        true
    }

    /// What shows a client whose hashed password of this time stamp was accepted that the server knows the password too
    /// (KMIP 2.1 §8.5 Server Hashed Password): Hash(time stamp || S1 || Hash(S2)), the time stamp as it is encoded.
    pub fn proof(&self, stamp: i64) -> Vec<u8> {
        let mut text = Zeroizing::new(Vec::with_capacity(72));
        text.extend_from_slice(&stamp.to_be_bytes());
        text.extend_from_slice(self.first.reveal());
        text.extend_from_slice(digest(&SHA256, self.second.reveal()).as_ref());
        digest(&SHA256, &text).as_ref().to_vec()
    }

    /// Hash(S1 || time stamp) || S2, the time stamp as it is encoded.
    fn at(&self, stamp: i64) -> Zeroizing<Vec<u8>> {
        let mut text = Zeroizing::new(Vec::with_capacity(40));
        text.extend_from_slice(self.first.reveal());
        text.extend_from_slice(&stamp.to_be_bytes());
        let mut hashed = Zeroizing::new(Vec::with_capacity(64));
        hashed.extend_from_slice(digest(&SHA256, &text).as_ref());
        hashed.extend_from_slice(self.second.reveal());
        hashed
    }
}

impl OneTime {
    /// One-time passwords of this key.
    pub fn new(key: Secret) -> Self {
        Self { key, last: 0 }
    }

    /// What stands for a name that is not registered, so that it takes as long; nobody is believed by it.
    pub fn nobodys() -> Self {
        Self::new(Secret::copy_of(&[0; 20]))
    }

    /// Whether a one-time password fits; it never fits again.
    pub fn accept(&mut self, shown: &Secret, now: Time) -> bool {
        let step = now.seconds().div_euclid(STEP);
        let near = [step, step.saturating_sub(1), step.saturating_add(1)];
        let fits = |step: &i64| *step > self.last && shown.same_as(password_of(&self.key, *step).as_bytes());
        match near.into_iter().find(fits) {
            Some(step) => {
                self.last = step;
                true
            }
            None => false,
        }
    }
}

/// The password of one step: six digits (RFC 4226 §5.3, RFC 6238).
fn password_of(key: &Secret, step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.reveal());
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let offset = tag.as_ref().last().map_or(0, |last| usize::from(last & 15));
    let four = tag.as_ref().get(offset..).and_then(<[u8]>::first_chunk::<4>).copied().unwrap_or_default();
    format!("{:06}", (u32::from_be_bytes(four) & 0x7FFF_FFFF) % 1_000_000)
}

/// How secrets stand in a sealed row.
mod hidden {
    use serde::{Deserialize, Deserializer, Serializer};
    use strongroom_kmip::secret::Secret;

    pub(super) fn serialize<S: Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(secret.reveal())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        Vec::<u8>::deserialize(from).map(Secret::new)
    }
}

/// How far a client's clock may be from ours, in microseconds.
const SKEW: i64 = 300_000_000;
/// How many seconds a password of the moment lasts (RFC 6238 §5.2).
const STEP: i64 = 30;

#[cfg(test)]
mod tests {
    use strongroom_kmip::ttlv::DateTimeExtended;

    use super::*;

    const NOON: Time = Time(1_000_000_000_000);

    fn text(text: &str) -> Secret {
        Secret::copy_of(text.as_bytes())
    }

    #[test]
    fn a_one_time_password_is_the_one_of_rfc_6238_and_fits_once() {
        let key = text("12345678901234567890");
        for (time, expected) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(password_of(&key, time / STEP), expected, "at {time}");
        }
        let shown = password_of(&key, NOON.seconds() / STEP);
        let mut own = OneTime::new(key);
        assert!(!own.accept(&text(&shown), Time(NOON.0 + 61_000)), "too late");
        assert!(own.accept(&text(&shown), Time(NOON.0 + 30_000)), "a clock that is a little slow");
        assert!(!own.accept(&text(&shown), NOON), "a second time");
    }

    #[test]
    fn a_hashed_password_fits_once_and_only_while_it_is_fresh() {
        let made = Halves::new("ada", &text("lovelace"));
        let at = |stamp: i64| HashedPassword {
            username: "ada".to_owned(),
            time_stamp: DateTimeExtended(stamp),
            hashing_algorithm: None,
            hashed_password: Secret::copy_of(&made.at(stamp)),
        };
        let mut own = Halves::new("ada", &text("lovelace"));
        let now = NOON.0 * 1000;
        assert!(!own.accept(&at(now - SKEW - 1), NOON), "old");
        assert!(!own.accept(&at(now + SKEW + 1), NOON), "from the future");
        let sha_512 = HashedPassword { hashing_algorithm: Some(HashingAlgorithm::SHA_512), ..at(now) };
        assert!(!own.accept(&sha_512, NOON), "another algorithm");
        let moved = HashedPassword { time_stamp: DateTimeExtended(now + 1), ..at(now) };
        assert!(!own.accept(&moved, NOON), "another time than was hashed");
        assert!(own.accept(&at(now), NOON));
        assert!(!own.accept(&at(now), NOON), "a second time");
        let hash = |text: &[u8]| digest(&SHA256, text).as_ref().to_vec();
        let (first, second) = (hash(b"adalovelace"), hash(b"lovelaceada"));
        let proof = hash(&[&now.to_be_bytes()[..], &first, &hash(&second)].concat());
        assert_eq!(own.proof(now), proof);
        assert!(!own.accept(&at(now - 1), NOON), "time that runs back");
    }
}
