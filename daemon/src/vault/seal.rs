//! The seal: root key, subkeys, and the sealing of one row.
//!
//! What is entered at unseal becomes a key-encryption key, which opens the root key, from which HKDF makes a subkey
//! for each use and a key for each row. A row is sealed with AES-256-GCM; table, key, part and generation are
//! authenticated with it, so rows cannot be swapped or put back one by one.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, KeyType, Prk},
};
use serde::{Deserialize, Serialize};
use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::error::Error;
use crate::{
    chance::{self, Chance},
    memory::Locked,
};

/// Where a sealed row belongs; it opens nowhere else.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The row's key.
    pub key: &'a str,
    /// Which part of the row.
    pub part: &'a str,
    /// The row's generation.
    pub generation: u64,
}

impl<'a> Place<'a> {
    /// The place of a setting.
    pub fn setting(name: &'a str) -> Self {
        Self { table: "setting", key: name, part: "setting", generation: 0 }
    }

    /// The place in bytes: each text behind its length, so no two places read alike.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(96);
        for text in [self.table, self.key, self.part] {
            bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(&self.generation.to_be_bytes());
        bytes
    }
}

/// Seals and opens rows, with one subkey of the root key. Cloning shares it.
#[derive(Clone)]
pub struct Sealer {
    key: Arc<Locked>,
    chance: Arc<dyn Chance>,
}

impl Sealer {
    /// Seals bytes for a place.
    ///
    /// # Errors
    /// [`Error`] when the random source or the cipher fails.
    pub fn close(&self, place: &Place<'_>, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let place = place.bytes();
        let nonce: [u8; NONCE_LEN] = chance::array(&*self.chance)?;
        let mut row = Vec::with_capacity(1 + NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        row.push(FORMAT);
        row.extend_from_slice(&nonce);
        let mut body = Zeroizing::new(Vec::with_capacity(plain.len() + AES_256_GCM.tag_len()));
        body.extend_from_slice(plain);
        self.row_key(&place)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&place), &mut *body)
            .map_err(|_| Error::Broken("sealing"))?;
        row.extend_from_slice(&body);
        Ok(row)
    }

    /// Opens what was sealed for the place.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it was sealed for another place, by another key, or changed since.
    pub fn open(&self, place: &Place<'_>, row: &[u8]) -> Result<Secret, Error> {
        let damaged = || Error::Damaged(format!("{}/{}", place.table, place.key));
        let bytes = place.bytes();
        let (format, rest) = row.split_first().ok_or_else(damaged)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(damaged)?;
        if *format != FORMAT {
            return Err(damaged());
        }
        let mut body = Zeroizing::new(sealed.to_vec());
        let plain = self
            .row_key(&bytes)?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(&bytes), &mut body)
            .map_err(|_| damaged())?;
        Ok(Secret::copy_of(plain))
    }

    /// A key of its own for every row, so that no two rows share a nonce's risk.
    fn row_key(&self, place: &[u8]) -> Result<LessSafeKey, Error> {
        aead_key(&*expand(self.key.reveal(), &[b"row", place])?)
    }
}

/// The root key in locked memory. It never leaves; subkeys are made from it.
pub struct Root {
    key: Locked,
}

impl Root {
    /// A new root key.
    ///
    /// # Errors
    /// [`Error`] when there is no randomness or no lockable memory.
    pub fn new(chance: &dyn Chance) -> Result<Self, Error> {
        let bytes = Zeroizing::new(chance::array::<KEY>(chance)?);
        Self::from_bytes(&bytes)
    }

    fn from_bytes(bytes: &[u8; KEY]) -> Result<Self, Error> {
        Ok(Self { key: locked(bytes)? })
    }

    /// The sealer for one use: `store`, `audit`, `backup`, `redaction`.
    ///
    /// # Errors
    /// [`Error`] when there is no lockable memory.
    pub fn sealer(&self, purpose: &'static str, chance: &Arc<dyn Chance>) -> Result<Sealer, Error> {
        let bytes = expand(self.key.reveal(), &[b"strongroom", purpose.as_bytes()])?;
        Ok(Sealer { key: Arc::new(locked(&bytes)?), chance: Arc::clone(chance) })
    }
}

/// What is entered at unseal.
pub enum Key {
    /// A passphrase that a person remembers.
    Passphrase(Secret),
    /// The bytes of a key file, as systemd hands over in a credential; at least 32.
    File(Secret),
}

/// The root key, wrapped so that one passphrase or key file opens it. It stands in the store in the open.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    way: Way,
    salt: [u8; 16],
    nonce: [u8; NONCE_LEN],
    wrapped: Vec<u8>,
}

/// How what was entered becomes a key-encryption key, with what it cost when the envelope was made.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Way {
    /// Argon2id, version 0x13, one lane.
    Passphrase { memory_kib: u32, passes: u32 },
    /// HKDF-SHA256.
    File,
}

impl Envelope {
    /// Wraps the root key.
    ///
    /// # Errors
    /// [`Error::Broken`] for a key file of fewer than 32 bytes or an empty passphrase.
    pub fn close(root: &Root, key: &Key, chance: &dyn Chance) -> Result<Self, Error> {
        let way = match key {
            Key::Passphrase(_) => Way::Passphrase { memory_kib: MEMORY_KIB, passes: PASSES },
            Key::File(_) => Way::File,
        };
        let (salt, nonce) = (chance::array(chance)?, chance::array(chance)?);
        let kek = way.stretch(key, &salt)?;
        let mut wrapped = Zeroizing::new(root.key.reveal().to_vec());
        aead_key(&*kek)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(ENVELOPE), &mut *wrapped)
            .map_err(|_| Error::Broken("wrapping the root key"))?;
        Ok(Self { way, salt, nonce, wrapped: wrapped.to_vec() })
    }

    /// Opens the root key.
    ///
    /// # Errors
    /// [`Error::WrongKey`] when what was entered is not what it was wrapped with.
    pub fn open(&self, key: &Key) -> Result<Root, Error> {
        let kek = self.way.stretch(key, &self.salt)?;
        let mut bytes = Zeroizing::new(self.wrapped.clone());
        let root = aead_key(&*kek)?
            .open_in_place(Nonce::assume_unique_for_key(self.nonce), Aad::from(ENVELOPE), &mut bytes)
            .map_err(|_| Error::WrongKey)?;
        let root: &[u8; KEY] = (&*root).try_into().map_err(|_| Error::WrongKey)?;
        Root::from_bytes(root)
    }
}

impl Way {
    fn stretch(self, key: &Key, salt: &[u8; 16]) -> Result<Zeroizing<[u8; KEY]>, Error> {
        match (self, key) {
            (Self::Passphrase { memory_kib, passes }, Key::Passphrase(phrase)) if !phrase.is_empty() => {
                if memory_kib > MOST_MEMORY_KIB || passes > MOST_PASSES {
                    return Err(Error::Damaged("setting/seal".to_owned()));
                }
                let params = Params::new(memory_kib, passes, 1, Some(KEY)).map_err(|_| Error::WrongKey)?;
                let mut kek = Zeroizing::new([0; KEY]);
                Argon2::new(Algorithm::Argon2id, argon2::Version::V0x13, params)
                    .hash_password_into(phrase.reveal(), salt, &mut *kek)
                    .map_err(|_| Error::Broken("Argon2id"))?;
                Ok(kek)
            }
            (Self::File, Key::File(bytes)) if bytes.len() >= KEY => expand(bytes.reveal(), &[b"key file", salt]),
            _ => Err(Error::WrongKey),
        }
    }
}

fn locked(bytes: &[u8; KEY]) -> Result<Locked, Error> {
    Locked::new(KEY, |place| place.copy_from_slice(bytes)).map_err(|_| Error::Broken("locking memory for a key"))
}

fn expand(key: &[u8], info: &[&[u8]]) -> Result<Zeroizing<[u8; KEY]>, Error> {
    let mut bytes = Zeroizing::new([0; KEY]);
    // A key of full entropy needs no extract step (RFC 5869 §3.3); a key file may be longer and gets one.
    let prk = aws_lc_rs::hkdf::Salt::new(HKDF_SHA256, &[]).extract(key);
    fill(&prk, info, &mut bytes)?;
    Ok(bytes)
}

fn fill(prk: &Prk, info: &[&[u8]], bytes: &mut [u8; KEY]) -> Result<(), Error> {
    prk.expand(info, Length).and_then(|okm| okm.fill(bytes)).map_err(|_| Error::Broken("HKDF"))
}

fn aead_key(bytes: &[u8]) -> Result<LessSafeKey, Error> {
    UnboundKey::new(&AES_256_GCM, bytes).map(LessSafeKey::new).map_err(|_| Error::Broken("AES-256-GCM"))
}

/// How many bytes HKDF is asked for.
struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        KEY
    }
}

/// Bytes of every key here.
const KEY: usize = 32;
/// The first byte of a sealed row.
const FORMAT: u8 = 1;
/// What the envelope's wrapping authenticates.
const ENVELOPE: &[u8] = b"strongroom root key v1";
/// 64 MiB and three passes take about a fifth of a second: RFC 9106's second recommendation.
const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;
/// An envelope that asks for more than this was not made here.
const MOST_MEMORY_KIB: u32 = 1 << 20;
const MOST_PASSES: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::tests::Dice;

    fn sealer() -> Sealer {
        let chance: Arc<dyn Chance> = Arc::new(Dice::new(1));
        Root::new(&*chance).unwrap().sealer("store", &chance).unwrap()
    }

    const PLACE: Place<'static> = Place { table: "object", key: "a", part: "meta", generation: 7 };

    #[test]
    fn a_row_opens_only_where_it_was_sealed_for() {
        let sealer = sealer();
        let row = sealer.close(&PLACE, b"plain").unwrap();
        assert_eq!(sealer.open(&PLACE, &row).unwrap().reveal(), b"plain");
        for (why, place) in [
            ("another table", Place { table: "client", ..PLACE }),
            ("another row", Place { key: "b", ..PLACE }),
            ("another part", Place { part: "key", ..PLACE }),
            ("an older generation", Place { generation: 6, ..PLACE }),
            ("texts that run together", Place { table: "objecta", key: "", ..PLACE }),
        ] {
            assert!(matches!(sealer.open(&place, &row), Err(Error::Damaged(_))), "{why}");
        }
    }

    #[test]
    fn every_flipped_byte_and_every_cut_is_seen() {
        let sealer = sealer();
        let row = sealer.close(&PLACE, b"plain").unwrap();
        for at in 0..row.len() {
            let mut bad = row.clone();
            bad[at] ^= 1;
            assert!(sealer.open(&PLACE, &bad).is_err(), "byte {at} flipped");
            assert!(sealer.open(&PLACE, &row[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn an_envelope_opens_with_what_it_was_closed_with_and_nothing_else() {
        let dice = Dice::new(2);
        let root = Root::new(&dice).unwrap();
        let phrase = |text: &str| Key::Passphrase(Secret::copy_of(text.as_bytes()));
        let file = |byte: u8| Key::File(Secret::new(vec![byte; 32]));
        let by_phrase = Envelope::close(&root, &phrase("correct horse"), &dice).unwrap();
        let by_file = Envelope::close(&root, &file(1), &dice).unwrap();
        assert_eq!(by_phrase.open(&phrase("correct horse")).unwrap().key.reveal(), root.key.reveal());
        assert_eq!(by_file.open(&file(1)).unwrap().key.reveal(), root.key.reveal());
        for (why, envelope, key) in [
            ("another passphrase", &by_phrase, phrase("correct horse ")),
            ("nothing", &by_phrase, phrase("")),
            ("a file for a passphrase", &by_phrase, file(1)),
            ("another file", &by_file, file(2)),
            ("a short file", &by_file, Key::File(Secret::new(vec![1; 31]))),
        ] {
            assert!(matches!(envelope.open(&key), Err(Error::WrongKey)), "{why}");
        }
    }
}
