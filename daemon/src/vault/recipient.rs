//! Sealing for somebody whose key is elsewhere, as backups are for those who hold recovery shares, and the root key is for
//! each way to unseal.
//!
//! Whoever seals knows a public key (X25519) and 32 secret bytes, both made out of the key that opens. To open what was
//! sealed takes that key, or else the secret bytes *and* a break of X25519: neither a copy of the disk nor somebody who
//! once read the memory of the daemon is enough, even where such a break exists.

use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::{
    cipher::{self, KEY, expand},
    error::Error,
};
use crate::chance::{self, Chance};

/// For whom something is sealed.
#[derive(Debug)]
pub struct Recipient {
    public: [u8; KEY],
    shared: Secret,
}

impl Recipient {
    /// The recipient whose key this is.
    ///
    /// # Errors
    /// [`Error::Broken`] for a key that is not 32 bytes long.
    pub fn of(key: &Secret) -> Result<Self, Error> {
        let public = public(&private(key)?)?;
        Ok(Self { public, shared: shared(key)? })
    }

    /// The recipient of these parts.
    pub fn new(public: [u8; KEY], shared: Secret) -> Self {
        Self { public, shared }
    }

    /// The public key, which may be kept in the open.
    pub fn public(&self) -> &[u8; KEY] {
        &self.public
    }

    /// The secret bytes, which the vault keeps.
    pub fn shared(&self) -> &Secret {
        &self.shared
    }

    /// Seals bytes, together with what they belong to.
    ///
    /// # Errors
    /// [`Error`] when there is no randomness or the engine fails.
    pub fn seal(&self, with: &[u8], plain: &[u8], chance: &dyn Chance) -> Result<Vec<u8>, Error> {
        let ephemeral = Secret::copy_of(&*Zeroizing::new(chance::array::<KEY>(chance)?));
        let ephemeral = PrivateKey::from_private_key(&X25519, ephemeral.reveal()).map_err(|_| BROKEN)?;
        let sender = public(&ephemeral)?;
        let key = between(&ephemeral, &self.public, &sender, &self.public, &self.shared)?;
        Ok([&sender[..], &cipher::shut(&key, with, plain, chance)?].concat())
    }
}

/// Opens what was sealed for the recipient whose key this is.
///
/// # Errors
/// [`Error::WrongKey`] when it was sealed for another, belongs to something else, or was changed since.
pub fn open(key: &Secret, with: &[u8], sealed: &[u8]) -> Result<Secret, Error> {
    let (sender, sealed) = sealed.split_first_chunk::<KEY>().ok_or(Error::WrongKey)?;
    let own = private(key)?;
    let key = between(&own, sender, sender, &public(&own)?, &shared(key)?)?;
    cipher::open(&key, with, sealed)
}

/// The key of one message.
fn between(
    own: &PrivateKey,
    peer: &[u8; KEY],
    sender: &[u8; KEY],
    receiver: &[u8; KEY],
    shared: &Secret,
) -> Result<Zeroizing<[u8; KEY]>, Error> {
    // A point of small order is refused by the engine.
    agree(own, UnparsedPublicKey::new(&X25519, peer), Error::WrongKey, |secret| {
        let both = Zeroizing::new([secret, shared.reveal()].concat());
        expand(&both, &[b"strongroom recipient 1", sender, receiver])
    })
}

fn private(key: &Secret) -> Result<PrivateKey, Error> {
    if key.len() != KEY {
        return Err(BROKEN);
    }
    let bytes = expand(key.reveal(), &[b"strongroom recipient", b"agreement"])?;
    PrivateKey::from_private_key(&X25519, &*bytes).map_err(|_| BROKEN)
}

fn public(private: &PrivateKey) -> Result<[u8; KEY], Error> {
    let key = private.compute_public_key().map_err(|_| BROKEN)?;
    key.as_ref().try_into().map_err(|_| BROKEN)
}

fn shared(key: &Secret) -> Result<Secret, Error> {
    Ok(Secret::copy_of(&*expand(key.reveal(), &[b"strongroom recipient", b"shared"])?))
}

const BROKEN: Error = Error::Broken("agreeing on a key");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::tests::Dice;

    fn key(byte: u8) -> Secret {
        Secret::new(vec![byte; KEY])
    }

    #[test]
    fn what_is_sealed_opens_with_the_key_alone() {
        let recipient = Recipient::of(&key(1)).unwrap();
        let sealed = recipient.seal(b"backup", b"plain", &Dice::new(1)).unwrap();
        assert_eq!(open(&key(1), b"backup", &sealed).unwrap().reveal(), b"plain");
        let stranger = Recipient::new(*recipient.public(), key(9)).seal(b"backup", b"plain", &Dice::new(1)).unwrap();
        for (name, key, with, sealed) in [
            ("another key", key(2), &b"backup"[..], &sealed),
            ("another place", key(1), b"restore", &sealed),
            ("a stranger who knows the public key alone", key(1), b"backup", &stranger),
        ] {
            assert!(matches!(open(&key, with, sealed), Err(Error::WrongKey)), "{name}");
        }
        assert!(matches!(open(&Secret::new(vec![1; 31]), b"backup", &sealed), Err(Error::Broken(_))));
    }

    #[test]
    fn every_flipped_byte_and_every_cut_is_seen() {
        let sealed = Recipient::of(&key(1)).unwrap().seal(b"", b"plain", &Dice::new(1)).unwrap();
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert!(matches!(open(&key(1), b"", &bad), Err(Error::WrongKey)), "byte {at} flipped");
            assert!(matches!(open(&key(1), b"", &sealed[..at]), Err(Error::WrongKey)), "cut at {at}");
        }
    }

    #[test]
    fn two_seals_of_the_same_bytes_share_nothing() {
        let (recipient, dice) = (Recipient::of(&key(1)).unwrap(), Dice::new(1));
        let (one, other) =
            (recipient.seal(b"", b"plain", &dice).unwrap(), recipient.seal(b"", b"plain", &dice).unwrap());
        assert!(one.chunks(8).zip(other.chunks(8)).all(|(one, other)| one != other));
    }
}
